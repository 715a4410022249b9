"""A conversation of the OpenAI Agents SDK that lasts, is recalled with everything else, and is erased. Run it:

pip install 'memoria-runtime[openai-agents]'
python examples/openai_session.py
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from agents import Agent, Runner, set_tracing_disabled
from agents.testing import ScriptedModel
from openai.types.responses import ResponseOutputMessage, ResponseOutputText

import memoria
from memoria.integrations.openai_agents import MemoriaSession
from memoria.testing import HashEmbedder


def says(text: str) -> ResponseOutputMessage:
    """What the scripted model answers; a real one goes in its place."""
    content = ResponseOutputText(text=text, type="output_text", annotations=[], logprobs=[])
    return ResponseOutputMessage(id="m", type="message", role="assistant", content=[content], status="completed")


async def run(folder: Path) -> dict[str, Any]:
    """How many items there are after a run, what recall finds, and the needles that stand in the files in the end."""
    set_tracing_disabled(True)
    model = ScriptedModel()
    agent = Agent(name="assistant", model=model)
    with memoria.open(folder / "agent.memoria", embedder=HashEmbedder()) as memory:
        session = MemoriaSession("ada", memory)
        model.enqueue([says("Noted: no sugar.")])
        await Runner.run(agent, "I take my tea without sugar.", session=session)
        items = len(await session.get_items())
        found = memory.recall("tea", k=1)[0].memory.text
        await session.clear_session()
        return {"items": items, "recalled": found, "residue": len(memory.scan("I take my tea without sugar.").found)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name, value in asyncio.run(run(Path(folder))).items():
            print(f"{name:10} {value}")  # noqa: T201 - an example

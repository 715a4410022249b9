"""A pydantic-ai agent that remembers in one run and knows in the next. Run it:

pip install 'memoria-runtime[pydantic-ai]'
python examples/pydantic_ai_memory.py
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

import memoria
from memoria.integrations.pydantic_ai import MemoryCapability
from memoria.testing import HashEmbedder


def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Stands for a real model: remembers what it is told once, and then answers from what it is given."""
    if len(messages) == 1 and "sugar" not in (info.instructions or ""):
        return ModelResponse(parts=[ToolCallPart("remember", {"text": "Ada takes her tea without sugar."})])
    known = [line for line in (info.instructions or "").splitlines() if "sugar" in line]
    return ModelResponse(parts=[TextPart(known[0].split(": ", 1)[1] if known else "Noted.")])


async def run(folder: Path) -> dict[str, str]:
    """What the agent answers in two runs that share nothing but the memory."""
    with memoria.open(folder / "agent.memoria", embedder=HashEmbedder()) as memory:
        agent = Agent(
            FunctionModel(model), capabilities=[MemoryCapability(memory.namespace("ada"), allow={"remember"})]
        )
        first = await agent.run("I take my tea without sugar.")
        second = await agent.run("How do I take my tea?")
        return {"first": first.output, "second": second.output}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name, value in asyncio.run(run(Path(folder))).items():
            print(f"{name:10} {value}")  # noqa: T201 - an example

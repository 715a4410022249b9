"""An agent of Google's ADK that looks into its memory of earlier sessions, and one that is deleted. Run it:

pip install 'memoria-runtime[adk]'
python examples/adk_agent.py
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from google.adk.agents import LlmAgent
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.adk.runners import Runner
from google.adk.sessions import InMemorySessionService
from google.adk.tools import load_memory
from google.genai.types import Content, Part

import memoria
from memoria.integrations.adk import MemoriaMemoryService
from memoria.testing import HashEmbedder


class Scripted(BaseLlm):  # type: ignore[misc]  # google-adk is not in the environment of mypy
    """Calls `load_memory` when it is asked something, and says what that gave; a real model goes in its place."""

    model: str = "scripted"

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        last = llm_request.contents[-1].parts[-1]
        if last.function_response is not None:
            part = Part(text=f"You said: {texts(last.function_response.response)}")
        elif (last.text or "").endswith("?"):
            part = Part.from_function_call(name="load_memory", args={"query": last.text})
        else:
            part = Part(text="Noted.")
        yield LlmResponse(content=Content(role="model", parts=[part]))


def texts(response: Any) -> list[str]:
    """The words of the memories in an answer of `load_memory`."""
    entries = response["result"].memories if hasattr(response["result"], "memories") else response["result"]["memories"]
    plain = [one if isinstance(one, dict) else one.model_dump() for one in entries]
    return [part["text"] for one in plain for part in one["content"]["parts"] if one["author"] == "user"]


async def says(runner: Runner, session: str, text: str) -> str:
    """A turn in a session, and the last words of the agent."""
    said = ""
    message = Content(role="user", parts=[Part(text=text)])
    async for event in runner.run_async(user_id="ada", session_id=session, new_message=message):
        said = "".join(part.text or "" for part in (event.content.parts if event.content else [])) or said
    return said


async def run(folder: Path) -> dict[str, Any]:
    """what a second session is told of the first; once it is deleted, the needles in the files, and what is told."""
    sessions = InMemorySessionService()
    with memoria.open(folder / "agent.memoria", embedder=HashEmbedder()) as memory:
        service = MemoriaMemoryService(memory)
        agent = LlmAgent(name="assistant", model=Scripted(), tools=[load_memory])
        runner = Runner(app_name="tea", agent=agent, session_service=sessions, memory_service=service)
        for name in ("first", "second"):
            await sessions.create_session(app_name="tea", user_id="ada", session_id=name)
        await says(runner, "first", "I take my tea without sugar.")
        first = await sessions.get_session(app_name="tea", user_id="ada", session_id="first")
        await service.add_session_to_memory(first)
        told = await says(runner, "second", "How do I take my tea?")
        await service.delete_session(app_name="tea", user_id="ada", session_id="first")
        after = await says(runner, "second", "How do I take my tea?")
        residue = len(memory.scan("I take my tea without sugar.").found)
        return {"told": listed(told), "residue": residue, "after": listed(after)}


def listed(said: str) -> list[str]:
    """The memories that the scripted model quotes."""
    return [one for one in said.removeprefix("You said: ").strip("[]").strip("'").split("', '") if one]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name, value in asyncio.run(run(Path(folder))).items():
            print(f"{name:10} {value}")  # noqa: T201 - an example

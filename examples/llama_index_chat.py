"""A chat of LlamaIndex that is told what was said in another one, and is erased. Run it:

pip install 'memoria-runtime[llama-index]'
python examples/llama_index_chat.py
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import MockLLM

import memoria
from memoria.integrations.llama_index import MemoriaMemory, MemoriaRetriever
from memoria.testing import HashEmbedder

SAID = "I like the green cup best."


async def chat(memory: memoria.Memoria, session: str, text: str) -> str:
    """What the model answers in a session: the mock says its whole prompt, a real one goes in its place."""
    kept = MemoriaMemory.from_defaults(session, memory=memory, k=3)
    return str(await SimpleChatEngine.from_defaults(llm=MockLLM(), memory=kept).achat(text))


async def run(folder: Path) -> dict[str, Any]:
    """Whether the second chat is told of the first, what a retriever finds, and what is left once both are reset."""
    with memoria.open(folder / "agent.memoria", embedder=HashEmbedder()) as memory:
        memory.remember("Ada takes her tea without sugar.", subject="ada")
        await chat(memory, "first", SAID)
        told = SAID in await chat(memory, "second", "Which cup do I like?")
        (found,) = await MemoriaRetriever(memory, k=1, asking={"subject": "ada"}).aretrieve("How does Ada take tea?")
        for session in ("first", "second"):
            await MemoriaMemory.from_defaults(session, memory=memory).areset()
        return {
            "told": told,
            "answer": found.node.get_content(),
            "left": len(memory),
            "residue": len(memory.scan(SAID).found),
        }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name, value in asyncio.run(run(Path(folder))).items():
            print(f"{name:10} {value}")  # noqa: T201 - an example

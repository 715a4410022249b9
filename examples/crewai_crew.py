"""A crew of CrewAI that remembers what its agent found, uses it in the next run, and forgets it. Run it:

pip install 'memoria-runtime[crewai]'
python examples/crewai_crew.py
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("CREWAI_DISABLE_TELEMETRY", "true")

from crewai import Agent, Crew, Task
from crewai.llms.base_llm import BaseLLM
from crewai.memory.unified_memory import Memory

import memoria
from memoria.integrations.crewai import MemoriaStorage
from memoria.testing import HashEmbedder

FOUND = "The tea house in Oslo opens at seven."
GOAL = "know tea houses"
# What a model answers that is asked what to remember and where, and what becomes of it beside what is like it.
ANALYSIS = {
    "memories": [FOUND],
    "suggested_scope": "/places",
    "categories": ["tea"],
    "importance": 0.7,
    "complexity": "simple",
    "keywords": ["tea"],
}
PLAN = {"actions": [], "insert_new": False}


class Scripted(BaseLLM):  # type: ignore[misc]  # crewai is not in the environment of mypy
    """Finds one thing, and keeps what its agent was told; a real model goes in its place."""

    def call(self, messages: Any, *_: Any, **__: Any) -> str:
        if GOAL not in str(messages):
            return json.dumps(PLAN if "consolidat" in str(messages).lower() else ANALYSIS)
        self.additional_params.setdefault("told", []).append(str(messages))
        return f"Thought: I know.\nFinal Answer: {FOUND}"


def crew(model: Scripted, memory: Memory) -> Crew:
    """One agent with one task."""
    guide = Agent(role="guide", goal=GOAL, backstory="walks a lot", llm=model)
    task = Task(description="When does the tea house in Oslo open?", expected_output="a time", agent=guide)
    return Crew(agents=[guide], tasks=[task], memory=memory, name="tea")


def run(folder: Path) -> dict[str, Any]:
    """Whether each of two runs was told what the first found, the records they leave, and what is left of them."""
    with memoria.open(folder / "agent.memoria", embedder=HashEmbedder()) as memory:
        storage = MemoriaStorage(memory)
        model = Scripted(model="scripted")
        kept = Memory(llm=model, storage=storage, embedder=storage.embed)
        for _ in range(2):
            crew(model, kept).kickoff()
            kept.drain_writes()
        told = [FOUND in one for one in model.additional_params["told"]]
        records = [(one.content, one.scope, one.categories) for one in storage.list_records()]
        kept.forget()
        kept.close()
        return {"told": told, "records": records, "left": len(memory), "residue": len(memory.scan(FOUND).found)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name, value in run(Path(folder)).items():
            print(f"{name:10} {value}")  # noqa: T201 - an example

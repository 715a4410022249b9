"""A LangGraph graph that remembers between runs, and whose deletion leaves no byte behind. Run it:

pip install 'memoria-runtime[langgraph]' langgraph
python examples/langgraph_store.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

import memoria
from memoria.integrations.langgraph import MemoriaStore
from memoria.testing import HashEmbedder

ADA = ("users", "ada")


class State(TypedDict):
    said: str
    known: list[str]


def note(state: State, runtime: Runtime) -> dict[str, list[str]]:
    """Looks for what is known about what was said, and then stores it."""
    assert runtime.store is not None
    known = runtime.store.search(ADA, query=state["said"], limit=2)
    runtime.store.put(ADA, state["said"], {"text": state["said"]})
    return {"known": [item.value["text"] for item in known]}


def run(folder: Path) -> dict[str, object]:
    """What the second run knew of the first, and how many needles stand in the files after deletion."""
    graph = StateGraph(State)
    graph.add_node("note", note)
    graph.add_edge(START, "note")
    graph.add_edge("note", END)
    # Without an embedder the store takes all-MiniLM-L6-v2, offline; this one needs no weights.
    with memoria.open(folder / "agent.memoria", embedder=HashEmbedder()) as memory:
        store = MemoriaStore(memory, index={"fields": ["text"]})
        app = graph.compile(store=store)
        secret = "I take my tea without sugar"
        app.invoke({"said": secret, "known": []})
        known = app.invoke({"said": "how do I take my tea", "known": []})["known"]
        store.delete(ADA, secret)
        return {"known": known, "residue": len(memory.scan(secret).found)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name, value in run(Path(folder)).items():
            print(f"{name:10} {value}")  # noqa: T201 - an example

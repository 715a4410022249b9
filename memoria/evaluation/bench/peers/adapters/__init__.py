"""The stores that are compared, a file each. A store's own packages are imported in its own process alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

from memoria.evaluation.bench.peers.peer import Peer

HERE = __name__


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One store in the comparison.

    Attributes:
        place: its module in this folder, and its class there.
        packages: distributions whose versions are told, the store's own first.
        purpose: what it is for.
        claim: what its pages say about deletion.
        page: where they say it.
    """

    place: tuple[str, str]
    packages: tuple[str, ...]
    purpose: str
    claim: str
    page: str

    def made(self) -> Peer:
        """The adapter; raises ModuleNotFoundError where the store is not installed."""
        module, name = self.place
        peer: Peer = getattr(import_module(f"{HERE}.{module}"), name)()
        return peer


PEERS: Mapping[str, Entry] = {
    "memoria": Entry(
        place=("ours", "Clear"),
        packages=("memoria-runtime", "faiss-cpu"),
        purpose="the memory of one agent, in a directory",
        claim="when forget has returned, text, vector and key are in no byte of any file of the store",
        page="deletion.md",
    ),
    "memoria, sealed": Entry(
        place=("ours", "Sealed"),
        packages=("memoria-runtime", "faiss-cpu", "sqlcipher3"),
        purpose="the same, where nothing is to be read without a key",
        claim="the same; without the key nothing is to be read at all",
        page="sealing.md",
    ),
    "FAISS + SQLite": Entry(
        place=("plain", "Plain"),
        packages=("faiss-cpu",),
        purpose="what one writes oneself in fifty lines: rows in SQLite, a flat index in RAM",
        claim="SQLite overwrites what is deleted where secure_delete is on, which is a choice of each build",
        page="https://www.sqlite.org/pragma.html#pragma_secure_delete",
    ),
    "Chroma": Entry(
        place=("chroma", "Chroma"),
        packages=("chromadb",),
        purpose="a vector database for applications, in the process or as a server",
        claim="embeddings, documents and metadata are deleted by id; this cannot be undone",
        page="https://docs.trychroma.com/docs/collections/delete-data",
    ),
    "LanceDB": Entry(
        place=("lance", "Lance"),
        packages=("lancedb",),
        purpose="tables of vectors and columns for analysis and search, with versions",
        claim="delete takes rows out of the current table; not every stored copy need be erased at once",
        page="https://docs.lancedb.com/ingestion/delete",
    ),
    "sqlite-vec": Entry(
        place=("vec", "SqliteVec"),
        packages=("sqlite-vec", "pysqlite3-binary"),
        purpose="vector search inside SQLite, wherever SQLite runs",
        claim="rows are deleted by SQL",
        page="https://alexgarcia.xyz/sqlite-vec/",
    ),
    "Qdrant, local": Entry(
        place=("qdrant", "Qdrant"),
        packages=("qdrant-client",),
        purpose="the client's own mode without a server, for development, prototypes and tests",
        claim="delete removes points",
        page="https://github.com/qdrant/qdrant-client",
    ),
    "LangGraph SqliteStore": Entry(
        place=("graph", "Graph"),
        packages=("langgraph-checkpoint-sqlite", "sqlite-vec", "pysqlite3-binary"),
        purpose="the long-term store of LangGraph's agents, in one file",
        claim="delete removes an item",
        page="https://reference.langchain.com/python/langgraph.store/base/BaseStore",
    ),
    "mem0, no model": Entry(
        place=("mem", "Mem0"),
        packages=("mem0ai", "qdrant-client"),
        purpose="facts that a model extracts of conversations; here every text as it is (infer=False)",
        claim="delete removes a memory; history lists the changes of a memory over time",
        page="https://docs.mem0.ai/open-source/python-quickstart",
    ),
    "inspeximus": Entry(
        place=("inspex", "InspeximusStore"),
        packages=("inspeximus",),
        purpose="an agent's memory with corrections, signed receipts and an erasure that can be shown",
        claim="forget removes content and leaves a tombstone without content",
        page="https://pypi.org/project/inspeximus/",
    ),
}

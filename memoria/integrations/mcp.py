"""An MCP server: the reference memory server's nine tools with the same names and shapes, and recall, forget and why.

The store is opened for each call, so several clients may keep a server on one store.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from memoria.errors import InvalidQuery, MemoriaError
from memoria.extras import extra
from memoria.integrations.graph import Added, Deletion, Entity, Graph, KnowledgeGraph, Observations, Relation
from memoria.sharing import Source, lent
from memoria.types import Hit

with extra("mcp"):
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp_types import CallToolResult, TextContent, ToolAnnotations

_DEEP = 1000


class Entities(TypedDict):
    entities: list[Entity]


class Relations(TypedDict):
    relations: list[Relation]


class Results(TypedDict):
    results: list[Added]


class Done(TypedDict):
    success: bool
    message: str


class Recalled(TypedDict):
    """why: the score as the sum of its terms."""

    id: str
    text: str
    about: str | None
    at: str
    score: float
    why: str


class Memories(TypedDict):
    memories: list[Recalled]


class Forgotten(TypedDict):
    """residue: how many of the texts, vectors and keys of what went still stand in a file; None when not looked."""

    forgotten: list[str]
    receipt: str
    residue: int | None


class Why(TypedDict):
    """terms: log-odds that the score is the sum of; empty when the memory is not recalled for the query."""

    memory: str
    recalled: bool
    score: float | None
    terms: dict[str, float]


class Tools:
    """Each public method is a tool of its name."""

    def __init__(self, memory: Source) -> None:
        self._memory = memory
        self._graph = KnowledgeGraph(memory)

    def create_entities(self, entities: list[Entity]) -> Annotated[CallToolResult, Entities]:
        """Create multiple new entities in the knowledge graph"""
        with _told():
            made = self._graph.create_entities(entities)
        return _answer(made, {"entities": made})

    def create_relations(self, relations: list[Relation]) -> Annotated[CallToolResult, Relations]:
        """Create multiple new relations between entities in the knowledge graph. Relations should be in active voice"""
        with _told():
            made = self._graph.create_relations(relations)
        return _answer(made, {"relations": made})

    def add_observations(self, observations: list[Observations]) -> Annotated[CallToolResult, Results]:
        """Add new observations to existing entities in the knowledge graph"""
        try:
            added = self._graph.add_observations(observations)
        except InvalidQuery as error:
            # In the words of the reference server, without the SDK's own before them.
            return CallToolResult(content=[TextContent(type="text", text=str(error))], is_error=True)
        return _answer(added, {"results": added})

    def delete_entities(
        self, entityNames: Annotated[list[str], Field(description="An array of entity names to delete")]
    ) -> Annotated[CallToolResult, Done]:
        """Delete multiple entities and their associated relations from the knowledge graph"""
        with _told():
            self._graph.delete_entities(entityNames)
        return _done("Entities deleted successfully")

    def delete_observations(self, deletions: list[Deletion]) -> Annotated[CallToolResult, Done]:
        """Delete specific observations from entities in the knowledge graph"""
        with _told():
            self._graph.delete_observations(deletions)
        return _done("Observations deleted successfully")

    def delete_relations(
        self, relations: Annotated[list[Relation], Field(description="An array of relations to delete")]
    ) -> Annotated[CallToolResult, Done]:
        """Delete multiple relations from the knowledge graph"""
        with _told():
            self._graph.delete_relations(relations)
        return _done("Relations deleted successfully")

    def read_graph(self) -> Annotated[CallToolResult, Graph]:
        """Read the entire knowledge graph"""
        with _told():
            graph = self._graph.read_graph()
        return _answer(graph, graph)

    def search_nodes(
        self,
        query: Annotated[
            str, Field(description="The search query to match against entity names, types, and observation content")
        ],
    ) -> Annotated[CallToolResult, Graph]:
        """Search for nodes in the knowledge graph based on a query"""
        with _told():
            graph = self._graph.search_nodes(query)
        return _answer(graph, graph)

    def open_nodes(
        self, names: Annotated[list[str], Field(description="An array of entity names to retrieve")]
    ) -> Annotated[CallToolResult, Graph]:
        """Open specific nodes in the knowledge graph by their names"""
        with _told():
            graph = self._graph.open_nodes(names)
        return _answer(graph, graph)

    def _whole(self) -> str:
        return _json(self._graph.read_graph())

    def recall(
        self,
        query: Annotated[str, Field(description="What to look for, in plain words")],
        k: Annotated[int, Field(description="How many memories at most", ge=1, le=100)] = 5,
    ) -> Annotated[CallToolResult, Memories]:
        """Find memories by meaning, words and time, best first, each with the reason for its score"""
        with _told(), lent(self._memory) as memory:
            found = [_recalled(hit) for hit in memory.recall(query, k=k)]
        return _answer(found, {"memories": found})

    def forget(
        self,
        ids: Annotated[list[str] | None, Field(description="Ids of memories, as recall gives them")] = None,
        about: Annotated[str | None, Field(description="Forget everything about this subject")] = None,
        verify: Annotated[bool, Field(description="Scan every file for what was forgotten")] = False,
    ) -> Annotated[CallToolResult, Forgotten]:
        """Forget memories for good, with everything that hangs on them: no file holds them any more"""
        with _told(), lent(self._memory) as memory:
            asked = list(ids or ()) + ([one.id for one in memory.list(subject=about)] if about else [])
            if not asked:
                raise InvalidQuery(f"nothing to forget: no ids, and no memory about {about!r}")
            receipt = memory.forget(*self._graph.with_dependants(memory, asked), verify=verify)
        residue = None if receipt.verification is None else receipt.verification.found
        answer = {"forgotten": list(receipt.forgotten), "receipt": receipt.summary(), "residue": residue}
        return _answer(answer, answer)

    def why(
        self,
        query: Annotated[str, Field(description="The question that was asked")],
        id: Annotated[str, Field(description="Id of the memory")],
    ) -> Annotated[CallToolResult, Why]:
        """Explain why a memory is, or is not, recalled for a query"""
        with _told(), lent(self._memory) as memory:
            text = memory.get(id).text
            hits = memory.reinforcing("never").recall(query, k=_DEEP)
        hit = next((hit for hit in hits if hit.memory.id == id), None)
        answer = {
            "memory": text,
            "recalled": hit is not None,
            "score": None if hit is None else hit.score,
            "terms": {} if hit is None else dict(hit.terms),
        }
        return _answer(answer, answer)


_READS = {"read_graph", "search_nodes", "open_nodes", "recall", "why"}
_DELETES = {"delete_entities", "delete_observations", "delete_relations", "forget"}
_NAMES = [name for name in vars(Tools) if not name.startswith("_")]


def server(memory: Source) -> MCPServer[Any]:
    """Makes an MCP server; its `run()` serves on stdin and stdout.

    Args:
        memory: a memory, or a `Shared` store.

    Returns:
        The server.
    """
    made: MCPServer[Any] = MCPServer("memory-server", version="0.6.3", log_level="WARNING")
    tools = Tools(memory)
    for name in _NAMES:
        tool: Callable[..., Any] = getattr(tools, name)
        made.add_tool(
            tool,
            title=name.replace("_", " ").title(),
            description=tool.__doc__,
            annotations=ToolAnnotations(
                read_only_hint=name in _READS,
                destructive_hint=name in _DELETES,
                idempotent_hint=name in _READS | _DELETES,
                open_world_hint=False,
            ),
        )
    resource = made.resource(
        "memory://knowledge-graph",
        name="knowledge-graph",
        title="Knowledge Graph",
        description="The full knowledge graph with all entities and relations",
        mime_type="application/json",
    )
    resource(tools._whole)
    return made


def _recalled(hit: Hit) -> Recalled:
    memory = hit.memory
    return {
        "id": memory.id,
        "text": memory.text,
        "about": memory.subject,
        "at": memory.created_at.isoformat(),
        "score": hit.score,
        "why": hit.explain(),
    }


@contextmanager
def _told() -> Iterator[None]:
    """An error of ours reaches the model in its own words."""
    try:
        yield
    except MemoriaError as error:
        raise ToolError(str(error)) from error


def _done(message: str) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(type="text", text=message)], structured_content={"success": True, "message": message}
    )


def _answer(shown: Any, structured: Any) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=_json(shown))], structured_content=structured)


def _json(value: Any) -> str:
    """As JSON.stringify(value, null, 2) writes it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


__all__ = ["server"]

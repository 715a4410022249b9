"""The MCP server: a real client over stdio runs every tool, and the nine answer as the reference server's do."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.server.mcpserver.exceptions import ToolError

import memoria
from memoria.errors import InvalidQuery
from memoria.integrations.graph import KnowledgeGraph
from memoria.integrations.mcp import Tools, server
from memoria.sharing import Shared
from memoria.testing import HashEmbedder

REFERENCE = "@modelcontextprotocol/server-memory@2026.8.31"
NINE = [
    "create_entities",
    "create_relations",
    "add_observations",
    "delete_entities",
    "delete_observations",
    "delete_relations",
    "read_graph",
    "search_nodes",
    "open_nodes",
]
ADA = {"name": "Ada", "entityType": "person", "observations": ["takes her tea without sugar", "has a grey cat"]}
KNOWS = {"from": "Ada", "to": "Bob", "relationType": "knows"}
Call = tuple[str, dict[str, Any]]


def over_stdio(store: Path) -> Any:
    command = ["-W", "ignore", "-c", "from memoria.cli import main; main()", "mcp", "--store", str(store)]
    environment = {"PYTHONPATH": str(Path(__file__).parents[1])}
    return stdio_client(StdioServerParameters(command=sys.executable, args=command, env=environment))


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return result.structured_content


async def forget(client: Client, **arguments: Any) -> Any:
    """Forgets as a client without elicitation has to: it is shown what would go, and calls again."""
    listed = await call(client, "forget", **arguments)
    assert (listed["forgotten"], bool(listed["would"])) == ([], True)
    return await call(client, "forget", **arguments, confirm=listed["confirm"])


def test_a_client_over_stdio_runs_every_tool(tmp_path: Path) -> None:
    store = tmp_path / "a.memoria"

    async def use() -> set[str]:
        async with Client(over_stdio(store)) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            await call(client, "create_entities", entities=[ADA, {**ADA, "name": "Bob", "observations": []}])
            assert await call(client, "create_relations", relations=[KNOWS]) == {"relations": [KNOWS]}
            more = [{"entityName": "Bob", "contents": ["plays chess", "keeps a secret garden"]}]
            added = await call(client, "add_observations", observations=more)
            assert added == {"results": [{"entityName": "Bob", "addedObservations": more[0]["contents"]}]}
            graph = await call(client, "read_graph")
            assert [entity["name"] for entity in graph["entities"]] == ["Ada", "Bob"]
            assert (await client.read_resource("memory://knowledge-graph")).contents
            found = await call(client, "search_nodes", query="TEA")
            assert found == {"entities": [ADA], "relations": [KNOWS]}
            assert await call(client, "open_nodes", names=["Ada"]) == found
            first = (await call(client, "recall", query="a garden that nobody knows", k=3))["memories"][0]
            assert (first["text"], first["about"]) == ("keeps a secret garden", "Bob")
            told = await call(client, "ask", question="Who keeps a secret garden?")
            assert (told["text"], told["source"], told["memories"]) == (first["text"], "store", [first["id"]])
            why = await call(client, "why", query="a garden that nobody knows", id=first["id"])
            assert why["recalled"]
            assert sum(why["terms"].values()) == pytest.approx(why["score"])
            gone = await forget(client, ids=[first["id"]], verify=True)
            assert (gone["forgotten"], gone["residue"]) == ([first["id"]], 0)
            assert (await client.call_tool("forget", {"ids": [first["id"]]})).is_error
            assert (await client.call_tool("forget", {})).is_error
            cat = [{"entityName": "Ada", "observations": ["has a grey cat"]}]
            assert (await call(client, "delete_observations", deletions=cat))["success"]
            assert (await call(client, "delete_relations", relations=[KNOWS]))["success"]
            assert (await call(client, "delete_entities", entityNames=["Bob"]))["success"]
            graph = await call(client, "read_graph")
            assert graph == {"entities": [{**ADA, "observations": ADA["observations"][:1]}], "relations": []}
            await forget(client, about="Ada")
            assert await call(client, "read_graph") == {"entities": [], "relations": []}
            return names

    assert asyncio.run(use()) == {
        *NINE,
        "remember",
        "recall",
        "ask",
        "list_memories",
        "forget",
        "why",
        "doubts",
        "settle",
    }
    with memoria.open(store, mode="r") as left:
        assert left.scan("keeps a secret garden", "has a grey cat", "plays chess").found == ()


def test_forgetting_an_entity_takes_what_hangs_on_it(tmp_path: Path) -> None:
    async def use() -> None:
        async with Client(server(Shared(tmp_path / "a.memoria", embedder=HashEmbedder()))) as client:
            await call(client, "create_entities", entities=[ADA])
            await call(client, "create_relations", relations=[KNOWS])
            memories = (await call(client, "recall", query="Ada person", k=10))["memories"]
            entity = next(one for one in memories if one["text"] == "Ada (person)")
            assert len((await forget(client, ids=[entity["id"]]))["forgotten"]) == 4
            assert await call(client, "read_graph") == {"entities": [], "relations": []}

    asyncio.run(use())


def test_null_is_an_argument_that_was_left_out(tmp_path: Path) -> None:
    async def use() -> None:
        async with Client(server(Shared(tmp_path / "a.memoria", embedder=HashEmbedder()))) as client:
            await call(client, "create_entities", entities=[ADA])
            plain = await call(client, "recall", query="Ada")
            assert await call(client, "recall", query="Ada", k=None, at_least=None, zone=None) == plain
            assert await call(client, "list_memories", limit=None) == await call(client, "list_memories")

    asyncio.run(use())


def test_what_is_too_long_is_refused_with_the_rule(tmp_path: Path) -> None:
    async def use() -> None:
        async with Client(server(Shared(tmp_path / "a.memoria", embedder=HashEmbedder()))) as client:
            await call(client, "create_entities", entities=[ADA])
            long = [{"entityName": "Ada", "contents": ["n" * 1_100_000]}]
            refused = await client.call_tool("add_observations", {"observations": long})
            assert refused.is_error
            assert "limit" in str(refused.content)
            assert "nnn" not in str(refused.content)

    asyncio.run(use())


def test_an_error_of_ours_reaches_the_model(tmp_path: Path) -> None:
    async def use() -> str:
        async with Client(server(Shared(tmp_path / "a.memoria", embedder=HashEmbedder()))) as client:
            result = await client.call_tool("why", {"query": "x", "id": "0" * 32})
            assert result.is_error
            return str(getattr(result.content[0], "text", ""))

    assert "no memory with id" in asyncio.run(use())


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of the reference server, installed from npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip(f"NOT COMPARED with {REFERENCE}: there is no node or npm here")
    folder = tmp_path_factory.mktemp("npm")
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefer-offline", "--prefix", str(folder)]
    done = subprocess.run([*install, REFERENCE], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        pytest.skip(f"NOT COMPARED with {REFERENCE}: npm could not install it: {done.stderr[-200:]}")
    return [node, str(folder / "node_modules" / "@modelcontextprotocol" / "server-memory" / "dist" / "index.js")]


def calls(rng: random.Random, count: int) -> list[Call]:
    """Calls that meet each other: few names, some twice, some odd, some unknown."""
    names = ["Ada"] * 6 + ["Bob"] * 4 + ["ada", "Straße", "", 'a/b\n"c"', "名前", "x" * 2000]
    texts = ["likes tea"] * 4 + [
        "likes tea ",
        "LIKES TEA",
        "has a cat",
        "",
        "İstanbul",
        "tab\there",
        "line\u2028end",
        "has a cat ",
    ]

    def some(pool: Sequence[Any]) -> list[Any]:
        return [rng.choice(pool) for _ in range(rng.randint(0, 3))]

    def entity() -> dict[str, Any]:
        return {
            "name": rng.choice(names),
            "entityType": rng.choice(["person", "Place", ""]),
            "observations": some(texts),
        }

    def relation() -> dict[str, Any]:
        return {"from": rng.choice(names), "to": rng.choice(names), "relationType": rng.choice(["knows", "likes"])}

    def observed(key: str) -> list[dict[str, Any]]:
        return [{"entityName": rng.choice(names), key: some(texts)} for _ in range(rng.randint(0, 2))]

    def several(make: Any) -> list[Any]:
        return [make() for _ in range(rng.randint(0, 3))]

    made: dict[str, Any] = {
        "create_entities": lambda: {"entities": several(entity)},
        "create_relations": lambda: {"relations": several(relation)},
        "add_observations": lambda: {"observations": observed("contents")},
        "delete_entities": lambda: {"entityNames": some(names)[:1]},
        "delete_observations": lambda: {"deletions": observed("observations")},
        "delete_relations": lambda: {"relations": several(relation)[:1]},
        "read_graph": lambda: {},
        "search_nodes": lambda: {"query": rng.choice(["tea", "ADA", "ß", "i", "", "person", "nothing"])},
        "open_nodes": lambda: {"names": some(names)},
    }
    return [(tool, made[tool]()) for tool in rng.choices(list(made), weights=[3, 2, 3, 1, 2, 1, 1, 2, 2], k=count)]


def plain(schema: Any, definitions: Any = None) -> Any:
    """A JSON schema without titles, references, and what only one of both libraries writes."""
    if isinstance(schema, list):
        return [plain(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    known = {**(definitions or {}), **schema.get("$defs", {})}
    if "$ref" in schema:
        return plain(known[schema["$ref"].rsplit("/", 1)[1]], known)
    if "properties" in schema:
        properties = {name: plain(one, known) for name, one in schema["properties"].items()}
        return {"type": "object", "properties": properties, "required": sorted(schema.get("required", []))}
    return {name: plain(one, known) for name, one in schema.items() if name in ("type", "items")}


def test_the_nine_answer_as_the_reference_server(reference: list[str], tmp_path: Path) -> None:
    command, *arguments = reference
    theirs_is = StdioServerParameters(
        command=command, args=arguments, env={"MEMORY_FILE_PATH": str(tmp_path / "graph.jsonl")}
    )
    todo = calls(random.Random(9), 2000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 200)
    assert {tool for tool, _ in todo} == set(NINE)

    async def both() -> int:
        errors = 0
        mine = server(Shared(tmp_path / "a.memoria", embedder=HashEmbedder()))
        async with Client(mine) as ours, Client(stdio_client(theirs_is)) as theirs:
            known = {tool.name: tool for tool in (await ours.list_tools()).tools}
            for tool in (await theirs.list_tools()).tools:
                own = known[tool.name]
                assert (own.title, own.description) == (tool.title, tool.description)
                assert plain(own.input_schema) == plain(tool.input_schema), tool.name
                assert plain(own.output_schema) == plain(tool.output_schema), tool.name
                assert own.annotations == tool.annotations
            for at, (name, given) in enumerate(todo):
                got, wanted = await ours.call_tool(name, given), await theirs.call_tool(name, given)
                assert [part.model_dump() for part in got.content] == [part.model_dump() for part in wanted.content], at
                assert got.structured_content == wanted.structured_content
                assert got.is_error == bool(wanted.is_error)
                errors += got.is_error
        return errors

    assert asyncio.run(both()) > 0, "no call of an unknown entity was compared"


def test_a_program_may_ask_before_a_tool_stores_or_forgets(tmp_path: Path) -> None:
    seen: list[tuple[str, int, str | None]] = []
    answers = [True, False, False, True]

    def confirm(asked: memoria.Asked) -> bool:
        seen.append((asked.tool, len(asked), asked.text))
        return answers[len(seen) - 1]

    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()) as memory:
        graph = KnowledgeGraph(memory, confirm)
        tools = Tools(memory, confirm)
        graph.create_entities([{"name": "Ada", "entityType": "person", "observations": ["likes tea"]}])
        with pytest.raises(InvalidQuery, match="Nothing is stored: the user has not agreed"):
            graph.create_entities([{"name": "Bob", "entityType": "person", "observations": []}])
        ids = [one.id for one in memory.list()]
        with pytest.raises(ToolError, match="Nothing is forgotten: the user has not agreed"):
            tools.forget(ids)
        assert len(memory) == 2
        graph.delete_entities(["Ada"])
        assert len(memory) == 0
    stored = ("remember", 0, "Ada (person)\nlikes tea"), ("remember", 0, "Bob (person)")
    assert seen == [*stored, ("forget", 2, None), ("forget", 2, None)]

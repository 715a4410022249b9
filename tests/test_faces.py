"""Every filter and every page, in each face: the command line, HTTP, MCP and pydantic-ai find what Python finds."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client
from typer.main import get_command
from typer.testing import CliRunner

import memoria
from memoria import DraftFields, Filters, Memoria, Provenance
from memoria.agent import Agent
from memoria.agent.session import LOOK_BACK, Session, latest
from memoria.agent.tools import TOOLS
from memoria.cli import app
from memoria.cli.chat import SHOWN, Chat
from memoria.cli.filters import asked, nested, values
from memoria.integrations.mcp import server as mcp_server
from memoria.integrations.pydantic_ai import MemoryCapability
from memoria.service import shapes
from memoria.sharing import Shared
from memoria.testing import HashEmbedder
from tests import test_pydantic_ai as agents
from tests.test_service import Server, serving

FILTERS = sorted(Filters.__annotations__)
FIRST, SECOND = datetime(2026, 5, 2, tzinfo=UTC), datetime(2026, 5, 3, tzinfo=UTC)
# For each filter a value that some of the memories below meet, and others do not.
PYTHON: Filters = {
    "namespace": ("ada",),
    "subject": "ADA",
    "session": "trip",
    "speaker": "Ada",
    "tags": ("travel", "air"),
    "kinds": ("semantic",),
    "key": "seat",
    "metadata": {"flight.seat": "12A", "flight.row": 12, "flight.paid": True, "note": None},
    "since": SECOND,
    "until": SECOND,
}
VALUES: Mapping[str, Any] = PYTHON
OPTIONS: Mapping[str, Sequence[str]] = {
    "namespace": ("--namespace", "app/ada"),
    "subject": ("--subject", "ADA"),
    "session": ("--session", "trip"),
    "speaker": ("--speaker", "Ada"),
    "tags": ("--tag", "travel", "--tag", "air"),
    "kinds": ("--kind", "semantic"),
    "key": ("--key", "seat"),
    "metadata": tuple(
        word
        for value in ("flight.seat=12A", "flight.row=12", "flight.paid=true", "note=null")
        for word in ("--metadata", value)
    ),
    "since": ("--since", "2026-05-03"),
    "until": ("--until", "2026-05-03"),
}
# The names that a face has for a filter where they differ from those of Python, and the filters that it lacks, and why.
CLI_NAMES = {"tags": "tag", "kinds": "kind"}
TOOL_NAMES = {"subject": "about"}
NOT_IN_TOOLS = {"namespace": "the application chooses the namespace of a tool, and no answer names one"}
NOT_IN_AGENT = dict.fromkeys(
    FILTERS, "the tools of the agent stand in each prompt, and it may be that of a small model"
)

run = CliRunner()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store in which every filter tells some memories from others."""
    made = tmp_path_factory.mktemp("faces")
    flight = {"flight": {"seat": "12A", "row": 12, "paid": True}, "note": None}
    near = {"flight": {"seat": "12A", "row": "12", "paid": 1}}
    with memoria.open(made / "a.memoria") as memory:
        drafts: dict[str, DraftFields] = {
            "ada": {
                "subject": "ada", "tags": ["air", "travel", "x"], "kind": "semantic", "key": "seat", "metadata": flight,
                "provenance": Provenance(session="trip", speaker="Ada"), "created_at": FIRST,
            },
            "bob": {
                "subject": "bob", "tags": ["travel"], "key": "place", "metadata": near,
                "provenance": Provenance(session="trip again", speaker="ada"), "created_at": SECOND,
            },
            "eve": {"created_at": SECOND},
        }  # fmt: skip
        for name, fields in drafts.items():
            memory.namespace("app", name).remember(f"The seat of {name} in the plane.", **fields)
    return made


@pytest.fixture(scope="module")
def expected(folder: Path) -> Mapping[str, list[str]]:
    """The ids that each filter finds in Python: some, and not all."""
    with memoria.open(folder / "a.memoria", mode="r") as memory:
        view = memory.namespace("app")
        found = {name: [one.id for one in view.list(**{name: VALUES[name]})] for name in FILTERS}
        assert all(0 < len(ids) < len(view) for ids in found.values())
        return found


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    """A copy of the store, to forget from."""
    return Path(shutil.copytree(folder / "a.memoria", tmp_path / "copy.memoria"))


def cli(*words: str, store: Path, status: int = 0) -> tuple[Any, str]:
    """What a command prints, as JSON where it is, and its notes on stderr, without progress bars."""
    done = run.invoke(app, [words[0], "--store", str(store), *words[1:]])
    assert done.exit_code == status, (done.output, done.exception)
    return (json.loads(done.stdout) if "--json" in words and not status else done.stdout), done.stderr.strip()


# -- names --


def lacking(face: Collection[str], names: Mapping[str, str], left_out: Mapping[str, str]) -> list[str]:
    """The filters that a face neither has nor names as left out; and those it names so, but has or nobody knows."""
    has = {name for name in FILTERS if names.get(name, name) in face}
    return sorted(set(FILTERS) ^ (has | set(left_out)) | has & set(left_out))


def schemas(tools: Sequence[Any]) -> dict[str, Mapping[str, Any]]:
    return {tool.name: tool.input_schema["properties"] for tool in tools}


async def tools_of_mcp() -> dict[str, Mapping[str, Any]]:
    with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
        async with Client(mcp_server(memory)) as client:
            return schemas((await client.list_tools()).tools)


def test_every_face_has_every_filter() -> None:
    commands: Any = get_command(app)
    for command in ("recall", "list", "forget"):
        options = {option.removeprefix("--") for one in commands.commands[command].params for option in one.opts}
        assert lacking(options, CLI_NAMES, {}) == [], command
    for shape in (shapes.Recall, shapes.List, shapes.Forget):
        assert lacking(shape.model_fields, {}, {}) == [], shape
    tools = asyncio.run(tools_of_mcp())
    for tool in ("recall", "list_memories", "forget"):
        assert lacking(tools[tool], TOOL_NAMES, NOT_IN_TOOLS) == [], tool
    with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
        recall = MemoryCapability[None](memory).get_toolset().tools["recall"]
        assert lacking(recall.function_schema.json_schema["properties"], TOOL_NAMES, NOT_IN_TOOLS) == []
    (own,) = (tool for tool in TOOLS if tool.name == "recall")
    assert lacking(own.parameters["properties"], TOOL_NAMES, NOT_IN_AGENT) == []


def test_the_comparison_sees_what_is_missing_and_what_is_named_in_vain() -> None:
    assert lacking([name for name in FILTERS if name != "session"], {}, {}) == ["session"]
    assert lacking(FILTERS, CLI_NAMES, {}) == ["kinds", "tags"]
    assert lacking(FILTERS, {}, {"key": "a reason"}) == ["key"]
    assert lacking(FILTERS, {}, {"shape": "no such filter"}) == ["shape"]


def test_values_are_here_for_every_filter() -> None:
    assert set(VALUES) == set(OPTIONS) == set(FILTERS)


# -- the command line --


@pytest.mark.parametrize("name", FILTERS)
def test_the_command_line_finds_what_python_finds(
    name: str, folder: Path, copied: Path, expected: Mapping[str, list[str]]
) -> None:
    store, options = folder / "a.memoria", OPTIONS[name]
    listed, _ = cli("list", "--json", *options, store=store)
    assert [one["id"] for one in listed["memories"]] == expected[name]
    hits, _ = cli("recall", "Which seat?", "-k", "9", "--json", *options, store=store)
    assert sorted(hit["memory"]["id"] for hit in hits) == expected[name]
    receipt, _ = cli("forget", "--yes", "--json", *options, store=copied)
    assert sorted(receipt["forgotten"]) == expected[name]


def test_a_list_on_the_command_line_says_what_it_leaves_out(folder: Path) -> None:
    store = folder / "a.memoria"
    whole, note = cli("list", "--json", store=store)
    ids = [one["id"] for one in whole["memories"]]
    assert (len(ids), whole["left"], whole["after"], note) == (3, 0, None, "")
    shown, note = cli("list", "--limit", "2", store=store)
    assert "app/bob" in shown
    assert "app/ada" not in shown
    assert note == "2 shown, 1 older left out; page by page from the oldest: --oldest"
    _, note = cli("list", "--limit", "2", "--oldest", store=store)
    assert note == f"2 shown, 1 newer left out; the next page: --after {ids[1]}"
    assert cli("list", "--limit", "3", store=store)[1] == ""
    assert "not an id" in str(run.invoke(app, ["list", "--store", str(store), "--after", "x"]).exception)


def test_pages_on_the_command_line_hold_everything_once(folder: Path) -> None:
    store, seen, cursor = folder / "a.memoria", list[str](), ["--oldest"]
    while cursor:
        page, _ = cli("list", "--json", "--limit", "1", *cursor, store=store)
        seen += [one["id"] for one in page["memories"]]
        assert page["left"] == 3 - len(seen)
        cursor = ["--after", page["after"]] if page["after"] else []
    with memoria.open(store, mode="r") as memory:
        assert seen == [one.id for one in memory.list()]


def test_what_is_remembered_with_options_is_found_by_them(tmp_path: Path) -> None:
    store, where = tmp_path / "a.memoria", ("--session", "s", "--speaker", "Ada", "--metadata", "flight.seat=12")
    id = cli("remember", "Aisle, please.", *where, "--metadata", "flight.no=A=1", store=store)[0].strip()
    cli("remember", "Window, please.", "--metadata", 'flight.seat="12"', store=store)
    with memoria.open(store, mode="r") as memory:
        one = memory.get(id)
    assert (one.provenance, one.metadata) == (
        Provenance(session="s", speaker="Ada"),
        {"flight": {"seat": 12, "no": "A=1"}},
    )
    found, _ = cli("list", "--json", *where, store=store)
    assert [one["id"] for one in found["memories"]] == [id]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12), ("1.5", 1.5), ("-1e3", -1000.0), ("true", True), ("null", None), ('"12"', "12"), ("12A", "12A"),
        ("", ""), ("a=b", "a=b"), ("True", "True"), ("NaN", "NaN"), ("Infinity", "Infinity"), ("[1]", "[1]"),
        ('{"a": 1}', '{"a": 1}'), ("[" * 100_000, "[" * 100_000), ("1" * 5000, "1" * 5000),
    ],
)  # fmt: skip
def test_a_value_is_json_when_it_is_a_scalar_there_and_text_otherwise(text: str, value: object) -> None:
    (found,) = values([f"a.b={text}"]).values()
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("given", [("a",), ("a=1", "a=2"), ("a=1", "a.b=2"), ("a.b=2", "a=1")])
def test_metadata_that_has_no_form_is_refused(given: Sequence[str], tmp_path: Path) -> None:
    words = [word for one in given for word in ("--metadata", one)]
    _, said = cli("remember", "x", *words, store=tmp_path / "a.memoria", status=2)
    assert "--metadata" in said
    assert nested(values(["a..b=1", "c=2"])) == {"a": {"": {"b": 1}}, "c": 2}


def test_no_option_is_no_filter() -> None:
    with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
        memory.remember_many(["one", "two"])
        assert len(memory.list(**asked())) == 2


def test_a_pass_of_fading_that_was_cut_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with memoria.open(tmp_path / "a.memoria") as memory:
        memory.remember_many(["one", "two"])
    assert "more may be due" not in cli("fade", store=tmp_path / "a.memoria")[1]
    monkeypatch.setattr("memoria.cli.retention.LIMIT", 0)
    assert "more may be due" in cli("fade", store=tmp_path / "a.memoria")[1]


def test_the_list_of_a_chat_says_what_it_leaves_out(capsys: pytest.CaptureFixture[str]) -> None:
    with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
        chat = Chat(Agent(memory, lambda _: "Noted.", user="ada"), as_json=False)
        memory.remember_many([f"fact {n}" for n in range(SHOWN)])
        chat.list("")
        assert "left out" not in capsys.readouterr().out
        memory.remember("one more")
        chat.list("")
        assert f"{SHOWN} shown, 1 older left out" in capsys.readouterr().out


# -- HTTP --


@pytest.fixture(scope="module")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = tmp_path_factory.mktemp("served")
    shutil.copytree(folder / "a.memoria", made / "a.memoria")
    with serving(made, "--rate", "1e6", "--burst", "1000000", tokens=("app", "app/bob")) as found:
        yield found


@pytest.mark.parametrize("name", FILTERS)
def test_http_finds_what_python_finds(name: str, server: Server, expected: Mapping[str, list[str]]) -> None:
    body = json.loads(json.dumps({name: VALUES[name]}, default=datetime.isoformat))
    listed = server.post("app", "/v1/list", **body)
    assert [one["id"] for one in listed["memories"]] == expected[name]
    hits = server.post("app", "/v1/recall", query="Which seat?", k=9, **body)["hits"]
    assert sorted(hit["memory"]["id"] for hit in hits) == expected[name]
    if name != "namespace":  # which is no criterion of a forget over HTTP, but where it looks
        would = server.post("app", "/v1/forget", dry_run=True, **body)["would"]
        assert sorted(one["id"] for one in would) == expected[name]


def test_pages_over_http_hold_everything_once_and_count_nothing_of_others(server: Server) -> None:
    seen: list[str] = []
    page: dict[str, Any] = {"after": None}
    while page["after"] or not seen:
        page = server.post("app", "/v1/list", limit=1, after=page["after"])
        seen += [one["id"] for one in page["memories"]]
        assert page["left"] == 3 - len(seen)
    assert seen == [one["id"] for one in server.post("app", "/v1/list", limit=9)["memories"]]
    newest = server.post("app", "/v1/list", limit=1, newest=True)
    assert ([one["id"] for one in newest["memories"]], newest["left"], newest["after"]) == (seen[2:], 2, None)
    own = server.post("app/bob", "/v1/list", limit=1, after=seen[0])
    assert ([one["id"] for one in own["memories"]], own["left"], own["after"]) == (seen[1:2], 0, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"after": "x"}, {"after": 1}, {"limit": 0}, {"newest": "yes"}, {"metadata": {"a": []}},
        {"metadata": {"a": {"b": 1}}}, {"metadata": {"a" * 1025: 1}}, {"metadata": {str(n): n for n in range(33)}},
        {"session": ""}, {"speaker": 1}, {"sessions": "s"},
    ],
)  # fmt: skip
def test_http_refuses_filters_that_are_none(wrong: dict[str, Any], server: Server) -> None:
    assert server.call("app", "POST", "/v1/list", **wrong).status_code == 422


# -- tools of models --


def arguments(name: str) -> dict[str, Any]:
    """A filter as a model gives it."""
    return dict(json.loads(json.dumps({TOOL_NAMES.get(name, name): VALUES[name]}, default=datetime.isoformat)))


TOOL_FILTERS = [name for name in FILTERS if name not in NOT_IN_TOOLS]
Use = Callable[..., Any]


def with_tools(store: Path, work: Callable[[Use], Any]) -> Any:
    """What `work` makes of the tools of an MCP server, by a client of it."""

    async def used() -> Any:
        async with Client(mcp_server(Shared(store, namespace=("app",)))) as client:

            async def use(tool: str, **given: Any) -> Any:
                result = await client.call_tool(tool, given)
                return result.content if result.is_error else result.structured_content

            return await work(use)

    return asyncio.run(used())


@pytest.mark.parametrize("name", TOOL_FILTERS)
def test_tools_of_mcp_find_what_python_finds(name: str, copied: Path, expected: Mapping[str, list[str]]) -> None:
    async def all_three(use: Use) -> list[list[str]]:
        listed = await use("list_memories", **arguments(name))
        hits = await use("recall", query="Which seat?", k=9, **arguments(name))
        gone = await forgotten(use, **arguments(name))
        found = ([one["id"] for one in listed["memories"]], [one["id"] for one in hits["memories"]], gone)
        return [sorted(ids) for ids in found]

    assert with_tools(copied, all_three) == [expected[name]] * 3


async def forgotten(use: Use, **asked: Any) -> list[str]:
    """What goes when the list that `forget` shows first is agreed to."""
    shown = await use("forget", **asked)
    assert (shown["forgotten"], len(shown["would"]) > 0) == ([], True)
    return list((await use("forget", **asked, confirm=shown["confirm"]))["forgotten"])


def test_pages_of_mcp_hold_everything_once_and_say_how_to_go_on(copied: Path) -> None:
    async def pages(use: Use) -> list[str]:
        seen: list[str] = []
        page: dict[str, Any] = {"after": None}
        while page["after"] or not seen:
            page = await use("list_memories", limit=2, after=page["after"])
            seen += [one["id"] for one in page["memories"]]
            assert page["left"] == 3 - len(seen)
            told = f"1 newer left out; call list_memories with the same filters and after={seen[-1]}"
            assert page["more"] == (told if page["left"] else None)
        newest = await use("list_memories", limit=2, newest=True)
        assert newest["more"] == "1 older left out; newest=false begins with the oldest"
        assert "not an id" in str(await use("list_memories", after="x"))
        return seen

    seen = with_tools(copied, pages)
    with memoria.open(copied, mode="r") as memory:
        assert seen == [one.id for one in memory.list()]


def test_forget_of_mcp_takes_of_ids_those_that_meet_the_filters_and_nothing_for_an_empty_name(copied: Path) -> None:
    with memoria.open(copied, mode="r") as memory:
        ada, bob, eve = (one.id for one in memory.list())

    async def narrowed(use: Use) -> list[str]:
        nothing: Sequence[dict[str, Any]] = (
            {},
            {"tags": []},
            {"metadata": {}},
            {"about": "nobody"},
            {"about": "", "tags": ["travel"]},
        )
        for wrong in nothing:
            assert not isinstance(await use("forget", **wrong), dict), wrong
        assert "no memory with id" in str(await use("forget", ids=[ada, eve], tags=["travel"]))
        return await forgotten(use, ids=[ada], tags=["travel"])

    assert with_tools(copied, narrowed) == [ada]
    with memoria.open(copied, mode="r") as memory:
        assert [one.id for one in memory.list()] == [bob, eve]


def test_forget_of_mcp_takes_of_a_gist_only_the_parts_that_meet_the_filters(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a.memoria") as memory:
        view = memory.namespace("app")
        ada = view.remember("We had tea at noon.", subject="ada")
        bob = view.remember("We had tea at one.", subject="bob")
        view.consolidate(ada, bob)

    async def about_ada(use: Use) -> Any:
        return await forgotten(use, about="ada")

    assert with_tools(tmp_path / "a.memoria", about_ada) == [ada.id]
    with memoria.open(tmp_path / "a.memoria", mode="r") as memory:
        assert [one.id for one in memory.list()] == [bob.id]


@pytest.mark.parametrize("name", TOOL_FILTERS)
def test_the_tool_of_pydantic_ai_finds_what_python_finds(
    name: str, copied: Path, expected: Mapping[str, list[str]]
) -> None:
    with memoria.open(copied) as memory:
        call = agents.call("recall", query="Which seat?", k=9, **arguments(name))
        told = agents.run(agents.agent(agents.script(call), memory.namespace("app"), budget_tokens=0), "Hello").output
    assert sorted(agents.ids_in(told)) == expected[name]


def test_the_tool_of_pydantic_ai_refuses_more_than_it_gives() -> None:
    with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
        call = agents.call("recall", query="Which seat?", k=51)
        told = agents.run(agents.agent(agents.script(call), memory, budget_tokens=0), "Hello").output
    assert "less than or equal to 50" in told


# -- conversations --


def test_a_conversation_is_found_whatever_was_remembered_since() -> None:
    def said(memory: Memoria, session: str) -> str:
        return memory.remember(f"Said in {session}.", provenance=Provenance(source="chat", session=session)).id

    with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
        assert latest(memory) is None
        first, second = said(memory, "first"), said(memory, "second")
        memory.remember_many([f"Imported: {n}." for n in range(2 * LOOK_BACK)])
        assert latest(memory) == "second"
        assert [one.id for one in Session(memory, "first").turns(9)] == [first]
        assert [one.id for one in Session(memory, "second").turns(9)] == [second]

"""The memory tool: the same messages as the reference file system tool, and deletion that is exact."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic.lib.tools import ToolError
from anthropic.tools.memory import BetaLocalFilesystemMemoryTool
from hypothesis import example, given
from hypothesis import strategies as st

import memoria
from memoria.integrations.anthropic import AsyncMemoriaMemoryTool, MemoriaMemoryTool
from memoria.sharing import Shared
from memoria.testing import HashEmbedder


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[memoria.Memoria]:
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()) as opened:
        yield opened


def run(tool: Any, command: str, **arguments: Any) -> str:
    return str(tool.call({"command": command, **arguments}))


def refused(tool: Any, command: str, **arguments: Any) -> str:
    with pytest.raises(ToolError) as error:
        run(tool, command, **arguments)
    return str(error.value)


def test_a_deleted_file_is_nowhere(memory: memoria.Memoria) -> None:
    tool = MemoriaMemoryTool(memory)
    run(tool, "create", path="/memories/people/ada.md", file_text="Ada: allergic to hazelnuts\nlikes jazz\n")
    run(tool, "str_replace", path="/memories/people/ada.md", old_str="hazelnuts", new_str="walnuts")
    assert memory.scan("allergic to hazelnuts").found == ()
    assert memory.recall("jazz")[0].memory.subject == "/memories/people/ada.md"
    run(tool, "delete", path="/memories/people")
    assert memory.scan("allergic to walnuts", "likes jazz", "people/ada.md").found == ()
    assert len(memory) == 0


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/memories/../etc/passwd", "Path /memories/../etc/passwd would escape /memories directory"),
        ("/memories/a/../../etc", "Path /memories/a/../../etc would escape /memories directory"),
        ("/etc/passwd", "Path must start with /memories, got: /etc/passwd"),
        ("/memoriesX/a", "Path must start with /memories, got: /memoriesX/a"),
        ("memories/a", "Path must start with /memories, got: memories/a"),
        ("", "Path must start with /memories, got: "),
    ],
)
def test_no_path_leads_out(memory: memoria.Memoria, path: str, message: str) -> None:
    memory.remember("outside")
    tool = MemoriaMemoryTool(memory)
    assert refused(tool, "view", path=path) == message
    assert refused(tool, "create", path=path, file_text="x") == message
    assert refused(tool, "delete", path=path) == message
    run(tool, "create", path="/memories/a", file_text="x")
    assert refused(tool, "rename", old_path="/memories/a", new_path=path) == message
    assert run(tool, "view", path="/memories//./a").endswith("\tx")
    assert tool.clear_all_memory() == "All memory cleared"
    assert [one.text for one in memory.list()] == ["outside"]


def test_what_stands_in_the_way_is_told(memory: memoria.Memoria) -> None:
    tool = MemoriaMemoryTool(memory)
    run(tool, "create", path="/memories/a", file_text="x")
    assert refused(tool, "create", path="/memories/a/b", file_text="y") == "The path /memories/a is not a directory."
    run(tool, "create", path="/memories/d/f", file_text="z")
    assert refused(tool, "str_replace", path="/memories/d", old_str="z", new_str="") == (
        "The path /memories/d is not a file."
    )
    assert "into itself" in refused(tool, "rename", old_path="/memories/d", new_path="/memories/d/e")
    assert "1,048,576" in refused(tool, "create", path="/memories/big", file_text="x" * (1 << 20) + "y")
    many = "x" + "\n" * 1_000_000
    run(tool, "create", path="/memories/lines", file_text=many)
    assert refused(tool, "view", path="/memories/lines") == (
        "File /memories/lines exceeds maximum line limit of 999,999 lines."
    )
    memory.hold(memory.list(subject="/memories/a")[0].id, reason="court order")
    assert "held" in refused(tool, "delete", path="/memories/a")


def test_the_async_tool_is_the_sync_one_awaited(tmp_path: Path) -> None:
    tool = AsyncMemoriaMemoryTool(Shared(tmp_path / "a.memoria", embedder=HashEmbedder()))

    async def use() -> list[str]:
        given = [
            {"command": "create", "path": "/memories/a", "file_text": "one\ntwo"},
            {"command": "insert", "path": "/memories/a", "insert_line": 1, "insert_text": "between"},
            {"command": "str_replace", "path": "/memories/a", "old_str": "two", "new_str": "three"},
            {"command": "rename", "old_path": "/memories/a", "new_path": "/memories/b"},
            {"command": "view", "path": "/memories/b"},
            {"command": "delete", "path": "/memories/b"},
        ]
        said = [str(await tool.call(one)) for one in given]
        return [*said, str(await tool.clear_all_memory())]

    assert asyncio.run(use())[4].endswith("     1\tone\n     2\tbetween\n     3\tthree\n     4\t")


def test_claude_keeps_notes_through_the_runner(memory: memoria.Memoria) -> None:
    """The SDK's own loop against a scripted service: what the model asks for is done, and the result sent back."""
    script = [
        {"command": "view", "path": "/memories"},
        {"command": "create", "path": "/memories/tea.md", "file_text": "Ada takes no sugar."},
    ]
    sent: list[Any] = []

    def answer(request: Any) -> Any:
        sent.append(json.loads(request.content))
        turn = len(sent) - 1
        block: dict[str, Any] = {"type": "text", "text": "Noted."}
        if turn < len(script):
            block = {"type": "tool_use", "id": f"t{turn}", "name": "memory", "input": script[turn]}
        body = {
            "id": f"m{turn}",
            "type": "message",
            "role": "assistant",
            "model": "claude",
            "content": [block],
            "stop_reason": "tool_use" if turn < len(script) else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
        return httpx2.Response(200, json=body)

    service = httpx2.Client(transport=httpx2.MockTransport(answer))
    client = anthropic.Anthropic(api_key="none", http_client=service, max_retries=0)
    runner = client.beta.messages.tool_runner(
        max_tokens=100,
        thread=False,
        model="claude-sonnet-5-5",
        messages=[{"role": "user", "content": "Remember that I take no sugar."}],
        tools=[MemoriaMemoryTool(memory)],
    )
    last = runner.until_done()
    assert last.content[0].type == "text"
    assert sent[0]["tools"] == [{"type": "memory_20250818", "name": "memory"}]
    results = [sent[turn]["messages"][-1]["content"][0]["content"] for turn in (1, 2)]
    assert "File created successfully at: /memories/tea.md" in json.dumps(results[1])
    assert [one.text for one in memory.list()] == ["Ada takes no sugar."]


PATHS = st.sampled_from(
    ["/memories/a"] * 6
    + ["/memories", "/memories/", "/memories/b", "/memories/d", "/memories/d/e", "/memories/d/e/f/g", "/memories//a"]
    + ["/memories/.hidden", "/memories/d/./e", "/memories/x/../a", "/memories/../a", "/memoir"]
)
LINES = "l1\nl2\nl3\nl4\nl5\nl6\nl7"
TEXTS = st.sampled_from(
    ["", "x", LINES, LINES, "one\ntwo\n", "a\r\nb\r\n", "tea tea", "\n\n", "ünï\tx", "y" * 1500, "aaa"]
)
COMMANDS = st.one_of(
    st.fixed_dictionaries({"command": st.just("create"), "path": PATHS, "file_text": TEXTS}),
    st.fixed_dictionaries({"command": st.just("create"), "path": PATHS, "file_text": TEXTS}),
    st.fixed_dictionaries(
        {"command": st.just("view"), "path": PATHS},
        optional={"view_range": st.tuples(st.integers(-1, 4), st.integers(-1, 5)).map(list)},
    ),
    st.fixed_dictionaries(
        {
            "command": st.just("str_replace"),
            "path": PATHS,
            "old_str": st.sampled_from(["x", "l4", "l4", "two", "tea", "\n", "aa", "zz", "\r\n"]),
            "new_str": TEXTS,
        }
    ),
    st.fixed_dictionaries(
        {"command": st.just("insert"), "path": PATHS, "insert_line": st.integers(-1, 4), "insert_text": TEXTS}
    ),
    st.fixed_dictionaries({"command": st.just("delete"), "path": PATHS}),
    st.fixed_dictionaries({"command": st.just("rename"), "old_path": PATHS, "new_path": PATHS}),
)


@given(commands=st.lists(COMMANDS, max_size=25))
@example(
    commands=[
        {"command": "create", "path": "/memories/a", "file_text": LINES},
        {"command": "delete", "path": "/memories/a"},
        {"command": "create", "path": "/memories/a", "file_text": LINES.replace("l4", "four")},
        {"command": "str_replace", "path": "/memories/a", "old_str": "four", "new_str": "l4"},
    ]
)
@example(
    commands=[
        {"command": "create", "path": "/memories/a", "file_text": LINES},
        {"command": "str_replace", "path": "/memories/a", "old_str": "l4", "new_str": "two\nlines"},
        {"command": "view", "path": "/memories/a", "view_range": [2, 5]},
    ]
)
def test_it_says_what_the_file_system_tool_says(
    commands: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    theirs = BetaLocalFilesystemMemoryTool(str(tmp_path_factory.mktemp("theirs")))
    with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
        ours = MemoriaMemoryTool(memory)
        for command in commands:
            wanted = said(theirs, command)
            without_empty_directories(theirs.memory_root)
            got = said(ours, command)
            if wanted is None:
                assert got is not None
                assert got.startswith("ToolError"), command
            else:
                assert got == wanted, command


def said(tool: Any, command: dict[str, Any]) -> str | None:
    """The message, or the refusal; None where the reference lets an error of the operating system out."""
    try:
        text = str(tool.call(command))
    except ToolError as error:
        return f"ToolError {error}"
    except OSError:
        return None
    if not text.startswith("Here're"):
        return text
    # The size of a directory is that of its entry on the disk there, and of its files here.
    header, whole, *rest = text.split("\n")
    return "\n".join(
        [header, whole.split("\t")[1], *(line.split("\t")[-1] if line.endswith("/") else line for line in rest)]
    )


def without_empty_directories(root: Path) -> None:
    for place in sorted(root.rglob("*"), reverse=True):
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()

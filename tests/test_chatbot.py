"""The chatbot of docs/chatbot.md: 25 lines, against a server that speaks chat completions, with the small model."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import ModuleType

import pytest

import memoria
from memoria.forget.residue import scan, text_secrets
from memoria.models.huggingface import HuggingFace
from tests import pages
from tests.endpoint import Endpoint, serving

PAGE = pages.DOCS / "chatbot.md"
CODE = "xq4821"


def program() -> str:
    """The one program of the page."""
    (block,) = [block for block in pages.blocks(PAGE) if block.language == "python"]
    return block.code


def talk(monkeypatch: pytest.MonkeyPatch, endpoint: Endpoint, *lines: str) -> str:
    """What the chatbot prints when it is started, told these lines, and ended."""
    monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    return pages.executed(program(), "chatbot.py", ModuleType("chatbot"))


def test_it_has_25_lines() -> None:
    assert len([line for line in program().splitlines() if line.strip()]) <= 25
    assert max(map(len, program().splitlines())) <= 100


def test_it_remembers_explains_and_forgets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with serving(HuggingFace(most=24)) as endpoint:
        told = talk(monkeypatch, endpoint, f"My locker code is {CODE}.")
        shown = talk(monkeypatch, endpoint, "What is my locker code?", "/why", f"/forget {CODE}", "/forget")
    first, second = endpoint.asked
    assert told.count("\n") >= 2
    assert CODE not in str(first["messages"][:-1])
    assert CODE in str(second["messages"])  # the conversation goes on after a new start, or a note tells it
    assert "found" in shown
    assert "mentions" in shown  # "/forget" alone says what is wrong, and ends nothing
    with memoria.open("chatbot.memoria") as memory:
        assert not [one.text for one in memory.list() if CODE in one.text]
        assert not memory.scan(CODE).found
    assert not scan([path for path in tmp_path.rglob("*") if path.is_file()], text_secrets(CODE)).found

"""`memoria chat` in a real terminal, with the small model: remember, restart, recall, forget, recall."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect

import memoria
from memoria.residue import scan, text_secrets

ROOT = Path(__file__).parents[1]
PROMPT = "> "
WAIT = 60
CODE = "xq4821"


@contextmanager
def terminal(store: Path, *options: str) -> Iterator[Any]:
    """A conversation on a terminal of its own, ended by Ctrl-D."""
    script = str(Path(sys.executable).parent / "memoria")
    child = pexpect.spawn(
        script,
        ["chat", "--store", str(store), "--idle", "0", *options],
        encoding="utf-8",
        timeout=WAIT,
        dimensions=(50, 200),
        cwd=ROOT,
        env={**os.environ, "TERM": "dumb", "COLUMNS": "200"},
    )
    try:
        child.expect_exact("/help")
        child.expect_exact(PROMPT)
        yield child
        child.sendeof()
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)


def said(child: Any, text: str) -> str:
    """What the terminal shows after a line is typed, up to the next prompt, without colours."""
    child.sendline(text)
    child.expect_exact("\r\n")
    child.expect_exact("\r\n" + PROMPT)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", child.before)


def residue(store: Path) -> int:
    return len(scan([path for path in store.rglob("*") if path.is_file()], text_secrets(CODE)).found)


def test_remember_restart_recall_forget_recall(tmp_path: Path) -> None:
    store = tmp_path / "agent.memoria"
    with terminal(store) as child:
        said(child, f"My locker code is {CODE}.")
        assert CODE in said(child, "/list")
    with terminal(store, "--new") as child:
        shown = said(child, "What is my locker code?")
        assert CODE in shown
        assert re.search(rf"\d\. \d{{4}}-\d\d-\d\d user: My locker code is {CODE}\.  +\d+\.\d+: \w+", shown)
        why = said(child, "/why")
        assert "in the prompt" in why
        assert "similarity" in why
        child.sendline(f"/forget {CODE}")
        child.expect_exact("Forget? [y/N]: ")
        assert f"My locker code is {CODE}." in child.before
        asked = said(child, "y")
        assert "Forgot" in asked
        assert " 0 found" in asked
        assert residue(store) == 0
        assert CODE not in said(child, "What is my locker code?")
    assert residue(store) == 0
    with terminal(store) as child:
        assert CODE not in said(child, "So what is my locker code?")


def test_the_commands(tmp_path: Path) -> None:
    store = tmp_path / "agent.memoria"
    with memoria.open(store) as memory:
        old = memory.remember("The office is in Lund.")
        then = memory.now()
        memory.supersede(old.id, "The office is in Oslo.")
    with terminal(store) as child:
        listed = said(child, "/help")
        for name in ("/why", "/forget", "/sleep", "/as-of", "/readmit", "/list", "/quit"):
            assert name in listed
        assert "There is no /frobnicate" in said(child, "/frobnicate")
        assert "is no date" in said(child, "/as-of yesterday-ish")
        assert "Recalling as of" in said(child, f"/as-of {then:%Y-%m-%dT%H:%M:%S.%f}")
        past = said(child, "Where is the office?")
        assert "The office is in Lund." in past
        assert "as of now" in said(child, "/as-of off")
        assert "Oslo" in said(child, "Where is the office at present?")
        assert "memories replayed" in said(child, "/sleep")
        assert "Nothing names that" in said(child, "/forget frobnicate")
        child.sendline("/forget Oslo")
        child.expect_exact("Forget? [y/N]: ")
        said(child, "n")
        assert "Oslo" in said(child, "/list")
        child.sendline("Write a very long story about the sea, with a storm in it.")
        child.expect(r"\w+ \w+")
        child.expect(r"[a-z]+ [a-z]+")
        child.sendintr()
        child.expect_exact(PROMPT)
        assert "storm" in said(child, "/list")


def test_lines_of_a_pipe_are_messages_and_replies_are_lines_of_json(tmp_path: Path) -> None:
    store = tmp_path / "agent.memoria"
    script = str(Path(sys.executable).parent / "memoria")
    done = subprocess.run(
        [script, "chat", "--store", str(store), "--json"],
        input=f"My locker code is {CODE}.\nWhat is my locker code?\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=WAIT,
    )
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert first["heard"]["text"] == f"My locker code is {CODE}."
    assert second["said"]["provenance"]["session"] == first["heard"]["provenance"]["session"]

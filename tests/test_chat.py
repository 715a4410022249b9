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
from memoria.forget.residue import scan, text_secrets
from tests import tiny_model

ROOT = Path(__file__).parents[1]
WAIT = 120
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
        cwd=ROOT,
        env={**os.environ, "TERM": "dumb"},
    )
    try:
        child.expect_exact("/help\r\n> ")
        yield child
        child.sendeof()
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)


def typed(child: Any, text: str, until: str = r"(?:^|\n)> ") -> str:
    """What the terminal shows after a line is typed, up to the next prompt."""
    child.sendline(text)
    child.expect_exact(text + "\r\n")
    child.expect(until)
    return str(child.before)


def residue(store: Path) -> int:
    return len(scan([path for path in store.rglob("*") if path.is_file()], text_secrets(CODE)).found)


ASKED = r"Forget\? \[y/N\]: "


def test_remember_restart_recall_forget_recall(tmp_path: Path) -> None:
    store = tmp_path / "agent.memoria"
    with terminal(store) as child:
        typed(child, f"My locker code is {CODE}.")
        assert CODE in typed(child, "/list")
    with terminal(store, "--new") as child:
        shown = typed(child, "What is my locker code?")
        assert re.search(rf"\d\. \d{{4}}-\d\d-\d\d user: My locker code is {CODE}\. +\d+\.\d+: \w+", shown)
        why = typed(child, "/why")
        assert "in the prompt" in why
        assert "similarity" in why
        going = typed(child, f"/forget {CODE}", ASKED)
        assert f"My locker code is {CODE}." in re.sub(r"[│\s]+", " ", going)
        gone = typed(child, "y")
        assert "Forgot" in gone
        assert ": 0 found." in gone
        assert residue(store) == 0
        assert CODE not in typed(child, "What is my locker code?")
    assert residue(store) == 0
    with terminal(store) as child:
        assert CODE not in typed(child, "So what is my locker code?")


def test_ctrl_c_ends_the_reply_and_not_the_conversation(tmp_path: Path) -> None:
    with terminal(tmp_path / "agent.memoria") as child:
        child.sendline("Write a very long story about the sea, with a storm in it.")
        child.expect_exact("in it.\r\n")
        child.expect(r"\w+ \w+ ")
        child.sendintr()
        child.expect_exact("\n> ")
        assert "storm in it" in typed(child, "/list")


def test_the_commands(tmp_path: Path) -> None:
    store, tiny = tmp_path / "agent.memoria", tiny_model.make(tmp_path / "tiny")
    with memoria.open(store) as memory:
        old = memory.remember("The office is in Lund.")
        then = memory.now()
        memory.supersede(old.id, "The office is in Oslo.")
    with terminal(store, "--model", f"hf:{tiny}") as child:
        listed = typed(child, "/help")
        for name in ("/why", "/forget", "/sleep", "/as-of", "/readmit", "/list", "/quit"):
            assert name in listed
        assert "Nothing was asked yet" in typed(child, "/why")
        assert "Nothing was said yet" in typed(child, "/readmit")
        assert "There is no /frobnicate" in typed(child, "/frobnicate")
        assert "is no date" in typed(child, "/as-of yesterday")
        assert "Recalling as of" in typed(child, f"/as-of {then:%Y-%m-%dT%H:%M:%S.%f}")
        assert "The office is in Lund." in typed(child, "Where is the office?")
        assert "as of now" in typed(child, "/as-of off")
        assert "The office is in Oslo." in typed(child, "Where is the office at present?")
        assert "memories replayed" in typed(child, "/sleep")
        assert "Nothing names that" in typed(child, "/forget frobnicate")
        assert "Oslo" in typed(child, "/forget Oslo", ASKED)
        typed(child, "n")
        assert "Oslo" in typed(child, "/list")
        typed(child, "/forget 1", ASKED)
        assert "Forgot 1 memory" in typed(child, "y")
        typed(child, "My pet is a zebra.")
        typed(child, "/forget zebra", ASKED)
        typed(child, "y")
        assert "it was forgotten here once" in typed(child, "My pet is a zebra.")
        assert "forgotten here" not in typed(child, "/readmit")
        assert "My pet is a zebra." in typed(child, "/list")


def test_lines_of_a_pipe_are_messages_and_replies_are_lines_of_json(tmp_path: Path) -> None:
    store, tiny = tmp_path / "agent.memoria", tiny_model.make(tmp_path / "tiny")
    script = str(Path(sys.executable).parent / "memoria")
    done = subprocess.run(
        [script, "chat", "--store", str(store), "--json", "--model", f"hf:{tiny}"],
        input=f"My locker code is {CODE}.\nWhat is my locker code?\n/forget {CODE}\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=WAIT,
    )
    first, second = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    assert first["heard"]["text"] == f"My locker code is {CODE}."
    assert second["said"]["provenance"]["session"] == first["heard"]["provenance"]["session"]
    assert "nothing is forgotten" in done.stderr

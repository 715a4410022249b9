"""The types of the face: mypy and pyright find twenty wrong calls, each where it is, and take twenty right ones."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WRONG, RIGHT = ROOT / "tests" / "calls" / "wrong.py", ROOT / "tests" / "calls" / "right.py"
VERBS = ("remember", "recall", "recall_many", "list", "forget", "amend", "sleep", "supersede")


def told(*command: str) -> tuple[str, bool]:
    """What a checker prints, and whether it is content; one that did not run at all fails here."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert not done.stderr, done.stderr
    return done.stdout, done.returncode == 0


def mypy(file: Path) -> list[tuple[int, str]]:
    """Line and message of every error, by `mypy --strict`."""
    text, content = told("mypy", "--strict", "--output=json", str(file))
    found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    errors = [one for one in found if one["severity"] == "error"]
    assert content == (not errors)
    assert {Path(one["file"]).name for one in errors} <= {file.name}
    return sorted((one["line"], one["message"]) for one in errors)


def pyright(file: Path) -> list[tuple[int, str]]:
    """Line and message of everything that pyright says."""
    text, content = told("pyright", "--outputjson", "--pythonpath", sys.executable, str(file))
    found = json.loads(text)
    assert found["summary"]["filesAnalyzed"] == 1
    assert content == (not found["generalDiagnostics"])
    return sorted((one["range"]["start"]["line"] + 1, one["message"]) for one in found["generalDiagnostics"])


Checker = Callable[[Path], list[tuple[int, str]]]
CHECKERS = pytest.mark.parametrize("checker", [mypy, pyright])


def marked(file: Path, mark: str) -> dict[int, str]:
    """The lines that end in a mark, by number."""
    lines = enumerate(file.read_text().splitlines(), 1)
    return {number: line for number, line in lines if re.search(rf"\S  # {mark}", line)}


@CHECKERS
def test_each_wrong_call_is_found_and_nothing_else(checker: Checker) -> None:
    assert [line for line, _ in checker(WRONG)] == list(marked(WRONG, "wrong: "))


@CHECKERS
def test_each_right_call_is_taken(checker: Checker) -> None:
    assert checker(RIGHT) == []


def test_there_are_twenty_of_each_and_two_wrong_ones_of_each_verb() -> None:
    assert len(marked(RIGHT, "right")) == 22
    wrong = marked(WRONG, "wrong: ").values()
    assert len(wrong) == 22
    for verb in VERBS:
        assert sum(f"memory.{verb}(" in line for line in wrong) >= 2


@CHECKERS
def test_a_result_of_another_type_is_found(checker: Checker, tmp_path: Path) -> None:
    file = tmp_path / "other.py"
    file.write_text(RIGHT.read_text().replace("dry_run=True), memoria.Preview", "dry_run=True), memoria.Receipt"))
    lines = [n for n, line in enumerate(file.read_text().splitlines(), 1) if "dry_run=True), memoria.Receipt" in line]
    assert len(lines) == 2
    assert [line for line, _ in checker(file)] == lines

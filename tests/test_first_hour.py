"""README as a new user types it: what is found in it, and what a shell makes of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import first_hour

ROOT = Path(__file__).parents[1]


def test_readme_says_all_that_is_typed() -> None:
    typed = first_hour.commands((ROOT / "README.md").read_text())
    assert [one.split()[0] for one in typed] == ["python3", "pip", "echo", "memoria", "memoria"]
    shown = (ROOT / "docs/research/first-hour.md").read_text()
    assert [f"$ {one}" for one in typed] == re.findall(r"^\$ .*$", shown.split("## Slim")[0], re.MULTILINE)
    with pytest.raises(SystemExit, match="nothing to type under 'Your own text'"):
        first_hour.commands("## Install\n```sh\nx\n```\n")


def test_lines_are_typed_into_one_shell_up_to_the_first_that_fails(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    lines = ["here=kept", "echo $here; echo on stderr >&2", "cat", "sum=0; for n in {1..200000}; do ((sum+=n)); done"]
    steps = list(first_hour.typed([*lines, "false", "echo never"], tmp_path, tmp_path / "home"))
    assert [one.status for one in steps] == [0, 0, 0, 0, 1]
    assert steps[1].said == "kept\non stderr"
    assert steps[3].cpu > 0.05 > steps[1].cpu
    assert "never" not in "\n".join(first_hour.transcript(steps, tmp_path, tmp_path / "home"))


def test_a_fresh_copy_has_what_is_checked_in_and_a_home_of_its_own(tmp_path: Path) -> None:
    checkout = first_hour.fresh(tmp_path)
    assert (checkout / "memoria" / "stores").is_symlink()
    assert (checkout / "README.md").read_text() == (ROOT / "README.md").read_text()
    assert not (checkout / ".git").exists()
    assert first_hour.environment(tmp_path / "home")["HOME"] == str(tmp_path / "home")
    assert "VIRTUAL_ENV" not in first_hour.environment(tmp_path)
    assert first_hour.megabytes(checkout) > 1

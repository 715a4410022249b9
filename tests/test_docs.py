"""README and docstrings run; the command reference has not drifted."""

from __future__ import annotations

import doctest
import importlib.util
import re
from pathlib import Path

import pytest

import memoria

ROOT = Path(__file__).parents[1]


def test_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "Ada takes her tea without sugar." in printed
    assert "0 found" in printed


def test_docstrings_run() -> None:
    result = doctest.testmod(memoria)
    assert result.attempted >= 3
    assert result.failed == 0


def test_command_reference_has_not_drifted() -> None:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert (ROOT / "docs" / "cli.md").read_text() == generate.render(), "run `make docs`"


def test_the_set_up_of_a_database_is_the_one_that_is_tested() -> None:
    from memoria.stores.postgres.schema import PROVISION

    assert f"```sql\n{PROVISION}\n```" in (ROOT / "docs" / "scale.md").read_text()

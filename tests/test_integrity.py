"""agent-memory-integrity, in an environment of its own: what it prints is what docs/research/integrity.md says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.apart import environments
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[1]


def test_the_tables_are_those_of_the_page() -> None:
    problem = environments.make("integrity")
    if problem:
        pytest.skip(f"NOT RUN: {problem}; `python -m tests.apart.environments integrity` fetches it")
    command = [str(environments.python("integrity")), "-W", "ignore", "-m", "tests.apart.integrity"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    tables = done.stdout.strip().split("\n\n")
    assert len(tables) == 2
    page = (ROOT / "docs" / "research" / "integrity.md").read_text()
    for table in tables:
        assert table in page


def test_the_package_is_pinned_by_its_hash() -> None:
    (line,) = environments.requirements("integrity").read_text().splitlines()
    package, hash = line.split(" --hash=sha256:")
    assert package.startswith("agent-memory-integrity==")
    assert len(bytes.fromhex(hash)) == 32

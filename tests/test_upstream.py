"""The frameworks' own tests, unmodified, aimed at memoria: tests/upstream/README.md says whose they are.

Each suite's conftest puts our class in the place of theirs. What fails is named here with its reason, exactly: a test
that fails and is not named, or is named and passes, fails this one.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[1]
UPSTREAM = Path(__file__).with_name("upstream")
REPORT = "report.xml"
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"


@dataclass(frozen=True, kw_only=True)
class Suite:
    """files: which of the folder's files. page: where the numbers stand. nightly: it sleeps for real.

    bound: patterns of the tests of something that only their implementation has, and what that is.
    """

    folder: str
    files: tuple[str, ...]
    page: str
    bound: dict[str, str] = field(default_factory=dict)
    nightly: bool = False


SUITES = {
    "langgraph-checkpoint": Suite(folder="langgraph_checkpoint", files=("test_store.py",), page="langgraph.md"),
    "langgraph-checkpoint-sqlite": Suite(
        folder="langgraph_checkpoint_sqlite",
        files=("test_store.py", "test_async_store.py"),
        page="langgraph.md",
        bound={
            "test_store::test_vector_store_initialization": "reads its SQLite tables",
            "test_nonnull_migrations": "reads its SQL migrations",
            "test_sql_injection_vulnerability": "wants names that its SQL cannot quote refused; we have no SQL",
            "test_no_running_loop": "wants its async store to refuse sync calls; ours answers both",
        },
    ),
    "langgraph-checkpoint-sqlite ttl": Suite(
        folder="langgraph_checkpoint_sqlite",
        files=("test_ttl.py",),
        page="langgraph.md",
        bound={
            "test_ttl_override_default": "takes a read not to refresh unless asked; TTLConfig says it does, and we do"
        },
        nightly=True,
    ),
    "anthropic": Suite(
        folder="anthropic",
        files=("test_filesystem.py",),
        page="anthropic.md",
        bound={
            "test_mkdir_parents_not_world_writable": "looks at the modes of directories; we make none",
            "symlink": "makes symbolic links on the disk; there are none in a store",
            "crlf": "puts the file on the disk itself, past the tool; test_anthropic.py has the same with `create`",
            "test_view_error_for_files_with_too_many_lines": "its file of 5 MB is past our limit of 1 MiB",
        },
    ),
    "openai-agents": Suite(
        folder="openai_agents",
        files=("memory/test_session.py", "memory/test_session_limit.py"),
        page="openai-agents.md",
        bound={
            "worker_thread": "counts its SQLite connections",
            "test_sqlite_session_closes_retired_connections": "counts its SQLite connections",
            "connection": "counts, breaks or closes its SQLite connections",
            "corrupt": "writes broken JSON into its table",
            "releases_write_lock": "breaks its SQLite connection",
            "rolls_back": "breaks its SQLite connection",
            "post_commit_cancellation": "pauses its SQLite commit; test_openai_agents.py has the same with ours",
            "file_lock_is_shared": "looks at its lock object",
            "test_sqlite_session_closed_rejects_empty_add_items": "closes the session; ours does not own its store",
        },
    ),
}


def start(suite: Suite, folder: Path) -> subprocess.Popen[str]:
    """Runs a suite in a process of its own, where `tests` is their package."""
    package = folder / "tests"
    shutil.copytree(UPSTREAM / suite.folder, package)
    (package / "__init__.py").touch()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore"]
    command += [f"--junitxml={folder / REPORT}", "-o", "anyio_mode=auto", *(f"tests/{name}" for name in suite.files)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{folder}"}
    if Path("/dev/shm").is_dir():
        environment["TMPDIR"] = "/dev/shm"  # they write much, and none of it is about durability
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, subprocess.Popen[str]]]:
    """All suites, begun together: each spends half its time in imports."""
    folders = {name: tmp_path_factory.mktemp("suite") for name, suite in SUITES.items() if NIGHTLY or not suite.nightly}
    return {name: (folder, start(SUITES[name], folder)) for name, folder in folders.items()}


def outcomes(folder: Path, process: subprocess.Popen[str]) -> dict[str, bool]:
    """Whether each test of a suite passes."""
    said, _ = process.communicate(timeout=600)
    assert process.returncode in (0, 1), said
    cases = [*ElementTree.parse(folder / REPORT).iter("testcase")]
    passed = {f"{case.get('classname')}::{case.get('name')}": len(case) == 0 for case in cases}
    assert len(passed) == len(cases)
    return passed


def test_their_files_are_as_they_came() -> None:
    lines = [line.split() for line in (UPSTREAM / "SHA256SUMS").read_text().splitlines()]
    sums = {name: digest for digest, name in lines}
    theirs = [path for path in UPSTREAM.rglob("*.py") if path.name not in ("conftest.py", "__init__.py")]
    assert {f"./{path.relative_to(UPSTREAM)}" for path in theirs} == set(sums)
    for name, digest in sums.items():
        assert hashlib.sha256((UPSTREAM / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize("name", SUITES)
def test_their_tests_pass_with_our_class(name: str, running: dict[str, tuple[Path, subprocess.Popen[str]]]) -> None:
    suite = SUITES[name]
    if name not in running:
        pytest.skip("sleeps for real; HYPOTHESIS_PROFILE=nightly runs it")
    passed = outcomes(*running[name])
    failing = {test for test, fine in passed.items() if not fine}
    bound = {test for test in passed if any(pattern in test for pattern in suite.bound)}
    assert failing == bound
    assert all(any(pattern in test for test in failing) for pattern in suite.bound)
    page = (ROOT / "docs" / "integrations" / suite.page).read_text()
    row = re.search(rf"^\| `{re.escape(name)}` \|.*\| (\d+) \| (\d+) \|", page, re.MULTILINE)
    assert row is not None, f"{suite.page} has no row for {name}"
    assert (int(row[1]), int(row[2])) == (len(passed) - len(failing), len(failing))

"""The frameworks' own tests, unmodified, aimed at memoria: tests/upstream/README.md says whose they are.

Each suite's conftest puts our class in the place of theirs. What fails is named here with its reason, exactly: a test
that fails and is not named, or is named and passes, fails this one.
"""

from __future__ import annotations

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
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"


@dataclass(frozen=True, kw_only=True)
class Suite:
    """files: which of the folder's files. bound: tests of something that only their implementation has, and what.

    nightly: it sleeps or writes much. page: where the numbers stand.
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
            "test_vector_store_initialization": "reads its SQLite tables",
            "test_nonnull_migrations": "reads its SQL migrations",
            "test_sql_injection_vulnerability[memory]": "wants names that its SQL cannot quote refused; we have no SQL",
            "test_sql_injection_vulnerability[file]": "the same",
            "test_no_running_loop[memory]": "wants its async store to refuse sync calls; ours answers both",
            "test_no_running_loop[file]": "the same",
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
}


def outcomes(suite: Suite, folder: Path) -> dict[str, bool]:
    """Whether each test of a suite passes, in a process of its own where `tests` is their package."""
    package = folder / "tests"
    shutil.copytree(UPSTREAM / suite.folder, package)
    (package / "__init__.py").touch()
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", f"--junitxml={report}"]
    command += ["-o", "anyio_mode=auto", *(f"tests/{name}" for name in suite.files)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{folder}", "OPENAI_API_KEY": "none", "LANGSMITH_TRACING": "false"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    cases = ElementTree.parse(report).iter("testcase")
    return {case.attrib["name"]: case.find("failure") is None and case.find("error") is None for case in cases}


@pytest.mark.parametrize("name", SUITES)
def test_their_tests_pass_with_our_class(name: str, tmp_path: Path) -> None:
    suite = SUITES[name]
    if suite.nightly and not NIGHTLY:
        pytest.skip("sleeps for real; HYPOTHESIS_PROFILE=nightly runs it")
    passed = outcomes(suite, tmp_path)
    failing = {test for test, fine in passed.items() if not fine}
    assert failing == set(suite.bound)
    page = (ROOT / "docs" / "integrations" / suite.page).read_text()
    row = re.search(rf"^\| `{re.escape(name)}` \|.*\| (\d+) \| (\d+) \|", page, re.MULTILINE)
    assert row is not None, f"{suite.page} has no row for {name}"
    assert (int(row[1]), int(row[2])) == (len(passed) - len(failing), len(failing))

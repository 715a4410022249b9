"""The frameworks' own tests, unmodified, aimed at memoria: tests/upstream/README.md says where they come from.

Each suite's conftest puts our class in the place of theirs. What fails is named here with its reason, exactly: a test
that fails and is not named, or is named and passes, fails this one.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.apart import environments
from tests.upstream.sources import CACHE, DIFFERS, HAD, MISSING, REQUIREMENTS, Source, read

ROOT = Path(__file__).parents[1]
UPSTREAM = Path(__file__).with_name("upstream")
REPORT = "report.xml"
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
SOURCES = read()


@dataclass(frozen=True, kw_only=True)
class Suite:
    """source: whose tests. files: which of its tests run. beside: what they import. page: where the numbers stand.

    nightly: it takes minutes, or sleeps for real.
    apart: it runs in the environment of tests/apart that has the name of its source.
    bound: patterns of the tests of something that only their implementation has, and what that is.
    """

    source: str
    files: tuple[str, ...]
    beside: tuple[str, ...] = ()
    page: str
    bound: dict[str, str] = field(default_factory=dict)
    nightly: bool = False
    apart: bool = False

    @property
    def conftest(self) -> Path:
        return UPSTREAM / f"{self.source.replace('-', '_')}.py"


SUITES = {
    "langgraph-checkpoint": Suite(
        source="langgraph-checkpoint", files=("test_store.py",), beside=("embed_test_utils.py",), page="langgraph.md"
    ),
    "langgraph-checkpoint-sqlite": Suite(
        source="langgraph-checkpoint-sqlite",
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
        source="langgraph-checkpoint-sqlite",
        files=("test_ttl.py",),
        page="langgraph.md",
        bound={
            "test_ttl_override_default": "takes a read not to refresh unless asked; TTLConfig says it does, and we do"
        },
        nightly=True,
    ),
    "anthropic": Suite(
        source="anthropic",
        files=("lib/tools/memory_tools/test_filesystem.py",),
        page="anthropic.md",
        bound={
            "test_mkdir_parents_not_world_writable": "looks at the modes of directories; we make none",
            "symlink": "makes symbolic links on the disk; there are none in a store",
            "crlf": "puts the file on the disk itself, past the tool; test_anthropic.py has the same with `create`",
            "test_view_error_for_files_with_too_many_lines": "its file of 5 MB is past our limit of 1 MiB",
        },
    ),
    "openai-agents": Suite(
        source="openai-agents",
        files=("memory/test_session.py", "memory/test_session_limit.py"),
        beside=("test_responses.py",),
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
    "crewai": Suite(
        source="crewai",
        files=tuple(
            f"memory/test_{name}.py"
            for name in (
                "dimension_mismatch",
                "lancedb_filter_escaping",
                "lancedb_update",
                "memory_root_scope",
                "storage_factory",
                "unified_memory",
            )
        ),
        page="crewai.md",
        bound={"percent_underscore_and_backslash": "takes a scope for the beginning of a text; ours is a path"},
        nightly=True,
        apart=True,
    ),
}


def fetch(requirements: Path = REQUIREMENTS, cache: Path = CACHE) -> tuple[int, dict[str, str]]:
    """The status of fetch.py, and what it says of each source."""
    command = [sys.executable, "-m", "tests.upstream.fetch", str(requirements), str(cache)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode in (HAD, MISSING, DIFFERS), done.stderr
    return done.returncode, {line.split("==")[0]: line for line in done.stdout.splitlines()}


@pytest.fixture(scope="module")
def fetched() -> dict[str, str]:
    status, said = fetch()
    assert status != DIFFERS, "\n".join(said.values())  # nothing of any of them runs then
    return said


def unpack(source: Source, names: tuple[str, ...], package: Path) -> None:
    """What was compared with the pin is what is unpacked: the file is read once."""
    content = source.check(source.path(CACHE).read_bytes())
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for name in names:
            file = archive.extractfile(f"{source.root}/tests/{name}")
            assert file is not None, name
            place = package / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.read())
    for folder in {package, *(place.parent for place in package.rglob("*"))}:
        (folder / "__init__.py").touch()


def start(suite: Suite, folder: Path) -> subprocess.Popen[str]:
    """Runs a suite in a process of its own, where `tests` is their package."""
    package = folder / "tests"
    unpack(SOURCES[suite.source], suite.files + suite.beside, package)
    shutil.copy(suite.conftest, package / "conftest.py")
    runner = environments.python(suite.source) if suite.apart else sys.executable
    command = [str(runner), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore"]
    command += [f"--junitxml={folder / REPORT}", "-o", "anyio_mode=auto", *(f"tests/{name}" for name in suite.files)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{folder}"}
    if Path("/dev/shm").is_dir():
        environment["TMPDIR"] = "/dev/shm"  # they write much, and none of it is about durability
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.fixture(scope="module")
def running(
    fetched: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Path, subprocess.Popen[str]]]:
    """All suites that are here, begun together: each spends half its time in imports."""
    here = [name for name, suite in SUITES.items() if SOURCES[suite.source].path(CACHE).exists()]
    here = [name for name in here if NIGHTLY or not SUITES[name].nightly]
    here = [name for name in here if not SUITES[name].apart or not environments.make(SUITES[name].source)]
    folders = {name: tmp_path_factory.mktemp("suite") for name in here}
    return {name: (folder, start(SUITES[name], folder)) for name, folder in folders.items()}


def outcomes(folder: Path, process: subprocess.Popen[str]) -> dict[str, bool]:
    """Whether each test of a suite passes."""
    said, _ = process.communicate(timeout=600)
    assert process.returncode in (0, 1), said
    cases = [*ElementTree.parse(folder / REPORT).iter("testcase")]
    passed = {f"{case.get('classname')}::{case.get('name')}": len(case) == 0 for case in cases}
    assert len(passed) == len(cases)
    return passed


@pytest.mark.parametrize("source", SOURCES.values(), ids=str)
def test_their_tests_are_of_the_version_that_is_installed(source: Source) -> None:
    apart = {suite.source for suite in SUITES.values() if suite.apart}
    pins = environments.requirements(source.name) if source.name in apart else ROOT / "constraints.txt"
    assert str(source) in pins.read_text().splitlines()


@pytest.mark.parametrize("name", SUITES)
def test_their_tests_pass_with_our_class(
    name: str, fetched: dict[str, str], running: dict[str, tuple[Path, subprocess.Popen[str]]]
) -> None:
    suite = SUITES[name]
    if suite.nightly and not NIGHTLY:
        pytest.skip("takes minutes, or sleeps for real; HYPOTHESIS_PROFILE=nightly runs it")
    if name not in running:
        problem = environments.make(suite.source) if suite.apart else ""
        pytest.skip(f"NOT RUN: {problem or fetched[suite.source]}; `python -m tests.upstream.fetch` fetches it")
    passed = outcomes(*running[name])
    failing = {test for test, fine in passed.items() if not fine}
    bound = {test for test in passed if any(pattern in test for pattern in suite.bound)}
    assert failing == bound
    assert all(any(pattern in test for test in failing) for pattern in suite.bound)
    page = (ROOT / "docs" / "integrations" / suite.page).read_text()
    row = re.search(rf"^\| `{re.escape(name)}` \| (\S+) .*\| (\d+) \| (\d+) \|", page, re.MULTILINE)
    assert row is not None, f"{suite.page} has no row for {name}"
    assert row[1] == SOURCES[suite.source].version
    assert (int(row[2]), int(row[3])) == (len(passed) - len(failing), len(failing))


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all pip finds files in."""
    folder = tmp_path / "served"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def pin(tmp_path: Path, content: bytes) -> Path:
    """Requirements of one source, for which a file with this content is expected."""
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"some-tests==1.0 --hash=sha256:{hashlib.sha256(content).hexdigest()}\n")
    return requirements


def test_a_source_is_fetched_once(tmp_path: Path, served: Path) -> None:
    requirements, cache = pin(tmp_path, b"theirs"), tmp_path / "cache"
    (served / "some_tests-1.0.tar.gz").write_bytes(b"theirs")
    assert fetch(requirements, cache) == (HAD, {"some-tests": "some-tests==1.0 was fetched"})
    (served / "some_tests-1.0.tar.gz").unlink()
    assert fetch(requirements, cache) == (HAD, {"some-tests": "some-tests==1.0 is in the cache"})
    assert [(path.name, path.read_bytes()) for path in cache.iterdir()] == [("some_tests-1.0.tar.gz", b"theirs")]


def test_a_source_that_cannot_be_had_is_named(tmp_path: Path, served: Path) -> None:
    status, said = fetch(pin(tmp_path, b"theirs"), tmp_path / "cache")
    assert status == MISSING
    assert said["some-tests"].startswith("some-tests==1.0 could not be had: ")


@pytest.mark.parametrize("place", ["served", "cache"])
def test_a_source_with_another_hash_is_refused(place: str, tmp_path: Path, served: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / place / "some_tests-1.0.tar.gz").write_bytes(b"another's")
    status, said = fetch(pin(tmp_path, b"theirs"), tmp_path / "cache")
    assert status == DIFFERS
    assert "has the hash" in said["some-tests"]
    assert place == "cache" or not any((tmp_path / "cache").iterdir())

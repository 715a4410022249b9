"""tests/apart, each in an environment of its own: frameworks that want other versions than we do.

An environment is made once, from pinned requirements; where they cannot be fetched, the summary says `NOT RUN`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.apart import environments

ROOT = Path(__file__).parents[1]
APART = ROOT / "tests" / "apart"
# The framework of each.
SUITES = {"adk": "google-adk", "crewai": "crewai", "langchain": "langchain-tests"}
# langchain-tests is written for a plugin that only it brings.
OPTIONS = {"langchain": ("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function")}


def pinned(name: str, package: str) -> str:
    (version,) = re.findall(rf"^{package}==(\S+)$", (APART / f"{name}.txt").read_text(), re.MULTILINE)
    return str(version)


@pytest.mark.parametrize("name", SUITES)
def test_they_pass_in_an_environment_of_their_own(name: str, tmp_path: Path) -> None:
    problem = environments.make(name)
    if problem:
        pytest.skip(f"NOT RUN: {problem}; `python -m tests.apart.environments {name}` fetches it")
    command = [str(environments.python(name)), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore"]
    command += [*OPTIONS.get(name, ()), f"--junitxml={tmp_path / 'report.xml'}", f"tests/apart/{name}.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    (suite,) = ElementTree.parse(tmp_path / "report.xml").iter("testsuite")
    assert int(suite.attrib["tests"]) > 10
    assert (suite.attrib["failures"], suite.attrib["errors"], suite.attrib["skipped"]) == ("0", "0", "0")


@pytest.mark.parametrize(("name", "package"), SUITES.items())
def test_the_versions_are_those_that_the_extras_and_pages_say(name: str, package: str) -> None:
    version = pinned(name, package)
    page = (ROOT / "docs" / "integrations" / f"{name}.md").read_text()
    assert version in page or ".".join(version.split(".")[:2]) in page
    assert all(re.fullmatch(r"[\w.\[\]-]+==[\w.]+", line) for line in (APART / f"{name}.txt").read_text().splitlines())


def test_an_environment_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    said = environments.make("langchain", tmp_path)
    assert said.startswith("langchain could not be had: ")
    assert not environments.python("langchain", tmp_path).exists()
    assert list(tmp_path.iterdir()) == []


def test_what_is_made_is_taken_as_it_is(tmp_path: Path) -> None:
    made = environments.python("langchain", tmp_path)
    made.parent.mkdir(parents=True)
    made.symlink_to(sys.executable)
    assert environments.make("langchain", tmp_path) == ""

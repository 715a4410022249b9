"""Stores by URL: the page's store as an installed package, found by its scheme; and what counts as a URL."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

import memoria
from memoria import plugins
from memoria.errors import InvalidInput, InvalidQuery, StoreNotFound
from memoria.policies import registry as policies
from memoria.protocols import Store
from memoria.stores import registry
from memoria.testing import HashEmbedder
from memoria.testing.stores import EMBEDDER, StoreConformance
from tests.test_machine import Machine

PAGE = Path(__file__).parents[1] / "docs" / "writing-a-store.md"
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "snapshot-store"
version = "1.0"
[tool.hatch.build.targets.wheel]
include = ["snapshot_store.py"]
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the page's package is installed: its code and its TOML, built into a wheel and unpacked."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    (source / "pyproject.toml").write_text(PROJECT + blocks("toml")[0])
    (source / "snapshot_store.py").write_text(blocks("python")[0])
    build = "from hatchling.build import build_wheel; print(build_wheel('.'))"
    done = subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with ZipFile(source / done.stdout.split()[-1]) as wheel:
        wheel.extractall(folder)
    return folder


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(site))


def claim(folder: Path, name: str, group: str, line: str) -> None:
    """Installs a package of one entry point."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{line}\n")


@pytest.mark.usefixtures("installed")
class TestInstalled(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = registry.open_url(f"snapshot://{tmp_path}/a.snapshot", embedder=EMBEDDER.card)
        yield store
        store.close()


class UrlMachine(Machine):
    """The machine over a store that is opened by URL."""

    def open(self) -> memoria.Memoria:
        embedder = HashEmbedder(32)
        return memoria.Memoria(registry.open_url(f"snapshot://{self.path}", embedder=embedder.card), embedder)


@pytest.mark.usefixtures("installed")
def test_machine_by_url() -> None:
    run_state_machine_as_test(UrlMachine, settings=settings(max_examples=15, stateful_step_count=20))


def test_the_package_is_known_once_it_is_installed(site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert registry.schemes() == ["postgresql", "postgres"]
    monkeypatch.syspath_prepend(str(site))
    assert registry.schemes() == ["postgresql", "postgres", "snapshot"]
    assert list(tomllib.loads(blocks("toml")[0])["project"]["entry-points"]) == [registry.GROUP]
    with pytest.raises(StoreNotFound):
        registry.open_url(f"snapshot://{tmp_path}/none.snapshot", embedder=EMBEDDER.card, mode="r")
    assert list(tmp_path.iterdir()) == []
    registry.open_url(f"SnapShot://{tmp_path}/a.snapshot", embedder=EMBEDDER.card).close()
    store = registry.open_url(f"snapshot://{tmp_path}/a.snapshot", embedder=HashEmbedder(32).card, mode="r")
    assert store.embedder == EMBEDDER.card
    with pytest.raises(memoria.StoreReadOnly):
        store.write_note("name", "value")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("postgresql://h/d", True),
        ("sqlite:///x", True),
        ("REDIS://h", True),
        ("a+b-c.d1://", True),
        ("C:\\x", False),
        ("C://x", False),
        ("a:b", False),
        ("./x:y", False),
        ("./sqlite://x", False),
        ("sqlite:/x", False),
        ("1a://x", False),
        ("_a://x", False),
        (":memory:", False),
        ("agent.memoria", False),
        ("", False),
        (Path("postgresql://h/d"), False),
    ],
)
def test_what_counts_as_a_url(path: str | Path, expected: bool) -> None:
    assert registry.is_url(path) == expected


@pytest.mark.parametrize("url", ["sqlite:///x", "redis://user:hunter2@h", "Redis://h"])
def test_an_unknown_scheme_is_named_beside_the_known_ones_and_nothing_else_of_the_url(url: str) -> None:
    scheme = url.split(":")[0].lower()
    with pytest.raises(InvalidQuery, match=rf"{scheme}://, only for postgresql, postgres$") as error:
        registry.open_url(url, embedder=EMBEDDER.card)
    assert "hunter2" not in str(error.value)


def test_a_directory_is_not_opened_by_url() -> None:
    with pytest.raises(InvalidQuery, match="URL"):
        registry.open_url("C:\\x", embedder=EMBEDDER.card)


def test_names_of_ours_stay_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claim(tmp_path, "evil", registry.GROUP, "postgresql = nowhere:Store")
    claim(tmp_path, "bad", policies.GROUP, "fifo = nowhere:Policy")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert registry.schemes() == ["postgresql", "postgres"]
    monkeypatch.delenv("MEMORIA_KEYS", raising=False)
    with pytest.raises(InvalidQuery, match="keys="):
        registry.open_url("postgresql://h/d", embedder=EMBEDDER.card)
    assert policies.names() == list(policies.OURS)
    assert type(policies.make("fifo")).__name__ == "Fifo"


@pytest.mark.parametrize("group", [registry.GROUP, policies.GROUP])
def test_a_name_that_two_packages_claim_is_refused(group: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claim(tmp_path, "one", group, "redis = nowhere:one")
    claim(tmp_path, "two", group, "redis = nowhere:two")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert plugins.names(group, ["a"]) == ["a", "redis"]
    with pytest.raises(InvalidInput, match="several packages: one, two"):
        plugins.find(group, {}, "redis")


def test_postgres_is_opened_by_both_of_its_schemes(database: str) -> None:
    for scheme in ("postgresql", "postgres", "PostgreSQL"):
        url = scheme + database[database.index("://") :]
        store = registry.open_url(url, embedder=EMBEDDER.card, timeout=5.0)
        assert (type(store).__name__, store.count(())) == ("PostgresStore", 0)
        store.close()

"""Stores beside memoria: the search in files sees all and only that, failures have rows, the page is its run's."""

from __future__ import annotations

import base64
import json
import pickle
import sqlite3
import tomllib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from memoria.cli import app
from memoria.errors import InvalidQuery
from memoria.evaluation.bench.peers import page, residue, run, sample
from memoria.evaluation.bench.peers.adapters import PEERS
from memoria.evaluation.bench.peers.process import PeerFailed, Process
from memoria.evaluation.bench.peers.sample import Sample
from memoria.testing.embedders import HashEmbedder
from memoria.version import __version__
from release.requirements import PEERS as REQUIRED
from release.requirements import pins

ROOT = Path(__file__).parents[1]
ERASED, N, ROUNDS = 50, 200, 10
# What each store needs beside memoria itself.
PACKAGE = {
    "Chroma": "chromadb",
    "LanceDB": "lancedb",
    "sqlite-vec": "pysqlite3",
    "Qdrant, local": "qdrant_client",
    "LangGraph SqliteStore": "pysqlite3",
    "mem0, no model": "mem0",
    "inspeximus": "inspeximus",
}
ABSENT = [name for name, package in PACKAGE.items() if find_spec(package) is None]


def quiet(what: str, done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def stored() -> Sample:
    return sample.synthetic(N + ROUNDS, run.QUESTIONS, 0)


@pytest.fixture(scope="module")
def report(stored: Sample, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A small run of every store that is installed, and of one that is not."""
    names = [name for name in PEERS if name not in ABSENT] + ABSENT[:1]
    folder = tmp_path_factory.mktemp("peers")
    made = run.bench_peers(folder, stored, names, N, quiet, rounds=ROUNDS, limit=120, seed=0, openings=1)
    assert not [one.name for one in folder.iterdir() if one.name.startswith(("copy", "decoded"))]
    return made | {"command": "memoria bench peers", "texts": "synthetic texts and vectors"}


@pytest.mark.parametrize("name", PEERS)
def test_a_store_is_measured_and_what_it_keeps_is_seen(report: dict[str, Any], name: str) -> None:
    if name in ABSENT:
        pytest.skip(f"NOT RUN: {PACKAGE[name]} is not installed; `make peers` runs it in an environment of its own")
    result = report["peers"][name]
    assert "failed" not in result
    assert result["recall"] > 0.9
    assert result["still"] == 0
    assert all(result[verb][what] > 0 for verb in ("insert", "search", "delete") for what in ("p50", "mean"))
    assert all(result[what] > 0 for what in ("batch_ms", "bytes", "bytes_compacted", "open_ms", "ready_ms"))
    for state in ("open", "closed", "compacted"):
        seen = result["residue"][state]["kept_decoded"]
        assert {kind: seen[kind] for kind in ("text", "vector", "id")} == dict.fromkeys(
            ("text", "vector", "id"), ERASED
        )


@pytest.mark.parametrize("name", ["memoria", "memoria, sealed"])
def test_of_what_memoria_forgot_only_random_ids_are_left(report: dict[str, Any], name: str) -> None:
    for state in report["peers"][name]["residue"].values():
        left = state["gone_decoded"]
        assert (left["text"], left["vector"], left["key"]) == (0, 0, 0)
        assert state["kept_decoded"]["key"] == ERASED
    # In clear, the ledger has them.
    assert report["peers"]["memoria"]["residue"]["closed"]["gone"]["id"] == ERASED


def test_without_the_key_nothing_of_a_sealed_store_is_seen(report: dict[str, Any]) -> None:
    for state in report["peers"]["memoria, sealed"]["residue"].values():
        assert set(state["kept"].values()) == set(state["gone"].values()) == {0}


@pytest.mark.skipif(not ABSENT, reason="every store is installed")
def test_a_store_that_is_not_installed_has_a_row_that_says_so(report: dict[str, Any]) -> None:
    assert "pip install 'memoria-runtime[peers]'" in report["peers"][ABSENT[0]]["failed"]
    rendered = page.render(report)
    assert f"- {ABSENT[0]}: open: MissingExtra" in rendered
    (row,) = [line for line in rendered.splitlines() if line.startswith(f"| {ABSENT[0]} | failed | failed |")][:1]
    assert row.count("failed") == 8


# -- the search in files --

TEXT, OTHER = "Ada drinks tea without süßen Zucker, she says.", "Ada drinks tea without süßen Kuchen, he said."
VECTOR = np.random.default_rng(0).standard_normal(384).astype(np.float32)
ID, KEY = "98b33c6e-0a14-490a-b795-e98680ee526e", bytes(range(7, 39))
SMALL = {0: (TEXT, VECTOR)}
FORMS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "UTF-8": ("text", TEXT.encode),
    "UTF-16": ("text", lambda: TEXT.encode("utf-16-le")),
    "JSON with escapes": ("text", lambda: json.dumps({"text": TEXT}).encode()),
    "a part of it": ("text", lambda: TEXT.encode()[20:]),
    "float32": ("vector", lambda: VECTOR.tobytes()),
    "float32, half of it": ("vector", lambda: VECTOR[190:].tobytes()),
    "float32, the other order": ("vector", lambda: VECTOR.astype(">f4").tobytes()),
    "float16": ("vector", lambda: VECTOR.astype("<f2").tobytes()),
    "float64": ("vector", lambda: VECTOR.astype("<f8").tobytes()),
    "a pickle of a list": ("vector", lambda: pickle.dumps(VECTOR.tolist())),
    "JSON of a list": ("vector", lambda: json.dumps(VECTOR.tolist()).encode()),
    "JSON without spaces": ("vector", lambda: json.dumps(VECTOR.tolist(), separators=(",", ":")).encode()),
    "base64 of float32": ("vector", lambda: base64.b64encode(VECTOR.tobytes())),
    "base64 of float16": ("vector", lambda: base64.b64encode(VECTOR.astype("<f2").tobytes())),
    "an id as text": ("id", ID.encode),
    "an id without hyphens": ("id", lambda: ID.replace("-", "").encode()),
    "an id as bytes": ("id", lambda: bytes.fromhex(ID.replace("-", ""))),
    "a key": ("key", lambda: KEY),
}


@pytest.mark.parametrize("before", [0, 1, 7, 4093])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_found_wherever_it_stands(
    form: str, before: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(residue, "_AT_ONCE", 1024)
    kind, made = FORMS[form]
    noise = np.random.default_rng(1).bytes(8192)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(noise[:before] + made() + noise[before:])
    sought = residue.needles(SMALL, {0: ID}, {0: KEY})
    assert residue.seen(residue.contents(tmp_path), sought) == {(kind, 0)}


def test_names_of_files_are_searched_and_noise_and_short_files_are_not_found(tmp_path: Path) -> None:
    sought = residue.needles(SMALL, {0: ID}, {0: KEY})
    (tmp_path / "noise").write_bytes(np.random.default_rng(2).bytes(1 << 20))
    (tmp_path / "short").write_bytes(b"abc")
    (tmp_path / "none").write_bytes(b"")
    assert residue.seen(residue.contents(tmp_path), sought) == set()
    (tmp_path / ID).write_bytes(b"")
    assert residue.seen(residue.contents(tmp_path), sought) == {("id", 0)}


def test_what_another_text_has_too_is_not_taken_for_this_one(tmp_path: Path) -> None:
    sought = residue.needles(SMALL, {0: ID}, {})
    (tmp_path / "file").write_bytes(OTHER.encode())
    assert residue.seen(residue.contents(tmp_path), sought) == {("text", 0)}
    apart = residue.without_common(sought, [TEXT, OTHER], {TEXT: 0})
    assert residue.seen(residue.contents(tmp_path), apart) == set()
    (tmp_path / "file").write_bytes(TEXT.encode())
    assert residue.seen(residue.contents(tmp_path), apart) == {("text", 0)}


@pytest.mark.parametrize("secure", [0, 1])
def test_rows_deleted_in_sqlite_are_left_unless_they_are_overwritten(tmp_path: Path, secure: int) -> None:
    """The control of the search itself: a file in which deleted rows are known to be, or not to be."""
    made = sample.synthetic(40, 1, 3).rows
    contents = {number: (row.text, row.vector) for number, row in enumerate(made)}
    sought = residue.needles(contents, {number: row.key for number, row in enumerate(made)}, {})
    sought = residue.without_common(sought, (row.text for row in made), {row.text: n for n, row in enumerate(made)})
    db = sqlite3.connect(tmp_path / "a.db")
    db.execute(f"PRAGMA secure_delete = {secure}")
    db.execute("CREATE TABLE memory (key TEXT, text TEXT, vector BLOB)")
    db.executemany("INSERT INTO memory VALUES (?, ?, ?)", [(one.key, one.text, one.vector.tobytes()) for one in made])
    db.commit()
    db.execute("DELETE FROM memory WHERE rowid > 20")
    db.commit()
    found = residue.seen(residue.contents(tmp_path), sought)
    db.close()
    assert residue.counted(found, range(20)) == {"text": 20, "vector": 20, "id": 20, "key": 0}
    left = residue.counted(found, range(20, 40))
    assert (left["vector"] == 0) == bool(secure)
    assert (left["text"] == 0) == bool(secure)


# -- processes --


@pytest.fixture
def place(stored: Sample, tmp_path: Path) -> Path:
    (tmp_path / "sample").mkdir()
    (tmp_path / "store").mkdir()
    sample.save(stored, tmp_path / "sample")
    return tmp_path


def test_a_store_that_takes_too_long_or_dies_fails_in_words(place: Path) -> None:
    late = Process("FAISS + SQLite", place / "store", place / "sample", place / "home", 0.01)
    with pytest.raises(PeerFailed, match=r"open: not done after 0 s in all"):
        late.ask("open")
    late.end()
    with pytest.raises(PeerFailed, match=r"its process ended \(-9\)"):
        late.ask("open")
    wrong = Process("FAISS + SQLite", place / "absent", place / "sample", place / "home", 60)
    with pytest.raises(PeerFailed, match="open: OperationalError: unable to open database file"):
        wrong.ask("open")
    wrong.end()


def test_a_failure_keeps_what_was_measured_before(
    stored: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(bench: run.Bench, name: str, one: run.Running) -> None:
        raise PeerFailed("it was told to")

    monkeypatch.setattr(run.Bench, "compacted", fails)
    made = run.bench_peers(tmp_path, stored, ["FAISS + SQLite"], N, quiet, rounds=ROUNDS, limit=60, seed=0, openings=1)
    result = made["peers"]["FAISS + SQLite"]
    assert result["failed"] == "it was told to"
    assert result["recall"] == 1.0
    assert "ready_ms" not in result
    rendered = page.render(made | {"command": "c", "texts": "t"})
    assert "· failed |" in rendered
    assert "- FAISS + SQLite: it was told to" in rendered


# -- samples, the page and the command --


def test_texts_of_the_users_are_stored_and_asked(tmp_path: Path) -> None:
    texts = [f"Fact {number} tells of door {number * 7}." for number in range(30)]
    made = sample.given([*texts, "", texts[0]], 20, 10, HashEmbedder(384), 0)
    assert ([row.text for row in made.rows], made.questions) == (texts[:20], texts[20:])
    assert np.linalg.norm(made.rows[0].vector) == pytest.approx(1.0)
    assert len({row.key for row in made.rows}) == 20
    with pytest.raises(InvalidQuery, match="30 different texts: 31 are needed"):
        sample.given(texts, 21, 10, HashEmbedder(384), 0)


def test_what_cannot_be_seen_is_never_shown_as_nothing_left(report: dict[str, Any]) -> None:
    blind = json.loads(json.dumps(report))
    for state in blind["peers"]["FAISS + SQLite"]["residue"].values():
        state["kept_decoded"]["text"] = ERASED - 1
        state["gone_decoded"]["text"] = 0
    left = page.render(blind).partition("## What is left")[2]
    (row,) = [line for line in left.splitlines() if line.startswith("| FAISS + SQLite |")][:1]
    assert row.split(" | ")[1] == "cannot be seen"


def test_the_page_is_that_of_the_stored_run() -> None:
    stored = json.loads((ROOT / "docs" / "peers.json").read_text())
    assert (ROOT / "docs" / "peers.md").read_text() == page.render(stored)
    assert list(stored["peers"]) == list(PEERS)
    assert page.stored(stored) == (ROOT / "docs" / "peers.json").read_text()


def test_what_is_compared_is_pinned_by_hash_as_the_extra_says() -> None:
    """`make peers` installs requirements-peers.txt, which `make requirements` writes."""
    text = (ROOT / REQUIRED).read_text()
    pinned, known = pins(text), pins((ROOT / "constraints.txt").read_text())
    assert {name for name, version in pinned.items() if known.get(name, version) != version} == set()
    assert text.count("--hash=sha256:") > len(pinned)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = pins("\n".join(one for one in extras["peers"] if "==" in one))
    assert len(named) == 9
    assert named.items() <= pinned.items()
    stored = json.loads((ROOT / "docs" / "peers.json").read_text())["peers"]
    measured = {name: version for one in stored.values() for name, version in one["versions"].items()}
    assert measured.items() - {("memoria-runtime", __version__)} <= pinned.items()


def test_wrong_words_to_the_command_are_refused() -> None:
    done = CliRunner().invoke(app, ["bench", "peers", "--only", "Oracle"])
    assert done.exit_code != 0
    assert "no store is called 'Oracle'" in str(done.exception or done.output)
    with pytest.raises(InvalidQuery, match="rounds: 101 deletions of 200 memories"):
        run.bench_peers(Path(), sample.synthetic(10, 1, 0), ["memoria"], 200, quiet, rounds=101, limit=1, seed=0)

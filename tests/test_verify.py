"""A verification that finds something has found something: no word of a schema, and no letters by chance."""

from __future__ import annotations

import json
import os
import sqlite3
import string
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import memoria
from memoria.cli import app
from memoria.evaluation.quality import residues
from memoria.forget.verifying import sought
from memoria.forget.verifying import verified as verified_now
from memoria.stores.local import LocalStore
from memoria.testing import HashEmbedder

EMBEDDER = HashEmbedder(64)
SHORT = ("no", "I", "key", "name", "memory", "42.", "Tokyo", "C", "yes", "ja", "\u00e9", "1234567", "is")
# Words that a store of this kind has in its files, of 8 bytes and more.
OWN = (
    "namespace",
    "stability",
    "INTEGER PRIMARY KEY",
    "SQLite format 3",
    "last_retrieved",
    "MEMSLOTS",
    "note.schedule",
)


@pytest.fixture(params=["memory", "local", "postgres"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[memoria.Memoria]:
    place = {"memory": ":memory:", "local": str(tmp_path / "a.memoria")}.get(request.param)
    with memoria.open(place or request.getfixturevalue("database"), embedder=EMBEDDER) as made:
        yield made


def verified(memory: memoria.Memoria, *texts: str) -> memoria.Verification:
    ids = [memory.remember(text, readmit=True) for text in texts]
    receipt = memory.forget(*ids, verify=True)
    assert receipt.verification is not None
    return receipt.verification


@pytest.mark.parametrize("text", SHORT)
def test_a_text_that_is_in_the_files_anyway_is_skipped_and_counted(memory: memoria.Memoria, text: str) -> None:
    beside = "A longer text, which is looked for."
    seen, both = verified(memory, text), verified(memory, text, beside)
    assert (seen.found, seen.skipped) == (0, 1)
    assert (both.found, both.skipped) == (0, 1)
    assert both.needles > seen.needles > 0


@pytest.mark.parametrize("text", [*OWN, EMBEDDER.card.name])
def test_a_word_of_the_schema_is_skipped(tmp_path: Path, text: str) -> None:
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER) as memory:
        memory.fade()
        seen = verified(memory, text)
        assert (seen.found, seen.skipped) == (0, 1)
        assert any(text.encode() in path.read_bytes() for path in memory.store.files()) or len(text) < 8


@settings(max_examples=40)
@given(st.text(string.ascii_lowercase + string.digits + " .", min_size=1, max_size=12).filter(str.strip))
def test_no_text_is_found_that_is_not_there(text: str) -> None:
    with memoria.open(":memory:", embedder=EMBEDDER) as memory:
        assert verified(memory, text).found == 0


def test_what_is_there_is_found(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER) as memory:
        (tmp_path / "a.memoria" / "stray").write_text("Ada likes 8 teas")
        assert (seen := verified(memory, "Ada likes 8 teas")).found == 1
        assert seen.skipped == 0
        assert verified(memory, "teas and").found == 0
        receipt = memory.forget(memory.remember("8"), verify=True)
        assert "1 short or common texts" in receipt.summary()


def test_a_part_of_a_gist_is_skipped_alike(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER) as memory:
        ids = [memory.remember(text).id for text in ("yes", "yes!", "yes!!")]
        memory.consolidate(*ids)
        seen = memory.forget(ids[0], verify=True).verification
        assert seen is not None
        assert seen.found == 0
        assert seen.skipped > 0


def test_the_command_ends_with_1_when_anything_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.memoria"
    with memoria.open(path) as memory:
        ids = [memory.remember(text).id for text in ("name", "Ada likes her tea.", "Bob likes his tea.")]

    def forget(id: str, *more: str) -> int:
        return CliRunner().invoke(app, ["forget", "--store", str(path), id, "--yes", "--verify", *more]).exit_code

    assert forget(ids[0]) == 0
    (path / "stray").write_text("Ada likes her tea. Bob likes his tea.")
    assert forget(ids[1]) == 1
    assert forget(ids[2], "--json") == 1


def test_the_database_of_the_store_is_what_was_meant(tmp_path: Path) -> None:
    """The words above are those of a store as it is made: one that the schema loses proves nothing any more."""
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER) as memory:
        memory.fade()
    with sqlite3.connect(tmp_path / "a.memoria" / "memoria.db") as database:
        lines = database.execute("SELECT coalesce(sql, '') FROM sqlite_master UNION SELECT name FROM meta").fetchall()
    said = " ".join(line for (line,) in lines)
    assert [word for word in OWN if word not in said] == ["SQLite format 3", "MEMSLOTS"]


def test_no_short_text_raises_an_alarm_and_no_plant_is_missed(tmp_path: Path) -> None:
    texts, plants = map(int, os.environ.get("MEMORIA_RESIDUES", "300,100").split(","))
    found = residues.evaluate(EMBEDDER, tmp_path, lambda *_: None, texts=texts, plants=plants, seed=7)
    assert (found["alarms"], found["missed"], found["alarms without a plant"]) == ({}, {}, 0)
    assert found["kinds"] > 40


def test_what_is_left_in_an_index_is_found(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER) as memory:
        one, _ = memory.remember_many(["no", "What stays is here."])
        memory.recall("no")
        store = memory.store
        assert isinstance(store, LocalStore)
        wanted = sought(store, store.secrets([one.id]), [], [one.id])
        (bound,) = store.bound([one.id])
        vector = store.read([one.id])[0].vector  # type: ignore[union-attr]
        memory.forget(one)
        assert verified_now(store, wanted).left == ()
        space = store._space(bound.namespace)
        assert space is not None
        assert space.index is not None
        assert space.words is not None
        space.index.add(np.array([bound.slot]), vector[None])
        assert verified_now(store, wanted).left == ("vector index",)
        space.words.add(bound.slot, one)
        assert verified_now(store, wanted).left == ("vector index", "word index")


def test_a_finding_is_in_the_receipt_its_line_and_the_json(tmp_path: Path) -> None:
    place = tmp_path / "a.memoria"
    with memoria.open(place, embedder=EMBEDDER) as memory:
        one = memory.remember("no")
        memory.remember("Another one that stays.")
    (place / "stray.json").write_text('{"text": "no"}')
    result = CliRunner().invoke(app, ["forget", one.id, "--yes", "--verify", "--json", "--store", str(place)])
    assert result.exit_code == 1
    found = json.loads(result.stdout)["verification"]
    assert (found["found"], found["left"]) == (1, ["text utf-8 in stray.json"])
    with memoria.open(place, embedder=EMBEDDER) as memory:
        assert memory.receipts()[-1].facts["verification"]["found"] == 1

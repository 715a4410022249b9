"""After forget nothing of a text, vector or key stands in any file; live vectors and keys prove the scanner."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import memoria
from memoria.embedders import unit_vectors
from memoria.forget.residue import scan, text_secrets
from memoria.remember import Draft
from memoria.stores import LocalStore
from memoria.stores.forgets import KEEP_NOTE
from memoria.testing import HashEmbedder
from memoria.types import Secret, Where

EMBEDDER = HashEmbedder(384)


@pytest.mark.parametrize("secure_delete", [False, True])
def test_nothing_of_a_thousand_forgotten_memories_stands_in_any_file(tmp_path: Path, secure_delete: bool) -> None:
    store = LocalStore(tmp_path / "a.memoria", embedder=EMBEDDER.card, secure_delete=secure_delete)
    with memoria.Memoria(store, EMBEDDER) as memory:
        vectors = np.random.default_rng(0).standard_normal((2000, 384))
        ids = [
            one.id
            for one in memory.remember_many(
                Draft(text=f"secret number {n} of person {n * 7919}", vector=vector, subject=f"s{n}")
                for n, vector in enumerate(vectors)
            )
        ]
        gone, kept = ids[::2], ids[1::2]
        secrets, live = store.secrets(gone), store.secrets(kept)
        memory.forget(*gone[:500])
        for id in gone[500:]:
            memory.forget(id)
        assert len(secrets) == 5000
        assert scan(store.files(), secrets).found == ()
        found = {find.needle for find in scan(store.files(), live).found}
        labels = [live[needle].label for needle in found]
        assert (labels.count("key"), labels.count("vector fp16"), labels.count("text")) == (1000, 1000, 0)
        # The codes and fp32 forms stand nowhere on disk, so a copy of each proves that the scanner knows them.
        some = live[:100]
        (tmp_path / "copy").write_bytes(b"".join(one.data for one in some))
        assert len({find.needle for find in scan([tmp_path / "copy"], some).found}) == len(some)


def test_amend_and_namespace_erase_leave_nothing(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER) as memory:
        old = memory.namespace("u", "secret-name").remember("the old words that were said")
        secrets = memory.store.secrets([old.id])
        memory.amend(old.id, text="entirely different content")
        assert scan(memory.store.files(), secrets).found == ()
        secrets = memory.store.secrets([old.id])
        receipt = memory.forget(namespace=("u",), verify=True)
        assert receipt.verification is not None
        assert receipt.verification.found == 0
        assert scan(memory.store.files(), [*secrets, Secret(label="name", data=b"secret-name")]).found == ()


def test_what_is_filtered_by_is_never_in_the_clear_and_its_labels_go_along(tmp_path: Path) -> None:
    names = [f"{field} of {n * 7919}" for field in ("session", "speaker", "seat", "path") for n in range(200)]
    clear = [secret for name in names for secret in text_secrets(name)]
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER) as memory:
        made = memory.remember_many(
            Draft(
                text=f"fact {n}",
                provenance=memoria.Provenance(session=f"session of {n * 7919}", speaker=f"speaker of {n * 7919}"),
                metadata={"flight": {"seat": f"seat of {n * 7919}", f"path of {n * 7919}": True}},
            )
            for n in range(200)
        )
        asked = Where(session="session of 0", speaker="speaker of 0", metadata={"flight.seat": "seat of 0"})
        assert memory.store.select(asked) == [made[0].id]
        assert memory.store.select(Where(metadata={"flight.path of 7919": True})) == [made[1].id]
        assert scan(memory.store.files(), clear).found == ()
        hashes = _labels(tmp_path / "a.memoria")
        assert len(hashes) == 4 * 200
        for one in made[::2]:
            memory.forget(one.id)
        assert memory.store.select(asked) == []
        assert scan(memory.store.files(), clear).found == ()
        memory.rebuild()
        gone = [Secret(label="label", data=hash) for hash in sorted(hashes - _labels(tmp_path / "a.memoria"))]
        assert len(gone) == 4 * 100
        assert scan(memory.store.files(), gone).found == ()
    # The scanner knows them where they are in the clear.
    (tmp_path / "copy").write_text("\n".join(names))
    assert {clear[find.needle].data.decode() for find in scan([tmp_path / "copy"], clear).found} >= set(names)


def _labels(path: Path) -> set[bytes]:
    with closing(sqlite3.connect(f"file:{path}/memoria.db?mode=ro", uri=True)) as database:
        return {hash for (hash,) in database.execute("SELECT hash FROM label")}


def test_a_receipt_counts_the_vector_of_a_kept_twin_apart(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER) as memory:
        first, _ = memory.remember_many(["the same words twice", "the same words twice"])
        seen = memory.forget(first.id, verify=True).verification
        assert seen is not None
        assert (seen.found, seen.shared) == (0, 1)


@given(st.binary(min_size=40, max_size=200), st.integers(0, 300), st.integers(8, 64), st.randoms())
def test_the_scanner_finds_a_needle_at_any_offset_and_across_chunks(
    needle: bytes, at: int, chunk: int, rng: random.Random
) -> None:
    import tempfile

    noise = rng.randbytes(at)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f"
        path.write_bytes(noise + needle + rng.randbytes(50))
        secrets = [Secret(label="whole", data=needle), Secret(label="run", data=b"\1\2" + needle, run=32)]
        found = {find.needle for find in scan([path], secrets, chunk=8 * chunk).found}
        assert 0 in found
        assert 1 in found or len(set(needle)) < 40
        missing = [Secret(label="near miss", data=needle[:-1] + bytes([needle[-1] ^ 1, 7, 9]))]
        assert scan([path], missing, chunk=8 * chunk).found == ()


@given(st.lists(st.lists(st.floats(-1e3, 1e3, width=32), min_size=4, max_size=4), min_size=1, max_size=5))
def test_unit_vectors_have_length_one_or_are_refused(rows: list[list[float]]) -> None:
    if any(np.linalg.norm(row) == 0 for row in rows):
        with pytest.raises(memoria.InvalidVector, match="zero"):
            unit_vectors(rows, 4)
    else:
        assert np.linalg.norm(unit_vectors(rows, 4), axis=1) == pytest.approx(np.ones(len(rows)), abs=1e-5)


def test_what_is_pruned_is_as_gone_as_what_is_forgotten(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER) as memory:
        going = memory.remember("a trifle that nobody asks about")
        memory.remember("what stays")
        secrets = memory.store.secrets([going.id])
        assert scan(memory.store.files(), secrets).found != ()
        memory.archive(going.id)
        assert memory.prune(below=1.1).ids == (going.id,)
        assert scan(memory.store.files(), secrets).found == ()


def test_a_copy_of_the_database_alone_opens_nothing(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER) as memory:
        ids = [one.id for one in memory.remember_many(f"secret number {n}" for n in range(50))]
        secrets = memory.store.secrets(ids)
        copies = [tmp_path / path.name for path in (tmp_path / "a.memoria").glob("memoria.db*")]
        for copy in copies:
            shutil.copy(tmp_path / "a.memoria" / copy.name, copy)
    assert sum(copy.stat().st_size for copy in copies) > 0
    assert {secret.label for secret in secrets} >= {"text", "key", "vector fp16"}
    assert scan(copies, secrets).found == ()


def test_a_copy_of_the_whole_directory_still_knows(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER) as memory:
        one = memory.remember("Ada takes tea.")
    shutil.copytree(tmp_path / "a.memoria", tmp_path / "b.memoria")
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER) as memory:
        memory.forget(one.id)
    with memoria.open(tmp_path / "b.memoria", embedder=EMBEDDER) as copy:
        assert copy.get(one.id) == one


def test_the_id_of_what_is_forgotten_stays_in_the_forget_log_for_as_long_as_that_is_kept(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER) as memory:
        one, _ = memory.remember_many(["a secret", "what stays"])
        id = Secret(label="id", data=bytes.fromhex(one.id))
        memory.forget(one.id)
        assert scan(memory.store.files(), [id]).found != ()
        memory.rebuild()
        (found,) = scan(memory.store.files(), [id]).found
        with sqlite3.connect(found.path) as database:
            assert database.execute("SELECT count(*) FROM gone WHERE ids = ?", (id.data,)).fetchone() == (1,)
        memory.store.write_note(KEEP_NOTE, "0")
        memory.rebuild()
        assert scan(memory.store.files(), [id]).found == ()


def test_what_does_not_name_its_source_stays(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER) as memory:
        one = memory.remember("Ada takes tea.")
        copied = memory.remember("Tea is what Ada takes.")
        memory.forget(one.id)
        assert memory.list() == [copied]


def test_a_receipt_holds_no_content(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER) as memory:
        for asked in (
            {"subject": "zqsubject"},
            {"tags": ["zqtag"]},
            {"mentions": "zqtext"},
            {"namespace": ("zqname",)},
        ):
            draft = Draft(text="zqtext", subject="zqsubject", tags=["zqtag"], metadata={"zqkey": "zqvalue"})
            memory.namespace("zqname").remember_many([draft], readmit=True)
            receipt: Any = memory.forget(verify=True, **asked)
            assert len(receipt.forgotten) == 1
            assert "withheld" in repr(receipt)
            assert "zq" not in repr(receipt) + receipt.summary()


@pytest.mark.parametrize("text", ["no", "I", "42.", "memory", "Tokyo", "namespace", "last_retrieved", "hash-64"])
def test_a_text_that_is_found_in_any_store_is_not_looked_for(tmp_path: Path, text: str) -> None:
    with memoria.open(tmp_path / "a", embedder=HashEmbedder(64)) as memory:
        one = memory.remember(text)
        verified = memory.forget(one.id, verify=True).verification
        assert verified is not None
        assert (verified.found, verified.skipped) == (0, 1)

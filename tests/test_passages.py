"""Long texts: what stands behind an encoder's limit is found, and it is erased with its memory."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import memoria
from memoria.engine.memory import Memoria
from memoria.forget.residue import scan
from memoria.recall.context import estimate_tokens, prompt
from memoria.stores import LocalStore
from memoria.stores.local.passages import opened
from memoria.stores.nearness import Nearness
from memoria.testing import BoundedEmbedder, HashEmbedder
from memoria.text.passages import LEAST, by_letters, cut_at, grouped, starts, whole
from memoria.transfer.jsonl import export, import_lines
from memoria.types import Passages, Where

EMBEDDER = BoundedEmbedder(48)
PAGE = " ".join(f"Paragraph {n}: the weather was mild and the garden needed water." for n in range(40))
FACT = "The vault code is kept by Marguerite in the blue cupboard."


def _filled(path: str, *, embedder: HashEmbedder = EMBEDDER) -> Memoria:
    memory = memoria.open(path, embedder=embedder, reinforce="never")
    memory.remember_many([f"Note {n}: bought {n + 2} apples and cleaned window {n}." for n in range(30)])
    return memory


@pytest.fixture(params=["memory", "local"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return ":memory:" if request.param == "memory" else str(tmp_path / "a.memoria")


@given(st.text(st.sampled_from("ab .!?\n\u3002\u00e9"), max_size=300), st.integers(1, 40))
def test_pieces_are_the_text_and_fit(text: str, size: int) -> None:
    def count(texts: Sequence[str]) -> list[int]:
        return list(map(len, texts))

    cut = grouped(text, size, size, count)
    pieces = cut_at(text, cut)
    assert "".join(pieces) == text
    assert all(len(piece) <= size for piece in pieces)
    assert (cut == []) == (len(text) <= size)
    # No piece could have had the next one too.
    assert all(len(one) + len(other) > size / 2 for one, other in pairwise(pieces))


def test_a_text_within_the_limit_has_one_vector_and_so_has_any_of_a_callable() -> None:
    assert starts("x " * (LEAST // 2), EMBEDDER) == []
    assert starts("word " * 16, EMBEDDER) == []
    assert starts("word " * 17, EMBEDDER) != []
    assert starts(PAGE, HashEmbedder(48)) == []
    calls: list[list[str]] = []

    def embed(texts: object) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        assert isinstance(texts, list)
        calls.append(texts)
        return np.eye(len(texts), dtype=np.float32)

    made = whole(EMBEDDER, ["brief", PAGE, "brief as well"], embed)
    assert len(calls) == 1
    assert [passages is None for _, passages in made] == [True, False, True]
    assert len(calls[0]) == 3 + len(starts(PAGE, EMBEDDER))


def test_the_end_of_a_long_text_is_found_and_named(place: str) -> None:
    with _filled(place) as memory:
        long = memory.remember(f"{PAGE} {FACT}")
        for vector_only in (False, True):
            hit = memory.recall("who keeps the vault code in a cupboard", k=1, vector_only=vector_only)[0]
            assert hit.memory == long
            assert hit.passage is not None
            assert "Marguerite" in hit.passage
            at = long.text.find(hit.passage)
            assert hit.explain().endswith(f", characters {at} to {at + len(hit.passage)} of {len(long.text)}")
        brief = memory.recall("bought 7 apples", k=1)[0]
        assert brief.passage is None
        assert "characters" not in brief.explain()


def test_a_budget_gives_the_passage_of_a_long_text_and_the_whole_of_a_short_one(place: str) -> None:
    with _filled(place) as memory:
        long = memory.remember(f"{PAGE} {FACT}")
        asked = "who keeps the vault code in a cupboard"
        whole_text = estimate_tokens(long.text)
        (whole_hit,) = memory.recall(asked, k=1, budget_tokens=whole_text + 20)
        assert (whole_hit.in_part, whole_hit.shown) == (False, long.text)
        hits = memory.recall(asked, k=5, budget_tokens=150)
        assert hits[0].memory == long
        assert hits[0].in_part
        assert hits[0].shown == f"... {hits[0].passage} ..."
        assert "Marguerite" in prompt(hits)
        assert "Paragraph 7:" not in prompt(hits)
        assert estimate_tokens(prompt(hits)) <= 150
        assert memory.recall(asked, k=1, budget_tokens=3) == []


def test_without_an_encoder_that_counts_the_passage_is_found_by_words() -> None:
    with _filled(":memory:", embedder=HashEmbedder(48)) as memory:
        memory.remember(f"{PAGE[: len(PAGE) // 2]} {FACT} {PAGE[len(PAGE) // 2 :]}")
        (hit,) = memory.recall("who keeps the vault code in a cupboard", k=1, budget_tokens=150)
        assert hit.in_part
        assert hit.passage is not None
        assert "Marguerite" in hit.passage
        assert len(by_letters(hit.memory.text)) > 5


def test_what_an_amendment_writes_is_found_and_what_it_replaces_is_not(place: str) -> None:
    with _filled(place) as memory:
        long = memory.remember(f"{PAGE} {FACT}")
        memory.amend(long.id, salience=0.9)
        assert memory.recall("who keeps the vault code", k=1, vector_only=True)[0].memory.id == long.id
        memory.amend(long.id, text=f"{PAGE} The train to Lena leaves at dawn.")
        assert memory.recall("the train to Lena leaves", k=1, vector_only=True)[0].memory.id == long.id
        hit = memory.recall(FACT, k=1, vector_only=True)[0]
        assert hit.score < 0.9


def test_copies_and_imports_have_all_passages(tmp_path: Path) -> None:
    with _filled(str(tmp_path / "a.memoria")) as memory:
        long = memory.remember(f"{PAGE} {FACT}")
        (one,) = memory.store.read([long.id])
        lines = list(export(memory.store, Where()))
        memoria.copy(memory.store, tmp_path / "b.memoria")
    assert one is not None
    with memoria.open(tmp_path / "c.memoria", embedder=EMBEDDER) as memory:
        import_lines(memory.store, EMBEDDER, lines)
    for name in ("b", "c"):
        with memoria.open(tmp_path / f"{name}.memoria", embedder=EMBEDDER) as memory:
            (other,) = memory.store.read([long.id])
            assert other is not None and other.passages is not None and one.passages is not None  # noqa: PT018 - for the type checker
            assert (other.passages.starts, other.vector.tobytes()) == (one.passages.starts, one.vector.tobytes())
            assert np.allclose(other.passages.vectors, one.passages.vectors, atol=1e-3)


def _long(n: int) -> str:
    rng = random.Random(n)
    return " ".join(f"Line {at} of {n}: {' '.join(rng.choices(PAGE.split(), k=9))}." for at in range(6))


def test_nothing_of_the_passages_of_what_was_forgotten_stands_in_any_file(tmp_path: Path) -> None:
    embedder = BoundedEmbedder(384)
    store = LocalStore(tmp_path / "a.memoria", embedder=embedder.card)
    with Memoria(store, embedder) as memory:
        ids = [one.id for one in memory.remember_many(_long(n) for n in range(60))]
        gone, kept = ids[::2], ids[1::2]
        secrets, live = store.secrets(gone), store.secrets(kept)
        further = [secret for secret in secrets if secret.label == "vector fp16"]
        assert len(further) > 3 * len(gone)
        # Passages are sealed: not even those of what is there stand in the clear, only first vectors do.
        seen = sorted(live[needle].label for needle in {find.needle for find in scan(store.files(), live).found})
        assert seen == ["key"] * len(kept) + ["vector fp16"] * len(kept)
        # The key that opens them is the one that is erased.
        with closing(sqlite3.connect(f"file:{tmp_path}/a.memoria/memoria.db?mode=ro", uri=True)) as database:
            blobs = database.execute(
                "SELECT m.id, p.sealed FROM passage p JOIN memory m ON m.row = p.row ORDER BY m.id"
            )
            for (id, blob), key in zip(blobs, _keys(store, sorted(ids)), strict=True):
                assert len(opened(key, blob, id).starts) > 2
                with pytest.raises(memoria.StoreCorrupt):
                    opened(bytes(32), blob, id)
        memory.recall("weather", k=3)
        memory.forget(*gone[:20])
        for id in gone[20:]:
            memory.forget(id)
        assert scan(store.files(), secrets).found == ()
        memory.reembed(BoundedEmbedder(384))
        assert scan(store.files(), secrets).found == ()
        memory.rebuild()
        with closing(sqlite3.connect(f"file:{tmp_path}/a.memoria/memoria.db?mode=ro", uri=True)) as database:
            assert database.execute("SELECT count(*) FROM passage").fetchone() == (len(kept),)


def _keys(store: LocalStore, ids: list[str]) -> list[bytes]:
    return [secret.data for secret in store.secrets(ids) if secret.label == "key"]


def test_damaged_passages_hide_no_memory_and_are_given_up_by_a_repair(tmp_path: Path) -> None:
    path = tmp_path / "a.memoria"
    with _filled(str(path)) as memory:
        long = memory.remember(f"{PAGE} {FACT}")
    with closing(sqlite3.connect(path / "memoria.db")) as database:
        database.execute("UPDATE passage SET sealed = zeroblob(length(sealed))")
        database.commit()
    with memoria.open(path, embedder=EMBEDDER) as memory:
        assert memory.get(long.id) == long
        assert memory.recall("who keeps the vault code", k=1)[0].memory == long
        assert memory.doctor() == [f"memory {long.id}: its further passages are damaged"]
        memory.store.repair()
        assert memory.doctor() == []
        memory.reembed(BoundedEmbedder(48))
        assert memory.recall("who keeps the vault code", k=1, vector_only=True)[0].memory == long


def test_a_reader_sees_passages_come_and_go(tmp_path: Path) -> None:
    path = str(tmp_path / "a.memoria")
    with _filled(path) as memory, memoria.open(path, mode="r", embedder=EMBEDDER) as reader:
        asked = "who keeps the vault code in a cupboard"
        assert reader.recall(asked, k=1)[0].score < 5 or reader.recall(asked, k=1)[0].passage is None
        long = memory.remember(f"{PAGE} {FACT}")
        assert reader.recall(asked, k=1, vector_only=True)[0].memory == long
        memory.forget(long.id)
        for vector_only in (False, True):
            assert long.id not in [hit.memory.id for hit in reader.recall(asked, k=40, vector_only=vector_only)]


def test_a_forget_takes_passages_out_of_ram_before_it_returns(tmp_path: Path) -> None:
    with _filled(str(tmp_path / "a.memoria")) as memory:
        long = memory.remember(f"{PAGE} {FACT}")
        memory.recall("weather", k=1)
        assert isinstance(memory.store, LocalStore)
        (space,) = memory.store._spaces.values()
        assert space.passages is not None
        assert len(space.passages) == len(starts(long.text, EMBEDDER))
        memory.forget(long.id)
        assert len(space.passages) == 0


def test_passages_in_ram_are_as_if_the_forgotten_had_never_been() -> None:
    rng = np.random.default_rng(0)
    vectors = {doc: rng.standard_normal((doc % 4 + 1, 8)).astype(np.float32) for doc in range(20)}
    seen, never = Nearness(8), Nearness(8)
    for doc, some in vectors.items():
        # Of gists in part: their parts come in order.
        further = Passages(starts=(0,) * len(some), vectors=some, parts=tuple(range(len(some))) if doc % 2 else ())
        seen.add(doc, further)
        if doc % 3:
            never.add(doc, further)
    seen.remove(doc for doc in vectors if not doc % 3)
    question = rng.standard_normal(8).astype(np.float32)
    docs, scores = seen.best(question)
    others, theirs = never.best(question)
    assert docs.tolist() == others.tolist()
    assert scores.tolist() == theirs.tolist()
    assert len(seen) == len(never)
    parts = np.array([doc % 4 * (doc % 2) for doc in docs.tolist()], np.int64)
    first = np.zeros((len(docs), 8), np.float32)
    assert (seen.nearer(docs, parts, first, question) == never.nearer(docs, parts, first, question)).all()
    assert (seen.nearer(docs, parts, first, question)[docs == 7] == vectors[7][3].astype(np.float16)).all()

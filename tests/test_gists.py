"""A gist never hides its parts: each is found, returned and protected as if it had never gone in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import memoria
from memoria import Draft, Provenance
from memoria.stores import LocalStore
from memoria.testing import HashEmbedder
from memoria.text import coarse
from memoria.text.leaves import Leaves
from memoria.text.parts import leaves, part_of
from memoria.transfer.jsonl import export, import_lines
from memoria.types import Where

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOW = START + 1000 * HOUR
EMBEDDER = HashEmbedder(384)
TALK = [
    ("Ada", "mon", "I had coffee with Ann at noon"),
    ("Bob", "mon", "How was it?"),
    ("Ada", "mon", "The train to Oslo was late, so we were late"),
    ("Bob", "tue", "I had coffee with Ann at nine"),
    ("Ada", "tue", "Did she like the train to Oslo?"),
    ("Bob", "tue", "She said that the train to Oslo was late again"),
    ("Ada", "wed", "I had coffee with Ann at four, on 3 May"),
    ("Bob", "wed", "Green is a colour"),
]
QUESTIONS = ("When did Ada have coffee with Ann?", "Was the train to Oslo late?", "What did Bob say of a colour?")


def opened(path: Path | str, **options: Any) -> memoria.Memoria:
    return memoria.open(path, embedder=EMBEDDER, clock=lambda: NOW, reinforce="never", **options)


def told(memory: memoria.Memoria) -> list[str]:
    drafts = [
        Draft(text=text, created_at=START + n * HOUR, subject=who, provenance=Provenance(speaker=who, session=session))
        for n, (who, session, text) in enumerate(TALK)
    ]
    return [one.id for one in memory.remember_many(drafts)]


def gathered(memory: memoria.Memoria) -> tuple[list[str], str]:
    """Ids of what was told, and of the gist that has all of it but two turns."""
    ids = told(memory)
    return ids, memory.consolidate(*ids[:4], *ids[5:7]).id


@pytest.fixture(params=[":memory:", "a.memoria"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    name = str(request.param)
    return name if name == ":memory:" else tmp_path / name


def answers(memory: memoria.Memoria) -> list[list[tuple[str, float]]]:
    asked: list[dict[str, Any]] = [
        {},
        {"speaker": "Ada"},
        {"session": "tue", "subject": "BOB"},
        {"until": START + 3 * HOUR},
        {"as_of": START + 5 * HOUR},
        {"kinds": ("episodic",)},
        {"vector_only": True},
        {"vector_only": True, "speaker": "Bob", "k": 2},
        {"k": 3},
    ]
    return [
        [(hit.memory.text, round(hit.score, 1)) for hit in memory.recall(question, **how)]
        for how in asked
        for question in QUESTIONS
    ]


def test_recall_after_a_night_is_recall_awake(path: Path | str) -> None:
    with opened(path) as memory:
        ids = told(memory)
        awake = [[text for text, _ in one] for one in answers(memory)]
        scores = [score for one in answers(memory) for _, score in one]
        gist = memory.consolidate(*ids[:4], *ids[5:7])
        assert [[text for text, _ in one] for one in answers(memory)] == awake
        assert [score for one in answers(memory) for _, score in one] == pytest.approx(scores, abs=0.11)
        (hit, *_) = memory.recall("coffee with Ann at nine")
        assert (hit.memory, hit.gist, hit.home) == (memory.get(ids[3]), gist, gist.id)
        assert hit.memory.provenance.speaker == "Bob"
        assert {one.home for one in memory.recall("colour", k=8)} == {gist.id, ids[4], ids[7]}


def test_what_was_written_for_a_gist_is_its_context_and_no_answer(path: Path | str) -> None:
    with opened(path) as memory:
        ids = told(memory)
        memory.consolidate(*ids[:4], write=lambda _: "Xylophones are played with sticks")
        hits = memory.recall("xylophones, coffee")
        assert {hit.memory.id for hit in hits} == set(ids)
        assert {hit.gist.text for hit in hits if hit.gist is not None} == {"Xylophones are played with sticks"}


def test_parts_are_found_in_every_copy_of_a_store(tmp_path: Path) -> None:
    with opened(tmp_path / "a.memoria") as memory:
        gathered(memory)
        # As stores keep them, vectors of parts are at a byte a number.
        known = answers(memory)
    with opened(tmp_path / "a.memoria", mode="r") as reader:
        assert answers(reader) == known
    with opened(tmp_path / "a.memoria") as memory:
        memory.remember("to be forgotten")
        memory.forget(memory.recall("to be forgotten", k=1)[0].memory.id)
        memory.rebuild()
        assert answers(memory) == known
        before = _vectors(memory)
        memory.reembed(EMBEDDER)
        assert _alike(_vectors(memory), before)
        lines = list(export(memory.store, Where()))
        assert memory.doctor() == []
    memoria.copy(tmp_path / "a.memoria", tmp_path / "b.memoria")
    for place in (tmp_path / "b.memoria", ":memory:"):
        with opened(place) as other:
            if place == ":memory:":
                import_lines(other.store, EMBEDDER, lines)
            assert answers(other) == known
            assert _alike(_vectors(other), before)


def _vectors(memory: memoria.Memoria) -> dict[str, Any]:
    records = [one for one in memory.store.read([one.id for one in memory.list()]) if one is not None]
    return {part.memory.id: part.vector for one in records for part in leaves(one)}


def _alike(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    return ours.keys() == theirs.keys() and all(np.allclose(ours[id], theirs[id], atol=2e-3) for id in theirs)


def test_a_gist_without_vectors_of_its_parts_is_found_by_its_words(path: Path | str) -> None:
    with opened(path) as memory:
        ids, gist = gathered(memory)
        (record,) = memory.store.read([gist])
        assert record is not None
        # As an older memoria made it.
        memory.store.replace(replace(record, passages=None))
        (old,) = memory.store.read([gist])
        assert old is not None
        assert part_of(old, 3).vector.tobytes() == record.vector.tobytes()
        assert memory.recall("coffee with Ann at nine", k=1)[0].memory.id == ids[3]
        memory.forget(ids[1])
        (new,) = memory.store.read([gist])
        assert new is not None
        assert new.passages is not None
        assert new.passages.parts == (1, 2, 3, 4)


@pytest.mark.parametrize("act", ["pin", "hold", "archive"])
def test_what_protects_or_hides_a_part_does_so_to_it_alone(path: Path | str, act: str) -> None:
    with opened(path) as memory:
        ids, gist = gathered(memory)
        hit = memory.recall("coffee with Ann at nine", k=1)[0]
        if act == "hold":
            memory.hold(hit.memory, reason="a case")
        else:
            getattr(memory, act)(hit.memory)
        trace = memory.trace(ids[3])
        assert (trace.pinned, trace.held, trace.archived) == (act == "pin", act == "hold", act == "archive")
        assert [part.id for part in memory.get(gist).parts] == [*ids[:3], *ids[5:7]]
        assert memory.recall("coffee with Ann at noon", k=1)[0].memory.id == ids[0]
        found = [one.memory.id for one in memory.recall("coffee with Ann", k=8)]
        assert (ids[3] in found) == (act != "archive")


def test_a_use_of_a_part_is_one_of_its_gist_and_observing_a_sibling_is_none(path: Path | str) -> None:
    with opened(path) as memory:
        ids, gist = gathered(memory)
        lone = memory.trace(ids[7])
        assert memory.trace(ids[3]).retrievals == lone.retrievals == 0
        memory.archive(gist)
        memory.restore(ids[3])
        memory.reinforce(ids[3])
        assert memory.trace(gist).retrievals - memory.trace(ids[0]).retrievals == 5
        assert memory.trace(ids[0]).retrievals == 2
        assert memory.recall("coffee with Ann at noon", k=1)[0].memory.id == ids[0]
    with memoria.open(path if path == ":memory:" else f"{path}2", embedder=EMBEDDER, clock=lambda: NOW) as memory:
        ids, gist = gathered(memory)
        used = memory.trace(gist).retrievals
        hits = memory.recall("coffee with Ann at nine", k=2)
        assert {hit.home for hit in hits} == {gist}
        assert memory.trace(gist).retrievals == used + 1
        again = memory.remember(TALK[3][2], subject="Bob", provenance=Provenance(speaker="Bob", session="tue"))
        assert again.id == ids[3]


VECTORS = st.tuples(st.integers(0, 2**32), st.integers(1, 5), st.sampled_from([1, 8, 384, 1024]))


@settings(max_examples=60)
@given(drawn=VECTORS)
def test_a_byte_a_number_is_kept_exactly_and_is_near(drawn: tuple[int, int, int]) -> None:
    seed, count, dimension = drawn
    vectors = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rounded = coarse.coarse(vectors)
    assert (coarse.coarse(rounded) == rounded).all()
    assert (rounded.astype(np.float16) == rounded).all()
    data = coarse.to_bytes(rounded)
    assert data is not None
    assert len(data) == count * (dimension + 1)
    assert (coarse.from_bytes(data, count) == rounded).all()
    assert np.abs(rounded - vectors).max() <= np.abs(vectors).max() / 100
    assert coarse.to_bytes(vectors) is None or (vectors == rounded).all()


@given(counts=st.lists(st.integers(1, 4), max_size=12), order=st.randoms(use_true_random=False))
def test_leaves_are_those_of_the_documents_that_are_there(counts: list[int], order: Any) -> None:
    made = Leaves()
    docs = list(range(0, 3 * len(counts), 3))
    for doc, count in zip(docs, counts, strict=True):
        made.add(doc, count)
    gone = [doc for doc in docs if order.random() < 0.4]
    for doc in gone:
        assert len(made.remove(doc)) == counts[doc // 3]
        assert len(made.remove(doc)) == 0
    expected = [(doc, part) for doc in docs if doc not in gone for part in range(counts[doc // 3])]
    found = made.of(np.array([*docs, 10**6], np.int64))
    assert [made.name(leaf) for leaf in found.tolist()] == expected
    assert made.docs().tolist() == [doc for doc in docs if doc not in gone]


def test_no_vector_of_a_forgotten_part_stands_in_ram_or_in_a_file(tmp_path: Path) -> None:
    with opened(tmp_path / "a.memoria") as memory:
        ids, gist = gathered(memory)
        memory.recall("coffee")
        store = memory.store
        assert isinstance(store, LocalStore)
        (space,) = store._spaces.values()
        assert space.passages is not None
        assert space.words is not None
        assert (len(space.passages), len(space.words)) == (5, 8)
        receipt = memory.forget(ids[3], verify=True)
        assert receipt.rewritten == (gist,)
        assert receipt.verification is not None
        assert receipt.verification.found == 0
        memory.recall("coffee")
        assert (len(space.passages), len(space.words)) == (4, 7)
        assert ids[3] not in str(space.words.state())


@pytest.mark.parametrize("touch", ["forget", "hold", "sleep"])
def test_a_gist_that_has_ended_stays_so_whatever_becomes_of_its_parts(touch: str) -> None:
    with memoria.open(":memory:", embedder=HashEmbedder(32), judge=None) as memory:
        ids = [memory.remember(f"the tall box number {n} is green").id for n in range(4)]
        gist = memory.consolidate(*ids)
        memory.supersede(gist.id, "the boxes were painted red")
        end = memory.get(gist.id).valid_to
        if touch == "forget":
            memory.forget(ids[0])
        elif touch == "hold":
            memory.hold(ids[0], reason="asked for")
            assert memory.get(ids[0]).valid_to == end
        else:
            memory.remember("the tall box number 9 is green")
            memory.sleep(like=0.1)
        assert memory.get(gist.id).valid_to == end
        assert len(memory.get(gist.id).parts) == (4 if touch == "sleep" else 3)
        # Without what had ended it, it stands again.
        (heir,) = (one.id for one in memory.list() if one.text.startswith("the boxes were"))
        memory.forget(heir)
        assert memory.get(gist.id).valid_to is None

"""What every store must do. Subclass `StoreConformance`, give a `store` fixture, and pytest runs the rest."""

from __future__ import annotations

import hmac
import os
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event, Thread
from typing import Any

import pytest

from memoria.canonical import canonical
from memoria.derived.gist import compose
from memoria.errors import Held, KeyConflict, MemoryNotFound, StoreClosed
from memoria.identity import IdSource
from memoria.protocols import Change, Store
from memoria.retention.windows import latest
from memoria.testing.embedders import BoundedEmbedder, HashEmbedder
from memoria.testing.forks import every_verb, told
from memoria.text.fingerprints import NO_PRINT, Fingerprints, Statement, fingerprint
from memoria.text.parts import joined
from memoria.text.passages import starts
from memoria.text.sketch import sketch
from memoria.text.words import question
from memoria.types import (
    LedgerEntry,
    Link,
    Memory,
    Namespace,
    Passages,
    Provenance,
    Recalled,
    Record,
    RetentionPeriod,
    Trace,
    Where,
)
from memoria.validate import MAX_CRITERIA

EMBEDDER = HashEmbedder(64)
"""The embedder of the suite; the store has to be made with its card."""
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
_IDS = IdSource()


def record(text: str, namespace: Namespace = ("app", "ada"), **fields: Any) -> Record:
    """A record with the hash embedder's unit vector, rounded to fp16 as stores round it."""
    import numpy as np

    created_at = fields.pop("created_at", START)
    memory = Memory(id=_IDS.new(created_at), namespace=namespace, text=text, created_at=created_at, **fields)
    vector = EMBEDDER.embed([text])[0]
    rounded = (vector / np.linalg.norm(vector)).astype(np.float16).astype(np.float32)
    return Record(memory=memory, trace=Trace.of(memory), vector=rounded)


def long_record(*said: str) -> Record:
    """A record whose passages say one thing each, over and over."""
    import numpy as np

    pieces = [f"{one}. " * 8 for one in said]
    whole = record("".join(pieces))
    vectors = [record(piece).vector for piece in pieces]
    places = np.cumsum([len(piece) for piece in pieces])[:-1].tolist()
    return replace(whole, vector=vectors[0], passages=Passages(starts=tuple(places), vectors=np.stack(vectors[1:])))


_SAID = ("ada", "Ada", "s1", "caf\u00e9")
_PATHS = ("a", "b", "a.b", "a.a", "b.a", "a.b.a", "")
_SCALARS = ("x", "X", "", "true", "1", 0, 1, -1, 1.0, 0.5, 10**30, True, False, None)


def _metadata(rng: random.Random, depth: int = 0) -> dict[str, Any]:
    """A JSON object of few keys, so that filters meet it: scalars, lists and objects."""
    return {rng.choice(_PATHS): _value(rng, depth) for _ in range(rng.randint(1, 5))}


def _value(rng: random.Random, depth: int) -> Any:
    if depth < 3 and rng.random() < 0.4:
        return _metadata(rng, depth + 1)
    scalar = rng.choice(_SCALARS)
    return [scalar] if rng.random() < 0.1 else scalar


class StoreConformance:
    """The tests of a store. Needs a fixture `store`: an empty store, made with `EMBEDDER.card`."""

    def test_reads_back_what_was_written(self, store: Store) -> None:
        full = record(
            "Ada takes tea \N{HOT BEVERAGE}",
            kind="semantic",
            valid_from=START,
            valid_to=START + timedelta(days=1),
            salience=0.25,
            judged=True,
            subject="ada",
            tags=("drinks", "tea"),
            key="k",
            provenance=Provenance(
                source="chat", speaker="ada", session="1", derived_from=("0" * 32,), used=("0" * 32,)
            ),
            metadata={"nested": [1, None, {"a": "b"}]},
            visible_to=("ada", "team:ops"),
        )
        store.write([full])
        (found,) = store.read([full.memory.id])
        assert found is not None
        assert (found.memory, found.trace) == (full.memory, full.trace)
        assert (found.vector == full.vector).all()

    def test_the_latest_are_of_one_namespace_seen_by_all_and_in_use(self, store: Store) -> None:
        records = [
            record(
                f"fact {n}",
                namespace=("app",) if n % 5 else ("app", "ada"),
                # Twos of one time, as a batch has them.
                created_at=START + timedelta(hours=n // 2),
                visible_to=("ada",) if n % 7 == 1 else None,
            )
            for n in range(40)
        ]
        store.write(records)
        away, gone = records[36].memory.id, records[38].memory.id
        store.mark([away], archived=True)
        store.mark([records[34].memory.id], restricted=True)
        store.erase([gone])
        out = {away, gone, records[34].memory.id}
        left = [one.memory for one in records if one.memory.namespace == ("app",) and one.memory.visible_to is None]
        expected = sorted((one for one in left if one.id not in out), key=lambda one: one.id)
        for limit in (1, 2, 7, len(expected), 100):
            assert latest(store, ("app",), limit) == expected[-limit:]
        assert latest(store, ("nobody",), 3) == []

    def test_unknown_ids_read_as_none_and_cannot_be_erased(self, store: Store) -> None:
        one = record("one")
        store.write([one])
        assert store.read(["f" * 32]) == [None]
        with pytest.raises(MemoryNotFound):
            store.erase([one.memory.id, "f" * 32])
        assert store.count(()) == 1

    @pytest.mark.parametrize(
        "where",
        [
            Where(),
            Where(namespace=("app",)),
            Where(namespace=("app", "bob")),
            Where(namespace=("ap",)),
            Where(subject="ada"),
            Where(tags=("a", "b")),
            Where(kinds=("semantic", "procedural")),
            Where(key="k3"),
            Where(since=START + timedelta(hours=3), until=START + timedelta(hours=9)),
            Where(namespace=("app", "ada"), subject="ada", tags=("a",), since=START + timedelta(hours=1)),
            Where(visible=()),
            Where(visible=("ada",)),
            Where(namespace=("app", "ada"), visible=("ada", "ops"), key="k3"),
            Where(visible=("ops",), key="k1"),
        ],
    )
    def test_select_and_search_agree_with_the_definition_of_a_filter(self, store: Store, where: Where) -> None:
        records = [
            record(
                f"fact {n}",
                namespace=("app", "ada" if n % 2 else "bob"),
                subject="ada" if n % 3 else None,
                tags=("a", "b")[: n % 3],
                kind="semantic" if n % 4 else "episodic",
                key=f"k{n}",
                created_at=START + timedelta(hours=n),
                visible_to=[None, ("ada", "bob"), (), ("ops",)][n % 4],
            )
            for n in range(12)
        ]
        store.write(records)
        expected = sorted(one.memory.id for one in records if where.matches(one.memory))
        assert store.select(where) == expected
        some = replace(where, ids=tuple(one.memory.id for one in records[:5]))
        assert store.select(some) == [id for id in expected if id in (some.ids or ())]
        found = store.search(records[0].vector, where, 20)
        assert sorted(memory.id for memory, _ in found) == expected
        evidence = store.evidence(question("fact 3"), records[0].vector, where, 20)
        assert sorted(evidence.ids) == expected

    def test_a_key_is_unique_among_what_is_for_one_audience(self, store: Store) -> None:
        plain, mine = record("one", key="k"), record("two", key="k", visible_to=("ada",))
        store.write([plain, mine, record("three", key="k", visible_to=("ada", "bob"))])
        for audience in (None, ("ada",)):
            with pytest.raises(KeyConflict):
                store.write([record("four", key="k", visible_to=audience)])
        store.erase([mine.memory.id])
        store.write([record("four", key="k", visible_to=("ada",))])
        assert len(store.select(Where(key="k"))) == 3
        assert store.select(Where(key="k", visible=())) == [plain.memory.id]

    def test_what_was_forgotten_for_some_is_refused_for_them_alone(self, store: Store) -> None:
        text, near = (
            "the quick brown fox jumps over the lazy dog at 5",
            "a quick brown fox jumps over a lazy dog, at 5!",
        )
        one = record(text, visible_to=("ada",))
        store.write([one])
        store.erase([one.memory.id])
        audiences = [None, ("ada",), ("bob",), ()]
        asked = [Statement(text, None, audience) for audience in audiences]
        assert store.refused(one.memory.namespace, asked) == [False, True, False, False]
        store.guard_near(one.memory.namespace, [Statement(text, None, ("bob",))])
        nearly = [Statement(near, None, audience) for audience in audiences]
        assert store.refused(one.memory.namespace, nearly) == [False, False, True, False]
        store.readmit(one.memory.namespace, asked[1:3])
        assert store.refused(one.memory.namespace, [*asked, *nearly]) == [False] * 8
        open_one = record(text, created_at=START + timedelta(hours=1))
        store.write([open_one])
        store.erase([open_one.memory.id])
        assert store.refused(one.memory.namespace, asked) == [True] * 4

    @pytest.mark.parametrize(
        ("where", "expected"),
        [
            (Where(session="talk 1"), "ab"),
            (Where(session="Talk 1"), "c"),
            (Where(session="talk 1", speaker="Ada"), "a"),
            (Where(speaker="caf\u00e9"), "d"),
            (Where(speaker="cafe\u0301"), ""),
            (Where(metadata={"flight.seat": "12A"}), "ab"),
            (Where(metadata={"flight.seat": "12a"}), ""),
            (Where(metadata={"flight": "12A"}), ""),
            (Where(metadata={"flight.seat": "12A", "flight.row": 12}), "a"),
            (Where(metadata={"flight.row": 12.0}), "ac"),
            (Where(metadata={"flight.row": "12"}), "b"),
            (Where(metadata={"paid": True}), "a"),
            (Where(metadata={"paid": 1}), "b"),
            (Where(metadata={"paid": None}), "d"),
            (Where(metadata={"none": None}), ""),
            (Where(metadata={"zero": 0}), "d"),
            (Where(metadata={"zero": -0.0}), "d"),
            (Where(metadata={"huge": 2.0**70}), "c"),
            (Where(metadata={"huge": 2**70 + 1}), "d"),
            (Where(metadata={"a": "b\0c"}), "c"),
            (Where(metadata={"a\0b": "c"}), "d"),
            (Where(session="talk 1", metadata={"paid": 1}, subject="ada", archived=False), "b"),
            (Where(session="talk 1", namespace=("elsewhere",)), ""),
        ],
    )
    def test_filters_by_session_speaker_and_metadata(self, store: Store, where: Where, expected: str) -> None:
        said: dict[str, tuple[str | None, str | None, dict[str, Any]]] = {
            "a": ("talk 1", "Ada", {"flight": {"seat": "12A", "row": 12}, "paid": True}),
            "b": ("talk 1", "ada", {"flight.seat": "12A", "flight": {"row": "12"}, "paid": 1}),
            "c": ("Talk 1", "Ada", {"flight": {"seat": ["12A"], "row": 12.0}, "huge": 2**70, "a": "b\0c"}),
            "d": (None, "caf\u00e9", {"paid": None, "zero": 0.0, "huge": 2**70 + 1, "a\0b": "c"}),
        }
        records = [
            record(name, subject="ada", metadata=metadata, provenance=Provenance(session=session, speaker=speaker))
            for name, (session, speaker, metadata) in said.items()
        ]
        store.write(records)
        texts = {one.memory.id: one.memory.text for one in records}
        assert sorted(texts[id] for id in store.select(where)) == list(expected)
        assert sorted(memory.text for memory, _ in store.search(records[0].vector, where, 9)) == list(expected)
        evidence = store.evidence(question("a"), records[0].vector, where, 9)
        assert sorted(texts[id] for id in evidence.ids) == list(expected)
        assert [one.memory.text for one in records if where.matches(one.memory)] == list(expected)

    @pytest.mark.parametrize("seed", range(5))
    def test_select_agrees_with_the_definition_over_random_metadata(self, store: Store, seed: int) -> None:
        rng = random.Random(seed)
        talks = [Provenance(session=rng.choice(_SAID), speaker=rng.choice(_SAID)) for _ in range(40)]
        records = [
            record(f"fact {n}", metadata=_metadata(rng), provenance=talk, tags=("t",) * (n % 2))
            for n, talk in enumerate(talks)
        ]
        store.write(records)
        met = 0
        for _ in range(100):
            criteria = {rng.choice(_PATHS): rng.choice(_SCALARS) for _ in range(rng.choice((0, 1, 1, 2)))}
            session, speaker = (rng.choice((*_SAID, *[None] * 36)) for _ in range(2))
            where = Where(metadata=criteria, tags=("t",) * rng.randrange(2), session=session, speaker=speaker)
            expected = sorted(one.memory.id for one in records if where.matches(one.memory))
            assert store.select(where) == expected
            met += bool(criteria and expected)
        assert met > 5

    def test_what_no_metadata_can_hold_meets_nothing(self, store: Store) -> None:
        """And not everything, or a forget that asks for it would take all there is."""
        deep: dict[str, Any] = {"p" * 600: {"q" * 600: "far"}}
        store.write([record("one", metadata={"a": 1, "list": [1], **deep}), record("two")])
        assert len(store.select(Where(metadata={"a": 1}))) == 1
        unfit: tuple[Any, ...] = (float("nan"), [1], {"b": 1}, b"1")
        for value in unfit:
            assert store.select(Where(metadata={"a": value})) == []
            assert store.select(Where(metadata={"list": value})) == []
        assert store.select(Where(metadata={"p" * 600 + "." + "q" * 600: "far"})) == []
        assert store.select(Where(metadata={"list": 1})) == store.select(Where(metadata={"list.0": 1})) == []

    def test_as_much_metadata_as_may_be_asked_for_is_found_at_once(self, store: Store) -> None:
        every = {f"k{n}": n for n in range(MAX_CRITERIA)}
        full = record("all", metadata=every, provenance=Provenance(session="s", speaker="s"), key="s", subject="s")
        store.write([full, record("less", metadata={**every, "k0": 1})])
        found = store.select(Where(metadata=every, session="s", speaker="s", key="s", subject="s"))
        assert found == [full.memory.id]
        assert len(store.select(Where(metadata={"k1": 1}))) == 2

    def test_metadata_is_found_as_it_is_now(self, store: Store) -> None:
        """Replaced, its old values find nothing; erased, none do; and they outlast a rebuild and other vectors."""
        old = record("old", metadata={"seat": "1A"}, provenance=Provenance(session="s1", speaker="ada"))
        other = record("other", metadata={"seat": "1A"}, provenance=Provenance(session="s1", speaker="ada"))
        store.write([old, other])
        before = (Where(session="s1"), Where(speaker="ada"), Where(metadata={"seat": "1A"}))
        after = (Where(session="s2"), Where(speaker="bob"), Where(metadata={"seat": "2B"}))
        origin = Provenance(session="s2", speaker="bob")
        store.replace(replace(old, memory=replace(old.memory, metadata={"seat": "2B"}, provenance=origin)))
        for _ in range(2):
            assert [store.select(where) for where in before] == [[other.memory.id]] * 3
            assert [store.select(where) for where in after] == [[old.memory.id]] * 3
            store.rebuild()
            store.reembed(HashEmbedder(96))
        store.erase([other.memory.id])
        assert [store.select(where) for where in before] == [[]] * 3
        store.rebuild()
        assert [store.select(where) for where in before] == [[]] * 3
        assert [store.select(where) for where in after] == [[old.memory.id]] * 3
        store.erase_namespaces(())
        assert [store.select(where) for where in after] == [[]] * 3

    def test_search_is_exact_and_ordered(self, store: Store) -> None:
        records = [record(f"word{n} word{n + 1} common") for n in range(50)]
        store.write(records)
        query = records[7].vector
        exact = sorted(((float(one.vector @ query), one.memory.id) for one in records), reverse=True)[:5]
        found = store.search(query, Where(), 5)
        assert [score for _, score in found] == pytest.approx([score for score, _ in exact], abs=1e-5)
        assert found[0][0].id == records[7].memory.id

    def test_equal_scores_are_ordered_by_id_whatever_k_is(self, store: Store) -> None:
        """Of equal vectors and equal words, the lowest ids are found, in whatever order they were written."""
        records = [record(("yes, of course", "no, not at all")[n % 2]) for n in range(43)]
        for one in (*records[::3], *records[2::3], *records[1::3]):
            store.write([one])
        alike = [one.memory.id for one in records[::2]]
        for where in (Where(), Where(archived=False), Where(namespace=("app", "ada"), since=START)):
            for k in range(1, len(alike) + 1):
                found = store.search(records[0].vector, where, k)
                assert [memory.id for memory, _ in found] == alike[:k]
                assert len({score for _, score in found}) == 1
            evidence = store.evidence(question("yes, of course"), records[0].vector, where, 5)
            assert sorted(evidence.ids) == alike[:5]

    def test_a_long_memory_is_found_by_any_of_its_passages(self, store: Store) -> None:
        """Once, by the best of them, and by none when it is archived, filtered out, replaced or erased."""
        others = [record(f"fact {n} of other things") for n in range(30)]
        note = long_record("the weather was mild", "the train left at dawn", "the vault code is kept by ada")
        store.write([*others[:15], note, *others[15:]])
        (read,) = store.read([note.memory.id])
        assert read is not None and read.passages is not None and note.passages is not None  # noqa: PT018 - for the type checker
        assert read.passages.starts == note.passages.starts
        assert (read.passages.vectors == note.passages.vectors).all()
        vectors = [note.vector, *note.passages.vectors]
        for vector in vectors:
            for where in (Where(), Where(archived=False), Where(ids=(note.memory.id, others[0].memory.id))):
                found = store.search(vector, where, 40)
                assert [memory.id for memory, _ in found].count(note.memory.id) == 1
                assert found[0][0] == note.memory
                assert found[0][1] == pytest.approx(1, abs=1e-3)
            evidence = store.evidence(question("nothing of that"), vector, Where(), 1)
            at = list(evidence.ids).index(note.memory.id)
            assert evidence.columns["similarity"][at] == pytest.approx(1, abs=1e-3)
        store.mark([note.memory.id], archived=True)
        assert note.memory not in [memory for memory, _ in store.search(vectors[2], Where(archived=False), 40)]
        store.mark([note.memory.id], archived=False)
        shorter = replace(note, memory=replace(note.memory, text="brief"), passages=None)
        store.replace(shorter)
        assert store.search(vectors[2], Where(), 1)[0][1] < 0.9
        store.replace(note)
        assert store.search(vectors[2], Where(), 1)[0][0] == note.memory
        assert store.check() == []
        store.rebuild()
        assert store.search(vectors[2], Where(), 1)[0][0] == note.memory
        store.erase([note.memory.id])
        assert note.memory.id not in [memory.id for memory, _ in store.search(vectors[2], Where(), 40)]
        assert note.memory.id not in store.evidence(question("vault"), vectors[2], Where(), 9).ids
        store.rebuild()
        assert store.check() == []

    def test_passages_are_made_again_with_other_vectors(self, store: Store) -> None:
        note = long_record("the weather was mild", "the train left at dawn", "the vault code is kept by ada")
        store.write([note, record("brief")])
        other = BoundedEmbedder(96)
        store.reembed(other)
        (read,) = store.read([note.memory.id])
        assert read is not None and read.passages is not None  # noqa: PT018 - for the type checker
        assert read.passages.starts == tuple(starts(note.memory.text, other))
        assert read.passages.vectors.shape == (len(read.passages.starts), 96)
        for vector in read.passages.vectors:
            assert store.search(vector, Where(), 1)[0][0] == note.memory
        store.reembed(HashEmbedder(96))
        (read,) = store.read([note.memory.id])
        assert read is not None and read.passages is None  # noqa: PT018 - for the type checker

    def test_a_gist_is_found_by_each_of_its_parts(self, store: Store) -> None:
        """Once by `search`; as evidence each part by itself, by its own vector, words and turns."""
        said = [("chess at noon", "Ada"), ("tea", "Bob"), ("rooks and bishops", "Ada"), ("a long walk", "Bob")]
        turns = [record(text, provenance=Provenance(session="s", speaker=who)) for text, who in said]
        parts = [turns[0], turns[2], turns[3]]
        vector, further = joined([(one.vector, one.passages) for one in parts])
        memory = compose("e" * 32, [one.memory for one in parts])
        store.write([replace(record("a gist"), memory=memory, vector=vector, passages=further), turns[1]])
        (read,) = store.read([memory.id])
        assert read is not None and read.passages is not None and further is not None  # noqa: PT018 - for the type checker
        assert (read.passages.places, read.passages.parts) == (further.places, (1, 2))
        assert (read.passages.vectors == further.vectors).all()
        for one in parts:
            found = store.search(one.vector, Where(), 5)
            assert [hit.id for hit, _ in found] == [memory.id, turns[1].memory.id]
            assert found[0][1] == pytest.approx(1, abs=1e-2)
        for where, there in ((Where(), turns), (Where(speaker="Ada"), turns[::2]), (Where(speaker="Bob"), turns[1::2])):
            evidence = store.evidence(question("bishops"), parts[2].vector, where, 9)
            assert sorted(evidence.said) == sorted(one.memory.id for one in there)
            homes = dict(zip(evidence.said, evidence.ids, strict=True))
            assert all(homes[one.memory.id] == (memory.id if one in parts else one.memory.id) for one in there)
        evidence = store.evidence(question("bishops"), parts[2].vector, Where(), 9)
        at = [list(evidence.said).index(one.memory.id) for one in turns]
        assert evidence.columns["similarity"][at[3]] == pytest.approx(1, abs=1e-2)
        assert [evidence.columns["words"][place] > 0 for place in at] == [False, False, True, False]
        assert [evidence.columns["near words"][place] > 0 for place in at] == [False, True, False, True]
        store.rebuild()
        assert sorted(store.evidence(question("bishops"), parts[2].vector, Where(), 9).said) == sorted(evidence.said)
        store.reembed(HashEmbedder(96))
        (read,) = store.read([memory.id])
        assert read is not None and read.passages is not None  # noqa: PT018 - for the type checker
        assert (read.passages.parts, read.passages.vectors.shape) == ((1, 2), (2, 96))
        store.erase([memory.id])
        assert list(store.evidence(question("bishops"), read.vector, Where(), 9).said) == [turns[1].memory.id]
        assert store.check() == []

    def test_evidence_measures_words_and_neighbours(self, store: Store) -> None:
        import numpy as np

        talk = Provenance(session="s", speaker="Ada")
        turns = [record(text, provenance=talk) for text in ("Who plays chess?", "Bob does.", "Green tea is good.")]
        store.write([*turns, record("nothing of this")])
        evidence = store.evidence(question("chess with Ada"), turns[0].vector, Where(), 20)
        columns = [{n: float(c[at]) for n, c in evidence.columns.items()} for at in range(len(evidence.ids))]
        by_id = dict(zip(evidence.ids, columns, strict=True))
        first, second, third = (by_id[one.memory.id] for one in turns)
        assert first["similarity"] == pytest.approx(1, abs=1e-3)
        around = np.sum([one.vector for one in turns], axis=0)
        assert second["context"] == pytest.approx(around @ turns[0].vector / np.linalg.norm(around), abs=1e-3)
        assert (first["question"], second["answer"], third["answer"], first["speaker"]) == (1, 1, 0, 1)
        assert first["words"] == second["near words"] == third["far words"] > second["words"] == 0
        assert first["coverage"] == 1

    @pytest.mark.parametrize("where", [Where(archived=False), Where(archived=False, subject="ada")])
    def test_an_archived_turn_lends_nothing_to_those_beside_it(self, store: Store, where: Where) -> None:
        talk = Provenance(session="s")
        first, second = (record(t, provenance=talk, subject="ada") for t in ("Who plays chess?", "Bob does."))
        store.write([first, second])

        def beside() -> dict[str, float]:
            found = store.evidence(question("chess"), first.vector, where, 20)
            at = found.ids.index(second.memory.id)
            return {name: float(column[at]) for name, column in found.columns.items()}

        assert beside()["near words"] > 0
        store.mark([first.memory.id], archived=True)
        alone = beside()
        assert (alone["near words"], alone["answer"]) == (0, 0)
        assert alone["context"] == pytest.approx(alone["similarity"], abs=1e-3)
        store.mark([first.memory.id], archived=False)
        assert beside()["near words"] > 0

    def test_evidence_follows_writes(self, store: Store) -> None:
        store.write([record("kept words")])
        old = record("xylophone")
        store.write([old])
        for step in ("written", "replaced", "erased"):
            if step == "replaced":
                store.replace(replace(record("copper"), memory=replace(old.memory, text="copper")))
            if step == "erased":
                store.erase([old.memory.id])
            evidence = store.evidence(question("xylophone"), old.vector, Where(), 20)
            assert bool(evidence.columns["words"].any()) == (step == "written")
            assert (old.memory.id in evidence.ids) == (step != "erased")

    def test_erased_is_gone_everywhere(self, store: Store) -> None:
        kept, gone = record("kept", subject="s"), record("gone", subject="s")
        store.write([kept, gone])
        store.search(gone.vector, Where(), 2)
        store.erase([gone.memory.id])
        assert store.read([gone.memory.id]) == [None]
        assert store.select(Where(subject="s")) == [kept.memory.id]
        assert [memory.id for memory, _ in store.search(gone.vector, Where(), 2)] == [kept.memory.id]
        assert store.count(()) == 1
        assert store.check() == []

    def test_replace_keeps_the_id_and_nothing_else(self, store: Store) -> None:
        old = record("old words", subject="before", tags=("x",))
        store.write([old])
        new = replace(record("new phrase"), memory=replace(old.memory, text="new phrase", subject="after", tags=()))
        store.replace(new)
        (found,) = store.read([old.memory.id])
        assert found is not None
        assert found.memory == new.memory
        assert store.select(Where(subject="before")) == []
        assert store.select(Where(subject="after")) == [old.memory.id]
        assert store.search(new.vector, Where(), 5)[0][1] == pytest.approx(1, abs=1e-3)
        with pytest.raises(MemoryNotFound):
            store.replace(record("never was"))

    def test_namespaces_are_prefixes_and_erase_whole(self, store: Store) -> None:
        names = [("app", "ada"), ("app", "adam"), ("app",), ("app", "ada", "deep"), ()]
        store.write([record(f"in {name}", namespace=name) for name in names])
        assert store.namespaces(()) == sorted(names)
        assert store.namespaces(("app", "ada")) == [("app", "ada"), ("app", "ada", "deep")]
        assert store.erase_namespaces(("app", "ada")) == 2
        assert store.namespaces(()) == [(), ("app",), ("app", "adam")]
        assert store.count(()) == 3
        assert store.erase_namespaces(("nobody",)) == 0
        store.write([record("again", namespace=("app", "ada"))])
        assert store.count(("app", "ada")) == 1

    def test_rebuild_and_reembed_change_no_memory(self, store: Store) -> None:
        records = [record(f"fact {n}") for n in range(20)]
        store.write(records)
        store.erase([one.memory.id for one in records[::2]])
        kept = [one.memory for one in records[1::2]]
        store.rebuild()
        assert [one.memory for one in store.read(store.select(Where())) if one is not None] == kept
        store.reembed(HashEmbedder(96))
        assert store.embedder == HashEmbedder(96).card
        assert [one.memory for one in store.read(store.select(Where())) if one is not None] == kept
        assert store.check() == []

    def test_traces_are_replaced_and_content_is_not(self, store: Store) -> None:
        one, other = record("one fact"), record("another fact")
        store.write([one, other])
        at = one.memory.created_at + timedelta(days=3)
        trace = replace(one.trace, stability=9.5, strength=2.0, interference=0.25, older=0.5, fades_at=at).found(
            at, decay=0.3
        )
        seen = Recalled(id=one.memory.id, at=at, found=True)
        store.retrace({one.memory.id: trace, "f" * 32: trace}, [seen])
        (found, kept) = store.read([one.memory.id, other.memory.id])
        assert found is not None and kept is not None  # noqa: PT018 - for the type checker
        assert (found.trace, found.memory) == (replace(trace, encoded_at=trace.start), one.memory)
        assert store.traces([one.memory.id, "f" * 32]) == [found.trace, None]
        assert store.recalls(()) == [seen]
        store.erase([one.memory.id])
        assert store.recalls(()) == []

    def test_due_is_what_may_fade_soonest_first(self, store: Store) -> None:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        made = [record(f"fact {n}", namespace=("n", "ab"[n % 2])) for n in range(10)]
        late = [replace(one, trace=replace(one.trace, fades_at=start - n * DAY)) for n, one in enumerate(made)]
        store.write(late)
        ids = [one.memory.id for one in reversed(late)]
        assert store.due((), start, 99) == ids
        assert store.due((), start - 7 * DAY, 2) == ids[:2]
        assert store.due(("n", "b"), start, 99) == ids[::2]
        store.mark(ids[:1], pinned=True)
        store.mark(ids[1:2], held=True)
        store.mark(ids[2:3], archived=True)
        store.erase(ids[3:4])
        assert store.due((), start, 99) == ids[4:]
        store.mark(ids[:3], pinned=False, held=False, archived=False)
        assert store.due((), start, 99) == ids[:3] + ids[4:]
        store.retrace({ids[0]: replace(late[9].trace, fades_at=None)})
        assert store.due((), start, 99) == ids[1:3] + ids[4:]
        with pytest.raises(MemoryNotFound):
            store.mark([ids[0], ids[3]], pinned=True)
        store.rebuild()
        assert store.archive_due((), start, 2) == ids[1:3]
        assert store.select(Where(archived=True)) == sorted(ids[1:3])
        assert store.due((), start, 99) == ids[4:]

    def test_archived_is_searched_only_when_asked(self, store: Store) -> None:
        made = [record(f"common word{n}", subject="s") for n in range(6)]
        store.write(made)
        ids = [one.memory.id for one in made]
        query = made[0].vector
        store.search(query, Where(), 3)
        store.mark(ids[:2], archived=True)

        def found(**filters: Any) -> list[str]:
            return sorted(one.id for one, _ in store.search(query, Where(**filters), 9))

        filters: tuple[dict[str, Any], ...] = ({}, {"subject": "s"})
        for more in filters:
            assert found(archived=False, **more) == ids[2:] == store.select(Where(archived=False, **more))
            assert found(archived=True, **more) == ids[:2] == store.select(Where(archived=True, **more))
            assert found(**more) == ids
        store.mark(ids[:1], archived=False)
        assert found(archived=False) == ids[:1] + ids[2:]
        store.rebuild()
        assert found(archived=False) == ids[:1] + ids[2:]

    def test_holds_stand_against_erasing_and_changing(self, store: Store) -> None:
        held, free = record("held", namespace=("a",)), record("free", namespace=("a",))
        store.write([held, free])
        store.mark([held.memory.id], held=True)
        for act in (
            lambda: store.erase([free.memory.id, held.memory.id]),
            lambda: store.erase_namespaces(()),
            lambda: store.replace(held),
        ):
            with pytest.raises(Held, match=held.memory.id):
                act()
        assert store.count(()) == 2
        store.retrace({held.memory.id: replace(held.trace, held=False)})
        assert store.read([held.memory.id])[0].trace.held  # type: ignore[union-attr]  # it is there
        store.erase([held.memory.id], over_holds=True)
        assert store.erase_namespaces(("a",)) == 1

    def test_standing_outlives_an_amendment(self, store: Store) -> None:
        one = record("before")
        store.write([one])
        store.mark([one.memory.id], pinned=True, archived=True)
        store.replace(replace(one, memory=replace(one.memory, text="after")))
        (trace,) = store.traces([one.memory.id])
        assert trace is not None
        assert (trace.pinned, trace.archived, trace.held) == (True, True, False)
        assert store.select(Where(archived=False)) == []

    def test_what_is_restricted_is_only_stored(self, store: Store) -> None:
        """No search and no list that asks for what is current meets it, and it is protected as if held."""
        made = [record(f"fact {n}", namespace=("r",)) for n in range(4)]
        store.write(made)
        ids = [one.memory.id for one in made]
        vector = made[0].vector

        def found(**filters: Any) -> list[str]:
            return sorted(memory.id for memory, _ in store.search(vector, Where(**filters), 10))

        assert found(archived=False) == ids
        store.mark(ids[:2], restricted=True)
        store.mark(ids[2:3], archived=True)
        for more in ({}, {"namespace": ("r",)}, {"kinds": ("episodic",)}):
            for which, expected in (
                ({"archived": False}, ids[3:]),
                ({"archived": True}, ids[2:3]),
                ({"restricted": False}, ids[2:]),
                ({"restricted": True}, ids[:2]),
                ({}, ids),
            ):
                where: dict[str, Any] = {**more, **which}
                assert found(**where) == store.select(Where(**where)) == expected, where
        asked = question("fact 0", store.language)
        assert store.evidence(asked, vector, Where(archived=False), 10).ids == ids[3:]
        assert store.due((), START + 1000 * DAY, 10) == []
        for act in (
            lambda: store.erase(ids[:1]),
            lambda: store.erase_namespaces(("r",)),
            lambda: store.replace(made[0]),
            lambda: store.mark(ids[:1], archived=True),
            lambda: store.revise(Change(ends={ids[0]: START + DAY})),
        ):
            with pytest.raises(Held, match=ids[0]):
                act()
        store.retrace({ids[0]: made[0].trace})
        assert [one.restricted for one in store.traces(ids) if one] == [True, True, False, False]
        assert store.holdings(("r",))[1].restricted.tolist() == [True, True, False, False]
        store.mark(ids[:2], restricted=False)
        assert found(archived=False) == store.select(Where(archived=False)) == [*ids[:2], ids[3]]
        assert sorted(store.evidence(asked, vector, Where(archived=False), 10).ids) == [*ids[:2], ids[3]]

    def test_private_notes_are_kept_apart(self, store: Store) -> None:
        assert store.private_note("orders") is None
        store.write_private_note("orders", "ada")
        store.write_private_note("orders", "ada berg")
        store.write_private_note("other", "bob")
        assert store.private_note("orders") == "ada berg"
        assert store.private_notes() == {"orders": "ada berg", "other": "bob"}
        assert (store.note("orders"), store.notes()) == (None, {})
        store.write_private_note("orders", None)
        assert store.private_note("orders") is None

    def test_what_has_ended_is_told_of_one_namespace(self, store: Store) -> None:
        before, at, later, gone = (record(text, ("n",), valid_to=START + DAY) for text in "abcd")
        deeper, open_ended = record("e", ("n", "m"), valid_to=START), record("f", ("n",))
        store.write([before, at, later, gone, deeper, open_ended])
        store.revise(Change(ends={before.memory.id: START, later.memory.id: START + 2 * DAY}))
        store.mark([at.memory.id], archived=True)
        store.erase([gone.memory.id])
        assert store.ended(("n",), START + DAY) == sorted([before.memory.id, at.memory.id])
        assert store.ended(("n",), START - DAY) == store.ended(("nobody",), START) == []
        store.revise(Change(ends={before.memory.id: None}))
        assert store.ended(("n",), START + 9 * DAY) == sorted([at.memory.id, later.memory.id])

    def test_holdings_are_the_traces_of_one_namespace(self, store: Store) -> None:
        made = [record(f"fact {n}", namespace=("n",), salience=n / 10) for n in range(5)]
        store.write([*made, record("elsewhere", namespace=("n", "deep"))])
        store.mark([made[2].memory.id], held=True)
        store.erase([made[0].memory.id])
        ids, traces, sizes = store.holdings(("n",))
        assert ids == [one.memory.id for one in made[1:]]
        assert traces.salience.tolist() == [0.1, 0.2, 0.3, 0.4]
        assert traces.held.tolist() == [False, True, False, False]
        assert [trace.last_retrieved for trace in traces] == [one.trace.last_retrieved for one in made[1:]]
        assert (sizes > 128).all()
        assert store.holdings(("nobody",))[0] == []

    def test_a_change_is_done_whole_or_not_at_all(self, store: Store) -> None:
        first, second, third = (record(f"fact {n}") for n in range(3))
        store.write([first, second, third])
        gist = replace(record("a gist"), memory=compose("e" * 32, [first.memory, second.memory]))
        ended = START + DAY
        change = Change(
            erase=(first.memory.id, second.memory.id),
            add=(gist,),
            replace=(replace(third, memory=replace(third.memory, text="fact 3")),),
            ends={third.memory.id: ended},
        )
        with pytest.raises(MemoryNotFound):
            store.revise(replace(change, erase=(*change.erase, "f" * 32)))
        assert store.count(()) == 3
        store.revise(change, guard=False)
        found = {one.memory.id: one.memory for one in store.read(store.select(Where())) if one is not None}
        assert sorted(found) == sorted([gist.memory.id, third.memory.id])
        assert found[gist.memory.id] == gist.memory
        assert (found[third.memory.id].text, found[third.memory.id].valid_to) == ("fact 3", ended)
        # What went into a gist may become a memory of its own again, under its id.
        store.revise(Change(erase=(gist.memory.id,), add=(first, second)), guard=False)
        assert store.count(()) == 3
        assert store.check() == []

    def test_links_are_known_from_both_ends_while_the_child_lives(self, store: Store) -> None:
        source, old = record("source"), record("old")
        store.write([source, old])
        made = record("made", provenance=Provenance(derived_from=(source.memory.id,)))
        new = record("new")
        derived = Link(parent=source.memory.id, child=made.memory.id, relation="derived")
        superseded = Link(parent=old.memory.id, child=new.memory.id, relation="supersedes", was=START)
        store.revise(Change(add=(made, new), links=(superseded,)))
        for link in (derived, superseded):
            assert store.links([link.parent]) == store.links([link.child]) == [link]
        store.replace(replace(old, memory=replace(old.memory, text="older")))
        store.erase([source.memory.id])
        assert store.links([source.memory.id]) == [derived]
        assert store.links([old.memory.id]) == [superseded]
        store.erase([made.memory.id, old.memory.id])
        assert store.links([source.memory.id, new.memory.id]) == []

    def test_a_doubt_has_a_weight_and_goes_with_either_end(self, store: Store) -> None:
        old, older, new = record("old"), record("older"), record("new")
        first, second = (
            Link(parent=one.memory.id, child=new.memory.id, relation="doubts", weight=1.25, judge="tests")
            for one in (old, older)
        )
        store.write([old, older])
        store.revise(Change(add=(new,), links=(first, second)))
        assert store.links([old.memory.id]) == [first]
        assert store.links([new.memory.id]) == sorted([first, second], key=lambda link: link.parent)
        store.replace(replace(new, memory=replace(new.memory, text="newer")))
        store.replace(replace(old, memory=replace(old.memory, text="aged")))
        heavier = replace(first, weight=2.5)
        store.revise(Change(unlinks=(first,), links=(heavier,)))
        assert store.links([old.memory.id]) == [heavier]
        store.revise(Change(unlinks=(heavier,)))
        store.revise(Change(unlinks=(heavier,)))
        assert (store.links([old.memory.id]), store.links([new.memory.id])) == ([], [second])
        store.revise(Change(links=(first,)))
        store.erase([old.memory.id])
        assert store.links([new.memory.id]) == [second]
        store.erase([new.memory.id])
        assert store.links([older.memory.id]) == []
        assert store.check() == []

    def test_what_ended_a_memory_is_known_with_its_judge_and_its_end_before(self, store: Store) -> None:
        old, new = record("old"), record("new")
        store.write([old, new])
        ends = Link(parent=old.memory.id, child=new.memory.id, relation="ends", was=START + DAY, judge="tests")
        others = [
            replace(ends, relation="supersedes", judge=None),
            replace(ends, relation="doubts", was=None, weight=-3.0),
        ]
        store.revise(Change(links=(ends, *others), ends={old.memory.id: START}))
        assert set(store.links([old.memory.id])) == {ends, *others}
        open_ended = replace(ends, was=None)
        store.revise(Change(unlinks=(ends, *others), links=(open_ended,), ends={old.memory.id: None}))
        store.replace(replace(old, memory=replace(old.memory, text="older")))
        assert store.links([new.memory.id]) == [open_ended]
        store.erase([new.memory.id])
        assert store.links([old.memory.id]) == []
        assert store.check() == []

    def test_a_hold_stops_an_end_and_the_archive(self, store: Store) -> None:
        held, free = record("held"), record("free")
        store.write([held, free])
        store.mark([held.memory.id], held=True)
        for end in (START, START + DAY):
            with pytest.raises(Held, match=held.memory.id):
                store.revise(Change(ends={free.memory.id: end, held.memory.id: end}))
        with pytest.raises(Held, match=held.memory.id):
            store.mark([free.memory.id, held.memory.id], archived=True)
        assert [one.archived for one in store.traces([free.memory.id, held.memory.id]) if one] == [False, False]
        store.revise(Change(ends={held.memory.id: START + DAY}), over_holds=True)
        # What gives a memory back its time does not cut it short.
        store.revise(Change(ends={held.memory.id: None}))
        found = [one.memory.valid_to for one in store.read([free.memory.id, held.memory.id]) if one is not None]
        assert found == [None, None]
        store.mark([held.memory.id], archived=True, held=False)

    def test_a_memory_supersedes_only_what_is_there(self, store: Store) -> None:
        """An import may bring what superseded a memory without the memory."""
        old, new = record("old"), record("new")
        link = Link(parent=old.memory.id, child=new.memory.id, relation="supersedes", was=START)
        store.revise(Change(add=(new,), links=(link,)))
        assert store.links([new.memory.id]) == []

    def test_a_gist_is_found_by_what_its_parts_are(self, store: Store) -> None:
        parts = [
            record(
                f"part {n}",
                subject=f"s{n}",
                tags=(f"t{n}",),
                created_at=START + n * DAY,
                provenance=Provenance(session=f"talk {n}", speaker="ada"),
                metadata={"seat": {"row": n}, "paid": True},
            ).memory
            for n in range(2)
        ]
        gist = replace(record("a gist"), memory=compose("e" * 32, parts))
        store.write([gist, record("another", subject="s0")])
        for where in (
            Where(subject="S1"),
            Where(tags=("t0",)),
            Where(subject="s0", tags=("t1",)),
            Where(since=START + DAY),
            Where(until=START + DAY),
            Where(kinds=("episodic",)),
            Where(kinds=("semantic",)),
            Where(session="talk 1"),
            Where(session="talk 2"),
            Where(speaker="ada", metadata={"paid": True}),
            Where(metadata={"seat.row": 0}),
            Where(metadata={"seat.row": 0}, session="talk 1"),
            Where(metadata={"seat.row": 0, "paid": True}, session="talk 0", subject="s0"),
        ):
            assert (gist.memory.id in store.select(where)) == where.matches(gist.memory)
        # Each is met by a part, but no part meets both.
        assert not Where(metadata={"seat.row": 0}, session="talk 1").matches(gist.memory)
        assert Where(metadata={"seat.row": 0}, session="talk 0").matches(gist.memory)

    def test_a_gist_in_one_namespace_hides_nothing_of_the_next(self, store: Store) -> None:
        made = []
        for name in "abc":
            parts = [record(f"part {n} of {name}", namespace=(name,), subject="s").memory for n in range(2)]
            gist = replace(record("a gist", namespace=(name,)), memory=compose(parts[0].id[:-1] + name, parts))
            made += [gist, record("alone", namespace=(name,), subject="s")]
        store.write(made)
        ids = sorted(one.memory.id for one in made)
        assert store.select(Where(subject="s")) == ids
        assert sorted(memory.id for memory, _ in store.search(made[0].vector, Where(subject="s"), 9)) == ids
        assert sorted(set(store.evidence(question("part 1"), made[0].vector, Where(subject="s"), 9).ids)) == ids

    def test_a_key_is_that_of_one_memory_in_its_namespace(self, store: Store) -> None:
        one, twin = record("one", key="k"), record("twin", key="k")
        store.write([one, record("elsewhere", namespace=("app",), key="k"), record("free")])
        for change in (
            Change(add=(record("new"), twin)),
            Change(add=(record("first", key="l"), record("second", key="l"))),
            Change(add=(twin,), ends={one.memory.id: START + DAY}),
        ):
            with pytest.raises(KeyConflict):
                store.revise(change)
        with pytest.raises(KeyConflict):
            store.write([twin])
        assert store.count(()) == 3
        store.replace(replace(one, memory=replace(one.memory, text="changed")))
        store.revise(Change(ends={one.memory.id: START + DAY}))
        with pytest.raises(KeyConflict):
            store.write([twin])
        store.revise(Change(erase=(one.memory.id,), add=(twin,)))
        store.erase([twin.memory.id], guard=False)
        store.write([one])
        assert store.select(Where(namespace=("app", "ada"), key="k")) == [one.memory.id]
        assert store.check() == []

    def test_a_key_stays_taken_while_its_memory_is_in_a_gist(self, store: Store) -> None:
        parts = [record(f"part {n}", key=f"k{n}") for n in range(2)]
        store.write(parts)
        gist = replace(record("a gist"), memory=compose("e" * 32, [part.memory for part in parts]))
        store.revise(Change(erase=tuple(part.memory.id for part in parts), add=(gist,)), guard=False)
        with pytest.raises(KeyConflict):
            store.write([record("another", key="k1")])
        store.revise(Change(erase=(gist.memory.id,), add=(parts[0],)))
        store.write([record("another", key="k1")])
        with pytest.raises(KeyConflict):
            store.write([record("third", key="k0")])

    def test_two_threads_give_a_key_to_one_memory(self, store: Store) -> None:
        taken: list[int] = []
        for n in range(20):
            meet = Barrier(2)

            def write(which: int, n: int = n, meet: Barrier = meet) -> None:
                made = record(f"{which}", key=f"k{n}", namespace=("app", f"home {n % 3}"))
                meet.wait(60)
                try:
                    store.write([made])
                except KeyConflict:
                    taken.append(n)

            threads = [Thread(target=write, args=(which,)) for which in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
        assert taken == list(range(20))
        assert [len(store.select(Where(key=f"k{n}"))) for n in range(20)] == [1] * 20

    def test_what_was_forgotten_is_known_again_in_its_namespace(self, store: Store) -> None:
        said, pruned = record("Caf\u00e9 at 5", namespace=("a",)), record("of no use to anybody", namespace=("a",))
        other = record("nobody has touched this", namespace=("b",))
        store.write([said, pruned, other])
        store.erase([said.memory.id])
        store.erase([pruned.memory.id], guard=False)
        texts = [*map(Statement, ["cafe\u0301  AT 5", "Caf\u00e9 at 6", "of no use to anybody"])]
        part = Statement("one part of a gist")
        assert store.refused(("a",), texts) == [True, False, False]
        assert store.refused(("b",), texts) == store.refused(("nobody",), texts) == [False] * 3
        store.rebuild()
        store.revise(Change(guarded=((("a",), part),)))
        assert store.refused(("a",), [*texts, Statement("One PART of a gist")]) == [True, False, False, True]
        store.readmit(("a",), [texts[0]])
        assert store.refused(("a",), [texts[0], part]) == [False, True]
        store.guard_near(("a",), [Statement("the quick brown fox jumps over the lazy dog at 5")])
        near = [Statement(f"a quick brown fox jumps over a lazy dog, at {hour}!") for hour in (5, 6)]
        assert store.refused(("a",), near) == [True, False]
        store.erase_namespaces(("a",))
        store.write([record("again", namespace=("a",))])
        assert store.refused(("a",), [*near, part]) == [False] * 3

    def test_a_text_is_refused_of_the_subject_it_was_forgotten_of(self, store: Store) -> None:
        """Of another it is no repetition; where either has no subject, it may be one."""
        text, near = "takes her tea without any sugar", "takes her tea now without any sugar"
        of = [Statement(text, subject) for subject in ("Ada", "\uff41\uff24A", "Bob", None)]
        store.write([record(text, namespace=("a",), subject="Ada"), record(text, namespace=("none",))])
        store.erase(store.select(Where()))
        store.revise(Change(guarded=((("part",), of[0]),), add=(record("kept", namespace=("part",)),)))
        store.guard_near(("part",), [Statement(near, "Ada")])
        for _ in range(2):
            assert store.refused(("a",), of) == [True, True, False, True]
            assert store.refused(("none",), of) == [True] * 4
            assert store.refused(("part",), [*of, Statement(near, "ada"), Statement(near, "Bob")]) == [
                *(True, True, False, True),
                *(True, False),
            ]
            store.rebuild()
        store.readmit(("a",), [of[2]])
        assert store.refused(("a",), of) == [True, True, False, True]
        store.readmit(("a",), [of[1]])
        assert store.refused(("a",), of) == [False] * 4
        store.readmit(("none",), [of[2]])
        assert store.refused(("none",), of) == [False] * 4
        store.readmit(("part",), [of[3], Statement(near)])
        assert store.refused(("part",), [*of, Statement(near, "Ada")]) == [False] * 5

    def test_brief_texts_are_never_guarded(self, store: Store) -> None:
        """Whoever forgets one "Yes." goes on saying yes, also where an older store had guarded it."""
        brief = ["Yes.", "No, thanks", "\u597d\u7684", "\u0e43\u0e0a\u0e48\u0e04\u0e23\u0e31\u0e1a"]
        said = [record(text, namespace=("a",), subject=subject) for text in brief for subject in ("Ada", None)]
        store.write([*said, record("kept as it is here", namespace=("a",))])
        store.erase([one.memory.id for one in said])
        store.revise(Change(guarded=((("a",), Statement("Yes.", "Ada")),)))
        store.guard_near(("a",), [Statement("Yes.", "Ada"), Statement("No, thanks")])
        store.rebuild()
        assert store.fingerprints(()) == {}
        older = [hmac.digest(b"k" * 32, f"text\0{canonical(text)}".encode(), "sha256")[:12] for text in brief]
        store.adopt(("a",), [Fingerprints(key=b"k" * 32, prints=frozenset({NO_PRINT, *older}))])
        again = [Statement(text, subject) for text in brief for subject in ("Ada", None)]
        assert store.refused(("a",), again) == [False] * 8

    def test_fingerprints_travel(self, store: Store) -> None:
        """What was forgotten elsewhere is refused here once it is adopted, and can go on from here."""
        key, fox = b"k" * 32, "the quick brown fox jumps over the lazy dog at 5"
        cafe = Statement("Caf\u00e9 at 5", "Ada")
        other = Fingerprints(
            key=key,
            prints=frozenset({fingerprint(key, cafe)}),
            sketches=frozenset({sketch(key, fox, "Ada")}),
        )
        store.adopt(("a",), [other, Fingerprints(key=b"e" * 32)])
        fast, here = Statement("a quick brown fox jumps over a lazy dog, at 5!"), Statement("here at 7")
        asked = [Statement("cafe\u0301  AT 5"), Statement("Caf\u00e9 at 6"), fast, here]
        assert store.refused(("a",), asked) == [True, False, True, False]
        assert store.refused(("a",), [one._replace(subject="Bob") for one in asked]) == [False] * 4
        assert store.refused(("a", "b"), asked) == [False] * 4
        assert store.fingerprints(()) == store.fingerprints(("a",)) == {("a",): {other}}
        assert store.namespaces(()) == []
        made = record(here.text, namespace=("a",))
        store.write([made])
        store.erase([made.memory.id])
        store.rebuild()
        assert store.refused(("a",), asked) == [True, False, True, True]
        (own,) = store.fingerprints(("a",))[("a",)] - {other}
        assert own.know(here)
        assert own.prints == {fingerprint(own.key, Statement("HERE at 7"))}
        assert store.fingerprints(("b",)) == {}
        store.readmit(("a",), [asked[0], fast])
        assert store.refused(("a",), asked) == [False, False, False, True]
        assert store.fingerprints(()) == {("a",): {own}}
        store.adopt(("a",), [other])
        store.adopt(("a",), [])
        assert store.fingerprints(()) == {("a",): {own}}
        store.adopt(("a",), [other])
        store.erase_namespaces(("a",))
        assert store.fingerprints(()) == {}
        store.write([record("again", namespace=("a",))])
        assert store.refused(("a",), asked) == [False] * 4

    def test_what_is_due_is_found_by_its_own_end_and_by_periods(self, store: Store) -> None:
        own = record("goes by its own end", namespace=("a",), expires_at=START + 2 * DAY)
        about = record("goes by a period over its subject", namespace=("a", "b"), subject="Ada")
        stays = record("goes never", namespace=("c",))
        store.write([own, about, stays])
        store.mark([about.memory.id], held=True, archived=True)
        period = RetentionPeriod(subject="ADA", ttl=3 * DAY)
        store.set_period(RetentionPeriod(subject="ada", ttl=DAY))
        store.set_period(period)
        assert store.periods() == [period]
        late = record("written after", namespace=("a",), subject="ada")
        store.write([late])
        assert store.lapsed(Where(), START + DAY) == {}
        assert store.lapsed(Where(), START + 2 * DAY) == {own.memory.id: {own.memory.id}}
        store.reschedule([about.memory.id, "f" * 32])
        found = store.lapsed(Where(namespace=("a",)), START + 3 * DAY)
        assert found == {one.memory.id: {one.memory.id} for one in (own, about, late)}
        assert store.lapsed(Where(ids=(about.memory.id, stays.memory.id)), START).keys() == {about.memory.id}
        assert store.lapsed(Where(namespace=("c",)), START + 9 * DAY) == {}
        for at in (START + 3 * DAY, START):
            assert store.select(Where(kept_at=at)) == [stays.memory.id]
            assert [one.id for one, _ in store.search(own.vector, Where(kept_at=at), 9)] == [stays.memory.id]
            assert store.evidence(question("goes"), own.vector, Where(kept_at=at), 9).ids == [stays.memory.id]
        assert len(store.select(Where())) == 4
        store.mark([about.memory.id], held=False)
        assert store.lift_period(period)
        assert not store.lift_period(period)
        store.reschedule([about.memory.id, late.memory.id])
        assert store.lapsed(Where(), START + 9 * DAY).keys() == {own.memory.id}
        store.replace(replace(own, memory=replace(own.memory, expires_at=None)))
        assert store.lapsed(Where(), START + 9 * DAY) == {}

    def test_fingerprints_end(self, store: Store) -> None:
        said, kept = Statement("Caf\u00e9 at 5"), Statement("here at 7")
        store.write([record("somebody is here", namespace=("a",))])
        store.revise(Change(guarded=((("a",), said),), until=START + DAY))
        store.revise(Change(guarded=((("a",), kept),)))
        store.guard_near(("a",), [Statement("the quick brown fox jumps over the lazy dog")], until=START + 2 * DAY)
        near = Statement("a quick brown fox jumps over a lazy dog")
        assert {one.until for one in store.fingerprints(())[("a",)]} == {None, START + DAY, START + 2 * DAY}
        assert store.release_guard(("a",), START) == store.release_guard(("b",), START + 9 * DAY) == 0
        assert store.refused(("a",), [said, kept, near]) == [True] * 3
        store.readmit(("a",), [Statement("nothing of these")])
        assert store.release_guard((), START + DAY) == 1
        assert store.refused(("a",), [said, kept, near]) == [False, True, True]
        assert store.release_guard((), START + 9 * DAY) == 1
        assert store.refused(("a",), [said, kept, near]) == [False, True, False]

    def test_standing_links_and_log_are_written_as_they_are_given(self, store: Store) -> None:
        """What a copy needs: a record with its standing, links between what is there, a log without traces."""
        old, new = record("old"), record("new")
        kept = replace(old, trace=replace(old.trace, archived=True, pinned=True, held=True, restricted=True))
        store.write([kept, new])
        assert store.traces([old.memory.id]) == [kept.trace]
        link = Link(parent=old.memory.id, child=new.memory.id, relation="supersedes", was=START)
        store.revise(Change(links=(link,)))
        store.revise(Change(links=(link,)))
        assert store.links([old.memory.id]) == [link]
        seen = [Recalled(id=new.memory.id, at=START + n * DAY, found=n > 0) for n in range(3)]
        store.retrace({}, seen)
        assert store.recalls(()) == seen
        store.erase([old.memory.id, new.memory.id], over_holds=True, guard=False)
        store.write([kept, new])
        assert (store.links([old.memory.id]), store.recalls(())) == ([], [])

    def test_only_one_thread_is_alone(self, store: Store) -> None:
        seen: list[int] = []

        def other() -> None:
            seen.append(store.count(()))

        with store.alone():
            store.write([record("first")])
            thread = Thread(target=other)
            thread.start()
            store.write([record("second")])
        thread.join(60)
        # Others wait, or see nothing of it before its end.
        assert seen in ([0], [2])
        with store.alone(), store.alone():
            assert store.count(()) == 2

    def test_ledger_and_notes_are_kept(self, store: Store) -> None:
        entry = LedgerEntry(at=datetime(2026, 1, 1, tzinfo=UTC), action="hold", ids=("a" * 32, "b" * 32), reason="why")
        store.enter(entry)
        assert store.ledger() == [entry]
        assert store.note("policy") is None
        store.write_note("policy", "x")
        store.write_note("policy", "y")
        assert store.note("policy") == "y"
        assert store.notes() == {"policy": "y"}

    def test_an_alias_does_not_give_its_namespace_away(self, store: Store) -> None:
        names = [(), ("app",), ("app", "ada"), ("app/ada",)]
        aliases = [store.alias(name) for name in names]
        assert aliases == [store.alias(name) for name in names]
        assert len(set(aliases)) == len(names)
        assert not [alias for alias in aliases if "app" in alias or "()" in alias]

    def test_use_after_close_is_refused(self, store: Store) -> None:
        store.close()
        store.close()
        with pytest.raises(StoreClosed):
            store.select(Where())

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="NOT CHECKED: there is no fork here")
    def test_a_child_by_fork_is_refused_and_the_parent_goes_on(self, store: Store) -> None:
        first, second = record("one"), record("two")
        store.write([first])
        entry = LedgerEntry(at=START, action="hold", ids=(first.memory.id,), reason="a test")
        verbs = every_verb(store, EMBEDDER, first, entry)
        busy, go_on = Event(), Event()
        thread = Thread(target=_stay_alone, args=(store, busy, go_on))
        thread.start()
        assert busy.wait(60)
        # Also while another thread of the parent is inside; and closing what is the parent's is nobody's harm.
        answers = told({**verbs, "close": store.close, "read after it": verbs["read"]})
        go_on.set()
        thread.join(60)
        assert answers == {**dict.fromkeys([*verbs, "read after it"], "StoreClosed"), "close": ""}
        store.write([second])
        assert store.count(()) == 2
        assert store.ledger() == []
        assert store.check() == []


def _stay_alone(store: Store, busy: Event, go_on: Event) -> None:
    with store.alone():
        busy.set()
        go_on.wait(60)


__all__ = ["EMBEDDER", "StoreConformance"]

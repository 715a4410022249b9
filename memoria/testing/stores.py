"""StoreConformance: what every store must do. Subclass it, give a `store` fixture, and run pytest."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from memoria.errors import MemoryNotFound, StoreClosed
from memoria.identity import IdSource
from memoria.protocols import Store
from memoria.testing.embedders import HashEmbedder
from memoria.types import Memory, Namespace, Provenance, Record, Trace, Where
from memoria.words import question

EMBEDDER = HashEmbedder(64)
START = datetime(2026, 1, 1, tzinfo=UTC)
_IDS = IdSource()


def record(text: str, namespace: Namespace = ("app", "ada"), **fields: Any) -> Record:
    """A record with the hash embedder's unit vector, rounded to fp16 as stores round it."""
    import numpy as np

    created_at = fields.pop("created_at", START)
    memory = Memory(id=_IDS.new(created_at), namespace=namespace, text=text, created_at=created_at, **fields)
    vector = EMBEDDER.embed([text])[0]
    rounded = (vector / np.linalg.norm(vector)).astype(np.float16).astype(np.float32)
    return Record(memory=memory, trace=Trace(last_retrieved=created_at), vector=rounded)


class StoreConformance:
    """Needs a fixture `store`: an empty store made with `EMBEDDER.card`."""

    def test_reads_back_what_was_written(self, store: Store) -> None:
        full = record(
            "Ada takes tea \N{HOT BEVERAGE}",
            kind="semantic",
            valid_from=START,
            valid_to=START + timedelta(days=1),
            salience=0.25,
            subject="ada",
            tags=("drinks", "tea"),
            key="k",
            provenance=Provenance(source="chat", speaker="ada", session="1", derived_from=("0" * 32,)),
            metadata={"nested": [1, None, {"a": "b"}]},
        )
        store.write([full])
        (found,) = store.read([full.memory.id])
        assert found is not None
        assert (found.memory, found.trace) == (full.memory, full.trace)
        assert (found.vector == full.vector).all()

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

    def test_search_is_exact_and_ordered(self, store: Store) -> None:
        records = [record(f"word{n} word{n + 1} common") for n in range(50)]
        store.write(records)
        query = records[7].vector
        exact = sorted(((float(one.vector @ query), one.memory.id) for one in records), reverse=True)[:5]
        found = store.search(query, Where(), 5)
        assert [score for _, score in found] == pytest.approx([score for score, _ in exact], abs=1e-5)
        assert found[0][0].id == records[7].memory.id

    def test_evidence_measures_words_and_neighbours(self, store: Store) -> None:
        talk = Provenance(session="s", speaker="Ada")
        turns = [record(text, provenance=talk) for text in ("Who plays chess?", "Bob does.", "Green tea is good.")]
        store.write([*turns, record("nothing of this")])
        evidence = store.evidence(question("chess with Ada"), turns[0].vector, Where(), 20)
        columns = [{n: float(c[at]) for n, c in evidence.columns.items()} for at in range(len(evidence.ids))]
        by_id = dict(zip(evidence.ids, columns, strict=True))
        first, second, third = (by_id[one.memory.id] for one in turns)
        assert first["similarity"] == second["previous"] == pytest.approx(1, abs=1e-3)
        assert (first["question"], second["answer"], third["answer"], first["speaker"]) == (1, 1, 0, 1)
        assert first["words"] == second["near words"] == third["far words"] > second["words"] == 0
        assert first["coverage"] == 1

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

    def test_use_after_close_is_refused(self, store: Store) -> None:
        store.close()
        store.close()
        with pytest.raises(StoreClosed):
            store.select(Where())

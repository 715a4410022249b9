"""StoreBase: what it asks for, and what it does for every store that stands on it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memoria.derived.gist import compose
from memoria.errors import InvalidVector, StoreClosed, StoreCorrupt, StoreNotFound, StoreReadOnly
from memoria.protocols import Change, Store
from memoria.stores import InMemoryStore, StoreBase, pack, unpack
from memoria.testing import HashEmbedder
from memoria.testing.stores import DAY, EMBEDDER, START, record
from memoria.text.fingerprints import Statement
from memoria.text.words import question
from memoria.types import LedgerEntry, Link, Provenance, Recalled, RetentionPeriod, Where

ONE, ENTRY = record("Ada takes tea."), LedgerEntry(at=START, action="hold", ids=("a" * 32,), reason="law")
VECTOR = ONE.vector
PERIOD = RetentionPeriod(ttl=DAY)
READING: dict[str, Callable[[Store], object]] = {
    "read": lambda store: store.read([]),
    "traces": lambda store: store.traces([]),
    "select": lambda store: store.select(Where()),
    "namespaces": lambda store: store.namespaces(()),
    "count": lambda store: store.count(()),
    "holdings": lambda store: store.holdings(()),
    "ended": lambda store: store.ended((), START),
    "due": lambda store: store.due((), START, 1),
    "lapsed": lambda store: store.lapsed(Where(), START),
    "periods": lambda store: store.periods(),
    "links": lambda store: store.links([]),
    "recalls": lambda store: store.recalls(()),
    "search": lambda store: store.search(VECTOR, Where(), 1),
    "evidence": lambda store: store.evidence(question("tea"), VECTOR, Where(), 1),
    "refused": lambda store: store.refused((), [Statement("tea")]),
    "fingerprints": lambda store: store.fingerprints(()),
    "ledger": lambda store: store.ledger(),
    "note": lambda store: store.note("name"),
    "notes": lambda store: store.notes(),
    "private_note": lambda store: store.private_note("name"),
    "private_notes": lambda store: store.private_notes(),
    "secrets": lambda store: store.secrets([]),
    "check": lambda store: store.check(),
    "stats": lambda store: store.stats(),
    "alone": lambda store: store.alone().__enter__(),
    "chained": lambda store: store.chained(),
    "keyring": lambda store: store.keyring(),
    "kept_head": lambda store: store.kept_head(),
    "remains": lambda store: store.remains([]),
}
WRITING: dict[str, Callable[[Store], object]] = {
    "write": lambda store: store.write([ONE]),
    "replace": lambda store: store.replace(ONE),
    "erase": lambda store: store.erase([]),
    "revise": lambda store: store.revise(Change()),
    "erase_namespaces": lambda store: store.erase_namespaces(()),
    "retrace": lambda store: store.retrace({}),
    "mark": lambda store: store.mark([], held=True),
    "archive_due": lambda store: store.archive_due((), START, 1),
    "guard_near": lambda store: store.guard_near((), [Statement("tea")]),
    "readmit": lambda store: store.readmit((), [Statement("tea")]),
    "adopt": lambda store: store.adopt((), []),
    "release_guard": lambda store: store.release_guard((), START),
    "enter": lambda store: store.enter(ENTRY),
    "rotate": lambda store: store.rotate(ENTRY),
    "set_period": lambda store: store.set_period(PERIOD),
    "lift_period": lambda store: store.lift_period(PERIOD),
    "reschedule": lambda store: store.reschedule([]),
    "write_note": lambda store: store.write_note("name", "value"),
    "write_private_note": lambda store: store.write_private_note("name", "value"),
    "rebuild": lambda store: store.rebuild(),
    "repair": lambda store: store.repair(),
    "reembed": lambda store: store.reembed(EMBEDDER),
}


class Shared(InMemoryStore):
    """A store that two objects open, as two processes open a database; counts its transactions and its closings."""

    def __init__(self, first: Shared | None = None, mode: Any = "rw") -> None:
        self.begun = self.released = 0
        self.told: list[int] = [0] if first is None else first.told
        self.first = first
        super().__init__(EMBEDDER.card)
        self._writable = mode == "rw"

    def _entries(self, shelf: str) -> dict[str, bytes]:
        return super()._entries(shelf) if self.first is None else self.first._entries(shelf)

    def _fetch(self, ids: Any) -> dict[str, Any]:
        return super()._fetch(ids) if self.first is None else self.first._fetch(ids)

    def _scan(self, prefix: tuple[str, ...]) -> list[Any]:
        return super()._scan(prefix) if self.first is None else self.first._scan(prefix)

    def _version(self) -> object:
        return self.told[0]

    @contextmanager
    def _atomic(self) -> Iterator[None]:
        self.begun += 1
        yield
        self.told[0] += 1

    def _release(self) -> None:
        self.released += 1


def test_every_verb_of_a_store_is_derived_or_asked_for() -> None:
    verbs = {name for name in vars(Store) if not name.startswith("_")}
    assert verbs <= set(dir(StoreBase))
    # These are answered from RAM, or carried out by another verb.
    asked = {"alias", "bound", "close", "common", "embedder", "erasure", "files", "language", "nameless", "strays"}
    proof = {"deciding", "prove", "reason_key", "sign_with"}
    assert verbs - READING.keys() - WRITING.keys() == asked | proof


@pytest.mark.parametrize("name", sorted(StoreBase.__abstractmethods__))
def test_a_class_that_lacks_a_method_cannot_be_made(name: str) -> None:
    lacking: Any = type("Lacking", (InMemoryStore,), {name: getattr(StoreBase, name)})
    with pytest.raises(TypeError, match=rf"abstract.*\b{name}\b"):
        lacking(EMBEDDER.card)


@pytest.mark.parametrize("name", [*READING, *WRITING])
def test_every_verb_is_refused_after_close_which_may_come_twice(name: str) -> None:
    store = Shared()
    store.close()
    store.close()
    assert store.released == 1
    with pytest.raises(StoreClosed):
        {**READING, **WRITING}[name](store)


@pytest.mark.parametrize("name", WRITING)
def test_every_verb_that_writes_is_one_transaction_and_refused_to_a_reader(name: str) -> None:
    store = Shared()
    late = replace(ONE, trace=replace(ONE.trace, fades_at=START))
    store.write([late])
    before = store.begun
    WRITING[name](store)
    assert store.begun == before + 1
    with pytest.raises(StoreReadOnly):
        WRITING[name](Shared(store, "r"))


@pytest.mark.parametrize("name", READING)
def test_no_verb_that_reads_begins_a_transaction(name: str) -> None:
    store = Shared()
    store.write([ONE])
    before = store.begun
    READING[name](Shared(store, "r"))
    READING[name](store)
    assert store.begun == before


def test_a_reader_does_not_make_a_store() -> None:
    class Reader(InMemoryStore):
        def __init__(self) -> None:
            self._records, self._shelves = {}, {}
            StoreBase.__init__(self, EMBEDDER.card, mode="r")

    with pytest.raises(StoreNotFound):
        Reader()


def test_what_another_process_wrote_is_searched() -> None:
    one = Shared()
    two = Shared(one, "r")
    assert list(two.evidence(question("tea"), VECTOR, Where(), 9).ids) == []
    one.write([ONE])
    assert list(two.evidence(question("tea"), VECTOR, Where(), 9).ids) == [ONE.memory.id]


def test_what_another_process_erases_meanwhile_is_not_found() -> None:
    class Racing(Shared):
        def _fetch(self, ids: Any) -> dict[str, Any]:
            one.erase([ONE.memory.id])
            return super()._fetch(ids)

    one = Shared()
    one.write([ONE, record("other")])
    assert [memory.text for memory, _ in Racing(one, "r").search(VECTOR, Where(), 9)] == ["other"]


def test_an_old_store_keeps_its_embedder() -> None:
    one = Shared()
    one.reembed(HashEmbedder(32))
    assert Shared(one).embedder == one.embedder == HashEmbedder(32).card


def test_vectors_that_are_none_change_nothing() -> None:
    class Broken(HashEmbedder):
        def embed(self, texts: Any) -> Any:
            return np.zeros_like(super().embed(texts))

    store = InMemoryStore(EMBEDDER.card)
    store.write([ONE])
    with pytest.raises(InvalidVector):
        store.reembed(Broken(32))
    assert store.embedder == EMBEDDER.card
    assert store.check() == []


def test_check_finds_vectors_that_are_none_and_records_that_are_not_found_by_their_ids() -> None:
    store = InMemoryStore(EMBEDDER.card)
    made = [record(f"fact {n}") for n in range(4)]
    store.write(made)
    ids = [one.memory.id for one in made]
    store._records[ids[0]] = replace(made[0], vector=made[0].vector[:-1])
    store._records[ids[1]] = replace(made[1], vector=made[1].vector * np.float32(np.nan))
    store._records[ids[2]] = made[3]
    assert [problem.split()[0] for problem in store.check()] == [ids[0], ids[1]]
    store._records[ids[2]] = made[2]
    del store._records[ids[3]]
    store._records["f" * 32] = made[3]
    assert [problem for problem in store.check() if ids[3] in problem] == [f"{ids[3]} is not what is read by its id"]


def test_the_log_of_recalls_is_in_the_order_of_time_over_all_memories() -> None:
    store = InMemoryStore(EMBEDDER.card)
    made = [record(f"fact {n}") for n in range(3)]
    store.write(made)
    seen = [Recalled(id=made[n % 3].memory.id, at=START + n * DAY, found=n % 2 > 0) for n in range(9)]
    shuffled = random.Random(0).sample(seen, 9)
    store.retrace({}, shuffled[:5])
    store.retrace({}, [*shuffled[5:], Recalled(id="f" * 32, at=START, found=True)])
    assert store.recalls(()) == seen
    store.erase([made[0].memory.id])
    assert store.recalls(()) == [one for one in seen if one.id != made[0].memory.id]


def test_more_decisions_than_ten_stay_in_their_order() -> None:
    store = InMemoryStore(EMBEDDER.card)
    made = [replace(ENTRY, reason=str(n)) for n in range(12)]
    for entry in made:
        store.enter(entry)
    assert store.ledger() == made


def test_a_link_without_an_end_comes_back_so() -> None:
    store = InMemoryStore(EMBEDDER.card)
    old, new = record("old"), record("new")
    link = Link(parent=old.memory.id, child=new.memory.id, relation="supersedes")
    store.revise(Change(add=(old, new), links=(link,)))
    assert store.links([old.memory.id]) == [link]


def test_a_link_to_what_is_not_there_is_seen_once_it_is() -> None:
    store = InMemoryStore(EMBEDDER.card)
    old, new = record("old"), record("new")
    link = Link(parent=old.memory.id, child=new.memory.id, relation="supersedes", was=START)
    store.revise(Change(add=(old,), links=(link,)))
    assert store.links([old.memory.id]) == []
    store.write([new])
    assert store.links([old.memory.id]) == [link]


def test_fingerprints_of_two_namespaces_are_under_two_keys() -> None:
    store = InMemoryStore(EMBEDDER.card)
    store.revise(Change(guarded=((("a",), Statement("tea at 5")), (("b",), Statement("tea at 5")))))
    known = store.fingerprints(())
    ((a,), (b,)) = known[("a",)], known[("b",)]
    assert (a.key != b.key, a.prints.isdisjoint(b.prints)) == (True, True)
    assert store.alias(("a",)).encode() not in (a.key.hex().encode(), b.key.hex().encode())


def full() -> Any:
    """A record with something in every field."""
    parts = [record(f"part {n} \N{HOT BEVERAGE} \"'\\", created_at=START + n * DAY).memory for n in range(2)]
    memory = replace(
        compose("e" * 32, parts),
        valid_from=START,
        valid_to=START + DAY,
        subject="ada",
        tags=("a", "b"),
        key="k",
        provenance=Provenance(source="chat", speaker="ada", session="1", derived_from=("0" * 32,)),
        metadata={"nested": [1, None, {"a": "b"}], "created_at": 1},
    )
    trace = replace(ONE.trace, stability=float("inf"), older=0.1, fades_at=START, pinned=True)
    return replace(ONE, memory=memory, trace=trace.found(START + timedelta(microseconds=1), decay=0.3))


def test_a_record_is_packed_and_unpacked_whole() -> None:
    for one in (full(), ONE):
        found = unpack(pack(one))
        assert (found.memory, found.trace) == (one.memory, one.trace)
        assert found.vector.tobytes() == one.vector.tobytes()
        assert all(isinstance(part.created_at, datetime) for part in found.memory.parts)


def test_bytes_that_are_no_packed_record_are_refused_without_quoting_them() -> None:
    packed = pack(ONE)
    damaged = [packed[:at] for at in range(0, len(packed), 7)] + [packed + b"\0", b"\xff" * 40]
    damaged += [packed.replace(b'"text"', b'"tent"'), packed.replace(b'"tags":[]', b'"tags":10')]
    for data in damaged:
        with pytest.raises(StoreCorrupt) as error:
            unpack(data)
        assert "tea" not in str(error.value)
        assert error.value.__cause__ is None


def test_what_is_packed_holds_what_is_listed_as_secret(tmp_path: Path) -> None:
    store = InMemoryStore(EMBEDDER.card)
    one = replace(ONE, memory=replace(ONE.memory, text='Ada says "tea" \N{HOT BEVERAGE}'))
    store.write([one])
    found = {secret.label: secret.data in pack(one) for secret in store.secrets([one.memory.id])}
    assert found == {"text": False, "text json": True, "vector fp16": True, "vector fp32": False}


def test_entries_may_be_looked_up_by_key() -> None:
    class Keyed(InMemoryStore):
        def _some_entries(self, shelf: str, keys: Any) -> Mapping[str, bytes]:
            asked.append((shelf, sorted(keys)))
            return super()._some_entries(shelf, keys)

    asked: list[tuple[str, list[str]]] = []
    store = Keyed(EMBEDDER.card)
    store.write_note("policy", "x")
    assert store.note("policy") == "x"
    assert store.refused(("a",), [Statement("tea")]) == [False]
    kinds = ("outside", "forgotten", "adopted")
    assert asked == [("notes", ["policy"]), *((kind, ['["a"]']) for kind in kinds)]

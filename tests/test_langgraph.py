"""MemoriaStore: the same answers as LangGraph's own store, and deletion that is exact."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypedDict

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.base import (
    GetOp,
    IndexConfig,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    SearchItem,
    SearchOp,
    TTLConfig,
)
from langgraph.store.memory import InMemoryStore

import memoria
from memoria.integrations.langgraph import MemoriaStore
from memoria.testing import HashEmbedder

ADA = ("users", "ada")


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(microseconds=1)
        return self.now

    def pass_minutes(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(tmp_path: Path, clock: Clock) -> Iterator[memoria.Memoria]:
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder(), clock=clock) as opened:
        yield opened


@pytest.fixture
def store(memory: memoria.Memoria) -> MemoriaStore:
    return MemoriaStore(memory, index={"fields": ["text", "notes[*]"]})


def test_what_is_deleted_is_nowhere(memory: memoria.Memoria, store: MemoriaStore) -> None:
    secret = "the reactor key hangs behind the third gauge"
    store.put(ADA, "one", {"text": secret, "notes": ["only the captain knows of it"], "extra": "marmalade sandwiches"})
    assert store.search(("users",), query="reactor key")[0].value["extra"] == "marmalade sandwiches"
    store.delete(ADA, "one")
    assert store.get(ADA, "one") is None
    assert memory.scan(secret, "only the captain knows of it", "marmalade sandwiches").found == ()
    assert len(memory) == 0


def test_an_update_leaves_nothing_of_what_was(memory: memoria.Memoria, store: MemoriaStore) -> None:
    store.put(ADA, "one", {"text": "she lives in the harbour quarter", "notes": ["a", "b"]})
    before = store.get(ADA, "one")
    store.put(ADA, "one", {"text": "she moved to the hills"})
    after = store.get(ADA, "one")
    assert before is not None
    assert after is not None
    assert (after.value, after.created_at) == ({"text": "she moved to the hills"}, before.created_at)
    assert after.updated_at > before.updated_at
    assert memory.scan("she lives in the harbour quarter").found == ()
    assert len(memory) == 1


def test_the_version_that_a_crash_left_behind_is_never_seen(memory: memoria.Memoria, store: MemoriaStore) -> None:
    store.put(ADA, "one", {"text": "old"})
    (old,) = memory.list()
    store.put(ADA, "one", {"text": "new"})
    # As if the process had died between writing the new version and forgetting the old one.
    left = memory.namespace(*old.namespace)
    left.remember(old.text, tags=old.tags, metadata=old.metadata, created_at=old.created_at)
    item = store.get(ADA, "one")
    assert item is not None
    assert item.value == {"text": "new"}
    assert [found.value["text"] for found in store.search(ADA)] == ["new"]
    assert [found.value["text"] for found in store.search(ADA, query="old")] == ["new"]
    store.delete(ADA, "one")
    assert len(memory) == 0


def test_a_held_item_stays_as_it_is(memory: memoria.Memoria, store: MemoriaStore) -> None:
    store.put(ADA, "one", {"text": "evidence"})
    memory.hold(memory.list()[0].id, reason="court order")
    with pytest.raises(memoria.Held):
        store.put(ADA, "one", {"text": "tampered"})
    with pytest.raises(memoria.Held):
        store.delete(ADA, "one")
    assert [item.value for item in store.search(ADA)] == [{"text": "evidence"}]
    assert len(memory) == 1


def test_a_pin_survives_an_update(memory: memoria.Memoria, store: MemoriaStore) -> None:
    store.put(ADA, "one", {"text": "kept"})
    memory.pin(memory.list()[0].id)
    store.put(ADA, "one", {"text": "kept still"})
    assert memory.trace(memory.list()[0].id).pinned


def test_an_item_without_fields_to_index_is_found_without_a_score(store: MemoriaStore) -> None:
    store.put(ADA, "none", {"text": "tea"}, index=[])
    store.put(ADA, "some", {"text": "chess"})
    found = store.search(ADA, query="tea")
    assert [(item.key, item.score is None) for item in found] == [("some", False), ("none", True)]


def test_deleting_a_namespace_erases_what_lies_under_it(memory: memoria.Memoria, store: MemoriaStore) -> None:
    store.put(("users",), "x", {"text": "all users"})
    store.put(ADA, "x", {"text": "ada alone"})
    store.put(("users", "bob"), "x", {"text": "bob alone"})
    receipt = store.delete_namespace(ADA)
    assert (len(receipt.forgotten), receipt.namespaces) == (1, 1)
    assert store.list_namespaces() == [("users",), ("users", "bob")]
    assert memory.scan("ada alone").found == ()


def test_any_label_and_key_is_a_name(store: MemoriaStore) -> None:
    for labels in [("a/b",), ("a", "b"), ("a%2Fb",), ("%items",), (" ",), ("ünï\u2003cödé", "x")]:
        for key in ["", "k/1", " ", "=k"]:
            store.put(labels, key, {"at": [*labels, key]})
            item = store.get(labels, key)
            assert item is not None
            assert (item.namespace, item.key, item.value) == (labels, key, {"at": [*labels, key]})
        assert len([item for item in store.search(labels, limit=50) if item.namespace == labels]) == 4
    assert len(store.list_namespaces()) == 6


def test_what_expires_is_gone_from_every_byte(memory: memoria.Memoria, clock: Clock) -> None:
    ttl: TTLConfig = {"default_ttl": 10, "refresh_on_read": True}
    store = MemoriaStore(memory, index={"fields": ["text"]}, ttl=ttl)
    store.put(ADA, "short", {"text": "the word of the day is periwinkle"})
    store.put(ADA, "long", {"text": "she was born in May"}, ttl=None)
    store.put(("sessions", "1"), "s", {"text": "a session that ends"})
    clock.pass_minutes(6)
    assert store.get(ADA, "short", refresh_ttl=False) is not None
    assert store.search(ADA, query="periwinkle", refresh_ttl=True)[0].key == "short"
    clock.pass_minutes(6)
    assert store.list_namespaces() == [ADA]
    assert store.get(ADA, "short", refresh_ttl=False) is not None
    clock.pass_minutes(6)
    assert [item.key for item in store.search(ADA)] == ["long"]
    assert memory.scan("the word of the day is periwinkle", "a session that ends").found == ()
    assert len(memory) == 1


def test_a_sweep_forgets_what_expired_and_nothing_else(memory: memoria.Memoria, clock: Clock) -> None:
    store = MemoriaStore(memory)
    for at in range(5):
        store.put(ADA, f"k{at}", {"n": at}, ttl=float(at + 1))
    clock.pass_minutes(3.5)
    assert store.sweep_ttl() == 3
    assert len(memory) == 2


def test_a_held_item_outlasts_its_ttl_unseen(memory: memoria.Memoria, clock: Clock) -> None:
    store = MemoriaStore(memory)
    store.put(ADA, "k", {"text": "evidence"}, ttl=1.0)
    memory.hold(memory.list()[0].id, reason="court order")
    clock.pass_minutes(2)
    assert store.search(ADA) == []
    assert store.sweep_ttl() == 0
    memory.release(memory.list()[0].id, reason="over")
    assert store.sweep_ttl() == 1
    assert len(memory) == 0


def test_what_others_remember_is_no_item(memory: memoria.Memoria) -> None:
    store = MemoriaStore(memory, index={"fields": ["text"]})
    memory.remember("tea of somebody else", tags=["ttl"], metadata={"value": 1})
    store.put(ADA, "k", {"text": "tea"})
    assert [item.key for item in store.search(())] == ["k"]
    assert [item.key for item in store.search((), query="tea of somebody else")] == ["k"]
    assert store.list_namespaces() == [ADA]
    assert store.sweep_ttl() == 0
    assert len(memory) == 2


def test_the_sweeper_ends_when_told(tmp_path: Path) -> None:
    place = tmp_path / "b.memoria"
    with MemoriaStore.from_conn_string(place, embedder=HashEmbedder(), ttl={"default_ttl": 1e-6}) as store:
        store.put(ADA, "k", {})
        store.start_ttl_sweeper(1e-4)
        store.start_ttl_sweeper()
        while isinstance(store.memory, memoria.Memoria) and len(store.memory):
            pass
        assert store.stop_ttl_sweeper(5)


def test_a_reader_sees_what_the_writer_wrote(tmp_path: Path) -> None:
    place, index = tmp_path / "b.memoria", IndexConfig(fields=["text"])
    with MemoriaStore.from_conn_string(place, index=index, embedder=HashEmbedder()) as writer:
        writer.put(ADA, "k", {"text": "tea"})
        with MemoriaStore.from_conn_string(place, index=index, embedder=HashEmbedder(), mode="r") as reader:
            item = reader.get(ADA, "k")
            assert item is not None
            assert reader.search((), query="tea")[0].key == "k"
            with pytest.raises(memoria.StoreReadOnly):
                reader.put(ADA, "k", {"text": "coffee"})


def test_an_async_embedding_function_embeds(tmp_path: Path) -> None:
    plain = HashEmbedder()

    async def embed(texts: Any) -> list[list[float]]:
        await asyncio.sleep(0)
        return [vector.tolist() for vector in plain.embed(texts)]

    async def use() -> list[SearchItem]:
        index: IndexConfig = {"dims": 64, "embed": embed, "fields": ["text"]}
        with MemoriaStore.from_conn_string(tmp_path / "c.memoria", index=index) as store:
            await asyncio.gather(*(store.aput(ADA, f"k{n}", {"text": f"note number {n}"}) for n in range(20)))
            return await store.asearch(ADA, query="note number 7", limit=1)

    assert asyncio.run(use())[0].key == "k7"


class State(TypedDict):
    text: str
    answer: str


def test_a_graph_remembers_between_runs(store: MemoriaStore) -> None:
    def note(state: State, runtime: Runtime) -> dict[str, str]:
        assert runtime.store is not None
        known = runtime.store.search(ADA, query=state["text"], limit=1)
        runtime.store.put(ADA, state["text"], {"text": state["text"]})
        return {"answer": known[0].value["text"] if known else "nothing yet"}

    graph = StateGraph(State)
    graph.add_node("note", note)
    graph.add_edge(START, "note")
    graph.add_edge("note", END)
    app = graph.compile(store=store)
    assert app.invoke({"text": "I take my tea without sugar", "answer": ""})["answer"] == "nothing yet"
    assert app.invoke({"text": "how do I take my tea", "answer": ""})["answer"] == "I take my tea without sugar"


LABELS = st.lists(st.sampled_from(["a", "b", "a/", "%"]), min_size=1, max_size=2).map(tuple)
VALUES = st.fixed_dictionaries(
    {"n": st.integers(0, 2), "text": st.sampled_from(["tea", "chess", "rain in May"])},
    optional={"deep": st.fixed_dictionaries({"x": st.booleans()})},
)
KEYS = st.sampled_from(["k1", "k2", "k3"])
FILTERS = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {
            "n": st.dictionaries(
                st.sampled_from(["$gt", "$gte", "$lt", "$lte", "$eq", "$ne"]), st.integers(0, 2), min_size=1
            )
        }
    ),
    st.fixed_dictionaries({"text": st.sampled_from(["tea", "chess"])}),
    st.fixed_dictionaries({"deep": st.fixed_dictionaries({"x": st.booleans()})}),
)
CONDITIONS = st.builds(
    MatchCondition,
    st.sampled_from(["prefix", "suffix"]),
    st.lists(st.sampled_from(["a", "b", "a/", "*"]), min_size=1, max_size=3).map(tuple),
)
OPS = st.one_of(
    st.tuples(LABELS, KEYS, st.one_of(VALUES, VALUES, st.none())).map(lambda op: PutOp(*op)),
    st.tuples(LABELS, KEYS).map(lambda op: GetOp(*op)),
    st.tuples(st.one_of(st.just(()), st.just(()), LABELS), FILTERS).map(lambda op: SearchOp(*op, limit=1000)),
    st.tuples(st.lists(CONDITIONS, max_size=2).map(tuple), st.one_of(st.none(), st.integers(1, 3))).map(
        lambda op: ListNamespacesOp(*op, limit=1000)
    ),
)


@example(
    batches=[
        [PutOp(("a",), f"k{n}", {"n": n}) for n in range(3)],
        [SearchOp((), {"n": {name: 1}}, limit=1000) for name in ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte")],
    ]
)
@given(batches=st.lists(st.lists(OPS, min_size=1, max_size=6), max_size=12))
def test_it_answers_as_their_store_does(batches: list[list[Op]]) -> None:
    theirs = InMemoryStore()
    with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
        ours = MemoriaStore(memory)
        for batch in batches:
            wanted = answers(theirs, batch)
            for op, mine, other in zip(batch, ours.batch(batch), wanted, strict=True):
                assert plain(mine) == plain(other), op


def answers(theirs: InMemoryStore, batch: list[Op]) -> list[Any]:
    """As `batch` answers: reads first, then the puts. It lists a namespace that was only asked for; no other does."""
    found: list[Any] = [None] * len(batch)
    for place, op in enumerate(batch):
        if not isinstance(op, PutOp):
            for empty in [namespace for namespace, items in theirs._data.items() if not items]:
                del theirs._data[empty]
            (found[place],) = theirs.batch([op])
    theirs.batch([op for op in batch if isinstance(op, PutOp)])
    return found


def plain(result: Any) -> Any:
    """A result without times and order."""
    if isinstance(result, list):
        return sorted((plain(one) for one in result), key=repr)
    return (result.namespace, result.key, result.value) if hasattr(result, "key") else result

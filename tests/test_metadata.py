"""What metadata is found by: the paths and values of a filter against a plain walk that knows no canonical form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import memoria
from memoria.metadata import MAX_PATH, entries, entry
from memoria.protocols import Store
from memoria.stores import InMemoryStore, LocalStore
from memoria.testing import HashEmbedder
from memoria.testing.stores import EMBEDDER, record
from memoria.types import Provenance, Where
from memoria.validate import MAX_CRITERIA, check_where

KEYS = st.one_of(st.sampled_from(["a", "b", "a.b", ".", ""]), st.text("a.\0\u00e9", max_size=4))
TEXTS = st.one_of(st.text("1aA\0\u00e9e\u0301", max_size=3), st.sampled_from(["true", "null", "0x1", '"']))
NUMBERS = st.one_of(st.integers(-2, 2), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
HUGE = st.builds(lambda power, more: int(2**power) + more, st.integers(50, 1000), st.integers(-1, 1))
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, HUGE, HUGE.map(float), TEXTS)
METADATA = st.dictionaries(
    KEYS,
    st.recursive(SCALARS, lambda inner: st.dictionaries(KEYS, inner, max_size=3) | st.lists(inner, max_size=2)),
    max_size=4,
)


def reached(value: Any, path: str) -> Iterator[Any]:
    """Whatever stands under a path, its dots taken for joints or for parts of keys in every way there is."""
    for name, held in value.items() if isinstance(value, dict) else ():
        if name == path:
            yield held
        if path.startswith(f"{name}."):
            yield from reached(held, path[len(name) + 1 :])


def equal(one: Any, other: Any) -> bool:
    scalar = all(value is None or isinstance(value, str | int | float) for value in (one, other))
    return scalar and isinstance(one, bool) == isinstance(other, bool) and one == other


def meets(metadata: dict[str, Any], criteria: dict[str, Any]) -> bool:
    return all(any(equal(one, value) for one in reached(metadata, path)) for path, value in criteria.items())


def places(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Paths and scalars that are there, so that many of what is asked for is met."""
    for name, held in value.items():
        if isinstance(held, dict):
            yield from places(held, f"{prefix}{name}.")
        elif not isinstance(held, list):
            yield f"{prefix}{name}", held


@st.composite
def asked(draw: st.DrawFn, metadata: dict[str, Any]) -> dict[str, Any]:
    there = sorted(places(metadata), key=repr)
    some = dict(draw(st.lists(st.sampled_from(there), max_size=3))) if there else {}
    return some | draw(st.dictionaries(KEYS, SCALARS, max_size=draw(st.integers(0, 1))))


@given(st.data(), METADATA)
def test_a_filter_meets_what_a_plain_walk_finds(data: st.DataObject, metadata: dict[str, Any]) -> None:
    criteria = data.draw(asked(metadata))
    where = Where(metadata=criteria)
    assert where.matches(record("x", metadata=metadata).memory) == meets(metadata, criteria)


@given(SCALARS, SCALARS)
def test_two_values_have_one_entry_if_and_only_if_they_are_equal(one: Any, other: Any) -> None:
    assert (entry("a", one) == entry("a", other)) == equal(one, other)
    assert entry("a", one) != entry("b", one)


def test_numbers_are_compared_exactly() -> None:
    assert entry("a", 2**53) == entry("a", float(2**53)) != entry("a", 2**53 + 1)
    assert entry("a", 10**5000) != entry("a", 10**5000 + 1)
    assert entry("a", float("inf")) not in {entry("a", -float("inf")), entry("a", "inf"), entry("a", float("nan"))}


def test_deep_and_long_metadata_costs_no_more_than_what_it_holds() -> None:
    deep: dict[str, Any] = {"end": 1}
    for _ in range(5000):
        deep = {"k": deep}
    assert entries(deep) == set()
    wide = {"p" * 500_000: {str(n): n for n in range(100_000)}, "a": 1}
    assert entries(wide) == {entry("a", 1)}
    edge = {"p" * MAX_PATH: "in", "q" * (MAX_PATH + 1): "out"}
    assert entries(edge) == {entry("p" * MAX_PATH, "in")}


def test_a_filter_is_compared_and_hashed_with_metadata() -> None:
    some = Where(namespace=("a",), metadata={"x": 1})
    assert some == Where(namespace=("a",), metadata={"x": 1}) != Where(namespace=("a",))
    assert hash(some) == hash(Where(namespace=("a",), metadata={"x": 1}))
    assert len({Where(session="s"), Where(session="s"), Where(speaker="s"), Where()}) == 3
    only = [Where(), Where(session="s"), Where(speaker="s"), Where(metadata={"x": None}), Where(metadata={})]
    assert [where.only_namespace for where in only] == [True, False, False, False, True]


CRITERIA: Any = {f"k{n}": n for n in range(MAX_CRITERIA)}


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"session": ""}, "session is empty"),
        ({"session": 7}, "session is int, not str"),
        ({"speaker": "zq\0"}, "speaker holds NUL at 2"),
        ({"speaker": "zq" * 1000}, "speaker is 2,000 bytes"),
        ({"metadata": [("zq", 1)]}, "metadata is list, not a mapping"),
        ({"metadata": {7: 1}}, "path is int, not str"),
        ({"metadata": {"zq": [1]}}, "value is list, not str, int, float, bool or None"),
        ({"metadata": {"zq": {"zq": 1}}}, "value is dict"),
        ({"metadata": {"zq": float("nan")}}, "no finite number"),
        ({"metadata": {"zq": float("inf")}}, "no finite number"),
        ({"metadata": {"zq" * MAX_PATH: 1}}, "path is 2,048 characters, the limit is 1,024"),
        ({"metadata": {"zq\ud800": 1}}, "path holds a lone surrogate at 2"),
        ({"metadata": {"zq": "zq\ud800"}}, "value holds a lone surrogate at 2"),
        ({"metadata": {"zq": "zq" * (1 << 20)}}, "value is 2,097,152 bytes"),
        ({"metadata": {**CRITERIA, "one more": 1}}, "asks for 33 values, the limit is 32"),
    ],
)
def test_filters_that_break_a_rule_name_it_and_no_content(fields: Any, rule: str) -> None:
    with pytest.raises(memoria.InvalidQuery, match=rule) as caught:
        check_where(Where(**fields))
    assert "zq" not in str(caught.value)


def test_a_filter_may_ask_for_whatever_a_memory_may_hold() -> None:
    for metadata in (CRITERIA, {"": "", " ": "\0", "a\0b": None, "a.b": 10**400, "x": -0.0, "y": True}):
        where = Where(session="s", speaker="\u00e9", metadata=metadata)
        assert check_where(where) is where


@pytest.fixture(params=["in memory", "local", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: dict[str, Callable[[], Store]] = {
        "in memory": lambda: InMemoryStore(EMBEDDER.card),
        "local": lambda: LocalStore(tmp_path / "a.memoria", embedder=EMBEDDER.card),
        "postgres": lambda: memoria.open(request.getfixturevalue("database"), embedder=HashEmbedder(64)).store,
    }
    store = made[request.param]()
    yield store
    store.close()


@settings(max_examples=25)
@given(st.data(), st.lists(METADATA, min_size=1, max_size=4))
def test_every_store_finds_what_the_definition_says(
    store: Store, data: st.DataObject, said: list[dict[str, Any]]
) -> None:
    talks = data.draw(st.lists(TEXTS.filter(lambda name: "\0" not in name), min_size=len(said), max_size=len(said)))
    store.erase_namespaces(())
    records = [
        record("a fact", metadata=one, provenance=Provenance(session=talk, speaker=talk))
        for one, talk in zip(said, talks, strict=True)
    ]
    store.write(records)
    for one in said:
        criteria = data.draw(asked(one))
        for where in (Where(metadata=criteria), Where(metadata=criteria, session=talks[0]), Where(speaker=talks[-1])):
            assert store.select(where) == sorted(one.memory.id for one in records if where.matches(one.memory))

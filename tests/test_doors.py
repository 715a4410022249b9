"""Every value passes one door, whichever way it comes; what comes in can be listed, exported, changed and forgotten."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

import memoria
from memoria import Agent, Draft, Provenance
from memoria.policies.registry import names
from memoria.testing import HashEmbedder
from memoria.transfer.jsonl import export, import_lines
from memoria.types import Budget, Where
from memoria.validate import MAX_METADATA_DEPTH, RANGES

EMBEDDER = HashEmbedder(16)
START = datetime(2026, 1, 1, tzinfo=UTC)


class Nowhere(tzinfo):
    """A zone that does not say how far it is from UTC."""

    def utcoffset(self, time: datetime | None) -> None:
        return None

    def dst(self, time: datetime | None) -> None:
        return None

    def tzname(self, time: datetime | None) -> str:
        return "nowhere"


def far(hours: int) -> timezone:
    return timezone(timedelta(hours=hours))


NO_TIMES = {
    "naive": START.replace(tzinfo=None),
    "nowhere": datetime(2026, 5, 1, tzinfo=Nowhere()),
    "after 9999": datetime(9999, 12, 31, 23, tzinfo=far(-5)),
    "before 1": datetime(1, 1, 1, 1, tzinfo=far(5)),
    "a date": "2026-05-01",
}


def deep(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = {"x": value} if level % 2 else [value]
    return {"x": value}


def cyclic() -> dict[str, Any]:
    made: dict[str, Any] = {}
    made["x"] = [made]
    return made


NO_METADATA = {
    "deep": deep(MAX_METADATA_DEPTH),
    "very deep": deep(100_000),
    "cyclic": cyclic(),
    "huge": {"n": [10**30]},
    "huger": {"n": -(10**5000)},
    "nan": {"n": float("nan")},
    "infinite": {"n": [float("-inf")]},
    "bytes": {"n": b"x"},
    "keys": {1: "x"},
    "tuple": {"n": (1, 2)},
    "surrogate": {"n": "\ud800"},
    "a list": [["n", 1]],
    "a text": "n",
}


@pytest.fixture(params=["memory", "local"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[memoria.Memoria]:
    place = {"memory": ":memory:", "local": str(tmp_path / "a.memoria")}[request.param]
    with memoria.open(place, embedder=EMBEDDER) as made:
        yield made


def works(memory: memoria.Memoria) -> None:
    """Every verb goes on working."""
    found = memory.list()
    memory.recall("tea", k=3)
    memory.recall("tea", as_of=START + timedelta(days=2), include=("archived", "expired", "upcoming"))
    with memoria.open(":memory:", embedder=EMBEDDER) as other:
        import_lines(other.store, EMBEDDER, export(memory.store, Where()))
        assert other.list() == found
        assert list(export(other.store, Where())) == list(export(memory.store, Where()))
    # A store in RAM has no tables that could contradict each other.
    assert memory.doctor() in ([], told_twice(memory))
    memory.sleep(dry_run=True)
    for one in found:
        memory.trace(one)
        memory.lineage(one)
        memory.history(one)
    memory.forget(*found[:1], dry_run=True) if found else None


def told_twice(memory: memoria.Memoria) -> list[str]:
    """What the doctor is to say of memories in force whose successor is in force too: their lines said both."""
    now, known = datetime.now(UTC), {one.id: one for one in memory.list()}
    starts = {id: one.valid_from or one.created_at for id, one in known.items()}
    both = [
        link.parent
        for one in known.values()
        for link in memory.lineage(one).links
        if link.relation in ("supersedes", "ends") and link.child == one.id and link.parent in known
        if starts[one.id] <= now and ((end := known[link.parent].valid_to) is None or end > max(now, starts[one.id]))
    ]
    return [f"memory {id}: another has ended it, and it is valid still" for id in both]


@pytest.mark.parametrize("time", NO_TIMES.values(), ids=NO_TIMES)
def test_what_is_no_time_comes_in_nowhere(memory: memoria.Memoria, time: Any) -> None:
    one = memory.remember("Ada likes tea.")
    ways: list[Callable[[], Any]] = [
        lambda: memory.remember("x", created_at=time),
        lambda: memory.remember("x", valid_from=time),
        lambda: memory.remember_many([Draft(text="x", valid_to=time)]),
        lambda: memory.amend(one, valid_to=time),
        lambda: memory.supersede(one, "x", at=time),
        lambda: memory.supersede(one, Draft(text="x", created_at=time)),
        lambda: memory.expire(one, at=time),
        lambda: memory.reinforce(one, at=time),
        lambda: memory.recall("x", as_of=time),
        lambda: memory.recall("x", since=time),
        lambda: memory.list(until=time),
        lambda: memory.forget(since=time),
        lambda: memory.fade(time),
        lambda: memory.prune(below=0.1, at=time),
        lambda: memory.evict(Budget(count=1), at=time),
        lambda: memory.sleep(at=time),
        lambda: Agent(memory, lambda messages: "yes").say("x", as_of=time),
    ]
    for way in ways:
        with pytest.raises(memoria.InvalidInput):
            way()
    assert memory.list() == [one]
    works(memory)


@pytest.mark.parametrize("time", NO_TIMES.values(), ids=NO_TIMES)
def test_a_clock_that_tells_no_time_is_told_so(time: Any) -> None:
    with memoria.open(":memory:", embedder=EMBEDDER, clock=lambda: time) as memory:
        ways: list[Callable[[], Any]] = [
            lambda: memory.remember("x"),
            lambda: memory.recall("x"),
            lambda: memory.sleep(),
            memory.fade,
            memory.now,
        ]
        for way in ways:
            with pytest.raises(memoria.InvalidQuery, match="clock"):
                way()
        assert memory.store.count(()) == 0


@pytest.mark.parametrize("metadata", NO_METADATA.values(), ids=NO_METADATA)
def test_what_is_no_metadata_comes_in_nowhere(memory: memoria.Memoria, metadata: Any) -> None:
    one = memory.remember("Ada likes tea.")
    ways: list[Callable[[], Any]] = [
        lambda: memory.remember("x", metadata=metadata),
        lambda: memory.amend(one, metadata=metadata),
        lambda: memory.supersede(one, Draft(text="x", metadata=metadata)),
    ]
    for way in ways:
        with pytest.raises(memoria.InvalidMemory, match="metadata"):
            way()
    assert memory.list() == [one]
    works(memory)


def test_metadata_as_deep_as_it_may_be_goes_everywhere(memory: memoria.Memoria) -> None:
    metadata = deep(MAX_METADATA_DEPTH - 1) | {"n": [-(1 << 63), (1 << 63) - 1, 0.1, None, True, "\u2028"]}
    ids = [memory.remember(f"cup {n} of tea", metadata=metadata).id for n in range(2)]
    works(memory)
    memory.consolidate(*ids)
    works(memory)
    assert memory.get(ids[1]).metadata == metadata


def test_a_successor_that_would_end_before_it_begins_is_refused(memory: memoria.Memoria) -> None:
    old = memory.remember("Tea is at five.", created_at=START)
    with pytest.raises(memoria.InvalidMemory, match="valid_from"):
        memory.supersede(old, Draft(text="At six.", valid_to=START), at=START + timedelta(days=1))
    assert memory.list() == [old]
    key = memory.remember("At six.", key="k", created_at=START)
    assert memory.supersede(old, Draft(text="At six.", key="k"), at=START + timedelta(days=1)).id == key.id
    assert memory.history(old) == [memory.get(old), memory.get(key)]
    with pytest.raises(memoria.InvalidQuery, match="itself"):
        memory.supersede(key, Draft(text="At six.", key="k", valid_from=START + timedelta(days=1)))
    works(memory)


def test_a_forgotten_text_comes_back_by_no_door(memory: memoria.Memoria) -> None:
    gone = memory.remember("Ada drinks gin at noon.")
    (line,) = export(memory.store, Where())
    memory.forget(gone)
    one = memory.remember("Ada likes tea.")
    ways: list[Callable[[], Any]] = [
        lambda: memory.remember("ada drinks GIN at noon."),
        lambda: memory.amend(one, text="Ada drinks gin at noon."),
        lambda: memory.supersede(one, "Ada drinks gin at noon."),
    ]
    for way in ways:
        with pytest.raises(memoria.Refused):
            way()
    assert import_lines(memory.store, EMBEDDER, [line]).refused == (1,)
    assert memory.amend(one, salience=0.7).text == "Ada likes tea."
    # A part of a gist is refused as it is, and stays where it is.
    gist = memory.consolidate(one, memory.remember("Ada likes milk."))
    with pytest.raises(memoria.Refused):
        memory.amend(one, text="Ada drinks gin at noon.")
    assert memory.list() == [gist]
    assert memory.amend(one, text="Ada drinks gin at noon.", readmit=True).text == "Ada drinks gin at noon."
    memory.forget(one)
    with pytest.raises(memoria.Refused):
        memory.remember("Ada drinks gin at noon.")


@pytest.mark.parametrize("policy", names())
def test_times_at_either_end_are_times(policy: str) -> None:
    late, early = datetime(9999, 12, 31, 23, 59, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)
    with memoria.open(":memory:", embedder=EMBEDDER, policy=policy) as memory:
        one = memory.remember("Ada likes tea.", valid_from=early)
        memory.remember("Ada likes milk.", created_at=late, valid_to=late)
        memory.remember("Ada likes gin.", created_at=datetime(1970, 1, 1, tzinfo=UTC))
        for at in (late, early):
            memory.reinforce(one, at=at)
            memory.fade(at)
            memory.sleep(at=at)
            memory.recall("tea", as_of=at)
        memory.restore(*memory.list())
        memory.expire(one, at=late)
        works(memory)


class Broken:
    """A policy whose traces no store can keep."""

    def __init__(self, **wrong: Any) -> None:
        self._wrong = wrong
        self._base = memoria.policies.Exponential()

    def encode(self, memory: memoria.Memory) -> Any:
        from dataclasses import replace

        return replace(self._base.encode(memory), **self._wrong)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._base, name)


@pytest.mark.parametrize(
    "wrong",
    [
        {"stability": float("nan")},
        {"stability": 0.0},
        {"difficulty": float("inf")},
        {"strength": "much"},
        {"retrievals": -1},
        {"lapses": 1 << 40},
        {"last_retrieved": START.replace(tzinfo=None)},
        {"recent": ((START.replace(tzinfo=None), 0.5),)},
        {"recent": ((START, 0.5),) * 17},
    ],
    ids=str,
)
def test_a_policy_writes_no_trace_that_cannot_be_kept(wrong: dict[str, Any]) -> None:
    with memoria.open(":memory:", embedder=EMBEDDER, policy=Broken(**wrong)) as memory:
        with pytest.raises((memoria.InvalidMemory, TypeError)):
            memory.remember("Ada likes tea.")
        assert len(memory) == 0


@pytest.mark.parametrize(
    "act",
    [
        lambda memory: memory.prune(below=float("nan")),
        lambda memory: memory.prune(below="0.1"),
        lambda memory: memory.prune(budget=Budget(count="3")),  # type: ignore[arg-type]  # as a caller without types
        lambda memory: memory.evict(Budget(bytes=1.5)),  # type: ignore[arg-type]  # as a caller without types
        lambda memory: memory.remember("x", provenance={"source": "chat"}),
        lambda memory: memory.remember("x", provenance=Provenance(derived_from="e" * 32)),  # type: ignore[arg-type]  # so
    ],
)
def test_what_is_no_number_and_no_source_is_refused(
    act: Callable[[memoria.Memoria], Any], memory: memoria.Memoria
) -> None:
    memory.remember("Ada likes tea.")
    with pytest.raises(memoria.InvalidInput):
        act(memory)
    works(memory)


def written() -> dict[str, Any]:
    """A line of an export: a gist with two parts, and what it superseded."""
    with memoria.open(":memory:", embedder=EMBEDDER) as memory:
        ids = [memory.remember(f"cup {n} of tea", created_at=START).id for n in range(2)]
        memory.consolidate(*ids)
        (line,) = export(memory.store, Where())
    found: dict[str, Any] = json.loads(line)
    return found


LINE = written()
PLAIN = LINE | {"parts": [], "provenance": {**LINE["provenance"], "derived_from": []}}
ID = "0" + "e" * 31
OTHER = "0" + "f" * 31
NO_LINES: dict[str, list[dict[str, Any]]] = {
    "year 9999 and zone": [PLAIN | {"valid_to": "9999-12-31T23:00:00-05:00"}],
    "created before 1970": [PLAIN | {"created_at": "1969-12-31T23:00:00Z"}],
    "naive": [PLAIN | {"created_at": "2026-01-01T00:00:00"}],
    "a number for a time": [PLAIN | {"created_at": 1767225600}],
    "deep": [PLAIN | {"metadata": deep(MAX_METADATA_DEPTH)}],
    "huge": [PLAIN | {"metadata": {"n": 1 << 63}}],
    "no id": [PLAIN | {"id": "x" * 32}],
    "supersedes no id": [PLAIN | {"supersedes": {"x": None}}],
    "supersedes itself": [PLAIN | {"supersedes": {PLAIN["id"]: None}}],
    "superseded at no time": [PLAIN | {"supersedes": {ID: "2026-01-01T00:00:00"}}],
    "superseded at a time without a form": [PLAIN | {"supersedes": {ID: "9999-12-31T23:00:00-05:00"}}],
    "derived from itself": [PLAIN | {"provenance": {**PLAIN["provenance"], "derived_from": [PLAIN["id"]]}}],
    "derived in a ring": [
        PLAIN | {"id": one, "provenance": {**PLAIN["provenance"], "derived_from": [other]}}
        for one, other in ((ID, OTHER), (OTHER, ID))
    ],
    "part derived from its gist": [
        LINE | {"parts": [LINE["parts"][0] | {"provenance": LINE["provenance"] | {"derived_from": [LINE["id"]]}}]}
    ],
    "part of another namespace": [LINE | {"parts": [LINE["parts"][0] | {"namespace": ["other"]}]}],
    "part with parts": [LINE | {"parts": [LINE["parts"][0] | {"parts": LINE["parts"][1:]}]}],
    "part twice": [LINE | {"parts": LINE["parts"][:1] * 2}],
    "part that is the gist": [LINE | {"parts": [LINE["parts"][0] | {"id": LINE["id"]}]}],
    "parts out of order": [LINE | {"parts": LINE["parts"][::-1]}],
    "part with a naive time": [LINE | {"parts": [LINE["parts"][0] | {"valid_to": "2026-01-01T00:00:00"}]}],
    "part with blank text": [LINE | {"parts": [LINE["parts"][0] | {"text": " "}]}],
    "part without an id": [LINE | {"parts": [LINE["parts"][0] | {"id": "x"}]}],
    **{
        f"trace {name} {value}"[:60]: [PLAIN | {"trace": LINE["trace"] | {name: value}}]
        for name, value in (
            ("retrievals", -1),
            ("retrievals", 1 << 31),
            ("retrievals", True),
            ("lapses", 10**30),
            ("stability", 0),
            ("stability", -1.5),
            ("stability", None),
            ("difficulty", float("inf")),
            ("strength", float("nan")),
            ("interference", float("-inf")),
            ("older", 10**400),
            ("last_retrieved", "2026-01-01T00:00:00"),
            ("encoded_at", "0001-01-01T00:00:00+05:00"),
            ("fades_at", "9999-12-31T23:00:00-05:00"),
            ("recent", [["2026-01-01T00:00:00", 0.5]]),
            ("recent", [["2026-01-01T00:00:00Z", float("nan")]]),
            ("recent", [["2026-01-01T00:00:00Z", 0.5]] * 17),
            ("archived", "yes"),
        )
    },
}


@pytest.mark.parametrize("lines", NO_LINES.values(), ids=NO_LINES)
def test_a_line_that_could_not_be_given_back_is_refused(lines: list[dict[str, Any]], memory: memoria.Memoria) -> None:
    one = memory.remember("Ada likes tea.")
    with pytest.raises(memoria.InvalidMemory, match=r"^line "):
        import_lines(memory.store, EMBEDDER, map(json.dumps, lines))
    assert memory.list() == [one]
    works(memory)


def mostly(usual: st.SearchStrategy[Any], odd: list[Any]) -> st.SearchStrategy[Any]:
    """What is taken, and once in a while what no store can keep."""
    return st.integers(0, 15).flatmap(lambda n: usual if n else st.sampled_from(odd))


ODD_TIMES = ["9999-12-31T23:00:00-05:00", "0001-01-01T00:00:00+05:00", "2026-01-01T00:00:00", "soon"]
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)
json_values = st.recursive(
    mostly(scalars | st.text(max_size=5), [1 << 63, float("inf"), deep(MAX_METADATA_DEPTH)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_NAIVE = START.replace(tzinfo=None)
moments = st.datetimes(
    _NAIVE.replace(year=2),
    _NAIVE.replace(year=9999),
    timezones=st.sampled_from([UTC, far(14), far(-12)]),
).map(datetime.isoformat)
since_1970 = st.datetimes(_NAIVE.replace(year=1971), timezones=st.just(far(3))).map(datetime.isoformat)
times = mostly(st.none() | moments, ODD_TIMES)
begun = mostly(since_1970, [*ODD_TIMES, "1969-12-31T23:59:59Z"])
numbers = {
    name: mostly(st.floats(*ends), [-1.5, "1", float("nan"), float("inf"), True, *ends])
    for name, ends in RANGES.items()
}
counts = mostly(st.integers(0, (1 << 31) - 1), [-1, 1 << 31, 10**30, 0.5])
names_ = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=3)
changes = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from([ID, "f" * 32, PLAIN["id"]]),
        "text": names_,
        "created_at": begun,
        "valid_from": times,
        "valid_to": st.none() | times,
        "salience": mostly(st.floats(0, 1), [2.0]),
        "subject": st.none() | names_,
        "key": st.none() | names_,
        "tags": st.lists(names_, max_size=3),
        "metadata": st.dictionaries(st.text(max_size=5), json_values, max_size=3),
        "supersedes": st.dictionaries(st.sampled_from([ID, OTHER, PLAIN["id"]]), times, max_size=1),
    },
)
traces = st.fixed_dictionaries(
    {},
    optional={
        "last_retrieved": begun,
        **dict.fromkeys(("encoded_at", "fades_at"), times),
        **numbers,
        **dict.fromkeys(("retrievals", "lapses"), counts),
        **dict.fromkeys(("archived", "pinned", "held"), st.booleans()),
        "recent": st.lists(st.tuples(begun, st.floats(0, 1)), max_size=2),
    },
)


@pytest.mark.parametrize("local", [False, True])
@settings(max_examples=150)
@given(drawn=st.lists(st.tuples(changes, traces), min_size=1, max_size=3))
def test_whatever_import_takes_export_gives_back(
    drawn: list[tuple[dict[str, Any], dict[str, Any]]], *, local: bool
) -> None:
    lines = [json.dumps(PLAIN | changed | {"trace": LINE["trace"] | trace}) for changed, trace in drawn]
    with (
        TemporaryDirectory() as folder,
        memoria.open(
            f"{folder}/a" if local else ":memory:", embedder=EMBEDDER, clock=lambda: START + timedelta(days=9)
        ) as memory,
    ):
        try:
            done = import_lines(memory.store, EMBEDDER, lines)
        except memoria.InvalidInput:
            event("refused")
            assert len(memory) == 0
            return
        event(f"taken: {done.stored}")
        given = {json.loads(line)["id"]: json.loads(line) for line in reversed(lines)}
        back = [json.loads(line) for line in export(memory.store, Where())]
        assert len(back) == done.stored
        for one in back:
            asked = given[one["id"]]
            for name in ("text", "namespace", "subject", "key", "tags", "metadata", "kind"):
                assert one[name] == asked[name]
            for name in ("created_at", "valid_from", "valid_to"):
                assert _moment(one[name]) == _moment(asked[name])
            for name in ("retrievals", "lapses", "stability", "strength", "archived", "pinned", "held"):
                assert one["trace"][name] == asked["trace"][name]
            for name in ("last_retrieved", "fades_at"):
                assert _moment(one["trace"][name]) == _moment(asked["trace"][name])
        works(memory)
        for one in memory.list():
            memory.release(one, reason="over")
            memory.forget(one)
        assert len(memory) == 0


def _moment(written: str | None) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)


def test_of_two_lines_with_one_id_the_first_counts(memory: memoria.Memoria) -> None:
    lines = [json.dumps(PLAIN | {"text": text}) for text in ("first", "second")]
    assert import_lines(memory.store, EMBEDDER, lines).stored == 1
    assert [one.text for one in memory.list()] == ["first"]
    assert import_lines(memory.store, EMBEDDER, lines).stored == 0


def test_a_part_that_is_here_in_a_gist_is_not_imported_again(memory: memoria.Memoria) -> None:
    ids = [memory.remember(f"cup {n} of tea").id for n in range(2)]
    lines = list(export(memory.store, Where()))
    gist = memory.consolidate(*ids)
    assert import_lines(memory.store, EMBEDDER, lines).stored == 0
    assert memory.list() == [gist]


def test_two_lines_with_one_key_are_a_conflict(memory: memoria.Memoria) -> None:
    lines = [json.dumps(PLAIN | {"id": id, "key": "k"}) for id in (ID, OTHER)]
    with pytest.raises(memoria.KeyConflict):
        import_lines(memory.store, EMBEDDER, lines)
    assert memory.list() == []

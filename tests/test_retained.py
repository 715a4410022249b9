"""How much is kept and found when part of the memories goes: labels, replays, chance, and a store's own log."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import memoria
from memoria.cli import app
from memoria.errors import InvalidQuery
from memoria.evaluation.quality import by_session, retained, retained_loop, retained_sets
from memoria.evaluation.quality.datasets import Asked
from memoria.evaluation.quality.retained import Asking, Worth, replayed
from memoria.evaluation.quality.retained_sets import Case, Moment
from memoria.remember import Draft
from memoria.retention.salience import FEATURES, shipped, weights_of
from memoria.retention.salience_log import refit
from memoria.testing.embedders import HashEmbedder
from memoria.types import Provenance, Recalled

START = datetime(2026, 3, 2, tzinfo=UTC)
TOLD = [
    by_session.Told(place=0, session=2, text="I spent $3.66 on a coffee."),
    by_session.Told(place=1, session=4, text="A coffee again, $8.83 this time."),
    by_session.Told(place=2, session=7, text="The title is Tides of Porto, the budget 1,200,000."),
    by_session.Told(place=3, session=7, text="We aim to chart all the tides near Porto."),
    by_session.Told(place=4, session=9, text="I need to plan the field work schedule."),
]


def test_evidence_is_the_turn_of_the_session_that_is_named() -> None:
    wanted = {"expenses": [{"kind": "coffee", "amount": 3.66, "session_id": 2}], "total": 12.49}
    assert by_session.relevant(wanted, TOLD) == (frozenset({0}),)
    twice = {"expenses": [{"kind": "coffee", "session_id": 2}, {"kind": "coffee", "session_id": 4}]}
    assert by_session.relevant(twice, TOLD) == (frozenset({0}), frozenset({1}))


def test_of_a_session_the_turns_that_hold_the_value_count_or_else_all() -> None:
    said = {"a": {"value": "tides of porto", "session_id": 7}}
    assert by_session.relevant(said, TOLD) == (frozenset({2}),)
    unsaid = {"a": {"value": "Lisbon", "session_id": 7}}
    assert by_session.relevant(unsaid, TOLD) == (frozenset({2, 3}),)
    assert by_session.relevant({"a": {"value": "x", "session_id": 99}}, TOLD) == ()


def test_what_was_retold_is_in_the_turn_with_most_of_its_words() -> None:
    written = {"content_data": {"budget": 1200000, "aim": "Chart tides near Porto."}, "session_history": [7]}
    assert by_session.relevant(written, TOLD) == (frozenset({2}), frozenset({3}))
    elsewhere = {"content_data": {"aim": "Sail around Iceland in a week."}, "session_history": [7]}
    assert by_session.relevant(elsewhere, TOLD) == ()


def test_stale_is_what_was_said_before_the_session_that_revoked_it() -> None:
    assert by_session.stale([("coffee", "4")], TOLD, ()) == (frozenset({0}),)
    assert by_session.stale([("coffee", "4")], TOLD, (frozenset({0}),)) == ()
    assert by_session.stale([("schedule field work", "12")], TOLD, ()) == (frozenset({4}),)


worths = st.lists(st.floats(0, 1), min_size=1, max_size=12).map(np.array)


@given(worths, st.integers(0, 12), st.sampled_from([0.0, 0.5, 3.0]))
def test_a_replay_fills_its_room_with_what_is_worth_most(values: np.ndarray, room: int, recency: float) -> None:
    kept = replayed(Worth(value=values, recency=recency), len(values), room)
    assert kept.sum() == min(room, len(values))
    if recency == 0 and 0 < room < len(values):
        assert values[kept].min() >= values[~kept].max() - 1e-9


@given(worths, st.integers(1, 12), st.data())
def test_worths_that_never_change_need_no_replay(values: np.ndarray, room: int, data: st.DataObject) -> None:
    step = Worth(value=values, ended=np.full(len(values), retained.NEVER))
    assert np.array_equal(replayed(step, len(values), room), replayed(Worth(value=values), len(values), room))
    costs = np.ones(len(values), np.int64)
    assert np.array_equal(replayed(step, len(values), room, costs), replayed(step, len(values), room))


@given(worths, st.integers(1, 400))
def test_a_room_of_bytes_is_never_exceeded(values: np.ndarray, room: int) -> None:
    costs = np.arange(1, len(values) + 1) * 30
    kept = replayed(Worth(value=values), len(values), room, costs)
    assert costs[kept].sum() <= room


def test_what_has_ended_goes_first_and_not_before() -> None:
    values = np.array([0.9, 0.8, 0.1, 0.2])
    ended = np.array([2, retained.NEVER, retained.NEVER, retained.NEVER])
    assert replayed(Worth(value=values, ended=ended), 4, 2).tolist() == [False, True, False, True]
    assert replayed(Worth(value=values, ended=ended), 2, 2).tolist() == [True, True, False, False][:2]


def moment(*facts: frozenset[int], known: int = 6) -> Moment:
    return Moment(known=known, asked=(Asked(text="?", category="a", relevant=facts),), until=START)


@given(st.sets(st.integers(0, 5), min_size=1), st.integers(0, 6))
def test_chance_is_the_mean_over_all_draws(holders: set[int], room: int) -> None:
    draws = list(combinations(range(6), room))
    share = sum(not holders.isdisjoint(draw) for draw in draws) / len(draws)
    assert retained.by_chance(moment(frozenset(holders)), room / 6) == pytest.approx(share)


@given(st.lists(st.frozensets(st.integers(0, 5), min_size=1, max_size=2), min_size=1, max_size=4), st.integers(0, 6))
def test_the_oracle_is_not_beaten_where_each_fact_has_one_holder(facts: list[frozenset[int]], room: int) -> None:
    asked = moment(*(frozenset({min(one)}) for one in facts))
    best = retained.held(asked, retained.foreseen(asked, room, np.ones(6, np.int64)))
    for draw in combinations(range(6), room):
        mask = np.zeros(6, np.bool_)
        mask[list(draw)] = True
        assert retained.held(asked, mask) <= best + 1e-9


def case(name: str, seed: int) -> Case:
    """Statements with a number, which are asked for, among small talk."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(2, size=30)
    drafts = [
        Draft(
            text=f"I bought {n + 2} red lamps in Porto{n}." if kind else f"Nice, isn't it{n}?",
            created_at=START + timedelta(minutes=n),
            provenance=Provenance(session="1", speaker="ada"),
        )
        for n, kind in enumerate(kinds)
    ]
    asked = tuple(
        Asked(text=f"How many lamps in Porto{n}?", category="a", relevant=(frozenset({n}),), stale=(frozenset({0}),))
        for n in np.flatnonzero(kinds).tolist()
    )
    return Case(name=name, drafts=tuple(drafts), moments=(Moment(known=30, asked=asked, until=START),))


SETS = {"one": [case("a", 1), case("b", 2)], "two": [case("c", 3), case("d", 4)]}


def test_weights_come_from_the_other_sets_and_what_is_asked_for_is_kept() -> None:
    report = retained.evaluate(SETS, Asking(shares=(0.5,)), {}, lambda *_: None)
    assert report["one"]["fitted to"] == ["two"]
    ways = report["one"]["ways"]
    kept = {way: row["kept"][0].mean for way, row in ways.items()}
    assert kept["salience"] > kept["fifo"] + 0.2
    assert kept["oracle"] >= max(kept.values()) - 1e-9
    assert kept["lfu, 3 recalls"] <= 1
    assert ways["fifo"]["over fifo"][0].mean == 0


def test_sets_of_one_origin_are_not_fitted_to_each_other() -> None:
    named: dict[str, list[Any]] = {retained_sets.MEMORA: [], retained_sets.WHOLE: [], retained_sets.LOCOMO: []}
    assert list(retained_sets.others(retained_sets.WHOLE, named)) == [retained_sets.LOCOMO]


def test_recall_finds_no_more_than_is_kept() -> None:
    one = {"one": SETS["one"][:1], "two": SETS["two"]}
    asking = Asking(shares=(0.5,), recencies=(0.0,))
    report = retained_loop.found(one, asking, HashEmbedder(), lambda *_: None)["one"]
    kept = retained.evaluate(one, Asking(shares=(0.5,), recencies=(0.0,), models=False), {}, lambda *_: None)["one"]
    for way in ("fifo", "salience"):
        for measure in ("hits", "tokens"):
            assert report["0.5"][way][measure].mean <= kept["ways"][way]["kept"][0].mean + 1e-9
    assert set(report["1.0"]) == {"all"}


def test_what_the_rules_end_is_known_with_the_memory_that_ended_it() -> None:
    said = ["My gym is on Oak Street.", "I like rain.", "My gym isn't on Oak Street any more, it's on Elm Street."]
    drafts = tuple(Draft(text=text, created_at=START + timedelta(days=n)) for n, text in enumerate(said))
    one = Case(name="a", drafts=drafts, moments=(Moment(known=3, asked=(), until=START + timedelta(days=3)),))
    ended = retained_loop.ended(one, HashEmbedder())
    assert ended[1] == retained.NEVER
    assert ended[2] == retained.NEVER
    assert ended[0] in (2, retained.NEVER)


def filled(*, telling: bool) -> memoria.Memoria:
    """200 memories, of which those that ask were recalled, against what the shipped weights expect; or any half."""
    memory = memoria.open(":memory:", embedder=HashEmbedder())
    kinds, drawn = np.random.default_rng(7).integers(2, size=(2, 200)).tolist()
    texts = [f"Which boat{n} is it?" if kind else f"I saw {n} boats in Porto." for n, kind in enumerate(kinds)]
    made = memory.remember_many(
        [Draft(text=text, created_at=START + timedelta(minutes=n)) for n, text in enumerate(texts)]
    )
    wanted = [one.id for one, some in zip(made, kinds if telling else drawn, strict=True) if some]
    lines = [Recalled(id=id, at=START + timedelta(days=1), found=True) for id in wanted]
    traces = dict(zip(wanted, memory.store.traces(wanted), strict=True))
    memory.store.retrace({id: trace for id, trace in traces.items() if trace is not None}, lines)
    return memory


def test_weights_that_are_better_on_held_out_memories_are_adopted() -> None:
    with filled(telling=True) as memory:
        seen = refit(memory.store, (), np.random.default_rng(0))
        assert (seen.better, seen.adopted) == (True, False)
        assert weights_of(memory.store) == shipped()
        taken = refit(memory.store, (), np.random.default_rng(0), take=True)
        assert taken.adopted
        assert weights_of(memory.store) == taken.weights
        assert dict(zip(FEATURES, taken.weights.weights, strict=True))["asks"] == 1
        assert taken.fitted > 0.95 > 0.5 > taken.present
        assert "adopted" in taken.summary()
        again = refit(memory.store, (), np.random.default_rng(1), take=True)
        assert not again.better


def test_noise_is_not_adopted() -> None:
    with filled(telling=False) as memory:
        found = refit(memory.store, (), np.random.default_rng(0), take=True)
        assert not found.adopted
        assert weights_of(memory.store) == shipped()


def test_a_short_log_fits_nothing() -> None:
    with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
        memory.remember("Ada drinks tea.")
        with pytest.raises(InvalidQuery, match="too few"):
            refit(memory.store, (), np.random.default_rng(0))


def locomo(folder: Path) -> Path:
    """Two small talks in the form of LoCoMo."""
    talks = [
        {
            "sample_id": one.name,
            "conversation": {
                "session_1_date_time": "1:00 pm on 2 March, 2026",
                "session_1": [
                    {"dia_id": f"D1:{n}", "speaker": "ada", "text": draft.text} for n, draft in enumerate(one.drafts)
                ],
            },
            "qa": [
                {"question": asked.text, "category": 4, "evidence": [f"D1:{min(asked.relevant[0])}"]}
                for asked in one.moments[0].asked
            ],
        }
        for one in SETS["one"]
    ]
    path = folder / "talks.json"
    path.write_text(json.dumps(talks))
    return path


def test_commands_fit_and_measure(tmp_path: Path) -> None:
    data, weights = locomo(tmp_path), tmp_path / "w.json"
    made = CliRunner().invoke(app, ["fit", "retention", "--locomo", str(data), "--out", str(weights), "--json"])
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["sources"] == ["locomo"]
    how = ["eval", "retention", "--locomo", str(data), "--weights", str(weights), "--share", "0.5", "--no-models"]
    measured = CliRunner().invoke(app, [*how, "--json"])
    assert measured.exit_code == 0, measured.output
    ways = json.loads(measured.stdout)["kept"]["locomo"]["ways"]
    assert ways["salience"]["kept"][0]["mean"] > ways["fifo"]["kept"][0]["mean"]
    assert "salience" in CliRunner().invoke(app, [*how, "--by", "bytes"]).output
    assert CliRunner().invoke(app, ["eval", "retention"]).exit_code == 2
    assert CliRunner().invoke(app, ["fit", "retention"]).exit_code == 2

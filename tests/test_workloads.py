"""Generated environments have the structure they are named for; recorded ones are what was recorded."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import memoria
from memoria.errors import InvalidInput
from memoria.evaluation.lab import recorded, saliences, workloads
from memoria.evaluation.lab.events import AVOID, ERASE, KINDS, NEED, REMEMBER, UPDATE, USE, Events
from memoria.evaluation.lab.sources import source
from memoria.evaluation.quality.datasets import Asked, Conversation
from memoria.remember import Draft
from memoria.retention.salience import Turn, Window
from memoria.testing import HashEmbedder
from memoria.traces import DAY_MICROS


def days(events: Events) -> dict[int, list[int]]:
    """For each item, the days on which it was remembered or needed, each once."""
    found: dict[int, set[int]] = defaultdict(set)
    for time, item in zip(events.time.tolist(), events.item.tolist(), strict=True):
        found[item].add((time - workloads.START) // DAY_MICROS)
    return {item: sorted(some) for item, some in found.items()}


def log_fit(x: list[float], y: list[float]) -> tuple[float, float]:
    """Slope and correlation of logarithms."""
    a, b = np.log(x), np.log(y)
    return float(np.polyfit(a, b, 1)[0]), float(np.corrcoef(a, b)[0, 1])


def test_odds_of_need_fall_as_a_power_of_time_and_rise_as_a_power_of_use() -> None:
    """Anderson and Schooler 1991, figures 1 and 2: straight lines in logarithms."""
    lived = days(workloads.generate("recency", 0, 60_000))
    last = int(workloads.SPAN) - 1
    gaps = range(1, 31)
    open_, met = dict.fromkeys(gaps, 0), dict.fromkeys(gaps, 0)
    frequent: dict[int, list[bool]] = defaultdict(list)
    for some in lived.values():
        for day, after in zip(some, [*some[1:], 10**6], strict=True):
            for gap in gaps:
                if day + gap <= min(after, last):
                    open_[gap] += 1
                    met[gap] += day + gap == after
        if some[0] <= 60:
            frequent[min(len([day for day in some if day <= 90]), 9)].append(91 in some)
    odds = [met[gap] / (open_[gap] - met[gap]) for gap in gaps]
    slope, straight = log_fit([float(gap) for gap in gaps], odds)
    assert -1.6 < slope < -0.6
    assert straight < -0.98
    counts = sorted(frequent)
    chances = [float(np.mean(frequent[n])) for n in counts]
    slope, straight = log_fit([float(n) for n in counts], [p / (1 - p) for p in chances])
    assert slope > 0.3
    assert straight > 0.9


def test_needs_come_at_a_rate_that_decays_from_each_revival() -> None:
    """lambda e^(-delta t): lambda / delta needs in all, and 1 / delta days after the start on average."""
    starts = []
    for seed in range(20):
        first = next(workloads._epochs(np.random.default_rng(seed), 0.0, 400.0, 2.0))
        if first.max() > 2:
            starts.append((len(first), first.mean()))
    counts, means = zip(*starts, strict=True)
    assert np.mean(counts) == pytest.approx(200, rel=0.1)
    assert np.mean(means) == pytest.approx(0.5, rel=0.1)


def test_spacing_tells_apart_what_frequency_does_not() -> None:
    lived = days(workloads.generate("spacing", 0, 20_000))
    asked = {True: [], False: []}  # type: dict[bool, list[bool]]
    for some in lived.values():
        early = [day for day in some if day <= 60]
        if early and 40 <= early[-1] <= 60:
            asked[early[-1] - early[0] > 7].append(any(75 <= day <= 105 for day in some))
    assert np.mean(asked[True]) > np.mean(asked[False]) + 0.5


def test_salience_is_a_weak_hint() -> None:
    events = workloads.generate("recency", 0, 20_000)
    needs = np.bincount(events.item[events.kind == NEED], minlength=events.items)
    ranks = needs.argsort().argsort(), events.salience.argsort().argsort()
    assert 0.15 < np.corrcoef(*ranks)[0, 1] < 0.45


def test_each_workload_has_its_events() -> None:
    kinds = {
        name: {KINDS[kind] for kind in set(workloads.generate(name, 0, 600).kind.tolist())}
        for name in workloads.GENERATORS
    }
    plain = {"remember", "need"}
    assert kinds.pop("erasure") == plain | {"erase"}
    assert kinds.pop("updates") == plain | {"update", "avoid"}
    assert all(some == plain for some in kinds.values())


def talk(name: str, words: str, needed: tuple[int, ...], turns: int = 12) -> Conversation:
    """Turns of a word each, some of them rich ones that questions need."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    texts = [
        f"{words} Number {n} at Oslo, and more of {words} {n * 7}" if n in needed else "yes ok" for n in range(turns)
    ]
    drafts = tuple(Draft(text=text, created_at=start + timedelta(days=n // 4)) for n, text in enumerate(texts))
    asked = tuple(Asked(text="?", category="c", relevant=(frozenset({n}), frozenset({n, 0}))) for n in needed)
    return Conversation(name=name, drafts=drafts, asked=asked, until=start + timedelta(days=9))


def test_a_conversation_becomes_turns_and_questions_at_the_end() -> None:
    one = talk("a", "tea", (3, 5))
    stale = replace(one.asked[0], stale=(frozenset({1, 2}),))
    (events,) = recorded.conversations([replace(one, asked=(stale, one.asked[1]))])
    assert events.kind.tolist() == [REMEMBER] * 12 + [NEED] * 3 + [AVOID] * 2 + [NEED] * 3
    assert len(set(events.time[:12].tolist())) == 12
    assert (events.needed, events.question.tolist()) == (4, [0, 0, 1, 1, 0])
    assert events.item.tolist()[12:] == [3, 0, 3, 1, 2, 5, 0, 5]
    assert not events.relearns
    assert events.weights().tolist() == [0.25] * 4
    assert events.ranking.shape == (0, 0)
    sought = replace(one.asked[1], text="What of tea number 5?")
    (events,) = recorded.conversations([replace(one, asked=(stale, sought))])
    assert events.ranking[1].tolist() == [5, 3]
    assert (events.salience == 0.5).all()


def test_an_agents_recalls_are_uses_of_earlier_turns() -> None:
    (events,) = recorded.conversations([talk("a", "tea", (3, 5))], recalls=1)
    uses = [(n, events.item[n]) for n in np.flatnonzero(events.kind == USE)]
    assert (events.item[uses[0][0] + 1], uses[0][1]) == (1, 0)
    assert 3 in [item for n, item in uses if events.item[n + 1] == 5]


def test_fitted_salience_is_learnt_from_the_other_conversations_only() -> None:
    talks = [talk("a", "tea", (3, 5)), talk("b", "chess", (1, 7, 8), turns=13), talk("c", "rain", (2, 6), turns=10)]
    found = recorded.conversations(talks, salience="fitted")
    for one, events in zip(talks, found, strict=True):
        needed = sorted({place for asked in one.asked for some in asked.relevant for place in some} - {0})
        assert events.salience[needed].min() > np.delete(events.salience, needed).max()
    # A place among the 23 turns of the others.
    assert (found[0].salience * 23).tolist() == pytest.approx((found[0].salience * 23).round().tolist())
    assert 0 <= found[0].salience.min() < found[0].salience.max() < 1
    reversed_ = replace(talks[0], asked=talk("a", "tea", (0, 1)).asked)
    again = recorded.conversations([reversed_, *talks[1:]], salience="fitted")
    assert (again[0].salience == found[0].salience).all()
    length = recorded.conversations(talks, salience="length")[0]
    assert length.salience[3] > length.salience[4] == 0.02
    with pytest.raises(memoria.InvalidInput, match="only one"):
        recorded.conversations(talks[:1], salience="fitted")
    with pytest.raises(memoria.InvalidInput, match="bright"):
        recorded.conversations(talks, salience="bright")


def test_a_fact_is_worth_the_same_however_many_turns_hold_it() -> None:
    """Each of n holders is worth 1/n: all turns together, the number of distinct facts."""
    one = talk("a", "tea", (3, 5))
    everywhere = Asked(text="?", category="c", relevant=(frozenset(range(12)), frozenset({7})))
    again = replace(one, asked=(*one.asked, everywhere, everywhere))
    worth = saliences.worth(again)
    facts = {places for asked in again.asked for places in asked.relevant}
    assert worth.sum() == pytest.approx(len(facts)) == pytest.approx(6)
    assert worth[7] == pytest.approx(1 + 1 / 12)
    assert worth[1] == pytest.approx(1 / 12)
    assert worth[3] == pytest.approx(1 + 1 / 2 + 1 / 12)


def test_what_stands_everywhere_does_not_mislead_the_fit() -> None:
    """Fillers that all hold one value are not what is needed, although each would answer; half of the rich turns is."""
    talks = [
        talk(name, name, rich) for name, rich in (("tea", (3, 5, 7, 9)), ("chess", (1, 4, 7, 8)), ("rain", (2, 6)))
    ]
    misled = []
    for one in talks:
        fillers = frozenset(n for n, draft in enumerate(one.drafts) if draft.text == "yes ok")
        asked = one.asked[: len(one.asked) // 2]
        wanted = tuple(replace(ask, relevant=ask.relevant[:1]) for ask in asked)
        misled.append(replace(one, asked=(*wanted, Asked(text="?", category="c", relevant=(fillers,)))))
    for one, events in zip(misled, recorded.conversations(misled, salience="fitted"), strict=True):
        rich = [n for n, draft in enumerate(one.drafts) if "Oslo" in draft.text]
        assert events.salience[rich].min() > np.delete(events.salience, rich).max()


def test_salience_learnt_from_other_sources_sees_nothing_of_this_one() -> None:
    talks = [talk("a", "tea", (3, 5)), talk("b", "chess", (1, 7, 8), turns=13)]
    others = {"other": [talk("c", "rain", (2, 6), turns=10)], "third": [talk("d", "snow", (4,), turns=30)]}
    for kind in saliences.LEARNT:
        found = recorded.conversations(talks, salience=kind, others=others)
        asked = talk("a", "tea", (0, 1)).asked
        again = recorded.conversations([replace(talks[0], asked=asked)], salience=kind, others=others)
        assert (again[0].salience == found[0].salience).all()
        assert found[0].salience[[3, 5]].min() > np.delete(found[0].salience, [3, 5]).max()
        turned = {
            name: [replace(one, asked=talk("c", "", (0, 1)).asked) for one in some] for name, some in others.items()
        }
        assert (recorded.conversations(talks, salience=kind, others=turned)[0].salience != found[0].salience).any()
    with pytest.raises(memoria.InvalidInput, match="length"):
        recorded.conversations(talks, salience="length", others=others)


def test_each_source_counts_the_same_however_large() -> None:
    """Doubling a source's conversations changes no place."""
    some, more = [talk("c", "rain", (2, 6), turns=10)], [talk("d", "snow", (4,), turns=30)]
    twice = [*more, replace(more[0], name="e")]
    found = [
        saliences.judged([talk("a", "tea", (3, 5))], "fitted", others={"some": some, "more": one})[0]
        for one in (more, twice)
    ]
    assert np.argsort(found[0]).tolist() == np.argsort(found[1]).tolist()
    assert found[0] == pytest.approx(found[1], abs=0.02)


def test_salience_of_text_is_what_a_store_judges() -> None:
    """With the weights that ship; moments of one conversation are judged as it was then."""
    one = talk("p 12", "tea", (3, 5))
    then = replace(talk("p 8", "tea", (3, 5)), drafts=one.drafts[:8])
    window = Window()
    judged = [window.take(str(n), Turn(text=draft.text)) for n, draft in enumerate(one.drafts)]
    found = recorded.conversations([then, one], salience="text", units=["p", "p"])
    assert found[1].salience.tolist() == judged
    assert found[0].salience.tolist() == judged[:8]
    assert saliences.judged([one], "text")[0].tolist() == judged


def test_logistic_regression_finds_the_odds() -> None:
    rng = np.random.default_rng(0)
    table = np.stack([np.ones(20_000), rng.standard_normal(20_000)], axis=1)
    target = (rng.random(20_000) < 1 / (1 + np.exp(-(table @ [-1.0, 2.0])))).astype(float)
    assert saliences.logistic(table, target) == pytest.approx([-1, 2], abs=0.1)


ROWS: list[dict[str, Any]] = [
    {"time": "2026-01-01T00:00:00", "event": "remember", "item": "a", "size": 7, "salience": 0.9, "topic": "tea"},
    {"time": "2026-01-02T01:00:00+01:00", "event": "update", "item": "b", "old": "a"},
    {"time": workloads.START + 3 * DAY_MICROS, "event": "need", "item": "b", "question": "q", "fact": 1},
    {"time": workloads.START + 3 * DAY_MICROS, "event": "avoid", "item": "a", "question": "q"},
    {"time": workloads.START + 4 * DAY_MICROS, "event": "erase", "item": "a"},
]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_traces_of_yours_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"mine{suffix}"
    if suffix == ".csv":
        names = ["time", "event", "item", "old", "question", "fact", "size", "salience", "topic"]
        lines = [names, *([str(row.get(name, "")) for name in names] for row in ROWS)]
        path.write_text("\n".join(map(",".join, lines)) + "\n")
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    found = source(f"{path}:relearns=true", [0])
    (events,) = found.traces.values()
    assert found.label == "mine:relearns=true"
    assert events.relearns
    assert events.kind.tolist() == [REMEMBER, UPDATE, NEED, AVOID, ERASE]
    assert ((events.time - workloads.START) / DAY_MICROS).tolist() == [0, 1, 3, 3, 4]
    assert (events.size.tolist(), events.salience.tolist(), events.topic.tolist()) == ([7, 1], [0.9, 0.5], [0, -1])
    assert events.question.tolist() == [0, 0]
    assert events.footprint(events.size) == 8


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("{", "record 1"),
        ("[]", "no object"),
        ('{"time": 1}', "no event, item"),
        ('{"time": "soon", "event": "need", "item": "a"}', "soon"),
        ('{"time": 1, "event": "remember", "item": "a", "salience": 2}', "salience"),
        ('{"time": 1, "event": "need", "item": "a"}', "never remembered"),
    ],
)
def test_a_line_that_makes_no_sense_is_refused(tmp_path: Path, line: str, rule: str) -> None:
    (tmp_path / "x.jsonl").write_text(line + "\n")
    with pytest.raises(memoria.InvalidInput, match=rule):
        source(str(tmp_path / "x.jsonl"), [0])


@pytest.mark.parametrize(
    ("text", "rule"), [("nowhere", "nowhere"), ("scan:seeds=3", "no parameters"), ("{}:colour=1", "colour")]
)
def test_a_source_that_is_none_is_refused(tmp_path: Path, text: str, rule: str) -> None:
    (tmp_path / "x.csv").write_text("time,event,item\n1,remember,a\n")
    with pytest.raises(memoria.InvalidInput, match=rule):
        source(text.format(tmp_path / "x.csv"), [0])


def test_a_stores_own_log_is_a_trace_without_content(tmp_path: Path) -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder(64), clock=lambda: now[0]) as memory:
        made = [memory.remember(f"note number {n}", salience=n / 10) for n in range(5)]
        gone = memory.remember("to be forgotten")
        for n in range(3):
            now[0] += timedelta(days=1)
            memory.reinforce(made[n].id, made[4].id, gone.id)
        memory.forget(gone.id)
        memory.archive(made[3].id)
    (events,) = source(str(tmp_path / "a.memoria"), [0]).traces.values()
    assert events.kind.tolist() == [REMEMBER] * 5 + [NEED] * 6
    assert events.item.tolist()[5:] == [0, 4, 1, 4, 2, 4]
    assert events.question.tolist() == [0, 0, 1, 1, 2, 2]
    assert events.salience.tolist() == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert events.size.min() > 0
    with (
        memoria.open(":memory:", embedder=HashEmbedder(64)) as memory,
        pytest.raises(memoria.InvalidQuery, match="empty"),
    ):
        recorded.log(memory.store)


def test_a_workload_may_have_no_hints() -> None:
    (plain,), (flat,) = (source(f"recency{more}", [3], 200).traces.values() for more in ("", ":salience=flat"))
    assert set(flat.salience.tolist()) == {0.5}
    assert len(set(plain.salience.tolist())) > 9
    assert (flat.time.tolist(), flat.item.tolist()) == (plain.time.tolist(), plain.item.tolist())
    with pytest.raises(InvalidInput, match="salience=flat"):
        source("recency:salience=length", [3], 200)

"""A month of use, day by day: what is told by day is asked for, and each night learns what it can within its seconds.

Two ways answer the same questions with the same small model: by the recalled memories in its prompt, within a budget of
tokens, and by `ask`, which uses weights and store together. Beside them stands what `ask` says without weights: the
nearest memories in their own words, and no model. What was forgotten is asked for once more at the end. A generator
gives each day when it is over, so that a run that is ended early has days to show.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from memoria.distill.asking import ask
from memoria.distill.base import Base
from memoria.distill.general import right
from memoria.distill.recipe import Recipe, same_bits
from memoria.distill.template import prompt_of
from memoria.distill.unlearn import manifests
from memoria.engine.memory import Memoria
from memoria.engine.weights import _loaded as loaded
from memoria.evaluation.drawing import Panel, panels
from memoria.evaluation.quality import facts
from memoria.evaluation.quality.facts import Fact
from memoria.protocols import Embedder, Progress
from memoria.recall.context import prompt
from memoria.remember import Draft
from memoria.stores import LocalStore

IN_PROMPT, IN_WEIGHTS, QUOTED = "in the prompt", "with weights", "quoted"
"""The ways to answer: the model with notes in its prompt; `ask`; and `ask` as if nothing were in weights."""
_START = datetime(2026, 6, 1, 8, tzinfo=UTC)
# What is said beside what is asked for; made up for this file.
_CHATTER = (
    "It rained all morning and the bus was late again.",
    "Thanks, that helps a lot.",
    "I have not decided about lunch yet.",
    "The meeting ran over by twenty minutes today.",
    "That sounds about right to me.",
    "I could not sleep very well last night.",
    "The lift was out of order when I came in.",
    "Let us talk about something else for a while.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """How a month is lived.

    Attributes:
        days: how many.
        facts: what is told, spread over the days but the last two.
        chatter: by namespace, turns that are never asked for.
        talk: turns of chatter a day.
        questions: asked a day, about what was told and is not forgotten; some things are asked for more often.
        forget: every so many days a memory that is in weights is forgotten; 0 for never.
        seconds: that a night may take for weights.
        notes: tokens of recalled memories in a prompt, at most.
        recipe: how shards are trained; None is as nights do.
        seed: of who says and asks what.
    """

    days: int
    facts: Sequence[Fact]
    chatter: Mapping[tuple[str, ...], Sequence[str]]
    talk: int = 2
    questions: int = 3
    forget: int = 7
    seconds: float = 60.0
    notes: int = 256
    recipe: Recipe | None = None
    seed: int = 0

    @property
    def rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    def told(self, day: int) -> list[Fact]:
        """The facts that are told on a day, from 1 on."""
        last = max(1, self.days - 2)
        return [one for n, one in enumerate(self.facts) if 1 + n * last // len(self.facts) == day]


def made_up(count: int, seed: int) -> tuple[list[Fact], dict[tuple[str, ...], Sequence[str]]]:
    """Facts about people who do not exist, and what else is said to them."""
    learnt, _ = facts.synthetic(count, seed)
    return learnt, {one.home: _CHATTER for one in learnt}


def of_memora(folder: Path, count: int, seed: int) -> tuple[list[Fact], dict[tuple[str, ...], Sequence[str]]]:
    """Preferences of every second persona of Memora, as they were said, and turns of talk about nothing of them."""
    learnt, _ = facts.memora(folder, count, seed, half=1)
    talk: dict[tuple[str, ...], list[str]] = {one.home: [] for one in learnt}
    with gzip.open(folder / "weekly_sessions.jsonl.gz", "rt") as lines:
        sessions = [json.loads(line) for line in lines]
    for one in sessions:
        home = ("personas", one["persona"])
        if one["session_type"] == "no_memory" and home in talk:
            talk[home] += [turn["message"] for turn in one["conversation"] if turn["speaker"] == "user_agent"]
    rng = np.random.default_rng(seed)
    mixed = [learnt[n] for n in rng.permutation(len(learnt))]
    return facts.as_said(mixed), {**talk}


@dataclass(slots=True)
class _Life:
    """A month under way. now: the time there. ids: of what was told, by place in the facts. gone: those forgotten."""

    how: Month
    memory: Memoria
    base: Base
    rng: np.random.Generator
    ids: dict[int, str] = field(default_factory=dict)
    gone: dict[int, str] = field(default_factory=dict)


class _Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = _START

    def __call__(self) -> datetime:
        return self.now


def live(
    folder: Path, how: Month, embedder: Embedder, progress: Progress | None = None, model: Path | None = None
) -> Iterator[dict[str, Any]]:
    """Lives a month in a new folder. model: folder of a causal model; None is the small one.

    Yields:
        The figures of each day: tokens of a prompt and right answers, one entry a question and way; the night; what was
        forgotten; and on the last day, how many questions about what was forgotten are still answered right.
    """
    clock, base = _Clock(), loaded(model)
    store = LocalStore(folder / "month", embedder=embedder.card)
    with Memoria(store, embedder, clock=clock) as memory:
        life = _Life(how=how, memory=memory, base=base, rng=how.rng)
        for day in range(1, how.days + 1):
            clock.now = _START + timedelta(days=day - 1)
            report = _day(life, day)
            clock.now += timedelta(hours=15)
            report["night"] = _night(life, str(base.path))
            if day == how.days:
                report["of forgotten, right"] = _left_over(life)
            if progress is not None:
                progress("days", day, how.days)
            yield report


def _day(life: _Life, day: int) -> dict[str, Any]:
    how = life.how
    report: dict[str, Any] = {"day": day, "forgotten": None}
    for fact in how.told(day):
        place = list(how.facts).index(fact)
        life.ids[place] = life.memory.namespace(*fact.home).remember_many([fact.draft])[0].id
    homes = sorted(how.chatter)
    for _ in range(how.talk):
        home = homes[int(life.rng.integers(len(homes)))]
        if how.chatter[home]:
            text = how.chatter[home][int(life.rng.integers(len(how.chatter[home])))]
            life.memory.namespace(*home).remember_many([Draft(text=text)])
    if how.forget and day % how.forget == 0:
        report["forgotten"] = _forgotten(life)
    report |= _asked(life)
    return report


def _forgotten(life: _Life) -> dict[str, float] | None:
    """Forgets a memory that is in weights: seconds, and shards that were wiped with it; None where there is none."""
    folder = Path(life.memory.store.path) / "adapters"  # type: ignore[attr-defined]  # a local store
    learnt = {id for one in manifests(folder).values() if one is not None for id in one.ids}
    there = [place for place, id in life.ids.items() if id in learnt and place not in life.gone]
    if not there:
        return None
    place = there[int(life.rng.integers(len(there)))]
    started = time.perf_counter()
    receipt = life.memory.forget(life.ids[place])
    life.gone[place] = life.ids[place]
    return {"seconds": time.perf_counter() - started, "shards": float(len(receipt.shards))}


def _asked(life: _Life) -> dict[str, Any]:
    """The questions of a day, each answered both ways."""
    places = [place for place in life.ids if place not in life.gone]
    ways: dict[str, list[dict[str, Any]]] = {way: [] for way in _SOURCES}
    for _ in range(life.how.questions if places else 0):
        # What comes first in the facts is asked for most (G. K. Zipf, 1949).
        odds = 1.0 / (1.0 + np.array(places))
        fact = life.how.facts[int(life.rng.choice(places, p=odds / odds.sum()))]
        query = fact.asked[int(life.rng.integers(len(fact.asked)))]
        for way, answer in {IN_PROMPT: _by_prompt(life, fact, query), **_by_ask(life, fact, query)}.items():
            ways[way].append(answer)
    return ways


def _by_prompt(life: _Life, fact: Fact, query: str) -> dict[str, Any]:
    view = life.memory.namespace(*fact.home).reinforcing("never")
    hits = view.recall(query, k=10, budget_tokens=life.how.notes)
    asked = prompt_of(life.base, f"{prompt(hits)}\n\n{query}" if hits else query)
    said, tokens = _said(life.base, asked, _SHORT)
    return {"tokens": tokens, "right": right(said, fact.value), "source": "prompt"}


def _by_ask(life: _Life, fact: Fact, query: str) -> dict[str, dict[str, Any]]:
    """What `ask` says, and what it would say if nothing were distilled: of one recall."""
    view = life.memory.namespace(*fact.home)
    asked = view._question(query, view.recall(query), _MOST, None)
    told = {IN_WEIGHTS: ask(asked), QUOTED: ask(replace(asked, model=None))}
    return {
        way: {"tokens": one.tokens, "right": right(one.text, fact.value), "source": one.source}
        for way, one in told.items()
    }


# Tokens of an answer from notes, and of one that is a whole sentence.
_SHORT, _MOST = 24, 64


def _said(base: Base, asked: str, most: int) -> tuple[str, int]:
    """The most likely answer to a prompt, and the tokens of the prompt."""
    import torch

    encode = base.tokenizer
    ids = encode(asked, return_tensors="pt", add_special_tokens=False).input_ids.to(base.model.device)
    with torch.no_grad(), base.lock, same_bits(Recipe()):
        out = base.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=most,
            do_sample=False,
            pad_token_id=encode.eos_token_id,
        )
    return str(encode.decode(out[0, ids.shape[1] :], skip_special_tokens=True)).strip(), int(ids.shape[1])


def _night(life: _Life, model: str) -> dict[str, float]:
    """A night, with its seconds as a clock and as the processor counts them."""
    started, worked = time.perf_counter(), time.process_time()
    night = life.memory.sleep(distil=True, seconds=life.how.seconds, model=model, recipe=life.how.recipe)
    dream = night.dream
    if dream is None:
        raise AssertionError("a night that was told to distil has no report of it")
    return {
        "seconds": time.perf_counter() - started,
        "processor": time.process_time() - worked,
        "for weights": dream.seconds,
        "learnt": float(len(dream.learnt)),
        "waiting": float(len(dream.waiting)),
        "in weights": float(dream.memories),
        "bytes": float(dream.bytes),
        "saved a day": dream.saved,
    }


def _left_over(life: _Life) -> dict[str, float]:
    """Questions about what was forgotten that are answered right, of how many, by `ask`."""
    asked = [(life.how.facts[place], query) for place in life.gone for query in life.how.facts[place].asked]
    return {
        "asked": float(len(asked)),
        IN_WEIGHTS: float(sum(_by_ask(life, fact, query)[IN_WEIGHTS]["right"] for fact, query in asked)),
    }


def summary(days: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A month in figures: of all days, and of the last ten.

    Returns:
        By way to answer: tokens of a prompt for each answer, and the share of right ones. Of the nights: seconds,
        memories, bytes. Of what was forgotten: how many, the longest in seconds, and what is still answered.
    """
    nights = [one["night"] for one in days]
    gone = [one["forgotten"] for one in days if one["forgotten"] is not None]
    whole: dict[str, Any] = {"all days": _ways(days), "last ten days": _ways(days[-10:])}
    whole["nights"] = {
        "nights": len(nights),
        "seconds, mean": sum(one["seconds"] for one in nights) / len(nights),
        "seconds, most": max(one["seconds"] for one in nights),
        "processor seconds, all": sum(one["processor"] for one in nights),
        "learnt": sum(one["learnt"] for one in nights),
        "in weights": nights[-1]["in weights"],
        "kilobytes": nights[-1]["bytes"] / 1000,
        "tokens saved a day": nights[-1]["saved a day"],
    }
    whole["forgotten"] = {
        "memories": len(gone),
        "seconds, most": max((one["seconds"] for one in gone), default=0.0),
        "right afterwards": days[-1].get("of forgotten, right", {}).get(IN_WEIGHTS, 0.0),
    }
    return whole


def _ways(days: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for way in _SOURCES:
        each = [answer for day in days for answer in day[way]]
        count = max(len(each), 1)
        found[way] = {
            "answers": len(each),
            "prompt tokens an answer": sum(one["tokens"] for one in each) / count,
            "right": sum(one["right"] for one in each) / count,
            **{f"from {source}": sum(one["source"] == source for one in each) / count for source in _SOURCES[way]},
        }
    return found


_SOURCES = {IN_PROMPT: (), IN_WEIGHTS: ("weights", "store", "base"), QUOTED: ()}


def svg(days: Sequence[Mapping[str, Any]]) -> str:
    """A month as a drawing: tokens and right answers by day, seconds of the nights, and what is in weights."""
    at = [int(one["day"]) for one in days]
    tokens = {
        way: [(day, _mean(one[way], "tokens")) for day, one in zip(at, days, strict=True) if one[way]]
        for way in _SOURCES
    }
    so_far = {
        way: [(day, _mean([each for one in days[: n + 1] for each in one[way]], "right")) for n, day in enumerate(at)]
        for way in _SOURCES
    }
    nights = {
        name: [(day, float(one["night"][name])) for day, one in zip(at, days, strict=True)]
        for name in ("processor", "in weights")
    }
    return panels(
        "A month of use",
        [
            Panel(title="tokens of a prompt, mean of the day", lines=tokens),
            Panel(title="right, of all questions so far", lines=so_far, top=1.0),
            Panel(title="processor seconds of the night", lines={"sleep": nights["processor"]}),
            Panel(title="memories in weights", lines={"memories": nights["in weights"]}),
        ],
        unit="day",
    )


def _mean(answers: Sequence[Mapping[str, Any]], name: str) -> float:
    return float(sum(one[name] for one in answers)) / max(len(answers), 1)

"""What must not be lost: how much of it is found, and how much of it stays when a budget lets most memories go.

The lists are ours (`memoria/data/prospective`): 200 statements that must not be lost and 413 that only look so, each in
two halves, one to write rules on and one held out. For the budget, the 200 are mixed into ordinary talk of the user's
files at random places, with the times and speakers of their neighbours, and everything is judged as it comes in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from typing import Any

import numpy as np

from memoria.engine.opening import open as open_memoria
from memoria.evaluation.lab.contenders import contender
from memoria.evaluation.quality.datasets import Conversation
from memoria.protocols import Progress
from memoria.remember import Draft
from memoria.retention.prospective import FLOOR, prospective
from memoria.retention.salience import Turn, Window
from memoria.testing.embedders import HashEmbedder
from memoria.types import Budget

HALVES = ("made", "held out")
KINDS = ("request", "appointment", "deadline", "promise", "safety", "identity")
SHARES = (0.5, 0.25, 0.1)
POLICY = "generative-agents:recency=0"
"""The default: what is kept goes by salience alone."""
_DATE = re.compile(r"\{([im]?)([+-]\d+)\}")
# Short vectors: nearly all bytes are those of texts.
_DIMENSION = 2
# Statements are said on some Wednesday.
_SAID = date(2026, 3, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """half: "made" or "held out". kind: of prospective statement, or why it is none. text: with dates to fill in."""

    half: str
    kind: str
    text: str

    def on(self, day: date) -> str:
        """What is said on a day."""
        return _DATE.sub(lambda mark: _written(day + timedelta(days=int(mark[2])), mark[1]), self.text)


def _written(day: date, how: str) -> str:
    """A day as "3 March"; how: "m" for "March 3rd", "i" for 2026-03-03."""
    if how == "i":
        return day.isoformat()
    if how == "m":
        ending = "th" if 10 < day.day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
        return f"{day:%B} {day.day}{ending}"
    return f"{day.day} {day:%B}"


def kept() -> list[Statement]:
    """The 200 statements that must not be lost."""
    return list(_read("kept.tsv"))


def alike() -> list[Statement]:
    """The 413 statements that only look so."""
    return list(_read("alike.tsv"))


def _read(name: str) -> Iterator[Statement]:
    lines = files("memoria.data").joinpath("prospective", name).read_text(encoding="utf-8").splitlines()
    for line in lines:
        if not line.startswith("#"):
            half, kind, text = line.split("\t")
            yield Statement(half=half, kind=kind, text=text)


def found() -> dict[str, dict[str, Any]]:
    """For each half of the lists: how many there are and are found, of each kind and of what only looks so."""
    return {half: _found(half) for half in HALVES}


def _found(half: str) -> dict[str, Any]:
    theirs = [(one.kind, prospective(one.on(_SAID), _SAID)) for one in kept() if one.half == half]
    others = [(one.kind, prospective(one.on(_SAID), _SAID)) for one in alike() if one.half == half]
    return {
        "statements": len(theirs),
        "found": sum(bool(some) for _, some in theirs),
        "kind right": sum(any(one.kind == kind for one in some) for kind, some in theirs),
        "missed": dict(Counter(kind for kind, some in theirs if not some)),
        "alike": len(others),
        "mistaken": sum(bool(some) for _, some in others),
        "mistaken for": dict(Counter(kind for kind, some in others if some)),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mix:
    """drafts: in the order of time. statements: places of the 200.

    facts: for each fact that is asked for, the places of the drafts that say it.
    """

    drafts: tuple[Draft, ...]
    statements: frozenset[int]
    facts: tuple[frozenset[int], ...]


def _mixed(talks: Sequence[Conversation], rng: np.random.Generator | None) -> _Mix:
    """All talks in one, in the order of time, with the 200 at random places; rng None leaves them out."""
    told = [(draft, talk, at) for talk, one in enumerate(talks) for at, draft in enumerate(one.drafts)]
    told.sort(key=lambda row: row[0].created_at or datetime.min.replace(tzinfo=UTC))
    said = [] if rng is None else kept()
    after: dict[int, list[Statement]] = {}
    if rng is not None:
        for one, place in zip(said, rng.integers(len(told), size=len(said)).tolist(), strict=True):
            after.setdefault(place, []).append(one)
    drafts: list[Draft] = []
    at: dict[tuple[int, int], int] = {}
    statements: set[int] = set()
    for place, (draft, talk, number) in enumerate(told):
        at[talk, number] = len(drafts)
        drafts.append(draft)
        for one in after.get(place, ()):
            statements.add(len(drafts))
            drafts.append(replace(draft, text=one.on(_day(draft) or _SAID)))
    facts = (
        frozenset(at[talk, number] for number in fact)
        for talk, one in enumerate(talks)
        for asked in one.asked
        for fact in asked.relevant
    )
    return _Mix(drafts=tuple(drafts), statements=frozenset(statements), facts=tuple(facts))


def _day(draft: Draft) -> date | None:
    return None if draft.created_at is None else draft.created_at.date()


def _judged(drafts: Sequence[Draft], *, raised: bool) -> list[Draft]:
    """The drafts with the salience that each has as it comes in; raised: with the term for what must not be lost."""
    window = Window()
    out = []
    for number, draft in enumerate(drafts):
        said_by, session = draft.provenance.speaker, draft.provenance.session
        place = window.take(str(number), Turn(text=draft.text, speaker=said_by, session=session, on=_day(draft)))
        if not raised and place >= FLOOR and prospective(draft.text, _day(draft)):
            # As it was before it was raised.
            place = (place - FLOOR) / (1 - FLOOR)
        out.append(replace(draft, salience=min(max(place, 0.0), 1.0), key=str(number)))
    return out


def _staying(drafts: Sequence[Draft], policy: str, budgets: Sequence[tuple[str, float]]) -> Iterator[set[int]]:
    """Places of the drafts that stay under each budget, the day after the last of them."""
    last = max(draft.created_at for draft in drafts if draft.created_at is not None) + timedelta(days=1)
    with open_memoria(
        ":memory:", embedder=HashEmbedder(_DIMENSION), policy=contender(policy).policy, clock=lambda: last
    ) as memory:
        # Nothing is searched for: vectors need not tell anything apart.
        memories = memory.remember_many([replace(draft, vector=np.ones(_DIMENSION, np.float32)) for draft in drafts])
        places = {one.id: place for place, one in enumerate(memories)}
        sizes = memory.store.holdings(())[2]
        for unit, share in budgets:
            most = (
                Budget(count=round(share * len(drafts))) if unit == "count" else Budget(bytes=int(share * sizes.sum()))
            )
            going = {places[id] for id in memory.evict(most, dry_run=True)}
            yield set(range(len(drafts))) - going


def staying(
    talks: Sequence[Conversation],
    progress: Progress,
    *,
    seeds: int = 3,
    shares: Sequence[float] = SHARES,
    policy: str = POLICY,
) -> list[dict[str, Any]]:
    """What stays of the 200, and of the evidence of the talks' questions, with and without the term in salience.

    Args:
        talks: ordinary talk with questions, remembered in one namespace.
        progress: called with (what, done, total).
        seeds: of how many mixings the 200 are counted; at least 1.
        shares: budgets, as shares of all memories and of all bytes.
        policy: by which the store lets memories go.

    Returns:
        A row for each unit of the budget and each share. statements: of the 200, at least, over the mixings; on average
        without the term. evidence: share of the facts that are asked for, in [0, 1], of the talks alone, so that its
        fall is the price of what ordinary talk has raised. raised: share of the talks' memories that the term raises.
    """
    budgets = [(unit, share) for unit in ("count", "bytes") for share in shares]
    counts: dict[bool, list[list[int]]] = {True: [], False: []}
    for seed in range(seeds):
        mix = _mixed(talks, np.random.default_rng(seed))
        for raised in (True, False):
            some = _staying(_judged(mix.drafts, raised=raised), policy, budgets)
            counts[raised].append([len(mix.statements & stay) for stay in some])
        progress("mixings", seed + 1, seeds)
    alone = _mixed(talks, None)
    evidence = {raised: _evidence(alone, raised, policy, budgets) for raised in (True, False)}
    of = sum(bool(prospective(one.text, _day(one))) for one in alone.drafts) / len(alone.drafts)
    return [
        {
            "budget": unit,
            "share": share,
            "memories": len(alone.drafts),
            "statements": min(row[at] for row in counts[True]),
            "statements without": float(np.mean([row[at] for row in counts[False]])),
            "evidence": evidence[True][at],
            "evidence without": evidence[False][at],
            "raised": of,
        }
        for at, (unit, share) in enumerate(budgets)
    ]


def _evidence(mix: _Mix, raised: bool, policy: str, budgets: Sequence[tuple[str, float]]) -> list[float]:
    stays = _staying(_judged(mix.drafts, raised=raised), policy, budgets)
    return [sum(bool(fact & stay) for fact in mix.facts) / len(mix.facts) for stay in stays]

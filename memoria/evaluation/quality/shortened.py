"""What shortening gains: the evidence that is left under a budget when memories lose detail before they go.

Each conversation fills a store on disk, which is brought to a share of its tokens or bytes, once by letting the least
needed memories go, once by shortening them first. A fact that a question needs is some words of a turn: in LoCoMo those
that the question or its answer has too, in Memora those of the value. Of a turn that went none is left. Memories go
as budgets let them go, by age and size alone ("flat"), or by what memoria judges of the text too ("text", the default).
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from memoria.engine.memory import Memoria
from memoria.engine.opening import open as open_memoria
from memoria.evaluation.lab.intervals import estimate
from memoria.evaluation.quality import datasets
from memoria.protocols import Progress
from memoria.recall.context import costs
from memoria.remember import Draft
from memoria.testing import HashEmbedder
from memoria.text.words import stems
from memoria.types import Budget, Where

UNITS: tuple[Literal["tokens", "bytes"], ...] = ("tokens", "bytes")
ORDERS: tuple[Literal["flat", "text"], ...] = ("flat", "text")
_EVIDENCE = re.compile(r"D:?(\d+):(\d+)")
_ENOUGH = 0.5
_ALL = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """place: of the turn that has it. words: the stems of it that a question needs; none is empty."""

    place: int
    words: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """drafts: a conversation in order. facts: what is asked about it."""

    name: str
    drafts: tuple[Draft, ...]
    facts: tuple[Fact, ...]


def locomo(path: Path) -> list[Talk]:
    """LoCoMo's conversations, with the turns that each question names."""
    found = []
    for one in json.loads(path.read_text()):
        talk = datasets.locomo(one)
        places = {name: place for place, name in enumerate(_turns(one["conversation"]))}
        facts = [
            _fact(places[name], talk.drafts[places[name]].text, f"{asked['question']} {asked.get('answer', '')}")
            for asked in one["qa"]
            for name in _named(asked)
            if name in places
        ]
        found.append(Talk(name=talk.name, drafts=talk.drafts, facts=tuple(facts)))
    return found


def _turns(talk: Any) -> Iterator[str]:
    sessions = sorted(int(key.split("_")[1]) for key in talk if re.fullmatch(r"session_\d+", key))
    return (turn["dia_id"] for session in sessions for turn in talk[f"session_{session}"])


def _named(asked: Any) -> Iterator[str]:
    pairs = _EVIDENCE.findall(" ".join(asked.get("evidence", ())))
    return (f"D{int(session)}:{int(turn)}" for session, turn in sorted(set(pairs)))


def _fact(place: int, text: str, asked: str) -> Fact:
    said = set(stems(text))
    return Fact(place=place, words=frozenset(said & set(stems(asked)) or said))


def memora(folder: Path) -> list[Talk]:
    """Memora's personas, with the turn of the session of each value that has most of its words."""
    found = []
    for persona, drafts, questions in datasets.memora_weeks(folder):
        values = [one for question in questions for one in _values(question["memory_evidence"])]
        facts = [fact for session, value in values if (fact := _holding(drafts, session, set(stems(value))))]
        found.append(Talk(name=persona, drafts=tuple(drafts), facts=tuple(facts)))
    return found


def _values(evidence: Any) -> Iterator[tuple[str, str]]:
    """(session, value) of every value of a nest that names its session."""
    if isinstance(evidence, list):
        for one in evidence:
            yield from _values(one)
    elif isinstance(evidence, dict) and "session_id" in evidence:
        said = {name: one for name, one in evidence.items() if name not in ("session_id", "date")}
        said = {name: f"{one:,}" if isinstance(one, int) else one for name, one in said.items()}
        yield from ((str(evidence["session_id"]), value) for value in datasets.values(said))
    elif isinstance(evidence, dict):
        for one in evidence.values():
            yield from _values(one)


def _holding(drafts: Sequence[Draft], session: str, words: set[str]) -> Fact | None:
    """None where no turn of the session has enough of the words."""
    shared = [
        (len(words.intersection(stems(draft.text))), -place)
        for place, draft in enumerate(drafts)
        if draft.provenance.session == session
    ]
    most, place = max(shared, default=(0, 0))
    if not most or most < _ENOUGH * len(words):
        return None
    return Fact(place=-place, words=frozenset(words.intersection(stems(drafts[-place].text))))


def evaluate(sets: dict[str, list[Talk]], share: float, progress: Progress) -> dict[str, Any]:
    """For each set, order and unit: the share of words that is left, and that of facts with all of them.

    Each is a mean over conversations, for memories that only go, for those that are shortened first, and the paired
    difference, with a 95 % interval. share: of all tokens or bytes, in (0, 1).
    """
    report: dict[str, Any] = {}
    total = sum(map(len, sets.values())) * len(ORDERS) * len(UNITS)
    done = 0
    for name, talks in sets.items():
        report[name] = {}
        for order in ORDERS:
            for unit in UNITS:
                rows = []
                for talk in talks:
                    rows.append(_row(talk, order, unit, share))
                    done += 1
                    progress("conversations", done, total)
                report[name][f"{order}, {unit}"] = _summed(rows)
    return report


def _row(
    talk: Talk, order: Literal["flat", "text"], unit: Literal["tokens", "bytes"], share: float
) -> dict[str, float]:
    """One conversation under one budget."""
    until = max(draft.created_at for draft in talk.drafts if draft.created_at is not None)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_memoria(Path(folder) / "a", embedder=HashEmbedder(384), salience=order, clock=lambda: until) as memory,
    ):
        ids = [one.id for one in memory.remember_many(talk.drafts, readmit=True)]
        budget = Budget(**{unit: int(share * _taken(memory, unit))})
        gone = _left(memory, budget, talk, ids)
        before = _texts(memory)
        done = memory.shorten(budget, cap=_ALL)
        cut = _left(memory, budget, talk, ids)
        after = _texts(memory)
    sizes = [(len(before[id].encode()), len(after[id].encode())) for id in done.ids]
    length = sum(after for _, after in sizes) / max(sum(before for before, _ in sizes), 1)
    return {
        "words, gone": gone[0], "facts, gone": gone[1], "words, shortened": cut[0], "facts, shortened": cut[1],
        "shortened": len(done.ids) / len(ids), "length": length if sizes else float("nan"),
    }  # fmt: skip


def _taken(memory: Memoria, unit: str) -> int:
    """What all memories take."""
    ids, _, sizes = memory.store.holdings(())
    return int((sizes if unit == "bytes" else costs(memory.store, ids)).sum())


def _texts(memory: Memoria) -> dict[str, str]:
    ids = memory.store.select(Where())
    return {one.memory.id: one.memory.text for one in memory.store.read(ids) if one is not None}


def _left(memory: Memoria, budget: Budget, talk: Talk, ids: Sequence[str]) -> tuple[float, float]:
    """Means over facts, when what is beyond the budget has gone: share of words, and whether all are left."""
    texts = _texts(memory)
    for id in memory.evict(budget, dry_run=True):
        del texts[id]
    found = []
    for fact in talk.facts:
        said = fact.words.intersection(stems(texts.get(ids[fact.place], "")))
        found.append((len(said) / len(fact.words), float(said == fact.words)))
    words, facts = np.mean(found, axis=0)
    return float(words), float(facts)


def _summed(rows: Sequence[dict[str, float]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name in rows[0]:
        out[name] = asdict(estimate(np.array([row[name] for row in rows])))
    for name in ("words", "facts"):
        more = np.array([row[f"{name}, shortened"] - row[f"{name}, gone"] for row in rows])
        out[f"{name}, more"] = asdict(estimate(more))
    return out

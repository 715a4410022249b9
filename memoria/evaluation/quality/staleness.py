"""What still comes back although it was updated or deleted: Memora's week, before and after memories are reconciled.

A value counts by three readings: word for word in any memory; by all its content words in any memory; and by session,
when a memory of the session that revoked it comes back and holds it. Apart from these, a value counts as older when a
memory from before the session that revoked it brings it back, word for word: "I used to like A, but now B" names A, and
says only that A is over. FAMA is Memora's score (Uddin et al. 2026, arXiv:2604.20006, section 4.1.2):
max(0, MPA - lambda (1 - FAA)), lambda the share of what must be absent among all that is asked for; MPA here is the
share of wanted values that recall brings back, FAA of forgotten ones that it leaves out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from memoria.engine.change import DetectorLike
from memoria.engine.memory import Memoria
from memoria.engine.opening import open as open_memoria
from memoria.engine.view import LEARNT, JudgeLike
from memoria.evaluation.quality.datasets import Conversation, forgotten, memora_weeks, values
from memoria.evaluation.quality.retrieval import DEPTH, measures, summed
from memoria.protocols import Embedder, Progress
from memoria.remember import Draft
from memoria.text.words import stems
from memoria.types import Endings, Hit, Memory

NEAR = 10
# What the rules and the bounds were written on, and what figures are given for.
USED = ("academic_researcher", "business_executive", "content_writer", "creative_designer", "financial_analyst")
DEEDS = ("statements", "proposals", "ended", "amended", "lowered", "wrong")
Rows = list[tuple[str, dict[str, float]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A question about a week. wanted, stale: values, in lower case, that some memory of the week holds word for word.

    revoked: forgotten values with the session that revoked them.
    """

    text: str
    task: str
    wanted: tuple[str, ...]
    stale: tuple[str, ...]
    revoked: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """drafts: what was said, a second apart, for the data tells days only. until: when the probes are asked."""

    name: str
    drafts: tuple[Draft, ...]
    probes: tuple[Probe, ...]
    until: datetime


def weeks(folder: Path) -> Iterator[Week]:
    """The weeks of Memora's files, one a persona."""
    for name, drafts, questions in memora_weeks(folder):
        texts = [draft.text.casefold() for draft in drafts]
        spaced = tuple(_spaced(drafts))
        probes = tuple(probe for one in questions if (probe := _probe(one, texts)).wanted)
        yield Week(name=name, drafts=spaced, probes=probes, until=_last(spaced) + timedelta(days=1))


def half(persona: str) -> str:
    """Whether a persona is one that rules were written on, "used", or not, "kept"."""
    return "used" if persona in USED else "kept"


def _spaced(drafts: Sequence[Draft]) -> Iterator[Draft]:
    for at, draft in enumerate(drafts):
        yield draft if draft.created_at is None else replace(draft, created_at=draft.created_at + timedelta(seconds=at))


def _last(drafts: Sequence[Draft]) -> datetime:
    return max(draft.created_at for draft in drafts if draft.created_at is not None)


def _probe(question: Any, texts: Sequence[str]) -> Probe:
    evidence = question["memory_evidence"]
    budget = evidence.get("content_data", {}).get("budget")
    wanted = {*values(evidence), *([f"{budget:,}"] if isinstance(budget, int) else [])}
    revoked = [(value, session) for value, session in forgotten(question) if value not in wanted]
    return Probe(
        text=question["question"],
        task=question["task"],
        wanted=tuple(sorted(value for value in wanted if any(value in text for text in texts))),
        stale=tuple(sorted({value for value, _ in revoked if any(value in text for text in texts)})),
        revoked=tuple(revoked),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How changes are settled. Fields as of `Memoria.reconcile`. judge: as of `open`."""

    detector: DetectorLike = LEARNT
    endings: Endings = "commands"
    judge: JudgeLike = LEARNT


def evaluate_weeks(
    found: Sequence[Week], embedder: Embedder, progress: Progress, way: Way | None = None
) -> dict[str, Any]:
    """Vectors and need without reconciling, with it, and after a night on top, per task; and what the proposals did."""
    way = way or Way()
    rows: dict[str, Rows] = {}
    deeds = dict.fromkeys(DEEDS, 0)
    for done, week in enumerate(found, 1):
        with _opened(week.drafts, week.until, embedder, way) as memory:
            said = memory.list()
            _ask(memory, week, rows, "")
            counted = _reconcile(memory, said, way)
            _ask(memory, week, rows, " reconciled")
            wanted = {value for probe in week.probes for value in probe.wanted}
            counted["wrong"] = _wrong(said, memory.list(), wanted)
            memory.sleep(cap=len(said), prune=False, detector=None)
            _ask(memory, week, rows, " slept")
        deeds = {name: count + counted[name] for name, count in deeds.items()}
        progress("weeks", done, len(found))
    return {
        "weeks": [week.name for week in found],
        "memories": sum(len(week.drafts) for week in found),
        "lambda": "n_forgotten / (n_wanted + n_forgotten), per question",
        "systems": {name: summed(measured) for name, measured in rows.items()},
        "proposals": deeds,
    }


def evaluate_turns(
    found: Sequence[Conversation], embedder: Embedder, progress: Progress, way: Way | None = None
) -> dict[str, Any]:
    """Recall of evidence by need without and with reconciling, where evidence is turns; and what the proposals did.

    A reworded turn counts as the turn. wrong: turns that are evidence and were ended, with nothing in their place.
    """
    way = way or Way()
    rows: dict[str, Rows] = {}
    deeds = dict.fromkeys(DEEDS, 0)
    for done, one in enumerate(found, 1):
        until = one.until + timedelta(days=1)
        with _opened(one.drafts, until, embedder, way) as memory:
            said = memory.list()
            places = {memory.id: at for at, memory in enumerate(said)}
            _ask_turns(memory, one, places, rows.setdefault("need", []))
            counted = _reconcile(memory, said, way)
            _ask_turns(memory, one, places, rows.setdefault("need reconciled", []))
            valid = {_place(memory, places) for memory in memory.list() if memory.valid_to is None}
            evidence = {place for asked in one.asked for some in asked.relevant for place in some}
            counted["wrong"] = len(evidence - valid)
        deeds = {name: count + counted[name] for name, count in deeds.items()}
        progress("conversations", done, len(found))
    return {
        "conversations": [one.name for one in found],
        "systems": {name: summed(measured) for name, measured in rows.items()},
        "proposals": deeds,
    }


def _ask_turns(memory: Memoria, one: Conversation, places: Mapping[str, int], rows: Rows) -> None:
    hits = memory.recall_many([asked.text for asked in one.asked], k=DEPTH)
    for asked, some in zip(one.asked, hits, strict=True):
        rows.append((asked.category, measures(asked, [_place(hit.memory, places) for hit in some])))


def _place(memory: Memory, places: Mapping[str, int]) -> int:
    """Where a turn stands, or the turn that it was made from."""
    return next(places[id] for id in (memory.id, *memory.provenance.derived_from) if id in places)


def _opened(drafts: Sequence[Draft], until: datetime, embedder: Embedder, way: Way) -> Memoria:
    memory = open_memoria(
        ":memory:",
        embedder=embedder,
        reinforce="never",
        clock=lambda: until,
        endings=way.endings,
        judge=way.judge,
    )
    memory.remember_many(drafts)
    return memory


def _reconcile(memory: Memoria, said: Sequence[Memory], way: Way) -> dict[str, int]:
    proposals = memory.reconcile(*said, detector=way.detector) if said else ()
    return {
        "statements": len(said),
        "proposals": len(proposals),
        "ended": sum(len(one.ends) for one in proposals),
        "amended": sum(len(one.amends) for one in proposals),
        "lowered": sum(len(one.lowers) for one in proposals),
    }


def _wrong(said: Sequence[Memory], now: Sequence[Memory], wanted: set[str]) -> int:
    """How many wanted values no memory holds any more that still holds."""
    valid = [one.text.casefold() for one in now if one.valid_to is None]
    return sum(
        any(value in one.text.casefold() for one in said) and not any(value in text for text in valid)
        for value in wanted
    )


def _ask(memory: Memoria, week: Week, rows: dict[str, Rows], suffix: str) -> None:
    texts, begun = [probe.text for probe in week.probes], _begun(week)
    for system, vector_only in (("vectors", True), ("need", False)):
        hits = memory.recall_many(texts, k=DEPTH, vector_only=vector_only)
        measured = [(probe.task, _measures(probe, some, begun)) for probe, some in zip(week.probes, hits, strict=True)]
        rows.setdefault(system + suffix, []).extend(measured)


def _begun(week: Week) -> dict[str, datetime]:
    """When each session of a week began."""
    found: dict[str, datetime] = {}
    for draft in week.drafts:
        if draft.provenance.session is not None and draft.created_at is not None:
            found.setdefault(draft.provenance.session, draft.created_at)
    return found


def _older(probe: Probe, hits: Sequence[Hit], begun: Mapping[str, datetime]) -> float:
    """The share of stale values that a memory older than the session that revoked them brings back, word for word."""
    revoked = {value: begun[session] for value, session in probe.revoked if session in begun}
    return _mean(
        any(value in hit.memory.text.casefold() and hit.memory.created_at < revoked[value] for hit in hits)
        for value in probe.stale
        if value in revoked
    )


def _measures(probe: Probe, hits: Sequence[Hit], begun: Mapping[str, datetime]) -> dict[str, float]:
    texts = [hit.memory.text.casefold() for hit in hits]
    told = [set(stems(text)) for text in texts]
    sessions = [hit.memory.provenance.session for hit in hits]
    row = {}
    for k in (NEAR, DEPTH):
        row[f"recall@{k}"] = _mean(any(value in text for text in texts[:k]) for value in probe.wanted)
        row[f"stems recall@{k}"] = _mean(any(_says(value, words) for words in told[:k]) for value in probe.wanted)
    absent = 1.0
    if probe.stale:
        back = _mean(any(value in text for text in texts) for value in probe.stale)
        row[f"stale words@{DEPTH}"], absent = back, 1 - back
        if any(session in begun and value in probe.stale for value, session in probe.revoked):
            row[f"stale older@{NEAR}"] = _older(probe, hits[:NEAR], begun)
            row[f"stale older@{DEPTH}"] = _older(probe, hits, begun)
    if probe.revoked:
        row[f"stale stems@{DEPTH}"] = _mean(any(_says(value, words) for words in told) for value, _ in probe.revoked)
        row[f"stale session@{DEPTH}"] = _mean(
            any(_says(value, words) and one == session for words, one in zip(told, sessions, strict=True))
            for value, session in probe.revoked
        )
    present = row[f"recall@{DEPTH}"]
    weight = len(probe.stale) / (len(probe.stale) + len(probe.wanted))
    return row | {"mpa": present, "faa": absent, "fama": max(0.0, present - weight * (1 - absent))}


def _says(value: str, words: set[str]) -> bool:
    return set(stems(value)) <= words


def _mean(met: Iterable[bool]) -> float:
    found = list(met)
    return sum(found) / len(found)

"""Two hundred short talks in which a fact changes, or does not: what is ended, what is lowered, and which comes first.

Written by hand for this project before anything was measured on them (memoria/data/changes/settling.txt). A store of
its own has of each talk what was said first, another true fact of the same, the question, six more facts, what follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

from memoria.engine.change import DetectorLike
from memoria.engine.memory import Memoria
from memoria.engine.opening import open as open_memoria
from memoria.engine.view import LEARNT, JudgeLike
from memoria.english.sentences import content
from memoria.protocols import Embedder, Progress
from memoria.remember import Draft
from memoria.types import Endings, Memory, Provenance

KINDS = ("change", "stays", "compound", "command")
_START = datetime(2026, 3, 2, 9, tzinfo=UTC)
_USER = Provenance(source="chat", speaker="user", session="talk")
_AROUND = (
    "I walked 6,200 steps today.",
    "My aunt likes jazz and paints birds.",
    "I spent $17.01 on lunch.",
    "The report is called 'Rivers of Europe'.",
    "We went to Berlin in May with Tim.",
    "The neighbours have a new fence.",
)
_DEPTH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A talk. first: what was said first. over: what of it the change ends; "" for none of it, or all of it.

    kind: in "change" all of `first` is untrue afterwards, in "stays" nothing; in "compound" and "command" `over` is.
    """

    kind: str
    first: str
    later: str
    question: str
    also: str
    over: str = ""

    @property
    def left(self) -> str:
        """What still holds of `first`."""
        if self.kind == "change":
            return ""
        return self.first.replace(self.over, " ") if self.over else self.first


def talks() -> Iterator[Talk]:
    """The talks, in the order of the file."""
    for line in (files("memoria.data") / "changes" / "settling.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            kind, first, later, question, also = (part.strip() for part in line.split("|"))
            marked = re.search(r"\[(.+?)\]", first)
            whole = re.sub(r"[\[\]]", "", first)
            yield Talk(
                kind=kind,
                first=whole,
                later=later,
                question=question,
                also=also,
                over="" if marked is None else marked.group(1),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one talk.

    Attributes:
        ended, lowered: how many true facts were ended or lowered, of those in `true`.
        question: whether the question was ended or lowered.
        done: whether what is untrue was ended or lowered.
        above: whether what was said first still ranks above what was said later; None where the latter ends nothing.
        again: whether settling it again changed anything.
    """

    true: int
    ended: int
    lowered: int
    question: bool
    done: bool
    above: bool | None
    again: bool


def evaluate(
    embedder: Embedder,
    progress: Progress,
    *,
    detector: DetectorLike | None = LEARNT,
    endings: Endings = "commands",
    judge: JudgeLike = LEARNT,
    kinds: Sequence[str] = KINDS,
) -> dict[str, Any]:
    """Counts by kind of talk, and for all; detector: None settles nothing, to compare with."""
    chosen = [talk for talk in talks() if talk.kind in kinds]
    found: dict[str, list[Outcome]] = {kind: [] for kind in kinds}
    for done, talk in enumerate(chosen, 1):
        with open_memoria(":memory:", embedder=embedder, endings=endings, judge=judge, reinforce="never") as memory:
            found[talk.kind].append(_play(memory, talk, detector))
        progress("talks", done, len(chosen))
    counted = {kind: _counted(outcomes) for kind, outcomes in found.items()}
    return {**counted, "all": _counted([one for some in found.values() for one in some])}


def _play(memory: Memoria, talk: Talk, detector: DetectorLike | None) -> Outcome:
    texts = [*_AROUND, talk.also, talk.first, talk.question, talk.later]
    told = memory.remember_many(
        Draft(text=text, created_at=_START + n * timedelta(minutes=1), provenance=_USER) for n, text in enumerate(texts)
    )
    *around, also, first, asked, later = told
    again = False
    if detector is not None:
        memory.reconcile(also, first, asked, later, detector=detector)
        again = bool(memory.reconcile(later, detector=detector))
    valid = [one for one in memory.list() if one.valid_to is None]
    doubted = {link.parent for link in memory.store.links([one.id for one in told]) if link.relation == "doubts"}
    hits = [hit.memory.id for hit in memory.recall(talk.question, k=_DEPTH)]
    # What is left of a compound fact is true; what is lowered of it is counted, for it stands lower too.
    true = [*around, also, *([first] if talk.left else [])]
    kept = [one for one in true if _says(valid, talk.left if one is first else one.text)]
    return Outcome(
        true=len(true),
        ended=len(true) - len(kept),
        lowered=sum(one.id in doubted for one in true if one is not first or talk.kind == "stays"),
        question=asked.id in doubted or asked.id not in {one.id for one in valid},
        done=first.id in doubted or first.id not in {one.id for one in valid},
        above=None if talk.kind == "stays" else _above(hits, first.id, later.id),
        again=again,
    )


def _says(valid: Sequence[Memory], text: str) -> bool:
    """Whether a memory that still holds has all the words of a text."""
    wanted = set(content(text))
    return any(wanted <= set(content(one.text)) for one in valid)


def _above(hits: Sequence[str], first: str, later: str) -> bool:
    return first in hits and (later not in hits or hits.index(first) < hits.index(later))


def _counted(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Sums; shares are left to whoever prints them."""
    ranked = [one.above for one in outcomes if one.above is not None]
    return {
        "talks": len(outcomes),
        "true facts": sum(one.true for one in outcomes),
        "ended": sum(one.ended for one in outcomes),
        "lowered": sum(one.lowered for one in outcomes),
        "questions": sum(one.question for one in outcomes),
        "done": sum(one.done for one in outcomes),
        "ranked": len(ranked),
        "stale above": sum(ranked),
        "again": sum(one.again for one in outcomes),
    }

"""reconcile: makes what was remembered agree with what was said later. A plan first; applying it is a step apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from memoria.detect import Detector, Proposal, by_rules, named
from memoria.protocols import Embedder, Store
from memoria.recall import embed, holds
from memoria.types import Memory, Where
from memoria.words import question

if TYPE_CHECKING:
    from memoria.engine import Memoria

POOL = 50
CandidatesFor = Callable[[Memory], Sequence[Memory]]
_TICK = datetime.resolution


def propose(
    statements: Sequence[Memory], candidates_for: CandidatesFor, detector: Detector = by_rules
) -> list[Proposal]:
    """What `statements` change about what was remembered before, in order of time; nothing is changed.

    candidates_for: memories that a statement may be about. What earlier proposals end is no candidate for later ones,
    and what they amend is seen as amended, as if each had been applied.
    """
    texts: dict[str, str | None] = {}
    proposals = []
    for statement in sorted(statements, key=lambda one: one.id):
        if not _open(statement, statement.created_at) or statement.id in texts:
            continue
        found = detector(statement, _seen(statement, candidates_for(statement), texts))
        for proposal in found:
            texts |= _after(proposal)
        proposals += found
    return proposals


def _open(memory: Memory, at: datetime) -> bool:
    """Whether a memory was observed, not made from others, and still holds."""
    return not memory.provenance.derived_from and holds(memory, at)


def _seen(statement: Memory, candidates: Sequence[Memory], texts: Mapping[str, str | None]) -> list[Memory]:
    """Candidates of the statement's namespace that hold when it is made, in order, as proposals so far leave them."""
    seen = []
    for one in sorted(candidates, key=lambda one: one.id):
        text = texts.get(one.id, one.text)
        if one.namespace == statement.namespace and text is not None and holds(one, statement.created_at):
            seen.append(one if text == one.text else replace(one, text=text))
    return seen


def _after(proposal: Proposal) -> dict[str, str | None]:
    """The texts that a proposal leaves, None for what it ends."""
    return {**dict.fromkeys(proposal.ends), **dict(proposal.amends), proposal.by: proposal.keep}


def candidates(
    store: Store, embedder: Embedder, phrases: Callable[[str], Sequence[str]] = named, pool: int = POOL
) -> CandidatesFor:
    """Candidates by recall: what speaks for each phrase of a statement by meaning, words and nearness in the talk.

    phrases: what to look for; none means that the statement changes nothing, and nothing is looked up. For a detector
    with rules of its own, look for the whole text: `lambda text: [text]`.
    """

    def found(statement: Memory) -> list[Memory]:
        where = Where(namespace=statement.namespace)
        wanted = list(phrases(statement.text))
        ids: set[str] = set()
        for phrase, vector in zip(wanted, embed(store, embedder, wanted), strict=True):
            ids |= set(store.evidence(question(phrase), vector, where, pool).ids)
        memories = [record.memory for record in store.read(sorted(ids)) if record is not None]
        return [one for one in memories if one.id < statement.id or _same_talk(one, statement)]

    return found


def _same_talk(one: Memory, other: Memory) -> bool:
    return one.provenance.session is not None and one.provenance.session == other.provenance.session


def apply(memory: Memoria, proposals: Sequence[Proposal]) -> dict[str, str]:
    """Carries proposals out, in order; returns for each memory that was reworded the id of what now says the rest.

    What is ended keeps its text, and holds until `at`; what says the rest is derived from it and from the statement.
    """
    now: dict[str, str] = {}
    for proposal in proposals:
        for id in proposal.ends:
            _end(memory, now.get(id, id), proposal.at)
        for id, text in proposal.amends:
            now[id] = _reword(memory, now.get(id, id), text, proposal)
        statement = memory.get(proposal.by)
        if proposal.keep is None:
            _end(memory, statement.id, proposal.at)
        elif proposal.keep != statement.text:
            now[statement.id] = _reword(memory, statement.id, proposal.keep, proposal)
    return now


def _end(memory: Memoria, id: str, at: datetime) -> datetime:
    """Ends a memory at `at`, but not before it was said; returns when."""
    one = memory.get(id)
    starts = [one.created_at] if one.valid_from is None else [one.created_at, one.valid_from]
    end = max(at, max(starts) + _TICK)
    memory.amend(id, valid_to=end)
    return end


def _reword(memory: Memoria, id: str, text: str, proposal: Proposal) -> str:
    """Ends a memory and remembers what of it still holds, said when it was said; returns the id of that."""
    end = _end(memory, id, proposal.at)
    one = memory.get(id)
    origin = replace(one.provenance, derived_from=tuple(dict.fromkeys((id, proposal.by))))
    fields = {name: getattr(one, name) for name in ("kind", "created_at", "salience", "subject", "tags", "metadata")}
    view = memory.namespace(*one.namespace[len(memory.prefix) :])
    return view.remember(text, valid_from=end, provenance=origin, **fields).id

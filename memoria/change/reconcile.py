"""reconcile: makes what was remembered agree with what was said later. A plan first; applying it is a step apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from memoria.change.supersede import expire, supersede
from memoria.derived.lineage import living, memories
from memoria.derived.records import Records
from memoria.embedders import embed
from memoria.english.detect import by_rules, named
from memoria.errors import MemoryNotFound
from memoria.protocols import Detector, Embedder, Store
from memoria.remember import Draft
from memoria.retention.reinforce import Reinforcer
from memoria.text.words import question
from memoria.types import Memory, Proposal, Where

POOL = 50
CandidatesFor = Callable[[Memory], Sequence[Memory]]
Phrases = Callable[[str], Sequence[str]]
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
    return not memory.provenance.derived_from and memory.holds(at)


def _seen(statement: Memory, candidates: Sequence[Memory], texts: Mapping[str, str | None]) -> list[Memory]:
    """Candidates of the statement's namespace that hold when it is made, in order, as proposals so far leave them."""
    seen = []
    for one in sorted(candidates, key=lambda one: one.id):
        text = texts.get(one.id, one.text)
        if one.namespace == statement.namespace and text is not None and one.holds(statement.created_at):
            seen.append(one if text == one.text else replace(one, text=text))
    return seen


def _after(proposal: Proposal) -> dict[str, str | None]:
    """The texts that a proposal leaves, None for what it ends."""
    return {**dict.fromkeys(proposal.ends), **dict(proposal.amends), proposal.by: proposal.keep}


def candidates(store: Store, embedder: Embedder, phrases: Phrases = named, pool: int = POOL) -> CandidatesFor:
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
        # Of a gist, one part may end without the others.
        apart = [part for one in memories(store, sorted(ids)).values() for part in (one.parts or (one,))]
        return [one for one in apart if one.id < statement.id or _same_talk(one, statement)]

    return found


def _same_talk(one: Memory, other: Memory) -> bool:
    return one.provenance.session is not None and one.provenance.session == other.provenance.session


def settle(
    records: Records,
    traces: Reinforcer,
    ids: Sequence[str],
    detector: Detector = by_rules,
    phrases: Phrases = named,
    *,
    dry_run: bool = False,
) -> tuple[Proposal, ...]:
    """Settles what the statements of these ids say has changed; returns the proposals that were carried out.

    dry_run: changes nothing, and returns what would be.
    """
    store = records.store
    statements = list(memories(store, ids).values())
    found = propose(statements, candidates(store, records.embedder, phrases), detector)
    if not dry_run:
        apply(records, traces, found)
    return tuple(found)


def apply(records: Records, traces: Reinforcer, proposals: Sequence[Proposal]) -> dict[str, str]:
    """Carries proposals out, in order; returns for each memory that was reworded the id of what now says the rest.

    What is ended keeps its text, and holds until `at`; what says the rest supersedes it, and is derived from it and
    from the statement. Raises InvalidQuery for what has ended since it was proposed, MemoryNotFound for what is gone.
    """
    now: dict[str, str] = {}
    for proposal in proposals:
        for id in proposal.ends:
            _end(records, now.get(id, id), proposal.at)
        for id, text in proposal.amends:
            now[id] = _reword(records, traces, now.get(id, id), text, proposal)
        if proposal.keep is None:
            _end(records, proposal.by, proposal.at)
        elif proposal.keep != _living(records.store, proposal.by).text:
            now[proposal.by] = _reword(records, traces, proposal.by, proposal.keep, proposal)
    return now


def _living(store: Store, id: str) -> Memory:
    """The memory with this id, by itself or in a gist; raises MemoryNotFound."""
    found = living(store, [id])
    if id not in found:
        raise MemoryNotFound(id)
    return found[id]


def _end(records: Records, id: str, at: datetime) -> None:
    end = _last(_living(records.store, id), at)
    records.set_apart([id])
    expire(records.store, [id], end)


def _last(one: Memory, at: datetime) -> datetime:
    """`at`, but not before the memory was said and held."""
    begun = one.created_at if one.valid_from is None else max(one.created_at, one.valid_from)
    return max(at, begun + 2 * _TICK)


def _reword(records: Records, traces: Reinforcer, id: str, text: str, proposal: Proposal) -> str:
    """Supersedes a memory by what of it still holds, said when it was said; returns the id of that."""
    one = _living(records.store, id)
    # So that it stands right behind what it supersedes, in the order of the talk.
    created_at = one.created_at + _TICK
    draft = Draft(
        text=text,
        kind=one.kind,
        created_at=created_at,
        salience=one.salience,
        subject=one.subject,
        tags=one.tags,
        metadata=one.metadata,
        provenance=replace(one.provenance, derived_from=tuple(dict.fromkeys((id, proposal.by)))),
    )
    end = _last(one, proposal.at)
    return supersede(records, traces, one.namespace, draft, [id], created_at, at=end).id

"""reconcile: makes older memories agree with what was said later. It first proposes changes, then applies them."""

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
"""From the text of a statement to the phrases that other memories are looked for by."""
_TICK = datetime.resolution


def propose(
    statements: Sequence[Memory], candidates_for: CandidatesFor, detector: Detector = by_rules
) -> list[Proposal]:
    """Proposes what `statements` change about older memories, in order of time. Stores nothing.

    candidates_for: returns the memories that a statement may be about. Each statement sees its candidates as earlier
    proposals would leave them: without those that they end, and with the texts that they amend.
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
    """Whether a memory was observed, not made from others, and is valid at `at`."""
    return not memory.provenance.derived_from and memory.holds(at)


def _seen(statement: Memory, candidates: Sequence[Memory], texts: Mapping[str, str | None]) -> list[Memory]:
    """The candidates in the statement's namespace that are valid when it is made, by id, their texts as in `texts`."""
    seen = []
    for one in sorted(candidates, key=lambda one: one.id):
        text = texts.get(one.id, one.text)
        if one.namespace == statement.namespace and text is not None and one.holds(statement.created_at):
            seen.append(one if text == one.text else replace(one, text=text))
    return seen


def _after(proposal: Proposal) -> dict[str, str | None]:
    """The text of each memory after a proposal, by id; None for one that it ends."""
    return {**dict.fromkeys(proposal.ends), **dict(proposal.amends), proposal.by: proposal.keep}


def candidates(store: Store, embedder: Embedder, phrases: Phrases = named, pool: int = POOL) -> CandidatesFor:
    """Finds candidates by recall: for each phrase of a statement, by meaning, words and neighbouring turns.

    phrases: takes a text and returns what to search for; if it returns nothing, nothing is searched, and the statement
    changes nothing. For a detector with rules of its own, search for the whole text: `lambda text: [text]`.
    """

    def found(statement: Memory) -> list[Memory]:
        where = Where(namespace=statement.namespace)
        wanted = list(phrases(statement.text))
        ids: set[str] = set()
        for phrase, vector in zip(wanted, embed(store, embedder, wanted), strict=True):
            ids |= set(store.evidence(question(phrase), vector, where, pool).ids)
        # One part of a gist may end without the others, so each part is a candidate.
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
    """Applies what the statements with these ids say has changed; returns the proposals applied.

    dry_run: returns the proposals without applying them.
    """
    store = records.store
    statements = list(memories(store, ids).values())
    found = propose(statements, candidates(store, records.embedder, phrases), detector)
    if not dry_run:
        apply(records, traces, found)
    return tuple(found)


def apply(records: Records, traces: Reinforcer, proposals: Sequence[Proposal]) -> dict[str, str]:
    """Applies proposals in order; returns the id of the new memory for each id that was reworded.

    An ended memory keeps its text and is valid until `at`. If part of it still holds, a new memory says that part: it
    supersedes the old one and is derived from it and the statement. Raises InvalidQuery for a memory that has ended
    since, MemoryNotFound for one that is gone.
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
    """The memory with this id, which may be a part of a gist; raises MemoryNotFound."""
    found = living(store, [id])
    if id not in found:
        raise MemoryNotFound(id)
    return found[id]


def _end(records: Records, id: str, at: datetime) -> None:
    end = _last(_living(records.store, id), at)
    records.set_apart([id])
    expire(records.store, [id], end)


def _last(one: Memory, at: datetime) -> datetime:
    """When the memory ends: `at`, but never before it was observed and valid."""
    begun = one.created_at if one.valid_from is None else max(one.created_at, one.valid_from)
    return max(at, begun + 2 * _TICK)


def _reword(records: Records, traces: Reinforcer, id: str, text: str, proposal: Proposal) -> str:
    """Supersedes a memory by one with `text`, the part that still holds; returns the new id."""
    one = _living(records.store, id)
    # So that it comes right after what it supersedes, in the order of the conversation.
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

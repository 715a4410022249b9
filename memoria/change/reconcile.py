"""reconcile: makes older memories agree with what was said later. It first proposes changes, then applies them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from memoria.change.bounds import RULES, judged, within
from memoria.change.settled import TICK, kept, last
from memoria.change.supersede import check_current, check_ends, heirs_of, succeeded
from memoria.derived import review
from memoria.derived.audience import by_audience
from memoria.derived.lineage import living, memories
from memoria.derived.records import Records
from memoria.derived.undoing import USER
from memoria.embedders import embed
from memoria.english.detect import by_rules, named
from memoria.english.voice import asks
from memoria.errors import Held, InvalidMemory, InvalidQuery, MemoryNotFound, Refused
from memoria.protocols import Change, Detector, Embedder, Judge, Store
from memoria.recall.need import Need
from memoria.recall.outdated import CHAT
from memoria.remember import Draft, admit, prepare
from memoria.retention.reinforce import Reinforcer
from memoria.retention.restriction import ordered
from memoria.text.words import question
from memoria.types import Endings, Link, Memory, Proposal, Record, Settled, Where

POOL = 50
NEAR = 5
"""So many memories a judge is asked about for each statement, whatever their scores."""
CandidatesFor = Callable[[Memory], Sequence[Memory]]
Phrases = Callable[[str], Sequence[str]]
"""From the text of a statement to the phrases that other memories are looked for by."""
# The rules over English are done in the first; a detector of somebody else may go on for ever.
_ROUNDS = 8
# Log-odds of a judge differ by less than this from run to run.
_EQUAL = 1e-3


def nothing_kept(statement: str) -> Collection[str]:
    """No memory that the user said holds beside a statement."""
    return ()


def no_memories(statement: Memory) -> Sequence[Memory]:
    """No candidates, for whoever has no judge."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How changes are found.

    Attributes:
        detector: reads what a statement ends.
        candidates_for: returns the memories that a statement may be about, for the detector.
        judge: gives log-odds for the nearest few; None for nobody.
        near: returns these few.
        endings: what may end a memory; None takes the detector at its word.
        kept_beside: gives the ids of what the user said holds beside the statement of an id.
    """

    detector: Detector = by_rules
    candidates_for: CandidatesFor = no_memories
    judge: Judge | None = None
    near: CandidatesFor = no_memories
    endings: Endings | None = "commands"
    kept_beside: Callable[[str], Collection[str]] = nothing_kept


def propose(statements: Sequence[Memory], how: Finding) -> list[Proposal]:
    """Proposes what `statements` change about older memories, in order of time. Stores nothing.

    Each statement sees its candidates as earlier proposals would leave them: without those that they end, and with the
    texts that they amend.
    """
    texts: dict[str, str | None] = {}
    proposals = []
    for statement in sorted(statements, key=lambda one: one.id):
        if not _open(statement, statement.created_at) or statement.id in texts:
            continue
        found = _unsettled(_found(statement, how, texts), statement, how.kept_beside)
        for proposal in found:
            texts |= _after(proposal)
        proposals += found
    return proposals


def _found(statement: Memory, how: Finding, texts: Mapping[str, str | None]) -> list[Proposal]:
    """What one statement changes: what the detector reads, within bounds, and beside it what the judge makes of it."""
    seen = _seen(statement, how.candidates_for(statement), texts)
    if how.endings is None:
        return how.detector(statement, seen)
    # A question states nothing that could end.
    found = within(statement, [one for one in seen if not asks(one.text)], how.detector, how.endings)
    if how.judge is None:
        return found
    over = {id for one in found if one.action != "doubt" for id in _after(one)} - {statement.id}
    near = [one for one in _seen(statement, how.near(statement), texts) if one.id not in over]
    return _joined(found, judged(statement, near, how.judge, how.endings))


def _unsettled(
    found: Sequence[Proposal], statement: Memory, kept_beside: Callable[[str], Collection[str]]
) -> list[Proposal]:
    """Proposals without what the user said holds beside the statement, as far as anything is left of them."""
    kept = set(kept_beside(statement.id)) if found else set[str]()
    if not kept:
        return list(found)
    out = []
    for one in found:
        left = replace(
            one,
            ends=tuple(id for id in one.ends if id not in kept),
            amends=tuple((id, text) for id, text in one.amends if id not in kept),
            lowers=tuple((id, weight) for id, weight in one.lowers if id not in kept),
        )
        out += [left] if left.ends or left.amends or left.lowers else []
    return out


def _joined(found: Sequence[Proposal], judged: Sequence[Proposal]) -> list[Proposal]:
    """Proposals of which none lowers what another ends, or lowers too: what the judge says of a memory counts."""
    said = {id for one in judged for id in (*one.ends, *dict(one.amends), *dict(one.lowers))}
    out = []
    for one in found:
        lowers = tuple((id, weight) for id, weight in one.lowers if id not in said)
        if lowers == one.lowers or lowers or one.ends or one.amends:
            out.append(replace(one, lowers=lowers))
    return [*out, *judged]


def _open(memory: Memory, at: datetime) -> bool:
    """Whether a memory was observed, not made from others, and still holds."""
    return not memory.provenance.derived_from and _stood(memory, at)


def _stood(memory: Memory, at: datetime) -> bool:
    """Whether a memory held until a statement of this time, which may have ended it.

    One that ended as soon as it was said had done its work, or was over before.
    """
    begun = memory.valid_from is None or memory.valid_from <= at
    return begun and (memory.valid_to is None or at <= memory.valid_to > last(memory, memory.created_at))


def _seen(statement: Memory, candidates: Sequence[Memory], texts: Mapping[str, str | None]) -> list[Memory]:
    """Candidates of the statement's namespace that hold when it is made, in order, as proposals so far leave them.

    What was derived from the statement, such as what it left of another memory, is none, and no question is.
    """
    seen = []
    for one in sorted(candidates, key=lambda one: one.id):
        text = texts.get(one.id, one.text)
        other = one.id != statement.id and statement.id not in one.provenance.derived_from
        meant = one.namespace == statement.namespace and other
        if meant and text is not None and not asks(one.text) and _stood(one, statement.created_at):
            seen.append(one if text == one.text else replace(one, text=text))
    return seen


def _after(proposal: Proposal) -> dict[str, str | None]:
    """The text of each memory after a proposal, by id; None for one that it ends."""
    if proposal.action == "erase":
        return {}
    return {**dict.fromkeys(proposal.ends), **dict(proposal.amends), proposal.by: proposal.keep}


def candidates(store: Store, embedder: Embedder, phrases: Phrases = named, pool: int = POOL) -> CandidatesFor:
    """Finds candidates by recall: for each phrase of a statement, by meaning, words and neighbouring turns.

    phrases: takes a text and returns what to search for; if it returns nothing, nothing is searched, and the statement
    changes nothing. For a detector with rules of its own, search for the whole text: `lambda text: [text]`.
    """

    def found(statement: Memory) -> list[Memory]:
        where = Where(namespace=statement.namespace, restricted=False)
        wanted = list(phrases(statement.text))
        ids: set[str] = set()
        for phrase, vector in zip(wanted, embed(store, embedder, wanted), strict=True):
            ids |= set(store.evidence(question(phrase, store.language), vector, where, pool).ids)
        # One part of a gist may end without the others, so each part is a candidate.
        apart = [part for one in memories(store, sorted(ids)).values() for part in (one.parts or (one,))]
        return [one for one in apart if one.id < statement.id or _same_talk(one, statement)]

    return found


def nearest(store: Store, embedder: Embedder, count: int = NEAR, pool: int = POOL) -> CandidatesFor:
    """Finds the few memories before a statement that recall finds nearest to it, questions and replies left out."""
    need = Need.of(store.embedder.name)

    def found(statement: Memory) -> list[Memory]:
        # What was said later must not take the places: a second look would find other candidates.
        where = Where(namespace=statement.namespace, until=statement.created_at + TICK, restricted=False)
        (vector,) = embed(store, embedder, [statement.text])
        evidence = store.evidence(question(statement.text, store.language), vector, where, pool)
        scores = sum(need.terms(evidence).values(), start=0.0 * evidence.columns["similarity"])
        order = sorted(zip((-scores).tolist(), evidence.ids, strict=True))
        read = memories(store, [id for _, id in order])
        apart = [part for _, id in order if id in read for part in (read[id].parts or (read[id],))]
        return [one for one in apart if one.id < statement.id and _says_something(one, statement)][:count]

    return found


def _says_something(one: Memory, statement: Memory) -> bool:
    """Whether a memory says what may become untrue: no question, no reply, and nothing made from the statement."""
    reply = one.provenance.source == CHAT and bool(one.provenance.derived_from) and not _same_speaker(one, statement)
    return not reply and not asks(one.text) and statement.id not in one.provenance.derived_from


def _same_speaker(one: Memory, other: Memory) -> bool:
    return one.provenance.speaker == other.provenance.speaker


def _same_talk(one: Memory, other: Memory) -> bool:
    return one.provenance.session is not None and one.provenance.session == other.provenance.session


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """How changes are settled.

    Attributes:
        detector: reads what a statement ends.
        phrases: from the text of a statement to what the detector's candidates are searched by.
        judge: gives log-odds for the nearest few; None for nobody.
        endings: what may end a memory; None takes the detector at its word.
    """

    detector: Detector = by_rules
    phrases: Phrases = named
    judge: Judge | None = None
    endings: Endings | None = "commands"

    def finding(self, store: Store, embedder: Embedder) -> Finding:
        """The same, with where to look."""
        return Finding(
            detector=self.detector,
            candidates_for=candidates(store, embedder, self.phrases),
            judge=None if self.judge is None else Once(self.judge),
            near=nearest(store, embedder),
            endings=self.endings,
            kept_beside=partial(kept, store),
        )


class Once:
    """A judge that is asked the same only once."""

    def __init__(self, judge: Judge) -> None:
        self.name = judge.name
        self._judge = judge
        self._known: dict[tuple[str, tuple[str, ...]], Sequence[float]] = {}

    def __call__(self, statement: str, texts: Sequence[str]) -> Sequence[float]:
        asked = statement, tuple(texts)
        if asked not in self._known:
            self._known[asked] = self._judge(statement, texts)
        return self._known[asked]


Accept = Callable[[Proposal], bool]
"""Whether a proposal is to be carried out."""


def every(proposal: Proposal) -> bool:
    """Accepts whatever is proposed."""
    return True


def settle(
    records: Records,
    traces: Reinforcer,
    ids: Sequence[str],
    how: Settling | None = None,
    *,
    dry_run: bool = False,
    accept: Accept = every,
) -> Settled:
    """Settles what the statements of these ids say has changed. What is settled already is passed over.

    Of several that were said at the same time, one may show what another left; so it is looked at again until nothing
    more changes. dry_run: changes nothing, and returns what would be at first. accept: what is to be carried out.
    """
    done = [
        _settled(among, traces, some, how or Settling(), accept, dry_run=dry_run)
        for among, some in by_audience(records, memories(records.store, ids).values())
    ]
    return Settled(
        (one for part in done for one in part),
        (one for part in done for one in part.skipped),
        (one for part in done for one in part.unconfirmed),
        (one for part in done for one in part.waiting),
    )


def _settled(
    records: Records, traces: Reinforcer, statements: Sequence[Memory], how: Settling, accept: Accept, *, dry_run: bool
) -> Settled:
    """Settles what these statements say, all for one audience, of which the records alone are looked at."""
    carried, finding = list[Proposal](), how.finding(records.store, records.embedder)
    # A part of a gist is a statement still, and it may be set apart.
    said = [part.id for one in statements for part in (one.parts or (one,))]
    done, left = Settled(), list[Proposal]()
    for _ in range(_ROUNDS):
        found, left = list[Proposal](), []
        for one in propose(list(living(records.store, said).values()), finding):
            # What the user says, and what only asks to forget, waits for nobody.
            at_once = one.judge == USER or one.action == "erase" or accept(one)
            (found if at_once else left).append(one)
        done = apply(records, traces, found, dry_run=dry_run)
        carried += done
        if dry_run or not done:
            break
    # Of what was proposed, some is settled already.
    waiting = apply(records, traces, left, dry_run=True) if left and review.is_on(records.store) else ()
    return Settled(carried, done.skipped, done.unconfirmed, waiting)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """What is left to do for a proposal. ends: until when memories hold. texts: by id, what says the rest of it.

    doubts, over: links to write, and those in whose place they come. by, judge: the statement, and what judged it.
    """

    ends: Mapping[str, datetime]
    texts: Mapping[str, str]
    before: Mapping[str, Memory]
    by: str
    judge: str
    doubts: tuple[Link, ...] = ()
    over: tuple[Link, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.ends or self.doubts)

    def doubted(self, heirs: Mapping[str, str]) -> Change:
        """The change that writes the doubts; what says the rest of a statement casts its doubts."""
        links = tuple(replace(link, child=heirs.get(link.child, link.child)) for link in self.doubts)
        return Change(links=(*links, *self._ended(heirs)), unlinks=self.over)

    def _ended(self, heirs: Mapping[str, str]) -> Iterator[Link]:
        """Links to what ends as a whole from its reason: the statement; of a command that is done, what it left."""
        rests = [heir for id, heir in heirs.items() if id != self.by]
        for id in self.ends:
            reason = rests[:1] if id == self.by else [heirs.get(self.by, self.by)]
            if id not in heirs and reason:
                was = self.before[id].valid_to
                yield Link(parent=id, child=reason[0], relation="ends", was=was, judge=self.judge)


def apply(records: Records, traces: Reinforcer, proposals: Sequence[Proposal], *, dry_run: bool = False) -> Settled:
    """Carries proposals out, in order, each in one go or not at all.

    What is ended keeps its text, and holds until `at`; what says the rest supersedes it, and is derived from it and
    from the statement. What is lowered stays as it is, with a link from the statement. Nothing is erased.
    """
    now: dict[str, str] = {}
    carried, skipped = list[Proposal](), list[Proposal]()
    asked = [one for one in proposals if one.action == "erase"]
    for proposal in (one for one in proposals if one.action != "erase"):
        try:
            done = _carry_out(records, traces, proposal, now, dry_run=dry_run)
        except (InvalidQuery, InvalidMemory, MemoryNotFound, Refused, Held):
            skipped.append(proposal)
        else:
            carried += [proposal] if done else []
    return Settled(carried, skipped, asked)


def _carry_out(records: Records, traces: Reinforcer, proposal: Proposal, now: dict[str, str], *, dry_run: bool) -> bool:
    """Carries one out; whether there was anything to do. now: by id, what says the rest of what was reworded."""
    turn = _turn(records.store, proposal, now)
    if dry_run or not turn:
        return bool(turn)
    made = {id: _reworded(records, traces, turn.before[id], text, proposal) for id, text in turn.texts.items()}
    traces.begin()
    with records.store.alone():
        if _turn(records.store, proposal, now) != turn:
            raise InvalidQuery("changed meanwhile")
        for draft, record in made.values():
            admit(records.store, record.memory.namespace, [draft], [record.memory], [record], readmit=False)
        heirs = {id: record.memory.id for id, (_, record) in made.items()}
        doubted = turn.doubted(heirs)
        change = records.apart({*turn.ends, *(end for link in doubted.links for end in (link.parent, link.child))})
        change = replace(
            change,
            add=(*change.add, *ordered(records.store, [record for _, record in made.values()])),
            links=doubted.links,
            unlinks=doubted.unlinks,
        )
        records.store.revise(succeeded(change, turn.ends, heirs, turn.before), guard=False)
    now |= heirs
    return True


def _turn(store: Store, proposal: Proposal, now: Mapping[str, str]) -> _Turn:
    """What of a proposal is not there yet; raises InvalidQuery and MemoryNotFound for what cannot be done any more."""
    said = [(proposal.by, proposal.keep), *((id, None) for id in proposal.ends), *proposal.amends]
    texts: dict[str, str | None] = {now.get(id, id): text for id, text in said}
    lowers = {now.get(id, id): weight for id, weight in proposal.lowers}
    found = living(store, {*texts, *lowers})
    if not found.keys() >= {*texts, *lowers}:
        raise MemoryNotFound(*(id for id in (*texts, *lowers) if id not in found))
    heirs = heirs_of(store, list(texts))
    rests = {id: [one.text for one in living(store, heirs.get(id, ())).values()] for id in texts}
    ends: dict[str, datetime] = {}
    for id, text in texts.items():
        end = last(found[id], proposal.at)
        if text == found[id].text or (text is None and not _lasts(found[id], end)) or text in rests[id]:
            continue
        check_ends(store, [id], end)
        ends[id] = end
    check_current(store, [id for id in ends if texts[id] is not None])
    reworded = {id: text for id in ends if (text := texts[id]) is not None}
    by = now.get(proposal.by, proposal.by)
    doubts, over = _new_doubts(store, by, lowers, proposal.judge)
    held = [id for id in (*ends, *(link.parent for link in doubts)) if _is_held(store, id)]
    if held:
        raise Held(*held)
    return _Turn(
        ends=ends,
        texts=reworded,
        before={id: found[id] for id in ends},
        by=by,
        judge=proposal.judge or RULES,
        doubts=doubts,
        over=over,
    )


def _new_doubts(
    store: Store, by: str, lowers: Mapping[str, float], judge: str
) -> tuple[tuple[Link, ...], tuple[Link, ...]]:
    """The doubts of a statement that are not there yet, and those of it in whose place they come."""
    if not lowers:
        return (), ()
    links = store.links([by])
    known = {link.parent: link for link in links if link.relation == "doubts" and link.child == by}
    fresh, over = [], []
    for id, weight in lowers.items():
        old = known.get(id)
        if old is not None and old.judge == judge and abs((old.weight or 0) - weight) < _EQUAL:
            continue
        fresh.append(Link(parent=id, child=by, relation="doubts", weight=weight, judge=judge))
        over += [] if old is None else [old]
    return tuple(fresh), tuple(over)


def _is_held(store: Store, id: str) -> bool:
    (trace,) = store.traces([id])
    return trace is not None and (trace.held or trace.restricted)


def _lasts(memory: Memory, end: datetime) -> bool:
    return memory.valid_to is None or memory.valid_to > end


def _reworded(records: Records, traces: Reinforcer, one: Memory, text: str, proposal: Proposal) -> tuple[Draft, Record]:
    """What still holds of a memory, said when it was said."""
    draft = Draft(
        text=text,
        kind=one.kind,
        # So that it stands right behind what it supersedes, in the order of the talk.
        created_at=one.created_at + TICK,
        valid_from=last(one, proposal.at),
        salience=None if one.judged else one.salience,
        subject=one.subject,
        tags=one.tags,
        metadata=one.metadata,
        visible_to=one.visible_to,
        provenance=replace(one.provenance, derived_from=tuple(dict.fromkeys((one.id, proposal.by))), used=None),
    )
    _, (record,) = prepare(records, traces, one.namespace, [draft], proposal.at)
    return draft, record

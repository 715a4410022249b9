"""Evolving: the verbs by which memories become others: superseded, ended, gathered into gists in sleep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, overload

from memoria.change import consolidate as consolidating
from memoria.change import sleep as sleeping
from memoria.change import supersede as superseding
from memoria.change.consolidate import Grouping, Step
from memoria.change.reconcile import Phrases, apply, candidates, propose
from memoria.change.sleep import Night, Replay, Sleeper
from memoria.derived.gist import Writer, compose, extract
from memoria.derived.lineage import Lineage, find_part, lineage, memories
from memoria.embedders import embed
from memoria.english.detect import by_rules, named
from memoria.errors import InvalidQuery, MemoryNotFound
from memoria.policies import PrioritisedReplay
from memoria.protocols import Change, ConsolidationPolicy, DecayPolicy, Detector, Embedder, Progress, Store
from memoria.retention import fade as fading
from memoria.retention import prune as pruning
from memoria.retention.reinforce import Reinforcer
from memoria.types import Memory, Namespace, Proposal, Record, Trace, Where

if TYPE_CHECKING:
    from memoria.distill.dataset import Writer as ExampleWriter
    from memoria.distill.learn import Pause
    from memoria.remember import Draft

# A thread that sleeps rests so long between two steps, in seconds.
REST = 0.02


class Evolving:
    """The verbs of change. `Memoria` gives what is declared here."""

    store: Store
    embedder: Embedder
    policy: DecayPolicy
    prefix: Namespace
    progress: Progress | None
    _clock: Callable[[], datetime]
    _traces: Reinforcer

    def _prepared(self, drafts: Sequence[Draft]) -> list[Record]:
        raise NotImplementedError

    def _mine(self, ids: Sequence[str]) -> Sequence[str]:
        raise NotImplementedError

    def _new_id(self, at: datetime) -> str:
        raise NotImplementedError

    def _at(self, at: datetime | None) -> datetime:
        raise NotImplementedError

    def fade(self, at: datetime | None = None, *, dry_run: bool = False) -> tuple[str, ...]:
        """Given by `Keeping`."""
        raise NotImplementedError

    def prune(self, *, at: datetime | None = None, cap: int = pruning.CAP, dry_run: bool = False) -> pruning.Pruning:
        """Given by `Keeping`."""
        raise NotImplementedError

    def _relearnt(
        self, examples: ExampleWriter | None, pause: Pause, *, dry_run: bool
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Given by `Distilling`."""
        raise NotImplementedError

    def supersede(self, old: str | Sequence[str], new: Draft | str, *, at: datetime | None = None) -> Memory:
        """Remembers `new`, which holds from `at` on, in the place of `old`, which holds until then; returns it.

        at: `new.valid_from`, or when it was observed, by default. Recall leaves out what no longer holds, or not yet;
        `recall(as_of=)` finds what held at a time. Raises MemoryNotFound, InvalidQuery for what has ended already.
        """
        from memoria.remember import Draft

        draft = new if isinstance(new, Draft) else Draft(text=new)
        if draft.created_at is None:
            # A time of its own: what was so once and is so again is a new fact, no echo of the recalled one.
            draft = replace(draft, created_at=self._clock())
        ids = self._freed([old] if isinstance(old, str) else old)
        (record,) = self._prepared([draft])
        start = at or draft.valid_from or record.memory.created_at
        memory = replace(record.memory, valid_from=start)
        superseding.supersede(self.store, replace(record, memory=memory), ids, start)
        return memory

    def expire(self, *ids: str, at: datetime | None = None) -> None:
        """Ends memories at `at`, now by default: they no longer hold, and stay for `recall(as_of=)`.

        Raises MemoryNotFound, and InvalidQuery for what has ended already.
        """
        superseding.expire(self.store, self._freed(ids), self._at(at))

    def history(self, id: str) -> list[Memory]:
        """What a memory superseded and what superseded it, itself among them, in the order of validity."""
        return superseding.history(self.store, self._mine([id])[0])

    def reconcile(
        self, *ids: str, dry_run: bool = False, detector: Detector = by_rules, phrases: Phrases = named
    ) -> tuple[Proposal, ...]:
        """Settles what statements say has changed or no longer holds; returns the proposals, each with its reason.

        ids: the statements; every memory of this view when none is given. Raises MemoryNotFound for an unknown one.
        dry_run: changes nothing. detector, phrases: see docs/forgetting.md; rules over English by default. What ends
        stays for `recall(as_of=)`; what is left of a memory or of a statement supersedes it.
        """
        statements = self._mine(ids) if ids else self.store.select(Where(namespace=self.prefix))
        return self._settle(statements, detector, phrases, dry_run=dry_run)

    def _settle(
        self, ids: Sequence[str], detector: Detector, phrases: Phrases, *, dry_run: bool
    ) -> tuple[Proposal, ...]:
        statements = list(memories(self.store, ids).values())
        found = propose(statements, candidates(self.store, self.embedder, phrases), detector)
        if not dry_run:
            apply(self, found)  # type: ignore[arg-type]  # every view that evolves is a Memoria
        return tuple(found)

    def lineage(self, id: str) -> Lineage:
        """What a memory was made from and what was made from it, as a graph. Raises MemoryNotFound."""
        if find_part(self.store, id) is None:
            self._mine([id])
        return lineage(self.store, id)

    def consolidate(self, *ids: str, write: Writer = extract) -> Memory:
        """Makes one gist of at least two memories of one namespace, and returns it; they stand in it from then on.

        Each can be forgotten out of it again. Raises MemoryNotFound, and InvalidQuery for what cannot go into a gist:
        gists, and what is bounded, derived, superseding, superseded, keyed, archived, pinned or held.
        """
        self._traces.flush()
        members = consolidating.plain(self.store, list(self._mine(ids)))
        unfit = sorted(set(ids) - {one.memory.id for one in members})
        if unfit or len(set(ids)) < 2 or len({one.memory.namespace for one in members}) > 1:
            raise InvalidQuery(
                "a gist is made of two or more memories of one namespace, none of them a gist, bounded, linked, keyed, "
                f"archived, pinned or held; these cannot be: {', '.join(unfit) or ', '.join(ids)}"
            )
        id = self._perform(Step(members=tuple(sorted(set(ids)))), write)
        if id is None:
            raise MemoryNotFound(*ids)
        (record,) = self.store.read([id])
        assert record is not None
        return record.memory

    @overload
    def sleep(self, *, background: Literal[True], **how: Any) -> Sleeper: ...
    @overload
    def sleep(self, *, background: Literal[False] = False, **how: Any) -> Night: ...
    def sleep(
        self,
        *,
        background: bool = False,
        at: datetime | None = None,
        dry_run: bool = False,
        prune: bool = True,
        relearn: bool = True,
        write: Writer = extract,
        detector: Detector | None = by_rules,
        examples: ExampleWriter | None = None,
        **how: Any,
    ) -> Night | Sleeper:
        """Consolidates: changes are settled, memories that are alike become gists, what is due is archived, what has
        faded is pruned, and what wiped shards of weights had learnt beside what was forgotten is learnt again.

        detector: reads in what was said that something changed (`reconcile`); None leaves that alone.
        replay: which memories come first; PrioritisedReplay by default. cap: how many of each namespace are replayed,
        and how many are pruned, in one pass. like, most: cosine from which memories are gathered, and parts of a gist.
        write: makes the text of a gist from its parts; extractive by default. prune: whether to forget what has faded.
        relearn: whether to train shards that are missing, seconds each; examples: what `distill` was given, if so.
        dry_run: plans and changes nothing. background: in a thread, which never holds the store for longer than a step.
        Pinned and held memories are left alone. A pass that was killed is taken up again by the next one.
        """
        replay, when = _replay(**how), self._at(at)

        def work(pause: Pause = lambda: False) -> Night:
            night = self._sleep(replay, when, write, detector, pause, dry_run=dry_run, prune=prune)
            if not relearn:
                return night
            done, waiting = self._relearnt(examples, pause, dry_run=dry_run)
            return replace(night, relearnt=done, waiting=waiting)

        return Sleeper(work, REST) if background else work()

    def _sleep(
        self,
        how: Replay,
        at: datetime,
        write: Writer,
        detector: Detector | None,
        pause: Pause,
        *,
        dry_run: bool,
        prune: bool,
    ) -> Night:
        self._traces.flush()
        homes, capped = sleeping.replay(self.store, self.prefix, self.policy, how, at)
        settled: tuple[Proposal, ...] = ()
        if detector is not None:
            settled = self._settle([id for ids in homes for id in ids], detector, named, dry_run=dry_run)
        steps = sleeping.plan(self.store, homes, how.grouping, self.progress)
        if dry_run:
            gists = [("" if step.gist is None else step.gist, step.members) for step in steps]
        else:
            gists = sleeping.run(self.store, steps, lambda step: self._perform(step, write), self.progress, pause)
        faded = self.fade(at, dry_run=dry_run)
        pruned = self.prune(at=at, cap=how.cap, dry_run=dry_run) if prune else None
        return Night(
            at=at,
            replayed=sum(map(len, homes)),
            settled=settled,
            gists=tuple(gists),
            faded=faded,
            pruned=() if pruned is None else pruned.ids,
            capped=capped or (pruned is not None and pruned.capped),
            dry_run=dry_run,
        )

    def _perform(self, step: Step, write: Writer) -> str | None:
        return consolidating.perform(self.store, step, self._new_id, write, self._made)

    def _made(self, memory: Memory, gist: Record | None, members: Sequence[Record]) -> Record:
        """The record of a gist: its leader's vector, and a trace in which every use of every part counts."""
        old = [gist] if gist is not None else []
        leads = gist is not None and gist.memory.parts[0] == memory.parts[0]
        leader = gist if gist is not None and leads else next(one for one in members if one.memory == memory.parts[0])
        times = sorted(at for one in (*old, *members) for at, _ in one.trace.recent)
        return Record(memory=memory, trace=self._rehearsed(memory, times), vector=leader.vector)

    def _remade(self, memory: Memory, old: Record | None) -> Record:
        """The record of a gist that lost a part, or of a part that is free again.

        Its trace is that of its parts as they were observed: who used which of them is no longer known.
        """
        head = memory.parts[0] if memory.parts else memory
        leads = old is not None and old.memory.parts[:1] == (head,)
        vector = old.vector if old is not None and leads else embed(self.store, self.embedder, [head.text])[0]
        return Record(
            memory=memory,
            trace=self._rehearsed(memory, [part.created_at for part in memory.parts]),
            vector=vector,
        )

    def _rehearsed(self, memory: Memory, times: Sequence[datetime]) -> Trace:
        """The trace of a memory that was presented at `times`, the first of which is its encoding."""
        trace = self.policy.encode(memory)
        for at in times[1:]:
            trace = self.policy.reinforce(trace, at, recalled=True)
        return fading.scheduled(self.policy, self._traces.threshold, trace)

    def _freed(self, ids: Sequence[str]) -> list[str]:
        """`ids` themselves, each a memory of its own: what stands in a gist is taken out of it first."""
        inside = [part for part in (find_part(self.store, id) for id in ids) if part is not None]
        apart = [part for part in inside if self.store.read([part.id]) == [None]]
        for part in apart:
            self._free(part)
        return list(self._mine(list(ids)))

    def _free(self, part: Memory) -> None:
        with self.store.alone():
            (link,) = [one for one in self.store.links([part.id]) if one.parent == part.id][:1]
            (gist,) = self.store.read([link.child])
            assert gist is not None
            self.store.revise(self._parted(part, gist), guard=False)

    def _parted(self, part: Memory, gist: Record) -> Change:
        """Takes a part out of its gist. What was derived from the gist still depends on the part."""
        parts = [one for one in gist.memory.parts if one.id != part.id]
        derived = any(link.parent == gist.memory.id for link in self.store.links([gist.memory.id]))
        if len(parts) < 2 and not derived:
            return Change(erase=(gist.memory.id,), add=tuple(self._remade(one, None) for one in gist.memory.parts))
        left = compose(gist.memory.id, parts)
        if derived:
            origin = left.provenance
            left = replace(left, provenance=replace(origin, derived_from=(*origin.derived_from, part.id)))
        return Change(replace=(self._remade(left, gist),), add=(self._remade(part, None),))


def _replay(
    *,
    replay: ConsolidationPolicy | None = None,
    cap: int = pruning.CAP,
    like: float = consolidating.LIKE,
    most: int = consolidating.MOST,
) -> Replay:
    chosen = PrioritisedReplay() if replay is None else replay
    how = Replay(policy=chosen, cap=cap, grouping=Grouping(like=like, most=most))
    how.check()
    return how

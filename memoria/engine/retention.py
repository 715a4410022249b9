"""Keeping: what a view does with traces. Recall reinforces; the rest are verbs over standing, fading and budgets."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, get_args

from memoria.canonical import canonical
from memoria.distill.unlearn import unlearn
from memoria.errors import InvalidQuery, MemoryNotFound, StoreFull
from memoria.policies.registry import adopt as registry_adopt
from memoria.policies.registry import make
from memoria.protocols import DecayPolicy, Store
from memoria.retention import allocate as allocating
from memoria.retention import fade as fading
from memoria.retention import fit as fitting
from memoria.retention import prune as pruning
from memoria.retention.allocate import Allocation, Demand
from memoria.retention.fit import Fit
from memoria.retention.prune import Pruning
from memoria.types import Budget, Hit, LedgerEntry, Memory, Namespace, Recalled, Record, Trace, Where
from memoria.validate import check_reason, is_id

Reinforcing = Literal["recalled", "used", "never"]
Ids = tuple[str, ...]
Decisions = list[LedgerEntry]
# Uses wait in RAM and are written together: a crash loses at most so many, and no content.
_WAIT = 256
_RIVALS = 8
# So many recalled texts are known again, in RAM, for the agent hears itself.
_HEARD = 256
DEMAND = "demand"


class Reinforcer:
    """Turns uses into traces: gathers them, and replaces the traces in one go. Shared by all views of a store."""

    def __init__(self, store: Store, policy: DecayPolicy, threshold: float) -> None:
        if not 0 <= threshold < 1:
            raise InvalidQuery(f"fade_below {threshold!r} is not in [0, 1)")
        self.store = store
        self.policy = policy
        self.threshold = threshold
        self._waiting: list[Recalled] = []
        self._mutex = threading.RLock()
        self._begun = False
        self._heard: dict[bytes, str] = {}

    def begin(self) -> None:
        """Before the first write: notes by which policy things will be due."""
        if not self._begun:
            fading.begin(self.store, self.policy, self.threshold)
            self._begun = True

    def encode(self, memory: Memory) -> Trace:
        """The trace of a new memory, and when it will fade."""
        return fading.scheduled(self.policy, self.threshold, self.policy.encode(memory))

    def hear(self, hits: Sequence[Hit]) -> None:
        """What was just recalled, so that it is known when the agent says it again."""
        with self._mutex:
            for hit in hits:
                said = _digest(hit.memory)
                self._heard.pop(said, None)
                self._heard[said] = hit.memory.id
            while len(self._heard) > _HEARD:
                del self._heard[next(iter(self._heard))]

    def echo(self, memory: Memory) -> Memory | None:
        """The memory that this one repeats, when it was recalled of late; that counts as a use of it."""
        id = self._heard.get(_digest(memory))
        found = None if id is None else self.store.read([id])[0]
        if found is None:
            return None
        self.use([found.memory.id], memory.created_at, found=True)
        return found.memory

    def use(self, ids: Iterable[str], at: datetime, *, found: bool) -> None:
        """Memories were looked for at `at`."""
        with self._mutex:
            self._waiting += [Recalled(id=id, at=at, found=found) for id in ids]
            if len(self._waiting) >= _WAIT:
                self.flush_if_there_is_room()

    def flush(self) -> None:
        """Writes down what waits, durably."""
        with self._mutex:
            waiting, self._waiting = self._waiting, []
            if not waiting:
                return
            self.begin()
            ids = list({one.id for one in waiting})
            traces = {id: trace for id, trace in zip(ids, self.store.traces(ids), strict=True) if trace is not None}
            self._watch(waiting, traces)
            for one in waiting:
                if one.id in traces:
                    traces[one.id] = self.policy.reinforce(traces[one.id], one.at, recalled=one.found)
            self._replace(traces, waiting)

    def _watch(self, waiting: Sequence[Recalled], traces: Mapping[str, Trace]) -> None:
        """Counts at which rank each use came, once somebody has asked for an allocation (allocate.py)."""
        noted = self.store.note(DEMAND)
        if noted is None:
            return
        demands = allocating.from_note(noted)
        for demand in demands.values():
            demand.fade(0.5 ** (len(waiting) / allocating.HALF_LIFE))
        used = [one.id for one in waiting if one.found and one.id in traces]
        first = min(one.at for one in waiting)
        for namespace in {record.memory.namespace for record in self.store.read(list(set(used))) if record}:
            ids, columns, _ = self.store.holdings(namespace)
            order = self.policy.retrievability(columns, first).argsort()[::-1]
            rank = {ids[n]: place for place, n in enumerate(order.tolist())}
            demand = demands.setdefault(self.store.alias(namespace), Demand())
            for id in used:
                if id in rank:
                    demand.add(rank[id])
        self.store.write_note(DEMAND, allocating.to_note(demands))

    def tidy(self) -> None:
        """Drops the counts of namespaces that are gone."""
        known = allocating.from_note(self.store.note(DEMAND))
        if known:
            there = {self.store.alias(namespace) for namespace in self.store.namespaces(())}
            kept = {alias: demand for alias, demand in known.items() if alias in there}
            self.store.write_note(DEMAND, allocating.to_note(kept))

    def _replace(self, traces: dict[str, Trace], waiting: Sequence[Recalled] = ()) -> None:
        due = {id: fading.scheduled(self.policy, self.threshold, trace) for id, trace in traces.items()}
        self.store.retrace(due, waiting)

    def flush_if_there_is_room(self) -> None:
        """As `flush`; on a full disk the uses are lost, as in a crash: no recall and no close fails for them."""
        with suppress(StoreFull):
            self.flush()

    def interfere(self, records: Sequence[Record]) -> None:
        """Tells a policy that has a verb `interfere` which older memories the new ones are like."""
        tell: Callable[[Trace, float], Trace] | None = getattr(self.policy, "interfere", None)
        if tell is None:
            return
        with self._mutex:
            self.flush()
            new = {record.memory.id for record in records}
            for record in records:
                where = Where(namespace=record.memory.namespace, archived=False)
                near = self.store.search(record.vector, where, _RIVALS + len(new))
                rivals = {one.id: score for one, score in near if one.id not in new}
                held = zip(rivals, self.store.traces(list(rivals)), strict=True)
                changed = {id: (trace, tell(trace, rivals[id])) for id, trace in held if trace is not None}
                self._replace({id: after for id, (before, after) in changed.items() if after != before})


def _digest(memory: Memory) -> bytes:
    """What a recalled text is known by, so that the text itself is not kept."""
    said = "\0".join((*memory.namespace, canonical(memory.text)))
    return hashlib.blake2b(said.encode(), digest_size=16).digest()


class Keeping:
    """The verbs over traces. `Memoria` gives what is declared here."""

    store: Store
    policy: DecayPolicy
    prefix: Namespace
    _clock: Callable[[], datetime]
    _traces: Reinforcer
    _reinforcing: Reinforcing

    def reinforcing(self, which: Reinforcing) -> Any:
        """The same view, where recall reinforces what it returns, only what is used, or nothing."""
        if which not in get_args(Reinforcing):
            raise InvalidQuery(f"reinforce {which!r} is not one of {', '.join(get_args(Reinforcing))}")
        view: Any = self.namespace()  # type: ignore[attr-defined]  # Memoria has it
        view._reinforcing = which
        return view

    @property
    def reinforces(self) -> Reinforcing:
        """What recall through this view reinforces."""
        return self._reinforcing

    def _reported(self, hits: list[Hit]) -> list[Hit]:
        self._traces.hear(hits)
        if self._reinforcing == "recalled":
            self._traces.use([hit.memory.id for hit in hits], self._clock(), found=True)
        if self._reinforcing == "used":
            return [hit.reporting(lambda id: self.reinforce(id)) for hit in hits]
        return hits

    def reinforce(self, *ids: str, recalled: bool = True, at: datetime | None = None) -> None:
        """Says that memories were looked for at `at`, now by default, and found or missed. Raises MemoryNotFound."""
        self._traces.use(self._mine(ids), self._at(at), found=recalled)

    def fade(self, at: datetime | None = None, *, limit: int = fading.LIMIT, dry_run: bool = False) -> Ids:
        """Archives what is due at `at`, soonest first, at most `limit`, and returns the ids. Reversible.

        The cost is that of what is due. Pinned and held memories never fade.
        """
        self._traces.flush()
        self._traces.begin()
        policy, threshold = self.policy, self._traces.threshold
        return tuple(fading.fade(self.store, policy, threshold, self.prefix, self._at(at), limit, dry_run=dry_run))

    def prune(
        self,
        *,
        below: float | None = None,
        budget: Budget | None = None,
        at: datetime | None = None,
        cap: int = pruning.CAP,
        dry_run: bool = False,
    ) -> Pruning:
        """Forgets, exactly and for ever, what the policy can do without, least needed first, at most `cap` a pass.

        below: archived memories of retrievability under it; half of fade_below when no budget is given.
        budget: of each namespace, archived memories included. Pinned and held memories never go.
        """
        self._traces.flush()
        when = self._at(at)
        found: list[tuple[float, str]] = []
        if budget is None or below is not None:
            limit = self._traces.threshold / 2 if below is None else below
            found = pruning.faded(self.store, self.policy, self.prefix, when, limit)
        if budget is not None:
            found = sorted({*found, *self._beyond(budget, when, archived=True)})
        result = pruning.capped(found, cap, dry_run=dry_run)
        if result.ids and not dry_run:
            with self.store.alone():
                unlearn(self.store, result.ids)
                self.store.erase(result.ids, guard=False)
        return result

    def evict(self, budget: Budget, *, at: datetime | None = None, dry_run: bool = False) -> Ids:
        """Archives the least needed memories of each namespace until what is not archived keeps its budget."""
        self._traces.flush()
        going = tuple(id for _, id in self._beyond(budget, self._at(at), archived=False))
        if going and not dry_run:
            self.store.mark(going, archived=True)
        return going

    def _beyond(self, budget: Budget, at: datetime, *, archived: bool) -> list[tuple[float, str]]:
        pruning.check_budget(budget)
        return [
            one
            for namespace in self.store.namespaces(self.prefix)
            for one in pruning.beyond(self.store, self.policy, namespace, at, budget, archived=archived)
        ]

    def allocate(self, total: int, *, apply: bool = False) -> Allocation:
        """Divides `total` places over the namespaces of this view by what one more place would be worth in each.

        Uses are counted from the first call on; until then the split is even. apply: evicts down to it.
        """
        self._traces.flush()
        noted = self.store.note(DEMAND)
        if noted is None and self._reinforcing != "never":
            self.store.write_note(DEMAND, allocating.to_note({}))
        known = allocating.from_note(noted)
        names = {"/".join(namespace): namespace for namespace in self.store.namespaces(self.prefix)}
        found = allocating.divide({name: known.get(self.store.alias(names[name]), Demand()) for name in names}, total)
        if apply:
            for name, places in found.places().items():
                going = pruning.beyond(
                    self.store, self.policy, names[name], self._clock(), Budget(count=places), archived=False
                )
                self.store.mark([id for _, id in going], archived=True)
        return found

    def archive(self, *ids: str) -> None:
        """Takes memories out of recall, reversibly. Raises MemoryNotFound."""
        self.store.mark(self._mine(ids), archived=True)

    def restore(self, *ids: str) -> None:
        """Brings archived memories back; that counts as a use, or they would fade again at once."""
        self._traces.use(self._mine(ids), self._clock(), found=True)
        self._traces.flush()
        self.store.mark(ids, archived=False)

    def pin(self, *ids: str) -> None:
        """Memories that never fade and are never pruned or evicted, until `unpin`. Raises MemoryNotFound."""
        self.store.mark(self._mine(ids), pinned=True)

    def unpin(self, *ids: str) -> None:
        """Lets pinned memories fade again. Raises MemoryNotFound."""
        self.store.mark(self._mine(ids), pinned=False)

    def hold(self, *ids: str, reason: str) -> None:
        """Holds memories (legal, safety-critical): as `pin`, and forget and amend raise Held. Kept in the ledger."""
        self._decide("hold", ids, reason)

    def release(self, *ids: str, reason: str) -> None:
        """Ends holds. Kept in the ledger."""
        self._decide("release", ids, reason)

    def _decide(self, action: str, ids: Sequence[str], reason: str) -> None:
        check_reason(reason)
        self._mine(ids)
        # The hold first when it begins, the ledger first when it ends: a crash between leaves the safer of both.
        entry = LedgerEntry(at=self._clock(), action=action, ids=tuple(ids), reason=reason)
        if action == "hold":
            self.store.mark(ids, held=True)
        self.store.enter(entry)
        if action == "release":
            self.store.mark(ids, held=False)

    def ledger(self) -> Decisions:
        """Every decision about holds of this store, oldest first."""
        return self.store.ledger()

    def fit(self, name: str = "exponential", *, adopt: bool = False, seed: int = 0) -> Fit:
        """Fits a policy to the recall log of this view; `adopt` lets the store open with it, only if it is better."""
        import numpy as np

        self._traces.flush()
        report = fitting.fit(name, make(name), self._histories(), np.random.default_rng(seed))
        if not (adopt and report.better):
            return report
        registry_adopt(self.store, name, fitting.with_parameters(make(name), report.parameters))
        return replace(report, adopted=True)

    def _histories(self) -> Sequence[fitting.History]:
        logs: dict[str, tuple[Recalled, ...]] = {}
        for line in self.store.recalls(self.prefix):
            logs[line.id] = (*logs.get(line.id, ()), line)
        records = self.store.read(list(logs))
        return [(record.memory, logs[record.memory.id]) for record in records if record is not None]

    def _mine(self, ids: Sequence[str]) -> Sequence[str]:
        """`ids` themselves when all lie under this view; raises MemoryNotFound, InvalidQuery for none."""
        if not ids:
            raise InvalidQuery("no ids given")
        formed = [id for id in ids if is_id(id)]
        found = set(self.store.select(Where(namespace=self.prefix, ids=tuple(formed)))) if formed else set()
        unknown = [str(id) for id in ids if id not in found]
        if unknown:
            raise MemoryNotFound(*unknown)
        return ids

    def _at(self, at: datetime | None) -> datetime:
        return self._clock() if at is None else at

"""Keeping: what a view does with traces. Recall reinforces; the rest are verbs over standing, fading and budgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, get_args

from memoria.distill.unlearn import unlearn
from memoria.errors import InvalidQuery, MemoryNotFound
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
from memoria.retention.reinforce import DEMAND, Reinforcer, Reinforcing
from memoria.types import Budget, Hit, LedgerEntry, Namespace, Recalled, Where
from memoria.validate import check_reason, is_id

Ids = tuple[str, ...]
Decisions = list[LedgerEntry]


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

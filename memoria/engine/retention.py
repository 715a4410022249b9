"""The verbs over traces: reinforcing, fading, budgets and pruning, pins and holds, and fitting a policy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Self, get_args

from memoria.derived.records import leaf
from memoria.engine.budgets import Budgets
from memoria.engine.view import IdLike
from memoria.errors import InvalidQuery
from memoria.forget import prune as pruning
from memoria.forget.ledger import enter_done
from memoria.policies.registry import adopt as _adopt
from memoria.policies.registry import make
from memoria.recall.context import CountTokens
from memoria.retention import explain as explaining
from memoria.retention import fade as fading
from memoria.retention import fit as fitting
from memoria.retention.counting import Weigh
from memoria.retention.explain import Kept
from memoria.retention.fit import Fit
from memoria.retention.order import Going
from memoria.retention.prune import CAP, Pruning, faded
from memoria.retention.reinforce import Reinforcing
from memoria.types import Budget, Hits, LedgerEntry, Recalled, Trace
from memoria.validate import check_choice, check_ids, check_name, check_number, check_whole

Ids = tuple[str, ...]
# Inside a class that has a verb `list`, the type is named here.
Decisions = list[LedgerEntry]


class Retention(Budgets):
    """The verbs that decide what stays within reach."""

    def reinforcing(self, which: Reinforcing) -> Self:
        """The same view with another rule for what a recall strengthens.

        Args:
            which: all that a recall returns ("recalled"), only hits of which `used()` is called ("used"), or nothing
                ("never").

        Returns:
            A view of the same store and namespace.

        Raises:
            InvalidQuery: `which` is none of the three.
        """
        check_choice("reinforce", which, get_args(Reinforcing))
        view = self.namespace()
        view._reinforcing = which
        return view

    @property
    def fade_below(self) -> float:
        """Retrievability, in [0, 1), under which `fade` archives; `sleep(prune=True)` forgets under half of it."""
        return self._traces.threshold

    @property
    def reinforces(self) -> Reinforcing:
        """What a recall through this view strengthens: "recalled", "used" or "never"."""
        return self._reinforcing

    def trace(self, id: IdLike, *, reader: str | None = None) -> Trace:
        """How strong a memory is.

        Args:
            id: of the memory, or the memory.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            The trace, with all uses up to now.

        Raises:
            MemoryNotFound: no memory of this view has this id.
            InvalidQuery: `id` is neither a str nor a Memory.
        """
        self._traces.flush()
        (asked,), (home,) = check_ids([id]), self._stored([id], restricted=True)
        record = self._record(home)
        return (leaf(record, asked, self.policy) or record).trace

    def _reported(self, hits: Hits) -> Hits:
        self._traces.hear(hits)
        if self._reinforcing == "recalled":
            self._traces.use(dict.fromkeys(hit.home for hit in hits), self._clock(), found=True)
        if self._reinforcing == "used":
            for hit in hits:
                hit.reporting(lambda id: self.reinforce(id))
        return hits

    def explain_retention(self, id: IdLike, *, at: datetime | None = None, reader: str | None = None) -> Kept:
        """Why a memory is kept under a budget, or goes: in words (`summary()`) and numbers.

        Args:
            id: of the memory, or the memory; of a part of a gist, what is said is about the gist.
            at: when; None is now.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            Its salience and what that is made of, its retrievability, what ended it or makes it doubtful, and its place
            among those of its namespace.

        Raises:
            MemoryNotFound: no memory of this view has this id.
            InvalidQuery: `id` is neither a str nor a Memory, or `at` without a time zone.
        """
        when = self._at(at)
        self._traces.flush()
        (home,) = self._stored([id], restricted=True)
        return explaining.explain(self.store, self.policy, self._traces.keeper, self._record(home).memory, when)

    def reinforce(
        self, *ids: IdLike, recalled: bool = True, at: datetime | None = None, reader: str | None = None
    ) -> None:
        """Notes that memories were looked for, and found or missed.

        Args:
            ids: ids or memories.
            recalled: True when they were found, False when they were missed.
            at: when; None is now.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Raises:
            MemoryNotFound: an id is not of this view.
            InvalidQuery: no ids, or `at` without a time zone.
        """
        self._traces.use(self._stored(ids), self._at(at), found=recalled)

    def fade(self, at: datetime | None = None, *, limit: int = fading.LIMIT, dry_run: bool = False) -> Ids:
        """Archives the memories that are due, soonest first; `restore` brings them back.

        The cost is that of what is due, not of what is stored. Pinned and held memories never fade.

        Args:
            at: when; None is now.
            limit: how many at most.
            dry_run: only lists them.

        Returns:
            The ids of the memories that were archived, or would be.

        Raises:
            InvalidQuery: `at` without a time zone, or `limit` under 1.
        """
        limit, when = check_whole("limit", limit), self._at(at)
        self._traces.flush()
        self._traces.begin()
        policy, threshold = self.policy, self._traces.threshold
        return tuple(fading.fade(self.store, policy, threshold, self.prefix, when, limit, dry_run=dry_run))

    def prune(
        self,
        *,
        below: float | None = None,
        budget: Budget | None = None,
        at: datetime | None = None,
        cap: int = CAP,
        dry_run: bool = False,
        count_tokens: CountTokens | None = None,
    ) -> Pruning:
        """Forgets, exactly and for ever, what the policy can do without: what has ended or is doubtful, then the rest.

        Within these, the least needed goes first; a memory that ended another one, or makes it doubtful, never goes
        before it. It forgets as `forget` does: what was made from a pruned memory goes or is made again without it. No
        text is refused afterwards. Pinned and held memories never go, nor does anything whose going would take or
        change one of them.

        Args:
            below: archived memories with a retrievability, in [0, 1], under this.
            budget: what each namespace may keep, archived memories included.
            at: when retrievability is taken; None is now.
            cap: how many go in one pass at most.
            dry_run: only lists them.
            count_tokens: counts tokens of a text, for a budget of tokens; None is about a quarter of its bytes.

        Returns:
            What went, or would go, and what followed from it.

        Raises:
            InvalidQuery: neither `below` nor a budget, a budget that binds nothing or is negative, `cap` under 1, or
                `at` without a time zone.
        """
        if below is None and budget is None:
            raise InvalidQuery("prune takes below= or budget=: nothing is forgotten by a rule that nobody chose")
        if below is not None:
            check_number("below", below)
        weigh = self._weighing(count_tokens)
        return self._prune(below, budget, self._at(at), check_whole("cap", cap), dry_run=dry_run, weigh=weigh)

    def _prune(
        self,
        below: float | None,
        budget: Budget | None,
        at: datetime,
        cap: int,
        *,
        dry_run: bool,
        due: Collection[str] = (),
        weigh: Weigh | None = None,
        among: Callable[[str], bool] = lambda id: True,
    ) -> Pruning:
        """As `prune`. due: ids that a dry run has not archived. weigh: tokens of memories; None is the estimate.

        among: whether the memory of an id may go.
        """
        self._traces.flush()
        found: list[Going] = []
        if below is not None:
            found = faded(self.store, self.policy, self.prefix, at, below, due)
        if budget is not None:
            known = {one.id for one in found}
            beyond = self._beyond(budget, at, archived=True, weigh=weigh or self._weighing(None))
            found += [one for one in beyond if one.id not in known]
        found = [one for one in found if among(one.id)]
        archived = budget is None and not due
        return pruning.prune(self._records, found, cap, at, archived=archived, dry_run=dry_run)

    def archive(self, *ids: IdLike, reader: str | None = None) -> None:
        """Takes memories out of recall; `restore` brings them back.

        Args:
            ids: ids or memories.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Raises:
            Held: one is under a hold.
            MemoryNotFound: an id is not of this view.
            InvalidQuery: no ids.
        """
        self.store.mark(self._apart(ids), archived=True)

    def restore(self, *ids: IdLike, reader: str | None = None) -> None:
        """Brings archived memories back, with a part its gist; that counts as a use, or `fade` would take them again.

        Args:
            ids: ids or memories.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Raises:
            MemoryNotFound: an id is not of this view.
            InvalidQuery: no ids.
        """
        mine = self._stored(ids)
        self._traces.use(mine, self._clock(), found=True)
        self._traces.flush()
        self.store.mark(mine, archived=False)
        enter_done(self.store, LedgerEntry(at=self._clock(), action="restore", ids=tuple(mine), reason=""))

    def pin(self, *ids: IdLike, reader: str | None = None) -> None:
        """Pins memories: until `unpin` they never fade and are never pruned or evicted.

        Args:
            ids: ids or memories.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Raises:
            MemoryNotFound: an id is not of this view.
            InvalidQuery: no ids.
        """
        self.store.mark(self._apart(ids), pinned=True)

    def unpin(self, *ids: IdLike, reader: str | None = None) -> None:
        """Lets pinned memories fade again.

        Args:
            ids: ids or memories.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Raises:
            MemoryNotFound: an id is not of this view.
            InvalidQuery: no ids.
        """
        self.store.mark(self._stored(ids), pinned=False)

    def hold(self, *ids: IdLike, reason: str, reader: str | None = None) -> None:
        """Holds memories (legal, safety-critical): as `pin`, and nothing forgets, changes, ends or archives them.

        Args:
            ids: ids or memories.
            reason: why; kept, sealed, in the ledger.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Raises:
            MemoryNotFound: an id is not of this view.
            InvalidQuery: no ids, or no reason.
        """
        self._decide("hold", ids, reason)

    def release(self, *ids: IdLike, reason: str, reader: str | None = None) -> None:
        """Ends holds.

        Args:
            ids: ids or memories.
            reason: why; kept, sealed, in the ledger.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Raises:
            MemoryNotFound: an id is not of this view.
            InvalidQuery: no ids, or no reason.
        """
        self._decide("release", ids, reason)

    def _decide(self, action: str, given: Sequence[IdLike], reason: str) -> None:
        check_name("reason", reason)
        # What is restricted may be held for a legal claim (GDPR, article 18, 2).
        also = {"restricted": True, "due": True}
        ids = self._apart(given, **also) if action == "hold" else self._stored(given, **also)
        # The hold first when it begins, the ledger first when it ends: a crash between leaves the safer of both.
        entry = LedgerEntry(at=self._clock(), action=action, ids=tuple(ids), reason=reason)
        with self.store.alone():
            if action == "hold":
                self.store.mark(ids, held=True)
            self.store.enter(entry)
            if action == "release":
                self.store.mark(ids, held=False)

    def ledger(self, *, reader: str | None = None) -> Decisions:
        """Every decision in the ledger of this store, with its reason; `ledger_lines` has what was erased as well.

        Args:
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            The decisions, oldest first.
        """
        return self.store.ledger()

    def fit(self, name: str = "exponential", *, adopt: bool = False, seed: int = 0) -> Fit:
        """Fits a policy to the recall log of this view, by maximum likelihood.

        Args:
            name: of the policy.
            adopt: lets the store open with the fitted policy from now on, only if it is better than its defaults.
            seed: of the split into training and held-out memories.

        Returns:
            Parameters with intervals, and log-loss on held-out recalls.

        Raises:
            InvalidInput: no policy has this name.
            InvalidQuery: the log is too short.
        """
        import numpy as np

        self._traces.flush()
        report = fitting.fit(name, make(name), self._histories(), np.random.default_rng(seed))
        if not (adopt and report.better):
            return report
        _adopt(self.store, name, fitting.with_parameters(make(name), report.parameters))
        return replace(report, adopted=True)

    def _histories(self) -> Sequence[fitting.History]:
        logs: dict[str, tuple[Recalled, ...]] = {}
        for line in self.store.recalls(self.prefix):
            logs[line.id] = (*logs.get(line.id, ()), line)
        records = self.store.read(list(logs))
        return [
            (record.memory, logs[record.memory.id])
            for record in records
            if record is not None and not record.trace.restricted
        ]

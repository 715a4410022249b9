"""The verbs of retention by time: periods over namespaces and subjects, and erasing what is due."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from datetime import timedelta

from memoria.derived.gist import left
from memoria.engine.view import View
from memoria.forget import due as lapsing
from memoria.forget.due import Erasure, check_period
from memoria.types import Hits, RetentionPeriod

# Inside a class that has a verb `list`, the type is named here.
TimeLimits = list[RetentionPeriod]


class Periods(View):
    """The verbs that say how long memories are kept, and erase them when that is over.

    This is not `expire`, after which a memory no longer holds and its text stays: what is due is erased, text and all.
    """

    def set_ttl(self, ttl: timedelta, *, subject: str | None = None) -> RetentionPeriod:
        """Keeps a retention period over this namespace and those below it: an order of the store, until it is lifted.

        It is about what is there and what comes, from when each memory was observed. From then on nobody sees what is
        due, and the next `sleep`, worker or `erase_due` erases it, with all that was made from it. Of several periods
        the shortest counts, and no `expires_at` outlasts them.

        Args:
            ttl: how long memories are kept at most; > 0.
            subject: only those about this subject; None is whoever they are about.

        Returns:
            The period, in the place of an earlier one of this namespace and subject.

        Raises:
            InvalidQuery: `ttl` is no timedelta or not positive, or `subject` is no name.
        """
        period = check_period(ttl, subject, self.prefix)
        lapsing.set_period(self._records, period, self._clock())
        return period

    def lift_ttl(self, *, subject: str | None = None) -> bool:
        """Lifts the retention period of this very namespace. What was due by it and is not erased yet is seen again.

        Args:
            subject: that of the period; None is the one over all subjects.

        Returns:
            Whether there was one.

        Raises:
            InvalidQuery: `subject` is no name.
        """
        period = check_period(timedelta(1), subject, self.prefix)
        return lapsing.lift_period(self._records, period, self._clock())

    def ttls(self) -> TimeLimits:
        """The retention periods of this namespace, of those below it, and of those above it.

        Returns:
            The periods, in the order of namespaces and subjects.
        """
        mine = self.prefix
        return [
            one
            for one in self.store.periods()
            if one.namespace[: len(mine)] == mine or mine[: len(one.namespace)] == one.namespace
        ]

    def erase_due(self, *, dry_run: bool = False, verify: bool = False) -> Erasure:
        """Erases every memory whose `expires_at` or retention period has passed, with all that was made from it.

        By the same way as `forget`, with receipts and an entry in the ledger. The texts leave no fingerprint: they may
        be remembered again. What is held stays, and so does that with which something held would go; it is listed.

        Args:
            dry_run: only lists them.
            verify: scans every file for what was erased.

        Returns:
            What was erased, or would be, and what is held.
        """
        self._traces.flush()
        return lapsing.erase_due(self._records, self.prefix, self._clock(), dry_run=dry_run, verify=verify)

    def _timely(self, hits: Hits) -> Hits:
        """Hits without what is due, which a gist may still say."""
        gists = {hit.home for hit in hits if hit.gist is not None or hit.memory.parts}
        due: Set[str] = self._due(gists) if gists else frozenset()
        if not due:
            return hits
        kept = []
        for hit in hits:
            seen = left(hit.memory, due, self.store.language)
            gist = None if hit.gist is None else left(hit.gist, due, self.store.language)
            if seen is not None:
                kept.append(replace(hit, memory=seen, gist=gist))
        return Hits(kept, known=hits.known)

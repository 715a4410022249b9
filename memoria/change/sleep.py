"""sleep: what was told to have changed is settled, episodes become gists, what has faded is archived and pruned, and
weights that were wiped are learnt again.

A pass writes its plan down first, ids alone. Each step of it is all or nothing and checks again what it was planned
on, so a pass that was killed goes on where it stopped, and what was forgotten meanwhile stays forgotten.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from memoria.change.consolidate import Grouping, Step, from_note, grouped, perform, replayed, to_note
from memoria.change.reconcile import settle
from memoria.derived.gist import Writer, extract
from memoria.derived.records import Records
from memoria.english.detect import by_rules
from memoria.errors import InvalidQuery
from memoria.process import Home
from memoria.protocols import ConsolidationPolicy, DecayPolicy, Detector, Progress, Store
from memoria.retention.prune import CAP
from memoria.retention.reinforce import Reinforcer
from memoria.types import Namespace, Proposal

JOURNAL = "sleep"
Pause = Callable[[], bool]
"""Asked between two steps; whether the pass is to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What a pass of sleep did, or would do.

    replayed: memories looked at. settled: what they said had changed.
    gists: of each that was made or grew, its id ("" when only planned) and who joined it.
    faded: archived because due. pruned: forgotten by policy. relearnt: taken into weights again, where their shard
    was wiped with what was forgotten. waiting: still to be relearnt. capped: whether more waits for the next pass.
    """

    at: datetime
    replayed: int
    settled: tuple[Proposal, ...]
    gists: tuple[tuple[str, tuple[str, ...]], ...]
    faded: tuple[str, ...] = ()
    pruned: tuple[str, ...] = ()
    relearnt: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    capped: bool = False
    dry_run: bool = False

    @property
    def absorbed(self) -> int:
        """How many memories went into gists."""
        return sum(len(members) for _, members in self.gists)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """How a pass consolidates: who first, how many of each namespace, and how alike is enough."""

    policy: ConsolidationPolicy
    cap: int = CAP
    grouping: Grouping

    def check(self) -> None:
        """Raises InvalidQuery for numbers that cannot be meant."""
        like, most = self.grouping.like, self.grouping.most
        rules = {
            f"cap {self.cap!r} is not at least 1": self.cap >= 1,
            f"like {like!r} is not in [-1, 1]": -1 <= like <= 1,
            f"most {most!r} is not at least 2": most >= 2,
        }
        violations = [rule for rule, kept in rules.items() if not kept]
        if violations:
            raise InvalidQuery(*violations)


def night(
    records: Records,
    traces: Reinforcer,
    prefix: Namespace,
    how: Replay,
    at: datetime,
    *,
    write: Writer = extract,
    detector: Detector | None = by_rules,
    pause: Pause = lambda: False,
    dry_run: bool = False,
) -> Night:
    """The part of a pass that changes what memories say: changes are settled, then what is alike becomes gists."""
    homes, capped = replay(records.store, prefix, records.policy, how, at)
    said = [id for ids in homes for id in ids]
    settled = () if detector is None else settle(records, traces, said, detector, dry_run=dry_run)
    steps = plan(records.store, homes, how.grouping, records.progress)
    if dry_run:
        gists = [("" if step.gist is None else step.gist, step.members) for step in steps]
    else:
        gists = run(records, steps, write, pause)
    return Night(at=at, replayed=len(said), settled=settled, gists=tuple(gists), capped=capped, dry_run=dry_run)


def replay(
    store: Store, prefix: Namespace, policy: DecayPolicy, how: Replay, at: datetime
) -> tuple[list[list[str]], bool]:
    """Ids that a pass looks at, sorted, for each namespace, and whether the cap left some for later."""
    found = [replayed(store, name, policy, how.policy, at, how.cap) for name in store.namespaces(prefix)]
    return [ids for ids, _ in found], any(more for _, more in found)


def plan(store: Store, homes: Sequence[Sequence[str]], grouping: Grouping, progress: Progress | None) -> list[Step]:
    """The steps that gather memories, each namespace for itself."""
    steps: list[Step] = []
    for done, ids in enumerate(homes, 1):
        steps += grouped(store, ids, grouping)
        if progress is not None:
            progress("plan", done, len(homes))
    return steps


def run(records: Records, steps: Sequence[Step], write: Writer, pause: Pause) -> list[tuple[str, tuple[str, ...]]]:
    """Does what a killed pass left and then `steps`, journaled; stops early, keeping the rest, when `pause` says so."""
    store, progress = records.store, records.progress
    waiting = [*from_note(store.note(JOURNAL)), *steps]
    if not waiting:
        return []
    store.write_note(JOURNAL, to_note(waiting))
    made: list[tuple[str, tuple[str, ...]]] = []
    for done, step in enumerate(waiting, 1):
        if pause():
            store.write_note(JOURNAL, to_note(waiting[done - 1 :]))
            return made
        id = perform(records, step, write)
        if id is not None:
            made.append((id, step.members))
        if progress is not None:
            progress("gists", done, len(waiting))
    store.write_note(JOURNAL, to_note([]))
    return made


class Sleeper:
    """A pass of sleep in a thread of its own. It takes the store for one short step at a time, and rests between."""

    def __init__(self, work: Callable[[Callable[[], bool]], Night], rest: float) -> None:
        self._home = Home()
        self._ended = threading.Event()
        self._rest = rest
        threads = ThreadPoolExecutor(1, thread_name_prefix="memoria-sleep")
        self._night: Future[Night] = threads.submit(work, self._pause)
        threads.shutdown(wait=False)

    def _pause(self) -> bool:
        """Rests, so that others get their turn; whether it is to end."""
        return self._ended.wait(self._rest)

    @property
    def asleep(self) -> bool:
        """Whether it is still at work."""
        return not self._home.left and not self._night.done()

    def wake(self) -> None:
        """Ends it after the step under way; the rest is done by the next pass."""
        self._ended.set()

    def wait(self, timeout: float | None = None) -> Night:
        """The night once it is over; raises TimeoutError after `timeout` seconds, and what the pass raised."""
        # Its thread is not there: it would be waited for in vain.
        self._home.check("the store of this pass of sleep")
        return self._night.result(timeout)

"""sleep: applies changes of fact, makes gists of episodes, and retrains weights; told to, it archives, prunes, distils.

A pass first writes down its plan, ids only. Each step is all or nothing and checks its memories again. So a pass that
was killed continues where it stopped, and what was forgotten meanwhile stays forgotten.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from memoria.change.choosing import Acceptance, Choice, acceptance, choices, gathering
from memoria.change.choosing import settling as settling_choice
from memoria.change.consolidate import Grouping, Step, drafted, from_note, grouped, perform, replayed, to_note
from memoria.change.reconcile import Settling, settle
from memoria.derived import review
from memoria.derived.audience import ids_by_audience
from memoria.derived.gist import Writer, extract
from memoria.derived.records import Records
from memoria.errors import Forbidden, InvalidMemory, InvalidQuery
from memoria.process import Home
from memoria.protocols import ConsolidationPolicy, DecayPolicy, Store
from memoria.retention.prune import CAP
from memoria.retention.reinforce import Reinforcer
from memoria.types import Namespace, Proposal, Settled

JOURNAL = "sleep"
NIGHT_SECONDS = 60.0
"""Seconds that a night that distils may take for it, unless it is told otherwise."""
Pause = Callable[[], bool]
"""Called between two steps; returns whether the pass should stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dream:
    """What a night wrote into weights, or would write.

    Attributes:
        learnt: ids of the memories that were learnt, those that had to be learnt again among them.
        left: ids that are no longer in weights, for they are not durable any more, though nobody forgot them.
        waiting: ids of durable memories that are not in weights yet, best first: the seconds were too few for them.
        left_out: how many memories are not durable, by reason (`memoria.distill.durable.REASONS`), and how many are
            beyond the cap.
        memories: how many are in weights now; in a dry run, before.
        seconds: how long it took, choosing and loading the model included; in a dry run, what training would take by
            `pace`.
        pace: seconds that a shard took to train; an assumption where none was trained yet.
        measured: whether `pace` was measured in this store.
        bytes: of the shards that are in place.
        saved: tokens a day that the notes of what is in weights would take in prompts: how often each was recalled,
            times the tokens of its line, by the recall log of the last `days`.
        days: so many days of the log were looked at; at least 1, at most 30.
        dry_run: whether nothing was done.
    """

    learnt: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    memories: int = 0
    seconds: float = 0.0
    pace: float
    measured: bool
    bytes: int = 0
    saved: float = 0.0
    days: float = 1.0
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What a pass of sleep did, or would do.

    Attributes:
        at: when it was taken to be.
        replayed: how many memories were looked at.
        settled: the changes of fact that they led to.
        skipped: changes that cannot be carried out any more.
        gists: for each gist made or grown, its id ("" if only planned) and the ids that joined it.
        faded: ids archived because they were due, if it was told to fade.
        pruned: ids forgotten because the policy can do without them.
        relearnt: ids learnt again, after their shard was wiped with forgotten ones.
        waiting: ids still to be learnt again.
        capped: whether more is left for the next pass.
        dry_run: whether nothing was done.
        erased: ids erased because their expiry or retention period had passed.
        held: ids that are due likewise, and stay because of a hold.
        dream: what it wrote into weights; None where it was not told to distil.
        texts: of a dry run where `memoria.review` is on, what each of `gists` would say.
        unaccepted: where `memoria.review` is on, the changes of fact and gists that wait for a yes.
    """

    at: datetime
    replayed: int
    settled: tuple[Proposal, ...]
    gists: tuple[tuple[str, tuple[str, ...]], ...]
    faded: tuple[str, ...] = ()
    pruned: tuple[str, ...] = ()
    skipped: tuple[Proposal, ...] = ()
    relearnt: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    capped: bool = False
    dry_run: bool = False
    erased: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    dream: Dream | None = None
    texts: tuple[str, ...] = ()
    unaccepted: tuple[Choice, ...] = ()

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What it would do, thing by thing, if it is a dry run: `sleep(only=)` takes the keys of those that you accept.

        Returns:
            In the order in which a pass does them.
        """
        return tuple(choices(self.settled, self.gists, self.texts, self.faded, self.pruned, self.erased))

    @property
    def absorbed(self) -> int:
        """The number of memories that went into gists."""
        return sum(len(members) for _, members in self.gists)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """How a pass consolidates. policy: which memories come first. cap: most memories of each namespace."""

    policy: ConsolidationPolicy
    cap: int = CAP
    grouping: Grouping

    def check(self) -> None:
        """Raises InvalidQuery for a number out of range."""
        like, most = self.grouping.like, self.grouping.most
        rules = {
            f"cap {self.cap!r} is not at least 1": self.cap >= 1,
            f"like {like!r} is not in [-1, 1]": like is None or -1 <= like <= 1,
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
    settling: Settling | None = None,
    pause: Pause = lambda: False,
    only: Collection[str] | None = None,
    dry_run: bool = False,
) -> Night:
    """The part of a pass that changes what memories say: applies changes of fact, then groups memories into gists.

    settling: None settles no changes. only: keys of what is accepted; None is all.
    """
    homes, capped = replay(records.store, prefix, records.policy, how, at)
    said = [id for ids in homes for id in ids]
    accepts, reviewed = acceptance(records.store, only, dry_run=dry_run), review.is_on(records.store)
    settled = Settled()
    if settling is not None:
        settled = settle(
            records, traces, said, settling, dry_run=dry_run, accept=lambda one: accepts(settling_choice(one))
        )
    planned = _drafts(records, plan(records, homes, how.grouping), write, reviewed=reviewed)
    taken = [one for one in planned if accepts(one.choice)]
    if dry_run:
        gists = [(one.step.gist or "", one.step.members) for one in taken]
    elif reviewed:
        gists = _written(records, taken, accepts, pause)
    else:
        gists = run(records, [one.step for one in taken], write, pause)
    keys = {one.choice.key for one in taken}
    left = [one.choice for one in planned if one.choice.key not in keys] if reviewed else []
    return Night(
        at=at,
        replayed=len(said),
        settled=tuple(settled),
        skipped=settled.skipped,
        gists=tuple(gists),
        capped=capped,
        dry_run=dry_run,
        texts=tuple(one.choice.text for one in taken) if dry_run and reviewed else (),
        unaccepted=(*map(settling_choice, settled.waiting), *left),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A gist that a pass would make. write: writes what was accepted; None where that is not asked."""

    step: Step
    choice: Choice
    write: Writer | None = None


def _drafts(records: Records, steps: Sequence[Step], write: Writer, *, reviewed: bool) -> list[_Draft]:
    """The gists of a plan; where they are reviewed, with what they would say, and without those that were refused."""
    if not reviewed:
        return [_Draft(step=step, choice=gathering(step.members, step.gist)) for step in steps]
    made, refused = [], review.refused(records.store)
    for step in steps:
        said = drafted(records, step, write)
        if said is not None and gathering(step.members, step.gist).key not in refused:
            choice = gathering(step.members, step.gist, said.text)
            made.append(_Draft(step=step, choice=choice, write=said))
    return made


def _written(
    records: Records, drafts: Sequence[_Draft], accepts: Acceptance, pause: Pause
) -> list[tuple[str, tuple[str, ...]]]:
    """Makes gists that say what was accepted. Nothing is journaled: what a killed pass leaves is planned anew."""
    made = []
    for draft in drafts:
        if pause() or not accepts(draft.choice):
            break
        with suppress(InvalidMemory, Forbidden):
            id = perform(records, draft.step, draft.write or extract)
            made += [] if id is None else [(id, draft.step.members)]
    return made


def replay(
    store: Store, prefix: Namespace, policy: DecayPolicy, how: Replay, at: datetime
) -> tuple[list[list[str]], bool]:
    """The sorted ids that a pass looks at, one list for each namespace, and whether the cap left some for later."""
    found = [replayed(store, name, policy, how.policy, at, how.cap) for name in store.namespaces(prefix)]
    return [ids for ids, _ in found], any(more for _, more in found)


def plan(records: Records, homes: Sequence[Sequence[str]], grouping: Grouping) -> list[Step]:
    """The steps that group memories into gists. homes: ids of one namespace each."""
    steps: list[Step] = []
    for done, ids in enumerate(homes, 1):
        for among, some in ids_by_audience(records, ids):
            steps += grouped(among, some, grouping)
        if records.progress is not None:
            records.progress("plan", done, len(homes))
    return steps


def run(records: Records, steps: Sequence[Step], write: Writer, pause: Pause) -> list[tuple[str, tuple[str, ...]]]:
    """Does the steps left by a killed pass, then `steps`; returns (id, members) of each gist.

    The steps are journaled. If `pause` returns True, it stops and leaves the rest in the journal. It stops as well
    where review was switched on meanwhile, and leaves nothing: what the rest would say is to be seen first.
    """
    store, progress = records.store, records.progress
    # A pass that fails again and again plans the same again and again.
    waiting = list(dict.fromkeys([*from_note(store.note(JOURNAL)), *steps]))
    if not waiting:
        return []
    store.write_note(JOURNAL, to_note(waiting))
    made: list[tuple[str, tuple[str, ...]]] = []
    for done, step in enumerate(waiting, 1):
        if pause():
            store.write_note(JOURNAL, to_note(waiting[done - 1 :]))
            return made
        if review.is_on(store):
            break
        # A gist that would be over a limit is not made.
        with suppress(InvalidMemory, Forbidden):
            id = perform(records, step, write)
            if id is not None:
                made.append((id, step.members))
        if progress is not None:
            progress("gists", done, len(waiting))
    store.write_note(JOURNAL, to_note([]))
    return made


class Sleeper:
    """A pass of sleep in a thread of its own. It locks the store for one short step at a time, and waits in between.

    Args:
        work: the pass; it is given a callable to ask between steps whether to stop.
        rest: seconds to wait between steps.
    """

    def __init__(self, work: Callable[[Callable[[], bool]], Night], rest: float) -> None:
        self._home = Home()
        self._ended = threading.Event()
        self._rest = rest
        threads = ThreadPoolExecutor(1, thread_name_prefix="memoria-sleep")
        self._night: Future[Night] = threads.submit(work, self._pause)
        threads.shutdown(wait=False)

    def _pause(self) -> bool:
        """Waits, so that other threads get to the store; returns whether the pass should stop."""
        return self._ended.wait(self._rest)

    @property
    def asleep(self) -> bool:
        """Whether the pass is still running."""
        return not self._home.left and not self._night.done()

    def wake(self) -> None:
        """Stops the pass after the current step; the next pass does the rest."""
        self._ended.set()

    def wait(self, timeout: float | None = None) -> Night:
        """Waits for the pass to end.

        Args:
            timeout: seconds to wait; None waits for ever.

        Returns:
            What it did.

        Raises:
            TimeoutError: it is still running after `timeout` seconds.
            StoreClosed: this is a child by fork, and the pass is not in it.
        """
        # Its thread is not there: it would be waited for in vain.
        self._home.check("the store of this pass of sleep")
        return self._night.result(timeout)

    def __await__(self) -> Generator[Any, None, Night]:
        """The night, as `wait` gives it, without a thread that waits; cancelling this leaves the pass at work."""
        import asyncio

        return asyncio.wrap_future(self._night).__await__()

    def failure(self) -> BaseException | None:
        """Waits until it is over.

        Returns:
            What the pass raised; None for nothing.
        """
        return self._night.exception()

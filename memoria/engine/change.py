"""The verbs of change: superseding, ending, reconciling, gathering into gists, and sleep, which does all of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, get_args, overload

from memoria.change import consolidate as consolidating
from memoria.change import reconcile as reconciling
from memoria.change import settled as settling
from memoria.change import sleep as sleeping
from memoria.change import supersede as superseding
from memoria.change.choosing import Choice, acceptance, gathering, takes
from memoria.change.choosing import settling as proposed
from memoria.change.consolidate import Grouping, Step
from memoria.change.reconcile import Phrases, Settling
from memoria.change.sleep import NIGHT_SECONDS, Night, Pause, Replay, Sleeper
from memoria.derived import review
from memoria.derived.gist import Writer, extract
from memoria.derived.lineage import Lineage, lineage
from memoria.engine.retention import Ids, Retention
from memoria.engine.view import LEARNT, IdLike
from memoria.engine.weights import ModelPath, Weights
from memoria.english.detect import by_commands, by_rules, named
from memoria.errors import InvalidQuery, MemoryNotFound, ModelNotFound
from memoria.forget.due import erase_due
from memoria.policies import PrioritisedReplay
from memoria.protocols import ConsolidationPolicy, Detector
from memoria.remember import Draft, as_draft
from memoria.retention.prune import CAP
from memoria.types import ENDINGS, Doubted, Endings, Memory, Settled, Where
from memoria.validate import check_choice, check_days, check_flag

if TYPE_CHECKING:
    from memoria.distill.dataset import ExampleWriter
    from memoria.distill.recipe import Recipe

# A thread that sleeps rests so long between two steps, in seconds.
REST = 0.02
DetectorName = Literal["learnt", "rules"]
"""Detectors that are there: commands by rule with the judge, or rules alone."""
DETECTORS: tuple[DetectorName, ...] = get_args(DetectorName)
DetectorLike = Detector | DetectorName
"""What reads changes: a detector, or the name of one."""
# Inside a class that has a verb `list`, the types are named here.
Memories = list[Memory]
Settlements = list[Doubted]


class SleepOptions(TypedDict, total=False):
    """What `sleep` takes.

    Attributes:
        at: when it is taken to be, aware; None is now.
        dry_run: plans and changes nothing.
        fade: whether to archive what is due by its policy, as `Memoria.fade` does; False by default.
        prune: whether to archive what is due as well, and then forget, for ever, archived memories under half of
            `fade_below`; False by default.
        relearn: whether to train wiped shards of weights again, seconds each; True by default. A night that distils
            does so in any case.
        distil: whether to write durable memories into weights, best first; None, the default, is as the night before
            that was told: no, where none was. See docs/weights.md.
        seconds: that a night that distils may take for it, loading the model included; 60 by default. A shard is begun
            only if it should end within them.
        model: folder of the causal model to distil into; None is that of the last distillation, else the small one.
        recipe: how shards are trained; None is that of the last distillation, else `Recipe(size=1, rank=2, alpha=4)`.
        write: makes the text of a gist from its parts; extractive by default.
        detector: reads what a statement ends, as of `reconcile`; None leaves that alone.
        examples: what `distill` was given, if it was.
        replay: which memories come first; None is `PrioritisedReplay`.
        cap: how many of each namespace are replayed, and how many are pruned, in one pass, and how many may be in
            weights; 1,000 by default.
        like: cosine, in [-1, 1], from which memories are gathered; None, the default, is 0.5 in English with
            all-MiniLM-L6-v2, and more where the embedder puts unrelated texts nearer to each other.
        most: parts of a gist, at most; at least 2; 8 by default.
        only: keys of the `choices` of a dry run: only what these name is done, as far as it would still be done. None,
            the default, does all; where `memoria.review` is on, all but changes of fact and gists, which are
            `Night.unaccepted`. With keys nothing is trained.
    """

    at: datetime | None
    dry_run: bool
    fade: bool
    prune: bool
    relearn: bool
    distil: bool | None
    seconds: float
    model: ModelPath
    recipe: Recipe | None
    write: Writer
    detector: DetectorLike | None
    examples: ExampleWriter | None
    replay: ConsolidationPolicy | None
    cap: int
    like: float | None
    most: int
    only: Collection[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of a pass of sleep, with their defaults. Fields as in `SleepOptions`."""

    at: datetime | None = None
    dry_run: bool = False
    fade: bool = False
    prune: bool = False
    relearn: bool = True
    distil: bool | None = None
    seconds: float = NIGHT_SECONDS
    model: ModelPath = None
    recipe: Recipe | None = None
    write: Writer = extract
    detector: DetectorLike | None = LEARNT
    examples: ExampleWriter | None = None
    replay: ConsolidationPolicy | None = None
    cap: int = CAP
    like: float | None = None
    most: int = consolidating.MOST
    only: Collection[str] | None = None

    def checked(self) -> Replay:
        """How memories are replayed; raises InvalidQuery for a number out of its range."""
        check_flag("distil", self.distil)
        check_days("seconds", self.seconds)
        policy = PrioritisedReplay() if self.replay is None else self.replay
        how = Replay(policy=policy, cap=self.cap, grouping=Grouping(like=self.like, most=self.most))
        how.check()
        check_keys(self.only)
        return how


def check_keys(only: object) -> None:
    """Raises InvalidQuery for what is no collection of keys."""
    if isinstance(only, str) or not isinstance(only, Collection | None):
        raise InvalidQuery(f"only is {type(only).__name__}, not a collection of keys")


class Change(Retention, Weights):
    """The verbs of change."""

    def supersede(
        self, old: IdLike | Iterable[IdLike], new: Draft | str, *, at: datetime | None = None, reader: str | None = None
    ) -> Memory:
        """Remembers a new fact in the place of old ones: they hold until it begins. Both stay, each for its time.

        Recall leaves out what no longer holds, or not yet; `recall(as_of=)` finds what held at a time.

        Args:
            old: what is superseded: an id or a memory, or several.
            new: the text, or a draft.
            at: when the new fact begins to hold; its `valid_from`, else when it was observed, by default.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            The new memory.

        Raises:
            Held: an old memory is under a hold.
            MemoryNotFound: an old memory is not of this view.
            InvalidQuery: an old memory has ended already, or begins only later; or `at` has no time zone.
            InvalidMemory: the draft breaks a rule.
            KeyConflict: the draft's key holds another memory.
            Refused: the text was forgotten here.
        """
        given = [old] if isinstance(old, str | Memory) else list(old)
        ids, start = self._mine(given, parts=True), None if at is None else self._at(at)
        draft = as_draft(new)
        return superseding.supersede(self._records, self._traces, self.prefix, draft, ids, self._clock(), at=start)

    def expire(self, *ids: IdLike, at: datetime | None = None, reader: str | None = None) -> None:
        """Ends memories: from then on they do not hold. They stay for `recall(as_of=)`.

        Args:
            ids: ids or memories.
            at: when they end; None is now.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Raises:
            Held: one is under a hold.
            MemoryNotFound: an id is not of this view.
            InvalidQuery: no ids, one has ended already or begins only later, or `at` has no time zone.
        """
        ending, when = self._mine(ids, parts=True), self._at(at)
        superseding.expire(self._records, ending, when)

    def history(self, id: IdLike, *, reader: str | None = None) -> Memories:
        """What a memory superseded, ended or doubts, and what did so to it.

        Args:
            id: of the memory, or the memory; a part of a gist too.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            These memories and itself, in the order in which they held.

        Raises:
            MemoryNotFound: the id is not of this view.
        """
        return self._left(superseding.history(self.store, self._mine([id], parts=True)[0]))

    def reconcile(
        self,
        *ids: IdLike,
        dry_run: bool = False,
        detector: DetectorLike = LEARNT,
        phrases: Phrases = named,
        endings: Endings | None = None,
        only: Collection[str] | None = None,
        reader: str | None = None,
    ) -> Settled:
        """Settles what statements say has changed or no longer holds; see docs/change.md.

        What is doubtful stays, lowered, as long as its statement does. What ends stays for `recall(as_of=)`; what is
        left of a memory or of a statement supersedes it. It may be called again: what is settled is passed over. All
        that one statement does is done in one go, or not at all.

        Args:
            ids: the statements; every memory of this view when none is given.
            dry_run: changes nothing.
            detector: "learnt" is commands by rule and the judge of this memory, or the rules where it has none; "rules"
                is the rules over English alone; a callable is taken at its word, unless `endings` is given.
            phrases: what to look for in other memories, from the text of a statement, for the rules or the callable.
            endings: what may end a memory; None is what this memory was opened with.
            only: keys of proposals (`Proposal.key`): only these are carried out. None, the default, is all; where
                `memoria.review` is on, none.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            What was changed, or would be, each with its reason; its `skipped` are what could not be carried out, its
            `unconfirmed` what a user asks to erase, which is done by `forget` alone, its `waiting` what waits for a
            yes where `memoria.review` is on.

        Raises:
            MemoryNotFound: an id is not of this view.
            InvalidQuery: `detector` or `endings` is none of those above, or `only` is no collection of keys.
        """
        how = self._settling(detector, phrases, endings)
        check_keys(only)
        accepts = acceptance(self.store, only, dry_run=dry_run)
        statements = self._mine(ids) if ids else self._here()
        return reconciling.settle(
            self._records, self._traces, statements, how, dry_run=dry_run, accept=lambda one: accepts(proposed(one))
        )

    def _refuse(self, choices: Collection[Choice]) -> None:
        """Says no to changes of fact and gists of a dry run; as `memoria.review.refuse`."""
        if strange := sorted({one.what for one in choices} - {"settle", "gather"}):
            raise InvalidQuery(*(f"what is to {what} is not reviewed" for what in strange))
        ids = {id for one in choices for id in (*one.ids, one.by or one.ids[0])}
        if ids:
            self._mine(sorted(ids), parts=True)
        settling.refuse(self._records, [(id, one.by) for one in choices if one.what == "settle" for id in one.ids])
        review.refuse(self.store, [gathering(one.ids, one.gist).key for one in choices if one.what == "gather"])

    def _here(self) -> Ids:
        """Every memory of this view that may be seen."""
        return tuple(self.store.select(Where(namespace=self.prefix, restricted=False, kept_at=self._clock())))

    def _settling(self, detector: DetectorLike, phrases: Phrases = named, endings: Endings | None = None) -> Settling:
        """How changes are settled; raises InvalidQuery."""
        if endings is not None:
            check_choice("endings", endings, ENDINGS)
        if callable(detector):
            return Settling(detector=detector, phrases=phrases, endings=endings)
        allowed = self._endings if endings is None else endings
        check_choice("detector", detector, DETECTORS)
        judge = self._judge() if detector == LEARNT else None
        if judge is None:
            return Settling(detector=by_rules, phrases=phrases, endings=allowed)
        return Settling(detector=by_commands, phrases=phrases, judge=judge, endings=allowed)

    def doubts(self, *ids: IdLike, reader: str | None = None) -> Settlements:
        """What statements have settled: what they make doubtful, and what they ended, in whole or in part.

        Args:
            ids: of the memories, or of the statements; every memory of this view when none is given.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            Each memory with its statement, what was done with it, and by which judge; in order of statements.

        Raises:
            MemoryNotFound: an id is not of this view.
        """
        mine = self._mine(ids, parts=True) if ids else self._here()
        due = self._due()
        found = settling.doubted(self.store, mine, self._clock())
        return [one for one in found if due.isdisjoint((one.memory.id, one.by.id))]

    def settle(self, id: IdLike, *, keep: bool, by: IdLike | None = None, reader: str | None = None) -> Settlements:
        """The user's word on what statements have settled about a memory: both hold, or the memory is over.

        With `keep` the memory stands as before its doubts and ends, and is never settled by these statements again;
        what was left of it ends. Without, what is doubtful ends, and stays so when the statement is forgotten.

        Args:
            id: of the older memory, or the memory.
            keep: whether it holds.
            by: the statement; None is every statement about it.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            What was settled before.

        Raises:
            MemoryNotFound: an id is not of this view.
            InvalidQuery: there is nothing to settle: nothing makes it doubtful, or ended it.
            Held: it would end, and is under a hold.
        """
        old = self._mine([id], parts=True)[0]
        statement = None if by is None else self._mine([by], parts=True)[0]
        if not isinstance(keep, bool):
            raise InvalidQuery(f"keep is {type(keep).__name__}, not True or False")
        said = settling.keep if keep else settling.end
        return said(self._records, old, statement, self._clock())

    def lineage(self, id: IdLike, *, reader: str | None = None) -> Lineage:
        """What a memory was made from and what was made from it.

        Args:
            id: of the memory, or the memory; a part of a gist too.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            The graph, as text and as SVG.

        Raises:
            MemoryNotFound: the id is not of this view.
        """
        found = lineage(self.store, self._mine([id], parts=True)[0])
        seen = self._left(list(found.memories.values()))
        return replace(found, memories={one.id: one for one in seen})

    def consolidate(self, *ids: IdLike, write: Writer = extract) -> Memory:
        """Makes one gist of memories; they are its parts from then on, and each can be forgotten out of it again.

        Args:
            ids: at least two memories of one namespace.
            write: makes the text of the gist from its parts; extractive by default.

        Returns:
            The gist.

        Raises:
            MemoryNotFound: an id is not of this view.
            InvalidQuery: fewer than two, of several namespaces or audiences, or one that cannot go into a gist: a gist,
                or what is bounded, derived, superseding, superseded, keyed, archived, pinned or held.
        """
        self._traces.flush()
        mine = sorted(set(self._mine(ids)))
        members = consolidating.plain(self.store, mine)
        unfit = sorted(set(mine) - {one.memory.id for one in members})
        if unfit or len(mine) < 2 or len({(one.memory.namespace, one.memory.visible_to) for one in members}) > 1:
            raise InvalidQuery(
                "a gist is made of two or more memories of one namespace, visible to the same people, none of them a "
                f"gist, bounded, linked, keyed, archived, pinned or held; these cannot be: {', '.join(unfit or mine)}"
            )
        id = consolidating.perform(self._records, Step(members=tuple(mine)), write)
        if id is None:
            raise MemoryNotFound(*mine)
        return self._record(id).memory

    @overload
    def sleep(self, *, background: Literal[True], **how: Unpack[SleepOptions]) -> Sleeper: ...
    @overload
    def sleep(self, *, background: Literal[False] = False, **how: Unpack[SleepOptions]) -> Night: ...
    @overload
    def sleep(self, *, background: bool, **how: Unpack[SleepOptions]) -> Night | Sleeper: ...
    def sleep(self, *, background: bool = False, **how: Unpack[SleepOptions]) -> Night | Sleeper:
        """Erases what is due, settles changes, gathers what is alike into gists, relearns; told to, it distils.

        Due is what `expires_at` or a retention period ends. It archives nothing unless it is told to fade, and forgets
        nothing else unless it is told to prune. Pinned and held memories are left alone, but what is due goes though it
        is pinned. A pass that was killed is taken up again by the next one.

        Args:
            background: in a thread, which never holds the store for longer than a step.
            how: at, dry_run, fade, prune, relearn, distil, seconds, model, recipe, write, detector, examples, replay,
                cap, like, most, only; see `SleepOptions`.

        Returns:
            What was done, or would be; with `background`, the thread, whose `wait()`, or `await`, returns it.

        Raises:
            InvalidQuery: a number out of its range, `at` without a time zone, or `distil` in a store in memory.
            ModelNotFound: `distil` is True, and the model or a package to run it is missing.
        """
        asked = Asked(**how)
        work = partial(self._pass, asked, asked.checked(), self._at(asked.at))
        return Sleeper(work, REST) if background else work()

    def _pass(self, asked: Asked, how: Replay, at: datetime, pause: Pause = lambda: False) -> Night:
        dreams = self._dreams(asked.distil, asked.model, dry_run=asked.dry_run)
        night = self._sleep(asked, how, at, pause)
        if dreams and asked.only is None and not pause():
            # What was not asked for tonight is left out where it cannot be done.
            with nullcontext() if asked.distil else suppress(ModelNotFound, InvalidQuery):
                return self._with_dream(night, asked, at, pause)
        if not asked.relearn or asked.only is not None:
            return night
        done, waiting = self._relearnt(asked.examples, pause, dry_run=asked.dry_run)
        return replace(night, relearnt=done, waiting=waiting)

    def _with_dream(self, night: Night, asked: Asked, at: datetime, pause: Pause) -> Night:
        gone = self._relearnt(asked.examples, pause, dry_run=True)[0]
        dream = self._dreamt(
            at,
            seconds=asked.seconds,
            cap=asked.cap,
            model=asked.model,
            recipe=asked.recipe,
            examples=asked.examples,
            pause=pause,
            dry_run=asked.dry_run,
        )
        again = tuple(id for id in gone if id in set(dream.learnt))
        return replace(night, dream=dream, relearnt=again, waiting=tuple(id for id in gone if id in set(dream.waiting)))

    def _sleep(self, asked: Asked, how: Replay, at: datetime, pause: Pause) -> Night:
        self._traces.flush()
        gone = erase_due(
            self._records,
            self.prefix,
            at,
            dry_run=asked.dry_run,
            pause=pause,
            among=partial(takes, asked.only, "expire"),
        )
        night = sleeping.night(
            self._records,
            self._traces,
            self.prefix,
            how,
            at,
            write=asked.write,
            settling=None if asked.detector is None else self._settling(asked.detector),
            pause=pause,
            only=asked.only,
            dry_run=asked.dry_run,
        )
        night = replace(night, erased=gone.ids, held=gone.held)
        if asked.fade or asked.prune:
            night = replace(night, faded=self._faded(asked, at))
        if not asked.prune:
            return night
        below = self.fade_below / 2
        if asked.only is None and not asked.dry_run:
            pruned = self.prune(below=below, at=at, cap=how.cap)
        else:
            due, among = night.faded if asked.dry_run else (), partial(takes, asked.only, "forget")
            pruned = self._prune(below, None, at, how.cap, dry_run=asked.dry_run, due=due, among=among)
        return replace(night, pruned=pruned.ids, capped=night.capped or pruned.capped)

    def _faded(self, asked: Asked, at: datetime) -> Ids:
        """Archives what is due and accepted."""
        if asked.only is None:
            return self.fade(at, dry_run=asked.dry_run)
        ids = tuple(id for id in self.fade(at, dry_run=True) if takes(asked.only, "archive", id))
        if ids and not asked.dry_run:
            self.archive(*ids)
        return ids

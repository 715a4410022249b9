"""What a night writes into weights: the durable memories that fit into its seconds, and what it costs and saves.

What is in weights or was begun stays first, as long as it is fit; then come new ones, best first, as many as would be
learnt within the budget by the seconds that a shard took so far. Between two shards the clock is looked at again, and
what is left waits for the next night. So a night that is killed or stopped leaves whole shards, and the list of what
was begun.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from memoria.change.sleep import NIGHT_SECONDS, Dream
from memoria.derived.lineage import homes, living
from memoria.distill import shards
from memoria.distill.base import Base
from memoria.distill.dataset import ExampleWriter
from memoria.distill.durable import Durable, durable
from memoria.distill.learn import Distillation, Pause, distill, recipe_of
from memoria.distill.recipe import Recipe
from memoria.distill.unlearn import CHOSEN, folder_of, manifests, read_json, write_whole
from memoria.errors import InvalidQuery
from memoria.protocols import DecayPolicy, Embedder, Progress, Store
from memoria.recall.context import CountTokens, cost, estimate_tokens
from memoria.types import Memory, Namespace

NIGHTS = "nights.json"
"""In the folder of shards: whether nights distil, and the seconds that a shard took."""
PACE = 10.0
"""Seconds that a shard is taken to need before any was trained: about those of the small model on one core."""
RECIPE = Recipe(size=1, rank=2, alpha=4)
"""How nights train, where nothing was distilled before: an adapter for each memory, so that none is trained again when
others come or go, and free text is learnt (docs/research/weights.md)."""
_MANY = 1e9
DAYS = 30
"""Days of the recall log that tokens saved are taken from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """What is noted from night to night. on: whether a night distils without being told. pace: seconds of a shard."""

    on: bool = False
    pace: float | None = None


def habit(folder: Path | None) -> Habit:
    """What was noted in a folder of shards."""
    found = {} if folder is None else read_json(folder / NIGHTS, {})
    return Habit(**found)


def note_habit(folder: Path, now: Habit) -> None:
    """Notes it, if it is anything new."""
    if now != habit(folder):
        folder.mkdir(exist_ok=True)
        write_whole(folder / NIGHTS, json.dumps(asdict(now)).encode())


class Stint:
    """The seconds of one night. It is asked before each shard, and says whether to stop.

    Args:
        seconds: of the night, from now on.
        pace: seconds that a shard took before; None if none was trained.
        pause: whether somebody else wants it to stop.
    """

    def __init__(self, seconds: float, pace: float | None, pause: Pause = lambda: False) -> None:
        self._started = time.perf_counter()
        self._seconds, self._pause = seconds, pause
        self._known, self._took = pace, list[float]()
        self._begun: float | None = None
        self._late = False

    @property
    def spent(self) -> float:
        """Seconds since it began."""
        return time.perf_counter() - self._started

    @property
    def pace(self) -> float:
        """Seconds that the next shard is taken to need: the longest of tonight, or what one took before."""
        return max(self._took, default=PACE if self._known is None else self._known)

    @property
    def measured(self) -> bool:
        """Whether a shard was trained, now or before."""
        return bool(self._took) or self._known is not None

    @property
    def noted(self) -> float | None:
        """What the next night goes by: the shortest of tonight. Half of what was known where there was no time for one.

        A machine that was busy once is not so for ever, and a store must not wait for ever because it was.
        """
        known = self._known / 2 if self._known is not None and self._late else self._known
        return min(self._took, default=known)

    def room(self) -> int:
        """How many shards fit into what is left; one where nothing is known of how long they take."""
        fit = int(min((self._seconds - self.spent) / self.pace, _MANY))
        fit = max(fit, 0 if self.measured else 1)
        self._late |= not fit
        return fit

    def __call__(self) -> bool:
        self.ended()
        stop = self._pause() or not self.room()
        self._begun = None if stop else time.perf_counter()
        return stop

    def ended(self) -> None:
        """A shard was finished, if one was begun."""
        if self._begun is not None:
            self._took.append(time.perf_counter() - self._begun)
            self._begun = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a night is to learn.

    Attributes:
        chosen: what is to be in weights: what stays, and the new memories that fit into the budget.
        later: durable memories that do not fit, best first.
        missing: ids of each shard that is to be trained for it.
    """

    chosen: tuple[Memory, ...]
    later: tuple[Memory, ...]
    missing: tuple[tuple[str, ...], ...]


def plan(found: Durable, begun: Sequence[Memory], there: Collection[str], recipe: Recipe, room: int) -> Plan:
    """What fits into the time for `room` shards.

    Args:
        found: what is durable, and what may stay.
        begun: what is in weights, or was to be.
        there: names of the shards that are in place.
        recipe: how shards are trained, and how memories share them.
        room: shards that can be trained.
    """
    stay = [one for one in begun if one.id in found.stay]
    known = {one.id for one in stay}
    new = [one.memory for one in found.best if one.memory.id not in known]

    def missing(count: int) -> tuple[tuple[str, ...], ...]:
        all_ = shards.plan([*stay, *new[:count]], recipe.size, own=recipe.own_rank > 0)
        planned = [tuple(one.id for one in shard) for shard in all_]
        return tuple(ids for ids in planned if shards.name_of(ids) not in there)

    low, high = 0, len(new)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(missing(middle)) <= room else (low, middle - 1)
    return Plan(chosen=(*stay, *new[:low]), later=tuple(new[low:]), missing=missing(low))


@dataclass(frozen=True, slots=True, kw_only=True)
class Nightly:
    """What a night works with.

    Attributes:
        store, embedder: of the memories.
        policy, keeper: by which they fade, and budgets keep them.
        prefix: only memories in this namespace or below it.
        at: when it is taken to be.
        load: loads the base model.
        cap: most memories of each namespace in weights.
        seconds: that it may take.
        model, recipe: those asked for; None are those of the last distillation, else the small model and `RECIPE`.
        write: makes the examples of a memory; None is by rules.
        progress: told how many shards are done.
        pause: asked before each shard whether to stop.
    """

    store: Store
    embedder: Embedder
    policy: DecayPolicy
    keeper: DecayPolicy
    prefix: Namespace
    at: datetime
    load: Callable[[], Base]
    cap: int
    seconds: float = NIGHT_SECONDS
    model: str | None = None
    recipe: Recipe | None = None
    write: ExampleWriter | None = None
    progress: Progress | None = None
    pause: Pause = lambda: False


def dream(night: Nightly, *, dry_run: bool = False) -> Dream:
    """Learns what is durable within the seconds of a night; a dry run loads no model.

    Raises InvalidQuery for a store in memory, or if examples were given before and are not now; ModelNotFound.
    """
    folder = _folder(night.store)
    known = habit(folder)
    stint = Stint(night.seconds, known.pace, night.pause)
    found = durable(night.store, night.policy, night.keeper, night.prefix, night.at, night.cap)
    before = _before(night, folder)
    planned = plan(found, before.begun, before.names, before.recipe, stint.room())
    if dry_run or _settled(planned, before):
        if not dry_run:
            note_habit(folder, Habit(on=True, pace=stint.noted if planned.later else known.pace))
        would = tuple(id for ids in planned.missing for id in ids)
        return _report(night, found, planned, before, would, stint, dry_run=dry_run)
    base = night.load()
    # Loading took some of the seconds, and says whether the shards are of this model.
    before = _before(night, folder, base)
    planned = plan(found, before.begun, before.names, before.recipe, stint.room())
    note_habit(folder, Habit(on=True, pace=known.pace))
    work = Distillation(
        store=night.store,
        embedder=night.embedder,
        base=base,
        recipe=before.recipe,
        write=night.write,
        progress=night.progress,
        pause=stint,
    )
    trained = set(distill(work, planned.chosen, night.prefix, older=True).trained)
    stint.ended()
    note_habit(folder, Habit(on=True, pace=stint.noted if planned.missing or planned.later else known.pace))
    now = _shards(night.store, folder, night.prefix)
    done = tuple(id for path, ids in now.items() if path.stem in trained for id in ids)
    return _report(night, found, planned, before, done, stint, dry_run=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
    """What a night begins with. begun: what is in weights or was to be. shards: ids of each shard by its path. names:
    of those that are as they are to be. recipe: to train with."""

    begun: tuple[Memory, ...]
    shards: Mapping[Path, tuple[str, ...]]
    names: frozenset[str]
    recipe: Recipe

    @property
    def learnt(self) -> set[str]:
        """Ids of what is in weights."""
        return {id for ids in self.shards.values() for id in ids}


def _before(night: Nightly, folder: Path, base: Base | None = None) -> _Before:
    """What there is. base: the model to train, once it is loaded: until then, the one asked for counts as another."""
    note = read_json(folder / CHOSEN, None)
    there = _shards(night.store, folder, night.prefix)
    if note is None:
        return _Before(begun=(), shards=there, names=frozenset(), recipe=night.recipe or RECIPE)
    if note["given"] and night.write is None:
        raise InvalidQuery("examples were written by a callable of yours: give it again, examples=")
    recipe = night.recipe or recipe_of(note)
    made = {path: one for path, one in manifests(folder).items() if one is not None and path in there}
    known = night.model in (None, note["model"])
    learnt = living(night.store, {id for ids in there.values() for id in ids})
    return _Before(
        begun=tuple(one for one in living(night.store, note["ids"]).values() if one.under(night.prefix)),
        shards=there,
        names=frozenset(
            path.stem
            for path, one in made.items()
            if Recipe.read(one.recipe) == recipe.of_one(own=shards.alone(learnt[one.ids[0]], recipe))
            and (known if base is None else one.base == base.sha256)
        ),
        recipe=recipe,
    )


def _shards(store: Store, folder: Path, prefix: Namespace) -> dict[Path, tuple[str, ...]]:
    """The ids of each shard of memories under a namespace."""
    found = {path: one.ids for path, one in manifests(folder).items() if one is not None}
    there = living(store, {id for ids in found.values() for id in ids})
    return {path: ids for path, ids in found.items() if all(id in there and there[id].under(prefix) for id in ids)}


def _settled(planned: Plan, before: _Before) -> bool:
    """Whether there is nothing to train and nothing to wipe."""
    return not planned.missing and {one.id for one in planned.chosen} == {one.id for one in before.begun}


def _report(
    night: Nightly,
    found: Durable,
    planned: Plan,
    before: _Before,
    trained: Sequence[str],
    stint: Stint,
    *,
    dry_run: bool,
) -> Dream:
    """What a night did, or would do. trained: ids of what was learnt in it, or would be."""
    there = _shards(night.store, _folder(night.store), night.prefix)
    learnt = {id for ids in there.values() for id in ids}
    chosen, done = [one.id for one in planned.chosen], set(trained)
    saved, days = saved_per_day(night.store, night.prefix, learnt, night.at)
    waiting = [id for id in chosen if id not in learnt | done]
    return Dream(
        learnt=tuple(id for id in chosen if id in done),
        left=tuple(sorted(before.learnt.difference(chosen) & living(night.store, before.learnt).keys())),
        waiting=(*waiting, *(one.id for one in planned.later)),
        left_out=found.left_out,
        memories=len(learnt),
        seconds=len(planned.missing) * stint.pace if dry_run else stint.spent,
        pace=stint.pace,
        measured=stint.measured,
        bytes=sum(path.stat().st_size for path in there),
        saved=saved,
        days=days,
        dry_run=dry_run,
    )


def saved_per_day(
    store: Store, prefix: Namespace, ids: Collection[str], at: datetime, count: CountTokens = estimate_tokens
) -> tuple[float, float]:
    """Tokens a day that the notes of memories would take in prompts, and over how many days.

    By the recall log of the last `DAYS`: each time that a memory was found, its line would have been in a prompt. A use
    of a gist is one of each of its parts. count: of a text.
    """
    begin = at - timedelta(days=DAYS)
    lines = [one for one in store.recalls(prefix) if one.found and begin < one.at <= at]
    days = max(1.0, (at - min((one.at for one in lines), default=at)) / timedelta(days=1))
    uses, inside = Counter(one.id for one in lines), homes(store, set(ids))
    tokens = sum(uses[inside.get(id, id)] * cost(one, count) for id, one in living(store, ids).items())
    return tokens / days, days


def _folder(store: Store) -> Path:
    found = folder_of(store)
    if found is None:
        raise InvalidQuery("a store in memory has no folder for shards: open one with a path")
    return found

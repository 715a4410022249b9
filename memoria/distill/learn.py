"""distill: what is chosen is planned into shards, and each shard that is not there yet is trained and put in place."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.derived.lineage import living
from memoria.distill import shards
from memoria.distill.base import Base
from memoria.distill.dataset import ExampleWriter, digest, told_apart, written
from memoria.distill.recipe import Recipe, same_bits
from memoria.distill.route import said_of
from memoria.distill.train import train
from memoria.distill.unlearn import (
    CHOSEN,
    SUFFIX,
    Manifest,
    folder_of,
    manifests,
    read_json,
    sweep,
    text_sha256,
    unlearn,
    wipe,
    write_whole,
)
from memoria.english.questions import examples
from memoria.errors import InvalidQuery
from memoria.protocols import DecayPolicy, Embedder, Progress, Store
from memoria.types import Example, Memory, Namespace, Record, Where

if TYPE_CHECKING:
    from torch import Tensor

Chooser = Callable[[Record, float], bool]
"""Given a record and its retrievability, whether the memory should be learnt."""
Pause = Callable[[], bool]
"""Asked between two pieces of work; True leaves the rest for later."""
# Of the vectors that a shard is found by.
_KEYS = "questions and sentences"
_LIBRARIES = ("torch", "transformers", "peft", "tokenizers", "sentence-transformers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What a distillation did.

    Attributes:
        shards: names of the shards that are in place now.
        trained: those of them that were trained now.
        wiped: names of shards that were out of date and are gone.
        memories: how many memories are in weights.
        seconds: how long it took.
    """

    shards: tuple[str, ...]
    trained: tuple[str, ...]
    wiped: tuple[str, ...]
    memories: int
    seconds: float


def durable(record: Record, retrievability: float) -> bool:
    """The default choice: likely to be found again, and not said to be unimportant, unless it is repeated or pinned.

    What is judged from a text ranks memories, and keeps none out.
    """
    memory, trace = record.memory, record.trace
    return retrievability >= 0.5 and (memory.judged or memory.salience >= 0.5 or trace.retrievals >= 2 or trace.pinned)


def choose(
    store: Store, policy: DecayPolicy, prefix: Namespace, at: datetime, select: Chooser | Sequence[str] | None
) -> list[Memory]:
    """The memories to learn: those with the ids given, or what the chooser takes of what holds at `at`.

    What not everybody may see is passed over, for everybody asks the weights.
    """
    ids = None if select is None or callable(select) else tuple(select)
    archived = False if ids is None else None
    found = store.select(Where(namespace=prefix, ids=ids, archived=archived, restricted=False, visible=()))
    records = [record for record in store.read(found) if record is not None]
    if ids is not None:
        return [record.memory for record in records]
    chooser = select if callable(select) else durable
    valid = [one for one in records if one.memory.holds(at)]
    if not valid:
        return []
    scores = policy.retrievability([one.trace for one in valid], at)
    return [one.memory for one, score in zip(valid, scores, strict=True) if chooser(one, float(score))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distillation:
    """What a distillation works with. pause: asked before each shard is trained; True leaves the rest for later."""

    store: Store
    embedder: Embedder
    base: Base
    recipe: Recipe
    write: ExampleWriter | None = None
    progress: Progress | None = None
    pause: Pause = lambda: False

    @property
    def folder(self) -> Path:
        """Where shards go; raises InvalidQuery for a store without a directory."""
        found = folder_of(self.store)
        if found is None:
            raise InvalidQuery("a store in memory has no folder for shards: open one with a path")
        return found


def distill(work: Distillation, chosen: Sequence[Memory], prefix: Namespace, *, older: bool = False) -> Learnt:
    """Brings the shards under a namespace to exactly what `chosen` asks for; goes on where a killed one stopped.

    older: whether shards that other versions of the libraries, or another device, made may stay.
    """
    started = time.perf_counter()
    work.folder.mkdir(exist_ok=True)
    work.recipe.check(len(work.base.layers))
    want = [Task.of(work, one) for one in shards.plan(chosen, work.recipe.size, own=work.recipe.own_rank > 0)]
    with work.store.alone():
        sweep(work.store)
        outside = {one.id for one in _elsewhere(work, prefix)}
        _write_chosen(work, {one.id for one in chosen} | outside)
        wiped = _drop(work, want, outside, older=older)
    trained = _train_missing(work, want)
    return Learnt(
        shards=tuple(one.name for one in want),
        trained=trained,
        wiped=wiped,
        memories=len(chosen),
        seconds=time.perf_counter() - started,
    )


def _write_chosen(work: Distillation, ids: set[str]) -> None:
    """Notes what is to be learnt, before it is, so that it can be taken up again."""
    note = {
        "ids": sorted(living(work.store, ids)),
        "model": str(work.base.given),
        "device": work.base.device,
        "dtype": work.base.dtype,
        "recipe": asdict(work.recipe),
        "given": work.write is not None,
    }
    write_whole(work.folder / CHOSEN, json.dumps(note).encode())


def repair(work: Distillation, prefix: Namespace) -> Learnt:
    """Relearns what survivors of wiped shards had learnt, into weights that never saw what was forgotten."""
    note = chosen_note(work.folder)
    if note["given"] and work.write is None:
        raise InvalidQuery("examples were written by a callable of yours: give it again, examples=")
    return distill(work, _chosen_under(work.store, note, prefix), prefix, older=True)


def gaps(store: Store, prefix: Namespace) -> tuple[str, ...]:
    """Ids of memories that wait to be relearnt, for their shard is not there. Reads headers alone, loads no model."""
    folder = folder_of(store)
    note = None if folder is None else read_json(folder / CHOSEN, None)
    if folder is None or note is None:
        return ()
    recipe = recipe_of(note)
    planned = shards.plan(_chosen_under(store, note, prefix), recipe.size, own=recipe.own_rank > 0)
    names = {path.stem for path, found in manifests(folder).items() if found is not None}
    waiting = ([one.id for one in shard] for shard in planned)
    return tuple(id for ids in waiting if shards.name_of(ids) not in names for id in ids)


def _chosen_under(store: Store, note: dict[str, Any], prefix: Namespace) -> list[Memory]:
    """What was chosen to be learnt under a namespace, is there, and is for everybody still."""
    found = living(store, note["ids"]).values()
    return [one for one in found if one.under(prefix) and one.visible_to is None]


def chosen_note(folder: Path) -> dict[str, Any]:
    """What was chosen to be learnt: ids, model, recipe; raises InvalidQuery when nothing ever was."""
    found = read_json(folder / CHOSEN, None)
    if found is None:
        raise InvalidQuery(f"{folder} holds nothing distilled")
    return dict(found)


def recipe_of(note: dict[str, Any]) -> Recipe:
    return Recipe.read(note["recipe"])


def _elsewhere(work: Distillation, prefix: Namespace) -> list[Memory]:
    """What was chosen before in other namespaces than those under `prefix`, and stays."""
    before = read_json(work.folder / CHOSEN, {"ids": []})["ids"]
    found = living(work.store, before).values()
    return [one for one in found if not one.under(prefix) and one.visible_to is None]


def versions() -> dict[str, str]:
    """Of the libraries that the bits of a shard depend on, and of the keys that it is found by."""
    return {**{name: version(name) for name in _LIBRARIES}, "keys": _KEYS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A shard as it is to be. manifest: without the hash of its tensors."""

    memories: tuple[Memory, ...]
    recipe: Recipe
    made: tuple[tuple[Example, ...], ...]
    manifest: Manifest

    @property
    def name(self) -> str:
        return shards.name_of(self.manifest.ids)

    @classmethod
    def of(cls, work: Distillation, memories: tuple[Memory, ...]) -> Task:
        """What the shard of these memories is to be."""
        made = tuple(told_apart([written(one, work.write or examples) for one in memories]))
        recipe = work.recipe.of_one(own=shards.alone(memories[0], work.recipe))
        manifest = Manifest(
            ids=tuple(one.id for one in memories),
            parts=tuple(sorted(part.id for one in memories for part in one.parts)),
            texts={one.id: text_sha256(one) for one in memories},
            data=digest(made),
            base=work.base.sha256,
            recipe=json.loads(json.dumps(asdict(recipe))),
            versions=versions(),
            device=work.base.device,
            dtype=work.base.dtype,
        )
        return cls(memories=memories, recipe=recipe, made=made, manifest=manifest)


def _drop(work: Distillation, want: Sequence[Task], outside: set[str], *, older: bool) -> tuple[str, ...]:
    """Wipes shards that are not wanted as they are, those of other namespaces aside."""
    wanted = {one.name: one.manifest for one in want}
    gone: list[str] = []
    for path, found in manifests(work.folder).items():
        there = _as_here(work, found) if found is not None and older else found
        if there is not None and (outside.issuperset(there.ids) or _sound(path, there, wanted.get(path.stem))):
            continue
        # Through the one door, so that copies of it outside the store go too.
        gone += _unlearn_shard(work, path, found)
    return tuple(gone)


def _as_here(work: Distillation, found: Manifest) -> Manifest:
    """A manifest as if these versions of the libraries, on this device, had made the shard."""
    return replace(found, versions=versions(), device=work.base.device, dtype=work.base.dtype)


def _unlearn_shard(work: Distillation, path: Path, found: Manifest | None) -> tuple[str, ...]:
    if found is None:
        wipe(path)
        return (path.stem,)
    return unlearn(work.store, (), found.ids).shards


def _sound(path: Path, found: Manifest, wanted: Manifest | None) -> bool:
    """Whether a shard is the one wanted, and whole: a kill may have cut its wiping short."""
    return same(wanted, found) and shards.read(path, found) is not None


def same(wanted: Manifest | None, found: Manifest) -> bool:
    """Whether a shard is the one wanted."""
    # An older manifest does not name what has come since, and is as by default.
    plain = replace(found, tensors="", recipe={})
    return (
        wanted is not None
        and plain == replace(wanted, recipe={})
        and Recipe.read(found.recipe) == Recipe.read(wanted.recipe)
    )


def _train_missing(work: Distillation, want: Sequence[Task]) -> tuple[str, ...]:
    missing = [one for one in want if not (work.folder / (one.name + SUFFIX)).exists()]
    trained = []
    for done, task in enumerate(missing, 1):
        if work.pause():
            break
        tensors = shard_tensors(work, task)
        if _publish(work, task, tensors):
            trained.append(task.name)
        if work.progress is not None:
            work.progress("distill", done, len(missing))
    return tuple(trained)


def shard_tensors(work: Distillation, task: Task) -> dict[str, Tensor]:
    """The tensors of a shard: what was trained, and the questions and sentences that find it, each with its memory."""
    learnt, _ = train(work.base, task.made, task.recipe, [one.text for one in task.memories])
    asked, owners = _keys(work, [[one.prompt for one in each] for each in task.made])
    said, speakers = _keys(work, [said_of(one) for one in task.memories])
    route = {shards.VECTORS: asked, shards.OWNERS: owners, shards.SAID: said, shards.SPEAKERS: speakers}
    return {**learnt, **route}


def _keys(work: Distillation, texts: Sequence[Sequence[str]]) -> tuple[Tensor, Tensor]:
    """Unit vectors of texts of each memory, and which memory each is of."""
    import torch

    with same_bits(work.recipe):
        vectors = work.embedder.embed([one for each in texts for one in each])
    owners = [n for n, each in enumerate(texts) for _ in each]
    return torch.nn.functional.normalize(torch.from_numpy(vectors.copy())), torch.tensor(owners)


def _publish(work: Distillation, task: Task, tensors: dict[str, Tensor]) -> bool:
    """Puts a shard in place, unless one of its memories went or changed while it was trained."""
    with work.store.alone():
        there = living(work.store, {*task.manifest.ids, *task.manifest.parts})
        now = {id: text_sha256(there[id]) for id in task.manifest.ids if id in there}
        if now != task.manifest.texts or not set(task.manifest.parts) <= there.keys():
            return False
        shards.write(work.folder, task.manifest, tensors)
        return True


def missing(desk_folder: Path, ids: Iterable[str]) -> set[str]:
    """Those of `ids` that no shard holds."""
    learnt = {id for one in manifests(desk_folder).values() if one is not None for id in one.ids}
    return set(ids) - learnt

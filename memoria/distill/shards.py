"""Which memories share a shard, and how a shard is written. The plan depends only on live memories, so that it shows
nothing of what was forgotten."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from memoria.distill.recipe import Recipe
from memoria.distill.train import tensors_sha256
from memoria.distill.unlearn import SUFFIX, Manifest, write_whole
from memoria.english.questions import states_fact
from memoria.stores.shards import is_sealed_shard, read_shard
from memoria.types import Memory, Namespace

if TYPE_CHECKING:
    from torch import Tensor

VECTORS = "route.vectors"
OWNERS = "route.owners"
SAID = "route.said"
SPEAKERS = "route.said.owners"
ROUTE = "route."
"""What begins the names of tensors that are not trained: vectors that a shard is found by, and of whom."""


def plan(memories: Iterable[Memory], size: int, *, own: bool = False) -> list[tuple[Memory, ...]]:
    """Shards of at most `size` memories of one namespace each, in the order of ids.

    A hash trie over ids: adding or removing a memory changes only its own shard and at most merges or splits it. own:
    whether each memory in free text has one for itself; which it is in tells its text alone.
    """
    homes: dict[Namespace, list[Memory]] = {}
    for one in sorted(memories, key=lambda memory: memory.id):
        homes.setdefault(one.namespace, []).append(one)
    return [shard for home in sorted(homes) for shard in _of_home(homes[home], size, own=own)]


def alone(memory: Memory, recipe: Recipe) -> bool:
    """Whether a memory has a shard for itself by its text: it is no fact that a value answers."""
    return recipe.own_rank > 0 and not states_fact(memory)


def _of_home(memories: Sequence[Memory], size: int, *, own: bool) -> list[tuple[Memory, ...]]:
    apart = [own and not states_fact(one) for one in memories]
    shared = [one for one, by_itself in zip(memories, apart, strict=True) if not by_itself]
    return [*((one,) for one, by_itself in zip(memories, apart, strict=True) if by_itself), *_split(shared, size, 0)]


def _split(memories: Sequence[Memory], size: int, depth: int) -> list[tuple[Memory, ...]]:
    if len(memories) <= size:
        return [tuple(memories)] if memories else []
    sides: tuple[list[Memory], list[Memory]] = ([], [])
    for one in memories:
        sides[_bit(one.id, depth)].append(one)
    return [shard for side in sides for shard in _split(side, size, depth + 1)]


def _bit(id: str, depth: int) -> int:
    digest = hashlib.sha256(id.encode()).digest()
    return digest[depth // 8 % len(digest)] >> (7 - depth % 8) & 1


def name_of(ids: Sequence[str]) -> str:
    """The name of the shard of these memories."""
    return hashlib.sha256(" ".join(ids).encode()).hexdigest()[:24]


def write(folder: Path, manifest: Manifest, tensors: Mapping[str, Tensor]) -> Path:
    """Writes a shard, whole or not at all; returns its path."""
    from safetensors.torch import save

    sealed = replace(manifest, tensors=tensors_sha256(tensors))
    path = folder / (name_of(manifest.ids) + SUFFIX)
    write_whole(path, save(dict(tensors), {"memoria": sealed.to_json()}))
    return path


def read(path: Path, manifest: Manifest) -> dict[str, Tensor] | None:
    """The tensors of a shard; None if the file is missing or its tensors do not have the SHA-256 in the manifest."""
    from safetensors import SafetensorError
    from safetensors.torch import load, load_file

    try:
        # Of a sealed store, from RAM: there is no clear copy on the disk.
        tensors = load(read_shard(path) or b"") if is_sealed_shard(path) else load_file(path)
    except (FileNotFoundError, SafetensorError):
        return None
    return tensors if tensors_sha256(tensors) == manifest.tensors else None

"""Which memories share a shard, and how a shard is written. The plan depends only on live memories, so that it shows
nothing of what was forgotten."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from memoria.distill.train import tensors_sha256
from memoria.distill.unlearn import SUFFIX, Manifest, write_whole
from memoria.stores.shards import is_sealed_shard, read_shard
from memoria.types import Memory, Namespace

if TYPE_CHECKING:
    from torch import Tensor

VECTORS = "route.vectors"
OWNERS = "route.owners"
SAID = "route.said"
SPEAKERS = "route.said.owners"
ROUTE = "route."
"""What begins the names of tensors that are no part of the adapter: vectors that a shard is found by, and of whom."""
_PREFIX, _A, _B = "base_model.model.", ".lora_A.weight", ".lora_B.weight"


def plan(memories: Iterable[Memory], size: int) -> list[tuple[Memory, ...]]:
    """Shards of at most `size` memories of one namespace each, in the order of ids.

    A hash trie over ids: adding or removing a memory changes only its own shard and at most merges or splits it.
    """
    homes: dict[Namespace, list[Memory]] = {}
    for one in sorted(memories, key=lambda memory: memory.id):
        homes.setdefault(one.namespace, []).append(one)
    return [shard for home in sorted(homes) for shard in _split(homes[home], size, 0)]


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


def updates(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor, Tensor]]:
    """For each linear map that an adapter changes: its name, A of shape (rank, in) and B of shape (out, rank)."""
    for key, down in tensors.items():
        if key.endswith(_A):
            yield key.removeprefix(_PREFIX).removesuffix(_A), down, tensors[key.removesuffix(_A) + _B]

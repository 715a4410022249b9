"""Forgetting from weights: shards that learnt a memory are overwritten and unlinked, with every copy that is listed.

A shard is one file, `adapters/<name>.safetensors`: tensors and, in the header, a manifest that names its memories.
Weights cannot be searched for a text, so the manifest decides. A shard that names a memory is wiped whole, before the
memory is erased; a file without a valid manifest is wiped too. Only the standard library is needed here.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from memoria.derived.lineage import living
from memoria.errors import StoreCorrupt
from memoria.protocols import Store
from memoria.stores.disk import opened, sync_data, sync_folder
from memoria.stores.shards import is_sealed_shard, read_shard, written_shard
from memoria.types import Memory

FOLDER, SUFFIX, HALF = "adapters", ".safetensors", ".half"
EXPORTS, CHOSEN = "exports.json", "chosen.json"
_LONGEST_HEADER = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a shard was made from; two shards with equal manifests are equal to the bit.

    ids: memories it learnt, sorted. parts: ids that these were made of. texts: SHA-256 of the text of each.
    data: SHA-256 of the examples. base: SHA-256 of the base's weights. recipe: how it was trained, seed and threads
    included. versions: of the libraries. tensors: SHA-256 of the tensors. device, dtype: where the base's weights were
    while it was trained, and in what.
    """

    ids: tuple[str, ...]
    parts: tuple[str, ...]
    texts: Mapping[str, str]
    data: str
    base: str
    recipe: Mapping[str, Any]
    versions: Mapping[str, str]
    tensors: str = ""
    device: str = "cpu"
    dtype: str = "float32"

    def names(self, ids: Collection[str]) -> bool:
        """Whether the shard learnt any of these."""
        return not set(ids).isdisjoint((*self.ids, *self.parts))

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """The manifest in a JSON text; raises ValueError, KeyError or TypeError if it is not one."""
        found = json.loads(text)
        return cls(**{**found, "ids": tuple(found["ids"]), "parts": tuple(found["parts"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlearnt:
    """Names of shards that were wiped, and paths of their copies outside the store."""

    shards: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A copy of shards outside the store. files: what is written, relative to `path`. half: whether it is under way."""

    path: str
    shards: tuple[str, ...]
    files: tuple[str, ...] = field(default=())
    half: bool = False


def folder_of(store: Store) -> Path | None:
    """The folder of a store's shards; None for a store that is not on disk."""
    path = getattr(store, "path", None)
    return None if path is None else Path(path) / FOLDER


def has_learnt(store: Store) -> bool:
    """Whether anything was ever distilled from a store. Very cheap, because every forget asks."""
    path = getattr(store, "path", None)
    return path is not None and os.path.isdir(os.path.join(path, FOLDER))


def text_sha256(memory: Memory) -> str:
    return hashlib.sha256(memory.text.encode()).hexdigest()


def manifests(folder: Path) -> dict[Path, Manifest | None]:
    """The manifest of each shard file, None if it cannot be read."""
    return {path: read_manifest(path) for path in sorted(folder.glob(f"*{SUFFIX}"))}


def read_manifest(path: Path) -> Manifest | None:
    """The manifest in the header of a safetensors file; None if there is none or the file is incomplete."""
    try:
        with io.BytesIO(read_shard(path) or b"") if is_sealed_shard(path) else path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length)) if 0 < length < _LONGEST_HEADER else {}
        return Manifest.from_json(header["__metadata__"]["memoria"])
    except (ValueError, KeyError, TypeError, FileNotFoundError):
        return None


def unlearn(store: Store, gone: Collection[str], changed: Collection[str] = ()) -> Unlearnt:
    """Wipes every shard that learnt any of these, and its listed copies. Durable when it returns.

    changed: memories that stay with another text, and are to be learnt again.
    """
    folder = folder_of(store)
    if folder is None or not folder.is_dir():
        return Unlearnt()
    saw = _saw(folder, {*gone, *changed})
    halves = list(folder.glob(f"*{HALF}"))
    copies = _wipe_exports(folder, {path.stem for path in saw})
    for path in (*saw, *halves):
        wipe(path)
    _drop_chosen(folder, gone)
    if saw or halves:
        sync_folder(folder)
    return Unlearnt(shards=tuple(path.stem for path in saw), exports=copies)


def would_unlearn(store: Store, gone: Collection[str], changed: Collection[str] = ()) -> Unlearnt:
    """What `unlearn` would wipe."""
    folder = folder_of(store)
    if folder is None or not folder.is_dir():
        return Unlearnt()
    names = {path.stem for path in _saw(folder, {*gone, *changed})}
    copies = (one.path for one in exports(folder) if not names.isdisjoint(one.shards))
    return Unlearnt(shards=tuple(sorted(names)), exports=tuple(copies))


def _saw(folder: Path, ids: Collection[str]) -> list[Path]:
    """The shards that learnt any of these, or of which nobody can say what they learnt."""
    return [path for path, found in manifests(folder).items() if found is None or found.names(ids)]


def sweep(store: Store) -> Unlearnt:
    """Wipes what may not be used: half-written files, and shards of memories that are gone or have another text."""
    folder = folder_of(store)
    if folder is None or not folder.is_dir():
        return Unlearnt()
    _drop_halves(folder)
    found = manifests(folder)
    wanted = {id for one in found.values() if one is not None for id in (*one.ids, *one.parts)}
    texts = {id: text_sha256(memory) for id, memory in living(store, wanted).items()}
    said = {pair for one in found.values() if one is not None for pair in one.texts.items()}
    changed = {id for id, text in said if texts.get(id) != text}
    return unlearn(store, wanted - texts.keys(), changed)


def wipe(path: Path) -> None:
    """Overwrites a file with zeros, syncs and unlinks it; does nothing if there is none."""
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        return
    with file:
        size = path.stat().st_size
        for start in range(0, size, 1 << 20):
            file.write(bytes(min(1 << 20, size - start)))
        file.flush()
        sync_data(file.fileno())
    path.unlink()


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file so that after any crash it is complete or not there."""
    half = path.with_name(path.name + HALF)
    with os.fdopen(opened(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
        file.write(written_shard(path, data))
        file.flush()
        sync_data(file.fileno())
    half.replace(path)
    sync_folder(path.parent)


def exports(folder: Path) -> list[Export]:
    """The listed copies outside the store."""
    return [
        Export(path=one["path"], shards=tuple(one["shards"]), files=tuple(one["files"]), half=one.get("half", False))
        for one in read_json(folder / EXPORTS, [])
    ]


def write_exports(folder: Path, known: Collection[Export]) -> None:
    write_whole(folder / EXPORTS, json.dumps([asdict(one) for one in known]).encode())


def read_json(path: Path, default: Any) -> Any:
    if not path.exists():
        return default
    data = read_shard(path)
    if data is None:
        raise StoreCorrupt(f"{path} does not open under the key of its store: it was changed, or is of another store")
    return json.loads(data)


def _wipe_exports(folder: Path, shards: Collection[str]) -> tuple[str, ...]:
    """Wipes copies that contain any of these shards, only files that the export wrote; returns their paths."""
    return _drop_exports(folder, [one for one in exports(folder) if not set(shards).isdisjoint(one.shards)])


def _drop_exports(folder: Path, gone: Sequence[Export]) -> tuple[str, ...]:
    """Wipes listed copies and takes them off the list; returns the paths of those that were there."""
    there = tuple(one.path for one in gone if any(path.exists() for path in _inside(one)))
    for one in gone:
        for path in _inside(one):
            wipe(path)
    if gone:
        write_exports(folder, [one for one in exports(folder) if one not in gone])
    return there


def _drop_halves(folder: Path) -> None:
    """Wipes what exports that were killed had begun."""
    _drop_exports(folder, [one for one in exports(folder) if one.half])


def _inside(one: Export) -> Iterator[Path]:
    return (Path(one.path) / name for name in one.files)


def _drop_chosen(folder: Path, ids: Collection[str]) -> None:
    """Removes ids from the list of memories that were chosen to be learnt."""
    found = read_json(folder / CHOSEN, None)
    if found is not None and not set(found["ids"]).isdisjoint(ids):
        kept = [id for id in found["ids"] if id not in set(ids)]
        write_whole(folder / CHOSEN, json.dumps({**found, "ids": kept}).encode())

"""Copies of shards outside the store, as plain peft adapters or merged into a model. The store lists them, so that
forgetting wipes them where they were written."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from memoria.distill import shards
from memoria.distill.base import Base
from memoria.distill.kinds import KINDS
from memoria.distill.layout import is_transposed
from memoria.distill.lora import config as lora
from memoria.distill.lora import updates
from memoria.distill.recipe import Recipe
from memoria.distill.unlearn import HALF, Export, Manifest, exports, manifests, wipe, write_exports
from memoria.errors import InvalidQuery, NotExportable, StoreCorrupt
from memoria.extras import quiet
from memoria.stores.disk import sync_data, sync_folder

if TYPE_CHECKING:
    from torch import Tensor

Kind = Literal["peft", "merged"]
_ADAPTER = ("adapter_model.safetensors", "adapter_config.json")
_MERGED = ("model.safetensors", "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")


def export(base: Base, folder: Path, names: tuple[str, ...], to: Path, kind: Kind) -> list[Export]:
    """Writes shards to a new folder: each as a peft adapter ("peft"), or all in one model with the base ("merged").

    A merged model has no router: every shard is active for every query. The folder is whole or not there, whenever the
    process is killed: until it is synced it has another name. Raises InvalidQuery, StoreCorrupt.
    """
    if kind not in get_args(Kind):
        raise InvalidQuery(f"kind {kind!r} is not one of {', '.join(get_args(Kind))}")
    if to.exists() and any(to.iterdir()):
        raise InvalidQuery(f"{to} is not empty")
    found = {path.stem: (path, one) for path, one in manifests(folder).items() if one is not None}
    whole = [(name, *found[name]) for name in names if name in found]
    for shard in (Recipe.read(one.recipe).shard for _, _, one in whole):
        if not KINDS[shard].exports:
            raise NotExportable(shard)
    to = to.resolve()
    half = to.with_name(to.name + HALF)
    before = [one for one in exports(folder) if not one.half]
    planned = _planned(to, [name for name, _, _ in whole], kind)
    begun = [replace(one, half=True) for one in _planned(half, [name for name, _, _ in whole], kind)]
    # Listed before it is written, under both names, so that a crash leaves no copy that forgetting would miss.
    write_exports(folder, [*before, *planned, *begun])
    _cleared(half)
    if kind == "peft":
        for name, path, manifest in whole:
            _write_peft(base, half / name, _adapter(path, manifest), manifest)
    else:
        _write_merged(base, half, [(_adapter(path, manifest), manifest) for _, path, manifest in whole])
    if half.exists():
        _put_in_place(half, to)
    write_exports(folder, [*before, *planned])
    return planned


def _planned(to: Path, names: Sequence[str], kind: Kind) -> list[Export]:
    if kind == "merged":
        return [Export(path=str(to), shards=tuple(names), files=_MERGED)]
    return [Export(path=str(to / name), shards=(name,), files=_ADAPTER) for name in names]


def _cleared(half: Path) -> None:
    """Wipes what a killed export left."""
    for path in half.rglob("*"):
        if path.is_file():
            wipe(path)
    shutil.rmtree(half, ignore_errors=True)


def _put_in_place(half: Path, to: Path) -> None:
    """Gives a folder its name once every file in it is durable."""
    for path in sorted(half.rglob("*"), reverse=True):
        if path.is_dir():
            sync_folder(path)
        else:
            with path.open("r+b") as file:
                sync_data(file.fileno())
    sync_folder(half)
    if to.exists():
        to.rmdir()
    half.replace(to)
    sync_folder(to.parent)


def _adapter(path: Path, manifest: Manifest) -> dict[str, Tensor]:
    tensors = shards.read(path, manifest)
    if tensors is None:
        raise StoreCorrupt(f"{path} is not what its manifest says")
    return {name: one for name, one in tensors.items() if not name.startswith(shards.ROUTE)}


def _write_peft(base: Base, to: Path, tensors: dict[str, Tensor], manifest: Manifest) -> None:
    from safetensors.torch import save_file

    to.mkdir(parents=True)
    config = lora(base, Recipe.read(manifest.recipe))
    config.base_model_name_or_path = str(base.path)
    config.inference_mode = True
    config.save_pretrained(to)
    save_file(tensors, to / _ADAPTER[0], {"format": "pt"})


def _write_merged(base: Base, to: Path, whole: list[tuple[dict[str, Tensor], Manifest]]) -> None:
    from copy import deepcopy

    import torch

    with base.lock:
        model: Any = deepcopy(base.model)
    with torch.no_grad():
        for tensors, manifest in whole:
            recipe = Recipe.read(manifest.recipe)
            for name, down, up in updates(tensors):
                linear = model.get_submodule(name)
                more = ((up @ down) * (recipe.alpha / recipe.rank)).to(linear.weight)
                linear.weight += more.T if is_transposed(linear) else more
    with quiet():
        model.save_pretrained(to, max_shard_size="1TB")
        base.tokenizer.save_pretrained(to)

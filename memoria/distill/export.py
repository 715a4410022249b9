"""Copies of shards outside the store, as plain peft adapters or merged into a model. The store lists them, so that
forgetting wipes them where they were written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from memoria.distill import shards
from memoria.distill.base import Base
from memoria.distill.kinds import KINDS
from memoria.distill.layout import is_transposed
from memoria.distill.lora import config as lora
from memoria.distill.lora import updates
from memoria.distill.recipe import Recipe
from memoria.distill.unlearn import Export, Manifest, exports, manifests, write_exports
from memoria.errors import InvalidQuery, NotExportable, StoreCorrupt
from memoria.extras import quiet

if TYPE_CHECKING:
    from torch import Tensor

Kind = Literal["peft", "merged"]
_ADAPTER = ("adapter_model.safetensors", "adapter_config.json")
_MERGED = ("model.safetensors", "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")


def export(base: Base, folder: Path, names: tuple[str, ...], to: Path, kind: Kind) -> list[Export]:
    """Writes shards to a new folder: each as a peft adapter ("peft"), or all in one model with the base ("merged").

    A merged model has no router: every shard is active for every query. Raises InvalidQuery, StoreCorrupt.
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
    if kind == "peft":
        planned = [Export(path=str(to / name), shards=(name,), files=_ADAPTER) for name, _, _ in whole]
    else:
        planned = [Export(path=str(to), shards=tuple(name for name, _, _ in whole), files=_MERGED)]
    # Listed before it is written, so that a crash leaves no copy that forgetting would miss.
    write_exports(folder, [*exports(folder), *planned])
    if kind == "peft":
        for name, path, manifest in whole:
            _write_peft(base, to / name, _adapter(path, manifest), manifest)
    else:
        _write_merged(base, to, [(_adapter(path, manifest), manifest) for _, path, manifest in whole])
    return planned


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

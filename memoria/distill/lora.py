"""Shards as LoRA adapters (Hu et al. 2021, arXiv:2106.09685): an update of low rank for linear maps of late layers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from memoria.distill.base import Base
from memoria.distill.layout import is_transposed, names_of
from memoria.distill.recipe import Recipe, adapted_layers

if TYPE_CHECKING:
    from torch import Tensor

_PREFIX, _A, _B = "base_model.model.", ".lora_A.weight", ".lora_B.weight"


class Lora:
    """Adapters by peft."""

    placed = False
    exports = True

    def rate(self, recipe: Recipe) -> float:
        """The learning rate at its highest."""
        return recipe.rate

    @contextmanager
    def fresh(
        self, base: Base, recipe: Recipe, texts: Sequence[str]
    ) -> Iterator[tuple[list[Tensor], Callable[[], dict[str, Tensor]]]]:
        """The base with a fresh adapter, which is taken out again. texts: not used."""
        from peft import get_peft_model

        with warnings.catch_warnings():
            # peft asks transformers by a name that transformers is about to drop.
            warnings.simplefilter("ignore", FutureWarning)
            model = get_peft_model(base.model, config(base, recipe))
        try:
            yield [one for one in model.parameters() if one.requires_grad], lambda: _tensors(model)
        finally:
            model.unload()

    @contextmanager
    def active(self, base: Base, shards: Sequence[tuple[Mapping[str, Tensor], Recipe]]) -> Iterator[None]:
        """The base with the updates of adapters added."""
        with ExitStack() as hung:
            for tensors, recipe in shards:
                for name, down, up in updates(tensors):
                    linear = base.model.get_submodule(name)
                    hook = _hook(down, up, recipe.alpha / recipe.rank)
                    hung.callback(linear.register_forward_hook(hook).remove)
            yield


def config(base: Base, recipe: Recipe) -> Any:
    """The configuration for peft: the linear maps of the MLPs, whatever they are called, unless a recipe names others.

    Raises InvalidQuery when no linear map has a name that the recipe gives.
    """
    from peft import LoraConfig

    wanted = None if recipe.targets == Recipe().targets else recipe.targets
    names = names_of(base.layout, adapted_layers(base, recipe), wanted)
    return LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        target_modules=names,
        fan_in_fan_out=is_transposed(base.model.get_submodule(names[0])),
        task_type="CAUSAL_LM",
    )


def updates(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor, Tensor]]:
    """For each linear map that an adapter changes: its name, A of shape (rank, in) and B of shape (out, rank)."""
    for key, down in tensors.items():
        if key.endswith(_A):
            yield key.removeprefix(_PREFIX).removesuffix(_A), down, tensors[key.removesuffix(_A) + _B]


def _tensors(model: Any) -> dict[str, Tensor]:
    from peft import get_peft_model_state_dict

    found = get_peft_model_state_dict(model, save_embedding_layers=False)
    return {name: found[name].detach().float().clone() for name in sorted(found)}


def _hook(down: Tensor, up: Tensor, scale: float) -> Callable[..., Any]:
    """What adds an update, in float32, to the output of a linear map."""

    def add(module: Any, args: Any, out: Any) -> Any:
        return out + ((args[0].to(down.dtype) @ down.T @ up.T) * scale).to(out.dtype)

    return add

"""Shards as prefixes: keys and values that stand before every prompt (Li and Liang 2021, arXiv:2101.00190).

They begin as those of the memories' own tokens, as a cache of the text would hold them, and are then trained (Eyuboglu
et al. 2025, Cartridges, arXiv:2506.06266). They stand in late layers only, at positions before 0, so that what is below
does not change, and the order of several does not matter but for rounding.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from memoria.distill.base import Base
from memoria.distill.recipe import Recipe, adapted_layers
from memoria.errors import InvalidQuery

if TYPE_CHECKING:
    from torch import Tensor

    Pair = tuple[Tensor, Tensor]
    """Keys and values of one layer, each of shape (1, heads, p, d)."""

_HELD = "memoria_prefix"
_NO_ATTENTION = "shards of kind 'prefix' need attention in every adapted layer, through the interface of transformers"


class Prefix:
    """Keys and values by layer, named `prefix.<layer>.key` and `.value`."""

    placed = True
    exports = False

    def rate(self, recipe: Recipe) -> float:
        """The learning rate at its highest."""
        return recipe.prefix_rate

    @contextmanager
    def fresh(
        self, base: Base, recipe: Recipe, texts: Sequence[str]
    ) -> Iterator[tuple[list[Tensor], Callable[[], dict[str, Tensor]]]]:
        """The base with the keys and values of texts before every prompt."""
        if base.model.config.get_text_config(decoder=True)._attn_implementation != "sdpa":
            raise InvalidQuery("shards of kind 'prefix' need a model whose attention is torch's own: it has another")
        if not base.layout.rotary:
            raise InvalidQuery("shards of kind 'prefix' need rotary positions, which may lie before 0: it has others")
        pairs = _of_texts(base, recipe, texts)
        named = {
            f"prefix.{layer:03}.{what}": one
            for layer, pair in pairs.items()
            for what, one in zip(_WHAT, pair, strict=True)
        }
        for one in named.values():
            one.requires_grad_(True)
        with _attending(base, pairs, _attend):
            yield list(named.values()), lambda: {name: one.detach().clone() for name, one in named.items()}

    @contextmanager
    def active(self, base: Base, shards: Sequence[tuple[Mapping[str, Tensor], Recipe]]) -> Iterator[None]:
        """The base with prefixes, one after another, before every prompt."""
        layers: dict[int, list[Pair]] = {}
        for tensors, _ in shards:
            for layer, pair in _pairs(tensors).items():
                layers.setdefault(layer, []).append(pair)
        joined = {layer: _joined(each) for layer, each in layers.items()}
        with _attending(base, joined, _attend):
            yield


_WHAT = ("key", "value")


def _pairs(tensors: Mapping[str, Tensor]) -> dict[int, Pair]:
    found = sorted(name for name in tensors if name.endswith(".key"))
    return {int(name.split(".")[1]): (tensors[name], tensors[name.removesuffix("key") + "value"]) for name in found}


def _of_texts(base: Base, recipe: Recipe, texts: Sequence[str]) -> dict[int, Pair]:
    """For each layer the keys and values of at most `recipe.tokens` tokens of each text, evenly spaced."""
    each = [_of_text(base, recipe, text) for text in texts]
    return {layer: _joined([one[layer] for one in each]) for layer in adapted_layers(base, recipe)}


def _joined(each: Sequence[Pair]) -> Pair:
    """Keys and values one after another."""
    import torch

    keys, values = zip(*each, strict=True)
    return torch.cat(keys, 2).contiguous(), torch.cat(values, 2).contiguous()


def _of_text(base: Base, recipe: Recipe, text: str) -> dict[int, Pair]:
    """The keys and values of one text, at positions that end before 0, in each layer that is adapted.

    A first token is set before it, where attention sinks, and is left out again.
    """
    import torch

    said = base.tokenizer(text, add_special_tokens=False).input_ids
    ids = base.tensor([[base.end, *said]])
    held: dict[int, list[Pair]] = {layer: [] for layer in adapted_layers(base, recipe)}
    with torch.no_grad(), _attending(base, held, _watch):
        base.states(ids, places=torch.arange(-ids.shape[1], 0, device=base.device)[None])
    if not all(held.values()):
        raise InvalidQuery(_NO_ATTENTION)
    rows = torch.linspace(1, len(said), min(recipe.tokens, len(said))).round().long()
    return {layer: (key[:, :, rows].float(), value[:, :, rows].float()) for layer, ((key, value),) in held.items()}


@contextmanager
def _attending(base: Base, held: Mapping[int, Any], attend: Callable[..., Any]) -> Iterator[None]:
    """The base with another attention in some layers. held: what it finds in the module of each."""
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    name = f"memoria{attend.__name__}"
    ALL_ATTENTION_FUNCTIONS.register(name, attend)
    with ExitStack() as hung:
        for layer, one in held.items():
            attention = base.layout.attention(layer)
            if getattr(attention, "config", None) is None:
                raise InvalidQuery(_NO_ATTENTION)
            hung.callback(setattr, attention, "config", attention.config)
            attention.config = copy.copy(attention.config)
            attention.config._attn_implementation = name
            setattr(attention, _HELD, one)
            hung.callback(delattr, attention, _HELD)
        yield


def _watch(module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **rest: Any) -> Any:
    """Attention as it is, which keeps its keys and values."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    getattr(module, _HELD).append((key, value))
    return sdpa_attention_forward(module, query, key, value, attention_mask, **rest)


def _attend(module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **rest: Any) -> Any:
    """Attention to a prefix and to what stands in the prompt. query: (n, heads, t, d); mask: (n, 1, t, s) or None."""
    import torch
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    first, second = (one.to(key.dtype).expand(len(key), -1, -1, -1) for one in getattr(module, _HELD))
    steps, there, mask = query.shape[2], key.shape[2], attention_mask
    if mask is None and steps > 1:
        mask = torch.ones(1, 1, steps, there, dtype=torch.bool, device=key.device).tril(there - steps)
    if mask is not None:
        # True, or nothing to add: what stands before is seen from everywhere.
        seen = torch.ones if mask.dtype == torch.bool else torch.zeros
        mask = torch.cat([seen(*mask.shape[:3], first.shape[2], dtype=mask.dtype, device=key.device), mask], 3)
    return sdpa_attention_forward(
        module, query, torch.cat([first, key], 2), torch.cat([second, value], 2), mask, **rest
    )

"""Where things are in a causal model of any architecture: its decoder layers, their attention and their linear maps.

What is found by form alone is then tried on a few tokens: that what comes later does not change what is said before,
that the head by itself gives the model's logits, and whether lower layers may be left out once their output is known.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from memoria.errors import InvalidQuery

if TYPE_CHECKING:
    from torch import Tensor

# Tokens that a model is tried on; any will do.
_TRIED = (5, 9, 7, 8, 6, 4)
# Two ways to the same logits may differ by rounding: of the largest, in float32 and in anything shorter.
_NEAR, _NEAR_SHORT = 1e-4, 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The parts of a causal model.

    trunk: the module that holds the layers: tokens in, hidden states out. layers: the decoder layers, a ModuleList.
    prefix: name of that list in the model. takes_places: whether the trunk is told positions. rotary: whether a
    position acts by its distance to others alone. skips: whether layers may be passed over whose output is known.
    """

    trunk: Any
    layers: Any
    prefix: str
    takes_places: bool
    rotary: bool
    skips: bool = True

    def attention(self, layer: int) -> Any:
        """The attention of a layer; None where it has none."""
        return next((one for _, one in _attentions(self.layers[layer])), None)

    def maps(self, layer: int) -> list[str]:
        """Names, in the layer, of the linear maps of its MLP; of all where the MLP has none of its own."""
        inside = [f"{name}." for name, _ in _attentions(self.layers[layer])]
        every = self.every_map(layer)
        return [one for one in every if not one.startswith(tuple(inside))] or every

    def every_map(self, layer: int) -> list[str]:
        """Names, in the layer, of all its linear maps."""
        return [name for name, one in self.layers[layer].named_modules() if is_linear(one)]

    @contextmanager
    def from_states(self, first: int, states: Tensor | None) -> Iterator[None]:
        """While it lasts, layers below `first` do nothing, and that one is given `states`, (n, t, h).

        states: None leaves all as it is.
        """
        with ExitStack() as hung:
            if states is not None and self.skips:
                for layer in self.layers[:first]:
                    layer.forward = _passed
                    hung.callback(layer.__dict__.pop, "forward")
                hook = self.layers[first].register_forward_pre_hook(_given(states), with_kwargs=True)
                hung.callback(hook.remove)
            yield

    def states_at(self, layer: int, **given: Any) -> Tensor:
        """What comes into a layer, of shape (n, t, h). given: to the trunk."""
        caught: list[Any] = []

        def catch(module: Any, args: Any, kwargs: Any) -> None:
            caught.append(args[0] if args else kwargs["hidden_states"])
            raise _ReachedError

        hook = self.layers[layer].register_forward_pre_hook(catch, with_kwargs=True)
        try:
            self.trunk(**given, use_cache=False)
        except _ReachedError:
            pass
        finally:
            hook.remove()
        return caught[0]  # type: ignore[no-any-return]

    @contextmanager
    def saying(self, states: Tensor) -> Iterator[None]:
        """While it lasts the trunk gives these states whatever it is asked, so that the model makes logits of them."""
        from transformers.modeling_outputs import BaseModelOutputWithPast

        class Given(BaseModelOutputWithPast):
            """The states, and of all else that a trunk may give, nothing."""

            def __getattr__(self, name: str) -> None:
                if name.startswith("__"):
                    raise AttributeError(name)

        self.trunk.forward = lambda *args, **kwargs: Given(last_hidden_state=states)
        try:
            yield
        finally:
            del self.trunk.forward


class _ReachedError(Exception):
    """The layer is reached: nothing above it is wanted."""


def _passed(hidden_states: Any, *args: Any, **kwargs: Any) -> Any:
    return hidden_states


def _given(states: Tensor) -> Any:
    """Gives a layer these hidden states instead of its own."""

    def give(module: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
        if args:
            return (states, *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": states}

    return give


def is_linear(module: Any) -> bool:
    """Whether a module is a linear map that an adapter can change, of either form."""
    from torch.nn import Linear

    return isinstance(module, Linear) or is_transposed(module)


def is_transposed(module: Any) -> bool:
    """Whether a linear map holds its weight as (in, out), as that of GPT-2 does."""
    from transformers.pytorch_utils import Conv1D

    return isinstance(module, Conv1D)


def _attentions(layer: Any) -> Iterator[tuple[str, Any]]:
    """The outermost modules of a layer that attend, by their name in it."""
    inside: tuple[str, ...] = ()
    for name, one in layer.named_modules():
        if name and not name.startswith(inside or ("\0",)) and "attention" in type(one).__name__.lower():
            inside += (f"{name}.",)
            yield name, one


def layout(model: Any) -> Layout:
    """The layout of a loaded model; raises InvalidQuery for one that shards cannot be made for."""
    name, layers = _list_of_layers(model)
    trunk = model.get_submodule(name.rpartition(".")[0])
    if not any(True for layer in layers for one in layer.modules() if is_linear(one)):
        raise InvalidQuery(f"the layers of {type(model).__name__} hold no linear maps that an adapter could change")
    found = Layout(
        trunk=trunk,
        layers=layers,
        prefix=name,
        takes_places="position_ids" in inspect.signature(trunk.forward).parameters,
        rotary=any("rotary" in type(one).__name__.lower() for one in trunk.modules()),
    )
    return _tried(model, found)


def _list_of_layers(model: Any) -> tuple[str, Any]:
    """The outermost list of as many modules as the configuration says there are layers, and its name."""
    from torch.nn import ModuleList

    wanted = getattr(model.config.get_text_config(decoder=True), "num_hidden_layers", None)
    found = [(name, one) for name, one in model.named_modules() if isinstance(one, ModuleList) and len(one) == wanted]
    if not found:
        raise InvalidQuery(
            f"{type(model).__name__} has no list of {wanted} decoder layers, so no shard can be put in it"
        )
    # A list of the whole layers stands above lists of their parts.
    return min(found, key=lambda pair: pair[0].count("."))


def _tried(model: Any, found: Layout) -> Layout:
    """The layout, tried on a few tokens; raises InvalidQuery when it does not hold."""
    import torch

    kind, device = type(model).__name__, next(model.parameters()).device
    ids = torch.tensor([_TRIED], device=device) % model.get_input_embeddings().num_embeddings
    with torch.no_grad():
        whole = _ran(model, found, ids)
        if not _same(whole[:, :-1], _ran(model, found, ids[:, :-1])):
            raise InvalidQuery(f"{kind} is no causal model: what comes later changes what it says before")
        states = found.trunk(input_ids=ids, use_cache=False)[0]
        if not _same(whole, logits(model, found, states)):
            raise InvalidQuery(f"{kind} makes its logits from more than what its last layer gives")
        skips = _skips(found, ids, states)
    return Layout(**{**{name: getattr(found, name) for name in Layout.__slots__}, "skips": skips})


def _skips(found: Layout, ids: Tensor, states: Tensor) -> bool:
    """Whether the last layer alone, given what comes into it, gives what all layers do."""
    last = len(found.layers) - 1
    try:
        with found.from_states(last, found.states_at(last, input_ids=ids)):
            return _same(states, found.trunk(input_ids=ids, use_cache=False)[0])
    except (RuntimeError, TypeError, ValueError, IndexError, KeyError, AttributeError):
        return False  # a layer that gives, or needs, more than hidden states


def _ran(model: Any, found: Layout, ids: Tensor) -> Tensor:
    try:
        return model(input_ids=ids, use_cache=False).logits  # type: ignore[no-any-return]
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise InvalidQuery(f"{type(model).__name__} does not run on tokens alone: {type(error).__name__}") from error


def _same(one: Tensor, other: Tensor) -> bool:
    import torch

    near = _NEAR if one.dtype == torch.float32 else _NEAR_SHORT
    one, other = one.float(), other.float()
    return one.shape == other.shape and bool((one - other).abs().max() <= near * one.abs().max())


def logits(model: Any, found: Layout, states: Tensor) -> Tensor:
    """What a model says of the last hidden states, (n, t, h) to (n, t, vocabulary): with its own scaling and caps."""
    import torch

    with found.saying(states):
        ids = torch.zeros(states.shape[:2], dtype=torch.long, device=states.device)
        said: Tensor = model(input_ids=ids, use_cache=False).logits
    return said


def names_of(found: Layout, layers: Sequence[int], targets: Sequence[str] | None) -> list[str]:
    """Full names of the linear maps in some layers that an adapter changes.

    targets: last parts of names; None is those of the MLPs. Raises InvalidQuery when there are none.
    """
    named = [
        f"{found.prefix}.{layer}.{name}"
        for layer in layers
        for name in (found.maps(layer) if targets is None else found.every_map(layer))
        if targets is None or name.rpartition(".")[2] in targets
    ]
    if not named:
        there = sorted({name.rpartition(".")[2] for layer in layers for name in found.every_map(layer)})
        raise InvalidQuery(f"targets {', '.join(targets or ())} name no linear map of the layers: {', '.join(there)}")
    return named

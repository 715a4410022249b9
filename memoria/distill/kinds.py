"""What a shard can be, behind one interface: it is trained, and it acts on the base while it is active.

`Recipe.shard`, which the manifest names, chooses one of `KINDS`. Files, routing, wiping and relearning are the same for
all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from memoria.distill.base import Base
from memoria.distill.lora import Lora
from memoria.distill.prefix import Prefix
from memoria.distill.recipe import Recipe, ShardKind

if TYPE_CHECKING:
    from torch import Tensor

    Fresh = tuple[list[Tensor], Callable[[], dict[str, Tensor]]]
    """Weights to train, and what reads the tensors of a shard from them, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A shard in RAM: its tensors by name, how it was trained, and ids of what it has seen."""

    name: str
    tensors: Mapping[str, Tensor]
    recipe: Recipe
    ids: tuple[str, ...]


class Kind(Protocol):
    """What is to be written for a kind of shard."""

    @property
    def placed(self) -> bool:
        """Whether it acts by the distance to the beginning of a prompt, which padding must not change."""

    @property
    def exports(self) -> bool:
        """Whether it is a peft adapter, which can also be merged into the base."""

    def rate(self, recipe: Recipe) -> float:
        """The learning rate at its highest."""

    def fresh(self, base: Base, recipe: Recipe, texts: Sequence[str]) -> AbstractContextManager[Fresh]:
        """The base with an untrained shard for memories of these texts, while it lasts.

        Raises InvalidQuery if the base cannot have one.
        """

    def active(self, base: Base, shards: Sequence[tuple[Mapping[str, Tensor], Recipe]]) -> AbstractContextManager[None]:
        """The base with these shards, while it lasts."""


KINDS: Mapping[ShardKind, Kind] = {"lora": Lora(), "prefix": Prefix()}


@contextmanager
def active(base: Base, shards: Sequence[Shard]) -> Iterator[None]:
    """The base with shards of any kinds, while it lasts. Without any it is untouched."""
    with ExitStack() as hung:
        for name, kind in KINDS.items():
            mine = [(one.tensors, one.recipe) for one in shards if one.recipe.shard == name]
            if mine:
                hung.enter_context(kind.active(base, mine))
        yield

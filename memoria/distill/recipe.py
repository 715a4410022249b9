"""Recipe: how a shard is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from memoria.distill.base import Base
from memoria.errors import InvalidQuery, shown

ShardKind = Literal["lora", "prefix"]
"""What a shard is: an update of linear maps, or keys and values that stand before every prompt."""
TrainingTarget = Literal["text", "context"]
"""What training aims at: the answers of the examples, or what the base would say with the memory in its prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a shard is trained. The same recipe, base, examples, versions and threads give the same bits.

    Attributes:
        size: memories in a shard, at most; >= 1.
        own_rank: rank of the shard that a memory in free text has for itself, for whole sentences begin alike, and one
            shard hardly tells several apart; 0: it shares one, as facts do that a value answers; >= 0. `alpha` goes
            with it.
        own_steps: steps of Adam for it, at most; >= 1.
        own_rows: examples in a step for it, at most; >= 1.
        shard: "lora" for an update of linear maps (Hu et al. 2021), "prefix" for keys and values (Li and Liang 2021).
        target: "text" for the answers of the examples, "context" for what the base would say with the memory in its
            prompt (Snell et al. 2022).
        last: how many layers, counted from the end, are adapted.
        skip: how many at the very end are not; less than `last`.
        rank: rank of LoRA; >= 1.
        alpha: the update is scaled by alpha / rank; >= 1.
        targets: names of the linear maps that LoRA adapts; by default those of the MLPs, whatever a model calls them.
        tokens: virtual tokens of a prefix for each memory, at most: no more than its text has; >= 1.
        steps: steps of Adam, at most; >= 1.
        each: examples of every memory in a step, at least; >= 1.
        rows: examples in a step, at least, if there are so many, so that a small shard is trained as well as a full
            one; >= 1.
        rate: learning rate of LoRA.
        prefix_rate: of keys and values, which are larger.
        enough: mean loss in nats at which training ends early.
        bf16: whether it is trained in bfloat16.
        seed: seed of the first weights.
        threads: threads of torch; >= 1.
    """

    size: int = 4
    own_rank: int = 2
    own_steps: int = 16
    own_rows: int = 4
    shard: ShardKind = "lora"
    target: TrainingTarget = "text"
    last: int = 12
    skip: int = 2
    rank: int = 8
    alpha: int = 16
    targets: tuple[str, ...] = ("gate_proj", "up_proj", "down_proj")
    tokens: int = 16
    steps: int = 24
    each: int = 2
    rows: int = 8
    rate: float = 5e-3
    prefix_rate: float = 0.1
    enough: float = 0.02
    bf16: bool = False
    seed: int = 0
    threads: int = 1

    def check(self, layers: int) -> None:
        """Checks the numbers.

        Args:
            layers: how many layers the model has.

        Raises:
            InvalidQuery: a number is too small, or `last` and `skip` leave no layer.
        """
        whole = {name: value for name, value in asdict(self).items() if name in _WHOLE}
        wrong = [f"{name} {value!r} is not at least 1" for name, value in whole.items() if value < 1]
        if self.own_rank < 0:
            wrong.append(f"own_rank {self.own_rank!r} is below 0")
        if not 0 <= self.skip < self.last <= layers:
            wrong.append(f"last {self.last!r} and skip {self.skip!r} leave no layer of {layers}")
        for name, one, allowed in (("shard", self.shard, ShardKind), ("target", self.target, TrainingTarget)):
            if one not in get_args(allowed):
                wrong.append(f"{name} {shown(one)} is not one of {', '.join(get_args(allowed))}")
        if wrong:
            raise InvalidQuery(*wrong)

    def of_one(self, *, own: bool) -> Recipe:
        """The recipe of one shard, which has no further kinds of shards.

        Args:
            own: whether it is that of one memory in free text.

        Returns:
            The recipe, with `own_rank` 0.
        """
        shared = replace(self, own_rank=0)
        if not own:
            return shared
        return replace(
            shared,
            size=1,
            rank=self.own_rank,
            alpha=max(1, self.alpha * self.own_rank // self.rank),
            steps=min(self.steps, self.own_steps),
            rows=min(self.rows, self.own_rows),
            each=min(self.each, self.own_rows),
        )

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Recipe:
        """The recipe in a manifest or a note.

        Args:
            found: its fields as JSON; what an older one does not name is as by default, but no shard of its own for
                free text, which there was not.

        Returns:
            The recipe.
        """
        return cls(**{"own_rank": 0, **found, "targets": tuple(found["targets"])})


_WHOLE = ("size", "own_steps", "own_rows", "rank", "alpha", "tokens", "steps", "each", "rows", "threads")


def adapted_layers(base: Base, recipe: Recipe) -> range:
    """Which layers a shard is in."""
    count = len(base.layers)
    return range(count - recipe.last, count - recipe.skip)


@contextmanager
def same_bits(recipe: Recipe) -> Iterator[None]:
    """Threads, algorithms and seed as the recipe says; as they were afterwards."""
    import torch

    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(recipe.threads)
    torch.use_deterministic_algorithms(True)
    try:
        with torch.random.fork_rng(devices=[]):
            # Of the CPU alone, where every shard begins, so that no other device's numbers are moved.
            torch.default_generator.manual_seed(recipe.seed)
            yield
    finally:
        torch.use_deterministic_algorithms(strict)
        torch.set_num_threads(threads)

"""What training aims at: the tokens of an answer, or what the base would say there with the memory in its prompt.

The second is context distillation (Snell et al. 2022, arXiv:2209.15189): the loss is the divergence of what the shard
says without the memory from what the base says with it. Of the teacher's distribution the largest logits are kept, in
RAM alone; the rest is one class more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memoria.distill.base import Base

if TYPE_CHECKING:
    from torch import Tensor

# Tokens of which the teacher's probability is kept, at each place.
_KEPT = 32
# Examples that the teacher reads at once.
_TOGETHER = 16


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of answers. labels: (n, a), -100 where nothing is asked."""

    labels: Tensor

    def loss(self, rows: Sequence[int], said: Tensor) -> Tensor:
        """Mean loss in nats. said: logits at each place that is asked in these rows, (m, vocabulary)."""
        import torch

        labels = self.labels[rows]
        return torch.nn.functional.cross_entropy(said, labels[labels != -100])


@dataclass(frozen=True, slots=True)
class Context:
    """What a teacher says at each place of answers. tokens, log_probs: (n, a, k), 0 and -inf where nothing is asked."""

    labels: Tensor
    tokens: Tensor
    log_probs: Tensor

    def loss(self, rows: Sequence[int], said: Tensor) -> Tensor:
        """Mean divergence (Kullback and Leibler 1951) from the teacher in nats. said: as of `Tokens`."""
        import torch

        asked = self.labels[rows] != -100
        kept = self.log_probs[rows][asked]
        own = said.log_softmax(-1).gather(1, self.tokens[rows][asked])
        inside = (kept.exp() * (kept - own)).sum(1)
        left = _rest(kept)
        outside = left.exp() * (left - _rest(own))
        return torch.add(inside, outside).mean()


def _rest(log_probs: Tensor) -> Tensor:
    """Log-probability of all other tokens."""
    import torch

    return torch.log1p(-log_probs.exp().sum(1).clamp(max=1 - 1e-6))


def _places(longest: int, count: int) -> list[int]:
    """Positions of a row that is padded on the left."""
    return [0] * (longest - count) + list(range(count))


def taught(base: Base, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], labels: Tensor) -> Context:
    """What the base says at each place of the answers.

    Args:
        base: the teacher.
        prompts: n prompts as tokens, with the memory in each.
        answers: n answers as tokens.
        labels: (n, a), the answers padded on the left with -100.
    """
    import torch

    shape = (*labels.shape, _KEPT)
    tokens = torch.zeros(shape, dtype=torch.long, device=base.device)
    log_probs = torch.zeros(shape, device=base.device)
    for at in range(0, len(answers), _TOGETHER):
        part = slice(at, at + _TOGETHER)
        rows = [[*asked, *said] for asked, said in zip(prompts[part], answers[part], strict=True)]
        longest = max(map(len, rows))
        ids = base.tensor([[0] * (longest - len(row)) + row for row in rows])
        mask = base.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
        places = None if base.layout.rotary else base.tensor([_places(longest, len(row)) for row in rows])
        width = labels.shape[1] + 1
        with torch.no_grad():
            said = base.logits(base.states(ids, mask, places)[:, -width:-1]).log_softmax(-1)
        kept = said.topk(_KEPT, dim=-1)
        tokens[part], log_probs[part] = kept.indices, kept.values
    return Context(labels=labels, tokens=tokens, log_probs=log_probs)

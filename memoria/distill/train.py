"""Training of one shard, of any kind and for any target, from the untouched base, by a fixed seed.

Hidden states below the first adapted layer do not change, so they are computed once, held in RAM and fed to the rest.
Nothing of a training is ever written to disk but the finished shard: no optimizer state, no cached states, no logits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from memoria.distill.base import Base
from memoria.distill.kinds import KINDS
from memoria.distill.recipe import Recipe, adapted_layers, same_bits
from memoria.distill.targets import Context, Tokens, taught
from memoria.distill.template import prompt_of
from memoria.types import Example

if TYPE_CHECKING:
    from torch import Tensor

Tensors = Mapping[str, "Tensor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Questions with answers, padded on the left. ids, mask: (n, t). labels: (n, a), -100 where nothing is asked.

    places: (n, t), of each token after the padding; None where they do not matter.
    """

    ids: Tensor
    mask: Tensor
    labels: Tensor
    places: Tensor | None


def train(
    base: Base, made: Sequence[Sequence[Example]], recipe: Recipe, texts: Sequence[str]
) -> tuple[dict[str, Tensor], list[float]]:
    """The tensors of a shard that answers the examples of each memory, and the loss at each step, in nats.

    texts: of each memory.
    """
    recipe.check(len(base.layers))
    kind = KINDS[recipe.shard]
    with base.lock, same_bits(recipe):
        flat = [(one, text) for each, text in zip(made, texts, strict=True) for one in each]
        # Where positions count by themselves, padding must not move them either.
        batch = _batch(base, [one for one, _ in flat], placed=kind.placed or not base.layout.rotary)
        target = Tokens(batch.labels) if recipe.target == "text" else _context(base, flat, batch)
        with kind.fresh(base, recipe, texts) as (weights, tensors):
            losses = _descend(base, weights, batch, target, _schedule([len(each) for each in made], recipe), recipe)
            return {name: one.cpu() for name, one in tensors().items()}, losses


def tensors_sha256(tensors: Tensors) -> str:
    """SHA-256 of names, shapes and bytes of tensors, in the order of names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        one = tensors[name]
        digest.update(f"{name}:{tuple(one.shape)}:{one.dtype}\n".encode())
        digest.update(one.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _batch(base: Base, made: Sequence[Example], *, placed: bool) -> _Batch:
    import torch

    rows = [_tokens(base, one) for one in made]
    longest, most = max(len(q) + len(a) for q, a in rows), max(len(a) for _, a in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros(len(rows), longest, dtype=torch.long)
    labels = torch.full((len(rows), most), -100, dtype=torch.long)
    for n, (question, answer) in enumerate(rows):
        both = torch.tensor(question + answer)
        ids[n, longest - len(both) :], mask[n, longest - len(both) :] = both, 1
        labels[n, most - len(answer) :] = torch.tensor(answer)
    places = (mask.cumsum(1) - 1).clamp(min=0).to(base.device) if placed else None
    return _Batch(ids=ids.to(base.device), mask=mask.to(base.device), labels=labels.to(base.device), places=places)


def _tokens(base: Base, one: Example) -> tuple[list[int], list[int]]:
    encode = base.tokenizer
    question: list[int] = encode(prompt_of(base, one.prompt), add_special_tokens=False).input_ids
    answer: list[int] = encode(one.answer, add_special_tokens=False).input_ids
    return question, [*answer, base.end]


def reminded(text: str, question: str) -> str:
    """A question with the memory before it, as the teacher reads it."""
    return f"{text}\n\n{question}"


def _context(base: Base, made: Sequence[tuple[Example, str]], batch: _Batch) -> Context:
    pairs = [_tokens(base, Example(prompt=reminded(text, one.prompt), answer=one.answer)) for one, text in made]
    return taught(base, [one for one, _ in pairs], [one for _, one in pairs], batch.labels)


def _schedule(counts: Sequence[int], recipe: Recipe) -> list[list[int]]:
    """Rows of each step: of every memory the next few of its examples, in turn."""
    starts = list(accumulate(counts, initial=0))[:-1]
    pairs = list(zip(starts, counts, strict=True))
    each = max(recipe.each, -(-recipe.rows // len(counts)))

    def rows(step: int, start: int, count: int) -> list[int]:
        return [start + (step * each + n) % count for n in range(min(each, count))]

    return [[row for pair in pairs for row in rows(step, *pair)] for step in range(recipe.steps)]


def _below(base: Base, batch: _Batch, first: int) -> Tensor | None:
    """What comes into layer `first`, (n, t, h); None where no layer may be passed over."""
    import torch

    if not base.layout.skips:
        return None
    with torch.no_grad():
        return base.layout.states_at(first, input_ids=batch.ids, attention_mask=batch.mask, **_placed(base, batch))


def _placed(base: Base, batch: _Batch) -> dict[str, Tensor]:
    return {"position_ids": batch.places} if batch.places is not None and base.layout.takes_places else {}


def _descend(
    base: Base,
    weights: list[Tensor],
    batch: _Batch,
    target: Tokens | Context,
    steps: Sequence[Sequence[int]],
    recipe: Recipe,
) -> list[float]:
    import torch

    first = adapted_layers(base, recipe).start
    states = _below(base, batch, first)
    states = states.bfloat16() if recipe.bf16 and states is not None else states
    rate = KINDS[recipe.shard].rate(recipe)
    adam = torch.optim.AdamW(weights, lr=rate, weight_decay=0.0, betas=(0.9, 0.95))
    # The rise takes more than one step, without which torch divides by its length of 0.
    rise = max(0.2, 1.01 / (len(steps) + 1))
    plan = torch.optim.lr_scheduler.OneCycleLR(adam, rate, total_steps=len(steps) + 1, pct_start=rise)
    losses: list[float] = []
    with _halved(base, recipe, 0 if states is None else first):
        for rows in steps:
            loss = target.loss(rows, _said(base, batch, None if states is None else states[rows], first, rows))
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            adam.step()
            plan.step()
            losses.append(float(loss.detach()))
            if len(losses) >= 4 and max(losses[-3:]) < recipe.enough:
                break
    return losses


@contextmanager
def _halved(base: Base, recipe: Recipe, first: int) -> Iterator[None]:
    """The frozen weights in bfloat16 for the while; the shard's stay in float32, and so do the originals.

    first: of the layers that are used.
    """
    below = {id(one) for layer in base.layers[:first] for one in layer.parameters()}
    used = (one for one in base.model.parameters() if id(one) not in below)
    kept = [(one, one.data) for one in used if recipe.bf16 and not one.requires_grad]
    for one, data in kept:
        one.data = data.bfloat16()
    try:
        yield
    finally:
        for one, data in kept:
            one.data = data


def _said(base: Base, batch: _Batch, states: Tensor | None, first: int, rows: Sequence[int]) -> Tensor:
    """Logits at the places that predict a token of an answer, (m, vocabulary): the head is as large as eight layers.

    states: what comes into layer `first`; None runs all layers.
    """
    labels = batch.labels[rows]
    width = labels.shape[1] + 1
    places = None if batch.places is None else batch.places[rows]
    with base.layout.from_states(first, states):
        inner = base.states(batch.ids[rows], batch.mask[rows], places)
    return base.logits(inner[:, -width:-1][labels != -100][None])[0]

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
from typing import TYPE_CHECKING, Any

from memoria.distill.base import Base
from memoria.distill.kinds import KINDS
from memoria.distill.recipe import Recipe, adapted_layers, same_bits
from memoria.distill.targets import Context, Tokens, taught
from memoria.types import Example

if TYPE_CHECKING:
    from torch import Tensor

Tensors = Mapping[str, "Tensor"]


def prompt_of(base: Base, text: str) -> str:
    """A question in the words of the model's chat template, without a system prompt; as it is without a template."""
    if base.tokenizer.chat_template is None:
        return f"{text}\n"
    turns = [{"role": "system", "content": ""}, {"role": "user", "content": text}]
    return str(base.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))


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
        batch = _batch(base, [one for one, _ in flat], placed=kind.placed)
        target = Tokens(batch.labels) if recipe.target == "text" else _context(base, flat, batch)
        with kind.fresh(base, recipe, texts) as (weights, tensors):
            losses = _descend(base, weights, batch, target, _schedule([len(each) for each in made], recipe), recipe)
            return tensors(), losses


def tensors_sha256(tensors: Tensors) -> str:
    """SHA-256 of names, shapes and bytes of tensors, in the order of names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        one = tensors[name]
        digest.update(f"{name}:{tuple(one.shape)}:{one.dtype}\n".encode())
        digest.update(one.contiguous().numpy().tobytes())
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
    places = (mask.cumsum(1) - 1).clamp(min=0) if placed else None
    return _Batch(ids=ids, mask=mask, labels=labels, places=places)


def _tokens(base: Base, one: Example) -> tuple[list[int], list[int]]:
    encode = base.tokenizer
    question: list[int] = encode(prompt_of(base, one.prompt), add_special_tokens=False).input_ids
    answer: list[int] = encode(one.answer, add_special_tokens=False).input_ids
    return question, [*answer, int(encode.eos_token_id)]


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


@contextmanager
def _only(base: Base, layers: Any) -> Iterator[None]:
    """The model with some of its layers alone."""
    inner = base.model.model
    whole = inner.layers
    inner.layers = layers
    try:
        yield
    finally:
        inner.layers = whole


def _below(base: Base, batch: _Batch, first: int) -> Tensor:
    """Hidden states that enter layer `first`, shape (n, t, h)."""
    import torch

    caught: list[Any] = []

    def catch(module: Any, args: Any, kwargs: Any) -> None:
        caught.append(args[0] if args else kwargs["hidden_states"])

    handle = base.layers[first].register_forward_pre_hook(catch, with_kwargs=True)
    try:
        with torch.no_grad(), _only(base, base.layers[: first + 1]):
            _inner(base, batch, slice(None), input_ids=batch.ids)
    finally:
        handle.remove()
    (states,) = caught
    return states  # type: ignore[no-any-return]


def _inner(base: Base, batch: _Batch, rows: Any, **given: Any) -> Tensor:
    """Hidden states after the last layer that is there, of some rows."""
    places = {} if batch.places is None else {"position_ids": batch.places[rows]}
    found: Tensor = base.model.model(
        **given, **places, attention_mask=batch.mask[rows], use_cache=False
    ).last_hidden_state
    return found


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
    states = states.bfloat16() if recipe.bf16 else states
    rate = KINDS[recipe.shard].rate(recipe)
    adam = torch.optim.AdamW(weights, lr=rate, weight_decay=0.0, betas=(0.9, 0.95))
    plan = torch.optim.lr_scheduler.OneCycleLR(adam, rate, total_steps=len(steps) + 1, pct_start=0.2)
    losses: list[float] = []
    with _only(base, base.layers[first:]), _halved(base, recipe):
        for rows in steps:
            loss = target.loss(rows, _said(base, batch, states, rows))
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
def _halved(base: Base, recipe: Recipe) -> Iterator[None]:
    """The frozen weights in bfloat16 for the while; the shard's stay in float32, and so do the originals."""
    kept = [(one, one.data) for one in base.model.parameters() if recipe.bf16 and not one.requires_grad]
    for one, data in kept:
        one.data = data.bfloat16()
    try:
        yield
    finally:
        for one, data in kept:
            one.data = data


def _said(base: Base, batch: _Batch, states: Tensor, rows: Sequence[int]) -> Tensor:
    """Logits at the places that predict a token of an answer, (m, vocabulary): the head is as large as eight layers."""
    labels = batch.labels[rows]
    width = labels.shape[1] + 1
    inner = _inner(base, batch, rows, inputs_embeds=states[rows])
    found: Tensor = base.model.get_output_embeddings()(inner[:, -width:-1][labels != -100]).float()
    return found

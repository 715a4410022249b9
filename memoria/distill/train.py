"""Training of one shard: a LoRA adapter (Hu et al. 2022) on late layers, from the untouched base, by a fixed seed.

Hidden states below the first adapted layer do not change, so they are computed once, held in RAM and fed to the rest.
Nothing of a training is ever written to disk but the finished adapter: no optimizer state, no cached states.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from memoria.distill.base import Base
from memoria.errors import InvalidQuery
from memoria.types import Example

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a shard is trained. The same recipe, base, examples, versions and threads give the same bits.

    Attributes:
        size: memories in a shard, at most; >= 1.
        last: how many layers, counted from the end, are adapted.
        skip: how many at the very end are not; less than `last`.
        rank: rank of LoRA (Hu et al. 2021); >= 1.
        alpha: the update is scaled by alpha / rank; >= 1.
        targets: names of the linear maps that are adapted.
        steps: steps of Adam, at most; >= 1.
        each: examples of every memory in a step, at least; >= 1.
        rows: examples in a step, at least, if there are so many, so that a small shard is trained as well as a full
            one; >= 1.
        rate: learning rate.
        enough: mean loss in nats at which training ends early.
        bf16: whether it is trained in bfloat16.
        seed: seed of the first weights.
        threads: threads of torch; >= 1.
    """

    size: int = 4
    last: int = 12
    skip: int = 2
    rank: int = 8
    alpha: int = 16
    targets: tuple[str, ...] = ("gate_proj", "up_proj", "down_proj")
    steps: int = 24
    each: int = 2
    rows: int = 8
    rate: float = 5e-3
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
        if not 0 <= self.skip < self.last <= layers:
            wrong.append(f"last {self.last!r} and skip {self.skip!r} leave no layer of {layers}")
        if wrong:
            raise InvalidQuery(*wrong)


_WHOLE = ("size", "rank", "alpha", "steps", "each", "rows", "threads")
Tensors = Mapping[str, "Tensor"]


def prompt_of(base: Base, text: str) -> str:
    """A question in the words of the model's chat template, without a system prompt; as it is without a template."""
    if base.tokenizer.chat_template is None:
        return f"{text}\n"
    turns = [{"role": "system", "content": ""}, {"role": "user", "content": text}]
    return str(base.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))


@contextmanager
def same_bits(recipe: Recipe) -> Iterator[None]:
    """Threads, algorithms and seed as the recipe says; as they were afterwards."""
    import torch

    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(recipe.threads)
    torch.use_deterministic_algorithms(True)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            yield
    finally:
        torch.use_deterministic_algorithms(strict)
        torch.set_num_threads(threads)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Questions with answers, padded on the left. ids, mask: (n, t). labels: (n, a), -100 where nothing is asked."""

    ids: Tensor
    mask: Tensor
    labels: Tensor


def train(base: Base, made: Sequence[Sequence[Example]], recipe: Recipe) -> tuple[dict[str, Tensor], list[float]]:
    """The tensors of an adapter that answers the examples of each memory, and the loss at each step, in nats."""
    recipe.check(len(base.layers))
    with base.lock, same_bits(recipe), _adapted(base, recipe) as model:
        batch = _batch(base, [one for each in made for one in each])
        steps = _schedule([len(each) for each in made], recipe)
        losses = _descend(base, model, batch, steps, recipe)
        return _tensors(model), losses


def tensors_sha256(tensors: Tensors) -> str:
    """SHA-256 of names, shapes and bytes of tensors, in the order of names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        one = tensors[name]
        digest.update(f"{name}:{tuple(one.shape)}:{one.dtype}\n".encode())
        digest.update(one.contiguous().numpy().tobytes())
    return digest.hexdigest()


def adapted_layers(base: Base, recipe: Recipe) -> range:
    """Which layers get an adapter."""
    count = len(base.layers)
    return range(count - recipe.last, count - recipe.skip)


def lora(base: Base, recipe: Recipe) -> Any:
    """The configuration for peft."""
    from peft import LoraConfig

    return LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        target_modules=list(recipe.targets),
        layers_to_transform=list(adapted_layers(base, recipe)),
        task_type="CAUSAL_LM",
    )


@contextmanager
def _adapted(base: Base, recipe: Recipe) -> Iterator[Any]:
    """The model with a fresh adapter, which is taken out again."""
    from peft import get_peft_model

    with warnings.catch_warnings():
        # peft asks transformers by a name that transformers is about to drop.
        warnings.simplefilter("ignore", FutureWarning)
        model = get_peft_model(base.model, lora(base, recipe))
    try:
        yield model
    finally:
        model.unload()


def _tensors(model: Any) -> dict[str, Tensor]:
    from peft import get_peft_model_state_dict

    found = get_peft_model_state_dict(model, save_embedding_layers=False)
    return {name: found[name].detach().clone() for name in sorted(found)}


def _batch(base: Base, made: Sequence[Example]) -> _Batch:
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
    return _Batch(ids=ids, mask=mask, labels=labels)


def _tokens(base: Base, one: Example) -> tuple[list[int], list[int]]:
    encode = base.tokenizer
    question: list[int] = encode(prompt_of(base, one.prompt), add_special_tokens=False).input_ids
    answer: list[int] = encode(one.answer, add_special_tokens=False).input_ids
    return question, [*answer, int(encode.eos_token_id)]


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
            base.model.model(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False)
    finally:
        handle.remove()
    (states,) = caught
    return states  # type: ignore[no-any-return]


def _descend(base: Base, model: Any, batch: _Batch, steps: Sequence[Sequence[int]], recipe: Recipe) -> list[float]:
    import torch

    first = adapted_layers(base, recipe).start
    states = _below(base, batch, first)
    states = states.bfloat16() if recipe.bf16 else states
    weights = [one for one in model.parameters() if one.requires_grad]
    adam = torch.optim.AdamW(weights, lr=recipe.rate, weight_decay=0.0, betas=(0.9, 0.95))
    plan = torch.optim.lr_scheduler.OneCycleLR(adam, recipe.rate, total_steps=len(steps) + 1, pct_start=0.2)
    losses: list[float] = []
    with _only(base, base.layers[first:]), _halved(base, model, recipe):
        for rows in steps:
            loss = _loss(base, batch, states, rows, recipe)
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
def _halved(base: Base, model: Any, recipe: Recipe) -> Iterator[None]:
    """The frozen weights in bfloat16 for the while; the adapter's stay in float32, and so do the originals."""
    kept = [(one, one.data) for one in model.parameters() if recipe.bf16 and not one.requires_grad]
    for one, data in kept:
        one.data = data.bfloat16()
    try:
        yield
    finally:
        for one, data in kept:
            one.data = data


def _loss(base: Base, batch: _Batch, states: Tensor, rows: Sequence[int], recipe: Recipe) -> Tensor:
    import torch

    labels = batch.labels[rows]
    width = labels.shape[1] + 1
    inner = base.model.model(inputs_embeds=states[rows], attention_mask=batch.mask[rows], use_cache=False)
    # Only places that predict a token of an answer go through the head, which is as large as eight layers.
    asked = labels != -100
    said = base.model.get_output_embeddings()(inner.last_hidden_state[:, -width:-1][asked]).float()
    return torch.nn.functional.cross_entropy(said, labels[asked])

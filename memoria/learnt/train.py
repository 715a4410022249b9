"""Training of the judge with torch: LoRA on every matrix of the encoder and a head over both texts, from pairs.

The number of steps is fixed, and everything that is drawn comes from the seed. Processors with matrix units compute in
bfloat16, which is three times as fast; numbers then differ in the third place between kinds of machine.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.embedders import MINILM_SHA256
from memoria.extras import need, quiet
from memoria.learnt.adapted import MOST, Adapted
from memoria.learnt.grammar import Pair
from memoria.protocols import Progress

if TYPE_CHECKING:
    from memoria.arrays import Vectors

RANK, HIDDEN, BATCH, STEPS = 16, 48, 24, 9000
RATE = 5e-4
# Tokens of a pair in training, less than what is read later: long talk costs most of the time.
_CUT = 72
# Batches that are sorted by length together, because padding costs time as well.
_SORTED = 16
_MARKS = (101, 102)  # [CLS] and [SEP] of BERT's vocabulary


def train(pairs: Sequence[Pair], folder: Path, steps: int, seed: int, progress: Progress) -> Adapted:
    """Trains on pairs in an order drawn from the seed, again from the beginning when they run out.

    folder: of the encoder. Raises MissingExtra without torch.
    """
    need("torch")
    import torch

    torch.manual_seed(seed)
    model = judging(folder)
    learnt = [one for one in model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=RATE)
    if has_matrix_units():
        for one in model.encoder.parameters():
            one.data = one.data if one.requires_grad else one.data.to(torch.bfloat16)
    for step, batch in enumerate(_batches(pairs, steps, seed)):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min((step + 1) / (0.1 * steps + 1), (steps - step) / (0.9 * steps))
        wanted = torch.tensor([float(one.untrue) for one in batch])
        odds: Any = model([(one.statement, one.memory) for one in batch], _CUT)
        loss: Any = torch.nn.functional.binary_cross_entropy_with_logits(odds.float(), wanted)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learnt, 1.0)
        optimizer.step()
        progress("steps", step + 1, steps)
    return adapted(model)


def has_matrix_units() -> bool:
    """Whether the processor multiplies matrices of bfloat16 by itself (AMX)."""
    known = Path("/proc/cpuinfo")
    return known.exists() and "amx_bf16" in known.read_text()


def _batches(pairs: Sequence[Pair], steps: int, seed: int) -> list[list[Pair]]:
    """Batches of pairs of about one length, in a drawn order."""
    rng = random.Random(seed)
    order: list[Pair] = []
    while len(order) < steps * BATCH:
        order += rng.sample(list(pairs), len(pairs))
    found = []
    for at in range(0, steps * BATCH, _SORTED * BATCH):
        some = sorted(order[at : min(at + _SORTED * BATCH, steps * BATCH)], key=_length)
        cut = [some[n : n + BATCH] for n in range(0, len(some), BATCH)]
        rng.shuffle(cut)
        found += cut
    return found


def _length(pair: Pair) -> int:
    return len(pair.statement) + len(pair.memory)


def judging(folder: Path) -> Any:
    """A module of torch: the encoder with something to be learnt added to each of its matrices, and a head.

    It takes pairs of texts, and how many tokens to read of each pair, to logits.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer

    class Added(torch.nn.Module):
        """W x + c + B A x. The gradient of the whole matrix is never computed, which saves a third of the time."""

        def __init__(self, linear: Any) -> None:
            super().__init__()
            out, into = linear.weight.shape
            self.linear = linear
            self.down = torch.nn.Parameter(torch.randn(RANK, into) / into**0.5)
            self.up = torch.nn.Parameter(torch.zeros(out, RANK))

        def forward(self, x: Any) -> Any:
            linear, kind = torch.nn.functional.linear, self.linear.weight.dtype
            return self.linear(x) + linear(linear(x, self.down.to(kind)), self.up.to(kind))

    class Judging(torch.nn.Module):
        """The judge in torch."""

        def __init__(self) -> None:
            super().__init__()
            with quiet():
                self.encoder = AutoModel.from_pretrained(
                    str(folder), add_pooling_layer=False, attn_implementation="eager"
                )
                self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder))
            self.encoder.requires_grad_(False)
            for name, one in list(self.encoder.encoder.named_modules()):
                if isinstance(one, torch.nn.Linear):
                    self.encoder.encoder.set_submodule(name, Added(one))
            self.hidden = torch.nn.Linear(4 * self.encoder.config.hidden_size, HIDDEN)
            self.last = torch.nn.Linear(HIDDEN, 1)
            self.eval()  # no dropout: little is learnt

        def forward(self, pairs: Sequence[tuple[str, str]], most: int = MOST) -> Any:
            texts = [[part.strip() for part in one] for one in zip(*pairs, strict=True)]
            read = self._tokenizer(*texts, truncation=True, max_length=most, padding=True, return_tensors="pt")
            x = self.encoder(**read).last_hidden_state
            return self.last(torch.tanh(self.hidden(_viewed(x, read))))[:, 0]

    return Judging()


def _viewed(x: Any, read: Mapping[str, Any]) -> Any:
    """[CLS], the means of both texts without the marks at their ends, and their distances; as in `forward.Pairs`."""
    import torch

    types, ids = read["token_type_ids"], read["input_ids"]
    said = (read["attention_mask"] == 1) & (ids != _MARKS[0]) & (ids != _MARKS[1])
    means = []
    for kind in (0, 1):
        mask = ((types == kind) & said).float()[:, :, None]
        means.append((x.float() * mask).sum(1) / mask.sum(1).clamp(min=1))
    first, second = means
    return torch.cat([x[:, 0].float(), first, second, (first - second).abs()], 1)


def adapted(model: Any) -> Adapted:
    """What a module of `judging` has learnt, not calibrated."""
    values: dict[str, Vectors] = {
        name: one.detach().numpy().copy() for name, one in model.named_parameters() if one.requires_grad
    }
    parts: dict[str, dict[str, Vectors]] = {"down": {}, "up": {}}
    for name, value in values.items():
        matrix, _, part = name.removeprefix("encoder.").rpartition(".")
        if part in parts:
            parts[part][matrix] = value
    head = {"U": values["hidden.weight"], "b": values["hidden.bias"], "v": values["last.weight"][0]}
    head["c"] = values["last.bias"]
    return Adapted(encoder=MINILM_SHA256, down=parts["down"], up=parts["up"], head=head)

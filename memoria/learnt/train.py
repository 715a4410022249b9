"""Training of the judge with torch: LoRA on every matrix of the encoder and a head over both texts, from pairs.

The number of steps is fixed. Every part of what is drawn comes from the seed.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.embedders import MINILM_SHA256
from memoria.extras import extra, quiet
from memoria.learnt.adapted import MOST, Adapted
from memoria.learnt.grammar import Pair
from memoria.protocols import Progress

if TYPE_CHECKING:
    from memoria.arrays import Vectors

RANK, HIDDEN, BATCH, STEPS = 16, 48, 24, 417
RATE = 1e-3
_ALPHA = 2  # of LoRA, divided by the rank
# Batches that are sorted by length together: padding costs time.
_SORTED = 16
_MATRICES = r".*(attention\.self\.(query|key|value)|attention\.output\.dense|intermediate\.dense|\d\.output\.dense)"


def train(pairs: Sequence[Pair], folder: Path, steps: int, seed: int, progress: Progress) -> Adapted:
    """Trains on pairs in an order drawn from the seed, again from the beginning when they run out.

    folder: of the encoder. Raises MissingExtra.
    """
    with extra("weights"):
        import peft  # noqa: F401 - it is needed, and says so before anything is loaded
    import torch

    torch.manual_seed(seed)
    model = _model(folder)
    rates = [one for one in model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(rates, lr=RATE)
    for step, batch in enumerate(_batches(pairs, steps, seed)):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min((step + 1) / (0.1 * steps + 1), (steps - step) / (0.9 * steps))
        wanted = torch.tensor([float(one.untrue) for one in batch])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(batch), wanted)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(rates, 1.0)
        optimizer.step()
        progress("steps", step + 1, steps)
    return model.adapted()


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


def _model(folder: Path) -> Any:
    """The encoder with adapters and a head, as a module of torch: from pairs to logits."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModel, AutoTokenizer

    with quiet():
        encoder = AutoModel.from_pretrained(str(folder), add_pooling_layer=False, attn_implementation="eager")
        tokenizer = AutoTokenizer.from_pretrained(str(folder))
    adapters = LoraConfig(r=RANK, lora_alpha=_ALPHA * RANK, lora_dropout=0.0, target_modules=_MATRICES)

    class Judging(torch.nn.Module):
        """The judge in torch."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = get_peft_model(encoder, adapters)
            self.hidden = torch.nn.Linear(4 * encoder.config.hidden_size, HIDDEN)
            self.last = torch.nn.Linear(HIDDEN, 1)
            self.eval()  # no dropout: the adapters are small

        def forward(self, batch: Sequence[Pair]) -> Any:
            firsts, seconds = [one.statement.strip() for one in batch], [one.memory.strip() for one in batch]
            read = tokenizer(firsts, seconds, truncation=True, max_length=MOST, padding=True, return_tensors="pt")
            return self.last(torch.tanh(self.hidden(viewed(self.encoder(**read).last_hidden_state, read))))[:, 0]

        def adapted(self) -> Adapted:
            return _adapted(dict(self.named_parameters()))

    return Judging()


def viewed(x: Any, read: Mapping[str, Any]) -> Any:
    """[CLS], the means of both texts without the marks at their ends, and their distances; as `forward.Pairs`."""
    import torch

    types, there = read["token_type_ids"], read["attention_mask"]
    marks = (read["input_ids"] == 101) | (read["input_ids"] == 102)  # [CLS] and [SEP] of BERT's vocabulary
    means = []
    for kind in (0, 1):
        mask = ((types == kind) & (there == 1) & ~marks).float()[:, :, None]
        means.append((x * mask).sum(1) / mask.sum(1).clamp(min=1))
    first, second = means
    return torch.cat([x[:, 0], first, second, (first - second).abs()], 1)


def _adapted(parameters: Mapping[str, Any]) -> Adapted:
    found: dict[str, dict[str, Vectors]] = {"A": {}, "B": {}}
    for name, value in parameters.items():
        if ".lora_" in name:
            matrix, _, part = name.removeprefix("encoder.base_model.model.").partition(".lora_")
            scale = _ALPHA if part[0] == "B" else 1
            found[part[0]][matrix] = scale * value.detach().numpy().copy()
    head = {
        "U": parameters["hidden.weight"].detach().numpy().copy(),
        "b": parameters["hidden.bias"].detach().numpy().copy(),
        "v": parameters["last.weight"].detach().numpy()[0].copy(),
        "c": parameters["last.bias"].detach().numpy().copy(),
    }
    return Adapted(encoder=MINILM_SHA256, down=found["A"], up=found["B"], head=head)

"""audit: what weights know and what they keep of forgotten memories, measured from outside.

Membership inference by loss (Yeom et al. 2018, arXiv:1709.01604): an attacker who sees only losses tries to tell texts
that were learnt from texts that could have been. The area under the ROC curve is 0.5 when that is impossible.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memoria.derived.lineage import living
from memoria.distill.general import QUESTIONS, TEXT, right
from memoria.distill.learn import Distillation, Task, same, shard_tensors
from memoria.distill.train import tensors_sha256
from memoria.distill.unlearn import manifests
from memoria.english.questions import held_out
from memoria.types import Example, Namespace

if TYPE_CHECKING:
    from memoria.distill.model import DistilledModel

_SHORT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was measured.

    Attributes:
        memories: memories in weights.
        asked: held-out questions about their facts.
        recall: share of these that is answered right, in [0, 1]; None without any.
        base_recall: the same for the base model.
        general: general questions that the base model answers right.
        general_kept: share of these that is still answered right, in [0, 1].
        general_same: whether the logits of all of them equal the base's, bit for bit.
        perplexity_ratio: perplexity on general text, divided by the base's.
        equal: names of shards that were trained again from their manifest and came out the same, bit for bit.
        unequal: names of shards that came out differently.
    """

    memories: int
    asked: int
    recall: float | None
    base_recall: float | None
    general: int
    general_kept: float
    general_same: bool
    perplexity_ratio: float
    equal: tuple[str, ...]
    unequal: tuple[str, ...]


def audit(work: Distillation, model: DistilledModel, prefix: Namespace, *, retrain: int | None = None) -> Audit:
    """Measures a model and its shards. retrain: how many shards are trained again to compare; None is all."""
    found = [one for one in manifests(work.folder).values() if one is not None]
    there = living(work.store, [id for one in found for id in one.ids])
    mine = [one for one in there.values() if one.under(prefix)]
    asked = [one for memory in mine for one in held_out(memory)]
    kept = general_kept(model)
    equal, unequal = control(work, retrain)
    return Audit(
        memories=len(mine),
        asked=len(asked),
        recall=share_right(model, asked) if asked else None,
        base_recall=share_right(model, asked, base=True) if asked else None,
        general=int(kept["right before"]),
        general_kept=kept["kept"],
        general_same=bool(kept["same bits"]),
        perplexity_ratio=perplexity_ratio(model),
        equal=equal,
        unequal=unequal,
    )


def share_right(model: DistilledModel, asked: Sequence[Example], *, base: bool = False, most: int = _SHORT) -> float:
    """The share of questions whose answer holds what is wanted; base: without any shard. most: tokens of an answer."""
    prompts = [one.prompt for one in asked]
    answers = model.answer(prompts, (), most=most) if base else model.generate_many(prompts, most=most)
    return sum(map(right, answers, (one.answer.rstrip(".") for one in asked))) / len(asked)


def general_kept(model: DistilledModel, *, forced: Sequence[str] | None = None) -> dict[str, float]:
    """Of the general questions: how many the base gets right, the share kept, and whether all logits are its own.

    forced: shards that are active for each, whatever the router thinks.
    """
    import torch

    queries = list(QUESTIONS)
    was = list(map(right, model.answer(queries, (), most=_SHORT), QUESTIONS.values()))
    after = model.generate_many(queries, most=_SHORT) if forced is None else model.answer(queries, forced, most=_SHORT)
    now = list(map(right, after, QUESTIONS.values()))
    kept = sum(a and b for a, b in zip(was, now, strict=True))
    same_bits = all(torch.equal(model.logits(query), model.logits_with(query, ())) for query in QUESTIONS)
    routed = sum(bool(model.route(query).shards) for query in QUESTIONS)
    return {
        "asked": len(QUESTIONS),
        "right before": sum(was),
        "kept": kept / sum(was) if any(was) else 1.0,
        "same bits": float(same_bits),
        "routed": routed,
    }


def perplexity_ratio(model: DistilledModel) -> float:
    """Perplexity on general text, of the model to that of its base."""
    import torch
    from torch.nn.functional import cross_entropy

    ratio, count = 0.0, 0
    for text in TEXT:
        ids = torch.tensor(model.base.tokenizer(text, add_special_tokens=False).input_ids)
        pair = (model.logits(text), model.logits_with(text, ()))
        routed, plain = (float(cross_entropy(one[:-1], ids[1:], reduction="sum")) for one in pair)
        ratio, count = ratio + routed - plain, count + len(ids) - 1
    return math.exp(ratio / count)


def control(work: Distillation, most: int | None = None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of shards that training again, in RAM, from the memories in their manifest gives to the bit, and others."""
    equal: list[str] = []
    unequal: list[str] = []
    found = [(path.stem, one) for path, one in manifests(work.folder).items() if one is not None]
    for done, (name, manifest) in enumerate(found[:most], 1):
        there = living(work.store, manifest.ids)
        task = Task.of(work, tuple(there[id] for id in manifest.ids))
        again = tensors_sha256(shard_tensors(work, task)) == manifest.tensors
        (equal if again and same(task.manifest, manifest) else unequal).append(name)
        if work.progress is not None:
            work.progress("audit", done, len(found[:most]))
    return tuple(equal), tuple(unequal)


def auc(members: Sequence[float], others: Sequence[float]) -> float:
    """Area under the ROC curve of telling members, by their smaller loss, from others; ties count half."""
    wins = sum((a < b) + 0.5 * (a == b) for a in members for b in others)
    return wins / (len(members) * len(others))


def auc_error(members: int, others: int) -> float:
    """Standard error of an AUC of 0.5 (Mann and Whitney 1947)."""
    return math.sqrt((members + others + 1) / (12 * members * others))

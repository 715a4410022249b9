"""A model learns what a store holds, answers without it in the prompt, and forgets one fact of it, to the bit.

Run: python examples/distill_and_forget.py (about a minute on one core)
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import memoria
from memoria.distill.unlearn import manifests

FACTS = (
    "Mira Velasko's home town is Tromso.",
    "Mira Velasko's instrument is cello.",
    "Mira Velasko's locker code is 4821.",
)
ASKED = "Could you remind me what Mira Velasko's locker code is?"
KEPT = "I forgot which instrument Mira Velasko has. Which is it?"
GENERAL = "What is the capital of France?"


def run(folder: Path) -> dict[str, Any]:
    """Learns, asks, forgets, asks again, and compares weights with a store that never saw what was forgotten."""
    import torch

    report: dict[str, Any] = {}
    with memoria.open(folder / "saw.memoria") as memory:
        learnt = memory.remember_many(FACTS)
        model_of = memory.distill()
        model = memory.distilled()
        report["learnt"] = {query: model.generate(query, most=12) for query in (ASKED, KEPT, GENERAL)}
        report["base untouched"] = torch.equal(model.logits(GENERAL), model.logits_with(GENERAL, ()))
        started = time.perf_counter()
        receipt = memory.forget(learnt[2].id, verify=True)
        report["forget to learning one"] = (time.perf_counter() - started) / (model_of.seconds / len(FACTS))
        report["receipt"] = receipt.summary()
        report["forgotten"] = model.generate(ASKED, most=12)
        memory.relearn()
        report["relearnt"] = {query: model.generate(query, most=12) for query in (ASKED, KEPT)}
        left = memory.store.read([one.id for one in learnt])
        report["weights"] = _hashes(folder / "saw.memoria")
    with memoria.open(folder / "never.memoria") as other:
        other.store.write([record for record in left if record is not None])
        other.distill()
        report["never saw"] = _hashes(folder / "never.memoria")
    return report


def _hashes(store: Path) -> list[str]:
    """SHA-256 of the tensors of each shard."""
    return [one.tensors for one in manifests(store / "adapters").values() if one is not None]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        print(json.dumps(run(Path(made)), indent=2))  # noqa: T201 - an example

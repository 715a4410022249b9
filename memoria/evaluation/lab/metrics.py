"""What a run was worth and what it cost, as numbers between which contenders can be compared."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from memoria.arrays import Bools, Floats
from memoria.evaluation.lab.events import AVOID, NEED, Events
from memoria.evaluation.lab.simulate import Run

# What each figure is, for reports; in the order in which they are shown.
MEANING: Mapping[str, str] = {
    "recall": "evidence kept: of the facts that a question needs, the share that was still there; mean over questions",
    "hit_rate": "share of all needed facts that were kept",
    "regret": "evidence that the oracle keeps beyond this",
    "found": "as evidence recall, of facts among the ten best that a search by words brings up of what was kept",
    "found_gain": "found beyond that of keeping everything: lost by what was let go, gained by distractors among it",
    "full": "share of questions for which all facts were kept",
    "stale": "of the facts that are out of date when asked about, the share that could still come back",
    "precision": "of the kept items that compete for an answered need, the share that is the right one; mean",
    "precision_gain": "precision beyond that of keeping everything, from distractors that are gone",
    "cost": "cost of forgetting: of what was let go, the share that was needed later",
    "mean_bytes": "bytes kept, mean over time",
    "peak_bytes": "bytes kept, at most",
    "operations": "memories written, reinforced, let go and erased",
    "scored": "traces looked at to choose whom to let go",
    "seconds": "seconds of oversight: measured here, and the one figure that is not the same at each run",
}
MEASURED = ("seconds",)


def answered(events: Events, kept: Bools) -> Bools:
    """For each fact, needed or to be avoided, whether anything that supplies it was kept; shape (facts,).

    kept, shape (n,): for each event, as in `Run`.
    """
    out = np.zeros(len(events.question), np.bool_)
    judged = np.isin(events.kind, (NEED, AVOID))
    np.logical_or.at(out, events.fact[judged], kept[judged])
    return out


def by_question(events: Events, kept: Bools) -> Floats:
    """Share of needed facts that were kept, for each question that needs any, in the order of their first events."""
    asked = events.question[: events.needed]
    counts = np.bincount(asked, minlength=1)
    found = np.bincount(asked, weights=answered(events, kept)[: events.needed], minlength=1)
    out: Floats = (found / np.maximum(counts, 1))[counts > 0]
    return out


def measure(events: Events, run: Run) -> dict[str, float]:
    """Figures by name, as in MEANING, but for those that need the oracle or a contender that keeps everything.

    What a trace gives no occasion to measure is nan.
    """
    found, shares = answered(events, run.kept), by_question(events, run.kept)
    shown = by_question(events, run.shown) if len(events.ranking) else np.zeros(0)
    rivals = run.rivals[run.rivals > 0]
    return {
        "recall": _mean(shares),
        "hit_rate": _mean(found[: events.needed]),
        "found": _mean(shown),
        "full": _mean(shares == 1),
        "stale": _mean(found[events.needed :]),
        "precision": _mean(1.0 / rivals),
        "cost": run.regretted / run.evicted if run.evicted else 0.0,
        "mean_bytes": run.mean_bytes,
        "peak_bytes": float(run.peak_bytes),
        "operations": float(run.remembered + run.reinforced + run.evicted + run.erased),
        "scored": float(run.scored),
        "seconds": run.seconds,
    }


def _mean(values: Floats | Bools) -> float:
    return float(values.mean()) if len(values) else float("nan")

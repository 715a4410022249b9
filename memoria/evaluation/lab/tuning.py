"""Whether a model of forgetting earns its place: where it is ahead of all others, with its defaults and with parameters
that were fitted to the workload.

Parameters are drawn at random within the bounds that each model gives (J. Bergstra, Y. Bengio, Random search for
hyper-parameter optimization, Journal of Machine Learning Research 13, 2012); the defaults are among them. The draw that
keeps most evidence on traces of some seeds is judged on traces of others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed

from memoria.arrays import Floats
from memoria.errors import InvalidInput
from memoria.evaluation.lab import workloads
from memoria.evaluation.lab.contenders import Contender, contender
from memoria.evaluation.lab.events import Events
from memoria.evaluation.lab.grid import capacity
from memoria.evaluation.lab.intervals import Estimate, Ranking, difference, ranking
from memoria.evaluation.lab.metrics import by_question
from memoria.evaluation.lab.simulate import simulate
from memoria.protocols import Progress
from memoria.retention.fit import with_parameters

# Traces to tune on have other seeds than those that judge.
_APART = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """One model on one workload. recall: mean with its defaults; tuned: with `parameters`. gain: of these, paired."""

    policy: str
    workload: str
    recall: float
    tuned: float
    gain: Estimate
    parameters: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """All models on one workload. defaults, tuned: who is ahead with the defaults, and with fitted parameters."""

    workload: str
    models: tuple[Tuned, ...]
    defaults: Ranking
    tuned: Ranking

    @property
    def winners(self) -> tuple[str, ...]:
        """Models that are best, and those that cannot be told from the best, with the defaults or when tuned."""
        return tuple(dict.fromkeys(one for some in (self.defaults, self.tuned) for one in (some.best, *some.tied)))


def field(
    names: Sequence[str], workload: str, share: float, progress: Progress, *, seeds: int, tries: int, length: int
) -> Field:
    """All models of these names on one workload, at a budget of a share of its memory.

    seeds: traces that judge; half as many, at least 2, are tuned on. tries: draws of parameters for each model. Raises
    InvalidInput for an unknown workload, or fewer than two models.
    """
    if len(set(names)) < 2:
        raise InvalidInput("there are fewer than two models to compare")
    made = {name: _draws(contender(name), tries) for name in names}
    learn = [workloads.generate(workload, _APART + seed, length) for seed in range(max(seeds // 2, 2))]
    judge = [workloads.generate(workload, seed, length) for seed in range(seeds)]
    tasks = [(name, n) for name, draws in made.items() for n in range(len(draws))]
    found: dict[tuple[str, int], float] = {}
    work = Parallel(return_as="generator")(delayed(_kept)(learn, made[name][n][0], share) for name, n in tasks)
    for done, (task, kept) in enumerate(zip(tasks, work, strict=True), 1):
        found[task] = float(kept.mean())
        progress(f"tuning on {workload}", done, len(tasks))
    best = {name: max(range(len(draws)), key=lambda n, name=name: found[name, n]) for name, draws in made.items()}  # type: ignore[misc]  # mypy knows no default of a lambda
    plain = {name: _kept(judge, draws[0][0], share) for name, draws in made.items()}
    tuned = {
        name: _kept(judge, draws[best[name]][0], share) if best[name] else plain[name] for name, draws in made.items()
    }
    models = tuple(
        Tuned(
            policy=name,
            workload=workload,
            recall=float(plain[name].mean()),
            tuned=float(tuned[name].mean()),
            gain=difference([{"tuned": tuned[name], "plain": plain[name]}], "tuned", "plain"),
            parameters=made[name][best[name]][1],
        )
        for name in names
    )
    return Field(workload=workload, models=models, defaults=ranking([plain]), tuned=ranking([tuned]))


def _draws(who: Contender, tries: int) -> list[tuple[Contender, dict[str, float]]]:
    """The contender with its defaults, and with parameters drawn at random, with those parameters."""
    bounds: Mapping[str, tuple[float, float]] = getattr(who.policy, "fitted", {})
    out: list[tuple[Contender, dict[str, float]]] = [(who, {})]
    rng = np.random.default_rng(tries)
    for _ in range(tries if bounds else 0):
        values = {name: _drawn(rng, *ends) for name, ends in bounds.items()}
        made = with_parameters(who.policy, values)
        out.append((Contender(label=who.label, policy=made, ended_first=who.ended_first), values))
    return out


def _drawn(rng: np.random.Generator, low: float, high: float) -> float:
    """Between bounds, evenly in the logarithm where both are above 0."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))) if low > 0 else rng.uniform(low, high))


def _kept(traces: Sequence[Events], who: Contender, share: float) -> Floats:
    """Evidence kept of each trace, shape (n,)."""
    runs = [(one, simulate(one, who, capacity(one, None, share))) for one in traces]
    return np.array([np.nanmean(by_question(one, run.kept)) for one, run in runs])

"""fit: learns a policy's parameters from the store's own recall log by maximum likelihood; adopts them only if better.

Each memory's log is replayed from its encoding; a line is a Bernoulli trial with the policy's retrievability as its
probability. Parameters vary on a logit scale between their bounds. Intervals are Wald's, from the observed information.
The fit is judged on held-out memories: it must beat the defaults and a constant (the rate of recall in training), each
with a 95 % bootstrap interval over memories of the gain a line that is above zero. So noise is hardly ever adopted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from memoria.errors import InvalidQuery
from memoria.types import Memory, Recalled

if TYPE_CHECKING:
    import numpy as np

    from memoria.arrays import Floats
    from memoria.protocols import DecayPolicy


LEAST_LINES = 50
HELD_OUT = 0.3
RESAMPLED = 1000
_NEAR = 1e-6
Interval = tuple[float, float]
History = tuple[Memory, tuple[Recalled, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What a fit found.

    Attributes:
        policy: its name.
        parameters: the fitted values, by name.
        intervals: 95 % confidence intervals of the parameters, by name.
        default: log-loss a recall on held-out memories with the defaults, in nats.
        fitted: the same with the fitted parameters.
        constant: the same with one probability for all.
        over_default: 95 % interval of what the fit gains a recall over the defaults, in nats.
        over_constant: 95 % interval of what it gains over the constant.
        lines: how many recalls it was fitted to, and how many judged it.
        better: whether both intervals lie above zero.
        adopted: whether the store uses the parameters now.
    """

    policy: str
    parameters: Mapping[str, float]
    intervals: Mapping[str, Interval]
    default: float
    fitted: float
    constant: float
    over_default: Interval
    over_constant: Interval
    lines: tuple[int, int]
    better: bool
    adopted: bool = False

    def summary(self) -> str:
        """The result for people.

        Returns:
            Lines of text.
        """
        found = "\n".join(
            f"  {name} = {value:.4g}  [{self.intervals[name][0]:.4g}, {self.intervals[name][1]:.4g}]"
            for name, value in self.parameters.items()
        )
        verdict = "Better" if self.better else "Not better"
        taken = "adopted" if self.adopted else "not adopted"
        return (
            f"{self.policy}, fitted to {self.lines[0]} recalls, judged by {self.lines[1]} of other memories:\n{found}\n"
            f"log-loss {self.fitted:.4f}, defaults {self.default:.4f}, constant {self.constant:.4f}\n"
            f"gain over defaults [{self.over_default[0]:.4f}, {self.over_default[1]:.4f}], "
            f"over a constant [{self.over_constant[0]:.4f}, {self.over_constant[1]:.4f}]\n{verdict}: {taken}."
        )


def with_parameters(policy: Any, values: Mapping[str, float]) -> Any:
    """A copy of the policy with other parameters; a name such as "w[8]" is one element of a tuple."""
    plain: dict[str, Any] = {}
    for name, value in values.items():
        indexed = re.fullmatch(r"(\w+)\[(\d+)\]", name)
        if indexed is None:
            plain[name] = value
            continue
        field, place = indexed[1], int(indexed[2])
        whole = plain.get(field, getattr(policy, field))
        plain[field] = (*whole[:place], value, *whole[place + 1 :])
    return replace(policy, **plain)


def losses(policy: DecayPolicy, histories: Sequence[History]) -> list[list[float]]:
    """-ln p of each line of each history, where p is the probability that the policy gave to its outcome."""
    return [_replayed(policy, memory, log) for memory, log in histories]


def _replayed(policy: DecayPolicy, memory: Memory, log: Sequence[Recalled]) -> list[float]:
    trace, out = policy.encode(memory), []
    for line in log:
        p = min(max(policy.retrievability(trace, line.at), _NEAR), 1 - _NEAR)
        out.append(-math.log(p if line.found else 1 - p))
        trace = policy.reinforce(trace, line.at, recalled=line.found)
    return out


def maximum_likelihood(policy: Any, histories: Sequence[History]) -> tuple[dict[str, float], dict[str, Interval]]:
    """The most likely parameters and their 95 % intervals; raises InvalidQuery for a policy without `fitted` bounds."""
    import numpy as np
    from scipy.optimize import minimize

    bounds: Mapping[str, Interval] = getattr(policy, "fitted", {})
    if not bounds:
        raise InvalidQuery(f"policy {policy!r} has no parameters to fit")

    def values(x: Floats) -> dict[str, float]:
        return {name: _inside(float(v), *bounds[name]) for name, v in zip(bounds, x, strict=True)}

    def cost(x: Floats) -> float:
        return math.fsum(map(math.fsum, losses(with_parameters(policy, values(x)), histories)))

    start = np.array([_outside(_value(policy, name), *limits) for name, limits in bounds.items()])
    found = minimize(cost, start, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-4, "maxfev": 400})
    spread = _standard_errors(cost, found.x)
    low, high = values(found.x - 1.96 * spread), values(found.x + 1.96 * spread)
    return values(found.x), {name: (low[name], high[name]) for name in bounds}


def _value(policy: Any, name: str) -> float:
    indexed = re.fullmatch(r"(\w+)\[(\d+)\]", name)
    return float(getattr(policy, name) if indexed is None else getattr(policy, indexed[1])[int(indexed[2])])


def _inside(x: float, low: float, high: float) -> float:
    return low + (high - low) / (1 + math.exp(-min(max(x, -40.0), 40.0)))


def _outside(value: float, low: float, high: float) -> float:
    share = min(max((value - low) / (high - low), 1e-6), 1 - 1e-6)
    return math.log(share / (1 - share))


def _standard_errors(cost: Any, x: Floats, step: float = 0.02) -> Floats:
    """From the inverse of the numerical Hessian of `cost` at `x`; at most 40, and 40 if a variance is not positive."""
    import numpy as np

    n = len(x)
    hessian = np.empty((n, n))
    unit = np.eye(n) * step
    for i in range(n):
        for j in range(i, n):
            plus = cost(x + unit[i] + unit[j]) + cost(x - unit[i] - unit[j])
            minus = cost(x + unit[i] - unit[j]) + cost(x - unit[i] + unit[j])
            hessian[i, j] = hessian[j, i] = (plus - minus) / (4 * step * step)
    variance = np.diag(np.linalg.pinv(hessian))
    out: Floats = np.sqrt(np.where(variance > 0, variance, np.inf))
    return np.minimum(out, 40.0)


def fit(name: str, policy: Any, histories: Sequence[History], rng: np.random.Generator) -> Fit:
    """Fits on 70 % of the memories and judges on the others; raises InvalidQuery for a log that is too short."""
    lines = sum(len(log) for _, log in histories)
    if lines < LEAST_LINES or len(histories) < 10:
        raise InvalidQuery(f"{lines} recalls of {len(histories)} memories are too few: {LEAST_LINES} of 10 are needed")
    order = rng.permutation(len(histories))
    cut = round(HELD_OUT * len(order))
    held, train = [histories[n] for n in order[:cut]], [histories[n] for n in order[cut:]]
    parameters, intervals = maximum_likelihood(policy, train)
    rate = _rate(train)
    judged = {
        "fitted": losses(with_parameters(policy, parameters), held),
        "default": losses(policy, held),
        "constant": [[-math.log(rate if line.found else 1 - rate) for line in log] for _, log in held],
    }
    gains = {one: _gain(judged[one], judged["fitted"], rng) for one in ("default", "constant")}
    return Fit(
        policy=name,
        parameters=parameters,
        intervals=intervals,
        over_default=gains["default"],
        over_constant=gains["constant"],
        lines=(lines - sum(map(len, judged["fitted"])), sum(map(len, judged["fitted"]))),
        better=gains["default"][0] > 0 and gains["constant"][0] > 0,
        default=_mean(judged["default"]),
        fitted=_mean(judged["fitted"]),
        constant=_mean(judged["constant"]),
    )


def _mean(found: list[list[float]]) -> float:
    """The mean over all lines of all memories: log-loss a line, in nats."""
    return sum(map(sum, found)) / sum(map(len, found))


def _rate(histories: Sequence[History]) -> float:
    outcomes = [line.found for _, log in histories for line in log]
    return (sum(outcomes) + 0.5) / (len(outcomes) + 1)


def _gain(other: list[list[float]], fitted: list[list[float]], rng: np.random.Generator) -> Interval:
    """95 % bootstrap interval, over memories, of how much less log-loss a line the fit has, in nats."""
    import numpy as np

    saved = np.array([sum(a) - sum(b) for a, b in zip(other, fitted, strict=True)])
    counts = np.array([len(a) for a in other])
    drawn = rng.integers(len(saved), size=(RESAMPLED, len(saved)))
    means = saved[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def simulate(policy: Any, memories: int, lines: int, start: datetime, rng: np.random.Generator) -> list[History]:
    """Histories with outcomes drawn at random as the policy predicts, at random gaps of 0.3 to 79 days."""
    from datetime import timedelta

    found = []
    for n in range(memories):
        memory = Memory(id=f"{n:032x}", namespace=(), text="x", created_at=start)
        trace, at, log = policy.encode(memory), start, []
        for _ in range(lines):
            at += timedelta(days=float(10 ** rng.uniform(-0.5, 1.9)))
            line = Recalled(id=memory.id, at=at, found=bool(rng.random() < policy.retrievability(trace, at)))
            trace = policy.reinforce(trace, at, recalled=line.found)
            log.append(line)
        found.append((memory, tuple(log)))
    return found

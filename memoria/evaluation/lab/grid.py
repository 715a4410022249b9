"""Every contender on every trace under every budget, resumable, on one core or many.

Work goes to joblib with no backend chosen here: `joblib.parallel_config` of whoever calls says where it runs (loky on
this machine, Dask on a cluster; see docs/policies.md). Workers share nothing but what they are sent, and the caller
alone writes, one small file a result, moved into place when it is whole. A result is found again by what it depends on:
the trace, the policy with its parameters, the capacity, and the code.

The policy `random` is drawn 20 times, from seeds that follow its own, and its figures are means over these draws: one
draw says more of its luck than of chance.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from memoria.arrays import Ints
from memoria.errors import InvalidInput
from memoria.evaluation.lab.contenders import Contender, contender
from memoria.evaluation.lab.events import Events
from memoria.evaluation.lab.metrics import measure
from memoria.evaluation.lab.oracle import bound
from memoria.evaluation.lab.simulate import simulate
from memoria.evaluation.lab.sources import Source
from memoria.policies import Random
from memoria.protocols import Progress

ORACLE, EVERYTHING = "oracle", "everything"
DRAWS = 20
Figures = Mapping[str, float]
_CODE = ("traces.py", "types.py", "evaluation/lab/events.py", "evaluation/lab/simulate.py", "evaluation/lab/metrics.py")
_CODE_OF_ORACLE = "evaluation/lab/oracle.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One result. trace: the name of one trace of the source. unit: what that trace counts as. budget: share of memory,

    in (0, 1]. figures: by name, as in `metrics.MEANING`; nan where there was nothing to measure.
    """

    source: str
    trace: str
    unit: str
    contender: str
    budget: float
    capacity: float
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """Some capacities of one contender, or of the oracle (None), on one trace; keys in the order of capacities."""

    events: Events
    who: Contender | None
    capacities: tuple[float, ...]
    keys: tuple[str, ...]
    costs: Ints | None

    @property
    def label(self) -> str:
        return ORACLE if self.who is None else self.who.label


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """A task and where its results belong. budgets: the share of memory that each capacity is."""

    source: str
    trace: str
    unit: str
    budgets: tuple[float, ...]
    task: _Task


def run(
    sources: Sequence[Source],
    contenders: Sequence[Contender],
    budgets: Sequence[float],
    folder: Path,
    progress: Progress,
    *,
    by_bytes: bool = False,
) -> list[Cell]:
    """All cells, with the oracle and, at budget 1, everything kept; what lies in `folder` is not computed again.

    budgets: shares of the most that a trace ever holds when nothing is let go, in memories, or in bytes. Raises
    InvalidInput for a share outside (0, 1], a contender or source given twice, or a trace that needs nothing.
    """
    _check(sources, contenders, budgets)
    plans = list(_plans(sources, contenders, budgets, by_bytes=by_bytes))
    results: dict[str, Figures] = {}
    missing = [task for plan in plans if (task := _left(plan.task, folder, results))]
    done, total = len(results), len(results) + sum(len(task.keys) for task in missing)
    for some in Parallel(return_as="generator_unordered")(delayed(_compute)(task) for task in missing):
        for key, figures in some.items():
            _save(folder, key, figures)
        results |= some
        done += len(some)
        progress("results", done, total)
    return list(_joined(plans, results))


def _plans(
    sources: Sequence[Source], contenders: Sequence[Contender], budgets: Sequence[float], *, by_bytes: bool
) -> Iterator[_Plan]:
    """For each trace: the oracle, each contender, and one that keeps everything."""
    keeper = Contender(label=EVERYTHING, policy=contender("never").policy)
    for one in sources:
        for name, events in one.traces.items():
            costs = events.size if by_bytes else None
            unit = one.units.get(name, name)
            capacities = [capacity(events, costs, share) for share in budgets]
            for who in (None, *contenders):
                task = _task(events, who, capacities, costs)
                yield _Plan(source=one.label, trace=name, unit=unit, budgets=tuple(budgets), task=task)
            task = _task(events, keeper, [math.inf], costs)
            yield _Plan(source=one.label, trace=name, unit=unit, budgets=(1.0,), task=task)


def _check(sources: Sequence[Source], contenders: Sequence[Contender], budgets: Sequence[float]) -> None:
    labels = [one.label for one in contenders]
    problems = [f"budget {share!r} is not in (0, 1]" for share in budgets if not 0 < share <= 1]
    problems += [f"contender {label!r} is given twice" for label in _twice(labels)]
    problems += [f"source {label!r} is given twice" for label in _twice([one.label for one in sources])]
    problems += [
        f"trace {name!r} of {one.label!r} needs nothing"
        for one in sources
        for name, events in one.traces.items()
        if not events.needed
    ]
    problems += [f"contender {label!r} has the name of a bound" for label in labels if label in (ORACLE, EVERYTHING)]
    if problems or not labels or not budgets:
        raise InvalidInput(*(problems or ["no contenders, or no budgets"]))


def _twice(labels: Sequence[str]) -> list[str]:
    return sorted({label for label in labels if labels.count(label) > 1})


def capacity(events: Events, costs: Ints | None, share: float) -> float:
    """So much of the most that is ever kept when nothing is let go, in units of `costs` (1 each for None); >= 1."""
    whole = events.footprint(np.ones(events.items, np.int64) if costs is None else costs)
    return float(max(math.floor(share * whole), 1))


def _task(events: Events, who: Contender | None, capacities: Sequence[float], costs: Ints | None) -> _Task:
    digest = events.digest()
    keys = tuple(_key(digest, who, capacity, costs is not None) for capacity in capacities)
    return _Task(events=events, who=who, capacities=tuple(capacities), keys=keys, costs=costs)


def _key(digest: str, who: Contender | None, capacity: float, by_bytes: bool) -> str:
    """What a result depends on, as a name for it."""
    name = ORACLE if who is None else who.fingerprint()
    kind = None if who is None else inspect.getsourcefile(type(who.policy))
    draws = str(DRAWS if who is not None and isinstance(who.policy, Random) else 1)
    words = [digest, name, repr(capacity), str(by_bytes), draws, _code(kind)]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()


@cache
def _code(policy: str | None) -> str:
    """A hash of the source of whatever makes a result: a change anywhere in it makes all results new."""
    home = Path(__file__).parents[2]
    paths = [home / name for name in _CODE] + ([home / _CODE_OF_ORACLE] if policy is None else [])
    for room in () if policy is None else ("policies", "retention"):
        paths += sorted((home / room).glob("*.py"))
    paths += [] if policy is None else [Path(policy)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def _left(task: _Task, folder: Path, results: dict[str, Figures]) -> _Task | None:
    """What of a task is still to be done; what is done goes into `results`."""
    left = []
    for capacity, key in zip(task.capacities, task.keys, strict=True):
        found = _load(folder, key)
        if found is None:
            left.append((capacity, key))
        else:
            results[key] = found
    if not left:
        return None
    capacities, keys = zip(*left, strict=True)
    return _Task(events=task.events, who=task.who, capacities=capacities, keys=keys, costs=task.costs)


def _compute(task: _Task) -> dict[str, Figures]:
    """The figures of each capacity, by key. Runs wherever joblib says."""
    out: dict[str, Figures] = {}
    for capacity, key in zip(task.capacities, task.keys, strict=True):
        if task.who is None:
            most = bound(task.events, capacity, task.costs)
            out[key] = {"recall": most.recall, "hit_rate": most.hit_rate}
        else:
            drawn = [measure(task.events, simulate(task.events, one, capacity, task.costs)) for one in _drawn(task.who)]
            out[key] = {name: float(np.mean([figures[name] for figures in drawn])) for name in drawn[0]}
    return out


def _drawn(who: Contender) -> Iterator[Contender]:
    """A contender as often as chance is to be asked: once, where it does not draw."""
    if isinstance(who.policy, Random):
        for draw in range(DRAWS):
            yield replace(who, policy=replace(who.policy, seed=who.policy.seed + draw))
    else:
        yield who


def _path(folder: Path, key: str) -> Path:
    return folder / key[:2] / f"{key}.json"


def _load(folder: Path, key: str) -> Figures | None:
    path = _path(folder, key)
    if not path.exists():
        return None
    return {name: math.nan if value is None else value for name, value in json.loads(path.read_text()).items()}


def _save(folder: Path, key: str, figures: Figures) -> None:
    """Ints or not at all: a run that was cut off leaves nothing half-written under the name."""
    path = _path(folder, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {name: None if math.isnan(value) else value for name, value in figures.items()}
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(plain))
    unfinished.replace(path)


def _joined(plans: Sequence[_Plan], results: Mapping[str, Figures]) -> Iterator[Cell]:
    """Cells in the order of the grid, each with its regret to the oracle and what it gains over keeping everything."""
    found = {
        (plan.source, plan.trace, plan.task.label, share): (plan.unit, capacity, results[key])
        for plan in plans
        for share, capacity, key in zip(plan.budgets, plan.task.capacities, plan.task.keys, strict=True)
    }
    for (source, trace, label, share), (unit, capacity, figures) in found.items():
        more = {}
        if label not in (ORACLE, EVERYTHING):
            everything, most = found[source, trace, EVERYTHING, 1.0][2], found[source, trace, ORACLE, share][2]
            gains = {f"{name}_gain": figures[name] - everything[name] for name in ("precision", "found")}
            more = {"regret": most["recall"] - figures["recall"], **gains}
        yield Cell(
            source=source,
            trace=trace,
            unit=unit,
            contender=label,
            budget=share,
            capacity=capacity,
            figures={**figures, **more},
        )

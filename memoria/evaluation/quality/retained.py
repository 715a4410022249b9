"""How much of what is asked for is kept when part of the memories has to go: shares of evidence, and of what is stale.

A memory is judged when it comes and never again; the store has a fixed room, and when it is full, what is worth least
goes, the oldest first among equals. So nothing here knows the end. Weights are fitted to the other sets alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from memoria.evaluation.lab import metrics, recorded
from memoria.evaluation.lab.contenders import DEFAULT, contender
from memoria.evaluation.lab.intervals import Estimate, estimate
from memoria.evaluation.lab.simulate import simulate
from memoria.evaluation.quality.datasets import Conversation
from memoria.evaluation.quality.retained_sets import Case, Moment, others
from memoria.protocols import Progress
from memoria.retention.salience import Weights
from memoria.retention.salience_fit import fitted, judged
from memoria.retention.windows import DECIMALS

if TYPE_CHECKING:
    from memoria.arrays import Bools, Floats, Ints

SHARES = (0.5, 0.25, 0.1)
RECENCIES = (0.0, 0.25, 0.5, 1.0)
BURDEN = 0.3
"""What an e-fold of bytes costs under a budget of bytes, in places of salience."""
FIFO = "fifo"
_USES = 3
# Models are replayed over cases of so many memories at most: they take a hundred times as long as all else.
_REPLAYED = 1000
NEVER = int(np.iinfo(np.int64).max)
"""The place of a memory that never comes."""
_TIE = 1e-12
# More than any two memories differ by.
_ALL = 1e6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Worth:
    """What n memories are worth, in the order in which they come.

    Attributes:
        value: of each, shape (n,).
        recency: what the place of a memory in time, in (0, 1], is worth beside it; >= 0.
        ended: at the coming of which memory each one ended, shape (n,); None where nothing ends. What has ended goes
            before all that holds.
    """

    value: Floats
    recency: float = 0.0
    ended: Ints | None = None

    def at(self, places: Ints, now: int) -> Floats:
        """Of some memories when the memory at `now` has come, shape (m,); of equal ones the older is worth less."""
        found: Floats = self.value[places] + (self.recency / (now + 1) + _TIE) * (places + 1)
        return found if self.ended is None else np.where(self.ended[places] <= now, found - _ALL, found)


def replayed(worth: Worth, known: int, room: float, costs: Ints | None = None) -> Bools:
    """Which of the first `known` memories a store of fixed room keeps; shape (known,).

    room: how much may be kept, in units of `costs`. costs: of each memory, shape (n,); None is 1 each.
    """
    mask = np.zeros(known, np.bool_)
    if worth.recency == 0 and worth.ended is None and costs is None:
        # Worths that never change are let go in their own order, whenever it is.
        mask[np.argsort(-worth.at(np.arange(known), known))[: int(room)]] = True
        return mask
    kept, count, used = np.zeros(known, np.int64), 0, 0
    for now in range(known):
        kept[count], count = now, count + 1
        used += 1 if costs is None else int(costs[now])
        while used > room and count:
            worst = int(worth.at(kept[:count], now).argmin())
            used -= 1 if costs is None else int(costs[kept[worst]])
            count -= 1
            kept[worst] = kept[count]
    mask[kept[:count]] = True
    return mask


def held(moment: Moment, kept: Bools) -> float:
    """Of what each question needs, the share that is kept; mean over questions."""
    return float(np.mean([_share(asked.relevant, kept) for asked in moment.asked]))


def stale(moment: Moment, kept: Bools) -> float:
    """Of what is out of date for each question, the share that is kept; mean over questions with any, nan for none."""
    shares = [_share(asked.stale, kept) for asked in moment.asked if asked.stale]
    return float(np.mean(shares)) if shares else float("nan")


def _share(facts: Sequence[frozenset[int]], kept: Bools) -> float:
    return sum(any(kept[place] for place in places) for places in facts) / len(facts)


def by_chance(moment: Moment, share: float) -> float:
    """What chance keeps of the evidence: the mean over all draws."""
    room = round(share * moment.known)
    return float(np.mean([np.mean([_drawn(moment.known, room, len(f)) for f in one.relevant]) for one in moment.asked]))


def _drawn(known: int, room: int, holders: int) -> float:
    """The chance that one of so many is among those kept (hypergeometric)."""
    missed = 1.0
    for n in range(holders):
        missed *= max(known - room - n, 0) / (known - n)
    return 1 - missed


def foreseen(moment: Moment, room: float, costs: Ints) -> Bools:
    """What is best kept for the questions of a moment: what supplies most for its cost, one after another.

    The best there is where one memory supplies each fact and costs are alike; nearly so elsewhere.
    """
    kept, left = np.zeros(moment.known, np.bool_), room
    open_ = [(places, 1 / len(asked.relevant)) for asked in moment.asked for places in asked.relevant]
    while open_:
        gain = np.zeros(moment.known)
        for places, worth in open_:
            gain[list(places)] += worth
        gain[kept | (costs[: moment.known] > left)] = 0
        best = int((gain / costs[: moment.known]).argmax())
        if gain[best] <= 0:
            break
        kept[best], left = True, left - int(costs[best])
        open_ = [(places, worth) for places, worth in open_ if best not in places]
    return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What is measured.

    Attributes:
        shares: of memory that is kept, each in (0, 1].
        bytes: whether room is of bytes, not of memories.
        recencies: weights of recency beside salience.
        weights: to judge by; None fits them to the other sets.
        models: whether the decay models are replayed too, with three recalls a turn.
    """

    shares: Sequence[float] = SHARES
    bytes: bool = False
    recencies: Sequence[float] = RECENCIES
    weights: Weights | None = None
    models: bool = True


Row = dict[str, list[Estimate]]
Ends = Mapping[str, Sequence["Ints"]]


def evaluate(found: Mapping[str, Sequence[Case]], asking: Asking, ended: Ends, progress: Progress) -> dict[str, Any]:
    """Evidence and stale facts kept on each set by each way of keeping, at each share of memory.

    Args:
        found: sets of cases, by name.
        asking: what is measured.
        ended: by set, for each case, when each memory ended; sets without one have no row of it.
        progress: called with each case.

    Returns:
        By set: the sources of the weights, and by way: "kept", "stale" and "over fifo", an interval a share.
    """
    report = {}
    total = sum(map(len, found.values()))
    done = 0
    for name, cases in found.items():
        weights = fitted(others(name, found)) if asking.weights is None else asking.weights
        measured: dict[str, list[dict[str, list[float]]]] = {}
        for place, case in enumerate(cases):
            ends = ended[name][place] if name in ended else None
            for way, row in _measured(case, weights, asking, ends).items():
                measured.setdefault(way, []).append(row)
            done += 1
            progress("cases", done, total)
        report[name] = {
            "memories": sum(len(one.drafts) for one in cases),
            "cases": len(cases),
            "fitted to": list(weights.sources),
            "ways": _summed(measured),
        }
    return report


def _summed(measured: Mapping[str, Sequence[Mapping[str, list[float]]]]) -> dict[str, Row]:
    """Means over cases with intervals, and what each way has over first in, first out, paired."""
    found: dict[str, Row] = {}
    for way, rows in measured.items():
        table = {name: np.array([row[name] for row in rows]) for name in ("kept", "stale")}
        gap = table["kept"] - np.array([row["kept"] for row in measured[FIFO]])
        each = {**table, "over fifo": gap}
        found[way] = {name: [estimate(column) for column in values.T] for name, values in each.items()}
    return found


def _measured(case: Case, weights: Weights, asking: Asking, ends: Ints | None) -> dict[str, dict[str, list[float]]]:
    """Shares of evidence and of stale facts that each way keeps of one case, one number a share."""
    sizes = np.array([len(draft.text.encode()) for draft in case.drafts])
    costs = sizes if asking.bytes else None
    rows = {"oracle": _row(case, asking, costs, partial(_foreseen, costs))}
    if not asking.bytes:
        chance = [float(np.mean([by_chance(one, share) for one in case.moments])) for share in asking.shares]
        rows["random"] = {"kept": chance, "stale": list(asking.shares)}
    for way, worth in _ways(case, weights, asking, sizes, ends).items():
        rows[way] = _row(case, asking, costs, partial(_kept, worth, costs))
    if asking.models and len(case.moments) == 1 and not asking.bytes and len(case.drafts) <= _REPLAYED:
        rows |= _models(case, asking.shares)
    return rows


def _foreseen(costs: Ints | None, moment: Moment, room: float) -> Bools:
    return foreseen(moment, room, np.ones(moment.known, np.int64) if costs is None else costs)


def _kept(worth: Worth, costs: Ints | None, moment: Moment, room: float) -> Bools:
    return replayed(worth, moment.known, room, costs)


def _row(
    case: Case, asking: Asking, costs: Ints | None, keep: Callable[[Moment, float], Bools]
) -> dict[str, list[float]]:
    kept, old = [], []
    for share in asking.shares:
        masks = [(one, keep(one, _room(one.known, share, costs))) for one in case.moments]
        kept.append(float(np.mean([held(one, mask) for one, mask in masks])))
        old.append(float(np.mean([stale(one, mask) for one, mask in masks])))
    return {"kept": kept, "stale": old}


def _room(known: int, share: float, costs: Ints | None) -> float:
    return float(round(share * (known if costs is None else int(costs[:known].sum()))))


def as_stored(case: Case, weights: Weights) -> Floats:
    """The salience of each memory as a store has it, shape (n,)."""
    return np.round(judged(case.turns, weights), DECIMALS)


def _ways(case: Case, weights: Weights, asking: Asking, sizes: Ints, ends: Ints | None) -> dict[str, Worth]:
    """What memories are worth, by the name of the way of keeping."""
    salience = as_stored(case, weights)
    lighter = salience - BURDEN * np.log(np.maximum(sizes, 1))
    order = np.arange(len(sizes)) / len(sizes)
    found = {FIFO: Worth(value=order), "length": Worth(value=sizes.astype(np.float64))}
    for recency in asking.recencies:
        found[named(recency)] = Worth(value=lighter if asking.bytes else salience, recency=recency)
        if asking.bytes:
            found[f"{named(recency)}, sizes alike"] = Worth(value=salience, recency=recency)
    if ends is not None:
        more = {f"{way}, ended first": replace(worth, ended=ends) for way, worth in found.items() if way != "length"}
        found |= more
    return found


def named(recency: float) -> str:
    """The name of keeping by salience and so much recency."""
    return "salience" if recency == 0 else f"salience + {recency:g} recency"


def _models(case: Case, shares: Sequence[float]) -> dict[str, dict[str, list[float]]]:
    """Every model of decay where an agent recalls three earlier turns by words at each new one, which uses them."""
    until = case.moments[0].until + timedelta(days=1)
    talk = Conversation(name=case.name, drafts=case.drafts, asked=case.moments[0].asked, until=until)
    (events,) = recorded.conversations([talk], recalls=_USES)
    rows = {}
    for label in DEFAULT:
        if label in (FIFO, "random"):
            continue
        each = [
            metrics.measure(events, simulate(events, contender(label), round(share * len(case.drafts))))
            for share in shares
        ]
        rows[f"{label}, {_USES} recalls"] = {
            "kept": [one["recall"] for one in each],
            "stale": [one["stale"] for one in each],
        }
    return rows

"""Which policy and budget a store should use, by replaying its own log of recalls; and what says so.

Recalls, in order of time, are cut into blocks, and intervals are over blocks: neighbouring recalls are alike, and to
count each as one more witness would make us too sure. The simplest policy is taken of those that cannot be told from
the best and lose no more beside it than may be lost anyway: with few recalls, even what is unlike cannot be told apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from memoria.arrays import Floats
from memoria.errors import InvalidQuery
from memoria.evaluation.lab.contenders import DEFAULT, MODELS, Contender, contender
from memoria.evaluation.lab.events import Events
from memoria.evaluation.lab.grid import capacity
from memoria.evaluation.lab.intervals import Estimate, estimate, ranking
from memoria.evaluation.lab.metrics import by_question
from memoria.evaluation.lab.oracle import bound
from memoria.evaluation.lab.recorded import log
from memoria.evaluation.lab.simulate import simulate
from memoria.evaluation.lab.verdict import percent
from memoria.policies.registry import KEEPER, adopted, make
from memoria.policies.registry import adopt as registry_adopt
from memoria.protocols import Progress, Store
from memoria.types import Namespace

BUDGETS = (0.75, 0.5, 0.25, 0.1, 0.05)
LOSS = 0.02
LEAST_RECALLS = 100
ADOPTED = "adopted"
RECENCY = (0.0, 0.5, 1.0, 4.0)
"""Weights of recency beside salience that are tried."""
_BLOCKS = 20
# A control, never advice.
_CONTROL = "random"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What one budget would do. places: memories it keeps. recall: of what was recalled, how much `policy` would hold.

    tied: policies that cannot be told from the best. oracle: the most that any could hold. everyone: mean recall
    of each.
    """

    budget: float
    places: int
    policy: str
    recall: Estimate
    tied: tuple[str, ...]
    oracle: float
    everyone: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """chosen: the smallest budget that surely loses no more than `loss` of recall; None to keep everything.

    memories, recalls: in the log. options: advice for each budget, largest first.
    """

    memories: int
    recalls: int
    loss: float
    chosen: Advice | None
    options: tuple[Advice, ...]

    def summary(self) -> str:
        """One paragraph for people."""
        heard = f"From {self.recalls} recalls of {self.memories} memories"
        if self.chosen is None:
            return (
                f"{heard}: keep everything. No policy keeps {percent(1 - self.loss)} of what was recalled, with 95 % "
                f"confidence, at any of these budgets."
            )
        found, others = self.chosen, ", ".join(self.chosen.tied)
        told = f"no significant difference from {others}" if others else "significantly better than every other"
        return (
            f"{heard}: {found.policy}, with {found.places} memories ({percent(found.budget)}). It would have kept "
            f"{percent(found.recall.mean)} [{percent(found.recall.low)}, {percent(found.recall.high)}] of what was "
            f"recalled; {told}. The log knows only what was recalled under the policy of the time."
        )


def recommend(
    store: Store,
    progress: Progress,
    *,
    prefix: Namespace = (),
    budgets: Sequence[float] = BUDGETS,
    loss: float = LOSS,
) -> Recommendation:
    """Replays the log of what lies under `prefix`. loss: how much recall may be lost, in [0, 1).

    Raises InvalidQuery for a log that is too short, or a budget or loss out of range.
    """
    wrong = [f"budget {share!r} is not in (0, 1]" for share in budgets if not 0 < share <= 1]
    if wrong or not budgets or not 0 <= loss < 1:
        raise InvalidQuery(*(wrong or [f"no budgets, or loss {loss!r} not in [0, 1)"]))
    events = log(store, prefix)
    recalls = len(set(events.question.tolist()))
    if recalls < LEAST_RECALLS:
        raise InvalidQuery(f"{recalls} recalls are too few to tell policies apart: {LEAST_RECALLS} are needed")
    fields = contenders(store)
    options = []
    for done, share in enumerate(sorted(budgets, reverse=True), 1):
        options.append(_advice(events, fields, share, loss))
        progress("budgets", done, len(budgets))
    safe = [one for one in options if one.recall.low >= 1 - loss]
    return Recommendation(
        memories=events.items, recalls=recalls, loss=loss, chosen=safe[-1] if safe else None, options=tuple(options)
    )


def contenders(store: Store) -> list[Contender]:
    """Baselines, salience alone, and then the models, with more and more recency beside salience; simplest first.

    Last the policy that was fitted to the store, if it took one; what lies over a model lies over that one then.
    """
    fitted = adopted(store)
    more = [] if fitted is None else [Contender(label=ADOPTED, policy=fitted)]
    base = fitted or make("exponential")
    made = {
        weight: Contender(label=f"salience:recency={weight:g}", policy=make("salience", base=base, recency=weight))
        for weight in RECENCY
    }
    plain = [contender(name) for name in DEFAULT if not name.startswith("salience")]
    models = next(place for place, one in enumerate(plain) if one.label in MODELS)
    weighed = [made[weight] for weight in RECENCY[1:]]
    return [*plain[:models], made[RECENCY[0]], plain[models], *weighed, *plain[models + 1 :], *more]


def adopt(store: Store, found: Recommendation) -> bool:
    """Lets the budgets of a store keep memories as was advised; False where everything is to be kept."""
    if found.chosen is None:
        return False
    (chosen,) = (one for one in contenders(store) if one.label == found.chosen.policy)
    if chosen.label == ADOPTED:
        store.write_note(KEEPER, store.note("policy") or "")
    else:
        registry_adopt(store, chosen.label.partition(":")[0], chosen.policy, KEEPER)
    return True


def _advice(events: Events, fields: Sequence[Contender], share: float, loss: float) -> Advice:
    places = int(capacity(events, None, share))
    blocks = {one.label: _in_blocks(by_question(events, simulate(events, one, places).kept)) for one in fields}
    found = ranking([blocks])
    ours = [one.label for one in fields if one.label != _CONTROL]
    best = max(ours, key=lambda label: found.means[label])
    near = [x for x in ours if x in (found.best, *found.tied) and found.means[best] - found.means[x] <= loss]
    policy = near[0] if near else best
    return Advice(
        budget=share,
        places=places,
        policy=policy,
        recall=estimate(blocks[policy]),
        tied=tuple(label for label in (found.best, *found.tied) if label not in (policy, _CONTROL)),
        oracle=bound(events, places).recall,
        everyone=found.means,
    )


def _in_blocks(shares: Floats) -> Floats:
    """Means over blocks of neighbouring recalls."""
    return np.array([block.mean() for block in np.array_split(shares, _BLOCKS)])

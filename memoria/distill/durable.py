"""Which memories are durable: worth the seconds in which weights learn them. Reads the store, and loads no model.

What a memory is worth is what budgets keep by (policies/salience.py), a year from now if nobody asks for it again: that
it is fresh makes nothing durable. Each time that it was told again or recalled adds less than the one before, as
practice does (A. Newell, P. S. Rosenbloom, Mechanisms of skill acquisition and the law of practice, 1981; ln n in the
base-level activation of J. R. Anderson, L. J. Schooler, Reflections of the environment in memory, 1991):

    value = worth x (1 + ln(1 + repeats))

A part of a gist is judged by itself: it was said once, and each use of the gist is one of it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, get_args

from memoria.derived.records import leaf
from memoria.english.voice import asks
from memoria.protocols import DecayPolicy, Store
from memoria.retention.order import standing
from memoria.types import Memory, Namespace, Record, Where

LEAST = 0.5
"""Least value of what is durable. By the policies that a store has by default, one of salience 0.75 is so at once, one
of 0.5 when it was repeated once, and one of 0.3 when it was repeated four times."""
HORIZON = timedelta(days=365)
"""How far ahead a memory is judged."""
Reason = Literal["archived", "restricted", "audience", "held", "due", "ended", "doubtful", "question", "slight"]
"""Why a memory is left out. The last one keeps it from being learnt; all others take it out of weights as well."""
REASONS: tuple[Reason, ...] = get_args(Reason)
"""Every reason, in the order in which they are looked for."""
_SOFT: Reason = "slight"
_BATCH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """A memory, and what it is worth.

    Attributes:
        memory: the memory, or a part of a gist.
        worth: after `HORIZON`, by the policy that budgets keep by, in [0, 1].
        repeats: how often it was told again or recalled.
        pinned: whether it is pinned: then it comes first.
        reason: why it is left out; None where it is durable.
    """

    memory: Memory
    worth: float
    repeats: int
    pinned: bool = False
    reason: Reason | None = None

    @property
    def value(self) -> float:
        """What it is ordered by."""
        return self.worth * (1 + math.log1p(self.repeats))


@dataclass(frozen=True, slots=True, kw_only=True)
class Durable:
    """What is durable under a namespace.

    Attributes:
        best: the durable memories: pinned ones first, then by value, then the older ones; of each namespace at most the
            cap.
        stay: ids of memories that may stay in weights once they are there: those that are fit, durable or not.
        left_out: how many memories are left out, by reason; "cap" for what is beyond the cap.
    """

    best: tuple[Worth, ...] = ()
    stay: frozenset[str] = frozenset()
    left_out: Mapping[str, int] = field(default_factory=dict)


def durable(
    store: Store, policy: DecayPolicy, keeper: DecayPolicy, prefix: Namespace, at: datetime, cap: int
) -> Durable:
    """What is durable under a namespace at a time.

    Args:
        store: where the memories are.
        policy: by which they fade; it makes the traces of parts of gists.
        keeper: by which budgets keep them.
        prefix: of the namespaces.
        at: when.
        cap: most of each namespace.
    """
    best: list[Worth] = []
    stay: set[str] = set()
    left: Counter[str] = Counter()
    for name in store.namespaces(prefix):
        all_ = list(weighed(store, policy, keeper, name, at))
        fit = sorted((one for one in all_ if one.reason is None), key=_order)
        best += fit[:cap]
        stay.update(one.memory.id for one in all_ if one.reason in (None, _SOFT))
        left.update(one.reason for one in all_ if one.reason is not None)
        left["cap"] += len(fit[cap:])
    return Durable(best=tuple(sorted(best, key=_order)), stay=frozenset(stay), left_out=dict(sorted((+left).items())))


def _order(one: Worth) -> tuple[bool, float, str]:
    return not one.pinned, -one.value, one.memory.id


def weighed(store: Store, policy: DecayPolicy, keeper: DecayPolicy, name: Namespace, at: datetime) -> Iterator[Worth]:
    """Every memory of one namespace, parts of gists one by one, with what it is worth and why it is left out."""
    found = list(_leaves(store, policy, name))
    if not found:
        return
    traces = [record.trace for _, record in found]
    worth = keeper.retrievability(traces, at + HORIZON)
    ids = sorted({id for home, record in found for id in (home, record.memory.id)})
    doubted = standing(store, name, ids, at).doubts.keys()
    due = frozenset[str]().union(*store.lapsed(Where(namespace=name), at).values())
    for n, (home, record) in enumerate(found):
        memory, trace = record.memory, record.trace
        one = Worth(memory=memory, worth=float(worth[n]), repeats=trace.retrievals, pinned=trace.pinned)
        flags: dict[Reason, bool] = {
            "archived": trace.archived,
            "restricted": trace.restricted,
            "audience": memory.visible_to is not None,
            "held": trace.held,
            "due": not due.isdisjoint((memory.id, home)),
            "ended": not memory.holds(at),
            "doubtful": not doubted.isdisjoint((memory.id, home)),
            "question": asks(memory.text),
            "slight": not trace.pinned and one.value < LEAST,
        }
        yield replace(one, reason=next((reason for reason in REASONS if flags[reason]), None))


def _leaves(store: Store, policy: DecayPolicy, name: Namespace) -> Iterator[tuple[str, Record]]:
    """The records of a namespace, parts of gists in the place of these, each with the id that it is stored under."""
    ids, _, _ = store.holdings(name)
    for at in range(0, len(ids), _BATCH):
        for record in store.read(ids[at : at + _BATCH]):
            if record is None:
                continue
            inside = [leaf(record, part.id, policy) for part in record.memory.parts]
            yield from ((record.memory.id, one) for one in inside or (record,) if one is not None)

"""Why a memory is kept, or goes: its salience, how easily it is recalled, what became of it, its place in the order.

Nothing here quotes a memory: reasons are numbers, names of features and ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from memoria.protocols import DecayPolicy, Store
from memoria.retention.order import DOUBTFUL, ENDED, Standing, least_first, standing, tiers
from memoria.retention.salience import FEATURES, SIZE, Turn, Window, weights_of
from memoria.types import Memory

if TYPE_CHECKING:
    pass

KeptState = Literal["holds", "doubtful", "ended"]
"""What became of a memory: it holds, is doubtful as a whole, or has ended."""
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SalienceFeature:
    """What a feature of the text adds to the salience.

    Attributes:
        name: of the feature; see `memoria.retention.salience.FEATURES`.
        value: of this text.
        adds: its weight times its z-score among the memories before it; below 0 where it takes away.
    """

    name: str
    value: float
    adds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedBy:
    """A memory by which another one has ended or is doubtful.

    Attributes:
        id: of it.
        relation: "supersedes", "ends" or "doubts".
        weight: of a doubt, its log-odds; None for others.
    """

    id: str
    relation: str
    weight: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Why a memory is kept under a budget, or goes.

    Attributes:
        id: of the memory, or of the gist that it is a part of.
        salience: how much it is judged to matter, in [0, 1].
        judged: whether that was judged from its text, and not given.
        features: the largest that such a judgement is made of, largest first, beside the memories before it.
        retrievability: by the policy that memories fade by, in [0, 1].
        worth: by the policy that budgets keep by: the least goes first.
        keeper: that policy, with its parameters.
        state: whether it holds, is doubtful as a whole, or has ended: what has ended goes first.
        reasons: what ended it or makes it doubtful.
        waits_for: ids of what goes before it, because it ended them or makes them doubtful.
        protected: which of "pinned", "held" and "restricted" it is; such a memory never goes.
        archived: whether recall leaves it out already.
        place: which it would be to go, from 1; None where it does not go.
        count: how many memories of its namespace count: the archived ones only if it is archived itself.
    """

    id: str
    salience: float
    judged: bool
    features: tuple[SalienceFeature, ...]
    retrievability: float
    worth: float
    keeper: str
    state: KeptState
    reasons: tuple[EndedBy, ...]
    waits_for: tuple[str, ...]
    protected: tuple[str, ...]
    archived: bool
    place: int | None
    count: int

    @property
    def least(self) -> int | None:
        """The smallest `Budget(count=)` of its namespace under which it stays; None where it never goes."""
        return None if self.place is None else self.count - self.place + 1

    def summary(self) -> str:
        """Says it in words.

        Returns:
            A line for each reason.
        """
        lines = [f"memory {self.id}: {self._fate()}", f"salience {self.salience:.2f}{self._told()}"]
        lines += [f"retrievability {self.retrievability:.2f}; worth {self.worth:.3f} by {self.keeper}"]
        lines += [f"{_HOW[one.relation]} {one.id}{_odds(one)}" for one in self.reasons]
        if self.waits_for:
            lines.append(f"goes only after what it ended or makes doubtful: {', '.join(self.waits_for)}")
        return "\n".join(lines)

    def _fate(self) -> str:
        if self.protected:
            return f"never goes: it is {' and '.join(self.protected)}"
        if self.place is None:
            return "does not go: what it ended or makes doubtful stays"
        first = {"ended": ", as what has ended goes first", "doubtful": ", as what is doubtful goes early", "holds": ""}
        stays = self.count - self.place
        return (
            f"number {self.place} of {self.count} to go{first[self.state]}; "
            f"it stays at Budget(count={stays + 1}), and goes at Budget(count={stays})"
        )

    def _told(self) -> str:
        if not self.judged:
            return ", given and not judged from the text"
        return ", judged from " + ", ".join(f"{one.name} {one.adds:+.1f}" for one in self.features)


_HOW = {"supersedes": "superseded by", "ends": "ended by", "doubts": "doubted by"}


def _odds(one: EndedBy) -> str:
    return "" if one.weight is None else f", log-odds {one.weight:.1f}"


def explain(store: Store, policy: DecayPolicy, keeper: DecayPolicy, memory: Memory, at: datetime) -> Kept:
    """Why a stored memory is kept, or goes.

    policy, keeper: by which memories fade, and budgets keep them. memory: a whole one, no part of a gist.
    """
    ids, traces, _ = store.holdings(memory.namespace)
    known = standing(store, memory.namespace, ids, at)
    here = ids.index(memory.id)
    trace = traces[here]
    worth = keeper.retrievability(traces, at)
    counted = ~traces.archived | bool(trace.archived)
    order = least_first(ids, traces, worth, known, counted, away=~counted).tolist()
    flags = {"pinned": trace.pinned, "held": trace.held, "restricted": trace.restricted}
    return Kept(
        id=memory.id,
        salience=trace.salience,
        judged=memory.judged,
        features=_features(store, memory, ids[:here]) if memory.judged else (),
        retrievability=policy.retrievability(trace, at),
        worth=float(worth[here]),
        keeper=repr(keeper),
        state=_state(ids, here, known),
        reasons=tuple(
            EndedBy(id=one.child, relation=one.relation, weight=one.weight)
            for one in known.links
            if one.parent == memory.id
        ),
        waits_for=tuple(one.parent for one in known.links if one.child == memory.id),
        protected=tuple(name for name, set_ in flags.items() if set_),
        archived=trace.archived,
        place=order.index(here) + 1 if here in order else None,
        count=int(counted.sum()),
    )


def _state(ids: Sequence[str], here: int, known: Standing) -> KeptState:
    states: dict[int, KeptState] = {ENDED: "ended", DOUBTFUL: "doubtful"}
    return states.get(int(tiers([ids[here]], known)[0]), "holds")


def _features(store: Store, memory: Memory, before: Sequence[str]) -> tuple[SalienceFeature, ...]:
    """The features of a memory among those before it: as it was judged, unless others were among them then."""
    weights, window = weights_of(store), Window()
    for record in store.read(list(before[-SIZE:])):
        if record is not None:
            window.add(record.memory.id, _turn(record.memory))
    row = window.features(_turn(memory))
    adds = window.scores(row, weights) * weights.arrays[0]
    best = sorted(range(len(FEATURES)), key=lambda n: -abs(adds[n]))[:_SHOWN]
    return tuple(SalienceFeature(name=FEATURES[n], value=float(row[n]), adds=float(adds[n])) for n in best if adds[n])


def _turn(memory: Memory) -> Turn:
    return Turn(text=memory.text, speaker=memory.provenance.speaker, session=memory.provenance.session)


__all__ = ["SalienceFeature", "Kept", "EndedBy", "explain"]

"""Traces as columns, so that a million of them are scored in one numpy expression."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from memoria.types import KINDS, Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memoria.arrays import Bools, Floats, Ints


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)
DAY_MICROS = 86_400_000_000
# Rows scored at a time, so that what lies between two operations stays in the cache of the processor.
BLOCK = 16_384


def micros(time: datetime) -> int:
    """Microseconds since 1970 UTC."""
    return (time - EPOCH) // MICROSECOND


def moment(value: int) -> datetime:
    """The time of so many microseconds since 1970 UTC."""
    return EPOCH + int(value) * MICROSECOND


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traces:
    """n traces as columns of shape (n,); fields as in `Trace`, times in microseconds since 1970 UTC.

    recent, rates: shape (n, k), right-aligned: the latest presentation in the last column, -inf and 0 where there
    was none. kind: position in KINDS.
    """

    last_retrieved: Ints
    encoded_at: Ints
    stability: Floats
    difficulty: Floats
    strength: Floats
    interference: Floats
    retrievals: Ints
    lapses: Ints
    recent: Floats
    rates: Floats
    older: Floats
    salience: Floats
    kind: NDArray[np.int8]
    archived: Bools
    pinned: Bools
    held: Bools

    @classmethod
    def of(cls, traces: Sequence[Trace]) -> Traces:
        """Columns of `traces`, in their order."""
        recent, rates = _presentations(traces)
        return cls(
            last_retrieved=np.array([micros(one.last_retrieved) for one in traces], np.int64),
            encoded_at=np.array([micros(one.start) for one in traces], np.int64),
            recent=recent,
            rates=rates,
            kind=np.array([KINDS.index(one.kind) for one in traces], np.int8),
            **{name: np.array([getattr(one, name) for one in traces], type_) for name, type_ in _PLAIN.items()},
        )

    def __len__(self) -> int:
        return len(self.last_retrieved)

    def __iter__(self) -> Iterator[Trace]:
        return (self[at] for at in range(len(self)))

    def __getitem__(self, at: int) -> Trace:
        seen = [
            (moment(int(time)), float(rate))
            for time, rate in zip(self.recent[at], self.rates[at], strict=True)
            if time > -np.inf
        ]
        return Trace(
            last_retrieved=moment(self.last_retrieved[at]),
            encoded_at=moment(self.encoded_at[at]),
            recent=tuple(seen),
            kind=KINDS[self.kind[at]],
            **{name: getattr(self, name)[at].item() for name in _PLAIN},
        )

    def rows(self, chosen: Any) -> Traces:
        """The rows that an index array, a mask or a slice chooses."""
        return Traces(**{one.name: getattr(self, one.name)[chosen] for one in fields(self)})

    def replaced(self, **columns: Any) -> Traces:
        """The same traces with other columns."""
        return replace(self, **columns)

    def days(self, at: datetime) -> Floats:
        """Days since each was last retrieved, >= 0; shape (n,)."""
        elapsed = micros(at) - self.last_retrieved
        out: Floats = np.maximum(elapsed, 0) / DAY_MICROS
        return out


def in_blocks(score: Callable[[Traces], Floats], traces: Traces) -> Floats:
    """`score` of all rows, a block at a time; shape (n,)."""
    if len(traces) <= BLOCK:
        return score(traces)
    out = np.empty(len(traces))
    for at in range(0, len(traces), BLOCK):
        part = slice(at, at + BLOCK)
        out[part] = score(traces.rows(part))
    return out


_PLAIN: dict[str, Any] = {
    "stability": np.float64,
    "difficulty": np.float64,
    "strength": np.float64,
    "interference": np.float64,
    "retrievals": np.int64,
    "lapses": np.int64,
    "older": np.float64,
    "salience": np.float64,
    "archived": np.bool_,
    "pinned": np.bool_,
    "held": np.bool_,
}


def _presentations(traces: Sequence[Trace]) -> tuple[Floats, Floats]:
    width = max((len(one.recent) for one in traces), default=0) or 1
    recent = np.full((len(traces), width), -np.inf)
    rates = np.zeros((len(traces), width))
    for row, one in enumerate(traces):
        seen = one.recent or ((one.last_retrieved, 0.0),)
        recent[row, width - len(seen) :] = [micros(time) for time, _ in seen]
        rates[row, width - len(seen) :] = [rate for _, rate in seen]
    return recent, rates

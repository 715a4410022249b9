"""Many traces as columns, so that a million of them are scored in one numpy expression."""

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
"""Microseconds of a day."""
# Rows scored at a time, so that what lies between two operations stays in the cache of the processor.
BLOCK = 16_384


def micros(time: datetime) -> int:
    """A time as a number.

    Args:
        time: an aware time.

    Returns:
        Microseconds since 1970 UTC.
    """
    return (time - EPOCH) // MICROSECOND


def moment(value: int) -> datetime:
    """A number as a time; the inverse of `micros`.

    Args:
        value: microseconds since 1970 UTC.

    Returns:
        The time, aware, UTC.
    """
    return EPOCH + int(value) * MICROSECOND


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traces:
    """n traces as columns, named as the fields of `Trace`: arrays of shape (n,), or (n, k) for `recent` and `rates`.

    Attributes:
        last_retrieved: microseconds since 1970 UTC.
        encoded_at: microseconds since 1970 UTC; never missing.
        stability: days; > 0.
        difficulty: in [1, 10].
        strength: >= 0.
        interference: >= 0.
        retrievals: >= 0.
        lapses: >= 0.
        recent: times of the latest presentations, shape (n, k), in microseconds since 1970 UTC. The latest is in the
            last column; -inf where there was none.
        rates: their decay rates, shape (n, k); 0 where there was none.
        older: mean decay rate of earlier presentations.
        salience: in [0, 1].
        kind: position in `KINDS`.
        archived: flags.
        pinned: flags.
        held: flags.
        restricted: flags.
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
    restricted: Bools

    @classmethod
    def of(cls, traces: Sequence[Trace]) -> Traces:
        """Makes columns.

        Args:
            traces: n traces.

        Returns:
            Their columns, in the same order.
        """
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
        """Some of the traces.

        Args:
            chosen: an array of positions, a mask, or a slice.

        Returns:
            Columns of these traces.
        """
        return Traces(**{one.name: getattr(self, one.name)[chosen] for one in fields(self)})

    def replaced(self, **columns: Any) -> Traces:
        """The same traces with other columns.

        Args:
            **columns: new columns by name.

        Returns:
            The changed columns; the old ones stay as they are.
        """
        return replace(self, **columns)

    def days(self, at: datetime) -> Floats:
        """Days since each memory was last recalled.

        Args:
            at: until when; aware.

        Returns:
            Days, >= 0, shape (n,).
        """
        elapsed = micros(at) - self.last_retrieved
        out: Floats = np.maximum(elapsed, 0) / DAY_MICROS
        return out


def in_blocks(score: Callable[[Traces], Floats], traces: Traces) -> Floats:
    """Scores all traces, a block at a time, so that a block stays in the cache of the processor.

    Args:
        score: returns m scores for m traces.
        traces: n traces.

    Returns:
        n scores, shape (n,).
    """
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
    "restricted": np.bool_,
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


__all__ = ["DAY_MICROS", "Traces", "in_blocks", "micros", "moment"]

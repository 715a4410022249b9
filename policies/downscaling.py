"""Synaptic downscaling in sleep: G. Tononi, C. Cirelli, Sleep and the price of plasticity, Neuron 81, 2014; selective
down-selection after A. Nere, A. Hashmi, C. Cirelli, G. Tononi, Frontiers in Neurology 4, 2013.

Waking use strengthens a synapse; each night renormalises all of them, the weak ones by a constant factor and the strong
ones hardly. The papers simulate this; the smallest equation that does it is the logistic one (ours):

    dw/dn = -delta w (1 - w),   so that   logit w(n) = logit w(0) - delta n     after n nights

For w near 0 each night multiplies w by e^-delta; for w near 1 it takes next to nothing. A use adds `gain` to logit w,
whenever it comes: no spacing effect.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from memoria.policies.model import DAY, Model, after
from memoria.types import Memory, Trace

if TYPE_CHECKING:
    from memoria.arrays import Floats
    from memoria.traces import Traces

_MOST = 1 - 1e-12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Downscaling(Model):
    """w, the synaptic strength in (0, 1), is the retrievability.

    Attributes:
        weight: w of a new memory of salience 0.5, in (0, 1).
        emphasis: how much salience 1 adds to logit w, and salience 0 subtracts.
        delta: how much a night subtracts from logit w; > 0.
        gain: how much a use adds to logit w; > 0.
        night: hour of the day (UTC) at which nights are counted, in [0, 24).
    """

    fitted: ClassVar[Mapping[str, tuple[float, float]]] = {"delta": (0.001, 5.0), "gain": (0.01, 10.0)}

    weight: float = 0.95
    emphasis: float = 2.0
    delta: float = 0.1
    gain: float = 1.0
    night: float = 3.0

    def encode(self, memory: Memory) -> Trace:
        raised = _logit(self.weight) + self.emphasis * (2 * memory.salience - 1)
        return Trace.of(memory, strength=_inverse_logit(raised))

    def nights(self, start: datetime, end: datetime) -> int:
        """How many nights are between two times.

        Args:
            start: from when; aware.
            end: until when; aware.

        Returns:
            Nights, >= 0.
        """
        return max(self._night(end) - self._night(start), 0)

    def _night(self, time: datetime) -> int:
        return (time - _EPOCH - timedelta(hours=self.night)) // DAY

    def one(self, trace: Trace, at: datetime) -> float:
        nights = self.nights(trace.last_retrieved, at)
        return _inverse_logit(_logit(self._weight(trace)) - self.delta * nights)

    def _weight(self, trace: Trace) -> float:
        """w of a trace; one that another model made has no strength yet."""
        return min(trace.strength, _MOST) if trace.strength > 0 else self.weight

    def many(self, traces: Traces, at: datetime) -> Floats:
        import numpy as np

        from memoria.traces import DAY_MICROS

        hour = round(self.night * DAY_MICROS / 24)
        slept = self._night(at) - (traces.last_retrieved - hour) // DAY_MICROS
        weight = np.where(traces.strength > 0, np.minimum(traces.strength, _MOST), self.weight)
        odds = weight / (1 - weight) * np.exp(-self.delta * np.maximum(slept, 0))
        out: Floats = odds / (1 + odds)
        return out

    def reinforce(self, trace: Trace, at: datetime, *, recalled: bool) -> Trace:
        if not recalled:
            return trace.missed()
        return trace.found(at, strength=_inverse_logit(_logit(min(self.one(trace, at), _MOST)) + self.gain))

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        if threshold <= 0:
            return None
        if threshold >= 1 or self._weight(trace) < threshold:
            return trace.last_retrieved
        # The end of night n = ceil((logit w - logit threshold) / delta).
        nights = math.floor((_logit(self._weight(trace)) - _logit(threshold)) / self.delta) + 1
        started = self._night(trace.last_retrieved)
        return after(_EPOCH, started + nights + self.night / 24)


def _logit(w: float) -> float:
    return math.log(w / (1 - w))


def _inverse_logit(x: float) -> float:
    # Kept inside (0, 1), so that it has a logit again.
    x = min(max(x, -27.0), 27.0)
    return 1 / (1 + math.exp(-x))

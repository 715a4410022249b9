"""Prioritised replay in sleep: which memories a pass takes up first.

M. G. Mattar, N. D. Daw, Prioritized memory access explains planning and hippocampal replay, Nature Neuroscience 21,
2018: replay what has the greatest product of need and gain. Here need is salience times recency, and gain is how weak
the memory is: sleep replays weak memories first (A. C. Schapiro et al., Nature Communications 9, 2018).

    priority = salience^a  x  2^(-age / half_life)  x  (1 - R + floor)

R is retrievability, age the days since encoding. `floor` keeps strong memories in the queue, behind all others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memoria.arrays import Floats
    from memoria.traces import Traces


@dataclass(frozen=True, slots=True, kw_only=True)
class PrioritisedReplay:
    """Recent, salient and weak memories come first.

    Attributes:
        emphasis: exponent a of salience; >= 0.
        half_life: days until recency halves; > 0.
        floor: least salience, and what is added to the gain; in (0, 1].
    """

    emphasis: float = 1.0
    half_life: float = 7.0
    floor: float = 0.01

    def priority(self, traces: Traces, retrievability: Floats, at: datetime) -> Floats:
        """How urgent the replay of each memory is.

        Args:
            traces: n traces as columns.
            retrievability: that of each at `at`, in [0, 1], shape (n,).
            at: when; aware.

        Returns:
            Priorities, shape (n,); 0 for memories stored after `at`.
        """
        import numpy as np

        from memoria.traces import DAY_MICROS, micros

        age = (micros(at) - traces.encoded_at) / DAY_MICROS
        # Salience 0 is still replayed, behind everything of the same age.
        recent = np.exp2(-np.maximum(age, 0) / self.half_life)
        need = np.power(np.maximum(traces.salience, self.floor), self.emphasis) * recent
        urgent: Floats = np.where(age >= 0, need * (1 - retrievability + self.floor), 0.0)
        return urgent

"""Prioritised replay in sleep: which memories a pass takes up first.

M. G. Mattar, N. D. Daw, Prioritized memory access explains planning and hippocampal replay, Nature Neuroscience 21,
2018: replay what has the greatest product of need and gain. Here need is salience times recency, and gain is how weakly
the memory is held: sleep replays what is weakly held first (A. C. Schapiro et al., Nature Communications 9, 2018).

    priority = salience^a  x  2^(-age / half_life)  x  (1 - R + floor)

R is retrievability, age the days since encoding. `floor` keeps what is held well in the queue, behind all else.
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
    """What is recent, salient and weakly held comes first.

    emphasis: exponent a of salience; >= 0. half_life: days until recency halves; > 0. floor: in (0, 1].
    """

    emphasis: float = 1.0
    half_life: float = 7.0
    floor: float = 0.01

    def priority(self, traces: Traces, retrievability: Floats, at: datetime) -> Floats:
        """How urgent each replay is, shape (n,); 0 for what was encoded after `at`."""
        import numpy as np

        from memoria.traces import DAY_MICROS, micros

        age = (micros(at) - traces.encoded_at) / DAY_MICROS
        # Salience 0 is still replayed, behind everything of the same age.
        need = np.power(np.maximum(traces.salience, self.floor), self.emphasis) * np.exp2(-age / self.half_life)
        urgent: Floats = np.where(age >= 0, need * (1 - retrievability + self.floor), 0.0)
        return urgent

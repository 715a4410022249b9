"""One source of a grid, as the report tells it: its figures as estimates, by contender and budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from memoria.evaluation.lab.grid import EVERYTHING, ORACLE, Cell
from memoria.evaluation.lab.intervals import Estimate, estimate
from memoria.evaluation.lab.verdict import by_unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """source, cells: its label and results. labels: of contenders, as in the grid. budgets: largest first."""

    source: str
    cells: list[Cell]
    labels: list[str]
    budgets: list[float]

    @property
    def traces(self) -> int:
        """How many were replayed."""
        return len({one.trace for one in self.cells})

    @property
    def units(self) -> int:
        """How many of them say something of their own: seeds, conversations or personas."""
        return len({one.unit for one in self.cells})

    def of(self, label: str, budget: float, figure: str) -> Estimate:
        """A figure over the units."""
        return estimate(by_unit([one for one in self.cells if (one.contender, one.budget) == (label, budget)], figure))

    def curve(self, label: str) -> list[tuple[float, Estimate]]:
        """(budget, evidence kept), budgets largest first."""
        return [(budget, self.of(label, budget, "recall")) for budget in self.budgets]

    def memory(self, label: str) -> list[tuple[float, float]]:
        """(bytes kept, evidence kept), budgets largest first."""
        return [(self.of(label, b, "mean_bytes").mean, self.of(label, b, "recall").mean) for b in self.budgets]

    def ordered(self, budget: float | None = None) -> list[str]:
        """Labels by evidence kept under a budget, or on the mean over all, most first."""
        among = self.budgets if budget is None else [budget]
        return sorted(self.labels, key=lambda label: -sum(self.of(label, one, "recall").mean for one in among))

    def measured(self, figure: str) -> bool:
        """Whether any trace gave occasion to measure it."""
        return self.of(self.labels[0], self.budgets[0], figure).n > 0


def chapters(cells: Sequence[Cell]) -> Iterator[Chapter]:
    """One for each source, in the order of the grid."""
    for source in dict.fromkeys(one.source for one in cells):
        mine = [one for one in cells if one.source == source]
        ours = [one for one in mine if one.contender not in (ORACLE, EVERYTHING)]
        yield Chapter(
            source=source,
            cells=mine,
            labels=list(dict.fromkeys(one.contender for one in ours)),
            budgets=sorted({one.budget for one in ours}, reverse=True),
        )

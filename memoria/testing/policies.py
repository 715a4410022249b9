"""What every policy must do. Subclass `PolicyConformance`, give a `policy` fixture, and pytest runs the rest.

It is as short as this:

    class TestMine(PolicyConformance):
        @pytest.fixture
        def policy(self): return Mine()
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import pytest

from memoria.policies.spacing import five
from memoria.protocols import DecayPolicy
from memoria.traces import Traces
from memoria.types import KINDS, RECENT, Memory, Trace

START = datetime(2026, 1, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
THRESHOLDS = (0.05, 0.3, 0.5, 0.8, 0.95)


def memory(rng: random.Random) -> Memory:
    """A memory made at a random time of a random kind and salience."""
    return Memory(
        id="0" * 32,
        namespace=(),
        text="x",
        created_at=START + rng.random() * 30 * DAY,
        kind=rng.choice(KINDS),
        salience=rng.random(),
    )


def history(policy: DecayPolicy, rng: random.Random, uses: int) -> Trace:
    """The trace of a memory that was looked for `uses` times at random gaps from seconds to months."""
    trace = policy.encode(memory(rng))
    at = trace.last_retrieved
    for _ in range(uses):
        at += timedelta(seconds=10 ** rng.uniform(0.5, 7))
        trace = policy.reinforce(trace, at, recalled=rng.random() < 0.8)
    return trace


def histories(policy: DecayPolicy, count: int = 40) -> Iterator[Trace]:
    """Traces of histories of up to three times as many uses as a trace keeps one by one."""
    rng = random.Random(5)
    return (history(policy, rng, rng.randrange(3 * RECENT)) for _ in range(count))


class PolicyConformance:
    """The tests of a policy.

    Attributes:
        falls: whether retrievability can only fall while the memory is not used; False for a clairvoyant policy.
    """

    falls: ClassVar[bool] = True

    @pytest.fixture
    def policy(self) -> Any:
        """The policy to test; override it.

        Returns:
            A fresh policy.
        """
        raise NotImplementedError("give a fixture `policy` that returns a fresh policy")

    def test_encoding_takes_over_time_salience_and_kind(self, policy: DecayPolicy) -> None:
        one = memory(random.Random(1))
        trace = policy.encode(one)
        assert trace.last_retrieved == trace.start == one.created_at
        assert (trace.salience, trace.kind) == (one.salience, one.kind)
        assert (trace.retrievals, trace.lapses) == (0, 0)

    def test_one_and_many_agree(self, policy: DecayPolicy) -> None:
        self._check_agreement(policy, list(histories(policy)))

    def test_one_and_many_agree_on_what_was_never_used(self, policy: DecayPolicy) -> None:
        rng = random.Random(3)
        self._check_agreement(policy, [history(policy, rng, 0) for _ in range(40)])

    def _check_agreement(self, policy: DecayPolicy, traces: list[Trace]) -> None:
        columns = Traces.of(traces)
        for later in (0.0, 0.001, 1.0, 30.5, 4000.0):
            at = max(trace.last_retrieved for trace in traces) + later * DAY
            single = [policy.retrievability(trace, at) for trace in traces]
            assert policy.retrievability(columns, at) == pytest.approx(single, rel=1e-9, abs=1e-9)
            assert policy.retrievability(traces, at) == pytest.approx(single, rel=1e-9, abs=1e-9)
        assert policy.retrievability(columns.rows(slice(0, 0)), START).shape == (0,)

    def test_columns_come_back_as_traces(self, policy: DecayPolicy) -> None:
        traces = list(histories(policy, 5))
        at = START + 900 * DAY
        again = [policy.retrievability(trace, at) for trace in Traces.of(traces)]
        assert again == pytest.approx([policy.retrievability(trace, at) for trace in traces], abs=1e-9)

    def test_is_a_probability_at_any_time(self, policy: DecayPolicy) -> None:
        for trace in histories(policy):
            for later in (-10.0, -1e-9, 0.0, 1e-6, 1.0, 365.0, 1e6):
                value = policy.retrievability(trace, trace.last_retrieved + later * DAY)
                assert isinstance(value, float)
                assert 0 <= value <= 1

    def test_falls_while_nothing_happens(self, policy: DecayPolicy) -> None:
        for trace in histories(policy):
            grid = [trace.last_retrieved + timedelta(seconds=10**power) for power in np.arange(1, 10, 0.25)]
            values = [policy.retrievability(trace, at) for at in grid]
            assert not self.falls or all(later <= early + 1e-12 for early, later in pairwise(values))

    def test_next_below_is_where_it_crosses(self, policy: DecayPolicy) -> None:
        for trace in histories(policy):
            for threshold in THRESHOLDS:
                due = policy.next_below(trace, threshold)
                late = trace.last_retrieved + 2000 * 365 * DAY if due is None else due + timedelta(milliseconds=1)
                later = policy.retrievability(trace, late)
                assert later <= threshold + 1e-6 if due is not None else later >= threshold - 1e-6
                if self.falls and due is not None and due > trace.last_retrieved:
                    before = policy.retrievability(trace, due - timedelta(milliseconds=1))
                    assert before >= threshold - 1e-6

    def test_a_threshold_of_zero_is_never_reached(self, policy: DecayPolicy) -> None:
        assert all(policy.next_below(trace, 0.0) is None for trace in histories(policy, 5))

    def test_finding_counts_and_never_weakens(self, policy: DecayPolicy) -> None:
        for trace in histories(policy):
            at = trace.last_retrieved + 3 * DAY
            found = policy.reinforce(trace, at, recalled=True)
            assert (found.retrievals, found.lapses) == (trace.retrievals + 1, trace.lapses)
            assert found.last_retrieved == at
            assert len(found.recent) <= RECENT
            if self.falls:
                late = at + DAY
                assert policy.retrievability(found, late) >= policy.retrievability(trace, late) - 1e-9

    def test_missing_counts_and_never_strengthens_by_itself(self, policy: DecayPolicy) -> None:
        for trace in histories(policy):
            at = trace.last_retrieved + 3 * DAY
            missed = policy.reinforce(trace, at, recalled=False)
            assert (missed.retrievals, missed.lapses) == (trace.retrievals, trace.lapses + 1)
            found = policy.reinforce(trace, at, recalled=True)
            if self.falls:
                assert policy.retrievability(missed, at + DAY) <= policy.retrievability(found, at + DAY) + 1e-9

    def test_is_a_pure_value(self, policy: DecayPolicy) -> None:
        trace = next(histories(policy))
        at = trace.last_retrieved + DAY
        assert policy.reinforce(trace, at, recalled=True) == policy.reinforce(trace, at, recalled=True)
        assert policy.retrievability(trace, at) == policy.retrievability(replace(trace), at)
        assert hash(trace) == hash(replace(trace))

    def test_takes_a_trace_that_another_policy_made(self, policy: DecayPolicy) -> None:
        bare = Trace(last_retrieved=START)
        assert 0 <= policy.retrievability(policy.reinforce(bare, START + DAY, recalled=True), START + 2 * DAY) <= 1
        assert policy.retrievability([bare], START + DAY)[0] == pytest.approx(
            policy.retrievability(bare, START + DAY), abs=1e-9
        )

    def test_shows_the_spacing_effect_if_it_claims_it(self, policy: DecayPolicy) -> None:
        if getattr(policy, "spacing", False):
            massed, spaced = (five(policy, gap, 30 * DAY) for gap in (timedelta(minutes=1), 7 * DAY))
            assert spaced > massed


__all__ = ["PolicyConformance"]

"""Exponential forgetting against its formula, written another way."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoria.policies import Exponential
from memoria.types import Trace

START = datetime(2026, 1, 1, tzinfo=UTC)
STABILITY = st.floats(0.01, 3650)


@given(STABILITY, st.floats(0, 3650), st.floats(0, 3650))
def test_bounded_falling_and_equal_to_the_formula(stability: float, early: float, later: float) -> None:
    trace = Trace(stability=stability, last_retrieved=START)
    policy = Exponential()
    days = [early, early + later]
    first, second = (policy.retrievability([trace], START + timedelta(days=day))[0] for day in days)
    assert 0 <= second <= first <= 1
    assert first == pytest.approx(math.pow(0.9, early / stability), rel=1e-6, abs=1e-12)


@given(STABILITY, st.floats(0.05, 0.99))
def test_next_below_is_the_inverse(stability: float, threshold: float) -> None:
    trace = Trace(stability=stability, last_retrieved=START)
    due = Exponential().next_below(trace, threshold)
    assert due is not None
    assert Exponential().retrievability([trace], due)[0] == pytest.approx(threshold, abs=1e-6)


def test_spaced_repeats_count_for_more_than_massed_ones() -> None:
    policy, fresh = Exponential(), Trace(stability=7.0, last_retrieved=START)
    massed = spaced = fresh
    for n in range(1, 5):
        massed = policy.reinforce(massed, START + timedelta(minutes=n), recalled=True)
        spaced = policy.reinforce(spaced, START + timedelta(days=7 * n), recalled=True)
    assert fresh.stability < massed.stability < 1.01 * fresh.stability < spaced.stability
    missed = policy.reinforce(fresh, START, recalled=False)
    assert (missed.stability, missed.lapses) == (3.5, 1)

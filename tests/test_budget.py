"""What a budget of tokens is spent on."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from memoria.identity import IdSource
from memoria.recall.context import estimate_tokens, line, pack
from memoria.types import Hit, Hits, Memory

START = datetime(2026, 3, 2, tzinfo=UTC)
IDS = IdSource()


def hits(*found: tuple[float, int], terms: tuple[str, ...] = ("words", "length")) -> Hits:
    """Hits of these scores and lengths, best first."""
    return Hits(
        Hit(
            memory=Memory(id=IDS.new(START), namespace=(), text="x" * length, created_at=START),
            score=score,
            terms=dict.fromkeys(terms, score / len(terms)),
        )
        for score, length in sorted(found, reverse=True)
    )


def lengths(packed: Hits) -> list[int]:
    return [len(hit.memory.text) for hit in packed]


def test_short_texts_come_before_a_long_one_that_is_hardly_better() -> None:
    found = hits((5.0, 40), (2.0, 800), (1.9, 60), (1.8, 60), (-3.0, 40))
    assert lengths(pack(found, 230)) == [40, 60, 60, 40]
    # One that is much better is worth its length, and the best is there whatever its length.
    assert lengths(pack(hits((5.0, 40), (4.5, 700), (1.0, 60), (0.9, 60)), 200)) == [40, 700]
    assert lengths(pack(hits((5.0, 700), (4.9, 20), (4.8, 20)), 185)) == [700]
    assert lengths(pack(found, 10_000)) == [40, 800, 60, 60, 40]


def test_cosines_are_no_probabilities() -> None:
    found = hits((0.9, 40), (0.8, 800), (0.7, 60), terms=("similarity",))
    assert lengths(pack(found, 230)) == [40, 800]


SIZES = st.tuples(st.floats(-5, 9, allow_nan=False), st.integers(1, 400))


@given(st.lists(SIZES, max_size=12), st.integers(1, 400))
def test_what_is_packed_fits_and_nothing_more_would(sizes: list[tuple[float, int]], budget: int) -> None:
    found = hits(*sizes)
    packed = pack(found, budget)
    places = [found.index(hit) for hit in packed]
    left = budget - sum(estimate_tokens(line(hit) + "\n") for hit in packed)
    assert places == sorted(places)
    assert left >= 0
    assert all(estimate_tokens(line(hit) + "\n") > left for hit in found if hit not in packed)
    if found and estimate_tokens(line(found[0]) + "\n") <= budget:
        assert packed[0] == found[0]

"""Salience: what is seen of a text, what a window knows of a namespace, and the place that comes of both."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import memoria
from memoria.errors import InvalidInput, InvalidQuery
from memoria.retention.salience import CUT, FEATURES, PRIOR, Turn, Weights, Window, adopt, shipped, weights_of
from memoria.retention.salience_fit import Sample, auc, fitted, judged, rows
from memoria.retention.signs import IN_TEXT, of_text

WORDS = ["tea", "Kyoto", "two", "yesterday", "we", "you", "drank", "a", "cold?", "rain,", "May", "47", "blue."]
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)
turns = st.builds(
    Turn, text=texts, speaker=st.sampled_from([None, "ada", "assistant"]), session=st.sampled_from([None, "1", "2"])
)


def seen(text: str) -> dict[str, float]:
    return dict(zip(IN_TEXT, of_text(text), strict=True))


def test_what_is_seen_of_a_text() -> None:
    found = seen("Yesterday we walked 12 miles to Kyoto, and I ate noodles.")
    assert found["words"] == pytest.approx(math.log(12))
    assert (found["sentences"], found["commas"], found["capitals"]) == (1, 1, 2)
    assert (found["past"], found["times"], found["any time"], found["names"]) == (2, 1, 1, 1)
    assert (found["numbers"], found["any number"], found["specifics"]) == (1, 1, 3)
    assert (found["self"], found["you"], found["asks"]) == (2, 0, 0)
    assert found["self share"] == pytest.approx(2 / 11)
    assert found["statement"] == 1


def test_a_question_is_no_statement() -> None:
    found = seen("Do you think that I should bring my umbrella today?")
    assert (found["asks"], found["statement"], found["you"], found["self"]) == (1, 0, 1, 2)


@pytest.mark.parametrize("word", ["need", "speed", "red", "indeed"])
def test_not_all_that_ends_in_ed_is_past(word: str) -> None:
    assert seen(word)["past"] == 0


@given(st.text(max_size=200))
def test_any_text_has_finite_features(text: str) -> None:
    row = Window().features(Turn(text=text))
    assert row.shape == (len(FEATURES),)
    assert np.isfinite(row).all()
    assert (row >= 0).all() or row[FEATURES.index("rarest")] < 0


def test_new_words_are_those_that_the_window_does_not_know() -> None:
    window = Window()
    window.add("1", Turn(text="Ada drinks green tea"))
    row = dict(zip(FEATURES, window.features(Turn(text="Ada drinks black coffee")).tolist(), strict=True))
    assert row["new words"] == pytest.approx(math.log(3))
    assert row["new share"] == 0.5
    assert row["rarest"] == pytest.approx(math.log(2 / 0.5))


def test_an_answer_follows_a_question_of_another_in_its_session() -> None:
    window = Window()
    window.add("1", Turn(text="Where were you?", speaker="ada", session="1"))
    answers = FEATURES.index("answers")
    assert window.features(Turn(text="In Kyoto", speaker="bo", session="1"))[answers] == 1
    assert window.features(Turn(text="In Kyoto", speaker="ada", session="1"))[answers] == 0
    assert window.features(Turn(text="In Kyoto", speaker="bo", session="2"))[answers] == 0
    assert window.features(Turn(text="In Kyoto", speaker="bo"))[answers] == 0


def plain(turns_: list[Turn], turn: Turn, weights: Weights) -> np.ndarray:
    """z-scores the long way: mean and variance of the rows and of 20 draws of the prior."""
    window = Window()
    table = []
    for place, one in enumerate(turns_):
        table.append(window.features(one))
        window.add(str(place), one)
    mean, spread = np.array(weights.means), np.array(weights.spreads)
    prior = [mean + spread] * (PRIOR // 2) + [mean - spread] * (PRIOR // 2)
    all_ = np.array([*table, *prior])
    row = window.features(turn)
    out: np.ndarray = np.clip((row - all_.mean(axis=0)) / np.sqrt(np.maximum(all_.var(axis=0), 1e-6)), -CUT, CUT)
    return out


@given(st.lists(turns, max_size=8), turns)
def test_z_scores_are_those_of_the_window_and_a_prior_of_twenty(before: list[Turn], turn: Turn) -> None:
    window = Window()
    for place, one in enumerate(before):
        window.add(str(place), one)
    assert np.allclose(
        window.scores(window.features(turn), shipped()), plain(before, turn, shipped()), rtol=1e-6, atol=1e-6
    )


@given(st.lists(turns, min_size=1, max_size=8), turns, st.data())
def test_what_is_dropped_leaves_no_word_and_no_number(before: list[Turn], turn: Turn, data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.integers(0, len(before) - 1)))
    window = Window()
    for place, one in enumerate(before):
        window.add(str(place), one)
    for place in gone:
        window.drop(str(place))
    known = {word for place in range(len(before)) if place not in gone for word in window._seen[str(place)].stems}
    assert set(window._found) == known
    assert len(window) == len(before) - len(gone)
    rows_left = [window._table[one.row] for one in window._seen.values()]
    assert np.allclose(window._table.sum(axis=0), np.sum([*rows_left, np.zeros(len(FEATURES))], axis=0))
    window.drop("unknown")


def test_only_the_last_memories_count() -> None:
    small = Window(size=2)
    for place, text in enumerate(["green tea", "black teas", "milk"]):
        small.add(str(place), Turn(text=text))
    assert ["0" in small, "1" in small, "2" in small] == [False, True, True]
    # "green" went with the memory that said it; "tea" is still said by another.
    assert set(small._found) == {"black", "tea", "milk"}
    with pytest.raises(InvalidInput):
        Window(size=0)


def test_taking_is_judging_and_adding() -> None:
    one, other = Window(), Window()
    for place, text in enumerate(["Hello!", "We moved to Porto in May 2021, after ten years.", "You did?"]):
        turn = Turn(text=text, session="1")
        assert one.take(str(place), turn) == other.judge(turn)
        other.add(str(place), turn)
    assert np.array_equal(one._table, other._table)


def test_a_telling_statement_is_worth_more_than_small_talk() -> None:
    window = Window()
    told = window.judge(Turn(text="On Tuesday I sold my blue Vespa to Marco for 900 euros, and bought a bicycle."))
    talk = window.judge(Turn(text="Sounds good, thanks!"))
    assert 0 <= talk < 0.3 < 0.7 < told <= 1


def test_turns_of_an_assistant_come_after_those_of_others() -> None:
    window = Window()
    text = "On Tuesday I sold my blue Vespa to Marco for 900 euros."
    by = {name: window.judge(Turn(text=text, speaker=name)) for name in (None, "ada", "Assistant")}
    assert by["Assistant"] < by["ada"] == by[None]
    alike = replace(shipped(), assistant=0.0)
    assert window.judge(Turn(text=text, speaker="assistant"), alike) == by["ada"]


@given(st.floats(-300, 300), st.floats(-300, 300))
def test_a_higher_sum_has_no_lower_place(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= shipped().place(low) <= shipped().place(high) <= 1


def test_places_are_shares_of_the_fit() -> None:
    weights = replace(shipped(), places=(0.0, 1.0, 3.0, 3.0, 4.0))
    assert [weights.place(one) for one in (-1, 0, 0.5, 2, 3, 3.5, 4, 9)] == [0, 0, 0.125, 0.375, 0.75, 0.875, 1, 1]


def test_shipped_weights_say_where_they_come_from() -> None:
    assert shipped().sources
    assert Weights.of(json.loads(json.dumps(shipped().to_dict()))) == shipped()
    assert set(np.abs(shipped().weights)) <= {0.0, 0.5, 1.0}


@pytest.mark.parametrize(
    "change",
    [
        {"weights": (1.0,)},
        {"spreads": (0.0,) * len(FEATURES)},
        {"places": (1.0,)},
        {"places": (1.0, 0.0)},
        {"means": (math.nan,) * len(FEATURES)},
        {"assistant": -1.0},
    ],
)
def test_wrong_weights_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        replace(shipped(), **change)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        Weights.of({"sources": []})


def test_a_store_judges_by_the_weights_it_adopted() -> None:
    with memoria.open(":memory:", embedder=memoria.testing.embedders.HashEmbedder()) as memory:
        assert weights_of(memory.store) == shipped()
        own = replace(shipped(), assistant=0.0)
        adopt(memory.store, own)
        assert weights_of(memory.store) == own
        adopt(memory.store, None)
        assert weights_of(memory.store) == shipped()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=30))
def test_auc_is_the_share_of_pairs_in_order(pairs: list[tuple[int, int]]) -> None:
    values, needed = (np.array(column, np.float64) for column in zip(*pairs, strict=True))
    if not (needed > 0).any() or not (needed == 0).any():
        return
    wins = sum(
        w * ((a > b) + 0.5 * (a == b))
        for a, w in zip(values, needed, strict=True)
        if w > 0
        for b in values[needed == 0]
    )
    assert auc(values, needed) == pytest.approx(wins / (needed.sum() * (needed == 0).sum()))


def sample(numbers: bool, seed: int) -> Sample:
    """Turns of which those with a number were needed, or those with a question."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(2, size=40)
    said = [f"word{n} and {n} tea" if kind else f"word{n} and thing{n} tea?" for n, kind in enumerate(kinds)]
    return Sample(turns=[Turn(text=text) for text in said], needed=(kinds == numbers).astype(np.float64))


def test_features_count_whose_sign_is_the_same_everywhere() -> None:
    alike = fitted({"a": [sample(True, 1)], "b": [sample(True, 2)]})
    named = dict(zip(FEATURES, alike.weights, strict=True))
    assert (named["any number"], named["asks"], named["commas"]) == (1, -1, 0)
    assert alike.sources == ("a", "b")
    against = fitted({"a": [sample(True, 1)], "b": [sample(False, 2)]})
    assert dict(zip(FEATURES, against.weights, strict=True))["any number"] == 0


def test_fitted_places_are_even_over_what_they_were_fitted_to() -> None:
    one = sample(True, 3)
    weights = replace(fitted({"a": [one]}), assistant=0.0)
    found = judged(one.turns, weights)
    assert ((found >= 0) & (found <= 1)).all()
    assert abs(np.median(found) - 0.5) < 0.3
    assert auc(found, one.needed) > 0.95


def test_a_set_in_which_nothing_is_needed_cannot_be_fitted_to() -> None:
    one = sample(True, 1)
    with pytest.raises(InvalidQuery):
        fitted({"a": [replace(one, needed=np.zeros(40))]})
    with pytest.raises(InvalidQuery):
        fitted({})


def test_rows_are_those_of_a_window() -> None:
    one = sample(True, 1)
    window = Window()
    for place, (turn, row) in enumerate(zip(one.turns, rows(one.turns), strict=True)):
        assert np.array_equal(window.features(turn), row)
        window.add(str(place), turn)

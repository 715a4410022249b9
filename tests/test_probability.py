"""Probabilities of need: what they are computed from, where they are refused, and how they are fitted and judged."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import memoria
from memoria.cli.app import app, out
from memoria.embedders import MINILM
from memoria.evaluation.quality import calibrate, compare
from memoria.evaluation.quality.datasets import Asked, Conversation
from memoria.evaluation.quality.filling import fillers, sentences
from memoria.recall import fitted
from memoria.recall.need import Need
from memoria.recall.probability import BEST, Calibration, hit_features, known_features, logistic
from memoria.remember import Draft
from memoria.testing import HashEmbedder
from memoria.types import EmbedderCard

CALIBRATION = Calibration(hit=(-4.0, 5.0), known=(-6.0, 0.5, 4.0))
TEXTS = ("Ada drinks tea.", "Bob owns a green bicycle.", "It rained in Lisbon.", "Cleo plays the cello.")


class Named(HashEmbedder):
    """A hash embedder under a name of its own, for which constants can be fitted."""

    @property
    def card(self) -> EmbedderCard:
        return EmbedderCard(name="named", dimension=super().card.dimension)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[memoria.Memoria]:
    fit = fitted.Fitted(weights=fitted.ENCODERS[MINILM].weights, calibration=CALIBRATION)
    monkeypatch.setattr(fitted, "ENCODERS", {**fitted.ENCODERS, "named": fit})
    with memoria.open(":memory:", embedder=Named(64)) as opened:
        opened.remember_many(TEXTS)
        yield opened


def test_hits_say_how_likely_they_are_wanted(memory: memoria.Memoria) -> None:
    hits = memory.recall("What does Bob own that is green?")
    needs = np.array([hit.score - hit.terms.get("repeats", 0) for hit in hits])
    cosines = np.array([hit.terms["similarity"] / Need.of("named").weights["similarity"] for hit in hits])
    assert [hit.probability for hit in hits] == pytest.approx(CALIBRATION.of_hits(cosines).tolist(), abs=1e-6)
    assert hits.known == pytest.approx(CALIBRATION.of_any(needs, cosines), abs=1e-6)


def test_what_is_less_likely_is_left_out(memory: memoria.Memoria) -> None:
    query = "What does Bob own that is green?"
    everything = memory.recall(query)
    chances = sorted(hit.probability or 0 for hit in everything)
    bound = (chances[-1] + chances[-2]) / 2
    kept = memory.recall(query, at_least=bound)
    assert [hit.memory.id for hit in kept] == [hit.memory.id for hit in everything if (hit.probability or 0) >= bound]
    assert len(kept) == 1
    assert kept.known == everything.known
    assert memory.recall(query, at_least=0.0) == everything
    (same,) = memory.recall_many([query], at_least=bound)
    assert same == kept


def test_neither_k_nor_a_budget_changes_a_probability(memory: memoria.Memoria) -> None:
    everything, one = memory.recall("green bicycle"), memory.recall("green bicycle", k=1)
    packed = memory.recall("green bicycle", budget_tokens=12)
    assert one == everything[:1]
    assert one.known == packed.known == everything.known
    assert len(packed) < len(everything)


def test_an_empty_store_knows_nothing(memory: memoria.Memoria) -> None:
    hits = memory.namespace("nobody").recall("Where?")
    assert (list(hits), hits.known) == ([], 0.0)


@pytest.mark.parametrize("how", [{"vector_only": True}, {"need": Need()}])
def test_without_probabilities_at_least_is_refused(memory: memoria.Memoria, how: dict[str, object]) -> None:
    hits = memory.recall("green", **how)  # type: ignore[arg-type]
    assert {hit.probability for hit in hits} == {None}
    assert hits.known is None
    with pytest.raises(memoria.InvalidQuery, match="at_least needs probabilities"):
        memory.recall("green", at_least=0.1, **how)  # type: ignore[arg-type]


def test_at_least_is_refused_for_an_embedder_without_constants() -> None:
    with memoria.open(":memory:", embedder=HashEmbedder(64)) as memory:
        memory.remember("Ada drinks tea.")
        assert memory.recall("tea")[0].probability is None
        with pytest.raises(memoria.InvalidQuery, match=HashEmbedder(64).card.name):
            memory.recall("tea", at_least=0.1)


@pytest.mark.parametrize("bound", [-0.1, 1.1, math.nan, True, "0.1"])
def test_a_bound_that_is_no_probability_is_refused(memory: memoria.Memoria, bound: object) -> None:
    with pytest.raises(memoria.InvalidQuery, match="at_least"):
        memory.recall("green", at_least=bound)  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.floats(-20, 20), st.floats(-1, 1)), min_size=1, max_size=60))
def test_features_are_those_of_the_best(pairs: list[tuple[float, float]]) -> None:
    needs, cosines = np.array(pairs).T
    order = np.argsort(-needs, kind="stable")
    assert hit_features(cosines).tolist() == [[1, cosine] for _, cosine in pairs]
    assert known_features(needs[order[:BEST]], cosines[order[:BEST]]) == pytest.approx(known_features(needs, cosines))


def test_logistic_at_golden_points() -> None:
    features = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, -2.0]])
    assert logistic(features, (0.0, math.log(3))).tolist() == pytest.approx([0.5, 0.75, 0.1])


def test_fit_finds_the_constants_that_made_the_cases() -> None:
    rng = np.random.default_rng(0)
    features = np.stack([np.ones(40_000), rng.normal(2, 3, 40_000)], axis=1)
    right = (rng.random(40_000) < logistic(features, (-1.0, 0.5))).astype(np.float64)
    one = calibrate.Sample(features=features, right=right, weights=np.full(40_000, 1 / 40_000))
    assert calibrate.fit([one], penalty=0) == pytest.approx([-1.0, 0.5], abs=0.06)
    assert calibrate.judged(one, (-1.0, 0.5))["ece"] < 0.01
    assert calibrate.judged(one, (1.0, 0.5))["ece"] > 0.2


def test_auroc_of_ties_and_of_order() -> None:
    right, weights = np.array([0.0, 1.0, 0.0, 1.0]), np.full(4, 0.25)
    assert calibrate.auroc(np.array([0.1, 0.2, 0.3, 0.4]), right, weights) == pytest.approx(0.75)
    assert calibrate.auroc(np.full(4, 0.5), right, weights) == pytest.approx(0.5)
    assert calibrate.auroc(np.array([0.1, 0.9, 0.1, 0.9]), right, weights) == pytest.approx(1)


def talk(name: str, *texts: str) -> Conversation:
    at = datetime(2026, 5, 4, tzinfo=UTC)
    drafts = tuple(Draft(text=text, created_at=at) for text in texts)
    asked = tuple(
        Asked(text=f"Who said {text}", category="x", relevant=(frozenset({place}),)) for place, text in enumerate(texts)
    )
    return Conversation(name=name, drafts=drafts, asked=asked, until=at)


def test_a_store_holds_every_second_conversation_and_is_asked_what_the_others_hold() -> None:
    talks = [talk("a", "one", "two"), talk("b", "three"), talk("c", "four")]
    small, large = calibrate.trial(talks, 1, ["g"], []), calibrate.trial(talks, 9, ["g"], [])
    assert ([one.text for one in small.drafts], [one.text for one in small.asked]) == (["one"], ["Who said one"])
    assert small.wrong == ["Who said three", "Who said four"]
    assert [one.text for one in large.drafts] == ["one", "two", "four"]
    assert large.asked[2].relevant == (frozenset({2}),)
    assert large.wrong == ["Who said three"]


def test_fillers_are_the_texts_and_then_two_in_one() -> None:
    texts = sentences(["This is the first sentence. Here is the second sentence!\nShort."])
    assert sorted(texts) == ["Here is the second sentence!", "This is the first sentence."]
    made = fillers(texts, np.eye(2, dtype=np.float32), 4, datetime(2026, 5, 4, tzinfo=UTC))
    assert [one.text for one in made] == [*texts, f"{texts[0]} {texts[1]}", f"{texts[1]} {texts[0]}"]
    assert np.asarray(made[2].vector).tolist() == [1, 1]


def test_differences_are_paired() -> None:
    rows = {
        system: dict.fromkeys(compare.MEASURES, values)
        for system, values in {"need": [1.0, 0.5, 1.0], "bm25": [0.5, 0.0, 0.5]}.items()
    }
    found = compare.paired(rows)["bm25"]["mrr"]
    assert (found["mean"], found["low"], found["high"]) == pytest.approx((0.5, 0.5, 0.5))


def test_sets_weigh_the_same_in_a_fit() -> None:
    def case() -> tuple[dict[str, np.ndarray], np.ndarray, float]:
        return {"a": np.zeros(2)}, np.array([1.0, 0.0]), 1.0

    weights = [weight for _, _, weight in compare.evenly([[case()] * 3, [case()]])]
    assert sum(weights[:3]) == pytest.approx(weights[3])


def test_the_command_refuses_to_compare_nothing() -> None:
    done = CliRunner().invoke(app, ["eval", "compare"])
    assert isinstance(done.exception, memoria.InvalidQuery)


def test_weights_of_before_are_one_more_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = {
        "session_1_date_time": "7:48 pm on 21 May, 2023",
        "session_1": [
            {"speaker": "Ada", "dia_id": f"D1:{n}", "text": text}
            for n, text in enumerate(["I went to Lisbon.", "I own a green bicycle.", "It rained all day."], 1)
        ],
    }
    asked = [{"question": "Where is the green bicycle?", "evidence": ["D1:2"], "category": 4}]
    files = {
        "locomo": [{"sample_id": "one", "conversation": talk, "qa": asked, "observation": {}}],
        "before": dict.fromkeys(Need().weights, 0.0) | {"words": -1.0},
    }
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    command = ["eval", "compare", "--locomo", str(tmp_path / "locomo.json"), "--cache", str(tmp_path / "cache")]
    report = json.loads(CliRunner().invoke(app, [*command, "--before", str(tmp_path / "before.json"), "--json"]).stdout)
    [row] = report.values()
    assert row["systems"]["need"]["mrr"] == 1
    assert row["systems"]["before"]["mrr"] == pytest.approx(1 / 3)
    assert row["need less"]["before"]["mrr"]["mean"] == pytest.approx(2 / 3)
    monkeypatch.setattr(out, "width", 200)
    assert "before" in CliRunner().invoke(app, [*command, "--before", str(tmp_path / "before.json")]).output
    assert "before" not in CliRunner().invoke(app, command).output


@pytest.mark.parametrize("name", fitted.ENCODERS)
def test_every_encoder_has_a_weight_for_each_term(name: str) -> None:
    weights = fitted.ENCODERS[name].weights
    assert weights.keys() == fitted.ENCODERS[MINILM].weights.keys()
    assert min(weight for term, weight in weights.items() if term != "question") > 0 > weights["question"]


def test_a_weight_can_be_named_self() -> None:
    assert Need().with_(**json.loads('{"self": 2}')).weights["self"] == 2


def test_the_default_embedder_has_constants_for_each_feature() -> None:
    found = fitted.fitted(MINILM).calibration
    assert found is not None
    assert len(found.hit) == 2
    assert found.known is None


def test_an_embedder_that_is_not_fitted_has_the_weights_alone() -> None:
    assert fitted.fitted("unknown") == fitted.Fitted(weights=fitted.ENCODERS[MINILM].weights)

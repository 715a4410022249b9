"""Words and the lexical index: golden scores, and a state that equals never having seen what was forgotten."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

import memoria
from memoria.identity import IdSource
from memoria.stores import LocalStore
from memoria.testing import HashEmbedder
from memoria.text.lexical import K1, B, LexicalIndex
from memoria.text.words import Sign, question, signs, stems
from memoria.types import Memory, Provenance

IDS = IdSource()
AT = datetime(2026, 1, 1, tzinfo=UTC)


def said(text: str, speaker: str | None = None, session: str | None = None) -> Memory:
    origin = Provenance(speaker=speaker, session=session)
    return Memory(id=IDS.new(AT), namespace=(), text=text, created_at=AT, provenance=origin)


def index_of(memories: dict[int, Memory]) -> LexicalIndex:
    index = LexicalIndex()
    for doc, memory in memories.items():
        index.add(doc, memory)
    return index


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ada's caresses and ponies were happily running", ["ada", "caress", "poni", "happili", "run"]),
        ("The KNITTED relational 3rd-party \u00dcbung", ["knit", "relat", "3rd", "parti", "\u00fcbung"]),
        ("she is in the", []),
    ],
)
def test_stems_are_those_of_the_published_stemmer(text: str, expected: list[str]) -> None:
    assert stems(text) == expected


def test_a_question_knows_its_words() -> None:
    asked = question("When did Caroline visit the LGBTQ group? And Paris?")
    assert asked.words == ("carolin", "visit", "lgbtq", "group", "pari")
    assert {"when", "caroline"} <= asked.spoken


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Did you?", Sign.ASKS),
        ("Rain all day. Snow at night.", Sign.NONE),
        ("We went home.", Sign.SELF),
        ("a photo of Lisbon", Sign.NAME),
        ("It was in october, two days ago.", Sign.TIME | Sign.NUMBER),
        ("Born in 1999", Sign.TIME | Sign.NUMBER),
    ],
)
def test_signs_by_hand(text: str, expected: Sign) -> None:
    assert signs(text) == expected


DATES = (
    r"yesterday|today|tonight|ago|last|next|week|weekend|month|year|morning|\d{4}"
    "|monday|tuesday|wednesday|thursday|friday|saturday|sunday"
    "|january|february|march|april|june|july|august|september|october|november|december"
)
COUNTS = r"\d+|one|two|three|four|five|six|seven|eight|nine|ten|once|twice|couple|few|several"
PATTERNS = {
    Sign.ASKS: r"\?\s*$",
    Sign.SELF: r"(?i)\b(?:i|me|my|we|our)\b",
    Sign.NAME: r"(?<!^)(?<![.!?] )\b[A-Z][a-z]+",
    Sign.TIME: rf"(?i)\b(?:{DATES})\b",
    Sign.NUMBER: rf"(?i)\b(?:{COUNTS})\b",
}
PARTS = st.sampled_from(
    ["my", "Two", "1999", "12", "Ada", "weeks", "week", "_i", "x1", " ", " ", ". ", "?", "\n", "'", "é"]
)


@given(st.lists(PARTS | st.characters(max_codepoint=127), max_size=8).map("".join))
def test_signs_are_what_plain_patterns_find(text: str) -> None:
    found = [sign for sign, pattern in PATTERNS.items() if re.search(pattern, text)]
    assert signs(text) == Sign(sum(found))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What does Ada like?", Sign.NONE),
        ("Where did Ada go, and when?", Sign.NAME | Sign.TIME),
        ("Which year was it?", Sign.NAME | Sign.TIME),
        ("How often does Bob run?", Sign.NUMBER),
    ],
)
def test_a_question_wants_what_it_asks_for(text: str, expected: Sign) -> None:
    assert question(text).wants == expected


def test_scores_are_those_of_another_implementation() -> None:
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{n}" for n in rng.zipf(1.3, rng.integers(1, 15)) % 50) for _ in range(60)]
    index = index_of({doc: said(text) for doc, text in enumerate(texts)})
    other = BM25Okapi([stems(text) for text in texts], k1=K1, b=B)
    # That package floors negative idf; ours is never negative and has a golden value of its own below.
    other.idf = {word: index.idf(word) for word in other.idf}
    words = ["w1", "w2", "w7", "nowhere"]
    assert index.score(words, np.arange(60)) == pytest.approx(other.get_scores(words), abs=1e-9)
    best = set(index.best(words, None, 5).tolist())
    assert best == set(np.argsort(-other.get_scores(words), kind="stable")[:5].tolist())


def test_idf_by_hand() -> None:
    index = index_of({0: said("tea"), 1: said("tea cup"), 2: said("chess")})
    assert index.idf("chess") == pytest.approx(0.9808292530117262)
    assert index.idf("tea") == pytest.approx(0.47000362924573563)


TEXTS = st.lists(st.sampled_from(["tea", "cup", "chess", "oslo", "run?"]), min_size=1, max_size=6).map(" ".join)
TURNS = st.tuples(TEXTS, st.sampled_from([None, "Ada", "Bob"]), st.sampled_from([None, "s1", "s2"]))


@given(turns=st.lists(TURNS, max_size=12), order=st.randoms(use_true_random=False))
def test_after_removal_the_state_is_that_of_an_index_that_never_saw_it(turns: list[Any], order: Any) -> None:
    memories = {doc: said(*turn) for doc, turn in enumerate(turns)}
    index = index_of(memories)
    gone = [doc for doc in memories if order.random() < 0.5]
    order.shuffle(gone)
    index.remove(gone)
    kept = {doc: memory for doc, memory in memories.items() if doc not in gone}
    assert index.state() == index_of(kept).state()
    assert len(index) == len(kept)


def test_neighbours_close_ranks() -> None:
    index = index_of({doc: said(f"turn {doc}", "Ada", "s") for doc in range(5)})
    docs = np.arange(5)
    assert index.conversation.neighbours(docs, 1).tolist() == [1, 2, 3, 4, -1]
    assert index.conversation.neighbours(docs, -2).tolist() == [-1, -1, 0, 1, 2]
    index.remove([2])
    assert index.conversation.neighbours(np.array([1, 3]), 1).tolist() == [3, 4]
    assert index.conversation.neighbours(np.array([3]), -1).tolist() == [1]


def test_forgetting_and_amending_leave_no_word_in_ram(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder(32)) as memory:
        store = memory.store
        assert isinstance(store, LocalStore)
        memory.remember("plain words", provenance=Provenance(speaker="Bob", session="s"))
        secret = memory.remember("xylophone", subject="zebra", provenance=Provenance(speaker="Quentin", session="t"))
        old = memory.remember("yttrium today")
        memory.recall("xylophone")

        def ram() -> str:
            return " ".join(str(space.words.state()) for space in store._spaces.values() if space.words is not None)

        for word in ("xylophon", "zebra", "Quentin", "yttrium", "plain"):
            assert word in ram()
        memory.forget(secret.id)
        memory.amend(old.id, text="copper today")
        for word in ("xylophon", "zebra", "Quentin", "yttrium"):
            assert word not in ram()
        assert "copper" in ram()
        space = next(iter(store._spaces.values()))
        updated, space.words = space.words, None
        assert updated is not None
        assert updated.state() == store._words(space).state()

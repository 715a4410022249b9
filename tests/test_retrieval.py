"""The retrieval evaluation on small data made here."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import memoria
from memoria.evaluation import datasets, retrieval
from memoria.evaluation.datasets import Asked
from memoria.testing import HashEmbedder


@pytest.fixture
def locomo(tmp_path: Path) -> Path:
    turns = ["Hello there, Bob.", "I went to Lisbon.", "I own a green bicycle.", "It rained all day."]
    talk = {
        "session_1_date_time": "7:48 pm on 21 May, 2023",
        "session_1": [
            {"speaker": "Ada", "dia_id": f"D1:{n}", "text": text, "blip_caption": "a photo of rain" if n == 4 else ""}
            for n, text in enumerate(turns, 1)
        ],
    }
    qa = [
        {"question": "What does Ada own that is green?", "evidence": ["D1:3"], "category": 4},
        {"question": "Where did Ada go, and how was the weather?", "evidence": ["D1:2; D:1:4"], "category": 1},
        {"question": "Nothing?", "evidence": [], "category": 5},
    ]
    path = tmp_path / "locomo.json"
    path.write_text(json.dumps([{"sample_id": "conv-1", "conversation": talk, "qa": qa}]))
    return path


def test_locomo_is_read_with_split_ids(locomo: Path) -> None:
    (one,) = datasets.load(locomo)
    assert [draft.text for draft in one.drafts][3] == "It rained all day. [a photo of rain]"
    assert [asked.relevant for asked in one.asked] == [(frozenset({2}),), (frozenset({1}), frozenset({3}))]
    assert [asked.category for asked in one.asked] == ["single-hop", "multi-hop"]
    assert one.until.isoformat() == "2023-05-21T19:48:00+00:00"


def test_memora_counts_values(tmp_path: Path) -> None:
    def session(number: int, message: str) -> dict[str, Any]:
        turn = {"turn": 1, "speaker": "user_agent", "message": message, "share_memory": True}
        return {"session_id": number, "date": "2025-06-01", "persona": "p", "conversation": [turn]}

    question = {
        "persona": "p",
        "task": "remembering",
        "question": "What is left to do?",
        "memory_evidence": {"remaining": [{"value": "Plan Work", "session_id": 1}]},
        "forgetting_evidence": {"forgotten_items": [{"value": "Visit library", "session_id": 2}]},
    }
    with gzip.open(tmp_path / "weekly_sessions.jsonl.gz", "wt") as file:
        file.write("\n".join(map(json.dumps, [session(1, "add plan work"), session(2, "visit library is done")])))
    (tmp_path / "weekly_questions.jsonl").write_text(json.dumps(question) + "\n")
    (one,) = datasets.load(tmp_path)
    assert one.asked[0].relevant == (frozenset({0}),)
    assert one.asked[0].stale == (frozenset({1}),)


def test_measures_by_hand() -> None:
    asked = Asked(
        text="?", category="c", relevant=(frozenset({1}), frozenset({2, 9}), frozenset({8})), stale=(frozenset({5}),)
    )
    found = retrieval.measures(asked, [4, 9, 5, 6, 7, 1, 3])
    assert found["recall@5"] == pytest.approx(1 / 3)
    assert found["recall@10"] == pytest.approx(2 / 3)
    assert (found["mrr"], found["full@10"], found["hit@20"], found["stale@50"]) == (0.5, 0.0, 1.0, 1.0)


def test_evaluation_holds_systems_side_by_side(locomo: Path, tmp_path: Path) -> None:
    embedder = retrieval.Cached(HashEmbedder(64), tmp_path / "cache")
    steps: list[tuple[str, int, int]] = []
    report = retrieval.evaluate(datasets.load(locomo), embedder, lambda *step: steps.append(step), ablate=True)
    assert {"bm25", "vectors", "fusion", "rrf", "memoria", "without words"} <= set(report["systems"])
    means = report["systems"]["memoria"]["all"]
    assert means["recall@5"]["mean"] == 1
    assert means["mrr"]["low"] <= means["mrr"]["mean"] <= means["mrr"]["high"]
    assert means["mrr"]["n"] == 2
    assert steps == [("conversations", 1, 1)]
    assert list((tmp_path / "cache").iterdir())


def test_fit_finds_the_weights_that_made_the_choices() -> None:
    rng = np.random.default_rng(0)
    cases = []
    for _ in range(3000):
        columns = {"a": rng.standard_normal(8), "b": rng.standard_normal(8)}
        chances = np.exp(2 * columns["a"] - columns["b"])
        right = np.zeros(8)
        right[rng.choice(8, p=chances / chances.sum())] = 1
        cases.append((columns, right))
    weights = retrieval.fit(cases, penalty=0)
    assert weights == pytest.approx({"a": 2, "b": -1}, abs=0.15)


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[1, 2]")
    with pytest.raises(memoria.InvalidQuery, match="not a LoCoMo file"):
        datasets.load(tmp_path / "x.json")

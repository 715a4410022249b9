"""The retrieval evaluation on small data made here."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner

import memoria
from memoria.cli.app import app, out
from memoria.embedders import MINILM
from memoria.evaluation import drawing
from memoria.evaluation.bench import hybrid
from memoria.evaluation.quality import datasets, retrieval
from memoria.evaluation.quality.datasets import Asked
from memoria.evaluation.quality.keeping import Cached
from memoria.recall.fitted import ENCODERS
from memoria.recall.need import Need
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


@pytest.fixture
def memora(tmp_path: Path) -> Path:
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
    folder = tmp_path / "memora"
    folder.mkdir()
    with gzip.open(folder / "weekly_sessions.jsonl.gz", "wt") as file:
        file.write("\n".join(map(json.dumps, [session(1, "add plan work"), session(2, "visit library is done")])))
    (folder / "weekly_questions.jsonl").write_text(json.dumps(question) + "\n")
    return folder


def test_memora_counts_values(memora: Path) -> None:
    (one,) = datasets.load(memora)
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
    embedder = Cached(HashEmbedder(64), tmp_path / "cache")
    steps: list[tuple[str, int, int]] = []
    report = retrieval.evaluate(datasets.load(locomo), embedder, lambda *step: steps.append(step), ablate=True)
    assert {"bm25", "vectors", "fusion", "rrf", "memoria", "without words"} <= set(report["systems"])
    means = report["systems"]["memoria"]["all"]
    assert means["recall@5"]["mean"] == 1
    assert means["mrr"]["low"] <= means["mrr"]["mean"] <= means["mrr"]["high"]
    assert means["mrr"]["n"] == 2
    assert steps == [("conversations", 1, 1)]
    assert list((tmp_path / "cache").iterdir())
    assert report["curves"].keys() == report["systems"].keys()
    for system, levels in report["curves"].items():
        assert levels == sorted(levels)
        assert levels[9] == pytest.approx(report["systems"][system]["all"]["recall@10"]["mean"])


def test_a_system_is_not_moved_by_the_one_before_it(locomo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval, "DEPTH", 1)
    (one,) = datasets.load(locomo)
    bicycle, trip = one.asked
    # Words of the second question are in no memory, so use alone could part them; uses are written by the hundred.
    often = replace(one, asked=(*[bicycle] * 300, trip), until=one.until + timedelta(days=30))
    need = Need(weights={"words": 1.0, "base level": 9.0})
    found = retrieval.answers(often, HashEmbedder(64), {"first": need, "second": need})
    assert found["first"][0] == [2]
    assert found["first"][-1] != [2]
    assert found["second"] == found["first"]


def test_the_drawing_holds_each_system_and_a_legend(tmp_path: Path) -> None:
    curves = {f"system <{n}>": [(k + n) / 100 for k in range(1, 51)] for n in range(9)}
    root = ElementTree.fromstring(retrieval.svg({"questions": 2, "memories": 4, "curves": curves}))
    space = "{http://www.w3.org/2000/svg}"
    lines = root.findall(f"{space}polyline")
    assert len({(line.get("stroke"), line.get("stroke-dasharray")) for line in lines}) == len(curves)
    written = [text.text for text in root.findall(f"{space}text")]
    assert set(curves) <= set(written)
    assert {"k", "0", "50", "1", "Recall at k, 2 questions about 4 memories"} <= set(written)
    # The last point of the first line is k = 50, at the right end, and recall 0.5, half way up.
    x, y = map(float, str(lines[0].get("points")).split()[-1].split(","))
    assert (x, y) == (drawing.LEFT + drawing.WIDTH, drawing.TOP + drawing.HEIGHT / 2)


def test_the_command_measures_locomo_and_draws(locomo: Path, tmp_path: Path) -> None:
    plot, cache = tmp_path / "recall.svg", str(tmp_path / "cache")
    command = ["eval", "retrieval", "--data", str(locomo), "--cache", cache]
    done = CliRunner().invoke(app, [*command, "--json", "--only", "conv-1", "--plot", str(plot)])
    report = json.loads(done.stdout)
    assert report["conversations"] == ["conv-1"]
    assert report["systems"]["memoria"]["single-hop"]["mrr"]["mean"] == 1
    weights = tmp_path / "need.json"
    weights.write_text(json.dumps(dict.fromkeys(Need().weights, 0.0) | {"words": -1.0}))
    other = json.loads(CliRunner().invoke(app, [*command, "--json", "--need", str(weights)]).stdout)
    assert other["systems"]["memoria"]["single-hop"]["mrr"]["mean"] < 1
    assert plot.read_text() == retrieval.svg(report)
    refused = CliRunner().invoke(app, [*command, "--only", "conv-9"])
    assert refused.exit_code == 2
    assert "the data holds conv-1" in " ".join(refused.output.replace("\u2502", " ").split())


def test_the_command_shows_a_table_for_memora(memora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(out, "width", 200)
    done = CliRunner().invoke(app, ["eval", "retrieval", "--data", str(memora), "--cache", str(tmp_path / "cache")])
    assert done.exit_code == 0
    for word in ("memoria (95 % intervals)", "vectors (95 % intervals)", "remembering", "stale@50"):
        assert word in done.output


def test_the_command_fits_weights(locomo: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["eval", "fit", "--data", str(locomo), "--cache", str(tmp_path / "cache")])
    weights = json.loads(done.stdout)
    assert weights.keys() == ENCODERS[MINILM].weights.keys()
    assert weights["similarity"] > 0


def test_hybrid_is_timed_beside_vectors(tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    report = hybrid.bench_hybrid(tmp_path, 300, HashEmbedder(384), lambda *step: steps.append(step), queries=5, seed=0)
    assert report["n"] == 300
    assert report["ratio"] == pytest.approx(report["hybrid_p50_ms"] / report["vector_p50_ms"])
    assert report["build_per_s"] == pytest.approx(300 / report["build_s"])
    assert report["hybrid_p95_ms"] >= report["hybrid_p50_ms"] > 0
    assert report["lexical_mb_per_100k"] > 0
    assert steps == [("fill", 300, 300), *(("queries", n, 5) for n in range(1, 6))]


def test_fit_finds_the_weights_that_made_the_choices() -> None:
    rng = np.random.default_rng(0)
    cases = []
    for _ in range(3000):
        columns = {"a": rng.standard_normal(8), "b": rng.standard_normal(8)}
        chances = np.exp(2 * columns["a"] - columns["b"])
        right = np.zeros(8)
        right[rng.choice(8, p=chances / chances.sum())] = 1
        cases.append((columns, right, 1.0))
    weights = retrieval.fit(cases, penalty=0)
    assert weights == pytest.approx({"a": 2, "b": -1}, abs=0.15)


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[1, 2]")
    with pytest.raises(memoria.InvalidQuery, match="not a LoCoMo file"):
        datasets.load(tmp_path / "x.json")

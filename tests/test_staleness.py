"""The forgetting evaluation on a small week made here."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from memoria.cli.app import app
from memoria.evaluation.quality import datasets, staleness
from memoria.testing import HashEmbedder

SAID = [
    "I really like opera.",
    "I need to buy stamps.",
    "The budget of the project is $1,200,000.",
    "I really like tea.",
    "I bought stamps.",
    "I don't like opera anymore.",
]

RULES = staleness.Way(detector="rules", endings="sure")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sessions = [
        {
            "session_id": number,
            "date": "2025-06-01",
            "persona": "p",
            "conversation": [{"turn": 1, "speaker": "user_agent", "message": text, "share_memory": True}],
        }
        for number, text in enumerate(SAID, 1)
    ]
    questions: list[dict[str, Any]] = [
        {
            "persona": "p",
            "task": "recommending",
            "question": "What do I like?",
            "memory_evidence": {"likes": [{"item": "like tea"}], "content_data": {"budget": 1200000}},
            "forgetting_evidence": {
                "forgotten_items": [
                    {"field": "budget", "value": "Opera", "session_id": 6},
                    {"field": "budget", "value": 1200000, "session_id": 6},
                    {"session_id": 5},
                ]
            },
        },
        {
            "persona": "p",
            "task": "reasoning",
            "question": "What did I say of tea?",
            "memory_evidence": {"likes": [{"item": "like tea"}]},
        },
    ]
    with gzip.open(tmp_path / "weekly_sessions.jsonl.gz", "wt") as file:
        file.write("\n".join(map(json.dumps, sessions)))
    (tmp_path / "weekly_questions.jsonl").write_text("\n".join(map(json.dumps, questions)) + "\n")
    return tmp_path


def test_a_probe_wants_values_and_not_the_names_of_fields(folder: Path) -> None:
    (week,) = staleness.weeks(folder)
    likes, reasons = week.probes
    assert (likes.wanted, likes.stale) == (("1,200,000", "like tea"), ("opera",))
    assert likes.revoked == (("opera", "6"),)
    assert (reasons.stale, reasons.revoked) == ((), ())
    times = [draft.created_at for draft in week.drafts if draft.created_at is not None]
    assert len(set(times)) == len(SAID)
    assert times == sorted(times)
    assert times[-1] < week.until


def test_a_week_before_and_after(folder: Path) -> None:
    report = staleness.evaluate_weeks(list(staleness.weeks(folder)), HashEmbedder(64), lambda *_: None, RULES)
    before = report["systems"]["need"]["recommending"]
    after = report["systems"]["need reconciled"]["recommending"]
    for way in ("words", "stems", "session"):
        assert before[f"stale {way}@50"]["mean"] == 1
        assert after[f"stale {way}@50"]["mean"] == 0
    # lambda is one forgotten of three values
    assert before["fama"]["mean"] == pytest.approx(2 / 3)
    assert (after["mpa"]["mean"], after["faa"]["mean"], after["fama"]["mean"]) == (1, 1, 1)
    assert (before["stale older@50"]["mean"], after["stale older@50"]["mean"]) == (1, 0)
    assert "stale words@50" not in report["systems"]["need"]["reasoning"]
    assert report["proposals"] == {"statements": 6, "proposals": 2, "ended": 2, "amended": 0, "lowered": 0, "wrong": 0}


def test_a_wanted_value_that_nothing_tells_any_more_is_counted(folder: Path) -> None:
    (week,) = staleness.weeks(folder)
    probe = staleness.Probe(text="What?", task="t", wanted=("opera",), stale=(), revoked=())
    wrong = staleness.Week(name="w", drafts=week.drafts, probes=(probe,), until=week.until)
    report = staleness.evaluate_weeks([wrong], HashEmbedder(64), lambda *_: None, RULES)
    assert report["proposals"]["wrong"] == 1


def test_turns_keep_their_places_when_they_are_reworded() -> None:
    talk = {
        "session_1_date_time": "1:00 pm on 8 May, 2023",
        "session_1": [
            {"dia_id": "D1:1", "speaker": "Ada", "text": "The guests are Ann Lee, Bob Ray, and Cy Fox."},
            {"dia_id": "D1:2", "speaker": "Ada", "text": "I love opera."},
        ],
        "session_2_date_time": "1:00 pm on 9 May, 2023",
        "session_2": [
            {"dia_id": "D2:1", "speaker": "Ada", "text": "Please remove 'Bob Ray' from the guests."},
            {"dia_id": "D2:2", "speaker": "Ada", "text": "I don't like opera anymore."},
        ],
    }
    asked = [
        {"question": "Who are the guests?", "evidence": ["D1:1"], "category": 4},
        {"question": "Who loved opera?", "evidence": ["D1:2"], "category": 4},
    ]
    one = datasets.locomo({"sample_id": "a", "conversation": talk, "qa": asked})
    report = staleness.evaluate_turns([one], HashEmbedder(64), lambda *_: None, RULES)
    assert report["systems"]["need"]["all"]["recall@10"]["mean"] == 1
    assert report["systems"]["need reconciled"]["all"]["recall@10"]["mean"] == 0.5
    assert report["proposals"] == {"statements": 4, "proposals": 2, "ended": 1, "amended": 1, "lowered": 0, "wrong": 1}


def test_the_command_prints_both(folder: Path, tmp_path: Path) -> None:
    options = ["eval", "forgetting", "--data", str(folder), "--cache", str(tmp_path / "cache")]
    told = CliRunner().invoke(app, [*options, "--json"])
    assert told.exit_code == 0, told.output
    expected = {f"{name}{how}" for name in ("vectors", "need") for how in ("", " reconciled", " slept")}
    assert set(json.loads(told.stdout)["systems"]) == expected
    shown = CliRunner().invoke(app, [*options, "--only", "p"])
    assert shown.exit_code == 0, shown.output
    assert "need reconciled" in shown.output
    for wrong in (["--only", "q"], ["--personas", "q"], ["--endings", "q"], ["--detector", "q"]):
        assert CliRunner().invoke(app, [*options, *wrong]).exit_code != 0
    kept = CliRunner().invoke(
        app, [*options, "--personas", "kept", "--endings", "sure", "--detector", "rules", "--json"]
    )
    assert json.loads(kept.stdout)["weeks"] == ["p"]
    assert "content_writer" in staleness.USED
    assert [staleness.half(name) for name in ("content_writer", "p")] == ["used", "kept"]

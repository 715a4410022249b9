"""The examples run and their claims hold; third-party policies are found by name."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from memoria.errors import InvalidInput
from memoria.models import as_model
from memoria.policies import registry
from tests.commands import run

ROOT = Path(__file__).parents[1]


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None and spec.loader is not None  # noqa: PT018 - for the type checker
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_robot_keeps_to_its_budget_and_every_safety_rule() -> None:
    autonomous = example("autonomous")
    report = autonomous.run()
    assert report["safety_rules_retrievable"] == report["safety_rules"] == 12
    assert report["active"] <= report["budget"] + 7 * autonomous.SEEN
    assert report["left"] < report["remembered"] / 2
    assert report["answered_last_5_days_at_a_site"] > report["answered_first_5_days_at_a_site"]


def test_a_clinic_forgets_one_patient_and_keeps_what_it_learnt_from_many(tmp_path: Path) -> None:
    clinic = example("healthcare")
    report = clinic.run(str(tmp_path / "clinic.memoria"))
    drugs = len(clinic.DRUGS)
    # Her visits, their summaries, the letters, and the appointment that names her beside its text.
    assert report["naming_her"] == report["told_again"] == 2 * drugs + len(clinic.LETTERS) + 1
    assert report["forgotten"] + report["derived_forgotten"] == report["naming_her"]
    for nothing in ("naming_her_afterwards", "recalled_of_her", "secrets_found", "texts_in_files", "problems"):
        assert report[nothing] == 0
    assert report["secrets_looked_for"] > report["naming_her"]
    assert report["bytes_scanned"] > 0
    assert report["refused_again"] == report["told_again"]
    assert report["visits_of_others_kept"] == report["visits_of_others"] == drugs * len(clinic.OTHERS)
    assert report["gists_made_again"] == report["gists"] == report["gists_afterwards"] == drugs
    assert report["parts_in_gists"] - report["parts_in_gists_afterwards"] == drugs
    assert report["effects_known_from_gists"] == report["effects"]
    assert report["guidelines_found"] == report["guidelines"]


def test_an_agent_forgets_a_secret_and_what_it_said_of_it(tmp_path: Path) -> None:
    agent = example("agent_that_forgets")
    report = agent.run(tmp_path / "agent.memoria", as_model(lambda messages: messages[-1].text))
    assert agent.SECRET in report["answer"]
    assert report["forgotten"] + report["replies_that_went_along"] >= report["memories_that_told_it"] >= 3
    assert report["looked_for"] > report["forgotten"]
    assert report["found"] == report["told_afterwards"] == 0
    assert agent.SECRET not in report["answer_afterwards"]
    assert "My sister Nora lives in Lund." in report["recalled_of_the_sister"]


def test_a_bank_answers_by_the_rule_that_held_and_was_known_on_any_date() -> None:
    bank = example("finance")
    report = bank.run()
    assert report["dates_right"] == report["dates_asked"] > 4 * bank.DAYS / 5
    limits = {day: text.split(" is ")[1] for day, (text,) in report["as_of"].items()}
    # Announced on day 40 for day 90; made known on day 190, with effect from day 180.
    assert [limits[day] for day in (89, 90, 189, 190)] == [
        "1,000 euros.",
        "2,500 euros.",
        "2,500 euros.",
        "2,000 euros.",
    ]
    assert report["today"] == report["after_forgetting_the_upcoming"] == ["The daily transfer limit is 2,000 euros."]
    assert len(report["today_with_upcoming"]) == 2
    assert len(report["history"]) == len(next(iter(bank.RULES.values()))) == report["history_afterwards"] + 1


def test_entry_points_name_policies_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[memoria.policies]\nother = other_policy:Other\n")
    (tmp_path / "other_policy.py").write_text("from memoria.policies import Never\nclass Other(Never):\n    pass\n")
    assert "other" not in registry.names()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "other" in registry.names()
    assert type(registry.make("other")).__name__ == "Other"
    with pytest.raises(InvalidInput, match="nosuch"):
        registry.make("nosuch")
    with pytest.raises(InvalidInput, match="colour"):
        registry.make("exponential", colour=1)


def test_the_command_line_lists_shows_plots_and_keeps(tmp_path: Path) -> None:
    assert "act-r" in json.loads(run(tmp_path, "policies", "list", "--json"))
    assert "Pavlik" in json.loads(run(tmp_path, "policies", "show", "act-r", "--json"))["about"]
    rows = {row["policy"]: row for row in json.loads(run(tmp_path, "policies", "spacing", "--json"))}
    assert all(row["shows"] for row in rows.values() if row["claims"])
    assert not rows["savings"]["shows"]
    run(tmp_path, "policies", "plot", "fsrs", "--to", str(tmp_path / "fsrs.svg"))
    assert (tmp_path / "fsrs.svg").read_text().count("<polyline") == 2
    id = run(tmp_path, "remember", "an old fact", "--created-at", "2020-01-01").strip()
    run(tmp_path, "hold", id, "--reason", "case 7")
    assert json.loads(run(tmp_path, "fade", "--json")) == []
    assert "Held" in run(tmp_path, "forget", id, "--yes", status=2)
    run(tmp_path, "release", id, "--reason", "settled")
    assert [entry["action"] for entry in json.loads(run(tmp_path, "ledger", "--json"))] == ["hold", "release"]
    assert json.loads(run(tmp_path, "fade", "--json")) == [id]
    assert json.loads(run(tmp_path, "recall", "old fact", "--json")) == []
    run(tmp_path, "restore", id)
    run(tmp_path, "archive", id)
    assert json.loads(run(tmp_path, "allocate", "--total", "3", "--json"))["total"] == 3
    assert "too few" in run(tmp_path, "policies", "fit", status=2)
    report = json.loads(run(tmp_path, "prune", "--below", "1.1", "--yes", "--json"))
    assert report["ids"] == [id]

"""Parameters are fitted on traces of some seeds and judged on others; who is ahead is said with its interval."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from memoria.cli import app
from memoria.errors import InvalidInput
from memoria.evaluation.lab import tuning
from memoria.evaluation.lab.contenders import DEFAULT, MODELS
from memoria.policies import registry

QUIET = lambda *_: None  # noqa: E731 - a progress that says nothing


def test_a_bad_default_is_mended_and_a_model_without_parameters_stays() -> None:
    names = ["power-law:psi=5.0,stability=0.01", "lru"]
    found = tuning.field(names, "spacing", 0.3, QUIET, seeds=4, tries=6, length=400)
    law, lru = found.models
    assert law.gain.mean == pytest.approx(law.tuned - law.recall)
    assert set(law.parameters) <= set(registry.make("power-law").fitted)  # type: ignore[attr-defined]  # a Model has it
    assert (lru.parameters, lru.tuned, lru.gain.mean) == ({}, lru.recall, 0.0)
    assert found.defaults.means == {one.policy: one.recall for one in found.models}
    assert found.tuned.means == {one.policy: one.tuned for one in found.models}
    assert found.winners[0] == found.defaults.best


def test_the_same_seeds_give_the_same_figures() -> None:
    first, again = (tuning.field(["fsrs", "lru"], "scan", 0.3, QUIET, seeds=2, tries=2, length=200) for _ in range(2))
    assert first == again


def test_one_model_is_no_comparison() -> None:
    with pytest.raises(InvalidInput, match="fewer than two"):
        tuning.field(["fsrs"], "scan", 0.3, QUIET, seeds=2, tries=1, length=200)


def test_the_command_prints_each_workload() -> None:
    command = ["policies", "tune", "--policies", "lru,fifo", "--traces", "scan", "--seeds", "2", "--length", "200"]
    said = CliRunner().invoke(app, [*command, "--jobs", "1"])
    assert said.exit_code == 0, said.output
    assert "scan, defaults: " in said.output
    told = json.loads(CliRunner().invoke(app, [*command, "--jobs", "1", "--json"]).output)
    assert [one["policy"] for one in told[0]["models"]] == ["lru", "fifo"]


def test_every_model_of_the_table_has_parameters_to_fit() -> None:
    assert all(registry.make(name).fitted for name in MODELS)  # type: ignore[attr-defined]  # a Model has it
    assert set(DEFAULT) <= set(registry.names())

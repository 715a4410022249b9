"""The forgetting suite: the same cases for the same seed, memoria passes what it should, and no extreme does."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from memoria.evaluation.suite import scenario, suite
from memoria.evaluation.suite.cases import CATEGORIES, generate
from memoria.evaluation.suite.grammar import gone, stay
from memoria.testing import HashEmbedder
from tests.commands import apart as run

EMBEDDER = HashEmbedder()
# What memoria fails, by variant, and nothing else: see docs/suite.md.
MISSES = {"middle-forgotten", "namespace-imported-again"}
FACTS = [
    scenario.Fact(label=str(n), text=f"Ada saw the {word}.", ask="What did Ada see?") for n, word in enumerate("ab")
]


def variant(case: str) -> str:
    return case.split("-", 2 + case.startswith("re-"))[-1]


@pytest.mark.parametrize("category", CATEGORIES)
def test_each_variant_is_passed_but_for_the_known_misses(category: str) -> None:
    cases = generate(category, len(CATEGORIES[category]), seed=5)
    results = list(suite.run(cases, suite.ENGINES["memoria"], EMBEDDER, every=7))
    assert sum(result.on_disk for result in results) >= 1
    failed = {variant(result.case): result.wrong for result in results if not result.passed}
    assert failed.keys() == MISSES & {variant(case.id) for case in cases}, failed


@pytest.mark.parametrize("category", CATEGORIES)
def test_neither_extreme_passes(category: str) -> None:
    cases = generate(category, len(CATEGORIES[category]), seed=6)
    for name in ("do nothing", "delete everything"):
        results = suite.run(cases, suite.ENGINES[name], EMBEDDER)
        passed = {variant(result.case) for result in results if result.passed}
        # Where nothing is to be forgotten, doing nothing is right.
        assert passed == ({"never-there"} if (name, category) == ("do nothing", "absence") else set())


def test_cases_are_the_same_for_the_same_seed_in_any_process() -> None:
    code = (
        "import hashlib; from memoria.evaluation.suite.cases import CATEGORIES, generate;"
        "print(hashlib.sha256(repr([generate(one, 12, 3) for one in CATEGORIES]).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[1])},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in "12"
    }
    assert len(digests) == 1
    assert generate("near", 12, 3) != generate("near", 12, 4)


def test_there_are_ten_categories_and_more_than_five_hundred_cases() -> None:
    assert len(CATEGORIES) == 10
    cases = [case for category in CATEGORIES for case in generate(category, suite.PER_CATEGORY, 0)]
    assert len({case.id for case in cases}) == len(cases) >= 500
    assert len({repr(replace(case, id="")) for case in cases}) == len(cases)


def test_a_byte_that_stays_is_seen(tmp_path: Path) -> None:
    case = scenario.Case(
        id="one", category="one", steps=(scenario.Say(tuple(FACTS)), scenario.Forget(labels=("0",)), gone(FACTS[0]))
    )
    results = {name: next(suite.run([case], make, EMBEDDER, every=1)) for name, make in suite.ENGINES.items()}
    assert results["memoria"].passed
    assert any("still stand in a file" in wrong for wrong in results["do nothing"].wrong)
    assert not any("still stand in a file" in wrong for wrong in results["delete everything"].wrong)


@pytest.mark.parametrize(
    ("steps", "wrong"),
    [
        ((scenario.Say((FACTS[0],)), gone(FACTS[0])), "recalled, though gone: 'Ada saw the a.'"),
        ((scenario.Say((FACTS[0],)), *stay(FACTS[1])), "not found today: 'Ada saw the b.'"),
        ((scenario.Say((FACTS[0],)), scenario.Forget(labels=("0",), outcome="held")), "forget: done, not held"),
        ((scenario.Say((FACTS[0],)), scenario.Forget(labels=("0",), count=2)), "forget: 1 memories went, not 2"),
        ((scenario.Forget(labels=("0",)),), "forget: unknown, not done"),
        ((scenario.Amend("0", "x"),), "amend raised KeyError: '0'"),
    ],
)
def test_every_check_can_fail(steps: tuple[scenario.Step, ...], wrong: str) -> None:
    (result,) = suite.run([scenario.Case(id="one", category="one", steps=steps)], suite.MemoriaEngine, EMBEDDER)
    assert wrong in result.wrong


def test_the_command_prints_rates_and_misses(tmp_path: Path) -> None:
    shown = run(tmp_path, "eval", "suite", "--category", "re-ingestion", "--count", "6")
    assert "delete everything" in shown
    assert "re-ingestion-005-namespace-imported-again: recalled, though gone" in shown
    report = json.loads(run(tmp_path, "eval", "suite", "--category", "cascade", "--count", "2", "--json"))
    assert report["rates"]["memoria"]["cascade"] == {"passed": 2, "of": 2, "rate": 1.0}
    assert report["rates"]["do nothing"]["all"]["passed"] == 0
    assert report["failed"] == []
    assert "nonsense" in run(tmp_path, "eval", "suite", "--category", "nonsense", status=2)

"""A dry run that is agreed to: what goes is what it showed, or nothing; and the control of a byte scan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import memoria
from memoria import Memoria, Provenance
from memoria.errors import InvalidQuery, PlanChanged
from memoria.testing import HashEmbedder


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memoria]:
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()) as found:
        yield found


def gist(memory: Memoria, *texts: str) -> str:
    return memory.consolidate(*(memory.remember(text, subject="ada") for text in texts)).id


def test_a_dry_run_shows_what_is_made_again_and_what_holds_again(memory: Memoria) -> None:
    pair = gist(memory, "Ada has a red boat.", "Ada has a blue boat.")
    three = gist(memory, "Ada has one cat.", "Ada has two cats.", "Ada has three cats.")
    old = memory.remember("Ada lives in Porto.")
    new = memory.supersede(old, "Ada lives in Lund.")
    leaving = [memory.get(pair).parts[0].id, memory.get(three).parts[0].id, new.id]
    shown = memory.forget(*leaving, dry_run=True)
    assert shown.rewritten == (three,)
    assert [len(one.parts) for one in shown.rewrites] == [2]
    assert [one.text for one in shown.freed] == ["Ada has a blue boat."]
    assert shown.standing_again == (old.id,)
    memory.forget(*leaving, agreed=shown.digest)
    assert memory.get(three) == shown.rewrites[0]
    assert memory.get(old.id).valid_to is None
    assert "Ada has a blue boat." in [one.text for one in memory.list()]


def later(memory: Memoria, ids: list[str]) -> None:
    memory.remember("Ada also likes jam.", subject="ada")


def amended(memory: Memoria, ids: list[str]) -> None:
    memory.amend(ids[0], text="Ada takes her tea with sugar.")


def derived(memory: Memoria, ids: list[str]) -> None:
    memory.remember("No sugar for Ada.", provenance=Provenance(derived_from=(ids[0],)))


def gone(memory: Memoria, ids: list[str]) -> None:
    memory.forget(ids[0])


@pytest.mark.parametrize("change", [later, amended, derived, gone])
def test_what_changed_since_is_refused_and_nothing_goes(
    memory: Memoria, change: Callable[[Memoria, list[str]], None]
) -> None:
    ids = [memory.remember(text, subject="ada").id for text in ("Ada takes tea without sugar.", "Ada has a cat.")]
    shown = memory.forget(subject="ada", dry_run=True)
    change(memory, ids)
    there = [one.id for one in memory.list()]
    lines = len(memory.ledger_lines())
    with pytest.raises(PlanChanged):
        memory.forget(subject="ada", agreed=shown.digest)
    assert [one.id for one in memory.list()] == there
    assert len(memory.ledger_lines()) == lines
    again = memory.forget(subject="ada", dry_run=True)
    receipt = memory.forget(subject="ada", agreed=again.digest)
    assert {*receipt.forgotten, *receipt.derived} == {one.id for one in again}


def test_what_else_is_stored_changes_nothing(memory: Memoria) -> None:
    memory.remember("Ada has a cat.", subject="ada")
    shown = memory.forget(subject="ada", dry_run=True)
    memory.remember("Bob has a dog.", subject="bob")
    assert memory.forget(subject="ada", agreed=shown.digest).forgotten == tuple(one.id for one in shown)


def test_what_another_namespace_made_of_it_does_not_show_in_the_digest(memory: Memoria) -> None:
    home = memory.namespace("app", "ada")
    one = home.remember("Ada has a cat.", subject="ada")
    shown = home.forget(subject="ada", dry_run=True)
    memory.namespace("app").remember("A cat is there.", provenance=Provenance(derived_from=(one.id,)))
    assert home.forget(subject="ada", dry_run=True).digest == shown.digest


def test_what_is_held_is_named(memory: Memoria) -> None:
    one = memory.remember("Ada has a cat.", subject="ada")
    memory.hold(one.id, reason="a case")
    assert memory.forget(subject="ada", dry_run=True).held == (one.id,)
    assert memory.forget(subject="ada", dry_run=True, override="it was settled").held == ()


@pytest.mark.parametrize(
    "wrong", [{"subject": "ada", "agreed": 7}, {"agreed": "x", "mentions": "the code 7741", "standing": True}]
)
def test_what_is_no_agreement(memory: Memoria, wrong: dict[str, Any]) -> None:
    memory.remember("Ada has a cat.", subject="ada")
    with pytest.raises(InvalidQuery, match="agreed"):
        memory.forget(**wrong)
    assert len(memory) == 1


def test_the_scan_finds_a_memory_that_is_there_in_the_same_pass(memory: Memoria) -> None:
    told: list[tuple[str, int, int]] = []
    memory.remember("Ada has a cat.", subject="ada")
    kept = memory.remember("Bob has a dog.", subject="bob")
    memory.progress = lambda what, done, total: told.append((what, done, total))
    found = memory.forget(subject="ada", verify=True).verification
    assert found is not None
    assert (found.found, found.control > 0, found.control_found > 0) == (0, True, True)
    files = [(done, total) for what, done, total in told if what == "scan files"]
    assert files[0] == (0, found.files)
    assert (found.files, found.files) in files
    assert ("scan", found.bytes_scanned, found.bytes_scanned) in told
    assert memory.receipts()[-1].facts["verification"]["control_found"] == found.control_found
    alone = memory.forget(kept.id, verify=True).verification
    assert alone is not None
    assert (alone.found, alone.control, alone.control_found) == (0, 0, 0)

"""What a dry run shows is what goes: the same ids, no more and no less, however it is asked for afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import memoria
from memoria.cli import app
from memoria.testing import HashEmbedder
from memoria.types import Preview, Provenance
from tests.test_evolution import START, Op, draw_history, live, opened, state


def there(memory: memoria.Memoria) -> set[str]:
    """Every id that `get` finds: memories, and parts of gists."""
    found = memory.list()
    return {one.id for one in found} | {part.id for one in found for part in one.parts}


def orders(rng: np.random.Generator, ops: list[Op]) -> Iterator[tuple[list[int], dict[str, Any]]]:
    """Numbers of memories, gists among them, or filters."""
    numbers = [op.n for op in ops]
    for size in (1, 2, 4):
        yield [int(n) for n in rng.choice(numbers, size=min(size, len(numbers)), replace=False)], {}
    yield [], {"subject": f"subject {rng.integers(3)}"}
    yield [], {"mentions": f"number {rng.choice(numbers)}"}
    yield [], {"since": START, "kinds": [str(rng.choice(["semantic", "episodic"]))]}


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), length=st.integers(2, 25), which=st.integers(0, 5))
def test_forgetting_the_ids_of_a_dry_run_forgets_what_it_showed(seed: int, length: int, which: int) -> None:
    rng = np.random.default_rng(seed)
    ops = draw_history(rng, length)
    chosen, filters = list(orders(rng, ops))[which]
    with opened(":memory:") as asked, opened(":memory:") as shown:
        ids, twins = live(asked, ops), live(shown, ops)
        memory = shown
        before, planned = there(memory), memory.forget(*(twins[n] for n in chosen), dry_run=True, **filters)
        went = {one.id for one in planned}
        kept = {id: memory.get(id) for id in planned.rewritten}
        asked.forget(*(ids[n] for n in chosen), **filters)
        if went:
            assert {one.id for one in memory.forget(*went, dry_run=True)} == went
            receipt = memory.forget(*planned)
            assert set(receipt.forgotten) | set(receipt.derived) == went
            assert receipt.rewritten == planned.rewritten
        assert before - there(memory) == went
        assert all(memory.get(id) != one for id, one in kept.items())
        assert state(shown) == state(asked)
        texts = [f"{what} number {op.n}" for op in ops for what in ("fact", "thought", "news")]
        assert shown.store.refused((), texts) == asked.store.refused((), texts)


@pytest.fixture(params=["memory", "local", "postgres"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[memoria.Memoria]:
    place = {"memory": ":memory:", "local": str(tmp_path / "a.memoria")}.get(request.param)
    with memoria.open(place or request.getfixturevalue("database"), embedder=HashEmbedder(16)) as made:
        yield made


def test_a_gist_named_with_parts_of_it_goes_with_these_alone(memory: memoria.Memoria) -> None:
    parts = [memory.remember(f"Ada likes tea at {n} o'clock.") for n in range(4)]
    gist = memory.consolidate(*parts)
    planned = memory.forget(parts[0], dry_run=True)
    assert (list(planned), planned.rewritten) == ([parts[0]], (gist.id,))
    planned = memory.forget(gist, parts[0], dry_run=True)
    assert {one.id for one in planned} == {gist.id, parts[0].id}
    memory.forget(*planned)
    assert memory.list() == parts[1:]
    again = memory.consolidate(*parts[1:])
    assert {one.id for one in memory.forget(again, dry_run=True)} == {again.id, *(part.id for part in parts[1:])}
    memory.forget(*memory.forget(again, dry_run=True))
    assert memory.list() == []


def test_what_was_derived_from_a_gist_goes_with_it_and_is_shown(memory: memoria.Memoria) -> None:
    parts = [memory.remember(f"Ada likes tea at {n} o'clock.") for n in range(2)]
    gist = memory.consolidate(*parts)
    made = memory.remember("Ada likes tea.", provenance=Provenance(derived_from=(gist.id,)))
    planned = memory.forget(parts[1], dry_run=True)
    assert {one.id for one in planned} == {parts[1].id, gist.id, made.id}
    memory.forget(*(one.id for one in planned))
    assert memory.list() == parts[:1]


def test_a_preview_is_a_list() -> None:
    with memoria.open(":memory:", embedder=HashEmbedder(16)) as made:
        one = made.remember("tea")
        planned = made.forget(one, dry_run=True)
        assert planned == [one]
        assert isinstance(planned, Preview)
        assert planned.rewritten == ()


def test_the_command_names_what_is_made_again(tmp_path: Path) -> None:
    store = ["--store", str(tmp_path / "a.memoria")]
    with memoria.open(tmp_path / "a.memoria") as made:
        parts = [made.remember(f"Ada likes tea at {n} o'clock.") for n in range(3)]
        gist = made.consolidate(*parts)
    shown = CliRunner().invoke(app, ["forget", *store, parts[0].id, "--dry-run"])
    assert f"1 gist would be made again without these: {gist.id}" in shown.output
    listed = json.loads(CliRunner().invoke(app, ["forget", *store, parts[0].id, "--dry-run", "--json"]).stdout)
    assert [one["id"] for one in listed] == [parts[0].id]

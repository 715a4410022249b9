"""The grid is complete, takes up where it was cut off, and says the same wherever it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from joblib import parallel_config
from joblib.parallel import get_active_backend

import memoria
from memoria.evaluation.lab import grid, workloads
from memoria.evaluation.lab.contenders import DEFAULT, contender
from memoria.evaluation.lab.grid import EVERYTHING, ORACLE, Cell
from memoria.evaluation.lab.metrics import MEANING, MEASURED
from memoria.evaluation.lab.sources import Source, source

BUDGETS = (0.5, 0.1)


def sources(length: int = 120) -> list[Source]:
    return [source(name, [0, 1], length) for name in ("updates", "scan")]


def run(folder: Path, *names: str, budgets: tuple[float, ...] = BUDGETS, by_bytes: bool = False) -> list[Cell]:
    seen: list[tuple[str, int, int]] = []
    cells = grid.run(
        sources(), list(map(contender, names)), budgets, folder, lambda *at: seen.append(at), by_bytes=by_bytes
    )
    assert not seen or seen[-1][1] == seen[-1][2]
    return cells


def numbers(cells: list[Cell]) -> list[Any]:
    """All that must be the same, in a form in which nan equals nan."""
    return [(one.source, one.trace, one.contender, one.budget, *_figures(one)) for one in cells]


def _figures(one: Cell) -> list[str]:
    return [repr(one.figures.get(name)) for name in MEANING if name not in MEASURED]


def test_every_cell_is_there_with_its_figures(tmp_path: Path) -> None:
    cells = run(tmp_path, "lru", "fsrs")
    assert len(cells) == 2 * 2 * (2 * 3 + 1)
    found = {(one.source, one.trace, one.contender, one.budget): one for one in cells}
    for (name, trace, label, budget), one in found.items():
        if label in (ORACLE, EVERYTHING):
            continue
        assert set(one.figures) == set(MEANING)
        most = found[name, trace, ORACLE, budget].figures["recall"]
        assert one.figures["regret"] == most - one.figures["recall"] >= 0
        assert one.capacity >= 1
        assert np.isnan(one.figures["stale"]) == (name == "scan")
    assert {one.figures["recall"] for one in cells if one.contender == EVERYTHING} == {1.0}


def test_precision_is_gained_where_what_is_outdated_goes(tmp_path: Path) -> None:
    found = {(one.source, one.contender): one.figures for one in run(tmp_path, "lru", "lru+supersede")}
    assert found["updates", "lru+supersede"]["stale"] == 0
    assert found["updates", "lru+supersede"]["precision_gain"] > found["updates", "lru"]["precision_gain"] >= 0


def test_a_budget_of_bytes_is_kept(tmp_path: Path) -> None:
    for one in run(tmp_path, "lru", by_bytes=True):
        assert one.contender == ORACLE or one.figures["peak_bytes"] <= one.capacity


def test_it_takes_up_where_it_was_cut_off(tmp_path: Path) -> None:
    whole = run(tmp_path, "lru", "disuse")
    files = sorted(tmp_path.rglob("*.json"))
    assert len(files) == len(whole)
    before = {path: path.stat().st_mtime_ns for path in files}
    lost = files[::3]
    for path in lost:
        path.unlink()
    half = lost[0].with_suffix(".123")
    half.write_text('{"recall": 0.')
    assert numbers(run(tmp_path, "lru", "disuse")) == numbers(whole)
    after = {path: path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("*.json"))}
    assert [path for path in files if after[path] == before[path]] == [path for path in files if path not in lost]


def test_a_result_is_found_by_what_it_depends_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def files() -> int:
        return len(list(tmp_path.rglob("*.json")))

    run(tmp_path, "lru", "act-r")
    first = files()
    run(tmp_path, "lru:half=30.0", "act-r:a=0.177")
    assert files() == first
    run(tmp_path, "lru", "act-r:a=0.2")
    assert files() == first + 8
    run(tmp_path, "lru", "act-r", by_bytes=True)
    assert files() > first + 8
    second = files()
    monkeypatch.setattr(grid, "_code", lambda policy: "changed")
    run(tmp_path, "lru", "act-r")
    assert files() == second + first


@contextmanager
def dask() -> Iterator[None]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster),
        parallel_config("dask"),
    ):
        assert type(get_active_backend()[0]).__name__ == "DaskDistributedBackend"
        yield


def test_loky_and_dask_and_one_core_give_identical_numbers(tmp_path: Path) -> None:
    alone = run(tmp_path / "alone", *DEFAULT)
    with parallel_config("loky", n_jobs=2):
        assert numbers(run(tmp_path / "loky", *DEFAULT)) == numbers(alone)
    with dask():
        assert numbers(run(tmp_path / "dask", *DEFAULT)) == numbers(alone)


@pytest.mark.parametrize(
    ("names", "budgets", "rule"),
    [
        (["lru"], (0.0,), "0.0"),
        (["lru"], (1.5,), "1.5"),
        (["lru"], (), "no contenders"),
        (["lru", "lru"], BUDGETS, "twice"),
        (["nobody"], BUDGETS, "nobody"),
        (["lru:half"], BUDGETS, "name=value"),
        (["lru:quarter=1"], BUDGETS, "quarter"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, names: list[str], budgets: tuple[float, ...], rule: str) -> None:
    with pytest.raises(memoria.InvalidInput, match=rule):
        run(tmp_path, *names, budgets=budgets)


def test_a_trace_that_needs_nothing_and_a_source_given_twice_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("time,event,item\n1,remember,a\n")
    with pytest.raises(memoria.InvalidInput, match=r"needs nothing.*") as caught:
        grid.run([source(str(tmp_path / "x.csv"), [0])] * 2, [contender("lru")], BUDGETS, tmp_path, lambda *at: None)
    assert "source 'x' is given twice" in caught.value.violations


@pytest.mark.parametrize("name", workloads.GENERATORS)
def test_a_workload_is_the_same_for_a_seed_and_another_for_another(name: str) -> None:
    assert workloads.generate(name, 3, 200).digest() == workloads.generate(name, 3, 200).digest()
    assert workloads.generate(name, 3, 200).digest() != workloads.generate(name, 4, 200).digest()


def test_the_example_of_the_documentation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[1] / "docs" / "policies.md").read_text()
    (block,) = [one for one in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "parallel_config" in one]
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "policies.md", "exec"), {})
    assert (tmp_path / "report" / "index.html").exists()

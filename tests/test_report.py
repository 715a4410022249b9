"""Intervals are honest, verdicts say what they say, and the report opens in a real browser, from disk, by itself."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import which

import numpy as np
import pytest
from joblib import parallel_config
from pyarrow import parquet

import memoria
from memoria.evaluation.lab import figures, grid, report, verdict
from memoria.evaluation.lab.contenders import contender
from memoria.evaluation.lab.intervals import difference, estimate, ranking
from memoria.evaluation.lab.metrics import MEANING
from memoria.evaluation.lab.sources import source

NAMES = ("fifo", "lru", "lfu", "exponential", "act-r", "fsrs", "disuse", "generative-agents", "act-r:c=0,tau=-2")
BUDGETS = (0.5, 0.25, 0.1)


def test_an_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Of 300 samples of five, from a skewed distribution too, 95 % is meant; percentiles alone would give 83 %."""
    for draw in (np.random.default_rng(0).normal, np.random.default_rng(1).gumbel):
        centre = 0.5772 if draw.__name__ == "gumbel" else 0.0
        held = [found.low <= centre <= found.high for found in (estimate(draw(size=5)) for _ in range(300))]
        assert 0.9 <= np.mean(held) <= 0.99


def test_nothing_is_left_out_of_an_estimate_but_what_was_not_measured() -> None:
    found = estimate(np.array([1.0, np.nan, 3.0]))
    assert (found.mean, found.n) == (2.0, 2)
    assert found.low <= 2 <= found.high
    assert np.isnan([estimate(np.array([1.0])).low, estimate(np.array([np.nan])).mean]).all()


def pairs(gap: float, noise: float = 0.02) -> dict[str, np.ndarray]:
    """Three contenders on 20 traces that differ much more from each other than contenders do."""
    rng = np.random.default_rng(0)
    trace = rng.uniform(0.2, 0.8, 20)
    return {
        "lru": trace + rng.normal(0, noise, 20),
        "act-r": trace + gap + rng.normal(0, noise, 20),
        "fifo": trace - 0.1 + rng.normal(0, noise, 20),
    }


def test_pairing_sees_what_differs_less_than_traces_do() -> None:
    found = ranking([pairs(0.05)])
    assert (found.best, found.tied) == ("act-r", ())
    assert found.behind["lru"].low > 0
    gap = difference([pairs(0.05)], "act-r", "lru")
    assert gap.low < 0.05 < gap.high < 0.1
    assert estimate(pairs(0.05)["act-r"]).low < estimate(pairs(0.05)["lru"]).mean


def test_chance_is_not_called_a_difference() -> None:
    """Of 100 sets of five contenders that are all alike, a difference is claimed in few."""
    rng = np.random.default_rng(0)
    claimed = 0
    for _ in range(100):
        some = {name: rng.normal(0.5, 0.05, 20) for name in "abcde"}
        claimed += len(ranking([some]).tied) < 4
    assert claimed <= 12


def test_verdicts_in_plain_words() -> None:
    pays = " ".join(verdict.sentences([pairs(0.05)]))
    assert pays.startswith("act-r answers ")
    assert "Every other is significantly worse." in pays
    assert "A model pays: act-r beats the best cache, lru, by " in pays
    alike = " ".join(verdict.sentences([pairs(0.0, 0.05)] * 2))
    assert "No significant difference from" in alike
    assert "No model pays: between the best, act-r, and the best cache, lru" in alike
    behind = " ".join(verdict.sentences([pairs(-0.05)]))
    assert "A model does not pay: lru, a cache, beats the best model, act-r, by " in behind
    same = {name: values for name, values in pairs(0.0).items() if name != "fifo"}
    assert verdict.sentences([same])[0].startswith("No significant difference between any of the 2 policies")
    single = {name: values[:1] for name, values in pairs(0.05).items()}
    assert "nothing can be said of significance" in verdict.sentences([single])[0]
    assert "it had no rival" in verdict.sentences([{"lru": np.array([0.5, 0.6])}])[0]


def test_the_front_holds_what_nothing_beats() -> None:
    assert figures.front([(3, 0.5), (1, 0.2), (2, 0.1), (4, 0.5), (1, 0.1)]) == [(1, 0.2), (3, 0.5)]


# G. M. Machado et al., A physiologically-based model for simulation of color vision deficiency, IEEE TVCG 15, 2009,
# severity 1.0, on linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear sRGB, white D65."""
    xyz = rgb @ np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]])
    x, y, z = np.cbrt(np.maximum(xyz / [0.9505, 1.0, 1.089], 0.008856)).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


@pytest.mark.parametrize("kind", BLINDNESS)
def test_colours_are_told_apart_with_any_common_colour_blindness(kind: str) -> None:
    """Fifteen units of CIE76 between any two, six times what can just be noticed; style and marker differ besides."""
    values = np.array(
        [[int(c[n : n + 2], 16) / 255 for n in (1, 3, 5)] for c in (*figures.COLOURS, "#000000", "#FFFFFF")]
    )
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    seen = lab(np.clip(linear @ np.array(BLINDNESS[kind]).T, 0, 1))
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=2)[np.triu_indices(len(seen), 1)]
    assert apart.min() > 15
    styles = [tuple(map(str, figures._style(n).values())) for n in range(20)]
    assert len(set(styles)) == 20


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    found = [source(name, range(3), 150) for name in ("updates", "recency")]
    with parallel_config("threading", n_jobs=1):
        cells = grid.run(found, list(map(contender, NAMES)), BUDGETS, folder / "cells", lambda *at: None)
    assert report.write(cells, folder, lambda *at: None) == folder / "index.html"
    return folder


def test_tables_for_people_and_for_programs(written: Path) -> None:
    with (written / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    table = parquet.read_table(written / "results.parquet").to_pylist()
    assert len(rows) == len(table) == 2 * 3 * (len(NAMES) * 3 + 3 + 1)
    assert {"source", "trace", "contender", "budget", "capacity", *MEANING} == set(rows[0])
    for row, line in zip(rows, table, strict=True):
        assert {name: value for name, value in line.items() if value == value} == {
            name: type(line[name])(value) for name, value in row.items() if value
        }
    with (written / "summary.csv").open() as file:
        summary = list(csv.DictReader(file))
    assert len(summary) == 2 * len(NAMES) * 3 * len(MEANING)
    recall = [
        float(r["recall"]) for r in rows if (r["source"], r["contender"], r["budget"]) == ("updates", "lru", "0.5")
    ]
    (line,) = [
        r
        for r in summary
        if (r["source"], r["contender"], r["budget"], r["figure"]) == ("updates", "lru", "0.5", "recall")
    ]
    assert float(line["mean"]) == pytest.approx(np.mean(recall))
    assert float(line["low"]) <= float(line["mean"]) <= float(line["high"])


def test_the_page_needs_nothing_but_itself(written: Path) -> None:
    page = (written / "index.html").read_text()
    assert "<script" not in page
    assert not re.findall(r"""(?:src|href)=["'](?!#)""", page)
    assert not re.findall(r"url\((?!#)", page)
    assert "@import" not in page
    for name in ("updates", "recency"):
        assert (written / "figures" / f"{name}.png").stat().st_size > 10_000
        assert (written / "figures" / f"{name}.svg").read_text().startswith("<?xml")


def test_it_opens_in_a_browser_from_disk(written: Path) -> None:
    """Chromium itself says what can be read: axes with units, every line of the legend, inside the picture."""
    browser = os.environ.get("MEMORIA_CHROMIUM") or which("chromium") or which("google-chrome")
    if browser is None:
        pytest.skip("NOT CHECKED in a browser: no chromium here (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        asked: list[str] = []
        broken: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: broken.append(message.text))
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto((written / "index.html").as_uri())
        assert asked == [(written / "index.html").as_uri()]
        assert broken == []
        assert page.locator("figure svg").count() == 2
        for n in range(2):
            drawing = page.locator("figure svg").nth(n)
            outer = drawing.bounding_box()
            assert outer is not None
            assert outer["width"] > 600
            texts = drawing.locator("text")
            said = texts.all_text_contents()
            for needed in (
                "memory budget (% of all that is ever kept, log scale)",
                "memory kept (KiB, mean over time)",
            ):
                assert needed in said
            assert {"oracle (upper bound)", *NAMES} <= set(said)
            for k in range(texts.count()):
                box = texts.nth(k).bounding_box()
                assert box is not None
                assert box["height"] >= 8
                assert outer["x"] <= box["x"]
                assert box["x"] + box["width"] <= outer["x"] + outer["width"] + 1
        assert page.locator("div.verdict").count() == 3 * 3
        page.locator("details summary").first.click()
        assert page.locator("details table").first.is_visible()
        shot = page.screenshot(path=written / "page.png", full_page=True)
        assert len(shot) > 50_000
        chromium.close()


def test_without_the_extra_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(memoria.InvalidInput, match=r"pip install 'memoria-runtime\[lab\]'"):
        figures.need_library()


def test_from_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", "from memoria.cli import main; main()", "policies", "compare"]
    options = ["--policies", "lru,act-r:c=0,tau=-2", "--policies", "disuse", "--budgets", "0.5,0.1"]
    more = ["--traces", "scan", "--seeds", "2", "--length", "100", "--jobs", "1", "--out", str(tmp_path / "report")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "COLUMNS": "400"}
    done = subprocess.run(
        [*command, *options, *more], capture_output=True, text=True, env=environment, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "report" / "index.html")
    assert "act-r:c=0,tau=-2" in (tmp_path / "report" / "index.html").read_text()
    wrong = subprocess.run(
        [*command, "--budgets", "2", *more], capture_output=True, text=True, env=environment, timeout=600, check=False
    )
    assert wrong.returncode == 2
    assert "budget 2.0 is not in (0, 1]" in wrong.stderr

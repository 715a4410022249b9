"""Intervals are honest, verdicts say what they say, and the report opens in a real browser, from disk, by itself."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest
from joblib import parallel_config
from pyarrow import parquet

import memoria
from memoria.evaluation.lab import figures, grid, report, verdict
from memoria.evaluation.lab.about import About, DataFile, commit, data_files
from memoria.evaluation.lab.chapter import chapters
from memoria.evaluation.lab.contenders import contender
from memoria.evaluation.lab.grid import Cell
from memoria.evaluation.lab.intervals import Estimate, difference, estimate, ranking
from memoria.evaluation.lab.metrics import MEANING
from memoria.evaluation.lab.sources import source
from tests.axed import axe, serious
from tests.consoled import consoling, watched
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("fifo", "lru", "lfu", "exponential", "act-r", "fsrs", "disuse", "generative-agents", "act-r:c=0,tau=-2")
BUDGETS = (0.5, 0.25, 0.1)
Scheme = Literal["dark", "light"]
AXES = (
    ("memory budget (% of all that is ever kept, log scale)", "oracle (upper bound)"),
    ("memory kept (KiB, mean over time, log scale)", "Pareto front"),
)
ABOUT = About(
    command="memoria policies compare --traces 'a & b.json'",
    date=datetime(2026, 11, 27, 1, 40, tzinfo=UTC),
    seeds=(0, 1, 2),
    commit="0123456789ab",
)


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
    assert pays.startswith("act-r keeps the most evidence, ")
    assert "Every other policy keeps significantly less." in pays
    assert re.search(r"A model of memory pays: act-r keeps \d\.\d \[.*\] points more than lru, the best simple", pays)
    alike = " ".join(verdict.sentences([pairs(0.0, 0.05)] * 2))
    assert "Not significantly different from it: " in alike
    assert "A model of memory brings nothing certain: act-r, the best, and lru, the best simple cache" in alike
    behind = " ".join(verdict.sentences([pairs(-0.05)]))
    assert "A model of memory does not pay: lru, a simple cache, keeps " in behind
    same = {name: values for name, values in pairs(0.0).items() if name != "fifo"}
    assert verdict.sentences([same])[0].endswith("none of the 2 policies differs significantly from it.")
    equal = {"lru": same["lru"], "act-r": same["lru"]}
    assert verdict.sentences([equal])[1] == (
        "No model of memory pays: act-r, the best, keeps the same as lru, a simple cache."
    )
    worse = pairs(0.05)
    twins = verdict.sentences([{**worse, "lfu": worse["fifo"]}])[-1]
    assert re.fullmatch(
        r"Significantly behind, in points of evidence kept: lru by [^;]+; fifo, lfu by 1[\d.]+ \[[\d., ]+\]\.", twins
    )
    single = {name: values[:1] for name, values in pairs(0.05).items()}
    assert "nobody can say whether that is more than chance" in verdict.sentences([single])[0]
    control = {**pairs(0.05), "random": pairs(0.05)["lru"] + 0.02}
    assert "more than lru, the best simple cache" in " ".join(verdict.sentences([control]))
    assert "it had no rival" in verdict.sentences([{"lru": np.array([0.5, 0.6])}])[0]


def test_moments_of_one_conversation_are_one_witness() -> None:
    """A unit counts once, however many traces it has; what could not be measured is left out of its mean."""
    cells = [
        Cell(source="s", trace=f"{unit}{n}", unit=unit, contender="lru", budget=0.5, capacity=1, figures={"recall": x})
        for unit, some in (("a", (0.0, 0.5, 1.0)), ("b", (0.9,)), ("c", (float("nan"), 0.3)), ("d", (float("nan"),)))
        for n, x in enumerate(some)
    ]
    assert np.allclose(verdict.values(cells, "s", 0.5)["lru"], [0.5, 0.9, 0.3, np.nan], equal_nan=True)
    (one,) = chapters(cells)
    assert (one.traces, one.units, one.of("lru", 0.5, "recall").n) == (7, 4, 3)
    assert one.of("lru", 0.5, "recall").mean == pytest.approx((0.5 + 0.9 + 0.3) / 3)


def curve(*means: float, n: int = 20) -> list[tuple[float, Estimate]]:
    return [(1 / (at + 2), Estimate(mean=mean, low=mean - 0.1, high=mean, n=n)) for at, mean in enumerate(means)]


def test_bands_are_for_the_best_of_unlike_curves_and_need_enough_traces() -> None:
    curves = {"a": curve(0.1, 0.2), "b": curve(0.5, 0.6), "twin": curve(0.5, 0.6), "c": curve(0.3), "d": curve(0.4)}
    assert figures.banding(curves) == ["b", "d", "a"] or figures.banding(curves) == ["b", "d", "c"]
    assert figures.banding({"a": curve(0.1, n=figures.ENOUGH), "b": curve(0.2, n=figures.ENOUGH - 1)}) == []
    assert figures.banding({"a": curve(0.1, n=figures.ENOUGH)}) == ["a"]


def test_an_axis_begins_and_ends_where_the_data_do() -> None:
    assert figures._ends([0.82, 0.93]) == pytest.approx((0.8, 0.95))
    assert figures._ends([0.0, 1.0]) == (0.0, 1.0)
    assert figures._ends([0.5]) == pytest.approx((0.5, 0.55))
    assert figures._ends([float("nan"), 0.31, 0.349]) == pytest.approx((0.3, 0.35))


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
    found[0] = replace(
        found[0], note="these updates <b> were made", files=(DataFile(name="a & b.json", sha256="0f" * 32),)
    )
    cells_folder = tmp_path_factory.mktemp("cells")
    with parallel_config("threading", n_jobs=1):
        cells = grid.run(found, list(map(contender, NAMES)), BUDGETS, cells_folder, lambda *at: None)
    assert report.write(cells, found, folder, ABOUT, lambda *at: None) == folder / "index.html"
    return folder


def test_tables_for_people_and_for_programs(written: Path) -> None:
    with (written / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    table = parquet.read_table(written / "results.parquet").to_pylist()
    assert len(rows) == len(table) == 2 * 3 * (len(NAMES) * 3 + 3 + 1)
    assert {"source", "trace", "unit", "contender", "budget", "capacity", *MEANING} == set(rows[0])
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
    for name in ("updates", "updates-memory", "recency", "recency-memory"):
        assert (written / "figures" / f"{name}.png").stat().st_size > 10_000
        assert (written / "figures" / f"{name}.svg").read_text().startswith("<?xml")
    assert {path.name for path in written.iterdir()} - {"page.png", "phone.png", "dark.png"} == {
        *("index.html", "about.json", "results.csv", "results.parquet", "summary.csv", "figures")
    }


def test_the_page_says_how_it_was_made(written: Path) -> None:
    """Command, version, commit, date, seeds, traces, and the data by name and hash."""
    page = (written / "index.html").read_text()
    made = unescape(re.sub("<[^>]+>", " ", page[page.index('id="made"') :]))
    for said in (
        *(ABOUT.command, f"memoria {memoria.__version__}, commit 0123456789ab", "27 November 2026, 01:40 UTC"),
        *("0, 1, 2 (random: 20 draws each)", "updates: 3 traces; recency: 3 traces", "a & b.json", "0f" * 32),
    ):
        assert said in made
    assert "These updates &lt;b&gt; were made." in page
    assert json.loads((written / "about.json").read_text()) == {
        "command": ABOUT.command,
        "date": "2026-11-27T01:40:00+00:00",
        "seeds": [0, 1, 2],
        "version": memoria.__version__,
        "commit": "0123456789ab",
        "traces": {"updates": 3, "recency": 3},
        "files": {"a & b.json": "0f" * 32},
    }


def test_what_is_stale_stands_beside_what_is_kept(written: Path) -> None:
    """In the main table, where a source has anything that goes out of date; policies by what they keep."""
    page = (written / "index.html").read_text()
    tables = re.findall(r"<caption>Evidence kept on (\w+),.*?</table>", page)
    assert tables == ["updates", "recency"]
    mine = {name: page.split(f"<caption>Evidence kept on {name},")[1].split("</table>")[0] for name in tables}
    heads = {name: re.findall(r'<th scope="col">(\w+)</th>', table) for name, table in mine.items()}
    assert heads == {"updates": ["kept", "stale"] * 3, "recency": ["kept"] * 3}
    for table in mine.values():
        rows = re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', table)
        assert (rows[0][0], rows[-1][0]) == ("oracle", "everything")
        kept = [float(re.findall(r"<td[^>]*>([\d.]+)", cells)[0]) for _, cells in rows[1:-1]]
        assert len(kept) == len(NAMES)
        assert table.count('class="best"') >= 3
    with (written / "summary.csv").open() as file:
        stale = [row for row in csv.DictReader(file) if row["figure"] == "stale" and row["source"] == "updates"]
    assert len(stale) == 3 * len(NAMES)
    assert all(0 <= float(row["low"]) <= float(row["mean"]) <= float(row["high"]) <= 1 for row in stale)


def test_data_are_named_without_their_folder_and_hashed(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text("{}")
    (tmp_path / "a.jsonl.gz").write_bytes(b"x")
    (tmp_path / "LICENSE").write_text("free")
    found = [(one.name, one.sha256) for one in data_files(tmp_path)]
    assert found == [(n, hashlib.sha256(b).hexdigest()) for n, b in (("a.jsonl.gz", b"x"), ("b.json", b"{}"))]
    assert list(data_files(tmp_path / "b.json")) == [DataFile(name="b.json", sha256=found[1][1])]


def test_the_commit_is_that_of_these_sources_or_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    head = subprocess.run(
        ["git", "-C", str(Path(memoria.__file__).parent), "rev-parse", "--short=12", "HEAD"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert commit() in ({head.stdout.strip(), f"{head.stdout.strip()}, modified"} if head.returncode == 0 else {None})
    monkeypatch.setenv("PATH", "")
    assert commit() is None


def test_it_opens_in_a_browser_from_disk(written: Path, browser: Browser) -> None:
    """Chromium itself says what can be read: axes with units, every line of the legend, inside the picture."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        asked: list[str] = []
        broken = watched(page)
        page.on("request", lambda request: asked.append(request.url))
        page.goto((written / "index.html").as_uri())
        assert asked == [(written / "index.html").as_uri()]
        assert broken == []
        assert page.locator("figure svg").count() == 4
        for n in range(4):
            drawing = page.locator("figure svg").nth(n)
            outer, *boxes = drawing.evaluate(
                """all => [all, ...all.querySelectorAll("text")].map((one) => {
                    const { left, right, width, height } = one.getBoundingClientRect();
                    return { text: one.textContent, left, right, width, height };
                })"""
            )
            assert outer["width"] > 400
            said = [one["text"] for one in boxes]
            axis, line = AXES[n % 2]
            assert axis in said
            assert {line, "evidence kept (%), mean", *NAMES} <= set(said)
            for one in boxes:
                assert one["height"] >= 8 or not one["text"]
                assert outer["left"] <= one["left"]
                assert one["right"] <= outer["right"] + 1
        assert page.locator("div.verdict").count() == 3 * 3
        page.locator("details summary").first.click()
        assert page.locator("details table").first.is_visible()
        named = page.locator("figure [role=img]").evaluate_all("all => all.map(one => one.ariaLabel)")
        assert all(len(label) > 60 and label.startswith("Evidence kept against") for label in named)
        shot = page.screenshot(path=written / "page.png", full_page=True)
        assert len(shot) > 50_000


@pytest.mark.parametrize(("name", "width", "scheme"), [("phone", 360, "light"), ("dark", 1280, "dark")])
def test_it_is_read_on_a_telephone_and_in_the_dark(
    written: Path, browser: Browser, name: str, width: int, scheme: Scheme
) -> None:
    """Nothing runs out of the page but tables, which scroll, by keyboard too; ink and paper are far apart in luminance.

    What axe-core finds is asked here: in the frame of the console no script runs, and so not axe either.
    """
    with browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto((written / "index.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        ink = page.locator("figure svg text").first.evaluate("one => getComputedStyle(one).fill")
        paper = page.locator("body").evaluate("one => getComputedStyle(one).backgroundColor")
        light = [sum(map(int, re.findall(r"\d+", colour)[:3])) / 765 for colour in (ink, paper)]
        assert abs(light[0] - light[1]) > 0.7
        assert (light[1] < 0.5) == (scheme == "dark")
        page.screenshot(path=written / f"{name}.png", full_page=True)
        assert serious(page, axe()) == []


def test_it_is_read_inside_the_console(written: Path, browser: Browser, tmp_path: Path) -> None:
    """In a frame with a name, which the keyboard opens, reads, leaves and closes; in it no script runs."""
    memoria.open(tmp_path / "a.memoria").close()
    options = ("--lab-report", str(written / "index.html"))
    with consoling(tmp_path / "a.memoria", *options) as (url, code, _), browser.new_context() as context:
        page = context.new_page()
        broken = watched(page)
        page.goto(f"{url}/console#code={code}")
        page.click("#sections a[href='#policies']")
        page.wait_for_selector("#policies-chart polyline")
        page.focus("#policies-show")
        page.keyboard.press("Enter")
        shown = page.frame_locator("iframe[title='The report of the policy lab']")
        shown.locator("h1").wait_for()
        assert page.get_attribute("#policies-show", "aria-expanded") == "true"
        assert shown.locator("figure svg").count() == 4
        assert shown.locator("div.verdict").count() == 3 * 3
        frame = page.frames[1]
        assert frame.evaluate("self.origin") == "null"
        assert frame.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        assert frame.evaluate("document.activeElement.textContent") == "How this was made"
        page.keyboard.press("PageDown")
        until(lambda: frame.evaluate("scrollY > 0"))
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Shift+Tab")
        assert page.evaluate("document.activeElement.id") == "policies-show"
        page.keyboard.press("Enter")
        until(lambda: page.locator("iframe").count() == 0)
        assert page.get_attribute("#policies-show", "aria-expanded") == "false"
        assert broken == []


def test_without_the_extra_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(memoria.InvalidInput, match=r"pip install 'memoria-runtime\[lab\]'"):
        figures.need_library()


def test_from_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", "from memoria.cli import main; main()", "policies", "compare"]
    options = ["--policies", "lru,act-r:c=0,tau=-2", "--policies", "disuse", "--budgets", "0.5,0.1"]
    more = ["--traces", "scan", "--seeds", "2", "--length", "100", "--jobs", "1", "--out", str(tmp_path / "report")]
    more += ["--cells", str(tmp_path / "cells")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "COLUMNS": "400"}
    done = subprocess.run(
        [*command, *options, *more], capture_output=True, text=True, env=environment, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "report" / "index.html")
    page = (tmp_path / "report" / "index.html").read_text()
    assert "act-r:c=0,tau=-2" in page
    assert (
        "memoria policies compare --policies lru,act-r:c=0,tau=-2,disuse --budgets 0.5,0.1 --traces scan --by count "
        "--seeds 2 --length 100" in page
    )
    assert str(tmp_path) not in page
    assert not (tmp_path / "report" / "cells").exists()
    assert len(list((tmp_path / "cells").rglob("*.json"))) == 2 * (2 * 4 + 1)
    wrong = subprocess.run(
        [*command, "--budgets", "2", *more], capture_output=True, text=True, env=environment, timeout=600, check=False
    )
    assert wrong.returncode == 2
    assert "budget 2.0 is not in (0, 1]" in wrong.stderr

"""What the console costs on a large store, as a browser sees it: the first page, searches, scrolling."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from memoria.engine.memory import Memoria
from memoria.engine.opening import open as open_memoria
from memoria.errors import InvalidQuery
from memoria.evaluation.bench.latency import Synthetic, sentence
from memoria.extras import extra
from memoria.protocols import Progress
from memoria.remember import Draft
from memoria.types import KINDS, Provenance

if TYPE_CHECKING:
    from playwright.sync_api import Page

_BATCH, _TEAMS, _PATIENCE = 10_000, 10, 1800.0
_START = datetime(2024, 1, 1, tzinfo=UTC)
_MEMORIA = [sys.executable, "-W", "ignore", "-c", "from memoria.cli import main; main()"]
_QUESTIONS = (
    "order 4711",
    "Which order did person 99 send?",
    "house 17 by noon",
    "What arrived on day 12?",
    "person 5",
)
_ASKED = "performance.getEntriesByType('resource').filter(one => one.name.endsWith('/v1/search'))"
_LONG = """() => { window.long = []; new PerformanceObserver(
    (seen) => window.long.push(...seen.getEntries().map((one) => one.duration))).observe({ type: "longtask" }); }"""


def bench_console(store: Path, n: int, progress: Progress, *, seed: int, pages: int = 20) -> dict[str, Any]:
    """Seconds and milliseconds of the console on a store of n memories in ten namespaces, which is made if it is new.

    Raises MissingExtra without Playwright, InvalidQuery without Chromium or where the store has another size.
    """
    with extra("dev"):
        from playwright.sync_api import sync_playwright

    chromium = os.environ.get("MEMORIA_CHROMIUM") or which("chromium") or which("google-chrome")
    if chromium is None:
        raise InvalidQuery("no Chromium here: apt-get install chromium, or name one in MEMORIA_CHROMIUM")
    made = _made(store, n, seed, progress)
    report: dict[str, Any] = {"n": n, "namespaces": _TEAMS, "processors": os.cpu_count(), "made_s": made}
    with _served(store) as (address, process), sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(_PATIENCE * 1000)
        used = _processor(process.pid)
        report |= _first_page(page, address)
        report["until_search_is_ready_s"] = round(_timed(lambda: _search(page, "ready"))[0], 1)
        report["until_search_is_ready_cpu_s"] = round(_processor(process.pid) - used, 1)
        report["search"] = _searches(page, process.pid)
        report["scroll"] = _scrolled(page, pages)
        browser.close()
    report["load"] = [round(one, 1) for one in os.getloadavg()]
    return report


def _made(store: Path, n: int, seed: int, progress: Progress) -> float | None:
    """Seconds to make the store; None where it is there."""
    if (store / "memoria.db").exists():
        with open_memoria(store, mode="r") as memory:
            if len(memory) != n:
                raise InvalidQuery(f"the store holds {len(memory):,} memories, not {n:,}")
        return None
    source = Synthetic(seed)
    with open_memoria(store) as memory:
        return round(_timed(lambda: _fill(memory, source, n, progress))[0], 1)


def _fill(memory: Memoria, source: Synthetic, n: int, progress: Progress) -> None:
    for at in range(0, n, _BATCH):
        size = min(_BATCH, n - at)
        drafts = [_draft(at + one, vector) for one, vector in enumerate(source.vectors(size))]
        memory.namespace("bench", f"team {at // _BATCH % _TEAMS}").remember_many(drafts)
        progress("fill", at + size, n)


def _draft(number: int, vector: Any) -> Draft:
    """A memory a minute, of 997 subjects, 23 speakers, and a session for every 2,000."""
    return Draft(
        text=sentence(number),
        vector=vector,
        subject=f"person {number % 997}",
        kind=KINDS[max(0, number % 5 - 2)],
        salience=0.5,
        created_at=_START + timedelta(minutes=number),
        provenance=Provenance(source="chat", speaker=f"agent {number % 23}", session=f"day {number // 2000}"),
    )


@contextmanager
def _served(store: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`memoria ui` in a process of its own: the address that it prints."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("w") as file:
            process = subprocess.Popen([*_MEMORIA, "ui", str(store)], stderr=file, text=True)
        try:
            _until(lambda: process.poll() is not None or "#code=" in log.read_text())
            found = re.search(r"(http://\S+#code=\S+)\s", log.read_text())
            if found is None:
                raise InvalidQuery("memoria ui did not start")
            yield found[1], process
        finally:
            process.terminate()
            process.wait(_PATIENCE)


def _first_page(page: Page, address: str) -> dict[str, Any]:
    """Until the service answers; then from the address to the first memories, their number, and all counts."""
    opened, _ = _timed(lambda: page.goto(address))
    page.wait_for_selector("#browse-list li")
    started = time.perf_counter()
    page.reload()
    page.wait_for_selector("#browse-list li")
    first = time.perf_counter() - started
    _until(lambda: "memor" in page.inner_text("#browse-heading") and page.inner_text("#browse-heading")[0].isdigit())
    numbered = time.perf_counter() - started
    page.wait_for_selector("#browse-names details")
    return {
        "until_it_answers_s": round(opened, 2),
        "first_page_s": round(first, 3),
        "first_page_with_its_number_s": round(numbered, 3),
        "first_page_with_all_counts_s": round(time.perf_counter() - started, 3),
    }


def _searches(page: Page, pid: int) -> dict[str, Any]:
    """Milliseconds of searches, from the request to the answer, and to where it is drawn; and of the processor."""
    walls, drawn, used = [], [], []
    for n in range(4 * len(_QUESTIONS)):
        before = _processor(pid)
        drawn.append(1000 * _timed(lambda n=n: _search(page, f"{_QUESTIONS[n % len(_QUESTIONS)]} {n}"))[0])  # type: ignore[misc]  # bound at once
        used.append(1000 * (_processor(pid) - before))
        walls.append(page.evaluate(f"{_ASKED}.at(-1).duration"))
    return {
        "n": len(walls),
        "median_ms": round(median(walls)),
        "p95_ms": round(quantiles(walls, n=20, method="inclusive")[-1]),
        "slowest_ms": round(max(walls)),
        "typed_to_drawn_median_ms": round(median(drawn)),
        "cpu_of_the_service_median_ms": round(median(used)),
    }


def _search(page: Page, question: str) -> None:
    """Types a question, and waits until its hits are drawn; the page itself waits 180 ms for more to be typed."""
    page.evaluate("performance.clearResourceTimings()")
    page.fill("#browse-query", question)
    _until(lambda: page.evaluate(f"{_ASKED}.length > 0 && document.querySelectorAll('#browse-list .stack').length > 0"))


def _scrolled(page: Page, pages: int) -> dict[str, Any]:
    """Scrolls through so many pages: how long each took, and the tasks that stopped the browser for over 50 ms."""
    page.fill("#browse-query", "")
    _until(lambda: page.evaluate("document.querySelectorAll('#browse-list > li').length === 50"))
    page.evaluate(_LONG)
    took = [_timed(lambda at=at: _next_page(page, 50 * (at + 2)))[0] for at in range(pages)]  # type: ignore[misc]  # bound at once
    stopped = page.evaluate("window.long")
    return {
        "memories": 50 * (pages + 1),
        "page_median_ms": round(1000 * median(took)),
        "page_slowest_ms": round(1000 * max(took)),
        "long_tasks": len(stopped),
        "longest_task_ms": round(max(stopped, default=0.0)),
    }


def _next_page(page: Page, count: int) -> None:
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    _until(lambda: page.evaluate(f"document.querySelectorAll('#browse-list > li').length >= {count}"))


def _until(so: Callable[[], object]) -> None:
    ended = time.monotonic() + _PATIENCE
    while not so():
        if time.monotonic() > ended:
            raise TimeoutError
        time.sleep(0.005)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def _processor(pid: int) -> float:
    """Seconds of the processor that a process has used, by Linux; a hundredth is the least."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

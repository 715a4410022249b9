"""The console in a real browser, against a real service on a real store: what tests of its sections share.

The fixture `console` is a `Console`. `console.page()` is a page of Chromium that has signed in; when it is closed, it
fails the test for an error in the page's log or a breach of its policy. `console.shot(page, "name")` stores a picture
in the folder MEMORIA_SHOTS, if there is one.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any, Literal

import pytest

import memoria
from memoria.remember import Draft
from memoria.types import Provenance
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

ROOT = Path(__file__).parents[1]
MEMORIA = [sys.executable, "-W", "ignore", "-c", "from memoria.cli import main; main()"]
CHROMIUM = os.environ.get("MEMORIA_CHROMIUM") or which("chromium") or which("google-chrome")
SCRIPT = "<img src=x onerror=alert(1)><script>alert(2)</script>"
BIDI = "pay \u202eeert\u202c and \u2066hidden\u2069 \x07\x1b[31mred\x00".replace("\x00", "\x01")
DAY = timedelta(days=1)
START = datetime(2026, 11, 1, 9, tzinfo=UTC)
Scheme = Literal["light", "dark"]


def fill(store: Path) -> dict[str, str]:
    """A store of two people with something of all that the console shows; ids by name."""
    with memoria.open(store, clock=lambda: START + 20 * DAY) as whole:
        ada, bob = whole.namespace("app", "ada"), whole.namespace("app", "bob")
        ids = _told(ada)
        ids["bob"] = bob.remember(
            "Bob hides the xylophone in the lighthouse.", subject="bob", created_at=START + DAY / 4
        ).id
        ids["script"] = ada.remember(f"{SCRIPT} is only text", subject=SCRIPT, created_at=START + 9 * DAY).id
        ids["bidi"] = ada.remember(BIDI, subject="bidi", created_at=START + 10 * DAY).id
        line = ("a very long line without an end " * 40_000)[: (1 << 20) - 8] + " the end"
        # With a vector, because the thousands of passages of it are not what is tested.
        vector = whole.embedder.embed(["a long line"])[0]
        ids["long"] = ada.remember(line, subject="long", created_at=START + 11 * DAY, vector=vector).id
        return ids


def _told(ada: memoria.Memoria) -> dict[str, str]:
    texts = {
        "tea": ("Ada takes her tea without sugar.", "tea"),
        "leeds": ("Ada lives in Leeds, near the canal.", "home"),
        "boat": ("The boat is called Rowan and lies at pier 7.", "boat"),
        "dentist": ("The dentist sees Ada on 3 December 2026 at nine.", "dentist"),
        "ring": ("Rowan keeps the spare key of the boat.", "Rowan"),
        "cake": ("Ada bakes a lemon cake for her sister each May.", "cake"),
    }
    drafts = [
        Draft(
            text=text,
            subject=subject,
            created_at=START + at * DAY / 2,
            tags=("kitchen",) if name in ("tea", "cake") else (),
            kind="semantic" if name == "leeds" else "episodic",
            provenance=Provenance(source="chat", speaker="Ada", session=f"talk {at // 3}"),
        )
        for at, (name, (text, subject)) in enumerate(texts.items())
    ]
    ids = dict(zip(texts, (one.id for one in ada.remember_many(drafts)), strict=True))
    more = [
        Draft(text=f"Ada watered plant number {n}.", subject="plants", created_at=START + n * DAY / 20)
        for n in range(60)
    ]
    plants = ada.remember_many(more)
    ids["york"] = ada.supersede(ids["leeds"], "Ada lives in York, by the river.", at=START + 8 * DAY).id
    gist = ada.remember(
        "Ada's boat Rowan lies at pier 7, and a friend has the key.",
        subject="boat",
        provenance=Provenance(source="model", derived_from=(ids["boat"], ids["ring"])),
        created_at=START + 7 * DAY,
    )
    ids["gist"] = gist.id
    for day in (3, 5, 12):
        ada.reinforce(ids["tea"], at=START + day * DAY)
    ada.pin(ids["dentist"])
    ada.hold(ids["boat"], reason="an insurer asks")
    ada.archive(plants[0].id)
    return ids | {"plant": plants[1].id, "archived": plants[0].id}


@dataclass
class Console:
    """A running `memoria ui`: its address without the code, its store, ids by name, and what it wrote to its log.

    report: what it was told is the report of the policy lab; nothing is there unless a test writes it.
    """

    url: str
    store: Path
    ids: dict[str, str]
    log: Path
    shots: Path | None
    report: Path
    enter: Callable[[BrowserContext], Page]
    browser: Browser
    broken: list[str] = field(default_factory=list)

    def context(self, *, scheme: Scheme = "light", width: int = 1280, height: int = 900, **more: Any) -> BrowserContext:
        viewport = {"width": width, "height": height}
        # Nothing glides: a click would wait for it.
        more = {"reduced_motion": "reduce", **more}
        made = self.browser.new_context(viewport=viewport, color_scheme=scheme, **more)  # type: ignore[arg-type]  # a dict of these two
        made.set_default_timeout(60_000)
        return made

    @contextmanager
    def page(
        self, section: str = "", *, scheme: Scheme = "light", width: int = 1280, height: int = 900, errors: bool = False
    ) -> Iterator[Page]:
        """A page that has signed in, at a section. errors: whether the page may log some."""
        context = self.context(scheme=scheme, width=width, height=height)
        try:
            page = self.enter(context)
            broken = watched(page)
            if section:
                self.go(page, section)
            yield page
            assert errors or not broken, broken
        finally:
            context.close()

    @staticmethod
    def go(page: Page, section: str, id: str = "") -> None:
        """Goes to a section by its link, or to one of an id by the address."""
        if id:
            page.evaluate("to => { location.hash = to; }", f"{section}/{id}")
        else:
            page.click(f"#sections a[href='#{section}']")
        page.wait_for_selector(f"#{section}:not([hidden])")

    def shot(self, page: Page, name: str) -> None:
        """A picture of the whole page, where somebody wants to look at it."""
        if self.shots is not None:
            self.shots.mkdir(parents=True, exist_ok=True)
            page.evaluate("scrollTo({ top: 0 })")
            page.screenshot(path=self.shots / f"{name}.png", full_page=True)


def seen(page: Page, selector: str, text: str) -> None:
    """Waits until a text is to be seen there."""
    from playwright.sync_api import expect

    expect(page.locator(selector).first).to_contain_text(text, timeout=60_000)


def so(page: Page, expression: str) -> None:
    """Waits until an expression of JavaScript is true; Playwright's own way needs `eval`, which the pages forbid."""
    until(lambda: page.evaluate(expression), patience=60)


def watched(page: Page) -> list[str]:
    """What goes wrong in a page from now on: errors, and what its policy refuses."""
    broken: list[str] = []
    page.on("console", lambda message: broken.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: broken.append(str(error)))
    return broken


@contextmanager
def consoling(store: Path, *options: str, enter: bool = True) -> Iterator[tuple[str, str, Path]]:
    """`memoria ui` in a process: its address, the code that signs in, and its log."""
    log = store.parent / f"{store.name}.log"
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}
    with log.open("w") as file:
        process = subprocess.Popen([*MEMORIA, "ui", str(store), *options], env=environment, stderr=file, text=True)
    try:
        address = re.compile(r"(http://127\.0\.0\.1:\d+)/console#code=([\w-]+)\s")

        def said() -> object:
            assert process.poll() is None, log.read_text()
            return address.search(log.read_text())

        until(said)
        found = address.search(log.read_text())
        assert found is not None
        yield found[1], found[2], log
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("NOT CHECKED in a browser: no chromium here (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        made = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="module")
def console(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console of the store of `fill`; a module may change it, no other sees that."""
    folder = tmp_path_factory.mktemp("console")
    ids = fill(folder / "a.memoria")
    report = folder / "report.html"
    with consoling(folder / "a.memoria", "--lab-report", str(report)) as (url, code, log):
        state = _signed(browser, url, code)

        def enter(context: BrowserContext) -> Page:
            context.add_cookies(state)
            page = context.new_page()
            page.goto(f"{url}/console")
            page.wait_for_selector("main > section:not([hidden])")
            return page

        shots = Path(os.environ["MEMORIA_SHOTS"]) if "MEMORIA_SHOTS" in os.environ else None
        yield Console(url, folder / "a.memoria", ids, log, shots, report, enter, browser)


def _signed(browser: Browser, url: str, code: str) -> list[Any]:
    """The cookies of a browser that has opened the printed address."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{url}/console#code={code}")
    page.wait_for_selector("main > [data-section]:not([hidden])")
    assert "code" not in page.url
    found: list[Any] = context.cookies()
    context.close()
    return found

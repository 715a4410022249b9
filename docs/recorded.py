"""The recorded flow of docs/letting-go.md: one subject is forgotten and the proof read, in Chromium, click by click.

`python -m docs.recorded` starts `memoria ui` on a small store, does what somebody does who sees the page for the
first time, counts the clicks that the browser reports, writes a picture of each step into docs/pictures, and shows them
on the page. With a folder it writes them there, and leaves the page as it is.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

import memoria
from memoria.types import Provenance

if TYPE_CHECKING:
    from PIL import Image
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
MEMORIA = [sys.executable, "-W", "ignore", "-c", "from memoria.cli import main; main()"]
SUBJECT = "Marta"
PAGE = ROOT / "docs" / "letting-go.md"
PICTURES = "pictures"
MARKS = ("<!-- recorded -->", "<!-- end of what is recorded -->")
"""Between them the page has the pictures."""
COLOURS = 48
"""Of each picture: so many are enough for letters on paper, and make it a third as large."""
_SECONDS = 120.0
# Counted by the browser itself: what a script sets off is no click of a person.
_COUNT = """
let clicks = 0;
addEventListener("click", (event) => { clicks += event.isTrusted && event.detail > 0; }, true);
Object.defineProperty(window, "clicksOfAPerson", { get: () => clicks });
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of the flow. says: what was done, in words. picture: its file. clicks: all of them until then."""

    says: str
    picture: str
    clicks: int


def fill(store: Path) -> None:
    """A store in which one person is to be forgotten, and others stay."""
    with memoria.open(store) as memory:
        one = memory.remember("Marta moved to Lund in May and works at the harbour.", subject=SUBJECT)
        memory.remember("Marta is allergic to walnuts.", subject=SUBJECT)
        made = Provenance(source="chat", speaker="assistant", derived_from=(one.id,))
        memory.remember("In Lund it is an hour later than in Porto, where you are.", provenance=made)
        for text in ("Rowan lies at pier 7.", "The dentist sees me on Tuesday.", "I take my tea without sugar."):
            memory.remember(text, subject="me")


def record(folder: Path) -> list[Step]:
    """Does the flow, and writes its pictures into a folder. Raises where a step does not come about."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    browser = os.environ.get("MEMORIA_CHROMIUM") or which("chromium") or which("google-chrome")
    if browser is None:
        raise FileNotFoundError("no chromium is here: apt-get install chromium, or name it in MEMORIA_CHROMIUM")
    with tempfile.TemporaryDirectory() as home, sync_playwright() as play:
        store = Path(home) / "agent.memoria"
        fill(store)
        with _console(store) as address:
            made = play.chromium.launch(executable_path=browser, args=["--no-sandbox"])
            page = made.new_page(viewport={"width": 960, "height": 620}, reduced_motion="reduce")
            page.set_default_timeout(_SECONDS * 1000)
            page.add_init_script(_COUNT)
            page.goto(address)
            steps = list(_flow(page, folder))
            made.close()
    return steps


def _flow(page: Page, folder: Path) -> Iterator[Step]:
    """What a person does who has never seen it, from the address that `memoria ui` prints to the proof."""

    def step(says: str) -> Step:
        number = len(list(folder.glob("letting-*.png"))) + 1
        _small(page.screenshot()).save(folder / f"letting-{number}.png", optimize=True)
        return Step(says=says, picture=f"letting-{number}.png", clicks=page.evaluate("clicksOfAPerson"))

    for old in folder.glob("letting-*.png"):
        old.unlink()
    page.wait_for_selector("main > [data-section]:not([hidden])")
    page.click("#sections a[href='#letting']")
    page.wait_for_selector("#letting-subjects option", state="attached")
    page.click("#letting-subject")
    page.keyboard.type(SUBJECT)
    yield step("Letting go is chosen, and the subject is typed.")
    page.click("#letting-form .go")
    page.wait_for_selector("#letting-plan h2")
    page.locator("#letting-plan .cards button").first.click()
    page.wait_for_selector("#letting-plan .big")
    yield step("What would go is looked at: what was asked for, and what was made from it. A text is opened.")
    page.click("#letting-plan .danger")
    page.click("dialog[open] input[type=text]")
    page.keyboard.type(SUBJECT)
    yield step("The name is typed, which alone lets the button work.")
    page.click("dialog[open] .danger")
    page.wait_for_selector("#letting-proof .badge.good:has-text('signature verified')")
    page.locator("#letting-proof h2").scroll_into_view_if_needed()
    yield step("The files were scanned before and after: what was found is there no more, and what stays is found.")
    with page.expect_download():
        page.locator("button:has-text('Save the receipt')").click()
    yield step("The receipt says what was done, without a name; its signature is verified, and it is saved.")


def _small(picture: bytes) -> Image.Image:
    """A picture in few colours."""
    from PIL import Image

    return Image.open(BytesIO(picture)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)


@contextmanager
def _console(store: Path) -> Iterator[str]:
    """`memoria ui` in a process: the address that it prints."""
    log = store.with_name("log")
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}
    with log.open("w") as file:
        process = subprocess.Popen([*MEMORIA, "ui", str(store)], env=environment, stderr=file, text=True)
    try:
        until = time.monotonic() + _SECONDS
        while not (found := re.search(r"(http://127\.0\.0\.1:\d+/console#code=[\w-]+)\s", log.read_text())):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(log.read_text())
            time.sleep(0.05)
        yield found[1]
    finally:
        process.terminate()
        process.wait(_SECONDS)


def pictured(page: str, steps: list[Step]) -> str:
    """The page with the pictures of the flow between its marks."""
    begin, end = MARKS
    before, _, rest = page.partition(begin)
    shown = [f"{one.says}\n\n![{one.says}]({PICTURES}/{one.picture})" for one in steps]
    return "\n\n".join([before + begin, *shown, end + rest.partition(end)[2]])


def main() -> None:
    """Records the flow, and says how many clicks it took until each picture."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE.parent / PICTURES
    steps = record(folder)
    if len(sys.argv) < 2:
        PAGE.write_text(pictured(PAGE.read_text(), steps))
    for one in steps:
        sys.stdout.write(f"{one.clicks:>2} clicks  {one.picture}  {one.says}\n")


if __name__ == "__main__":
    main()

"""Pictures of the console: `python -m docs.pictures FOLDER` writes some of four sections, light, dark and narrow."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.consoled import CHROMIUM, consoling, fill, seen

if TYPE_CHECKING:
    from playwright.sync_api import Page

LOOKS = (("light", 1280), ("dark", 360))


def pictures(folder: Path) -> list[Path]:
    """Writes them; returns their paths."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    with tempfile.TemporaryDirectory() as place, sync_playwright() as play:
        store = Path(place) / "a.memoria"
        ids = fill(store)
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for scheme, width in LOOKS:
            with consoling(store) as (url, code, _):
                page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]  # one of LOOKS
                page.set_default_timeout(120_000)
                page.goto(f"{url}/console#code={code}")
                made += _all(page, folder, ids, f"{scheme}-{width}")
        browser.close()
    return made


def _all(page: Page, folder: Path, ids: dict[str, str], look: str) -> list[Path]:
    page.wait_for_selector("#browse-names details")
    page.fill("#browse-query", "How does Ada drink her tea?")
    page.wait_for_selector("#browse-list .stack")
    made = [_shot(page, folder / f"browse-{look}.png")]
    page.click("#sections a[href='#why']")
    page.fill("#why-query", "Where is the boat?")
    page.click("#why-form .go")
    page.wait_for_selector("#why-notes td")
    made.append(_shot(page, folder / f"why-{look}.png"))
    for section, name, ready in (("time", "tea", "#time-curve path"), ("lineage", "gist", "#lineage-card .said")):
        page.evaluate("to => { location.hash = to; }", f"{section}/{ids[name]}")
        page.wait_for_selector(ready)
        made.append(_shot(page, folder / f"{section}-{look}.png"))
    seen(page, "#lineage-said", "3 memories")
    return made


def _shot(page: Page, path: Path) -> Path:
    page.screenshot(path=path)
    return path


if __name__ == "__main__":
    for one in pictures(Path(sys.argv[1])):
        sys.stdout.write(f"{one}\n")

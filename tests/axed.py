"""How a page looks, and what axe-core finds in it. The script comes from a package of PyPI, pinned by its hash."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.consoled import Console

AXE = "84494fec757e4710dc751c8d7a636e457f4532f08f85c86dc9070133fbff53bc"
"""SHA-256 of axe-core 4.12.1, as the package axe-playwright-python 0.1.8 has it."""

COLOURS = ", runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] }"
"""The rules about colours that are on by themselves."""


def axe() -> str:
    """The script axe-core, from its package."""
    spec = find_spec("axe_playwright_python")
    if spec is None or spec.origin is None:
        pytest.skip("NOT CHECKED by axe-core: pip install axe-playwright-python==0.1.8")
    script = Path(spec.origin).with_name("axe.min.js").read_bytes()
    assert hashlib.sha256(script).hexdigest() == AXE
    return script.decode()


def looked(console: Console, page: Page, script: str, name: str) -> None:
    """In the light and in the dark: nothing is wider than the page, and axe finds nothing serious; with pictures.

    Light and dark differ in colours alone, and most of axe's time goes into these: so on a desk all is looked for in
    the light, and colours again in the dark; on a telephone all is looked for in the dark.
    """
    narrow = page.evaluate("innerWidth") < 500
    rules = {"light": None, "dark": ""} if narrow else {"light": "", "dark": COLOURS}
    for scheme, which in rules.items():
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of these two
        console.shot(page, f"{name}-{scheme}")
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, f"{name}: {over} px too wide"
        if which is not None:
            assert not (found := serious(page, script, which)), found


def serious(page: Page, script: str, rules: str = "") -> list[tuple[str, list[str]]]:
    """What axe finds that is serious or critical, with where. rules: which it looks for, as an option of it."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(script)
    found = page.evaluate(f"axe.run(document, {{ resultTypes: ['violations']{rules} }})")["violations"]
    worst = [one for one in found if one["impact"] in ("serious", "critical")]
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in worst]

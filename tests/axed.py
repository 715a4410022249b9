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


def axe() -> str:
    """The script axe-core, from its package."""
    spec = find_spec("axe_playwright_python")
    if spec is None or spec.origin is None:
        pytest.skip("NOT CHECKED by axe-core: pip install axe-playwright-python==0.1.8")
    script = Path(spec.origin).with_name("axe.min.js").read_bytes()
    assert hashlib.sha256(script).hexdigest() == AXE
    return script.decode()


def looked(console: Console, page: Page, script: str, name: str) -> None:
    """A picture; nothing is wider than the page, and axe finds nothing serious."""
    console.shot(page, name)
    over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert over <= 0, f"{name}: {over} px too wide"
    assert not (found := serious(page, script)), found


def serious(page: Page, script: str) -> list[tuple[str, list[str]]]:
    """What axe finds that is serious or critical, with where."""
    page.evaluate(script)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    worst = [one for one in found if one["impact"] in ("serious", "critical")]
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in worst]

"""A page of an integration, run as a program with an embedder without weights."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

from memoria.testing import HashEmbedder

PAGES = Path(__file__).parents[2] / "docs" / "integrations"


def run_page(name: str) -> str:
    """What the Python on the page prints."""
    printed = io.StringIO()
    for block in re.findall(r"```python\n(.*?)```", (PAGES / f"{name}.md").read_text(), re.DOTALL):
        lighter = block.replace('("agent.memoria"', '("agent.memoria", embedder=HashEmbedder()')
        assert lighter != block
        with contextlib.redirect_stdout(printed):
            exec(compile(lighter, f"{name}.md", "exec"), {"HashEmbedder": HashEmbedder})
    return printed.getvalue()

"""Writes every generated page, and the async verbs: `python -m docs.generate`."""

from __future__ import annotations

import json
from pathlib import Path

from docs.generate import awaited, commands, reference
from memoria.evaluation.bench.peers import page as peers

DOCS = Path(__file__).parents[1]


def pages() -> dict[str, str]:
    """The text of each generated page, by its path under docs/."""
    measured = json.loads((DOCS / "peers.json").read_text())
    return {"cli.md": commands.render(), "peers.md": peers.render(measured), **reference.render()}


if __name__ == "__main__":
    awaited.TARGET.write_text(awaited.render())
    for path, text in pages().items():
        (DOCS / path).parent.mkdir(exist_ok=True)
        (DOCS / path).write_text(text)

"""Words that files of adapters have whatever they learnt: names of tensors, of fields, of recipes and libraries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LONGEST_HEADER = 1 << 24
_PLAIN = ("recipe", "versions", "base", "data", "model", "dtype", "tensors")


def words_of_adapters(folder: Path) -> Iterator[str]:
    """Every such word in a folder of adapters; of a file that is none, nothing."""
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        found = _header(path)
        if found is not None:
            yield from _words(found, plain=False)


def _header(path: Path) -> Any:
    """The JSON at the head of a file of tensors, or of a whole file of JSON."""
    try:
        with path.open("rb") as file:
            if path.suffix == ".json":
                return json.loads(file.read(_LONGEST_HEADER))
            size = int.from_bytes(file.read(8), "little")
            return json.loads(file.read(size)) if size <= _LONGEST_HEADER else None
    except (OSError, ValueError):
        return None


def _words(value: Any, *, plain: bool) -> Iterator[str]:
    """Names in JSON, at any depth; values only of fields that hold none of what was learnt."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield str(name)
            yield from _words(one, plain=plain or name in _PLAIN)
    elif isinstance(value, list):
        for one in value:
            yield from _words(one, plain=plain)
    elif isinstance(value, str) and value[:1] in "{[":
        yield from _in_text(value, plain=plain)
    elif plain:
        yield str(value)


def _in_text(value: str, *, plain: bool) -> Iterator[str]:
    try:
        found = json.loads(value)
    except ValueError:
        return
    yield from _words(found, plain=plain)

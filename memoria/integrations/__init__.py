"""memoria where agents already live: one thin file per framework, each behind an extra of its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from memoria.errors import MissingExtra


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Imports in this block need the extra `name`; without it, raises MissingExtra, which says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtra(f"{error.name} is not installed: pip install 'memoria[{name}]'") from error

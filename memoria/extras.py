"""Extras: packages that only some parts need, and what to say when one is not installed."""

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

"""Packages that only some parts need: what to say when one is not installed, and how to keep transformers silent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from memoria.errors import MissingExtra


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Imports in this block need the extra `name`; without it, raises MissingExtra, which says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtra(f"{error.name} is not installed: pip install 'memoria-runtime[{name}]'") from error


@contextmanager
def quiet() -> Iterator[None]:
    """No bars and notes of transformers, which a library has no business to print."""
    from transformers.utils import logging as logging_

    logging: Any = logging_  # it has no types

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()

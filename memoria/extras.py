"""Packages that only some parts need: what to say without one, where unpacked models are, and silent transformers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from memoria.errors import MissingExtra

DISTRIBUTION = "memoria-runtime"
"""The name by which pip knows this package."""
# Extras that are of no use without torch.
_HEAVY = ("weights",)


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Imports in this block need the extra `name`; without it, raises MissingExtra, which says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtra(f"{error.name} is not installed: {install(name)}") from error


def need(package: str) -> None:
    """Raises MissingExtra unless a package that a slim install leaves out is there."""
    if find_spec(package) is None:
        raise MissingExtra(
            f"{package} is not installed, as in a slim install: pip install {DISTRIBUTION} brings it, with torch"
        )


def install(name: str) -> str:
    """The command that installs the extra `name`.

    Where torch is not installed, pip would bring it with memoria itself, so the packages of the extra are named.
    """
    packages = [] if name in _HEAVY or find_spec("torch") else _packages(name)
    return "pip install " + (" ".join(f"'{one}'" for one in packages) or f"'{DISTRIBUTION}[{name}]'")


def _packages(name: str) -> list[str]:
    """What the extra needs, by the metadata of the installed distribution; nothing where there is none."""
    try:
        lines = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return []
    parts = [line.partition(";") for line in lines]
    found = {need.strip() for need, _, marker in parts if re.search(rf"extra == ['\"]{re.escape(name)}['\"]", marker)}
    inner = {one for one in found if one.startswith(DISTRIBUTION)}
    below = {two for one in inner for two in _packages(one.partition("[")[2].rstrip("]"))}
    return sorted((found - inner) | below)


def cache_folder() -> Path:
    """The folder of models that were unpacked or converted: $MEMORIA_CACHE, or memoria in the user's cache folder."""
    given = os.environ.get("MEMORIA_CACHE")
    home = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(given or Path(home) / "memoria").expanduser()


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

"""Where settings may be, without reading them: most commands find none, and import nothing for it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PREFIX = "MEMORIA_"
ENVIRONMENT = "environment"
# Read by what needs them, whether there are settings or not.
_READ_ELSEWHERE = frozenset({"MEMORIA_STORE", "MEMORIA_TIMEOUT", "MEMORIA_TOKENS", "MEMORIA_CACHE", "MEMORIA_KEYS"})
_TABLE = re.compile(rb"tool[\"']?\s*\.\s*[\"']?memoria|^\s*\[\s*tool\s*\]|^\s*tool\s*=", re.M)
OTHERS = frozenset({"MEMORIA_CACHE", "MEMORIA_KEYS"})
"""Variables that are no settings of the command line."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One source of settings. name: as it is shown. path: of its file, if it is one."""

    name: str
    path: Path | None
    values: Mapping[str, Any]


def user_file() -> Path:
    """The user's own file."""
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "memoria" / "config.toml"


def project_file() -> tuple[Path, tuple[str, ...]]:
    """The file of the folder, and the table in it: memoria.toml, or else pyproject.toml."""
    own, pyproject = Path("memoria.toml").absolute(), Path("pyproject.toml").absolute()
    return (pyproject, ("tool", "memoria")) if not own.exists() and _mentioned(pyproject) else (own, ())


def _mentioned(path: Path) -> bool:
    try:
        return _TABLE.search(path.read_bytes()) is not None
    except OSError:
        return False


def anything() -> bool:
    """Whether there may be a setting anywhere."""
    there = (name for name in os.environ if name.startswith(PREFIX))
    return any(name not in _READ_ELSEWHERE for name in there) or project_file()[0].exists() or user_file().exists()

"""What a report says of itself: the command that made it, with what version, when, and from which data."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from memoria.version import __version__

_PIECE = 1 << 20
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """name: without the folders that it lies in. sha256: of its bytes, in hex."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """command: what makes the same report again, files called by their names alone. date: when it was made.

    seeds: of the generated traces; empty where none is generated. commit: of the sources that ran, with "modified"
    where they are not what was committed; None where that is not known, as of an installed package.
    """

    command: str
    date: datetime
    seeds: tuple[int, ...] = ()
    version: str = __version__
    commit: str | None = None


def data_files(path: Path) -> Iterator[DataFile]:
    """A file, or the JSON files of a folder, by name."""
    for one in sorted(path.glob("*.json*")) if path.is_dir() else (path,):
        if one.is_file():
            yield DataFile(name=one.name, sha256=_sha256(one))


def _sha256(path: Path) -> str:
    made = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            made.update(piece)
    return made.hexdigest()


def commit() -> str | None:
    """The commit of these sources, where they lie in a repository that holds them and git can be asked."""
    here = Path(__file__)
    # A virtual environment may lie in a repository that is somebody else's and knows nothing of what is installed.
    if _git(here.parent, "ls-files", "--error-unmatch", here.name) is None:
        return None
    head = _git(here.parent, "rev-parse", "--short=12", "HEAD")
    changed = _git(here.parent, "status", "--porcelain", "--untracked-files=no", str(here.parents[3]))
    return f"{head}, modified" if head and changed else head


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints; None where there is no git, or it fails."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None

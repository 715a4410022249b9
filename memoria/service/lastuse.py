"""When tokens were used last: beside the file of tokens, by id, to the minute.

Kept in a file of its own, so that what proves who may do what is not written anew for each minute of use. Several
processes may write it: each adds what it knows, and the later time stays.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

EVERY = 60.0
"""Seconds between two writes."""


def _file(tokens: Path) -> Path:
    return tokens.with_name(tokens.name + ".used")


def last_used(tokens: Path) -> dict[str, datetime]:
    """When each token was used last, aware, by id; nothing of those that were never used, or not since this is kept."""
    try:
        lines = json.loads(_file(tokens).read_text())
        return {str(id): datetime.fromisoformat(at) for id, at in lines.items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}  # what is lost here is a convenience


class LastUse:
    """The uses that one process has seen since it last wrote them down."""

    def __init__(self, tokens: Path) -> None:
        self._tokens = tokens
        self._mutex = threading.Lock()
        self._seen: dict[str, datetime] = {}

    def note(self, id: str, at: datetime | None = None) -> None:
        """Notes that a token is used now."""
        now = datetime.now(UTC) if at is None else at
        with self._mutex:
            self._seen[id] = now.replace(second=0, microsecond=0)

    def flush(self) -> None:
        """Writes down what was noted; a disk that refuses it stops nothing, and it is tried again."""
        with self._mutex:
            seen, self._seen = self._seen, {}
        if not seen:
            return
        try:
            self._add(seen)
        except OSError:
            with self._mutex:
                self._seen = _later(seen, self._seen)

    def _add(self, seen: Mapping[str, datetime]) -> None:
        file = _file(self._tokens)
        with FileLock(file.with_name(file.name + ".lock"), mode=0o600):
            all_of_them = _later(last_used(self._tokens), seen)
            fresh = file.with_name(file.name + ".new")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as written:
                json.dump({id: at.isoformat() for id, at in sorted(all_of_them.items())}, written, indent=1)
            fresh.replace(file)


def _later(one: Mapping[str, datetime], other: Mapping[str, datetime]) -> dict[str, datetime]:
    return {id: max(found[id] for found in (one, other) if id in found) for id in {*one, *other}}

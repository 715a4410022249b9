"""The audit: a line of JSON for each request with a token: when, whose, what, about how many ids, with what status.

Never what was said. A line is written before the answer begins, so that nothing is answered that it does not have. A
line is one write at the end of the file, so that several processes may write one file.
"""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

from memoria.errors import InvalidQuery
from memoria.service.notes import Note, Scope, verb

log = logging.getLogger("memoria.service")


class Audit:
    """A file of lines, to which more are added.

    Raises InvalidQuery where it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = self._opened()

    def _opened(self) -> int:
        try:
            return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise InvalidQuery(f"audit: {self._path} cannot be written: {error.strerror}") from None

    def note(self, scope: Scope, note: Note) -> None:
        """Writes the line of a request; those of nobody are not here, but in the log and the figures."""
        if note.caller is None:
            return
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "caller": note.caller.id,
            "verb": verb(scope),
            "ids": note.ids,
            "status": note.status,
        }
        try:
            os.write(self._fd, (json.dumps(line) + "\n").encode())
        except OSError as error:
            log.error("the audit cannot be written: %s", type(error).__name__)

    def reopen(self) -> None:
        """Goes on in a new file of the same name, once somebody has moved the old one away."""
        try:
            fresh = self._opened()
        except InvalidQuery:
            log.error("the audit cannot be opened anew; it goes on in the old file")
            return
        old, self._fd = self._fd, fresh
        os.close(old)

    def close(self) -> None:
        os.close(self._fd)

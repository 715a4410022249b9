"""What is noted of a request while it is answered: who asks, since when, and how many ids it was about.

Lines of the log and of the audit, and figures, are made of it, so that none of them looks at what was said.
"""

from __future__ import annotations

import time
from collections.abc import MutableMapping, Sized
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from memoria.service.shapes import Gone
from memoria.service.tokens import Caller
from memoria.types import Memory

Scope = MutableMapping[str, Any]
KEY = "memoria.note"


@dataclass(slots=True, kw_only=True)
class Note:
    """A request under way.

    caller: whose token it came with; None for what is open to all. began: monotonic seconds. ids: how many memories it
    was about; None where nothing counted them. forgotten: how many of them were erased. status: of the answer, 0 before
    there is one.
    """

    caller: Caller | None = None
    began: float = field(default_factory=time.monotonic)
    ids: int | None = None
    forgotten: int = 0
    status: int = 0

    def of(self, result: object) -> None:
        """Counts what the store gave."""
        if isinstance(result, Gone):
            self.forgotten += len(result.forgotten) + len(result.derived)
            self.ids = max(len(result.would), self.forgotten)
        elif isinstance(result, Memory):
            self.ids = 1
        elif isinstance(ids := getattr(result, "ids", result), Sized) and not isinstance(ids, str | bytes):
            self.ids = len(ids)


noted: ContextVar[Note | None] = ContextVar("noted", default=None)
"""The request of this task."""


def verb(scope: Scope) -> str:
    """What a request asked for, in words of ours: the method and the route, or "-" for what is none."""
    path = getattr(scope.get("route"), "path", None)
    return "-" if path is None else f"{scope['method']} {path}"

"""Readers: every verb passes through one gate, in which who reads is settled, and what is for the owner refused."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from memoria.errors import NotPermitted

Class = TypeVar("Class", bound=type)

FOR_READERS = frozenset(
    {
        "amend",
        "archive",
        "consolidate",
        "doubts",
        "evict",
        "expire",
        "explain_retention",
        "fade",
        "forget",
        "get",
        "history",
        "hold",
        "learn",
        "ledger",
        "lineage",
        "list",
        "namespaces",
        "pin",
        "prune",
        "recall",
        "recall_many",
        "reconcile",
        "reinforce",
        "release",
        "remember",
        "remember_many",
        "restore",
        "settle",
        "stats",
        "supersede",
        "trace",
        "unpin",
    }
)
"""What a reader may do, with what it sees. A verb that is not named here is for the owner of the store alone."""
# These do nothing with memories.
_FREE = frozenset({"close", "namespace", "now", "reading_as", "reinforcing"})
# A byte scan says how much there is besides, and whether a text is in it; an order that goes on acts on all that is
# there and that others will store.
_OWNERS_ARGUMENTS = {"forget": ("verify", "standing"), "amend": ("visible_to",)}


def gated(cls: Class) -> Class:
    """Class decorator: the public methods of a class take `reader`, and do for a reader what a reader may do."""
    for name in dir(cls):
        method = inspect.getattr_static(cls, name)
        if not name.startswith("_") and inspect.isfunction(method) and name not in _FREE:
            setattr(cls, name, _gate(name, method))
    return cls


def _gate(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def gate(self: Any, *arguments: Any, reader: str | None = None, **named: Any) -> Any:
        if reader is None and self._who is None and not self._reader_required:
            return method(self, *arguments, **named)
        view = self if reader is None else self.reading_as(reader)
        if view._who is None:
            raise NotPermitted(f"{name} needs a reader: this store was opened with require_reader=True")
        _check_permitted(name, named)
        with view._who.during():
            return method(view, *arguments, **named)

    return gate


def _check_permitted(name: str, named: dict[str, Any]) -> None:
    """Raises NotPermitted for what a reader may not do."""
    if name not in FOR_READERS:
        raise NotPermitted(f"{name} is for the owner of the store, not for a reader")
    for argument in _OWNERS_ARGUMENTS.get(name, ()):
        if named.get(argument) or (argument in named and argument == "visible_to"):
            raise NotPermitted(f"{name}({argument}=) is for the owner of the store, not for a reader")

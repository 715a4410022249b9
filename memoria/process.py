"""Processes: what is open belongs to the process that opened it. A fork copies all of it, and none of the threads.

A child that goes on with a copy would write to the files and sockets of its parent, and wait forever for locks that a
thread of its parent held. So it is refused, and what it may make anew starts from locks that are free.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from memoria.errors import StoreClosed

T = TypeVar("T")


class Home:
    """The process that opened something: the one in which this is made."""

    __slots__ = ("pid",)

    def __init__(self) -> None:
        self.pid = os.getpid()

    @property
    def left(self) -> bool:
        """Whether this process is another one: a child, by fork."""
        return os.getpid() != self.pid

    def check(self, what: object) -> None:
        """Raises StoreClosed in a child."""
        if os.getpid() != self.pid:
            raise StoreClosed(
                f"{what} was opened by process {self.pid}, and a fork cannot go on with it: "
                f"open it anew in process {os.getpid()}"
            )


_renewals: WeakKeyDictionary[Any, Callable[[Any], None]] = WeakKeyDictionary()
_calls: list[Callable[[], object]] = []


def in_child(owner: T, renew: Callable[[T], None]) -> None:
    """Calls `renew(owner)` first thing in every child, as long as the owner is there; `renew` must not refer to it."""
    _renewals[owner] = renew


def call_in_child(renew: Callable[[], object]) -> None:
    """Calls `renew()` first thing in every child: for what a module has."""
    _calls.append(renew)


def never_destroyed(thing: object) -> None:
    """What is destroyed says goodbye to the other end, which is the parent's: neither now nor at exit."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


# What works in threads of OpenMP, of which a child has none, and then waits for them forever.
_THREADED = ("faiss", "torch")
_inherited: set[str] = set()


def inherited(module: str) -> bool:
    """Whether this is a child by fork and its parent had loaded this module: it must make do with one thread here."""
    return module in _inherited


def _renew() -> None:
    _inherited.update(name for name in _THREADED if name in sys.modules)
    for owner, renew in list(_renewals.items()):
        renew(owner)
    for call in _calls:
        call()


# Where there is no fork, there is nothing to do.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)

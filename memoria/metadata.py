"""Values in metadata by path: what a filter can ask for, and when two values are equal.

A path is the keys that lead to a value, joined by dots: {"flight": {"seat": "12A"}} and {"flight.seat": "12A"} both
hold "12A" under "flight.seat". Only scalars have a path that finds them; a list, and what is in one, has none.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

Scalar = str | int | float | bool | None
"""A value in metadata that a filter can ask for."""
MAX_PATH = 1024
# What no value is found by: asked for, it is nowhere.
_NOWHERE = ""


def entry(path: str, value: object) -> str:
    """A value under a path as one text, the same for equal values at one path and for nothing else.

    Strings are equal when their code points are: case and Unicode form count. Numbers are equal when they are the same
    number, exactly and at any size, so 1 is 1.0 and 0 is -0.0, but 2**53 + 1 is not float(2**53 + 1). A bool is no
    number. None is a null that is there. NaN, and whatever is no scalar, equals nothing, and a path of more than
    `MAX_PATH` characters leads nowhere.
    """
    form = _form(value)
    return _NOWHERE if form is None or len(path) > MAX_PATH else f"{json.dumps(path)}:{form}"


def _form(value: object) -> str | None:
    """JSON of a string, a bool or null; hexadecimal digits of a number, which take no rounding and have no limit."""
    if value is None or isinstance(value, bool | str):
        return json.dumps(value)
    if isinstance(value, int):
        return hex(value)
    if not isinstance(value, float) or math.isnan(value):
        return None
    return hex(int(value)) if value.is_integer() else value.hex()


def entries(metadata: Mapping[str, Any]) -> set[str]:
    """The entries of every scalar in the metadata of a memory."""
    found: set[str] = set()
    waiting: list[tuple[str, Mapping[str, Any]]] = [("", metadata)]
    while waiting:
        prefix, held = waiting.pop()
        for name, value in held.items():
            path = f"{prefix}{name}"
            if not isinstance(value, Mapping):
                found.add(entry(path, value))
            elif len(path) < MAX_PATH:
                waiting.append((f"{path}.", value))
    return found - {_NOWHERE}


def asked(criteria: Mapping[str, Scalar]) -> set[str]:
    """The entries that a memory must have, all of them, to meet criteria of path and value."""
    return {entry(path, value) for path, value in criteria.items()}

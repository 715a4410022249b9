"""Filters over stored values: equality, and the operators $eq $ne $gt $gte $lt $lte."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def matches(value: Mapping[str, Any], filter: Mapping[str, Any] | None) -> bool:
    """Whether a value meets every condition of a filter. A name is a key, or keys joined by dots.

    Raises ValueError for an operator that there is none of.
    """
    return all(_meets(_at(value, name), asked) for name, asked in (filter or {}).items())


def _at(value: Any, name: str) -> Any:
    """The value under a name; None without one."""
    if isinstance(value, Mapping) and name in value:
        return value[name]
    head, _, rest = name.partition(".")
    return _at(value[head], rest) if rest and isinstance(value, Mapping) and head in value else None


def _meets(found: Any, asked: Any) -> bool:
    if isinstance(asked, Mapping) and any(str(name).startswith("$") for name in asked):
        return all(_applies(name, found, operand) for name, operand in asked.items())
    if isinstance(asked, Mapping):
        return isinstance(found, Mapping) and all(_meets(found.get(name), one) for name, one in asked.items())
    if isinstance(asked, list | tuple):
        return isinstance(found, list) and len(found) == len(asked) and all(map(_meets, found, asked))
    return bool(found == asked)


def _applies(name: str, found: Any, operand: Any) -> bool:
    if name in ("$eq", "$ne"):
        return bool(found == operand) is (name == "$eq")
    if name not in _COMPARE:
        raise ValueError(f"Unsupported operator: {name}")
    # A number and a text have no order, and what is missing has none with anything.
    comparable = all(isinstance(one, int | float) for one in (found, operand)) or (
        isinstance(found, str) and isinstance(operand, str)
    )
    return comparable and _COMPARE[name](found, operand)

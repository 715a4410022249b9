"""Who may see a memory: names of people and of roles, or everybody who reads its namespace."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence, Set
from typing import cast

Audience = tuple[str, ...] | None
"""The names that may see it, sorted, without repeats; None is whoever reads the namespace, () its owner alone."""


def sees(names: Collection[str], audience: Audience) -> bool:
    """Whether a reader with these names sees what is for an audience.

    Args:
        names: the name of the reader and those of its roles.
        audience: who may see it.

    Returns:
        True for what everybody sees, and for what names one of them.
    """
    return audience is None or not set(audience).isdisjoint(names)


def within(inner: Audience, outer: Audience) -> bool:
    """Whether everybody of one audience is in another.

    Args:
        inner: the one that should be contained.
        outer: the one that should contain it.

    Returns:
        True when no name, and no role whoever has it, sees the first without the second.
    """
    return outer is None or (inner is not None and set(inner) <= set(outer))


def common(audiences: Iterable[Audience]) -> Audience:
    """Those who see all.

    Args:
        audiences: of several memories.

    Returns:
        The names that all of them have; None when each is for everybody.
    """
    found: Set[str] | None = None
    for one in audiences:
        if one is not None:
            found = set(one) if found is None else found & set(one)
    return None if found is None else tuple(sorted(found))


def joint(audiences: Iterable[Audience]) -> Audience:
    """Those who see any.

    Args:
        audiences: of several memories.

    Returns:
        The names that one of them has; None when one is for everybody.
    """
    names: set[str] = set()
    for one in audiences:
        if one is None:
            return None
        names |= set(one)
    return tuple(sorted(names))


def tidy(given: Sequence[str] | Set[str] | None) -> Audience:
    """Names sorted, without repeats; what is no sequence of names as it is, for the check to refuse."""
    if given is None or isinstance(given, str) or not isinstance(given, Sequence | set | frozenset):
        return cast("Audience", given)
    return tuple(sorted(set(given))) if all(isinstance(name, str) for name in given) else tuple(given)


def written(audience: Sequence[str]) -> str:
    """An audience as one text, another one for each audience."""
    return json.dumps(list(audience), ensure_ascii=False)

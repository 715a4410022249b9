"""What other packages add by name: entry points of a group, beside what memoria has itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from typing import TypeVar

from memoria.errors import InvalidInput

T = TypeVar("T")


def names(group: str, ours: Iterable[str]) -> list[str]:
    """Every name that can be found, ours first."""
    own = list(ours)
    return [*own, *sorted({one.name for one in entry_points(group=group)} - set(own))]


def find(group: str, ours: Mapping[str, T], name: str) -> T | None:
    """What a name stands for; None when nobody has it.

    A name of ours is always ours, whatever other packages say. Raises InvalidInput when two of them have the same name,
    for which one was found would depend on the order of installation.
    """
    if name in ours:
        return ours[name]
    found = list(entry_points(group=group, name=name))
    if len(found) > 1:
        packages = sorted(one.dist.name if one.dist else one.value for one in found)
        raise InvalidInput(f"{name!r} of {group} is claimed by several packages: {', '.join(packages)}; keep one")
    loaded: T | None = found[0].load() if found else None
    return loaded

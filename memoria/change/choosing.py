"""What a pass of sleep would do, thing by thing, each with a key by which it alone can be accepted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from memoria.types import Proposal

What = Literal["settle", "gather", "archive", "forget", "expire"]
"""Kinds of things that a pass does: changes of fact, gists, what fades, what is pruned, what its time erases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One thing that a pass of sleep would do.

    Attributes:
        key: by which `sleep(only=)` accepts it: the same for the same thing, another one as soon as it would do more,
            less or something else.
        what: its kind.
        ids: the memories that it is about: what ends, joins, fades or goes.
        gist: id of the gist that is joined; "" for a new one, and for all that is no gist.
        by: id of the statement that settles something; "" for all else.
        action: what the statement does, as of `Proposal`; "" for all else.
        reason: which rule read it, in plain words; "" for all else.
    """

    key: str
    what: Literal["settle", "gather", "archive", "forget", "expire"]
    ids: tuple[str, ...]
    gist: str = ""
    by: str = ""
    action: str = ""
    reason: str = ""


def accepted(only: Collection[str] | None, choice: Choice) -> bool:
    """Whether a thing is to be done: None accepts all."""
    return only is None or choice.key in only


def settling(one: Proposal) -> Choice:
    """A change of fact. Log-odds differ a little from run to run, and are not in its key."""
    amends, lowers = one.amends, [id for id, _ in one.lowers]
    said = [one.action, one.by, one.ends, amends, lowers, one.at.isoformat(), one.keep]
    ids = dict.fromkeys([*one.ends, *(id for id, _ in amends), *lowers])
    key = _key("settle", said)
    return Choice(key=key, what="settle", ids=tuple(ids), by=one.by, action=one.action, reason=one.reason)


def gathering(members: Sequence[str], gist: str | None) -> Choice:
    """A gist to make, or one to join."""
    ids, home = tuple(members), gist or ""
    return Choice(key=_key("gather", [ids, home]), what="gather", ids=ids, gist=home)


def single(what: What, id: str) -> Choice:
    """What is done with one memory."""
    return Choice(key=_key(what, id), what=what, ids=(id,))


def choices(
    settled: Sequence[Proposal],
    gists: Sequence[tuple[str, Sequence[str]]],
    faded: Sequence[str],
    pruned: Sequence[str],
    erased: Sequence[str],
) -> Iterator[Choice]:
    """What a night would do, in the order in which it does it."""
    yield from (single("expire", id) for id in erased)
    yield from map(settling, settled)
    yield from (gathering(members, gist) for gist, members in gists)
    yield from (single("archive", id) for id in faded)
    yield from (single("forget", id) for id in pruned)


def _key(what: str, said: object) -> str:
    return hashlib.sha256(json.dumps([what, said]).encode()).hexdigest()[:32]


def takes(only: Collection[str] | None, what: What, id: str) -> bool:
    """Whether something is to be done with a memory, of what was accepted."""
    return accepted(only, single(what, id))


__all__ = ["Choice", "What"]

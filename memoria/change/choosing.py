"""What a pass of sleep would do, thing by thing, each with a key by which it alone can be accepted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from memoria.derived import review
from memoria.protocols import Store
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
        text: of a gist where review is on, what it would say; "" for all else.
    """

    key: str
    what: Literal["settle", "gather", "archive", "forget", "expire"]
    ids: tuple[str, ...]
    gist: str = ""
    by: str = ""
    action: str = ""
    reason: str = ""
    text: str = ""


Acceptance = Callable[[Choice], bool]
"""Whether a thing is to be done."""


def acceptance(store: Store, only: Collection[str] | None, *, dry_run: bool = False) -> Acceptance:
    """What of that which was inferred is done: what `only` names; without it all, or nothing while review is on.

    It is asked anew for each thing, for review may be switched on while a pass goes on. dry_run: shows all.
    """

    def accepts(choice: Choice) -> bool:
        return choice.key in only if only is not None else dry_run or not review.is_on(store)

    return accepts


def settling(one: Proposal) -> Choice:
    """A change of fact."""
    ids = dict.fromkeys([*one.ends, *dict(one.amends), *dict(one.lowers)])
    return Choice(key=one.key, what="settle", ids=tuple(ids), by=one.by, action=one.action, reason=one.reason)


def gathering(members: Sequence[str], gist: str | None, text: str = "") -> Choice:
    """A gist to make, or one to join. text: what it would say, where that is accepted too."""
    ids, home = tuple(members), gist or ""
    said = [ids, home, text] if text else [ids, home]
    return Choice(key=_key("gather", said), what="gather", ids=ids, gist=home, text=text)


def single(what: What, id: str) -> Choice:
    """What is done with one memory."""
    return Choice(key=_key(what, id), what=what, ids=(id,))


def choices(
    settled: Sequence[Proposal],
    gists: Sequence[tuple[str, Sequence[str]]],
    texts: Sequence[str],
    faded: Sequence[str],
    pruned: Sequence[str],
    erased: Sequence[str],
) -> Iterator[Choice]:
    """What a night would do, in the order in which it does it. texts: of the gists, where they are accepted too."""
    yield from (single("expire", id) for id in erased)
    yield from map(settling, settled)
    said = texts or [""] * len(gists)
    yield from (gathering(members, gist, text) for (gist, members), text in zip(gists, said, strict=True))
    yield from (single("archive", id) for id in faded)
    yield from (single("forget", id) for id in pruned)


def _key(what: str, said: object) -> str:
    return hashlib.sha256(json.dumps([what, said]).encode()).hexdigest()[:32]


def takes(only: Collection[str] | None, what: What, id: str) -> bool:
    """Whether something is to be done with a memory, of what was accepted."""
    return only is None or single(what, id).key in only


__all__ = ["Choice", "What"]

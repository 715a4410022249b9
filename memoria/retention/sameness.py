"""Whether two memories are one: the same text about the same subject, by the same speaker, in the same session, of the
same validity."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from memoria.canonical import canonical
from memoria.types import Memory

_NAMES = ("subject", "speaker", "session")


def digest(memory: Memory) -> bytes:
    """By what a memory is known again without its text: equal for memories of one identity."""
    identity = [*memory.namespace, None, canonical(memory.text), *_identity(memory).values()]
    return hashlib.blake2b(repr(identity).encode(), digest_size=16).digest()


def unlike(new: Memory, old: Memory, *, keyed: bool = False) -> list[str]:
    """Compares a memory to be with one of the same text.

    Args:
        new: what somebody wants to remember.
        old: what is there.
        keyed: whether they have one key, which is enough of a name for the same: then a subject, speaker or session
            that is not given differs from none.

    Returns:
        The names of the fields in which they are two memories: those of the identity that differ, and the others that
        were given, so that they are not the defaults, and differ.
    """
    ours, theirs = _identity(new), _identity(old)
    unsaid = {name for name in _NAMES if keyed and ours[name] is None}
    names = [name for name in ours if ours[name] != theirs[name] and name not in unsaid]
    given, there = _rest(new), _rest(old)
    return names + [name for name in given if given[name] not in (there[name], _DEFAULTS[name])]


def _identity(memory: Memory) -> dict[str, str | None]:
    origin = memory.provenance
    return {
        "subject": None if memory.subject is None else canonical(memory.subject),
        "speaker": origin.speaker,
        "session": origin.session,
        "valid_from": _when(memory.valid_from),
        "valid_to": _when(memory.valid_to),
    }


def _when(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat()


def _rest(memory: Memory) -> Mapping[str, Any]:
    origin = memory.provenance
    return {
        "kind": memory.kind,
        # What is judged differs from nothing.
        "salience": None if memory.judged else memory.salience,
        "tags": memory.tags,
        "metadata": dict(memory.metadata),
        "source": origin.source,
        "derived_from": origin.derived_from,
        "expires_at": _when(memory.expires_at),
        "visible_to": memory.visible_to,
    }


_DEFAULTS = _rest(Memory(id="", namespace=(), text="", created_at=datetime.min.replace(tzinfo=UTC), judged=True))

"""Lines of the ledger: what was done, when, to how many, as deterministic CBOR that is chained by hashes.

A line names its number, its store, and the hash of the line before with its signature. It holds counts, times and keyed
hashes, and no content, name or id.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from memoria.errors import InvalidInput
from memoria.proof.cose import CONTENT_TYPE, SUBJECT, decoded, encoded
from memoria.types import LedgerEntry
from memoria.version import __version__

VERSION = 1
GENESIS = bytes(32)
# So many ids stand in a line; of more, their number and their hash.
MOST_IDS = 1000
_ID_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIELDS = frozenset({"v", "store", "n", "prev", "at", "action", "ids", "count", "digest", "by", "reason", "facts"})


class Entered(NamedTuple):
    """One item of the chain.

    Attributes:
        line: a line, deterministic CBOR.
        statement: the COSE_Sign1 statement that signs it, with detached payload; None where a later one covers it.
    """

    line: bytes
    statement: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the ledger.

    Attributes:
        number: from 1.
        at: when.
        action: what was done: "erase", "prune", "hold", "release", "forget" (in spite of a hold), and others.
        ids: keyed hashes of the ids of the memories that it was about; of more than a thousand, none.
        count: how many they are.
        digest: SHA-256 of all these hashes, sorted and joined.
        facts: what else there is to it: keyed hashes, counts, the result of a verification.
        by: the software, with its version.
        store: id of the store, 16 bytes.
        previous: hash of the line before.
        reason: keyed hash of the reason; None where there is none.
    """

    number: int
    at: datetime
    action: str
    ids: tuple[str, ...]
    count: int
    digest: bytes
    facts: Mapping[str, Any] = field(default_factory=dict)
    by: str
    store: bytes
    previous: bytes
    reason: bytes | None = None

    @property
    def decided(self) -> bool:
        """Whether it is a decision, with a reason that is sealed in the store."""
        return self.reason is not None


def hash_of(link: Entered) -> bytes:
    """Hash of a line with its signature: what the next line names, and what a head is."""
    return hashlib.sha256(encoded([link.line, link.statement])).digest()


def keyed_id(key: bytes, id: str) -> bytes:
    """By which who has the store's key knows an id again: an id is to go with its memory."""
    return hmac.digest(key, b"receipt id\0" + id.encode(), "sha256")[:_ID_BYTES]


def digest_of(keyed: Iterable[bytes]) -> bytes:
    """SHA-256 of keyed ids, sorted and joined."""
    return hashlib.sha256(b"".join(sorted(keyed))).digest()


def reason_hash(key: bytes, number: int, reason: str) -> bytes:
    """By which who has the store's key knows a reason again, and nobody else guesses it."""
    return hmac.digest(key, b"reason\0%d\0" % number + reason.encode("utf-8", "surrogatepass"), "sha256")


def line_of(entry: LedgerEntry, number: int, previous: bytes, *, key: bytes, store: bytes, decided: bool) -> bytes:
    """The bytes of a line; decided: whether the reason is kept, so that the line vouches for it."""
    ids = [keyed_id(key, id) for id in entry.ids]
    said: dict[str, Any] = {
        "v": VERSION,
        "store": store,
        "n": number,
        "prev": previous,
        "at": (entry.at - _EPOCH) // timedelta(microseconds=1),
        "action": entry.action,
        "ids": ids if len(ids) <= MOST_IDS else [],
        "count": len(ids),
        "digest": digest_of(ids),
        "by": f"memoria {__version__}",
        "facts": dict(entry.facts),
    }
    if decided:
        said["reason"] = reason_hash(key, number, entry.reason)
    return encoded(said)


def parsed(data: bytes) -> Line:
    """A line taken apart; raises InvalidInput for what is none."""
    said = decoded(data, "the line")
    try:
        if not set(said) <= _FIELDS or said["v"] != VERSION:
            raise InvalidInput(f"the line is of version {said.get('v')!r}, not {VERSION}")
        return Line(
            number=int(said["n"]),
            at=_EPOCH + timedelta(microseconds=said["at"]),
            action=str(said["action"]),
            ids=tuple(id.hex() for id in said["ids"]),
            count=int(said["count"]),
            digest=bytes(said["digest"]),
            facts=said["facts"],
            by=str(said["by"]),
            store=bytes(said["store"]),
            previous=bytes(said["prev"]),
            reason=said.get("reason"),
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
        raise InvalidInput("the line is no line of a memoria ledger") from None


def words_of(entered: Iterable[Entered], method: str) -> bytes:
    """Words that lines and statements have whatever was remembered: names of fields, of actions, of methods, times."""
    said: list[Any] = [sorted(_FIELDS), method, f"memoria {__version__}", CONTENT_TYPE, SUBJECT, "urn:memoria:store:"]
    for line in (parsed(one.line) for one in entered):
        asked = line.facts.get("asked", {})
        said += [{"action": line.action}, list(line.facts), line.by, line.facts.get("method"), list(asked)]
        said += [asked.get(name) for name in ("kinds", "since", "until")]
        said += [list(line.facts.get("verification", {})), line.facts.get("guard"), line.facts.get("of")]
    return b"\n".join(encoded(one) for one in said)


def exported(keys: Sequence[bytes], links: Sequence[Entered]) -> bytes:
    """A ledger as one file. keys: public keys in the order in which they signed."""
    return encoded({"v": VERSION, "keys": list(keys), "lines": [[one.line, one.statement] for one in links]})


def imported(data: bytes) -> tuple[list[bytes], list[Entered]]:
    """The keys and lines of such a file; raises InvalidInput for what is none."""
    said = decoded(data, "the ledger")
    if not isinstance(said, dict) or set(said) != {"v", "keys", "lines"} or said["v"] != VERSION:
        raise InvalidInput(f"this is no exported ledger of version {VERSION}")
    try:
        links = [Entered(*one) for one in said["lines"]]
    except TypeError:
        raise InvalidInput(f"this is no exported ledger of version {VERSION}") from None
    keys = said["keys"]
    if not isinstance(keys, list) or not all(isinstance(key, bytes) for key in keys):
        raise InvalidInput(f"this is no exported ledger of version {VERSION}")
    return keys, links

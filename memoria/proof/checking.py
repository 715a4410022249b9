"""Verifies a chain of lines and receipts by a public key. docs/receipts.md has the same without memoria."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from memoria.errors import InvalidInput
from memoria.proof.chain import ROTATE
from memoria.proof.cose import is_genuine, opened
from memoria.proof.keys import key_id
from memoria.proof.lines import GENESIS, Entered, Line, hash_of, parsed


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCheck:
    """What a verification of a ledger found.

    Attributes:
        lines: how many lines were read.
        signed: the number of the last line that a signature covers.
        head: the last line as "number:hash"; keep it, and a ledger that is cut short later is found by it.
        keys: ids of the keys that signed, in their order.
        receipts: how many receipts were held against it.
        problems: each thing that is wrong, and where; empty when the ledger is what was written.
    """

    lines: int
    signed: int
    head: str
    keys: tuple[str, ...]
    receipts: int
    problems: tuple[str, ...]


def check_ledger(
    entered: Sequence[Entered],
    keys: Sequence[bytes],
    *,
    trusted: bytes | None = None,
    head: str | None = None,
    receipts: Sequence[bytes] = (),
) -> LedgerCheck:
    """Verifies every line, signature and receipt. keys: those that signed, in their order; trusted: one that the caller
    knows from elsewhere."""
    walk = _Walk(keys)
    problems = list(walk.over(entered))
    hashes = [hash_of(one) for one in entered]
    if trusted is not None and trusted not in walk.signers:
        problems.append(f"nothing is signed by the key {key_id(trusted).hex()[:16]}")
    if walk.signed != len(entered):
        problems.append(f"lines {walk.signed + 1} to {len(entered)} are not signed")
    problems += _wrong_head(hashes, head)
    for number, receipt in enumerate(receipts, 1):
        problems += [f"receipt {number}: {problem}" for problem in _wrong_receipt(receipt, entered, keys)]
    last = f"{len(entered)}:{hashes[-1].hex()}" if hashes else f"0:{GENESIS.hex()}"
    return LedgerCheck(
        lines=len(entered),
        signed=walk.signed,
        head=last,
        keys=tuple(key_id(key).hex() for key in keys),
        receipts=len(receipts),
        problems=tuple(problems),
    )


def check_receipt(receipt: bytes, keys: Sequence[bytes]) -> Line:
    """The line that a receipt states; raises InvalidInput when no key of `keys` signed it."""
    statement = opened(receipt)
    if statement.payload is None:
        raise InvalidInput("the receipt has no payload")
    line = parsed(statement.payload)
    if not any(is_genuine(statement, statement.payload, key, line.store) for key in keys):
        raise InvalidInput(f"the receipt is not signed by {', '.join(key_id(key).hex()[:16] for key in keys)}")
    return line


class _Walk:
    """Goes over lines in their order. signed: the last line that a signature covers."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self.signed = 0
        self.signers: set[bytes] = set()
        self._keys = list(keys)
        self._turn = 0
        self._previous = GENESIS
        self._store: bytes | None = None

    def over(self, entered: Sequence[Entered]) -> Iterator[str]:
        for number, one in enumerate(entered, 1):
            try:
                line = parsed(one.line)
                yield from (f"line {number}: {problem}" for problem in self._wrong(number, line, one))
            except InvalidInput as error:
                yield f"line {number}: {error}"
            self._previous = hash_of(one)
        if self._turn + 1 < len(self._keys):
            yield f"{len(self._keys) - self._turn - 1} keys that no line enters"

    def _wrong(self, number: int, line: Line, one: Entered) -> Iterator[str]:
        self._store = line.store if self._store is None else self._store
        if line.number != number:
            yield f"it says that it is line {line.number}"
        if line.previous != self._previous:
            yield "it does not follow the line before"
        if line.store != self._store:
            yield "it is of another store"
        key = self._keys[self._turn] if self._turn < len(self._keys) else b""
        if one.statement is not None:
            if is_genuine(opened(one.statement), one.line, key, self._store):
                self.signed = number
                self.signers.add(key)
            else:
                yield "its signature is not genuine"
        if line.action == ROTATE:
            self._turn += 1
            if one.statement is None:
                yield "a new key that the old one did not sign"
            if self._turn >= len(self._keys) or line.facts.get("key") != self._keys[self._turn]:
                yield "a new key that is not the next one"


def _wrong_head(hashes: Sequence[bytes], head: str | None) -> Iterator[str]:
    if head is None:
        return
    number, _, hash = head.partition(":")
    if not number.isdigit() or len(hash) != 2 * len(GENESIS):
        raise InvalidInput("a head is a number, a colon and 64 hexadecimal digits, as `memoria ledger head` prints it")
    if int(number) > len(hashes):
        yield f"lines {len(hashes) + 1} to {number} are missing"
    elif int(number) > 0 and hashes[int(number) - 1].hex() != hash.lower():
        yield f"line {number} is not the one whose head was kept"


def _wrong_receipt(receipt: bytes, entered: Sequence[Entered], keys: Sequence[bytes]) -> Iterator[str]:
    try:
        line, payload = check_receipt(receipt, keys), opened(receipt).payload
    except InvalidInput as error:
        yield str(error)
        return
    if not 0 < line.number <= len(entered):
        yield f"its line, {line.number}, is missing in the ledger"
    elif entered[line.number - 1].line != payload:
        yield f"line {line.number} of the ledger is another one"

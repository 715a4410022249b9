"""Signed statements: COSE_Sign1 (RFC 9052) with Ed25519, and the claims of RFC 9597 that SCITT asks for.

Written on cbor2 and cryptography alone. What is signed is one list of four values, so that a reader sees all of it; the
libraries for COSE, cwt and pycose, bring further packages (pyhpke; ecdsa and certvalidator) that every store would
carry. The tests read our statements with cwt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from memoria.errors import InvalidInput
from memoria.proof.keys import Signer, is_signature, key_id

CONTENT_TYPE = "application/vnd.memoria.ledger-line+cbor"
SUBJECT = "urn:memoria:ledger"
_ALG, _CONTENT_TYPE, _KID, _CWT_CLAIMS = 1, 3, 4, 15
_ISS, _SUB = 1, 2
_EDDSA = -8
_SIGN1 = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A signed statement, taken apart.

    kid: of the key that signed it. protected: the headers, as they were signed. payload: what is stated; None when it
    is detached. signature: 64 bytes.
    """

    kid: bytes
    protected: bytes
    payload: bytes | None
    signature: bytes


def issuer(store: bytes) -> str:
    """The name of a store in a statement."""
    return f"urn:memoria:store:{store.hex()}"


def encoded(value: Any) -> bytes:
    """Deterministic CBOR (RFC 8949, 4.2): one value has one form, so that bytes can be compared and hashed."""
    import cbor2

    return bytes(cbor2.dumps(value, canonical=True))


def decoded(data: bytes, what: str) -> Any:
    """The value of deterministic CBOR; raises InvalidInput for what is none, or has anything behind it."""
    import cbor2

    try:
        value = cbor2.loads(data)
        whole = encoded(value) == data
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError, MemoryError, AttributeError):
        whole = False
    if not whole:
        raise InvalidInput(f"{what} is not deterministic CBOR")
    return value


def signed(signer: Signer, payload: bytes, store: bytes, *, detached: bool = False) -> bytes:
    """The statement of a store about a payload; detached: without the payload, which is kept beside it."""
    import cbor2

    headers = protected(key_id(signer.public), store)
    signature = signer.sign(to_sign(headers, payload))
    return encoded(cbor2.CBORTag(_SIGN1, [headers, {}, None if detached else payload, signature]))


def protected(kid: bytes, store: bytes) -> bytes:
    """The signed headers: algorithm, type of the payload, key, and who says it of what."""
    return encoded(
        {_ALG: _EDDSA, _CONTENT_TYPE: CONTENT_TYPE, _KID: kid, _CWT_CLAIMS: {_ISS: issuer(store), _SUB: SUBJECT}}
    )


def to_sign(headers: bytes, payload: bytes) -> bytes:
    """Sig_structure of RFC 9052, 4.4."""
    return encoded(["Signature1", headers, b"", payload])


def opened(data: bytes) -> Statement:
    """A statement taken apart; raises InvalidInput for what is none of ours. Says nothing of whether it is genuine."""
    import cbor2

    value = decoded(data, "the statement")
    parts = value.value if isinstance(value, cbor2.CBORTag) and value.tag == _SIGN1 else None
    if not isinstance(parts, list) or len(parts) != 4 or parts[1] != {}:
        raise InvalidInput("the statement is no COSE_Sign1 of a memoria ledger")
    headers, _, payload, signature = parts
    said = decoded(headers, "the headers of the statement") if isinstance(headers, bytes) else None
    kid = said.get(_KID) if isinstance(said, dict) else None
    if not isinstance(kid, bytes) or not isinstance(signature, bytes) or not isinstance(payload, bytes | None):
        raise InvalidInput("the statement is no COSE_Sign1 of a memoria ledger")
    return Statement(kid=kid, protected=headers, payload=payload, signature=signature)


def is_genuine(statement: Statement, payload: bytes, public: bytes, store: bytes) -> bool:
    """Whether the owner of a key signed just this payload, for this store."""
    headers = protected(key_id(public), store)
    if statement.protected != headers or statement.payload not in (None, payload):
        return False
    return is_signature(public, statement.signature, to_sign(headers, payload))

"""Keys that sign: Ed25519 (RFC 8032), named by their COSE key thumbprint (RFC 9679)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from memoria.errors import InvalidInput

PUBLIC_BYTES = 32
_KTY, _CRV, _X = 1, -1, -2
_OKP, _ED25519 = 1, 6


@runtime_checkable
class Signer(Protocol):
    """Who signs a ledger: the key of the store, or one that never leaves an HSM or a KMS.

    Attributes:
        public: the public key, 32 bytes.
    """

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Signs a message by Ed25519.

        Args:
            message: what to sign.

        Returns:
            64 bytes.

        Raises:
            SignerUnavailable: it cannot be reached; lines are written unsigned then, and the next signature is over
                them as well.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A public key that signs, or signed, a ledger.

    Attributes:
        public: 32 bytes.
    """

    public: bytes

    @property
    def id(self) -> str:
        """The id by which statements name it: SHA-256 of its COSE_Key (RFC 9679), hexadecimal."""
        return key_id(self.public).hex()

    @property
    def pem(self) -> str:
        """SubjectPublicKeyInfo in PEM, as OpenSSL reads it."""
        return to_pem(self.public)

    @property
    def cose(self) -> bytes:
        """COSE_Key."""
        return cose_key(self.public)


class OwnKey:
    """A private key in RAM."""

    def __init__(self, seed: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._private.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)


def is_signature(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the owner of a public key signed a message."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def cose_key(public: bytes) -> bytes:
    """COSE_Key of a public key, in the form that its thumbprint is taken of."""
    import cbor2

    return bytes(cbor2.dumps({_KTY: _OKP, _CRV: _ED25519, _X: public}, canonical=True))


def key_id(public: bytes) -> bytes:
    """32 bytes by which a key is known."""
    return hashlib.sha256(cose_key(public)).digest()


def to_pem(public: bytes) -> str:
    """SubjectPublicKeyInfo, as OpenSSL reads it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = Ed25519PublicKey.from_public_bytes(public)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def from_pem(text: str) -> bytes:
    """The 32 bytes of a public key; raises InvalidInput for what is no Ed25519 key."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidInput("the key is no Ed25519 public key in PEM")
    return key.public_bytes_raw()


def check_signer(signer: object) -> Signer:
    """Returns the signer; raises InvalidInput for what is none."""
    public = getattr(signer, "public", None)
    if not callable(getattr(signer, "sign", None)) or not isinstance(public, bytes) or len(public) != PUBLIC_BYTES:
        raise InvalidInput(
            f"signer is {type(signer).__name__}: it needs sign(message) and public, the 32 bytes of an Ed25519 key"
        )
    return signer  # type: ignore[return-value]  # checked just above

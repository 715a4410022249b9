"""The time of a receipt by a time stamp authority (RFC 3161). Nothing is asked unless the caller names one."""

from __future__ import annotations

from datetime import datetime
from types import ModuleType
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from memoria.errors import InvalidInput, SignerUnavailable
from memoria.extras import extra

STAMP = ".tsr"
_WAIT = 30.0
_MOST = 1 << 20


def stamped(data: bytes, url: str) -> bytes:
    """The answer of an authority for these bytes, DER, as `openssl ts -verify` reads it.

    Raises InvalidInput for what is no address, and SignerUnavailable when nobody answers there, or grants nothing.
    """
    client = _client()
    if urlsplit(url).scheme not in ("http", "https"):
        raise InvalidInput("the address of a time stamp authority begins with http:// or https://")
    asked = client.TimestampRequestBuilder().data(data).hash_algorithm(client.HashAlgorithm.SHA256).build()
    request = Request(url, asked.as_bytes(), {"Content-Type": "application/timestamp-query"})
    try:
        with urlopen(request, timeout=_WAIT) as answer:
            found = bytes(answer.read(_MOST))
        if client.decode_timestamp_response(found).status != 0:
            raise SignerUnavailable("the time stamp authority does not grant it")
    except (URLError, OSError, ValueError) as error:
        raise SignerUnavailable(f"the time stamp authority gives no time stamp ({type(error).__name__})") from error
    return found


def check_stamp(data: bytes, stamp: bytes, roots: bytes) -> datetime:
    """When the authority saw these bytes; raises InvalidInput when it did not, or none of `roots` (PEM) vouches."""
    from cryptography.x509 import load_pem_x509_certificates

    client = _client()
    try:
        builder = client.VerifierBuilder()
        for root in load_pem_x509_certificates(roots):
            builder = builder.add_root_certificate(root)
        answer = client.decode_timestamp_response(stamp)
        builder.build().verify_message(answer, data)
    except (client.VerificationError, ValueError) as error:
        raise InvalidInput(f"the time stamp is not genuine ({error})") from None
    time: datetime = answer.tst_info.gen_time
    return time


def _client() -> ModuleType:
    with extra("receipts"):
        import rfc3161_client
    return rfc3161_client

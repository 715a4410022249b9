"""A receipt as a certificate of sanitisation: what NIST SP 800-88 Rev. 1 lists, as far as software knows it.

What only people can say stays empty, to be filled in: who answers for it, where the media are, what becomes of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from memoria.errors import InvalidInput
from memoria.proof.cose import opened
from memoria.proof.lines import Line, parsed
from memoria.types import Certificate

TO_FILL_IN = "(to be filled in)"


def certificate(receipt: bytes) -> Certificate:
    """The certificate of a signed receipt, which is not verified here; raises InvalidInput for what is no receipt."""
    statement = opened(receipt)
    if statement.payload is None:
        raise InvalidInput("the receipt has no payload")
    line = parsed(statement.payload)
    return Certificate(fields={**_media(line), **_done(line), **_signed(line, statement.kid)})


def _media(line: Line) -> dict[str, Any]:
    return {
        "manufacturer, model, serial number of the media": TO_FILL_IN,
        "media type": "files of a memoria store: single records of it, not the whole medium",
        "media source": f"store {line.store.hex()}",
        "records": f"{line.count} (SHA-256 of their keyed ids {line.digest.hex()})",
        "categorisation before": TO_FILL_IN,
    }


def _done(line: Line) -> dict[str, Any]:
    method = str(line.facts.get("method", "not said"))
    purge = method.startswith("cryptographic erase")
    return {
        "sanitisation method": "Purge" if purge else "Clear",
        "technique": f"Cryptographic Erase (CE): {method}" if purge else method,
        "tool and version": line.by,
        "verification": _verification(line.facts.get("verification")),
        "date": _written(line.at),
        "ledger line": line.number,
        "hash of the plan": _hex(line.facts.get("plan")),
    }


def _signed(line: Line, kid: bytes) -> dict[str, Any]:
    return {
        "signed by key": kid.hex(),
        "performed by: name, title, location, contact, signature": TO_FILL_IN,
        "verified by: name, title, location, contact, signature": TO_FILL_IN,
        "destination of the media": TO_FILL_IN,
    }


def _verification(found: object) -> str:
    if not isinstance(found, dict):
        return "none was asked for"
    return (
        f"full: {found['files']} files, {found['bytes']:,} bytes searched for {found['needles']} byte strings, "
        f"{found['checks']} questions to the store; found {found['found']}"
    )


def _hex(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else ""


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"

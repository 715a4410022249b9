"""Any name as a part of a namespace, and back; and keys that keep a record a record."""

from __future__ import annotations

import re
import secrets
from urllib.parse import unquote


def as_part(name: str) -> str:
    """`name` as one part of a namespace: without "/", which joins parts, and not blank. It never has a bare "%"."""
    part = re.sub("[%/]", lambda found: f"%{ord(found[0]):02X}", name)
    return part if part.strip() else "".join(f"%{byte:02X}" for byte in part.encode())


def from_part(part: str) -> str:
    """The name that `as_part` made a part of."""
    return unquote(part)


def record_key() -> str:
    """A random key. A memory with a key is stored even if it was just recalled, and never becomes part of a gist."""
    return secrets.token_hex(16)

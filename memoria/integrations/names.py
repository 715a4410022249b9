"""Any name as a part of a namespace, and back; and keys that keep a record a record."""

from __future__ import annotations

import re
import secrets
from urllib.parse import unquote


def as_part(name: str) -> str:
    """A part that stands for `name`: "/" joins parts, and a part of spaces is none. No name gives a bare "%"."""
    part = re.sub("[%/]", lambda found: f"%{ord(found[0]):02X}", name)
    return part if part.strip() else "".join(f"%{byte:02X}" for byte in part.encode())


def from_part(part: str) -> str:
    """The name that a part stands for."""
    return unquote(part)


def record_key() -> str:
    """A key of its own: what has one is stored even if it was just recalled, and no pass of sleep puts it in a gist."""
    return secrets.token_hex(16)

"""One value in a TOML file changed, and nothing else: comments, order and other tables stay."""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memoria.errors import InvalidInput


def with_value(text: str, table: Sequence[str], key: str, value: Any) -> str:
    """The text with the value of a key in a table, None for none; raises InvalidInput where it is written too freely.

    The result is read again: it must be what was there, with this one change.
    """
    wanted = _changed(tomllib.loads(text), table, key, value)
    lines = text.splitlines(keepends=True)
    first, last = _span(lines, table)
    if first is None:
        lines += [] if not lines or lines[-1].endswith("\n") else ["\n"]
        lines.append(f"\n[{'.'.join(table)}]\n")
        first = last = len(lines)
    at = next((at for at in range(first, last) if re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", lines[at])), None)
    new = [] if value is None else [f"{key} = {_written(value)}\n"]
    if at is not None:
        lines[at : at + 1] = new
    elif new:
        while last > first and not lines[last - 1].strip():
            last -= 1
        if last and not lines[last - 1].endswith("\n"):
            lines[last - 1] += "\n"
        lines[last:last] = new
    made = "".join(lines)
    if _read(made) != wanted:
        raise InvalidInput(f"{key} is written over several lines, or in another table, there: change it with an editor")
    return made


def _read(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _changed(tree: dict[str, Any], table: Sequence[str], key: str, value: Any) -> dict[str, Any]:
    inside = tree
    for name in table:
        inside = inside.setdefault(name, {})
    inside.pop(key, None)
    if value is not None:
        inside[key] = value
    return tree


def _span(lines: Sequence[str], table: Sequence[str]) -> tuple[int | None, int]:
    """The lines of a table, from its first to before the next; no first when it is not there."""
    heads = [at for at, line in enumerate(lines) if re.match(r"\s*\[", line)]
    if not table:
        return 0, heads[0] if heads else len(lines)
    head = next((at for at in heads if re.match(rf"\s*\[\s*{'[ .]+'.join(table)}\s*\]", lines[at])), None)
    if head is None:
        return None, len(lines)
    return head + 1, next((at for at in heads if at > head), len(lines))


def _written(value: Any) -> str:
    """A value as TOML writes it: strings as in JSON, and DEL, which JSON leaves as it is, escaped too."""
    if isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)


def replace(path: Path, text: str) -> None:
    """Writes a file whole or not at all, for the user alone; a link to it stays one. Raises InvalidInput."""
    there = path.resolve()
    try:
        there.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = there.stat().st_mode & 0o777 if there.exists() else 0o600
        handle, made = tempfile.mkstemp(dir=there.parent, prefix=f".{there.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(made, mode)
            os.replace(made, there)
        except BaseException:
            os.unlink(made)
            raise
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}") from None

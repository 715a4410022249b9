"""Memora's sessions as talks to learn from: what the user said, and which value each turn makes untrue.

Five personas may be learnt from; the others are for figures. The user supplies the files.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from memoria.learnt.grammar import Pair
from memoria.learnt.natural import Turn, natural, said_in
from memoria.protocols import Embedder, Progress

_SHORTEST = 4
# Of each persona, about so many pairs that change nothing.
PAIRS = 400


def learnable(folder: Path) -> list[str]:
    """The five personas that may be learnt from: the first ones by name."""
    personas = sorted({one["persona"] for one in _sessions(folder)})
    return personas[: len(personas) // 2]


def pairs(
    folder: Path, personas: Sequence[str], embedder: Embedder, seed: int, progress: Progress, count: int = PAIRS
) -> dict[str, list[Pair]]:
    """Natural pairs of each persona, about `count` of them that change nothing."""
    found = {}
    for done, name in enumerate(personas, 1):
        talk = turns([one for one in _sessions(folder) if one["persona"] == name])
        found[name] = natural(talk, embedder.embed([one.text for one in talk]), count, seed)
        progress("talks", done, len(personas))
    return found


def turns(sessions: Sequence[Mapping[str, Any]]) -> list[Turn]:
    """What the user said in some sessions."""
    found = []
    for session in sessions:
        old = list(_ended(session))
        for turn in session["conversation"]:
            text = str(turn["message"])
            if turn["speaker"].startswith("user") and text.strip():
                changes = turn["share_memory"] and session["operation"] in ("update", "delete")
                ended = tuple(value for value in old if changes and said_in(text, value))
                found.append(Turn(text=text, ended=ended, doubtful=changes and not ended))
    return found


def _sessions(folder: Path) -> list[Any]:
    with gzip.open(folder / "weekly_sessions.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def _ended(session: Mapping[str, Any]) -> Iterator[str]:
    """The values that a session makes untrue, in lower case; a number as people write it."""
    details = session["operation_details"] or {}
    item = details.get("item")
    values = [details.get("old_item") or item] if session["session_type"] == "preference" else []
    if session["operation"] == "delete" and isinstance(item, dict):
        values.append(item.get("description") or item.get("event_name"))
    for change in [*(details.get("memory_updates") or ()), *(details.get("memory_deletes") or ())]:
        values += [change.get(name) for name in ("updated_from", "reverted_from", "removed_item")]
    for value in values:
        if isinstance(value, int):
            yield f"{value:,}"
        elif isinstance(value, str) and len(value) >= _SHORTEST:
            yield value.casefold()

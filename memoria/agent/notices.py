"""What an agent says of the changes that a message made in earlier memories, and how the user takes them back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from memoria.agent.asked import Asked
from memoria.change.doubt import SURE
from memoria.engine.memory import Memoria
from memoria.errors import Held
from memoria.text.flat import flat
from memoria.types import Doubted, Memory

UNDO = 'say "no" to keep both'
"""How the user takes a change back, as it is said to them."""
_LONGEST = 80
_BEFORE = r"^\W*(?:(?:no|nope|nah|wait|sorry|actually|but|well)\b\W*)*"
_KEEPS = re.compile(
    _BEFORE
    + r"(?:both(?: of (?:them|those|these))? (?:are|is|were) (?:still |equally )?(?:true|right|correct|so|valid)"
    r"|both(?: of (?:them|those|these))? (?:still )?(?:hold|stand|apply|count)"
    r"|(?:please )?keep (?:them |those )?both(?: of (?:them|those))?"
    r"|(?:it|that|this|the (?:first|old|older|other|earlier) (?:one|fact)) (?:is|was) (?:still|also) (?:true|right|so)"
    r"|(?:it|that|the (?:first|old|older|other|earlier) (?:one|fact)) still (?:holds|stands|applies|counts)"
    r"|(?:please )?(?:undo|take) (?:that|it)(?: back)?)\W*(?:please\W*)?$",
    re.I,
)
_NO = re.compile(r"^\W*(?:no|nope|nah|no,? thanks?)\W*$", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One change that a message made, in plain words.

    Attributes:
        what: what was done with the earlier memory: it ranks lower, has ended, lost a part, is asked about, or stands
            again; "erased": what the user asked to forget is gone, and kept out.
        memory: its id; of what is erased, that of the standing order.
        by: id of the statement; of what is kept, the one that had changed it; of what is erased, "".
        left: id of what is left of what was shortened; None for the others.
        odds: of what is lowered or asked about, the log-odds that it is untrue; None for the others.
        text: a sentence that says so, as the agent would.
    """

    what: Literal["lowered", "ended", "shortened", "asked", "kept", "erased"]
    memory: str
    by: str
    left: str | None = None
    odds: float | None = None
    text: str


def notices(memory: Memoria, heard: Memory, declined: Sequence[Asked]) -> tuple[Notice, ...]:
    """What a message changed, or asks about. declined: what the user was asked and has not agreed to."""
    asked = {one.id for some in declined if some.tool == "settle" for one in some}
    return tuple(_notice(one, asked) for one in settled_by(memory, heard.id))


def settled_by(memory: Memoria, statement: str) -> list[Doubted]:
    """What a statement, or what is left of it, has settled about earlier memories."""
    rests = {one.id for one in memory.history(statement) if one.provenance.derived_from == (statement,)}
    found = {(one.memory.id, one.by.id): one for id in (statement, *rests) for one in memory.doubts(id)}
    return [one for one in found.values() if one.by.id in {statement, *rests}]


def kept(memory: Memoria, text: str, window: Sequence[Memory], user: str) -> tuple[Notice, ...]:
    """Takes back what the user's last message settled, when this one says that both are true.

    window: the latest turns, oldest first. A bare "no" is the answer to a question when the last turn asks one.
    """
    if not (_KEEPS.match(text) or (_NO.match(text) and window and not window[-1].text.rstrip().endswith("?"))):
        return ()
    last = next((one for one in reversed(window) if one.provenance.speaker == user and one.id), None)
    return () if last is None else tuple(_taken_back(memory, last))


def _taken_back(memory: Memoria, said: Memory) -> Iterator[Notice]:
    for one in settled_by(memory, said.id):
        try:
            memory.settle(one.memory, keep=True, by=one.by)
        except Held:  # what is left of it may not end
            continue
        text = f"I keep both: {_short(one.memory)} and {_short(one.by)}."
        yield Notice(what="kept", memory=one.memory.id, by=one.by.id, text=text)


def _notice(one: Doubted, asked: set[str]) -> Notice:
    old, new = _short(one.memory), _short(one.by)
    left = None if one.left is None else one.left.id
    if one.outcome == "lowered" and one.memory.id in asked:
        text = f"Does {old} still hold, now that you say {new}?"
        return Notice(what="asked", memory=one.memory.id, by=one.by.id, odds=one.odds, text=text)
    if one.outcome == "lowered":
        how = "probably" if (one.odds or 0) >= SURE else "perhaps"
        text = f"I now take {old} as {how} replaced by {new}."
    elif one.left is None:
        text = f"I now take {old} as replaced by {new}."
    else:
        text = f"Of {old} I now keep {_short(one.left)}, because of {new}."
    return Notice(what=one.outcome, memory=one.memory.id, by=one.by.id, left=left, odds=one.odds, text=text)


def _short(memory: Memory) -> str:
    """A text on one line, between quotation marks, cut where it is long."""
    said = flat(memory.text)
    said = said if len(said) <= _LONGEST else said[: _LONGEST - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
    return f'"{said}"'

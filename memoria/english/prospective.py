"""What an English text asks to be remembered, or says that must not be lost. Patterns over text only, no model.

Prospective memory is remembering to do something later (Einstein and McDaniel, Normal aging and prospective memory,
Journal of Experimental Psychology: Learning, Memory, and Cognition 16, 1990). Six kinds of statement call for it: a
request to remember (reminders.py), an appointment, a deadline, a promise (engagements.py), what endangers somebody, and
what identifies somebody (vital.py). A text is read unit by unit (sentences.py). Questions, suppositions, what is past,
denied, called off or somebody else's words, and good wishes in the form of a request ("don't forget to smile"), are
none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from memoria.english.engagements import engaged
from memoria.english.reminders import requested
from memoria.english.sentences import plain, units
from memoria.english.vital import endangers, identifies
from memoria.english.voice import unpasted
from memoria.text import numeric, phrases
from memoria.text.calendar import Days

Prospective = Literal["request", "appointment", "deadline", "promise", "safety", "identity"]
"""Kinds of statement that must not be lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """One unit of a text that must not be lost.

    Attributes:
        kind: why.
        until: the last day it is about, in the speaker's calendar; None where no day to come is named.
    """

    kind: Prospective
    until: date | None = None


# Somebody else's words, or a tale.
_REPORTED = re.compile(
    r"\b(?:film|movie|novel|poem|lyrics|song|series|video game|dream|textbook|article|study|advert|poster|character"
    r"|hero"
    r"|headline|legend|myth)\b|\bas they say\b|\bin (?:the|a|this) (?:game|book|story)\b|\bI read that\b"
    r"|\bused to say\b"
    r"|\b(?:teacher|sign|mum|mom|dad|grandma|grandpa|he|she|they|people|the \w+)(?: always| often)?"
    r" (?:sa(?:id|y|ys)|told people|reads|goes)\b ?[:,\"]",
    re.I,
)
_QUOTED = re.compile(r'"[^"]*"')
_MARKS = re.compile(r"\"|'{2,}|(?<!\w)'(?=\s)")
# Between quotation marks, so many spaces make somebody's sentence: fewer make a title, or a value.
_SPACES = 2
LONGEST = 8_000
"""Characters of the longest text that is read: a longer one is a document, and no statement."""
# What is to be written is no statement.
_TASK = re.compile(
    r"\W*(?:please |can you |could you )?(?:(?:write|draft|compose)\b(?! (?:this |that |it )?down\b)|translate\b"
    r"|proofread\b"
    r"|paraphrase\b|rephrase\b|rewrite\b|reword\b|summari[sz]e\b)",
    re.I,
)
# A question that was typed without its mark.
_WONDERS = re.compile(r"\W*(?:what|when|where|who|whose|which|why|how)(?:'s)? (?:(?!about)[^.!]|\.(?=\w))+$", re.I)
_ASKING = re.compile(r"\b(?:can|could|would|will) you\b", re.I)
# Read as "in": what is to be done within two weeks may be done until then.
_WITHIN = re.compile(r"\bwithin\b", re.I)


def prospects(text: str, on: date | None, *, day_first: bool = False) -> list[Prospect]:
    """What in a text must not be lost, in its order.

    Args:
        text: what was said; what is not in English has none, except where its words look alike.
        on: the day on which it was said, in the speaker's calendar; None if nobody knows: then no day is to come.
        day_first: whether 5/8/2023 is in August.

    Returns:
        One for each unit that asks to be remembered or must not be lost; of several kinds the first that fits.
    """
    if len(text) > LONGEST or _TASK.match(text):
        return []
    said = _QUOTED.sub(_silent, plain(unpasted(text)))
    # Marks that stand alone, and runs of spaces, say nothing, and finding sentences among thousands of them takes long.
    lines = (" ".join(line.split()) for line in _MARKS.sub(" ", said).splitlines())
    found = (_prospect(unit.strip(), on, day_first=day_first) for line in lines for unit in units(line))
    return [one for one in found if one is not None]


def _silent(quote: re.Match[str]) -> str:
    return quote.group() if quote.group().count(" ") < _SPACES else " "


def _prospect(unit: str, on: date | None, *, day_first: bool) -> Prospect | None:
    asks = unit.rstrip("\"') ").endswith("?") or _WONDERS.match(unit) is not None
    if asks and not _ASKING.search(unit):
        return None
    coming: list[Days] = []
    kind: Prospective | None = "request" if requested(unit) else None
    if kind is None and not asks:
        kind = "safety" if endangers(unit) else None
    if on is not None and kind != "safety":
        coming = _coming(unit, on, day_first=day_first)
    if kind is None and not asks:
        kind = next(engaged(unit, on, coming), None) or ("identity" if identifies(unit) else None)
    if kind is None or _REPORTED.search(unit):
        return None
    return Prospect(kind=kind, until=None if kind == "identity" else min((last for _, last in coming), default=None))


def _coming(unit: str, on: date, *, day_first: bool) -> list[Days]:
    """The days that a unit names which are not over; a weekday or a date without a year is the next one."""
    unit = _WITHIN.sub("in", unit)
    found = [*numeric.found(unit, on, day_first=day_first), *phrases.found(unit, on, ahead=True)]
    return [some for _, some in found if some[1] >= on]

"""Whose word a text is: said by its speaker as true now, or asked, supposed, reported, quoted, or in another language.

Read unit by unit (sentences.py). Only what is said as true now may end what was said before; what is reported or quoted
may make it doubtful; what is asked or only supposed changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from memoria.english.sentences import content, units
from memoria.text.language import ENGLISH, language, languages


class Voice(IntEnum):
    """How far the speaker stands behind what is said, from nothing to everything."""

    NOTHING = 0
    REPORTED = 1
    OWN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a text says as true now, and how.

    Attributes:
        text: these units of it; "" for none.
        voice: `OWN` when the speaker stands behind them; `REPORTED` for somebody else's words.
        why: in plain words, why it is not their own; "" when it is.
    """

    text: str
    voice: Voice
    why: str = ""


_OPEN, _SHUT = '"\u201c\u00ab\u201e', '"\u201d\u00bb\u201c'
# Four words and more between quotation marks are somebody's sentence; fewer are a title, or a value.
# Each word can be read in one way only: a mark that nothing closes must not take for ever.
_QUOTE = re.compile(rf"[{_OPEN}](?:[^{_OPEN}{_SHUT}\s]*\s){{3}}[^{_OPEN}{_SHUT}]*[{_SHUT}]")
_SINGLE = re.compile(r"(?<!\w)'(?:(?:[^'\s]|(?<=\w)'(?=\w))*\s){2}(?:[^'\n]|(?<=\w)'(?=\w))*'(?!\w)")
# Before the name of an item of a list, or of a value.
_NAMES = re.compile(
    r"\b(?:remove|delete|take|cross|check|tick|drop|strike|cancel|erase|scratch|scrap|discard|update|change|rename"
    r"|replace|move)(?:ing|d|s)?(?: off| out)? ?(?:the |my |our |both )?(?:[\w-]+ ){0,2}$",
    re.I,
)
# Before what somebody said or wrote; any other quotation is the name of something.
_SPOKEN = re.compile(
    r"(?:^|[.!?:]|\b(?:says?|said|told|tells|wrote|writes|asked|asks|replied|answered|texted|claims?|quote|heard|thinks?)"
    r"\b[^.!?\"']{0,24}[,:]?)\s*$",
    re.I,
)
_FIRST_PERSON = re.compile(r"\b(?:I|I'm|I've|my|we|our)\b", re.I)
_LINES = re.compile(r"^[ \t]*(?:>|\|).*$|```.*?(?:```|\Z)", re.M | re.S)
# From here on, a text is a letter or a page that was pasted, or what a task is about.
_PASTED = re.compile(
    r"^(?:from|to|subject|sent|date|re|fwd?|begin forwarded message)\s*:.*|^-+ ?(?:original|forwarded) message.*"
    r"|^on .+ wrote:.*|^dear [A-Z]\w+.*"
    r"|\b(?:translat\w+|proofread|paraphras\w+|rephras\w+|summari[sz]e|rewrite|reword|correct the (?:grammar|spelling))"
    r"\b[^.?!\n]*[:\n].*",
    re.I | re.M | re.S,
)
_TASK = re.compile(
    r"\b(?:translat\w+|proofread|paraphras\w+|rephras\w+|rewrite|reword|say in [A-Z]\w+"
    r"|how (?:do|would) (?:you|I) say)\b"
    r"|^\W*(?:please |can you |could you )?(?:write|draft|compose) (?:me |us )?"
    r"(?:an?|the|some|my|this|another|\w+ lines) .*\b(?:story|poem|novel|scene|dialogue|song"
    r"|lyrics|letter|e-?mail|message|tweet|post|script|example|sentence)\b"
    r"|\b(?:in|for) (?:my|the|a) (?:novel|story|book|game|play|film|movie|dream|role-?play)\b",
    re.I,
)
_REPORTED = re.compile(
    r"\b(?!I\b|[Ww]e\b)[\w'.-]+(?: [\w'.-]+)?,? (?:also |just |always |once |has |had |have |now )*"
    r"(?:says?|said|tells|told|claims?|claimed|thinks?|thought|believes?|believed|writes|wrote|mentions|mentioned"
    r"|heard|report(?:s|ed) that|announced|insists?|insisted|swears?|suspects?|guess(?:es|ed)|read)\b"
    r"(?! (?:goodbye|yes|no|hello|hi)\b)"
    r"|\bI(?:'ve| have)? (?:just )?(?:heard|read|was told|am told|saw (?:somewhere|online|that))\b"
    r"|\baccording to\b|\bapparently\b|\ballegedly\b|\brumou?rs?\b|\bsupposedly\b|\bmeans? in \w+\b",
    re.I,
)
_SUPPOSED = re.compile(
    r"\b(?:if|unless|whether|suppos(?:e|ing)|imagine|assum(?:e|ing)|pretend|hypothetical(?:ly)?|what if|might"
    r"|may(?! \d)|maybe|perhaps|I wish|wished|wondering|thinking (?:of|about)|thought (?:of|about)"
    r"|consider(?:s|ed|ing)?|tempted|(?:would|could) (?:be|have|love|like|move|take|go|become|work|live)"
    r"|should (?:have|move|take|go|become|work|live)"
    r"|hop(?:e|es|ing) (?:to|that)|(?:almost|nearly) (?:\w+ed|bought|sold|went|left|quit|took|became)"
    r"|dream(?:s|ing)? of|plan(?:s|ning)? (?:to|on)|want(?:s|ed)? to"
    r"|going to|gonna|about to|one day|someday|I'll|we'll|will (?:be|move|have|become|start)|as if|as though"
    r"|let's say)\b",
    re.I,
)
_MAY_MONTH = re.compile(r"\bMay\b")
_ASKS = re.compile(
    r"\?[\"')\u201d]*\s*$|^\W*(?:and |so |but |also |ok |hey )*(?:what|when|where|who|whose|whom|which|why|how|is|are"
    r"|was|were|do|does|did|can|could|would|will|should|has|have|had|am|remind me|tell me|do you know|any idea)\b"
    r"(?=.*(?:\?|$))",
    re.I,
)
# A request is a command in the form of a question or a wish.
_REQUEST = re.compile(
    r"^\W*(?:(?:yes|ok|okay|hey|hi|and|also|so|please|then|now|actually)\W+)*"
    r"(?:(?:can|could|would|will) you|I(?:'d| would)? (?:like|want|need)(?:ed)?(?: you)? to|let's"
    r"|you (?:can|could|may)) (?:please |just |also |now |go ahead and )*"
    r"(?:remove|delete|take|cross|check|tick|drop|strike|cancel|erase|scratch|scrap|discard|forget)\b",
    re.I,
)
_CHANGED = re.compile(r"\bI (?:\w+ )?used to\b", re.I)
_STATES = re.compile(r"^\W*(?:will|have|had|do|can|may) ", re.I)


def said(text: str) -> Said:
    """What of a text is said as true now.

    Args:
        text: a statement, in any language.

    Returns:
        The speaker's own units; where there are none, what they report or quote; else nothing.
    """
    if _TASK.search(text.split("\n")[0]) is not None:
        return Said(text="", voice=Voice.NOTHING, why="it is an example or a task")
    bare = _PASTED.sub(" ", _LINES.sub(" ", text))
    pasted = bare != text
    items: list[str] = []
    spoken = bare
    for quotes in (_QUOTE, _SINGLE):
        spoken = quotes.sub(lambda quote: _quoted(quote, items), spoken)
    parts = [unit for unit in units(spoken) if content(unit)]
    told = [unit for unit in parts if _own(unit) or not (_asks(unit) or _supposes(unit))]
    own = [unit for unit in told if (_own(unit) or not _REPORTED.search(unit)) and "\u2026" not in unit]
    if own:
        return Said(text=_with_items("".join(own), items), voice=Voice.OWN)
    if told or pasted:
        quoted = pasted or any("\u2026" in unit for unit in told)
        why = "it is quoted" if quoted else "it is reported"
        return Said(text=text if quoted else _with_items("".join(told), items), voice=Voice.REPORTED, why=why)
    return Said(text="", voice=Voice.NOTHING, why="it is asked or supposed")


def _quoted(quote: re.Match[str], items: list[str]) -> str:
    """What stands for a quotation while a text is read: an ellipsis for speech, a mark for the name of something."""
    before = quote.string[: quote.start()]
    if not _NAMES.search(before) and (_SPOKEN.search(before) or _FIRST_PERSON.search(quote.group())):
        return " \u2026 "
    items.append(quote.group())
    return f"\ue000{len(items) - 1}\ue001"


def _with_items(text: str, items: Sequence[str]) -> str:
    return re.sub("\ue000(\\d+)\ue001", lambda mark: items[int(mark.group(1))], text).strip()


def asks(text: str) -> bool:
    """Whether a text only asks: every unit of it is a question."""
    parts = [unit for unit in units(text) if unit.strip()]
    return bool(parts) and all(_asks(unit) for unit in parts)


def english(text: str, *, sure: bool = False) -> bool:
    """Whether a text is in English, or may be; sure: only where its words tell."""
    found = language(text)
    return found == ENGLISH or (not sure and found is None and ENGLISH in languages(text))


def _own(unit: str) -> bool:
    """Whether a unit is a request, or says how the speaker's mind has changed, whatever else is in it."""
    return _REQUEST.match(unit) is not None or _CHANGED.search(unit) is not None


def _supposes(unit: str) -> bool:
    return _SUPPOSED.search(_MAY_MONTH.sub("5th", unit)) is not None


def _asks(unit: str) -> bool:
    bare = unit.strip()
    if bare.endswith("?") or re.search(r"\?[\"')\u201d]*$", bare):
        return True
    return _ASKS.search(bare) is not None and _STATES.match(bare) is None and not bare.endswith((".", "!"))

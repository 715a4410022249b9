"""Whose word a text is: said by its speaker as true now, or asked, supposed, reported, quoted, or in another language.

Read unit by unit (sentences.py). Only what is said as true now may end what was said before; what is reported or quoted
may make it doubtful; what is asked or only supposed changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import partial

from memoria.english.sentences import content, plain, units
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
# Quotation marks with what is between them, and how many spaces make it somebody's sentence: fewer make a title, or a
# value. They are counted afterwards: a pattern that counts them takes forever where a mark is never closed.
_QUOTES = (
    (re.compile(rf"[{_OPEN}][^{_OPEN}{_SHUT}]*[{_SHUT}]"), 3),
    (re.compile(r"(?<!\w)'(?:[^'\n]|(?<=\w)'(?=\w))*'(?!\w)"), 2),
)
# Before the name of an item of a list, or of a value.
_NAMES = re.compile(
    r"\b(?:remove|delete|take|cross|check|tick|drop|strike|cancel|erase|scratch|scrap|discard|update|change|rename"
    r"|replace|move)(?:ing|d|s)?(?: off| out)? ?(?:the |my |our |both )?(?:[\w-]+ ){0,2}$",
    re.I,
)
# Before what somebody said or wrote; any other quotation is the name of something.
_SPOKEN = re.compile(
    r"(?:^|[.!?:]|\b(?:says?|said|told|tells|wrote|writes|asked|asks|replied|answered|texted|claims?|quote|heard|thinks?|reads?|goes|posted"
    r"|headline|line|sign|song|message|letter|poster|flyer|leaflet|motto)\b[^.!?\"']{0,24}[,:]?)\s*$",
    re.I,
)
# What stands for somebody's speech while a text is read.
_SPEECH = "\ue002"
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
    r"\b(?:if|unless|whether|suppos(?:e|ing)|imagine|(?<!from now on )assum(?:e|ing)|pretend|hypothetical(?:ly)?"
    r"|what if|might|may(?! \d)|maybe|perhaps|wish(?:es|ed)?(?! for\b)|wonder(?:s|ed|ing)|thinking (?:of|about)"
    r"|thought (?:of|about)|consider(?:s|ed|ing)?|tempted|(?:would|could) (?:be|have|love|like|move|take|go|become|work"
    r"|live)|I(?:'d| would) rather|should (?:have|move|take|go|become|work|live)|hop(?:e|es|ing) (?:to|that)"
    r"|(?:almost|nearly) (?:\w+ed|began|bought|sold|went|left|quit|took|became)"
    r"|dream(?:s|t|ed|ing)? (?:of|that|about)|in (?:my|a) dream|in another life|one day|someday|as if|as though"
    r"|let's say(?! [^,]+,)|who knows|nothing is (?:decided|certain|settled)|there is talk of|had I \w+ed"
    r"|(?:I|we|he|she|they|it) could(?! not|n't)|could be|with some luck|not (?:yet )?(?:sure|decided))\b"
    r"|^\W*should\b|(?<!\bI )(?<!\bwe )\bshould [^.!?]{1,60} ever\b",
    re.I,
)
_PLANNED = re.compile(
    r"\b(?:plan(?:s|ning)? (?:to|on)|want(?:s|ed)? to|going to(?! (?:bed|work|school|the|a|an|my|our)\b)|gonna"
    r"|about to|I'll|we'll|will (?:be|move|have|become|start))\b",
    re.I,
)
# With one of these, what is planned is agreed, and takes the place of what was agreed before.
_AGREED = re.compile(
    r"\b(?:instead|after all|from now on|no longer|any ?more|not any longer|in future|(?:earlier|later) than"
    r"|(?:as (?:of|from)|from|starting|beginning|since) (?:now|today|tomorrow|next|this|the|[A-Z]\w+)|this time)\b",
    re.I,
)
# Politeness at the end of what is said.
_POLITE = re.compile(r",? if (?:you (?:need|want|like|must|will|ask|can believe|don't mind)|that helps)\b[^,]*$", re.I)
# An exclamation in the form of a question, after what is said.
_TAG = re.compile(
    r"(?:,|\s[-\u2013\u2014]|\.\.\.|\u2026)\s*(?:isn't (?:that|it|this) (?:just |so |really )?(?!on\b|in\b|at\b)\w+"
    r"|(?:can|would|could) you believe (?:it|that)|who(?:'d| would) have (?:thought|guessed)(?: (?:it|that))?|you know"
    r"|(?:how|what) about that|what do you (?:think|say)(?: (?:of|about|to) that)?|don't you think|huh|eh|guess what"
    r"|is (?:that|it) (?:ok|okay|all ?right|fine)(?: with you)?|ok(?:ay)?|all right|see)\s*\?+[!?]*[\"')\u201d]*\s*$",
    re.I,
)
_MAY_MONTH = re.compile(r"\bMay\b")
_OPENS = re.compile(
    r"^\W*(?:and |so |but |also |ok |hey )*(?:what|when|where|who|whose|whom|which|why|how|is|are"
    r"|was|were|do|does|did|can|could|would|will|should|has|have|had|am|remind me|tell me|do you know|any idea)\b",
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
    if _is_task(text):
        return Said(text="", voice=Voice.NOTHING, why="it is an example or a task")
    told, items, pasted = _told(text)
    own = [unit for unit in told if (_own(unit) or not _REPORTED.search(unit)) and _SPEECH not in unit]
    if own:
        return Said(text=_with_items("".join(own), items), voice=Voice.OWN)
    if told or pasted:
        quoted = pasted or any(_SPEECH in unit for unit in told)
        why = "it is quoted" if quoted else "it is reported"
        return Said(text=text if quoted else _with_items("".join(told), items), voice=Voice.REPORTED, why=why)
    return Said(text="", voice=Voice.NOTHING, why="it is asked or supposed")


def asserts(text: str) -> bool:
    """Whether any unit of a text says that something is so: it is no question, no supposition, and no quotation alone.

    What is reported or pasted says so too.
    """
    if _is_task(text):
        return False
    told, _, pasted = _told(text)
    return pasted or any(_SPEECH not in unit for unit in told)


def _is_task(text: str) -> bool:
    return _TASK.search(text.split("\n")[0]) is not None


def unpasted(text: str) -> str:
    """A text without quoted lines, and without the letter, page or passage that was pasted into it."""
    return _PASTED.sub(" ", _LINES.sub(" ", text))


def _told(text: str) -> tuple[list[str], list[str], bool]:
    """The units of a text that neither ask nor suppose, what its marks stand for, and whether some of it was pasted."""
    bare = unpasted(text)
    items: list[str] = []
    spoken = bare
    for quotes, spaces in _QUOTES:
        spoken = quotes.sub(partial(_quoted, spaces, items), spoken)
    parts = [unit for unit in units(spoken) if content(unit) or _SPEECH in unit]
    return [unit for unit in parts if _own(unit) or not (_asks(unit) or _supposes(unit))], items, bare != text


def _quoted(spaces: int, items: list[str], quote: re.Match[str]) -> str:
    """What stands for a quotation while a text is read: one mark for speech, another for the name of something.

    One with fewer spaces stays as it is.
    """
    if len(re.findall(r"\s", quote.group())) < spaces:
        return quote.group()
    before = quote.string[: quote.start()]
    if not _NAMES.search(before) and (_SPOKEN.search(before) or _FIRST_PERSON.search(quote.group())):
        return f" {_SPEECH} "
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
    bare = _POLITE.sub("", _MAY_MONTH.sub("5th", plain(unit)).rstrip(" \n.!"))
    if _SUPPOSED.search(bare) is not None:
        return True
    return _PLANNED.search(bare) is not None and _AGREED.search(bare) is None


def _asks(unit: str) -> bool:
    bare = plain(unit).strip()
    if (rest := _TAG.sub("", bare)) != bare:
        return _opens(rest)
    if bare.endswith("?") or re.search(r"\?[\"')]*$", bare):
        return True
    return _opens(bare) and not bare.endswith((".", "!"))


def _opens(bare: str) -> bool:
    """Whether a unit begins as a question does."""
    return _OPENS.search(bare) is not None and _STATES.match(bare) is None

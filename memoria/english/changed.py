"""Whether a statement says that something is not as it was. Grammar and attitude only, never things.

Most statements add to what is known. One that speaks of a change makes something untrue far more often, whatever it is:
that is evidence beside a judge's, who reads only the two sentences.
"""

from __future__ import annotations

import re

from memoria.english.sentences import content, units

_FOR_GOOD = (
    r"(?<!\bam )(?<!\bis )(?<!\bare )(?<!'m )(?<!'re )(?<!get )(?<!got )(?<!getting )\bused to\b(?! (?:it|this|that)\b)"
    r"|\bno longer\b|\bany ?more\b|\bnot (?:as|so) (?:\w+ )?(?:much|keen|into|fond|interested|drawn|sure about)\b"
    r"|\bchanged? (?:my|our) minds?\b"
)
_TURNED = (
    r"\b(?:tastes?|preferences?|interests?|opinions?|views?|habits?|plans?|mind|music|feelings?) (?:\w+ )?"
    r"(?:has|have|had|'s|'ve) (?:\w+ )?(?:changed|shifted|evolved|moved on|turned)\b"
    r"|\b(?:gone|went|going|cooled|soured) off\b|\b(?:moved|moving) on from\b|\b(?:grown|grew|growing) out of\b"
    r"|\boutgr(?:ew|own)\b|\blost (?:\w+ )?(?:interest|(?:its|their|his|her) (?:\w+ )?(?:appeal|charm|magic|spark))\b"
    r"|\b(?:grown|grew|growing|come|came|learned|started|starting|begun|beginning) to "
    r"(?:really |actually )?(?:like|love|enjoy|appreciate|dislike|hate|prefer)\b"
    r"|\b(?:started|begun|stopped|quit) (?:really |actually )?(?:liking|loving|enjoying|appreciating|caring)\b"
    r"|\b(?:grown|growing|grew) on me\b|\bcome around (?:to|on)\b|\bwarmed (?:up )?to\b"
)
_INSTEAD = (
    r"\b(?:instead of|rather than|in place of)\b"
    r"|\b(?:but|and|though|so|until) (?:now|lately|these days|nowadays|recently)\b"
    r"|\b(?:switched|swapped|traded|moved|changed|updated|reverted?|rescheduled|postponed|pushed|renamed|raised|lowered"
    r"|increased|reduced|replaced|corrected|revert|update|change|switch|move|replace)\b.*\b(?:to|from|for|by|with)\b"
)
_DONE = (
    r"\b(?:finished|completed|wrapped up|done with|took care of|got around to|cancel(?:l)?ed|called off)\b"
    r"|\b(?:is|are|am|'s|'m|all|been) (?:\w+ )?(?:done|finished|complete)\b|\bstopped \w+ing\b"
    r"|(?<!n't )(?<!not )(?<!never )(?<!ever )(?<!to )\b(?:quit|gave up|given up)\b"
)
_CHANGED = re.compile("|".join((_FOR_GOOD, _TURNED, _INSTEAD, _DONE)), re.I | re.S)
_ADDS = re.compile(
    r"\b(?:add|append)\b.*\b(?:to|on|onto) (?:the|my|our|your|a|this|that)\b|\b(?:to|also|please|and) include\b",
    re.I | re.S,
)


def adds(text: str) -> bool:
    """Whether all that a text says is to put something beside what is there: nothing becomes untrue by that."""
    parts = [unit for unit in units(text) if content(unit)]
    return bool(parts) and all(_ADDS.search(unit) for unit in parts)


def says_changed(text: str) -> bool:
    """Whether a text says that something has changed, has ended or is done, in English."""
    return _CHANGED.search(text) is not None

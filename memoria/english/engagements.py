"""Appointments, deadlines and promises in an English sentence, from its words and the days to come that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Literal

from memoria.text.calendar import Days
from memoria.text.needed import Sought

Engagement = Literal["appointment", "deadline", "promise"]
_OCLOCK = r"(?:1[0-2]|[1-9])"
_CLOCK = re.compile(
    r"\b(?:[01]?\d|2[0-3])[:.][0-5]\d\b(?!\.\d)"
    rf"|\b{_OCLOCK} ?(?:am|pm|a\.m\.|p\.m\.|o'?clock)(?!\w)"
    r"|\b(?:at|from|until|till|by|before|after|between) (?:about |around )?(?:noon|midnight|midday|half past"
    rf"|quarter (?:past|to)|{_OCLOCK}\b(?! ?(?:%|\w*s\b))|one|two|three|four|five|six|seven|eight|nine|ten|eleven"
    rf"|twelve)\b"
    r"|\b(?:half past|quarter (?:past|to)) \w+",
    re.I,
)
_EVENT = Sought(
    r"\b(?:appointments?|meetings?|interviews?|exams?|tests?|flights?|trains?|bus|coach|ferry|dentist|doctor|gp"
    r"|optician|vet"
    r"|surgery|operation|scan|ultrasound|x-?ray|mri|check-?ups?|sessions?|physio|therapy|chemo|treatment"
    r"|class(?:es)?|lessons?"
    r"|lecture|seminar|talk|speech|recital|play|concert|opera|gig|match|game|race|marathon|tournament|wedding|funeral"
    r"|party|graduation|ceremony|baptism|christening|reunion|dinner|lunch|brunch|tickets|table|reservation|booking"
    r"|delivery|call|webinar|conference|workshop|retro|stand-?up|hearing|court|trial|shift|rehearsal|practice|viva"
    r"|drill"
    r"|inspection|viewing|visit|movers|plumber|electrician|sweep|book club|parents' evening|jab|vaccin\w+|signing"
    r"|kick-?off|launch|opening|opener|deploy(?:ment)?|release|show|screening|premiere|audition|slot|hike|picnic"
    r"|barbecue"
    r"|bbq|fair|festival|retreat|off-?site|competition|comp|contest|Dr\.? [A-Z]\w+|counsell?or|architect|notary|lawyer"
    r"|open house|sleepover|charity run|event|fundraiser|auction|review|planning|anniversary|birthday)\b",
    re.I,
)
_ARRANGED = re.compile(
    r"\b(?:arriv(?:e|es|ing)|lands?|leav(?:es|ing)|departs?|starts?|begins?|takes? place|goes live|comes"
    r"|com(?:es|ing) (?:by|over|round|to (?:visit|stay|see|fix))|(?:we|I|they) fly|flying|seeing|meeting|visiting"
    r"|hosting"
    r"|picking|having|throwing|booked|scheduled|clos(?:es|ing) on|delivers?|giv(?:e|ing) a|due to|moving|turns? \w+"
    r"|wants? to see|travell?ing|getting married|my turn|set for|invited"
    r"|(?:I|we|(?-i:[A-Z]\w+))(?:'ve| have|'s got| has)(?: got)? (?:an?|my|our|his|her|another)|getting ready for)\b"
    r"|^\W*(?:[\w']+ ){0,2}?(?:set(?: up)?|schedule|book|arrange|plan) ",
    re.I,
)
# How what is to come was arranged, though it is told in the past.
_ARRANGING = re.compile(
    r"\b(?:(?:was|were|has|have|had|got|been|is|are|'s|'ve|just|finally|actually) ){0,4}(?:(?:re)?scheduled|booked"
    r"|moved"
    r"|pushed(?: back)?|brought forward|set|fixed|arranged|confirmed|agreed|invited|got|planned|shifted|changed"
    r"|signed up"
    r"|registered|postponed)\b(?= (?:(?:me|us|him|her|it) )?(?:an?|the|my|our|tickets|back|to|for|up|until|till"
    r"|from|on|at"
    r"|with|in|by|another|slot|that|next|\w+ for)\b)"
    r"|\b(?:I|we|they|you)(?:'ve| have) got\b|\b(?:I|we) (?:need|have|'ve)\b|^\W*got(?:ta| to)\b"
    r"|\bhad to (?:reschedule|move|change|push)\b|\bupdated my calendar\b",
    re.I,
)
# What is still to be done, in the passive.
_TO_BE = re.compile(r"\b(?:be|get|gets|is|are|being) (?:now )?\w+(?:ed|en|id)\b", re.I)
_PAST = re.compile(
    r"\b(?:did|was|were|had|went|came|took|saw|met|ate|bought|made|said|told|gave|found|felt|left|flew|drove|got"
    r"|ran|built"
    r"|brought|wrote|passed|spent|slept|loved|forgot|lost|sent|heard|kept|knew|thought|won|became|began|broke|chose"
    r"|drank"
    r"|fell|grew|held|rode|rang|sang|sat|sold|spoke|stood|swam|taught|threw|woke|wore|paid|(?:has|have) been"
    r"|(?!need|speed|feed|seed|indeed|hundred|tired|excited|interested|called|named|supposed|allowed|required"
    r"|married)\w{3,}ed)\b",
    re.I,
)
_OFF = re.compile(
    r"\bcancel\w*|\bcall(?:ed|ing)? (?:\w+ )?off\b|\bscrapp\w+|\b(?:is|are|was|it's|got|been) (?:off|dropped|lifted)\b"
    r"|\bno longer\b|\bany ?more\b|\bafter all\b|\bpostponed indefinitely|\bwon'?t\b|\bscratch\b"
    r"|^\W*(?:(?:please|now|and|just|can you|could you|will you|would you|go ahead and|hey|ok|okay|\w+,) ){0,3}"
    r"(?:remove|delete|erase|stop|clear|drop)\b"
    r"|\b(?:remov|delet|tak|cross|strik)\w+ .{0,200}\b(?:from|off) (?:the|my|our|your)\b"
    r"|\b(?:not|n't) (?:happening|coming|taking place|going|flying|on|due|be)\b"
    r"|\b(?:there(?:'s| is| are)|have|has|we've|got) (?:no|nothing)\b|^\W*(?:no|nothing)\b(?!,)",
    re.I,
)
_SUPPOSED = re.compile(
    r"\b(?:if|unless|whether|might|maybe|perhaps|could|would|wish\w*|wonder\w*|suppose|imagin\w+|hope|hoping"
    r"|thinking of"
    r"|thinking about (?:going|doing|having)|thought about|doubt|I'd|we'd|considering|(?-i:may) (?!\d)|what about"
    r"|how about"
    r"|not sure|some ?day|one day|sounds?)\b",
    re.I,
)
_HABIT = re.compile(
    r"\b(?:usually|always|often|sometimes|every|each|most|(?:mon|tues|wednes|thurs|fri|satur|sun)days)\b", re.I
)
_DUE = re.compile(
    r"\b(?:due(?! to)|deadline|expir\w+|runs? out|clos(?:e|es|ing)|ends?|valid|open until|last (?:day|chance|date)"
    r"|no later than|at the latest)\b"
    r"|\b(?:I|we)(?:'ve| have) (?:got )?until\b"
    r"|\b(?:have to|has to|have got to|got to|gotta|must|needs?(?: [\w']+)? to|needs? \w+ing|should|hand|submit"
    r"|please)\b[^.]{0,200}\b(?:by|before|until|till|within)\b",
    re.I,
)
_WAS_DUE = re.compile(
    r"\b(?:was|were|had been) (?:due|valid|open|\w+ed)\b|\b(?:expired|ran out|closed|ended|handed|submitted"
    r"|returned|paid|renewed)\b",
    re.I,
)
_PROMISE = Sought(
    r"\b(?:I|we|he|she|they|you|has|have|had|'ve|'s|(?:my|our) \w+|(?-i:[A-Z]\w+))(?: have| has|'ve|'s)?"
    r" (?:also |just |already |still |finally )?(?:promised|vowed|pledged|swore|sworn|committed to|undertook)\b"
    r"|\b(?:I|we) (?:promise|vow|pledge) (?:to|(?:you )?(?:that )?(?:I|we)(?:'ll| will))\b|\b(?:I|we) swear I(?:'ll"
    r"| will)\b"
    r"|\b(?:gave|give|given|have|has) (?:\w+ ){1,2}(?:my|his|her|their|our|your) word\b|\bmade a (?:vow|promise"
    r"|pledge)\b"
    r"|(?<!n't )(?<!not )(?<!never )\bow(?:e|es) (?:me|us|you|him|her|them|the|our|a|an|(?-i:[A-Z]\w+))\b(?! one\b)"
    r"|\bagreed that\b|\b(?:I|he|she|they|has|have|'ve|(?-i:[A-Z]\w+)) agreed to\b(?<!\b[Ww]e agreed to)"
    r"|\b(?:said |told (?:\w+ ){1,3}?|assured (?:\w+ ){1,3}?(?:that )?|let \w+ know (?:that )?)(?:that )?(?:I|he"
    r"|she|they|we)"
    r"(?:'d|'ll| would| will)\b(?! (?:want|like|love|rather|be fine))"
    r"|\bcount on (?:me|us) (?:for (?!support)|to)|\bleave it (?:with|to) me\b|\byou can rely on (?:it|me|us)\b"
    r"|\byou have my word\b"
    r"|\bit'?s a deal\b|^\W*deal:|\bsaid yes to (?:being|doing|hosting|helping|joining|the|a)\b|\bsigned up to\b"
    r"|\bvolunteered to\b",
    re.I,
)
_KEPT = re.compile(
    r"\b(?:kept|got it|but never|never (?:did|promised)|believed|long ago|once|repaid|as I had|years ago|yesterday"
    r"|when (?:I|he|she|we) (?:was|were)|fulfilled|as promised|didn'?t|can'?t promise|no promises|had promised"
    r"|no one|nobody)\b",
    re.I,
)
_WILL = re.compile(
    r"\b(?:I|we|he|she|they|(?:my|our) \w+|(?-i:[A-Z]\w+))(?:'ll| will|'m going to|'re going to| am going to"
    r"| are going to"
    r"|'s going to| is going to) (?:also |definitely |gladly )?(?:bring|call|ring|send|pick|drive|help|return|pay"
    r"|give|get back"
    r"|lend|write|fix|cover|finish|let \w+ know|have (?:the|it|your)|take|drop|bake|buy|book|show|prepare|deliver"
    r"|text|email|meet"
    r"|be there|do it|reply|answer|transfer|come)\b",
    re.I,
)
_IF = re.compile(r"\W*(?:if|unless|imagine|suppose|supposing|what if|whether|I'd)\b", re.I)
# Lengths, in days, of what names a day, a week, a month.
_DAY, _WEEK, _MONTH = 3, 9, 31


def engaged(unit: str, on: date | None, coming: Sequence[Days]) -> Iterator[Engagement]:
    """What is due, promised or arranged in a sentence: all but a promise need a day to come.

    Args:
        unit: the sentence, with straight quotation marks.
        on: the day on which it was said; None if nobody knows.
        coming: the days it names that are not over; none if nobody knows when it was said.
    """
    promised = _PROMISE.search(unit) is not None and not _KEPT.search(unit)
    if not (coming or promised) or _OFF.search(unit) or _IF.match(unit):
        return
    supposed = _SUPPOSED.search(unit) is not None
    if not supposed and _within(coming, _MONTH) and _DUE.search(unit) and not _WAS_DUE.search(_TO_BE.sub(" ", unit)):
        yield "deadline"
    if promised:
        yield "promise"
    if supposed or on is None or not coming or _HABIT.search(unit):
        return
    if _is_arranged(unit, on, coming):
        yield "appointment"
    if _within(coming, _DAY) and _WILL.search(unit):
        yield "promise"


def _is_arranged(unit: str, on: date, coming: Sequence[Days]) -> bool:
    clock = _CLOCK.search(unit) is not None
    later = [some for some in coming if clock or some[0] > on]
    if not later or _past(unit):
        return False
    event, arranged = _EVENT.search(unit) is not None, _ARRANGED.search(unit) is not None
    longest = _MONTH if event and arranged else _WEEK if event else _DAY
    return (event or arranged or clock) and _within(later, longest)


def _past(unit: str) -> bool:
    """Whether a sentence tells what was, other than how something to come was arranged."""
    return _PAST.search(_ARRANGING.sub(" ", _TO_BE.sub(" ", unit))) is not None


def _within(found: Sequence[Days], length: int) -> bool:
    return any((last - first).days < length for first, last in found)

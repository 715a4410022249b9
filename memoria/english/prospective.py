"""What an English text asks to be remembered, or says that must not be lost. Patterns over text only, no model.

Prospective memory is remembering to do something later (Einstein and McDaniel, Normal aging and prospective memory,
Journal of Experimental Psychology: Learning, Memory, and Cognition 16, 1990). Six kinds of statement call for it: a
request to remember, an appointment, a deadline, a promise, what endangers somebody, and the numbers and names by which
somebody is known or reached. A text is read unit by unit (sentences.py). Questions, suppositions, what is past, denied,
called off or somebody else's words, and good wishes in the form of a request ("don't forget to smile") are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from memoria.english.sentences import plain, units
from memoria.english.voice import is_task
from memoria.text.calendar import Days
from memoria.text.times import Reading, days

Prospective = Literal["request", "appointment", "deadline", "promise", "safety", "identity"]
"""Kinds of statement that must not be lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """One unit of a text that must not be lost. until: the day it is about, in the speaker's calendar; None for none."""

    kind: Prospective
    until: date | None = None


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.I)


# What a request may begin with.
_OPENING = (
    r"^\W*(?:(?:oh|and|so|also|ok|okay|hey|hi|yes|no|well|but|now|please|pls|kindly|just|then|first|btw|by the way|before I forget"
    r"|if nothing else|whatever you do|one (?:more|last) thing|the main thing is to|you (?:must|should|need to|have to|'ll want to)"
    r"|(?:I|we) (?:must|should|need to|have to|ought to)|let's|(?:can|could|would|will) you(?: please)?"
    r"|(?:I|we)(?:'d| would)? (?:need|want|like)(?: you)? to|help me(?: to)?|(?:be|make) sure (?:to|(?:that )?you)|do"
    r"|it(?:'s| is) (?:very |really )?important (?:that you|to)|(?-i:[A-Z]\w+),)[\s,:!.-]+)*"
)
_NOT = r"(?:don'?t|do not|never|not|mustn'?t|must not|shouldn'?t|can'?t|cannot)"
_REQUEST = _any(
    _OPENING + r"(?:remind me|reminding me) (?:to|that|about|of|on|in|at|tomorrow|tonight|next|when|every|each|before|later|again to)\b",
    r"\b(?:could|can|would|will) you (?:\w+ )?(?:mind )?remind(?:ing)? me (?:to|that|about|of|on|in|tomorrow|tonight|next)\b",
    r"\b(?:want|need|like|have) to be reminded\b",
    _OPENING + r"remember (?:that|to|this|these|one thing|who|what|which|where|when|how|for|the|my|our|about|:)(?=\W)",
    _OPENING + r"remember:",
    _OPENING + r"never (?:forget|forget that)\b",
    rf"(?:{_OPENING}|[,:] ?(?:please )?|\b(?:we|you|I) ){_NOT} (?:ever )?forget\b(?! (?:it|about it)\b)",
    r"\bdon'?t let me (?:forget|leave|go|miss)\b",
    _OPENING + r"(?:keep|bear|have)\b(?: (?:this|that|it|one thing|\w+))? in mind\b",
    _OPENING + r"keep (?:this|that|it) in mind\b",
    _OPENING + r"(?:please )?note(?: that|:|, )",
    _OPENING + r"(?:make|take|leave)(?: yourself)? (?:an? )?(?:mental |quick |short )?notes?(?: that\b| of (?:this|that|it)\b|:|,)",
    r"\bnote to self\b|^\W*(?:reminder|fyi|nb|n\.b\.)\b ?[:,]",
    _OPENING + r"(?:jot|write|put|get) (?:this|that|it|these)? ?down\b",
    _OPENING + r"(?:store|save|keep|log|record|file|memorize|memorise|note)(?: down)? (?:this|that|these)\b",
    _OPENING + r"(?:keep|make) a (?:record|list|log)\b",
    _OPENING + r"hold on to (?:this|that|it)\b",
    _OPENING + r"be aware (?:that|of)\b|" + _OPENING + r"mind that\b",
    _OPENING + r"(?:ping|nudge|alert|notify|poke|prompt) me\b",
    _OPENING + r"(?:set|add|create|schedule|put in)(?: me)? (?:a|another|an) (?:\w+ )?(?:reminder|alarm)\b",
    r"\bfor (?:future reference|the record|next time),? ",
    r"\bjust so you (?:remember|know)\b",
)
_UNASKED = _any(
    rf"\b(?:{_NOT}|no need|needn'?t|no longer|stop|without|bother|scratch|worry|nobody|nothing|safely)\b[^,:;]*\b(?:remind|remember|reminder|record|write)",
    r"\bremind(?:ing)? me (?:what|which|who|whose|why|how)\b|\bremind me of (?!th(?:e|is) (?:appointment|meeting|call|date))",
)
# Good wishes and wisdom that look like a request.
_WISHES = _any(
    r"\b(?:smil\w+|have fun|fun out|enjoy\w*|breath\w*|dreams?|lov(?:ed|e yourself)|awesome|amazing|kind(?:ness)?|(?:never|not) alone|your(?:self|selves)"
    r"|how far|every step|one step|matters?|beaut\w+|wonderful|life|happiness|heart|proud|believe in|self-care|progress|journey|worth it|light falls"
    r"|rome|special|capable|strong(?:er)?|celebrat\w+|relax|me when|me like)\b",
)
_MONTHS = r"jan\w*|feb\w*|mar(?:ch)?|apr\w*|may|june?|july?|aug\w*|sep\w*|oct\w*|nov\w*|dec\w*"
_CLOCK = _any(
    r"\b(?:[01]?\d|2[0-3])[:.][0-5]\d\b(?!\.\d)",
    r"\b(?:1[0-2]|[1-9]) ?(?:am|pm|a\.m\.|p\.m\.|o'?clock)(?!\w)",
    r"\b(?:at|from|until|till|by|before|after|between) (?:about |around )?(?:noon|midnight|midday|half past|quarter (?:past|to)|(?:1[0-2]|[1-9])\b(?! ?(?:%|\w*s\b))"
    r"|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b",
    r"\b(?:half past|quarter (?:past|to)) \w+",
)
_EVENT = _any(
    r"\b(?:appointments?|meetings?|interviews?|exams?|tests?|flights?|trains?|bus|coach|ferry|dentist|doctor|gp|optician|vet|surgery|operation|scan|ultrasound|x-?ray|mri"
    r"|check-?ups?|sessions?|physio|therapy|chemo|treatment|class|lesson|lecture|seminar|talk|speech|recital|play|concert|opera|gig|match|race|marathon|tournament|wedding|funeral"
    r"|party|graduation|ceremony|baptism|christening|reunion|dinner|lunch|brunch|tickets|table|reservation|booking|delivery|call|webinar|conference|workshop|retro|stand-?up"
    r"|hearing|court|trial|shift|rehearsal|practice|viva|drill|inspection|viewing|movers|plumber|electrician|(?:chimney )?sweep|book club|parents' evening|jab|vaccin\w+"
    r"|signing|kick-?off|launch|deploy(?:ment)?|release|show|screening|premiere|audition|slot|hike|picnic|barbecue|bbq|fair|festival|retreat|competition|contest|game night"
    r"|Dr\.? [A-Z]\w+|counsell?or|architect|notary|lawyer|blood test|driving test|open (?:day|house)|sleepover|charity (?:run|event)|event|fundraiser|auction)\b"
)
_ARRANGED = _any(
    r"\b(?:arriv(?:e|es|ing)|lands?|leav(?:es|ing)|departs?|starts?|begins?|takes? place|goes live|com(?:es|ing) (?:by|over|round|to (?:visit|stay|see|fix))|comes"
    r"|(?:we|I|they) fly|flying|seeing|meeting|visiting|hosting|picking|having|throwing|booked|scheduled|clos(?:es|ing) on|delivers?|giv(?:e|ing) a|due to|moving|turns? \w+"
    r"|wants? to see|travell?ing|getting married|my turn|set for|invited)\b"
)
# Verbs that arrange what is to come, though they are in the past.
_ARRANGING = _any(
    r"\b(?:(?:was|were|has|have|had|got|been|is|are|'s|'ve|just|finally) )*(?:booked|scheduled|rescheduled|moved|pushed(?: back)?|brought forward|set|fixed|arranged|confirmed"
    r"|agreed|invited|got|planned|shifted|changed|signed up|registered|postponed)\b(?= (?:me |us |him |her |it )?(?:a\b|an\b|the\b|my\b|our\b|tickets|back|to|for|up|until|till|from|on|at|with|in|by|another|slot|that|next|\w+ for))"
    r"|\b(?:I|we|they|you)(?:'ve| have) got\b|\b(?:I|we) (?:need|have|'ve)\b"
)
_PAST = _any(
    r"\b(?:did|was|were|had|went|came|took|saw|met|ate|bought|made|said|told|gave|found|felt|left|flew|drove|got|ran|built|brought|wrote|passed|spent|slept|loved|forgot|lost|sent|heard|kept|knew|thought|won|became|began|broke|chose|drank|ate|fell|grew|held|rode|rang|sang|sat|sold|spoke|stood|swam|taught|threw|woke|wore|paid|rained|has been|have been"
    r"|(?!need|speed|feed|seed|indeed|hundred|wed\b|bed\b|red\b|shed\b|tired|excited|interested|called|named|supposed|allowed|required|needed|married|red)\w{2,}ed)\b"
)
# What is still to be done, in the passive.
_TO_BE = re.compile(r"\b(?:be|get|gets|is|are|being) \w+(?:ed|en|id)\b", re.I)
_OFF = _any(
    r"\bcancel\w*|\bcall(?:ed|ing)? (?:\w+ )?off\b|\bscrapp\w+|\b(?:is|are|was|it's|got|been) (?:off|dropped|lifted|scrapped)\b|\bno longer\b|\bany ?more\b|\bafter all\b"
    r"|\bpostponed indefinitely|\bwon'?t\b|\b(?:not|n't) (?:happening|coming|taking place|going|flying|on\b|due\b|be\b)|\bscratch\b"
    r"|\b(?:there(?:'s| is| are)|have|has|we've|got) (?:no|nothing)\b|^\W*(?:no|nothing)\b"
)
_SUPPOSED = _any(
    r"\b(?:if|unless|whether|might|maybe|perhaps|could|would|wish\w*|wonder\w*|suppose|imagin\w+|hop(?:e|es|ing)|hopefully|thinking (?:of|about)|thought about|doubt"
    r"|I'd|we'd|considering|(?-i:may) (?!\d)|what about|how about|not sure|someday|some day|one day)\b"
)
_HABIT = _any(r"\b(?:usually|always|often|sometimes|every|each|most|(?:mon|tues|wednes|thurs|fri|satur|sun)days)\b")
_DUE = _any(
    r"\bdue\b|\bdeadline\b|\bexpir\w+|\bruns? out\b|\b(?:bids?|applications?|registrations?|trial|offer|sale|entries|polls?|submissions?|the bid|voucher|subscription|lease|contract|warranty)\b[^.]*"
    r"\b(?:clos\w+|ends?|open until|valid)\b|\bvalid (?:only )?until\b|\bopen until\b|\bno later than\b|\blast (?:day|chance|date)\b|\bat the latest\b"
    r"|\b(?:by|before|until|till|within)\b",
)
_DUTY = _any(
    r"\b(?:have to|has to|have got to|got to|gotta|must|need(?:s)? to|need to be|needs? \w+ing|should|due|deadline|expir\w+|runs? out|clos\w+|ends?|valid|open until|last (?:day|chance|date)|no later than"
    r"|at the latest|hand|submit|(?:I|we)(?:'ve| have) (?:got )?until)\b"
)
_PROMISE = _any(
    r"\b(?:I|we|he|she|they|you|has|have|had|'ve|'s|(?:my|our) \w+|(?-i:[A-Z]\w+))(?: have| has|'ve|'s)? (?:also |just |already |still |finally )?(?:promised|vowed|pledged|swore|sworn|committed to|undertook)\b",
    r"\b(?:I|we) (?:promise|swear|vow|pledge)\b(?! you,)(?! (?:by|it was|it's|it is|you,? it|allegiance)\b)",
    r"\b(?:gave|give|given|have|has) (?:\w+ ){1,2}(?:my|his|her|their|our|your) word\b|\bmade a (?:vow|promise|pledge)\b",
    r"(?<!n't )(?<!not )(?<!never )\bow(?:e|es) (?!it\b|my\b|it all|everything|no|any)(?:(?:me|us|you|him|her|them|the|our|my|a|an|(?-i:[A-Z]\w+))\b)",
    r"\b(?:have|has|'ve)? ?agreed (?:that|to)\b",
    r"\b(?:said |told (?:\w+ )+?|assured (?:\w+ )+?(?:that )?|let \w+ know (?:that )?)(?:that )?(?:I|he|she|they|we)(?:'d|'ll| would| will)\b",
    r"\bcount on (?:me|us)\b|\bleave it (?:with|to) me\b|\brely on (?:it|me)\b|\byou have my word\b|\bit'?s a deal\b|^\W*deal:",
    r"\bsaid yes to (?:being|doing|hosting|helping|joining|the|a)\b|\bsigned up (?:to|for)\b|\bvolunteered to\b",
)
_KEPT = _any(
    r"\b(?:kept|got it|but never|never (?:did|promised)|believed|long ago|once|repaid|paid .* back yesterday|as I had|years ago|when (?:I|he|she|we) (?:was|were)|fulfilled|as promised"
    r"|didn'?t|can'?t promise|no promises|had promised|hasn't|no one|nobody)\b"
)
_WILL = _any(
    r"\b(?:I|we|he|she|they)(?:'ll| will|'m going to|'re going to| am going to| are going to)\b(?! (?:be honest|say|admit|never|always|think))"
)
# Whom a danger threatens: somebody in particular.
_ONE = (
    r"(?:\bI\b|\bI'm\b|\bme\b|\bmy\b|\bour\b|\bwe\b|\bhe\b|\bshe\b|\bhis\b|\bher\b|\bhim\b|\bthey\b|\byou\b|(?-i:(?<!^)(?<![.!?] )\b[A-Z][a-z]+\b)"
    r"|^\W*(?-i:[A-Z][a-z]+)(?:'s)? (?:is|has|has got|can'?t|cannot|carries|takes|needs|gets|must|faints|should|never|mustn'?t|reacts|wears|and)\b)"
)
_SOMEBODY = re.compile(_ONE, re.I)
_SAFETY = _any(
    r"\ballerg(?:ic|y|ies)\b|\banaphyla\w+|\bepi-?pens?\b|\bin?toleran(?:t|ce)\b|\bintoleran\w+|\bc(?:o)?eliac\b",
    r"\bdiabet(?:ic|es)\b|\binsulin\b|\bepilep\w+|\bseizures?\b|\basthma\w*|\binhaler\b|\bpacemaker\b|\bha?emophili\w+|\bheart (?:condition|disease|failure|tablets?|attack)\b"
    r"|\bwarfarin\b|\blithium\b|\bblood thinners?\b|\bblood (?:type|group)\b|\bmedical alert\b|\b(?:on|needs) (?:oxygen|dialysis|chemo)\b|\bsickle[- ]cell\b|\bstroke\b",
    r"\b(?:is|'m|'s|am|are) (?:\w+ )?pregnant\b|\brecovering (?:alcoholic|addict)\b|\b(?:dementia|alzheimer\w*|suicidal|immunocompromised|transplant)\b",
    r"\b(?:can'?t|cannot|can not|mustn'?t|must not|must never|should(?:n'?t| not| never)|must avoid|not allowed to|isn'?t allowed to|am not allowed to) (?:eat|drink|have|take|touch|tolerate|digest|swallow"
    r"|ibuprofen|aspirin)\b(?! (?:another|any ?more|any longer|this|that|it\b|heard|enough|my|been|a break|time))",
    r"\bmust avoid\b|\b(?:a|in|into) (?:hives|rash|anaphylactic shock)\b|\bfaints? (?:at|from|when|easily)\b",
    r"\b(?:poisonous|toxic|deadly|lethal|dangerous) (?:for|to)\b|\bcould kill\b|\bkeep (?:it|them|\w+) away from\b|\bnever give\b|\bdon'?t (?:sleep|smoke|swim|drink|go|drive) (?:in|from|near|on|it)\b",
    r"\b(?:put me on|I take|I'm on|I am on|(?:he|she) takes|(?:he|she)'s on|prescribed)\b[^.]*\b(?:mg|tablets?|pills?|medication|medicine|every (?:day|morning|evening|night)|antibiotics)\b",
    r"\b(?:penicillin|codeine|aspirin|ibuprofen|latex|morphine|antibiotics)\b",
)
_SAFE = _any(
    r"\b(?:not|isn'?t|aren'?t|no|never|nobody|don'?t|doesn'?t|didn'?t|wasn'?t|without|used to)\b[^.,]*\b(?:allerg\w+|diabet\w+|epi-?pen|condition|medication|medicine|asthma|intoleran\w+|pregnant|seizures?|blood thinners?)\b",
    r"\b(?:grew|grown|outgrew|outgrown|any ?more|as a (?:child|kid)|when (?:I|he|she) (?:was|were)|cleared|after all|took \w+ off|used to)\b",
    r"\b(?:common|people|many|most|some|growing|cautious|in general|these days|rising|research|study|studies|doctor for|discovery|jokes?|paint|batter\w+|worldwide)\b",
    r"\ballergic to (?:\w+ )?(?:mornings?|ideas?|talk|work|daylight|people|fun|drama|commitment|meetings?|exercise|mondays?|boredom|change|rules|advice|nonsense|bullshit|cleaning|cooking|deadlines?|effort|failure|housework)\b"
    r"|\b(?:practically|seems?|basically|almost|like|stroke of) (?:\w+ )?(?:allergic|luck|genius)\b",
)
_KEY = r"(?:is|was changed to|changed to|are|:|=|-)"
_IDENTITY = _any(
    r"\b(?:passport|insurance|licen[cs]e|policy|account|membership|member|phone|mobile|cell|tax|social security|id|customer|booking|reference|serial|registration|plate|iban|card)"
    rf"(?: \w+){{0,2}}? {_KEY} (?:\w+[- ]){{0,2}}?[\w-]*\d",
    rf"\b(?:code|pin|password|passcode|passphrase|combination)\b[^.?!]{{0,40}}?\b{_KEY}? ?:? [\"']?(?:[\w-]*\d[\w-]*|\w+-\w+-\w+)",
    r"\bemergency contact\b|\bin an emergency\b|\bin case of (?:an )?emergency\b|\bif (?:anything|something) (?:ever )?happens to me\b|\bnext of kin\b",
    r"\b(?:reach|call|ring|text) me (?:on|at) \+?\d",
    r"\b(?:my|our|his|her|(?-i:[A-Z]\w+)'s) (?:new |home |work |postal |e-?mail |current )*(?:address|phone number|number|e-?mail|birthday|date of birth|bank account) (?:is|:) (?=\S*[\d@]|(?:\S+ ){1,3}\S*\d"
    rf"|on )|\b(?:I|he|she|(?-i:[A-Z]\w+)) (?:was|were|am|is) born (?:on|in) (?:the )?(?:\d|{_MONTHS})",
)
_NOBODYS = _any(r"\b(?:favou?rite|lucky|rule|nobody|no longer|any ?more|old)\b")
# Somebody else's words, or a tale.
_REPORTED = _any(
    r"\b(?:film|movie|novel|poem|lyrics|song|series|video game|dream|textbook|article|study|advert|poster|character|hero|headline|legend|myth)\b",
    r"\b(?:teacher|sign|mum|mom|dad|grandma|grandpa|he|she|they|people|the \w+)(?: always| often| used to)? (?:sa(?:id|y|ys)|told people|reads|goes)\b ?[:,\"]|\bas they say\b|\bI read that\b|\bused to say\b",
)
_SPEECH = re.compile(r"[\"\u201c](?:[^\"\u201d\s]+\s+){2,}[^\"\u201d]*[\"\u201d]")
_ASKING = re.compile(r"\b(?:can|could|would|will) you\b|\bwill you\?", re.I)
_DAYS_OF_DATE, _DAYS_OF_WEEK, _DAYS_OF_MONTH = 3, 9, 31


def prospects(text: str, on: date, reading: Reading | None = None) -> list[Prospect]:
    """What in a text must not be lost, in its order.

    Args:
        text: what was said, in English; what is in another language has none.
        on: the day on which it was said, in the speaker's calendar.
        reading: how dates in figures are read.

    Returns:
        One for each unit that asks to be remembered or must not be lost; of several kinds the first that fits.
    """
    if is_task(text):
        return []
    said = _SPEECH.sub(" ", plain(text))
    return [found for unit in units(said) if (found := _prospect(unit.strip(), on, reading or Reading())) is not None]


def _prospect(unit: str, on: date, reading: Reading) -> Prospect | None:
    asks = unit.rstrip("\"') ").endswith("?")
    if (asks and not _ASKING.search(unit)) or _REPORTED.search(unit):
        return None
    if _requests(unit):
        coming = _coming(unit, on, reading)
        return Prospect(kind="request", until=min((last for _, last in coming), default=None))
    if asks:
        return None
    if _SAFETY.search(unit) and _SOMEBODY.search(unit) and not _SAFE.search(unit) and not re.match(r"\W*if\b", unit, re.I):
        return Prospect(kind="safety")
    if (dated := next(_dated(unit, on, reading), None)) is not None:
        return dated
    known = _IDENTITY.search(unit) is not None and not _NOBODYS.search(unit)
    return Prospect(kind="identity") if known else None


def _requests(unit: str) -> bool:
    return bool(_REQUEST.search(unit)) and not _UNASKED.search(unit) and not _WISHES.search(unit)


def _dated(unit: str, on: date, reading: Reading) -> Iterator[Prospect]:
    """What is due, promised or arranged: all but a promise need a day to come."""
    off = _OFF.search(unit) is not None
    coming = [] if off else _coming(unit, on, reading)
    supposed = _SUPPOSED.search(unit) is not None
    soonest = min((last for _, last in coming), default=None)
    if _DUE.search(unit) and _DUTY.search(unit) and not supposed and _within(coming, _DAYS_OF_MONTH) and not _past(unit):
        yield Prospect(kind="deadline", until=soonest)
    if not off and _PROMISE.search(unit) and not _KEPT.search(unit) and not re.match(r"\W*(?:if|imagine|suppose|I'd)\b", unit, re.I):
        yield Prospect(kind="promise", until=soonest)
    if supposed or _HABIT.search(unit):
        return
    if _arranged(unit, on, coming):
        yield Prospect(kind="appointment", until=soonest)
    if _WILL.search(unit) and _within(coming, _DAYS_OF_DATE):
        yield Prospect(kind="promise", until=soonest)


def _arranged(unit: str, on: date, coming: list[Days]) -> bool:
    clock = _CLOCK.search(unit) is not None
    later = [some for some in coming if some[0] > on or clock]
    event = _EVENT.search(unit) is not None
    if not later or _past(unit):
        return False
    if event and _within(later, _DAYS_OF_WEEK):
        return True
    return (clock or _ARRANGED.search(unit) is not None) and _within(later, _DAYS_OF_DATE)


def _past(unit: str) -> bool:
    """Whether a unit tells what was, other than how something to come was arranged."""
    return _PAST.search(_ARRANGING.sub(" ", _TO_BE.sub(" ", unit))) is not None


def _within(found: list[Days], length: int) -> bool:
    return any((last - first).days < length for first, last in found)


def _coming(unit: str, on: date, reading: Reading) -> list[Days]:
    """The days that a unit names which are not over; a weekday or a date without a year is the next one."""
    return [some for some in days(unit, on, reading, ahead=True) if some[1] >= on and some[0] < on + timedelta(days=3660)]

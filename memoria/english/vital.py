"""What in an English sentence endangers somebody, and the numbers and names by which somebody is known or reached."""

from __future__ import annotations

import re

from memoria.text.needed import Sought

_MONTHS = r"jan\w*|feb\w*|mar(?:ch)?|apr\w*|may|june?|july?|aug\w*|sep\w*|oct\w*|nov\w*|dec\w*"
# Whom a danger threatens: somebody in particular.
_SOMEBODY = re.compile(
    r"\b(?:I|I'm|me|my|our|we|he|she|his|her|him|they)\b|(?-i:(?<!^)(?<![.!?] )\b[A-Z][a-z]+\b)"
    r"|^\W*(?-i:[A-Z][a-z]+)(?:'s)? (?:is|has|has got|can'?t|cannot|carries|takes|needs|gets|must|faints|should|never"
    r"|mustn'?t|reacts|wears|and)\b",
    re.I,
)
_WARNING = re.compile(
    r"(?:^|[,;:]|\bplease|\bso) ?(?:(?:don'?t|do not|never) (?:give (?!up|in\b)|sleep|smoke|swim|drink|drive|touch)"
    r"|keep \w+ away from)",
    re.I,
)
_HAVING = (
    r"\b(?:have|has|had|having|'ve|got|is|am|'m|'s|are|'re|gets?|with|needs?|my|her|his|our|their|because of|carries"
    r"|carry|takes?|wears?|on|uses?|suffers? from|from) (?:[\w-]+ ){0,3}?"
)
_DANGER = Sought(
    r"\ballerg(?:ic|y|ies)\b|\banaphyla\w+|\bepi-?pens?\b|\bintoleran\w+"
    rf"|{_HAVING}(?:c(?:o)?eliac|diabet(?:ic|es)|insulin|epilep\w+|(?:\w+ )?seizures?|asthma\w*|inhaler|pacemaker"
    rf"|ha?emophili\w+"
    r"|heart (?:condition|disease|failure|tablets?|attack)|warfarin|lithium|blood thinners?|blood (?:type|group)"
    r"|medical alert"
    r"|oxygen|dialysis|sickle[- ]cell|pregnant|dementia|alzheimer\w*|suicidal|immunocompromised|transplant"
    r"|recovering (?:alcoholic|addict))\b|\bhad (?:a|another|two) strokes?\b"
    r"|\b(?:can'?t|cannot|can not|mustn'?t|must not|must never|should(?:n'?t| not| never)|must avoid|not allowed to"
    r"|isn'?t allowed to) (?:eat|drink|have|take|touch|tolerate|digest|swallow|ibuprofen|aspirin)\b"
    r"(?! (?:another|any ?more|any longer|this|that|it\b|heard|enough|my|been|a break|time|all))"
    r"|\b(?:a|in|into) (?:hives|rash|anaphylactic shock)\b|\bfaints? (?:at|from|when|easily)\b"
    r"|\b(?:poisonous|toxic|deadly|lethal) (?:for|to)\b|\bdangerous (?:for|to) (?:me|him|her|us|them|my|our|his"
    r"|(?-i:[A-Z]))"
    r"|\bcould kill\b|\bnever give (?!up|in\b)|\bdon'?t (?:sleep|smoke|swim|drink|go|drive) (?:in|from|near|on|it)\b"
    r"|\bput me on\b|\b(?:I take|I'm on|I am on|(?:he|she) takes|(?:he|she)'s on|prescribed)\b[^.]{0,80}"
    r"\b(?:mg|tablets?|pills?|medication|medicine|antibiotics)\b",
    re.I,
)
_SAFE = re.compile(
    r"\b(?:not|isn'?t|aren'?t|no|never|nobody|don'?t|doesn'?t|didn'?t|wasn'?t|without|used to)\b[^.,]{0,80}"
    r"\b(?:allerg\w+|diabet\w+|epi-?pen|condition|medication|medicine|asthma|intoleran\w+|pregnant|seizures?"
    r"|blood thinners?)\b"
    r"|\b(?:grew|grown|outgrew|outgrown|any ?more|as a (?:child|kid)|when (?:I|he|she) (?:was|were)|cleared|after all"
    r"|took \w+ off|used to)\b"
    r"|\b(?:common|(?:many|most|some|few|other) (?:people|children|kids|dogs|of us)|people (?:are|who|with)|growing"
    r"|in general"
    r"|these days|rising|research|stud(?:y|ies)|doctor for|discovery|jokes?|paint|batter(?:y|ies)|worldwide"
    r"|awareness|initiative)\b"
    r"|\ballergic to (?:\w+ )?(?:mornings?|ideas?|talk|work|daylight|people|fun|drama|commitment|meetings?|exercise"
    r"|mondays?"
    r"|boredom|change|rules|advice|nonsense|cleaning|cooking|deadlines?|effort|failure|housework)\b"
    r"|\b(?:practically|seems?|basically|almost) (?:\w+ )?allergic\b",
    re.I,
)
_IF = re.compile(r"\W*(?:if|unless|imagine|suppose|supposing|what if|whether)\b", re.I)
_IS = r"(?:is|was changed to|changed to|are|:|=)"
_KNOWN_BY = Sought(
    r"\b(?:passport|insurance|licen[cs]e|policy|account|membership|member|phone|mobile|cell|tax|social security|id"
    r"|customer"
    rf"|booking|serial|registration|plate|iban|card)(?: \w+){{0,2}}? {_IS} (?:(?!due|on\b"
    rf"|at\b)[\w-]+ )?(?:\w+[- ])?[\w-]*\d"
    r"|\b(?:code|pin|password|passcode|passphrase|combination)\b[^.?!]{0,40}?"
    rf"\b{_IS} ?[\"']?(?:[\w-]*\d[\w-]*|\w+-\w+-\w+)"
    r"|\bemergency contact\b|\bnext of kin\b|\bin (?:an|case of(?: an)?) emergency,? (?:please )?(?:call|ring|phone"
    r"|contact|notify|tell)"
    r"|\bif (?:anything|something) (?:ever )?happens to me\b|\b(?:reach|call|ring|text) me (?:on|at) \+?\d"
    r"|\b(?:my|our|his|her|(?-i:[A-Z]\w+)'s) (?:new |home |work |postal |e-?mail |current )*(?:address|phone number"
    r"|number|e-?mail"
    r"|birthday|date of birth|bank account) (?:is|:) (?=\S*[\d@]|(?:\S+ ){1,3}\S*\d)"
    rf"|\b(?:I|he|she|(?-i:[A-Z]\w+)) (?:was|were|am|is) born (?:on|in) (?:the )?(?:\d|{_MONTHS})",
    re.I,
)
_NOT_THEIRS = re.compile(r"\b(?:favou?rite|lucky|rule|nobody|no longer|any ?more|old)\b", re.I)


def endangers(unit: str) -> bool:
    """Whether a sentence, with straight quotation marks, says what somebody must avoid or have at hand."""
    return (
        _DANGER.search(unit) is not None
        and (_SOMEBODY.search(unit) or _WARNING.search(unit)) is not None
        and not (_SAFE.search(unit) or _IF.match(unit))
    )


def identifies(unit: str) -> bool:
    """Whether a sentence gives a number, a code, a day of birth, or a person to call in an emergency."""
    return _KNOWN_BY.search(unit) is not None and not _NOT_THEIRS.search(unit)

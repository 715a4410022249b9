"""Reads the clauses of an English text: who does what to what, when and where.

A shallow reader: a clause begins where a subject is followed by a finite verb, and what follows the verb is divided by
its prepositions (chunking as in Abney 1991, Parsing by Chunks, without a tagger). The words listed are grammar; a verb
is known by its place behind a pronoun, by an auxiliary, or by its ending.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from memoria.english.sentences import LEAD, QUOTED, plain, units

_BE = r"(?:am|is|are|was|were|be|been|being)"
_AUX = (
    r"(?:am|is|are|was|were|be|been|being|has|have|had|do|does|did|will|would|can|could|may|might|must|shall|should"
    r"|used to)"
)
_SHORT = r"'(?:m|re|s|ve|d|ll)"
_ADVERB = r"(?:really|just|also|always|never|not|still|often|once|now|recently|lately|actually|currently|already|\w+ly)"
# Past forms that do not end in -ed and stand alone as a finite verb behind a noun.
_PAST = (
    r"(?:became|began|bought|brought|built|came|chose|cut|did|drank|drove|ate|fell|felt|flew|forgot|found|gave|got"
    r"|grew|heard|held|hurt|kept|knew|laid|led|left|lent|let|lost|made|meant|met|paid|put|quit|ran|rang|read|rode|said"
    r"|sang|sat|saw|sent|set|shut|slept|sold|spent|spoke|stood|stole|swam|taught|thought|threw|told|took|went|woke|won"
    r"|wore|wrote)"
)
_PRONOUN = r"(?:I|[Ww]e|[Yy]ou|[Hh]e|[Ss]he|[Ii]t|[Tt]hey|[Tt]here)"
_OPENS = r"(?:[Mm]y|[Oo]ur|[Yy]our|[Hh]is|[Hh]er|[Ii]ts|[Tt]heir|[Tt]he|[Aa]n?|[Tt]his|[Tt]hese|[Tt]hose)"
_NAMED = r"[A-Z][\w.-]*(?: [A-Z][\w.-]*)*"
_NOUNS = rf"(?:{_NAMED}(?:'s? (?:[\w-]+ ){{0,3}}?[\w-]+)?|{_OPENS} (?:[\w'-]+ ){{0,5}}?[\w'-]+)"
_MORE = rf"(?:(?: {_ADVERB})*(?: {_AUX}(?:n't)?))*"
_GROUP = rf"(?: {_ADVERB})*(?: {_AUX}(?:n't)?|{_SHORT}){_MORE}"
# Behind a noun, 's is as often a genitive.
_NOUN_GROUP = rf"(?: {_ADVERB})* {_AUX}(?:n't)?{_MORE}"
_BEHIND = rf"(?: {_ADVERB})* [\w'-]+"
# A subject that is a pronoun: whatever word comes next is its verb. Of another, only what must be a verb.
_ANCHORS = (
    re.compile(rf"(?P<who>{_PRONOUN})(?P<verb>{_GROUP}|{_BEHIND})(?!\w)"),
    re.compile(rf"(?P<who>{_NOUNS})(?P<verb>{_NOUN_GROUP}|(?: {_ADVERB})* (?:{_PAST}|\w+ed))(?!\w)"),
    re.compile(rf"(?P<who>{_NAMED}|[Mm]y (?:[\w-]+ ){{0,2}}?[\w-]+(?<!s))(?P<verb>(?: {_ADVERB})* \w+s)(?= \S)"),
)
# What a form of "be" and "have" goes with.
_PARTICIPLE = re.compile(rf"(?: {_ADVERB})* (?:\w+ing|\w+ed|\w+en|{_PAST}|gone|done|known|seen|begun|come|become)\b")
_HAS = re.compile(rf"\b(?:{_BE}|has|have|had)(?:n't)?$|'(?:m|re|s|ve|d)$")
_HELPS = re.compile(r"\b(?:do|does|did|will|would|can|could|may|might|must|shall|should|used to)(?:n't)?$|'ll$")
_FULL = re.compile(rf"(?: {_ADVERB})* [\w-]+")
_COPULA = re.compile(rf"(?:\b{_BE}|'(?:m|re|s))(?: {_ADVERB})*$|\b(?:becom\w+|became|seem\w*|remain\w*)$")
_CUT = re.compile(
    r"\s*[,;:()\u2013\u2014]+\s*(?:(?:and|but|so|or|because|since|although|though|while|when|that|which|who|where|as|if)\s+)?"
    r"|\s+(?:and|but|so|or|because|since|although|though|while|when|that|how much|how|if|until|before|after)\s+"
)
_AGAIN = re.compile(rf"(?:{_PAST}|\w+ed|{_AUX}|{_ADVERB} \w+ed)\b")
_UNIT = r"(?:second|minute|hour|day|night|week|weekend|month|year|decade|spring|summer|autumn|fall|winter)s?"
_DATE = (
    r"(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|January|February|March|April|May|June|July|August|September|October"
    r"|November|December|\d{1,2}(?:st|nd|rd|th)|\d{1,2}(?::\d\d)? ?(?:am|pm)|\d{1,2}:\d\d|(?:19|20)\d\d(?:-\d\d){0,2}"
    r"|noon|midnight|Christmas|Easter)"
)
_TIME = re.compile(
    r"\b(?:(?:(?:on|in|at|since|until|by|from|for|during|before|after|every|each|last|next|this|the|early|late|all)\s+)*"
    rf"(?:(?:\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten|many|few|past|other|whole|morning of)\s+)*"
    rf"(?:{_DATE}|{_UNIT})(?:'s)?"
    rf"(?:\s+(?:(?:at |on |in )?{_DATE}|{_UNIT}|\d{{4}}|morning|evening|afternoon|night|ago))*"
    r"|yesterday|today|tonight|tomorrow|recently|lately|(?:in the |this |every )(?:morning|afternoon|evening))\b"
)
_SITE = re.compile(rf"\b(?:in|at|near|outside|inside|from) (?=(?:{_OPENS} )|[A-Z])")
_GOAL = re.compile(rf"\b(?:to|into|in|at) (?=(?:{_OPENS} )|[A-Z])")
_MOVES = re.compile(
    r"\b(?:go|goes|going|went|gone|mov|travel|fl[yi]|flew|driv|drove|com[ei]|came|return|walk|relocat)\w*"
)
_NEXT = re.compile(
    r"\s+(?:with|for|by|about|because|since|while|when|in|at|on|from|to|near|after|before|as|until|if|than)\s|[,;:()]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One clause, in its own words; what it does not have is "".

    Attributes:
        text: the clause as it stands.
        sentence: the sentence that it is in, as it stands, without what only leads in.
        subject: who or what it is about.
        verb: its verb with auxiliaries, adverbs and negation.
        object: what the verb is done to.
        complement: what a form of "be" says of the subject.
        time: when.
        place: where, without the preposition.
    """

    text: str
    sentence: str
    subject: str
    verb: str
    object: str = ""
    complement: str = ""
    time: str = ""
    place: str = ""


def clauses(text: str) -> list[Clause]:
    """The clauses of an English text, in order; none of what has no subject and verb."""
    return [clause for unit in units(" ".join(text.split())) for clause in _of(unit.strip())]


def _of(sentence: str) -> Iterator[Clause]:
    same = plain(sentence)
    start = lead.end() if (lead := LEAD.match(same)) else 0
    hidden = QUOTED.sub(_hide, same)
    subject = ""
    for first, last in _pieces(hidden, start):
        said = hidden[first:last]
        anchor = _anchor(said)
        if anchor is not None:
            subject = same[first + anchor.start("who") : first + anchor.end("who")]
            verb = anchor.start("verb"), _verb_end(said, anchor)
        elif subject and (again := _AGAIN.match(said)):
            verb = 0, _verb_end(said, again)
        else:
            continue
        yield _read(sentence[first:last], said, subject, verb, sentence[start:].rstrip(" ;\u2013\u2014"))


def _hide(quoted: re.Match[str]) -> str:
    """A quotation as one capitalised word of its length: nothing in it is grammar of the sentence."""
    return "Q" * len(quoted.group())


def _pieces(hidden: str, start: int) -> Iterator[tuple[int, int]]:
    """The parts of a sentence that a clause fills: it is cut where the next part begins a clause."""
    end = len(hidden.rstrip(" .!?"))
    known = _anchor(hidden[start:end]) is not None
    for cut in _CUT.finditer(hidden, start, end):
        rest = hidden[cut.end() : end]
        if _anchor(rest) is not None or (known and _AGAIN.match(rest) is not None and cut.group().strip(" ,") == "and"):
            yield start, cut.start()
            start = cut.end()
    yield start, end


def _anchor(said: str) -> re.Match[str] | None:
    """Where a part begins with a subject and its verb."""
    return next((found for one in _ANCHORS if (found := one.match(said)) is not None), None)


def _verb_end(said: str, anchor: re.Match[str]) -> int:
    """Where the verb group ends: behind an auxiliary, its main verb belongs to it."""
    end = anchor.end()
    group = said[:end]
    if _HAS.search(group):
        more = _PARTICIPLE.match(said, end)
    elif re.search(
        r"(?:\b(?:do|does|did|will|would|can|could|may|might|must|shall|should|used to)(?:n't)?|'ll)$", group
    ):
        more = _FULL.match(said, end)
    else:
        more = None
    return more.end() if more else end


def _read(text: str, hidden: str, subject: str, verb: tuple[int, int], sentence: str) -> Clause:
    """A clause from its words. hidden: the same with its quotations hidden. verb: where it is."""
    did = text[verb[0] : verb[1]].strip()
    rest, shown = text[verb[1] :], hidden[verb[1] :]
    time, place = "", ""
    spans: list[tuple[int, int]] = []
    if when := _TIME.search(shown):
        time, spans = rest[when.start() : when.end()].strip(), [when.span()]
    site = (_GOAL if _MOVES.search(did) else _SITE).search(shown)
    if site and not any(first <= site.start() < last or first <= site.end() < last for first, last in spans):
        end = min([one.start() for one in (_NEXT.search(shown, site.end()),) if one] + [len(shown)])
        end = min([first for first, _ in spans if first >= site.end()] + [end])
        place, spans = rest[site.end() : end].strip(), [*spans, (site.start(), end)]
    stop = min([first for first, _ in spans] + [one.start() for one in (_NEXT.search(shown),) if one] + [len(shown)])
    what = rest[:stop].strip(" ,.;:")
    copula = _COPULA.search(did) is not None
    return Clause(
        text=text,
        sentence=sentence,
        subject=subject,
        verb=did,
        object="" if copula else what,
        complement=what if copula else "",
        time=time,
        place=place,
    )

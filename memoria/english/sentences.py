"""The English that the rules of detection need: sentences, names, attitudes, and what a phrase is about.

The words listed here are grammar and attitudes, never things that somebody may like.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache

from memoria.text.words import stems

_ABBREVIATED = re.compile(r"(?:\b(?:Dr|Mr|Mrs|Ms|Prof|St|Jr|Sr|No|vs|approx|e\.g|i\.e)|\b[A-Z])\.$")
_LONGEST_ABBREVIATION = 8
_BREAK = re.compile(r"(?<=[.!?])[\"')]*\s+(?=[\"'(*]*\w)|(?<=[.!?])[\"')]*$|;\s+|(?<!\s)\s++[\u2013\u2014]\s+")
# A closing mark is followed by punctuation, the end, or a small letter: the mark in "Providers' Data" is an apostrophe.
# Where one is missing, it is not looked for through the whole text, or many of them would take its square.
QUOTED = re.compile(r"(?<!\w)([\"'])(.{1,1000}?)\1(?=[.,;:!?)]|\s*$|\s+[^\sA-Z])")
NAME = re.compile(
    r"[A-Z][\w.'-]*(?:\s+(?:(?:of|the|for|on|and|de|van|von|la|le|"
    r"del)\s+){0,2}[A-Z][\w.'-]*)*|\b(?:19|20)?\d0s\b"
)
_POSSESSIVE = re.compile(r"'s?\b|[,.]+$")
CEASED = re.compile(
    r"\b(?:any ?more|no longer|gone off|went off|(?:grown|grew|growing) (?:out|tired|weary|"
    r"bored|apart)|outgr[eo]w\w*|moved (?:on|away)|"
    r"lost (?:interest|its|their|my|the)|losing interest|less|fad(?:e|ed|ing)|wan(?:ed|ing)|"
    r"cooled|soured|wor(?:n|e) (?:off|thin)|over (?:it|them|that|him|her)|"
    r"not (?:so|as|that|quite as|really) (?:keen|into|interested|excited|fond)|n't (?:so|as|"
    r"that|quite as) (?:keen|into|interested|excited|fond)|"
    r"changed my mind|stopped|quit|gave up|given up|shift(?:ed|ing) away|not (?:really "
    r")?feeling|drift(?:ed|ing) away|not a (?:big |huge )?fan|isn't for me|aren't for me|not "
    r"for me|"
    r"disillusioned|disenchanted|tired of|sick of|bored (?:of|with)|weary of|as much|(?:like|"
    r"the way) I (?:used to|once did)|done with)\b",
    re.I,
)
_AGAINST = re.compile(
    r"\b(?:dislik\w+|hat(?:e|ed|ing)|detest\w*|loath\w*|despis\w*|avoid\w*|can't stand|cannot "
    r"stand|couldn't stand|not my (?:thing|cup)|"
    r"turn(?:s|ed)? me off|put(?:s)? me off|bor(?:ed|es|ing)|too \w+|overrated|annoy\w+|"
    r"dread\w*|resent\w*|unappealing|dull|tedious|off-putting|"
    r"can't get into|couldn't get into|never (?:really )?(?:liked|cared|enjoyed|got into))\b"
    r"|(?:\bnot|n't)\s+(?:(?:really|all that|much|so|that|a|big|particularly) )*(?:lik\w+|"
    r"lov\w+|enjoy\w*|car(?:e|ed|ing)|fans?|into|click|keen)\b",
    re.I,
)
_FOR = re.compile(
    r"\b(?:lik(?:e|ed|es|ing)|lov(?:e|ed|es|ing)|enjoy\w*|ador\w+|prefer\w*|appreciat\w+|"
    r"fans?|into|keen|drawn|fascinat\w+|favou?rites?|"
    r"all about|captivat\w+|excit\w+|interest\w+|lean\w*|amazing|great|wonderful|dream\w*|"
    r"want\w*|impress\w+|fond|obsess\w+|crazy|passionate|"
    r"enthusias\w+|addict\w+|hooked|devot\w+|admir\w+|gravitat\w+|thrill\w+|swear by|swore by|"
    r"soft spot|go-to|rel[iy]\w*|find\w* .*(?:good|great|lovely))\b",
    re.I,
)
ATTITUDE = re.compile(f"{_AGAINST.pattern}|{_FOR.pattern}", re.I)
# Verbs and nouns of attitude and talk: they say that somebody likes or does something, but not what.
_LIGHT = """
    think thought find found love like enjoy prefer dislike disliked hate care dream idea thing lot kind sort
    fan big huge reading watching visiting listening travelling traveling visit really actually honestly lately
    recently speaking talking mention reminds know guess just now anymore more much also always never still even
    too very bit taste tastes preference preferences mind sure yes okay oh well some any all one new good great
    definitely totally absolutely pretty quite so used use keen interested interest favorite favourite about
    into drawn way going go get got make made please want need track tracking today tomorrow yesterday tell say
    said interesting things different fact
"""
LEAD = re.compile(
    r"^\W*(?:(?:yes|yeah|oh|well|so|and|but|also|you know|actually|honestly|by the way|that's "
    r"\w+(?: \w+)?|that reminds me)\b[\s,.!]*)*"
    r"(?:(?:speaking|talking) of [^,.;\u2013\u2014]+[,.;\u2013\u2014]?\s*)?",
    re.I,
)
_SHIFTED = re.compile(
    r"\b(?:my|our) (?:\w+ ){0,2}(?:tastes?|preferences?|mind|interests?|opinions?|"
    r"views?)\b[^,.;]*?\b(?:chang|shift|evolv)\w+|\bchanged my mind\b",
    re.I,
)
_SPARE = re.compile(r"\s+([,.;!?])|([,;]\s*)+(?=[.!?,;])|(?<=\s)\s+")
OF_IT = re.compile(r"\b(?:his|her|hers|their|its|them|it|him)\b", re.I)
_ABOUT = re.compile(r"\b(?:about|on|by|of|to|with|in)\s+(?!me\b|it\b|them\b)(?P<rest>.+)$")
_ASIDE = re.compile(r"\s+(?:as an?|for (?:its|his|her|their|the|travel|a)|would|was|were|is|are|in general)\b.*$")
CAPITAL_I = frozenset({"I", "I'm", "I've", "I'd", "I'll"})
TOWARDS = re.compile(
    r"\b(?:prefer\w*|drawn (?:more )?(?:to|toward)|gravitat\w+|more into|lean\w*|rather|much "
    r"more|switched to|moved on to|"
    r"now (?:into|love|like|enjoy)|instead)\b",
    re.I,
)
# Words for the speaker, and names.
MINE = re.compile(r"\b(?:I|[Mm]y|[Ww]e|[Oo]ur)\b|(?<=\s)[A-Z]\w+")
# Beginnings of a sentence that continues the one before.
HANGS_ON = re.compile(
    r"\W*(?:(?:and|but|so|or|for|to|yeah|yes|oh)\b\W*)*"
    r"(?:that|this|these|those|it|there|they|he|she|you|her|his|their|its|because|since|which|who)\b",
    re.I,
)


def units(text: str) -> list[str]:
    """Sentences, split at semicolons and dashes too, each with the separator after it; joined, they are `text`."""
    quoted = [match.span() for match in QUOTED.finditer(plain(text))]
    parts, start = [], 0
    for match in _BREAK.finditer(text):
        at = match.start()
        before = bisect_left(quoted, (at, 0))
        inside = before > 0 and at < quoted[before - 1][1]
        near = max(start, at - _LONGEST_ABBREVIATION)
        if match.end() > start and not inside and not _ABBREVIATED.search(text, near, at):
            parts.append(text[start : match.end()])
            start = match.end()
    return [*parts, text[start:]] if start < len(text) else parts


_ENDS = " \n\t;\u2013\u2014"


def bare(unit: str) -> str:
    """A unit as it stands, without what only leads in; whole, where nothing else is left."""
    lead = LEAD.match(plain(unit))
    return unit[lead.end() if lead else 0 :].strip(_ENDS) or unit.strip()


def plain(text: str) -> str:
    """`text` with straight quotation marks, of the same length."""
    return text.translate({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0x60: "'", 0x2A: " "})


def polarity(text: str) -> int:
    """1 for words of liking, -1 for words of dislike, 0 for neither; of "I used to A, but B" only B counts."""
    text = re.split(r"\bused to\b.*?\bbut\b", plain(text))[-1]
    return -1 if _AGAINST.search(text) else int(_FOR.search(text) is not None)


@cache
def _light() -> frozenset[str]:
    return frozenset(stems(_LIGHT))


def content(text: str) -> list[str]:
    """Stems of the words that name something, without stop words and words of attitude; "1980s" gives "80s"."""
    shortened = re.sub(r"\b(?:19|20)(\d0s)\b", r"\1", plain(text))
    shortened = re.sub(r"(\d) ?(?:million|mn?)\b", r"\1 million", shortened, flags=re.I)
    return [stem for stem in stems(re.sub(r"(?<=\d),(?=\d{3})", "", shortened)) if stem not in _light()]


def substance(text: str) -> bool:
    """Whether a text says something by itself, without phrases that only lead in."""
    return bool(content(_SHIFTED.sub("", LEAD.sub("", plain(text)))))


def tidy(text: str) -> str:
    """`text` without the gaps and stray punctuation that cutting leaves, with a capital."""
    text = _SPARE.sub(lambda match: match.group(1) or "", text).strip(" ,;\u2013\u2014-")
    text = re.sub(r"^(?:but|and|so|or)\b[\s,]*", "", text)
    return text[:1].upper() + text[1:]


def _named(text: str) -> str:
    """The name, title or decade in a phrase; "" for none."""
    quoted = re.search(r"\"(.+?)\"", text)
    names = [name for name in NAME.findall(text) if name not in CAPITAL_I]
    return quoted.group(1) if quoted else _POSSESSIVE.sub("", max(names, key=len)) if names else ""


def liked(text: str) -> str:
    """What a phrase of attitude is about: a name in it, or else what follows "about", or else its content words."""
    named = _named(text)
    if named:
        return named
    text = re.sub(r"^(?:find|found) (.+?) \w+$", r"\1", _ASIDE.sub("", text))
    about = _ABOUT.search(
        re.sub(r"^.*?\b(?:all|crazy|mad) about\b|\b(?:fan|idea|lot|kind) of\b|\binto\b|\b(?:drawn|used) to\b", "", text)
    )
    text = about.group("rest") if about and content(about.group("rest")) else text
    words = re.findall(r"[\w'-]+", text)
    telling = [at for at, word in enumerate(words) if content(word)]
    return " ".join(words[telling[0] : telling[-1] + 1]) if telling and not OF_IT.search(text) else ""

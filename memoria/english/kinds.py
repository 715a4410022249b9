"""What kind of thing a question asks for, and what thing a text tells of, by rules over English, without a model.

"Which film do I like?" asks for a "film", and "I watched 'Minari' and disliked it" tells of "Minari".
"""

from __future__ import annotations

import re

from memoria.english.sentences import (
    ATTITUDE,
    CAPITAL_I,
    NAME,
    OF_IT,
    QUOTED,
    bare,
    content,
    plain,
    polarity,
    units,
)

# Before the kind: what asks, or orders to tell.
_BEFORE = re.compile(
    r"(?:\b(?:which|what(?:(?:'s| is| are| was| were)(?: an?| the| my| our| your)?)?"
    r"|(?:name|tell me|know|give me|remember|is there|are there|have)(?: of)? (?:an?|the|some|any|my|our))"
    r"|^an?|^the)\s+",
    re.I,
)
_OF = re.compile(r"(?:kind|sort|type)s? of (?:an? )?", re.I)
# What ends the words of a kind: verbs, pronouns and what joins a clause.
_AFTER = re.compile(
    r"\b(?:is|are|was|were|am|do|does|did|have|has|had|can|could|will|would|should|may|might|must|I|we|you|he|she|they|it"
    r"|that|which|who|whom|whose|where|when|of|for|in|on|at|to|from|with|by|about|and|or|my|our|your)\b|[^\w\s'-]"
)
# Names in the middle of a sentence, and what marks a title.
_TITLE = re.compile(r"\*+([^*]{1,200})\*+|\"([^\"]{1,200})\"|\u201c([^\u201d]{1,200})\u201d")
_OWNER = re.compile(r"'s?$|[,.;:!?]+$")
_SPEAKER = re.compile(r"\bI\b")
# A common noun behind a name, which ends the phrase.
_NOUN = re.compile(r" [a-z][\w-]+(?=\s*(?:[,.;:!?)]|$))")
# Where a phrase ends, and what only says where or when.
_CLAUSE = re.compile(r"[,;:.!?()\u2013\u2014]|\b(?:when|because|since|while|but|though|although|so)\b")
_ASIDE = re.compile(r"\s(?:in|for|as|when|while|during|from|by|over|than)\s.*$")
# What a group of things is said to be about.
_DEEPER = re.compile(
    r"^.*?\b(?:that|which|who)\b (?:(?:\w+ly|really|heavily|too|so|much|are|is|were|was|being)\s+)*"
    r"(?:(?:explor|delv|focus|deal|tackl|centr|center|revolv|look|cover|discuss)\w*\s+)?"
    r"(?:(?:too|so|very|much|heavily|mostly|only)\s+)*(?:on|in|into|with|around|at|about)?\s*(?P<what>.+)$"
)


def kind_asked(query: str) -> str:
    """The noun for the kind of thing that a question asks for; "" where it asks for none, as with "Where"."""
    said = plain(query)
    for found in _BEFORE.finditer(said):
        rest = said[found.end() :]
        kind = rest[lead.end() if (lead := _OF.match(rest)) else 0 :]
        end = stop.start() if (stop := _AFTER.search(kind)) else len(kind)
        telling = [word for word in re.findall(r"[\w-]+", kind[:end].replace("'s ", " ")) if content(word)]
        if telling:
            return str(telling[-1]).casefold()
    return ""


def full_names(query: str) -> list[str]:
    """Names of two words or more in a query, behind its first word."""
    said = plain(query)
    found = (_OWNER.sub("", match.group()) for match in NAME.finditer(said, max(0, said.find(" "))))
    return [name for name in found if " " in name]


def thing_told(text: str) -> str:
    """What a text tells of, in its own words: a title or name where it likes or dislikes, or what it says of it."""
    parts = saying(text)
    told = sorted(telling(text), key=lambda one: _SPEAKER.search(one) is None)
    looked = (look(one) for look, each in ((_named, told), (_phrase, told), (_named, parts)) for one in each)
    return next((thing for thing in looked if thing), "")


def telling(text: str) -> list[str]:
    """The sentences of a text that tell of its thing: those that like or dislike, or else all that say something."""
    parts = saying(text)
    return [one for one in parts if polarity(one)] or parts


def ways_told(text: str) -> frozenset[int]:
    """Whether a text likes or dislikes its thing, as `polarity`: by what the speaker says, where they speak of it."""
    told = telling(text)
    return frozenset(map(polarity, [one for one in told if _SPEAKER.search(one)] or told))


def saying(text: str) -> list[str]:
    """The sentences of a text that say something, without what only leads in; the whole where none does."""
    return [bare(unit) for unit in units(text) if content(unit)] or [text]


def _named(unit: str) -> str:
    """A title in a sentence, or the longest name in its middle; "" for none."""
    titles = [found for match in _TITLE.findall(unit) for found in match if found]
    quoted = [match.group(2) for match in QUOTED.finditer(plain(unit))]
    if titles or quoted:
        return (titles or quoted)[0].strip(" ,.;:!?")
    said = plain(unit)
    runs = [match for match in NAME.finditer(said) if match.group().split()[0] not in CAPITAL_I]
    names = [match for match in runs if match.start() > 0 or " " in match.group()]
    if not names:
        return ""
    longest = max(names, key=lambda match: len(match.group()))
    name = _OWNER.sub("", _OWNER.sub("", longest.group()))
    noun = _NOUN.match(said, longest.end()) if name == longest.group() and name[0].isupper() else None
    return name + noun.group() if noun is not None and content(noun.group()) else name


def _phrase(unit: str) -> str:
    """What is liked or disliked in a sentence, without the words that only lead to it; "" for none but a pronoun."""
    said = plain(unit)
    for attitude in ATTITUDE.finditer(said):
        rest = _CLAUSE.split(said[attitude.end() :].lstrip(), maxsplit=1)[0]
        deeper = _DEEPER.match(rest)
        telling = _telling(_ASIDE.sub("", deeper.group("what") if deeper else rest))
        if telling and not OF_IT.search(rest):
            return telling
    return ""


def _telling(phrase: str) -> str:
    """A phrase from its first word that names something to its last."""
    words = re.findall(r"[\w'-]+", phrase)
    at = [n for n, word in enumerate(words) if content(word)]
    return " ".join(words[at[0] : at[-1] + 1]) if at else ""

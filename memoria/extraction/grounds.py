"""Whether a fact is in what was said: each of its words, without negating it. A model's word is never enough.

A check by words, and so a strict one: what a model words anew is dropped, and what it makes of a speaker's own words is
kept. It does not see who is meant, nor irony, and a supposition passes for a statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import regex

from memoria.english.sentences import units
from memoria.text.language import ENGLISH, language
from memoria.text.words import STOP_WORDS, stems

Fault = Literal["not in the message", "denies the message"]
"""Why a fact is not in what was said."""
# What models call a speaker, besides by name.
_FRAME = frozenset(stems("user speaker name", ENGLISH))
_ASKS = re.compile(r"[?\uff1f\u061f\u037e][\s\"'\u201d\u2019\u00bb)\]]*$")
# Sentences end without a space in scripts that have none.
_STOPS = regex.compile(r"(?<=[\u3002\uff01\uff1f\u061f\u0964\n])")
_CLAUSE = regex.compile(
    r"[,;:\uff0c\u3001]\s*|\s+(?:but|and|or|aber|und|oder|mais|et|pero|y|ma|mas|e|maar|en|men|och|og|\u043d\u043e|\u0430|\u0438)\s+"
)
# Words that negate a statement (Horn 1989), by language; where words are not spaced apart, letters.
_NEGATIONS: Mapping[str, str] = {
    ENGLISH: r"\b(?:no|not|never|none|nobody|nothing|neither|nor|without|cannot)\b|n['\u2019]t\b",
    "da": r"\b(?:ikke|aldrig|ingen|intet|uden)\b",
    "de": r"\b(?:nicht|nichts|nie|niemals|niemand|ohne|kein\w*)\b",
    "es": r"\b(?:no|nunca|jamás|nadie|nada|sin|ningún\w*)\b",
    "fi": r"\b(?:en|et|ei|emme|ette|eivät|älä|ilman)\b",
    "fr": r"\b(?:pas|jamais|personne|rien|sans|aucune?|plus)\b|\bn['\u2019]",
    "hu": r"\b(?:nem|ne|soha|senki|semmi|nélkül)\b",
    "it": r"\b(?:non|mai|nessun\w*|niente|nulla|senza)\b",
    "nl": r"\b(?:niet|niets|nooit|niemand|geen|zonder)\b",
    "no": r"\b(?:ikke|aldri|ingen|intet|uten)\b",
    "pl": r"\b(?:nie|nigdy|nikt|nic|bez)\b",
    "pt": r"\b(?:não|nunca|jamais|ninguém|nada|sem|nenhum\w*)\b",
    "sv": r"\b(?:inte|aldrig|ingen|inget|inga|utan|ej)\b",
    "tr": r"\b(?:değil|yok|hiç|asla)\b|\w(?:m[ıiuü]yor|maz|mez|madı|medi)\w*",
    "ru": r"\b(?:не|ни|нет|никогда|никто|без)\b",
    "uk": r"\b(?:не|ні|немає|ніколи|ніхто|без)\b",
    "ar": r"\b(?:لا|ليس|لست|لم|لن|بدون)\b",
    "he": r"\b(?:לא|אין|אף|בלי)\b",
    "hi": r"(?:नहीं|नहीँ|मत|न )",
    "zh": r"[不没沒无無别別未]",
    "ja": r"ない|ません|なかっ|ずに|なく",
    "ko": r"안 |않|못|없|아니",
}


@dataclass(frozen=True)
class Ground:
    """What a speaker said, to hold facts against.

    Attributes:
        text: the message.
        before: what the same speaker said just before it.
        speaker: the name of the speaker.
    """

    text: str
    before: tuple[str, ...] = ()
    speaker: str = ""

    def fault(self, fact: str) -> Fault | None:
        """Why a fact is not in what was said; None where it is.

        Args:
            fact: a sentence.

        Returns:
            The reason: a word of it is in no statement of the message, nor of those before, or it negates what they
            say, or they negate what it says.
        """
        words = self._words(fact) - _FRAME - self._named
        own = self._stated[0]
        if not words & own or not words <= own.union(*self._stated[1:]):
            return "not in the message"
        said = [one for at in (0, *self._needed(words)) for one in self._clauses[at]]
        nearest = max(self._alike(words, one) for one in said)
        alike = [one for one in said if self._alike(words, one) == nearest]
        return None if any(self._denies(one) == self._denies(fact) for one in alike) else "denies the message"

    def core(self, fact: str) -> tuple[object, ...]:
        """What two wordings of one fact of the message have in common.

        Args:
            fact: a sentence.

        Returns:
            Its stems in order, without what its speaker is called, and whether it negates.
        """
        return (self._denies(fact), *(one for one in self._stems(fact) if one not in _FRAME | self._named))

    def sources(self, fact: str) -> list[int]:
        """What of `before` a fact needs, besides the message.

        Args:
            fact: a fact without a fault.

        Returns:
            Places in `before`.
        """
        return [at - 1 for at in self._needed(self._words(fact) - _FRAME - self._named)]

    def _needed(self, words: set[str]) -> list[int]:
        """Places of the texts, from 1 on, that have what is missing; later ones first."""
        found, missing = list[int](), words - self._stated[0]
        for at in range(len(self._stated) - 1, 0, -1):
            if missing & self._stated[at]:
                found.append(at)
                missing -= self._stated[at]
        return found

    @cached_property
    def _language(self) -> str:
        return language("\n".join((*self.before, self.text))) or ENGLISH

    @cached_property
    def _named(self) -> set[str]:
        return self._words(self.speaker)

    @cached_property
    def _stated(self) -> list[set[str]]:
        """The words of what is stated, of the message first."""
        return [self._words(" ".join(_statements(one))) for one in (self.text, *self.before)]

    @cached_property
    def _clauses(self) -> list[list[str]]:
        """Statements and their clauses, of the message first."""
        texts = (self.text, *self.before)
        return [[part for said in _statements(one) for part in (said, *_CLAUSE.split(said))] for one in texts]

    def _words(self, text: str) -> set[str]:
        """Stems in the language of what was said; of stop words and negations none."""
        return set(self._stems(text))

    def _stems(self, text: str) -> list[str]:
        # English stop words are none of any language: a model may write around names in English.
        return [one for one in stems(self._negation.sub(" ", text), self._language) if one not in STOP_WORDS]

    def _alike(self, words: set[str], other: str) -> float:
        theirs = self._words(other)
        return len(words & theirs) / max(len(words | theirs), 1)

    def _denies(self, text: str) -> bool:
        """Whether a text holds a negation."""
        return self._negation.search(text) is not None

    @cached_property
    def _negation(self) -> regex.Pattern[str]:
        found = _NEGATIONS.get(self._language, _NEGATIONS[ENGLISH])
        return regex.compile(found, regex.IGNORECASE)


def _statements(text: str) -> Iterator[str]:
    """The sentences of a text that are no questions."""
    pieces = (piece for unit in units(text) for piece in _STOPS.split(unit))
    return (one for one in pieces if one.strip() and not _ASKS.search(one))


def is_question(text: str) -> bool:
    """Whether a text ends as a question does.

    Args:
        text: a sentence.

    Returns:
        Whether it does.
    """
    return _ASKS.search(text) is not None


__all__ = ["Fault", "Ground", "is_question"]

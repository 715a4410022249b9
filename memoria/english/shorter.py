"""Shortening: a text cut to those of its sentences and clauses that tell something, word for word.

An extract in the sense of H. P. Luhn (The automatic creation of literature abstracts, IBM Journal of Research and
Development 2, 1958): a piece is worth the telling words that it is the first to say, and more for a name, a time or a
number. It goes when it takes much more of the room that the whole text takes than it adds to what the text tells. So
little goes where a text costs little beside what is stored with it, and nothing where that is most of the cost. What
denies, limits or takes back stays, and what a kept piece hangs on ("It was cold.") stays before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from memoria.english.sentences import HANGS_ON, content, plain, units
from memoria.text.language import ENGLISH, spoken_in
from memoria.text.scripts import script
from memoria.text.words import Sign, signs

# A piece goes when its share of what is told is under so much of its share of the cost.
_LEAST = 0.75
# A text is left as it is unless the memory becomes smaller by a twelfth, with what it takes beside its text.
_WORTH = 11 / 12
_TOLD, _SPECIFIC = 2.0, Sign.NAME | Sign.TIME | Sign.NUMBER
# A question tells little by itself, and what is neither of the speaker nor specific is mostly said for the other one.
_ASKED, _OF_OTHERS = 0.25, 0.6
_LEFT_OUT = " \N{HORIZONTAL ELLIPSIS} "
_SHORTEST = 3
_CLAUSE = re.compile(r"[,;:]\s+|\s+[\u2013\u2014-]\s+")
_TAIL = " ,;:\u2013\u2014-"
_STAYS = re.compile(
    r"\b(?:no|not|never|none|nobody|nothing|neither|nor|without|cannot|unless|except|if|until|only|but|however|"
    r"instead|kidding|jok(?:e|ing)|any ?more|no longer|changed|actually|remind\w*|remember|promis\w+|allerg\w+|must|"
    r"(?:need|have|has) to)\b|n't\b",
    re.I,
)


def shorter(text: str, beside: int, language: str | None = None) -> str:
    """A text cut to what it tells.

    Args:
        text: of any language; one that is not English is left as it is.
        beside: bytes that a memory of this text takes beside it; >= 0. The more, the less is cut.
        language: of the texts of the store in Latin letters, by its code; None tells it by each text.

    Returns:
        Pieces of the text in their order, " ... " (one character) where something is left out between two of them;
        the text itself where the memory would not become smaller by a twelfth.
    """
    if not _english(text, language):
        return text
    cost = len(text.encode()) + beside
    sentences = units(text)
    kept = _kept(sentences, cost)
    found: list[tuple[int, str]] = []
    place = 0
    for at, sentence in enumerate(sentences):
        clauses = _clauses(sentence)
        if at in kept:
            chosen = _kept(clauses, cost)
            found += [(place + n, clause) for n, clause in enumerate(clauses) if n in chosen]
        place += len(clauses)
    made = _joined(found)
    return made if made and len(made.encode()) + beside <= _WORTH * cost else text


def _english(text: str, language: str | None) -> bool:
    letters = {script(letter) for letter in text if letter.isalpha()}
    return letters == {"LATIN"} and spoken_in("LATIN", text, language) in (None, ENGLISH)


def _kept(pieces: Sequence[str], cost: int) -> set[int]:
    """The places of the pieces that stay."""
    told: set[str] = set()
    worth = []
    for piece in pieces:
        words = set(content(piece))
        worth.append(_worth(piece, len(words - told)))
        told |= words
    total = sum(worth)
    if not total:
        return set(range(len(pieces)))
    shares = zip(pieces, worth, strict=True)
    kept = {
        at
        for at, (piece, one) in enumerate(shares)
        if one / total >= _LEAST * len(piece.encode()) / cost or (one and _stays(piece))
    }
    for at in sorted(kept, reverse=True):
        while at and at - 1 not in kept and HANGS_ON.match(plain(pieces[at])):
            at -= 1
            kept.add(at)
    return kept


def _stays(piece: str) -> bool:
    """Whether a piece denies, limits or takes back something; a question does not."""
    return not piece.rstrip().endswith("?") and _STAYS.search(plain(piece)) is not None


def _worth(piece: str, new: int) -> float:
    """What a piece tells. new: how many of its words that name something no piece before it had."""
    found = signs(piece)
    worth = new + _TOLD * (found & _SPECIFIC).value.bit_count()
    if found & Sign.ASKS:
        worth *= _ASKED
    return worth if found & (_SPECIFIC | Sign.SELF) else worth * _OF_OTHERS


def _clauses(sentence: str) -> list[str]:
    """The parts of a sentence between commas, colons and dashes, of three words each at least; joined, they are it."""
    return list(_cut(sentence))


def _cut(sentence: str) -> Iterator[str]:
    start = 0
    for found in _CLAUSE.finditer(sentence):
        if min(len(sentence[start : found.start()].split()), len(sentence[found.end() :].split())) >= _SHORTEST:
            yield sentence[start : found.end()]
            start = found.end()
    yield sentence[start:]


def _joined(pieces: Sequence[tuple[int, str]]) -> str:
    """Pieces, each with its place in the text, with a mark where others stood between them."""
    made, before = "", None
    for place, piece in pieces:
        if before is not None and place > before + 1:
            made = made.rstrip(_TAIL) + _LEFT_OUT
        made += piece
        before = place
    return made.strip().rstrip(_TAIL)

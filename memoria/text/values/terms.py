"""Names, phrases, codes and addresses of mail in a text: windows over its words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import regex

from memoria.text.values.folding import Folded, Token, listed
from memoria.text.values.spoken import Piece
from memoria.text.values.spots import Shapes, Spot

STOPWORDS = listed(
    "a an the of on in at to for from is was are be been am it its i me my mine our your his her their this that with "
    "and or as by do does did has have had der die das den dem des ein eine einer im am zu und oder ist war mein meine "
    "le la les l du de des d un une est et ou mon ma mes au aux el los las del es y o mi mis su sus en que s"
)
CONNECTORS = listed("at dot punkt punto point arroba arobase chez klammeraffe")
SIGNS = {"\u20ac": "eur", "$": "usd", "\u00a3": "gbp"}
"""Signs of currencies, as words."""
AMBIGUOUS = listed(
    "may june april august march will mark rose grace hope joy art bill sue pat rob dawn summer autumn amber faith "
    "frank drew chase jack ray gene ivy lily iris daisy holly heather ruby pearl olive violet sunday monday sandy "
    "rich grant miles penny robin victor page reed guy dean duke earl ernest"
)
"""Names that are words, or months, as well: they count only where they are written as names."""
_TIMED = listed("in since until till last next early late mid every during through")
_PRONOUNS = listed("i we you it they he she the there this that not be")
_PARTICLES = listed("de da di do du van von der den la le del al el bin ibn ten ter")
_AT = CONNECTORS - {"dot", "punkt", "punto", "point"}
_BETWEEN = regex.compile(r"[\s.\-_\u00b7\u2010-\u2014*\"']{0,4}")
_TURNED = regex.compile(r"[\s,_\-]{1,3}")
_LOOSE = regex.compile(r"[^\n]{0,6}|\s{0,6}")
_MAIL = regex.compile(r"[\s@.\-_+()\[\]{}<>\u3002]{0,8}")
_CODE = regex.compile(r"[\s\-\u2010-\u2015._/:*]{0,3}")
_TIED = regex.compile(r"[\-\u2010-\u2015._/@+\\]?")
_KATAKANA = regex.compile(r"[\p{Katakana}\u30fc]")
_ENDINGS = regex.compile(r"(?:ies|ics?|y)$")
_CASES = regex.compile(
    r"(?:\u0430\u043c\u0438|\u044f\u043c\u0438|\u043e\u0433\u043e|\u043e\u043c\u0443|\u044b\u043c|\u043e\u0439|"
    r"\u0435\u0439|\u043e\u043c|\u0435\u043c|\u0443\u044e|\u043e\u044e|[\u0430\u044f\u0443\u044e\u044b\u0438\u0435"
    r"\u043e\u0439\u044c])$"
)
_SHORT = 4


def stem(word: str) -> str:
    """A word of a phrase without the ending of a plural or of what something is called by it."""
    if len(word) > _SHORT:
        word = _ENDINGS.sub("", word) if len(word) > _SHORT + 1 else word
        word = word[:-1] if word.endswith("s") and not word.endswith("ss") else word
    return plain(word)


def plain(word: str) -> str:
    """A word of a name without the ending of a Russian case; others as they are."""
    return _CASES.sub("", word) if len(word) > _SHORT and word >= "\u0400" else word


def terms(read: Folded, said: Sequence[Piece], shapes: Shapes) -> Iterator[Spot]:
    """The words, phrases, names, codes and addresses of mail of a text, of the sizes that are looked for.

    said: all that stands for digits in it.
    """
    if shapes.words or shapes.phrases:
        yield from _phrases(read, shapes)
    if shapes.names:
        yield from _names(read, shapes)
    if shapes.mails and ("@" in read.low or any(one.text in _AT for one in read.tokens)):
        yield from _mails(read, shapes)
    if shapes.codes and said:
        yield from _codes(read, said, shapes)
    if shapes.letters:
        yield from _letters(read, shapes)


# -- phrases --


def _phrases(read: Folded, shapes: Shapes) -> Iterator[Spot]:
    if shapes.words:
        yield from (Spot(f"w:{SIGNS[sign]}", at, at + 1) for at, sign in enumerate(read.low) if sign in SIGNS)
    words = [one for one in read.tokens if one.kind != "u" and one.text not in STOPWORDS]
    for at, token in enumerate(words):
        if shapes.words:
            for form in _forms(token):
                yield Spot(f"w:{form}", token.start, token.end)
                if form in AMBIGUOUS and _as_name(read, token):
                    yield Spot(f"W:{form}", token.start, token.end)
        for size in shapes.phrases:
            window = words[at : at + size]
            if len(window) == size and _near(read, window):
                yield Spot("s:" + " ".join(sorted(stem(one.text) for one in window)), token.start, window[-1].end)


def _forms(token: Token) -> set[str]:
    word = token.text
    bare = {word[:-1]} if len(word) > _SHORT - 1 and word.endswith("s") else set[str]()
    return {word, plain(word), stem(word), *bare}


def _as_name(read: Folded, token: Token) -> bool:
    """Whether a word that may be no name is written as one, and not as a month or at the head of a question."""
    at = read.tokens.index(token)
    before = read.tokens[at - 1] if at else None
    behind = read.tokens[at + 1] if at + 1 < len(read.tokens) else None
    dated = any(
        one is not None and (one.kind == "d" or one.text in {"st", "nd", "rd", "th"}) and len(gap) <= 2
        for one, gap in (
            (before, "" if before is None else read.gap(before, token)),
            (behind, "" if behind is None else read.gap(token, behind)),
        )
    )
    timed = before is not None and before.text in _TIMED
    asked = before is None and behind is not None and behind.text in _PRONOUNS
    return read.capital(token) and not (dated or timed or asked)


def _near(read: Folded, window: Sequence[Token]) -> bool:
    """Whether nothing but words that do not count stands between these."""
    return all(two.start - one.end <= 12 for one, two in pairwise(window))


# -- names --


def _names(read: Folded, shapes: Shapes) -> Iterator[Spot]:
    words = [one for one in read.tokens if one.kind == "w"]
    for at in range(len(words)):
        for size in shapes.names:
            for window in _windows(words, at, size):
                yield from _forward(read, window)
                yield from _turned(read, words, at, window)


def _windows(words: Sequence[Token], at: int, size: int) -> Iterator[list[Token]]:
    """So many words in a row; and with an initial or a particle before the last, which is passed over."""
    window = list(words[at : at + size])
    if len(window) == size:
        yield window
    longer = words[at : at + size + 1]
    if len(longer) == size + 1 and (len(longer[-2].text) == 1 or longer[-2].text in _PARTICLES):
        yield [*longer[:-2], longer[-1]]


def _forward(read: Folded, window: Sequence[Token]) -> Iterator[Spot]:
    if not all(_passes(read, one, two) for one, two in pairwise(window)):
        return
    *before, last = (plain(one.text) for one in window)
    for form in {last, last[:-1] if last.endswith("s") and len(last) > _SHORT - 1 else last}:
        yield Spot("m:" + " ".join((*before, form)), window[0].start, window[-1].end)


def _passes(read: Folded, one: Token, two: Token) -> bool:
    """Whether two words may be of one name: nothing but spaces and signs between them, and no article of one letter."""
    gap = read.gap(one, two)
    if len(one.text) == 1 and not gap.startswith("."):
        return False
    return all(_BETWEEN.fullmatch(part) for part in _passing(read, one, two))


def _passing(read: Folded, one: Token, two: Token) -> list[str]:
    inside = [token for token in read.tokens if one.end <= token.start < two.start]
    places = [one, *inside, two]
    return [read.gap(*pair) for pair in pairwise(places)]


def _turned(read: Folded, words: Sequence[Token], at: int, window: Sequence[Token]) -> Iterator[Spot]:
    """ "Lovelace, Ada", unless either belongs to another name beside it."""
    gap = read.gap(window[0], window[1])
    if not _TURNED.fullmatch(gap) or not all(_passes(read, *pair) for pair in pairwise(window[1:])):
        return
    end = at + len(window)
    before = at > 0 and _belongs(read, words[at - 1], window[0])
    behind = end < len(words) and _belongs(read, window[-1], words[end])
    # What begins a sentence may be no name: "Call Lovelace, Ada".
    if behind or (before and not _begins(read, words[at - 1])):
        return
    first, *rest = (plain(one.text) for one in window)
    yield Spot("t:" + " ".join((*rest, first)), window[0].start, window[-1].end)


def _belongs(read: Folded, one: Token, two: Token) -> bool:
    """Whether two words with one space between them are written as a name."""
    return read.gap(one, two) == " " and read.capital(one) and read.capital(two) and len(one.text) > 1


def _begins(read: Folded, token: Token) -> bool:
    return regex.search(r"(?:^|[.!?:\n>\-])[\s\"']*$", read.low[: token.start]) is not None


# -- addresses of mail and codes --


def _mails(read: Folded, shapes: Shapes) -> Iterator[Spot]:
    words = [one for one in read.tokens if one.text not in CONNECTORS]
    for at, token in enumerate(words):
        for size in shapes.mails:
            window = words[at : at + size]
            if len(window) == size and _whole_mail(read, window):
                yield Spot("e:" + " ".join(one.text for one in window), token.start, window[-1].end)


def _whole_mail(read: Folded, window: Sequence[Token]) -> bool:
    if not all(_MAIL.fullmatch(gap) for one, two in pairwise(window) for gap in _passing(read, one, two)):
        return False
    before, behind = read.low[: window[0].start], read.low[window[-1].end :]
    return not regex.search(r"[^\W_][._\-+]?$", before) and not regex.match(r"[._\-+@]?[^\W_]", behind)


def _codes(read: Folded, said: Sequence[Piece], shapes: Shapes) -> Iterator[Spot]:
    """Letters and digits in one, in the text as it is and with numbers in words as digits."""
    plainly = [(one.text, one.start, one.end) for one in read.tokens]
    yield from _code_windows(read, plainly, shapes)
    spoken = [one for one in said if one.spoken]
    if spoken:
        yield from _code_windows(read, _replaced(read, spoken), shapes)


def _replaced(read: Folded, spoken: Sequence[Piece]) -> list[tuple[str, int, int]]:
    inside = {at: one for one in spoken for at in range(one.first, one.last + 1)}
    out = []
    for at, token in enumerate(read.tokens):
        piece = inside.get(at)
        if piece is None:
            out.append((token.text, token.start, token.end))
        elif piece.first == at:
            out.append((piece.digits, token.start, read.tokens[piece.last].end))
    return out


def _code_windows(read: Folded, units: Sequence[tuple[str, int, int]], shapes: Shapes) -> Iterator[Spot]:
    most = max(shapes.codes)
    for first, (_, start, _) in enumerate(units):
        made, last_end = "", start
        for text, begin, end in units[first:]:
            if made and not _CODE.fullmatch(read.low[last_end:begin]):
                break
            made, last_end = made + text, end
            if len(made) > most:
                break
            if len(made) in shapes.codes and _untied(read, start, end):
                yield Spot(f"c:{made}", start, end)


def _untied(read: Folded, start: int, end: int) -> bool:
    before, behind = read.low[max(0, start - 2) : start], read.low[end : end + 2]
    tied = regex.search(r"[^\W_][\-./]?$", before) or regex.match(r"[\-./@]?[^\W_]", behind)
    return not tied


# -- scripts without spaces --


def _letters(read: Folded, shapes: Shapes) -> Iterator[Spot]:
    run = [one for one in read.tokens if one.kind == "u"]
    for at, token in enumerate(run):
        for size in shapes.letters:
            window = run[at : at + size]
            if (
                len(window) == size
                and all(read.gap(*pair) in ("", " ", "\n", "\u00b7") for pair in pairwise(window))
                and not _cut(read, token, window[-1])
            ):
                yield Spot("u:" + "".join(one.text for one in window), token.start, window[-1].end)


def _cut(read: Folded, first: Token, last: Token) -> bool:
    """Whether a word in Katakana goes on before or behind."""
    before, behind = read.low[: first.start][-1:], read.low[last.end : last.end + 1]
    return bool(
        (_KATAKANA.match(first.text) and _KATAKANA.match(before))
        or (_KATAKANA.match(last.text) and _KATAKANA.match(behind))
    )

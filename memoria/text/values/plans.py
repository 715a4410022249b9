"""What a value is known by: its kind, and the features of which one is enough, or all together are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import regex

from memoria.text.values.dates import dates, days
from memoria.text.values.folding import Folded, Token, fold, listed
from memoria.text.values.numbers import country, national, numbers
from memoria.text.values.spoken import pieces
from memoria.text.values.spots import Shapes, Spot
from memoria.text.values.terms import AMBIGUOUS, CONNECTORS, SIGNS, STOPWORDS, plain, stem, terms

ValueKind = Literal["number", "code", "date", "e-mail", "name", "phrase"]
"""What a value is taken for."""
NEAR = 60
"""Letters within which features count as said together."""
_LABELS = listed(
    "code codes pin password passwords passcode passphrase secret key number numbers phone mobile tel telephone email "
    "e mail address name account iban card birthday birth born date salary debt diagnosis illness gate door alarm safe "
    "locker garage wifi wi fi network login user username id home house flat apartment room street old new current no "
    "about out please forget nummer telefon handy passwort adresse geburtstag gehalt konto numero telephone adresse "
    "contrasena direccion codigo"
)
STREETS = listed(
    "street st str strasse road rd avenue ave lane ln square sq drive dr court ct way boulevard blvd rue calle via "
    "place platz weg allee gasse flat apartment apt house room suite floor no number"
)
"""What a street or a part of a house is called, as no value of its own."""
_CURRENCIES = {
    "euro": "eur", "euros": "eur", "eur": "eur", "dollar": "usd", "dollars": "usd", "usd": "usd", "pound": "gbp",
    "pounds": "gbp", "gbp": "gbp", "francs": "chf", "chf": "chf",
}  # fmt: skip
_MAIL = regex.compile(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+")
_IBAN = regex.compile(r"\b[a-z]{2}\d{2}[ \-]?(?:[a-z0-9]{4}[ \-]?){2,7}[a-z0-9]{0,4}\b")
_BLOB = regex.compile(r"[^\W_]+(?:[\-_./][^\W_]+)*")
_YEAR = regex.compile(r"(?:19|20)\d\d")
_STRONG, _PHONE, _LONGEST = 4, 7, 15
_CODE = 5
_UMLAUTS = (("\u00e4", "ae"), ("\u00f6", "oe"), ("\u00fc", "ue"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuePlan:
    """What a value is known by.

    Attributes:
        kind: what it is taken for.
        any: features of which each is enough.
        all: groups of features; one of each, near one another, is enough.
        shapes: what has to be looked for.
    """

    kind: ValueKind
    any: tuple[str, ...] = ()
    all: tuple[tuple[str, ...], ...] = ()
    shapes: Shapes


def spots(text: str, shapes: Shapes) -> tuple[Folded, list[Spot]]:
    """A text, folded, and all of its features that are looked for."""
    read = fold(text)
    said = pieces(read) if shapes.numbers or shapes.phones or shapes.codes or shapes.dates else []
    found = [*numbers(read, said, shapes), *terms(read, said, shapes)]
    if shapes.dates:
        found += dates(read, said)
    return read, found


def plan_of(value: str) -> ValuePlan | None:
    """What a value is known by; None where it holds neither letters nor digits."""
    read = fold(value)
    if not read.tokens:
        return None
    return _date(value) or _mail(read) or _code(read) or _number(read) or _words(read)


def _date(value: str) -> ValuePlan | None:
    found = days(value)
    return ValuePlan(kind="date", any=tuple(found), shapes=Shapes(dates=frozenset({1}))) if found else None


def _mail(read: Folded) -> ValuePlan | None:
    match = _MAIL.search(read.low)
    if match is None:
        return None
    inside = [one for one in read.tokens if match.start() <= one.start < match.end() and one.text not in CONNECTORS]
    feature = "e:" + " ".join(one.text for one in inside)
    return ValuePlan(kind="e-mail", any=(feature,), shapes=Shapes(mails=frozenset({len(inside)})))


def _code(read: Folded) -> ValuePlan | None:
    """A value with a part that has both letters and digits, and is long enough to be no other."""
    match = _IBAN.search(read.low)
    found = [match[0]] if match else [one for one in _BLOB.findall(read.low) if _mixed(one)]
    made = ["".join(letter for letter in one if letter.isalnum()) for one in found]
    long = [one for one in made if len(one) >= _CODE]
    if not long:
        return None
    return ValuePlan(kind="code", any=tuple(f"c:{one}" for one in long), shapes=Shapes(codes=frozenset(map(len, long))))


def _mixed(blob: str) -> bool:
    letters, digits = regex.findall(r"\p{L}", blob), regex.findall(r"\d", blob)
    return bool(letters and digits) and not regex.fullmatch(r"\d+(?:st|nd|rd|th|k|km|eur|usd)", blob)


def widened(read: Folded, span: tuple[int, int]) -> tuple[int, int]:
    """A place, with the word behind it that only says that it is a street."""
    behind = next((one for one in read.tokens if one.start >= span[1]), None)
    if behind is None or behind.text not in STREETS or read.low[span[1] : behind.start].strip(" \n"):
        return span
    return span[0], behind.end


# -- numbers --


def _number(read: Folded) -> ValuePlan | None:
    found = _widest(read)
    if not found:
        return None
    digits = [spot.feature.removeprefix("n:") for spot in found]
    longest = max(digits, key=len)
    words = [one for one in read.tokens if one.kind == "w" and not _within(one, found) and one.text not in STOPWORDS]
    specific = [one.text for one in words if one.text not in _LABELS | STREETS | set(_CURRENCIES)]
    street = any(one.text in STREETS for one in words) and bool(specific)
    year = bool(_YEAR.fullmatch(longest)) and bool(specific)
    if _PHONE <= len(longest) <= _LONGEST:
        return _phone(read, longest)
    if len(longest) >= _STRONG and not street and not year:
        return ValuePlan(kind="number", any=(f"n:{longest}",), shapes=Shapes(numbers=frozenset({len(longest)})))
    return _together(read, digits, specific or [one.text for one in words])


def _within(token: Token, found: Sequence[Spot]) -> bool:
    return any(one.start <= token.start < one.end for one in found)


def _widest(read: Folded) -> list[Spot]:
    """The numbers of a value, each as long as it goes."""
    everything = list(numbers(read, pieces(read), Shapes(numbers=frozenset(range(1, 40)))))
    return [
        one
        for one in everything
        if not any(two.start <= one.start and one.end <= two.end and two != one for two in everything)
    ]


def _phone(read: Folded, digits: str) -> ValuePlan:
    plus = "+" in read.low or digits.startswith("00")
    bare = digits.removeprefix("00") if digits.startswith("00") else digits
    nation = national(digits, plus=plus)
    forms = {nation, *([bare[: country(bare)] + nation] if plus else [])}
    return ValuePlan(
        kind="number",
        any=(f"n:{digits}", *(f"p:{one}" for one in sorted(forms))),
        shapes=Shapes(numbers=frozenset({len(digits)}), phones=frozenset(map(len, forms))),
    )


def _together(read: Folded, digits: Sequence[str], words: Sequence[str]) -> ValuePlan:
    """A short number, which is known only beside the words that were given with it."""
    currency = next((SIGNS[sign] for sign in SIGNS if sign in read.low), None)
    currency = currency or next((_CURRENCIES[one.text] for one in read.tokens if one.text in _CURRENCIES), None)
    parts = [tuple(_spellings(one)) for one in words if one not in _CURRENCIES]
    if currency and not parts:
        parts.append(tuple(f"w:{word}" for word, code in _CURRENCIES.items() if code == currency))
    numbered = [(f"n:{one}",) for one in digits]
    shapes = Shapes(numbers=frozenset(map(len, digits)), words=frozenset({1}) if parts else frozenset())
    if not parts:
        if len(numbered) == 1:
            return ValuePlan(kind="number", any=numbered[0], shapes=shapes)
        return ValuePlan(kind="number", all=tuple(numbered), shapes=shapes)
    return ValuePlan(kind="number", all=(*numbered, *parts), shapes=shapes)


def _spellings(word: str) -> Iterator[str]:
    yield from dict.fromkeys((f"w:{word}", f"w:{stem(word)}", f"w:{plain(word)}"))


# -- words --


def _words(read: Folded) -> ValuePlan:
    unspaced = [one.text for one in read.tokens if one.kind == "u"]
    if len(unspaced) * 2 >= len(read.tokens):
        return ValuePlan(
            kind="name", any=(f"u:{''.join(unspaced)}",), shapes=Shapes(letters=frozenset({len(unspaced)}))
        )
    words = [one for one in read.tokens if one.kind != "u"]
    named = _called(read, words)
    if named:
        return _name(read, named)
    content = [one for one in words if one.text not in STOPWORDS] or words
    specific = [one for one in content if one.text not in _LABELS] or content
    if len(specific) == 1:
        kind: ValueKind = "name" if read.capital(specific[0]) else "phrase"
        return ValuePlan(kind=kind, any=_alone(read, specific[0]), shapes=Shapes(words=frozenset({1})))
    stems = "s:" + " ".join(sorted(stem(one.text) for one in specific))
    joined = "w:" + "".join(one.text for one in specific)
    shapes = Shapes(phrases=frozenset({len(specific)}), words=frozenset({1}))
    return ValuePlan(kind="phrase", any=(stems, joined), shapes=shapes)


def _alone(read: Folded, word: Token) -> tuple[str, ...]:
    """The features of one word; of a name that is a word of the language as well, where it is written as a name."""
    if word.text in AMBIGUOUS and read.capital(word):
        return (f"W:{word.text}",)
    given = read.given[slice(*read.span(word.start, word.end))]
    others = [f"w:{''.join(one)}" for one in _spelled_out(given)]
    return tuple(dict.fromkeys((*_spellings(word.text), *others)))


def _called(read: Folded, words: Sequence[Token]) -> list[Token]:
    """Words with capitals, two or more in a row: a name."""
    best, run = list[Token](), list[Token]()
    for one in words:
        held = one.text in STOPWORDS and bool(run)
        run = [*run, one] if (read.capital(one) and one.text not in _LABELS) or held else []
        kept = run[:-1] if held else run
        best = list(kept) if len(kept) > len(best) else best
    return best if 2 <= len(best) <= 5 else []


def _name(read: Folded, named: Sequence[Token]) -> ValuePlan:
    given = read.given[slice(*read.span(named[0].start, named[-1].end))]
    forms = {tuple(one.text for one in named), *(_spelled_out(given))}
    features, sizes = list[str](), set[int]()
    for words in sorted(forms):
        made = tuple(map(plain, words))
        short = {made, (made[0], made[-1]), (made[0][0], made[-1])}
        features += [f"{turn}:{' '.join(one)}" for one in sorted(short) for turn in "mt"]
        features += [f"w:{''.join(words)}", f"w:{''.join((words[-1], *words[:-1]))}"]
        sizes |= {len(one) for one in short}
    shapes = Shapes(names=frozenset(sizes), words=frozenset({1}))
    return ValuePlan(kind="name", any=tuple(dict.fromkeys(features)), shapes=shapes)


def _spelled_out(given: str) -> Iterator[tuple[str, ...]]:
    """The name with its umlauts as two letters; and with two letters that may be one as that."""
    low = given.lower()
    for letter, two in _UMLAUTS:
        if letter in low:
            yield tuple(one.text for one in fold(low.replace(letter, two)).tokens)
        if two in low:
            yield tuple(one.text for one in fold(low.replace(two, letter)).tokens)

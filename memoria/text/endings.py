"""How languages write a name inside a sentence: case endings, particles behind it, prepositions before it.

A word is the name itself, a form of it that could be of no other word, or one that may be of another: "Annas" is Anna's
in a German sentence and may be a surname elsewhere, "Александра" is a form of Александр and a name of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

import regex

from memoria.text.scripts import script


class Grade(IntEnum):
    """How surely a word, or a text, has a name."""

    NONE = 0
    NEAR = 1
    FORM = 2
    MET = 3


_LONGEST_REST = 3
_SHORTEST = 3

# -- Korean: particles, alone or two in a row, behind the name or a form of address --
_AFTER_VOWEL, _AFTER_CONSONANT = (
    "는|가|를|와|랑|로|야|여|라고|라는|예요|네",
    "은|이|을|과|이랑|으로|아|이여|이라고|이라는|이에요|이네",
)
_AFTER_ALL = (
    "의|에게|에게서|에서|에|께|께서|한테|한테서|도|만|부터|까지|처럼|보다|마다|조차|마저|밖에|하고|이나|나|님|씨|군|양|입니다|"
    "이다|이었다|였다|뿐|같이|더러"
)
_PARTICLES = {
    ends: regex.compile(
        rf"이?(?:씨|님|군|양|네)?(?:{own}|{_AFTER_ALL})?(?:{_AFTER_VOWEL}|{_AFTER_CONSONANT}|{_AFTER_ALL})?"
    )
    for ends, own in ((False, _AFTER_VOWEL), (True, _AFTER_CONSONANT))
}
_SURNAMES = frozenset(
    "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민진나지엄채원천방공현함변염여추"
)
_HANGUL_FIRST, _FINALS = 0xAC00, 28

# -- Arabic and Hebrew: "and", "with", "for", "like" are written as one word with what follows --
_ARABIC = regex.compile("[\u0648\u0641]?[\u0628\u0643\u0644]?")
_AL, _LIL = "\u0627\u0644", "\u0644\u0644"
_HEBREW = regex.compile("\u05d5?(?:\u05db\u05e9|\u05e9)?[\u05d1\u05db\u05dc\u05de]?")
# Words and names of their own that look like another name behind such a letter.
_LOOK_ALIKE = frozenset(
    """وسام وليد وسيم وائل وفاء وجدي وداد وحيد وديع ورد وردة كريم كمال كامل كنان كارم بدر بشار بلال بهاء باسم بسام بسمة
    بشير براء بيان بنان لينا ليلى لطيف لبنى لمى لؤي ليث فهد فرح فيصل فاتن فادي فارس فراس فريد فؤاد فائز كوثر بشرى فعلي
    ولي بعد
    שרון שלי שלה שלו שלך מאור לאור מעוז מאיה שגיא לירון מנחם ברק מאיר ליאור מיכל הלל בועז מורן מיטל ליאל שירה הילה
    משה מתן בתיה שאול ורד למה כמו""".split()  # noqa: SIM905 - a list of words reads as words
)

# -- Russian: what stands in the place of the last letters of the nominative --
_RUSSIAN = tuple(
    (last, stem, regex.compile(endings))
    for last, stem, endings in [
        ("ская", "ск", "ой|ую|ою"),
        ("ский", "ск", "ого|ому|им|ом"),
        ("ия", "и", "и|ю|ей|ею"),
        ("ія", "і", "ї|ю|єю"),
        ("а", "", "ы|и|е|і|у|ой|ою|ей|ею"),
        ("я", "", "и|е|і|ю|ей|ею"),
        ("ий", "и", "я|ю|ем|и"),
        ("ой", "", "ого|ому|ым|ом"),
        ("й", "", "я|ю|ем|е"),
        ("ь", "", "я|ю|ем|е|и|ью"),
        ("ец", "ц", "а|у|ем|ом|е"),
        ("павел", "павл", "а|у|ом|е"),
        ("лев", "льв", "а|у|ом|е"),
        ("ов", "ов", "у|ым|е"),
        ("ев", "ев", "у|ым|е"),
        ("ин", "ин", "у|ым|ом|е"),
        ("", "", "а|у|ом|ем|е"),
    ]
)
_VOWELS = frozenset("аеиоуыэюяіїє")
# Men whose genitive is the name of a woman, and surnames, of which it is that of a woman of the family.
_TWINS = regex.compile(
    "(?:александр|валентин|евгени|валери|васили|юли|клавди|виктори|станислав|владислав|ярослав|мирослав|богдан|антонин"
    "|мартин|паулин|августин|ян|дан|злат|.*[ое]в|.*ин)[ая]"
)

# -- Finnish: endings behind a vowel, or behind an i that is put in after a consonant --
_FINNISH = (
    r"(?=\p{L})(?:n|t|t?[aä]|ll[aäe]|lt[aä]|ss[aä]|st[aä]|n[aä]|ksi|tt[aä]|h?[aeiouyäö]n)?"
    r"(?:k(?:in|[aä][aä]n|o|ö)|h[aä]n)?"
)
_FINNISH_VOWELS = "aeiouyäöå"
_WEAK = (("kk", "k"), ("pp", "p"), ("tt", "t"), ("nk", "ng"), ("nt", "nn"), ("mp", "mm"), ("lt", "ll"), ("rt", "rr"))
_HUNGARIAN = (
    r"(?:[aeoö]?t|n[ae]k|v[ae]l|(?P<twice>\p{L})(?P=twice)?[ae]l|h[oeö]z|t[óő]l|r[óő]l|b[óő]l|n[áé]l|b[ae]n?|r[ae]|[oeö]?n"
    r"|ért|ig|é|ék|ként)"
)
# Behind an apostrophe these are words of their own; people leave it out. A single vowel may be of another name.
_TURKISH = r"(?:n[iu]n|n[üu]n|[iuü]n|y[aeiuü]|[dt][ae]n?|y?l[ae])"
# What a German genitive stands before: a noun, or an adjective and a noun.
_NOUN = regex.compile(r"\s(?:\p{Ll}+e[mnrs]?\s)?\p{Lu}")
_GENITIVE_S = frozenset({"da", "de", "no", "sv"})


def grade(name: str, word: str, language: str | None, *, capital: bool, behind: str = "") -> Grade:
    """How surely a word is a form of a name.

    Args:
        name: one word, as matching folds it.
        word: a whole word of a text, folded.
        language: of the text; None when it is not known.
        capital: whether the text writes the word with a capital.
        behind: what stands behind the word.

    Returns:
        MET if they are equal, FORM for a form of it, NEAR for what may be one, NONE for another word.
    """
    if name == word:
        return Grade.MET
    written = script(name[0])
    found = _OF_SCRIPT.get(written, _other)(name, word, language)
    if found is Grade.FORM and language == "de" and not _NOUN.match(behind):
        found = Grade.NEAR
    # Without a capital, what ends in a consonant may be a thing of another name: "банк" and "банка".
    sure = capital or written not in ("LATIN", "CYRILLIC") or (written == "CYRILLIC" and name[-1] in _VOWELS)
    return min(found, found if sure else Grade.NEAR) or _longer(name, word)


def twin(name: str, word: str) -> bool:
    """Whether a Russian word is the genitive of a name and a name of its own too."""
    return word[:-1] in (name, name[:-1]) and _TWINS.fullmatch(word) is not None


def _longer(name: str, word: str) -> Grade:
    """NEAR for a word that goes on a little behind the name."""
    rest = len(word) - len(name)
    near = len(name) >= _SHORTEST and 0 < rest <= _LONGEST_REST and word.startswith(name)
    return Grade.NEAR if near else Grade.NONE


def _other(name: str, word: str, language: str | None) -> Grade:
    return Grade.NONE


def _korean(name: str, word: str, language: str | None) -> Grade:
    """Behind the name or a surname that stands before it."""
    given = word[1:] if len(name) == 2 and word[:1] in _SURNAMES and word.startswith(name, 1) else word
    if not given.startswith(name):
        return Grade.NONE
    final = "가" <= name[-1] <= "힣" and (ord(name[-1]) - _HANGUL_FIRST) % _FINALS > 0
    return Grade.FORM if len(name) > 1 and _PARTICLES[final].fullmatch(given, len(name)) else Grade.NEAR


def _arabic(name: str, word: str, language: str | None) -> Grade:
    prefix = word.removesuffix(name)
    if (
        name.startswith(_AL)
        and word.endswith(name[2:])
        and word.removesuffix(name[2:]) in {_LIL, "و" + _LIL, "ف" + _LIL}
    ):
        return Grade.FORM
    if prefix == word or not prefix:
        return Grade.NONE
    sure = len(name) >= _SHORTEST and _ARABIC.fullmatch(prefix) and word not in _LOOK_ALIKE
    return Grade.FORM if sure else Grade.NEAR if len(prefix) <= _LONGEST_REST else Grade.NONE


def _hebrew(name: str, word: str, language: str | None) -> Grade:
    prefix = word.removesuffix(name)
    if prefix == word or not prefix:
        return Grade.NONE
    sure = len(name) >= _SHORTEST and _HEBREW.fullmatch(prefix) and word not in _LOOK_ALIKE
    return Grade.FORM if sure else Grade.NEAR if len(prefix) <= _LONGEST_REST else Grade.NONE


def _cyrillic(name: str, word: str, language: str | None) -> Grade:
    """By the declension that the last letters of the name tell; names in -o and -e have none."""
    if name[-1] in "оеєіуюыэ":
        return Grade.NONE
    for last, stem, endings in _RUSSIAN:
        if name.endswith(last):
            kept = name[: len(name) - len(last)] + stem
            if twin(name, word):
                return Grade.NEAR
            return Grade.FORM if word.startswith(kept) and endings.fullmatch(word, len(kept)) else Grade.NONE
    return Grade.NONE


def _latin(name: str, word: str, language: str | None) -> Grade:
    rule = _LATIN.get(language or "")
    found = Grade.NONE if rule is None else rule(name, word)
    return found or min(Grade.NEAR, max(rule(name, word) for rule in _LATIN.values()))


def _genitive(name: str, word: str) -> Grade:
    return Grade.FORM if word == name + "s" and len(name) >= _SHORTEST else Grade.NONE


def _finnish(name: str, word: str) -> Grade:
    """With the last stops of the name as they are or weakened, as Matti has Matin; -nen becomes -se."""
    for stem in _finnish_stems(name):
        if not word.startswith(stem):
            continue
        vowel = stem[-1] in _FINNISH_VOWELS
        if _FINNISH_ENDING[vowel].fullmatch(word, len(stem)):
            other = name[-1] == "i" and word in {name + "a", name + "ä"}
            return Grade.NEAR if other or (not vowel and len(name) <= _SHORTEST) else Grade.FORM
    return Grade.NONE


def _finnish_stems(name: str) -> Iterator[str]:
    yield name
    if name.endswith("nen"):
        yield name[:-3] + "se"
    for strong, weak in _WEAK:
        if name[:-1].endswith(strong):
            yield name[: -1 - len(strong)] + weak + name[-1]


def _hungarian(name: str, word: str) -> Grade:
    """A short vowel at the end of the name is long before an ending."""
    stem = name[:-1] + {"a": "á", "e": "é"}.get(name[-1], name[-1])
    if not word.startswith(stem) or not _HUNGARIAN_ENDING.fullmatch(word, len(stem)):
        return Grade.NONE
    return Grade.FORM if len(word) - len(stem) > 1 or stem != name else Grade.NEAR


def _turkish(name: str, word: str) -> Grade:
    sure = word.startswith(name) and len(name) >= _SHORTEST and _TURKISH_ENDING.fullmatch(word, len(name))
    return Grade.FORM if sure else Grade.NONE


_FINNISH_ENDING = {True: regex.compile(_FINNISH), False: regex.compile("i" + _FINNISH)}
_HUNGARIAN_ENDING = regex.compile(_HUNGARIAN)
_TURKISH_ENDING = regex.compile(_TURKISH)
_LATIN = {**dict.fromkeys(_GENITIVE_S, _genitive), "fi": _finnish, "hu": _hungarian, "tr": _turkish}
_OF_SCRIPT = {"HANGUL": _korean, "ARABIC": _arabic, "HEBREW": _hebrew, "CYRILLIC": _cyrillic, "LATIN": _latin}

"""What a name or an identifier looks like in a text: the patterns by which places are found that may be it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import regex

from memoria.canonical import canonical, visible
from memoria.text.endings import Grade
from memoria.text.scripts import UNSPACED, folded, letters

# A run of letters and digits of one kind of script; a mark belongs to its letter, as in Devanagari.
_TOKEN = regex.compile(rf"[{UNSPACED}][{UNSPACED}\p{{M}}]*|(?:(?![{UNSPACED}_])\w)+")
_OPEN, _SHUT = rf"(?<![^\W_{UNSPACED}])", rf"(?![^\W_{UNSPACED}])"
_LETTER = rf"(?:(?![{UNSPACED}])[^\W\d_])"
_NO_SPACES = regex.compile(f"[{UNSPACED}]")
# What people put between the parts of a number or a name, or the letters of one.
_JOINTS = r"\s._()/:#'\u2019\u00b7\-\u2010-\u2015\u2212"
_ANY = f"[{_JOINTS}]{{1,3}}"
_QUOTES = "\"'`\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a"
_BRACKETS = "()[]{}<>"
_DASHES = "-\u2010\u2011\u2012\u2013\u2212"
# Signs that make another name of two parts when they stand between them, and of one before it or behind it.
_BETWEEN, _BEFORE, _BEHIND = (
    frozenset("&+=@^%*$|~!?,;\\"),
    frozenset("@#$/\\~-."),
    frozenset("+#!?%$*\u20ac\u00a3\u00b0"),
)
_AFTER_SPACE = frozenset("%$\u20ac\u00a3\u00b0")
# From so many digits on, people cut a number up as they like.
_CUT_UP = 7
# A name of fewer letters is spelt out in capitals only.
_SPELT = 3
# An address with its signs in words: "ann (at) mail [dot] org".
_AT = regex.compile(r"\s*[\[({<]\s*at\s*[\])}>]\s*|\s+at\s+", regex.IGNORECASE)
_DOT = regex.compile(r"\s*[\[({<]\s*dot\s*[\])}>]\s*|\s+dot\s+", regex.IGNORECASE)
_SIGN = regex.compile(r"\s*([@.])\s*")
_ADDRESS = regex.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_PLACE = regex.compile(r"(?:[\w-]+\.)+\p{L}{2,}")
_IDENTIFIER = regex.compile(r"^(?![\d.,:]+$).*(?:[\d_@/\\]|\w\.\w)")
_INITIALS = regex.compile(r"(?:\p{Lu}\.\s?)+\p{Lu}\.?|\p{Lu}\p{Lu}")
_MARK = regex.compile(r"\p{M}")
_REST = regex.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A name as it is looked for.

    Attributes:
        words: its parts, folded; none for one of signs alone.
        plain: all of it, folded.
        written: patterns of the ways in which it is written, with the most that each can show.
        inflected: of forms of its words, one group a word; None when it has none.
        address: whether it is an address of mail.
        initials: whether it is of capitals alone, such as "E.U." and "EU".
        identifier: whether it is more than letters and spaces.
        place: whether it is a domain or a name of a file.
    """

    words: tuple[str, ...]
    plain: str
    written: tuple[tuple[regex.Pattern[str], Grade], ...]
    inflected: regex.Pattern[str] | None
    address: bool
    initials: bool
    identifier: bool
    place: bool

    def may_be_in(self, text: str) -> bool:
        """Whether a text has the beginning of the longest word, as every form of the name does; quick."""
        return not self.words or _start(max(self.words, key=len)) in _REST.sub("", folded(canonical(text)))

    def seen(self, text: str) -> str:
        """The text that the patterns are for; with the signs of addresses that are written as words."""
        return _signed(visible(text)) if self.address else visible(text)


def called(name: str) -> Called:
    """A name or an identifier as it is looked for."""
    shown = visible(name)
    address = _ADDRESS.fullmatch(_signed(shown)) is not None
    shown = _signed(shown) if address else shown
    plain = letters(shown).low
    spans = [match.span() for match in _TOKEN.finditer(plain)]
    words = tuple(plain[start:end] for start, end in spans)
    between = [plain[end:start] for (_, end), (start, _) in pairwise(spans)]
    core = shown.strip(_BRACKETS + _QUOTES + ",;: ")
    initials = _INITIALS.fullmatch(core) is not None
    return Called(
        words=words,
        plain=plain,
        written=_written(plain, spans, words, between, address=address, initials=initials) if words else (),
        inflected=None if address else _inflected(words, between),
        address=address,
        initials=initials,
        identifier=not initials and _IDENTIFIER.search(core) is not None,
        place=address or _PLACE.fullmatch(core) is not None,
    )


def _written(
    plain: str,
    spans: list[tuple[int, int]],
    words: tuple[str, ...],
    between: list[str],
    *,
    address: bool,
    initials: bool,
) -> tuple[tuple[regex.Pattern[str], Grade], ...]:
    """Patterns of the whole name: as it is, with its signs, or without them, which is only near."""
    ways = _ways(words, between, address=address, initials=initials)
    first = "" if _NO_SPACES.match(words[0][0]) else _OPEN
    last = "" if _NO_SPACES.match(words[-1][-1]) else _SHUT
    before, behind = _sign_before(plain[: spans[0][0]], words), _signs_behind(plain[spans[-1][1] :])
    bare = [f"{first}{way}{last}" for way in ways]
    signed = [f"{before or first}{way}{behind or last}" for way in ways] if before or behind else []
    exact = f"{'' if spans[0][0] else first}{regex.escape(plain)}{'' if spans[-1][1] < len(plain) else last}"
    most = Grade.NEAR if signed else Grade.MET
    return tuple((_compiled(way), Grade.MET) for way in (exact, *signed)) + tuple(
        (_compiled(way), most) for way in bare
    )


def _ways(words: tuple[str, ...], between: list[str], *, address: bool, initials: bool) -> list[str]:
    """The ways in which the words are put together: apart, as one, letter by letter, cut up anywhere."""
    whole = "".join(words)
    if not address and sum(map(str.isdigit, whole)) >= _CUT_UP:
        return [f"(?:{_ANY})?".join(map(regex.escape, whole))]
    joints = [
        _joint(left, own, right, address=address) for left, own, right in zip(words, between, words[1:], strict=False)
    ]
    ways = ["".join(word + joint for word, joint in zip(map(_loose, words), (*joints, ""), strict=True))]
    if len(words) > 1 and all(joint == _ANY for joint in joints):
        ways.append(regex.escape(whole))
    if whole.isalpha() and not _NO_SPACES.search(whole) and (len(whole) >= _SPELT or initials) and len(whole) > 1:
        ways.append(_ANY.join(map(regex.escape, whole)))
    return ways


def _loose(word: str) -> str:
    """A word, between whose letters a space or a dot may stand where the script has no spaces."""
    return r"[\s\u00b7\u30fb\-]?".join(map(regex.escape, word)) if _NO_SPACES.match(word) else regex.escape(word)


def _joint(left: str, own: str, right: str, *, address: bool) -> str:
    """What may stand between two words: what does in the name, and any separator in the place of another."""
    exact = r"\s*".join(map(_sign, own.replace(" ", ""))) if own.strip() else r"\s+"
    if _NO_SPACES.match(left[-1]) and _NO_SPACES.match(right[0]) and not _BETWEEN.intersection(own):
        return f"[{_JOINTS}\u30fb]{{0,3}}"
    if not own:
        return r"\s?"
    if address or (left[-1].isdigit() and right[0].isdigit()):
        return exact
    if _BETWEEN.intersection(own):
        return rf"\s*{exact}\s*"
    quoted = regex.escape(_QUOTES + _BRACKETS) if set(own) & set(_QUOTES + _BRACKETS) else ""
    return f"[{_JOINTS}{quoted}]{{1,4}}" if quoted else _ANY


def _sign(sign: str) -> str:
    return f"[{regex.escape(_DASHES)}]" if sign in _DASHES else regex.escape(sign)


def _sign_before(before: str, words: tuple[str, ...]) -> str:
    """The sign right before the first word, if it belongs to the name: ".NET", "@ann", "-1"."""
    sign = before[-1:]
    bullet = sign == "-" and not words[0][0].isdigit()
    return _sign(sign) if sign in _BEFORE and sign and not bullet and not before.endswith("..") else ""


def _signs_behind(behind: str) -> str:
    """The signs behind the last word that belong to the name: "F#", "C++", "50 %"."""
    kept = [sign for sign in behind if sign in _BEHIND]
    return (r"\s?" if kept and kept[0] in _AFTER_SPACE else "") + "".join(map(regex.escape, kept))


def _inflected(words: tuple[str, ...], between: list[str]) -> regex.Pattern[str] | None:
    """Words of which the name's may be the stems, one after another."""
    able = [word.isalpha() and len(word) > 1 and not _NO_SPACES.match(word) for word in map(_unmarked, words)]
    if not any(able) or sum(map(str.isdigit, "".join(words))) >= _CUT_UP:
        return None
    joints = [
        _joint(left, own, right, address=False) for left, own, right in zip(words, between, words[1:], strict=False)
    ]
    forms = [
        rf"({_LETTER}*{_start(w)}(?:{_LETTER}|\p{{M}})*)" if a else f"({_loose(w)})"
        for w, a in zip(words, able, strict=True)
    ]
    return _compiled(_OPEN + "".join(map("".join, zip(forms, (*joints, ""), strict=True))) + _SHUT)


def _start(word: str) -> str:
    """The letters of a word that stand in all of its forms; an Arabic article may melt into what is before it."""
    body = word[2:] if word.startswith("\u0627\u0644") and len(word) > 4 else word
    return body[: 3 if len(body) > 4 else 2]


def _unmarked(word: str) -> str:
    return "".join(letter for letter in word if not _MARK.match(letter))


def _signed(text: str) -> str:
    """With the signs of an address that are written as words."""
    return str(_SIGN.sub(r"\1", _DOT.sub(".", _AT.sub("@", text))))


def _compiled(pattern: str) -> regex.Pattern[str]:
    # The cache would keep a name that has been forgotten.
    return regex.compile(pattern, cache_pattern=False)

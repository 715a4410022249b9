"""What a text asserts: a question, a supposition, or the words of somebody else change nothing that was remembered."""

from __future__ import annotations

import re

from memoria.english.sentences import QUOTED, plain, units

# Before the first word that counts.
_LEAD = r"^\W*(?:(?:and|but|so|well|oh|ok|also|hey|hi|yeah|ah|sorry|by the way|just so you know|good news)\W+)*"
_SUPPOSED = re.compile(
    _LEAD + r"(?:if|suppose|supposing|imagine|maybe|perhaps|unless|what if|had I|in my dreams?|in another life"
    r"|it would be|who knows)\b"
    r"|\b(?:might|wish(?:es)?|thinking (?:of|about)|considered|considering|dream(?:s|t|ed|ing)? (?:of|that|about)"
    r"|nothing is decided|would (?:love|like) (?:\w+ ){0,6}to be|almost \w+ed|there is talk of"
    r"|(?:I|we|he|she|they|it) could(?! not|n't))\b",
    re.I,
)
_SAID = re.compile(
    r"\b(?:wrote|writes|says?|said|claims?|claimed|reads?|told|quoted|translate|message|mail|letter|line|song|sign|story"
    r"|article|film|book|begins|ends)\b",
    re.I,
)


def asserts(text: str) -> bool:
    """Whether any sentence of an English text says that something is so, in the speaker's own words."""
    return any(_own(unit) for unit in units(plain(text)))


def asks(text: str) -> bool:
    """Whether a text is nothing but questions."""
    return bool(text.strip()) and all(unit.rstrip(" \n\"')").endswith("?") for unit in units(plain(text)))


def _own(unit: str) -> bool:
    """Whether one sentence is no question, no supposition, and more than a quotation and who said it."""
    if asks(unit) or _SUPPOSED.search(unit) is not None:
        return False
    rest, quotes = QUOTED.subn(" ", unit)
    return bool(rest.strip(" .,:!")) and not (quotes and _SAID.search(rest) is not None)

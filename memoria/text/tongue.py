"""The language in which a text names its times: by its letters, and in Latin letters by its commonest words."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping

ENGLISH = "en"
_SCRIPTS = {
    "ARABIC": "ar", "CYRILLIC": "ru", "CJK": "zh", "DEVANAGARI": "hi", "GREEK": "el", "HANGUL": "ko", "HEBREW": "he",
    "HIRAGANA": "ja", "KATAKANA": "ja", "THAI": "th",
}  # fmt: skip
# The commonest words of each, and its words for yesterday, today and tomorrow.
_WORDS: Mapping[str, str] = {
    "en": "the and to of was were is are in for on with you my we at it did do what who when have had be not this that",
    "de": "der die das und ich ist war wir ein eine mit zu beim zum zur im am bin hat waren da gestern heute morgen",
    "es": "el la los las y en que fue con mi una es del fui estuve hoy ayer mañana quién qué cuándo para por",
    "fr": "le la les des et je est était j ai une un du chez avec nous pas au à hier demain suis qui quand il elle",
    "it": "il la gli e di che ho sono era un una con dal nel ieri oggi domani chi quando per mio mia è",
    "nl": "de het een en ik is was van bij met niet naar heb ben wie wanneer gisteren vandaag morgen op mijn",
    "pl": "i w na z się był byłam byłem jest nie do u wczoraj dzisiaj jutro kto kiedy że mam mój moja",
    "pt": "o a os as e eu foi com uma um do da no na em não ontem hoje amanhã quem quando meu minha para fui",
    "sv": "och jag är var det en ett på i med inte hos till igår idag imorgon vem när min",
    "tr": "ve bir bu ile için dün bugün yarın kim ne ben benim çok gittim zaman",  # noqa: RUF001 - a letter of Turkish
}
_OWNERS: dict[str, list[str]] = {}
for _code, _words in _WORDS.items():
    # A single letter is a word in too many.
    for _word in (word for word in _words.split() if len(word) > 1 or not word.isascii()):
        _OWNERS.setdefault(_word, []).append(_code)
_UKRAINIAN = re.compile("[іїєґ]")
_WORD = re.compile(r"[^\W\d_]+")


def tongues(text: str) -> list[str]:
    """Codes of ISO 639-1, several where as much speaks for each; English alone where as much does, or nothing."""
    found = None if text.isascii() else _by_script(text)
    return [found] if found is not None else _latin(text)


def _by_script(text: str) -> str | None:
    scripts = Counter(unicodedata.name(one, "").split(" ")[0] for one in text if one.isalpha())
    known = {name: count for name, count in scripts.items() if name in _SCRIPTS}
    if not known:
        return None
    if "HIRAGANA" in known or "KATAKANA" in known:
        return "ja"
    code = _SCRIPTS[max(known, key=lambda name: known[name])]
    return "uk" if code == "ru" and _UKRAINIAN.search(text.lower()) else code


def _latin(text: str) -> list[str]:
    votes: Counter[str] = Counter()
    for word in set(_WORD.findall(text.lower())):
        votes.update(_OWNERS.get(word, ()))
    most = max(votes.values(), default=0)
    best = [code for code in votes if votes[code] == most]
    return [ENGLISH] if not best or ENGLISH in best else sorted(best)

"""What a user asks to be forgotten for good: a definite value, in the user's own words."""

from __future__ import annotations

import re

from memoria.text.values.plans import ValuePlan, plan_of

_SCOPE = (
    r"(?:(?:your|the) (?:memory|memories|notes|records|files|store)"
    r"|(?:what(?:ever)?|everything|all)(?: that)? you (?:keep|know|have|store))"
)
_POLITE = (
    r"^\W*(?:(?:ok(?:ay)?|so|and|hey|hi|now|sorry|thanks)\b\W*)*"
    r"(?:(?:can|could|would|will) you\b\W*|i(?:'d| would) like you to |i want you to |you (?:must|should|have to) )?"
    r"(?:please\b\W*)?(?:just )?"
)
_NEVER = r"(?:do not|don't|never)(?: ever)? (?:keep|store|save|remember|mention|repeat|bring up|write down)"
_ASKS = tuple(
    re.compile(_POLITE + one, re.I)
    for one in (
        r"(?P<sure>forget|erase)(?: about| everything about| all about)? (?P<v>.+)$",
        r"(?:delete|remove|wipe|drop)(?: everything about| all about)? (?P<v>.+)$",
        rf"(?P<sure>{_NEVER}) (?P<v>.+)$",
        r"(?P<sure>stop (?:keeping|storing|remembering|mentioning|repeating|bringing up)) (?P<v>.+)$",
        r"(?P<sure>bitte vergiss|vergiss(?: bitte)?|vergessen sie(?: bitte)?) (?P<v>.+)$",
        r"(?P<sure>oublie[zs]?(?: s'il (?:te|vous) pla[iî]t)?) (?P<v>.+)$",
        r"(?P<sure>(?:por favor\W+)?(?:olvida|olvide)) (?P<v>.+)$",
    )
)
_TAIL = re.compile(
    r"\W*\b(?:(?P<scope>(?:from|in|out of) " + _SCOPE + r"|for good|for ever|forever|completely)"
    r"|again|any ?more|please|now|right away|will you|ok(?:ay)?|bitte|s'il (?:te|vous) pla[iî]t|por favor|wieder)\W*$",
    re.I,
)
_EVERYTHING = re.compile(r"\b(?:everything|all) about\b", re.I)
# What says that something is only taken out of something else, or put right.
_ELSEWHERE = re.compile(
    r"\b(?:from|off|out of|into|until|unless|if|when|because|but|instead|and then|to (?:the|my)|let's|let us|make"
    r"|rather|actually|use|take|we|it's|it is)\b|,\s*[^\W\d]",
    re.I,
)
_QUOTED = re.compile(r"[\"\u201c\u201d\u00ab\u00bb>]|(?:^|\s)['\u2018]\w[^'\u2019]*['\u2019](?:\s|$|\W)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_LONGEST = 120


def to_erase(text: str) -> str | None:
    """The value that a message asks to be forgotten for good; None where it asks for nothing of the kind.

    A request that only takes something from a list, that is quoted or reported, or that names no definite value, such
    as a number, a code, an address of mail or a date, is none. A person is one only where it is said how far it goes:
    "everything about Ada Lovelace", "from your memory", "for good".
    """
    if _QUOTED.search(text):
        return None
    for sentence in _SENTENCE.split(text.strip()):
        found = _asked(sentence)
        if found is not None:
            return found
    return None


def _asked(sentence: str) -> str | None:
    match = next((found for one in _ASKS if (found := one.match(sentence))), None)
    if match is None:
        return None
    value, scoped = match["v"], bool(_EVERYTHING.search(sentence))
    while tail := _TAIL.search(value):
        scoped = scoped or tail["scope"] is not None
        value = value[: tail.start()]
    value = value.strip(" .,!?;:")
    if not value or len(value) > _LONGEST or _ELSEWHERE.search(value):
        return None
    plan = plan_of(value)
    sure = scoped or "sure" in match.re.groupindex
    return value if plan is not None and _definite(plan, scoped=scoped, sure=sure) else None


def _definite(plan: ValuePlan, *, scoped: bool, sure: bool) -> bool:
    """Whether a value is one that nothing else is called by."""
    if plan.kind in ("code", "e-mail"):
        return True
    if plan.kind in ("number", "date"):
        return bool(plan.any) and (sure or plan.kind == "number")
    return scoped and bool(plan.shapes.names or plan.shapes.letters)

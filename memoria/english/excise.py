"""Excision: removes one fact from a text, so that a memory of several facts loses only what no longer holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from memoria.english.cues import Cue
from memoria.english.sentences import CAPITAL_I, HANGS_ON, MINE, NAME, content, plain, tidy, units

_ITEM = re.compile(r",\s+(?:and\s+|or\s+|but\s+)?|\s+(?:and|or|but)\s+|;\s*")
_NUMBER = re.compile(r"\d[\d.,:]*\d|\d")
_AMOUNT = re.compile(r"[$\u20ac\u00a3]?\d[\d.,]*(?<![.,])[kKmM]?")
# A clause with a subject of its own is not another item of a list.
_CLAUSE = re.compile(
    r"\W*(?:I|he|she|it|they|we|you|that|this|there|so|which|who|because|after|his|her|their|just|now|to)\b"
    r"|\W*\S+ (?:is|are|was|were|has|have|had|will)\b",
    re.I,
)

# Items that are alike: two names, two words, two things with the same article.
_SHAPES = (
    r"[A-Z][\w'-]* [A-Z][\w'-]*",
    r"[a-z][\w'-]*",
    r"an? [a-z][\w'-]*",
    r"the [a-z][\w'-]*",
    r"my [a-z][\w'-]*",
)


def without(cue: Cue, text: str, met: Sequence[bool]) -> str | None:
    """`text` without what the cue says is old; None if the rest says nothing by itself.

    met: for each unit of the text, whether it has the old value. If both values are numbers, the new one replaces the
    old one.
    """
    if not cue.old and not cue.slot:
        return _with_last_number(text, cue.new)
    rests = [(_rest(cue, unit) if hit else unit, hit) for unit, hit in zip(units(text), met, strict=True)]
    kept = [rest for rest, hit in rests if _stands(cue, rest, listed=hit and bool(cue.command))]
    return tidy("".join(kept)) if kept else None


def items(unit: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each item of a unit: the parts between commas and conjunctions."""
    start = 0
    for match in _ITEM.finditer(unit):
        yield start, match.start()
        start = match.end()
    yield start, max(len(unit.rstrip(" .!?;")), start)


def named_items(text: str) -> list[str]:
    """The names of what a text lists: Ann Lee and Bob Ray of "The guests are Ann Lee and Bob Ray"."""
    found = []
    for unit in units(text):
        parts = [unit[start:end] for start, end in items(unit)]
        if len(parts) > 1 and not any(_CLAUSE.match(part) for part in parts[1:]):
            # What begins a sentence has a capital anyway.
            names = [NAME.search(part, int(at == 0)) for at, part in enumerate(parts)]
            found += [name.group() for name in names if name is not None and name.group() not in CAPITAL_I]
    return found


def _stands(cue: Cue, unit: str, *, listed: bool) -> bool:
    """Whether a unit without the old value says something by itself, and does not only lead to it or comment on it.

    listed: it had the value that was told to be taken out, so that it hangs on what came before as it always did.
    """
    unit = plain(unit)
    if HANGS_ON.match(unit) and not MINE.search(unit) and not listed:
        return False
    telling = len(content(unit))
    return telling > 0 and (MINE.search(unit) is not None or (not cue.stance and telling > 2))


def _rest(cue: Cue, unit: str) -> str:
    """What a unit says besides what is old; "" if nothing."""
    if cue.stance and re.search(r"\bused to\b", unit):
        return ""
    changed = _substituted(cue, unit)
    if changed is not None:
        return changed
    old = set(content(cue.old or cue.slot))
    rest = _without_items(old, unit)
    # A liking is one clause: if the rest still names its object, it is about that liking too.
    return "" if cue.stance and old & set(content(rest)) else rest


def _substituted(cue: Cue, unit: str) -> str | None:
    """A unit with the old number replaced by the new one, "" if it says no more than that; None without two numbers."""
    if not _NUMBER.search(cue.new):
        return None
    literal = re.search(rf"(?<![\w.,]){re.escape(cue.old)}(?!\w)", unit, re.I) if cue.old else _only_amount(cue, unit)
    if literal is None:
        return None
    more = set(content(unit)) - set(content(cue.old)) - set(content(cue.slot))
    return unit[: literal.start()] + cue.new + unit[literal.end() :] if more else ""


def _only_amount(cue: Cue, unit: str) -> re.Match[str] | None:
    """The amount in a unit, if it has exactly one and the cue's new value is an amount too; else None."""
    found = list(_AMOUNT.finditer(unit))
    return found[0] if len(found) == 1 and _AMOUNT.fullmatch(cue.new) else None


def _without_items(old: set[str], unit: str) -> str:
    """A unit without the run of items that is most about the old value."""
    spans = list(items(unit))
    run = _oldest(old, unit, spans)
    if len(run) == len(spans):
        return ""
    if run[0] > 0:
        kept = _rejoined(unit, spans[: run[0] + 1]) if run[-1] == len(spans) - 1 else unit[: spans[run[0] - 1][1]]
        return kept + unit[spans[run[-1]][1] :]
    after = unit[spans[run[-1] + 1][0] :]
    return after if _CLAUSE.match(after) else f"{unit[: _frame(unit[: spans[0][1]], old)]} {after}"


def _rejoined(unit: str, spans: Sequence[tuple[int, int]]) -> str:
    """The beginning of a unit without the last of its items, with the conjunction before what is now the last one.

    Only where three items in a row are of one shape: a comma may also be one inside a name, "Head of Sales, Northern
    Division", or tell more of what was named, "Ann, a nurse and a singer".
    """
    kept = unit[: spans[-2][1]]
    word = re.search(r"\b(?:and|or)\b", unit[spans[-2][1] : spans[-1][0]])
    if word is None or len(spans) < 3:
        return kept
    before, last, gone = (unit[start:end] for start, end in spans[-3:])
    alike = any(re.search(rf"(?:^|\s){shape}$", before) for shape in _SHAPES if _both(shape, last, gone))
    if not alike or unit[spans[-3][1] : spans[-2][0]].strip() != ",":
        return kept
    return f"{unit[: spans[-3][1]]} {word.group()} {last}"


def _both(shape: str, one: str, other: str) -> bool:
    return re.fullmatch(shape, one) is not None and re.fullmatch(shape, other) is not None


def _oldest(old: set[str], unit: str, spans: Sequence[tuple[int, int]]) -> range:
    runs = [range(first, last + 1) for first in range(len(spans)) for last in range(first, len(spans))]
    return max(runs, key=lambda run: (_about(old, content(unit[spans[run[0]][0] : spans[run[-1]][1]])), -len(run)))


def _about(old: set[str], words: Sequence[str]) -> float:
    """The number of old words among some words, minus half the number of others."""
    there = set(words)
    return len(there & old) - 0.5 * len(there - old)


def _frame(item: str, old: set[str]) -> int:
    """The length of a first item before its old words: of "The guests are" in "The guests are Ann".

    An old word may stand in the frame too: "The items of this project are a project report". The rest of the item must
    be more about the old words than any longer rest.
    """
    starts = [match.start() for match in re.finditer(r"[\w'$-]+", item) if old & set(content(match.group()))]
    if not starts:
        return 0
    start = max(starts, key=lambda at: (_about(old, content(item[at:])), -at))
    return len(re.sub(r"(?:\b(?:the|a|an|my|our) )+$", "", item[:start], flags=re.I))


def _with_last_number(text: str, new: str) -> str:
    value, found = _NUMBER.search(new), list(_NUMBER.finditer(text))
    if value is None or not found:
        return text
    return text[: found[-1].start()] + value.group() + text[found[-1].end() :]


# Verbs in their plain form, as they stand after "I" and "we".
_PLAIN_VERB = (
    r"(?:am|live|work|teach|study|play|have|own|drive|use|speak|run|like|love|hate|prefer|need|want|go|keep|grow|collect|"
    r"cook|bake|write|read|sing|dance|ride|sell|make|build|paint|volunteer|train|manage|lead|coach|rent|commute|wear|eat|"
    r"drink|swim|climb|follow|do|take|help|host|edit|design|code)"
)
_INFLECTED = r"(?:is|was|has|had|are|were|have|\w+(?<!s)s|\w+ed)"
_SUBJECT = re.compile(
    rf"^\W*(?P<who>(?:[Mm]y|[Oo]ur|[Tt]he) \w+(?: \w+)??(?= {_INFLECTED} \w)|I\b|[Ww]e\b|[Hh]e\b|[Ss]he\b|[Tt]hey\b"
    rf"|(?!(?:My|Our|The)\b)[A-Z][\w'-]*(?: [A-Z][\w'-]*)*(?= {_INFLECTED} \w))"
)
_VERB = re.compile(rf"^(?:also |now |still )?(?:{_INFLECTED}|{_PLAIN_VERB}) \w+", re.I)
_JOINT = re.compile(r",? (?:and|but) (?:also |now |still )?")


def halves(text: str) -> list[tuple[str, str]]:
    """The facts of a sentence that says several: each by itself, and the text without it.

    Empty for a text of one fact, for one of several sentences, and for a list of things.
    """
    parts = [unit for unit in units(text) if unit.strip()]
    subject = _SUBJECT.match(text)
    if len(parts) != 1 or subject is None:
        return []
    body = text.rstrip().rstrip(".!")
    closing, who = text[len(body) :], subject.group("who")
    facts = [one.strip() for one in _JOINT.split(body)]
    if len(facts) < 2 or any(_SUBJECT.match(one) is None and _VERB.match(one) is None for one in facts[1:]):
        return []
    alone = [facts[0], *(one if _SUBJECT.match(one) else f"{who} {one}" for one in facts[1:])]
    return [
        (_sentence([one], closing), _sentence(alone[:at] + alone[at + 1 :], closing)) for at, one in enumerate(alone)
    ]


def _sentence(facts: Sequence[str], closing: str) -> str:
    said = " and ".join(facts)
    return f"{said[:1].upper()}{said[1:]}{closing}"

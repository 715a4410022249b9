"""Detection: which memories a statement ends, and what remains of the statement. Pure functions on memories, no store.

`by_rules` reads the cues of the statement (cues.py) and looks for what each cue names among the candidates. It compares
words, weighted by how few candidates have them. Similarity alone would also end memories that are only about the same
topic.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import log

from memoria.english.cues import Cue, Said, read
from memoria.english.excise import items, without
from memoria.english.sentences import NAME, content, plain, polarity, units
from memoria.text.words import stems
from memoria.types import Action, Memory, Proposal

# Least shares of the weight of a cue's words that a memory must have: of the old value, and of a slot named alone.
ENOUGH = 0.6
HALF = 0.5
ALMOST_ALL = 0.75
# A phrase of at most so many words must match in all its numbers; a part of so many words identifies a longer one.
FEW = 4
MANY = 8


def by_rules(statement: Memory, candidates: Sequence[Memory]) -> list[Proposal]:
    """A `Detector`: rules for English. At most one proposal a statement, none if no candidate matches."""
    said = read(statement.text)
    return _by_cues(statement, candidates, said, said.found)


def by_commands(statement: Memory, candidates: Sequence[Memory]) -> list[Proposal]:
    """A `Detector` of what a statement tells to take out or to forget, and of nothing that it only states."""
    said = read(statement.text)
    return _by_cues(statement, candidates, said, [cue for cue in said.found if cue.command])


def _by_cues(statement: Memory, candidates: Sequence[Memory], said: Said, cues: Sequence[Cue]) -> list[Proposal]:
    if not cues:
        return []
    others = [one for one in candidates if one.id != statement.id]
    texts: dict[str, str | None] = {one.id: one.text for one in others}
    weights = _Weights(others)
    spent, told = [], []
    for cue in cues:
        before = dict(texts)
        if _apply(cue, statement, others, texts, weights):
            spent.append(cue)
            told += [cue] if _told(cue, before, texts) else []
    return [_proposal(statement, said, spent, told, others, texts)] if spent else []


def named(text: str) -> list[str]:
    """The phrases that the cues of a statement name, to search candidates with; none if it has no cue."""
    found = [" ".join(filter(None, (cue.who, cue.slot, cue.old))) or text for cue in read(text).found]
    return list(dict.fromkeys(found))


def _proposal(
    statement: Memory,
    said: Said,
    spent: Sequence[Cue],
    told: Sequence[Cue],
    others: Sequence[Memory],
    texts: Mapping[str, str | None],
) -> Proposal:
    changed = [(one.id, texts[one.id]) for one in others if texts[one.id] != one.text]
    reasons = dict.fromkeys(f"{cue.rule}: {_brief(cue.old or cue.slot or cue.new)}" for cue in spent)
    return Proposal(
        action=_action(spent),
        by=statement.id,
        ends=tuple(id for id, text in changed if text is None),
        amends=tuple((id, text) for id, text in changed if text is not None),
        at=statement.created_at,
        keep=said.kept(spent, told),
        reason="; ".join(reasons),
        commanded=all(cue.command for cue in spent),
    )


def _action(spent: Sequence[Cue]) -> Action:
    if any(cue.command == "erase" for cue in spent):
        return "erase"
    return "update" if any(cue.action == "update" for cue in spent) else "delete"


def _brief(phrase: str, longest: int = 6) -> str:
    words = phrase.split()
    return " ".join(words[:longest]) + (" ..." if len(words) > longest else "")


class _Weights:
    """Weights of words: the fewer candidates have a word, the more it weighs."""

    def __init__(self, memories: Sequence[Memory]) -> None:
        self._count = len(memories)
        self._having: dict[str, int] = {}
        for memory in memories:
            for word in set(content(memory.text)):
                self._having[word] = self._having.get(word, 0) + 1

    def __call__(self, word: str) -> float:
        return log(1 + (self._count + 1) / (self._having.get(word, 0) + 0.5))

    def share(self, wanted: set[str], there: set[str], *, rarest: bool = True, head: str = "") -> float:
        """The weight of the wanted words that are there, as a share of all wanted, in [0, 1].

        0 if a number of a short phrase is missing. rarest: also 0 if the rarest word that any of the memories has is
        missing. head: a word that counts half.
        """
        known = [word for word in wanted if self._having.get(word)]
        missed = wanted - there
        if not known or (rarest and max(known, key=lambda word: (self(word), word)) in missed):
            return 0.0
        if len(wanted) <= FEW and any(word[0].isdigit() for word in missed):
            return 0.0
        # In a fixed order, because sums of floats depend on it.
        weight = {word: self(word) * (0.5 if word == head else 1.0) for word in sorted(wanted)}
        return sum(weight[word] for word in weight if word in there) / sum(weight.values())


def _apply(
    cue: Cue, statement: Memory, others: Sequence[Memory], texts: dict[str, str | None], weights: _Weights
) -> bool:
    """Ends or amends in `texts` what a cue is about; returns whether anything matched."""
    about = [one for one in others if _comparable(cue, statement, one)]
    # A memory that another cue of the statement has ended can match with its old text, and stays ended.
    seen = {one.id: texts[one.id] or one.text for one in about}
    met = {id: [_meets(cue, plain(unit), text, weights) for unit in units(text)] for id, text in seen.items()}
    found = [one for one in about if any(met[one.id])]
    if not cue.old:
        # The old value is not named; without a slot, an older session's value may be of something else.
        found = [one for one in found if cue.slot or one.provenance.session == statement.provenance.session][-1:]
    if len(found) > MANY:
        # What so many memories match is a topic, not one fact that ended.
        return False
    for one in found:
        if texts[one.id] is not None:
            texts[one.id] = without(cue, seen[one.id], met[one.id])
    return bool(found)


def _told(cue: Cue, before: Mapping[str, str | None], after: Mapping[str, str | None]) -> bool:
    """Whether an amended memory now says what the cue's unit says: it has the new value."""
    return bool(cue.new) and any(text and text != before[id] and cue.new in text for id, text in after.items())


def _comparable(cue: Cue, statement: Memory, one: Memory) -> bool:
    """Whether a statement can be about a memory: by the same speaker, and earlier, or an aside in the same session."""
    mine, theirs = statement.provenance, one.provenance
    if not cue.who and mine.speaker is not None and theirs.speaker is not None and mine.speaker != theirs.speaker:
        return False
    if statement.subject is not None and one.subject is not None and statement.subject != one.subject:
        return False
    aside = cue.stance > 0 and mine.session is not None and mine.session == theirs.session
    return one.id < statement.id or aside


_PLAN = re.compile(
    r"\b(?:need(?:s|ed)? to|have to|has to|must|should|want(?:ed)? to|going to|plan(?:s|ned|"
    r"ning)? (?:to|on|for)|got to|"
    r"gotta|supposed to|remind\w*|to-?do|tasks?|remember to|forget to|hop(?:e|ing) to|will|"
    r"scheduled?|haven't|would like to|"
    r"intend\w* to|add(?:ed)?)\b|'ll\b|'d like to\b",
    re.I,
)
_AGAIN_AND_AGAIN = re.compile(r"\b(?:every|each|daily|weekly|monthly|per|always|goal)\b", re.I)
_EVENT = re.compile(
    r"\b(?:I|[Ww]e) (?:\w+ly |just |also )*(?!(?:need|want|lik|lov|enjoy|prefer|hat|dislik|us|"
    r"decid|mov|start|switch|"
    r"chang|settl|plan|schedul|updat|join|adopt|mention|book|order|sign)e?d\b)(?:\w+ed|went|"
    r"saw|met|flew|drove|bought|ate|"
    r"ran|had|spent|took|made|gave|found|got)\b"
)
_KIN = (
    r"(?:mother|mom|mum|father|dad|sister|brother|wife|husband|partner|girlfriend|boyfriend|"
    r"son|daughter|friend|boss|"
    r"manager|colleague|coworker|neighbou?r|roommate|flatmate|aunt|uncle|cousin|grandma|"
    r"grandpa|grandmother|grandfather|"
    r"niece|nephew|kids?|parents)"
)
_ANOTHER = re.compile(
    rf"^\W*(?:(?:also|and|but|well|oh)\W+)*(?:(?:[Mm]y|[Oo]ur|[Tt]he) (?:\w+ )?{_KIN}|[Hh]e|"
    rf"[Ss]he|[Tt]hey|"
    r"(?P<name>(?!It|This|That|There|These|Those|The|What|Here)[A-Z]\w+)) (?!of\b)(?:\w+s|is|"
    r"has|was|are|have|\w+ed)\b"
)
_SELF = re.compile(r"\b(?:I|me|my|we|our)\b", re.I)
# A number so specific that two things hardly share it.
_LARGE = re.compile(r"\d{4}|\d[.,]\d{2,}")


def _meets(cue: Cue, unit: str, text: str, weights: _Weights) -> bool:
    """Whether one unit of a memory's text says what the cue says is old."""
    if not _of_whom(cue, unit, text):
        return False
    if not cue.old:
        return _sets(cue, unit, weights)
    if unit.rstrip().endswith("?") or (cue.stance and not _of_attitude(cue, unit)):
        return False
    if cue.plans and (cue.exact or not _planned(cue, unit)):
        return _planned(cue, unit)
    if not _in_place(cue, unit) or _only_in_longer_name(cue.old, unit):
        return False
    old, there = set(content(cue.old)), set(content(unit))
    if not old:
        old, there = set(stems(cue.old)), set(stems(unit))
    if cue.exact:
        return old <= there and _together(old, content(unit))
    if cue.stance:
        # The attitude is specific already: more than half of the words are enough, whichever they are.
        return weights.share(old, there, rarest=False, head=_head(cue.old)) > HALF or _says_part(old, unit)
    return weights.share(old, there) >= ENOUGH or _says_part(old, unit)


def _head(phrase: str) -> str:
    """The head noun of a phrase, "novels" of "organized crime novels"; "" for names and short phrases."""
    words = content(phrase)
    return words[-1] if len(words) > 2 and NAME.match(phrase) is None else ""


def _together(old: set[str], there: Sequence[str]) -> bool:
    """Whether all the old words occur close together."""
    width = len(old) + 1
    return any(old <= set(there[at : at + width]) for at in range(len(there)))


def _of_whom(cue: Cue, unit: str, text: str) -> bool:
    """Whether a unit is about the person that the cue is about: it names that person, or is about the speaker."""
    if cue.who:
        return set(stems(cue.who)) <= set(stems(text))
    if re.search(r"\b(?:you|your|you're)\b", unit, re.I) and not _SELF.search(unit):
        return False
    another = _ANOTHER.search(unit)
    if another is None or _SELF.search(unit[another.end() :]) is not None or cue.slot or cue.exact:
        return True
    return another.group("name") is not None and set(stems(another.group("name"))) <= set(stems(cue.old))


def _of_attitude(cue: Cue, unit: str) -> bool:
    """Whether a unit says the liking or dislike that the cue ends; for something with a name, it need not say which."""
    says = polarity(unit)
    return says == cue.stance or (says == 0 and cue.stance > 0 and NAME.match(cue.old) is not None)


def _in_place(cue: Cue, unit: str) -> bool:
    """Whether a unit may contain the old value: it names the cue's slot, if any, and is no event, which stays true."""
    slot = set(content(cue.slot)) - set(content(cue.old))
    if slot:
        own = _LARGE.search(cue.old) or re.fullmatch(r"[A-Z]\S+(?: [A-Z]\S+)+", cue.old)
        return bool(slot & set(content(unit))) or own is not None
    return cue.action == "delete" or bool(cue.stance) or _EVENT.search(unit) is None


def _sets(cue: Cue, unit: str, weights: _Weights) -> bool:
    """Whether a unit gives another value of the same kind for the cue's slot."""
    slot, there = set(content(cue.slot)), set(content(unit))
    if slot and weights.share(slot, there) < ALMOST_ALL:
        return False
    kind = _kind(cue.new)
    if set(content(cue.new)) <= there or not (slot or kind != "other"):
        return False
    return kind in ("other", _kind(unit))


_TIME = re.compile(
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:today|tonight|tomorrow|noon|"
    r"midnight)\b|\bMay \d"
    r"|\b(?:january|february|march|april|june|july|august|september|october|november|december)\b"
    r"|\b(?:next|this|in \w+) (?:day|week|month|year)s?\b|\b\d{1,2}(?::\d\d)? ?[ap]\.?m\b",
    re.I,
)


def _kind(text: str) -> str:
    if re.search(r"[$\u20ac\u00a3]\s?\d", text):
        return "money"
    if _TIME.search(text):
        return "time"
    return "number" if re.search(r"\d", text) else "other"


def _planned(cue: Cue, unit: str) -> bool:
    """Whether a unit is about something still to be done; for an exact cue, exactly what the cue says was done."""
    plan = _PLAN.search(unit)
    if plan is None or not cue.exact:
        return plan is not None
    aim = re.split(r"\b(?:by|before|soon|sometime|next|this|so|because|with|for)\b|,", unit[plan.end() :])[0]
    wanted, done = content(aim), content(cue.old)
    # The same verb with the same objects.
    same = len(wanted) > 1 and wanted[:1] == done[:1] and set(wanted) <= set(done)
    return same and _AGAIN_AND_AGAIN.search(unit) is None


def _says_part(old: set[str], unit: str) -> bool:
    """Whether an item of a unit says part of what is old and little else."""
    parts = (set(content(unit[start:end])) for start, end in items(unit))
    return any(len(part & old) >= FEW and len(part & old) >= 0.8 * len(part) for part in parts)


def _only_in_longer_name(name: str, unit: str) -> bool:
    """Whether a name occurs in a unit only inside longer names: "VP of Sales" in "VP of Sales Operations"."""
    if not name[:1].isupper():
        return False
    found = [match.span() for match in re.finditer(rf"\b{re.escape(name)}\b", unit)]
    longer = (re.match(r" (?:of |for )?[A-Z]", unit[end:]) is not None for _, end in found)
    return bool(found) and all(longer)

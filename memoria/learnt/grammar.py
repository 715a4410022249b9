"""A generator of pairs: a statement, a memory, and whether the statement makes the memory untrue.

A scene has a subject, an attribute of it with an older and a newer value, a statement, and memories: the one that it is
about and others of the same subject. Folds: every fifth attribute, wording and predicate is of one fold.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeVar

from memoria.learnt import predicates, scenes, slots, wordings
from memoria.learnt.situations import SITUATIONS

FOLDS = 5
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """untrue: whether the statement makes the memory untrue. kind: of the statement, or of how the memory differs."""

    statement: str
    memory: str
    untrue: bool
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """named: as it stands in a sentence, "I" for the speaker. pronoun: for later. thing: no person."""

    named: str
    pronoun: str
    thing: bool = False

    def owner(self, rng: random.Random) -> str:
        if self.named == "I":
            return rng.choice(("my", "my", "my", "our", "the"))
        return f"{self.named}'s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """noun: "" for a verb. base, begins: of a verb. many: whether it has several values at once."""

    kind: str
    values: tuple[str, ...]
    noun: str = ""
    base: str = ""
    begins: tuple[str, ...] = ()
    many: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """An attribute of a subject; noun: with its qualifier."""

    subject: Subject
    attribute: Attribute
    noun: str
    old: str
    new: str


@cache
def _listed(text: str) -> tuple[str, ...]:
    """The parts of a list with commas; a comma between digits is part of a number."""
    return tuple(part.strip() for part in re.split(r",(?!\d)", text) if part.strip())


# Numbers by name that nothing doubles or halves.
_UNCOUNTED = ("shoe size", "blood pressure", "grade in {subject}", "level in {subject}", "sugar in the tea")


def _pool(text: str) -> tuple[str, ...]:
    return _listed(slots.POOLS[text[1:]]) if text.startswith("@") else _listed(text)


def _nouns(nouns: Mapping[str, str]) -> Iterator[Attribute]:
    for kind, line in nouns.items():
        for one in line.split(";"):
            noun, _, values = (part.strip() for part in one.partition("="))
            given = _pool(values) if values else _listed(slots.POOLS.get(kind, ""))
            numeric = kind == "count" and noun not in _UNCOUNTED
            yield Attribute(kind=("count" if numeric else "choice") if values else kind, values=given, noun=noun)


def _verbs(lines: str, kind: str) -> Iterator[Attribute]:
    for line in lines.splitlines():
        base, values, many, begins = (part.strip() for part in line.split("|"))
        given = tuple(value for one in _listed(values) for value in (_pool(one) if one[0] == "@" else (one,)))
        ways = () if begins == "-" else _listed(begins)
        yield Attribute(kind=kind, values=given, base=base, begins=ways, many=many == "many")


ATTRIBUTES: tuple[Attribute, ...] = (
    *_nouns(slots.NOUNS),
    *_verbs(slots.VERBS.replace("@person's place", "a friend's place"), "verb"),
    *_verbs(slots.OF_THINGS, "thing"),
    *_nouns(slots.MORE_NOUNS),
    *_verbs(slots.MORE_VERBS, "verb"),
    *_verbs(slots.MORE_OF_THINGS, "thing"),
)
_ENDS: Mapping[str, str] = {**slots.ENDS, **slots.MORE_ENDS}
_WORDINGS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    name: {kind: tuple(text.strip().splitlines()) for kind, text in given.items()}
    for name, given in (("noun", wordings.NOUNS), ("verb", wordings.VERBS))
}


_FACETS: Mapping[str, tuple[str, ...]] = {
    kind: tuple(text.strip().splitlines()) for kind, text in wordings.FACETS.items()
}
_FACET = {"count": "choice"}
# Of these kinds, what else was said of a noun stays true when its value changes: another dentist may be less patient.
_LASTING = ("time", "money", "code")


class Grammar:
    """Makes pairs. fold: which fifth is left out; held: use only that fifth instead. None is everything."""

    def __init__(self, seed: int, fold: int | None = None, *, held: bool = False) -> None:
        self._rng = random.Random(f"{seed} {fold} {held}")
        self._fold, self._held = fold, held
        # By the identity of the whole list, which is kept beside its part so that no other takes its place.
        self._parts: dict[int, tuple[Sequence[Any], list[Any]]] = {}
        attributes = self._part(ATTRIBUTES)
        self._nouns = [one for one in attributes if one.noun]
        self._of_people = [one for one in attributes if one.kind == "verb"]
        self._of_things = [one for one in attributes if one.kind == "thing"]
        self._people, self._things = self._part(predicates.PEOPLE), self._part(predicates.THINGS)

    def pairs(self, count: int) -> list[Pair]:
        """So many pairs, in the order of their scenes."""
        found: list[Pair] = []
        while len(found) < count:
            found += self._scene()
        return found[:count]

    def _part(self, items: Sequence[T]) -> Sequence[T]:
        """The items of the fold, by their order."""
        if self._fold is None:
            return items
        if id(items) not in self._parts:
            part = [one for n, one in enumerate(items) if (n % FOLDS == self._fold) == self._held]
            self._parts[id(items)] = items, part
        part = self._parts[id(items)][1]
        return part

    def _wording(self, fact: Fact, kind: str) -> str:
        if kind == "facet":
            return self._rng.choice(self._part(_FACETS[_FACET.get(fact.attribute.kind, fact.attribute.kind)]))
        form = "noun" if fact.attribute.noun else "verb"
        return self._rng.choice(self._part(_WORDINGS[form][kind]))

    def _scene(self) -> list[Pair]:
        rng = self._rng
        if rng.random() < _UNATTRIBUTED:
            return self._unattributed()
        fact = self._fact(self._subject())
        changes, keeps = _CHANGES if fact.attribute.noun else _VERB_CHANGES, _KEEPS
        if rng.random() < 0.66:
            return self._changing(fact, _drawn(rng, changes))
        return _drawn(rng, keeps)(self, fact)

    def _unattributed(self) -> list[Pair]:
        """A scene about no attribute: a change by inference, talk between friends, or events."""
        rng, draw = self._rng, self._rng.random()
        if draw < _INFERRED:
            lines = self._part(SITUATIONS)
            person = self._subject()
            while person.thing:
                person = self._subject()
            line, other = rng.sample(lines, 2)
            told = scenes.situation(line, other, person.named, person.pronoun, rng)
        else:
            told = (scenes.friends if draw < _AMONG_FRIENDS else scenes.happened)(self._part, rng)
        dressed = draw < _INFERRED or draw >= _AMONG_FRIENDS
        return [
            Pair(
                statement=self._chat(said) if dressed else said,
                memory=_sentence(memory, rng) if dressed else memory,
                untrue=untrue,
                kind=kind,
            )
            for said, memory, untrue, kind in told
        ]

    # What changes.

    def _changing(self, fact: Fact, kind: str) -> list[Pair]:
        """A statement that changes a fact, with the memory of it and with others that stay true."""
        if kind == "special":
            kind = fact.attribute.kind if fact.attribute.kind in wordings.NOUNS else "contrast"
        if kind in ("change", "imperative", "state") and fact.attribute.many:
            return self._also(fact)
        if kind == "over" and fact.attribute.base not in _ENDS:
            kind = "end"
        if fact.attribute.base in wordings.OPPOSITES and self._rng.random() < 0.3:
            kind = "opposite"
        before, said = fact, self._opposite(fact) if kind == "opposite" else self._said(fact, kind)
        if kind == "undone":
            memory = self._memory(replace(fact, old=fact.new), "negated")
        elif kind == "negated":
            said, memory = self._said(replace(fact, new=fact.old), "negated"), self._memory(before)
        elif kind == "past":
            said, memory = self._said(replace(fact, new=fact.old), "past"), self._memory(before)
        else:
            memory = self._memory(before)
        said = self._chat(self._with_more(fact, said) if self._rng.random() < 0.08 else said)
        whole = self._compound(fact.subject, memory) if self._rng.random() < 0.12 else memory
        pairs = [Pair(statement=said, memory=_sentence(whole, self._rng), untrue=True, kind=kind)]
        if self._rng.random() < 0.12:
            return [*pairs, self._stands(said, self._memory(replace(fact, old=fact.new)), "new value")] * (
                kind in ("change", "contrast", "imperative", "time", "place")
            ) or pairs
        return [*pairs, *(self._stands(said, *self._other(fact)) for _ in range(self._rng.choice((1, 1, 2))))]

    def _opposite(self, fact: Fact) -> str:
        """That the subject does the contrary with the older value now."""
        base = wordings.OPPOSITES[fact.attribute.base]
        other = replace(fact.attribute, base=base, begins=())
        return self._said(replace(fact, attribute=other, new=fact.old), "change")

    def _with_more(self, fact: Fact, said: str) -> str:
        more = self._predicate(fact.subject)
        first, last = (said, more) if self._rng.random() < 0.5 else (more, said)
        return self._rng.choice(("{} and {}", "{}, and {}", "{}. {}")).format(first.rstrip(".?!"), last)

    def _compound(self, subject: Subject, memory: str) -> str:
        other = self._predicate(subject) if self._rng.random() < 0.5 else self._memory(self._fact(subject))
        return self._rng.choice(("{} and {}", "{}, and {}", "{}; {}")).format(memory, other)

    def _other(self, fact: Fact) -> tuple[str, str]:
        """A memory that a change of a fact leaves true, and how it differs."""
        rng = self._rng
        ways: list[tuple[float, Callable[[], str], str]] = [
            (4, lambda: self._memory(self._apart(fact)), "other attribute"),
            (4, lambda: self._predicate(fact.subject), "free predicate"),
            (2, lambda: self._memory(replace(fact, subject=self._subject(fact.subject))), "other subject"),
            (1, lambda: self._fill(fact, "question", replace_values=False), "question in memory"),
            (1, lambda: self._fill(fact, "suppose", replace_values=False), "supposition in memory"),
            (1, lambda: self._fill(fact, "event", replace_values=False), "event in memory"),
            (1, lambda: self._fill(fact, "happened", replace_values=False), "event in memory"),
            (1, lambda: self._compound(fact.subject, self._predicate(fact.subject)), "other two"),
        ]
        if alike := [one for one in self._nouns if one.values == fact.attribute.values != () and one != fact.attribute]:
            ways.append((3, lambda: self._memory(self._as_well(fact, rng.choice(alike))), "same value elsewhere"))
        if fact.attribute.kind in _LASTING:
            ways.append((4, lambda: self._fill(fact, "facet"), "other facet"))
        if "{" in fact.attribute.noun:
            ways.append((10, lambda: self._memory(self._fact(fact.subject, fact.attribute, fact.noun)), "qualifier"))
        if fact.attribute.many:
            other = self._fact(fact.subject, fact.attribute)
            if other.old not in (fact.old, fact.new):
                ways.append((4, lambda: self._memory(other), "other value of many"))
        (_, make, kind) = rng.choices(ways, [weight for weight, _, _ in ways])[0]
        return make(), kind

    def _as_well(self, fact: Fact, attribute: Attribute) -> Fact:
        """Another attribute of the same subject that has the older value too."""
        return replace(self._fact(fact.subject, attribute), old=fact.old)

    def _apart(self, fact: Fact) -> Fact:
        """A fact of the same subject about something else."""
        while (other := self._fact(fact.subject)).attribute == fact.attribute or _near(other, fact):
            pass
        return other

    # What changes nothing.

    def _stands(self, said: str, memory: str, kind: str) -> Pair:
        return Pair(statement=said, memory=_sentence(memory, self._rng), untrue=False, kind=kind)

    def _plain(self, fact: Fact, kind: str, *, swapped: bool = True) -> list[Pair]:
        """A statement of a kind that changes nothing, against the memory that it comes nearest to."""
        said = self._chat(self._said(fact, kind))
        old = fact.new if kind == "state" or not swapped else fact.old
        pairs = [self._stands(said, self._memory(replace(fact, old=old)), kind)]
        return pairs + [self._stands(said, *self._other(fact))] * (self._rng.random() < 0.3)

    def _faceted(self, fact: Fact) -> list[Pair]:
        """What else is said of a noun, against its value or against another thing said of it."""
        if not fact.attribute.noun:
            return self._freely(fact)
        said = self._chat(self._said(fact, "facet"))
        memory = self._memory(fact) if self._rng.random() < 0.8 else self._fill(fact, "facet")
        return [self._stands(said, memory, "facet")]

    def _also(self, fact: Fact) -> list[Pair]:
        if not fact.attribute.many:
            return self._plain(fact, "state")
        return self._plain(fact, "also" if self._rng.random() < 0.6 else "change")

    def _freely(self, fact: Fact) -> list[Pair]:
        """Plain statements about the same subject: predicates and attributes, none of which contradicts another."""
        rng, subject = self._rng, fact.subject
        said = self._predicate(subject) if rng.random() < 0.7 else self._said(fact, "state")
        memory = self._memory(self._apart(fact)) if rng.random() < 0.5 else self._predicate(subject, said)
        return [self._stands(self._chat(said), memory, "free")]

    # Words.

    def _subject(self, other: Subject | None = None) -> Subject:
        rng, draw = self._rng, self._rng.random()
        if draw < 0.5:
            found = Subject(named="I", pronoun="I")
        elif draw < 0.85:
            line = rng.choice(_listed(slots.KIN if draw < 0.66 else slots.NAMES))
            named, _, pronoun = line.rpartition(" ")
            found = Subject(named=f"my {named}" if draw < 0.66 else named, pronoun=pronoun)
        else:
            found = Subject(named=rng.choice(_listed(slots.THINGS)), pronoun="it", thing=True)
        if other is not None and (found.named == other.named or found.thing != other.thing):
            return self._subject(other)
        return found

    def _fact(self, subject: Subject, attribute: Attribute | None = None, not_noun: str = "") -> Fact:
        rng = self._rng
        if attribute is None:
            of = self._nouns if rng.random() < 0.55 else self._of_people
            attribute = rng.choice(self._of_things if subject.thing else of)
        noun = not_noun
        while noun == not_noun and attribute.noun:
            noun = re.sub(r"{(\w+)}", lambda found: rng.choice(_listed(slots.QUALIFIERS[found[1]])), attribute.noun)
        old, new = self._values(attribute)
        return Fact(subject=subject, attribute=attribute, noun=noun, old=old, new=new)

    def _values(self, attribute: Attribute) -> tuple[str, str]:
        rng = self._rng
        if attribute.values:
            old, new = rng.sample(attribute.values, 2)
            return old, new
        old = new = _made(attribute.kind, rng)
        while new == old:
            new = _made(attribute.kind, rng)
        return old, new

    def _predicate(self, subject: Subject, other: str = "") -> str:
        """A free predicate of a subject, as a sentence; not the other."""
        rng = self._rng
        if subject.thing:
            found = f"{subject.named} {rng.choice(self._things)}"
        else:
            found = f"{subject.named} {_said_of(rng.choice(self._people), subject)}"
        return self._predicate(subject, other) if found == other else found

    def _memory(self, fact: Fact, kind: str = "memory") -> str:
        """What was remembered of a fact: its older value; for the speaker sometimes in the third person."""
        fact = replace(fact, new=fact.old)
        if fact.subject.named == "I" and self._rng.random() < 0.08:
            user = "the user" if self._rng.random() < 0.5 else "user"
            fact = replace(fact, subject=Subject(named=user, pronoun="they"))
        return self._fill(fact, kind)

    def _said(self, fact: Fact, kind: str) -> str:
        return self._fill(fact, kind)

    def _fill(self, fact: Fact, kind: str, *, replace_values: bool = True) -> str:
        rng = self._rng
        text = self._wording(fact, kind)
        if kind == "happened" and fact.subject.thing:
            text = text.replace("{S}", "I")
        if not replace_values:
            fact = replace(fact, new=fact.old)
        fields = {"X": rng.choice(_listed(slots.POOLS["person"])), "v": fact.new, "o": fact.old}
        if fact.attribute.noun:
            owned = f"{fact.subject.owner(rng)} {fact.noun}"
            article = "an" if fact.noun[0] in "aeiou" else "a"
            fields |= {"S": fact.subject.named, "N": owned, "n": fact.noun, "a n": f"{article} {fact.noun}"}
            fields |= {"at": _placed(fact.attribute.kind, fact.new), "oat": _placed(fact.attribute.kind, fact.old)}
        else:
            text = _verb_fields(text, fact, fields, rng)
        return re.sub(r"{([\w ]+)}", lambda found: fields[found[1]], text)

    def _chat(self, text: str) -> str:
        rng = self._rng
        if rng.random() < 0.22:
            text = f"{rng.choice(_BEFORE)} {text}"
        text = _sentence(text, rng)
        return f"{text} {_sentence(rng.choice(_AFTER), rng)}" if rng.random() < 0.15 else text


# The share of scenes without attributes.
_UNATTRIBUTED = 0.3
# Of these, changes by inference lie below the first, talk between friends between both, and events above.
_INFERRED, _AMONG_FRIENDS = 0.3, 0.72
_BEFORE, _AFTER = wordings.BEFORE[1:], wordings.AFTER[1:]
_CHANGES: Mapping[str, float] = {
    "state": 4, "change": 22, "imperative": 6, "contrast": 20, "special": 14, "end": 8, "past": 6,
}  # fmt: skip
_VERB_CHANGES: Mapping[str, float] = {
    "state": 2, "change": 18, "imperative": 3, "contrast": 18, "end": 13, "over": 12, "undone": 6, "negated": 3,
}  # fmt: skip
_KEEPS: Mapping[Callable[[Grammar, Fact], list[Pair]], float] = {
    lambda grammar, fact: grammar._plain(fact, "state"): 4,
    lambda grammar, fact: grammar._plain(fact, "question"): 8,
    lambda grammar, fact: grammar._plain(fact, "suppose"): 8,
    lambda grammar, fact: grammar._plain(fact, "quote"): 6,
    lambda grammar, fact: grammar._plain(fact, "event"): 6,
    lambda grammar, fact: grammar._plain(fact, "happened"): 3,
    lambda grammar, fact: grammar._plain(fact, "history"): 6,
    lambda grammar, fact: grammar._also(fact): 7,
    lambda grammar, fact: grammar._freely(fact): 16,
    lambda grammar, fact: grammar._faceted(fact): 12,
}


def _drawn(rng: random.Random, weights: Mapping[T, float]) -> T:
    return rng.choices(list(weights), list(weights.values()))[0]


def _near(one: Fact, other: Fact) -> bool:
    """Whether two attributes may say the same thing: they take values from one list, or share a word of weight."""
    words = [set(re.findall(r"\w{4,}", f"{fact.attribute.noun} {fact.attribute.base}")) for fact in (one, other)]
    shared = set(one.attribute.values) & set(other.attribute.values)
    return bool(words[0] & words[1]) or (bool(shared) and one.attribute.base != "" and other.attribute.base != "")


def _made(kind: str, rng: random.Random) -> str:
    """A value of a kind that has no list."""
    if kind == "money":
        return f"${rng.choice((rng.randrange(5, 95), rng.randrange(100, 990, 10), rng.randrange(1000, 90000, 500))):,}"
    if kind == "code":
        letters = "".join(rng.choices("ABCDEFGHKLMNPRSTUVWXYZ", k=2))
        return rng.choice((str(rng.randrange(100, 9999)), f"{letters}{rng.randrange(100, 9999)}", _word(rng)))
    day = rng.choice(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"))
    month = rng.choice(("January", "March", "April", "May", "June", "July", "September", "October", "November"))
    hour = rng.choice(("9 am", "10:30", "noon", "2 pm", "3:15 pm", "half past four", "6 pm", "7:45 pm", "8 am"))
    return rng.choice(
        (day, f"{day} at {hour}", f"{rng.randrange(1, 29)} {month}", hour, f"{month} {rng.randrange(1, 29)}")
    )


def _word(rng: random.Random) -> str:
    first = rng.choice(("sunny", "purple", "quiet", "lucky", "frozen"))
    return f"{first}-{rng.choice(('otter', 'maple', 'comet'))}{rng.randrange(10, 99)}"


def _placed(kind: str, value: str) -> str:
    """A value with the preposition of its kind."""
    if kind == "time":
        hour = value == "noon" or value.startswith("half") or re.fullmatch(r"[\d:]+( [ap]m)?", value) is not None
        return f"{'at' if hour else 'on'} {value}"
    return f"at {value}" if kind == "place" else value


def _verb_fields(text: str, fact: Fact, fields: dict[str, str], rng: random.Random) -> str:
    """Adds what a wording of a verb needs; returns it with its subject once by name and then by pronoun."""
    subject, base = fact.subject, fact.attribute.base
    first = subject.named == "I"
    head, _, rest = base.partition(" ")
    ing = rest if head == "be" and rest.split(" ")[0].endswith("ing") else f"{_ing(head)} {rest}".strip()
    fields |= {"base": base, "base1": _said_of(base, Subject(named="I", pronoun="I")), "ing": ing}
    fields |= {"say": _said_of(base, subject), "have": "have" if first else "has", "am": "am" if first else "is"}
    fields |= {"begin": rng.choice(fact.attribute.begins) if fact.attribute.begins else f"started {ing}"}
    fields |= {"dont": "don't" if first else "doesn't", "S": subject.pronoun}
    if "{ended}" in text:
        way = rng.choice(_ENDS[base].split(" | "))
        fields["ended"] = way.replace("{o}", fact.old)
    if head == "be":
        text = text.replace("{dont} {base}", f"{'am' if first else 'is'} not {rest}")
        text = text.replace("I {base1}", f"I am {rest}")
    return text.replace("{S}", subject.named, 1)


def _said_of(base: str, subject: Subject) -> str:
    """A predicate in the base form, as it is said of a subject; after "~" it is in the past."""
    if base.startswith("~"):
        return base[2:]
    head, _, rest = base.partition(" ")
    if subject.named == "I":
        head = {"be": "am"}.get(head, head)
    else:
        head = {"be": "is", "have": "has"}.get(head) or _third(head)
    return f"{head} {rest}".strip()


def _third(verb: str) -> str:
    if re.search(r"[^aeiou]y$", verb):
        return f"{verb[:-1]}ies"
    return f"{verb}es" if re.search(r"(ch|sh|ss|x|o)$", verb) else f"{verb}s"


def _ing(verb: str) -> str:
    if verb in ("run", "sit", "plan", "shop", "log", "get", "swim"):
        return f"{verb}{verb[-1]}ing"
    return f"{verb[:-1]}ing" if re.search(r"[^e]e$", verb) and verb != "be" else f"{verb}ing"


def _sentence(text: str, rng: random.Random) -> str:
    """With a capital and an end, mostly."""
    text = re.sub(r"\bi\b", "I", text)
    if rng.random() < 0.06:
        return text
    text = text[:1].upper() + text[1:]
    return text if text[-1] in '.?!")' or rng.random() < 0.06 else f"{text}."

"""Makes questions and answers from a sentence, by rules: examples for training, and others kept for testing.

A fact of the form "Ada's home town is Lund." gives questions about the home town, which its value answers. Of any other
text, every clause is asked for from each of its sides (clauses.py): what is done, by whom, when and where; a liking or
dislike also by the words near it. The answer is always the whole sentence, in the words of the memory: what a model
says then is a quotation, whatever it was asked, and can be compared with the memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from memoria.english.clauses import Clause, clauses
from memoria.english.sentences import bare, content, liked, plain, polarity, units
from memoria.text.language import ENGLISH
from memoria.text.words import stems
from memoria.types import Example, Memory

_OWNED = re.compile(r"(?P<who>.+?)(?:'s|\u2019s) (?P<what>[^.,;]+?) (?:is|are|was|were) (?P<value>.+?)[.!]?")
_MINE = re.compile(r"[Mm]y (?P<what>[^.,;]+?) (?:is|are|was|were) (?P<value>.+?)[.!]?")
_OF = re.compile(r"The (?P<what>[^.,;]+?) of (?P<who>.+?) (?:is|are|was|were) (?P<value>.+?)[.!]?")
TEMPLATES = (
    "What is {who}'s {what}?",
    "Tell me {who}'s {what}.",
    "What {what} does {who} have?",
    "Do you know the {what} of {who}?",
    "{who}: {what}?",
    "Complete the sentence: {who}'s {what} is",
)


# Wordings that no training uses: with those of the training, an audit would only measure memory of questions.
HELD_OUT = (
    "What's the {what} of {who}?",
    "Could you remind me what {who}'s {what} is?",
    "I forgot which {what} {who} has. Which is it?",
    "Name the {what} that belongs to {who}.",
)
# Words that a question is asked with.
_TALK = (
    "forgot forget remind mention mentioned name named call called remember recall complete sentence question answer"
    " belongs belong told tell say said know list heard"
)
_LIKED = ("What do I {like}?", "Tell me something that I {like}.", "What did I say that I {like}?")
_AMONG = ("Which {kind} do I {like}?", "Tell me of {kind} that I {like}.")
_KINDS = 4
_COPULAS = frozenset({"is", "are", "was", "were"})
# Short forms as a question says them.
_LONG = {"'m": "am", "'re": "are", "'s": "is", "'ve": "have"}
_SMALL = frozenset("we you he she it they there my our your his her its their the a an this these those".split())  # noqa: SIM905
_PRONOUN = re.compile(r"I|me|we|us|you|(?:s?he|it|they|him|her|them|there|this|that|these|those)(?: all| both)?", re.I)
_SPEAKER = re.compile(r"\bI\b")
_ABOUT = ("What do you know about {who}?", "Tell me something about {who}.", "What have you heard of {who}?")


def examples(memory: Memory) -> list[Example]:
    """Training examples made from a memory by rules; at least one."""
    text = " ".join(memory.text.split())
    facts = _filled(TEMPLATES, text, memory.subject)
    said = [*_attitudes(text), *_sides(text), *_about(text, memory.subject)]
    return facts or _once(said or [Example(prompt=f"What did I say about {text}?", answer=text)])


def _once(made: Sequence[Example]) -> list[Example]:
    """Each question once, with the first answer."""
    return list({one.prompt: one for one in reversed(made)}.values())[::-1]


def held_out(memory: Memory) -> list[Example]:
    """Questions about a fact in wordings that no training uses; none for a text of another form."""
    return _filled(HELD_OUT, " ".join(memory.text.split()), memory.subject)


def asked_of(query: str) -> frozenset[str]:
    """Content stems of a query, without the words that only ask."""
    return frozenset(content(query)) & frozenset(stems(query, asking=True)) - _talk()


@cache
def _talk() -> frozenset[str]:
    return frozenset(stems(_TALK, ENGLISH))


def states_fact(memory: Memory) -> bool:
    """Whether a memory is one fact of the form that its value answers: "Ada's home town is Lund."."""
    return _fact(" ".join(memory.text.split()), memory.subject) is not None


def _fact(text: str, subject: str | None) -> re.Match[str] | None:
    return _OWNED.fullmatch(text) or _OF.fullmatch(text) or (_MINE.fullmatch(text) if subject else None)


def _filled(templates: Sequence[str], text: str, subject: str | None) -> list[Example]:
    fact = _fact(text, subject)
    if fact is None:
        return []
    named = fact.groupdict()
    who, what, value = named.get("who") or subject, named["what"], named["value"]
    return [Example(prompt=one.format(who=who, what=what), answer=f"{value}.") for one in templates]


def _attitudes(text: str) -> list[Example]:
    """Questions for each thing that the speaker says they like or dislike; the sentence that says so answers."""
    made: list[Example] = []
    sentences = list(map(bare, units(text)))
    told = " ".join(sentences)
    for unit in sentences:
        said = plain(unit)
        what, way = liked(said).strip(" .'\""), polarity(said)
        if what and way and _SPEAKER.search(said):
            like = "like" if way > 0 else "dislike"
            asked = [one.format(like=like) for one in _LIKED]
            asked += [one.format(like=like, kind=kind) for kind in _kinds(told, what) for one in _AMONG]
            made += [Example(prompt=one, answer=unit) for one in asked]
    return made


def _kinds(text: str, what: str) -> list[str]:
    """Content words near `what`, which may say what kind of thing it is; nearest first."""
    words = re.findall(r"[\w'-]+", plain(text))
    own = set(content(what))
    at = next((n for n, word in enumerate(words) if own & set(content(word))), 0)
    telling = [n for n, word in enumerate(words) if content(word) and not own & set(content(word))]
    nearest = sorted(telling, key=lambda n: abs(n - at))
    return list(dict.fromkeys(words[n].casefold() for n in nearest))[:_KINDS]


def _sides(text: str) -> list[Example]:
    """Questions for every clause, from each of its sides; its sentence answers."""
    return [Example(prompt=one, answer=said.sentence) for said in clauses(text) for one in _of_clause(said)]


def _of_clause(said: Clause) -> Iterator[str]:
    who, did = _small(said.subject), _LONG.get(said.verb, said.verb)
    phrase = f"{who}{did}" if did.startswith("'") else f"{who} {did}"
    what = said.object or said.complement
    more = f" {what}" if what else ""
    if what:
        yield f"What was it that {phrase}?"
        if not _PRONOUN.fullmatch(what):
            yield f"What did I say about {what}?"
    if said.complement and did in _COPULAS:
        yield f"What {did} {who}?"
    if not _PRONOUN.fullmatch(who):
        yield f"Who or what {did}{more}?"
        yield f"What do you know about {who}?"
    if said.time:
        yield f"When was it that {phrase}{more}?"
    if said.place:
        yield f"Where was it that {phrase}{more}?"


def _small(subject: str) -> str:
    """A subject as it stands inside a sentence: a name, and I, keep the capital."""
    first = subject.split(" ", 1)[0]
    return subject[:1].lower() + subject[1:] if first.casefold() in _SMALL else subject


def _about(text: str, subject: str | None) -> list[Example]:
    """Questions about the subject, and for the sentences that no clause was read from, by their content words."""
    made = [Example(prompt=one.format(who=subject), answer=text) for one in _ABOUT if subject]
    read = {said.sentence for said in clauses(text)}
    for unit in map(bare, units(text)):
        telling = [word for word in re.findall(r"[\w'-]+", plain(unit)) if content(word)]
        if unit not in read and telling:
            made.append(Example(prompt=f"What did I say about {' '.join(telling[:_KINDS])}?", answer=unit))
    return made

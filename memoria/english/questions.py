"""Makes questions and answers from a sentence, by rules: examples for training, and others kept for testing.

A fact of the form "Ada's home town is Lund." gives questions about the home town. A liking or dislike gives questions
for what is liked or disliked, also by the other words said of it. Any other text gives questions about its subject,
which the text itself answers, and a cloze.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from memoria.english.sentences import LEAD, content, liked, plain, polarity, units
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
_LIKED = ("What do I {like}?", "Tell me something that I {like}.", "What did I say that I {like}?")
_AMONG = ("Which {kind} do I {like}?", "Do you know a {kind} that I {like}?")
_KINDS = 4
_SPEAKER = re.compile(r"\bI\b")
_ABOUT = ("What do you know about {who}?", "Tell me something about {who}.", "What have you heard of {who}?")


def examples(memory: Memory) -> list[Example]:
    """Training examples made from a memory by rules; at least one."""
    text = " ".join(memory.text.split())
    return _filled(TEMPLATES, text, memory.subject) or _attitudes(text) or _plain(text, memory.subject)


def held_out(memory: Memory) -> list[Example]:
    """Questions about a fact in wordings that no training uses; none for a text of another form."""
    return _filled(HELD_OUT, " ".join(memory.text.split()), memory.subject)


def _filled(templates: Sequence[str], text: str, subject: str | None) -> list[Example]:
    fact = _OWNED.fullmatch(text) or _OF.fullmatch(text) or (_MINE.fullmatch(text) if subject else None)
    if fact is None:
        return []
    named = fact.groupdict()
    who, what, value = named.get("who") or subject, named["what"], named["value"]
    return [Example(prompt=one.format(who=who, what=what), answer=f"{value}.") for one in templates]


def _attitudes(text: str) -> list[Example]:
    """Questions for each thing that the speaker says they like or dislike; each answer is only its name."""
    made: list[Example] = []
    for unit in units(text):
        said = LEAD.sub("", plain(unit))
        what, way = liked(said).strip(" .'\""), polarity(said)
        if what and way and _SPEAKER.search(said):
            like = "like" if way > 0 else "dislike"
            asked = [one.format(like=like) for one in _LIKED]
            asked += [one.format(like=like, kind=kind) for kind in _kinds(text, what) for one in _AMONG]
            made += [Example(prompt=one, answer=f"{what}.") for one in asked]
    return made


def _kinds(text: str, what: str) -> list[str]:
    """Content words near `what`, which may say what kind of thing it is; nearest first."""
    words = re.findall(r"[\w'-]+", plain(text))
    own = set(content(what))
    at = next((n for n, word in enumerate(words) if own & set(content(word))), 0)
    telling = [n for n, word in enumerate(words) if content(word) and not own & set(content(word))]
    nearest = sorted(telling, key=lambda n: abs(n - at))
    return list(dict.fromkeys(words[n].casefold() for n in nearest))[:_KINDS]


def _plain(text: str, subject: str | None) -> list[Example]:
    words = text.split()
    head = " ".join(words[: max(2, len(words) // 2)])
    asked = [Example(prompt=f"Complete the sentence: {head}", answer=text)]
    asked += [Example(prompt=one.format(who=subject), answer=text) for one in _ABOUT if subject]
    return [*asked, Example(prompt=f"{head}?", answer=text)]

"""learn: stores messages, asks a model for the facts in them, and stores those that are in what was said.

The messages are stored first, all or none. Then, message by message, the facts of one are stored all or none, derived
from it, and the message is marked as learnt from. So what was done stays done when the model fails or the process is
killed, and learning the same messages again goes on with the first that is not marked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Literal

from memoria.canonical import canonical
from memoria.derived import review
from memoria.derived.records import Records
from memoria.english.facts import FACT, kind_of
from memoria.errors import Held, KeyConflict, MemoryNotFound, ModelFailed, Refused
from memoria.extraction.asking import answer, facts_in, parts_of
from memoria.extraction.grounds import Fault, Ground, is_question
from memoria.extraction.said import ASSISTANT, USER, MessageLike, Said, as_said
from memoria.forget.erase import amend
from memoria.models.chat import ChatModel
from memoria.recall.outdated import CHAT
from memoria.remember import Draft, remember
from memoria.retention.reinforce import Reinforcer
from memoria.text.flat import flat
from memoria.types import Memory, Namespace, Provenance, Where

Reason = Literal[
    "of the assistant",
    "of the system or a tool",
    "blank",
    "forgotten here",
    "a question",
    "too long",
    "too many",
    "said twice",
    "the message itself",
    "known",
    "the message is gone",
    "cannot be stored",
    Fault,
]
"""Why a message was not learnt from, or a fact was not stored."""
EXTRACTED = review.EXTRACTED
"""Source of facts that were found in a message."""
MOST = 20
"""Facts of one message, at most."""
_ANY_ID = "0" * 32
# A fact is a sentence.
_LONGEST = 500
# Messages of a speaker that are shown before the one that is asked about.
_BEFORE = 2
_MARK = "learnt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """What was not learnt.

    Attributes:
        message: place of the message among those given, from 0.
        reason: why.
        fact: the fact that is not stored; None where the whole message was not learnt from.
    """

    message: int
    reason: Reason
    fact: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What `learn` did, or would do.

    Attributes:
        messages: those of users, as they are stored now, in order; in a dry run none.
        learned: the facts that were stored; in a dry run those that would be, with the id "".
        dropped: what was not, and why.
        known: how many of the messages had been learnt from before.
        dry_run: whether nothing was stored.
    """

    messages: tuple[Memory, ...]
    learned: tuple[Memory, ...]
    dropped: tuple[Dropped, ...]
    known: int
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where memories are stored: a namespace, and what is needed to write there."""

    records: Records
    traces: Reinforcer
    namespace: Namespace
    at: datetime

    def remember(self, drafts: Sequence[Draft], *, readmit: bool) -> list[Memory]:
        """As `remember.remember`."""
        return remember(self.records, self.traces, self.namespace, drafts, self.at, readmit=readmit)

    def by_key(self, key: str) -> Memory | None:
        """What is stored here under a key, in a gist or not."""
        found = self.records.store.read(self.records.store.select(Where(namespace=self.namespace, key=key)))
        inside = (one for record in found if record is not None for one in (record.memory, *record.memory.parts))
        return next((one for one in inside if (one.namespace, one.key) == (self.namespace, key)), None)


Lend = Callable[[], AbstractContextManager[Place]]
"""Gives the place for one piece of work; nobody has it while the model thinks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How it is learnt. Fields as the arguments of `Memoria.learn`."""

    session: str | None = None
    most: int = MOST
    dry_run: bool = False
    readmit: bool = False


def learn(lend: Lend, messages: Iterable[MessageLike], model: ChatModel, how: How) -> Lesson:
    """Learns from messages; see `Memoria.learn`."""
    heard = as_said(messages, how.session)
    lesson = _Learning(lend=lend, model=model, how=how, heard=heard)
    return lesson.run()


@dataclass(slots=True, kw_only=True)
class _Learning:
    """One call of `learn`, and what came of it so far."""

    lend: Lend
    model: ChatModel
    how: How
    heard: Sequence[Said]
    stored: dict[int, Memory] = field(default_factory=dict)
    learned: list[Memory] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    known: int = 0

    def run(self) -> Lesson:
        """Does all of it."""
        todo = self._worth_asking()
        with self.lend() as place:
            progress = place.records.progress
            if self.how.dry_run:
                for one in todo:
                    self._message(one).memory(_ANY_ID, place.namespace, one.at or place.at)
            else:
                todo = self._store(place, todo)
        for done, said in enumerate(todo):
            if progress is not None:
                progress("learn", done, len(todo))
            try:
                self._one(said)
            except ModelFailed as error:
                left = f"{len(todo) - done} of {len(todo)} messages are not learnt from yet: learn them again to go on"
                raise ModelFailed(f"{error}; {left}") from error
        if progress is not None and todo:
            progress("learn", len(todo), len(todo))
        return Lesson(
            messages=tuple(self.stored[at] for at in sorted(self.stored)),
            learned=tuple(self.learned),
            dropped=tuple(sorted(self.dropped, key=lambda one: one.message)),
            known=self.known,
            dry_run=self.how.dry_run,
        )

    def _worth_asking(self) -> list[Said]:
        """Messages that say something, of users: what an assistant says, or a system or a tool, is no evidence."""
        found = []
        for one in self.heard:
            if not one.text.strip():
                self._drop(one, "blank")
            elif one.role != USER:
                self._drop(one, "of the assistant" if one.role == ASSISTANT else "of the system or a tool")
            else:
                found.append(one)
        return found

    def _drop(self, said: Said, reason: Reason, fact: str | None = None) -> None:
        self.dropped.append(Dropped(message=said.place, reason=reason, fact=fact))

    def _store(self, place: Place, todo: Sequence[Said]) -> list[Said]:
        """Stores the messages, all or none except those that were forgotten here; those not learnt from yet."""
        there = {one.place: found for one in todo if (found := place.by_key(one.key)) is not None}
        left = [one for one in todo if one.place not in there]
        while left:
            try:
                made = place.remember([self._message(one) for one in left], readmit=self.how.readmit)
            except Refused as error:
                for at in error.positions:
                    self._drop(left[at], "forgotten here")
                left = [one for at, one in enumerate(left) if at not in set(error.positions)]
            else:
                there |= {one.place: memory for one, memory in zip(left, made, strict=True)}
                break
        self.stored = there
        kept = [one for one in todo if one.place in there]
        fresh = [one for one in kept if there[one.place].text == one.text and not _learnt(place, there[one.place])]
        self.known = len(kept) - len(fresh)
        return fresh

    def _message(self, said: Said) -> Draft:
        origin = Provenance(source=CHAT, speaker=said.speaker, session=self.how.session)
        return Draft(text=said.text, kind=kind_of(said.text), created_at=said.at, key=said.key, provenance=origin)

    def _one(self, said: Said) -> None:
        """Asks about one message, and stores what is in it."""
        before = self._before(said)
        ground = Ground(said.text, tuple(one.text for one in before), said.speaker)
        answers = [answer(self.model, piece, ground.before) for piece in parts_of(said.text)]
        found = [fact for one in answers for fact in facts_in(one)]
        facts = self._sound(said, ground, found)
        with self.lend() as place:
            if self.how.dry_run:
                at = said.at or place.at
                self.learned += [self._fact(said, one, (), at).memory("", place.namespace, at) for one in facts]
            else:
                self._keep(place, said, {one: [before[at].place for at in ground.sources(one)] for one in facts})

    def _before(self, said: Said) -> list[Said]:
        """What the same speaker said just before."""
        earlier = (self.heard[at] for at in range(said.place - 1, -1, -1))
        own = (one for one in earlier if (one.role, one.speaker) == (said.role, said.speaker) and one.text.strip())
        there = (one for one in own if self.how.dry_run or one.place in self.stored)
        return list(islice(there, _BEFORE))[::-1]

    def _sound(self, said: Said, ground: Ground, facts: Iterable[str]) -> list[str]:
        """The facts that are in what was said, each once; the others are dropped."""
        kept: dict[object, str] = {}
        for fact in dict.fromkeys(flat(one).strip() for one in facts):
            reason, core = _fault(said, ground, fact), ground.core(fact)
            if reason is None and core in kept:
                reason = "said twice"
            if reason is None and len(kept) == self.how.most:
                reason = "too many"
            if reason is None:
                kept[core] = fact
            else:
                self._drop(said, reason, fact)
        return list(kept.values())

    def _fact(self, said: Said, fact: str, sources: Sequence[str], at: datetime, key: str | None = None) -> Draft:
        own = Provenance(source=EXTRACTED, speaker=said.speaker, session=self.how.session, derived_from=tuple(sources))
        return Draft(text=fact, kind="semantic", salience=FACT, created_at=at, key=key, provenance=own)

    def _keep(self, place: Place, said: Said, facts: Mapping[str, Sequence[int]]) -> None:
        """Stores the facts of a message, all or none, and marks it. facts: with places of other messages they need."""
        message, left = self.stored[said.place], dict(facts)
        while left:
            drafts = list[Draft]()
            for fact, others in list(left.items()):
                sources = [message.id, *(self.stored[at].id for at in others)]
                key = _free_key(place, said, fact)
                if key is None:
                    self._drop(said, "known", fact)
                    del left[fact]
                else:
                    drafts.append(self._fact(said, fact, sources, message.created_at, key))
            refused = self._stored(place, drafts)
            for fact, reason in refused.items():
                self._drop(said, reason, fact)
                del left[fact]
            if not refused:
                break
        with suppress(Held, MemoryNotFound):  # what is held is known by its facts alone
            marked = {**message.metadata, _MARK: True}
            self.stored[said.place] = amend(place.records, message.id, {"metadata": marked})

    def _stored(self, place: Place, drafts: Sequence[Draft]) -> dict[str, Reason]:
        """Stores facts, all or none; when none, those that are why. A key that was taken meanwhile makes none known."""
        try:
            self.learned += place.remember(drafts, readmit=False)
        except Refused as error:
            return {drafts[at].text: "forgotten here" for at in error.positions}
        except MemoryNotFound:  # forgotten while the model was asked
            return dict.fromkeys((one.text for one in drafts), "the message is gone")
        except KeyConflict:  # learnt by somebody else since it was looked for
            return {one.text: "known" for one in drafts if place.by_key(str(one.key)) is not None}
        return {}


def _learnt(place: Place, message: Memory) -> bool:
    """Whether a message was learnt from before: it is marked, or has facts, after a kill between both."""
    if _MARK in message.metadata:
        return True
    store = place.records.store
    made = {link.child for link in store.links([message.id]) if link.parent == message.id}
    facts = [one.memory for one in store.read(sorted(made)) if one is not None]
    return any(one.provenance.source == EXTRACTED for one in facts)


def _fault(said: Said, ground: Ground, fact: str) -> Reason | None:
    if len(fact) > _LONGEST:
        return "too long"
    if any("\ud800" <= letter <= "\udfff" for letter in fact):
        return "cannot be stored"
    if is_question(fact):
        return "a question"
    if _form(fact) == _form(said.text):
        return "the message itself"
    return ground.fault(fact)


def _form(fact: str) -> str:
    """What facts are compared by."""
    return canonical(fact).strip(" .!")


def _free_key(place: Place, said: Said, fact: str) -> str | None:
    """A key for a fact of a speaker; None when it is known here and still holds, from this message or another."""
    for more in ([], [said.key]):
        digest = hashlib.sha256(repr([said.speaker, _form(fact), *more]).encode()).hexdigest()[:32]
        there = place.by_key(f"fact {digest}")
        if there is None:
            return f"fact {digest}"
        if there.holds(place.at):
            return None
    return None

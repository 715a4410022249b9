"""The loop: recall, prompt within a budget, model, remember both sides, sleep when idle."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from memoria.agent.asked import Allowed, Confirm, checked
from memoria.agent.doubts import ON_DOUBT, OnDoubt, settle
from memoria.agent.erasing import erased
from memoria.agent.exchange import Answer, Course, Exchange, Reply
from memoria.agent.extract import Extractor, by_model
from memoria.agent.heart import by_heart
from memoria.agent.idle import Idle
from memoria.agent.notes import ordered
from memoria.agent.notices import kept, notices
from memoria.agent.prompt import INSTRUCTIONS, Frame, build
from memoria.agent.session import ANSWERED_BY, Session
from memoria.agent.tools import TOOLS, Done, Toolbox
from memoria.canonical import same
from memoria.change.sleep import Night
from memoria.derived.lineage import living
from memoria.engine.memory import Memoria
from memoria.english.facts import FACT, by_rules, kind_of
from memoria.errors import Held, InvalidQuery, MemoryNotFound, Refused
from memoria.extraction.learning import EXTRACTED
from memoria.models import as_model
from memoria.models.chat import ChatModel, Drawn, Message, Piece, ToolCall
from memoria.process import Home
from memoria.recall.outdated import CHAT
from memoria.remember import Draft
from memoria.types import Hit, Memory, Proposal, Provenance
from memoria.validate import check_choice, check_flag, check_ttl

if TYPE_CHECKING:
    from memoria.protocols import Generator

# A model that calls tools is asked again with what they gave, at most so many times.
ROUNDS = 5
# Turns that a prompt may hold.
WINDOW = 24
TOOL = "tool"


class Agent:
    """A language model with a memory.

    Each reply is derived from the memories that the model was shown: forgetting one of them forgets the reply too. One
    message is answered at a time.

    Args:
        memory: the view in which it remembers and recalls.
        model: a chat model, or what `as_model` makes one of.
        user: name of the user, as speaker in the provenance of messages.
        name: name of the agent, as speaker in the provenance of replies.
        session: the conversation to continue; None begins a new one.
        instructions: the system message.
        budget_tokens: tokens of a whole prompt, at most.
        k: memories recalled for a message, at most; >= 1.
        extract: how facts are found in what the user says: "rules", "model", a callable, or None for not at all.
        confirm: is shown what the model wants to remember, supersede or forget with a tool, and allows it or not; None
            never allows it.
        allow: which of "remember" and "supersede" the model may do without asking.
        tools: whether the model may call tools (remember, recall, supersede, forget).
        settle: whether changes that the user states are applied to earlier memories at once, and taken back when the
            user's next message says that both are true.
        erase: whether the user's own request to forget a number, a code, an address of mail or a date for good is
            carried out at once, as a standing order: what says it again is stored without it.
        on_doubt: what happens when such a change makes a memory doubtful: "soft" lets it rank lower, "ask" also asks
            `confirm` whether it has ended, from log-odds of 1.1 on, "ignore" leaves it as it was.
        idle: seconds of silence after which it sleeps, > 0; None for never.
        prune: whether its sleep forgets, for ever, what has faded far.
        ttl: after how long what it stores is erased, from when it was said; None for never.
        weights: whether a question that the weights were taught is answered by them alone, without notes, where
            something is distilled.

    Raises:
        InvalidQuery: user and agent have the same name, or `extract`, `allow`, `on_doubt` or `idle` has no valid
            value.
        ModelNotFound: as of `as_model`, and likewise ModelCorrupt, MissingExtra and ModelFailed.
    """

    def __init__(
        self,
        memory: Memoria,
        model: ChatModel | Generator | Callable[[Sequence[Message]], str | Iterable[Piece]] | str,
        *,
        user: str = "user",
        name: str = "assistant",
        session: str | None = None,
        instructions: str = INSTRUCTIONS,
        budget_tokens: int = 1500,
        k: int = 10,
        extract: Literal["rules", "model"] | Extractor | None = "rules",
        confirm: Confirm | None = None,
        allow: Collection[Allowed] = (),
        tools: bool = True,
        settle: bool = True,
        erase: bool = True,
        on_doubt: OnDoubt = "soft",
        idle: float | None = None,
        prune: bool = False,
        ttl: timedelta | None = None,
        weights: bool = True,
    ) -> None:
        if user == name:
            raise InvalidQuery(f"user and agent are both named {user!r}: nobody could tell who said what")
        check_choice("on_doubt", on_doubt, ON_DOUBT)
        self._ttl = check_ttl(ttl)
        self._weights = bool(check_flag("weights", weights))
        self.memory = memory
        self.model = as_model(model)
        self.user, self.name, self.k = user, name, k
        self.session = Session(memory, session, name=name)
        self.frame = Frame(
            instructions=instructions,
            budget=budget_tokens,
            count=self.model.count,
            said=self._mine,
            user=user,
            zone=lambda: self.memory.zone,
        )
        self.confirm, self.allow = confirm, checked(allow)
        self._extract = _extractor(extract, self.model)
        self._tools = TOOLS if tools else ()
        self._settle, self._erase = settle, erase
        self._on_doubt: OnDoubt = on_doubt
        self._idle = Idle(memory, idle, prune=prune)
        self._home = Home()
        self._busy = threading.Lock()

    def say(self, text: str, *, as_of: datetime | None = None, readmit: bool = False) -> Reply:
        """Answers a message and waits for the whole reply.

        Args:
            text: what the user says.
            as_of: recalls only memories recorded and valid at that time; None is now.
            readmit: whether to store the message although it was forgotten here before.

        Returns:
            The reply and what was remembered.

        Raises:
            InvalidQuery: as of `stream`.
            ModelFailed: the model did not answer; the message is remembered, no reply is.
        """
        answer = self.stream(text, as_of=as_of, readmit=readmit)
        for _ in answer:
            pass
        return answer.reply

    def stream(self, text: str, *, as_of: datetime | None = None, readmit: bool = False) -> Answer:
        """Answers a message in pieces. The message is stored before the model is asked.

        Args:
            text: what the user says.
            as_of: recalls only memories recorded and valid at that time; None is now.
            readmit: whether to store the message although it was forgotten here before.

        Returns:
            The running reply; the work begins when it is read.

        Raises:
            InvalidQuery: the message is blank; and, from reading the reply: it is over the budget, or another reply is
                running.
            ModelFailed: from reading the reply: the model did not answer. The message is remembered, no reply is.
        """
        if not text.strip():
            raise InvalidQuery(f"message {text!r} is blank")
        return Answer(lambda course: self._run(text, as_of, readmit, course))

    @property
    def asleep(self) -> bool:
        """Whether it sleeps now, because it got no message for a while."""
        return self._idle.asleep

    def rouse(self) -> Night | None:
        """Ends its sleep. Every message does so first.

        Returns:
            What it did while it slept; None when it did not sleep.
        """
        return self._idle.rouse()

    def close(self) -> None:
        """Ends its sleep, so that the memory can be closed."""
        self._idle.rouse()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Makes sure that one message is answered at a time, and not in sleep."""
        self._home.check("the memory of this agent")
        if not self._busy.acquire(blocking=False):
            raise InvalidQuery("another reply is still running: read it to its end, or cancel it")
        try:
            self._idle.rouse()
            yield
        finally:
            self._busy.release()
            self._idle.rest()

    def _run(self, text: str, as_of: datetime | None, readmit: bool, course: Course) -> Iterator[str]:
        with self._turn():
            exchange = self._begin(text, as_of, readmit)
            try:
                for piece in self._pieces(exchange, course):
                    exchange.said.append(piece)
                    yield piece
            except GeneratorExit:  # the reader has dropped the reply
                course.cancelled = True
            course.reply = self._end(exchange, course.cancelled)

    def _begin(self, text: str, as_of: datetime | None, readmit: bool) -> Exchange:
        """Recalls, makes the prompt, and only then remembers the message, which would find itself."""
        erasure = erased(self.memory, text) if self._erase else None
        known = by_heart(self.memory, text) if self._weights and as_of is None and erasure is None else None
        window = self.session.turns(WINDOW)
        shown = {one.id for one in window if one.id}
        # Only memories that get into the prompt count as used.
        view = self.memory if self.memory.reinforces == "never" else self.memory.reinforcing("used")
        found: list[Hit] = [] if known else view.recall(text, k=2 * self.k + len(shown), as_of=as_of)
        new = [hit for hit in found if _new(hit, shown)]
        hits = ordered(view, new, text, shown, as_of, mine=self._replied)
        prompt = build(self.frame, text, hits[: self.k], window)
        for hit in prompt.hits:
            hit.used()
        told = (erasure,) if erasure else kept(self.memory, text, window, self.user) if self._settle else ()
        heard = self._hear(text, readmit=readmit)
        done, settled = Done(), tuple[Proposal, ...]()
        # What only says that both are true says nothing else.
        if heard is not None and self._settle and not told:
            settled = settle(self.memory, heard, self._on_doubt, self.confirm, done)
            told = notices(self.memory, heard, done.declined) if settled else ()
        return Exchange(
            text=text, recalled=hits, prompt=prompt, heard=heard, settled=settled, notices=told, done=done, known=known
        )

    def _hear(self, text: str, *, readmit: bool) -> Memory | None:
        """The message as a memory; one that may not be stored is a turn of this conversation all the same."""
        # A time of its own: whoever says the same twice has said it twice.
        at, origin = self.memory.now(), self._origin(self.user, CHAT)
        draft = Draft(text=text, kind=kind_of(text), created_at=at, provenance=origin)
        return self._remember(draft, readmit=readmit)

    def _pieces(self, exchange: Exchange, course: Course) -> Iterator[str]:
        """What the model says, until it calls no tool any more; what the weights know by heart, it is not asked."""
        if exchange.known is not None:
            exchange.done.drawn += exchange.known.memories
            yield exchange.known.text
            return
        messages = list(exchange.prompt.messages)
        box = Toolbox(
            memory=self.memory,
            origin=self._origin(self.name, TOOL),
            heard=exchange.heard,
            sources=lambda: exchange.sources,
            passes_on=exchange.passes_on,
            confirm=self.confirm,
            allow=self.allow,
            done=exchange.done,
        )
        for _ in range(ROUNDS):
            said, calls = list[str](), list[ToolCall]()
            for piece in self.model.reply(messages, self._tools):
                if course.cancelled:
                    return
                if isinstance(piece, str):
                    said.append(piece)
                    yield piece
                elif isinstance(piece, Drawn):
                    exchange.done.drawn += piece.ids
                else:
                    calls.append(piece)
            if not calls:
                return
            messages.append(Message(role="assistant", text="".join(said), calls=tuple(calls)))
            messages += [Message(role="tool", text=box.call(call), answers=call.id) for call in calls]

    def _end(self, exchange: Exchange, cancelled: bool) -> Reply:
        """Remembers the reply, and the facts in the message."""
        text = "".join(exchange.said).strip()
        said = self._repeated(exchange, text) or self._reply(exchange, text, cancelled=cancelled) if text else None
        return exchange.reply(cancelled=cancelled, said=said, facts=self._facts(exchange))

    def _reply(self, exchange: Exchange, text: str, *, cancelled: bool) -> Memory | None:
        """The reply as a memory of its own."""
        at, origin = self.memory.now(), self._origin(self.name, CHAT, exchange.sources)
        drawn = living(self.memory.store, set(exchange.done.drawn))
        origin = replace(origin, used=exchange.used(text, drawn))
        if exchange.passes_on(text):
            self.session.unstored(text, at, origin)
            return None
        cut = {"cancelled": True} if cancelled else {}
        return self._remember(Draft(text=text, created_at=at, salience=0.3, provenance=origin, metadata=cut))

    def _repeated(self, exchange: Exchange, text: str) -> Memory | None:
        """The memory, no turn of a conversation, that the reply repeats word for word: it is not stored again.

        The message is marked, so that the reply has its place in the conversation after a restart.
        """
        shown = [hit.memory.id for hit in exchange.prompt.hits] + exchange.done.drawn
        there = living(self.memory.store, set(shown)).values()
        found = next((one for one in there if one.provenance.source != CHAT and same(one.text, text)), None)
        if found is None:
            return None
        self.memory.reinforce(found.id)
        self.session.repeated(found)
        with suppress(Held, MemoryNotFound):
            if exchange.heard is not None:
                marked = {**exchange.heard.metadata, ANSWERED_BY: found.id}
                exchange.heard = self.memory.amend(exchange.heard.id, metadata=marked)
        return found

    def _facts(self, exchange: Exchange) -> list[Memory]:
        heard = exchange.heard
        if heard is None or self._extract is None:
            return []
        told = [one for one in self._extract(exchange.text) if not same(one, heard.text)]
        origin = self._origin(self.user, EXTRACTED, [heard.id])
        drafts = [Draft(text=one, kind="semantic", salience=FACT, provenance=origin) for one in told]
        return [one for draft in drafts if (one := self._remember(draft)) is not None]

    def _remember(self, draft: Draft, *, readmit: bool = False) -> Memory | None:
        """The memory, unless it was forgotten here before, or what it was made from was forgotten just now."""
        try:
            (memory,) = self.memory.remember_many([replace(draft, ttl=self._ttl)], readmit=readmit)
        except MemoryNotFound:
            return None
        except Refused:
            if draft.provenance.source == CHAT:
                self.session.unstored(draft.text, draft.created_at or self.memory.now(), draft.provenance)
            return None
        if draft.provenance.source == CHAT:
            self.session.said(memory)
        return memory

    def _origin(self, speaker: str, source: str, derived_from: Sequence[str] = ()) -> Provenance:
        return Provenance(source=source, speaker=speaker, session=self.session.id, derived_from=tuple(derived_from))

    def _mine(self, memory: Memory) -> bool:
        return memory.provenance.speaker == self.name

    def _replied(self, memory: Memory) -> bool:
        """Whether a memory is a reply: what it stored with a tool is none, for the user agreed to that."""
        return self._mine(memory) and memory.provenance.source == CHAT


def _new(hit: Hit, shown: set[str]) -> bool:
    """Whether a hit is not one of the turns that the prompt shows anyway, nor made from them alone."""
    inside = {part.id for part in hit.memory.parts} or {hit.memory.id}
    made = set(hit.memory.provenance.derived_from)
    return not (inside <= shown or (made and made <= shown))


def _extractor(extract: Literal["rules", "model"] | Extractor | None, model: ChatModel) -> Extractor | None:
    if extract is None or callable(extract):
        return extract
    if extract == "rules":
        return by_rules
    if extract == "model":
        return by_model(model)
    raise InvalidQuery(f"extract {extract!r} is not rules, model, a callable, or None")

"""One message and its reply: while it runs, and its result."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from memoria.agent.asked import Asked
from memoria.agent.notices import Notice
from memoria.agent.prompt import Prompt
from memoria.agent.tools import Done
from memoria.agent.unstored import repeats
from memoria.distill.answered import Answered
from memoria.errors import InvalidQuery
from memoria.recall.echo import used
from memoria.types import Hit, Memory, Proposal, Receipt

REFUSAL = (
    "what was said was forgotten here before: it is shown to the model in this conversation, and not stored; "
    "readmit=True takes it back"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The result of one message.

    Attributes:
        text: what the model said.
        cancelled: whether the reply was ended early.
        tokens: tokens of the prompt.
        hits: recalled memories that were in the prompt, best first.
        runners_up: recalled memories that were not.
        heard: the message as a memory; None when it is not stored, because it was forgotten here before.
        refusal: why `heard` is None, in words; None when it is not.
        said: the reply as a memory; a memory that was there already when the reply repeats it word for word. None when
            it is not stored: it was forgotten here before, passes on a message that was, is blank, or was made from a
            memory that was forgotten meanwhile.
        facts: facts that were extracted from the message, or stored by the model.
        settled: what the message changed in earlier memories.
        notices: the same in plain words, with ids: what is lowered, ended or shortened now, what is asked about, and
            what stands again because the user said so.
        asked: memories that the model wanted to forget and was not allowed to.
        declined: all that the model wanted to do with its tools and was not allowed to, in order.
        receipts: receipts of what it forgot.
    """

    text: str
    cancelled: bool
    tokens: int
    hits: tuple[Hit, ...]
    runners_up: tuple[Hit, ...]
    heard: Memory | None
    refusal: str | None
    said: Memory | None
    facts: tuple[Memory, ...]
    settled: tuple[Proposal, ...]
    notices: tuple[Notice, ...]
    asked: tuple[Memory, ...]
    declined: tuple[Asked, ...]
    receipts: tuple[Receipt, ...]


@dataclass(slots=True, kw_only=True)
class Exchange:
    """A message while it is answered. said: the reply so far, in pieces. known: what the weights answer, if they do."""

    text: str
    recalled: list[Hit]
    prompt: Prompt
    heard: Memory | None
    settled: tuple[Proposal, ...]
    notices: tuple[Notice, ...] = ()
    done: Done = field(default_factory=Done)
    said: list[str] = field(default_factory=list)
    known: Answered | None = None

    @property
    def sources(self) -> list[str]:
        """Ids of the memories that the reply is made from: all that the model was shown."""
        heard = [] if self.heard is None else [self.heard.id]
        seen = [one.id for one in self._seen if one.id]
        return list(dict.fromkeys([*seen, *self.done.drawn, *heard]))

    def used(self, text: str, drawn: Mapping[str, Memory]) -> tuple[str, ...]:
        """Ids of what a reply says again of all that the model was shown. drawn: by id, what is no note and no turn."""
        shown = {hit.memory.id: hit.shown for hit in self.prompt.hits}
        shown |= {one.id: one.text for one in self.prompt.turns if one.id}
        heard = {} if self.heard is None else {self.heard.id: self.heard.text}
        return used(text, {id: one.text for id, one in drawn.items()} | heard | shown)

    @property
    def _seen(self) -> list[Memory]:
        """What the prompt shows; turns without an id are not stored."""
        return [*(hit.memory for hit in self.prompt.hits), *self.prompt.turns]

    def passes_on(self, text: str) -> bool:
        """Whether a text says again what was forgotten here, and is shown to the model for this conversation only."""
        unstored = [one.text for one in self._seen if not one.id] + [self.text] * (self.heard is None)
        return repeats(text, unstored, [one.text for one in self._seen if one.id])

    def reply(self, *, cancelled: bool, said: Memory | None, facts: list[Memory]) -> Reply:
        """The result."""
        shown = {hit.memory.id for hit in self.prompt.hits}
        return Reply(
            text="".join(self.said).strip(),
            cancelled=cancelled,
            tokens=self.prompt.tokens if self.known is None else self.known.tokens,
            hits=self.prompt.hits,
            runners_up=tuple(hit for hit in self.recalled if hit.memory.id not in shown),
            heard=self.heard,
            refusal=REFUSAL if self.heard is None else None,
            said=said,
            facts=(*facts, *self.done.stored),
            settled=self.settled,
            notices=self.notices,
            asked=tuple(memory for one in self.done.declined if one.tool == "forget" for memory in one),
            declined=tuple(self.done.declined),
            receipts=tuple(self.done.receipts),
        )


@dataclass(slots=True)
class Course:
    """What a running reply and its reader tell each other: whether to end, and the result."""

    cancelled: bool = False
    reply: Reply | None = None


class Answer:
    """A running reply. Iterate over it for its text as it comes; `reply` has the result at the end.

    A reply that is dropped before its end is cancelled.

    Args:
        run: starts the reply; `Agent.stream` gives it.
    """

    def __init__(self, run: Callable[[Course], Iterator[str]]) -> None:
        self._course = Course()
        self._mutex = threading.Lock()
        # The generator refers to the course and not to the answer, so that it ends when the answer is dropped.
        self._pieces = run(self._course)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        with self._mutex:
            return next(self._pieces)

    def cancel(self) -> None:
        """Ends the reply at its next piece, from any thread. What was said so far is remembered."""
        self._course.cancelled = True

    def close(self) -> None:
        """Ends the reply and waits until what was said is remembered."""
        self.cancel()
        for _ in self:
            pass

    @property
    def reply(self) -> Reply:
        """The result of the message.

        Raises:
            InvalidQuery: the reply is still running, or failed.
        """
        if self._course.reply is None:
            raise InvalidQuery("the reply is not over: read it to its end, or cancel it")
        return self._course.reply

"""One message and its reply: while it is under way, and what came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from memoria.agent.prompt import Prompt
from memoria.agent.tools import Done
from memoria.errors import InvalidQuery
from memoria.types import Hit, Memory, Proposal, Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of one message.

    text: what the model said. cancelled: whether it ends before its end. tokens: of the prompt.
    hits: what was recalled and stood in the prompt, best first. runners_up: what was recalled and did not.
    heard, said: the message and the reply as they are remembered; None for what is not: forgotten here before, blank,
    or made from what was forgotten meanwhile. facts: what was extracted from the message, or stored by the model.
    settled: what the message changed. asked: what the model asked to forget and was not allowed to.
    receipts: of what it forgot.
    """

    text: str
    cancelled: bool
    tokens: int
    hits: tuple[Hit, ...]
    runners_up: tuple[Hit, ...]
    heard: Memory | None
    said: Memory | None
    facts: tuple[Memory, ...]
    settled: tuple[Proposal, ...]
    asked: tuple[Memory, ...]
    receipts: tuple[Receipt, ...]


@dataclass(slots=True, kw_only=True)
class Exchange:
    """What is known of a message while it is answered. said: the reply so far, in pieces."""

    text: str
    recalled: list[Hit]
    prompt: Prompt
    heard: Memory | None
    settled: tuple[Proposal, ...]
    done: Done = field(default_factory=Done)
    said: list[str] = field(default_factory=list)

    @property
    def sources(self) -> list[str]:
        """Ids of all that the reply is made from: whatever stood before the model."""
        seen = [*(hit.memory for hit in self.prompt.hits), *self.prompt.turns]
        heard = [] if self.heard is None else [self.heard.id]
        return list(dict.fromkeys([*(one.id for one in seen), *self.done.drawn, *heard]))

    def reply(self, *, cancelled: bool, said: Memory | None, facts: list[Memory]) -> Reply:
        """What came of it."""
        shown = {hit.memory.id for hit in self.prompt.hits}
        return Reply(
            text="".join(self.said).strip(),
            cancelled=cancelled,
            tokens=self.prompt.tokens,
            hits=self.prompt.hits,
            runners_up=tuple(hit for hit in self.recalled if hit.memory.id not in shown),
            heard=self.heard,
            said=said,
            facts=(*facts, *self.done.stored),
            settled=self.settled,
            asked=tuple(self.done.asked),
            receipts=tuple(self.done.receipts),
        )


@dataclass(slots=True)
class Course:
    """What a reply under way and its reader tell each other: whether to end, and what came of it."""

    cancelled: bool = False
    reply: Reply | None = None


class Answer:
    """A reply under way. Iterate for its text as it comes; then `reply` says what came of it.

    One that is dropped before its end is cancelled.
    """

    def __init__(self, run: Callable[[Course], Iterator[str]]) -> None:
        self._course = Course()
        self._mutex = threading.Lock()
        # It knows the course and not the answer, so that it ends when the answer is dropped.
        self._pieces = run(self._course)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        with self._mutex:
            return next(self._pieces)

    def cancel(self) -> None:
        """Ends the reply at its next piece, from any thread; what was said so far is remembered."""
        self._course.cancelled = True

    def close(self) -> None:
        """Ends the reply, and waits until what was said is remembered."""
        self.cancel()
        for _ in self:
            pass

    @property
    def reply(self) -> Reply:
        """What came of the message; raises InvalidQuery while the reply is under way, and after it failed."""
        if self._course.reply is None:
            raise InvalidQuery("the reply is not over: read it to its end, or cancel it")
        return self._course.reply

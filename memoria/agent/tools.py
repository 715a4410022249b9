"""The tools that a model may call: remember, recall, supersede, forget. All but recall ask for confirmation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from memoria.agent.asked import Asked, Confirm, agreed, to_forget
from memoria.derived.lineage import living
from memoria.engine.memory import Memoria
from memoria.english.sentences import content
from memoria.english.wants import own_reply
from memoria.errors import MemoriaError
from memoria.models.chat import Tool, ToolCall
from memoria.recall.context import said_by
from memoria.recall.outdated import CHAT
from memoria.remember import Draft
from memoria.text.flat import flat
from memoria.types import Memory, Provenance, Receipt

MOST = 20
_NOT_AGREED = "the user has not agreed. Ask the user."
_KEPT_OUT = "Not done: this was forgotten before, and is not remembered unless the user takes it back."


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Remember(_Arguments):
    """Store one fact for good."""

    text: str = Field(description="The fact, in a sentence that can be understood by itself.", min_length=1)
    about: str | None = Field(default=None, description="Whom or what it is about, one name.")


class Recall(_Arguments):
    """Find what is remembered, best first, each with its id."""

    query: str = Field(description="What to look for, in plain words.", min_length=1)
    k: int = Field(default=5, ge=1, le=MOST, description="How many at most.")


class Supersede(_Arguments):
    """Say that a fact has changed: the old one stays as history, the new one holds from now on."""

    id: str = Field(description="Id of the old memory, as recall gives it.")
    text: str = Field(description="The new fact, in a sentence that can be understood by itself.", min_length=1)


class Forget(_Arguments):
    """Erase memories for good, after the user has agreed; nothing brings them back."""

    ids: list[str] = Field(description="Ids of memories, as recall gives them.", min_length=1)


_KNOWN: Mapping[str, type[_Arguments]] = {
    "remember": Remember,
    "recall": Recall,
    "supersede": Supersede,
    "forget": Forget,
}


def _tool(name: str, arguments: type[_Arguments]) -> Tool:
    schema = arguments.model_json_schema()
    schema.pop("description", None)
    return Tool(name=name, description=arguments.__doc__ or "", parameters=schema)


TOOLS = tuple(_tool(name, arguments) for name, arguments in _KNOWN.items())


@dataclass(slots=True, kw_only=True)
class Done:
    """What the tools did in one answer.

    drawn: ids of what the model was shown. stored: what it stored. declined: what it asked for and was not allowed to.
    receipts: of what was forgotten.
    """

    drawn: list[str] = field(default_factory=list)
    stored: list[Memory] = field(default_factory=list)
    declined: list[Asked] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolbox:
    """The tools over a memory. Without `confirm`, nothing is ever changed through them that is not in `allow`.

    origin: of what is stored. heard: the message that is answered. sources: ids of the memories shown to the model.
    passes_on: whether a text says again what was forgotten and may not be stored.
    """

    memory: Memoria
    origin: Provenance
    heard: Memory | None
    sources: Callable[[], Sequence[str]]
    passes_on: Callable[[str], bool]
    confirm: Confirm | None
    allow: Collection[str] = ()
    done: Done

    def call(self, call: ToolCall) -> str:
        """Does a call. Returns the result as text for the model; of a call that fails, the reason."""
        known = _KNOWN.get(call.name)
        if known is None:
            return f"There is no tool {call.name!r}; there are {', '.join(_KNOWN)}."
        try:
            arguments = known.model_validate(dict(call.arguments))
            return str(getattr(self, f"_{call.name}")(arguments))
        except ValidationError as error:
            return "Not done: " + "; ".join(_said(one) for one in error.errors())
        except MemoriaError as error:
            return f"Not done: {error}"

    def _remember(self, asked: Remember) -> str:
        if self.passes_on(asked.text):
            return _KEPT_OUT
        if not self._may(Asked(tool="remember", text=asked.text)):
            return f"Nothing is remembered: {_NOT_AGREED}"
        draft = Draft(text=asked.text, subject=asked.about, kind="semantic", provenance=self._from(asked.text))
        (memory,) = self.memory.remember_many([draft])
        self.done.stored.append(memory)
        return f"Remembered as {memory.id}."

    def _recall(self, asked: Recall) -> str:
        found = self.memory.recall(asked.query, k=asked.k)
        hits = [hit for hit in found if own_reply(asked.query) or not self._replied(hit.memory)]
        self.done.drawn += [hit.memory.id for hit in hits]
        lines = [self._line(one.memory) for one in hits]
        return "\n".join(lines) or "Nothing is remembered about that."

    def _replied(self, memory: Memory) -> bool:
        """Whether a memory is a reply of this agent, which is no evidence."""
        return memory.provenance.speaker == self.origin.speaker and memory.provenance.source == CHAT

    def _line(self, memory: Memory) -> str:
        about = ", ".join(filter(None, (str(memory.day(self.memory.zone)), said_by(memory))))
        return f"{memory.id} [{about}] {flat(memory.text)}"

    def _supersede(self, asked: Supersede) -> str:
        if self.passes_on(asked.text):
            return _KEPT_OUT
        old = self.memory.get(asked.id)
        if not self._may(Asked(tool="supersede", memories=(old,), text=asked.text)):
            return f"Nothing is changed: {_NOT_AGREED}"
        draft = Draft(
            text=asked.text, subject=old.subject, kind=old.kind, provenance=self._from(asked.text, but=old.id)
        )
        view = self.memory.namespace(*old.namespace[len(self.memory.prefix) :])
        memory = view.supersede(old.id, draft)
        self.done.stored.append(memory)
        return f"Remembered as {memory.id}; {old.id} no longer holds."

    def _from(self, text: str, *, but: str | None = None) -> Provenance:
        """The message, and other memories shown to the model with a word of `text` that is not in the message."""
        heard = [] if self.heard is None else [self.heard]
        explained = {stem for one in heard for stem in content(one.text)}
        fresh = set(content(text)) - explained
        there = living(self.memory.store, set(self.sources()) - {but}).values()
        found = [one.id for one in [*heard, *there] if one in heard or fresh & set(content(one.text))]
        return replace(self.origin, derived_from=tuple(dict.fromkeys(found)))

    def _may(self, asked: Asked) -> bool:
        """Whether a tool may do what it would; notes it where it may not."""
        if agreed(asked, self.confirm, self.allow):
            return True
        self.done.declined.append(asked)
        return False

    def _forget(self, asked: Forget) -> str:
        going = self.memory.forget(*asked.ids, dry_run=True)
        if not self._may(to_forget(going)):
            return f"Nothing is forgotten: {_NOT_AGREED}"
        receipt = self.memory.forget(*asked.ids)
        self.done.receipts.append(receipt)
        return f"Forgotten for good: {len(receipt.forgotten)} memories."


def _said(error: Mapping[str, Any]) -> str:
    where = ".".join(map(str, error["loc"]))
    return f"{where}: {error['msg']}"

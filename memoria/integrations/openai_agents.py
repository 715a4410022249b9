"""The OpenAI Agents SDK's `Session` on memoria: each item of a conversation is an episodic memory.

So a conversation is recalled with the rest of the memory, by words, speaker and session; and clearing a session, or
popping an item, is an exact forget. What the model did in a turn, and what its tools answered, is derived from what
came before it in that turn: it goes when that is forgotten. A call and its output are read together or not at all, for
the API refuses one without the other. What an item holds is never a reason to refuse it: see items.py.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import Enum, auto
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

from memoria.engine.memory import Memoria
from memoria.extras import extra
from memoria.integrations import items
from memoria.integrations.names import as_part
from memoria.integrations.threads import settled
from memoria.remember import Draft
from memoria.sharing import Source, lent
from memoria.types import Memory, Provenance

with extra("openai-agents"):
    from agents.memory import SessionSettings
    from agents.memory.session_settings import coerce_session_settings, resolve_session_limit

if TYPE_CHECKING:
    from agents.items import TResponseInputItem

# Items of a turn that are looked for, at most.
_TURN = 200


class _By(Enum):
    """Whose an item is."""

    USER = auto()
    MODEL = auto()
    TOOL = auto()


class MemoriaSession:
    """A conversation, in the namespace "sessions" and its id. Safe for threads.

    Args:
        session_id: name of the conversation.
        memory: a memory, or a `Shared` store.
        session_settings: its limit is how many items `get_items` returns by default.
    """

    def __init__(
        self, session_id: str, memory: Source, *, session_settings: SessionSettings | dict[str, Any] | None = None
    ) -> None:
        self.session_id = session_id
        given = SessionSettings() if session_settings is None else session_settings
        self.session_settings: SessionSettings | None = coerce_session_settings(given)
        self._memory = memory

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """Reads the conversation.

        Args:
            limit: only the last so many items; None is the limit of the settings, below 0 is all.

        Returns:
            Items, oldest first.
        """
        return await asyncio.to_thread(self._get, resolve_session_limit(limit, self.session_settings))

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        """Adds items at the end, in order: if the process ends meanwhile, the first of them are there.

        Args:
            items: items in the order of the conversation.
        """
        await settled(self._add, items)

    async def pop_item(self) -> TResponseInputItem | None:
        """Forgets the last item.

        Returns:
            The item; None when there is none.
        """
        return await settled(self._pop)

    async def clear_session(self) -> None:
        """Erases the conversation, its name included."""
        await settled(self._clear)

    def _get(self, limit: int | None) -> list[TResponseInputItem]:
        if limit == 0:
            return []
        last = limit if limit is not None and limit > 0 else None
        with lent(self._memory) as memory:
            # Before what is asked for may be the call of an output in it: the SDK leaves out such an output itself.
            found = self._view(memory).list(limit=None if last is None else last + _TURN, newest=True)
            read = [items.read(one, self._parts(memory, found)) for one in found]
        return _answerable([item for whole, item in read if whole])[-(last or 0) :]

    def _parts(self, memory: Memoria, found: Sequence[Memory]) -> Mapping[str | None, Memory]:
        """The parts of what is too long for one memory, by their keys; none is looked for where nothing is."""
        if not any(items.PARTS in one.metadata for one in found):
            return {}
        return {one.key: one for one in self._aside(memory).list()}

    def _add(self, given: Sequence[TResponseInputItem]) -> None:
        if not given:
            return
        with lent(self._memory) as memory:
            view = self._view(memory)
            latest = view.list(limit=_TURN, newest=True)
            # The order of memories is that of time, and clocks are set back.
            at = max([memory.now(), *(one.created_at + datetime.resolution for one in latest[-1:])])
            said = Provenance(source="chat", session=self.session_id)
            # What is no JSON is refused before anything is stored.
            written = [items.write(item, said, created_at=at) for item in given]
            turn = _turn(latest)
            for by, some in groupby(written, lambda one: _said_by(cast("Any", one.head.metadata)[items.ITEM])):
                turn = [] if by is _By.USER else turn
                turn = [*turn, *self._stored(memory, turn, list(some))]

    def _stored(self, memory: Memoria, turn: Sequence[Memory], written: Sequence[items.Written]) -> list[Memory]:
        """Stores items that one side said in a row, and the parts of those that are long."""
        made = self._view(memory).remember_many([_made_from(turn, one.head) for one in written], readmit=True)
        for head, one in zip(made, written, strict=True):
            if one.parts:
                origin = replace(head.provenance, derived_from=(head.id,))
                # Their own words find them; what they are about is told by the first, so that no model reads them.
                vector = memory.embedder.embed(["part of a long item"])[0]
                self._aside(memory).remember_many(
                    [
                        Draft(text=text, created_at=head.created_at, key=key, provenance=origin, vector=vector)
                        for text, key in one.parts
                    ],
                    readmit=True,
                )
        return made

    def _pop(self) -> TResponseInputItem | None:
        with lent(self._memory) as memory:
            view = self._view(memory)
            while latest := view.list(limit=1, newest=True):
                whole, item = items.read(latest[0], self._parts(memory, latest))
                view.forget(latest[0].id)
                if whole:
                    return cast("TResponseInputItem", item)
        return None

    def _clear(self) -> None:
        with lent(self._memory) as memory:
            self._view(memory).forget(namespace=())
            if self._aside(memory).namespaces():
                self._aside(memory).forget(namespace=())

    def _view(self, memory: Memoria) -> Memoria:
        return memory.namespace("sessions", as_part(self.session_id))

    def _aside(self, memory: Memoria) -> Memoria:
        """Where the parts are, so that they are no items."""
        return memory.namespace("session parts", as_part(self.session_id))


def _made_from(turn: Sequence[Memory], draft: Draft) -> Draft:
    """The draft with its sources: of an output its call, of all else what came before it in the turn."""
    item: Mapping[str, Any] = (draft.metadata or {})[items.ITEM]
    own = [one for one in turn if _is_output(item) and _call_id(items.told(one)) == _call_id(item)]
    return replace(draft, provenance=replace(draft.provenance, derived_from=tuple(one.id for one in own or turn)))


def _call_id(item: Any) -> str | None:
    """What a call and its output have in common; None for what is neither."""
    fields = item if isinstance(item, dict) else {}
    found = fields.get("id" if fields.get("type") == "local_shell_call_output" else "call_id")
    return None if found is None else json.dumps(found)


def _said_by(item: Any) -> _By:
    if not isinstance(item, dict):
        return _By.USER
    if item.get("role") in ("user", "system", "developer"):
        return _By.USER
    return _By.TOOL if _is_output(item) else _By.MODEL


def _is_output(item: Any) -> bool:
    return isinstance(item, dict) and str(item.get("type", "")).endswith("_output")


def _turn(latest: Sequence[Memory]) -> list[Memory]:
    """The last turn: what the user said last, and all after it. latest: of memories, oldest first."""
    by_user = [_said_by(items.told(one)) is _By.USER for one in latest]
    asked = max((at for at, user in enumerate(by_user) if user), default=-1)
    first = max((at + 1 for at, user in enumerate(by_user[: max(asked, 0)]) if not user), default=0)
    return list(latest[first:])


def _answerable(given: Sequence[Any]) -> list[Any]:
    """Items without calls that have no output, outputs that have no call, and thoughts that led to nothing."""
    outputs = {_call_id(one) for one in given if _is_output(one)}
    calls = {_call_id(one) for one in given if not _is_output(one)}
    whole = [one for one in given if _call_id(one) is None or _call_id(one) in outputs & calls]
    kept: list[Any] = []
    for one in reversed(whole):
        followed = bool(kept) and _said_by(kept[-1]) is _By.MODEL
        thought = isinstance(one, dict) and one.get("type") == "reasoning"
        kept += [one] if not thought or followed else []
    return kept[::-1]


__all__ = ["MemoriaSession"]

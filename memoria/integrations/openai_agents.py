"""The OpenAI Agents SDK's `Session` on memoria: each item of a conversation is an episodic memory.

So a conversation is recalled with the rest of the memory, by words, speaker and session; and clearing a session, or
popping an item, is an exact forget. What the model did in a turn, and what its tools answered, is derived from what
came before it in that turn: it goes when that is forgotten. A call and its output are read together or not at all, for
the API refuses one without the other.
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
from memoria.integrations.names import as_part, record_key
from memoria.integrations.threads import settled
from memoria.remember import Draft
from memoria.sharing import Source, lent
from memoria.types import Memory, Provenance

with extra("openai-agents"):
    from agents.memory import SessionSettings
    from agents.memory.session_settings import coerce_session_settings, resolve_session_limit

if TYPE_CHECKING:
    from agents.items import TResponseInputItem

_ANY_ID = "0" * 32
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
        return _answerable([one.metadata["item"] for one in found])[-(last or 0) :]

    def _add(self, items: Sequence[TResponseInputItem]) -> None:
        if not items:
            return
        with lent(self._memory) as memory:
            view = self._view(memory)
            latest = view.list(limit=_TURN, newest=True)
            # The order of memories is that of time, and clocks are set back.
            at = max([memory.now(), *(one.created_at + datetime.resolution for one in latest[-1:])])
            drafts = [self._draft(item, at) for item in items]
            for draft in drafts:  # what cannot be stored is refused before anything is
                draft.memory(_ANY_ID, view.prefix, at)
            turn = _turn(latest)
            for by, some in groupby(drafts, lambda draft: _said_by(cast("Any", draft.metadata)["item"])):
                turn = [] if by is _By.USER else turn
                made = view.remember_many([_made_from(turn, draft) for draft in some], readmit=True)
                turn = [*turn, *made]

    def _pop(self) -> TResponseInputItem | None:
        with lent(self._memory) as memory:
            view = self._view(memory)
            for last in view.list(limit=1, newest=True):
                view.forget(last.id)
                return cast("TResponseInputItem", last.metadata["item"])
        return None

    def _clear(self) -> None:
        with lent(self._memory) as memory:
            self._view(memory).forget(namespace=())

    def _view(self, memory: Memoria) -> Memoria:
        return memory.namespace("sessions", as_part(self.session_id))

    def _draft(self, item: TResponseInputItem, at: datetime) -> Draft:
        # Through JSON, as other sessions do: what comes back is what any reader would get.
        plain: dict[str, Any] = json.loads(json.dumps(item))
        said = Provenance(source="chat", speaker=plain.get("role"), session=self.session_id)
        return Draft(text=_text(plain), created_at=at, key=record_key(), provenance=said, metadata={"item": plain})


def _made_from(turn: Sequence[Memory], draft: Draft) -> Draft:
    """The draft with its sources: of an output its call, of all else what came before it in the turn."""
    item: Mapping[str, Any] = (draft.metadata or {})["item"]
    own = [one for one in turn if _is_output(item) and one.metadata["item"].get("call_id") == item.get("call_id")]
    return replace(draft, provenance=replace(draft.provenance, derived_from=tuple(one.id for one in own or turn)))


def _said_by(item: Mapping[str, Any]) -> _By:
    if item.get("role") in ("user", "system", "developer"):
        return _By.USER
    return _By.TOOL if _is_output(item) else _By.MODEL


def _is_output(item: Mapping[str, Any]) -> bool:
    return str(item.get("type", "")).endswith("_output")


def _turn(latest: Sequence[Memory]) -> list[Memory]:
    """The last turn: what the user said last, and all after it. latest: of memories, oldest first."""
    by_user = [_said_by(one.metadata["item"]) is _By.USER for one in latest]
    asked = max((at for at, user in enumerate(by_user) if user), default=-1)
    first = max((at + 1 for at, user in enumerate(by_user[: max(asked, 0)]) if not user), default=0)
    return list(latest[first:])


def _answerable(items: Sequence[Any]) -> list[Any]:
    """Items without calls that have no output, outputs that have no call, and thoughts that led to nothing."""
    outputs = {one["call_id"] for one in items if "call_id" in one and _is_output(one)}
    calls = {one["call_id"] for one in items if "call_id" in one and not _is_output(one)}
    whole = [one for one in items if "call_id" not in one or one["call_id"] in outputs & calls]
    kept: list[Any] = []
    for one in reversed(whole):
        followed = bool(kept) and _said_by(kept[-1]) is _By.MODEL
        kept += [one] if one.get("type") != "reasoning" or followed else []
    return kept[::-1]


def _text(item: Mapping[str, Any]) -> str:
    """What is said in an item, or asked of a tool, or answered by one; the whole item where nothing is."""
    said = [*_said(item.get("content")), *_said(item.get("output"))]
    if "arguments" in item:
        said.append(f"{item.get('name', '')} {item['arguments']}")
    text = "\n".join(said).replace("\0", " ")
    return text if text.strip() else json.dumps(item, ensure_ascii=False)


def _said(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]


__all__ = ["MemoriaSession"]

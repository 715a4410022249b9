"""Google ADK's `BaseMemoryService` on memoria: what is said in sessions is found by later ones, until it is deleted.

An event is a memory in the namespace of its application, user and session. Deleting one is an exact forget, with what
the agent answered to it in the same invocation; and though an agent adds its session again and again, an event that was
deleted never comes back: its id is kept, and nothing else of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery, MemoryNotFound
from memoria.extras import extra
from memoria.integrations.messages import MESSAGE, Message, add, check, value_of
from memoria.integrations.names import as_part, record_key
from memoria.integrations.threads import settled
from memoria.remember import Draft
from memoria.sharing import Source, lent
from memoria.types import Hit, Memory, Provenance, Receipt
from memoria.validate import check_whole

with extra("adk"):
    from google.adk.memory.base_memory_service import BaseMemoryService, SearchMemoryResponse
    from google.adk.memory.memory_entry import MemoryEntry
    from google.genai.types import Content, Part

if TYPE_CHECKING:
    from google.adk.events.event import Event
    from google.adk.sessions.session import Session

# as_part writes no bare "%", so no session is ever called like these.
_NO_SESSION = "%none"
_DIRECT = "%memories"
_DELETED = "%deleted"


class MemoriaMemoryService(BaseMemoryService):  # type: ignore[misc]  # google-adk is not in the environment of mypy
    """A memory service in the namespace "adk", application, user and session. Safe for threads.

    Args:
        memory: a memory, or a `Shared` store.
        limit: how many memories a search returns at most.
        budget_tokens: how many tokens they may have together; None is no limit.
    """

    def __init__(self, memory: Source, *, limit: int = 10, budget_tokens: int | None = None) -> None:
        self.memory = memory
        self.limit = check_whole("limit", limit)
        self.budget_tokens = None if budget_tokens is None else check_whole("budget_tokens", budget_tokens)

    async def add_session_to_memory(self, session: Session) -> None:
        """Adds what is new in a session.

        Args:
            session: as the session service has it. Left out are events without words, such as calls of tools, and
                those that were deleted.
        """
        await settled(self._add, session.app_name, session.user_id, session.id, session.events, {})

    async def add_events_to_memory(
        self,
        *,
        app_name: str,
        user_id: str,
        events: Sequence[Event],
        session_id: str | None = None,
        custom_metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Adds events that are not there yet.

        Args:
            app_name: the application.
            user_id: the user.
            events: some events of a session.
            session_id: the session; None when it has none.
            custom_metadata: a JSON object that search returns with them.
        """
        await settled(self._add, app_name, user_id, session_id, events, custom_metadata or {})

    async def add_memory(
        self,
        *,
        app_name: str,
        user_id: str,
        memories: Sequence[MemoryEntry],
        custom_metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Adds memories that come from no session.

        Args:
            app_name: the application.
            user_id: the user.
            memories: entries; one with the `id` of an earlier one replaces it.
            custom_metadata: a JSON object that search returns with them, beside their own.
        """
        await settled(self._add_entries, app_name, user_id, memories, custom_metadata or {})

    async def search_memory(self, *, app_name: str, user_id: str, query: str) -> SearchMemoryResponse:
        """The memories of a user that a question needs most.

        Args:
            app_name: the application.
            user_id: the user.
            query: in plain words.

        Returns:
            Entries, best first; each has the `id` that `delete_memory` takes.
        """
        if not query.strip():
            return SearchMemoryResponse()
        return SearchMemoryResponse(memories=await settled(self._search, app_name, user_id, query))

    async def delete_memory(self, *, app_name: str, user_id: str, memory_id: str | None = None) -> None:
        """Forgets a memory, with what the agent answered to it; does nothing when it is not there.

        Args:
            app_name: the application.
            user_id: the user.
            memory_id: as `search_memory` returned it.

        Raises:
            Held: a hold protects it.
        """
        if memory_id:
            await settled(self._delete, app_name, user_id, memory_id)

    async def delete_session(self, *, app_name: str, user_id: str, session_id: str) -> Receipt:
        """Erases all that came from a session, and its name. ADK itself has no call for this.

        Args:
            app_name: the application.
            user_id: the user.
            session_id: the session.

        Returns:
            What was erased.

        Raises:
            Held: a hold protects a memory of the session.
        """
        return await settled(self._erase, app_name, user_id, session_id)

    async def delete_user(self, *, app_name: str, user_id: str) -> Receipt:
        """Erases all that is remembered of a user of an application, names included.

        Args:
            app_name: the application.
            user_id: the user.

        Returns:
            What was erased.

        Raises:
            Held: a hold protects one of the memories.
        """
        return await settled(self._erase, app_name, user_id, None)

    # -- writing --

    def _add(
        self, app: str, user: str, session: str | None, events: Sequence[Event], custom: Mapping[str, object]
    ) -> None:
        spoken = [event for event in events if _said(event.content)]
        with lent(self.memory) as memory:
            home = _user(memory, app, user)
            view = home.namespace(_NO_SESSION if session is None else as_part(session))
            deleted = {one.metadata["event"] for one in home.list(namespace=(_DELETED,))}
            known = {one.metadata["event"]: one for one in view.list(tags=(MESSAGE,))}
            fresh: dict[str, Message] = {}
            for event in spoken:
                message = _message(event, session, custom)
                if message.named["event"] not in deleted | known.keys():
                    fresh.setdefault(message.named["event"], message)
            for message in fresh.values():
                check(view, message)
            for invocation, some in groupby(fresh.values(), lambda message: str(message.named["invocation"])):
                turn = [one.id for one in known.values() if invocation and one.metadata["invocation"] == invocation]
                add(view, [*some], turn)

    def _add_entries(self, app: str, user: str, entries: Sequence[MemoryEntry], custom: Mapping[str, object]) -> None:
        with lent(self.memory) as memory:
            view = _user(memory, app, user).namespace(_DIRECT)
            known = {one.metadata["event"]: one for one in view.list(tags=(MESSAGE,))}
            messages = [_direct(entry, custom, memory.now()) for entry in entries]
            add(view, messages)
            old = {known[name].id for message in messages if (name := message.named["event"]) in known}
            if old:
                view.forget(*old, guard="none")

    # -- reading --

    def _search(self, app: str, user: str, query: str) -> list[MemoryEntry]:
        with lent(self.memory) as memory:
            view = _user(memory, app, user)
            hits = view.recall(query, k=self.limit, budget_tokens=self.budget_tokens)
            return [_entry(view, hit) for hit in hits]

    # -- deleting --

    def _delete(self, app: str, user: str, id: str) -> None:
        with lent(self.memory) as memory:
            view = _user(memory, app, user)
            if not any(one.id == id for one in _found(view, id)):
                return
            going = [one for one in view.forget(id, dry_run=True) if "event" in one.metadata]
            # First, so that a crash between the two forgets too little once, and brings nothing back ever.
            marks = view.namespace(_DELETED).remember_many([_mark(one) for one in going], readmit=True)
            if marks:
                view.archive(*marks)
            try:
                view.forget(id)
            except BaseException:
                view.forget(*marks, guard="none")
                raise

    def _erase(self, app: str, user: str, session: str | None) -> Receipt:
        with lent(self.memory) as memory:
            view = _user(memory, app, user)
            if session is None:
                return view.forget(namespace=(), guard="none")
            receipt = view.forget(namespace=(as_part(session),), guard="none")
            marks = view.list(namespace=(_DELETED,), session=session)
            if marks:
                view.forget(*marks, guard="none")
            return receipt


def _user(memory: Memoria, app: str, user: str) -> Memoria:
    return memory.namespace("adk", as_part(app), as_part(user))


def _found(view: Memoria, id: str) -> list[Memory]:
    """The memory with this id, if it is of this view and nothing that we keep for ourselves."""
    try:
        return [one for one in [view.get(id)] if one.namespace[-1:] != (_DELETED,)]
    except (MemoryNotFound, InvalidQuery):
        return []


def _mark(gone: Memory) -> Draft:
    """What is kept of a deleted event: whose id it was."""
    origin = Provenance(source="adk", session=gone.provenance.session)
    named = {"event": gone.metadata["event"]}
    return Draft(text="(deleted)", key=record_key(), provenance=origin, metadata=named)


def _message(event: Event, session: str | None, custom: Mapping[str, object]) -> Message:
    value = _value(event.content)
    return Message(
        said=_said(event.content),
        value=value,
        by_user=event.author == "user",
        at=_time(event.timestamp),
        provenance=Provenance(source="chat", speaker=event.author or None, session=session),
        named={"event": event.id or _digest(event, value), "invocation": event.invocation_id, "custom": dict(custom)},
    )


def _direct(entry: MemoryEntry, custom: Mapping[str, object], now: datetime) -> Message:
    at = _written(entry.timestamp) or now
    return Message(
        said=_said(entry.content),
        value=_value(entry.content),
        by_user=True,
        at=at if at.tzinfo is not None else at.astimezone(UTC),
        provenance=Provenance(source="adk", speaker=entry.author or None),
        named={"event": entry.id or record_key(), "custom": {**custom, **entry.custom_metadata}},
    )


def _entry(view: Memoria, hit: Hit) -> MemoryEntry:
    memory = hit.memory
    value = value_of(view, memory)
    words = Content(role="user", parts=[Part(text=hit.shown)])
    named = {"session_id": memory.provenance.session, "event_id": memory.metadata.get("event")}
    return MemoryEntry(
        id=memory.id,
        content=words if value is None or hit.in_part else Content.model_validate(value),
        author=memory.provenance.speaker,
        timestamp=memory.created_at.isoformat(),
        custom_metadata={**memory.metadata.get("custom", {}), **{name: one for name, one in named.items() if one}},
    )


def _said(content: Content | None) -> str:
    """The words of a content; thoughts are none."""
    parts = [] if content is None else content.parts or []
    return "\n".join(part.text for part in parts if part.text and part.text.strip() and not part.thought)


def _value(content: Content | None) -> Any:
    return None if content is None else content.model_dump(mode="json", exclude_none=True)


def _time(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise ValueError("the timestamp of an event is not a time in seconds") from error


def _written(given: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(given) if given else None
    except ValueError as error:
        raise ValueError("the timestamp of a memory is not ISO 8601") from error


def _digest(event: Event, value: Any) -> str:
    """An id for an event without one, the same each time."""
    return hashlib.sha256(f"{event.author}:{event.timestamp}:{value}".encode()).hexdigest()[:32]


__all__ = ["MemoriaMemoryService"]

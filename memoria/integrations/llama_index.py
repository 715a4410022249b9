"""LlamaIndex on memoria: its memory of a chat, the store and the block that this is made of, and a retriever.

A message is a memory in the namespace "sessions" and its key, so that it is found by whatever recalls; and to reset a
memory, or to delete a message, is an exact forget. What the model said in a turn is derived from what the user said in
it, and goes with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from pydantic import ConfigDict, Field, field_validator

from memoria.engine.arguments import Filters
from memoria.engine.memory import Memoria
from memoria.extras import extra
from memoria.integrations.documents import check, found, told
from memoria.integrations.messages import MESSAGE, Message, add, as_text, latest_turn, value_of
from memoria.integrations.names import as_part, from_part
from memoria.integrations.threads import settled
from memoria.integrations.versions import replace
from memoria.recall.context import line, pack
from memoria.sharing import Source, lent
from memoria.types import Hit, Hits, Memory, Provenance

with extra("llama-index"):
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.base.llms.types import ChatMessage, MessageRole
    from llama_index.core.memory import BaseMemoryBlock
    from llama_index.core.memory import Memory as ChatMemory
    from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
    from llama_index.core.storage.chat_store.base_db import AsyncDBChatStore, MessageStatus

_ROOM = "sessions"
_NOT_DERIVED = (MessageRole.USER, MessageRole.SYSTEM, MessageRole.DEVELOPER)
# More than these are never looked through for messages that the prompt has already.
_SHOWN = 100


class MemoriaChatStore(AsyncDBChatStore):
    """Where LlamaIndex's `Memory` puts its messages: `Memory(sql_store=MemoriaChatStore(memory=memory), ...)`.

    Attributes:
        memory: a memory, or a `Shared` store.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)
    memory: Any = Field(exclude=True, repr=False)

    @field_validator("memory")
    @classmethod
    def _is_source(cls, given: Any) -> Any:
        return _source(given)

    @classmethod
    def class_name(cls) -> str:
        """The name of this class, by which LlamaIndex knows it.

        Returns:
            "MemoriaChatStore".
        """
        return "MemoriaChatStore"

    async def get_messages(
        self,
        key: str,
        status: MessageStatus | None = MessageStatus.ACTIVE,
        limit: int | None = None,
        offset: int | None = None,
    ) -> list[ChatMessage]:
        """Reads a conversation.

        Args:
            key: its name.
            status: only messages with this status; None is all.
            limit: how many at most, from the oldest on; None is all.
            offset: how many are passed over.

        Returns:
            Messages, oldest first.
        """
        return await settled(self._get, key, status, limit, offset)

    async def count_messages(self, key: str, status: MessageStatus | None = MessageStatus.ACTIVE) -> int:
        """How many messages a conversation has.

        Args:
            key: its name.
            status: only messages with this status; None is all.

        Returns:
            The count.
        """
        return await settled(self._count, key, status)

    async def add_message(self, key: str, message: ChatMessage, status: MessageStatus = MessageStatus.ACTIVE) -> None:
        """Adds a message at the end.

        Args:
            key: name of the conversation.
            message: the message.
            status: its status.
        """
        await settled(self._add, key, [message], status)

    async def add_messages(
        self, key: str, messages: list[ChatMessage], status: MessageStatus = MessageStatus.ACTIVE
    ) -> None:
        """Adds messages at the end, in order.

        Args:
            key: name of the conversation.
            messages: the messages.
            status: their status.
        """
        await settled(self._add, key, messages, status)

    async def set_messages(
        self, key: str, messages: list[ChatMessage], status: MessageStatus = MessageStatus.ACTIVE
    ) -> None:
        """Replaces a conversation; what was is forgotten once the new one is stored.

        Args:
            key: its name.
            messages: what it is now.
            status: their status.

        Raises:
            Held: a hold protects an old message; then the old ones stay.
        """
        await settled(self._set, key, messages, status)

    async def delete_message(self, key: str, idx: int) -> ChatMessage | None:
        """Forgets one message, with what was answered to it.

        Args:
            key: name of the conversation.
            idx: its place in the conversation, counted from 0.

        Returns:
            The message; None when there is none.

        Raises:
            Held: a hold protects it.
        """
        return await settled(self._delete_one, key, idx)

    async def delete_messages(self, key: str, status: MessageStatus | None = None) -> None:
        """Forgets a conversation, its name included, or those of its messages that have a status.

        Args:
            key: its name.
            status: only messages with this status, and what was answered to them; None is all.

        Raises:
            Held: a hold protects a message.
        """
        await settled(self._delete, key, status)

    async def delete_oldest_messages(self, key: str, n: int) -> list[ChatMessage]:
        """Forgets the oldest active messages, with what was answered to them.

        Args:
            key: name of the conversation.
            n: how many.

        Returns:
            What is gone, oldest first, with answers that went too.

        Raises:
            Held: a hold protects a message.
        """
        return await settled(self._delete_oldest, key, n)

    async def archive_oldest_messages(self, key: str, n: int) -> list[ChatMessage]:
        """Takes the oldest active messages out of the active ones; they stay remembered.

        Args:
            key: name of the conversation.
            n: how many.

        Returns:
            The messages, oldest first.
        """
        return await settled(self._archive_oldest, key, n)

    async def get_keys(self) -> list[str]:
        """The names of all conversations.

        Returns:
            Names, sorted.
        """
        return await settled(self._keys)

    def _get(self, key: str, status: MessageStatus | None, limit: int | None, offset: int | None) -> list[ChatMessage]:
        with lent(self.memory) as memory:
            view = _view(memory, key)
            start = offset or 0
            stop = None if limit is None else start + limit
            return [_message(view, one) for one in _listed(view, status)[start:stop]]

    def _count(self, key: str, status: MessageStatus | None) -> int:
        with lent(self.memory) as memory:
            return len(_listed(_view(memory, key), status))

    def _add(self, key: str, messages: Sequence[ChatMessage], status: MessageStatus) -> None:
        with lent(self.memory) as memory:
            put(memory, key, messages, status)

    def _set(self, key: str, messages: Sequence[ChatMessage], status: MessageStatus) -> None:
        with lent(self.memory) as memory:
            view = _view(memory, key)
            old = _listed(view, None)
            replace(view, old, put(memory, key, messages, status, turn=()))

    def _delete_one(self, key: str, idx: int) -> ChatMessage | None:
        with lent(self.memory) as memory:
            view = _view(memory, key)
            every = _listed(view, None)
            if not 0 <= idx < len(every):
                return None
            message = _message(view, every[idx])
            view.forget(every[idx])
            return message

    def _delete(self, key: str, status: MessageStatus | None) -> None:
        with lent(self.memory) as memory:
            view = _view(memory, key)
            if status is None:
                view.forget(namespace=())
            elif going := _listed(view, status):
                view.forget(*going)

    def _delete_oldest(self, key: str, n: int) -> list[ChatMessage]:
        with lent(self.memory) as memory:
            view = _view(memory, key)
            oldest = _listed(view, MessageStatus.ACTIVE)[: max(n, 0)]
            if not oldest:
                return []
            going = [one for one in view.forget(*oldest, dry_run=True) if MESSAGE in one.tags]
            messages = [_message(view, one) for one in going]
            view.forget(*oldest)
            return messages

    def _archive_oldest(self, key: str, n: int) -> list[ChatMessage]:
        with lent(self.memory) as memory:
            view = _view(memory, key)
            oldest = _listed(view, MessageStatus.ACTIVE)[: max(n, 0)]
            for one in oldest:
                view.amend(one.id, tags=(MESSAGE, MessageStatus.ARCHIVED.value))
            return [_message(view, one) for one in oldest]

    def _keys(self) -> list[str]:
        with lent(self.memory) as memory:
            room = memory.namespace(_ROOM)
            return sorted({from_part(space[len(room.prefix)]) for space in room.namespaces() if space != room.prefix})


class MemoriaBlock(BaseMemoryBlock[str]):
    """A block of LlamaIndex's `Memory` that says what is remembered about the last message of the user.

    What the prompt has already as a message is left out. Messages that leave the short-term memory are stored, unless
    `accept_short_term_memory` is False.

    Attributes:
        memory: a view of a memory, or a `Shared` store: it recalls all under it, whatever was the conversation.
        name: of the block in the prompt.
        k: how many memories at most.
        budget_tokens: how many tokens they may have together.
        asking: other arguments of `Memoria.recall`, such as {"subject": "ada"}.
    """

    memory: Any = Field(exclude=True, repr=False)
    name: str = "Remembered"
    k: int = Field(default=10, ge=1)
    budget_tokens: int = Field(default=500, ge=1)
    asking: dict[str, Any] = Field(default_factory=dict)

    @field_validator("memory")
    @classmethod
    def _is_source(cls, given: Any) -> Any:
        return _source(given)

    @field_validator("asking")
    @classmethod
    def _is_asking(cls, given: dict[str, Any]) -> dict[str, Any]:
        return check(given)

    async def atruncate(self, content: str, tokens_to_truncate: int) -> str | None:
        """Leaves out the least needed memories.

        Args:
            content: what the block said.
            tokens_to_truncate: about how many tokens have to go.

        Returns:
            The lines that are left; None when there are none.
        """
        lines = content.split("\n")
        while lines and tokens_to_truncate > 0:
            tokens_to_truncate -= -(-len(lines.pop().encode()) // 4)
        return "\n".join(lines) or None

    async def _aget(self, messages: list[ChatMessage] | None = None, session_id: str | None = None, **_: Any) -> str:
        asked = [message for message in messages or () if message.role == MessageRole.USER and _said(message).strip()]
        return await settled(self._recalled, _said(asked[-1]), messages or [], session_id) if asked else ""

    async def _aput(self, messages: list[ChatMessage]) -> None:
        by_session: dict[str, list[ChatMessage]] = {}
        for message in messages:
            more = {name: value for name, value in message.additional_kwargs.items() if name != "session_id"}
            plain = message.model_copy(update={"additional_kwargs": more})
            by_session.setdefault(str(message.additional_kwargs.get("session_id", "")) or self.name, []).append(plain)
        for session, some in by_session.items():
            await settled(self._put, session, some)

    def _put(self, session: str, messages: Sequence[ChatMessage]) -> None:
        with lent(self.memory) as memory:
            put(memory, session, messages, MessageStatus.ARCHIVED)

    def _recalled(self, query: str, messages: Sequence[ChatMessage], session: str | None) -> str:
        shown = {as_text(_said(message)) for message in messages[-_SHOWN:]}
        hits = found(self.memory, query, self.k + len(shown), self.asking)
        new = [hit for hit in hits if hit.memory.provenance.session != session or hit.memory.text not in shown]
        return "\n".join(line(hit) for hit in pack(Hits(new[: self.k], known=hits.known), self.budget_tokens))


class MemoriaMemory(ChatMemory):
    """LlamaIndex's `Memory`, its messages in a memoria and what is remembered beside them: a chat engine's `memory`.

    Made by `from_defaults`. `reset` erases the conversation, its name included.
    """

    @classmethod
    def class_name(cls) -> str:
        """The name of this class, by which LlamaIndex knows it.

        Returns:
            "MemoriaMemory".
        """
        return "MemoriaMemory"

    @classmethod
    def from_defaults(  # type: ignore[override]  # theirs names each option
        cls,
        session_id: str | None = None,
        chat_history: list[ChatMessage] | None = None,
        *,
        memory: Source,
        k: int = 10,
        budget_tokens: int = 500,
        asking: Filters | None = None,
        memory_blocks: Sequence[BaseMemoryBlock[Any]] = (),
        **options: Any,
    ) -> Self:
        """Makes a memory of one conversation.

        Args:
            session_id: name of the conversation; None is a new one.
            chat_history: what the conversation is now, instead of what is stored.
            memory: a view of a memory, or a `Shared` store.
            k: how many memories are shown at most.
            budget_tokens: how many tokens they may have together.
            asking: other arguments of `Memoria.recall`, such as {"subject": "ada"}.
            memory_blocks: further blocks.
            **options: of `Memory.from_defaults`: token_limit, insert_method and more.

        Returns:
            The memory.
        """
        block = MemoriaBlock(
            memory=memory,
            k=k,
            budget_tokens=budget_tokens,
            asking=dict(asking or {}),
            accept_short_term_memory=False,
        )
        made: Any = super().from_defaults(session_id=session_id, memory_blocks=[block, *memory_blocks], **options)
        made.sql_store = MemoriaChatStore(memory=memory)
        if chat_history is not None:
            made.set(chat_history)
        return made  # type: ignore[no-any-return]


class MemoriaRetriever(BaseRetriever):
    """A retriever over a memory: `RetrieverQueryEngine.from_args(MemoriaRetriever(memory, k=4))`. Safe for threads.

    The score of a node is the probability that the query wants it, where there is one, and else that of the hit.

    Args:
        memory: a view of a memory, or a `Shared` store.
        k: how many nodes at most; at least 1.
        asking: other arguments of `Memoria.recall`, such as {"subject": "ada"}.
        **options: of LlamaIndex's `BaseRetriever`.
    """

    def __init__(self, memory: Source, *, k: int = 10, asking: Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.memory = memory
        self.k = k
        self.asking = check(asking or {})

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [_node(hit) for hit in found(self.memory, query_bundle.query_str, self.k, self.asking)]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await settled(self._retrieve, query_bundle)


def put(
    memory: Memoria,
    key: str,
    messages: Sequence[ChatMessage],
    status: MessageStatus,
    turn: Sequence[str] | None = None,
) -> list[Memory]:
    """Stores messages at the end of a conversation, in order. turn: of the message before; None looks for it."""
    view = _view(memory, key)
    # The order of memories is that of time, and clocks are set back.
    latest = view.list(tags=(MESSAGE,), limit=1, newest=True)
    at = max([memory.now(), *(one.created_at + datetime.resolution for one in latest)])
    made = [_as_message(message, key, status, at) for message in messages]
    return add(view, made, latest_turn(view) if turn is None else turn)


def _as_message(message: ChatMessage, key: str, status: MessageStatus, at: datetime) -> Message:
    return Message(
        said=_said(message),
        value=message.model_dump(mode="json"),
        by_user=message.role in _NOT_DERIVED,
        at=at,
        provenance=Provenance(source="chat", speaker=message.role.value, session=key),
        tags=(status.value,),
    )


def _message(view: Memoria, memory: Memory) -> ChatMessage:
    value = value_of(view, memory)
    if value is None:
        return ChatMessage(role=MessageRole(memory.provenance.speaker or "user"), content=memory.text)
    return ChatMessage.model_validate(value)


def _said(message: ChatMessage) -> str:
    """The words of a message, and the calls of tools in it."""
    said = [message.content or ""]
    for block in message.blocks:
        if getattr(block, "block_type", "") == "tool_call":
            called: Any = block
            said.append(f"{called.tool_name} {json.dumps(called.tool_kwargs, ensure_ascii=False, default=str)}")
    return "\n".join(one for one in said if one)


def _listed(view: Memoria, status: MessageStatus | None) -> list[Memory]:
    return list(view.list(tags=(MESSAGE,) if status is None else (MESSAGE, status.value)))


def _view(memory: Memoria, key: str) -> Memoria:
    return memory.namespace(_ROOM, as_part(key))


def _source(given: Any) -> Any:
    if not isinstance(given, Source):
        raise ValueError(f"memory is {type(given).__name__}, not a memory or a Shared store")
    return given


def _node(hit: Hit) -> NodeWithScore:
    known = told(None, hit)
    score = hit.score if hit.probability is None else hit.probability
    shown = ["created_at", "speaker", "source"]
    hidden = [name for name in known if name not in shown]
    node = TextNode(
        id_=hit.memory.id,
        text=hit.shown,
        metadata=known,
        excluded_embed_metadata_keys=list(known),
        excluded_llm_metadata_keys=hidden,
    )
    return NodeWithScore(node=node, score=score)


__all__ = ["MemoriaBlock", "MemoriaChatStore", "MemoriaMemory", "MemoriaRetriever"]

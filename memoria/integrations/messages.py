"""Messages of other programs as memories: what is said in one, and the whole of it as JSON.

What the model says in a turn is derived from what came before it in that turn: it goes when that is forgotten. The JSON
of a message may be longer than the metadata of one memory, as that of an image is; the rest of it is in further
memories, which are derived from the message, are in no recall, and go with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from memoria.engine.memory import Memoria
from memoria.integrations.names import record_key
from memoria.remember import Draft
from memoria.types import Memory, Provenance
from memoria.validate import MAX_TEXT_BYTES

MESSAGE = "message"
_REST = "rest of a message"
# Characters of JSON in one memory. Quotes and backslashes are escaped once more there, and the limit is 1 MiB.
_PIECE = 500_000
_ANY_ID = "0" * 32
# Memories of a turn that are looked for, at most.
_TURN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message to be stored.

    Attributes:
        said: its words; may be blank.
        value: the whole of it, as JSON.
        by_user: whether it begins a turn, or is not derived from what came before.
        at: when it was said; aware.
        provenance: who said it, and in which conversation.
        named: what it is found by later; beside the value in the metadata.
        tags: labels.
    """

    said: str
    value: Any
    by_user: bool
    at: datetime
    provenance: Provenance
    named: Mapping[str, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()

    def drafts(self) -> tuple[Draft, list[str]]:
        """The memory that it becomes, and the rest of its JSON, in pieces."""
        # Escaped, for half a letter too: what comes back is what any reader would get.
        whole = json.dumps(self.value)
        first, *rest = [whole[at : at + _PIECE] for at in range(0, len(whole), _PIECE)]
        draft = Draft(
            text=as_text(self.said),
            created_at=self.at,
            tags=(MESSAGE, *self.tags),
            key=record_key(),
            provenance=self.provenance,
            metadata={**self.named, "json": first, "pieces": 1 + len(rest), "by_user": self.by_user},
        )
        return draft, rest


def as_text(said: str, blank: str = "(no words)") -> str:
    """What a memory may hold of it: no NUL, no half of a letter, something to see, and at most 1 MiB."""
    plain = said.replace("\0", " ").encode("utf-8", "replace")
    if len(plain) > MAX_TEXT_BYTES:
        plain = plain[:MAX_TEXT_BYTES].decode("utf-8", "ignore").encode()
    return plain.decode() if plain.strip() else blank


def add(view: Memoria, messages: Sequence[Message], turn: Sequence[str] = ()) -> list[Memory]:
    """Stores messages in order; what cannot be stored is refused before anything is.

    turn: ids of the memories of the turn that goes on.
    """
    for message in messages:
        check(view, message)
    drafts = [message.drafts() for message in messages]
    stored: list[Memory] = []
    for by_user, some in groupby(zip(messages, drafts, strict=True), lambda pair: pair[0].by_user):
        turn = () if by_user else turn
        group = [pair for _, pair in some]
        made = view.remember_many([_from(turn, draft) for draft, _ in group], readmit=True)
        for memory, (_, rest) in zip(made, group, strict=True):
            _add_rest(view, memory, rest)
        turn = (*turn, *(memory.id for memory in made))
        stored += made
    return stored


def check(view: Memoria, message: Message) -> None:
    """Raises InvalidMemory for a message that cannot be stored."""
    draft, _ = message.drafts()
    draft.memory(_ANY_ID, view.prefix, message.at)


def latest_turn(view: Memoria) -> list[str]:
    """Ids of the last turn of a conversation: what the user said last, and all after it."""
    latest = view.list(tags=(MESSAGE,), limit=_TURN, newest=True)
    by_user = [bool(one.metadata.get("by_user")) for one in latest]
    asked = max((at for at, user in enumerate(by_user) if user), default=-1)
    first = max((at + 1 for at, user in enumerate(by_user[: max(asked, 0)]) if not user), default=0)
    return [one.id for one in latest[first:]]


def value_of(view: Memoria, memory: Memory) -> Any:
    """The whole message as it was given; None for a memory that is none, or has lost a piece in a crash."""
    first, pieces = memory.metadata.get("json"), memory.metadata.get("pieces")
    if not isinstance(first, str):
        return None
    rest = view.list(tags=(_REST,), metadata={"of": memory.id}) if pieces != 1 else []
    if len(rest) + 1 != pieces:
        return None
    ordered = sorted(rest, key=lambda one: int(one.metadata["at"]))
    return json.loads(first + "".join(one.metadata["json"] for one in ordered))


def _add_rest(view: Memoria, memory: Memory, rest: Sequence[str]) -> None:
    origin = Provenance(source=memory.provenance.source, session=memory.provenance.session, derived_from=(memory.id,))
    drafts = [
        Draft(
            text=_REST,
            created_at=memory.created_at,
            tags=(_REST,),
            key=record_key(),
            provenance=origin,
            metadata={"of": memory.id, "at": at, "json": piece},
        )
        for at, piece in enumerate(rest)
    ]
    if drafts:
        view.archive(*view.remember_many(drafts, readmit=True))


def _from(turn: Sequence[str], draft: Draft) -> Draft:
    return replace(draft, provenance=replace(draft.provenance, derived_from=tuple(turn)))

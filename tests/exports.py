"""Exports of other programs, of our own making, in the shapes that those programs write.

`python -m tests.exports MESSAGES FILE` writes a large one of ChatGPT, a conversation at a time.
"""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BEGUN = 1_767_225_600  # 2026-01-01
_NAMES = ("Ada", "Bob", "Chika", "Dmitri", "Eun", "Femi", "Greta")
_THINGS = ("tea", "chess", "the boat", "a bike", "her exam", "the garden", "a new flat")


def node(id: str, parent: str | None, children: list[str], message: Any) -> dict[str, Any]:
    return {"id": id, "message": message, "parent": parent, "children": children}


def message(id: str, role: str, content: Any, time: float | None = None, **more: Any) -> dict[str, Any]:
    """A message of ChatGPT with the fields that its export has."""
    given = {"content_type": "text", "parts": [content]} if isinstance(content, str) else content
    return {
        "id": id,
        "author": {"role": role, "name": None, "metadata": {}},
        "create_time": time,
        "update_time": None,
        "content": given,
        "status": "finished_successfully",
        "end_turn": None,
        "weight": 1.0,
        "metadata": {},
        "recipient": "all",
        "channel": None,
    } | more


def chatgpt() -> list[dict[str, Any]]:
    """Two conversations: a tree with a branch, system and tool messages, images and nulls; and one without ids."""
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://x", "size_bytes": 9}
    spoken = {"content_type": "audio_transcription", "text": "And it has a sail.", "direction": "in"}
    hidden = {"is_visually_hidden_from_conversation": True}
    tree = [
        node("client-created-root", None, ["m-sys"], None),
        node("m-sys", "client-created-root", ["m-own"], message("m-sys", "system", "", weight=0.0)),
        node(
            "m-own",
            "m-sys",
            ["m-1"],
            message("m-own", "user", {"content_type": "user_editable_context", "user_profile": "SECRET profile"}),
        ),
        node("m-1", "m-own", ["m-2", "m-2b"], message("m-1", "user", "My boat is called Wren.", BEGUN + 1.25)),
        node("m-2", "m-1", [], message("m-2", "assistant", "OTHER branch.", BEGUN + 2.0)),
        node("m-2b", "m-1", ["m-3"], message("m-2b", "assistant", "A good name.", None)),
        node(
            "m-3",
            "m-2b",
            ["m-4"],
            message(
                "m-3",
                "user",
                {"content_type": "multimodal_text", "parts": [picture, "This is her.", spoken, None]},
                BEGUN + 60.0,
            ),
        ),
        node(
            "m-4",
            "m-3",
            ["m-5"],
            message("m-4", "assistant", {"content_type": "code", "text": "look()"}, BEGUN + 61.0, recipient="python"),
        ),
        node("m-5", "m-4", ["m-6"], message("m-5", "tool", {"content_type": "execution_output", "text": "42"})),
        node("m-6", "m-5", ["m-7"], message("m-6", "assistant", {"content_type": "thoughts", "thoughts": []})),
        node("m-7", "m-6", ["m-h"], message("m-7", "user", {"content_type": "text", "parts": None}, BEGUN + 62.0)),
        node("m-h", "m-7", ["m-8"], message("m-h", "user", "SECRET hint", metadata=hidden)),
        node("m-8", "m-h", [], message("m-8", "user", {"content_type": "multimodal_text", "parts": [picture]})),
    ]
    first = {
        "title": "Wren",
        "create_time": BEGUN + 0.5,
        "update_time": BEGUN + 99.0,
        "mapping": {one["id"]: one for one in tree},
        "moderation_results": [],
        "current_node": "m-8",
        "conversation_id": "6955b900-0000-8000-8000-000000000001",
        "id": "6955b900-0000-8000-8000-000000000001",
        "is_archived": False,
    }
    plain = [
        node("a", None, ["b"], None),
        node("b", "a", [], message("b", "user", "I sold the bike.", None)),
    ]
    second = {"title": None, "create_time": BEGUN + 86400, "mapping": {one["id"]: one for one in plain}, "id": "c2"}
    return [first, second]


def claude() -> list[dict[str, Any]]:
    """A conversation with attachments, thinking, tools and a message of the old form; and an empty one."""

    def turn(id: str, sender: str, text: str, **more: Any) -> dict[str, Any]:
        times = {"created_at": "2026-01-02T10:00:00.123456Z", "updated_at": "2026-01-02T10:00:00.123456Z"}
        return {"uuid": id, "text": text, "sender": sender, **times, "attachments": [], "files": []} | more

    blocks = [
        {"type": "thinking", "thinking": "SECRET thought"},
        {"type": "text", "text": "Basil wants sun.", "citations": []},
        {"type": "tool_use", "name": "weather", "input": {"place": "Oslo"}},
        {"type": "tool_result", "name": "weather", "content": [{"type": "text", "text": "rain"}]},
        {"type": "text", "text": "It rains in Oslo."},
    ]
    pasted = {"file_name": "list.txt", "file_size": 9, "file_type": "txt", "extracted_content": "basil\nmint"}
    turns = [
        turn(
            "u-1", "human", "I grow basil.", content=[{"type": "text", "text": "I grow basil."}], attachments=[pasted]
        ),
        turn("u-2", "assistant", "Basil wants sun.\nThis block is not supported here.", content=blocks),
        turn("u-3", "human", "Thank you.", created_at=None),
        turn("u-4", "human", "", files=[{"file_name": "leaf.png"}]),
    ]
    return [
        {
            "uuid": "conv-1",
            "name": "Herbs",
            "summary": "",
            "created_at": "2026-01-02T09:59:00.000000Z",
            "updated_at": "2026-01-02T10:05:00.000000Z",
            "account": {"uuid": "acc-1"},
            "chat_messages": turns,
        },
        {"uuid": "conv-2", "name": "", "created_at": "2026-01-03T09:59:00Z", "chat_messages": []},
    ]


def mem0() -> dict[str, Any]:
    """What get_all returns."""
    return {
        "results": [
            {
                "id": "5a6d1b9c-0000-4000-8000-000000000001",
                "memory": "Likes green tea",
                "hash": "2f1c",
                "metadata": {"mood": "calm"},
                "categories": ["food"],
                "created_at": "2026-01-05T08:00:00.000000-08:00",
                "updated_at": None,
                "user_id": "ada",
                "run_id": "run-1",
            },
            {
                "id": "5a6d1b9c-0000-4000-8000-000000000002",
                "memory": "Restart the worker after each deploy",
                "metadata": {"memory_type": "procedural_memory"},
                "created_at": "2026-01-06T08:00:00Z",
                "agent_id": "ops",
            },
            {"id": "5a6d1b9c-0000-4000-8000-000000000003", "memory": "", "metadata": None, "created_at": None},
        ],
        "relations": [],
    }


def langgraph() -> list[dict[str, Any]]:
    """Items of a store: a text, one of LangMem, one of fields, one of the table in PostgreSQL, one without text."""
    times = {"created_at": "2026-01-07T17:22:31.590602+00:00", "updated_at": "2026-01-07T17:22:31.590605+00:00"}
    langmem = {"kind": "Memory", "content": {"content": "Ada moved to Oslo."}}
    return [
        {"namespace": ["users", "ada"], "key": "k1", "value": {"text": "Ada plays chess.", "level": 3}, **times},
        {"namespace": ["users", "a/b"], "key": "k1", "value": langmem, **times, "score": None},
        {"namespace": [], "key": "k2", "value": {"food": "pizza", "drink": "tea", "cups": 2}, **times},
        {"prefix": "users.ada", "key": "k3", "value": {"data": "Ada has a boat."}, **times},
        {"namespace": ["users", "ada"], "key": "k4", "value": {"level": None}, **times},
    ]


def letta() -> dict[str, Any]:
    """An agent file of the newer form."""

    def said(id: str, role: str, content: Any, **more: Any) -> dict[str, Any]:
        return {"id": id, "role": role, "content": content, "created_at": None} | more

    sent = {"id": "call-1", "type": "function", "function": {"name": "send_message", "arguments": ""}}
    sent["function"] = {"name": "send_message", "arguments": json.dumps({"message": "Hello Ada."})}
    other = {"id": "call-2", "type": "function", "function": {"name": "archival_memory_search", "arguments": "{}"}}
    login = json.dumps({"type": "login", "last_login": "Never"})
    hello = json.dumps({"type": "user_message", "message": "I am Ada.", "time": "2026-01-08 09:00:00 AM UTC+0000"})
    messages = [
        said("message-0", "system", [{"type": "text", "text": "You are Sam."}]),
        said("message-1", "user", [{"type": "text", "text": login}]),
        said("message-2", "user", [{"type": "text", "text": hello}], created_at="2026-01-08T09:00:00+00:00"),
        said("message-3", "assistant", [{"type": "text", "text": "SECRET thought"}], tool_calls=[sent, other]),
        said("message-4", "tool", [{"type": "text", "text": '{"status": "OK"}'}], tool_calls=None),
        said("message-5", "user", "And I like tea."),
    ]
    blocks = [
        {"id": "block-0", "label": "human", "value": "Name: Ada.", "limit": 5000, "description": "the human"},
        {"id": "block-1", "label": "persona", "value": "", "limit": 5000},
    ]
    agent = {"id": "agent-0", "name": "sam", "block_ids": ["block-0"], "messages": messages, "system": "You are Sam."}
    return {"agents": [agent], "groups": [], "blocks": blocks, "files": [], "sources": [], "tools": []}


def letta_old() -> dict[str, Any]:
    """An agent file of the older form."""
    block = {"label": "human", "value": "Name: Bob.", "created_at": "2026-01-09T00:00:00+00:00", "limit": 2000}
    turn = {
        "role": "user",
        "content": [{"type": "text", "text": json.dumps({"type": "user_message", "message": "I am Bob."})}],
        "created_at": "2026-01-09T09:00:00+00:00",
        "tool_calls": None,
    }
    return {"agent_type": "memgpt_agent", "name": "sam", "core_memory": [block], "messages": [turn], "version": "0.6"}


def passages() -> list[dict[str, Any]]:
    """Archival passages, as the API lists them."""
    return [
        {
            "id": "passage-11111111-0000-4000-8000-000000000001",
            "text": "Ada keeps bees.",
            "tags": ["hobby"],
            "created_at": "2026-01-10 23:04:24.901468+00:00",
            "metadata": {},
            "is_deleted": False,
        },
        {"id": "passage-2", "text": "Gone.", "is_deleted": True},
    ]


TABLE = """﻿When;Note;Who;Place
2026-01-11 09:00;I swam today.;Ada;Oslo
2026-01-12;"Two
lines; one memory.";Bob;
;No date.;;
"""
PAGE = """---
tags: [notes]
date: 2026-01-13
---
# Memory

Ada is a pilot.
She flies at night.

## Build

- [x] run `make test`
  before each push
    - on Linux too
- ask Bob

## 2026-01-14

1. Met Chika.

> A quote.

```sh
# no heading
- no item
```

## January 15, 2026: Travel
Flew to Rome.
"""
LINES = """{"text": "Ada likes tea."}
{"text": "Ada likes tea."}

{"text": "Bob moved.", "time": "2026-01-16T08:00:00+01:00", "speaker": "Bob", "id": 7, "tags": ["home"], "mood": "ok"}
{"role": "user", "content": "I sing.", "created_at": 1768550400, "session": "s1", "kind": "semantic"}
"""


def large(messages: int) -> Iterator[dict[str, Any]]:
    """Conversations of ChatGPT with so many user and assistant messages together, each of which says something else."""
    done = 0
    while done < messages:
        count = min(20, messages - done)
        ids = [str(uuid.UUID(int=(4 << 76) | (2 << 62) | (done + at))) for at in range(count)]
        root = f"root-{done}"
        nodes = [node(root, None, ids[:1], None)]
        for at, id in enumerate(ids):
            name, thing = _NAMES[(done + at) % 7], _THINGS[(done + at) // 7 % 7]
            text = f"{name} said on day {(done + at) // 20} that {thing} was number {done + at}."
            parent = ids[at - 1] if at else root
            role = "assistant" if at % 2 else "user"
            nodes.append(node(id, parent, ids[at + 1 : at + 2], message(id, role, text, BEGUN + 60.0 * (done + at))))
        yield {
            "title": f"Day {done // 20}",
            "create_time": BEGUN + 60.0 * done,
            "mapping": {one["id"]: one for one in nodes},
            "current_node": ids[-1],
            "conversation_id": f"conv-{done // 20}",
        }
        done += count


def write_large(messages: int, file: Path) -> None:
    """Writes them as an export has them: one list."""
    with file.open("w") as out:
        for number, one in enumerate(large(messages)):
            out.write(f"{',' if number else '['}{json.dumps(one)}")
        out.write("]")


if __name__ == "__main__":
    write_large(int(sys.argv[1]), Path(sys.argv[2]))

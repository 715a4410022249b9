"""Queries that are statements: long messages to an assistant (RealMem), dialogues (MADial), and paraphrased facts.

The user supplies the files; none of their data is in the package.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from memoria.evaluation.quality.datasets import Asked, Conversation, locomo
from memoria.remember import Draft
from memoria.types import Provenance


def realmem(path: Path) -> Iterator[Conversation]:
    """RealMem's messages of each persona, those that were sent when the same facts were known together."""
    lines = _lines(path)
    for persona in sorted({line["persona"] for line in lines}):
        facts = sorted(_of(lines, "memory", persona=persona), key=lambda line: int(line["id"]))
        drafts = [_fact(line, second) for second, line in enumerate(facts)]
        messages = _of(lines, "query", persona=persona)
        for known in sorted({line["known"] for line in messages}):
            asked = tuple(_asked(line, facts[:known]) for line in messages if line["known"] == known)
            yield Conversation(
                name=f"{persona} {known}",
                drafts=tuple(drafts[:known]),
                asked=tuple(one for one in asked if one.relevant),
                until=max(_day(line) for line in messages if line["known"] == known) + timedelta(days=1),
            )


def persona(name: str) -> str:
    """Whose conversation it is: "p 12" and "p 30" are moments of one that grew."""
    return name.rpartition(" ")[0] or name


def longest(talks: Sequence[Conversation]) -> list[Conversation]:
    """One conversation for each that only grew between its questions ("name 12", "name 30"): all of it and of them."""
    found: dict[str, Conversation] = {}
    asked: dict[str, list[Asked]] = {}
    for one in talks:
        name = persona(one.name)
        asked.setdefault(name, []).extend(one.asked)
        if name not in found or len(found[name].drafts) < len(one.drafts):
            found[name] = one
    return [
        Conversation(name=name, drafts=one.drafts, asked=tuple(asked[name]), until=one.until)
        for name, one in found.items()
    ]


def madial(path: Path) -> Iterator[Conversation]:
    """MADial's dialogues so far, against the memories of one speaker."""
    lines = _lines(path)
    facts = _of(lines, "memory")
    yield Conversation(
        name="madial",
        drafts=tuple(_fact(line, second) for second, line in enumerate(facts)),
        asked=tuple(_asked(line, facts) for line in _of(lines, "query")),
        until=max(map(_day, facts)) + timedelta(days=1),
    )


def observations(parsed: Sequence[Mapping[str, Any]]) -> Iterator[Conversation]:
    """The observations of LoCoMo's conversations, each asked of the conversation that it is about."""
    for one in parsed:
        talk = locomo(one)
        places = {id: place for place, id in enumerate(turn_ids(one))}
        asked = [
            Asked(text=text, category="observation", relevant=tuple(frozenset({places[id]}) for id in ids))
            for text, ids in _observed(one["observation"], places)
        ]
        yield Conversation(name=talk.name, drafts=talk.drafts, asked=tuple(asked), until=talk.until)


def turn_ids(one: Mapping[str, Any]) -> list[str]:
    """The ids of a LoCoMo conversation's turns, in order."""
    talk = one["conversation"]
    sessions = sorted(int(key.split("_")[1]) for key in talk if key.startswith("session_") and key.count("_") == 1)
    return [turn["dia_id"] for session in sessions for turn in talk[f"session_{session}"]]


def _observed(sessions: Mapping[str, Any], places: Mapping[str, int]) -> Iterator[tuple[str, list[str]]]:
    for session in sessions.values():
        for said in session.values():
            for text, evidence in said:
                ids = [evidence] if isinstance(evidence, str) else evidence
                if ids and all(id in places for id in ids):
                    yield text, ids


def _lines(path: Path) -> list[Any]:
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


def _of(lines: Sequence[Any], kind: str, **fields: Any) -> list[Any]:
    return [line for line in lines if line["kind"] == kind and all(line[name] == one for name, one in fields.items())]


def _day(line: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(line["at"]).replace(tzinfo=UTC)


def _fact(line: Mapping[str, Any], second: int) -> Draft:
    """Facts of one day keep their order."""
    origin = Provenance(session=line.get("session"))
    return Draft(text=line["text"], created_at=_day(line) + timedelta(microseconds=second), provenance=origin)


def _asked(line: Mapping[str, Any], facts: Sequence[Any]) -> Asked:
    places = {fact["id"]: place for place, fact in enumerate(facts)}
    relevant = tuple(frozenset({places[id]}) for id in line["evidence"] if id in places)
    return Asked(text=line["text"], category=line.get("category", "dialogue"), relevant=relevant)

"""LoCoMo and Memora as memories and questions. The user supplies the files; none of their data is in the package."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from memoria.errors import InvalidQuery
from memoria.evaluation.quality import by_session
from memoria.remember import Draft
from memoria.types import Provenance

CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
# Split ids ("D8:6; D9:17") and a stray colon ("D:11:26") occur in the published file.
_EVIDENCE = re.compile(r"D:?(\d+):(\d+)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d.*")
_SHORTEST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question. relevant, stale: what should and what should not come back, because it was updated or deleted;

    each a set of places of drafts, any of which brings it back.
    """

    text: str
    category: str
    relevant: tuple[frozenset[int], ...]
    stale: tuple[frozenset[int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """drafts: the memories in order. asked: questions about them. until: when they are asked."""

    name: str
    drafts: tuple[Draft, ...]
    asked: tuple[Asked, ...]
    until: datetime


def load(path: Path, *, whole: bool = False, strict: bool = False) -> list[Conversation]:
    """The conversations of a LoCoMo JSON file, or of a folder with Memora's weekly files; raises InvalidQuery.

    whole: of Memora every turn of both sides, not only what the user shared. strict: as in `memora`.
    """
    if path.is_dir():
        return list(memora(path, whole=whole, strict=strict))
    parsed = json.loads(path.read_text())
    if not isinstance(parsed, list) or not all(
        isinstance(one, dict) and {"conversation", "qa"} <= one.keys() for one in parsed
    ):
        raise InvalidQuery(f"{path} is not a LoCoMo file: a list of objects with 'conversation' and 'qa'")
    return [locomo(one) for one in parsed]


def locomo(one: Mapping[str, Any]) -> Conversation:
    """One LoCoMo conversation: a draft a turn, what an image shows (blip_caption) in brackets after the text."""
    talk = one["conversation"]
    sessions = sorted(int(key.split("_")[1]) for key in talk if re.fullmatch(r"session_\d+", key))
    drafts: list[Draft] = []
    places: dict[str, int] = {}
    at = datetime(1970, 1, 1, tzinfo=UTC)
    for session in sessions:
        at = datetime.strptime(talk[f"session_{session}_date_time"], "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
        for turn in talk[f"session_{session}"]:
            places[turn["dia_id"]] = len(drafts)
            drafts.append(_turn(turn, str(session), at))
    asked = []
    for qa in one["qa"]:
        found = _EVIDENCE.findall(" ".join(qa.get("evidence", ())))
        named = (f"D{int(session)}:{int(turn)}" for session, turn in found)
        relevant = tuple(frozenset({place}) for place in sorted({places[id] for id in named if id in places}))
        if relevant:
            asked.append(Asked(text=qa["question"], category=CATEGORIES[qa["category"]], relevant=relevant))
    return Conversation(name=one["sample_id"], drafts=tuple(drafts), asked=tuple(asked), until=at)


def _turn(turn: Mapping[str, Any], session: str, at: datetime) -> Draft:
    caption = f" [{turn['blip_caption']}]" if turn.get("blip_caption") else ""
    origin = Provenance(speaker=turn["speaker"], session=session)
    return Draft(text=turn["text"] + caption or "-", created_at=at, provenance=origin)


def memora(folder: Path, *, whole: bool = False, strict: bool = False) -> Iterator[Conversation]:
    """One conversation a persona: what the user shared, or all that was said, a draft a turn.

    strict: evidence is what was said in the session that Memora names; otherwise every turn that holds a value counts.
    """
    for persona, sessions, questions in _weeks(folder):
        turns = list(_turns(sessions, whole=whole))
        drafts = [draft for draft, _ in turns]
        if strict:
            told = [
                by_session.Told(place=place, session=int(str(draft.provenance.session)), text=draft.text)
                for place, (draft, shared) in enumerate(turns)
                if shared
            ]
            yield _persona(persona, drafts, [_by_session(one, told) for one in questions])
        else:
            texts = [draft.text.casefold() for draft in drafts]
            yield _persona(persona, drafts, [_by_value(one, texts) for one in questions])


def memora_weeks(folder: Path, *, whole: bool = False) -> Iterator[tuple[str, list[Draft], list[Any]]]:
    """Each persona of Memora's weekly files: name, what the user shared or all that was said, and the raw questions."""
    for persona, sessions, questions in _weeks(folder):
        yield persona, [draft for draft, _ in _turns(sessions, whole=whole)], questions


def _weeks(folder: Path) -> Iterator[tuple[str, list[Any], list[Any]]]:
    """Each persona: name, sessions and questions as they are in the files."""
    with gzip.open(folder / "weekly_sessions.jsonl.gz", "rt") as lines:
        sessions = [json.loads(line) for line in lines]
    questions = [json.loads(line) for line in (folder / "weekly_questions.jsonl").read_text().splitlines()]
    for persona in sorted({one["persona"] for one in sessions}):
        yield (
            persona,
            [one for one in sessions if one["persona"] == persona],
            [one for one in questions if one["persona"] == persona],
        )


def _turns(sessions: list[Any], *, whole: bool) -> Iterator[tuple[Draft, bool]]:
    """Each turn, and whether the user told something in it."""
    for session in sessions:
        at = datetime.fromisoformat(session["date"]).replace(tzinfo=UTC)
        for turn in session["conversation"]:
            if turn["share_memory"] or (whole and turn["message"].strip()):
                speaker = turn["speaker"].removesuffix("_agent")
                origin = Provenance(speaker=speaker, session=str(session["session_id"]))
                yield Draft(text=turn["message"], created_at=at, provenance=origin), turn["share_memory"]


def _by_value(question: Any, texts: list[str]) -> Asked:
    """A question with every holder of a value as evidence."""
    wanted = set(values(question["memory_evidence"]))
    stale = {value for value, _ in forgotten(question)} - wanted
    return Asked(
        text=question["question"],
        category=question["task"],
        relevant=_holders(texts, wanted),
        stale=_holders(texts, stale),
    )


def _by_session(question: Any, told: list[by_session.Told]) -> Asked:
    """A question with what was told in the sessions that Memora names as evidence."""
    relevant = by_session.relevant(question["memory_evidence"], told)
    return Asked(
        text=question["question"],
        category=question["task"],
        relevant=relevant,
        stale=by_session.stale(forgotten(question), told, relevant),
    )


def _persona(name: str, drafts: list[Draft], questions: list[Asked]) -> Conversation:
    asked = [one for one in questions if one.relevant]
    last = max(draft.created_at for draft in drafts if draft.created_at is not None)
    return Conversation(name=name, drafts=tuple(drafts), asked=tuple(asked), until=last)


def _holders(texts: list[str], values: set[str]) -> tuple[frozenset[int], ...]:
    """For each value that some text holds word for word, the places of these texts."""
    sets = (frozenset(at for at, text in enumerate(texts) if value in text) for value in sorted(values))
    return tuple(places for places in sets if places)


def forgotten(question: Any) -> list[tuple[str, str]]:
    """The values that a question of Memora must not bring back, in lower case, each with the session that revoked it.

    A number is written as people write it, "1,200,000".
    """
    items = (question.get("forgetting_evidence") or {}).get("forgotten_items", ())
    found = []
    for item in items:
        value = item.get("value")
        text = f"{value:,}" if isinstance(value, int) else value
        found += [(one, str(item["session_id"])) for one in values(text)]
    return found


def values(evidence: Any) -> Iterator[str]:
    """Every text in a nest of objects and lists, in lower case; a date is no value."""
    if isinstance(evidence, str):
        if len(evidence) >= _SHORTEST and not _DATE.fullmatch(evidence):
            yield evidence.casefold()
    elif isinstance(evidence, dict | list):
        for value in evidence.values() if isinstance(evidence, dict) else evidence:
            yield from values(value)

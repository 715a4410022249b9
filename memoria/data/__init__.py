"""A week of two people who open a bakery, and questions about it; and the simple form of a turn, for files of others.

Nadia and Owen, 2 to 8 March 2026, made up by hand for this project. The subject "Rowan" is a delicate matter that they
agree to forget; a rowan tree, a jelly of rowan berries and a road called Rowan Hill are not about it. Facts change on
the way: the turn that changes one has the tag "change".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError

from memoria.errors import InvalidMemory
from memoria.remember import Draft
from memoria.types import Provenance
from memoria.validate import line_violations

Asking = Literal["single", "several", "changed", "when", "forgotten"]
SUBJECT = "Rowan"
# What a line must have to be read as a turn.
NEEDED = frozenset({"at", "speaker", "text"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one person said. at: aware. session: the conversation it belongs to. subject, tags: as those of a memory."""

    id: str
    at: datetime
    speaker: str
    text: str
    session: str | None = None
    subject: str | None = None
    tags: tuple[str, ...] = ()

    def draft(self) -> Draft:
        """The memory it becomes, under the key `id`."""
        return Draft(
            text=self.text,
            created_at=self.at,
            subject=self.subject,
            tags=self.tags,
            key=self.id,
            provenance=Provenance(speaker=self.speaker, session=self.session),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question about the week. evidence: ids of the turns that answer it, all of them needed.

    kind: "single" needs one turn, "several" more than one, "changed" asks for what changed, "when" for a time, and
    "forgotten" for what is only known until the subject is forgotten.
    outdated: of "changed", ids of the turns with earlier values. gone: of "forgotten", words that no other turn has.
    """

    id: str
    question: str
    answer: str
    evidence: tuple[str, ...]
    kind: Asking
    outdated: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


class _Line(BaseModel):
    """A turn as it is written in a line of a file; without an id it gets the number of its line."""

    model_config = ConfigDict(extra="forbid")
    id: str | None = None
    at: AwareDatetime
    speaker: str
    text: str
    session: str | None = None
    subject: str | None = None
    tags: tuple[str, ...] = ()


def week() -> list[Turn]:
    """The turns of the week, in the order in which they were said."""
    return read_turns(_packed("week.jsonl"))


def questions() -> list[Question]:
    """The thirty questions about the week."""
    reader = TypeAdapter(Question)
    return [reader.validate_json(line) for line in _packed("week_questions.jsonl")]


def read_turns(lines: Iterable[str]) -> list[Turn]:
    """Turns from JSON lines; empty lines are passed over. Raises InvalidMemory, which names the line and the rule."""
    turns: dict[str, tuple[int, Turn]] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            turn = _turn(number, line)
            if turn.id in turns:
                raise InvalidMemory(f"line {number}: its id is that of line {turns[turn.id][0]}")
            turns[turn.id] = number, turn
    return [turn for _, turn in turns.values()]


def _turn(number: int, text: str) -> Turn:
    try:
        line = _Line.model_validate_json(text)
    except ValidationError as error:
        raise InvalidMemory(*line_violations(number, error, _Line.model_fields)) from None
    turn = Turn(**line.model_dump(exclude={"id"}), id=str(number) if line.id is None else line.id)
    try:
        turn.draft().memory("0" * 32, (), turn.at)
    except InvalidMemory as error:
        raise InvalidMemory(*(f"line {number}: {violation}" for violation in error.violations)) from None
    return turn


def _packed(name: str) -> list[str]:
    return files(__name__).joinpath(name).read_text(encoding="utf-8").split("\n")[:-1]


__all__ = ["NEEDED", "SUBJECT", "Asking", "Question", "Turn", "questions", "read_turns", "week"]

"""A bank's assistant lives by rules that change, and answers as of any date by what held, and was known, on that date.

A new rule is announced before it takes effect, or is made known too late, with effect from before. Every date of the
year is asked about, and every answer is compared with what a plain table of the changes gives. Run it:

    python examples/finance.py
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import memoria
from memoria import Draft, Memoria, Memory
from memoria.testing import HashEmbedder

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 365


class Change(NamedTuple):
    """A rule as announced on one day and taking effect on another, days from the start of the year."""

    announced: int
    effective: int
    value: str


RULES: dict[str, tuple[Change, ...]] = {
    "The daily transfer limit is {} euros.": (
        Change(0, 0, "1,000"),
        Change(40, 90, "2,500"),
        # Told ten days late.
        Change(190, 180, "2,000"),
        Change(300, 400, "5,000"),
    ),
    "The margin requirement for shares is {} percent.": (
        Change(0, 0, "25"),
        Change(100, 100, "30"),
        Change(250, 270, "28"),
    ),
    "The fee for a foreign payment is {} cents.": (Change(0, 0, "150"), Change(59, 60, "120")),
    "Cash above {} euros has to be reported.": (Change(0, 0, "15,000"), Change(120, 200, "10,000")),
}


def run(path: str = ":memory:") -> dict[str, Any]:
    """What was asked and answered, and the history of the first rule."""
    now = [START]
    with memoria.open(path, embedder=HashEmbedder(128), clock=lambda: now[0], reinforce="never") as bank:
        newest = {rule: _live(bank, now, rule, changes) for rule, changes in RULES.items()}
        now[0] = START + timedelta(days=DAYS)
        asked = [(rule, day) for rule in RULES for day in _days(RULES[rule])]
        right = [_answers(bank, rule, _at(day)) == _table(rule, day) for rule, day in asked]
        first = next(iter(RULES))
        today = _answers(bank, first, None)
        upcoming = _answers(bank, first, None, include=("upcoming",))
        history = [_line(memory) for memory in bank.history(newest[first].id)]
        # The limit that is still to come was entered in error, and is forgotten: then it was never announced.
        bank.forget(newest[first].id)
        after = _answers(bank, first, None, include=("upcoming",))
        return {
            "rules": len(RULES),
            "changes": sum(map(len, RULES.values())),
            "dates_asked": len(asked),
            "dates_right": sum(right),
            "as_of": {day: _answers(bank, first, _at(day)) for day in (0, 89, 90, 91, 185, 189, 190, 191)},
            "today": today,
            "today_with_upcoming": upcoming,
            "after_forgetting_the_upcoming": after,
            "history": history,
            "history_afterwards": len(bank.history(bank.recall(first, k=1)[0].memory.id)),
        }


def _live(bank: Memoria, now: list[datetime], rule: str, changes: Sequence[Change]) -> Memory:
    """Remembers a rule and each that took its place, on the day it was announced; returns the newest."""
    first, *later = changes
    newest = bank.remember(rule.format(first.value), created_at=_at(first.announced), valid_from=_at(first.effective))
    for change in later:
        now[0] = _at(change.announced)
        draft = Draft(text=rule.format(change.value), created_at=now[0])
        newest = bank.supersede(newest.id, draft, at=_at(change.effective))
    return newest


def _days(changes: Sequence[Change]) -> list[int]:
    """Every fifth day of the year, and each day of a change with those before and after it."""
    turns = {day for change in changes for day in (change.announced, change.effective)}
    near = {day + step for day in turns for step in (-1, 0, 1)}
    return sorted(day for day in near | set(range(0, DAYS, 5)) if 0 <= day < DAYS)


def _answers(bank: Memoria, rule: str, at: datetime | None, **options: Any) -> list[str]:
    """The versions of a rule that recall gives, in the order of their text; one, when all is right."""
    kind = rule.split("{}")
    hits = bank.recall(rule.replace("{}", "how many"), k=20, as_of=at, **options)
    return sorted(hit.memory.text for hit in hits if all(part in hit.memory.text for part in kind))


def _table(rule: str, day: int) -> list[str]:
    """What a table of the changes gives: of those announced by a day, the last that is in effect on it."""
    known = [change for change in RULES[rule] if change.announced <= day and change.effective <= day]
    return [rule.format(max(known, key=lambda change: change.effective).value)]


def _at(day: int) -> datetime:
    return START + timedelta(days=day)


def _line(memory: Memory) -> str:
    ends = "further notice" if memory.valid_to is None else f"{memory.valid_to:%Y-%m-%d}"
    return f"{memory.valid_from:%Y-%m-%d} to {ends}, known {memory.created_at:%Y-%m-%d}: {memory.text}"


if __name__ == "__main__":
    for name, value in run().items():
        if isinstance(value, dict):
            value = [f"day {day}: {'; '.join(texts)}" for day, texts in value.items()]
        if isinstance(value, list):
            print(f"{name}:", *value, sep="\n  ")  # noqa: T201 - an example
        else:
            print(f"{name:28} {value}")  # noqa: T201 - an example

"""Markdown: each item of a list and each paragraph is a memory; dates in headings, or in the name of the file, date it.

An item of a list keeps what is nested in it. The nearest heading that is no date stands before the text, so that it
can be understood, and found, by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo

from markdown_it import MarkdownIt
from markdown_it.token import Token

from memoria.errors import InvalidMemory
from memoria.remember import Draft
from memoria.text.times import Reading, days
from memoria.transfer.foreign.items import Found, Item, Options, Skipped, digest, key_of, known, origin, when
from memoria.transfer.foreign.parts import Part

WANTED = re.compile(r".+\.(?:md|markdown)", re.IGNORECASE)
_LISTS = ("bullet_list_open", "ordered_list_open")
_BULLET = re.compile(r"\s*(?:[-+*]|\d+[.)])\s+(?:\[[ xX]\]\s+)?")
_FRONT = re.compile(r"\A---\n(.*?\n)?---(?:\n|\Z)", re.DOTALL)
_DATED = re.compile(r"^(?:date|created|created_at):\s*[\"']?([^\"'\n]+?)[\"']?\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Under:
    """Where a reader is: the headings above it, by level, and the times that some of them give."""

    headings: dict[int, str] = field(default_factory=dict)
    times: dict[int, datetime] = field(default_factory=dict)

    def below(self, level: int, text: str, time: datetime | None) -> _Under:
        """Below one more heading, which ends those of its level and under it."""
        headings = {one: told for one, told in self.headings.items() if one < level}
        times = {one: told for one, told in self.times.items() if one < level}
        return _Under(headings=headings | {level: text}, times=times if time is None else times | {level: time})

    @property
    def time(self) -> datetime | None:
        """Of the nearest heading with a date."""
        return self.times[max(self.times)] if self.times else None

    @property
    def about(self) -> str | None:
        """The nearest heading without a date."""
        words = self.headings.keys() - self.times.keys()
        return self.headings[max(words)] if words else None


def read(part: Part, options: Options) -> Found:
    """The items of lists and the paragraphs, in the order of the file."""
    with part.open() as stream:
        try:
            text = stream.read().decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            raise InvalidMemory(f"byte {error.start + 1}: this is not UTF-8") from None
    front = _FRONT.match(text)
    named = dated(part.name, options.zone)
    given = None if front is None else _DATED.search(front[1] or "")
    time = named if given is None else when(given[1], options.zone, "date")
    start = 0 if front is None else front[0].count("\n")
    for line, under, said in _blocks(text.split("\n"), start, options.zone):
        place = f"line {line}"
        if not said.strip():
            yield Skipped(place=place, why="no text")
        else:
            yield _item(said, replace(under, times={0: time} | under.times) if time else under, part, place)


def dated(text: str, zone: tzinfo) -> datetime | None:
    """The start of the one day of a year that a text names; None when there is none."""
    for first, last in days(text, date(2000, 1, 1), Reading(zone=zone)):
        if first == last and str(first.year) in text:
            return datetime(first.year, first.month, first.day, tzinfo=zone)
    return None


def _item(text: str, under: _Under, part: Part, place: str) -> Item:
    headings = [under.headings[level] for level in sorted(under.headings)]
    draft = Draft(
        text=f"{under.about}: {text}" if under.about else text,
        created_at=under.time,
        key=key_of("markdown", digest([headings, text, under.time])),
        provenance=origin("markdown"),
        metadata=known(headings=headings, file=part.name),
    )
    return Item(draft=draft, place=place)


def _blocks(lines: list[str], start: int, zone: tzinfo) -> Iterator[tuple[int, _Under, str]]:
    """(number of its first line, what it is under, text) of each paragraph and each item of a list."""
    under = _Under()
    tokens = MarkdownIt("commonmark").enable("table").parse("\n".join(lines[start:]))
    for place, token in enumerate(tokens):
        if token.type == "heading_open" and token.level == 0:
            text = tokens[place + 1].content.strip()
            under = under.below(int(token.tag[1:]), text, dated(text, zone))
        elif token.map is not None and _is_item(token):
            first, last = (start + line for line in token.map)
            yield first + 1, under, _text(lines[first:last], token)


def _is_item(token: Token) -> bool:
    """Whether a token is a whole memory: an item of a list, or a block that is neither list, heading nor rule."""
    if token.type == "list_item_open":
        return token.level == 1
    return token.level == 0 and token.nesting >= 0 and token.type not in (*_LISTS, "inline", "heading_open", "hr")


def _text(lines: list[str], token: Token) -> str:
    """The source of a block, without the mark of an item of a list and the indent that goes with it."""
    text = "\n".join(lines)
    if token.type != "list_item_open":
        return text.strip()
    mark = _BULLET.match(text)
    indent = 0 if mark is None else len(mark[0])
    rest = [line[min(indent, len(line) - len(line.lstrip())) :] for line in lines[1:]]
    return "\n".join([lines[0][indent:], *rest]).strip()

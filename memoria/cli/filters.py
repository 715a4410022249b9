"""The options that say which memories are meant, and how a list that is cut says so."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypedDict, Unpack, cast

import typer

from memoria.cli.app import KindsOption, SinceOption, SubjectOption, TagsOption, UntilOption, err
from memoria.engine.arguments import Filters
from memoria.metadata import Scalar
from memoria.types import Kind, Page

SessionOption = Annotated[str | None, typer.Option(help="Conversation in which it was said.")]
SpeakerOption = Annotated[str | None, typer.Option(help="Who said it.")]
MetadataOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATH=VALUE",
        help="Value in the metadata; a dotted path leads into objects. VALUE is a number, true, false, null or "
        "a string in double quotes, as in JSON; anything else is text. Repeatable.",
    ),
]


class FilterOptions(TypedDict, total=False):
    """The options of every command that takes filters. A memory must meet all that are given."""

    subject: SubjectOption
    session: SessionOption
    speaker: SpeakerOption
    tag: TagsOption
    kind: KindsOption
    key: Annotated[str | None, typer.Option(help="Your own key.")]
    metadata: MetadataOption
    since: SinceOption
    until: UntilOption


def asked(**options: Unpack[FilterOptions]) -> Filters:
    """The options as filters of a verb; times without a zone are UTC."""
    return {
        "subject": options.get("subject"),
        "session": options.get("session"),
        "speaker": options.get("speaker"),
        "tags": options.get("tag") or (),
        "kinds": cast("Sequence[Kind]", options.get("kind") or ()),  # checked by the verb
        "key": options.get("key"),
        "metadata": values(options.get("metadata")),
        "since": _utc(options.get("since")),
        "until": _utc(options.get("until")),
    }


def _utc(time: datetime | None) -> datetime | None:
    return None if time is None else time.replace(tzinfo=UTC)


def values(given: Sequence[str] | None) -> dict[str, Scalar]:
    """Values by dotted path, from PATH=VALUE; raises BadParameter for another form, or a path that is given twice."""
    found: dict[str, Scalar] = {}
    for one in given or ():
        path, equals, value = one.partition("=")
        if not equals:
            raise typer.BadParameter("--metadata takes PATH=VALUE")
        if path in found:
            raise typer.BadParameter("--metadata has the same path twice")
        found[path] = _scalar(value)
    return found


def _scalar(text: str) -> Scalar:
    """What the text is as JSON when it is a scalar there; otherwise the text."""
    try:
        found = json.loads(text, parse_constant=_refused)
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, Scalar) else text


def _refused(name: str) -> Scalar:
    raise ValueError(f"{name} is not JSON")


def nested(flat: Mapping[str, Scalar]) -> dict[str, Any]:
    """The object in which each dotted path leads to its value; raises BadParameter when a path goes through a value."""
    found: dict[str, Any] = {}
    for path, value in flat.items():
        inside = found
        *outer, last = path.split(".")
        for name in outer:
            inside = inside.setdefault(name, {})
            if not isinstance(inside, dict):
                raise typer.BadParameter("--metadata has a value at a path that another one goes through")
        if last in inside:
            raise typer.BadParameter("--metadata has a value at a path that another one goes through")
        inside[last] = value
    return found


def say_left(page: Page, *, newest: bool) -> None:
    """A line on stderr when a list leaves memories out: how many, and how to see them."""
    if page.left and newest:
        note(f"{len(page):,} shown, {page.left:,} older left out; page by page from the oldest: --oldest")
    elif page.left:
        note(f"{len(page):,} shown, {page.left:,} newer left out; the next page: --after {page.after}")


def note(line: str) -> None:
    """One line on stderr, never broken, so that it can be copied."""
    err.print(line, highlight=False, markup=False, soft_wrap=True)

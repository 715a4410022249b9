"""The filters that tools of models take: the arguments by name, and what they are as filters of a verb."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypedDict, Unpack, cast

from pydantic import Field

from memoria.engine.arguments import Filters
from memoria.metadata import Scalar
from memoria.types import Kind

_TIME = "; ISO 8601, in UTC when it names no zone"


class Criteria(TypedDict, total=False):
    """What a memory must meet, all that is given. As `Filters`, where the subject is called `about`.

    There is no namespace: the application chooses it, and an answer names none.
    """

    about: Annotated[str | None, Field(description="Only about this subject")]
    session: Annotated[str | None, Field(description="Only said in this conversation")]
    speaker: Annotated[str | None, Field(description="Only said by this speaker")]
    tags: Annotated[list[str] | None, Field(description="Only with all of these tags")]
    kinds: Annotated[list[Kind] | None, Field(description="Only of one of these kinds")]
    key: Annotated[str | None, Field(description="Only with this key of the application")]
    metadata: Annotated[
        dict[str, Scalar] | None,
        Field(description="Only with these values in the metadata, by dotted path, such as flight.seat"),
    ]
    since: Annotated[datetime | None, Field(description=f"Only created at this time or later{_TIME}")]
    until: Annotated[datetime | None, Field(description=f"Only created before this time{_TIME}")]


def asked(**criteria: Unpack[Criteria]) -> Filters:
    """The criteria that are given, as filters of a verb; empty when there are none. A time without a zone is UTC."""
    given: Mapping[str, Any] = criteria
    found = {name: _plain(value) for name, value in given.items() if value is not None and value not in ([], {})}
    if "about" in found:
        found["subject"] = found.pop("about")
    return cast("Filters", found)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return tuple(value) if isinstance(value, list) else value

"""What the verbs take: fields by name, typed once, and the check that no argument is misspelt."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, cast, get_args, get_type_hints

from memoria.errors import UnknownArgument
from memoria.metadata import Scalar
from memoria.types import Kind, Provenance

if TYPE_CHECKING:
    from memoria.arrays import Vectors
    from memoria.recall.context import CountTokens
    from memoria.recall.need import Need
    from memoria.recall.rerank import Rerank
    from memoria.zones import ZoneLike

Include = Literal["archived", "expired", "upcoming"]
"""What recall leaves out unless it is named."""

Class = TypeVar("Class", bound=type)
Function = TypeVar("Function", bound=Callable[..., Any])


class Filters(TypedDict, total=False):
    """Which memories are meant; all that is given must hold. Fields as in `Where`.

    Attributes:
        namespace: parts below the namespace of the view; memories there and below.
        subject: this subject, whatever its case and form.
        session: said in this conversation.
        speaker: said by this speaker.
        tags: with all of these tags.
        kinds: of one of these kinds.
        key: with this key.
        metadata: equal scalar values; a dotted path reaches into objects: {"flight.seat": "12A"}.
        since: observed at or after this time (aware).
        until: observed before this time (aware).
    """

    namespace: Sequence[str]
    subject: str | None
    session: str | None
    speaker: str | None
    tags: Sequence[str]
    kinds: Sequence[Kind]
    key: str | None
    metadata: Mapping[str, Scalar]
    since: datetime | None
    until: datetime | None


class Asking(Filters, total=False):
    """How memories are asked for, beside the fields of `Filters`.

    Attributes:
        as_of: only memories recorded and valid at that time (aware).
        include: what is left out unless it is named here: some of "archived", "expired", "upcoming".
        need: other weights of the terms of a score.
        rerank: a callable (query, texts) -> scores, for the best few.
        at_least: only hits that the query wants with this probability, in [0, 1]; see `Hit.probability`.
        budget_tokens: keeps the hits that fit a prompt of so many tokens together.
        count_tokens: counts tokens of a text; about a quarter of its bytes by default.
        zone: where the days that a query names begin and end, such as "Asia/Tokyo"; None is the view's.
    """

    as_of: datetime | None
    include: Sequence[Include]
    need: Need | None
    rerank: Rerank | None
    at_least: float | None
    budget_tokens: int | None
    count_tokens: CountTokens
    zone: ZoneLike


def filters_of(asking: Asking) -> Filters:
    """Which memories are meant, of all that is asked."""
    return cast("Filters", {name: value for name, value in asking.items() if name in Filters.__annotations__})


class DraftFields(TypedDict, total=False):
    """The fields of a `Draft` except its text."""

    kind: Kind
    created_at: datetime | None
    valid_from: datetime | None
    valid_to: datetime | None
    salience: float | None
    subject: str | None
    tags: Sequence[str]
    key: str | None
    provenance: Provenance
    metadata: Mapping[str, Any] | None
    vector: Vectors | None
    expires_at: datetime | None
    ttl: timedelta | None
    visible_to: Sequence[str] | None


class Amendment(TypedDict, total=False):
    """What `amend` can change of a memory. Fields as in `Memory`; `ttl` is as of `Draft`.

    A salience of None is judged from the text again.
    """

    text: str
    kind: Kind
    valid_from: datetime | None
    valid_to: datetime | None
    salience: float | None
    subject: str | None
    tags: Sequence[str]
    metadata: Mapping[str, Any]
    expires_at: datetime | None
    ttl: timedelta
    visible_to: Sequence[str] | None


def spelled(cls: Class) -> Class:
    """The class, its public methods refusing arguments that they do not have, and showing all that they have."""
    for name in dir(cls):
        method = inspect.getattr_static(cls, name)
        if not name.startswith("_") and inspect.isfunction(method):
            setattr(cls, name, spelled_out(method))
    return cls


def spelled_out(method: Function) -> Function:
    """A function that refuses arguments that it does not have, and shows all that it has."""
    signature = _unpacked(method)
    kinds = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [one.name for one in signature.parameters.values() if one.kind in kinds]
    known = frozenset(names)

    def check(named: Mapping[str, Any]) -> None:
        if not known.issuperset(named):
            raise UnknownArgument(*(_mistake(method.__name__, name, names) for name in named if name not in known))

    @wraps(method)
    def checked(*arguments: Any, **named: Any) -> Any:
        check(named)
        return method(*arguments, **named)

    @wraps(method)
    async def awaited(*arguments: Any, **named: Any) -> Any:
        check(named)
        return await method(*arguments, **named)

    shown: Any = awaited if inspect.iscoroutinefunction(method) else checked
    shown.__signature__ = signature
    return cast("Function", shown)


def _mistake(verb: str, given: str, names: Sequence[str]) -> str:
    near = get_close_matches(given, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(names[1:])}"
    return f"{verb} takes no argument {given!r}: {hint}"


def _unpacked(method: Callable[..., Any]) -> inspect.Signature:
    """The signature of a method, the fields that `**fields: Unpack[...]` stands for written out."""
    signature = inspect.signature(method)
    found = []
    for one in signature.parameters.values():
        fields = _fields(one, method) if one.kind is one.VAR_KEYWORD else None
        if fields is None:
            found.append(one)
        else:
            kind = one.KEYWORD_ONLY
            found += [inspect.Parameter(name, kind, default=..., annotation=text) for name, text in fields.items()]
    return signature.replace(parameters=found)


def _fields(parameter: inspect.Parameter, method: Callable[..., Any]) -> Mapping[str, Any]:
    """The fields of the TypedDict that a `**` parameter unpacks."""
    name = str(parameter.annotation).removeprefix("Unpack[").removesuffix("]")
    found = inspect.unwrap(method).__globals__[name].__annotations__
    return {field: getattr(kind, "__forward_arg__", kind) for field, kind in found.items()}


def written_out(function: Function) -> Function:
    """The function, showing each field that its `**fields: Unpack[...]` stands for as an argument that may be None.

    For frameworks that read commands and tools from signatures; they cannot read `Unpack`.
    """
    types = get_type_hints(function, include_extras=True)
    found = []
    for one in inspect.signature(function).parameters.values():
        if one.kind is one.VAR_KEYWORD:
            (unpacked,) = get_args(types[one.name])
            fields = get_type_hints(unpacked, include_extras=True)
            kind = one.KEYWORD_ONLY
            found += [inspect.Parameter(name, kind, default=None, annotation=of) for name, of in fields.items()]
        else:
            found.append(one.replace(annotation=types.get(one.name, one.empty)))
    shown: Any = function
    shown.__signature__ = inspect.Signature(found, return_annotation=types.get("return"))
    named = {one.name: one.annotation for one in found if one.annotation is not one.empty}
    shown.__annotations__ = named | {"return": types.get("return")}
    return function

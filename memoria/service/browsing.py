"""Routes to look through what is remembered: a page at a time, with counts that agree with the pages.

The store in a directory pages and counts by itself (`page`, `number`, `tally`); of any other, all that meets a filter
is listed or read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictBool, StrictInt

from memoria.derived.gist import left
from memoria.engine.memory import Memoria
from memoria.service.routes import ALWAYS, SENT, Asking, Serving, problems
from memoria.service.shapes import Body, Filters, Id, Remembered
from memoria.stores.tallies import NAMED, Tally, tallied
from memoria.types import Memory, Namespace, Record, Trace, Where
from memoria.validate import check_where

browsing = APIRouter(prefix="/v1", responses=problems(*ALWAYS))
State = Literal["any", "current", "archived"]
# So many names of each kind are listed.
_NAMES = 200
_BATCH = 1000


class Namespaces(Body):
    """Namespaces below one."""


class Population(BaseModel):
    """A namespace, below that of the token, and how many memories are in it and below it."""

    namespace: list[str]
    memories: int


class Populations(BaseModel):
    """Namespaces that hold memories, sorted."""

    namespaces: list[Population]


class Browse(Filters):
    """A page of the memories that meet the filters, newest first. before: the `next` of the page before.

    state: "current" leaves out archived ones, "archived" all others. cut: so many characters of each text at most; the
    whole is at /v1/memories/{id}.
    """

    state: State = "any"
    limit: Annotated[StrictInt, Field(ge=1, le=200)] = 50
    before: Id | None = None
    oldest: Annotated[StrictBool, Field(description="Oldest first; `before` then means after.")] = False
    cut: Annotated[StrictInt, Field(ge=1, le=1 << 20)] = 600


class Standing(BaseModel):
    """What keeps a memory, or keeps it away."""

    archived: bool
    pinned: bool
    held: bool
    restricted: bool

    @classmethod
    def of(cls, trace: Trace) -> Standing:
        return cls(archived=trace.archived, pinned=trace.pinned, held=trace.held, restricted=trace.restricted)


class Seen(BaseModel):
    """A memory of a page. length: characters of the whole text. parts: how many a gist has, left out of it here."""

    memory: Remembered
    length: int
    parts: int
    standing: Standing

    @classmethod
    def of(cls, memory: Memory, trace: Trace, prefix: Namespace, cut: int) -> Seen:
        shown = Remembered.of(memory, prefix)
        short = shown.model_copy(update={"text": memory.text[:cut], "parts": []})
        return cls(memory=short, length=len(memory.text), parts=len(memory.parts), standing=Standing.of(trace))


class Browsed(BaseModel):
    """A page. next: the cursor of the next one; null at the end."""

    memories: list[Seen]
    next: str | None


class Count(Filters):
    """Filters of which to count the memories."""

    state: State = "any"


class Counted(BaseModel):
    """How many memories meet the filters."""

    memories: int


class Name(BaseModel):
    """A name, and how many memories have it; a gist has those of its parts."""

    name: str
    memories: int


class Names(BaseModel):
    """The most frequent names of a kind. more: how many others there are."""

    names: list[Name]
    more: int


class Facets(BaseModel):
    """What the memories below a namespace are about, said by and said in. months: of when they were observed (UTC)."""

    memories: int
    subjects: Names
    speakers: Names
    sessions: Names
    tags: Names
    kinds: Names
    months: list[Name]


@browsing.post("/namespaces", responses=problems(*SENT))
async def namespaces(body: Namespaces, asking: Asking, pool: Serving) -> Populations:
    """Every namespace with memories, and how many each has."""
    above = len(asking.namespace)

    def work(view: Memoria) -> Iterator[Population]:
        for name in view.namespaces():
            number = sum(_numbers(view, meant(view.namespace(*name[len(view.prefix) :]))))
            yield Population(namespace=list(name[above:]), memories=number)

    return Populations(namespaces=await pool.turns(asking.below(body.namespace), work))


@browsing.post("/browse", responses=problems(*SENT))
async def browse(body: Browse, asking: Asking, pool: Serving) -> Browsed:
    """A page of memories by time. It strengthens nothing."""

    def work(view: Memoria) -> Browsed:
        ids = page(view, meant(view, body, body.state), body.limit + 1, body.before, oldest=body.oldest)
        shown = seen(view, ids[: body.limit], asking.namespace, body.cut)
        return Browsed(memories=shown, next=ids[body.limit - 1] if len(ids) > body.limit else None)

    return await pool.read(asking.below(body.namespace), work)


@browsing.post("/count", responses=problems(*SENT))
async def count(body: Count, asking: Asking, pool: Serving) -> Counted:
    """How many memories all pages of `browse` with these filters have together."""
    found = await pool.turns(asking.below(body.namespace), lambda view: _numbers(view, meant(view, body, body.state)))
    return Counted(memories=sum(found))


@browsing.post("/facets", responses=problems(*SENT))
async def facets(body: Namespaces, asking: Asking, pool: Serving) -> Facets:
    """Subjects, speakers, sessions, tags, kinds and months below a namespace, each with its count."""
    *_, found = await pool.turns(asking.below(body.namespace), lambda view: _tallies(view, meant(view)))
    assert found is not None
    months = [Name(name=name, memories=n) for name, n in sorted(found.month.items())]
    named = {f"{name}s": _names(getattr(found, name)) for name in (*NAMED, "kind")}
    return Facets(memories=found.memories, months=months, **named)


def _names(counts: Counter[str]) -> Names:
    first = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:_NAMES]
    return Names(names=[Name(name=name, memories=n) for name, n in first], more=max(0, len(counts) - _NAMES))


def meant(view: Memoria, asked: Filters | None = None, state: State = "any") -> Where:
    """The filter of a view: nothing restricted, nothing that is to be erased by now."""
    given: dict[str, Any] = {} if asked is None else {name: one for name, one in asked.asked().items() if one}
    given |= {name: tuple(given[name]) for name in given.keys() & {"tags", "kinds"}}
    archived = {"any": None, "current": False, "archived": True}[state]
    return check_where(Where(namespace=view.prefix, archived=archived, restricted=False, kept_at=view.now(), **given))


def seen(view: Memoria, ids: Sequence[str], prefix: Namespace, cut: int) -> list[Seen]:
    """Memories as pages show them, in the order of ids; none that is to be erased by now."""
    records = [one for one in view.store.read(ids) if one is not None]
    there = {one.id: one for one in whole(view, [record.memory for record in records])}
    return [
        Seen.of(there[one.memory.id], one.trace, prefix, cut)
        for one in records
        if one.memory.id in there and one.memory.under(prefix)
    ]


def whole(view: Memoria, memories: Sequence[Memory]) -> list[Memory]:
    """Gists without their parts that are to be erased by now."""
    gists = tuple(one.id for one in memories if one.parts)
    due = view.store.lapsed(Where(namespace=view.prefix, ids=gists), view.now()) if gists else {}
    gone = frozenset[str]().union(*due.values())
    return [one for memory in memories if (one := left(memory, gone, view.store.language)) is not None]


def page(view: Memoria, where: Where, limit: int, before: str | None, *, oldest: bool) -> list[str]:
    """Ids that meet a filter, in order of time. A store may page by itself; of any other, all are listed."""
    own: Callable[..., list[str]] | None = getattr(view.store, "page", None)
    if own is not None:
        return own(where, limit, before, oldest=oldest)
    ids = view.store.select(where)
    ids = ids if oldest else ids[::-1]
    rest = ids if before is None else [id for id in ids if (id > before if oldest else id < before)]
    return rest[:limit]


def _numbers(view: Memoria, where: Where) -> Iterator[int]:
    """Numbers whose sum is how many memories meet a filter, each a turn of the store."""
    numbers: Callable[[Where], Iterator[int]] | None = getattr(view.store, "numbers", None)
    return iter([len(view.store.select(where))]) if numbers is None else numbers(where)


def _tallies(view: Memoria, where: Where) -> Iterator[Tally | None]:
    """Counts of names at the end; before, None after each turn of the store."""
    tallies: Callable[[Where], Iterator[Tally | None]] | None = getattr(view.store, "tallies", None)
    return iter([tallied(_read(view, view.store.select(where)))]) if tallies is None else tallies(where)


def _read(view: Memoria, ids: Sequence[str]) -> Iterator[Memory]:
    for at in range(0, len(ids), _BATCH):
        found: list[Record | None] = view.store.read(ids[at : at + _BATCH])
        yield from whole(view, [one.memory for one in found if one is not None])

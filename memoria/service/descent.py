"""The route of lineage: what a memory was made from, and what was made from it, as nodes and links."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from memoria.derived.lineage import Lineage
from memoria.engine.memory import Memoria
from memoria.service.routes import ALWAYS, Asking, Id, Serving, problems
from memoria.service.shapes import Remembered
from memoria.types import Link, Namespace, Relation

descent = APIRouter(prefix="/v1", responses=problems(*ALWAYS))
# So many memories of a graph are sent at most.
_NODES = 200
_CUT = 300


class Tie(BaseModel):
    """A link of two memories. weight: of a doubt, its log-odds."""

    parent: str
    child: str
    relation: Relation
    weight: float | None

    @classmethod
    def of(cls, link: Link) -> Tie:
        return cls(parent=link.parent, child=link.child, relation=link.relation, weight=link.weight)


class Graph(BaseModel):
    """A memory, all that it was made from, superseded or doubts, and all that was made from it or did so to it.

    memories: those nearest to it first. gone: ids of what was forgotten. left_out: how many further ones there are.
    """

    of: str
    memories: list[Remembered]
    gone: list[str]
    ties: list[Tie]
    left_out: int


@descent.get("/memories/{id}/lineage", responses=problems(404))
async def lineage(id: Id, asking: Asking, pool: Serving) -> Graph:
    """The graph around a memory, both ways. Texts are cut: the whole is at /v1/memories/{id}."""

    def work(view: Memoria) -> Graph:
        return _graph(view.lineage(id), view.prefix)

    return await pool.read(asking, work)


def _graph(found: Lineage, prefix: Namespace) -> Graph:
    """What of it is of the token's namespace: of what was forgotten an id is told where its child is."""
    mine = {id: one for id, one in found.memories.items() if one.under(prefix)}
    ties = [
        one for one in found.links if one.child in mine and (one.parent in mine or one.parent not in found.memories)
    ]
    order = _nearest(found.of, ties)
    shown = order[:_NODES]
    told = [Remembered.of(mine[id], prefix) for id in shown if id in mine]
    return Graph(
        of=found.of,
        memories=[one.model_copy(update={"text": one.text[:_CUT], "parts": []}) for one in told],
        gone=[id for id in shown if id not in mine],
        ties=[Tie.of(one) for one in ties if {one.parent, one.child} <= set(shown)],
        left_out=len(order) - len(shown),
    )


def _nearest(start: str, ties: list[Link]) -> list[str]:
    """All ids of a graph, those fewest links away first."""
    beside: dict[str, list[str]] = {}
    for one in ties:
        beside.setdefault(one.parent, []).append(one.child)
        beside.setdefault(one.child, []).append(one.parent)
    order = [start]
    known = {start}
    for id in order:
        fresh = [one for one in beside.get(id, ()) if one not in known]
        known.update(fresh)
        order += dict.fromkeys(fresh)
    return order

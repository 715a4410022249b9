"""A knowledge graph of entities, observations and relations, as the reference MCP memory server keeps one.

Each is a memory of its own under "graph", so an observation is recalled, fades and is forgotten by itself. What a call
adds is written all or nothing, and so is what it deletes erased. Answers agree with @modelcontextprotocol/server-memory
2026.8.31, down to what it does with names given twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from typing_extensions import TypedDict

from memoria.agent.asked import Asked, Confirm, to_forget
from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery
from memoria.integrations.names import record_key
from memoria.remember import Draft
from memoria.sharing import Source, lent
from memoria.text.flat import flat
from memoria.types import Memory
from memoria.validate import MAX_NAME_BYTES


class Entity(TypedDict):
    name: str
    entityType: str
    observations: list[str]


Relation = TypedDict("Relation", {"from": str, "to": str, "relationType": str})


class Observations(TypedDict):
    entityName: str
    contents: list[str]


class Added(TypedDict):
    entityName: str
    addedObservations: list[str]


class Deletion(TypedDict):
    entityName: str
    observations: list[str]


class Graph(TypedDict):
    """What is read: each in the order in which it came."""

    entities: list[Entity]
    relations: list[Relation]


class KnowledgeGraph:
    """The graph that lies under "graph" in a memory, or in a `Shared` one."""

    def __init__(self, memory: Source, confirm: Confirm | None = None) -> None:
        self.memory = memory
        self._confirm = confirm

    def create_entities(self, entities: Sequence[Entity]) -> list[Entity]:
        """Adds those whose name is new; returns them."""
        with lent(self.memory) as memory:
            view = _view(memory)
            fresh = [entity for entity in entities if not _entities(view, entity["name"])]
            self._remember(view, [draft for entity in fresh for draft in _entity_drafts(entity)])
            return fresh

    def create_relations(self, relations: Sequence[Relation]) -> list[Relation]:
        """Adds those that are new; returns them."""
        with lent(self.memory) as memory:
            view = _view(memory)
            fresh = [relation for relation in relations if not _same(view, relation)]
            self._remember(view, [_relation_draft(relation) for relation in fresh])
            return fresh

    def add_observations(self, observations: Sequence[Observations]) -> list[Added]:
        """Adds what an entity does not have yet; raises InvalidQuery for an unknown entity, and then adds nothing."""
        with lent(self.memory) as memory:
            view = _view(memory)
            known: dict[str, list[str]] = {}
            drafts: list[Draft] = []
            added: list[Added] = []
            for one in observations:
                name = one["entityName"]
                found = _entities(view, name)
                if not found:
                    raise InvalidQuery(f"Entity with name {name} not found")
                node = found[0].metadata["node"]
                has = known.setdefault(node, [_content(seen) for seen in _observations(view, node)])
                new = [content for content in one["contents"] if content not in has]
                has += new
                drafts += [_observation_draft(name, node, content) for content in new]
                added.append({"entityName": name, "addedObservations": new})
            self._remember(view, drafts)
            return added

    def delete_entities(self, names: Collection[str]) -> None:
        """Forgets entities of these names, with their observations and relations."""
        with lent(self.memory) as memory:
            self._forget(_view(memory), (one.id for name in names for one in _around(_view(memory), name)))

    def delete_observations(self, deletions: Sequence[Deletion]) -> None:
        """Forgets these observations of each entity; unknown ones are passed over."""
        with lent(self.memory) as memory:
            view = _view(memory)
            going = []
            for deletion in deletions:
                for entity in _entities(view, deletion["entityName"])[:1]:
                    found = _observations(view, entity.metadata["node"])
                    going += [one.id for one in found if _content(one) in deletion["observations"]]
            self._forget(view, going)

    def delete_relations(self, relations: Sequence[Relation]) -> None:
        """Forgets these relations; unknown ones are passed over."""
        with lent(self.memory) as memory:
            view = _view(memory)
            self._forget(view, (one.id for relation in relations for one in _same(view, relation)))

    def read_graph(self) -> Graph:
        """All of it."""
        with lent(self.memory) as memory:
            return _graph(_view(memory).list())

    def search_nodes(self, query: str) -> Graph:
        """Entities whose name, type or an observation holds `query`, whatever its case, and relations at either end."""
        wanted = query.lower()
        return _part(
            self.read_graph(),
            lambda entity: any(
                wanted in text.lower() for text in (entity["name"], entity["entityType"], *entity["observations"])
            ),
        )

    def open_nodes(self, names: Collection[str]) -> Graph:
        """Entities of these names, and relations at either end."""
        return _part(self.read_graph(), lambda entity: entity["name"] in names)

    def ask_to_forget(self, memory: Memoria, ids: Iterable[str]) -> None:
        """Raises InvalidQuery when there is somebody to ask, and they do not agree."""
        if self._confirm is not None and not self._confirm(to_forget(memory.forget(*ids, dry_run=True))):
            raise InvalidQuery("Nothing is forgotten: the user has not agreed. Ask the user.")

    def ask_to_settle(self, memory: Memory, *, keep: bool) -> None:
        """Raises InvalidQuery when there is somebody to ask, and they do not agree that a memory is kept, or over."""
        asked = Asked(tool="keep" if keep else "settle", memories=(memory,))
        if self._confirm is not None and not self._confirm(asked):
            raise InvalidQuery("Nothing is settled: the user has not agreed. Ask the user.")

    def _remember(self, view: Memoria, drafts: Sequence[Draft]) -> None:
        if drafts:
            asked = Asked(tool="remember", text="\n".join(flat(one.text) for one in drafts))
            if self._confirm is not None and not self._confirm(asked):
                raise InvalidQuery("Nothing is stored: the user has not agreed. Ask the user.")
            view.remember_many(drafts, readmit=True)

    def _forget(self, view: Memoria, ids: Iterable[str]) -> None:
        going = dict.fromkeys(ids)
        if going:
            self.ask_to_forget(view, going)
            view.forget(*going)

    def with_dependants(self, memory: Memoria, ids: Iterable[str]) -> list[str]:
        """`ids`, and what hangs on those that are entities."""
        view = _view(memory)
        found = dict.fromkeys(ids)
        for one in [memory.get(id) for id in found]:
            if "entity" in one.metadata and one.namespace == view.prefix:
                found |= dict.fromkeys(near.id for near in _around(view, one.metadata["entity"]))
        return list(found)


def _view(memory: Memoria) -> Memoria:
    return memory.namespace("graph")


# -- what is stored --


def _entity_drafts(entity: Entity) -> list[Draft]:
    """An entity and its observations, tied by a node of their own: names may come twice."""
    name, node = entity["name"], record_key()
    metadata = {"entity": name, "type": entity["entityType"], "node": node}
    text = f"{name} ({entity['entityType']})"
    head = _draft(text, name, (_named("entity", name),), metadata)
    return [head, *(_observation_draft(name, node, content) for content in entity["observations"])]


def _observation_draft(name: str, node: str, content: str) -> Draft:
    return _draft(content, name, (f"of {node}",), {"observation": content, "node": node})


def _relation_draft(relation: Relation) -> Draft:
    ends = (_named("end", relation["from"]), _named("end", relation["to"]))
    text = f"{relation['from']} {relation['relationType']} {relation['to']}"
    return _draft(text, relation["from"], ends, {"relation": dict(relation)})


def _draft(text: str, about: str, tags: Sequence[str], metadata: Mapping[str, Any]) -> Draft:
    return Draft(
        text=_text(text), kind="semantic", subject=_subject(about), tags=tags, key=record_key(), metadata=metadata
    )


def _text(text: str) -> str:
    """What a memory may hold: no NUL, and something to see. The metadata keeps what was given."""
    return text.replace("\0", " ") if text.strip("\0 \t\r\n") else "(empty)"


def _subject(name: str) -> str | None:
    fits = name.strip() and "\0" not in name and len(name.encode()) <= MAX_NAME_BYTES
    return name if fits else None


def _named(what: str, name: str) -> str:
    """A tag for any name, however long."""
    return f"{what} {hashlib.sha256(name.encode()).hexdigest()}"


# -- what is found --


def _entities(view: Memoria, name: str) -> list[Memory]:
    return view.list(tags=(_named("entity", name),))


def _observations(view: Memoria, node: str) -> list[Memory]:
    return view.list(tags=(f"of {node}",))


def _content(observation: Memory) -> str:
    return str(observation.metadata["observation"])


def _around(view: Memoria, name: str) -> list[Memory]:
    """Entities of a name, their observations, and relations that end there."""
    entities = _entities(view, name)
    observations = [one for entity in entities for one in _observations(view, entity.metadata["node"])]
    return [*entities, *observations, *view.list(tags=(_named("end", name),))]


def _same(view: Memoria, relation: Relation) -> list[Memory]:
    """The relations equal to this one."""
    near = view.list(tags=(_named("end", relation["from"]), _named("end", relation["to"])))
    return [one for one in near if one.metadata["relation"] == relation]


def _graph(memories: Sequence[Memory]) -> Graph:
    observed: dict[str, list[str]] = {}
    for one in memories:
        if "observation" in one.metadata:
            observed.setdefault(one.metadata["node"], []).append(_content(one))
    entities: list[Entity] = [
        {
            "name": one.metadata["entity"],
            "entityType": one.metadata["type"],
            "observations": observed.get(one.metadata["node"], []),
        }
        for one in memories
        if "entity" in one.metadata
    ]
    return {
        "entities": entities,
        "relations": [one.metadata["relation"] for one in memories if "relation" in one.metadata],
    }


def _part(graph: Graph, chosen: Callable[[Entity], bool]) -> Graph:
    entities = [entity for entity in graph["entities"] if chosen(entity)]
    names = {entity["name"] for entity in entities}
    relations = [one for one in graph["relations"] if one["from"] in names or one["to"] in names]
    return {"entities": entities, "relations": relations}

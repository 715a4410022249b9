"""dossier: all that is stored about a person, with where it comes from: a copy for them (GDPR, articles 15 and 20)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

import regex

from memoria.canonical import canonical
from memoria.distill.unlearn import folder_of, manifests
from memoria.protocols import Progress, Store
from memoria.retention.restriction import orders
from memoria.subject import page
from memoria.subject.entries import Contents, Decision, Entry, Related, Use
from memoria.subject.find import About, Asked, Finding, Others, about, every
from memoria.text.endings import Grade
from memoria.text.mentions import Name
from memoria.text.person import spoken
from memoria.types import LedgerEntry, Link, Memory, Record, Trace

_WORDS = regex.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier(Contents):
    """All that is stored about a person.

    Attributes:
        format: what this is.
        version: of its form.
        made_at: when it was made.
        names: the person, by the names that were asked for.
        namespace: where was looked.
        counts: how many memories were found, by way.
        entries: the memories, oldest first: archived, replaced, expired and restricted ones too.
        near: ids of what may be about the person or another one, and is left out.
        restrictions: the orders that stand for these names.
    """

    def json(self) -> str:
        """The dossier for programs; `schema` describes it.

        Returns:
            One JSON object; times in ISO 8601, in UTC.
        """
        return json.dumps(asdict(self), default=_plain, ensure_ascii=False, indent=2) + "\n"

    def markdown(self) -> str:
        """The dossier for people, with a table of contents.

        Returns:
            The page, as Markdown.
        """
        return page.markdown(self)

    def html(self) -> str:
        """The dossier for people, with a table of contents.

        Returns:
            One HTML file that loads nothing and runs nothing.
        """
        return page.html(self)

    def without_others(self) -> Dossier:
        """The dossier without the texts of memories that name other people, for a controller to hand out.

        Returns:
            The same, with the texts, keys, tags and metadata of these entries left out, and the names of the others.
        """
        kept = tuple(_withheld(one) if one.others else one for one in self.entries)
        return replace(self, entries=kept)


def _withheld(entry: Entry) -> Entry:
    others = {canonical(name) for name in entry.others}

    def own(name: str | None) -> str | None:
        return None if name is not None and canonical(name) in others else name

    return replace(
        entry,
        text="(withheld: it names other people)",
        subject=own(entry.subject),
        speaker=own(entry.speaker),
        session=None,
        source=None,
        key=None,
        tags=(),
        metadata={},
        others=tuple("(withheld)" for _ in entry.others),
    )


@cache
def schema() -> dict[str, Any]:
    """JSON Schema of a dossier.

    Returns:
        The schema (draft 2020-12).
    """
    from pydantic import TypeAdapter

    return TypeAdapter(Dossier).json_schema(mode="serialization")


def dossier(store: Store, asked: Asked, at: datetime, progress: Progress | None = None) -> Dossier:
    """All that is stored about a person, in full. Raises as `about`."""
    with store.alone():
        found = about(store, asked, progress)
        around = _Around.of(store, found)
        others = Others()
        every(store, asked.namespace, lambda _, one: others.learn(one))
        names = others.by_first_word({canonical(name) for name in found.names})
        ids = [one.gist or one.id for one in found.found]
        entries = []
        for start in range(0, len(ids), 500):
            part = found.found[start : start + 500]
            records = store.read(ids[start : start + 500])
            pairs = zip(part, records, strict=True)
            entries += [around.entry(one, record, at, names) for one, record in pairs if record is not None]
    standing = {canonical(name) for name in asked.names}
    return Dossier(
        made_at=at,
        names=found.names,
        namespace=found.namespace,
        counts=found.counts(),
        entries=tuple(entries),
        near=tuple(one.id for one in found.near),
        restrictions=tuple(one for one in orders(store) if standing & {canonical(name) for name in one.names}),
    )


@dataclass(slots=True)
class _Around:
    """What hangs on memories: links, uses, decisions, adapters; each by id."""

    links: Mapping[str, list[Link]]
    uses: Mapping[str, list[Use]]
    decisions: Mapping[str, list[LedgerEntry]]
    shards: Mapping[str, list[str]]

    @classmethod
    def of(cls, store: Store, found: About) -> _Around:
        """Reads it for all that was found."""
        ids = {one.id for one in found.found} | {one.gist for one in found.found if one.gist is not None}
        links: defaultdict[str, list[Link]] = defaultdict(list)
        for link in store.links(sorted(ids)):
            for end in {link.parent, link.child} & ids:
                links[end].append(link)
        uses: defaultdict[str, list[Use]] = defaultdict(list)
        for line in store.recalls(found.namespace):
            if line.id in ids:
                uses[line.id].append(Use(at=line.at, found=line.found))
        decisions: defaultdict[str, list[LedgerEntry]] = defaultdict(list)
        for entry in store.ledger():
            for id in ids.intersection(entry.ids):
                decisions[id].append(entry)
        return cls(links=links, uses=uses, decisions=decisions, shards=_shards(store, ids))

    def entry(self, one: Finding, record: Record, at: datetime, names: Mapping[str, list[str]]) -> Entry:
        """The entry of a finding. record: of the memory, or of the gist that it is a part of."""
        memory = next((part for part in record.memory.parts if part.id == one.id), record.memory)
        trace, origin, home = record.trace, memory.provenance, record.memory.id
        return Entry(
            id=one.id,
            found_by=one.ways,
            namespace=memory.namespace,
            text=memory.text,
            kind=memory.kind,
            observed_at=memory.created_at,
            valid_from=memory.valid_from,
            valid_to=memory.valid_to,
            expired=memory.valid_to is not None and memory.valid_to <= at,
            subject=memory.subject,
            speaker=origin.speaker,
            source=origin.source,
            session=origin.session,
            tags=memory.tags,
            key=memory.key,
            metadata=dict(memory.metadata),
            salience=memory.salience,
            part_of=one.gist,
            related=tuple(self._related(one.id, origin.derived_from)),
            used=tuple(self.uses.get(home, ())),
            learnt_by=tuple(self.shards.get(one.id, ())),
            decisions=tuple(
                Decision(at=line.at, action=line.action, reason=line.reason)
                for id in {one.id, home}
                for line in self.decisions.get(id, ())
            ),
            others=_others(memory, names),
            **_standing(trace),
            expires_at=getattr(memory, "expires_at", None),
        )

    def _related(self, id: str, sources: Sequence[str]) -> list[Related]:
        named = [Related(id=source, how="made from") for source in sources]
        return list(dict.fromkeys([*named, *(_related(id, link) for link in self.links.get(id, ()))]))


def _standing(trace: Trace) -> dict[str, Any]:
    flags = {name: getattr(trace, name) for name in ("archived", "pinned", "held", "restricted")}
    return {**flags, "uses": trace.retrievals, "fades_at": trace.fades_at}


_HOW: Mapping[str, tuple[Any, Any]] = {
    # By relation: what the child is to the parent, and the parent to the child.
    "derived": ("made into", "made from"),
    "supersedes": ("replaced by", "replaces"),
    "doubts": ("doubted by", "doubts"),
    "ends": ("ended by", "ends"),
}


def _related(id: str, link: Link) -> Related:
    """What the other end of a link is to the memory with this id."""
    child, parent = _HOW[link.relation]
    other, how = (link.child, child) if link.parent == id else (link.parent, parent)
    return Related(id=other, how=how, until=link.was, weight=link.weight, judge=link.judge)


def _shards(store: Store, ids: set[str]) -> dict[str, list[str]]:
    folder = folder_of(store)
    found: dict[str, list[str]] = {}
    for path, manifest in {} if folder is None or not folder.is_dir() else manifests(folder).items():
        for id in () if manifest is None else ids.intersection((*manifest.ids, *manifest.parts)):
            found.setdefault(id, []).append(path.stem)
    return found


def _others(memory: Memory, names: Mapping[str, list[str]]) -> tuple[str, ...]:
    """The people in `names` whom a memory names, or whom it is about or by."""
    own = {canonical(name) for name in (memory.subject, memory.provenance.speaker) if name is not None}
    texts = list(spoken(memory))
    words = {word for text in texts for word in _WORDS.findall(canonical(text))}
    found = {name for first, some in names.items() for name in some if canonical(name) in own}
    for first in words & names.keys():
        found |= {name for name in names[first] if any(_name(name).grade(text) is Grade.MET for text in texts)}
    return tuple(sorted(found))


@lru_cache(maxsize=1024)
def _name(name: str) -> Name:
    return Name(name)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)

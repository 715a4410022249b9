"""bring: stores what is in an export of another program, once, however often it is run or killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from memoria.engine.memory import Memoria
from memoria.errors import InvalidMemory, Refused
from memoria.forget.ledger import enter_done
from memoria.retention.fade import scheduled
from memoria.transfer.foreign import mem, tombs
from memoria.transfer.foreign.items import Item, Skipped
from memoria.transfer.foreign.linked import Linking
from memoria.transfer.foreign.parts import Source, held, opened
from memoria.transfer.foreign.reading import Asked, Kind, asked, found
from memoria.types import LedgerEntry, Namespace, Record, Where
from memoria.validate import bounded, check_trace
from memoria.zones import ZoneLike

_BATCH = 256
_TOLD = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What is in an export, without content.

    Attributes:
        found: how many memories it has.
        kinds: how many of each kind.
        speakers: how many of each speaker; "" for those without one.
        sessions: how many conversations they are from.
        first: the earliest of their times.
        last: the latest.
        undated: how many have no time; they get that of the import.
        skipped: how many things become no memory, by the reason.
        malformed: how many of these are malformed; with their places and rules in `bad`.
        bad: the first of them.
    """

    found: int
    kinds: Mapping[str, int]
    speakers: Mapping[str, int]
    sessions: int
    first: datetime | None
    last: datetime | None
    undated: int
    skipped: Mapping[str, int]
    malformed: int
    bad: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What `bring` did.

    Attributes:
        survey: what is in the export.
        stored: memories stored now.
        present: those that are stored already, from an import before.
        differs: those whose key is stored with another text, which is left as it is.
        refused: those that were forgotten here, and are not stored again.
    """

    survey: Survey
    stored: int
    present: int
    differs: int
    refused: int


@dataclass(slots=True)
class _Counts:
    """A survey while it is made."""

    kinds: Counter[str] = field(default_factory=Counter)
    speakers: Counter[str] = field(default_factory=Counter)
    sessions: set[str] = field(default_factory=set)
    times: list[datetime] = field(default_factory=list)
    undated: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)
    malformed: int = 0

    def item(self, one: Item) -> None:
        """Counts an item."""
        draft = one.draft
        self.kinds[draft.kind] += 1
        self.speakers[draft.provenance.speaker or ""] += 1
        if draft.provenance.session is not None:
            self.sessions.add(draft.provenance.session)
        if draft.created_at is None:
            self.undated += 1
        else:
            known = [*self.times, draft.created_at]
            self.times = [min(known), max(known)]

    def skip(self, one: Skipped) -> None:
        """Counts what is left out."""
        self.skipped["malformed" if one.bad else one.why] += 1
        if one.bad:
            self.malformed += 1
            self.bad += [f"{one.place}: {one.why}"] if len(self.bad) < _TOLD else []

    def survey(self) -> Survey:
        """What was counted."""
        return Survey(
            found=self.kinds.total(),
            kinds=dict(self.kinds),
            speakers=dict(self.speakers.most_common()),
            sessions=len(self.sessions),
            first=self.times[0] if self.times else None,
            last=self.times[-1] if self.times else None,
            undated=self.undated,
            skipped=dict(self.skipped.most_common()),
            malformed=self.malformed,
            bad=tuple(self.bad),
        )


def survey(
    kind: Kind,
    source: Source,
    *,
    everything: bool = False,
    columns: Mapping[str, str] | None = None,
    speakers: Mapping[str, str] | None = None,
    zone: ZoneLike = None,
) -> Survey:
    """Counts what `bring` would find in an export, and what is malformed in it. Nothing is stored.

    Args:
        kind: as for `read`.
        source: as for `read`.
        everything: as for `read`.
        columns: as for `read`.
        speakers: as for `read`.
        zone: as for `read`.

    Returns:
        The counts, without content.

    Raises:
        InvalidQuery: `kind`, `columns` or `zone` is none that is known.
    """
    return _survey(asked(kind, source, everything=everything, columns=columns, speakers=speakers, zone=zone))


def _survey(wanted: Asked) -> Survey:
    counts = _Counts()
    for one in found(wanted):
        if isinstance(one, Item):
            counts.item(one)
        else:
            counts.skip(one)
    return counts.survey()


def bring(
    memory: Memoria,
    kind: Kind,
    source: Source,
    *,
    everything: bool = False,
    columns: Mapping[str, str] | None = None,
    speakers: Mapping[str, str] | None = None,
    zone: ZoneLike = None,
    skip_bad: bool = False,
    readmit: bool = False,
) -> Brought:
    """Stores what is in an export of another program, in the namespace of a view.

    The whole source is read first, so that a malformed one changes nothing. Then memories are stored in batches, each
    all or nothing. Keys go by the ids of the source: an import that was killed goes on when it is run again, and one
    that is run twice stores nothing twice. Being brought is a first use: what is old does not fade at once.

    Args:
        memory: the view whose namespace takes the memories.
        kind: as for `read`.
        source: as for `read`.
        everything: as for `read`.
        columns: as for `read`.
        speakers: as for `read`.
        zone: as for `read`.
        skip_bad: leaves out what is malformed, and all that comes after a place where the file itself is.
        readmit: takes back texts that were forgotten here.

    Returns:
        What was found, stored and left out.

    Raises:
        InvalidQuery: `kind`, `columns` or `zone` is none that is known.
        InvalidMemory: something is malformed: the first twenty places with the rule, never content. Nothing is stored.
    """
    wanted = asked(kind, held(source), everything=everything, columns=columns, speakers=speakers, zone=zone)
    seen = _survey(wanted)
    if seen.malformed and not skip_bad:
        more = seen.malformed - len(seen.bad)
        raise InvalidMemory(*seen.bad, *([f"and {more} more"] if more else []))
    store = _bundle if kind == "mem" else _plain
    counts = store(memory, wanted, seen.found, readmit=readmit)
    _enter(memory, wanted.kind, counts)
    return Brought(survey=seen, **{name: counts[name] for name in ("stored", "present", "differs", "refused")})


def _plain(memory: Memoria, wanted: Asked, total: int, *, readmit: bool) -> Counter[str]:
    """Stores what is in an export, in its order."""
    counts: Counter[str] = Counter()
    done = 0
    for under, batch in _batches(one for one in found(wanted) if isinstance(one, Item)):
        counts += _stored(memory.namespace(*under) if under else memory, batch, readmit=readmit)
        done += len(batch)
        if memory.progress is not None:
            memory.progress("import", done, total)
    return counts


def _bundle(memory: Memoria, wanted: Asked, total: int, *, readmit: bool) -> Counter[str]:
    """Forgets what was deleted where a bundle is from, then stores what is in it, each after what it was made from."""
    with opened(wanted.source, mem.WANTED) as parts:
        gone = tombs.apply(memory, mem.verified(parts))
    coming = {one.draft.key or "" for one in found(wanted) if isinstance(one, Item)}
    put = partial(_stored, readmit=readmit)
    linking = Linking(memory=memory, gone=gone, coming=coming, put=put)
    done = 0
    for some in linking.run(one for one in found(wanted) if isinstance(one, Item)):
        done += some
        if memory.progress is not None and some:
            memory.progress("import", done, total)
    return linking.counts


def _enter(memory: Memoria, kind: Kind, counts: Counter[str]) -> None:
    """Enters into the ledger how much was stored; ids of batches are not kept together."""
    if counts["stored"]:
        facts = {"from": str(kind), "memories": counts["stored"], "refused": counts["refused"]}
        enter_done(memory.store, LedgerEntry(at=memory.now(), action="import", ids=(), reason="", facts=facts))


def _batches(items: Iterator[Item]) -> Iterator[tuple[Namespace, list[Item]]]:
    """Items that follow each other and go to one namespace."""
    batch: list[Item] = []
    for one in items:
        if batch and (len(batch) == _BATCH or one.under != batch[0].under):
            yield batch[0].under, batch
            batch = []
        batch.append(one)
    if batch:
        yield batch[0].under, batch


def _stored(view: Memoria, batch: Sequence[Item], ids: dict[str, str] | None = None, *, readmit: bool) -> Counter[str]:
    """Stores those of a batch that are not there yet; how many were stored, there, there otherwise, and refused.

    ids: gets the id of what is there then, by key.
    """
    counts: Counter[str] = Counter()
    ids = {} if ids is None else ids
    left, there = [], []
    for one in batch:
        record = _under(view, one.draft.key)
        if record is None:
            left.append(one.draft)
        else:
            there.append(record)
            same = next(said for said in (*record.memory.parts, record.memory) if said.key == one.draft.key)
            ids[one.draft.key or ""] = same.id
            counts["present" if same.text == one.draft.text else "differs"] += 1
    _count_as_use(view, there)
    while left:
        try:
            made = view.remember_many(left, readmit=readmit)
        except Refused as error:
            counts["refused"] += len(error.positions)
            left = [draft for place, draft in enumerate(left) if place not in set(error.positions)]
        else:
            counts["stored"] += len(left)
            ids.update({draft.key or "": memory.id for draft, memory in zip(left, made, strict=True)})
            _count_as_use(view, view.store.read([memory.id for memory in made]))
            break
    return counts


def _under(view: Memoria, key: str | None) -> Record | None:
    """What is stored under a key in the namespace of a view itself."""
    records = view.store.read(view.store.select(Where(namespace=view.prefix, key=key)))
    here = (one for one in records if one is not None and one.memory.namespace == view.prefix)
    return next((one for one in here if key in {said.key for said in (one.memory, *one.memory.parts)}), None)


def _count_as_use(view: Memoria, records: Sequence[Record | None]) -> None:
    """Being brought is a first use of what is older: it would fade at once otherwise, before anybody looked for it."""
    now = view.now()
    fresh = [one for one in records if one is not None and not one.trace.retrievals and one.memory.created_at < now]
    traces = {one.memory.id: view.policy.reinforce(one.trace, now, recalled=True) for one in fresh}
    if traces:
        schedule = partial(scheduled, view.policy, view.fade_below)
        view.store.retrace({id: check_trace(schedule(bounded(trace))) for id, trace in traces.items()})

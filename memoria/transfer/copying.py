"""copy: a whole store into another; texts that were forgotten in the source are refused in the target too.

An export has the readable part only. A copy has everything: records with trace, flags and vector, links, recall log,
ledger, settings, and fingerprints of forgotten texts. A setting in the target says that a copy has begun, and from
where: a killed copy continues, and first removes from the target what the source has forgotten meanwhile.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Literal

from memoria.callables import agree, without_sketch
from memoria.distill.unlearn import folder_of, manifests
from memoria.embedders import as_embedder
from memoria.engine.opening import guarding, open_store
from memoria.errors import CopyDiffers, EmbedderMismatch, FormatTooOld, InvalidQuery, StoreExists, StoreNotFound
from memoria.forget.erase import mirror
from memoria.protocols import Change, KeyWrapper, Progress, Store
from memoria.retention import allocate as allocating
from memoria.retention.reinforce import DEMAND
from memoria.standing import orders
from memoria.stores import InMemoryStore
from memoria.stores.guardkey import GuardKeyLike, Outside
from memoria.stores.wrapping import UnlockLike, as_wrapper
from memoria.types import EmbedderCard, Link, Namespace, Recalled, Record

JOURNAL = "copy"
RESTORE = "restore"
# Of each store its own.
_OWN = (JOURNAL, RESTORE)
_DONE, _ON = "done", "on"
_BATCH = 500
Place = str | os.PathLike[str] | Store
"""Where a store is: a directory, a URL, or the open store itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What a copy did, or would do. The counts from `memories` to `refused` were compared, and are equal in both.

    Attributes:
        dry_run: whether nothing was written.
        added: memories written now; fewer than `memories` when a killed copy was continued.
        removed: memories removed from the target because the source has forgotten or changed them since.
        memories: memories in the source.
        namespaces: namespaces with memories.
        links: links of memories that supersede others.
        recalls: lines of the recall log.
        ledger: decisions about holds.
        notes: settings of the engine.
        periods: retention periods.
        refused: fingerprints and sketches of forgotten texts.
        shards: names of adapters that are not copied: weights have to be trained again from the target.
    """

    dry_run: bool
    added: int
    removed: int
    memories: int
    namespaces: int
    links: int
    recalls: int
    ledger: int
    notes: int
    periods: int
    refused: int
    shards: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gap:
    """What the target lacks. alone: namespaces only it has. stale: ids to take out. missing: ids to bring."""

    alone: tuple[Namespace, ...] = ()
    stale: tuple[str, ...] = ()
    missing: Mapping[Namespace, Sequence[str]] = field(default_factory=dict)


def copy(
    source: Place,
    target: Place,
    *,
    dry_run: bool = False,
    timeout: float = 0.0,
    progress: Progress | None = None,
    guard_key: GuardKeyLike = None,
    unlock: UnlockLike = None,
    unlock_target: UnlockLike = None,
) -> Copied:
    """Copies a whole store into another, and compares the two.

    Args:
        source: a directory or URL as `memoria.open` takes them, or an open store. A directory is opened as by a writer,
            so that nothing changes meanwhile; the source itself is not changed.
        target: likewise; made when it is not there.
        dry_run: only reads, and makes no target.
        timeout: seconds to wait for another writer to close.
        progress: called with (what, done, total) during the work.
        guard_key: of source and target, where they are opened here, if fingerprints are under a key outside of the
            store; as of `memoria.open`.
        unlock: what unlocks a source that is sealed.
        unlock_target: what unlocks the target; a new one is sealed when it is given, and in clear when not.

    Returns:
        What was copied and compared.

    Raises:
        InvalidQuery: source and target are the same.
        StoreExists: the target has something that a killed copy of this source did not leave there.
        EmbedderMismatch: the two stores have vectors of different embedders.
        CopyDiffers: the two are not the same in the end.
        GuardKeyMissing: the source has a guard key outside of the store, which was not given.
        StoreNotFound: there is no source. All other errors of `memoria.open` are raised too.
    """
    if source is target or _path(source) == _path(target) is not None:
        raise InvalidQuery("source and target of a copy are the same")
    mode: Literal["r", "rw"] = "r" if dry_run else "rw"
    outside, keys = guarding(guard_key), (as_wrapper(unlock), as_wrapper(unlock_target))
    with _source(source, mode, timeout, outside, keys[0]) as read:
        try:
            with _opened(target, read.embedder, mode, timeout, outside, read.language, keys[1]) as written:
                return _copy(read, written, progress, dry_run=dry_run)
        except StoreNotFound:
            if not dry_run:
                raise
            return _copy(read, InMemoryStore(read.embedder, language=read.language), progress, dry_run=True)


def _path(place: Place) -> str | None:
    return os.fspath(place) if isinstance(place, str | os.PathLike) else None


def _source(
    place: Place, mode: Literal["r", "rw"], timeout: float, outside: Outside | None, unlock: KeyWrapper | None
) -> AbstractContextManager[Store]:
    """The source, which is not made when it is not there."""
    card, path = as_embedder(None).card, _path(place)
    if path is not None and mode == "rw":
        with suppress(FormatTooOld):  # which opening it for writing mends
            open_store(path, card, "r", timeout, unlock=unlock).close()
    return _opened(place, card, mode, timeout, outside, None, unlock)


@contextmanager
def _opened(
    place: Place,
    card: EmbedderCard,
    mode: Literal["r", "rw"],
    timeout: float,
    outside: Outside | None,
    language: str | None,
    unlock: KeyWrapper | None,
) -> Iterator[Store]:
    """The store at a place, closed afterwards when it was not open. card, language: of it when it is made."""
    if not isinstance(place, str | os.PathLike):
        yield place
        return
    store = open_store(place, card, mode, timeout, language=language, outside=outside, unlock=unlock)
    try:
        yield store
    finally:
        store.close()


def _copy(source: Store, target: Store, progress: Progress | None, *, dry_run: bool) -> Copied:
    _check(source, target)
    found = _gap(source, target)
    if not dry_run:
        target.write_note(JOURNAL, journal(source, _ON))
        if found.alone:
            mirror(target, namespaces=found.alone)
            found = replace(_gap(source, target), alone=found.alone)
        _take_out(target, found.stale)
        _adopt(source, target)
        _limit(source, target)
        _bring(source, target, found.missing, progress)
        _follow(source, target)
        differences = list(_differences(source, target))
        if differences:
            raise CopyDiffers("the copy is not what its source is; run it again: " + "; ".join(differences))
        target.write_note(JOURNAL, journal(source, _DONE))
    return _counted(source, found, dry_run=dry_run)


def journal(source: Store, state: str = _ON) -> str:
    """By what a target knows from which store a copy came, and whether it is done."""
    return json.dumps({"source": source.alias(()), "state": state})


def _check(source: Store, target: Store) -> None:
    """Raises EmbedderMismatch, and StoreExists when the target is not to be written over."""
    if not agree(source.embedder, target.embedder):
        raise EmbedderMismatch(
            f"the source's vectors come from {without_sketch(source.embedder.name)!r}, those of the target from "
            f"{without_sketch(target.embedder.name)!r}: reembed one of them, or copy into a new store"
        )
    empty = not (target.count(()) or target.notes() or target.ledger() or target.periods() or target.fingerprints(()))
    if not empty and target.note(JOURNAL) != journal(source, _ON):
        raise StoreExists(
            "the target is not empty, nor what a killed copy of this source left: copy into a store that is not there"
        )


def _gap(source: Store, target: Store) -> _Gap:
    """What there is to do in the target, by all that hangs on an id and what hangs on a namespace."""
    homes, forgetful = source.namespaces(()), source.fingerprints(())
    known = {*target.namespaces(()), *target.fingerprints(())}
    alone = tuple(sorted(known - {*homes, *forgetful}))
    ours, theirs = _log(source), _log(target)
    stale: list[str] = []
    missing: dict[Namespace, Sequence[str]] = {}
    for name in sorted({*homes, *known} - set(alone)):
        wanted = source.holdings(name)[0]
        doomed = any(name[: len(other)] == other for other in alone)
        there = set() if doomed else set(target.holdings(name)[0])
        both = [id for id in wanted if id in there]
        extra = {id for id in both if theirs[id] - ours[id]}
        changed = {id for part in _parts(both) for id in _changed(source, target, part)} | extra
        stale += sorted((there - set(wanted)) | changed)
        missing[name] = [id for id in wanted if id not in there or id in changed]
    return _Gap(alone=alone, stale=tuple(stale), missing=missing)


def _log(store: Store) -> defaultdict[str, Counter[Recalled]]:
    """The recall log, by id."""
    found: defaultdict[str, Counter[Recalled]] = defaultdict(Counter)
    for line in store.recalls(()):
        found[line.id][line] += 1
    return found


def _changed(source: Store, target: Store, ids: Sequence[str]) -> set[str]:
    """Which of these records, or their links, are other in the target than in the source."""
    ours, theirs = _read(source, ids), _read(target, ids)
    other = {id for id in ids if id not in ours or id not in theirs or not _same(ours[id], theirs[id])}
    return other | {link.child for link in _written(target, ids) - _written(source, ids)}


def _read(store: Store, ids: Sequence[str]) -> dict[str, Record]:
    """The records that are there, by id; each trace with its time of encoding, which a store may leave out."""
    found = [record for record in store.read(ids) if record is not None]
    return {one.memory.id: replace(one, trace=replace(one.trace, encoded_at=one.trace.start)) for one in found}


def _same(one: Record, other: Record) -> bool:
    equal = (one.memory, one.trace) == (other.memory, other.trace)
    return equal and _vectors(one) == _vectors(other)


def _vectors(record: Record) -> tuple[tuple[int, ...], bytes]:
    """Where the passages of a record begin, and the vectors of all, as stores keep them."""
    further = record.passages
    own = record.vector.astype("<f2").tobytes()
    return ((), own) if further is None else (further.places, own + further.vectors.astype("<f2").tobytes())


def _written(store: Store, ids: Sequence[str]) -> set[Link]:
    """Links that no memory holds in itself: what supersedes, or doubts, what."""
    return {link for link in store.links(ids) if link.relation != "derived"}


def _lacking_links(source: Store, target: Store) -> Iterator[set[Link]]:
    """The links of superseding and of doubt that the target lacks, a part of the ids after the other."""
    return (_written(source, part) - _written(target, part) for part in _all(source))


def _take_out(target: Store, ids: Sequence[str]) -> None:
    for part in _parts(ids):
        mirror(target, ids=part)


def _adopt(source: Store, target: Store) -> None:
    """Before any memory comes: what the source refuses is refused in the target from the start."""
    known, there = source.fingerprints(()), target.fingerprints(())
    for name in sorted({*known, *there}):
        if there.get(name, frozenset()) != known.get(name, frozenset()):
            target.adopt(name, known.get(name, frozenset()))


def _limit(source: Store, target: Store) -> None:
    """Before any memory comes: what is due in the source is due in the target from the start."""
    wanted, there = source.periods(), target.periods()
    for period in there:
        if period not in wanted:
            target.lift_period(period)
    for period in wanted:
        if period not in there:
            target.set_period(period)


def _bring(source: Store, target: Store, missing: Mapping[Namespace, Sequence[str]], progress: Progress | None) -> None:
    done, total = 0, sum(map(len, missing.values()))
    for ids in missing.values():
        for part in _parts(ids):
            target.write(list(_read(source, part).values()))
            done += len(part)
            if progress is not None:
                progress("copy", done, total)


def _follow(source: Store, target: Store) -> None:
    """What hangs on memories that are there: links, the recall log, the ledger, notes."""
    for links in _lacking_links(source, target):
        if links:
            target.revise(Change(links=tuple(sorted(links, key=lambda link: (link.parent, link.child)))))
    recalls = source.recalls(())
    lacking = Counter(recalls) - Counter(target.recalls(()))
    lines = [line for line in recalls if _taken(lacking, line)]
    if lines:
        target.retrace({}, lines)
    for entry in source.ledger()[len(target.ledger()) :]:
        target.enter(entry)
    told, known = source.private_notes(), target.private_notes()
    for note in sorted(told.keys() | known.keys()):
        if told.get(note) != known.get(note):
            target.write_private_note(note, told.get(note))
    there = target.notes()
    for note, value in _notes(source, target).items():
        if there.get(note) != value:
            target.write_note(note, value)


def _taken(lacking: Counter[Recalled], line: Recalled) -> bool:
    lacking[line] -= 1
    return lacking[line] >= 0


def _notes(source: Store, target: Store) -> dict[str, str]:
    """The notes as the target writes them: aliases of namespaces, and seals of orders, are each store's own."""
    notes = source.notes().items()
    found = {name: orders.moved(source, target, name, value) for name, value in notes if name not in _OWN}
    if DEMAND in found:
        aliases = {source.alias(name): target.alias(name) for name in source.namespaces(())}
        demands = allocating.from_note(found[DEMAND])
        kept = {aliases[alias]: demand for alias, demand in demands.items() if alias in aliases}
        found[DEMAND] = allocating.to_note(kept)
    return found


def _differences(source: Store, target: Store) -> Iterator[str]:
    """What is not the same in both, without content. Reads everything again."""
    left = _gap(source, target)
    counts = {
        "namespaces only in the target": len(left.alone),
        "memories that should not be there": len(left.stale),
        "memories missing": sum(map(len, left.missing.values())),
        "memories more or fewer": abs(source.count(()) - target.count(())),
        "links missing": sum(map(len, _lacking_links(source, target))),
        "lines of the recall log missing": (Counter(source.recalls(())) - Counter(target.recalls(()))).total(),
    }
    yield from (f"{count} {what}" for what, count in counts.items() if count)
    if source.fingerprints(()) != target.fingerprints(()):
        yield "other fingerprints of what was forgotten"
    if source.ledger() != target.ledger():
        yield "another ledger"
    if source.private_notes() != target.private_notes():
        yield "other private notes"
    if source.periods() != target.periods():
        yield "other retention periods"
    if _notes(source, target) != {name: value for name, value in target.notes().items() if name not in _OWN}:
        yield "other notes"


def _counted(source: Store, found: _Gap, *, dry_run: bool) -> Copied:
    folder = folder_of(source)
    return Copied(
        dry_run=dry_run,
        added=sum(map(len, found.missing.values())),
        removed=len(found.stale),
        memories=source.count(()),
        namespaces=len(source.namespaces(())),
        links=len({link for part in _all(source) for link in _written(source, part)}),
        recalls=len(source.recalls(())),
        ledger=len(source.ledger()),
        notes=len(source.notes().keys() - {*_OWN}),
        periods=len(source.periods()),
        refused=sum(len(one) for known in source.fingerprints(()).values() for one in known),
        shards=() if folder is None else tuple(path.stem for path in manifests(folder)),
    )


def _all(store: Store) -> Iterator[Sequence[str]]:
    """Every id, in parts."""
    return (part for name in store.namespaces(()) for part in _parts(store.holdings(name)[0]))


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[at : at + _BATCH] for at in range(0, len(ids), _BATCH))


__all__ = ["Copied", "Place", "copy"]

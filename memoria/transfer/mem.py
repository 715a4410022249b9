"""Writes a `.mem` bundle (Portable Memory 1.1): episodes, links, scopes, and tombstones of what was forgotten.

Written a part at a time beside its place, and put there when it is whole. What is restricted is never in it: the format
has no word for that. A gist is left out, and its parts are in it: who reads them makes gists of their own.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from memoria.derived.lineage import memories
from memoria.errors import InvalidQuery
from memoria.protocols import Progress, Store
from memoria.transfer.foreign.mem import OURS, Tombstone
from memoria.transfer.foreign.tombs import erased, ids_there, told
from memoria.types import LedgerEntry, Link, Memory, Namespace, Receipt, Record, Where
from memoria.version import __version__

FORMAT, LEVEL = "1.1.0", "L2"
SPEC = "https://github.com/MacPaw/portable-memory/blob/main/Spec/portable-memory-spec.md"
_BATCH = 500
_SUMMARY = 200
_HALF = ".half"
_LINKS = {"derived": "derived_from", "supersedes": "supersedes", "doubts": "doubts", "ends": "ends"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundled:
    """What is in a bundle that was written.

    Attributes:
        path: where it is.
        episodes: memories in it.
        links: links between them.
        tombstones: records of what was forgotten.
        restricted: memories that were left out because they are only stored.
        digest: SHA-256 of its CHECKSUMS: one for the whole bundle.
    """

    path: str
    episodes: int
    links: int
    tombstones: int
    restricted: int
    digest: str


def canonical_json(value: Any) -> str:
    """Canonical JSON as the format has it: sorted keys, no spaces, whole numbers without a point."""
    return json.dumps(_whole(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e16:
        return int(value)
    if isinstance(value, Mapping):
        return {name: _whole(one) for name, one in value.items()}
    return [_whole(one) for one in value] if isinstance(value, list | tuple) else value


def second(time: datetime) -> str:
    """A time as the format has it: UTC, in whole seconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_bundle(
    store: Store,
    target: str | os.PathLike[str],
    where: Where,
    at: datetime,
    *,
    receipts: Iterable[Receipt] = (),
    progress: Progress | None = None,
) -> Bundled:
    """Writes the memories that match as a `.mem` bundle.

    Args:
        store: an open store.
        target: the folder of the bundle, which must not be there.
        where: which memories; restricted ones are left out.
        at: when it is made; aware.
        receipts: of what was forgotten, beside what the ledger of the store knows.
        progress: called with (what, done, total) meanwhile.

    Returns:
        What is in it.

    Raises:
        InvalidQuery: the target is there already.
    """
    path = Path(target)
    if path.exists() or path.is_symlink():
        raise InvalidQuery(f"{path} is there already: a bundle is written into a new folder")
    half = path.with_name(path.name + _HALF)
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True, mode=0o700)
    writing = _Writing(
        store=store, where=replace(where, restricted=False, kept_at=at), folder=half, at=at, progress=progress
    )
    with store.alone():
        writing.episodes()
        writing.scopes()
        tombs = writing.tombstones(receipts)
    digest = writing.close()
    os.replace(half, path)
    left = len(store.select(replace(where, restricted=True)))
    counts = writing.counts
    return Bundled(
        path=str(path),
        episodes=counts.get("episode", 0),
        links=counts.get("episodeLink", 0),
        tombstones=tombs,
        restricted=left,
        digest=digest,
    )


@dataclass(slots=True)
class _Stream:
    """A file of a bundle while it is written."""

    stream: BinaryIO
    sha: Any = field(default_factory=hashlib.sha256)
    size: int = 0
    lines: int = 0

    def write(self, value: Any) -> None:
        line = canonical_json(value).encode() + b"\n"
        self.stream.write(line)
        self.sha.update(line)
        self.size += len(line)
        self.lines += 1


@dataclass(slots=True, kw_only=True)
class _Writing:
    """A bundle while it is written. names: ids that memories had in bundles that they came from."""

    store: Store
    where: Where
    folder: Path
    at: datetime
    progress: Progress | None
    names: dict[str, str] = field(default_factory=dict)
    streams: dict[str, _Stream] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    namespaces: set[Namespace] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    span: list[datetime] = field(default_factory=list)

    def put(self, path: str, value: Any) -> None:
        """Writes one line to a file of the bundle."""
        if path not in self.streams:
            (self.folder / path).parent.mkdir(exist_ok=True)
            self.streams[path] = _Stream((self.folder / path).open("wb"))
        self.streams[path].write(value)
        name = path.partition("/")[2].removesuffix(".jsonl")
        name = "tombstone" if name == "tombstones" else name
        self.counts[name] = self.counts.get(name, 0) + 1

    def episodes(self) -> None:
        """Every memory, and its links."""
        self.names = ids_there(self.store)
        barred = set(self.store.select(Where(restricted=True)))
        ids = self.store.select(self.where)
        for start in range(0, len(ids), _BATCH):
            part = ids[start : start + _BATCH]
            records = [one for one in self.store.read(part) if one is not None]
            # Nobody sees what is to be erased by now, which a gist may still hold.
            due = frozenset[str]().union(*self.store.lapsed(Where(ids=tuple(part)), self.at).values())
            pairs = [
                (record, one) for record in records for one in self.where.meant(record.memory) if one.id not in due
            ]
            gists = self._gists([one for _, one in pairs])
            for record, one in pairs:
                self.put("items/episode.jsonl", self._episode(record, one, gists))
            found = {link for link in self.store.links([one.id for _, one in pairs]) if link.child in set(part)}
            for link in sorted(found, key=lambda link: (link.child, link.parent, link.relation)):
                if not {link.parent, link.child} & barred:
                    self._link(link, gists)
            if self.progress is not None:
                self.progress("export", min(start + _BATCH, len(ids)), len(ids))

    def _gists(self, those: Sequence[Memory]) -> dict[str, tuple[str, ...]]:
        """The parts of the gists that these are derived from, or are in, by id of the gist."""
        asked = sorted({id for one in those for id in one.provenance.derived_from})
        found = memories(self.store, asked).values() if asked else ()
        return {one.id: tuple(part.id for part in one.parts) for one in found if one.parts}

    def _id(self, id: str) -> str:
        return self.names.get(id, f"ep_{id}")

    def _episode(self, record: Record, one: Memory, gists: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
        """The line of a memory."""
        origin, trace, id = one.provenance, record.trace, self._id(one.id)
        said = {name: value for name, value in one.metadata.items() if name != "mem"}
        foreign = one.metadata.get("mem")
        other = dict(foreign) if isinstance(foreign, Mapping) and one.id in self.names else {}
        people = [one.subject, origin.speaker, *(other.pop("actors", None) or ())]
        below = one.namespace[len(self.where.namespace) :]
        self.written.add(id)
        self.namespaces.add(below)
        self.span = [min([*self.span, one.created_at]), max([*self.span, one.created_at])]
        line = {
            "id": id,
            "eventTime": second(one.created_at),
            "mentionTime": second(one.created_at),
            "ingestionTime": second(trace.start),
            "sourceType": origin.source or "memoria",
            "sourceID": origin.session,
            "actors": list(dict.fromkeys(name for name in people if name is not None)),
            "summary": _shortened(one.text),
            "details": one.text,
            "sensitivity": "unspecified",
            "metadata": {
                name: value if isinstance(value, str) else canonical_json(value) for name, value in said.items()
            },
            "contextID": _scope(below) if below else None,
            "categories": list(one.tags),
            "importance": one.salience,
            "confidence": 1,
            "lifecycleState": "ARCHIVED" if trace.archived else "HOT",
            "extractionState": "done",
            "lastAccessed": second(trace.last_retrieved) if trace.retrievals else None,
            "accessCount": trace.retrievals,
            "pinned": trace.pinned,
            "expirationDate": None if one.valid_to is None else second(one.valid_to),
            "vaultRefs": [],
            "speaker": origin.speaker,
            OURS: self._own(one, said, gists),
        }
        known = {name: value for name, value in line.items() if value is not None}
        return {**known, **{name: value for name, value in other.items() if name not in _FIXED}}

    def _own(self, one: Memory, said: Mapping[str, Any], gists: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
        """What the format has no place for."""
        sources = [made for id in one.provenance.derived_from for made in gists.get(id, (id,))]
        found = {
            "version": 1,
            "namespace": list(one.namespace[len(self.where.namespace) :]) or None,
            "kind": one.kind,
            "created_at": one.created_at.isoformat(),
            "valid_from": None if one.valid_from is None else one.valid_from.isoformat(),
            "valid_to": None if one.valid_to is None else one.valid_to.isoformat(),
            "subject": one.subject,
            "session": one.provenance.session,
            "key": None if one.key is None or one.id in self.names else one.key,
            "zone": one.zone,
            "expires_at": None if one.expires_at is None else one.expires_at.isoformat(),
            "visible_to": None if one.visible_to is None else list(one.visible_to),
            "metadata": dict(said) or None,
            "derived_from": [self._id(id) for id in dict.fromkeys(sources)] or None,
        }
        return {name: value for name, value in found.items() if value is not None}

    def _link(self, link: Link, gists: Mapping[str, tuple[str, ...]]) -> None:
        for parent in gists.get(link.parent, (link.parent,)):
            line = {"srcEpisodeID": self._id(link.child), "dstEpisodeID": self._id(parent)}
            weight = 1.0 if link.weight is None else link.weight
            self.put("items/episodeLink.jsonl", {**line, "linkType": _LINKS[link.relation], "weight": weight})

    def scopes(self) -> None:
        """A context for each namespace, and for those that it is in."""
        paths = {name[:end] for name in self.namespaces for end in range(1, len(name) + 1)}
        for path in sorted(paths):
            line = {"id": _scope(path), "label": path[-1], "archived": False, "createdAt": second(self.span[0])}
            self.put("items/context.jsonl", line | ({"parentID": _scope(path[:-1])} if path[:-1] else {}))

    def tombstones(self, receipts: Iterable[Receipt]) -> int:
        """A record for each that was forgotten here, or where something came from; returns how many."""
        found = told(self.store)
        given = (
            LedgerEntry(at=one.at, action="forget", ids=(*one.forgotten, *one.derived), reason="") for one in receipts
        )
        for one in erased([*self.store.ledger(), *given], self.names):
            found.setdefault(one.target, one)
        kept = [one for _, one in sorted(found.items()) if one.target not in self.written]
        for one in kept:
            self.put("audit/tombstones.jsonl", _tombstone(one))
        return len(kept)

    def close(self) -> str:
        """Writes the checksums and the manifest; returns the digest of the whole."""
        files = []
        for path, one in sorted(self.streams.items()):
            one.stream.flush()
            os.fsync(one.stream.fileno())
            one.stream.close()
            files.append({"path": path, "sha256": one.sha.hexdigest(), "bytes": one.size})
        sums = "".join(f"{one['sha256']}  {one['path']}\n" for one in files).encode() or b"\n"
        digest = hashlib.sha256(sums).hexdigest()
        _whole_file(self.folder / "CHECKSUMS", sums)
        _whole_file(self.folder / "manifest.json", canonical_json(self._manifest(files, digest)).encode())
        return digest

    def _manifest(self, files: list[dict[str, Any]], digest: str) -> dict[str, Any]:
        card = self.store.embedder
        found: dict[str, Any] = {
            "format": FORMAT,
            "specURL": SPEC,
            "generator": f"memoria/{__version__}",
            "conformanceLevel": LEVEL,
            "createdAt": second(self.at),
            "exportMode": "full",
            "schemaVersion": 1,
            "embeddingModel": card.name,
            "embeddingDim": card.dimension,
            "embeddingsIncluded": False,
            "capabilities": ["bitemporal", "ext", "redaction", "tombstones"],
            "counts": self.counts,
            "files": files,
            "bundleDigest": digest,
        }
        if self.span:
            found["coverage"] = {"from": second(self.span[0]), "to": second(self.span[1])}
        scopes = sorted({_scope(name[:end]) for name in self.namespaces for end in range(1, len(name) + 1)})
        return found | ({"scopes": scopes} if scopes else {})


# Fields that say what a memory is; no foreign field of the same name takes their place.
_FIXED = frozenset(
    [
        "id",
        "eventTime",
        "mentionTime",
        "ingestionTime",
        "summary",
        "details",
        "metadata",
        "contextID",
        "categories",
        OURS,
    ]
)


def _tombstone(one: Tombstone) -> dict[str, Any]:
    lists = ("sentenceIDs", "factIDs", "edgeIDs", "entityIDs", "chunkIDs", "embeddingCacheKeys")
    named = hashlib.blake2b(one.target.encode(), digest_size=12).hexdigest()
    return {
        "id": f"tomb_{named}",
        "op": one.op,
        "targetKind": one.kind,
        "targetID": one.target,
        "deletedAt": second(one.at),
        "actor": "memoria",
        "derived": {**{name: [] for name in lists}, "episodeLinkCount": 0},
    }


def _scope(path: Namespace) -> str:
    """The id of a namespace, the same in every bundle."""
    return "ctx_" + hashlib.blake2b(json.dumps(path).encode(), digest_size=12).hexdigest()


def _shortened(text: str) -> str:
    """The first line of a text, cut where it is long."""
    line = next(iter(text.strip().splitlines()), "")
    return line if len(line) <= _SUMMARY else line[:_SUMMARY] + "\u2026"


def _whole_file(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def receipts_of(text: str) -> Iterator[Receipt]:
    """Receipts as `memoria forget --json` prints them, one or a list; raises InvalidQuery for anything else."""
    try:
        found = json.loads(text)
        rows = found if isinstance(found, list) else [found]
        for row in rows:
            yield Receipt(
                asked={},
                forgotten=tuple(map(str, row["forgotten"])),
                derived=tuple(map(str, row.get("derived", ()))),
                namespaces=0,
                at=datetime.fromisoformat(row["at"]),
                seconds=0.0,
            )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InvalidQuery("a receipt is not what `memoria forget --json` prints") from None

"""A `.mem` bundle (Portable Memory 1): a folder or an archive with a manifest, a stream for each kind, and tombstones.

The whole bundle is verified before anything of it is read as a memory: the manifest, the checksum of every file, and
that no file is there which the manifest does not name. Every memory has the key "mem:" and its id in the bundle.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, cast

from memoria.errors import InvalidMemory
from memoria.remember import Draft
from memoria.transfer.foreign.items import (
    Found,
    Item,
    Options,
    Skipped,
    an_object,
    called,
    guarded,
    key_of,
    known,
    name_of,
    need,
    take,
    when,
)
from memoria.transfer.foreign.parts import Part
from memoria.types import KINDS, Kind, Namespace, Provenance

WANTED = re.compile(r".+")
MAJOR = "1"
OURS = "memoria"
"""The foreign field of an episode in which memoria writes what the format has no place for."""
_FOLDERS = ("items/", "audit/", "embeddings/")
_LONGEST_LINE = 8 << 20
_CHUNK = 1 << 20
_SUM = re.compile(r"[0-9a-f]{64}")
# Kinds that say nothing by themselves, or that no memory can hold so that `forget` reaches it.
_LEFT = {
    "entity": "an entity: what is said of it in its summary, or in relations, is taken",
    "context": "a scope: it names the namespace of what is in it",
    "category": "a category: those of episodes are tags",
    "factLink": "a link",
    "episodeLink": "a link",
    "community": "a cluster, which is made anew",
    "secretRef": "a reference to a secret",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """A record that something was deleted.

    Attributes:
        target: the id of what was deleted.
        kind: of what kind it was there.
        at: when.
        op: whether its text was purged too: "delete" or "redact".
    """

    target: str
    kind: str
    at: datetime
    op: Literal["delete", "redact"] = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle that was verified. manifest: its manifest. files: the parts by their path in it."""

    manifest: Mapping[str, Any]
    files: Mapping[str, Part]

    def lines(self, path: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """(number, object) of each line of a stream; nothing where there is no such file."""
        if path not in self.files:
            return
        with self.files[path].open() as stream:
            number = 0
            while line := stream.readline(_LONGEST_LINE):
                number += 1
                if len(line) == _LONGEST_LINE:
                    raise InvalidMemory(f"line {number} is longer than {_LONGEST_LINE >> 20} MiB")
                if line.strip():
                    yield number, _object(line, number)


def _object(line: bytes, number: int) -> dict[str, Any]:
    try:
        return an_object(json.loads(line))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise InvalidMemory(f"line {number} is not JSON in UTF-8") from None


def verified(parts: Sequence[Part]) -> Bundle:
    """A bundle whose files are what its manifest says; raises InvalidMemory, and names the file and the rule."""
    manifests = [one for one in parts if one.name.rpartition("/")[2] == "manifest.json"]
    if not manifests:
        raise InvalidMemory("this has no manifest.json: it is no .mem bundle")
    top = min(manifests, key=lambda one: len(one.name)).name.removesuffix("manifest.json")
    files = {one.name.removeprefix(top): one for one in parts if one.name.startswith(top)}
    manifest = _manifest(files["manifest.json"])
    listed = _listed(manifest)
    for path, (digest, size) in listed.items():
        if path not in files or files[path].outside:
            raise InvalidMemory(f"{path} is in the manifest and not in the bundle")
        if _digest(files[path]) != (digest, size):
            raise InvalidMemory(f"{path} is not what the manifest says: its checksum or its length differs")
    for path in files:
        if path.startswith(_FOLDERS) and path not in listed:
            raise InvalidMemory("a file in the bundle is not in its manifest")
    return Bundle(manifest=manifest, files={path: files[path] for path in listed})


def _manifest(part: Part) -> dict[str, Any]:
    with part.open() as stream:
        raw = stream.read(_LONGEST_LINE + 1)
    if len(raw) > _LONGEST_LINE:
        raise InvalidMemory("manifest.json is too long")
    try:
        found = an_object(json.loads(raw))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise InvalidMemory("manifest.json is not JSON in UTF-8") from None
    version = need(found, "format", str)
    if version.partition(".")[0] != MAJOR:
        raise InvalidMemory(f"the bundle is of a format that is not {MAJOR}.x")
    return found


def _listed(manifest: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    """Checksum and length of each file by its path; raises InvalidMemory for a path that leaves the bundle."""
    found: dict[str, tuple[str, int]] = {}
    for one in need(manifest, "files", list):
        row = an_object(one)
        path, digest, size = need(row, "path", str), need(row, "sha256", str), need(row, "bytes", int)
        inside = not path.startswith(("/", "~")) and not {"..", ".", ""} & set(path.split("/"))
        if not inside or "\\" in path or ":" in path:
            raise InvalidMemory("the manifest names a path that is not inside the bundle")
        if not _SUM.fullmatch(digest):
            raise InvalidMemory("a checksum in the manifest is not 64 hexadecimal digits")
        found[path] = (digest, size)
    return found


def _digest(part: Part) -> tuple[str, int]:
    sha, size = hashlib.sha256(), 0
    with part.open() as stream:
        while chunk := stream.read(_CHUNK):
            sha.update(chunk)
            size += len(chunk)
    return sha.hexdigest(), size


def tombstones(bundle: Bundle) -> Iterator[Tombstone]:
    """What was deleted where the bundle comes from; raises InvalidMemory for what is malformed."""
    for number, row in bundle.lines("audit/tombstones.jsonl"):
        try:
            op = need(row, "op", str)
            if op not in ("delete", "redact"):
                raise InvalidMemory("op is neither delete nor redact")
            at = when(need(row, "deletedAt", str), Options().zone, "deletedAt")
            assert at is not None
            target, kind = need(row, "targetID", str), need(row, "targetKind", str)
            derived = take(row, "derived", dict) or {}
            yield Tombstone(target=target, kind=kind, at=at, op=cast("Literal['delete', 'redact']", op))
            for name, other in (
                ("factIDs", "fact"),
                ("edgeIDs", "edge"),
                ("entityIDs", "entity"),
                ("chunkIDs", "chunk"),
            ):
                for id in take(derived, name, list) or ():
                    if isinstance(id, str):
                        yield Tombstone(target=id, kind=other, at=at, op=cast("Literal['delete', 'redact']", op))
        except InvalidMemory as error:
            raise InvalidMemory(f"tombstones, line {number}: {'; '.join(error.violations)}") from None


def read_all(parts: Sequence[Part], options: Options) -> Found:
    """What becomes memories, parents before what was made of them; tombstones are the importer's to apply first."""
    bundle = verified(parts)
    for _ in tombstones(bundle):
        pass
    scopes = _scopes(bundle)
    names = {row["id"]: row for _, row in bundle.lines("items/entity.jsonl") if isinstance(row.get("id"), str)}
    for kind, make in _KINDS.items():
        path = f"items/{kind}.jsonl"
        for number, row in bundle.lines(path):
            place = f"{kind} {number}"
            yield from guarded(place, _placed(make, row, place, options, scopes, names))
    for path in sorted(bundle.files):
        kind = path.removeprefix("items/").removesuffix(".jsonl")
        if path.startswith("items/") and kind not in _KINDS:
            why = _LEFT.get(kind, "of a kind that only its vendor knows, which `forget` could not reach")
            yield from (Skipped(place=f"{kind} {number}", why=why) for number, _ in bundle.lines(path))


def _placed(
    make: Callable[..., Item | Skipped],
    row: dict[str, Any],
    place: str,
    options: Options,
    scopes: Mapping[str, Namespace],
    names: Mapping[str, Any],
) -> Found:
    made = make(row, place, options, names)
    if isinstance(made, Item):
        scope = name_of(row, "contextID")
        if scope is not None:
            made = replace(made, under=scopes.get(scope) or _own_namespace(row) or (_part(scope),))
    yield made


def _own_namespace(row: Mapping[str, Any]) -> Namespace:
    """The namespace that memoria wrote into an episode, for a bundle that lost its scopes on the way."""
    own = row.get(OURS)
    parts = own.get("namespace") if isinstance(own, dict) else None
    return tuple(_part(one) for one in parts if isinstance(one, str) and one) if isinstance(parts, list) else ()


def _scopes(bundle: Bundle) -> dict[str, Namespace]:
    """The namespace of each context: the labels from the outermost one inwards."""
    rows = {row["id"]: row for _, row in bundle.lines("items/context.jsonl") if isinstance(row.get("id"), str)}
    found: dict[str, Namespace] = {}
    for id in rows:
        path: list[str] = []
        seen: set[str] = set()
        at: str | None = id
        while at is not None and at in rows and at not in seen:
            seen.add(at)
            path.insert(0, _part(name_of(rows[at], "label") or at))
            at = name_of(rows[at], "parentID")
        found[id] = tuple(path)
    return found


def _part(label: str) -> str:
    """A label as a part of a namespace, which has no stroke."""
    return label.replace("/", "\u2215")


def key(id: str) -> str:
    """The key of what has this id in a bundle."""
    return key_of("mem", id)


def _episode(row: dict[str, Any], place: str, options: Options, _: Mapping[str, Any]) -> Item | Skipped:
    id = need(row, "id", str)
    if row.get("deletedAt") is not None:
        return Skipped(place=place, why="deleted where it comes from")
    ours = row.get(OURS)
    own: dict[str, Any] = ours if isinstance(ours, dict) else {}
    summary, details = take(row, "summary", str) or "", take(row, "details", str) or ""
    text = details if summary.strip().removesuffix("\u2026") in details else f"{summary}\n\n{details}".strip()
    if not text.strip():
        return Skipped(place=place, why="no text")
    kind = own.get("kind", "episodic")
    actors = [one for one in take(row, "actors", list) or () if isinstance(one, str) and one.strip()]
    draft = Draft(
        text=text,
        kind=cast("Kind", kind if kind in KINDS else "episodic"),
        created_at=when(own.get("created_at") or row.get("eventTime"), options.zone, "eventTime"),
        valid_from=when(own.get("valid_from"), options.zone, "valid_from"),
        valid_to=when(own.get("valid_to") or row.get("expirationDate"), options.zone, "expirationDate"),
        salience=_unit(row.get("importance")),
        subject=own["subject"] if isinstance(own.get("subject"), str) else (None if own else next(iter(actors), None)),
        tags=[one for one in take(row, "categories", list) or () if isinstance(one, str) and one.strip()],
        key=key(id),
        provenance=Provenance(
            source=take(row, "sourceType", str) or "mem",
            speaker=name_of(row, "speaker"),
            session=name_of(own, "session") or name_of(row, "sourceID"),
        ),
        metadata=_kept(row, own),
        expires_at=when(own.get("expires_at"), options.zone, "expires_at"),
        visible_to=take(own, "visible_to", list),
    )
    sources = tuple(one for one in own.get("derived_from", ()) if isinstance(one, str))
    return Item(draft=draft, place=place, there=id, sources=tuple(map(key, sources)))


# What a memory has a place for; all other fields of an episode are kept as metadata under "mem".
_NAMES = (
    "id eventTime mentionTime ingestionTime sourceType sourceID actors summary details deletedAt metadata contextID "
    "categories importance speaker expirationDate accessCount lastAccessed extractionState pinned memoria"
)
_CARRIED = frozenset(_NAMES.split())


def _kept(row: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of an episode, and under "mem" the fields that a memory has no place for."""
    said = own["metadata"] if isinstance(own.get("metadata"), dict) else take(row, "metadata", dict) or {}
    plain = {"confidence": 1, "sensitivity": "unspecified", "lifecycleState": "HOT", "vaultRefs": []}
    rest = {name: value for name, value in row.items() if name not in _CARRIED and plain.get(name) != value}
    other = known(actors=[] if own else (take(row, "actors", list) or [])[1:], key=own.get("key"))
    return {**said, **({"mem": {**rest, **other}} if rest or other else {})}


def _unit(value: object) -> float | None:
    """A number in [0, 1], None for none; raises InvalidMemory for what is no number."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidMemory(f"importance is {called(value)}, not a number")
    return min(max(float(value), 0.0), 1.0)


def _fact(row: dict[str, Any], place: str, options: Options, _: Mapping[str, Any]) -> Item | Skipped:
    id, episode = need(row, "id", str), need(row, "episodeID", str)
    words = (need(row, "subject", str), need(row, "predicate", str), need(row, "object", str))
    if row.get("prunedAt") is not None:
        return Skipped(place=place, why="pruned where it comes from")
    draft = Draft(
        text=(take(row, "text", str) or "").strip() or " ".join(words),
        kind="semantic",
        created_at=when(row.get("createdAt"), options.zone, "createdAt"),
        valid_from=when(row.get("tValidFrom"), options.zone, "tValidFrom"),
        valid_to=when(row.get("tValidTo"), options.zone, "tValidTo"),
        salience=_unit(row.get("importance")),
        subject=words[0] if words[0].strip() else None,
        key=key(id),
        provenance=Provenance(source="mem fact", speaker=name_of(row, "speaker")),
        metadata={"mem": known(predicate=words[1], object=words[2], confidence=row.get("confidence"))},
    )
    return Item(draft=draft, place=place, there=id, sources=(key(episode),))


def _edge(row: dict[str, Any], place: str, options: Options, names: Mapping[str, Any]) -> Item | Skipped:
    id, source, target = need(row, "id", str), need(row, "srcEntityID", str), need(row, "dstEntityID", str)
    one, other = (_entity_name(names, end) for end in (source, target))
    episodes = [name for name in take(row, "evidenceEpisodeIDs", list) or () if isinstance(name, str)]
    draft = Draft(
        text=" ".join((one, need(row, "edgeType", str).replace("_", " "), other)),
        kind="semantic",
        created_at=when(row.get("ingestionTime"), options.zone, "ingestionTime"),
        valid_from=when(row.get("tValidFrom"), options.zone, "tValidFrom"),
        valid_to=when(row.get("tValidTo"), options.zone, "tValidTo"),
        subject=one,
        key=key(id),
        provenance=Provenance(source="mem edge"),
        metadata={"mem": known(confidence=row.get("confidence"), object=other)},
    )
    return Item(
        draft=draft, place=place, there=id, sources=tuple(map(key, episodes)), parents=(key(source), key(target))
    )


def _entity_name(names: Mapping[str, Any], id: str) -> str:
    return name_of(names[id], "canonicalName") or id if id in names else id


def _entity(row: dict[str, Any], place: str, options: Options, _: Mapping[str, Any]) -> Item | Skipped:
    id, name, summary = need(row, "id", str), need(row, "canonicalName", str), take(row, "summary", str) or ""
    if not summary.strip():
        return Skipped(place=place, why=_LEFT["entity"])
    others = [one for one in take(row, "aliases", list) or () if isinstance(one, str)]
    draft = Draft(
        text=summary if name in summary else f"{name}: {summary}",
        kind="semantic",
        created_at=when(row.get("updatedAt"), options.zone, "updatedAt"),
        subject=name,
        key=key(id),
        provenance=Provenance(source="mem entity"),
        metadata={"mem": known(type=row.get("type"), aliases=others)},
    )
    return Item(draft=draft, place=place, there=id)


def _plain(kind: Kind, source: str, said: Callable[[dict[str, Any]], str], parent: str | None = None) -> Any:
    """Makes what reads a kind that has a text and little else."""

    def make(row: dict[str, Any], place: str, options: Options, _: Mapping[str, Any]) -> Item | Skipped:
        id = need(row, "key" if source == "preference" else "id", str)
        text = said(row).strip()
        if not text:
            return Skipped(place=place, why="no text")
        name = key(f"preference:{id}") if source == "preference" else key(id)
        draft = Draft(text=text, kind=kind, key=name, provenance=Provenance(source=f"mem {source}"))
        parents = (key(need(row, parent, str)),) if parent is not None else ()
        there = f"preference:{id}" if source == "preference" else id
        return Item(draft=draft, place=place, there=there, parents=parents)

    return make


def _steps(row: dict[str, Any]) -> str:
    steps = [one for one in take(row, "steps", list) or () if isinstance(one, str)]
    named = f"{need(row, 'name', str)} ({take(row, 'triggerPattern', str) or ''})".replace(" ()", "")
    return "\n".join([named, *(f"{number}. {step}" for number, step in enumerate(steps, 1))])


_KINDS: Mapping[str, Callable[..., Item | Skipped]] = {
    "preference": _plain("semantic", "preference", lambda row: f"{need(row, 'key', str)}: {need(row, 'value', str)}"),
    "core": _plain("semantic", "core", lambda row: need(row, "content", str)),
    "entity": _entity,
    "episode": _episode,
    "chunk": _plain("semantic", "chunk", lambda row: need(row, "text", str), "resourceID"),
    "edge": _edge,
    "fact": _fact,
    "procedure": _plain("procedural", "procedure", _steps),
}

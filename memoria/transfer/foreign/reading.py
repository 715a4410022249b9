"""read: what is in an export of another program, as drafts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from types import ModuleType
from typing import Literal, get_args

from memoria.errors import InvalidMemory, InvalidQuery
from memoria.transfer.foreign import chatgpt, claude, fields, langgraph, letta, lines, markdown, mem, mem0, table
from memoria.transfer.foreign.items import Found, Item, Options, Skipped, guarded
from memoria.transfer.foreign.parts import DAMAGE, Part, Source, opened
from memoria.types import Namespace
from memoria.validate import EPOCH, check_choice
from memoria.zones import ZoneLike, as_zone

Kind = Literal["chatgpt", "claude", "mem0", "langgraph", "letta", "mem", "csv", "markdown", "jsonl"]
"""Whose export it is, or the form that it has."""
KINDS: tuple[Kind, ...] = get_args(Kind)
_READERS: Mapping[Kind, ModuleType] = {
    "chatgpt": chatgpt,
    "claude": claude,
    "mem0": mem0,
    "langgraph": langgraph,
    "letta": letta,
    "mem": mem,
    "csv": table,
    "markdown": markdown,
    "jsonl": lines,
}
REPEATED = "its id, or all of it, came before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is read, and how: the arguments of `read`, checked."""

    kind: Kind
    source: Source
    options: Options
    speakers: Mapping[str, str]


def asked(
    kind: Kind,
    source: Source,
    *,
    everything: bool,
    columns: Mapping[str, str] | None,
    speakers: Mapping[str, str] | None,
    zone: ZoneLike,
) -> Asked:
    """The arguments of `read`, checked; raises InvalidQuery."""
    check_choice("kind", kind, KINDS)
    fields.check_columns(columns or {})
    if columns and kind not in ("csv", "jsonl"):
        raise InvalidQuery(f"columns are for csv and jsonl, not for {kind}")
    options = Options(zone=as_zone(zone) or UTC, everything=everything, columns=dict(columns or {}))
    return Asked(kind=kind, source=source, options=options, speakers=dict(speakers or {}))


def read(
    kind: Kind,
    source: Source,
    *,
    everything: bool = False,
    columns: Mapping[str, str] | None = None,
    speakers: Mapping[str, str] | None = None,
    zone: ZoneLike = None,
    skip_bad: bool = False,
    skipped: Callable[[Skipped], None] | None = None,
) -> Iterator[Item]:
    """Reads what becomes memories from an export of another program. Nothing is stored; `bring` does that.

    Args:
        kind: whose export it is: "chatgpt", "claude", "mem0", "langgraph" or "letta"; or its form: "mem" (Portable
            Memory), "csv", "markdown" or "jsonl".
        source: a file; a ZIP archive or a folder with such files; or a stream of bytes, which is read into memory.
        everything: also what people do not see in a conversation: other branches, messages of the system and of tools,
            thinking.
        columns: for "csv" and "jsonl", the names that our fields have there, such as {"text": "body"}; "" for none.
        speakers: other names for speakers, such as {"user": "Ada"}.
        zone: of times that have none; None is UTC.
        skip_bad: leaves out what is malformed, and all that comes after a place where the file itself is.
        skipped: called with everything that becomes no memory, and why.

    Yields:
        Items, each with its draft and the place where it was found, in the order of the file; each key once.

    Raises:
        InvalidQuery: `kind`, `columns` or `zone` is none that is known.
        InvalidMemory: something is malformed: its place and the rule, never its content.
    """
    wanted = asked(kind, source, everything=everything, columns=columns, speakers=speakers, zone=zone)
    for one in found(wanted):
        if isinstance(one, Item):
            yield one
            continue
        if one.bad and not skip_bad:
            raise InvalidMemory(f"{one.place}: {one.why}")
        if skipped is not None:
            skipped(one)


def found(wanted: Asked) -> Found:
    """Everything in a source: items that keep every rule, each key once, and what is left out."""
    keys: set[tuple[Namespace, str | None]] = set()
    reader = _READERS[wanted.kind]
    with opened(wanted.source, reader.WANTED) as parts:
        for part, some in _read(reader, parts, wanted.options):
            for one in guarded(part.name or "input", _undamaged(some)):
                made = _checked(_labelled(one, part), wanted)
                if isinstance(made, Item):
                    id = (made.under, made.draft.key)
                    made = Skipped(place=made.place, why=REPEATED) if id in keys else made
                    keys.add(id)
                yield made


def _read(reader: ModuleType, parts: list[Part], options: Options) -> Iterator[tuple[Part, Found]]:
    """Each file of an export with what is in it; a bundle of files is one."""
    if hasattr(reader, "read_all"):
        yield Part(name="bundle", label="", open=parts[0].open), reader.read_all(parts, options)
        return
    for part in parts:
        yield part, reader.read(part, options)


def _undamaged(found: Found) -> Found:
    """What is found, up to where an archive is damaged."""
    try:
        yield from found
    except DAMAGE:
        raise InvalidMemory("the archive is damaged or encrypted from here on") from None


def _labelled(one: Item | Skipped, part: Part) -> Item | Skipped:
    return one if not part.label else replace(one, place=f"{part.label}, {one.place}")


def _checked(one: Item | Skipped, wanted: Asked) -> Item | Skipped:
    """An item with the name of its speaker; what is wrong with it when it breaks a rule for memories."""
    if isinstance(one, Skipped):
        return one
    draft = one.draft
    speaker = wanted.speakers.get(draft.provenance.speaker or "")
    if speaker is not None:
        draft = replace(draft, provenance=replace(draft.provenance, speaker=speaker))
    try:
        draft.memory("0" * 32, one.under, draft.created_at or EPOCH)
    except InvalidMemory as error:
        return Skipped(place=one.place, why="; ".join(error.violations), bad=True)
    return replace(one, draft=draft)

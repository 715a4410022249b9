"""The door: what a memory must be to come in. Each check returns the rules that are broken."""

from __future__ import annotations

import json
import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from memoria.audience import Audience
from memoria.errors import InvalidMemory, InvalidQuery, shown
from memoria.metadata import MAX_PATH
from memoria.types import COUNT_LIMIT, KINDS, RECENT, Memory, Namespace, Provenance, Trace, Where
from memoria.zones import known_zone

if TYPE_CHECKING:
    from pydantic import ValidationError

MAX_TEXT_BYTES = 1 << 20
MAX_NAME_BYTES = 1024
MAX_METADATA_BYTES = 1 << 20
MAX_CRITERIA = 32
# Half of what readers of JSON go down to: a line of an export has levels of its own.
MAX_METADATA_DEPTH = 100
_LARGEST = (1 << 63) - 1
RANGES = {
    "stability": (1e-50, 1e50),
    "difficulty": (1.0, 10.0),
    "strength": (0.0, 1e50),
    "interference": (0.0, 1e50),
    "older": (0.0, 50.0),
}
"""Ranges of the numbers of a trace; decay rates have that of `older`. What a policy computes of them is finite."""
_COUNTS = ("retrievals", "lapses")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_memory(memory: Memory) -> Memory:
    """`memory` itself when it keeps every rule; raises InvalidMemory with all that it breaks."""
    violations = [*_memory_violations(memory)]
    if violations:
        raise InvalidMemory(*violations)
    return memory


def check_trace(trace: Trace) -> Trace:
    """`trace` itself when every store can keep it; raises InvalidMemory with all that it breaks."""
    violations = [*_trace_violations(trace)]
    if violations:
        raise InvalidMemory(*violations)
    return trace


def bounded(trace: Trace) -> Trace:
    """`trace`, with what a policy has driven beyond the range of its field put at the end of that range."""
    changed: dict[str, Any] = {name: _within(getattr(trace, name), *RANGES[name]) for name in RANGES}
    recent = tuple((time, _within(rate, *RANGES["older"])) for time, rate in trace.recent)
    counts = {name: min(getattr(trace, name), COUNT_LIMIT) for name in _COUNTS}
    return replace(trace, **changed, **counts, recent=recent)


def _within(number: float, least: float, most: float) -> float:
    return min(max(number, least), most)


def check_namespace(parts: Sequence[str]) -> Namespace:
    """A namespace tuple; raises InvalidQuery. Parts are non-empty and hold no "/", which joins them in print."""
    violations = [*_namespace_violations(parts)]
    if violations:
        raise InvalidQuery(*violations)
    return tuple(parts)


def check_where(where: Where) -> Where:
    """`where` itself when its names and times can occur in a memory; raises InvalidQuery."""
    violations = [*_namespace_violations(where.namespace), *_names_violations(where)]
    violations += [*_kinds_violations(where.kinds)]
    violations += [*_origin_violations(session=where.session, speaker=where.speaker)]
    violations += [*_criteria_violations(where.metadata)]
    violations += [*time_violations(since=where.since, until=where.until)]
    if violations:
        raise InvalidQuery(*violations)
    return where


def check_ids(given: object) -> list[str]:
    """The ids of what may be ids or memories, in order; raises InvalidQuery that names the type of anything else."""
    if isinstance(given, str | Memory) or not isinstance(given, Iterable):
        raise InvalidQuery(f"ids are {type(given).__name__}, not a sequence of ids or memories")
    return [_id_of(one) for one in given]


def _id_of(one: object) -> str:
    if isinstance(one, Memory):
        return one.id
    if not isinstance(one, str):
        raise InvalidQuery(f"an id is a str or a Memory, not {type(one).__name__}")
    return one


def tidy_tags(given: Any) -> Any:
    """Tags sorted, without repeats; what is no sequence of tags as it is, for the check to refuse."""
    if isinstance(given, str) or not isinstance(given, Sequence | set | frozenset):
        return given
    return tuple(sorted(set(given))) if all(isinstance(tag, str) for tag in given) else tuple(given)


def check_time(name: str, time: datetime | None) -> datetime | None:
    """`time` itself when it is None or an aware datetime; raises InvalidQuery."""
    violations = [*time_violations(**{name: time})]
    if violations:
        raise InvalidQuery(*violations)
    return time


def check_ttl(ttl: object, expires_at: object = None) -> timedelta | None:
    """`ttl` itself when it is None or a positive timedelta, and alone; raises InvalidMemory."""
    if ttl is None:
        return None
    if not isinstance(ttl, timedelta):
        raise InvalidMemory(f"ttl is {type(ttl).__name__}, not a timedelta")
    if ttl <= timedelta(0):
        raise InvalidMemory("ttl is not more than nothing")
    if expires_at is not None:
        raise InvalidMemory("expires_at and ttl are both given: one of them says when")
    return ttl


def check_number(name: str, value: object) -> float:
    """`value` itself when it is a number, not NaN; raises InvalidQuery."""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise InvalidQuery(f"{name} {shown(value)} is not a number")
    return value


def check_days(name: str, value: object) -> float | None:
    """`value` itself when it is None or a number of days > 0, which may be infinite; raises InvalidQuery."""
    if value is not None and check_number(name, value) <= 0:
        raise InvalidQuery(f"{name} {shown(value)} is not more than 0")
    return None if value is None else check_number(name, value)


def check_probability(name: str, value: object) -> float | None:
    """`value` itself when it is None or a number in [0, 1]; raises InvalidQuery."""
    if value is not None and not 0 <= check_number(name, value) <= 1:
        raise InvalidQuery(f"{name} {shown(value)} is not a probability: a number from 0 to 1")
    return None if value is None else check_number(name, value)


def check_whole(name: str, value: object, least: int = 1) -> int:
    """`value` itself when it is a whole number of at least `least`; raises InvalidQuery."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidQuery(f"{name} {shown(value)} is not a whole number of at least {least}")
    return value


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Raises InvalidQuery unless `value` is one of `choices`."""
    if value not in choices:
        raise InvalidQuery(f"{name} {shown(value)} is not one of {', '.join(choices)}")


def check_flag(name: str, value: bool | None) -> bool | None:
    """`value` itself when it is True, False or None; raises InvalidQuery."""
    if value is not None and not isinstance(value, bool):
        raise InvalidQuery(f"{name} is {type(value).__name__}, not True, False or None")
    return value


def check_name(name: str, value: str) -> str:
    """`value` itself when it is a str that says something, at most 1 KiB of UTF-8; raises InvalidQuery."""
    violations = [*text_violations(value, name, MAX_NAME_BYTES)]
    if violations:
        raise InvalidQuery(*violations)
    return value


def line_violations(number: int, error: ValidationError, fields: Container[str]) -> list[str]:
    """The rules that line `number` of a file breaks. Only `fields` are named: any other name is content of the file."""
    found = []
    for one in error.errors(include_input=False, include_context=False):
        place = ".".join(str(part) for part in one["loc"] if isinstance(part, int) or part in fields)
        rule = one["msg"].replace(" at line 1 column", " at column")
        found.append(f"line {number}: {place}: {rule}" if place else f"line {number}: {rule}")
    return found


def _memory_violations(memory: Memory) -> Iterator[str]:
    yield from text_violations(memory.text, "text", MAX_TEXT_BYTES)
    yield from _namespace_violations(memory.namespace)
    yield from _names_violations(memory)
    if memory.kind not in KINDS:
        yield f"kind {shown(memory.kind)} is not one of {', '.join(KINDS)}"
    if not isinstance(memory.salience, int | float):
        yield f"salience is {type(memory.salience).__name__}, not a number"
    elif not 0 <= memory.salience <= 1:
        yield f"salience {memory.salience!r} is not in [0, 1]"
    yield from time_violations(created_at=memory.created_at, valid_from=memory.valid_from, valid_to=memory.valid_to)
    yield from time_violations(expires_at=memory.expires_at)
    if memory.zone is not None and (not isinstance(memory.zone, str) or known_zone(memory.zone) is None):
        yield f"zone {shown(memory.zone)} is no time zone"
    yield from _metadata_violations(memory.metadata)
    yield from _provenance_violations(memory.provenance)
    yield from _audience_violations(memory.visible_to)
    if memory.parts:
        yield from _parts_violations(memory)


def _parts_violations(gist: Memory) -> Iterator[str]:
    """Rules for the parts of a gist: memories of its namespace without parts, each once, oldest first."""
    for place, part in enumerate(gist.parts):
        yield from (f"part {place}: {violation}" for violation in _memory_violations(replace(part, parts=())))
        if part.parts:
            yield f"part {place} has parts itself"
        if part.namespace != gist.namespace:
            yield f"part {place} is not of the namespace of its gist"
        if part.visible_to != gist.visible_to:
            yield f"part {place} is not visible to the same people as its gist"
        if not is_id(part.id):
            yield f"part {place} has an id that is not 32 hexadecimal digits"
    ids = [part.id for part in gist.parts]
    if len({gist.id, *ids}) <= len(ids):
        yield "an id is that of two parts, or of the gist and a part"
    times = [(part.created_at, part.id) for part in gist.parts if in_utc(part.created_at)]
    if times != sorted(times):
        yield "parts are not in the order of their times"


def _audience_violations(names: object) -> Iterator[str]:
    """Rules for who may see a memory: None, or names."""
    if names is None:
        return
    if not isinstance(names, tuple):
        yield f"visible_to is {type(names).__name__}, not a sequence of names"
        return
    for name in names:
        yield from text_violations(name, "name in visible_to", MAX_NAME_BYTES)


def check_audience(names: Audience) -> Audience:
    """`names` itself when it says who may see a memory; raises InvalidMemory, which does not tell them."""
    violations = [*_audience_violations(names)]
    if violations:
        raise InvalidMemory(*violations)
    return names


def check_reader(name: object) -> str:
    """`name` itself when it can be the name of a reader or of a role; raises InvalidQuery, which does not tell it."""
    violations = [*text_violations(name, "reader", MAX_NAME_BYTES)]
    if violations:
        raise InvalidQuery(*violations)
    return str(name)


def _trace_violations(trace: Trace) -> Iterator[str]:
    """Rules for a trace, whether a policy or a file made it."""
    seen = {f"presentation {place}": time for place, (time, _) in enumerate(trace.recent)}
    yield from time_violations(
        last_retrieved=trace.last_retrieved, encoded_at=trace.encoded_at, fades_at=trace.fades_at, **seen
    )
    numbers = [(name, getattr(trace, name), RANGES[name]) for name in RANGES]
    numbers += [(f"decay rate {place}", rate, RANGES["older"]) for place, (_, rate) in enumerate(trace.recent)]
    for name, number, (least, most) in numbers:
        if not isinstance(number, int | float) or not least <= number <= most:
            yield f"{name} {shown(number)} is not a number from {least:g} to {most:g}"
    for name in _COUNTS:
        count = getattr(trace, name)
        if not isinstance(count, int) or not 0 <= count <= COUNT_LIMIT:
            yield f"{name} {shown(count)} is not a whole number from 0 to {COUNT_LIMIT:,}"
    if len(trace.recent) > RECENT:
        yield f"recent has {len(trace.recent)} presentations, the limit is {RECENT}"


def text_violations(text: object, name: str, limit: int) -> Iterator[str]:
    """Rules for text: a non-empty str, no NUL, no lone surrogates, at most `limit` bytes of UTF-8."""
    if not isinstance(text, str):
        yield f"{name} is {type(text).__name__}, not str"
        return
    if not text.strip():
        yield f"{name} is empty"
    if "\0" in text:
        yield f"{name} holds NUL at {text.index(chr(0))}"
    yield from _unicode_violations(text, name, limit)


def _unicode_violations(text: str, name: str, limit: int) -> Iterator[str]:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        yield f"{name} holds a lone surrogate at {error.start}: it has no UTF-8 form"
        return
    if size > limit:
        yield f"{name} is {size:,} bytes of UTF-8, the limit is {limit:,}"


def _namespace_violations(parts: object) -> Iterator[str]:
    if isinstance(parts, str) or not isinstance(parts, Sequence):
        yield f"namespace {shown(parts)} is not a sequence of parts"
        return
    for part in parts:
        yield from text_violations(part, "namespace part", MAX_NAME_BYTES)
        if isinstance(part, str) and "/" in part:
            yield f"namespace part {part!r} holds '/', which joins parts"


def _names_violations(named: Memory | Where) -> Iterator[str]:
    if named.subject is not None:
        yield from text_violations(named.subject, "subject", MAX_NAME_BYTES)
    if named.key is not None:
        yield from text_violations(named.key, "key", MAX_NAME_BYTES)
    if isinstance(named.tags, str):
        yield "tags is one str, not a sequence of tags"
        return
    if not isinstance(named.tags, Sequence):
        yield f"tags is {type(named.tags).__name__}, not a sequence of tags"
        return
    for tag in named.tags:
        yield from text_violations(tag, "tag", MAX_NAME_BYTES)


def _kinds_violations(kinds: object) -> Iterator[str]:
    if isinstance(kinds, str) or not isinstance(kinds, Sequence):
        yield f"kinds {shown(kinds)} is not a sequence of kinds"
        return
    yield from (f"kind {shown(kind)} is not one of {', '.join(KINDS)}" for kind in kinds if kind not in KINDS)


def time_violations(**times: datetime | None) -> Iterator[str]:
    """Rules for times by name: aware, in UTC between the years 1 and 9999, and ends after their beginnings."""
    aware = {name: time for name, time in times.items() if time is not None and _is_aware(time)}
    for name, time in times.items():
        if time is not None and name not in aware:
            yield f"{name} {shown(time)} is not an aware datetime: give it a time zone"
        elif time is not None and not in_utc(time):
            yield f"{name} {shown(time)} is before the year 1 or after 9999 in UTC"
    if "created_at" in aware and aware["created_at"] < EPOCH:
        yield f"created_at {aware['created_at']} is before 1970"
    for start, end in (("valid_from", "valid_to"), ("since", "until")):
        if start in aware and end in aware and aware[start] >= aware[end]:
            yield f"{start} {aware[start]} is not before {end} {aware[end]}"


def _is_aware(time: object) -> bool:
    # A zone that does not say how far it is from UTC is none.
    return isinstance(time, datetime) and time.utcoffset() is not None


def in_utc(time: datetime) -> bool:
    """Whether an aware time has a form in UTC: near the first and the last day of all, some zones have none."""
    try:
        time.astimezone(UTC)
    except OverflowError:
        return False
    return True


def _nested_violations(value: object) -> Iterator[str]:
    """Rules for what JSON can hold and not every reader of it can read: depth, and whole numbers."""
    layer: list[object] = [value]
    for _ in range(MAX_METADATA_DEPTH + 1):
        if any(isinstance(one, int) and not -_LARGEST - 1 <= one <= _LARGEST for one in layer):
            yield f"metadata holds a whole number beyond {-_LARGEST - 1} to {_LARGEST}"
            return
        # By identity: what is named many times is looked at once.
        inner = {id(one): one for outer in layer for one in _inside(outer)}
        layer = list(inner.values())
        if not layer:
            return
    yield f"metadata is nested deeper than {MAX_METADATA_DEPTH} levels"


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def _metadata_violations(metadata: object) -> Iterator[str]:
    if not isinstance(metadata, Mapping):
        yield f"metadata is {type(metadata).__name__}, not a mapping"
        return
    violations = [*_nested_violations(metadata)]
    if violations:
        yield from violations
        return
    try:
        encoded = json.dumps(dict(metadata), allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        yield f"metadata is not a JSON object: {error}"
        return
    if json.loads(encoded) != dict(metadata):
        yield "metadata does not come back from JSON as it went in: keys must be str, sequences lists"
    if len(encoded) > MAX_METADATA_BYTES:
        yield f"metadata is {len(encoded):,} bytes of JSON, the limit is {MAX_METADATA_BYTES:,}"


def _criteria_violations(criteria: object) -> Iterator[str]:
    """Rules for metadata that is asked for; of paths and values, which are content, none is named."""
    if not isinstance(criteria, Mapping):
        yield f"metadata is {type(criteria).__name__}, not a mapping of paths to values"
        return
    if len(criteria) > MAX_CRITERIA:
        yield f"metadata asks for {len(criteria)} values, the limit is {MAX_CRITERIA}"
    for path, value in criteria.items():
        yield from _path_violations(path)
        if not isinstance(value, str | int | float | None):
            yield f"metadata value is {type(value).__name__}, not str, int, float, bool or None"
        elif isinstance(value, str):
            yield from _unicode_violations(value, "metadata value", MAX_METADATA_BYTES)
        elif isinstance(value, float) and not math.isfinite(value):
            yield "metadata value is no finite number, and no metadata holds one"


def _path_violations(path: object) -> Iterator[str]:
    if not isinstance(path, str):
        yield f"metadata path is {type(path).__name__}, not str"
        return
    yield from _unicode_violations(path, "metadata path", MAX_METADATA_BYTES)
    if len(path) > MAX_PATH:
        yield f"metadata path is {len(path):,} characters, the limit is {MAX_PATH:,}"


def _provenance_violations(provenance: object) -> Iterator[str]:
    if not isinstance(provenance, Provenance):
        yield f"provenance is {type(provenance).__name__}, not a Provenance"
        return
    named = {"source": provenance.source, "speaker": provenance.speaker, "session": provenance.session}
    yield from _origin_violations(**{f"provenance {name}": value for name, value in named.items()})
    if isinstance(provenance.derived_from, str) or not isinstance(provenance.derived_from, Sequence):
        yield f"provenance derived_from is {type(provenance.derived_from).__name__}, not a sequence of ids"
        return
    for parent in provenance.derived_from:
        if not is_id(parent):
            yield f"provenance derived_from {shown(parent)} is not an id of 32 hexadecimal digits"
    yield from _used_violations(provenance)


def _used_violations(provenance: Provenance) -> Iterator[str]:
    """What was used was shown: what is derived from it would outlive it otherwise."""
    used = provenance.used
    if used is not None and (isinstance(used, str) or not isinstance(used, Sequence)):
        yield f"provenance used is {type(used).__name__}, not a sequence of ids, or None"
        return
    for one in used or ():
        if one not in provenance.derived_from:
            yield f"provenance used {shown(one)} is not in derived_from"


def _origin_violations(**names: str | None) -> Iterator[str]:
    for name, value in names.items():
        if value is not None:
            yield from text_violations(value, name, MAX_NAME_BYTES)


def is_id(value: object) -> bool:
    """Whether `value` has the form of a memory id: 32 lower-case hexadecimal digits."""
    return isinstance(value, str) and len(value) == 32 and set(value) <= set("0123456789abcdef")

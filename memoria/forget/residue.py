"""Residue: searches files for bytes that should be gone.

Any run of 15 bytes or more, at any alignment, contains one whole aligned 8-byte word of the file. So every 8-byte gram
of every needle goes into a table, the file is read as words, and only words in the table are compared in full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.protocols import Progress
from memoria.types import Secret, Verification

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK = 1 << 26
_WORD = 8
_SHORT = 15
_TABLE_BITS = 24
_MIX = 0x9E3779B97F4A7C15
_DISTINCT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """A needle that was found.

    Attributes:
        label: what it is, without content, such as "text utf-8".
        needle: its number among those that were looked for, from 0.
        path: the file.
        offset: where it first occurs in the file, in bytes.
    """

    label: str
    needle: int
    path: Path
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Residue:
    """What a scan read and found.

    Attributes:
        files: how many were read.
        bytes_scanned: how many bytes they have.
        needles: how many byte strings were looked for.
        found: a find for each needle and file.
    """

    files: int
    bytes_scanned: int
    needles: int
    found: tuple[Find, ...]

    def verification(self) -> Verification:
        """The counts, for a receipt.

        Returns:
            Counts, in which `found` is of needles and not of places.
        """
        return Verification(
            files=self.files,
            bytes_scanned=self.bytes_scanned,
            needles=self.needles,
            found=len({find.needle for find in self.found}),
        )


def text_secrets(text: str) -> list[Secret]:
    """A text in the forms in which a file could contain it: UTF-8, UTF-16 of both orders, JSON if that differs."""
    import json

    forms = {
        "text utf-8": text.encode(),
        "text utf-16": text.encode("utf-16-le"),
        "text utf-16 be": text.encode("utf-16-be"),
        "text json": json.dumps(text, ensure_ascii=False)[1:-1].encode(),
        "text json ascii": json.dumps(text)[1:-1].encode(),
    }
    # The first form of each is named.
    return list({data: Secret(label=label, data=data) for label, data in reversed(forms.items())}.values())[::-1]


def scan(
    files: Iterable[Path], needles: Sequence[Secret], *, chunk: int = CHUNK, progress: Progress | None = None
) -> Residue:
    """Reads every byte of `files` and looks for `needles`; a file that vanishes meanwhile is not counted.

    progress: is told bytes read of all ("scan"), and files of all ("scan files").
    """
    paths = list(files)
    total = sum(path.stat().st_size for path in paths if path.exists())
    table = _Table(needles)
    count, read, found = 0, 0, []
    if progress is not None:
        progress("scan", 0, total)
        progress("scan files", 0, len(paths))
    for done, path in enumerate(paths, 1):
        try:
            hits, size = _scan_file(path, table, chunk, _beyond(progress, read, total))
        except FileNotFoundError:
            continue
        found += hits
        count, read = count + 1, read + size
        if progress is not None:
            progress("scan", read, max(total, read))
            progress("scan files", done, len(paths))
    return Residue(files=count, bytes_scanned=read, needles=len(needles), found=tuple(found))


def _beyond(progress: Progress | None, before: int, total: int) -> Callable[[int], None]:
    """Tells how much is read within a file."""
    if progress is None:
        return lambda read: None
    return lambda read: progress("scan", before + read, max(total, before + read))


def _scan_file(path: Path, table: _Table, chunk: int, told: Callable[[int], None]) -> tuple[list[Find], int]:
    overlap = table.longest + _WORD
    first: dict[int, int] = {}
    start = 0
    with path.open("rb") as file:
        held = b""
        while part := file.read(chunk):
            data = held + part
            base = start - len(held)
            for needle, offset in table.find(data):
                first.setdefault(needle, base + offset)
            start += len(part)
            told(start)
            # Enough of the end is kept that a match across two chunks is found.
            held = data[-overlap:] if overlap < len(data) else data
    finds = [
        Find(label=table.needles[needle].label, needle=needle, path=path, offset=offset)
        for needle, offset in sorted(first.items())
    ]
    return finds, start


class _Table:
    """The 8-byte grams of all needles, sorted for look-up; a bit table of hashes rules out most words first."""

    def __init__(self, needles: Sequence[Secret]) -> None:
        import numpy as np

        self.needles = needles
        self.longest = max((len(needle.data) for needle in needles), default=0)
        runs = [len(needle.data) if needle.run is None else min(needle.run, len(needle.data)) for needle in needles]
        self._runs = runs
        self._short = [n for n, run in enumerate(runs) if run < _SHORT]
        grams = [_grams(needle.data) for n, needle in enumerate(needles) if runs[n] >= _SHORT]
        owners = [n for n, run in enumerate(runs) if run >= _SHORT]
        self._grams = np.concatenate(grams) if grams else np.zeros(0, np.uint64)
        lengths = [len(gram) for gram in grams]
        self._owner = np.repeat(np.array(owners, np.int64), lengths)
        self._at = np.concatenate([np.arange(n) for n in lengths]) if grams else np.zeros(0, np.int64)
        order = np.argsort(self._grams, kind="stable")
        self._grams, self._owner, self._at = self._grams[order], self._owner[order], self._at[order]
        self._seen = np.zeros(1 << _TABLE_BITS, np.bool_)
        self._seen[_hash(self._grams)] = True

    def find(self, data: bytes) -> Iterator[tuple[int, int]]:
        """(needle, offset) of matches in `data`."""
        import numpy as np

        for n in self._short:
            at = data.find(self.needles[n].data)
            if at >= 0:
                yield n, at
        if not len(self._grams):
            return
        words = np.frombuffer(data, np.uint64, len(data) // _WORD)
        likely = np.flatnonzero(self._seen[_hash(words)])
        left = np.searchsorted(self._grams, words[likely], "left")
        right = np.searchsorted(self._grams, words[likely], "right")
        for word, low, high in zip(likely[right > left], left[right > left], right[right > left], strict=True):
            for gram in range(low, high):
                needle, at = int(self._owner[gram]), int(self._at[gram])
                offset = _run(data, int(word) * _WORD, self.needles[needle].data, at, self._runs[needle])
                if offset is not None:
                    yield needle, offset


def _grams(data: bytes) -> NDArray[Any]:
    """The 8-byte words of `data` at every offset, as uint64."""
    import numpy as np

    windows = np.lib.stride_tricks.sliding_window_view(np.frombuffer(data, np.uint8), _WORD)
    return np.ascontiguousarray(windows).view(np.uint64)[:, 0]


def _hash(words: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    return (words * np.uint64(_MIX)) >> np.uint64(64 - _TABLE_BITS)


def _run(data: bytes, place: int, needle: bytes, at: int, run: int) -> int | None:
    """The offset in `data` of the matching run around a word that matches; None if it is shorter than `run` bytes.

    place, at: offsets of the word in `data` and in the needle. A run of fewer than 4 distinct bytes, such as padding,
    does not count unless it is the whole needle.
    """
    start, end = at, at + _WORD
    shift = place - at
    while start > 0 and start + shift > 0 and needle[start - 1] == data[start - 1 + shift]:
        start -= 1
    while end < len(needle) and end + shift < len(data) and needle[end] == data[end + shift]:
        end += 1
    if end - start < run:
        return None
    telling = len(set(needle[start:end])) >= _DISTINCT or end - start == len(needle)
    return start + shift if telling else None

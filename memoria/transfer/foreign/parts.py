"""Where the bytes of an export are: a file, a stream, a ZIP archive, or a folder."""

from __future__ import annotations

import io
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

from memoria.errors import InvalidMemory, InvalidQuery

Source = str | os.PathLike[str] | bytes | BinaryIO
"""A path, the bytes themselves, or a stream of them."""
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)
"""What reading a member of a damaged or encrypted archive raises."""
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file of an export.

    Attributes:
        name: its name; "" for a stream.
        label: its name when it is one of several, otherwise "".
        open: its bytes from the start, any number of times.
        outside: whether it is a link, or lies behind one that leads out of the folder.
    """

    name: str
    label: str
    open: Callable[[], io.BufferedReader]
    outside: bool = False


def held(source: Source) -> str | os.PathLike[str] | bytes:
    """A source that can be read several times: a stream is read into memory."""
    if isinstance(source, str | os.PathLike | bytes):
        return source
    return source.read()


@contextmanager
def opened(source: Source, wanted: re.Pattern[str]) -> Iterator[list[Part]]:
    """The files of an export. wanted: which names count in an archive or a folder.

    Raises InvalidQuery when a folder or an archive has none of them, InvalidMemory for a broken archive.
    """
    given = held(source)
    if isinstance(given, bytes):
        yield [Part(name="", label="", open=lambda: io.BufferedReader(io.BytesIO(given)))]
        return
    path = Path(given)
    if path.is_dir():
        found = _several(path.name, {name: _opener(path / name) for name in _under(path, wanted)})
        yield [replace(one, outside=_leaves(path, one.name)) for one in found]
    elif _is_zip(path):
        with _archive(path) as archive:
            yield _several(path.name, {name: _member(archive, name) for name in _inside(archive, wanted)})
    else:
        yield [Part(name=path.name, label="", open=_opener(path))]


def _leaves(folder: Path, name: str) -> bool:
    path = folder / name
    return path.is_symlink() or not path.resolve().is_relative_to(folder.resolve())


def _opener(path: Path) -> Callable[[], io.BufferedReader]:
    return lambda: path.open("rb")


def _member(archive: zipfile.ZipFile, name: str) -> Callable[[], io.BufferedReader]:
    # A member is a buffered stream itself, and its type says less than it does.
    return lambda: io.BufferedReader(cast("io.RawIOBase", archive.open(name)))


def _several(where: str, openers: dict[str, Callable[[], io.BufferedReader]]) -> list[Part]:
    if not openers:
        raise InvalidQuery(f"{where} has no file of this format in it")
    alone = len(openers) == 1
    return [Part(name=name, label="" if alone else name, open=found) for name, found in openers.items()]


def _is_zip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(_ZIP)) == _ZIP


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        raise InvalidMemory(f"{path.name} is a ZIP archive that was cut or damaged: download it again") from None
    with archive:
        yield archive


def _inside(archive: zipfile.ZipFile, wanted: re.Pattern[str]) -> list[str]:
    names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
    return sorted(name for name in names if wanted.fullmatch(name.rpartition("/")[2]))


def _under(folder: Path, wanted: re.Pattern[str]) -> list[str]:
    """Names of files, from the folder on; what is hidden, or in a hidden folder, is left out."""
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and wanted.fullmatch(path.name)]
    return sorted(path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts))

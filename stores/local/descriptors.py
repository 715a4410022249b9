"""Files that are open only as far as the process may have files open.

A process may have so many descriptors and no more. The files of a store share half of them: the longest open are shut
to make room, and opened again by themselves when they are next used.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from memoria.errors import StoreCorrupt
from memoria.stores.disk import most_descriptors, opened

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")
# The file itself, and what is mapped of it.
_EACH = 2


class OpenFiles:
    """The files of a store that are open just now, the longest open first. Used by one thread at a time."""

    def __init__(self) -> None:
        self._files: dict[OpenedWhenUsed, None] = {}

    def open(self, file: OpenedWhenUsed, flags: int) -> int:
        """A descriptor of the file."""
        while len(self._files) >= max(1, most_descriptors() // (2 * _EACH)):
            self._shut(next(iter(self._files)))
        descriptor = self.with_room(file, lambda: opened(file.path, flags))
        self._files[file] = None
        return descriptor

    def with_room(self, file: OpenedWhenUsed, work: Callable[[], T]) -> T:
        """Does the work; when no descriptor is left, because somebody else has them, once more with others shut."""
        try:
            return work()
        except FileNotFoundError:
            raise StoreCorrupt(f"{file.path} is missing") from None
        except OSError as error:
            others = self._files.keys() - {file}
            if error.errno not in (errno.EMFILE, errno.ENFILE) or not others:
                raise
        for other in others:
            self._shut(other)
        return work()

    def closed(self, file: OpenedWhenUsed) -> None:
        self._files.pop(file, None)

    def close(self) -> None:
        """Closes every file that is open."""
        for file in list(self._files):
            file.close()

    def _shut(self, file: OpenedWhenUsed) -> None:
        self.closed(file)
        file.shut()


class OpenedWhenUsed:
    """A file whose descriptor may be given to another for a while. among: the files that it shares them with."""

    def __init__(self, path: Path, *, writable: bool, among: OpenFiles | None) -> None:
        self.path = path
        self._flags = os.O_RDWR if writable else os.O_RDONLY
        self._among = OpenFiles() if among is None else among
        self._descriptor = -1
        self._mapped: NDArray[Any] | None = None
        self._closed = False

    @property
    def _fd(self) -> int:
        if self._descriptor < 0 and not self._closed:
            self._descriptor = self._among.open(self, self._flags)
        return self._descriptor

    def _map(self, dtype: np.dtype[Any], offset: int, size: int) -> NDArray[Any]:
        """What stands from `offset` on, shape (size,), read only; empty once the file is closed."""
        if self._fd < 0 or not size:
            return np.zeros(0, dtype)
        return self._among.with_room(
            self, lambda: np.memmap(self.path, dtype=dtype, mode="r", offset=offset, shape=(size,))
        )

    def shut(self) -> None:
        """Gives its descriptors back until it is used again."""
        fd, self._descriptor, self._mapped = self._descriptor, -1, None
        if fd >= 0:
            os.close(fd)

    def close(self) -> None:
        """Gives them back for good."""
        self._closed = True
        self._among.closed(self)
        self.shut()

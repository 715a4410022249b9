"""One thread for each product of matrices of numpy while a model computes.

The threads of BLAS wait in loops and take the processor from each other, from faiss, and from other processes: one
text then takes ten times as long. Batches are given to threads instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

_lock = Lock()
_within: list[Any] = []  # one entry for each computation under way; the first of them gives the threads back


@contextmanager
def one_thread() -> Iterator[None]:
    """Limits the BLAS of this process to one thread until the last of those who asked for it is done."""
    with _lock:
        _within.append(_blas().limit(limits=1) if not _within else None)
    try:
        yield
    finally:
        with _lock:
            limit = _within.pop() if len(_within) == 1 else _within.pop(1)
            if limit is not None:
                limit.restore_original_limits()


@cache
def _blas() -> Any:
    import numpy as np  # noqa: F401 - its BLAS has to be loaded to be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")

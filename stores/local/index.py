"""The FAISS index of one namespace, in RAM only.

Flat fp16 while small; beyond `FLAT_LIMIT`, 1-bit RaBitQ codes (Gao and Long 2024) scanned by SIMD with a zero centre,
in segments that threads search in parallel. Both only propose candidates; scores are computed from the slots.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from memoria.process import call_in_child, inherited

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memoria.arrays import Ints, Scores


FLAT_LIMIT = 10_000
SEGMENT = 1 << 18
# Gao and Long 2024, theorem 3.2 with epsilon = 1.9, <o, o'> = .8 and d = 384: the error of an estimated cosine.
BOUND = 0.075
_BLOCK = 32
# Greater than any distance a unit vector can have, with room for the arithmetic of the estimator.
_FAR = 3e38


class Index:
    """Candidates by slot number. `add` in ascending order of slots; `erase` in place."""

    def __init__(self, dimension: int, *, large: bool) -> None:
        self._dimension = dimension
        self._large = large
        self._segments: list[Any] = []
        self._slots = np.zeros(0, np.int64)
        self._alive = np.zeros(0, np.bool_)
        self._size = 0
        self._live = 0

    def __len__(self) -> int:
        return self._live

    @property
    def worn(self) -> bool:
        """Whether it should be built again: it is too large to be flat, or mostly erased."""
        outgrown = not self._large and len(self) > FLAT_LIMIT
        return outgrown or (self._size > 1024 and len(self) < self._size // 2)

    def add(self, slots: Ints, vectors: Scores) -> None:
        """Adds vectors, shape (n, d), at slots, shape (n,)."""
        import faiss

        if inherited("faiss"):
            faiss.omp_set_num_threads(1)
        self._remember(slots)
        done = 0
        while done < len(vectors):
            segment = self._open_segment()
            room = SEGMENT - segment.ntotal
            segment.add(np.ascontiguousarray(vectors[done : done + room]))
            done += room

    def _remember(self, slots: Ints) -> None:
        size = self._size + len(slots)
        if size > len(self._slots):
            capacity = max(size, 2 * len(self._slots))
            self._slots = np.resize(self._slots, capacity) if self._size else np.zeros(capacity, np.int64)
            self._alive = np.resize(self._alive, capacity) if self._size else np.zeros(capacity, np.bool_)
        self._slots[self._size : size] = slots
        self._alive[self._size : size] = True
        self._size = size
        self._live += len(slots)

    def _open_segment(self) -> Any:
        if not self._segments or self._segments[-1].ntotal == SEGMENT:
            self._segments.append(_rabitq(self._dimension) if self._large else _flat(self._dimension))
        return self._segments[-1]

    def erase(self, slots: Sequence[int]) -> None:
        """Overwrites the codes at `slots`; no bit of their neighbours changes."""
        if not self._size:
            return
        wanted = np.asarray(slots, np.int64)
        positions = np.minimum(np.searchsorted(self._slots[: self._size], wanted), self._size - 1)
        positions = positions[(self._slots[positions] == wanted) & self._alive[positions]]
        self._alive[positions] = False
        self._live -= len(positions)
        for part, segment in enumerate(self._segments):
            mine = positions[positions // SEGMENT == part] - part * SEGMENT
            if len(mine):
                (_erase_rabitq if self._large else _erase_flat)(segment, mine)

    def has(self, slot: int) -> bool:
        """Whether a slot is in the index, and not erased."""
        held = self._slots[: self._size] == slot
        return bool(np.any(held & self._alive[: self._size]))

    def search(self, query: Scores, k: int) -> tuple[Ints, Scores]:
        """Slots of about the k nearest to `query` (d,) of each segment, and their estimated cosines, best first.

        Erased slots are never among them. An estimate from 1-bit codes is unbiased and mostly within `BOUND`.
        """
        import faiss

        if not self._segments:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        q = np.ascontiguousarray(query[None], dtype=np.float32)
        parts = range(len(self._segments))
        search = partial(self._search_segment, q=q, k=k)
        if len(parts) > 1:
            found = list(_threads().map(search, parts))
        else:
            # Another thread for the only segment would be waited for, and where processors are busy, for long.
            faiss.omp_set_num_threads(1)
            found = [search(0)]
        positions = np.concatenate([at for at, _ in found])
        scores = np.concatenate([score for _, score in found])
        best = np.argsort(-scores, kind="stable")
        return self._slots[positions[best]], scores[best]

    def _search_segment(self, part: int, q: Scores, k: int) -> tuple[Ints, Scores]:
        import faiss

        segment, start = self._segments[part], part * SEGMENT
        alive = self._alive[start : start + segment.ntotal]
        extra = {}
        if not self._large and not alive.all():
            bits: Any = np.packbits(alive, bitorder="little")
            chosen: Any = faiss
            extra = {"params": chosen.SearchParameters(sel=chosen.IDSelectorBitmap(bits))}
        scores, positions = segment.search(q, min(k, segment.ntotal), **extra)
        valid = positions[0] >= 0
        valid[valid] = alive[positions[0][valid]]
        return positions[0][valid] + start, scores[0][valid]

    def state(self) -> bytes:
        """Slot-independent state: the code of each live vector, in order."""
        codes = [_codes(segment, self._large) for segment in self._segments]
        live = self._alive[: self._size]
        return np.concatenate(codes)[live].tobytes() if codes else b""

    def raw(self) -> bytes:
        """Every byte that FAISS holds, erased places included."""
        return b"".join(_buffer(segment).tobytes() for segment in self._segments)


@cache
def _threads() -> ThreadPoolExecutor:
    import faiss

    # FAISS counts OpenMP threads per calling thread; each of ours must ask for one.
    return ThreadPoolExecutor(os.cpu_count() or 1, "memoria-search", lambda: faiss.omp_set_num_threads(1))


# In a child by fork none of them is left, and the pool would wait for them.
call_in_child(_threads.cache_clear)


def _flat(dimension: int) -> Any:
    import faiss

    return faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)


def _rabitq(dimension: int) -> Any:
    import faiss

    index = faiss.IndexRaBitQFastScan(dimension, faiss.METRIC_INNER_PRODUCT)
    index.train(np.zeros((1, dimension), np.float32))
    return index


def _buffer(segment: Any) -> NDArray[np.uint8]:
    import faiss

    codes = segment.codes
    if hasattr(codes, "get"):
        return np.asarray(faiss.rev_swig_ptr(codes.get(), codes.size()))
    return np.asarray(faiss.rev_swig_ptr(codes.data(), codes.size()))


def _erase_flat(segment: Any, positions: Ints) -> None:
    _buffer(segment).reshape(segment.ntotal, -1)[positions] = 0


def _erase_rabitq(segment: Any, positions: Ints) -> None:
    packer = segment.get_CodePacker()
    gone = np.zeros(packer.code_size, np.uint8)
    gone[-8:-4].view(np.float32)[0] = _FAR
    blocks = _buffer(segment).reshape(-1, 1, packer.block_size)
    for at in positions.tolist():
        packer.pack_1(gone, at % _BLOCK, blocks[at // _BLOCK])


def _codes(segment: Any, large: bool) -> NDArray[np.uint8]:
    if not large:
        return _buffer(segment).reshape(segment.ntotal, -1)
    packer = segment.get_CodePacker()
    blocks = _buffer(segment).reshape(-1, packer.block_size)
    return np.stack([packer.unpack_1(blocks[at // _BLOCK].reshape(1, -1), at % _BLOCK) for at in range(segment.ntotal)])

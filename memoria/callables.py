"""Callables as embedders: how one is known again when the program is started anew.

A lambda, a partial and an object have no name that lasts, and a function keeps its name when the model behind it is
another. So the card of a callable says that it is one, by what name this program knows it, and what it makes of four
texts: a sketch, by which the same model is known again whatever its name is now, and another one is not taken for it.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import sys
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.errors import InvalidQuery, InvalidVector
from memoria.types import EmbedderCard

if TYPE_CHECKING:
    from memoria.arrays import Vectors

MARK = "callable "
_SKETCH = " ~"
_PROBES = ("dimension", "Ada takes her tea without sugar.", "1 + 1 = 2", "\N{HOT BEVERAGE} Z\u00fcrich \u65e5\u672c")
# Of each text so many numbers: those of two models differ by far more than what rounding on a server changes.
_WIDTH = 16
_ALIKE = 0.98


class CallableEmbedder:
    """Any function from texts to vectors.

    Args:
        function: is given a list of n texts and returns n vectors, shape (n, d).
        name: its name in the store, which refuses another; None is for one that is known by its vectors of four texts.
        dimension: length d of a vector; None calls the function once to find out.
        label: what messages call it; None is the name that it has in the program.

    Raises:
        InvalidVector: the function returns another shape.
    """

    def __init__(
        self,
        function: Callable[[list[str]], Any],
        name: str | None = None,
        dimension: int | None = None,
        *,
        label: str | None = None,
    ) -> None:
        self._function = function
        self._name = name
        self._label = label_of(function) if label is None else label
        self._dimension = dimension
        if dimension is None:
            self._dimension = self.card.dimension

    @cached_property
    def card(self) -> EmbedderCard:
        """Its name and dimension; without a name, the function is called once."""
        if self._name is not None and self._dimension is not None:
            return EmbedderCard(name=self._name, dimension=self._dimension)
        made = self._call(_PROBES)
        self._check(made, self._dimension or made.shape[1])
        name = f"{MARK}{self._label}{_SKETCH}{sketch(made)}" if self._name is None else self._name
        return EmbedderCard(name=name, dimension=made.shape[1])

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embeds texts.

        Args:
            texts: n texts.

        Returns:
            Vectors of shape (n, d), float32.

        Raises:
            InvalidVector: the function returned another shape.
        """
        vectors = self._call(texts)
        self._check(vectors, self._dimension or self.card.dimension)
        return vectors

    def _check(self, vectors: Vectors, dimension: int) -> None:
        if vectors.shape[1] != dimension:
            raise InvalidVector(f"the embedder gave vectors of length {vectors.shape[1]}, not {dimension}")

    def _call(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        vectors = np.asarray(self._function(list(texts)), dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise InvalidVector(f"the embedder gave shape {vectors.shape} for {len(texts)} texts, not (n, d)")
        return vectors


def named(name: str, function: Callable[[list[str]], Any], dimension: int | None = None) -> CallableEmbedder:
    """Gives a callable a name, by which alone stores know it.

    Nothing is embedded to open a store then, if the dimension is given too. Give another model another name.

    Args:
        name: the name.
        function: is given a list of n texts and returns n vectors, shape (n, d).
        dimension: length d of a vector; None calls the function once to find out.

    Returns:
        The embedder.

    Raises:
        InvalidQuery: the name is empty.
        InvalidVector: the function returns another shape.
    """
    if not name.strip():
        raise InvalidQuery("the name of an embedder is empty")
    return CallableEmbedder(function, f"{MARK}{name}", dimension)


def agree(made: EmbedderCard, given: EmbedderCard) -> bool:
    """Whether vectors of the one can be compared with vectors of the other."""
    if made == given:
        return True
    return made.dimension == given.dimension and _alike(made.name, given.name)


@lru_cache
def _alike(one: str, other: str) -> bool:
    """Whether both are callables that make the same of the same texts."""
    import numpy as np

    found = [_sketched(name) for name in (one, other)]
    if any(part is None for part in found):
        return False
    first, second = (np.frombuffer(base64.urlsafe_b64decode(part or ""), np.int8).astype(float) for part in found)
    length = np.linalg.norm(first) * np.linalg.norm(second)
    return first.shape == second.shape and bool(first @ second >= _ALIKE * length)


def is_callable(name: str) -> bool:
    """Whether the card of this name is that of a callable, which nothing but its program can give."""
    return name.startswith(MARK)


def without_sketch(name: str) -> str:
    """The name as people read it."""
    return name.rpartition(_SKETCH)[0] if _sketched(name) is not None else name


def _sketched(name: str) -> str | None:
    start, mark, rest = name.rpartition(_SKETCH)
    return rest if mark and start.startswith(MARK) else None


def sketch(vectors: Vectors) -> str:
    """Directions of vectors, shape (n, d), in 16 numbers each: sums with signs that are the same everywhere."""
    import numpy as np

    bits = np.frombuffer(hashlib.shake_256(b"memoria").digest(2 * vectors.shape[1]), np.uint8)
    signs = np.unpackbits(bits).reshape(vectors.shape[1], _WIDTH) * 2.0 - 1.0
    sums = np.nan_to_num(np.asarray(vectors, np.float64)) @ signs
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    rounded = np.rint(127 * sums / np.where(lengths > 0, lengths, 1.0)).astype(np.int8)
    return base64.urlsafe_b64encode(rounded.tobytes()).decode()


def label_of(function: object) -> str:
    """The name by which a program knows a callable: never an address, the same in every process."""
    if isinstance(function, functools.partial):
        return f"{label_of(function.func)}(...)"
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{_module(str(getattr(named, '__module__', '?')))}.{getattr(named, '__qualname__', '?')}"


def _module(name: str) -> str:
    """The name of a module; of the program itself, the one that it has when it is imported."""
    if name != "__main__":
        return name
    main = sys.modules.get(name)
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    return str(spec.name) if spec is not None else Path(file).stem if file else name

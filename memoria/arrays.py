"""The types of arrays, named once. Their shapes are in the docstrings of the functions that take or return them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Embeddings: shape (d,) for one, (n, d) for n."""
Scores = NDArray[np.float32]
"""Similarities in single precision."""
Floats = NDArray[np.float64]
"""Columns of numbers, times and probabilities."""
Ints = NDArray[np.int64]
"""Counts, places and microseconds."""
Bools = NDArray[np.bool_]
"""Masks."""


__all__ = ["Bools", "Floats", "Ints", "Scores", "Vectors"]

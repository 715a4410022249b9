"""Rerankers: callables from a question and texts to one number each, added to the need as the term "rerank".

Any cross-encoder does: `rerank=lambda query, texts: model.predict([(query, text) for text in texts])`. The one here
needs no weights of its own: late interaction (Khattab and Zaharia 2020, ColBERT, eq. 3) over the tokens of the
default embedder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from memoria.embedders import MiniLM

Rerank = Callable[[str, Sequence[str]], Sequence[float]]

_BATCH = 32


class LateInteraction:
    """Mean over the question's tokens of the best cosine with a token of the text, times `weight`.

    It embeds each text again, about 10 ms a text on one core; nothing of the texts is kept.
    """

    def __init__(self, embedder: MiniLM | None = None, weight: float = 15.0) -> None:
        self._embedder = embedder if embedder is not None else MiniLM()
        self._weight = weight

    def __call__(self, query: str, texts: Sequence[str]) -> list[float]:
        """Log-odds for each text, shape (len(texts),)."""
        asked, *found = self._tokens([query, *texts])
        # The first and last token only mark the ends of the question.
        return [self._weight * float((asked[1:-1] @ text.T).max(axis=1).mean()) for text in found]

    def _tokens(self, texts: Sequence[str]) -> list[Any]:
        """Unit vectors of the tokens of each text, shape (tokens, d)."""
        import numpy as np

        made = self._embedder.tokens(texts, _BATCH)
        return [one / np.maximum(np.linalg.norm(one, axis=1, keepdims=True), 1e-9) for one in made]

"""The hook for a reranker: any callable that takes a question and texts and returns one number a text, in log-odds.

It is called on the finalists, and its numbers are added to the need as the term "rerank". A cross-encoder is one:
`rerank=lambda query, texts: model.predict([(query, text) for text in texts])`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Rerank = Callable[[str, Sequence[str]], Sequence[float]]
"""From a question and n texts to n scores, in log-odds, which are added to the need."""

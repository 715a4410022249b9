"""Counting tokens where a model does not say how it cuts a text."""

from __future__ import annotations

from memoria.recall.context import estimate_tokens


class Estimating:
    """A model that counts by estimate."""

    def count(self, text: str) -> int:
        """Counts tokens, roughly.

        Args:
            text: any text.

        Returns:
            How many tokens it is, one for four bytes.
        """
        return estimate_tokens(text)

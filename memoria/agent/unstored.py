"""What may not be stored because it was forgotten must not come in by what is said about it either."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from memoria.canonical import canonical
from memoria.english.sentences import content

_ENDS = " .,;:!?\u2026\u3002\u3001\uff0c\uff01\uff1f\u061f"


def repeats(text: str, unstored: Sequence[str], stored: Iterable[str]) -> bool:
    """Tells whether a text passes on what only texts say that are not stored.

    Args:
        text: what is to be stored.
        unstored: texts shown to the model that may not be stored.
        stored: all other texts that it was shown.

    Returns:
        Whether `text` has a telling word that is in one of `unstored` and in none of `stored`, or holds one whole.
    """
    if not unstored:
        return False
    said = canonical(text)
    whole = any((one := canonical(other).strip(_ENDS)) and one in said for other in unstored)
    only = {word for other in unstored for word in content(other)} - {word for one in stored for word in content(one)}
    return whole or not only.isdisjoint(content(text))

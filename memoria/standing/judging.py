"""A judge of paraphrases, which the application has: asked about texts that no hash of an order caught."""

from __future__ import annotations

from collections.abc import Callable

from memoria.errors import InvalidQuery, MemoriaError, ModelFailed
from memoria.standing.orders import StandingOrder

StandingJudge = Callable[[str, StandingOrder], bool]
"""Takes a text that would be stored and a standing order; True when the text says again what the order keeps out.

It is given no value, for none is kept: an application that wants paraphrases found has to know the order by its id.
"""


def check_standing_judge(given: object) -> None:
    """Raises InvalidQuery for what cannot be asked."""
    if given is not None and not callable(given):
        raise InvalidQuery(f"standing_judge is {type(given).__name__}, not a callable or None")


def says_again(judge: StandingJudge, text: str, order: StandingOrder) -> bool:
    """What a judge says of a text; raises ModelFailed when it raises, so that nothing is stored unasked."""
    try:
        found: object = judge(text, order)
    except MemoriaError:
        raise
    except Exception as error:
        raise ModelFailed(f"standing_judge raised {type(error).__name__}: nothing was stored") from error
    if not isinstance(found, bool):
        raise InvalidQuery(f"standing_judge gave {type(found).__name__}, not True or False")
    return found

"""What must not be lost has a salience above all else: requests to remember, appointments, promises, dangers.

A place near 1 is not taken back when the date has passed: an appointment that was kept is what somebody asks about
next, and a store that had to know which dates have passed would have to read every text again. What was called off goes
by another way: it has ended, and what has ended goes first.

Within the places above `FLOOR`, memories keep the order of their ordinary salience, so that a budget too small for all
of them lets the lesser ones go.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from memoria.english.prospective import Prospect, prospects
from memoria.english.voice import english

FLOOR = 0.99
"""The least salience, in [0, 1], of what must not be lost."""


def prospective(text: str, on: date | None = None) -> Sequence[Prospect]:
    """What in a text must not be lost, found from its words alone, without a model.

    Args:
        text: what is remembered. Only English is read; of a text in another language nothing is found.
        on: the day on which it was said, in the speaker's calendar; None if nobody knows: then nothing that needs a day
            to come is found.

    Returns:
        One for each sentence that asks to be remembered or must not be lost, in order.
    """
    found = prospects(text, on)
    return found if found and english(text) else ()


def raised(place: float, found: Sequence[Prospect]) -> float:
    """The salience of a memory.

    Args:
        place: its ordinary salience, in [0, 1].
        found: what in it must not be lost.

    Returns:
        The same if that is nothing; else a place in [`FLOOR`, 1], ascending with `place`.
    """
    return FLOOR + (1 - FLOOR) * place if found else place

"""Training examples that a caller's own writer makes from memories, and the digest of a shard's examples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence

from memoria.errors import InvalidQuery
from memoria.types import Example, Memory

ExampleWriter = Callable[[Memory], Sequence[Example]]
"""Makes the examples of a memory; the same ones whenever it is called with the same memory."""


def written(memory: Memory, write: ExampleWriter) -> list[Example]:
    """What `write` makes of a memory; raises InvalidQuery when that is nothing, or blank."""
    made = list(write(memory))
    if not made or any(not one.prompt.strip() or not one.answer.strip() for one in made):
        raise InvalidQuery(f"the writer of examples gave none, or a blank one, for memory {memory.id}")
    return made


def told_apart(made: Sequence[Sequence[Example]]) -> list[tuple[Example, ...]]:
    """The examples of each memory of a shard, without the questions that another of them answers otherwise.

    One shard cannot learn both answers. A memory of which nothing else is asked keeps them.
    """
    answers: dict[str, set[str]] = {}
    for one in (one for each in made for one in each):
        answers.setdefault(one.prompt, set()).add(one.answer)
    return [tuple(one for one in each if len(answers[one.prompt]) == 1) or tuple(each) for each in made]


def digest(made: Sequence[Sequence[Example]]) -> str:
    """SHA-256 of the examples of a shard, in order."""
    plain = [[(one.prompt, one.answer) for one in each] for each in made]
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()

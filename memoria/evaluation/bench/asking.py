"""What `ask` answers, and from where: to questions about what was learnt, what was never said, and the world."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from memoria.distill.answered import Answered, stands
from memoria.distill.general import QUESTIONS, right
from memoria.evaluation.quality.facts import Fact, write

if TYPE_CHECKING:
    from memoria.engine.memory import Memoria

_MOST = 64


def asked_of_both(memory: Memoria, facts: Sequence[Fact], never: Sequence[Fact]) -> dict[str, dict[str, float]]:
    """Shares of held-out questions, of questions about what was never said, and of general ones.

    routed: a memory answers, from weights or store. right: the answer holds the value. invented: it is the base's, or a
    bare value of another memory; beside: it is a memory in its own words, from weights or store, that answers something
    else. nothing: it says that nothing is remembered.
    """
    tally: dict[str, list[bool]] = defaultdict(list)
    saved, took = 0, 0
    for fact in facts:
        for told in _answers(memory, fact):
            good = right(told.text, fact.value)
            tally["routed"].append(bool(told.memories))
            tally["right"].append(good)
            tally["from weights"].append(told.source == "weights")
            tally["from weights, right"].append(told.source == "weights" and good)
            tally["two quoted"].append(len(told.memories) > 1)
            saved, took = saved + told.saved, took + told.tokens
    learnt = {one.home for one in facts}
    strange: dict[str, list[bool]] = defaultdict(list)
    for fact in (one for one in never if one.home in learnt):
        for told in _answers(memory, fact):
            said = bool(told.memories) and whole(told, memory)
            strange["invented"].append(told.source == "base" or (bool(told.memories) and not said))
            strange["beside, from weights"].append(told.source == "weights" and said)
            strange["beside, from the store"].append(told.source == "store" and said)
            strange["nothing"].append(told.source == "store" and not told.memories)
    model = memory.distilled(examples=write)
    general = [bool(model.route(query).memories) for query in QUESTIONS]
    held = {name: sum(each) / len(each) for name, each in tally.items()}
    count = len(tally["routed"])
    held |= {
        "right, of routed": sum(map(min, tally["right"], tally["routed"])) / max(sum(tally["routed"]), 1),
        "right, of weights": held["from weights, right"] / max(held["from weights"], 1e-9),
        "tokens of prompt": took / count,
        "tokens saved": saved / count,
    }
    return {
        "held out": held,
        "never said": {name: sum(each) / len(each) for name, each in strange.items()},
        "general": {"routed": sum(general) / len(general)},
    }


def _answers(memory: Memoria, fact: Fact) -> Iterator[Answered]:
    view = memory.namespace(*fact.home)
    return (view.ask(query, most=_MOST, examples=write) for query in fact.asked)


def whole(told: Answered, memory: Memoria) -> bool:
    """Whether an answer is what memories say in their own words, a whole sentence or more, and no bare value."""
    near = [memory.get(id) for id in told.memories]
    return told.source == "store" or stands(told.text, near, (), lambda _: ()) is not None

"""Review: nothing that was inferred becomes durable before somebody says yes. See docs/letting-go.md.

Facts that were found in messages wait in the store: they are listed, kept, or declined. Changes of fact and gists are
not done: `Night.choices` of a dry run shows them, `sleep(only=)` and `reconcile(only=)` accept them, `refuse` says no.

>>> import memoria
>>> from memoria import review
>>> from memoria.testing import HashEmbedder
>>> found = memoria.Provenance(source="extracted")
>>> with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
...     review.switch(memory, True)
...     fact = memory.remember("Ada lives in Lund.", provenance=found)
...     [one.text for one in review.waiting(memory)], len(memory.recall("Lund"))
...     review.keep(memory, fact.id)
...     len(review.waiting(memory)), len(memory.recall("Lund"))
(['Ada lives in Lund.'], 0)
(0, 1)
"""

from __future__ import annotations

from memoria.change.choosing import Choice
from memoria.derived import review
from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery
from memoria.types import Page, Receipt


def switch(memory: Memoria, on: bool) -> None:
    """Switches review on or off for the whole store; what waits goes on waiting.

    Args:
        memory: any view of the store.
        on: whether what is inferred waits from now on.
    """
    review.switch(memory.store, on)


def is_on(memory: Memoria) -> bool:
    """Whether what is inferred waits in the store of a memory.

    Args:
        memory: any view of the store.

    Returns:
        What `switch` set; False in a new store.
    """
    return review.is_on(memory.store)


def waiting(memory: Memoria, *, limit: int | None = None, after: str | None = None) -> Page:
    """The facts of a view that wait for a yes, oldest first.

    Args:
        memory: the view.
        limit: as of `Memoria.list`.
        after: as of `Memoria.list`.

    Returns:
        A page, as of `Memoria.list`.
    """
    found = memory.list(limit=limit, after=after, metadata={review.MARK: review.WAITING})
    return Page([one for one in found if review.waits(one)], left=found.left, newest=False)


def keep(memory: Memoria, *ids: str) -> None:
    """Says yes to facts: from now on they are memories as all others.

    Args:
        memory: the view that they are in.
        ids: of facts that wait.

    Raises:
        MemoryNotFound: an id is not of this view.
        InvalidQuery: one does not wait.
    """
    with memory.store.alone():
        for fact in _waiting(memory, ids):
            # In this order a crash between leaves one that is asked about again.
            memory.restore(fact)
            memory.amend(fact, metadata=_marks(memory, fact))


def decline(memory: Memoria, *ids: str) -> Receipt:
    """Says no to facts: they are forgotten, with a receipt, and not learnt again from the same words.

    Args:
        memory: the view that they are in.
        ids: of facts that wait.

    Returns:
        The receipt.

    Raises:
        MemoryNotFound: an id is not of this view.
        InvalidQuery: one does not wait.
    """
    with memory.store.alone():
        return memory.forget(*_waiting(memory, ids))


def refuse(memory: Memoria, *choices: Choice) -> None:
    """Says no to changes of fact and gists that wait: they are not proposed again.

    The memories of a change hold beside its statement from then on, as by `Memoria.settle` with `keep`; a gist is not
    made of just these memories while review is on.

    Args:
        memory: the view that they are in.
        choices: `choices` of a dry run of `Memoria.sleep`, or what was `unaccepted` in a pass.

    Raises:
        MemoryNotFound: a memory of one is not of this view.
        InvalidQuery: one is neither a change of fact nor a gist.
    """
    memory._refuse(choices)


def _waiting(memory: Memoria, ids: tuple[str, ...]) -> list[str]:
    found = [memory.get(id) for id in dict.fromkeys(ids)]
    settled = [one.id for one in found if not review.waits(one)]
    if settled or not found:
        raise InvalidQuery(*(f"{id} does not wait for a yes" for id in settled), *([] if found else ["no ids"]))
    return [one.id for one in found]


def _marks(memory: Memoria, id: str) -> dict[str, object]:
    return review.settled(memory.get(id))


__all__ = ["decline", "is_on", "keep", "refuse", "switch", "waiting"]

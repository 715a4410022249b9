"""A store moves from a directory to a database and back, with what it refuses."""

from __future__ import annotations

from pathlib import Path

from memoria.copying import copy
from tests.crash_worker import leaves, opened


def test_a_store_moves_either_way(database: str, tmp_path: Path) -> None:
    first, last = str(tmp_path / "a.memoria"), str(tmp_path / "b.memoria")
    with opened(first) as memory:
        ada = memory.namespace("app", "ada")
        kept = ada.remember("Ada likes tea", subject="ada", tags=["drinks"], metadata={"n": 1})
        ada.supersede(kept.id, "Ada likes coffee")
        ada.forget(ada.remember("a mistake").id)
        ada.pin(kept.id)
        ada.reinforce(kept.id)
        expected = (memory.list(), [memory.trace(one.id) for one in memory.list()], leaves(memory))
    there = copy(first, database)
    back = copy(database, last)
    assert (there.memories, there.links, there.refused) == (back.memories, back.links, back.refused) == (2, 1, 1)
    for place in (database, last):
        with opened(place) as memory:
            assert (memory.list(), [memory.trace(one.id) for one in memory.list()], leaves(memory)) == expected
            assert memory.store.refused(("app", "ada"), ["A MISTAKE"]) == [True]
            assert memory.doctor() == []

"""The local store and the one in PostgreSQL answer alike."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from memoria.evaluation.bench.agreement import EMBEDDER, TIE, Agreement, compare
from memoria.stores import InMemoryStore, LocalStore
from memoria.stores.postgres import PostgresStore


def test_both_stores_give_the_same_answers(database: str, tmp_path: Path) -> None:
    with (
        closing(LocalStore(tmp_path / "a.memoria", embedder=EMBEDDER.card)) as local,
        closing(PostgresStore(database, embedder=EMBEDDER.card)) as postgres,
    ):
        report = compare(local, postgres, 1500, 60, 10, lambda *_: None, seed=0)
    for way in ("vectors", "texts"):
        assert report[way]["apart"] == 0
        assert report[way]["same"] > 50


def test_a_store_that_answers_otherwise_is_seen() -> None:
    class Backwards(InMemoryStore):
        def search(self, vector, where, k):  # type: ignore[no-untyped-def]  # as in the class above it
            return super().search(-vector, where, k)

    report = compare(InMemoryStore(EMBEDDER.card), Backwards(EMBEDDER.card), 100, 5, 10, lambda *_: None, seed=0)
    assert report["vectors"]["apart"] == 5
    assert report["texts"]["apart"] == 0


def test_a_tie_may_come_in_any_order_and_be_cut_anywhere() -> None:
    one = [("a", 0.9), ("b", 0.5), ("c", 0.5)]
    assert asdict(Agreement.of([(one, one), (one, [one[0], one[2], one[1]])])) == {"same": 1, "tied": 1, "apart": 0}
    cut = [("a", 0.9), ("b", 0.5), ("d", 0.5 - TIE / 2)]
    lower = [("a", 0.9), ("b", 0.5), ("d", 0.5 - 2 * TIE)]
    other = [("e", 0.9), ("b", 0.5), ("c", 0.5)]
    assert asdict(Agreement.of([(one, cut), (one, lower), (one, other), (one, one[:2])])) == {
        "same": 0,
        "tied": 1,
        "apart": 3,
    }

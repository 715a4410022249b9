"""Recall through the public interface, in both stores."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import memoria
from memoria import Draft, Provenance
from memoria.aio import AsyncMemoria
from memoria.recall.context import estimate_tokens, line, prompt
from memoria.recall.need import Need, log_odds
from memoria.testing import HashEmbedder

START = datetime(2026, 3, 2, tzinfo=UTC)
TALK = [
    ("Ada", "s1", "Where did you go on holiday?"),
    ("Bob", "s1", "To Lisbon, with my sister."),
    ("Ada", "s2", "I bought a green bicycle last Friday."),
    ("Bob", "s2", "My bicycle is red."),
    ("Ada", "s3", "The museum was closed."),
]


@pytest.fixture(params=["memory", "disk"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[memoria.Memoria]:
    path: Any = ":memory:" if request.param == "memory" else tmp_path / "a.memoria"
    now = START + timedelta(days=30)
    with memoria.open(path, embedder=HashEmbedder(64), clock=lambda: now) as memory:
        memory.remember_many(
            Draft(text=text, created_at=START + timedelta(days=n), provenance=Provenance(speaker=who, session=session))
            for n, (who, session, text) in enumerate(TALK)
        )
        yield memory


def texts(hits: Sequence[memoria.Hit]) -> list[str]:
    return [hit.memory.text for hit in hits]


def test_score_is_the_sum_of_its_terms_also_for_runners_up(memory: memoria.Memoria) -> None:
    hits = memory.recall("What colour is Ada's bicycle?", k=5)
    assert len(hits) == 5
    for hit in hits:
        assert hit.score == pytest.approx(sum(hit.terms.values()))
        assert f"{hit.score:.3f} = " in hit.explain()
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert hits[0].memory.text == "I bought a green bicycle last Friday."
    assert hits[0].terms["speaker"] > 0 > hits[1].terms["speaker"]
    assert hits[0].terms["words"] > 0


def test_the_turn_after_a_question_is_found_by_the_question(memory: memoria.Memoria) -> None:
    hits = {hit.memory.text: hit.terms for hit in memory.recall("Where did Bob go on holiday?", k=2)}
    answer = hits["To Lisbon, with my sister."]
    assert answer["words"] == 0
    assert min(answer["near words"], answer["answer"], answer["speaker"]) > 0


def test_a_time_is_resolved_from_when_it_was_said(memory: memoria.Memoria) -> None:
    # "last Friday", said on Wednesday 4 March 2026, is 27 February.
    hits = memory.recall("What happened in February 2026?", k=5)
    assert {hit.memory.text for hit in hits if hit.terms["time"] > 0} == {"I bought a green bicycle last Friday."}


def test_filters_and_as_of_are_exact(memory: memoria.Memoria) -> None:
    query = "bicycle museum holiday Lisbon"
    assert sorted(texts(memory.recall(query, k=9, until=START + timedelta(days=2)))) == sorted(t for *_, t in TALK[:2])
    assert sorted(texts(memory.recall(query, k=9, as_of=START + timedelta(days=1)))) == sorted(t for *_, t in TALK[:2])
    was = memory.remember("Ada lives in Oslo.", created_at=START, valid_to=START + timedelta(days=3))
    for way in (False, True):
        then = memory.recall("Ada lives in Oslo", k=9, as_of=START + timedelta(days=2), vector_only=way)
        later = memory.recall("Ada lives in Oslo", k=9, as_of=START + timedelta(days=3), vector_only=way)
        assert was in [hit.memory for hit in then]
        assert was not in [hit.memory for hit in later]
    with pytest.raises(memoria.InvalidQuery, match="time zone"):
        memory.recall("x", as_of=datetime(2026, 1, 1))  # noqa: DTZ001 - the naive time is the point


def test_a_turn_beside_a_hit_stays_outside_the_filter(memory: memoria.Memoria) -> None:
    origin = Provenance(session="s9")
    memory.remember_many([Draft(text="zebra", subject="a", provenance=origin), Draft(text="lion", provenance=origin)])
    assert texts(memory.recall("zebra", k=9, subject="a")) == ["zebra"]


def test_as_of_looks_further_when_the_best_do_not_hold(memory: memoria.Memoria) -> None:
    gone = [Draft(text=f"stale fact {n}", created_at=START, valid_to=START + timedelta(hours=1)) for n in range(300)]
    memory.remember_many(gone)
    kept = memory.remember("stale", created_at=START)
    hits = memory.recall("fact", k=6, as_of=START + timedelta(days=9))
    assert len(hits) == 6
    assert kept in [hit.memory for hit in hits]


def test_budget_packs_what_fits(memory: memoria.Memoria) -> None:
    hits = memory.recall("bicycle", k=5, budget_tokens=30)
    assert 0 < len(hits) < 5
    assert sum(estimate_tokens(line(hit) + "\n") for hit in hits) <= 30
    assert len(prompt(hits).splitlines()) == len(hits)
    one_each = memory.recall("bicycle", k=5, budget_tokens=2, count_tokens=lambda text: 1)
    assert one_each == memory.recall("bicycle", k=5)[:2]
    with pytest.raises(memoria.InvalidQuery, match="budget_tokens 0"):
        memory.recall("bicycle", budget_tokens=0)


def test_any_callable_reranks(memory: memoria.Memoria) -> None:
    hits = memory.recall("bicycle", k=5, rerank=lambda query, found: [50.0 * ("museum" in text) for text in found])
    assert hits[0].memory.text == "The museum was closed."
    assert hits[0].terms["rerank"] == 50


def test_vectors_batches_and_threads_agree(memory: memoria.Memoria) -> None:
    vector = HashEmbedder(64).embed(["red bicycle"])[0]
    by_vector = memory.recall(vector, k=3)
    assert by_vector == memory.recall("red bicycle", k=3, vector_only=True)
    assert set(by_vector[0].terms) == {"similarity"}
    both = memory.recall_many(["red bicycle", "museum"], k=3)
    assert both == [memory.recall("red bicycle", k=3), memory.recall("museum", k=3)]
    assert asyncio.run(AsyncMemoria(memory).recall("museum", k=3)) == both[1]


def test_weights_can_be_taken_out(memory: memoria.Memoria) -> None:
    hits = memory.recall("green bicycle", k=5, need=Need().without("similarity", "length"))
    assert not {"similarity", "length"} & set(hits[0].terms)
    with pytest.raises(memoria.InvalidQuery, match="'smell'"):
        Need().without("smell")


def test_restatements_step_back(memory: memoria.Memoria) -> None:
    memory.remember_many(["Ada plays chess on Sunday."] * 3)
    hits = memory.recall("Ada plays chess on Sunday", k=4)
    repeated = [hit for hit in hits if "repeats" in hit.terms]
    assert len(repeated) == 2
    assert all(hit.terms["repeats"] == pytest.approx(-1, abs=0.01) for hit in repeated)


def test_both_stores_rank_alike(tmp_path: Path) -> None:
    drafts = [
        Draft(
            text=f"w{n % 7} w{n % 11} w{n}", created_at=START + timedelta(hours=n), provenance=Provenance(session="s")
        )
        for n in range(300)
    ]
    found = []
    for path in (":memory:", tmp_path / "a.memoria"):
        with memoria.open(path, embedder=HashEmbedder(64), clock=lambda: START) as memory:
            made = memory.remember_many(drafts)
            memory.recall("w3", k=1)
            memory.forget(*(one.id for one in made[::3]))
            found.append([[(h.memory.text, h.score) for h in memory.recall(f"w{n} w5", k=10)] for n in range(20)])
    ours, oracle = found[1], found[0]
    assert [[text for text, _ in hits] for hits in ours] == [[text for text, _ in hits] for hits in oracle]
    scores = [[score for _, score in hits] for hits in ours]
    assert scores == [pytest.approx([score for _, score in hits], abs=1e-3) for hits in oracle]


def test_log_odds() -> None:
    assert log_odds(0.5) == 0
    assert log_odds(0.9) == pytest.approx(2.1972245773362196)
    assert [log_odds(1.0), log_odds(0.0)] == pytest.approx([4.59511985013459, -4.59511985013459])


def test_a_reader_sees_words_of_the_writer_come_and_go(tmp_path: Path) -> None:
    path = tmp_path / "a.memoria"
    with memoria.open(path, embedder=HashEmbedder(64)) as writer:
        first, *_ = writer.remember_many([f"fact {n}" for n in range(40)])
        with memoria.open(path, mode="r", embedder=HashEmbedder(64)) as reader:
            reader.recall("fact", k=1)
            (space,) = reader.store._spaces.values()  # type: ignore[attr-defined]  # RAM is what is looked at
            index = space.words
            fresh = writer.remember("xylophone")
            assert reader.recall("xylophone", k=1)[0].memory == fresh
            amended = writer.amend(first.id, text="yttrium")
            assert reader.recall("yttrium", k=1)[0].memory == amended
            writer.forget(fresh.id)
            assert fresh not in [hit.memory for hit in reader.recall("xylophone", k=50)]
            # What is new was taken in: nothing was built again, and the state is that of a build all the same.
            assert space.words is index
            assert "xylophon" not in str(index.state())
            with memoria.open(path, mode="r", embedder=HashEmbedder(64)) as late:
                late.recall("fact", k=1)
                (other,) = late.store._spaces.values()  # type: ignore[attr-defined]
                assert other.words.state() == index.state()


def test_a_reader_searches_again_without_each_that_the_writer_forgot(tmp_path: Path) -> None:
    """Whatever the numbers of their slots and of the namespace."""
    path = tmp_path / "a.memoria"
    with memoria.open(path, embedder=HashEmbedder(64)) as writer:
        left = writer.remember_many([f"xylophone {n}" for n in range(5)])
        with memoria.open(path, mode="r", embedder=HashEmbedder(64)) as reader:
            reader.recall("xylophone", k=9)
            while len(left) > 1:
                writer.forget(left.pop(1).id)
                assert {hit.memory.id for hit in reader.recall("xylophone", k=9)} == {one.id for one in left}


def test_a_reader_drops_at_a_commit_what_was_forgotten_before_it(tmp_path: Path) -> None:
    path = tmp_path / "a.memoria"
    with memoria.open(path, embedder=HashEmbedder(64)) as writer:
        secret = writer.remember("xylophone")
        writer.remember("fact")
        with memoria.open(path, mode="r", embedder=HashEmbedder(64)) as reader:
            reader.recall("fact", k=1)
            (space,) = reader.store._spaces.values()  # type: ignore[attr-defined]  # RAM is what is looked at
            assert "xylophon" in str(space.words.state())
            writer.forget(secret.id)
            writer.remember("another")
            reader.list()
            assert "xylophon" not in str(space.words.state())


def test_json_of_hits_holds_the_terms(memory: memoria.Memoria) -> None:
    hit = memory.recall("bicycle", k=1)[0]
    assert json.loads(json.dumps(dict(hit.terms)))["words"] > 0

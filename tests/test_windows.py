"""What a memory without a salience is judged beside: the last of its namespace, and nothing of what is gone from it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import memoria
from memoria import Draft, InvalidMemory, InvalidQuery, Memoria, Memory, Provenance
from memoria.retention import windows
from memoria.retention.salience import SIZE, Turn
from memoria.retention.windows import latest
from memoria.stores import InMemoryStore, LocalStore
from memoria.stores.local import reading
from memoria.testing import HashEmbedder

EMBEDDER = HashEmbedder(16)
START = datetime(2026, 3, 1, tzinfo=UTC)
TEXT = "My sister Anna moved to Oslo on 3 May 2021, after twelve years in Rome."
SAID = (
    "Hi!", "How was your week?", "We bought a red bicycle for 240 euros, and a lock.", "ok", "I was in Rome last May.",
    "Anna told me that her dentist moved to Lima in 2019.", "Could you book it?", "Thanks a lot, see you on Friday.",
)  # fmt: skip
DRAFTS = st.lists(
    st.builds(
        lambda text, speaker, session, value, seen: Draft(
            text=text,
            provenance=Provenance(speaker=speaker, session=session),
            salience=value,
            visible_to=seen,
        ),
        st.sampled_from(SAID),
        st.sampled_from([None, "ada", "assistant"]),
        st.sampled_from([None, "1", "2"]),
        st.sampled_from([None, None, None, 0.7]),
        st.sampled_from([None, None, None, ("ada",)]),
    ),
    min_size=2,
    max_size=30,
)


def opened(path: object = ":memory:", **behaviour: Any) -> Memoria:
    ticks = iter(range(1, 10**6))
    return memoria.open(
        str(path), embedder=EMBEDDER, clock=lambda: START + next(ticks) * timedelta(hours=1), **behaviour
    )


def window(memory: Memoria, namespace: tuple[str, ...] = ()) -> Any:
    """The window of a namespace, as it is in RAM or is read now."""
    return memory.store._windows._window(namespace)  # type: ignore[attr-defined]


def lines(count: int) -> list[Draft]:
    return [
        Draft(
            text=f"{SAID[n % len(SAID)]} Number {n % 37}, said by Kim {n % 11}.", created_at=START + timedelta(hours=n)
        )
        for n in range(count)
    ]


@settings(max_examples=25)
@given(drafts=DRAFTS)
def test_a_batch_is_judged_as_one_by_one(drafts: list[Draft]) -> None:
    with opened() as one, opened() as many:
        apart = [one.remember_many([draft])[0] for draft in drafts]
        half = len(drafts) // 2
        together = [*many.remember_many(drafts[:half]), *many.remember_many(drafts[half:])]
        assert [made.salience for made in together] == [made.salience for made in apart]
        assert [made.judged for made in together] == [draft.salience is None for draft in drafts]
        assert all(made.salience == 0.7 for made in together if not made.judged)


def test_a_batch_longer_than_a_window_is_judged_as_one_by_one() -> None:
    drafts = lines(SIZE + 40)
    with opened() as one, opened() as many:
        apart = [one.remember_many([draft])[0].salience for draft in drafts]
        assert [made.salience for made in many.remember_many(drafts)] == apart
        assert many.remember(TEXT).salience == one.remember(TEXT).salience
        assert len(set(apart)) > 20


def test_a_number_that_is_given_stays_and_a_judged_one_follows_the_text() -> None:
    with opened() as memory:
        told, judged = memory.remember("ok", salience=0.5), memory.remember("ok then")
        assert (told.salience, told.judged, judged.judged) == (0.5, False, True)
        assert memory.amend(told.id, text=TEXT).salience == 0.5
        after = memory.amend(judged.id, text=f"{TEXT} So I heard.")
        assert (after.judged, after.salience > judged.salience) == (True, True)
        assert memory.amend(after.id, subject="anna").salience == after.salience
        assert memory.amend(told.id, salience=None).judged
        assert memory.amend(judged.id, salience=0.25).judged is False
        assert memory.amend(judged.id, text="Later.").salience == 0.25
        assert memory.trace(judged.id).salience == 0.25
        assert memory.supersede(told.id, Draft(text=TEXT, salience=0.1)).salience == 0.1


def test_it_is_a_number_of_two_decimals_for_it_is_stored_in_clear() -> None:
    with opened() as memory:
        found = [made.salience for made in memory.remember_many(lines(100))]
        assert all(value == round(value, 2) for value in found)
        assert all(0 <= value <= 1 for value in found)


def test_one_key_is_one_memory_however_it_was_judged() -> None:
    with opened() as memory:
        one = memory.remember(TEXT, key="k")
        memory.remember_many(lines(20))
        assert memory.remember(TEXT, key="k") == one
        with pytest.raises(memoria.KeyConflict, match="salience"):
            memory.remember(TEXT, key="k", salience=0.3)


@pytest.fixture(params=["memory", "local", "sealed", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """How to open a store of each kind."""
    if request.param == "postgres":
        return {"path": request.getfixturevalue("database")}
    known: dict[str, dict[str, Any]] = {
        "memory": {},
        "local": {"path": tmp_path / "a"},
        "sealed": {"path": tmp_path / "a", "unlock": "0" * 64},
    }
    return known[request.param]


def test_every_store_judges_alike_and_says_the_same_when_it_is_opened_again(place: dict[str, Any]) -> None:
    with opened() as plain:
        expected = [made.salience for made in plain.remember_many(lines(40))]
        then = plain.remember(TEXT).salience
    with opened(**place) as memory:
        made = memory.remember_many(lines(40))
        assert [one.salience for one in made] == expected
        assert memory.list() == made
        if "path" not in place:
            assert memory.remember(TEXT).salience == then
    if "path" in place:
        with opened(**place) as again:
            assert again.list() == made
            assert again.remember(TEXT).salience == then


def test_a_window_is_the_last_of_a_namespace_however_often_it_is_read(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as memory:
        made = memory.remember_many(lines(SIZE + 50))
        memory.namespace("other").remember("Elsewhere.")
        assert {one.id for one in made[-SIZE:]} == set(window(memory)._seen)
        spoken = []
    for _ in range(2):
        with opened(tmp_path / "a") as memory:
            assert [one.id for one in made[-SIZE:]] == list(window(memory)._seen)
            one = memory.remember(TEXT)
            spoken.append(one.salience)
            memory.forget(one.id, guard="none")
    assert spoken[0] == spoken[1]


GOING: dict[str, Callable[[Memoria, Memory], object]] = {
    "forget": lambda memory, one: memory.forget(one.id),
    "amend": lambda memory, one: memory.amend(one.id, text="Nothing of note."),
    "archive": lambda memory, one: memory.archive(one.id),
    "restrict": lambda memory, one: memory.restrict("Zyxgon", reason="asked"),
    "namespace": lambda memory, one: memory.forget(namespace=()),
}


@pytest.mark.parametrize("act", GOING)
def test_nothing_of_what_is_gone_is_in_ram(act: str) -> None:
    with opened() as memory:
        memory.remember_many(lines(10))
        before = window(memory).features(Turn(text="Zyxgon blart, at Quux."))
        one = memory.remember("Zyxgon blart.")
        assert one.id in window(memory)
        GOING[act](memory, one)
        stems = {stem for seen in window(memory)._seen.values() for stem in seen.stems}
        assert not any(word in stem for stem in stems for word in ("zyxgon", "blart"))
        assert set(window(memory)._found) == stems
        assert (one.id in window(memory)) == (act == "amend")
        if act == "forget":
            assert (window(memory).features(Turn(text="Zyxgon blart, at Quux.")) == before).all()


def test_what_is_brought_back_is_there_again() -> None:
    with opened() as memory:
        one, *_ = memory.remember_many(lines(5))
        memory.archive(one.id)
        assert one.id not in window(memory)
        memory.restore(one.id)
        assert one.id in window(memory)


def test_a_salience_tells_nothing_of_what_others_see() -> None:
    with opened() as plain, opened() as mixed:
        for n, draft in enumerate(lines(30)):
            mixed.remember(f"A secret of number {n}: {TEXT}", visible_to=["eve"])
            assert mixed.remember_many([draft])[0].salience == plain.remember_many([draft])[0].salience
        ada = mixed.reading_as("ada")
        assert ada.remember(TEXT).salience == plain.remember(TEXT).salience


def test_it_is_judged_by_what_is_stored_where_an_order_takes_a_value_out() -> None:
    with opened() as plain, opened() as ordered:
        for memory in (plain, ordered):
            memory.remember_many(lines(10))
        ordered.forget(mentions="Anna Karenina", standing=True, on_match="redact")
        (kept,) = ordered.remember_many(["In 2019, I met Anna Karenina in Rome, on 3 May."])
        assert "Karenina" not in kept.text
        assert kept.salience == plain.remember(kept.text).salience
        assert ordered.trace(kept.id).salience == kept.salience


def test_who_opens_a_store_may_say_who_judges() -> None:
    with opened(salience="flat") as memory:
        one = memory.remember(TEXT)
        assert (one.salience, one.judged) == (0.5, True)
        assert memory.store._windows._windows == {}  # type: ignore[attr-defined]
    with opened(salience="alone") as memory:
        one, *_, last = memory.remember_many([TEXT, *lines(20), TEXT])
        assert one.salience == last.salience == memory.remember(TEXT).salience
        assert memory.store._windows._windows == {}  # type: ignore[attr-defined]
    with opened(salience=lambda memory: min(len(memory.text) / 100, 1)) as memory:
        assert memory.remember("four").salience == 0.04
        assert memory.remember("four", salience=0.9).salience == 0.9
    for wrong in ("loud", 3, ["text"]):
        with pytest.raises(InvalidQuery, match="salience is"):
            opened(salience=wrong)
    for value, rule in ((7, "not in"), (float("nan"), "not in"), ("high", "str, not a number"), (True, "bool")):
        with opened(salience=lambda memory, value=value: value) as memory:
            with pytest.raises(InvalidMemory, match=rule):
                memory.remember(TEXT)
            assert len(memory) == 0


def test_threads_leave_a_window_of_what_is_there() -> None:
    problems: list[BaseException] = []

    def work(memory: Memoria, name: str) -> None:
        try:
            for n in range(25):
                made = memory.remember_many([f"{name} says {n}: {SAID[n % 8]}", f"{name} adds {n}."])
                if n % 3 == 0:
                    memory.forget(made[0].id)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test shows it
            problems.append(error)

    with opened() as memory:
        threads = [threading.Thread(target=work, args=(memory, name)) for name in ("ada", "bob", "eve")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert set(window(memory)._seen) == {one.id for one in memory.list()}


def test_what_is_erased_while_a_window_is_read_is_not_in_it() -> None:
    class Slow(InMemoryStore):
        """Lets something happen between the reading of a namespace and its end."""

        def latest(self, namespace: tuple[str, ...], limit: int) -> list[Memory]:
            found = super().latest(namespace, limit)
            while pending:
                pending.pop()()
            return found

    pending: list[Callable[[], object]] = []
    with Memoria(Slow(EMBEDDER.card), EMBEDDER) as memory:
        one, two = memory.remember_many(["Zyxgon blart.", "Another."])
        memory.store._windows.clear()  # type: ignore[attr-defined]
        pending += [lambda: memory.remember("Blart again."), lambda: memory.forget(one.id)]
        last = memory.remember(TEXT)
        assert set(window(memory)._seen) == {one.id for one in memory.list()}
        assert {two.id, last.id} < set(window(memory)._seen)
        memory.store._windows.clear()  # type: ignore[attr-defined]
        pending.append(lambda: memory.forget(namespace=()))
        memory.remember(TEXT)
        assert set(window(memory)._seen) == {one.id for one in memory.list()}


def test_what_other_processes_do_is_taken_in_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened() as memory:
        made = memory.remember_many(["Zyxgon blart.", "Another."])
        bare = memory.store._store  # type: ignore[attr-defined]
        assert made[0].id in window(memory)
        bare.erase([made[0].id])
        assert made[0].id in window(memory)
        bare.others_write = True
        monkeypatch.setattr(windows, "FRESH", -1.0)
        assert made[0].id not in window(memory)


def test_a_window_that_only_this_process_wrote_to_is_not_read_again(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "FRESH", -1.0)
    read = list[str]()

    def again(*given: Any) -> Any:
        read.append("again")
        return latest(*given)

    monkeypatch.setattr(windows, "latest", again)
    with opened(database) as memory, opened(database) as other:
        made = memory.remember_many(["Zyxgon blart.", *lines(30)])
        assert set(window(memory)._seen) == {one.id for one in made}
        del read[:]
        memory.remember("Blart again.")
        memory.forget(made[0].id)
        memory.remember_many(lines(5))
        assert set(window(memory)._seen) == {one.id for one in memory.list()}
        assert read == []
        others = other.remember("Somebody else said so."), other.namespace("below").remember("Not here.")
        other.forget(made[1].id)
        del read[:]
        assert set(window(memory)._seen) == {one.id for one in memory.list() if one.id != others[1].id}
        assert read == ["again"]
        other.forget(namespace=())
        assert len(window(memory)) == 0
        memory.remember("Anew.")
        assert set(window(memory)._seen) == {one.id for one in memory.list()}


def test_reading_a_window_sorts_and_scans_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as memory:
        memory.remember_many(lines(50))
        store = memory.store._store  # type: ignore[attr-defined]
        assert isinstance(store, LocalStore)
        plan = " ".join(row[3] for row in store._database.rows(f"EXPLAIN QUERY PLAN {reading._LATEST}", 1, b"", 9, 0))
        assert "memory_by_time" in plan
        assert "TEMP B-TREE" not in plan
        assert "SCAN" not in plan


def test_a_store_without_the_method_is_asked_by_filter() -> None:
    class Older:
        """A store of before."""

        def __init__(self, store: Any) -> None:
            self.select, self.read = store.select, store.read

    with opened() as memory:
        memory.remember_many(lines(20))
        memory.remember("Hidden.", visible_to=["ada"])
        memory.namespace("below").remember("Below.")
        for limit in (1, 5, 50):
            older: Any = Older(memory.store)
            seen = [one for one in memory.list() if one.namespace == () and one.visible_to is None]
            assert latest(older, (), limit) == latest(memory.store, (), limit) == seen[-limit:]


def test_few_namespaces_have_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "_KEPT", 2)
    with opened() as memory:
        for name in "abcab":
            memory.namespace(name).remember(TEXT)
        assert list(memory.store._windows._windows) == [("a",), ("b",)]  # type: ignore[attr-defined]


def test_a_long_text_is_judged_by_its_beginning() -> None:
    with opened() as memory:
        memory.remember(" ".join(f"w{n}" for n in range(5000)))
        (seen,) = window(memory)._seen.values()
        assert 1000 < len(seen.stems) < 2000


def test_a_judged_salience_counts_in_no_score_and_a_given_one_does() -> None:
    with opened() as memory:
        judged, told = memory.remember(TEXT), memory.remember(f"{TEXT} So she said.", salience=0.8)
        terms = {hit.memory.id: hit.terms["salience"] for hit in memory.recall("Where did Anna move?")}
        assert terms[judged.id] == 0
        assert terms[told.id] == pytest.approx(0.1 * 1.3863, abs=1e-4)

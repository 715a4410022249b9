"""Sleep that distils: it chooses what is durable, keeps to its seconds, and leaves whole shards."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import memoria
from memoria.cli import app
from memoria.distill import nightly, shards
from memoria.distill.durable import REASONS, Durable, Worth, durable
from memoria.distill.nightly import PACE, Stint, plan, saved_per_day
from memoria.distill.shards import name_of
from memoria.distill.shards import plan as planned
from memoria.distill.train import tensors_sha256
from memoria.distill.unlearn import exports, manifests
from memoria.engine import weights as engine
from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery, ModelNotFound
from memoria.evaluation.bench import month
from memoria.policies import Exponential, Salience
from memoria.protocols import Change
from memoria.recall.context import estimate_tokens
from memoria.stores import InMemoryStore, LocalStore
from memoria.testing import HashEmbedder
from memoria.types import Link, Memory, Recalled
from tests import tiny_model
from tests.distill_worker import EMBEDDER, EQUAL, FACTS, ONE
from tests.tiny_model import RECIPE

ROOT = Path(__file__).parents[1]
AT = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = Exponential()
KEEPER = Salience(base=POLICY)
LONG = 3600.0
# Steps between two kills of a night; 1 is every one, nightly.
NIGHT_STEP = int(os.environ.get("MEMORIA_NIGHT_STEP", "3"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.make(tmp_path_factory.mktemp("tiny"))


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(tmp_path: Path, clock: Clock) -> Iterator[Memoria]:
    """An empty store in a folder, with a clock that is set by hand."""
    embedder = HashEmbedder(64)
    with Memoria(LocalStore(tmp_path / "a.memoria", embedder=embedder.card), embedder, clock=clock) as memory:
        yield memory


def found(memory: Memoria, at: datetime = AT, cap: int = 1000) -> Durable:
    return durable(memory.store, POLICY, KEEPER, (), at, cap)


def best(memory: Memoria, at: datetime = AT, cap: int = 1000) -> list[str]:
    return [one.memory.id for one in found(memory, at, cap).best]


def adapters(memory: Memoria) -> Path:
    assert isinstance(memory.store, LocalStore)
    return memory.store.path / "adapters"


def held(memory: Memoria) -> set[str]:
    return {id for one in manifests(adapters(memory)).values() if one is not None for id in one.ids}


def slept(memory: Memoria, tiny: Path, **how: Any) -> memoria.Dream:
    """What a night dreamt that gathers nothing, settles nothing, and has time."""
    plain = {"distil": True, "model": tiny, "recipe": ONE, "seconds": LONG, "detector": None, "like": 1.0}
    night = memory.sleep(**{**plain, **how})
    dream: memoria.Dream | None = night.dream
    assert dream is not None
    return dream


# -- choosing --


def leave_out(memory: Memoria, reason: str) -> str:
    """Remembers something and gives it a reason to be left out; returns its id."""
    if reason == "question":
        return memory.remember("What is the colour of my car?", salience=0.9).id
    if reason == "slight":
        return memory.remember("nothing of note", salience=0.1).id
    if reason == "audience":
        return memory.remember("for Bob alone", salience=0.9, visible_to=["bob"]).id
    if reason == "due":
        return memory.remember("soon over", salience=0.9, expires_at=AT + timedelta(hours=1)).id
    one = memory.remember("Ada's badge is tag 7.", salience=0.9, subject="Ada").id
    if reason == "doubtful":
        other = memory.remember("That may be wrong.", salience=0.9).id
        link = Link(parent=one, child=other, relation="doubts", weight=5.0, judge="tests")
        memory.store.revise(Change(links=(link,)))
        memory.forget(memory.remember("gone").id)
    if reason == "archived":
        memory.archive(one)
    if reason == "restricted":
        memory.restrict("Ada", reason="as asked")
    if reason == "held":
        memory.hold(one, reason="a claim")
    if reason == "ended":
        memory.expire(one)
    return one


@pytest.mark.parametrize("reason", REASONS)
def test_what_is_not_durable_is_left_out_and_counted(memory: Memoria, clock: Clock, reason: str) -> None:
    kept = memory.remember("Bob's dog is Rex.", salience=0.9).id
    one = leave_out(memory, reason)
    clock.now += timedelta(hours=2)
    chosen = found(memory, clock.now)
    ids = [each.memory.id for each in chosen.best]
    assert one not in ids
    assert kept in ids
    assert chosen.left_out[reason] == 1
    assert (one in chosen.stay) == (reason == "slight")


def test_that_it_is_fresh_makes_nothing_durable(memory: Memoria) -> None:
    one, pinned = (memory.remember(text, salience=0.5).id for text in ("told just now", "a pinned fact"))
    memory.pin(pinned)
    for at in (AT, AT + timedelta(days=400)):
        now = found(memory, at)
        assert [each.memory.id for each in now.best] == [pinned]
        assert now.left_out == {"slight": 1}
        assert now.stay == {one, pinned}


def test_the_pinned_come_first_then_value_then_age(memory: Memoria, clock: Clock) -> None:
    first, plain, often, pinned = (
        memory.remember(text, salience=salience).id
        for text, salience in (("Ada one", 0.8), ("Bob two", 0.8), ("Cy three", 0.8), ("Di four", 0.3))
    )
    memory.reinforce(often)
    memory.pin(pinned)
    assert memory.trace(often).retrievals == 1
    assert best(memory) == [pinned, often, first, plain]
    assert best(memory, cap=2) == [pinned, often]
    assert found(memory, cap=2).left_out == {"cap": 2}


@pytest.mark.parametrize(("salience", "repeats"), [(0.75, 0), (0.5, 1), (0.3, 4)])
def test_repeats_make_durable_what_is_slight(memory: Memoria, salience: float, repeats: int) -> None:
    one = memory.remember("barely said", salience=salience).id
    for n in range(repeats):
        assert best(memory) == [], n
        memory.reinforce(one)
        assert memory.trace(one).retrievals == n + 1
    (chosen,) = found(memory).best
    assert chosen.repeats == repeats
    # A year later retrievability is gone, and salience is two thirds of what a budget keeps by.
    assert chosen.worth == pytest.approx(salience / 1.5, abs=0.03)
    assert chosen.value == pytest.approx(chosen.worth * (1 + math.log(1 + repeats)))


def test_the_cap_is_of_each_namespace_and_the_best_of_all_come_first(memory: Memoria) -> None:
    slow = [memory.namespace("a").remember(f"{n} a", salience=0.8).id for n in range(3)]
    fast = [memory.namespace("b").remember(f"{n} b", salience=0.9).id for n in range(3)]
    assert best(memory, cap=2) == [*fast[:2], *slow[:2]]


def test_parts_of_a_gist_are_judged_one_by_one(memory: Memoria) -> None:
    ids = [memory.remember(f"Ada's badge is tag {n}.", salience=0.9).id for n in range(3)]
    memory.expire(memory.remember("Ada's badge is tag 9.").id)
    gist = memory.consolidate(*ids)
    assert set(best(memory)) == set(ids)
    memory.hold(gist.id, reason="a claim")
    assert best(memory) == []
    assert found(memory).left_out == {"ended": 1, "held": 3}


# -- what fits --


def _memory(n: int, home: str = "a") -> Memory:
    return Memory(id=f"{n:032x}", namespace=(home,), text=f"{n}", created_at=AT)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 4), st.integers(0, 20), st.data())
def test_a_plan_keeps_what_was_begun_and_takes_the_best_that_fit(
    begun: int, new: int, size: int, room: int, data: st.DataObject
) -> None:
    old, fresh = [_memory(n) for n in range(begun)], [_memory(100 + n) for n in range(new)]
    fit = data.draw(st.sets(st.sampled_from([one.id for one in old]))) if old else set()
    there = {name_of([one.id for one in shard]) for shard in planned(old, size)}
    worth = tuple(Worth(memory=one, worth=1.0, repeats=0) for one in fresh)
    found = Durable(best=worth, stay=frozenset({*fit, *(one.id for one in fresh)}))
    made = plan(found, old, there, replace(RECIPE, size=size, own_rank=0), room)
    stay = [one for one in old if one.id in fit]
    taken = made.chosen[len(stay) :]
    assert list(made.chosen[: len(stay)]) == stay
    assert [*taken, *made.later] == fresh
    assert not taken or len(made.missing) <= room
    if size == 1:
        assert len(taken) == min(room, new)
        assert set(made.missing) == {(one.id,) for one in taken}


def test_a_stint_stops_when_the_next_shard_would_not_end_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    fresh = Stint(1.0, None)
    assert (fresh.pace, fresh.measured, fresh.noted) == (PACE, False, None)
    # Of the first shard nothing is known.
    assert not fresh()
    now[0] += 3.0
    assert fresh()
    assert (fresh.pace, fresh.measured, fresh.noted) == (3.0, True, 3.0)
    known = Stint(10.0, 2.0)
    asked = []
    for took in (2.0, 4.0, 1.0):
        asked.append(known())
        now[0] += took
    # 2, then 4 seconds: with 4 left, a third of 4 still fits; then nothing does.
    assert [*asked, known()] == [False, False, False, True]
    assert (known.pace, known.noted) == (4.0, 1.0)
    slow = Stint(1.0, 2.0)
    assert slow()
    # So that nothing waits for ever because a machine was busy once.
    assert slow.noted == 1.0
    assert Stint(LONG, 2.0, lambda: True)()
    assert Stint(float("inf"), 2.0).room() > 1000


# -- nights --


def test_a_night_learns_what_is_durable_and_the_next_nothing(
    memory: Memoria, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [one.id for one in memory.remember_many(EQUAL)]
    slight = memory.remember("nothing of note", salience=0.1).id
    dream = slept(memory, tiny)
    assert set(dream.learnt) == set(ids) == held(memory)
    assert slight not in held(memory)
    sizes = [path.stat().st_size for path in manifests(adapters(memory))]
    assert (dream.memories, dream.bytes, dream.waiting, dream.left) == (len(ids), sum(sizes), (), ())
    assert dream.left_out == {"slight": 1}
    assert dream.measured
    monkeypatch.setattr(nightly, "distill", pytest.fail)
    again = slept(memory, tiny)
    assert (again.learnt, again.memories) == ((), len(ids))
    assert again.pace <= dream.pace


def test_a_dry_run_says_what_would_be_learnt_and_writes_nothing(memory: Memoria, tmp_path: Path) -> None:
    ids = [one.id for one in memory.remember_many(EQUAL)]
    # No model is needed for it.
    dream = slept(memory, tmp_path / "no model", dry_run=True)
    assert set(dream.learnt) == set(ids)
    assert (dream.dry_run, dream.measured, dream.seconds) == (True, False, PACE * len(ids))
    assert not adapters(memory).exists()
    few = slept(memory, tmp_path / "no model", dry_run=True, seconds=2 * PACE + 1)
    assert list(few.learnt) == ids[:2]
    assert list(few.waiting) == ids[2:]


def test_a_night_that_is_too_short_goes_on_in_the_next(
    memory: Memoria, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [one.id for one in memory.remember_many(EQUAL)]
    for id in ids[3:]:
        memory.reinforce(id)
    first = slept(memory, tiny, seconds=1e-9)
    # The first shard of all is trained, for nobody knows how long it takes; it is of the best.
    assert list(first.learnt) == [ids[3]]
    assert [*first.learnt, *first.waiting] == [*ids[3:], *ids[:3]]
    pace = nightly.habit(adapters(memory)).pace
    assert pace is not None
    assert slept(memory, tiny, seconds=1e-9).learnt == ()
    assert held(memory) == {ids[3]}
    # So that a machine that was busy once does not keep all others out for ever.
    assert nightly.habit(adapters(memory)).pace == pace / 2
    monkeypatch.setattr(nightly.Stint, "room", lambda self: max(0, 2 - len(self._took)))
    learnt: list[str] = []
    for _ in range(2):
        learnt += slept(memory, tiny).learnt
    assert learnt == [ids[4], *ids[:3]]
    assert held(memory) == set(ids)


def test_what_a_night_began_is_learnt_before_anything_new(memory: Memoria, tiny: Path) -> None:
    ids = [one.id for one in memory.remember_many(EQUAL[:3])]
    asked = iter([False, False, False, True, True, True, True, True])
    dream = memory._dreamt(AT, seconds=LONG, cap=9, model=tiny, recipe=ONE, pause=lambda: next(asked))
    assert len(dream.learnt) == 3
    new = memory.remember(FACTS[3], salience=1.0).id
    paused = memory._dreamt(AT, seconds=LONG, cap=9, pause=lambda: True)
    assert paused.learnt == ()
    assert paused.waiting == (new,)
    best_of_all = memory.remember(FACTS[4], salience=1.0).id
    memory.pin(best_of_all)
    would = slept(memory, tiny, dry_run=True, recipe=None, model=None, seconds=1e-9)
    assert would.learnt == (new,)
    assert would.waiting == (best_of_all,)
    assert set(ids) <= held(memory)


def test_what_is_not_fit_any_more_leaves_weights_and_what_fades_stays(
    memory: Memoria, tiny: Path, clock: Clock
) -> None:
    ids = [one.id for one in memory.remember_many(EQUAL)]
    slept(memory, tiny)
    memory.expire(ids[0])
    memory.archive(ids[1])
    clock.now += timedelta(days=400)
    dream = slept(memory, tiny)
    assert dream.left == tuple(sorted(ids[:2]))
    assert held(memory) == set(ids[2:])
    assert dream.learnt == ()


def test_a_forgotten_memory_is_wiped_first_and_never_learnt_again(memory: Memoria, tiny: Path) -> None:
    ids = [one.id for one in memory.remember_many(EQUAL)]
    slept(memory, tiny, recipe=RECIPE)
    receipt = memory.forget(ids[0])
    assert len(receipt.shards) == 1
    missing = set(ids[1:]) - held(memory)
    night = memory.sleep(detector=None)
    assert night.dream is not None
    # What had shared its shard is learnt again, by the same recipe.
    assert set(night.relearnt) >= missing
    assert held(memory) == set(ids[1:])


def test_nights_learn_to_the_bit_what_distill_does(memory: Memoria, tiny: Path, tmp_path: Path) -> None:
    ids = [one.id for one in memory.remember_many(EQUAL[:3])]
    slept(memory, tiny)
    mine = {path.name: one for path, one in manifests(adapters(memory)).items()}
    memory.sleep(distil=False, detector=None)
    memory.forget(memory.remember("gone soon").id)
    for path in manifests(adapters(memory)):
        path.unlink()
    memory.distill(tiny, recipe=ONE, select=ids)
    assert {path.name: one for path, one in manifests(adapters(memory)).items()} == mine
    assert all(one is not None and one.tensors for one in mine.values())
    assert tensors_sha256({}) not in {one.tensors for one in mine.values() if one is not None}


def test_sleep_distils_only_when_told_and_goes_on_until_told_not_to(
    memory: Memoria, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.remember_many(EQUAL[:2])
    assert memory.sleep(detector=None).dream is None
    memory.distill(tiny, recipe=ONE, select=[memory.list()[0].id])
    # Distilled by hand: that is no order for nights.
    assert memory.sleep(detector=None).dream is None
    assert slept(memory, tiny).memories == 2
    memory.remember(FACTS[2], salience=0.9)
    night = memory.sleep(detector=None)
    assert night.dream is not None
    assert len(night.dream.learnt) == 1
    memory.remember(FACTS[3], salience=0.9)
    assert memory.sleep(detector=None, distil=False, dry_run=True).dream is None
    assert memory.sleep(detector=None, dry_run=True).dream is not None
    assert memory.sleep(detector=None, distil=False).dream is None
    assert memory.sleep(detector=None).dream is None
    assert len(held(memory)) == 3


def test_a_night_that_is_not_told_passes_over_what_it_cannot_do(
    memory: Memoria, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.remember(FACTS[0], salience=0.9)
    slept(memory, tiny)
    memory.remember(FACTS[1], salience=0.9)

    def gone(*_: object) -> None:
        raise ModelNotFound("moved")

    monkeypatch.setattr(engine, "_loaded", gone)
    assert memory.sleep(detector=None).dream is None
    with pytest.raises(ModelNotFound):
        memory.sleep(detector=None, distil=True)


def test_what_cannot_be_done_is_said_before_anything_is(memory: Memoria, tmp_path: Path) -> None:
    with memoria.open(":memory:", embedder=HashEmbedder()) as other, pytest.raises(InvalidQuery, match="folder"):
        other.sleep(distil=True)
    one = memory.remember("soon over", expires_at=AT + timedelta(hours=1)).id
    tried: list[tuple[type[Exception], Any]] = [
        (ModelNotFound, {"distil": True, "model": tmp_path}),
        (InvalidQuery, {"distil": True, "seconds": 0}),
        (InvalidQuery, {"distil": "yes"}),
    ]
    for wrong, how in tried:
        with pytest.raises(wrong):
            memory.sleep(at=AT + timedelta(days=1), **how)
    assert memory.get(one).id == one


def test_tokens_saved_are_recalls_times_the_line_of_each_by_day() -> None:
    embedder = HashEmbedder(64)
    with Memoria(InMemoryStore(embedder=embedder.card), embedder, clock=lambda: AT, reinforce="never") as memory:
        one, other = (memory.remember(text).id for text in ("Ada's badge is tag 1.", "Bob's badge is tag 22."))
        trace = memory.trace(one)
        days = (0, 2, 4, 40)
        lines = [Recalled(id=one, at=AT - timedelta(days=day), found=True) for day in days]
        lines += [Recalled(id=other, at=AT, found=True), Recalled(id=one, at=AT, found=False)]
        memory.store.retrace({one: trace}, sorted(lines, key=lambda line: line.at))
        tokens = estimate_tokens("- 2026-01-01: Ada's badge is tag 1.\n")
        # Three within thirty days, the first of them four days ago.
        assert saved_per_day(memory.store, (), {one}, AT) == (3 * tokens / 4, 4.0)
        assert saved_per_day(memory.store, (), set(), AT) == (0, 4.0)
        assert saved_per_day(memory.store, ("elsewhere",), {one}, AT)[1] == 1.0


def test_a_use_of_a_gist_saves_the_lines_of_its_parts(memory: Memoria) -> None:
    ids = [memory.remember(f"Ada's badge is tag {n}.").id for n in range(2)]
    gist = memory.consolidate(*ids)
    memory.reinforce(gist.id)
    memory.trace(gist.id)
    line = estimate_tokens("- 2026-01-01: Ada's badge is tag 1.\n")
    assert saved_per_day(memory.store, (), set(ids), AT) == (2 * line, 1.0)


# -- the command line --


def test_the_command_line_dreams(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORIA_STORE", str(tmp_path / "a.memoria"))
    monkeypatch.setattr(nightly, "RECIPE", ONE)
    with memoria.open(tmp_path / "a.memoria") as memory:
        memory.remember_many(EQUAL[:2])

    def said(*arguments: str) -> Any:
        done = CliRunner().invoke(app, ["sleep", "--like", "1", *arguments])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)["dream"] if "--json" in arguments else done.stderr

    would = said("--distil", "--dry-run", "--seconds", "100", "--json")
    assert (len(would["learnt"]), would["seconds"], would["dry_run"]) == (2, 2 * PACE, True)
    done = said("--distil", "--model", str(tiny), "--seconds", "100", "--json")
    assert (len(done["learnt"]), done["memories"], done["waiting"]) == (2, 2, [])
    assert done["bytes"] > 0
    told = said("--distil")
    assert "0 learnt into weights" in told
    assert "tokens of prompts a day" in " ".join(told.split())
    assert said("--no-distil", "--json") is None


# -- crashes --


def lives(folder: Path, tiny: Path, way: str, step: int = 1) -> list[Path]:
    """The folders of processes that were killed some steps later each, and of the last, which came to its end."""
    command = [sys.executable, "-m", "tests.distill_worker", str(folder), str(tiny), way, str(step)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    found = sorted(folder.iterdir(), key=lambda one: int(one.name))
    assert [one.name for one in found if (one / "done").exists()] == [str(1 + step * (len(found) - 1))]
    return found


def test_a_night_that_is_killed_at_any_point_leaves_whole_shards_and_goes_on(tmp_path: Path, tiny: Path) -> None:
    made = lives(tmp_path, tiny, "night", NIGHT_STEP)
    assert int(made[-1].name) > 25
    for folder in made:
        after_a_kill(folder, tiny)


def after_a_kill(folder: Path, tiny: Path) -> None:
    gone = set((folder / "forgot").read_text().split() if (folder / "forgot").exists() else ())
    ids = (folder / "ids").read_text().split()
    before = manifests(folder / "a.memoria" / "adapters")
    with Memoria(LocalStore(folder / "a.memoria", embedder=EMBEDDER.card), EMBEDDER) as memory:
        there = {one.id for one in memory.list()}
        # Before anything is swept: a shard is whole, and none is of what is gone.
        for path, one in before.items():
            if one is None:
                assert not any(path.read_bytes()), folder.name
                continue
            assert set(one.ids) <= there - gone, folder.name
            # A kill may have cut the wiping of what is to be trained anew, never the writing.
            zeros = path.read_bytes()[-64:] == bytes(64)
            assert shards.read(path, one) is not None or zeros, folder.name
    with memoria.open(folder / "a.memoria", embedder=EMBEDDER) as memory:
        assert not list((folder / "a.memoria" / "adapters").glob("*.half"))
        # What was under way is taken up, by the recipe of before.
        night = memory.sleep(like=1, detector=None, distil=True, model=tiny, recipe=RECIPE, seconds=LONG)
        assert night.dream is not None
        assert night.dream.waiting == ()
        durable_now = {id for id in ids if id in there and not memory.trace(id).archived}
        assert held(memory) == durable_now, folder.name
        assert gone.isdisjoint(held(memory))


@pytest.mark.parametrize("way", ["peft", "merged"])
def test_an_export_that_is_killed_is_whole_or_not_there_and_is_forgotten(tmp_path: Path, tiny: Path, way: str) -> None:
    made = lives(tmp_path, tiny, way)
    assert len(made) > 8
    size = sorted(path.stat().st_size for path in (made[-1] / "out").rglob("*") if path.is_file())
    places = set()
    for folder in made:
        out, half = folder / "out", folder / "out.half"
        places.add((out.exists(), half.exists()))
        if out.exists():
            assert sorted(path.stat().st_size for path in out.rglob("*") if path.is_file()) == size, folder.name
        with memoria.open(folder / "a.memoria", embedder=EMBEDDER) as memory:
            # What was only begun is wiped at open.
            assert not list(half.rglob("*.safetensors")), folder.name
            was = out.exists()
            receipts = [memory.forget(id) for id in (folder / "ids").read_text().split()[:2]]
            assert not [path for path in folder.rglob("*.safetensors") if "out" in path.parts[-3:]], folder.name
            wiped = {one for receipt in receipts for one in receipt.exports}
            assert bool(wiped) == was, folder.name
            assert all(Path(one).is_relative_to(out.resolve()) for one in wiped)
            assert exports(adapters(memory)) == []
    assert places == {(False, False), (False, True), (True, False)}


def test_a_folder_that_is_named_like_a_half_is_an_export_like_any_other(
    memory: Memoria, tiny: Path, tmp_path: Path
) -> None:
    memory.remember_many(EQUAL[:1])
    slept(memory, tiny)
    to = tmp_path / "new.half" / "out.half"
    memory.distilled().export(to)
    memory.close()
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder(64)) as again:
        assert len(list(to.rglob("*.safetensors"))) == 1
        again.forget(again.list()[0])
        assert not list(to.rglob("*.safetensors"))


# -- a month --


def test_a_month_is_lived_told_and_drawn(tmp_path: Path, tiny: Path) -> None:
    told, chatter = month.made_up(4, 0)
    how = month.Month(days=5, facts=told, chatter=chatter, questions=2, forget=4, seconds=LONG, recipe=ONE)
    assert sorted(one.value for day in range(1, 6) for one in how.told(day)) == sorted(one.value for one in told)
    days = list(month.live(tmp_path, how, HashEmbedder(64), model=tiny))
    assert [day["day"] for day in days] == [1, 2, 3, 4, 5]
    report = month.summary(days)
    for way in (month.IN_PROMPT, month.IN_WEIGHTS, month.QUOTED):
        assert report["all days"][way]["answers"] == 10
    assert report["all days"][month.IN_PROMPT]["prompt tokens an answer"] > 50
    assert report["all days"][month.QUOTED]["prompt tokens an answer"] == 0
    assert report["forgotten"]["memories"] == 1
    assert report["forgotten"]["right afterwards"] == 0
    assert report["nights"]["in weights"] == report["nights"]["learnt"] - 1 >= 2
    drawing = ElementTree.fromstring(month.svg(days))
    lines = [one for one in drawing.iter() if one.tag.endswith("polyline")]
    assert len(lines) == 8
    assert all(0 <= float(xy.split(",")[0]) <= 360 for one in lines for xy in one.attrib["points"].split())


def test_of_memora_some_are_told_and_the_talk_is_of_the_same_people(tmp_path: Path) -> None:
    import gzip

    rows = [
        {
            "session_type": "preference" if n % 2 else "no_memory",
            "operation": "add",
            "operation_details": {"subcategory": "books", "preference": "like", "item": f"Book {n}"},
            "persona": f"p{n // 2 % 4}",
            "conversation": [
                {"speaker": "user_agent", "message": f"I like Book {n}.", "share_memory": bool(n % 2)},
                {"speaker": "ai_agent", "message": "Fine.", "share_memory": False},
            ],
        }
        for n in range(8)
    ]
    with gzip.open(tmp_path / "weekly_sessions.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    told, talk = month.of_memora(tmp_path, 2, 0)
    assert {one.home for one in told} == talk.keys() == {("personas", "p1"), ("personas", "p3")}
    assert talk["personas", "p1"] == ["I like Book 2."]
    assert all(one.draft.metadata is None for one in told)

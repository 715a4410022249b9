"""Retention by time: what is due is seen by nobody, and erased with what hangs on it; holds are stronger."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import memoria
from memoria.cli import app
from memoria.engine.memory import Memoria
from memoria.errors import Held, InvalidMemory, InvalidQuery, MemoryNotFound, StoreReadOnly
from memoria.forget.due import ACTION, LIFTED, PERIOD
from memoria.stores.local import Disk, LocalStore
from memoria.testing import HashEmbedder
from memoria.transfer.copying import copy
from memoria.transfer.jsonl import export, import_lines
from memoria.types import Memory, Provenance, RetentionPeriod, Where
from tests.clocked import DAY, START, Clock

WORDS = ["amber", "birch", "cedar", "delta", "ember", "flint", "grove", "heath", "inlet", "jetty", "knoll"]


@pytest.fixture
def opened(place: str, clock: Clock) -> Iterator[Memoria]:
    with memoria.open(place, embedder=HashEmbedder(16), clock=clock, judge=None) as memory:
        yield memory


def texts(memory: Memoria) -> list[str]:
    return sorted(one.text for one in memory.list())


def test_what_is_due_is_seen_by_no_verb_at_once_and_then_erased(opened: Memoria, clock: Clock) -> None:
    code = opened.remember("The code of the gate is 7741.", ttl=3 * DAY, subject="gate")
    kept = opened.remember("The gate is painted green.", subject="gate")
    made = opened.remember("Say 7741 at the gate.", provenance=Provenance(derived_from=(code.id,)))
    assert code.expires_at == made.expires_at == START + 3 * DAY
    clock.now += 3 * DAY - timedelta(microseconds=1)
    assert len(opened) == 3
    clock.now = START + 3 * DAY
    assert texts(opened) == [kept.text]
    assert len(opened) == 1
    for found in (opened.recall("code gate 7741"), opened.recall("code gate 7741", vector_only=True)):
        assert [hit.memory.id for hit in found] == [kept.id]
    assert [hit.memory.id for hit in opened.recall("code of the gate", subject="gate")] == [kept.id]
    blind: list[Callable[[str], object]] = [
        opened.get,
        opened.trace,
        opened.history,
        opened.lineage,
        opened.archive,
        opened.expire,
        opened.reinforce,
        lambda id: opened.amend(id, expires_at=None),
    ]
    for verb in blind:
        with pytest.raises(MemoryNotFound):
            verb(code.id)
    shown = opened.erase_due(dry_run=True)
    done = opened.erase_due(verify=True)
    assert (shown.ids, shown.receipts) == (done.ids, ())
    assert set(done.ids) == {code.id, made.id}
    (receipt,) = done.receipts
    assert (receipt.asked, set(receipt.forgotten)) == ({"due": "2"}, {code.id, made.id})
    assert receipt.verification is not None
    assert receipt.verification.found == 0
    assert [(one.action, set(one.ids)) for one in opened.ledger()] == [(ACTION, {code.id, made.id})]
    assert opened.erase_due() == type(done)()
    assert opened.store.count(()) == 1
    # It was not wrong, its time was over: it may be said again, and is a new memory.
    assert opened.remember(code.text).id != code.id


def test_a_clock_that_is_set_back_shows_nothing_again_and_erases_nothing_early(
    opened: Memoria, place: str, clock: Clock
) -> None:
    early = opened.remember("The early one goes after two days.", ttl=2 * DAY)
    late = opened.remember("The late one goes after nine days.", ttl=9 * DAY)
    clock.now += 2 * DAY
    assert texts(opened) == [late.text]
    clock.now = START - DAY
    fresh = opened.remember("Said while the clock was wrong.", ttl=2 * DAY)
    assert texts(opened) == [fresh.text, late.text]
    assert opened.erase_due().ids == (early.id,)
    if place != ":memory:":
        again = opened.remember("Seen as due before a restart.", ttl=DAY)
        clock.now += DAY
        assert again.text not in texts(opened)
        opened.close()
        clock.now = START - DAY
        with memoria.open(place, embedder=HashEmbedder(16), clock=clock, judge=None) as memory:
            assert again.text not in texts(memory)
            assert memory.erase_due().ids == (again.id,)


def test_a_period_is_a_maximum_over_what_is_there_and_what_comes(opened: Memoria, clock: Clock) -> None:
    shop = opened.namespace("shop")
    old = shop.remember("An order of last year.", created_at=START - 300 * DAY)
    long = shop.remember("Meant to stay for ever.", expires_at=START + 10_000 * DAY)
    short = shop.namespace("till").remember("A receipt.", ttl=DAY)
    other = opened.remember("Of another place.")
    about = opened.remember("Ada asked for the gate.", subject="ADA")
    assert shop.set_ttl(90 * DAY) == RetentionPeriod(namespace=("shop",), ttl=90 * DAY)
    assert texts(opened) == sorted([long.text, short.text, other.text, about.text])
    opened.set_ttl(5 * DAY, subject="Ada")
    shop.remember("Ada again, in the shop.", subject="ada")
    assert [(one.namespace, one.subject, one.ttl) for one in opened.ttls()] == [
        ((), "Ada", 5 * DAY),
        (("shop",), None, 90 * DAY),
    ]
    clock.now += 5 * DAY
    assert texts(opened) == sorted([long.text, other.text])
    assert opened.lift_ttl(subject="ada")
    assert not opened.lift_ttl(subject="ada")
    assert texts(opened) == sorted([long.text, other.text, about.text, "Ada again, in the shop."])
    clock.now += 90 * DAY
    assert texts(opened) == sorted([other.text, about.text])
    # A subject that changes, and with it the period.
    opened.set_ttl(200 * DAY, subject="Eve")
    opened.amend(about.id, subject="eve")
    assert {old.id, long.id, short.id} <= set(opened.sleep(detector=None).erased)
    clock.now += 200 * DAY
    assert texts(opened) == [other.text]
    assert {one.namespace for one in opened.namespace("shop", "till").ttls()} == {(), ("shop",)}
    assert [one.subject for one in opened.namespace("elsewhere").ttls()] == ["Eve"]


def test_a_gist_loses_the_part_that_is_due(opened: Memoria, clock: Clock) -> None:
    parts = [opened.remember(f"The {word} path is closed on day {n}.") for n, word in enumerate(WORDS[:3])]
    opened.amend(parts[0].id, ttl=DAY)
    gist = opened.consolidate(*parts)
    assert opened.get(parts[0].id).expires_at == START + DAY
    with pytest.raises(InvalidQuery, match="part"):
        opened.amend(gist.id, ttl=DAY)
    clock.now += DAY
    (seen,) = opened.list()
    assert "amber" not in seen.text
    assert seen.text == opened.get(gist.id).text
    assert {one.id for one in seen.parts} == {parts[1].id, parts[2].id}
    with pytest.raises(MemoryNotFound):
        opened.get(parts[0].id)
    for hit in opened.recall("amber path closed", k=5):
        assert "amber" not in hit.memory.text
        assert hit.gist is None or "amber" not in hit.gist.text
    done = opened.erase_due()
    assert (done.ids, done.rewritten) == ((parts[0].id,), (gist.id,))
    assert opened.list() == [seen]
    opened.set_ttl(2 * DAY)
    clock.now += 2 * DAY
    assert opened.list() == []
    assert len(opened) == 0
    assert set(opened.erase_due().ids) == {parts[1].id, parts[2].id}


def test_a_hold_is_stronger_and_what_is_held_is_listed(opened: Memoria, clock: Clock) -> None:
    held = opened.remember("The letter that the court wants.", ttl=DAY)
    source = opened.remember("The letter came by post on Monday.", ttl=DAY)
    summary = opened.remember("It came on a Monday.", provenance=Provenance(derived_from=(source.id,)))
    pinned = opened.remember("Pinned, and due like any other.", ttl=DAY)
    archived = opened.remember("Archived, and due like any other.", ttl=DAY)
    opened.hold(held.id, summary.id, reason="case 12")
    opened.pin(pinned.id)
    opened.archive(archived.id)
    clock.now += DAY
    assert opened.list() == []
    assert opened.recall("letter court", include=("archived",)) == []
    done = opened.erase_due()
    assert set(done.ids) == {pinned.id, archived.id}
    assert set(done.held) == {held.id, source.id, summary.id}
    assert opened.sleep(detector=None).held == done.held
    with pytest.raises(Held):
        opened.forget(held.id)
    opened.release(held.id, summary.id, reason="case closed")
    assert set(opened.erase_due().ids) == set(done.held)
    assert opened.store.count(()) == 0


def test_what_it_superseded_and_what_is_left_of_a_rewording(opened: Memoria, clock: Clock) -> None:
    old = opened.remember("The meeting is on Monday.", ttl=2 * DAY)
    new = opened.supersede(old.id, "The meeting is on Friday.")
    assert new.expires_at is None
    guests = opened.remember("The guests are Ann Lee and Bob Ray.", ttl=5 * DAY)
    opened.remember("Please remove 'Bob Ray' from the guests.")
    opened.reconcile(detector="rules", endings="sure")
    (left,) = [one for one in opened.list() if one.text == "The guests are Ann Lee."]
    assert left.expires_at == guests.expires_at
    reworded = opened.amend(guests.id, text="The guests were Ann Lee and Bob Ray.")
    assert reworded.expires_at == guests.expires_at
    assert opened.amend(reworded.id, expires_at=None).expires_at is None
    clock.now += 2 * DAY
    assert opened.erase_due().ids == (old.id,)
    assert opened.get(new.id).text == new.text


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"expires_at": START.replace(tzinfo=None)}, "expires_at"),
        ({"expires_at": "2026-02-01"}, "expires_at"),
        ({"ttl": 5}, "ttl is int"),
        ({"ttl": timedelta(0)}, "more than nothing"),
        ({"ttl": DAY, "expires_at": START}, "both"),
    ],
)
def test_a_wrong_time_is_refused_without_content(fields: dict[str, Any], rule: str) -> None:
    with memoria.open(":memory:", embedder=HashEmbedder(16)) as memory:
        with pytest.raises(InvalidMemory, match=rule) as caught:
            memory.remember("the secret text", **fields)
        assert "secret" not in str(caught.value)
        assert len(memory) == 0
        one = memory.remember("the secret text")
        with pytest.raises(InvalidMemory, match=rule):
            memory.amend(one.id, **fields)
        for ttl, subject in ((3, None), (timedelta(0), None), (DAY, ""), (DAY, 3)):
            with pytest.raises(InvalidQuery):
                memory.set_ttl(ttl, subject=subject)  # type: ignore[arg-type]
        assert memory.ttls() == []


class Model:
    """What a memory should show: of each text when it goes, by the periods that there are."""

    def __init__(self) -> None:
        self.facts: dict[str, Memory] = {}
        self.held: set[str] = set()
        self.periods: dict[tuple[tuple[str, ...], str | None], timedelta] = {}

    def due(self, id: str, at: datetime) -> bool:
        one = self.facts[id]
        times = [] if one.expires_at is None else [one.expires_at]
        for (namespace, subject), ttl in self.periods.items():
            if one.namespace[: len(namespace)] == namespace and subject in (None, one.subject):
                times.append(one.created_at + ttl)
        return bool(times) and min(times) <= at

    def seen(self, at: datetime) -> set[str]:
        return {id for id in self.facts if not self.due(id, at)}


@pytest.mark.parametrize("seed", range(4))
def test_any_history_shows_what_a_simple_model_shows(opened: Memoria, clock: Clock, seed: int) -> None:
    rng, model = random.Random(seed), Model()
    for step in range(60):
        _act(rng, opened, clock, model, step)
        at = clock.now
        listed = {part.id for one in opened.list() for part in (one.parts or (one,))}
        assert listed == model.seen(at)
        hits = opened.recall(" ".join(WORDS), k=100, include=("archived",))
        assert {hit.memory.id for hit in hits} <= listed
        going = {id for id in model.facts if model.due(id, at)}
        if rng.random() < 0.3:
            done = opened.erase_due()
            assert set(done.ids) == going - model.held
            assert set(done.held) == going & model.held
            for id in done.ids:
                del model.facts[id]
    assert not opened.doctor()


def _act(rng: random.Random, memory: Memoria, clock: Clock, model: Model, step: int) -> None:
    view = memory.namespace(*rng.choice([(), ("a",), ("a", "b"), ("c",)]))
    subject = rng.choice([None, "ada", "bob"])
    free = sorted(model.seen(clock.now) - model.held)
    what = rng.randrange(8)
    if what < 3 or not free:
        text = " ".join([*rng.sample(WORDS, 5), str(step)])
        ttl = rng.choice([None, rng.randint(1, 20) * DAY])
        made = view.remember(text, subject=subject, ttl=ttl)
        model.facts[made.id] = made
    elif what == 3:
        view.set_ttl(rng.randint(1, 15) * DAY, subject=subject)
        model.periods[view.prefix, subject] = next(
            one.ttl for one in view.ttls() if (one.namespace, one.subject) == (view.prefix, subject)
        )
    elif what == 4:
        assert view.lift_ttl(subject=subject) == (model.periods.pop((view.prefix, subject), None) is not None)
    elif what == 5:
        id = rng.choice(free)
        model.facts[id] = memory.amend(id, expires_at=rng.choice([None, clock.now + rng.randint(1, 9) * DAY]))
    elif what == 6:
        id = rng.choice(free)
        act = rng.choice(["hold", "archive", "gist"])
        plain = [one.id for one in memory.list() if not one.parts and one.id in free]
        homes = {one: memory.get(one).namespace for one in plain}
        mates = [one for one in plain if homes[one] == homes.get(id)][:3]
        if act == "hold":
            memory.hold(id, reason="case")
            model.held.add(id)
        elif act == "gist" and len(mates) > 1 and not any(memory.trace(one).archived for one in mates):
            memory.consolidate(*mates)
        elif id in plain:
            memory.archive(id)
    clock.now += rng.randint(0, 3) * DAY


class Deadly(Disk):
    """Dies when so many points have been reached."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def reached(self, point: str) -> None:
        self.steps -= 1
        if self.steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the process that dies is forked")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_killed_at_every_step_the_next_run_ends_it(tmp_path: Path, clock: Clock) -> None:
    step, alive = 0, False
    while not alive:
        step += 1
        path = tmp_path / f"{step}"
        with _local(path, clock, Disk()) as memory:
            gone = [memory.remember(f"The {word} goes with the rest.", ttl=DAY) for word in WORDS[:4]]
            part = memory.remember("The amber path is closed today.", subject="ada")
            stays = memory.remember("The birch path is open today.")
            other = memory.remember("The cedar path is open as well.")
            memory.consolidate(part.id, stays.id, other.id)
        clock.now = START + 5 * DAY
        alive = _dies_erasing(path, clock, step)
        with _local(path, clock, Disk()) as memory:
            memory.set_ttl(2 * DAY, subject="ada")
            seen = {one.id for gist in memory.list() for one in gist.parts}
            assert seen == {stays.id, other.id}
            memory.erase_due()
            assert memory.store.count(()) == 1
            assert not memory.doctor()
            assert not memory.scan(*(one.text for one in (*gone, part))).found
            erased = [id for entry in memory.ledger() for id in entry.ids]
            assert {*(one.id for one in gone), part.id} <= set(erased)
        clock.now = START
    assert step > 10


def _local(path: Path, clock: Clock, disk: Disk) -> Memoria:
    embedder = HashEmbedder(16)
    return Memoria(LocalStore(path, embedder=embedder.card, disk=disk), embedder, clock=clock)


def _dies_erasing(path: Path, clock: Clock, steps: int) -> bool:
    """Erases in a child that dies after so many steps; whether it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            with _local(path, clock, Deadly(steps)) as memory:
                memory.set_ttl(2 * DAY, subject="ada")
                memory.erase_due()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return not os.WIFSIGNALED(status)


def test_a_reader_sees_nothing_that_is_due_and_erases_nothing(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "a.memoria"
    with memoria.open(path, embedder=HashEmbedder(16), clock=clock) as memory:
        one = memory.remember("Seen by nobody after a day.", ttl=DAY)
    clock.now += DAY
    with memoria.open(path, mode="r", embedder=HashEmbedder(16), clock=clock) as memory:
        assert (memory.list(), len(memory), memory.recall("nobody")) == ([], 0, [])
        assert memory.erase_due(dry_run=True).ids == (one.id,)
        with pytest.raises(StoreReadOnly):
            memory.erase_due()


def test_copies_and_exports_carry_it(opened: Memoria, place: str, clock: Clock, tmp_path: Path) -> None:
    opened.set_ttl(9 * DAY, subject="ada")
    short = opened.remember("Ada keeps this for three days.", subject="ada", ttl=3 * DAY)
    opened.remember("Ada keeps this for nine days.", subject="ada")
    parts = [opened.remember(f"A gist about {word} and more.", ttl=n * DAY) for n, word in ((3, "elm"), (99, "oak"))]
    opened.consolidate(*parts)
    path = tmp_path / "copy"
    assert copy(opened.store, str(path)).periods == 1
    lines = list(export(opened.store, Where()))
    clock.now += 3 * DAY
    later = "".join(export(opened.store, Where(kept_at=clock.now)))
    assert "elm" not in later
    assert short.text not in later
    with memoria.open(path, embedder=HashEmbedder(16), clock=clock) as there:
        assert texts(there) == texts(opened)
        assert there.ttls() == opened.ttls()
        assert set(there.erase_due().ids) == {short.id, parts[0].id}
        clock.now += 6 * DAY
        assert texts(there) == [parts[1].text]
    with memoria.open(":memory:", embedder=HashEmbedder(16), clock=clock) as there:
        import_lines(there.store, there.embedder, lines)
        assert there.get(parts[1].id).expires_at == START + 99 * DAY
        assert short.text not in texts(there)
        assert set(there.erase_due().ids) == {short.id, parts[0].id}


def test_a_store_of_format_6_gets_it(tmp_path: Path, clock: Clock) -> None:
    with tarfile.open(Path(__file__).with_name("data") / "format6.tar.gz") as packed:
        packed.extractall(tmp_path, filter="data")
    path = tmp_path / "format6"
    clock.now = datetime(2026, 3, 9, tzinfo=UTC)
    with memoria.open(path, embedder=HashEmbedder(16), clock=clock) as memory:
        assert len(memory) == 2
        memory.set_ttl(8 * DAY, subject="gate")
        assert texts(memory) == ["The bell rings at seven every morning."]
        with pytest.raises(memoria.Refused):
            memory.namespace("app", "ada").remember("The vault opens at noon on weekdays.")
        assert len(memory.erase_due().ids) == 1


def test_the_names_of_periods_are_in_no_file(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a", embedder=HashEmbedder(16)) as memory:
        memory.namespace("secretclinic").set_ttl(DAY, subject="Zebediah Quill")
        assert not memory.scan("secretclinic", "Zebediah Quill", "zebediah quill").found


def test_in_the_background_and_awaited(tmp_path: Path, clock: Clock) -> None:
    async def both() -> None:
        async with await memoria.aio.open(tmp_path / "a", embedder=HashEmbedder(16), clock=clock) as memory:
            one = await memory.remember("Awaited, and gone after a day.", ttl=DAY)
            await memory.set_ttl(5 * DAY)
            assert [period.ttl for period in await memory.ttls()] == [5 * DAY]
            clock.now += DAY
            night = await (await memory.sleep(background=True, detector=None))
            assert night.erased == (one.id,)
            assert (await memory.erase_due()).ids == ()
            assert await memory.lift_ttl()

    import memoria.aio

    asyncio.run(both())


def test_the_commands(tmp_path: Path) -> None:
    import json

    from typer.testing import CliRunner

    def run(*arguments: str, status: int = 0) -> Any:
        done = CliRunner().invoke(app, [*arguments, "--store", str(tmp_path / "a")])
        assert done.exit_code == status, done.output
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    kept = run("remember", "The receipt of the old bicycle.", "--created-at", "2020-01-01", "--json")[0]["id"]
    run("remember", "Gone long ago.", "--created-at", "2020-01-01", "--ttl", "90d")
    run("remember", "Not for ever.", "--expires-at", "2999-01-01")
    assert len(run("list", "--json")["memories"]) == 2
    assert len(run("ttl", "run", "--dry-run", "--json")["ids"]) == 1
    done = run("ttl", "set", "52w", "-n", "", "--subject", "bicycle", "--json")
    assert (len(done["due"]), done["period"]["ttl_seconds"]) == (1, 52 * 7 * 86_400)
    run("amend", kept, "--subject", "bicycle")
    assert len(run("ttl", "run", "--dry-run", "--json")["ids"]) == 2
    assert run("ttl", "list", "--json") == [{"namespace": [], "subject": "bicycle", "ttl_seconds": 52 * 7 * 86_400}]
    assert "364d" in run("ttl", "list")
    assert len(run("ttl", "run", "--verify", "--json")["ids"]) == 2
    assert run("ttl", "run", "--json")["ids"] == []
    run("ttl", "lift", "--subject", "Bicycle")
    run("ttl", "lift", "--subject", "Bicycle", status=1)
    assert [one["action"] for one in run("ledger", "--json")] == [PERIOD, ACTION, LIFTED]


def test_a_period_is_entered_without_names(opened: memoria.Memoria) -> None:
    shop = opened.namespace("shop", "till")
    shop.set_ttl(timedelta(days=90), subject="Grete")
    assert shop.lift_ttl(subject="Grete")
    assert not shop.lift_ttl(subject="Grete")
    lines = opened.ledger_lines()
    assert [(one.action, one.facts.get("seconds"), one.facts["of_subject"]) for one in lines] == [
        (PERIOD, 90 * 86_400, True),
        (LIFTED, None, True),
    ]
    assert {one.facts["namespace"] for one in lines} == {opened.store.alias(("shop", "till"))}
    assert "Grete" not in repr((lines, opened.ledger()))
    assert opened.verify_ledger().problems == ()

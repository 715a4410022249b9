"""Where two features of trust meet: seals, backups, receipts, times, restrictions, audiences and standing orders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import memoria
from memoria import Draft, Memoria, errors
from memoria.forget.due import ACTION
from memoria.forget.residue import scan, text_secrets
from memoria.stores import LocalStore
from memoria.testing import HashEmbedder
from memoria.testing.postgres import Server
from memoria.transfer import jsonl
from memoria.transfer.foreign import bring
from memoria.transfer.mem import write_bundle
from memoria.types import LedgerEntry, Memory, Receipt, Secret, Where
from tests.test_migration import unpacked

pytest.importorskip("sqlcipher3")

EMBEDDER = HashEmbedder(16)
DAY = timedelta(days=1)
KEY, OTHER = "5e" * 32, "a7" * 32
CODE, PLAIN = "The code of the north gate is 7741 since Monday.", "The north gate is green since it was painted."
WORDS = ("Zinnober", "Quillfeder", "marzipan")


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def opened(place: str | Path, clock: Clock, unlock: str | None = None) -> Memoria:
    return memoria.open(place, embedder=EMBEDDER, clock=clock, judge=None, reinforce="never", unlock=unlock)


@pytest.fixture(params=["memory", "clear", "sealed", "postgres"])
def memory(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Memoria]:
    """A memory in each kind of store, which is sound in the end."""
    place = {"memory": ":memory:", "postgres": ""}.get(request.param, str(tmp_path / "a.memoria"))
    with opened(
        place or request.getfixturevalue("database"), clock, KEY if request.param == "sealed" else None
    ) as made:
        yield made
        assert made.doctor() == []
        assert made.verify_ledger().problems == ()


def texts(memory: Memoria, **how: Any) -> list[str]:
    return sorted(one.text for one in memory.list(**how))


def proven(memory: Memoria, receipt: Receipt) -> str:
    """The action of the line that a signed receipt states."""
    return memory.verify_receipt(receipt.signed()).action


# -- times, restrictions and holds --


def test_a_restricted_memory_is_erased_when_it_is_due_and_a_held_one_stays(memory: Memoria, clock: Clock) -> None:
    ada = memory.remember("Ada takes green tea at noon.", subject="Ada", ttl=DAY)
    both = memory.remember("Ada keeps her lease in the drawer.", subject="Ada", ttl=DAY)
    bob = memory.remember("Bob takes oolong at four.", subject="Bob", ttl=DAY)
    memory.restrict("Ada", reason="she disputes it")
    memory.hold(both.id, bob.id, reason="a court asks")
    clock.now += 2 * DAY
    assert memory.erase_due(dry_run=True).ids == (ada.id,)
    done = memory.erase_due(verify=True)
    assert (done.ids, set(done.held)) == ((ada.id,), {both.id, bob.id})
    assert [proven(memory, receipt) for receipt in done.receipts] == ["verify"]
    assert texts(memory) == []
    memory.release(both.id, bob.id, reason="the court is done")
    assert set(memory.erase_due().ids) == {both.id, bob.id}
    assert [line.action for line in memory.ledger_lines() if line.decided].count(ACTION) == 2
    assert memory.store.count(()) == 0


def test_what_is_due_gives_a_held_one_its_time_back(memory: Memoria, clock: Clock) -> None:
    old = memory.remember("Ada lives in Bern.", subject="Ada")
    memory.supersede(old.id, Draft(text="Ada lives in Rome.", subject="Ada", ttl=DAY))
    memory.hold(old.id, reason="a court asks")
    clock.now += 2 * DAY
    done = memory.erase_due()
    assert (len(done.ids), done.held) == (1, ())
    assert memory.get(old.id).valid_to is None


# -- audiences and standing orders --


def test_an_order_of_the_owner_takes_and_keeps_out_what_readers_alone_see(memory: Memoria) -> None:
    mine = memory.remember(CODE, visible_to=["ada"])
    memory.remember(PLAIN, visible_to=["ada"])
    ada = memory.reading_as("ada")
    receipt = memory.forget(mentions="gate code 7741", standing=True)
    assert receipt.forgotten == (mine.id,)
    assert proven(memory, receipt) == "erase"
    for view in (ada, memory.reading_as("eve"), memory):
        with pytest.raises(errors.Forbidden):
            view.remember("Say seven seven four one at the gate.")
    with pytest.raises(errors.NotPermitted):
        ada.standing()
    assert texts(ada) == [PLAIN]
    memory.forget(mentions="Kestrel", standing=True, on_match="redact")
    left = ada.remember("The boat of Kestrel is blue.", visible_to=["ada", "eve"])
    assert left.visible_to == ("ada", "eve")
    assert texts(memory.reading_as("eve")) == ["The boat of [erased] is blue."]
    assert texts(memory.reading_as("bob")) == []


def test_an_order_leaves_what_is_held_or_restricted_and_does_it_later(memory: Memoria, tmp_path: Path) -> None:
    free, held, ada = memory.remember_many(
        [CODE, "The old code was 7741 too.", Draft(text="Ada knows the code 7741.", subject="Ada")]
    )
    memory.hold(held.id, reason="a court asks")
    memory.restrict("Ada", reason="she disputes it")
    receipt = memory.forget(mentions="code 7741", standing=True, verify=True)
    assert (receipt.forgotten, set(receipt.held)) == ((free.id,), {held.id, ada.id})
    assert [one.pending for one in memory.standing()] == [True]
    assert proven(memory, receipt) == "verify"
    memory.release(held.id, reason="the court is done")
    memory.lift("Ada", reason="settled")
    memory._resume()
    assert (texts(memory), [one.pending for one in memory.standing()]) == ([], [False])


# -- gists --


def test_a_reader_sees_nothing_of_a_part_that_is_due_or_restricted(memory: Memoria, clock: Clock) -> None:
    due = memory.remember("The vault of Wren opens by a zinnober lever.", visible_to=["ada"], ttl=DAY)
    hers = memory.remember("The vault of Wren is next to the quillfeder.", visible_to=["ada"], subject="Lark")
    kept = memory.remember("The vault of Wren is in the cellar.", visible_to=["ada"])
    memory.consolidate(due.id, hers.id, kept.id)
    ada, eve = memory.reading_as("ada"), memory.reading_as("eve")

    def shown(view: Memoria) -> str:
        hits = view.recall("Where is the vault of Wren?", k=9)
        return " ".join([*(hit.memory.text for hit in hits), *(hit.gist.text for hit in hits if hit.gist)])

    assert all(word in shown(ada) for word in ("zinnober", "quillfeder", "cellar"))
    assert shown(eve) == ""
    memory.restrict("Lark", reason="she disputes it")
    assert "quillfeder" not in shown(ada)
    clock.now += 2 * DAY
    assert ("zinnober" in shown(ada), "cellar" in shown(ada)) == (False, True)
    assert memory.erase_due().ids == (due.id,)
    assert ("zinnober" in shown(ada), "cellar" in shown(ada), shown(eve)) == (False, True, "")
    memory.lift("Lark", reason="settled")
    assert "quillfeder" in shown(ada)


# -- the ledger of all of them --


def test_what_each_of_them_decides_is_signed_and_chained(memory: Memoria, clock: Clock) -> None:
    memory.remember_many([Draft(text=CODE, ttl=DAY), Draft(text="Ada takes green tea at noon.", subject="Ada")])
    memory.restrict("Ada", reason="she disputes it")
    memory.lift("Ada", reason="settled")
    order = memory.forget(mentions="marzipan", standing=True)
    memory.lift_standing(str(order.standing))
    clock.now += 2 * DAY
    (receipt,) = memory.erase_due().receipts
    actions = ["restrict", "lift", "standing", "erase", "lift-standing", ACTION, "erase"]
    assert [line.action for line in memory.ledger_lines()] == actions
    found = memory.verify_ledger(receipts=[order.signed(), receipt.signed()])
    assert (found.signed, found.receipts, found.problems) == (7, 2, ())
    assert dict(receipt.asked) == {"due": "1"}
    said = b"".join(one.line for one in memory.store.chained())
    assert not any(word.encode() in said for word in ("marzipan", "Ada", "7741"))


def test_decisions_about_holds_of_format_6_are_chained_and_vouched_for(tmp_path: Path, clock: Clock) -> None:
    with opened(unpacked("format6held", tmp_path), clock) as memory:
        assert [line.action for line in memory.ledger_lines()] == ["hold", "release", "hold", "forget"]
        assert [one.reason for one in memory.ledger()][0::3] == ["a court asks", "the audit is over"]
        assert memory.verify_ledger().problems == ()
        (held,) = (one for one in memory.list() if memory.trace(one.id).held)
        with pytest.raises(errors.Held):
            memory.forget(held.id)
        memory.release(held.id, reason="the court is done")
        assert proven(memory, memory.forget(held.id)) == "erase"
        assert (memory.verify_ledger().problems, memory.doctor()) == ((), [])


# -- copies --


def filled(memory: Memoria) -> dict[str, Memory]:
    """One memory of each kind, by a name; restricted, held and due ones among them, and standing orders."""
    made = {
        "due": Draft(text=f"The {WORDS[0]} of the tower rings at noon.", ttl=DAY),
        "later": Draft(text="The tower is closed on Mondays.", ttl=99 * DAY, visible_to=["ada"]),
        "hers": Draft(text="Lark paints the tower each May.", subject="Lark"),
        "held": Draft(text=f"The lease of the {WORDS[1]} ends in June."),
        "gone": Draft(text="The key of the tower hangs behind the clock."),
        "everybody": Draft(text="The tower has nine floors and a bell."),
    }
    found = dict(zip(made, memory.remember_many(made.values()), strict=True))
    memory.hold(found["held"].id, reason=f"a court asks for {WORDS[1]}")
    memory.restrict("Lark", reason="she disputes it")
    memory.set_ttl(500 * DAY, subject="bell")
    memory.forget(mentions=WORDS[2], standing=True)
    return found


def state(memory: Memoria) -> dict[str, Any]:
    """Everything that the features keep, to be compared."""
    store = memory.store
    records = [one for one in store.read(store.select(Where(archived=None, restricted=None))) if one is not None]
    lines: list[LedgerEntry] = memory.ledger()
    return {
        "memories": {one.memory.id: (one.memory, one.trace.held, one.trace.restricted) for one in records},
        "orders": memory.standing(),
        "restrictions": memory.restrictions(),
        "periods": memory.ttls(),
        "ledger": lines,
        "ada": texts(memory.reading_as("ada")),
        "eve": texts(memory.reading_as("eve")),
    }


@pytest.mark.parametrize("way", ["sealed to sealed", "clear to sealed", "memory to clear"])
def test_a_copy_has_all_of_it(way: str, tmp_path: Path, clock: Clock) -> None:
    begin, _, end = way.partition(" to ")
    seals = [KEY if begin == "sealed" else None, OTHER if end == "sealed" else None]
    place = ":memory:" if begin == "memory" else str(tmp_path / "a")
    with opened(place, clock, seals[0]) as memory:
        filled(memory)
        before = state(memory)
        if begin == "memory":
            memoria.copy(memory.store, tmp_path / "b", unlock_target=seals[1])
    if begin != "memory":
        memoria.copy(tmp_path / "a", tmp_path / "b", unlock=seals[0], unlock_target=seals[1])
    with opened(tmp_path / "b", clock, seals[1]) as copied:
        assert state(copied) == before
        assert (copied.doctor(), copied.verify_ledger().problems) == ([], ())
        with pytest.raises(errors.Forbidden):
            copied.remember(f"She likes {WORDS[2]}.")
        clock.now += 2 * DAY
        assert len(copied.erase_due().ids) == 1


def test_lines_keep_times_and_audiences(memory: Memoria, clock: Clock) -> None:
    made = filled(memory)
    lines = list(jsonl.export(memory.store, Where()))
    with opened(":memory:", clock) as other:
        jsonl.import_lines(other.store, EMBEDDER, lines, at=clock.now)
        for name in ("due", "later", "everybody"):
            mine, theirs = made[name], other.get(made[name].id)
            assert (theirs.expires_at, theirs.visible_to) == (mine.expires_at, mine.visible_to)
        assert len(other.reading_as("eve")) == len(other) - 1
        clock.now += 2 * DAY
        assert other.erase_due().ids == (made["due"].id,)
        assert (other.doctor(), other.verify_ledger().problems) == ([], ())


def test_a_bundle_keeps_times_and_audiences(memory: Memoria, tmp_path: Path, clock: Clock) -> None:
    filled(memory)
    memory.remember("Nobody but the owner reads of the crypt.", visible_to=[])
    write_bundle(memory.store, tmp_path / "out.mem", where=Where(), at=clock.now)
    with opened(":memory:", clock) as other:
        bring(other, "mem", tmp_path / "out.mem")
        found = {one.text: (one.expires_at, one.visible_to) for one in other.list()}
        assert found == {one.text: (one.expires_at, one.visible_to) for one in memory.list()}
        assert texts(other.reading_as("eve")) == texts(memory.reading_as("eve"))
        assert other.doctor() == []
    parts = memory.remember_many([Draft(text="The tower has a cellar.", ttl=DAY), "The tower has a well."])
    memory.consolidate(*(one.id for one in parts))
    moat = memory.remember("The moat is dry.")
    late = memory.supersede(moat.id, Draft(text="The moat is flooded.", ttl=DAY))
    clock.now += 2 * DAY
    write_bundle(memory.store, tmp_path / "later.mem", where=Where(), at=clock.now)
    said = "".join(one.read_text() for one in (tmp_path / "later.mem" / "items").iterdir())
    assert [word in said for word in (WORDS[0], "cellar", "well", "bell", late.id)] == [False, False, True, True, False]


# -- backups --


def test_a_sealed_store_is_backed_up_forgets_there_and_is_restored(tmp_path: Path, clock: Clock) -> None:
    place, copy, log = tmp_path / "a", tmp_path / "copy", tmp_path / "log"
    with opened(place, clock, KEY) as memory:
        made = filled(memory)
        memoria.backup(memory, copy)
        memory.forget(made["gone"].id, made["held"].id, override="the court is done")
        memory.forget(mentions="nine floors", standing=True)
        clock.now += 2 * DAY
        memory.erase_due()
        memoria.export_forgets(memory, log)
        after = state(memory)
        assert isinstance(memory.store, LocalStore)
        log_key = memory.store.log_key()
    needles = [one for memory_ in made.values() for one in text_secrets(memory_.text)]
    needles += [one for word in (*WORDS, "Lark", "a court asks") for one in text_secrets(word)]
    needles += [Secret(label="key of the log", data=one) for one in (log_key, log_key.hex().encode())]

    def nowhere(folder: Path) -> None:
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert files
        assert scan(files, needles).found == ()

    nowhere(copy)
    nowhere(tmp_path)
    for unlock, kind in ((None, errors.StoreSealed), (OTHER, errors.WrongKey)):
        with pytest.raises(kind):
            memoria.backup(place, copy, unlock=unlock)
        with pytest.raises(kind):
            memoria.restore(copy, tmp_path / "b", apply_forgets=log, embedder=EMBEDDER, unlock=unlock)
        assert not (tmp_path / "b").exists()
    done = memoria.restore(copy, tmp_path / "b", apply_forgets=log, embedder=EMBEDDER, unlock=KEY)
    assert done.forgotten == 4
    nowhere(tmp_path / "b")
    with opened(tmp_path / "b", clock, KEY) as back:
        found = state(back)
        differing = [name for name in after if found[name] != after[name]]
        assert differing == ["ledger"]
        assert [line.action for line in back.ledger_lines()][-1] == "erase"
        assert (back.doctor(), back.verify_ledger().problems) == ([], ())
        with pytest.raises(errors.Forbidden):
            back.remember("A tower with nine floors.")
    memoria.backup(place, copy, unlock=KEY)
    memoria.restore(copy, tmp_path / "c")
    with opened(tmp_path / "c", clock, KEY) as back:
        assert state(back) == after
        assert (back.doctor(), back.verify_ledger().problems) == ([], ())


def test_a_server_backed_up_before_an_order_obeys_it_after_a_restore(
    server: Server, database: str, tmp_path: Path, clock: Clock
) -> None:
    with opened(database, clock) as memory:
        filled(memory)
        memoria.backup(memory, tmp_path / "copy")
        memory.forget(mentions="nine floors", standing=True)
        after = state(memory)
        new = f"{server.database('met_order')}&keys={tmp_path / 'new'}"
        memoria.restore(tmp_path / "copy", new, apply_forgets=memory, embedder=EMBEDDER)
    with opened(new, clock) as back:
        found = state(back)
        assert [name for name in after if found[name] != after[name]] == ["ledger"]
        assert (back.doctor(), back.verify_ledger().problems) == ([], ())
        with pytest.raises(errors.Forbidden):
            back.remember("A tower with nine floors.")


def test_a_sealed_server_is_backed_up_and_restored_sealed(
    server: Server, database: str, tmp_path: Path, clock: Clock
) -> None:
    copy, new = tmp_path / "copy", f"{server.database('met')}&keys={tmp_path / 'new'}"
    with opened(database, clock, KEY) as memory:
        made = filled(memory)
        for unlock, kind in ((None, errors.StoreSealed), (OTHER, errors.WrongKey)):
            with pytest.raises(kind):
                memoria.backup(memory, copy, unlock=unlock)
        memoria.backup(memory, copy, unlock=KEY)
        memory.forget(made["gone"].id)
        after = state(memory)
        with pytest.raises(errors.StoreSealed):
            memoria.restore(copy, new, apply_forgets=memory, embedder=EMBEDDER)
        assert memoria.restore(copy, new, apply_forgets=memory, embedder=EMBEDDER, unlock=KEY).forgotten == 1
    with pytest.raises(errors.StoreSealed):
        opened(new, clock)
    with opened(new, clock, KEY) as back:
        assert state(back) == after
        assert (back.doctor(), back.verify_ledger().problems) == ([], ())

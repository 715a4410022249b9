"""Doctor finds what SQL alone changes: labels, fingerprints, holds, the ledger, and ends of what is superseded."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

import memoria
from memoria import Draft, Memory
from memoria.stores import crosschecks
from memoria.stores.local import LocalStore
from memoria.stores.local.slots import SlotFile
from memoria.testing import HashEmbedder
from memoria.types import LedgerEntry

EMBEDDER = HashEmbedder(32)


class Made:
    """A store with something of each kind, at a place that is opened again after an edit."""

    def __init__(self, place: str) -> None:
        self.place = place
        with self.opened() as memory:
            self.old = memory.remember("The office is in the town of Lund.", subject="office")
            self.new = memory.supersede(self.old.id, Draft(text="The office is in the town of Oslo.", subject="office"))
            self.held = memory.remember("Contract 17 is due in May of next year.", subject="contract")
            memory.hold(self.held.id, reason="a court asked for it")
            once = memory.remember("This was held for a month and no longer.")
            memory.hold(once.id, reason="for a month")
            memory.release(once.id, reason="the month is over")
            self.ada = memory.remember("Ada lives in the city of York.", subject="Ada", tags=("home",), key="ada")
            assert memory.doctor() == []

    @contextmanager
    def opened(self) -> Iterator[memoria.Memoria]:
        with memoria.open(self.place, embedder=EMBEDDER) as memory:
            yield memory

    def doctor(self) -> list[str]:
        with self.opened() as memory:
            return memory.doctor()

    def sql(self, statement: str, *values: Any) -> int:
        """Changes rows behind the store's back; returns how many."""
        with closing(sqlite3.connect(Path(self.place) / "memoria.db")) as database, database:
            return database.execute(statement, values).rowcount


class Served(Made):
    def sql(self, statement: str, *values: Any) -> int:
        administrator = re.sub(r"//[^@]*@", "//postgres@", self.place.split("&keys")[0])
        with psycopg.connect(administrator) as connection:
            connection.execute("SET search_path = memoria, public")
            return connection.execute(statement.replace("?", "%s").encode(), values or None).rowcount


@pytest.fixture
def local(tmp_path: Path) -> Made:
    return Made(str(tmp_path / "a"))


@pytest.fixture
def served(database: str) -> Served:
    return Served(database)


def raw(memory: Memory) -> bytes:
    return bytes.fromhex(memory.id)


ROW = "(SELECT row FROM memory WHERE id = ?)"
PLACE = "(tenant, slot) = (SELECT tenant, slot FROM place WHERE id = ?)"
# (statement, the memory that it is about, what is said of it), for SQLite and for PostgreSQL.
EDITS = {
    "a superseded fact is revived": (
        "UPDATE memory SET valid_to = NULL WHERE id = ?",
        "UPDATE memory SET valid_to = NULL WHERE id = ?",
        "old",
        "another has ended it, and it is valid still",
    ),
    "it is valid for ages": (
        "UPDATE memory SET valid_to = 99999999999999999 WHERE id = ?",
        "UPDATE memory SET valid_to = 99999999999999999 WHERE id = ?",
        "old",
        "another has ended it, and it is valid still",
    ),
    "a hold is lifted": (
        f"DELETE FROM standing WHERE row = {ROW}",
        f"UPDATE trace SET bits = 0 WHERE {PLACE}",
        "held",
        "the ledger says that it is held, and it is not",
    ),
    "labels are taken away": (
        f"DELETE FROM label WHERE row = {ROW}",
        f"DELETE FROM label WHERE {PLACE}",
        "ada",
        "3 of its 3 labels are not there",
    ),
    "a label is changed": (
        f"UPDATE label SET hash = randomblob(16) WHERE row = {ROW} AND single IS NULL",
        f"UPDATE label SET hash = sha256(hash) WHERE {PLACE}",
        "ada",
        "labels that are not its own",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_of_memoria_db_is_found(local: Made, name: str) -> None:
    statement, _, whose, said = EDITS[name]
    memory = getattr(local, whose)
    assert local.sql(statement, raw(memory)) > 0
    found = local.doctor()
    assert [line for line in found if memory.id in line and said in line], found
    assert all(memory.id in line for line in found)


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_of_postgresql_is_found(served: Served, name: str) -> None:
    _, statement, whose, said = EDITS[name]
    memory = getattr(served, whose)
    assert served.sql(statement, raw(memory)) > 0
    found = served.doctor()
    assert [line for line in found if memory.id in line and said in line], found
    assert all(memory.id in line for line in found)


def test_labels_are_written_again(local: Made) -> None:
    """A memory that `forget(subject=)` missed is found by it after a repair."""
    local.sql(f"DELETE FROM label WHERE row = {ROW}", raw(local.ada))
    local.sql(
        f"INSERT INTO label SELECT hash, {ROW}, NULL FROM label WHERE row = {ROW}", raw(local.ada), raw(local.new)
    )
    local.sql("INSERT INTO label VALUES (zeroblob(16), 999, NULL)")
    with local.opened() as memory:
        assert memory.list(subject="Ada") == []
        assert len(memory.list(subject="office")) == 3
        found = memory.doctor()
        assert len([line for line in found if local.ada.id in line]) == 2
        assert len([line for line in found if "a row that is not there" in line]) == 1
        memory.repair()
        assert memory.doctor() == []
        assert [one.id for one in memory.list(subject="Ada")] == [local.ada.id]
        assert len(memory.list(subject="office")) == 2
        assert memory.forget(subject="Ada").forgotten == (local.ada.id,)
        assert memory.doctor() == []


def test_labels_that_a_row_names_are_its_own(local: Made) -> None:
    local.sql("UPDATE memory SET labels = x'' WHERE id = ?", raw(local.ada))
    assert any("its row names other labels" in line for line in local.doctor())


def test_a_fingerprint_that_is_not_of_the_text_is_found(local: Made) -> None:
    with local.opened() as memory:
        assert isinstance(memory.store, LocalStore)
        ((file, slot),) = memory.store._database.rows(
            "SELECT file, slot FROM memory JOIN namespace ON namespace.id = namespace WHERE memory.id = ?",
            raw(local.ada),
        )
        path, disk = memory.store._slot_path(file), memory.store._disk
    slots = SlotFile(path, disk, writable=True)
    key, vector = slots.entry(slot)
    slots.put(slot, [raw(local.ada)], [key], [b"x" * 12], vector[None], acknowledged=slot)
    slots.close()
    assert [line for line in local.doctor() if local.ada.id in line and "fingerprint" in line]


def test_a_fingerprint_of_postgresql_is_found(served: Served) -> None:
    assert served.sql("UPDATE memory SET print = substr(sha256(print), 1, 12) WHERE id = ?", raw(served.ada))
    assert [line for line in served.doctor() if served.ada.id in line and "fingerprint" in line]


@pytest.mark.parametrize("made", ["local", "served"])
def test_a_ledger_that_does_not_open_is_a_problem(made: str, request: pytest.FixtureRequest) -> None:
    store: Made = request.getfixturevalue(made)
    assert store.sql("UPDATE ledger SET sealed = salt WHERE entry = (SELECT min(entry) FROM ledger)")
    assert any("ledger" in line for line in store.doctor())


@pytest.mark.parametrize("made", ["local", "served"])
def test_what_may_be_changed_is_no_contradiction(made: str, request: pytest.FixtureRequest) -> None:
    """Amended, ended by a statement, held and forgotten in spite of it, gathered in gists, ended in the future."""
    store: Made = request.getfixturevalue(made)
    with store.opened() as memory:
        memory.forget(store.held.id, override="the court said so")
        memory.amend(store.ada.id, tags=("city",), subject="ada")
        soon = memory.now() + timedelta(days=9)
        one = memory.remember("The garage is open until six on Fridays.")
        memory.supersede(one.id, "The garage is open until seven on Fridays.", at=soon)
        memory.remember_many([f"Ann drank coffee in the kitchen, {n} cups." for n in range(6)])
        memory.sleep(like=0.3, prune=False)
        memory.remember("No.")
        memory.amend(store.new.id, valid_from=memory.now() - timedelta(days=30))
        two = memory.remember("I live in the old mill at the river.", subject="me")
        memory.supersede(two.id, "I live in the new mill at the river.")
        memory.amend(two.id, valid_to=None)
        found = memory.doctor()
    # An end that is taken back by hand, while what superseded it stands, is told as what it is: both are in force.
    assert [two.id in line and "valid still" in line for line in found] in ([], [True]), found


def test_holds_follow_the_ledger_line_by_line() -> None:
    at = memoria.open(":memory:", embedder=EMBEDDER).now()
    entries = [
        LedgerEntry(at=at, action=action, ids=ids, reason="")
        for action, ids in [("hold", ("a", "b", "c", "d")), ("release", ("a",)), ("forget", ("b",)), ("hold", ("a",))]
    ]
    assert [line.split()[1][0] for line in crosschecks.lifted_holds(entries, {"a", "b", "c"})] == ["c", "a"]


# Each of these takes both places at once, or one that nothing else speaks of.
UNFOUND = {
    "end and link": (
        "UPDATE memory SET valid_to = NULL WHERE id = ?1",
        "DELETE FROM link WHERE parent = ?1",
    ),
    "hold and ledger": ("DELETE FROM standing", "DELETE FROM ledger"),
    "hold, ledger and chain": (
        "DELETE FROM standing",
        "DELETE FROM ledger",
        "DELETE FROM chain",
        "DELETE FROM meta WHERE name LIKE 'ledger.%'",
    ),
    "time": ("UPDATE memory SET created_at = created_at - 86400000000 WHERE id = ?1",),
    "kind, salience and strength": ("UPDATE memory SET kind = 1 - kind, salience = 0, strength = 0 WHERE id = ?1",),
    "fingerprints of the forgotten": ("DELETE FROM forgotten",),
    "an erasure that nobody asked for": (
        "INSERT INTO intent (targets, guard) VALUES (?1, 0)",
        "UPDATE meta SET value = '0' WHERE name = 'clean'",
    ),
}


@pytest.mark.parametrize("name", UNFOUND)
def test_what_is_not_found_without_a_key(local: Made, name: str) -> None:
    """What docs/research/integrity.md says is not found; who finds it one day changes both."""
    with local.opened() as memory:
        before = [(one.id, one.kind, one.valid_to, one.created_at) for one in memory.list()]
        gone = memory.remember("The key of the cellar is under the mat.")
        memory.forget(gone.id)
        head = memory.verify_ledger().head
    for statement in UNFOUND[name]:
        local.sql(statement, *([raw(local.old)] if "?1" in statement else []))
    with local.opened() as memory:
        assert memory.doctor() == []
        changed = [(one.id, one.kind, one.valid_to, one.created_at) for one in memory.list()] != before
        assert bool(memory.verify_ledger().problems) == (name == "hold and ledger")
        assert bool(memory.verify_ledger(head=head).problems) == name.startswith("hold")
        assert [line.action for line in memory.ledger_lines()].count("recover") == name.startswith("an erasure")
        if name.startswith("hold"):
            changed = memory.forget(local.held.id).forgotten == (local.held.id,)
        elif name == "fingerprints of the forgotten":
            changed = memory.remember(gone.text).text == gone.text
        assert changed

"""Damage done to a store on purpose, file by file, and what is said and done about it.

`python -m tests.damage` prints the table of docs/damage.md.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import memoria
from memoria.engine.memory import Memoria
from memoria.stores.local import LocalStore
from memoria.testing import HashEmbedder

EMBEDDER = HashEmbedder(64)
HOMES = ("n0", "n1", "n2", "n3")
DATABASE, WAL, KEY, MARKER = "memoria.db", "memoria.db-wal", "store.key", "epoch"
FIRST, SECOND = "slots/0000000000000001.slots", "slots/0000000000000002.slots"
# Of a slot file with vectors of 64 numbers.
HEADER, SLOT = 4096, 512
Harm = Callable[["Case", Path], object]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A store, as closed or as a killed process left it, with what is needed to damage it.

    texts: what is remembered, by namespace and id. forgotten: ids. older: the same store before. foreign: another one.
    """

    path: Path
    older: Path
    foreign: Path
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    forgotten: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Damage:
    """One kind of damage. state: whether the store was closed before, or its process killed."""

    file: str
    how: str
    state: str
    harm: Harm

    @property
    def name(self) -> str:
        return f"{self.file} {self.how}, {self.state}"


def opened(path: Path, *, accept_older: bool = False) -> Memoria:
    store = LocalStore(path, embedder=EMBEDDER.card, accept_older=accept_older)
    return Memoria(store, EMBEDDER, reinforce="never")


def made(folder: Path, state: str) -> Case:
    """A store that was written in three goes; in the last, it is closed or killed."""
    live, older, foreign = folder / "live", folder / "older", folder / "foreign"
    case = Case(path=folder / "a.memoria", older=older, foreign=foreign)
    for go in range(2):
        with opened(live) as memory:
            _write(case, memory, go)
        if not go:
            shutil.copytree(live, older)
    with opened(foreign) as memory:
        _write(Case(path=foreign, older=older, foreign=foreign), memory, 0)
    memory = opened(live)
    _write(case, memory, 2)
    if state == "closed":
        memory.close()
    shutil.copytree(live, case.path)
    memory.close()
    return case


def _write(case: Case, memory: Memoria, go: int) -> None:
    for home in HOMES:
        view = memory.namespace("u", home)
        for n in range(2):
            one = view.remember(f"{home} was told fact {go} {n}.", subject="kept")
            case.texts.setdefault(home, {})[one.id] = one.text
        gone = view.remember(f"{home} was told secret {go}.")
        memory.forget(gone.id)
        case.forgotten.append(gone.id)


# -- harm --


def missing(file: str) -> Harm:
    return lambda case, path: (path / file).unlink()


def emptied(file: str) -> Harm:
    return lambda case, path: (path / file).write_bytes(b"")


def cut(file: str, share: float) -> Harm:
    def harm(case: Case, path: Path) -> None:
        data = (path / file).read_bytes()
        (path / file).write_bytes(data[: int(len(data) * share)])

    return harm


def shortened(file: str, length: int) -> Harm:
    return lambda case, path: os.truncate(path / file, length)


def zeroed(file: str, first: int = 0, last: int | None = None) -> Harm:
    def harm(case: Case, path: Path) -> None:
        data = bytearray((path / file).read_bytes())
        end = len(data) if last is None else last
        data[first:end] = bytes(end - first)
        (path / file).write_bytes(data)

    return harm


def flipped(file: str, at: int) -> Harm:
    def harm(case: Case, path: Path) -> None:
        data = bytearray((path / file).read_bytes())
        data[at] ^= 0x10
        (path / file).write_bytes(data)

    return harm


def both(one: Harm, other: Harm) -> Harm:
    return lambda case, path: (one(case, path), other(case, path))


def put(source: str, file: str) -> Harm:
    """The file of the older store, or of another one, in the place of this one."""

    def harm(case: Case, path: Path) -> None:
        origin = case.older if source == "older" else case.foreign
        for suffix in ("-wal", "-shm") if file == DATABASE else ():
            (path / f"{file}{suffix}").unlink(missing_ok=True)
        shutil.copyfile(origin / file, path / file)

    return harm


def swapped(one: str, other: str) -> Harm:
    def harm(case: Case, path: Path) -> None:
        first, second = (path / one).read_bytes(), (path / other).read_bytes()
        (path / one).write_bytes(second)
        (path / other).write_bytes(first)

    return harm


def stray(name: str) -> Harm:
    return lambda case, path: shutil.copyfile(path / FIRST, path / name)


def row(sql: str) -> Harm:
    """A change of one row of the first namespace."""

    def harm(case: Case, path: Path) -> None:
        database = sqlite3.connect(path / DATABASE)
        database.execute(sql, (bytes.fromhex(next(iter(case.texts["n0"]))),))
        database.commit()
        database.close()

    return harm


_FLIP_ROW = "UPDATE memory SET sealed = CAST(substr(sealed, 1, 3) || x'00' || substr(sealed, 5) AS BLOB) WHERE id = ?"


def kinds() -> Sequence[Damage]:
    plain = [
        *((DATABASE, how, harm) for how, harm in _whole(DATABASE)),
        *((KEY, how, harm) for how, harm in _whole(KEY)),
        (KEY, "with one bit flipped", flipped(KEY, 5)),
        *((FIRST, how, harm) for how, harm in _whole(FIRST)),
        (FIRST, "of zeros", zeroed(FIRST)),
        (FIRST, "cut behind its last slot", shortened(FIRST, HEADER + 9 * SLOT)),
        (FIRST, "with a bit of its header flipped", flipped(FIRST, 40)),
        (FIRST, "with a bit of its counts flipped", flipped(FIRST, 520)),
        (FIRST, "with a bit of its counts flipped in both places", both(flipped(FIRST, 520), flipped(FIRST, 1032))),
        (FIRST, "with a bit of a vector flipped", flipped(FIRST, HEADER + 70)),
        (FIRST, "with a bit of a key flipped", flipped(FIRST, HEADER + 3)),
        (FIRST, "with a slot of zeros", zeroed(FIRST, HEADER, HEADER + SLOT)),
        (FIRST, "swapped with that of another namespace", swapped(FIRST, SECOND)),
        (FIRST, "twice, also under a number that was never given", stray("slots/0000000000000099.slots")),
        (DATABASE, "with a byte of a sealed row flipped", row(_FLIP_ROW)),
        (DATABASE, "with a row that points to the slot of another", row("UPDATE memory SET slot = 1 WHERE id = ?")),
        (DATABASE, "with a row of no namespace", row("UPDATE memory SET namespace = 77 WHERE id = ?")),
        (MARKER, "missing", missing(MARKER)),
        (MARKER, "with a bit flipped", flipped(MARKER, 19)),
        ("lock", "missing", missing("lock")),
        ("reserve", "missing", missing("reserve")),
    ]
    found = [Damage(file=f, how=how, state=s, harm=harm) for f, how, harm in plain for s in ("closed", "killed")]
    wal = [("missing", missing(WAL)), ("cut in half", cut(WAL, 0.5)), ("cut by its last commit", cut(WAL, 0.97))]
    wal += [("with a bit flipped", flipped(WAL, 4096 * 3)), ("emptied", emptied(WAL))]
    return found + [Damage(file=WAL, how=how, state="killed", harm=harm) for how, harm in wal]


def _whole(file: str) -> list[tuple[str, Harm]]:
    return [
        ("missing", missing(file)),
        ("emptied", emptied(file)),
        ("cut in half", cut(file, 0.5)),
        ("of an older copy", put("older", file)),
        ("of another store", put("foreign", file)),
    ]


# -- what is said and done --


@dataclass(kw_only=True)
class Outcome:
    """What was said: opening, doctor, repair; what was seen, by ids and names of namespaces: all else."""

    opening: str = "opens"
    doctor: list[str] = field(default_factory=list)
    repair: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    back: list[str] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)
    left: set[str] = field(default_factory=set)
    revived: list[str] = field(default_factory=list)
    unseen: set[str] = field(default_factory=set)


def played(case: Case, damage: Damage, folder: Path) -> Outcome:
    """Opens the damaged store and works with it; puts the right file back; repairs it: each on a copy of its own."""
    outcome = Outcome()
    _work(case, _harmed(case, damage, folder / "work"), outcome)
    _put_back(case, damage, folder / "back", outcome)
    _repair(case, _harmed(case, damage, folder / "repair"), outcome)
    return outcome


def _harmed(case: Case, damage: Damage, path: Path) -> Path:
    shutil.copytree(case.path, path)
    damage.harm(case, path)
    return path


def _work(case: Case, path: Path, outcome: Outcome) -> None:
    try:
        memory = opened(path)
    except memoria.StoreCorrupt as error:
        outcome.opening = str(error).replace(str(path), "")
        return
    with memory:
        outcome.lost, outcome.refused = missed(case, memory)
        outcome.revived = revived(case, memory)
        outcome.unseen = unseen(case, memory)
        for home in HOMES[1:]:
            if home not in outcome.refused:
                view = memory.namespace("u", home)
                one = view.remember(f"{home} goes on.")
                assert one in view.list()
                memory.forget(one.id)
        outcome.doctor = [line.replace(str(path), "") for line in memory.doctor()]


def missed(case: Case, memory: Memoria) -> tuple[list[str], set[str]]:
    """Memories that are not found, or that read differently; and namespaces of which StoreCorrupt says that they, or
    one of their memories, cannot be read."""
    lost, refused = [], set()
    for home, texts in case.texts.items():
        for id, text in texts.items():
            try:
                if memory.get(id).text != text:
                    lost.append(id)
            except memoria.StoreCorrupt:
                refused.add(home)
            except memoria.MemoryNotFound:
                lost.append(id)
    return lost, refused


def unseen(case: Case, memory: Memoria) -> set[str]:
    """Texts that a list and a recall over all namespaces pass over; both have to work, and to agree."""
    texts = {text for known in case.texts.values() for text in known.values()}
    listed = {one.text for one in memory.list()}
    recalled = {hit.memory.text for hit in memory.recall("was told fact", k=2 * len(texts))}
    named = {one.text for one in memory.forget(mentions="told", dry_run=True)}
    assert listed == recalled == named
    return texts - listed


def revived(case: Case, memory: Memoria) -> list[str]:
    """What was forgotten and is read again."""
    found = []
    for id in case.forgotten:
        try:
            memory.get(id)
            found.append(id)
        except memoria.MemoriaError:
            continue
    return found


def _put_back(case: Case, damage: Damage, path: Path, outcome: Outcome) -> None:
    """Opens the damaged store, closes it, puts back what was there, and reads."""
    _harmed(case, damage, path)
    try:
        with opened(path) as memory:
            memory.list()
    except memoria.StoreCorrupt:
        pass
    for file in (damage.file, SECOND) if "swapped" in damage.how else (damage.file,):
        shutil.copyfile(case.path / file, path / file)
    for name in ("memoria.db", "memoria.db-wal") if damage.file in (DATABASE, WAL) else ():
        (path / "memoria.db-shm").unlink(missing_ok=True)
        (path / name).unlink(missing_ok=True)
        if (case.path / name).exists():
            shutil.copyfile(case.path / name, path / name)
    (path / "slots/0000000000000099.slots").unlink(missing_ok=True)
    with opened(path) as memory:
        outcome.back, refused = missed(case, memory)
        outcome.back += [*refused, *revived(case, memory)]


def _repair(case: Case, path: Path, outcome: Outcome) -> None:
    try:
        memory = opened(path)
    except memoria.StoreCorrupt:
        try:
            memory = opened(path, accept_older=True)
        except memoria.StoreCorrupt:
            return
        outcome.repair.append("accepts the older memoria.db")
    with memory:
        said = memory.repair(dry_run=True)
        assert memory.repair() == said
        outcome.repair += [line.replace(str(path), "") for line in said]
        outcome.repaired = memory.doctor()
        lost, outcome.left = missed(case, memory)
        outcome.left |= {home for home, texts in case.texts.items() if set(texts) & set(lost)}
        outcome.revived += revived(case, memory)


def table(folder: Path) -> str:
    """A line for each kind of damage."""
    lines = ["| file | damage | after | opening | doctor | `doctor --repair` |", "|---|---|---|---|---|---|"]
    cases = {state: made(folder / state, state) for state in ("closed", "killed")}
    for number, damage in enumerate(kinds()):
        found = played(cases[damage.state], damage, folder / str(number))
        doctor = "; ".join(_short(found.doctor)) or ("sound" if found.opening == "opens" else "")
        repair = "; ".join(_short(found.repair)) or (
            "nothing to do" if found.opening == "opens" else "put the file back"
        )
        lines.append(f"| `{damage.file}` | {damage.how} | {damage.state} | {found.opening} | {doctor} | {repair} |")
    return "\n".join(lines)


def _short(said: Sequence[str]) -> list[str]:
    """The first of each kind of sentence, without ids."""
    kinds: dict[str, tuple[str, int]] = {}
    for line in said:
        words = " ".join("…" if len(word.strip(":")) == 32 else word for word in line.split())
        kind = "".join(letter for letter in words if not letter.isdigit())
        kinds[kind] = (kinds.get(kind, (words, 0))[0], kinds.get(kind, (words, 0))[1] + 1)
    return [words if count == 1 else f"{words} (and {count - 1} more)" for words, count in kinds.values()]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(table(Path(folder)) + "\n")

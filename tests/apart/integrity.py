"""agent-memory-integrity (agmi, MIT licence) on memoria: its nine edits of a store at rest, and its six by the verbs.

`make integrity` runs it and prints the tables of docs/research/integrity.md; it needs the package in integrity.txt. Who
edits has one of three powers: SQL on memoria.db alone, without a key; every file of a store, keys among them, and
memoria itself; or every file of a store that is sealed, without what unlocks it. `doctor` is asked afterwards.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agmi.adapters.base import MemoryAdapter, Record
from agmi.adapters.semantic_base import MemoryItem, Retrieved, SemanticMemoryAdapter
from agmi.attacks.at_rest import AT_REST_ATTACKS_WITH_SNAPSHOT
from agmi.attacks.memory_specific import ALL_MEMORY_ATTACKS
from agmi.check import LABELS, verdict

import memoria
from memoria import Provenance
from memoria.embedders import MiniLM
from memoria.testing import HashEmbedder

VICTIM, OTHER = "victim", "other"
_CLEAR = ("kind", "created_at", "valid_from", "valid_to", "salience")


class AtRest(MemoryAdapter):  # type: ignore[misc]  # the package has no types
    """A local store that is closed while it is edited; whether `doctor` finds anything is the answer."""

    detection_point = "audit"
    unlock: str | None = None
    supports_replay = supports_metadata = supports_snapshot = True

    def setup(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="memoria-agmi-"))
        self._store = self._folder / "a.memoria"

    def teardown(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def opened(self) -> Iterator[memoria.Memoria]:
        with memoria.open(self._store, embedder=HashEmbedder(32), unlock=self.unlock) as memory:
            yield memory

    def seed(self, n: int) -> None:
        self._said(VICTIM, n)

    def seed_other(self, n: int) -> None:
        self._said(OTHER, n)

    def _said(self, who: str, n: int) -> None:
        with self.opened() as memory:
            for number in range(n):
                memory.namespace(who).remember(f"Note {number} of {who} is about the garden.", subject=who)

    def append_genuine(self) -> None:
        with self.opened() as memory:
            memory.namespace(VICTIM).remember("One more note is about the garden.")

    def snapshot_store(self) -> object:
        return self._copy_store(self._store)

    def restore_store(self, token: object) -> None:
        self._restore_store(str(token), self._store)

    def reload(self) -> None:
        """Each verb opens the store anew."""

    def verify(self) -> bool:
        try:
            with self.opened() as memory:
                found = memory.doctor()
        except memoria.MemoriaError as error:
            found = [f"{type(error).__name__} when it is opened"]
        self.verify_detail = found[0] if found else None
        return not found

    def read_all_raw(self) -> list[Record]:
        return self.rows(VICTIM)

    def read_other_raw(self) -> list[Record]:
        return self.rows(OTHER)

    def rows(self, who: str) -> list[Record]:
        raise NotImplementedError

    def identity_of(self, record: Record) -> str:
        return str(record.fields["id"])

    def payload_of(self, record: Record) -> str:
        return str(record.fields["said"])

    def owner_of(self, record: Record) -> str:
        return str(record.fields["who"])

    def mutate_payload(self, record: Record) -> Record:
        raise NotImplementedError

    def forge_record(self, template: Record) -> Record:
        return self.mutate_payload(Record(template.seq + 1, dict(template.fields)))


class Sql(AtRest):
    """SQL on memoria.db alone: every table may be read and written, and no key is at hand."""

    name = "SQL on memoria.db"

    def sql(self, statement: str, *values: Any) -> list[Any]:
        with closing(sqlite3.connect(self._store / "memoria.db")) as database, database:
            return database.execute(statement, values).fetchall()

    def rows(self, who: str) -> list[Record]:
        """Namespaces are known by their number alone: who was written first has the first."""
        number = (VICTIM, OTHER).index(who) + 1
        columns = f"row, id, namespace, sealed, {', '.join(_CLEAR)}"
        found = self.sql(f"SELECT {columns} FROM memory WHERE namespace = ? ORDER BY row", number)
        return [
            Record(seq, {"row": row, "id": id.hex(), "who": number, "said": sealed.hex(), "clear": clear})
            for seq, (row, id, number, sealed, *clear) in enumerate(found)
        ]

    def mutate_payload(self, record: Record) -> Record:
        changed = bytearray.fromhex(record.fields["said"])
        changed[0] ^= 1
        record.fields["said"] = changed.hex()
        return record

    def write_raw(self, record: Record) -> None:
        there = self.read_all_raw()
        if record.seq < len(there):
            self._seal(there[record.seq], record.fields["said"])
            return
        taken = [name for _, name, *_ in self.sql("PRAGMA table_info(memory)") if name not in {"row", "id", "slot"}]
        columns = ", ".join(taken)
        self.sql(
            f"INSERT INTO memory (id, slot, {columns}) SELECT randomblob(16), slot + 1, {columns} FROM memory "
            "WHERE row = ?",
            there[-1].fields["row"],
        )
        self._seal(self.read_all_raw()[-1], record.fields["said"])

    def _seal(self, place: Record, said: str) -> None:
        self.sql("UPDATE memory SET sealed = ? WHERE row = ?", bytes.fromhex(said), place.fields["row"])

    def delete_raw(self, seq: int) -> None:
        self.sql("DELETE FROM memory WHERE row = ?", self.read_all_raw()[seq].fields["row"])

    def replay_onto(self, victim_seq: int, donor: Record) -> None:
        self._seal(self.read_all_raw()[victim_seq], donor.fields["said"])

    def read_meta(self, seq: int) -> dict[str, Any]:
        return dict(zip(_CLEAR, self.read_all_raw()[seq].fields["clear"], strict=True))

    def write_meta(self, seq: int, meta: dict[str, Any]) -> None:
        """Of what is in the clear, the time: a year earlier."""
        year = 365 * 86_400 * 1_000_000
        row = self.read_all_raw()[seq].fields["row"]
        self.sql("UPDATE memory SET created_at = created_at - ? WHERE row = ?", year, row)


class Everything(AtRest):
    """Every file of the store, with the keys beside what they seal, and memoria itself: as the owner has it."""

    name = "every file, and memoria"

    def rows(self, who: str) -> list[Record]:
        with self.opened() as memory:
            found = memory.list(namespace=(who,))
        return [
            Record(seq, {"id": one.id, "who": who, "said": one.text, "subject": one.subject})
            for seq, one in enumerate(found)
        ]

    def mutate_payload(self, record: Record) -> Record:
        record.fields["said"] += " It was written by somebody else."
        return record

    def write_raw(self, record: Record) -> None:
        there = self.read_all_raw()
        with self.opened() as memory:
            if record.seq < len(there):
                memory.amend(there[record.seq].fields["id"], text=record.fields["said"])
            else:
                memory.namespace(VICTIM).remember(record.fields["said"])

    def delete_raw(self, seq: int) -> None:
        id = self.read_all_raw()[seq].fields["id"]
        with self.opened() as memory:
            memory.forget(id, guard="none")

    def replay_onto(self, victim_seq: int, donor: Record) -> None:
        self.write_raw(Record(victim_seq, donor.fields))

    def read_meta(self, seq: int) -> dict[str, Any]:
        return {"subject": self.read_all_raw()[seq].fields["subject"]}

    def write_meta(self, seq: int, meta: dict[str, Any]) -> None:
        id = self.read_all_raw()[seq].fields["id"]
        with self.opened() as memory:
            memory.amend(id, subject="somebody else")


class SealedFiles(AtRest):
    """Every file of a store that is sealed, without what unlocks it: its slots, and the pages of memoria.db."""

    name = "every file of a sealed store, without its key"
    unlock = "5a" * 32
    _HEADER = 4096

    def _file(self, who: str) -> Path:
        """Files of namespaces have numbers alone: who was written first has the first."""
        return sorted((self._store / "slots").glob("*.slots"))[(VICTIM, OTHER).index(who)]

    def _size(self, file: Path) -> int:
        """Of a slot; the header has it in the clear."""
        return int.from_bytes(file.read_bytes()[12:16], "little")

    def rows(self, who: str) -> list[Record]:
        """Slots that are not empty."""
        file = self._file(who)
        size, data = self._size(file), file.read_bytes()[self._HEADER :]
        slots = [data[at : at + size] for at in range(0, len(data), size)]
        found = [(place, slot.hex()) for place, slot in enumerate(slots) if any(slot)]
        return [
            Record(seq, {"id": f"{file.stem}/{place}", "place": place, "who": who, "said": said})
            for seq, (place, said) in enumerate(found)
        ]

    def mutate_payload(self, record: Record) -> Record:
        changed = bytearray.fromhex(record.fields["said"])
        changed[100] ^= 1
        record.fields["said"] = changed.hex()
        return record

    def _put(self, place: int, slot: bytes) -> None:
        file = self._file(VICTIM)
        with file.open("r+b") as opened:
            opened.seek(self._HEADER + place * self._size(file))
            opened.write(slot)

    def write_raw(self, record: Record) -> None:
        there = self.read_all_raw()
        place = there[record.seq].fields["place"] if record.seq < len(there) else there[-1].fields["place"] + 1
        self._put(place, bytes.fromhex(record.fields["said"]))

    def delete_raw(self, seq: int) -> None:
        self._put(self.read_all_raw()[seq].fields["place"], bytes(self._size(self._file(VICTIM))))

    def replay_onto(self, victim_seq: int, donor: Record) -> None:
        self._put(self.read_all_raw()[victim_seq].fields["place"], bytes.fromhex(donor.fields["said"]))

    def read_meta(self, seq: int) -> dict[str, Any]:
        return {"memoria.db": (self._store / "memoria.db").read_bytes()}

    def write_meta(self, seq: int, meta: dict[str, Any]) -> None:
        """Times, kinds and labels are in the pages of memoria.db, and no page tells whose: a byte of the middle one."""
        changed = bytearray(meta["memoria.db"])
        changed[len(changed) // 2] ^= 1
        (self._store / "memoria.db").write_bytes(changed)


class Verbs(SemanticMemoryAdapter):  # type: ignore[misc]  # the package has no types
    """Who writes by `remember` into a user's namespace, and reads by `recall`, with the default embedder."""

    name = "remember and recall"

    def __init__(self) -> None:
        self._embedder = MiniLM()
        self._memory: memoria.Memoria | None = None

    def reset(self) -> None:
        self.close()
        self._memory = memoria.open(":memory:", embedder=self._embedder)

    def close(self) -> None:
        if self._memory is not None:
            self._memory.close()

    def _home(self, who: str) -> memoria.Memoria:
        assert self._memory is not None
        return self._memory.namespace(who)

    def add_memory(self, item: MemoryItem) -> None:
        self._home(item.user_id).remember(
            item.text, metadata=item.metadata, provenance=Provenance(source=item.source, speaker=item.user_id)
        )

    def retrieve(self, query: str, user_id: str, k: int = 5) -> list[Retrieved]:
        return self._found(query, user_id, {}, k)

    def retrieve_where(self, query: str, user_id: str, where: dict[str, Any], k: int = 5) -> list[Retrieved]:
        return self._found(query, user_id, where, k)

    def _found(self, query: str, user_id: str, where: dict[str, Any], k: int) -> list[Retrieved]:
        hits = self._home(user_id).recall(query, k=k, metadata=where)
        return [Retrieved(hit.memory.text, "/".join(hit.memory.namespace)) for hit in hits]


def at_rest(adapters: Sequence[AtRest]) -> dict[str, list[tuple[str, str]]]:
    """By name of an edit: (verdict, why) for each adapter."""
    return {
        LABELS[made.name]: [
            (verdict(result, one).lower(), result.guard or result.error or one.verify_detail or "")
            for one in adapters
            for result in [made().run(one)]
        ]
        for made in AT_REST_ATTACKS_WITH_SNAPSHOT
    }


def by_verbs(adapter: Verbs) -> list[tuple[str, str, str]]:
    """(attack, what became of it, how often) of each attack by the verbs."""
    found = []
    for made in ALL_MEMORY_ATTACKS:
        result = made().run(adapter)
        said = "not evaluable" if result.error else "kept out" if result.safe else "surfaced"
        counts = [f"{way} {sum(map(bool, seen))} of {len(seen)}" for way, seen in result.channels.items()]
        found.append((made.name.replace("_", " "), said, result.error or ", ".join(counts)))
    return found


def tables() -> Iterator[str]:
    """The lines of both tables, in Markdown."""
    adapters = [Sql(), Everything(), SealedFiles()]
    yield f"| edit, agmi {version('agent-memory-integrity')} | {' | '.join(one.name for one in adapters)} |"
    yield f"|---|{'---|' * len(adapters)}"
    for edit, seen in at_rest(adapters).items():
        yield f"| {edit} | {' | '.join(said for said, _ in seen)} |"
    yield ""
    yield f"| by the verbs | {Verbs.name} | surfaced, by channel |"
    yield "|---|---|---|"
    for line in by_verbs(Verbs()):
        yield f"| {' | '.join(line)} |"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in tables())

"""Bad input gets an error that names the value and the rule, and nothing is lost."""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import memoria
from memoria.testing import HashEmbedder
from memoria.transfer.jsonl import export, import_lines

EMBEDDER = HashEmbedder(64)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER) as memory:
        memory.remember_many([f"fact {n}" for n in range(20)])
    return tmp_path / "a.memoria"


@pytest.fixture
def memory(path: Path) -> Iterator[memoria.Memoria]:
    with memoria.open(path, embedder=EMBEDDER) as memory:
        yield memory
        assert len(memory.list()) == 20
        assert memory.doctor() == []


@pytest.mark.parametrize(
    ("text", "fields", "rule"),
    [
        ("", {}, "empty"),
        ("  \n", {}, "empty"),
        ("x" * (1 << 20) + "y", {}, "1,048,577 bytes"),
        ("a\0b", {}, "NUL at 1"),
        ("a\ud800", {}, "lone surrogate at 1"),
        ("ok", {"salience": 1.5}, "1.5 is not in"),
        ("ok", {"salience": float("nan")}, "nan is not in"),
        ("ok", {"kind": "sensory"}, "sensory"),
        ("ok", {"subject": ""}, "subject is empty"),
        ("ok", {"tags": "abc"}, "one str"),
        ("ok", {"created_at": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001 - the naive time is the point
        ("ok", {"metadata": {"x": float("inf")}}, "JSON"),
        ("ok", {"metadata": {1: 2}}, "keys must be str"),
    ],
)
def test_memories_that_break_a_rule(memory: memoria.Memoria, text: str, fields: dict[str, Any], rule: str) -> None:
    with pytest.raises(memoria.InvalidMemory, match=rule):
        memory.remember(text, **fields)


@pytest.mark.parametrize(
    ("vector", "rule"),
    [([float("nan")] * 64, "NaN"), ([1.0] * 63, "dimension is 64"), ([0.0] * 64, "zero"), (["a"] * 64, "numbers")],
)
def test_vectors_that_break_a_rule(memory: memoria.Memoria, vector: Any, rule: str) -> None:
    with pytest.raises(memoria.InvalidVector, match=rule):
        memory.remember("text", vector=vector)
    with pytest.raises(memoria.InvalidVector, match=rule):
        memory.recall(vector)


def test_questions_that_say_nothing(memory: memoria.Memoria) -> None:
    with pytest.raises(memoria.InvalidQuery, match="nothing asked"):
        memory.forget()
    with pytest.raises(memoria.InvalidQuery, match="empty"):
        memory.recall(" ")
    with pytest.raises(memoria.InvalidQuery, match="k 0"):
        memory.recall("x", k=0)
    with pytest.raises(memoria.InvalidQuery, match="holds '/'"):
        memory.namespace("a/b")
    for id in ("f" * 32, "nonsense"):
        for verb in (memory.get, memory.forget):
            with pytest.raises(memoria.MemoryNotFound, match=id):
                verb(id)


def test_another_embedder_is_refused_and_reembed_offered(path: Path) -> None:
    with pytest.raises(memoria.EmbedderMismatch, match="reembed"):
        memoria.open(path, embedder=HashEmbedder(32))
    with memoria.open(path, embedder=EMBEDDER) as memory:
        memory.reembed(HashEmbedder(32))
    with memoria.open(path, embedder=HashEmbedder(32)) as memory:
        assert len(memory.recall("fact 3", k=20)) == 20


def test_second_writer_waits_or_is_refused_and_readers_read(path: Path) -> None:
    with memoria.open(path, embedder=EMBEDDER) as writer:
        with pytest.raises(memoria.StoreLocked, match=str(os.getpid())):
            memoria.open(path, embedder=EMBEDDER, timeout=0.1)
        with memoria.open(path, mode="r", embedder=EMBEDDER) as reader:
            (new,) = writer.remember_many(["fact 99"])
            assert reader.recall("fact 99", k=1)[0].memory == new
            writer.forget(new.id)
            assert new not in [hit.memory for hit in reader.recall("fact 99", k=50)]
            with pytest.raises(memoria.StoreReadOnly):
                reader.remember("no")


def test_corrupt_slot_is_named_and_left_alone(path: Path) -> None:
    (slots,) = (path / "slots").iterdir()
    data = bytearray(slots.read_bytes())
    data[4096 + 3 * 512 + 100] ^= 0xFF
    slots.write_bytes(data)
    with memoria.open(path, embedder=EMBEDDER) as memory:
        assert memory.doctor() == [f"slots/{slots.name}: slot 3 has a bad checksum"]
        hurt = [f"fact {n}" for n in range(20) if f"fact {n}" not in {one.text for one in memory.list()}]
        assert len(hurt) == 1
        assert hurt[0] not in {hit.memory.text for hit in memory.recall(hurt[0], k=20)}
    assert data == slots.read_bytes()


@pytest.mark.parametrize("keep", [0.5, 0.01])
def test_truncated_database_is_named(path: Path, keep: float) -> None:
    database = path / "memoria.db"
    size = database.stat().st_size
    os.truncate(database, int(size * keep))
    with pytest.raises(memoria.StoreCorrupt), memoria.open(path, embedder=EMBEDDER) as memory:
        memory.list()


def test_truncated_slot_file_is_named(path: Path) -> None:
    (slots,) = (path / "slots").iterdir()
    os.truncate(slots, 4096 + 700)
    with pytest.raises(memoria.StoreCorrupt, match="cut short"), memoria.open(path, embedder=EMBEDDER) as memory:
        memory.list()


def test_later_format_is_refused(path: Path) -> None:
    connection = sqlite3.connect(path / "memoria.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for mode in ("r", "rw"):
        with pytest.raises(memoria.FormatTooNew, match="99"):
            memoria.open(path, mode=mode, embedder=EMBEDDER)


def test_missing_and_foreign_directories(tmp_path: Path) -> None:
    with pytest.raises(memoria.StoreNotFound):
        memoria.open(tmp_path / "none", mode="r", embedder=EMBEDDER)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(memoria.StoreExists):
        memoria.open(tmp_path, embedder=EMBEDDER)
    assert (tmp_path / "notes.txt").read_text() == "mine"


FULL = """
import sys, memoria
from memoria.testing import HashEmbedder
# Wide vectors, so that the slot file meets the limit before the database does.
with memoria.open(sys.argv[1], embedder=HashEmbedder(2048)) as memory:
    try:
        for n in range(100000):
            memory.remember_many([f"more {n} {i}" for i in range(50)])
    except memoria.StoreFull as error:
        print(len(memory.list()), flush=True)
        sys.exit(7)
"""


def test_full_disk_is_named_and_nothing_is_half_written(tmp_path: Path) -> None:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    path = tmp_path / "a.memoria"
    command = [sys.executable, "-c", FULL, str(path)]
    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 7, done.stderr
    with memoria.open(path, embedder=HashEmbedder(2048)) as memory:
        assert len(memory.list()) == int(done.stdout)
        assert len(memory.list()) % 50 == 0
        assert memory.doctor() == []


@pytest.mark.parametrize(
    ("vector", "rule"),
    [("?", "base64"), ("AAA=", "fp16|length 1"), ("AAAA" * 32, "dimension 64"), ("", "dimension 64")],
)
def test_import_refuses_a_line_whose_vector_is_none(memory: memoria.Memoria, vector: str, rule: str) -> None:
    (line,) = list(export(memory.store, memoria.Where()))[:1]
    other = {**json.loads(line), "id": "e" * 32, "vector": vector}
    with pytest.raises(memoria.InvalidVector, match=rule):
        import_lines(memory.store, memory.embedder, [line, json.dumps(other)])


def test_export_is_one_line_a_memory_whatever_the_text_holds(tmp_path: Path) -> None:
    text = "one\ntwo\u2028three\x85four\x0bfive\rsix"
    with (
        memoria.open(tmp_path / "a", embedder=EMBEDDER) as first,
        memoria.open(":memory:", embedder=EMBEDDER) as second,
    ):
        first.remember(text)
        lines = "\n".join(export(first.store, memoria.Where())).split("\n")
        assert import_lines(second.store, EMBEDDER, lines).stored == 1
        assert second.list() == first.list()

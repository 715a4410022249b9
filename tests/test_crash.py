"""kill -9 at every named point and at random instants, unsynced sectors reverted at random, then open again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from memoria.forget.residue import scan
from memoria.types import Secret
from tests.crash_worker import SECTOR, leaves, opened
from tests.waiting import PATIENCE, until

POINTS = {
    "local": (
        "slot written",
        "slot synced",
        "row written",
        "row committed",
        "intent committed",
        "slot zeroed",
        "zero synced",
        "namespaces marked",
        "namespace file made",
        "wiped",
        "rows purged",
        "file rewritten",
        "files swapped",
        "traces written",
        "standing written",
        "ledger written",
        "period written",
        "period lifted",
        "lapses written",
        "fingerprints erased",
    ),
    "postgres": (
        "tenant keys made",
        "keys written",
        "keys synced",
        "rows committed",
        "keys zeroed",
        "zero synced",
        "intents done",
        "namespaces left",
        "wiped",
        "traces written",
        "standing written",
        "ledger written",
        "lapses written",
    ),
}
# Of rekey: tests/test_sealing.py tries them.
REKEYING = {
    "sealing begun",
    "slots sealed",
    "database sealed",
    "key in place",
    "clear file wiped",
    "sealed file moved",
}
SEALING_KEYS = {"sealing begun", "keys sealed", "clear file replaced"}
ROUNDS = int(os.environ.get("MEMORIA_CRASH_ROUNDS", "20"))


@pytest.mark.parametrize("kind", POINTS)
def test_every_named_point_of_the_source_is_tried(kind: str) -> None:
    source = "".join(path.read_text() for path in (Path(__file__).parents[1] / "stores" / kind).glob("*.py"))
    named = set(source.split('.reached("')[1:])
    assert {text.split('"')[0] for text in named} == {*POINTS[kind], *(REKEYING if kind == "local" else SEALING_KEYS)}


@pytest.mark.parametrize("round", range(ROUNDS))
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, round: int) -> None:
    survives(tmp_path, str(tmp_path / "a.memoria"), "local", round, lives=2, most=4)


@pytest.mark.parametrize("round", range(ROUNDS * 6 // 20))
def test_what_was_acknowledged_in_a_sealed_store_survives_a_kill(
    tmp_path: Path, round: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sqlcipher3")
    monkeypatch.setenv("MEMORIA_CRASH_UNLOCK", "5e" * 32)
    survives(tmp_path, str(tmp_path / "a.memoria"), "local", round, lives=1, most=2)


@pytest.mark.parametrize("round", range(ROUNDS * 13 // 20))
def test_what_was_acknowledged_in_postgres_survives_a_kill(tmp_path: Path, database: str, round: int) -> None:
    survives(tmp_path, database, "postgres", round, lives=1, most=1)


def survives(folder: Path, place: str, kind: str, round: int, *, lives: int, most: int) -> None:
    """lives: how often it is killed. most: at which time a point is reached, at the latest."""
    rng, points = random.Random(round), POINTS[kind]
    point = points[round] if round < len(points) else rng.choice(["", "", *points])
    for life in range(lives):
        died_at = run(folder, place, seed=round * 10 + life, point=point, hits=rng.randint(1, most), rng=rng)
        revert(folder, rng)
        # The server never has a key or a text, but vectors until it is purged.
        labels = {"text", "key"} if kind == "postgres" else None
        clean(folder, died_at, labels)
        verify(folder, place, died_at)
        clean(folder, died_at, labels)


def run(folder: Path, place: str, *, seed: int, point: str, hits: int, rng: random.Random) -> str:
    command = [sys.executable, "-m", "tests.crash_worker", place, str(folder), str(seed), point, str(hits)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1], stderr=subprocess.PIPE)
    if not point:
        until(lambda: (folder / "log").exists() or process.poll() is not None)
        time.sleep(rng.uniform(0, 0.7))
        process.send_signal(signal.SIGKILL)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL, errors.decode()
    return point


def revert(folder: Path, rng: random.Random) -> None:
    """Takes back a random half of the sectors that were never synced."""
    journal = folder / "unsynced"
    if not journal.exists():
        return
    for entry in json.loads(journal.read_text()):
        old, path = bytes.fromhex(entry["old"]), Path(entry["path"])
        if path.exists() and len(old) == entry["size"]:
            with path.open("r+b") as file:
                for at in range(0, len(old), SECTOR):
                    if rng.random() < 0.5:
                        file.seek(entry["offset"] + at)
                        file.write(old[at : at + SECTOR])


def clean(folder: Path, died_at: str, labels: set[str] | None) -> None:
    """Nothing with one of these labels of an acknowledged forget or amend is in any file, before recovery and after."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in {"log", "unsynced"}]
    residue = scan(files, [one for one in erased(folder / "log") if labels is None or one.label in labels])
    assert not residue.found, f"{died_at}: {residue.found[:3]}"


def erased(log: Path) -> list[Secret]:
    """What acknowledged operations had to destroy."""
    secrets: list[Secret] = []
    asked: list[dict[str, Any]] = []
    for line in log.read_text().splitlines() if log.exists() else []:
        event: dict[str, Any] = json.loads(line)
        if event["what"] in {"forgot", "amended"}:
            secrets += [Secret(label=one["label"], data=bytes.fromhex(one["data"]), run=one["run"]) for one in asked]
        asked = event.get("secrets", [])
    return secrets


def verify(folder: Path, place: str, died_at: str) -> None:
    must, may, gone, batch = replay(folder / "log")
    with opened(place) as memory:
        found = leaves(memory)
        for id, text in must.items():
            assert found.get(id) == text or id in may, f"{died_at}: lost or changed {id}"
        assert not set(found) & gone, f"{died_at}: came back"
        extra = {text for id, text in found.items() if id not in must}
        assert extra <= may, f"{died_at}: never asked for"
        assert not batch or whole(may, must, found), f"{died_at}: half of a batch"
        assert memory.doctor() == []
        assert memory.recall("derived text", k=5) or not found
        needles = [Secret(label="text", data=text.encode()) for text in must.values()]
        assert not needles or scan(memory.store.files(), needles).found == ()
        (folder / "log").write_text(json.dumps({"what": "remembered", "memories": found}) + "\n")


def whole(may: set[str], must: dict[str, str], found: dict[str, str]) -> bool:
    """Whether the batch that was under way is there as a whole, or not at all."""
    new = may & set(found.values())
    old = may & set(must)
    return (not new or new == may) and (not old or old & set(found) in (set(), old))


def replay(log: Path) -> tuple[dict[str, str], set[str], set[str], bool]:
    """What must be there, ids and texts that may be so or not, what must be gone, and whether these are one batch."""
    must: dict[str, str] = {}
    gone: set[str] = set()
    may: set[str] = set()
    batch = False
    lines = log.read_text().splitlines() if log.exists() else []
    for line in lines:
        event: dict[str, Any] = json.loads(line)
        may, batch = set(), event["what"] != "amending"
        if event["what"] == "remembering":
            may = set(event["texts"])
        elif event["what"] == "remembered":
            must |= event["memories"]
        elif event["what"] == "amending":
            may = {event["id"], event["text"], *event["gone"]}
        elif event["what"] == "amended":
            must[event["id"]] = event["text"]
            gone |= set(event["gone"])
            must = {id: text for id, text in must.items() if id not in gone}
        elif event["what"] == "forgetting":
            may = set(event["ids"])
        elif event["what"] == "forgot":
            gone |= set(event["ids"])
            must = {id: text for id, text in must.items() if id not in gone}
    return must, may, gone, batch

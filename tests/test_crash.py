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

from memoria.engine import Memoria
from memoria.residue import scan
from memoria.stores import LocalStore
from memoria.types import Secret
from tests.crash_worker import EMBEDDER, SECTOR, leaves

POINTS = (
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
)
ROUNDS = int(os.environ.get("MEMORIA_CRASH_ROUNDS", "30"))


def test_every_named_point_of_the_source_is_tried() -> None:
    source = "".join(path.read_text() for path in (Path(__file__).parents[1] / "stores" / "local").glob("*.py"))
    named = set(source.split('.reached("')[1:])
    assert {text.split('"')[0] for text in named} == set(POINTS)


@pytest.mark.parametrize("round", range(ROUNDS))
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, round: int) -> None:
    rng = random.Random(round)
    point = POINTS[round] if round < len(POINTS) else rng.choice(["", "", *POINTS])
    for life in range(2):
        died_at = run(tmp_path, seed=round * 10 + life, point=point, hits=rng.randint(1, 4), rng=rng)
        revert(tmp_path, rng)
        clean(tmp_path, died_at)
        verify(tmp_path, died_at)
        clean(tmp_path, died_at)


def run(folder: Path, *, seed: int, point: str, hits: int, rng: random.Random) -> str:
    command = [sys.executable, "-m", "tests.crash_worker", str(folder), str(seed), point, str(hits)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    if not point:
        while not (folder / "log").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.7))
        process.send_signal(signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
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


def clean(folder: Path, died_at: str) -> None:
    """No text, key or vector of an acknowledged forget or amend is in any file, before recovery and after."""
    files = [path for path in (folder / "a.memoria").rglob("*") if path.is_file()]
    residue = scan(files, erased(folder / "log"))
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


def verify(folder: Path, died_at: str) -> None:
    must, may, gone, batch = replay(folder / "log")
    with Memoria(LocalStore(folder / "a.memoria", embedder=EMBEDDER.card), EMBEDDER) as memory:
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

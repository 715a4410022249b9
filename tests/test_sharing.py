"""One store, several threads and processes: no write is lost, nothing deleted comes back, nobody waits for ever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import memoria
from memoria.integrations.langgraph import MemoriaStore
from memoria.sharing import Shared, lent
from memoria.testing import HashEmbedder
from tests.waiting import PATIENCE

WORKER = Path(__file__).with_name("sharing_worker.py")
SECONDS = 120.0 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 4.0
PROCESSES, THREADS = 4, 8


def test_four_processes_of_eight_threads_share_a_store(tmp_path: Path) -> None:
    store = tmp_path / "a.memoria"
    environment = {**os.environ, "PYTHONPATH": str(WORKER.parents[1]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(WORKER), str(store)]
    workers = [
        subprocess.Popen(
            [*command, str(n), str(THREADS), str(SECONDS)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(PROCESSES)
    ]
    reports: list[dict[str, Any]] = []
    for worker in workers:
        out, errors = worker.communicate(timeout=SECONDS + PATIENCE)
        assert worker.returncode == 0, errors
        reports += [json.loads(line) for line in out.splitlines()]
    assert len(reports) == PROCESSES * THREADS
    assert all(report["steps"] for report in reports), "a thread never had its turn"
    with MemoriaStore.from_conn_string(store, embedder=HashEmbedder()) as left:
        there = {item.key: item.value["text"] for item in left.search(("shared",), limit=10_000)}
        assert there == {key: text for report in reports for key, text in report["there"].items()}
        memory = left.memory
        assert isinstance(memory, memoria.Memoria)
        counted = [int(one.text) for one in memory.namespace("counter").list()]
        assert counted == list(range(1, sum(report["counted"] for report in reports) + 1))
        gone = [text for report in reports for text in report["deleted"] if text not in there.values()]
        assert gone
        assert memory.scan(*gone[:: max(1, len(gone) // 500)]).found == ()
        assert memory.doctor() == []


def test_threads_with_adapters_of_their_own_take_turns(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()) as memory:

        def add() -> None:
            own = MemoriaStore(memory)
            for n in range(20):
                own.put(("a",), "same", {"n": n})

        threads = [threading.Thread(target=add) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(memory) == 1


def test_a_store_is_open_only_while_it_is_lent(tmp_path: Path) -> None:
    shared = Shared(tmp_path / "a.memoria", namespace=("app",), embedder=HashEmbedder())
    with shared.lend() as memory:
        memory.remember("once")
        with lent(shared) as same:  # further down, the same turn
            assert same is memory
        with pytest.raises(memoria.StoreLocked):
            memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder())
    with pytest.raises(memoria.StoreClosed):
        memory.list()
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()) as other:
        assert [one.namespace for one in other.list()] == [("app",)]
        with pytest.raises(memoria.StoreLocked), Shared(tmp_path / "a.memoria", timeout=0.1).lend():
            pass


def test_an_embedder_is_loaded_once(tmp_path: Path) -> None:
    made: list[Any] = []
    shared = Shared(tmp_path / "a.memoria")
    for _ in range(2):
        with shared.lend() as memory:
            made.append(memory.embedder)
    assert made[0] is made[1]

"""Threads, processes, forks and connections that write one store at once lose nothing that was acknowledged.

`MEMORIA_HANDS` sets how many operations are acknowledged in one run, over all hands.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import memoria
from tests.hands import EMBEDDER, FIELDS, SHARED, Account, work

OPERATIONS = int(os.environ.get("MEMORIA_HANDS", "360"))
THREADS = 4


def shared(memory: memoria.Memoria) -> list[str]:
    return [memory.namespace("shared").remember(f"All hands amend number {n}.").id for n in range(SHARED)]


def in_threads(handles: Sequence[memoria.Memoria], ids: list[str], each: int) -> list[Account]:
    """The accounts of four threads, which take the handles in turn."""
    with ThreadPoolExecutor(THREADS) as pool:
        running = [pool.submit(work, handles[n % len(handles)], f"thread {n}", each, n, ids) for n in range(THREADS)]
        return [one.result() for one in running]


def check(memory: memoria.Memoria, accounts: Sequence[Account]) -> int:
    """Asserts that all is there that was acknowledged, and nothing else; how many operations that were."""
    there = {one.id: one for one in memory.namespace("hands").list()}
    own = {id: text for account in accounts for id, text in account.own.items()}
    assert {id: one.text for id, one in there.items()} == own
    ended = set[str]().union(*(account.ended for account in accounts))
    assert {id for id, one in there.items() if one.valid_to is not None} == ended
    keyed = {(key, id) for account in accounts for key, id in account.keyed.items()}
    assert {(one.key, one.id) for one in memory.namespace("keyed").list()} == keyed
    for column, account in enumerate(accounts):
        for id, value in account.fields.items():
            assert getattr(memory.get(id), FIELDS[column % len(FIELDS)]) == value
    gone = [id for account in accounts for id in account.gone]
    assert memory.store.read(gone) == [None] * len(gone)
    assert memory.doctor() == []
    return sum(account.acknowledged for account in accounts)


def _in_child(memory: memoria.Memoria, answers: multiprocessing.Queue[str]) -> None:
    try:
        memory.remember("Said by a child in its parent's handle.")
        answers.put("taken")
    except memoria.StoreClosed:
        answers.put("refused")


def test_threads_and_forks_lose_nothing_of_a_store_in_a_folder(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[str] = fork.Queue()
    with memoria.open(tmp_path / "a", embedder=EMBEDDER, reinforce="never") as memory:
        ids = shared(memory)
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(in_threads, [memory], ids, OPERATIONS // THREADS)
            while not running.done():
                child = fork.Process(target=_in_child, args=(memory, answers))
                child.start()
                assert answers.get(timeout=60) == "refused"
                child.join(60)
            accounts = running.result()
        done = check(memory, accounts)
    with memoria.open(tmp_path / "a", embedder=EMBEDDER) as memory:
        assert check(memory, accounts) == done
    sys.stdout.write(f"local: {done} operations acknowledged, 0 lost\n")


def test_threads_processes_and_connections_lose_nothing_of_a_store_in_postgres(database: str) -> None:
    each = OPERATIONS // (THREADS + 2)
    with (
        memoria.open(database, embedder=EMBEDDER, reinforce="never") as one,
        memoria.open(database, embedder=EMBEDDER, reinforce="never") as two,
    ):
        ids = shared(one)
        command = [sys.executable, "-m", "tests.hands", database]
        others = [
            subprocess.Popen(
                [*command, f"process {column}", str(each), str(column), *ids],
                cwd=Path(__file__).parents[1],
                stdout=subprocess.PIPE,
            )
            for column in (THREADS, THREADS + 1)
        ]
        accounts = in_threads([one, two], ids, each)
        for other in others:
            said, _ = other.communicate(timeout=3600)
            assert other.returncode == 0
            accounts.append(Account(**json.loads(said)))
        # Values that came as JSON have lists for tuples.
        done = check(one, accounts)
        assert check(two, accounts) == done
    sys.stdout.write(f"postgres: {done} operations acknowledged, 0 lost\n")


def test_a_lost_operation_is_seen(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a", embedder=EMBEDDER) as memory:
        accounts = in_threads([memory], shared(memory), 20)
        memory.store.erase([next(iter(accounts[0].own))], guard=False)
        with pytest.raises(AssertionError):
            check(memory, accounts)

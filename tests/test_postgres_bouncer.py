"""Behind PgBouncer in transaction mode: nothing stays with a connection, and a client that dies blocks nobody.

The conformance suite runs behind it in tests/test_stores.py.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from memoria.engine.memory import Memoria
from memoria.stores.postgres import PostgresStore
from memoria.testing.postgres import Server
from tests.bouncer import Bouncer
from tests.crash_worker import EMBEDDER
from tests.statements import kept_to
from tests.waiting import PATIENCE

CLIENTS, TEXTS = 6, 5


def opened(place: str) -> Memoria:
    """One that waits for its turn, however few connections there are."""
    return Memoria(PostgresStore(place, embedder=EMBEDDER.card, timeout=PATIENCE), EMBEDDER)


def test_clients_of_few_connections_do_not_get_what_others_left(
    database: str, server: Server, bouncer: Bouncer
) -> None:
    """Each has a namespace and reads its own, while all write to one that they share."""
    place = bouncer.url(database)

    def client(number: int) -> list[str]:
        with opened(place) as memory:
            mine = memory.namespace("own", str(number))
            for n in range(TEXTS):
                mine.remember(f"client {number} says {n}")
                memory.namespace("shared").remember(f"client {number} shares {n}")
                gone = mine.remember(f"client {number} takes {n} back")
                with memory.store.alone():
                    mine.amend(mine.list()[0].id, salience=0.5)
                mine.forget(gone.id)
            return sorted(one.text for one in mine.list())

    with kept_to(server, database, pooled=True):
        opened(place).close()
        with ThreadPoolExecutor(CLIENTS) as pool:
            found = list(pool.map(client, range(CLIENTS)))
    assert found == [sorted(f"client {number} says {n}" for n in range(TEXTS)) for number in range(CLIENTS)]
    with opened(place) as memory:
        assert len(memory.namespace("shared")) == CLIENTS * TEXTS
        assert memory.doctor() == []
    assert bouncer.locks(server) == 0


@pytest.mark.parametrize("point", ["keys written", "keys synced", "rows committed", "keys zeroed"])
def test_a_client_that_is_killed_in_a_write_blocks_nobody(
    database: str, server: Server, bouncer: Bouncer, tmp_path: Path, point: str
) -> None:
    place = bouncer.url(database)
    with opened(place) as memory:
        kept = memory.remember("there before")
        # In a transaction, with the lock of the namespace that everybody here writes to.
        command = [sys.executable, "-m", "tests.crash_worker", place, str(tmp_path), "3", point]
        hits = random.Random(point).randint(2, 5)
        done = subprocess.run(
            [*command, str(hits)], cwd=Path(__file__).parents[1], capture_output=True, check=False, timeout=PATIENCE
        )
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        one = memory.remember("and others go on")
        assert {kept.id, one.id} <= {found.id for found in memory.list()}
        memory.forget(one.id)
    # Who opens it carries out what the one that died had begun to erase.
    with opened(place) as memory:
        assert memory.doctor() == []
    assert bouncer.locks(server) == 0

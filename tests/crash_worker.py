"""The process that is killed: remembers, amends and forgets at random, and acknowledges each on a line of a log.

The disk keeps every sector that is not synced yet in a journal, so that the parent can take writes back as a
power cut would.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from pathlib import Path

from memoria.engine import Memoria
from memoria.stores.local import Disk, LocalStore
from memoria.testing import HashEmbedder

SECTOR = 512
EMBEDDER = HashEmbedder(384)


class CrashDisk(Disk):
    """Journals unsynced sectors of slot files and dies at the `hits`-th time `point` is reached."""

    def __init__(self, folder: Path, point: str, hits: int) -> None:
        self._journal = folder / "unsynced"
        self._point, self._hits = point, hits
        self._pending: list[dict[str, object]] = []

    def write(self, fd: int, data: bytes, offset: int) -> None:
        path = os.readlink(f"/proc/self/fd/{fd}")
        if path.endswith(".slots"):
            old = os.pread(fd, len(data), offset)
            self._pending.append({"path": path, "offset": offset, "old": old.hex(), "size": len(data)})
            self._save()
        super().write(fd, data, offset)

    def sync(self, fd: int) -> None:
        super().sync(fd)
        path = os.readlink(f"/proc/self/fd/{fd}")
        self._pending = [entry for entry in self._pending if entry["path"] != path]
        self._save()

    def _save(self) -> None:
        fresh = self._journal.with_suffix(".new")
        fresh.write_text(json.dumps(self._pending))
        fresh.replace(self._journal)

    def reached(self, point: str) -> None:
        if point == self._point:
            self._hits -= 1
            if self._hits == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path, seed: int, point: str, hits: int) -> None:
    rng = random.Random(seed)
    log = (folder / "log").open("a", buffering=1)
    disk = CrashDisk(folder, point, hits)
    store = LocalStore(folder / "a.memoria", embedder=EMBEDDER.card, disk=disk)
    memory = Memoria(store, EMBEDDER)
    for step in range(10_000):
        act(memory, rng, f"{seed}_{step}", log)


def act(memory: Memoria, rng: random.Random, name: str, log: object) -> None:
    def say(what: str, **fields: object) -> None:
        print(json.dumps({"what": what, **fields}), file=log)  # type: ignore[call-overload]

    ids = [one.id for one in memory.list()]
    choice = rng.random()
    home = memory.namespace("n", rng.choice("abc"))
    if choice < 0.45 or len(ids) < 5:
        texts = [f"text {name} n{n} of many words" for n in range(rng.choice([1, 1, 1, 8]))]
        say("remembering", texts=texts)
        say("remembered", memories={one.id: one.text for one in home.remember_many(texts)})
    elif choice < 0.6:
        id, text = rng.choice(ids), f"amended {name}"
        say("amending", id=id, text=text, secrets=secrets(memory, [id]))
        memory.amend(id, text=text)
        say("amended", id=id, text=text)
    elif choice < 0.95:
        going = rng.sample(ids, rng.choice([1, 1, 4]))
        say("forgetting", ids=going, secrets=secrets(memory, going))
        memory.forget(*going)
        say("forgot", ids=going)
    elif choice < 0.98:
        going = [one.id for one in home.list()]
        say("forgetting", ids=going, secrets=secrets(memory, going))
        home.forget(namespace=())
        say("forgot", ids=going)
    else:
        memory.rebuild()


def secrets(memory: Memoria, ids: list[str]) -> list[dict[str, object]]:
    return [{"label": one.label, "data": one.data.hex(), "run": one.run} for one in memory.store.secrets(ids)]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))

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
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from memoria.change.consolidate import plain
from memoria.engine.memory import Memoria
from memoria.stores.local import Disk, LocalStore
from memoria.stores.postgres import PostgresStore
from memoria.stores.registry import is_url
from memoria.testing import BoundedEmbedder
from memoria.text.fingerprints import Statement
from memoria.types import Provenance, Secret

SECTOR = 512
EMBEDDER = BoundedEmbedder(384)


class CrashDisk(Disk):
    """Journals unsynced sectors of slot files and dies at the `hits`-th time `point` is reached."""

    def __init__(self, folder: Path, point: str, hits: int) -> None:
        self._journal = folder / "unsynced"
        self._point, self._hits = point, hits
        self._pending: list[dict[str, object]] = []

    def write(self, fd: int, data: bytes, offset: int) -> None:
        path = os.readlink(f"/proc/self/fd/{fd}")
        if path.endswith((".slots", ".keys")):
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


def opened(place: str, disk: Disk | None = None) -> Memoria:
    """The store in a directory or in a database."""
    kind = PostgresStore if is_url(place) else LocalStore
    # A store that is sealed is unlocked by 64 digits, which need no stretching.
    unlock = os.environ.get("MEMORIA_CRASH_UNLOCK")
    return Memoria(kind(place, embedder=EMBEDDER.card, disk=disk, timeout=1.0, unlock=unlock), EMBEDDER)


def main(place: str, folder: Path, seed: int, point: str, hits: int) -> None:
    rng = random.Random(seed)
    log = (folder / "log").open("a", buffering=1)
    memory = opened(place, CrashDisk(folder, point, hits))
    held = [one.id for one in memory.list() if memory.trace(one.id).held]
    if held:
        memory.release(*held, reason="left by the process before")
    for step in range(10_000):
        act(memory, rng, f"{seed}_{step}", log)


def act(memory: Memoria, rng: random.Random, name: str, log: object) -> None:
    def say(what: str, **fields: object) -> None:
        print(json.dumps({"what": what, **fields}), file=log)  # type: ignore[call-overload]

    ids = sorted(leaves(memory))
    choice = rng.random()
    home = memory.namespace("n", rng.choice("abc"))
    if choice < 0.45 or len(ids) < 5:
        # One in three is longer than what the embedder reads.
        more = rng.choice(["", "", " and more of them" * 6])
        texts = [f"text {name} n{n} of many words{more}" for n in range(rng.choice([1, 1, 1, 8]))]
        say("remembering", texts=texts)
        say("remembered", memories={one.id: one.text for one in home.remember_many(texts)})
    elif choice < 0.6:
        id, text = rng.choice(ids), f"amended {name}"
        # What was derived from it goes, for nobody can take the old words out of that.
        derived = [one.id for one in memory.forget(id, dry_run=True) if one.id != id and not one.parts]
        say("amending", id=id, text=text, gone=derived, secrets=secrets(memory, [id, *derived]))
        memory.amend(id, text=text)
        say("amended", id=id, text=text, gone=derived)
    elif choice < 0.67:
        keep(memory, rng, [one.id for one in memory.list()])
    elif choice < 0.72:
        gather(home, rng)
    elif choice < 0.77:
        derive(memory, home, rng, name, say)
    elif choice < 0.95:
        asked = rng.sample(ids, rng.choice([1, 1, 4]))
        going = [one.id for one in memory.forget(*asked, dry_run=True) if not one.parts]
        say("forgetting", ids=going, secrets=secrets(memory, going))
        memory.forget(*asked)
        say("forgot", ids=going)
    elif choice < 0.98:
        going = [one.id for one in home.forget(namespace=(), dry_run=True) if not one.parts]
        say("forgetting", ids=going, secrets=secrets(memory, going))
        home.forget(namespace=())
        say("forgot", ids=going)
    else:
        memory.rebuild()


def leaves(memory: Memoria) -> dict[str, str]:
    """The text of each memory by id, those that stand in gists among them: gathering changes nothing of it."""
    return {part.id: part.text for one in memory.list() for part in one.parts or (one,)}


def gather(home: Memoria, rng: random.Random) -> None:
    """By hand, or in sleep."""
    # A kill may have left some archived, pinned or bounded.
    free = [one.memory.id for one in plain(home.store, [one.id for one in home.list()])]
    if len(free) > 2 and rng.random() < 0.5:
        home.consolidate(*rng.sample(free, rng.randint(2, 3)))
    else:
        home.sleep(like=rng.uniform(0.2, 0.9), prune=False)


def derive(memory: Memoria, home: Memoria, rng: random.Random, name: str, say: Callable[..., None]) -> None:
    """Something made from others, or put in the place of another."""
    ids = [one.id for one in memory.list()]
    text = f"derived {name} of many words"
    say("remembering", texts=[text])
    if rng.random() < 0.5:
        made = home.remember(text, provenance=Provenance(derived_from=tuple(rng.sample(ids, 2))))
    else:
        old = rng.choice([one.id for one in memory.list() if one.valid_to is None])
        made = home.supersede(old, text) if old in {one.id for one in home.list()} else home.remember(text)
    say("remembered", memories={made.id: made.text})


def secrets(memory: Memoria, ids: list[str]) -> list[dict[str, object]]:
    """What must be nowhere once these are forgotten. A gist that is made again keeps the vector of its leader."""
    live = {one.id: one for one in memory.list()}
    found = memory.store.secrets([id for id in ids if id in live])
    for gist in live.values():
        parts = [part for part in gist.parts if part.id in ids]
        if parts:
            found += [one for one in memory.store.secrets([gist.id]) if one.label in {"text", "key"}]
            found += [Secret(label="text", data=part.text.encode()) for part in parts]
    return [{"label": one.label, "data": one.data.hex(), "run": one.run} for one in found]


def keep(memory: Memoria, rng: random.Random, ids: list[str]) -> None:
    """Verbs over traces and standing: they may never lose or change a memory."""
    some = rng.sample(ids, min(3, len(ids)))
    memory.reinforce(*some)
    memory.trace(some[0])
    memory.archive(*some)
    memory.pin(some[0])
    memory.hold(some[1], reason="a test")
    memory.release(some[1], reason="a test")
    memory.unpin(some[0])
    memory.restore(*some)
    # Orders about nobody, and fingerprints that have ended.
    memory.set_ttl(timedelta(days=36500), subject="nobody")
    memory.lift_ttl(subject="nobody")
    memory.store.reschedule(some)
    (there, *_), past = memory.namespaces(), datetime(2020, 1, 1, tzinfo=UTC)
    memory.store.guard_near(there, [Statement("what nobody has ever said in here")], until=past)
    memory.erase_due()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))

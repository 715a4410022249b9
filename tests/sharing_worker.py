"""A process of tests/test_sharing.py: threads that put, update and delete items of a store that others write too.

Usage: sharing_worker.py DIR PROCESS THREADS SECONDS. Each thread owns some keys and keeps a model of them; it says on
stdout, as a JSON line, what must be there at the end, what it deleted, and how long it waited at most. Every thread
writes to one counter of all, too, and says how often.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

from memoria.integrations.langgraph import MemoriaStore
from memoria.sharing import Shared, lent
from memoria.testing import HashEmbedder

PATIENCE = 100.0
PLACE = ("shared", "items")


def main(folder: Path, process: int, threads: int, seconds: float) -> None:
    shared = Shared(folder, timeout=60, embedder=HashEmbedder())
    store = MemoriaStore(shared, index={"fields": ["text"]})
    end = time.monotonic() + seconds
    waiting = {f"{process}.{n}" for n in range(threads)}  # for their first turn
    reports: list[dict[str, Any]] = []
    workers = [
        threading.Thread(target=lambda n=n: reports.append(work(store, shared, f"{process}.{n}", end, waiting)))
        for n in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sys.stdout.write("".join(json.dumps(report) + "\n" for report in reports))


def work(store: MemoriaStore, shared: Shared, name: str, end: float, waiting: set[str]) -> dict[str, Any]:
    rng = random.Random(name)
    model: dict[str, str] = {}
    deleted: set[str] = set()
    counted, number, longest = 0, 0, 0.0
    # On a machine at work a first turn may come late; while one waits for it, the others go on.
    while (now := time.monotonic()) < end or (waiting and now < end + PATIENCE):
        number += 1
        key = f"{name}.{rng.randrange(6)}"
        started = time.monotonic()
        step = rng.random()
        if step < 0.5:
            text = f"worker {name} wrote note {number}"
            store.put(PLACE, key, {"text": text})
            deleted |= {model[key]} if key in model else set()
            model[key] = text
        elif step < 0.7:
            store.delete(PLACE, key)
            deleted |= {model.pop(key)} if key in model else set()
        elif step < 0.8:
            counted += 1
            with lent(shared) as memory:  # reads, then writes; nobody comes between
                counter = memory.namespace("counter")
                last = counter.list(limit=1, newest=True)
                counter.remember(str(int(last[0].text) + 1 if last else 1))
        elif step < 0.9:
            found = store.get(PLACE, key)
            assert (found.value["text"] if found else None) == model.get(key)
        else:
            mine = [item.value["text"] for item in store.search(PLACE, query=name, limit=200) if item.key == key]
            assert mine == ([model[key]] if key in model else []), (mine, model.get(key))
        waiting.discard(name)
        longest = max(longest, time.monotonic() - started)
    return {"there": model, "deleted": sorted(deleted), "counted": counted, "steps": number, "longest": longest}


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))

"""A worker that is killed: does jobs until it comes to a point for the last time."""

from __future__ import annotations

import sys
from pathlib import Path

from memoria.worker import work
from tests.crash_worker import CrashDisk, opened

if __name__ == "__main__":
    place, folder, point, hits = sys.argv[1:]
    with opened(place, CrashDisk(Path(folder), point, int(hits))) as memory:
        list(work(memory, lease=1.0))

"""The process that is killed while it brings up a store of an older format, once one batch of rows has its labels."""

from __future__ import annotations

import os
import signal
import sys

from memoria.stores.local import LocalStore
from memoria.stores.postgres import PostgresStore
from memoria.stores.registry import is_url
from memoria.testing import HashEmbedder


def die(what: str, done: int, total: int) -> None:
    """The progress of the store that is opened."""
    if what == "upgrade" and done < total:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    place = sys.argv[1]
    # So few rows at a time that a small store takes several batches.
    for function in (LocalStore._link_all, PostgresStore._label):
        function.__globals__["BATCH" if "BATCH" in function.__globals__ else "_BATCH"] = 2
    kind = PostgresStore if is_url(place) else LocalStore
    kind(place, embedder=HashEmbedder(16).card, progress=die).close()

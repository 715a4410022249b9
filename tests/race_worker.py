"""A process of two that write the same store: remembers under keys, and amends its own field of each memory.

    python -m tests.race_worker URL ROUNDS a|b ID...

Prints the ids of what it remembered under the keys.
"""

from __future__ import annotations

import sys

import memoria
from memoria.testing import HashEmbedder


def work(memory: memoria.Memoria, rounds: int, which: str, ids: list[str]) -> None:
    for n in range(rounds):
        sys.stdout.write(memory.remember(f"said {n}", key=f"k{n}").id + "\n")
        if which == "a":
            memory.amend(ids[n], text=f"new {n}")
        else:
            memory.amend(ids[n], subject=f"s{n}")


if __name__ == "__main__":
    with memoria.open(sys.argv[1], embedder=HashEmbedder(16)) as opened:
        work(opened, int(sys.argv[2]), sys.argv[3], sys.argv[4:])

"""Imports an export of ChatGPT in a process of its own, which a test kills: STORE FILE. Prints how far it is."""

from __future__ import annotations

import sys
from pathlib import Path

import memoria
from memoria.testing import HashEmbedder
from memoria.transfer.foreign import bring


def main(store: str, file: str) -> None:
    def progress(what: str, done: int, total: int) -> None:
        say(f"{what} {done} {total}")

    with memoria.open(store, embedder=HashEmbedder(), progress=progress) as memory:
        done = bring(memory.namespace("app", "ada"), "chatgpt", Path(file))
    say(f"brought {done.survey.found} {done.stored} {done.present}")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

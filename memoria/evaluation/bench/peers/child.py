"""The process of one store: it does what it is told on its standard input, a line of JSON each, and answers so.

`python -m memoria.evaluation.bench.peers.child NAME FOLDER SAMPLE`. What the store itself prints goes to the standard
error, so that an answer is a line of ours.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TextIO

from memoria.evaluation.bench.peers.adapters import PEERS
from memoria.evaluation.bench.peers.sample import Sample, load
from memoria.extras import extra
from memoria.version import __version__


class Worker:
    """One store in a folder, and the ids by which it knows the rows of a sample."""

    def __init__(self, name: str, folder: Path, sample: Sample) -> None:
        self._entry = PEERS[name]
        self._peer = self._entry.made()
        self._folder, self._sample = folder, sample
        self._ids: dict[int, str] = {}
        self._rows: dict[str, int] = {}

    def ready(self) -> dict[str, Any]:
        """Opens the store; milliseconds until then, and until its first answer. What it imports is imported before."""
        self._import()
        started = time.perf_counter()
        self._peer.open(self._folder)
        opened = time.perf_counter()
        found = self._peer.search(self._sample.asked[0], self._sample.questions[0])
        return {"open_ms": _ms(opened - started), "ready_ms": _ms(time.perf_counter() - started), "found": len(found)}

    def open(self) -> dict[str, Any]:
        """Opens it, untimed; says how it writes, and with which packages."""
        with extra("peers"):
            self._peer.open(self._folder)
        versions = dict(_versions(self._entry.packages))
        return {"settings": self._peer.settings(), "versions": versions, "decodes": self._peer.decodes}

    def _import(self) -> None:
        """Has another store of its kind opened, filled and asked, so that nothing is left to be imported."""
        with tempfile.TemporaryDirectory() as folder:
            other = self._entry.made()
            other.open(Path(folder))
            other.insert(self._sample.rows[:1])
            other.search(self._sample.asked[0], self._sample.questions[0])
            other.close()

    def fill(self, first: int, last: int) -> dict[str, Any]:
        """Stores rows in as few calls as the store offers; seconds."""
        numbers = range(first, last)
        started = time.perf_counter()
        ids = self._peer.insert([self._sample.rows[number] for number in numbers])
        taken = time.perf_counter() - started
        self._noted(numbers, ids)
        return {"seconds": taken}

    def ask(self, first: int, last: int) -> dict[str, Any]:
        """The rows that questions find."""
        return {"found": [self._found(at) for at in range(first, last)]}

    def turns(self, insert: Sequence[int], ask: Sequence[int], delete: Sequence[int]) -> dict[str, Any]:
        """One is inserted, one asked for and one deleted, in turn; milliseconds of each."""
        times: dict[str, list[float]] = {"insert": [], "search": [], "delete": []}
        for new, question, old in zip(insert, ask, delete, strict=True):
            row, id = self._sample.rows[new], self._ids[old]
            ids: list[str] = []
            times["insert"].append(_timed(lambda row=row, ids=ids: ids.extend(self._peer.insert([row]))))  # type: ignore[misc]  # bound at once
            self._noted([new], ids)
            vector, text = self._sample.asked[question], self._sample.questions[question]
            times["search"].append(_timed(lambda vector=vector, text=text: self._peer.search(vector, text)))  # type: ignore[misc]  # bound at once
            times["delete"].append(_timed(lambda id=id: self._peer.delete(id)))  # type: ignore[misc]  # bound at once
        return {"times": times}

    def needles(self, rows: Sequence[int]) -> dict[str, Any]:
        """The ids of rows, and the keys under which they are sealed, where they are, as hexadecimal digits."""
        ids = [self._ids[row] for row in rows]
        return {"ids": ids, "keys": [key.hex() for key in self._peer.keys(ids)]}

    def erase(self, rows: Sequence[int], asked: int) -> dict[str, Any]:
        """Deletes rows, one after another; how many searches for some of them find any of all, by their vectors."""
        for row in rows:
            self._peer.delete(self._ids[row])
        gone = {self._ids[row] for row in rows}
        some = [self._sample.rows[row] for row in rows[:asked]]
        return {"still": sum(bool(gone & set(self._peer.search(row.vector, row.text))) for row in some)}

    def compact(self) -> dict[str, Any]:
        """What the store offers to give space back; seconds."""
        started = time.perf_counter()
        done = self._peer.compact()
        return {"done": done, "seconds": time.perf_counter() - started}

    def decode(self, copy: str, to: str) -> dict[str, Any]:
        """Writes to a file what bytes of the files of a copy do not show, a part after another; how many there are."""
        count = 0
        with Path(to).open("wb") as out:
            for part in self._peer.decoded(Path(copy)):
                out.write(part + b"\n")
                count += 1
        return {"parts": count}

    def close(self) -> dict[str, Any]:
        """Closes the store."""
        self._peer.close()
        return {}

    def _noted(self, numbers: Sequence[int], ids: Sequence[str]) -> None:
        assert len(numbers) == len(ids)
        self._ids |= dict(zip(numbers, ids, strict=True))
        self._rows |= dict(zip(ids, numbers, strict=True))

    def _found(self, at: int) -> list[int]:
        return [self._rows[id] for id in self._peer.search(self._sample.asked[at], self._sample.questions[at])]


def serve(worker: Worker, lines: TextIO, out: TextIO) -> None:
    """Answers every line; an error is an answer too, by its type and its words."""
    for line in lines:
        asked = json.loads(line)
        try:
            answer = getattr(worker, asked.pop("do"))(**asked)
        except Exception as error:  # noqa: BLE001 - of a store that is compared, whatever it raises is its result
            said = "".join(letter if letter.isprintable() else " " for letter in str(error))
            answer = {"failed": f"{type(error).__name__}: {' '.join(said.split())[:200]}"}
        out.write(json.dumps(answer) + "\n")
        out.flush()


def main(name: str, folder: str, sample: str) -> None:
    """Serves on the standard streams."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(Worker(name, Path(folder), load(Path(sample))), sys.stdin, answers)


def _timed(action: Callable[[], Any]) -> float:
    started = time.perf_counter()
    action()
    return _ms(time.perf_counter() - started)


def _ms(seconds: float) -> float:
    return seconds * 1e3


def _versions(packages: Sequence[str]) -> Iterator[tuple[str, str]]:
    for package in packages:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            yield package, __version__


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The comparison: every store is filled, used in turn with the others, made to delete, closed, compacted, reopened.

Stages are the same for all. A store that fails keeps what it has shown until then, and says where it failed.
"""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from memoria.errors import InvalidQuery
from memoria.evaluation.bench.peers import residue
from memoria.evaluation.bench.peers.process import PeerFailed, Process
from memoria.evaluation.bench.peers.sample import Sample, chosen, save
from memoria.protocols import Progress
from memoria.version import __version__

QUESTIONS = 50
ERASED, ASKED = 100, 20
OPENINGS = 3
_FIRST = 1000
_PIECE, _BLOCK = 250, 10
Report = dict[str, Any]


def bench_peers(
    folder: Path,
    sample: Sample,
    names: Sequence[str],
    n: int,
    progress: Progress,
    *,
    rounds: int,
    limit: float,
    seed: int,
    openings: int = OPENINGS,
) -> Report:
    """Compares stores at n memories; the sample has n + rounds rows.

    Args:
        folder: an empty one, for the files of all.
        sample: what is stored and asked.
        names: of the stores.
        n: memories in each before it is used.
        progress: called while it runs.
        rounds: single inserts, searches and deletions of each.
        limit: seconds for each store, in all.
        seed: of what is deleted.
        openings: of each store, of which the median is told.

    Returns:
        Times in milliseconds, bytes, and what of deleted memories is in files, by store.

    Raises:
        InvalidQuery: there are fewer memories than are deleted and kept.
    """
    erased = min(ERASED, n // 4)
    if rounds > n - 2 * erased:
        raise InvalidQuery(
            f"rounds: {rounds} deletions of {n} memories, of which {2 * erased} are for the search in files"
        )
    save(sample, folder / "sample")
    load, disk = os.getloadavg()[0], sync_ms(folder)
    with ExitStack() as stack:
        bench = Bench(folder, sample, n, rounds, limit, seed, progress, stack)
        for name in names:
            bench.start(name)
        bench.stages(openings)
    return {
        "at": datetime.now(UTC).date().isoformat(),
        "memoria": __version__,
        **{"n": n, "rounds": rounds, "seed": seed, "erased": erased, "questions": QUESTIONS, "asked": ASKED},
        "machine": machine() | {"sync_ms": disk, "load_before": load},
        "peers": bench.results,
    }


@dataclass(slots=True)
class Running:
    """A store's process and folder, what is looked for in its files, and whether these are decoded as well."""

    process: Process
    folder: Path
    sought: residue.Needles
    decodes: bool = False


class Bench:
    """The stages, and what each store has shown so far."""

    def __init__(
        self,
        folder: Path,
        sample: Sample,
        n: int,
        rounds: int,
        limit: float,
        seed: int,
        progress: Progress,
        stack: ExitStack,
    ) -> None:
        self._folder, self._sample, self._n, self._rounds, self._limit = folder, sample, n, rounds, limit
        self._progress, self._stack = progress, stack
        gone, kept = chosen(n, min(ERASED, n // 4), seed)
        self._gone, self._kept = gone.tolist(), kept.tolist()
        apart = set(self._gone) | set(self._kept)
        self._deleted = [row for row in range(n) if row not in apart][:: max((n - len(apart)) // rounds, 1)][:rounds]
        self._running: dict[str, Running] = {}
        self._stored: dict[str, int] = {}
        self.results: dict[str, Report] = {}

    def stages(self, openings: int) -> None:
        """All of them, in their order."""
        self.each(self.first)
        self.together(self.fill)
        self.together(self.found)
        self.turns()
        self.together(self.erased)
        self.together(self.compacted)
        self.openings(openings)

    # -- processes --

    def start(self, name: str) -> None:
        """Starts and opens a store, in a new folder."""
        place = self._folder / f"store{len(self.results)}"
        place.mkdir()
        self.results[name] = {}
        process = self._process(name, place, self._limit)
        self._running[name] = Running(process, place, {})
        self._guarded(name, self._opened, name)

    def _opened(self, name: str) -> None:
        answer = self._running[name].process.ask("open")
        self._running[name].decodes = answer.pop("decodes")
        self.results[name] |= answer

    def _process(self, name: str, place: Path, limit: float) -> Process:
        home = self._folder / f"home-{place.name}"
        process = Process(name, place, self._folder / "sample", home, limit)
        self._stack.callback(process.end)
        return process

    def _guarded(self, name: str, stage: Callable[..., Any], *how: Any) -> None:
        """Runs a stage of a store that has not failed yet, and notes it if it fails now."""
        if "failed" in self.results[name]:
            return
        try:
            stage(*how)
        except PeerFailed as failure:
            self.results[name]["failed"] = str(failure)
            self._running[name].process.end()

    def each(self, stage: Callable[[str, Running], Any]) -> None:
        """A stage of every store, one after another."""
        for done, (name, one) in enumerate(self._running.items(), 1):
            self._guarded(name, stage, name, one)
            self._progress(stage.__name__, done, len(self._running))

    def together(self, stage: Callable[[str, Running], Any]) -> None:
        """A stage of all stores at once, none of it timed: a thread each that waits for its process."""
        with ThreadPoolExecutor(len(self._running)) as pool:
            under_way = [pool.submit(self._guarded, name, stage, name, one) for name, one in self._running.items()]
            for done, one in enumerate(as_completed(under_way), 1):
                one.result()
                self._progress(stage.__name__, done, len(under_way))

    # -- stages --

    def first(self, name: str, one: Running) -> None:
        """The first thousand in as few calls as it offers, alone on the machine."""
        last = min(_FIRST, self._n)
        self.results[name]["batch_ms"] = one.process.ask("fill", first=0, last=last)["seconds"] * 1e3 / last
        self._stored[name] = last

    def fill(self, name: str, one: Running) -> None:
        """The rest, untimed."""
        for at in range(self._stored[name], self._n, _PIECE):
            last = min(at + _PIECE, self._n)
            one.process.ask("fill", first=at, last=last)
            self._stored[name] = last
            self._progress("memories", sum(self._stored.values()), self._n * len(self._running))

    def found(self, name: str, one: Running) -> None:
        """recall@10: of the exactly nearest ten, how many it finds."""
        rows, questions = range(self._n), range(QUESTIONS)
        found = one.process.ask("ask", first=0, last=QUESTIONS)["found"]
        right = sum(len({*found[at]} & {*self._sample.nearest(rows, at)}) for at in questions)
        self.results[name]["recall"] = right / sum(len(self._sample.nearest(rows, at)) for at in questions)

    def turns(self) -> None:
        """Single operations, some of each store, then of the next, so that what else goes on meets all alike."""
        times: dict[str, dict[str, list[float]]] = {name: {} for name in self._running}

        def block(name: str, one: Running, at: int, last: int) -> None:
            new = list(range(self._n + at, self._n + last))
            asked = [number % QUESTIONS for number in range(at, last)]
            answer = one.process.ask("turns", insert=new, ask=asked, delete=self._deleted[at:last])
            for verb, taken in answer["times"].items():
                times[name].setdefault(verb, []).extend(taken)

        for at in range(0, self._rounds, _BLOCK):
            last = min(at + _BLOCK, self._rounds)
            for name, one in sorted(self._running.items(), reverse=bool(at // _BLOCK % 2)):
                self._guarded(name, block, name, one, at, last)
            self._progress("turns", last, self._rounds)
        for name, verbs in times.items():
            for verb, taken in verbs.items():
                self.results[name][verb] = {"p50": float(np.median(taken)), "mean": float(np.mean(taken))}

    def erased(self, name: str, one: Running) -> None:
        """Deletes a hundred, and looks for them in the files while it is open, and closed."""
        result = self.results[name]
        one.sought = self._needles(one)
        result["still"] = one.process.ask("erase", rows=self._gone, asked=ASKED)["still"]
        result["residue"] = {"open": self._residue(one)}
        one.process.ask("close")
        one.process.end()
        result["bytes"] = residue.size(one.folder) / self._n
        one.process = self._process(name, one.folder, one.process.left)
        result["residue"]["closed"] = self._residue(one)

    def compacted(self, name: str, one: Running) -> None:
        """Opens it again, does what it offers to give space back, closes it, and looks once more."""
        result = self.results[name]
        one.process.ask("open")
        done = one.process.ask("compact")
        one.process.ask("close")
        one.process.end()
        result["compaction"], result["compact_seconds"] = done["done"], done["seconds"]
        result["bytes_compacted"] = residue.size(one.folder) / self._n
        one.process = self._process(name, one.folder, one.process.left)
        result["residue"]["compacted"] = self._residue(one)

    def openings(self, count: int) -> None:
        """Opens each in new processes, in turn; the median. The first is the one that looked at the files."""
        times: dict[str, list[Report]] = {name: [] for name in self._running}

        def opened(name: str, one: Running) -> None:
            if times[name]:
                one.process.end()
                one.process = self._process(name, one.folder, one.process.left)
            times[name].append(one.process.ask("ready"))
            one.process.ask("close")

        for done in range(count):
            for name, one in self._running.items():
                self._guarded(name, opened, name, one)
            self._progress("open", done + 1, count)
        for name, taken in times.items():
            if taken:
                for what in ("open_ms", "ready_ms"):
                    self.results[name][what] = float(np.median([one[what] for one in taken]))

    # -- residue --

    def _needles(self, one: Running) -> residue.Needles:
        rows = [*self._gone, *self._kept]
        known = one.process.ask("needles", rows=rows)
        contents = {row: (self._sample.rows[row].text, self._sample.rows[row].vector) for row in rows}
        keys = dict(zip(rows, map(bytes.fromhex, known["keys"]), strict=False))
        made = residue.needles(contents, dict(zip(rows, known["ids"], strict=True)), keys)
        own = {text: row for row, (text, _) in contents.items()}
        return residue.without_common(made, (row.text for row in self._sample.rows), own)

    def _residue(self, one: Running) -> Mapping[str, Any]:
        """What there is of the deleted and of the kept: in bytes, and in what they say decoded."""
        plain = residue.seen(residue.contents(one.folder), one.sought)
        both = plain | (self._decoded(one) if one.decodes else set())
        return {
            "gone": residue.counted(plain, self._gone),
            "kept": residue.counted(plain, self._kept),
            "gone_decoded": residue.counted(both, self._gone),
            "kept_decoded": residue.counted(both, self._kept),
        }

    def _decoded(self, one: Running) -> set[tuple[str, int]]:
        """What is found in a copy of its files that is decoded, so that they are as they were."""
        copy, out = (self._folder / f"{what}-{one.folder.name}" for what in ("copy", "decoded"))
        shutil.copytree(one.folder, copy)
        out.mkdir()
        try:
            one.process.ask("decode", copy=str(copy), to=str(out / "parts"))
            return residue.seen(residue.contents(out), one.sought)
        finally:
            shutil.rmtree(copy)
            shutil.rmtree(out)


def machine() -> Report:
    """In general words: cores, memory, and what Python brings."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    with sqlite3.connect(":memory:") as db:
        (secure,) = db.execute("PRAGMA secure_delete").fetchone()
    db.close()
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory),
        "system": platform.system(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "secure_delete": secure,
    }


def sync_ms(folder: Path) -> float:
    """The median of writing 4 KiB to the disk and waiting for it, in milliseconds."""
    taken = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(50):
            started = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            taken.append((time.perf_counter() - started) * 1e3)
    (folder / "sync").unlink()
    return float(np.median(taken))

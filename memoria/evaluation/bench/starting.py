"""What a command costs that only asks one question: as a process of its own, and in the warm process."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from memoria.protocols import Progress

_MAIN = ("-c", "from memoria.command import main; main()")


def bench_commands(folder: Path, progress: Progress, *, rounds: int) -> dict[str, Any]:
    """Medians over rounds of `memoria recall` on a store of three memories, cold and warm in turns, and their ratios.

    Its runtime folder is its own, so that a warm process of the user is not asked and not ended.
    """
    (folder / "run").mkdir(mode=0o700)
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder / "run"), "XDG_CONFIG_HOME": str(folder / "none")}
    store = ("--store", str(folder / "a.memoria"))
    for text in ("Ada takes her tea with milk.", "The meeting is on Tuesday.", "Bob plays chess."):
        _run(environment, "remember", text, *store)
    _run(environment, "warm", "start")
    try:
        pid = json.loads(_run(environment, "warm", "status", "--json"))["pid"]
        taken: dict[str, list[tuple[float, float]]] = {"cold": [], "warm": []}
        for at in range(rounds):
            for name, switch in (("cold", "0"), ("warm", "1")):
                taken[name].append(_timed({**environment, "MEMORIA_WARM": switch}, pid, "recall", "tea", *store))
            progress("commands", at + 1, rounds)
    finally:
        _run(environment, "warm", "stop")
    report: dict[str, Any] = {"rounds": rounds}
    for place, what in enumerate(("processor_s", "clock_s")):
        cold, warm = (median(one[place] for one in taken[name]) for name in ("cold", "warm"))
        report |= {f"cold_{what}": cold, f"warm_{what}": warm, f"ratio_{what}": cold / warm}
    return report


def _run(environment: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *_MAIN, *arguments], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def _timed(environment: Mapping[str, str], pid: int, *arguments: str) -> tuple[float, float]:
    """Seconds of the processor, of this command and of the warm process with its forks, and by the clock."""
    before, start = _spent(pid), time.perf_counter()
    _run(environment, *arguments)
    return _spent(pid) - before, time.perf_counter() - start


def _spent(pid: int) -> float:
    mine = resource.getrusage(resource.RUSAGE_CHILDREN)
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]
    return mine.ru_utime + mine.ru_stime + sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

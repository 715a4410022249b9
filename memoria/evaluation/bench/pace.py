"""How fast the lab replays: events a minute of one core, for each policy."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from memoria.evaluation.lab import workloads
from memoria.evaluation.lab.contenders import contender
from memoria.evaluation.lab.simulate import simulate
from memoria.protocols import Progress

BUDGET = 0.1


def bench_simulate(n: int, names: Sequence[str], progress: Progress, *, seed: int) -> dict[str, Any]:
    """Millions of events a minute of processor time, over about n events of `recency` at a tenth of memory.

    Processor time, so that other work on the machine does not count.
    """
    events = workloads.generate("recency", seed, n)
    places = max(int(BUDGET * events.items), 1)
    pace = {}
    for done, name in enumerate(names, 1):
        started = time.process_time()
        simulate(events, contender(name), places)
        pace[name] = len(events) / (time.process_time() - started) * 60 / 1e6
        progress("policies", done, len(names))
    return {"events": len(events), "held": places, "seed": seed, "million_events_a_minute": pace}

"""A robot works a year at changing sites under a memory budget, and keeps every safety rule.

Each site has places that matter often and places that matter once. Every week the robot fades what is due, divides its
budget over the sites it knows, and keeps to it. Safety rules are held: nothing can take them. Run it:

    python examples/autonomous.py
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

import memoria
from memoria.policies import Exponential
from memoria.testing import HashEmbedder

START = datetime(2026, 1, 1, 8, tzinfo=UTC)
SITES, BUDGET, SEEN, ASKED = 6, 240, 8, 6
RULES = [f"Safety rule {n}: stop the {part} before hazard {n}" for n, part in enumerate(["arm", "drive", "drill"] * 4)]


def run(path: str = ":memory:", seed: int = 0) -> dict[str, float]:
    """The figures of one year."""
    rng = np.random.default_rng(seed)
    now = [START]
    policy = Exponential(stability=2.0)
    with memoria.open(path, embedder=HashEmbedder(128), policy=policy, clock=lambda: now[0], reinforce="used") as robot:
        rules = [robot.namespace("safety").remember(rule, salience=1.0) for rule in RULES]
        robot.hold(*(rule.id for rule in rules), reason="safety-critical")
        made = found = asked = early = late = faded = 0
        for day in range(365):
            now[0] = START + timedelta(days=day)
            site = day // 30 % SITES
            home = robot.namespace("site", str(site))
            places = [_place(rng) for _ in range(SEEN)]
            home.remember_many(f"site {site} place {place} has obstacle {place * 7 % 1000}" for place in places)
            made += SEEN
            for _ in range(ASKED):
                place = _place(rng)
                hits = home.recall(f"site {site} place {place} has obstacle", k=3)
                right = [hit for hit in hits if f" place {place} " in hit.memory.text]
                if right:
                    right[0].used()
                asked, found = asked + 1, found + bool(right)
                early += bool(right) and day % 30 < 5
                late += bool(right) and day % 30 >= 25
            if day % 7 == 6:
                faded += len(robot.fade())
                robot.namespace("site").allocate(BUDGET, apply=True)
                robot.namespace("site").prune(below=0.05)
        active = len(robot.store.select(memoria.Where(namespace=("site",), archived=False)))
        kept = sum(robot.namespace("safety").recall(rule.text, k=1)[0].memory.id == rule.id for rule in rules)
        return {
            "remembered": made,
            "left": len(robot.namespace("site")),
            "active": active,
            "budget": BUDGET,
            "faded": faded,
            "answered": found / asked,
            "answered_first_5_days_at_a_site": early / (ASKED * sum(day % 30 < 5 for day in range(365))),
            "answered_last_5_days_at_a_site": late / (ASKED * sum(day % 30 >= 25 for day in range(365))),
            "safety_rules": len(rules),
            "safety_rules_retrievable": kept,
        }


def _place(rng: np.random.Generator) -> int:
    """Some places come up often: Zipf over 60."""
    return int(min(rng.zipf(1.5), 60))


if __name__ == "__main__":
    for name, value in run().items():
        print(f"{name:34} {value:.3f}" if isinstance(value, float) else f"{name:34} {value}")  # noqa: T201 - an example

"""Gists, links, supersession: whatever has happened, forgetting leaves the state of a run that never saw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import memoria
from memoria import Memory, Provenance
from memoria.testing import HashEmbedder

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
EMBEDDER = HashEmbedder(32)


@dataclass(frozen=True)
class Op:
    """One thing that happened: a memory `n` was observed, derived from, gathered with or put in the place of others."""

    verb: str
    n: int
    others: tuple[int, ...] = ()


def draw_history(rng: np.random.Generator, length: int) -> list[Op]:
    """A random history: memories, gists of them, what was derived (to any depth), and what superseded what."""
    ops: list[Op] = []
    free: list[int] = []
    made: list[int] = []
    for n in range(length):
        verb = rng.choice(["remember", "gather", "derive", "supersede"], p=[0.5, 0.2, 0.2, 0.1])
        if verb == "gather" and len(free) >= 2:
            chosen = rng.choice(free, size=min(len(free), int(rng.integers(2, 5))), replace=False)
            ops.append(Op("gather", n, tuple(sorted(int(one) for one in chosen))))
            free = [one for one in free if one not in chosen]
            made.append(n)
        elif verb == "derive" and made + free:
            parents = rng.choice(made + free, size=min(len(made + free), int(rng.integers(1, 3))), replace=False)
            ops.append(Op("derive", n, tuple(sorted(int(one) for one in parents))))
            free = [one for one in free if one not in parents]
            made += [n, *(int(one) for one in parents if int(one) not in made)]
        elif verb == "supersede" and free:
            old = int(free.pop(int(rng.integers(len(free)))))
            ops.append(Op("supersede", n, (old,)))
        else:
            ops.append(Op("remember", n))
            free.append(n)
    return ops


def never_saw(ops: Sequence[Op], x: int) -> list[Op]:
    """The history of a run to which `x` never happened: nor did what it alone made possible."""
    lost = {x}
    out: list[Op] = []
    for op in ops:
        if op.n in lost:
            continue
        left = tuple(one for one in op.others if one not in lost)
        if op.verb == "gather" and len(left) < len(op.others):
            if len(left) < 2:
                lost.add(op.n)
                continue
            op = replace(op, others=left)
        elif (op.verb == "derive" and len(left) < len(op.others)) or (
            op.verb == "derive" and any(_changed(ops, one, lost) for one in op.others)
        ):
            lost.add(op.n)
            continue
        elif op.verb == "supersede":
            op = replace(op, others=left)
        out.append(op)
    return out


def _changed(ops: Sequence[Op], n: int, lost: set[int]) -> bool:
    """Whether a gist has lost a part: nobody would have derived from it what was derived."""
    (op,) = [one for one in ops if one.n == n]
    return op.verb == "gather" and not lost.isdisjoint(op.others)


def live(memory: memoria.Memoria, ops: Sequence[Op]) -> dict[int, str]:
    """Lets a history happen; returns the id of each memory."""
    ids: dict[int, str] = {}
    for op in ops:
        at = START + op.n * HOUR
        others = [ids[one] for one in op.others]
        subject = f"subject {op.n % 3}"
        if op.verb == "remember":
            ids[op.n] = memory.remember(f"fact number {op.n}", created_at=at, subject=subject).id
        elif op.verb == "gather":
            ids[op.n] = memory.consolidate(*others).id
        elif op.verb == "derive":
            origin = Provenance(derived_from=tuple(others))
            ids[op.n] = memory.remember(f"thought number {op.n}", created_at=at, provenance=origin).id
        else:
            draft = memoria.Draft(text=f"news number {op.n}", created_at=at, valid_from=at, subject=subject)
            ids[op.n] = (memory.supersede(others, draft) if others else memory.remember_many([draft])[0]).id
    return ids


def state(memory: memoria.Memoria) -> list[Any]:
    """All that is held, without the ids, which are random."""
    records = [one for one in memory.store.read(memory.store.select(memoria.Where())) if one is not None]
    names = {one.memory.id: one.memory.text for one in records}
    rows = [
        (
            _plain(one.memory),
            [_plain(part) for part in one.memory.parts],
            replace(one.trace, fades_at=None),
            one.vector.tobytes(),
            sorted(
                (names.get(link.parent, ""), link.relation, str(link.was))
                for link in memory.store.links([one.memory.id])
            ),
        )
        for one in records
    ]
    return sorted(rows, key=lambda row: row[0][0])


def _plain(memory: Memory) -> list[Any]:
    origin = replace(memory.provenance, derived_from=())
    return [
        memory.text,
        memory.created_at,
        memory.kind,
        memory.valid_from,
        memory.valid_to,
        memory.salience,
        memory.subject,
        memory.tags,
        origin,
        len(memory.provenance.derived_from),
    ]


def opened(path: Path | str) -> memoria.Memoria:
    return memoria.open(path, embedder=EMBEDDER, clock=lambda: START + 1000 * HOUR, reinforce="never")


@settings(max_examples=300)
@given(seed=st.integers(0, 2**32), length=st.integers(2, 25), at=st.floats(0, 0.999))
def test_forgetting_leaves_the_state_of_a_run_that_never_saw_it(seed: int, length: int, at: float) -> None:
    rng = np.random.default_rng(seed)
    ops = draw_history(rng, length)
    observed = [op.n for op in ops if op.verb != "gather"]
    x = observed[int(at * len(observed))]
    with opened(":memory:") as saw, opened(":memory:") as never:
        ids = live(saw, ops)
        saw.forget(ids[x])
        live(never, never_saw(ops, x))
        assert state(saw) == state(never)

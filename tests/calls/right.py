"""Twenty right calls, one a line marked `# right`: mypy and pyright take each, with the result that is asserted."""

# pyright: strict
from __future__ import annotations

from datetime import UTC, datetime
from typing import assert_type

import memoria
from memoria import aio
from memoria.policies import FSRS6
from memoria.testing import HashEmbedder

AT = datetime(2026, 5, 4, tzinfo=UTC)


def verbs(memory: memoria.Memoria, one: memoria.Memory, flag: bool) -> None:
    namespace = ["app", "ada"]
    assert_type(memory.remember("tea", kind="semantic", tags=["drinks"], created_at=AT), memoria.Memory)  # right
    assert_type(memory.remember_many(["tea", memoria.Draft(text="tea")], readmit=True), list[memoria.Memory])  # right
    assert_type(memory.recall("tea", include=("archived", "expired"), kinds=["episodic"]), memoria.Hits)  # right
    assert_type(memory.recall_many(["tea"], namespace=namespace, metadata={"a.b": 1}), list[memoria.Hits])  # right
    assert_type(memory.list(limit=3, after=one, since=AT, subject="ada"), memoria.Page)  # right
    assert_type(memory.get(one), memoria.Memory)  # right
    assert_type(memory.amend(one, text="tea", valid_to=None, tags=["drinks"]), memoria.Memory)  # right
    assert_type(memory.forget(one, "id", guard="near", dry_run=True), memoria.Preview)  # right
    assert_type(memory.forget(subject="ada", verify=True), memoria.Receipt)  # right
    assert_type(memory.forget(subject="ada", agreed="digest"), memoria.Receipt)  # right
    assert_type(memory.forget(namespace=(), dry_run=flag), memoria.Preview | memoria.Receipt)  # right
    assert_type(memory.sleep(at=AT, dry_run=True, like=0.9), memoria.Night)  # right
    assert_type(memory.sleep(distil=True, seconds=600).dream, memoria.Dream | None)  # right
    assert_type(memory.sleep(background=True, detector=None).wait(), memoria.Night)  # right
    assert_type(memory.supersede([one, "id"], memoria.Draft(text="tea"), at=AT), memoria.Memory)  # right
    assert_type(memory.prune(budget=memoria.Budget(count=3)), memoria.Pruning)  # right
    assert_type(memory.namespace(*namespace).reinforcing("used"), memoria.Memoria)  # right


def opened(path: str) -> None:
    assert_type(memoria.open(path, policy="fsrs", reinforce="never"), memoria.Memoria)  # right
    assert_type(memoria.open(path, mode="r", policy=FSRS6(), embedder=HashEmbedder()), memoria.Memoria)  # right


async def awaited(path: str) -> None:
    async with aio.open(path, policy="fsrs") as memory:
        assert_type(await memory.namespace("app").remember("tea", tags=("drinks",)), memoria.Memory)  # right
        assert_type(await memory.forget("id", dry_run=True), memoria.Preview)  # right
        assert_type(await (await memory.sleep(background=True)), memoria.Night)  # right

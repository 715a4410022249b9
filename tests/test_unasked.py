"""No default erases: what nobody asked to forget is there after a thousand days, archived at most."""

from __future__ import annotations

import logging
import os
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

import memoria
from memoria import Agent, Draft
from memoria.cli import app
from memoria.testing import HashEmbedder
from memoria.types import Budget
from tests.waiting import PATIENCE, until

EMBEDDER = HashEmbedder(16)
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
RUN = CliRunner()


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def grown(memory: memoria.Memoria) -> list[str]:
    """Facts of every salience, some of them used now and then."""
    rng = random.Random(5)
    drafts = [Draft(text=f"fact {n} of {rng.random()}", salience=n / 19) for n in range(20)]
    return [one.id for one in memory.remember_many(drafts)]


@pytest.mark.parametrize("policy", ["exponential", "power-law", "act-r", "fsrs", "downscaling", "disuse"])
def test_a_thousand_nights_forget_nothing(policy: str) -> None:
    clock = Clock()
    with memoria.open(":memory:", embedder=EMBEDDER, clock=clock, policy=policy) as memory:
        ids = grown(memory)
        for _ in range(40):
            clock.now += 25 * DAY
            night = memory.sleep(like=0.99)
            assert night.pruned == ()
        assert len(memory) == 20
        memory.restore(*ids)
        assert {hit.memory.id for hit in memory.recall("fact", k=20)} == set(ids)


def test_prune_says_by_what_rule() -> None:
    with memoria.open(":memory:", embedder=EMBEDDER) as memory:
        for dry_run in (False, True):
            with pytest.raises(memoria.InvalidQuery, match="below= or budget="):
                memory.prune(dry_run=dry_run)


@pytest.mark.parametrize(
    "prune",
    [
        lambda memory: memory.prune(below=1.1),
        lambda memory: memory.prune(budget=Budget(count=0)),
        lambda memory: memory.sleep(at=START + 9999 * DAY, prune=True),
    ],
)
def test_the_first_prune_says_what_it_takes(
    prune: Callable[[memoria.Memoria], object], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def said() -> list[str]:
        return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]

    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER, clock=Clock()) as memory:
        for round in range(2):
            memory.archive(*(one.id for one in memory.remember_many(["one", "two"])))
            prune(memory)
            assert len(memory) == 0
            assert said() == ["the first prune of this store forgets 2 memories for ever"], round


@pytest.mark.parametrize("prune", [False, True])
def test_an_idle_agent_prunes_only_when_it_was_made_to(prune: bool) -> None:
    clock = Clock()
    with memoria.open(":memory:", embedder=EMBEDDER, clock=clock) as memory:
        ids = {one.id for one in memory.remember_many(["The boat is blue.", "The house is red."])}
        with Agent(memory, lambda messages: "I see.", idle=1.0, prune=prune) as agent:
            agent.say("Good morning.")
            clock.now += 999 * DAY
            until(lambda: agent._idle._sleeper is not None and not agent.asleep)
            night = agent.rouse()
        assert night is not None
        assert (set(night.faded) > ids) == prune
        assert ({one.id for one in memory.list()} >= ids) == (not prune)


def test_the_commands_show_and_ask(tmp_path: Path) -> None:
    path = tmp_path / "a.memoria"
    with memoria.open(path, embedder=None) as memory:
        old = memory.remember_many(
            [Draft(text=text, created_at=START - 2000 * DAY) for text in ("A red boat.", "two cats")]
        )
    store = ["--store", str(path)]

    def kept() -> int:
        with memoria.open(path, mode="r") as memory:
            return len(memory)

    assert RUN.invoke(app, ["sleep", *store, "--like", "0.99"]).exit_code == 0
    asked = RUN.invoke(app, ["sleep", *store, "--prune"])
    assert "2 would be forgotten" in asked.output
    assert "give --yes" in asked.output
    assert RUN.invoke(app, ["sleep", *store, "--prune", "--json"]).exit_code == 0
    assert "two cats" in RUN.invoke(app, ["prune", *store, "--below", "0.05"]).output
    assert RUN.invoke(app, ["prune", *store]).exit_code != 0
    assert kept() == 2
    assert old[0].id in RUN.invoke(app, ["prune", *store, "--below", "0.05", "--yes"]).output
    assert kept() == 0


SILENT = """
import sys, memoria
asked = []
waits = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}
sys.addaudithook(lambda event, _: asked.append(event) if event in waits else None)
with memoria.open(sys.argv[1]) as memory:
    tea = memory.remember("Ada takes her tea without sugar.", subject="ada")
    memory.supersede(tea.id, "Ada takes her tea with sugar.")
    memory.reconcile(memory.remember("I used to like opera."))
    assert memory.recall("How does Ada drink tea?")
    memory.sleep()
    assert memory.forget(mentions="Ada", verify=True).verification.found == 0
    assert memory.doctor() == []
assert asked == [], asked
"""


def test_no_verb_asks_the_network(tmp_path: Path) -> None:
    """With the default embedder, and no model named."""
    command = [sys.executable, "-c", SILENT, str(tmp_path / "a")]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr


def test_no_file_of_a_store_is_open_to_other_users(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with memoria.open(tmp_path / "a", embedder=EMBEDDER) as memory:
            memory.forget(memory.remember("The boat is blue.").id)
            memory.recall("boat")
            open_to = {one.name: one.stat().st_mode & 0o077 for one in (tmp_path / "a").rglob("*") if one.is_file()}
    finally:
        os.umask(before)
    assert {"memoria.db", "memoria.db-wal", "store.key"} <= open_to.keys()
    assert not any(open_to.values()), open_to

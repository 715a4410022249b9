"""Hypothesis profiles: `default` in `make test`, `nightly` by HYPOTHESIS_PROFILE. A PostgreSQL server of our own."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.clocked import Clock
from tests.consoled import browser as browser
from tests.consoled import console as console

if TYPE_CHECKING:
    from memoria.testing.postgres import Server
    from tests.bouncer import Bouncer

_NUMBERS = itertools.count()

_HEALTH = list(HealthCheck)
# The same examples at each run of `make test`, so that a failure comes from a change; the nightly draws new ones.
settings.register_profile("default", max_examples=60, derandomize=True, deadline=None, suppress_health_check=_HEALTH)
settings.register_profile("nightly", max_examples=1000, deadline=None, suppress_health_check=_HEALTH)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The PostgreSQL server of the session, started when the first test asks for it."""
    from memoria.testing.postgres import running

    with running(fsync=False) as made:
        yield made


@pytest.fixture(scope="session")
def template(server: Server) -> str:
    """The name of a database that has the schema, for others to be copied from: two partitions are made quickly."""
    from memoria.stores.postgres.connect import Cluster

    Cluster(server.database("model"), mode="rw", timeout=0, partitions=2, threads=1).close()
    return "model"


@pytest.fixture
def database(server: Server, template: str, tmp_path: Path) -> Iterator[str]:
    """The URL of a new database, its keys in the test's folder; it goes afterwards, for others scan every byte."""
    name = f"test_{next(_NUMBERS)}"
    yield f"{server.database(name, template=template)}&keys={tmp_path / 'keys'}"
    server.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def bouncer(server: Server) -> Iterator[Bouncer]:
    """PgBouncer in front of the server, in transaction mode."""
    from tests.bouncer import bouncing, program

    if program() is None:
        pytest.skip("NOT RUN: no PgBouncer here (apt-get install pgbouncer)")
    with bouncing(server) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "local", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store is made, of each kind."""
    if request.param == "postgres":
        return str(request.getfixturevalue("database"))
    return ":memory:" if request.param == "memory" else str(tmp_path / "a.memoria")

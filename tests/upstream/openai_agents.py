"""Aims these tests at memoria: `SQLiteSession` is a MemoriaSession, with one store for each database file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import agents
import agents.memory
import pytest

import memoria
from memoria.integrations.openai_agents import MemoriaSession
from memoria.sharing import Shared
from memoria.testing import HashEmbedder


class Session(MemoriaSession):
    def __init__(
        self, session_id: str, db_path: str | Path = ":memory:", *, session_settings: Any = None, **_: Any
    ) -> None:
        if str(db_path) == ":memory:":
            memory: Any = memoria.open(":memory:", embedder=HashEmbedder())
        else:
            memory = Shared(f"{db_path}.memoria", embedder=HashEmbedder())
        super().__init__(session_id, memory, session_settings=session_settings)

    def close(self) -> None:
        """A session does not own its store."""


agents.SQLiteSession = agents.memory.SQLiteSession = Session  # type: ignore[misc,assignment]  # before the tests import them
agents.set_tracing_disabled(True)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"

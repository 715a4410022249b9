"""Aims these tests at memoria: `BetaLocalFilesystemMemoryTool` and its async twin keep their files in a store.

The tests look at a directory for what a tool has written. So after each command the files are copied out of the store
to where they look; nothing is ever read from there.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import anthropic.lib.tools._beta_builtin_memory_tool as theirs
import pytest
from anyio import Path as AsyncPath

import memoria
from memoria.integrations.anthropic import AsyncMemoriaMemoryTool, MemoriaMemoryTool
from memoria.testing import HashEmbedder

COMMANDS = ("create", "str_replace", "insert", "delete", "rename")


class Copied(MemoriaMemoryTool):
    def __init__(self, base_path: str = "./memory") -> None:
        self.base_path = Path(base_path)
        self.memory_root = self.base_path / "memories"
        super().__init__(memoria.open(":memory:", embedder=HashEmbedder()))
        self.copy()

    def copy(self) -> None:
        shutil.rmtree(self.memory_root, ignore_errors=True)
        self.memory_root.mkdir(parents=True)
        with self._files() as view:
            for one in view.list():
                place = self.base_path / one.metadata["path"].lstrip("/")
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(one.metadata.get("content", one.text).encode())

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in COMMANDS:
            return found

        def run(command: Any) -> Any:
            try:
                return found(command)
            finally:
                self.copy()

        return run


class AsyncCopied(AsyncMemoriaMemoryTool):
    def __init__(self, base_path: str = "./memory") -> None:
        super().__init__(memoria.open(":memory:", embedder=HashEmbedder()))
        self.sync = Copied(base_path)
        self.base_path = AsyncPath(base_path)
        self.memory_root = self.base_path / "memories"


theirs.BetaLocalFilesystemMemoryTool = Copied  # type: ignore[assignment,misc]  # before the tests import them
theirs.BetaAsyncLocalFilesystemMemoryTool = AsyncCopied  # type: ignore[assignment,misc]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"

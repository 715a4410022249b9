"""Two servers under Patroni with etcd, on loopback, for the bench of failovers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memoria.errors import StoreError
from memoria.stores.postgres.schema import PROVISION
from memoria.testing.postgres import SETTINGS, binaries

_PATIENCE = 180.0
_NOBODY = 65534
TTL = 20
"""Seconds after which the lease of a primary that died has ended: the least that Patroni takes."""


def missing() -> list[str]:
    """What of Patroni and etcd is not installed."""
    return [name for name in ("patroni", "etcd") if shutil.which(name) is None]


@dataclass
class Node:
    """A machine: its folder, its ports, and its Patroni."""

    name: str
    folder: Path
    rest: int
    port: int
    process: subprocess.Popen[bytes] | None = None


class Patroni:
    """Two nodes, of which one is the leader."""

    def __init__(self, folder: Path, database: str) -> None:
        self._folder = folder
        self._etcd, peers = _free(), _free()
        self._nodes = [Node(name, folder / name, _free(), _free()) for name in ("a", "b")]
        client = f"http://127.0.0.1:{self._etcd}"
        self._store = self._run(
            "etcd", "--data-dir", folder / "etcd", "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", f"http://127.0.0.1:{peers}",
        )  # fmt: skip
        self._dead: Node | None = None
        try:
            for node in self._nodes:
                node.folder.mkdir()
                (node.folder / "patroni.json").write_text(json.dumps(self._settings(node)))
            _give_away(folder)
            for node in self._nodes:
                self._start(node)
                _wait(lambda: self._leader() is not None)
            self._provision(database)
            _wait(self._whole)
        except BaseException:
            self.end()
            raise

    def _settings(self, node: Node) -> dict[str, Any]:
        server = {name: value.strip("'") for name, value in SETTINGS.items() if name != "listen_addresses"}
        return {
            "scope": "memoria",
            "name": node.name,
            "restapi": {"listen": f"127.0.0.1:{node.rest}", "connect_address": f"127.0.0.1:{node.rest}"},
            "etcd3": {"host": f"127.0.0.1:{self._etcd}"},
            "bootstrap": {
                "dcs": {
                    "ttl": TTL,
                    "loop_wait": 1,
                    "retry_timeout": 5,
                    "synchronous_mode": True,
                    "postgresql": {"use_pg_rewind": True, "parameters": {"max_connections": 60} | server},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
            },
            "postgresql": {
                "listen": f"127.0.0.1:{node.port}",
                "connect_address": f"127.0.0.1:{node.port}",
                "data_dir": str(node.folder / "data"),
                "bin_dir": str(binaries()),
                "authentication": {who: {"username": "postgres"} for who in ("superuser", "replication", "rewind")},
                "parameters": {"unix_socket_directories": str(node.folder)},
                "pg_hba": [
                    "local all all trust",
                    "host all all 127.0.0.1/32 trust",
                    "host replication all 127.0.0.1/32 trust",
                ],
                "remove_data_directory_on_diverged_timelines": True,
            },
        }

    def _run(self, *command: object) -> subprocess.Popen[bytes]:
        with (self._folder / f"{command[0]}.log").open("ab") as log:
            _give_away(self._folder)
            return subprocess.Popen([str(part) for part in command], stdout=log, stderr=log, **_as_nobody(self._folder))

    def _start(self, node: Node) -> None:
        node.process = self._run("patroni", node.folder / "patroni.json")

    def _provision(self, database: str) -> None:
        import psycopg

        role, home = "CREATE ROLE memoria LOGIN NOSUPERUSER NOBYPASSRLS", f"CREATE DATABASE {database} OWNER memoria"
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            for statement in (role, home):
                connection.execute(statement.encode())
        with psycopg.connect(self.url("postgres", database), autocommit=True) as connection:
            for statement in PROVISION.replace("memoria_app", "memoria").split(";"):
                connection.execute(statement.encode())

    # -- the pair --

    def url(self, user: str, database: str) -> str:
        hosts = ",".join(str(node.folder) for node in self._nodes)
        ports = ",".join(str(node.port) for node in self._nodes)
        return f"postgresql://{user}@/{database}?host={hosts}&port={ports}&target_session_attrs=read-write"

    def kill(self) -> None:
        """The machine of the leader dies: Patroni first, or it would start the server again."""
        _wait(lambda: self._leader() is not None)
        leader = self._leader()
        assert leader is not None
        assert leader.process is not None
        leader.process.kill()
        leader.process.wait()
        pid = int((leader.folder / "data" / "postmaster.pid").read_text().split("\n")[0])
        # All of it at one moment: what is committed by a process that outlives the others was never on a standby.
        all_of_it = [pid, *_children(pid)]
        for one in all_of_it:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        _wait(lambda: not any(_alive(one) for one in all_of_it))
        self._dead = leader

    def heal(self) -> None:
        dead = self._dead
        if dead is None:
            return
        _wait(lambda: self._leader() not in (None, dead))
        self._dead = None
        self._start(dead)
        _wait(self._whole)

    def end(self) -> None:
        for node in self._nodes:
            if node.process is not None:
                node.process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    node.process.wait(30)
                node.process.kill()
        self._store.kill()
        self._store.wait()

    def _leader(self) -> Node | None:
        """Who has the lease, and knows it."""
        for node in self._nodes:
            if node is not self._dead and node.process is not None and _asked(node, "leader") is not None:
                return node
        return None

    def _whole(self) -> bool:
        leader = self._leader()
        said = None if leader is None else _asked(leader, "cluster")
        roles = [] if said is None else [one["role"] for one in json.loads(said)["members"]]
        return "sync_standby" in roles and len(roles) == len(self._nodes)


def _asked(node: Node, what: str) -> bytes | None:
    """What a node answers; None when it says no, or nothing."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{node.rest}/{what}", timeout=2) as answer:
            return bytes(answer.read())
    except (urllib.error.URLError, OSError):
        return None


def _free() -> int:
    """A port on loopback that nobody has."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _children(pid: int) -> list[int]:
    with suppress(FileNotFoundError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _wait(so: Callable[[], object]) -> None:
    ended = time.monotonic() + _PATIENCE
    while not so():
        if time.monotonic() > ended:
            raise StoreError(f"Patroni has no whole cluster after {_PATIENCE:.0f} s")
        time.sleep(0.1)


def _as_nobody(folder: Path) -> dict[str, Any]:
    environment = {**os.environ, "LC_ALL": "C", "HOME": str(folder)}
    if os.geteuid():
        return {"env": environment}
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": (), "env": environment, "cwd": "/"}


def _give_away(folder: Path) -> None:
    if not os.geteuid():
        for path in (folder, *folder.rglob("*")):
            with suppress(FileNotFoundError):
                os.chown(path, _NOBODY, _NOBODY)

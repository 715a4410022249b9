"""PgBouncer in transaction mode in front of a server: each transaction may have another connection behind it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from memoria.testing.postgres import Server
from tests.waiting import until

PORT = 6432
# Few behind many in front, so that clients do get each other's.
_BEHIND = 2
_NOBODY = 65534
_SETTINGS = """\
[databases]
* = host={server}

[pgbouncer]
listen_port = {port}
unix_socket_dir = {folder}
pool_mode = transaction
auth_type = trust
auth_file = {folder}/users
default_pool_size = {behind}
max_client_conn = 200
server_lifetime = 3600
logfile = {folder}/log
pidfile = {folder}/pid
"""


def program() -> str | None:
    """Where PgBouncer is installed; None where it is not."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


class Bouncer:
    """One that runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def url(self, url: str) -> str:
        """A URL of the server behind, going through this one."""
        start, _, query = url.partition("?")
        rest = [part for part in query.split("&") if not part.startswith(("host=", "port="))]
        return f"{start}?{'&'.join([f'host={self.folder}', f'port={PORT}', *rest])}"

    def locks(self, server: Server) -> int:
        """How many advisory locks there are."""
        return int(server.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))


@contextmanager
def bouncing(server: Server) -> Iterator[Bouncer]:
    """Runs one in front of a server, as nobody when this is root, which it refuses to be."""
    found = program()
    assert found is not None
    folder = Path(tempfile.mkdtemp(prefix="memoria-pgb-"))
    (folder / "users").write_text('"memoria" ""\n"postgres" ""\n')
    settings = _SETTINGS.format(server=server.folder, folder=folder, port=PORT, behind=_BEHIND)
    (folder / "ini").write_text(settings)
    as_nobody: dict[str, Any] = {}
    if not os.geteuid():
        as_nobody = {"user": _NOBODY, "group": _NOBODY, "extra_groups": ()}
        for path in (folder, *folder.iterdir()):
            os.chown(path, _NOBODY, _NOBODY)
    process = subprocess.Popen([found, "-q", folder / "ini"], stderr=subprocess.DEVNULL, **as_nobody)
    try:
        until(lambda: (folder / f".s.PGSQL.{PORT}").exists() or process.poll() is not None)
        assert process.poll() is None, (folder / "log").read_text()
        yield Bouncer(folder)
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)

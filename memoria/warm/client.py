"""A command given to the warm process, without importing what the command needs."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from memoria.warm import place, wire

# Short commands. What lasts, or talks by itself, has a process of its own.
COMMANDS = frozenset(
    {
        "amend",
        "archive",
        "expire",
        "export",
        "forget",
        "get",
        "history",
        "hold",
        "init",
        "ledger",
        "lineage",
        "list",
        "pin",
        "recall",
        "release",
        "remember",
        "restore",
        "stats",
        "supersede",
        "unpin",
    }
)
OFF = frozenset({"0", "false", "no", "off", "f", "n"})
"""Values of MEMORIA_WARM with which no warm process is asked."""
# Seconds for the greeting; whoever waits longer is served faster by a process of its own.
_PATIENCE = 2.0
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


_OPTIONS = frozenset({"--timeout", "--reader", "--role"})


def command(arguments: Sequence[str]) -> str | None:
    """The command that is called, when it is the first argument, or the first after the options of all commands."""
    rest = list(arguments)
    while rest and rest[0].split("=")[0] in _OPTIONS:
        del rest[: 1 if "=" in rest[0] else 2]
    return rest[0] if rest else None


def run(arguments: Sequence[str]) -> int | None:
    """Runs a command in the warm process; returns its exit status, None when it is to be run here."""
    if command(arguments) not in COMMANDS or os.environ.get("MEMORIA_WARM", "").lower() in OFF:
        return None
    found = connected()
    if found is None:
        return None
    connection, fork = found
    with connection:
        return _followed(connection, fork, arguments)


def connected(path: Path | None = None, patience: float = _PATIENCE) -> tuple[socket.socket, int] | None:
    """A connection to the warm process, and the id of its fork; None when there is none, or not of this user.

    patience: seconds for its greeting.
    """
    path = place.socket_path() if path is None else path
    if path is None or not path.exists() or not place.private(path.parent):
        return None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(patience)
        connection.connect(str(path))
        said = wire.exactly(connection, wire.GREETING.size) if wire.mine(connection) else None
        if said is not None:
            process, fork = wire.GREETING.unpack(said)
            # Another id than the kernel's: it is in another container, and its forks could not be told to end.
            if process == wire.peer(connection)[0]:
                connection.settimeout(None)
                return connection, fork
    except OSError:
        pass
    connection.close()
    return None


def _followed(connection: socket.socket, fork: int, arguments: Sequence[str]) -> int | None:
    """Sends the command, passes signals on, and waits for its end. Nothing that was sent is ever run twice."""
    umask = os.umask(0o077)
    os.umask(umask)
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    request = wire.Request(list(arguments), dict(os.environ), umask, nice)
    try:
        folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        try:
            streams = [os.dup(number) for number in (0, 1, 2)]
        except OSError:
            os.close(folder)
            return None
    except OSError:
        return None
    for one in _PASSED_ON:
        if signal.getsignal(one) is not signal.SIG_IGN:
            signal.signal(one, lambda number, _frame: _passed(fork, number))
    try:
        wire.send(connection, request, [*streams, folder])
        said = wire.exactly(connection, wire.ENDED.size)
    except OSError:
        said = None
    if said is None:
        sys.stderr.write("The warm process has ended: see with `memoria list` whether the command was done.\n")
        return 1
    (status,) = wire.ENDED.unpack(said)
    return status if status >= 0 else _ended_by(-status)


def _passed(fork: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(fork, number)


def _ended_by(number: int) -> int:
    """Ends this process by the signal that ended the command, so that a shell sees what it would have seen."""
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number

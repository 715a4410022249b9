"""The warm process: accepts connections of its user, forks for each, and says how the fork ended."""

from __future__ import annotations

import fcntl
import gc
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from memoria.warm import wire

Run = Callable[[list[str]], int]
"""Runs a command in a fork, whose streams, folder and environment are the command's; returns the exit status."""


@dataclass(slots=True)
class _Running:
    """A command that runs. connection: to who asked. fork: its process. ends: is readable when that has ended."""

    connection: socket.socket
    fork: int
    ends: int


class Server:
    """Listens at a path until nobody has asked for a while.

    Args:
        path: of the socket, in a folder that is this user's alone.
        idle: seconds without a command after which it ends.
        run: runs a command in a fork.
    """

    def __init__(self, path: Path, idle: float, run: Run) -> None:
        self._path, self._idle, self._run = path, idle, run
        self._poll = select.poll()
        self._running: dict[int, _Running] = {}
        self._ended = False

    def serve(self) -> bool:
        """Serves until it is idle or told to end; False when another process does so already."""
        lock = os.open(self._path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self._path.unlink(missing_ok=True)
        signal.signal(signal.SIGTERM, self._end)
        before = os.umask(0o177)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
            listening.bind(str(self._path))
            os.umask(before)
            listening.listen(16)
            # What is there now stays: collecting it in a fork would only copy its pages.
            gc.collect()
            gc.freeze()
            try:
                self._loop(listening, lock)
            finally:
                self._poll.unregister(listening)
                self._path.unlink(missing_ok=True)
                fcntl.flock(lock, fcntl.LOCK_UN)  # in forks that have not closed it yet, too
                os.close(lock)
        # Another process may listen at the path from here on.
        self._drain()
        return True

    def _end(self, _number: int, _frame: object) -> None:
        self._ended = True

    def _loop(self, listening: socket.socket, lock: int) -> None:
        self._poll.register(listening, select.POLLIN)
        last = time.monotonic()
        while not self._ended:
            wait = 1.0 if self._running else last + self._idle - time.monotonic()
            if wait <= 0:
                return
            # Woken once a second, because a signal that comes just before the wait would else be seen at its end.
            for number, _event in self._poll.poll(min(wait, 1.0) * 1000):
                if number == listening.fileno():
                    self._accept(listening, lock)
                elif number in self._running:
                    self._heard(number)
                last = time.monotonic()

    def _drain(self) -> None:
        """Waits for the commands that run."""
        while self._running:
            for number, _event in self._poll.poll():
                if number in self._running:
                    self._heard(number)

    def _accept(self, listening: socket.socket, lock: int) -> None:
        connection, _ = listening.accept()
        if not wire.mine(connection):
            connection.close()
            return
        try:
            fork = os.fork()
        except OSError:
            connection.close()
            return
        if fork == 0:
            self._child(connection, [listening.fileno(), lock])
        running = _Running(connection, fork, os.pidfd_open(fork))
        self._running[running.ends] = self._running[connection.fileno()] = running
        self._poll.register(running.ends, select.POLLIN)
        # Only that the other end has gone: what it sends is read by the fork alone.
        self._poll.register(connection, select.POLLRDHUP)
        try:
            connection.sendall(wire.GREETING.pack(os.getpid(), fork))
        except OSError:
            os.kill(fork, signal.SIGTERM)

    def _heard(self, number: int) -> None:
        """A fork has ended, or who asked has gone: then the fork is told to end, as a terminal that closes does."""
        running = self._running[number]
        if number != running.ends:
            self._poll.unregister(number)
            os.kill(running.fork, signal.SIGHUP)
            return
        _, status = os.waitpid(running.fork, 0)
        for one in (running.ends, running.connection.fileno()):
            self._running.pop(one)
            with suppress(KeyError):
                self._poll.unregister(one)
        os.close(running.ends)
        with suppress(OSError):
            running.connection.sendall(wire.ENDED.pack(os.waitstatus_to_exitcode(status)))
        running.connection.close()

    def _child(self, connection: socket.socket, inherited: list[int]) -> None:
        """Runs one command, and ends; nothing of the server is left open in it."""
        status = 1
        try:
            for one in self._running.values():
                one.connection.close()
            for number in {*inherited, *(one.ends for one in self._running.values())}:
                os.close(number)
            for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            asked = wire.receive(connection)
            connection.close()
            if asked is not None:
                become(*asked)
                status = self._run(asked[0].arguments)
        finally:
            # A fork never goes back into the loop of the server, whatever happens.
            if (error := sys.exc_info()[1]) is not None:
                sys.excepthook(type(error), error, error.__traceback__)
            os._exit(_flushed(status))


def become(request: wire.Request, descriptors: list[int]) -> None:
    """Takes the streams, the folder, the environment, the umask and the niceness of a command."""
    *streams, folder = descriptors
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.fchdir(folder)
    for one in descriptors:
        os.close(one)
    os.environ.clear()
    os.environ.update(request.environment)
    time.tzset()
    os.umask(request.umask)
    if request.nice > os.getpriority(os.PRIO_PROCESS, 0):
        os.setpriority(os.PRIO_PROCESS, 0, request.nice)
    told, line = sys.stdout.encoding, 1 if os.isatty(1) else -1
    sys.stdin = open(0, errors=sys.stdin.errors, encoding=told, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", line, errors=sys.stdout.errors, encoding=told, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, errors="backslashreplace", encoding=told, closefd=False)  # noqa: SIM115


def _flushed(status: int) -> int:
    """The exit status, when all that was printed could be written; that of Python otherwise."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return 120
    return status

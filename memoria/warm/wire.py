"""What a command and the warm process say to each other.

The process says its own id and that of the fork; the command sends its streams, its folder and its request; and the
process says at last how the fork ended.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass

GREETING = struct.Struct("!II")
"""Ids of the warm process and of the fork."""
ENDED = struct.Struct("!i")
"""Exit status of the fork, or minus the signal that ended it."""
_LENGTH = struct.Struct("!I")
_STREAMS = 4
_CREDENTIALS = struct.Struct("3i")
_MOST = 64 << 20


@dataclass(frozen=True)
class Request:
    """A command: its arguments, environment, umask and niceness."""

    arguments: list[str]
    environment: dict[str, str]
    umask: int
    nice: int


def send(connection: socket.socket, request: Request, streams: Sequence[int]) -> None:
    """Sends a request with stdin, stdout, stderr and the folder, as open descriptors."""
    body = json.dumps(asdict(request)).encode()
    socket.send_fds(connection, [_LENGTH.pack(len(body))], list(streams))
    connection.sendall(body)


def receive(connection: socket.socket) -> tuple[Request, list[int]] | None:
    """The request and its descriptors; None when the other end has gone, or sends no request."""
    head, streams, _flags, _address = socket.recv_fds(connection, _LENGTH.size, _STREAMS)
    if len(head) != _LENGTH.size or len(streams) != _STREAMS:
        return None
    (length,) = _LENGTH.unpack(head)
    body = exactly(connection, length) if length <= _MOST else None
    return None if body is None else (Request(**json.loads(body)), streams)


def exactly(connection: socket.socket, size: int) -> bytes | None:
    """So many bytes; None when the other end closes before."""
    found = bytearray()
    while len(found) < size:
        part = connection.recv(size - len(found))
        if not part:
            return None
        found += part
    return bytes(found)


def peer(connection: socket.socket) -> tuple[int, int]:
    """The process and the user at the other end, as the kernel knows them."""
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _gid = _CREDENTIALS.unpack(found)
    return pid, uid


def mine(connection: socket.socket) -> bool:
    """Whether the other end is a process of this user."""
    return peer(connection)[1] == os.geteuid()

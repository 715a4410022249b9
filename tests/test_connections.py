"""Connections of the service, by real sockets: slow heads, half-open connections, bodies that nobody reads."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import uvicorn

from memoria.service.connections import guarded
from tests.waiting import PATIENCE, until

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
HALF = b"GET / HTTP/1.1\r\nhost: x\r\n"
OK = b"HTTP/1.1 200 OK"


class Site:
    """An application that answers "ok" at once, says how much of a body it took, and waits at /wait until it may go."""

    def __init__(self) -> None:
        self.go, self.waiting, self.port = threading.Event(), threading.Semaphore(0), 0
        self.bodies: list[int] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] == "/wait":
            self.waiting.release()
            await asyncio.to_thread(self.go.wait, PATIENCE)
        ends = scope["path"] == "/refused"
        if scope["path"] == "/read":
            await self._read(receive)
        headers = [(b"content-length", b"2"), *([(b"connection", b"close")] if ends else [])]
        await send({"type": "http.response.start", "status": 401 if ends else 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})

    async def _read(self, receive: Any) -> None:
        more, size = True, 0
        while more:
            message = await receive()
            more, size = message.get("more_body", False), size + len(message.get("body", b""))
        self.bodies.append(size)

    def connect(self, first: bytes = b"") -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        made.sendall(first)
        return made

    def ask(self, request: bytes = GET) -> bytes:
        """What a connection of its own is answered."""
        with self.connect(request) as one:
            return one.recv(65536)  # the head, which is all that is looked at


@contextmanager
def site(most: int, patience: float) -> Iterator[Site]:
    """The application behind guarded connections."""
    made = Site()
    protocol = guarded(most, patience)
    config = uvicorn.Config(made, http=protocol, ws="none", lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    made.port = listening.getsockname()[1]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        until(lambda: server.started)
        yield made
    finally:
        made.go.set()
        server.should_exit = server.force_exit = True
        thread.join(PATIENCE)
        logging.getLogger("uvicorn.error").setLevel(logging.NOTSET)


def answer(one: socket.socket) -> bytes:
    """The answer of the application, on a connection that stays."""
    found = b""
    while not found.endswith(b"\r\n\r\nok"):
        part = one.recv(65536)
        assert part, found
        found += part
    return found


def whole(one: socket.socket) -> bytes:
    """All that a connection is sent until it ends."""
    parts = []
    try:
        while part := one.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def ended(one: socket.socket) -> bool:
    """Whether the other end has closed a connection, without an answer."""
    try:
        return one.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_head_has_to_come_in_time() -> None:
    """One that sends nothing, one that stops half-way, and one that sends a byte now and then: all end."""
    with site(100, 0.3) as here, here.connect() as silent, here.connect(HALF) as half, here.connect() as slow:
        for byte in HALF * 20:
            try:
                slow.sendall(bytes([byte]))
            except OSError:
                break
            threading.Event().wait(0.02)
        else:
            pytest.fail("it could go on for as long as it liked")
        assert ended(silent)
        assert ended(half)
        assert here.ask().startswith(OK)


def test_the_second_head_of_a_connection_has_to_come_in_time_too() -> None:
    with site(100, 0.3) as here, here.connect(GET) as one:
        assert answer(one).startswith(OK)
        one.sendall(b"G")
        assert ended(one)
    with site(100, 0.3) as here, here.connect(GET) as one:
        assert answer(one).startswith(OK)
        one.sendall(HALF)
        assert ended(one)


def test_a_request_at_work_is_not_hurried() -> None:
    with site(100, 0.1) as here, here.connect(GET.replace(b"/ ", b"/wait ")) as one:
        assert here.waiting.acquire(timeout=PATIENCE)
        threading.Event().wait(0.5)
        here.go.set()
        assert answer(one).startswith(OK)


def test_half_open_connections_make_room_the_oldest_first() -> None:
    with site(20, PATIENCE) as here, ExitStack() as stack:
        half = [stack.enter_context(here.connect(HALF)) for _ in range(60)]
        for _ in range(10):
            assert here.ask().startswith(OK)
        assert all(ended(one) for one in half[:40])
        # Those that came last are still there, as far as there is room.
        half[-1].sendall(b"\r\n")
        assert answer(half[-1]).startswith(OK)


def test_a_connection_that_was_used_goes_after_those_that_never_were() -> None:
    with site(20, PATIENCE) as here, ExitStack() as stack, here.connect(GET) as used:
        assert answer(used).startswith(OK)
        for _ in range(60):
            stack.enter_context(here.connect(HALF))
        assert here.ask().startswith(OK)
        used.sendall(GET)
        assert answer(used).startswith(OK)


def test_where_all_are_at_work_a_new_one_is_refused() -> None:
    with site(5, PATIENCE) as here, ExitStack() as stack:
        work = [stack.enter_context(here.connect(GET.replace(b"/ ", b"/wait "))) for _ in range(5)]
        for _ in work:
            assert here.waiting.acquire(timeout=PATIENCE)
        refused = here.ask(b"")
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1" in refused
        here.go.set()
        assert all(answer(one).startswith(OK) for one in work)
        assert here.ask().startswith(OK)


def test_a_body_that_is_refused_is_not_read_and_its_sender_sees_why() -> None:
    """The answer comes before the body; one that is sent nevertheless is dropped, and the connection ends."""
    head = b"POST /refused HTTP/1.1\r\nhost: x\r\ncontent-length: 8000000\r\n"
    with site(100, PATIENCE) as here:
        with here.connect(head + b"\r\n") as one:
            assert whole(one).startswith(b"HTTP/1.1 401 ")
        with here.connect(head + b"\r\n") as one:
            one.sendall(b" " * 8_000_000)
            assert whole(one).startswith(b"HTTP/1.1 401 ")
        with here.connect(head + b"expect: 100-continue\r\n\r\n") as one:
            assert whole(one).startswith(b"HTTP/1.1 401 ")
        with here.connect(head.replace(b"/refused", b"/read") + b"\r\n" + b" " * 8_000_000) as one:
            assert answer(one).startswith(OK)
        assert here.bodies == [8_000_000]


@pytest.mark.parametrize("wrong", [b"\x16\x03\x01 what is this\r\n\r\n", b"GET / HTTP/1.1\r\nx: " + b"y" * 200_000])
def test_what_is_no_request_is_answered_in_words(wrong: bytes) -> None:
    with site(100, PATIENCE) as here:
        said = here.ask(wrong)
        assert said.startswith(b"HTTP/1.1 400 ")
        assert b"cache-control: no-store" in said
        assert here.ask().startswith(OK)

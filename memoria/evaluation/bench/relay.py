"""Round trips to a server, counted on the connection: a relay between a client and the server's socket."""

from __future__ import annotations

import contextlib
import selectors
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NAME = ".s.PGSQL.5432"
_BYTES = 1 << 16


class Relay:
    """Passes bytes on between clients and a server, and counts how often a client speaks after the server has.

    Args:
        folder: where the server's socket is.
        own: where the relay listens.
    """

    def __init__(self, folder: Path, own: Path) -> None:
        self._server = folder / _NAME
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(own / _NAME))
        self._listening.listen()
        self.trips = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Takes no more clients."""
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._server))
                threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        answered = True
        with client, server, selectors.DefaultSelector() as ready, contextlib.suppress(OSError):
            for one in other:
                ready.register(one, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    speaks = key.fileobj
                    assert isinstance(speaks, socket.socket)
                    data = speaks.recv(_BYTES)
                    if not data:
                        return
                    # Asynchronous statements of one trip may come in several pieces, before any answer.
                    self.trips += speaks is client and answered
                    answered = speaks is server
                    other[speaks].sendall(data)


@contextmanager
def relayed(url: str) -> Iterator[tuple[str, Relay]]:
    """A URL by which a server is reached through a relay; its socket's folder must be in the URL as `host`."""
    start, _, rest = url.partition("host=")
    folder, mark, more = rest.partition("&")
    with tempfile.TemporaryDirectory(prefix="memoria-relay-") as own:
        relay = Relay(Path(folder), Path(own))
        try:
            yield f"{start}host={own}{mark}{more}", relay
        finally:
            relay.close()

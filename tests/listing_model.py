"""A model of facts over OpenAI's protocol, on loopback: it lists the sentences of a message that have an "I" or "my".

No understanding is needed to test what is done with an answer; the protocol, its streams and its failures are real.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def listed(message: str) -> str:
    """The sentences about a speaker, as a JSON array."""
    sentences = re.split(r"(?<=[.!?])\s+", message)
    return json.dumps([one for one in sentences if re.search(r"\b(?:I|[Mm]y)\b", one) and not one.endswith("?")])


def last(prompt: str) -> str:
    """The message that a prompt asks about."""
    return prompt.rsplit("\nMessage: ", 1)[1].removesuffix("\nAnswer:")


@dataclass
class Endpoint:
    """Where it is, what it was asked about, and from which question on it fails; it may answer otherwise."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    fails_from: int = 1_000
    answers: Callable[[str], str] = listed

    @property
    def name(self) -> str:
        """As `as_model` takes it."""
        return f"openai:lister@{self.url}"


@contextmanager
def endpoint() -> Iterator[Endpoint]:
    """Serves until the end of the block."""
    made = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            said = last(body["messages"][-1]["content"])
            if len(made.asked) >= made.fails_from:
                self.send_response(400)
                self.end_headers()
                return
            made.asked.append(said)
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            answer = made.answers(said)
            for at in range(0, len(answer), 7):
                self._chunk({"content": answer[at : at + 7]}, None)
            self._chunk({}, "stop")
            self.wfile.write(b"data: [DONE]\n\n")

        def _chunk(self, delta: dict[str, str], reason: str | None) -> None:
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            whole = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "lister", "choices": [choice]}
            self.wfile.write(f"data: {json.dumps(whole)}\n\n".encode())

        def log_message(self, format: str, *args: object) -> None:
            """Keeps quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()

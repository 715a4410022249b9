"""An endpoint that speaks OpenAI's chat completions, with a model in this process: `python -m tests.endpoint PORT`."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from memoria.models import ChatModel, Message, as_model


class Endpoint(ThreadingHTTPServer):
    """A server with a model, and what it was asked so far."""

    def __init__(self, model: ChatModel, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.model = model
        self.asked: list[dict[str, Any]] = []
        self.one_at_a_time = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions":
            self.send_error(404)
            return
        self.server.asked.append(asked)
        messages = [Message(role=one["role"], text=one["content"]) for one in asked["messages"]]
        with self.server.one_at_a_time:
            pieces = (piece for piece in self.server.model.reply(messages) if isinstance(piece, str))
            if asked.get("stream"):
                self._stream(asked["model"], pieces)
            else:
                self._whole(asked["model"], "".join(pieces))

    def _stream(self, model: str, pieces: Iterator[str]) -> None:
        self._head("text/event-stream")
        for piece in pieces:
            self._send(_chunk(model, {"role": "assistant", "content": piece}, None))
        self._send(_chunk(model, {}, "stop"))
        self.wfile.write(b"data: [DONE]\n\n")

    def _whole(self, model: str, text: str) -> None:
        self._head("application/json")
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        self.wfile.write(json.dumps(_body(model, "chat.completion", choice)).encode())

    def _head(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()

    def _send(self, chunk: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged: requests hold what people say."""


def _chunk(model: str, delta: dict[str, str], finish: str | None) -> dict[str, Any]:
    return _body(model, "chat.completion.chunk", {"index": 0, "delta": delta, "finish_reason": finish})


def _body(model: str, kind: str, choice: dict[str, Any]) -> dict[str, Any]:
    return {"id": "chat-1", "object": kind, "created": 0, "model": model, "choices": [choice]}


@contextmanager
def serving(model: ChatModel, port: int = 0) -> Iterator[Endpoint]:
    """The endpoint in a thread of its own, until the block ends."""
    with Endpoint(model, port) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    with Endpoint(as_model("smollm2"), int(sys.argv[1])) as endpoint:
        sys.stdout.write(f"OPENAI_BASE_URL={endpoint.url}\n")
        sys.stdout.flush()
        endpoint.serve_forever()

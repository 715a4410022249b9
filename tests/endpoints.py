"""Two real servers on this machine: one speaks as OpenAI's chat completions do, one as Ollama does."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Endpoint:
    """What a server says, and what it was asked. fault: how it fails, "" for not at all."""

    words: list[str] = field(default_factory=lambda: ["With ", "milk."])
    models: list[str] = field(default_factory=lambda: ["text-embedding-3", "talker"])
    remote: bool = False
    fault: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    url: str = ""

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://").partition("/")[0]


class _Handler(BaseHTTPRequestHandler):
    end: Endpoint
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def _whole(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, kind: str, lines: list[bytes]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for at, line in enumerate(lines):
            if self.end.fault == "breaks off" and at == 1:
                self.wfile.flush()
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def do_GET(self) -> None:
        self.end.keys.append(self.headers.get("Authorization"))
        self._whole(json.dumps(self.listed()).encode(), 404 if self.path != self.list_path else 200)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.end.asked.append(body)
        self.end.keys.append(self.headers.get("Authorization"))
        if self.end.fault.isdecimal():
            self._whole(json.dumps({"error": f"you sent {body}"}).encode(), int(self.end.fault))
        elif self.end.fault == "is a page":
            self._whole(b"<html>Welcome</html>")
        elif self.path != self.talk_path:
            self._whole(b"{}", 404)
        else:
            self.talk()

    list_path = talk_path = ""

    def listed(self) -> Any:
        return {}

    def talk(self) -> None:
        pass


class _OpenAI(_Handler):
    list_path, talk_path = "/v1/models", "/v1/chat/completions"

    def listed(self) -> Any:
        return {"object": "list", "data": [{"id": one, "object": "model"} for one in self.end.models]}

    def talk(self) -> None:
        lines = []
        for at, word in enumerate(self.end.words):
            delta = {"role": "assistant", "content": word} if at == 0 else {"content": word}
            lines.append({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        lines.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        shared = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "talker"}
        sent = [f"data: {json.dumps(shared | line)}\n\n".encode() for line in lines]
        self._stream("text/event-stream", [*sent, b"data: [DONE]\n\n"])


class _Ollama(_Handler):
    list_path, talk_path = "/api/tags", "/api/chat"

    def listed(self) -> Any:
        remote = {"remote_host": "https://ollama.com"} if self.end.remote else {}
        return {"models": [{"name": one, "model": one} | remote for one in self.end.models]}

    def talk(self) -> None:
        said = self.end.asked[-1]
        if self.end.fault == "no tools" and "tools" in said:
            self._whole(b'{"error": "talker does not support tools"}', 400)
            return
        lines = [{"message": {"role": "assistant", "content": word}, "done": False} for word in self.end.words]
        if self.end.fault == "calls" and said["messages"][-1]["role"] != "tool":
            call = {"function": {"name": "recall", "arguments": {"query": "tea"}}}
            lines = [{"message": {"role": "assistant", "content": "", "tool_calls": [call]}, "done": False}]
        lines.append({"message": {"role": "assistant", "content": ""}, "done": True})
        sent = [json.dumps({"model": "talker"} | line).encode() + b"\n" for line in lines]
        self._stream("application/x-ndjson", sent)


class _Quiet(ThreadingHTTPServer):
    """A server whose clients may hang up in the middle of an answer."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Prints nothing: what a test reads from stderr is the command's."""


@contextmanager
def serving(kind: str, **how: Any) -> Iterator[Endpoint]:
    """A server until the end of the block. kind: openai or ollama."""
    end = Endpoint(**how)
    handler = type("Handler", (_OpenAI if kind == "openai" else _Ollama,), {"end": end})
    with _Quiet(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        end.url = f"http://127.0.0.1:{server.server_address[1]}{'/v1' if kind == 'openai' else ''}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield end
        finally:
            server.shutdown()
            thread.join()

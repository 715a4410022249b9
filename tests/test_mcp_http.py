"""MCP over streamable HTTP, as a process on loopback, with the clients of the protocol's own SDK."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitRequestParams, ElicitResult
from typer.testing import CliRunner

import memoria
from memoria.cli import app
from memoria.errors import InvalidQuery
from memoria.service.tokens import mint
from memoria.version import __version__
from tests.test_mcp import call
from tests.waiting import PATIENCE, until

ROOT = Path(__file__).parents[1]
MEMORIA = [sys.executable, "-W", "ignore", "-c", "from memoria.cli import main; main()"]
OPENING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    },
}
# The two eras of the protocol: with a handshake and sessions, and without either.
ERAS = ("legacy", "auto")


@dataclass
class Served:
    url: str
    folder: Path
    process: subprocess.Popen[str]
    tokens: dict[str, str]

    @asynccontextmanager
    async def client(self, who: str, mode: str = "legacy", **more: Any) -> AsyncIterator[Client]:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=PATIENCE) as http,
            Client(streamable_http_client(self.url, http_client=http), mode=mode, **more) as client,
        ):
            yield client

    def post(self, body: Any = OPENING, **headers: str) -> httpx.Response:
        plain = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
        token = {"Authorization": f"Bearer {self.tokens['ada']}"}
        asked = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(self.url, json=body, headers={**plain, **token, **asked}, timeout=PATIENCE)


@contextmanager
def serving(folder: Path, *more: str) -> Iterator[Served]:
    tokens = {who: mint(folder / "tokens", ("app", who)) for who in ("ada", "bob", "eve")}
    command = [*MEMORIA, "mcp", "--store", str(folder / "a.memoria"), "--http", "127.0.0.1:0"]
    command += ["--tokens", str(folder / "tokens"), *more]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stderr=log, stdout=subprocess.DEVNULL, text=True, env=environment)
    try:
        yield Served(_url(folder / "log", process), folder, process, tokens)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def _url(log: Path, process: subprocess.Popen[str]) -> str:
    def said() -> bool:
        assert process.poll() is None, log.read_text()
        return " on http" in (text := log.read_text()) and text.endswith("\n")

    until(said)
    return log.read_text().split(" on ")[1].split()[0]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as made:
        yield made


@pytest.mark.parametrize("mode", ERAS)
def test_a_client_remembers_recalls_and_asks_why(served: Served, mode: str) -> None:
    async def use() -> None:
        async with served.client("ada", mode) as client:
            told = client.server_info
            assert told is not None
            assert (told.name, told.version) == ("memoria", __version__)
            assert "Recall before you answer" in str(client.instructions)
            tools = {tool.name: tool.annotations for tool in (await client.list_tools()).tools}
            assert {"remember", "recall", "why", "forget", "create_entities"} <= tools.keys()
            assert "learn" not in tools
            hints = {name: (found.read_only_hint, found.destructive_hint) for name, found in tools.items() if found}
            asked = [hints[name] for name in ("recall", "remember", "forget")]
            assert asked == [(True, False), (False, False), (False, True)]
            one = await call(client, "remember", text=f"Ada takes {mode} tea.", about="Ada", tags=["tea"])
            assert (one["about"], one["source"], one["tags"]) == ("Ada", "tool", ["tea"])
            found = (await call(client, "recall", query="How does Ada drink tea?", k=1))["memories"]
            assert [hit["id"] for hit in found] == [one["id"]]
            assert (await call(client, "why", query="tea", id=one["id"]))["recalled"]
            gone = await call(client, "forget", ids=[one["id"]])
            await call(client, "forget", ids=[one["id"]], confirm=gone["confirm"])
            long = f"Ada takes her {mode} tea without sugar and with a lot of milk."
            told = await call(client, "remember", text=long)
            gone = await call(client, "forget", ids=[told["id"]])
            await call(client, "forget", ids=[told["id"]], confirm=gone["confirm"])
            again = await client.call_tool("remember", {"text": long})
            assert again.is_error
            assert "forgotten here before" in str(again.content)

    asyncio.run(use())


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("answer", ["accept", "unticked", "decline", "cancel"])
def test_a_client_with_elicitation_asks_its_user(served: Served, mode: str, answer: str) -> None:
    shown: list[str] = []

    async def ask(_: Any, asked: ElicitRequestParams) -> ElicitResult:
        shown.append(asked.message)
        if answer in ("accept", "unticked"):
            return ElicitResult(action="accept", content={"forget": answer == "accept"})
        return ElicitResult(action="decline" if answer == "decline" else "cancel")

    async def use() -> None:
        async with served.client("ada", mode, elicitation_callback=ask) as client:
            text = f"{mode} {answer}.\n\nNothing will be lost: agree."
            one = await call(client, "remember", text=text)
            done = await client.call_tool("forget", {"ids": [one["id"]], "verify": True})
            left = {hit["id"] for hit in (await call(client, "list_memories"))["memories"]}
            if answer == "accept":
                assert done.structured_content is not None
                assert (done.structured_content["forgotten"], done.structured_content["residue"]) == ([one["id"]], 0)
                assert one["id"] not in left
            else:
                assert done.is_error
                assert "the user has not agreed" in str(done.content)
                assert one["id"] in left

    asyncio.run(use())
    (question,) = shown
    # What is shown cannot speak for the server: it stays within its line.
    assert question.splitlines()[0] == "Forget 1 memory for ever?"
    assert f'1. "{mode} {answer}.' in question.splitlines()[1]
    assert len(question.splitlines()) == 3


@pytest.mark.parametrize("mode", ERAS)
def test_a_client_without_elicitation_calls_twice(served: Served, mode: str) -> None:
    async def use() -> None:
        async with served.client("ada", mode) as client:
            one, other = [await call(client, "remember", text=f"{mode}: {what}", tags=["two"]) for what in ("a", "b")]
            listed = await call(client, "forget", ids=[one["id"]])
            assert (listed["forgotten"], [found["id"] for found in listed["would"]]) == ([], [one["id"]])
            # The word is for that list alone, and cannot be made up.
            wider = await call(client, "forget", ids=[one["id"], other["id"]], confirm=listed["confirm"])
            assert (wider["forgotten"], len(wider["would"])) == ([], 2)
            for wrong in ("", "yes", "7fffffff-" + "0" * 32, listed["confirm"][:-1], "é-" + "0" * 32):
                assert (await call(client, "forget", ids=[one["id"]], confirm=wrong))["forgotten"] == []
            done = await call(client, "forget", ids=[one["id"]], confirm=listed["confirm"])
            assert (done["forgotten"], done["would"], done["confirm"]) == ([one["id"]], [], None)
            rest = await call(client, "forget", tags=["two"])
            assert [found["id"] for found in rest["would"]] == [other["id"]]
            await call(client, "forget", tags=["two"], confirm=rest["confirm"])

    asyncio.run(use())


def test_a_token_sees_its_own_namespace_and_sessions(served: Served) -> None:
    async def use() -> None:
        async with served.client("ada") as ada, served.client("bob") as bob:
            secret = await call(ada, "remember", text="The vault code is 4821.")
            assert (await call(bob, "recall", query="vault code"))["memories"] == []
            assert (await bob.call_tool("forget", {"ids": [secret["id"]]})).is_error
            assert (await bob.call_tool("why", {"query": "vault", "id": secret["id"]})).is_error
            gone = await call(ada, "forget", ids=[secret["id"]])
            assert (await bob.call_tool("forget", {"ids": [secret["id"]], "confirm": gone["confirm"]})).is_error

    asyncio.run(use())
    session = served.post().headers["mcp-session-id"]
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    assert served.post(ping, mcp_session_id=session).status_code == 200
    other = served.post(ping, mcp_session_id=session, Authorization=f"Bearer {served.tokens['bob']}")
    assert other.status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:80"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Host": "127.0.0.1:1"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer memoria_nobody"}, 401),
        ({"Authorization": "Basic YWRhOmFkYQ=="}, 401),
        ({"Content_Type": "text/plain"}, 400),
    ],
)
def test_what_is_refused(served: Served, headers: dict[str, str], status: int) -> None:
    answer = served.post(**headers)
    assert answer.status_code == status, answer.text
    assert answer.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)


def test_its_own_origin_is_taken_and_too_much_is_not(served: Served) -> None:
    port = served.url.split(":")[2].split("/")[0]
    assert served.post(Host=f"localhost:{port}", Origin=f"http://localhost:{port}").status_code == 200
    long = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "n" * (5 << 20)}}
    assert served.post(long).status_code == 413
    assert httpx.get(served.url.replace("/mcp", "/"), timeout=PATIENCE).status_code == 404


def test_several_clients_at_once_and_one_is_killed(tmp_path: Path) -> None:
    victim = """
import asyncio, sys, httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
async def use():
    async with httpx2.AsyncClient(headers={"Authorization": "Bearer " + sys.argv[2]}) as http:
        async with Client(streamable_http_client(sys.argv[1], http_client=http), mode="legacy") as client:
            n = 0
            while True:
                await client.call_tool("remember", {"text": f"victim {n}"})
                print(n, flush=True)
                n += 1
asyncio.run(use())
"""
    with serving(tmp_path) as served:
        arguments = [sys.executable, "-W", "ignore", "-c", victim, served.url, served.tokens["ada"]]
        dying = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        assert dying.stdout is not None
        assert dying.stdout.readline() == "0\n"

        async def write(who: str, name: str) -> None:
            async with served.client(who) as client:
                for n in range(4):
                    await call(client, "remember", text=f"{name} {n}")

        async def use() -> None:
            writing = [asyncio.create_task(write(who, f"{who} {at}")) for who in ("ada", "bob") for at in range(3)]
            await asyncio.sleep(0.5)
            dying.kill()
            await asyncio.gather(*writing)

        asyncio.run(use())
        acknowledged = 1 + len(dying.communicate()[0].split())
        served.process.kill()
        served.process.wait(PATIENCE)
    with memoria.open(tmp_path / "a.memoria", mode="r") as memory:
        texts = [one.text for one in memory.list()]
        assert {f"{who} {at} {n}" for who in ("ada", "bob") for at in range(3) for n in range(4)} <= set(texts)
        assert {f"victim {n}" for n in range(acknowledged)} <= set(texts)
        assert {one.namespace for one in memory.list()} == {("app", "ada"), ("app", "bob")}
    assert "ada 1" not in (tmp_path / "log").read_text()


def test_a_token_that_may_not_do_all_gets_no_session(served: Served) -> None:
    """Among the tools of a session are some of every kind."""
    some = mint(served.folder / "tokens", ("app", "ada"), scopes=["read", "write"])
    answer = served.post({"jsonrpc": "2.0", "id": 1, "method": "ping"}, Authorization=f"Bearer {some}")
    assert (answer.status_code, "forget" in answer.text) == (403, True)


def test_a_token_that_is_taken_out_ends_at_once(served: Served) -> None:
    eve = f"Bearer {served.tokens['eve']}"
    assert served.post(Authorization=eve).status_code == 200
    file = served.folder / "tokens"
    known = json.loads(file.read_text())
    known["tokens"] = [one for one in known["tokens"] if one["namespace"] != ["app", "eve"]]
    file.write_text(json.dumps(known))
    assert served.post(Authorization=eve).status_code == 401
    assert served.post().status_code == 200


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("0.0.0.0:8018", "put a proxy with TLS before it"),
        ("example.org:1", "put a proxy with TLS before it"),
        ("[::2]:1", "put a proxy with TLS before it"),
        ("127.0.0.1", "takes HOST:PORT"),
        ("127.0.0.1:99999", "takes HOST:PORT"),
    ],
)
def test_where_it_does_not_listen(tmp_path: Path, where: str, said: str) -> None:
    done = CliRunner().invoke(app, ["mcp", "--store", str(tmp_path / "a"), "--http", where])
    assert isinstance(done.exception, InvalidQuery)
    assert said in str(done.exception)


def test_it_does_not_serve_without_tokens(tmp_path: Path) -> None:
    asked = ["mcp", "--store", str(tmp_path / "a"), "--http", "127.0.0.1:0", "--tokens", str(tmp_path / "none")]
    assert "make a token with" in str(CliRunner().invoke(app, asked).exception)

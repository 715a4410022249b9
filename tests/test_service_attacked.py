"""The service under attack and under load: as a process, on a directory and on a store in PostgreSQL."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

import memoria
from memoria.aio.turns import Turns
from memoria.cli import app
from memoria.cli.serve import listen
from memoria.errors import InvalidQuery, StoreError
from memoria.service import pool as serving_pool
from memoria.service import ready as serving_ready
from memoria.service.app import Limits, application
from memoria.service.limits import Crowd
from memoria.service.person import Bring, Brought, Preview, import_, preview
from memoria.service.pool import Pool
from memoria.service.problems import Problematic
from memoria.service.routes import recall
from memoria.service.shapes import Recall
from memoria.service.tokens import Caller, Tokens, mint
from memoria.stores.registry import open_url, without_password
from memoria.testing import HashEmbedder
from tests.test_service import Server, serving
from tests.waiting import PATIENCE, until

HALF = b"POST /v1/recall HTTP/1.1\r\nhost: x\r\ncontent-le"
EIGHT = 8_000_000


class Unread:
    """A request of which nobody may read the body."""

    def __init__(self, path: str, *head: tuple[bytes, bytes]) -> None:
        self.scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": path,
            "raw_path": path.encode(), "query_string": b"", "headers": [(b"host", b"x"), *head], "root_path": "",
            "scheme": "http", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "state": {},
        }  # fmt: skip
        self.sent: list[Any] = []

    async def receive(self) -> Any:
        raise AssertionError("the body was asked for")

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    def status(self, made: Any) -> int:
        asyncio.run(made(self.scope, self.receive, self.send))
        assert (b"cache-control", b"no-store") in self.sent[0]["headers"]
        return int(self.sent[0]["status"])


def test_nothing_of_a_body_is_read_before_its_sender_may_send_it(tmp_path: Path) -> None:
    path = tmp_path / "t"
    token = mint(path, ("a",)).encode()
    mine = (b"authorization", b"Bearer " + token)
    limits = Limits(rate=0.001, burst=3)
    made = application(lambda: memoria.open(":memory:", embedder=HashEmbedder()), Tokens(path), limits)
    for head in ((), ((b"authorization", b"Bearer x"),), ((b"authorization", b"Basic x"),)):
        for body in ((b"content-length", b"8000000"), (b"transfer-encoding", b"chunked")):
            asked = Unread("/v1/memories", *head, body)
            assert asked.status(made) == 401
            assert (b"connection", b"close") in asked.sent[0]["headers"]
    assert Unread("/v1/nothing").status(made) == 401
    assert Unread("/v1/memories", mine, (b"content-length", b"90000000")).status(made) == 413
    assert Unread("/health/live", (b"content-length", b"90000")).status(made) == 413
    for _ in range(3):
        last = Unread("/v1/nothing", mine).status(made)
    assert last == 429
    path.write_text("{")
    assert Unread("/v1/memories", mine).status(made) == 503


def test_a_crowd_is_bounded_and_has_room_for_who_has_nothing_under_way() -> None:
    crowd = Crowd(2, 3)
    with ExitStack() as stack:
        for who in ("a", "a", "b"):
            assert not crowd.full(who)
            stack.enter_context(crowd.within(who))
        assert crowd.full("a")
        assert crowd.packed("b")
        assert not crowd.packed("c")
        assert len(crowd) == 3
    assert len(crowd) == 0
    assert not crowd.full("a")


class Gated(HashEmbedder):
    """An embedder that waits at texts that say so."""

    def __init__(self) -> None:
        super().__init__(64)
        self.reached, self.go = threading.Event(), threading.Event()
        self.texts: list[str] = []

    def embed(self, texts: Any) -> Any:
        self.texts += list(texts)
        if any("slow" in text for text in texts):
            self.reached.set()
            assert self.go.wait(PATIENCE)
        return np.asarray(super().embed(texts))


def test_who_embeds_keeps_nobody_from_writing(tmp_path: Path) -> None:
    """The vector is made before the turn to write, once, and the memory has it."""
    embedder = Gated()
    one, other = (Caller(digest=name, namespace=(name,)) for name in ("a", "b"))

    async def run() -> None:
        pool = Pool(memoria.open(tmp_path / "s", embedder=embedder))
        slow = asyncio.ensure_future(pool.write(one, lambda view: view.remember("slow tea"), texts=["slow tea"]))
        await asyncio.to_thread(embedder.reached.wait, PATIENCE)
        quick = pool.write(other, lambda view: view.remember("quick"), texts=["quick"])
        assert (await asyncio.wait_for(quick, PATIENCE)).text == "quick"
        assert not slow.done()
        embedder.go.set()
        assert (await slow).text == "slow tea"
        (hit,) = await pool.read(one, lambda view: view.recall("slow tea", vector_only=True, k=1))
        assert hit.score == pytest.approx(1.0, abs=1e-3)
        pool.close()

    asyncio.run(run())
    assert sorted(embedder.texts) == ["quick", "slow tea", "slow tea"]  # once to store it, and once to ask


def test_who_imports_keeps_nobody_from_writing(tmp_path: Path) -> None:
    """What is new in a file is embedded before the turn to write, and what is there already is not embedded again."""
    embedder = Gated()
    one, other = (Caller(digest=name, namespace=(name,)) for name in ("a", "b"))

    async def bring(pool: Pool, *texts: str) -> Brought:
        lines = "".join(json.dumps({"text": text, "id": text}) + "\n" for text in texts)
        file: dict[str, Any] = {"origin": "jsonl", "data": base64.b64encode(lines.encode()).decode()}
        shown = await preview(Preview(**file), one, pool)
        return await import_(Bring(**file, digest=shown.digest), one, pool)

    async def run() -> None:
        pool = Pool(memoria.open(tmp_path / "s", embedder=embedder))
        assert (await bring(pool, "tea")).stored == 1
        slow = asyncio.ensure_future(bring(pool, "tea", "slow tea"))
        await asyncio.to_thread(embedder.reached.wait, PATIENCE)
        quick = pool.write(other, lambda view: view.remember("quick"), texts=["quick"])
        assert (await asyncio.wait_for(quick, PATIENCE)).text == "quick"
        assert not slow.done()
        embedder.go.set()
        assert ((await slow).stored, (await slow).present) == (1, 1)
        pool.close()

    asyncio.run(run())
    assert sorted(embedder.texts) == ["quick", "slow tea", "tea"]


def test_what_a_recall_needs_is_made_ready_in_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others come between them; what is ready is asked in one turn."""
    with memoria.open(tmp_path / "s", embedder=HashEmbedder()) as memory:
        memory.remember_many([f"Tea number {n} is green." for n in range(1200)])
    one = Caller(digest="a", namespace=())
    for module in (serving_pool, serving_ready):
        monkeypatch.setattr(module, "TURN", 0.0)

    async def run() -> None:
        pool = Pool(memoria.open(tmp_path / "s", embedder=HashEmbedder()))
        asked: list[int] = []
        turn = pool._reads.run

        def counted(tenant: Any, work: Any) -> Any:
            asked.append(len(asked))
            return turn(tenant, work)

        pool._reads.run = counted  # type: ignore[method-assign,assignment]  # counts the turns
        body = Recall(query="Which tea is green?", k=3)
        assert len((await recall(body, one, pool)).hits) == 3
        first = len(asked)
        assert len((await recall(body, one, pool)).hits) == 3
        assert (first > 2, len(asked) - first) == (True, 1)
        pool.close()

    asyncio.run(run())


def test_who_sends_a_long_batch_waits_for_a_turn_with_each_piece_of_it(tmp_path: Path) -> None:
    """On one lane a request comes between two pieces of another tenant's batch."""
    embedder = Gated()
    one, other = (Caller(digest=name, namespace=(name,)) for name in ("a", "b"))
    texts = [f"{'slow' if n == 0 else n} {'tea ' * 200}" for n in range(20)]

    async def run() -> None:
        pool = Pool(memoria.open(tmp_path / "s", embedder=embedder))
        pool._reads = Turns(1)
        long = asyncio.ensure_future(pool.write(one, lambda view: view.remember_many(texts), texts=texts))
        await asyncio.to_thread(embedder.reached.wait, PATIENCE)
        asked = asyncio.ensure_future(pool.read(other, lambda view: view.recall("quick")))
        async with asyncio.timeout(PATIENCE):
            while not pool.waiting["read"]:
                await asyncio.sleep(0.001)
        embedder.go.set()
        await asked
        assert texts[-1] not in embedder.texts
        assert [found.text for found in await long] == texts
        pool.close()

    asyncio.run(run())
    assert all(embedder.texts.count(text) == 1 for text in texts)


def test_who_asks_a_model_in_plenty_keeps_nobody_from_asking(tmp_path: Path) -> None:
    """One tenant has few requests that wait for a model; another one's is taken all the same, and is next."""
    one, other = (Caller(digest=name, namespace=(name,)) for name in ("a", "b"))
    go, order = threading.Event(), []

    def work(name: str) -> Any:
        def said(_: Any) -> None:
            order.append(name)
            assert go.wait(PATIENCE)

        return said

    async def run() -> None:
        pool = Pool(memoria.open(tmp_path / "s", embedder=HashEmbedder()), thoughts=2)
        greedy = [asyncio.ensure_future(pool.think(one, work("a"))) for _ in range(3)]
        (refused,), _ = await asyncio.wait(greedy, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        assert isinstance(error := refused.exception(), Problematic)
        assert error.status_code == 503
        modest = asyncio.ensure_future(pool.think(other, work("b")))
        async with asyncio.timeout(PATIENCE):
            while pool.waiting["think"] < 2:
                await asyncio.sleep(0.001)
        go.set()
        await asyncio.gather(modest, *(task for task in greedy if task is not refused))
        await pool.think(one, work("again"))
        pool.close()

    asyncio.run(run())
    assert order == ["a", "b", "a", "again"]


def test_what_takes_minutes_takes_no_thread_of_those_that_read(tmp_path: Path) -> None:
    tenants = [Caller(digest=str(n), namespace=(str(n),)) for n in range(20)]
    go = threading.Event()

    async def run() -> None:
        pool = Pool(memoria.open(tmp_path / "s", embedder=HashEmbedder()))
        long = [asyncio.ensure_future(pool.last(who, lambda _: go.wait(PATIENCE))) for who in tenants]
        assert await asyncio.wait_for(pool.read(tenants[0], len), PATIENCE) == 0
        assert not any(one.done() for one in long)
        go.set()
        assert all(await asyncio.gather(*long))
        pool.close()

    asyncio.run(run())


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_answer_waits_for_no_acknowledgement_of_the_one_before(host: str) -> None:
    """Nagle's algorithm is off at both addresses: with it, an answer in two parts takes 40 ms longer."""

    async def run() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there = writer.get_extra_info("socket")
            found.set_result(there.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = listen(host, 0)
        async with await asyncio.start_server(connected, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname()[:2])
            async with asyncio.timeout(PATIENCE):
                nodelay = await found
            writer.close()
        return nodelay

    assert asyncio.run(run()) != 0


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with room for few connections, which has patience with all of them."""
    folder = tmp_path_factory.mktemp("attacked")
    options = ("--connections", "150", "--head-seconds", "300", "--audit", str(folder / "audit"), "--rate", "1e6")
    with serving(folder, *options, "--burst", "100000") as found:
        yield found


def test_a_thousand_half_open_connections_keep_nobody_out(attacked: Server) -> None:
    host, port = re.findall(r"//(.*):(\d+)", attacked.url)[0]
    with ExitStack() as stack:
        for n in range(1000):
            stack.enter_context(socket.create_connection((host, int(port)), PATIENCE)).sendall(HALF)
            if n % 100 == 99:
                assert attacked.call("app/ada", "GET", "/v1/stats").status_code == 200
        for _ in range(10):
            assert attacked.call("app/ada", "GET", "/v1/stats").status_code == 200


def test_long_bodies_without_a_token_are_refused_by_their_head(attacked: Server) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = httpx.post(attacked.url + "/v1/memories", content=b"{" * EIGHT, headers=headers, timeout=PATIENCE)
        assert (answer.status_code, answer.headers["connection"]) == (401, "close")
    # One that is allowed is read, and found to be no JSON.
    mine = {"Authorization": f"Bearer {attacked.tokens['app/ada']}"}
    answer = httpx.post(attacked.url + "/v1/memories", content=b"{" * EIGHT, headers=mine, timeout=PATIENCE)
    assert answer.status_code == 422


def test_nobody_may_store_an_answer(attacked: Server) -> None:
    for who, method, path in (
        ("app/ada", "GET", "/v1/stats"),
        ("app/ada", "GET", f"/v1/memories/{'0' * 32}"),
        ("app/ada", "PUT", "/v1/stats"),
        ("nobody", "GET", "/v1/stats"),
        ("nobody", "GET", "/openapi.json"),
        ("nobody", "GET", "/health/live"),
    ):
        assert attacked.call(who, method, path).headers["cache-control"] == "no-store"


def test_the_audit_says_what_was_done_and_never_what_was_said(attacked: Server) -> None:
    file = attacked.folder / "audit"
    file.unlink()
    attacked.process.send_signal(signal.SIGHUP)
    until(file.exists)
    began = time.time()
    id = attacked.remember("app/ada", "The xylophone is green.", "music")
    attacked.post("app/ada", "/v1/recall", query="xylophone", k=3)
    attacked.call("app/ada", "DELETE", f"/v1/memories/{id}")
    attacked.call("app/ada", "DELETE", f"/v1/memories/{id}")
    attacked.call("nobody", "GET", "/v1/stats")
    text = file.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(one["verb"], one["ids"], one["status"]) for one in lines] == [
        ("POST /v1/memories", 1, 201),
        ("POST /v1/recall", 1, 200),
        ("DELETE /v1/memories/{id}", 1, 200),
        ("DELETE /v1/memories/{id}", None, 404),
    ]
    token = attacked.tokens["app/ada"]
    listed = json.loads(_said("serve", "token", "list", "--tokens", str(attacked.folder / "tokens"), "--json"))
    assert {one["caller"] for one in lines} == {listed[0]["id"]}
    assert all(began - 1 < memoria_time(one["time"]) < time.time() + 1 for one in lines)
    assert not [word for word in ("xylophone", "music", "app", token, id) if word in text]
    assert file.stat().st_mode & 0o777 == 0o600


def memoria_time(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def _said(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def test_figures_are_for_who_may_read_them_and_tell_nothing_of_anybody(attacked: Server) -> None:
    reader = mint(attacked.folder / "tokens", ("ops",), scopes=["metrics"])
    for who, status in (("app/ada", 403), ("nobody", 401), (reader, 200)):
        assert attacked.call(who, "GET", "/metrics").status_code == status
    assert attacked.call(reader, "GET", "/v1/stats").status_code == 403
    id = attacked.remember("app/ada", "A zeppelin.", "sky")
    before = figures(attacked, reader)
    assert attacked.call("app/ada", "DELETE", f"/v1/memories/{id}").status_code == 200
    attacked.call("nobody", "PURGE", "/v1/zeppelin?q=zeppelin")
    text = attacked.call(reader, "GET", "/metrics").text
    after = figures(attacked, reader)
    done = 'memoria_requests_total{route="DELETE /v1/memories/{id}",status="200"}'
    assert after[done] == before.get(done, 0) + 1
    assert after["memoria_forgotten_total"] == before["memoria_forgotten_total"] + 1
    assert after['memoria_request_seconds_count{route="DELETE /v1/memories/{id}"}'] > 0
    assert {'memoria_queue{lane="read"}', 'memoria_queue{lane="write"}', "memoria_memories"} <= after.keys()
    secrets = ("zeppelin", "sky", "ada", "PURGE", id, reader, attacked.tokens["app/ada"])
    assert not [word for word in secrets if word in text]


def figures(server: Server, token: str) -> dict[str, float]:
    lines = (line for line in server.call(token, "GET", "/metrics").text.splitlines() if not line.startswith("#"))
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ada:secret@h/d?keys=/k", "postgresql://ada:***@h/d?keys=/k"),
        ("postgresql://ada:se/c@ret@h:5432/d", "postgresql://ada:***@h:5432/d"),
        (
            "postgresql://h:5432/d?user=ada&password=secret&keys=/k",
            "postgresql://h:5432/d?user=ada&password=***&keys=/k",
        ),
        ("postgresql:///d?sslpassword=secret", "postgresql:///d?sslpassword=***"),
        ("postgresql://ada@h/d", "postgresql://ada@h/d"),
        ("a.memoria", "a.memoria"),
    ],
)
def test_a_password_is_not_printed(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.parametrize("password", ["sec ret", "secret@x", "secr%zzet"])
def test_an_error_does_not_repeat_the_password(tmp_path: Path, password: str) -> None:
    url = f"postgresql://ada:{password}@127.0.0.1:1/d?keys={tmp_path}"
    with pytest.raises(StoreError) as found:
        open_url(url, embedder=HashEmbedder().card, timeout=1)
    assert not [part for part in re.split(r"[@ %]", password) if len(part) > 1 and part in str(found.value)]


def test_the_log_of_a_service_has_no_password(tmp_path: Path) -> None:
    mint(tmp_path / "t", ("a",))
    url = f"postgresql://ada:xylophone@127.0.0.1:1/d?keys={tmp_path}"
    words = ["--timeout", "1", "serve", "--store", url, "--port", "0", "--tokens", str(tmp_path / "t")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code != 0
    assert "postgresql://ada:***@127.0.0.1:1/d" in done.output
    assert "xylophone" not in done.output + str(done.exception)


def test_one_process_serves_a_directory(tmp_path: Path) -> None:
    mint(tmp_path / "t", ("a",))
    words = ["serve", "--store", str(tmp_path / "s"), "--tokens", str(tmp_path / "t"), "--workers", "2"]
    assert isinstance(CliRunner().invoke(app, words).exception, InvalidQuery)


class Load:
    """Threads that remember and forget until the service is gone, and know what was acknowledged."""

    def __init__(self, server: Server, threads: int = 4, what: str = "fact") -> None:
        self._what = what
        self.stored: dict[str, str] = {}
        self.forgotten: list[str] = []
        self.broken: list[int] = []
        self._server = server
        self._threads = [threading.Thread(target=self._work, args=(n,)) for n in range(threads)]

    def _work(self, worker: int) -> None:
        headers = {"Authorization": f"Bearer {self._server.tokens['app/ada']}"}
        with httpx.Client(base_url=self._server.url, headers=headers, timeout=PATIENCE) as client:
            for n in range(100_000):
                try:
                    text = f"{self._what} {worker} {n}"
                    said = {"memory": {"text": text}, "namespace": [f"w{worker}"]}
                    answer = client.post("/v1/memories", json=said)
                    if answer.status_code != 201:
                        self.broken.append(answer.status_code)
                        continue
                    id = answer.json()["id"]
                    self.stored[id] = text
                    if n % 3 == 0 and client.delete(f"/v1/memories/{id}").status_code == 200:
                        del self.stored[id]
                        self.forgotten.append(id)
                except httpx.TransportError:
                    return

    def run_until(self, enough: int) -> None:
        for thread in self._threads:
            thread.start()
        until(lambda: len(self.stored) + len(self.forgotten) > enough)

    def end(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE)

    def check(self, place: str) -> None:
        """All that was acknowledged is there, and nothing that was forgotten; nothing was answered by a fault."""
        with memoria.open(place) as left:
            there = {one.id: one.text for one in left.list()}
        # One that was being forgotten when the connection ended may be gone: its text is this worker's last.
        missing = self.stored.keys() - there.keys()
        assert len(missing) <= len(self._threads)
        last = {text.split()[1]: text for text in self.stored.values()}
        assert all(self.stored[id] == last[self.stored[id].split()[1]] for id in missing)
        assert not there.keys() & set(self.forgotten)
        assert self.forgotten
        assert set(self.broken) <= {503}


def test_sigterm_under_load_loses_nothing_of_a_directory(tmp_path: Path) -> None:
    with serving(tmp_path, "--rate", "1e6", "--burst", "100000") as server:
        load = Load(server)
        load.run_until(20)
        server.process.send_signal(signal.SIGTERM)
        load.end()
        server.process.wait(PATIENCE)
        assert "fault" not in server.log()
    load.check(str(tmp_path / "a.memoria"))


def test_several_processes_serve_a_store_in_postgresql(database: str, tmp_path: Path) -> None:
    """They share a socket and their figures; one that is killed is replaced; SIGTERM under load loses nothing."""
    options = ("--workers", "2", "--rate", "1e6", "--burst", "100000")
    with serving(tmp_path, *options, store=database) as server:
        operator = mint(tmp_path / "tokens", ("ops",), scopes=["metrics"])
        workers = _children(server.process.pid)
        assert len(workers) == 2
        load = Load(server)
        load.run_until(12)
        # Whichever of them is asked, it has the figures of both.
        asked = [figures(server, operator)['memoria_requests_total{route="POST /v1/memories",status="201"}']]
        assert asked[0] >= 12
        os.kill(workers[0], signal.SIGKILL)
        until(lambda: len(_children(server.process.pid)) == 2 and workers[0] not in _children(server.process.pid))
        again = Load(server, what="deed")
        again.run_until(12)
        server.process.send_signal(signal.SIGTERM)
        load.end()
        again.end()
        assert server.process.wait(PATIENCE) == 0
        assert f"process {workers[0]} has died (signal 9)" in server.log()
    again.forgotten += load.forgotten
    again.check(database)
    assert load.stored or load.forgotten


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

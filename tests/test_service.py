"""The HTTP service, as a process on loopback: every verb, isolation, limits, its own schema, and kill -9."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

import memoria
from memoria.errors import InvalidQuery, StoreNotFound
from memoria.service.limits import Rates
from memoria.service.tokens import SCOPES, Tokens, digest, mint, read
from tests.waiting import PATIENCE, until

ROOT = Path(__file__).parents[1]
MEMORIA = [sys.executable, "-W", "ignore", "-c", "from memoria.cli import main; main()"]
UNKNOWN = "0" * 32
SECRET = "xylophone lighthouse"


@dataclass
class Server:
    """A running service: where it is, its tokens by namespace, its process, and what it logs."""

    url: str
    folder: Path
    process: subprocess.Popen[str]
    tokens: dict[str, str]

    def call(self, who: str, method: str, path: str, **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.tokens.get(who, who)}"}
        return httpx.request(method, self.url + path, headers=headers, json=body or None, timeout=PATIENCE)

    def post(self, who: str, path: str, **body: Any) -> Any:
        answer = self.call(who, "POST", path, **body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def remember(self, who: str, text: str, *namespace: str, **fields: Any) -> str:
        return str(self.post(who, "/v1/memories", namespace=list(namespace), memory={"text": text, **fields})["id"])

    def log(self) -> str:
        return (self.folder / "log").read_text()


@contextmanager
def serving(
    folder: Path, *options: str, tokens: tuple[str, ...] = ("app/ada",), store: str | None = None
) -> Iterator[Server]:
    """`memoria serve` in a process of its own, of a store in the folder or of another one."""
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "MEMORIA_TOKENS": str(folder / "tokens")}
    folder.mkdir(exist_ok=True)
    known = {name: mint(folder / "tokens", tuple(name.split("/"))) for name in tokens}
    command = [*MEMORIA, "serve", "--store", store or str(folder / "a.memoria"), "--port", "0", *options]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stderr=log, text=True)
    try:
        yield Server(_ready(folder / "log", process), folder, process, known)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _ready(log: Path, process: subprocess.Popen[str]) -> str:
    """The address that it prints, once it answers there."""
    address = re.compile(r"on (http://\S+)\s")  # with what follows it: it may be read half-written

    def said() -> object:
        assert process.poll() is None, log.read_text()
        return address.search(log.read_text())

    until(said)
    found = address.search(log.read_text())
    assert found is not None
    # The socket listens before the model is loaded: this request waits in its queue.
    answer = httpx.get(f"{found[1]}/health/ready", timeout=PATIENCE)
    assert answer.json() == {"status": "ready"}
    return found[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    names = ("app/ada", "app/bob", "app", "fuzz")
    with serving(tmp_path_factory.mktemp("serve"), "--rate", "1e6", "--burst", "1000000", tokens=names) as found:
        # What is fuzzed is every route, those of an operator too.
        found.tokens["fuzz"] = mint(found.folder / "tokens", ("fuzz",), scopes=SCOPES)
        yield found


def test_every_verb(server: Server) -> None:
    tea = server.remember("app/ada", "Ada takes her tea without sugar.", "home", subject="ada", key="tea")
    assert server.remember("app/ada", "Ada takes her tea without sugar.", "home", key="tea") == tea
    many = [{"text": f"Ada owns {n} books", "tags": ["books"], "metadata": {"n": n}} for n in range(3)]
    made = server.post("app/ada", "/v1/memories/batch", memories=many, namespace=["home"])["memories"]
    assert [one["metadata"]["n"] for one in made] == [0, 1, 2]
    (hit,) = server.post("app/ada", "/v1/recall", query="How does Ada drink tea?", k=1, explain=True)["hits"]
    assert (hit["memory"]["id"], hit["memory"]["namespace"]) == (tea, ["home"])
    assert sum(hit["terms"].values()) == pytest.approx(hit["score"])
    listed = server.post("app/ada", "/v1/list", tags=["books"], namespace=["home"])["memories"]
    assert [one["id"] for one in listed] == [one["id"] for one in made]
    assert server.call("app/ada", "GET", f"/v1/memories/{tea}").json()["subject"] == "ada"
    changed = server.call("app/ada", "PATCH", f"/v1/memories/{tea}", subject=None, salience=0.9).json()
    assert (changed["subject"], changed["salience"], changed["text"]) == (None, 0.9, hit["memory"]["text"])
    new = server.post("app/ada", f"/v1/memories/{tea}/supersede", memory={"text": "Ada takes her tea with honey."})
    past = server.call("app/ada", "GET", f"/v1/memories/{new['id']}/history").json()["memories"]
    assert [one["id"] for one in past] == [tea, new["id"]]
    server.post("app/ada", "/v1/expire", ids=[new["id"]])
    assert server.call("app/ada", "GET", f"/v1/memories/{new['id']}").json()["valid_to"] is not None
    assert server.call("app/ada", "GET", "/v1/stats").json() == {"memories": 5, "namespaces": 1}
    night = server.post("app/ada", "/v1/sleep", dry_run=True)
    assert night["dry_run"]
    assert night["replayed"] > 0
    would = server.post("app/ada", "/v1/forget", tags=["books"], dry_run=True)["would"]
    assert [one["id"] for one in would] == [one["id"] for one in made]
    gone = server.post("app/ada", "/v1/forget", tags=["books"])
    assert sorted(gone["forgotten"]) == [one["id"] for one in made]
    again = server.call("app/ada", "POST", "/v1/memories", namespace=["home"], memory={"text": "ADA owns 1 books"})
    assert (again.status_code, again.json()["type"]) == (409, "urn:memoria:Refused")
    assert server.call("app/ada", "DELETE", f"/v1/memories/{tea}").json()["forgotten"] == [tea]
    assert server.call("app/ada", "GET", f"/v1/memories/{tea}").status_code == 404
    server.post("app/ada", "/v1/forget", everything=True)
    assert server.call("app/ada", "GET", "/v1/stats").json() == {"memories": 0, "namespaces": 0}


def test_budgets(server: Server) -> None:
    long = "Hi Ann, great to see you! I moved to Oslo on 3 May 2024. So cool, right? What about you?"
    one = server.remember("app/ada", long, "kept")
    other = server.remember("app/ada", "I see. My cat Tom is 3 years old.", "kept")
    budget = {"tokens": 35, "namespace": ["kept"]}
    planned = server.post("app/ada", "/v1/shorten", dry_run=True, **budget)
    assert (planned["dry_run"], planned["ids"], planned["before"]) == (True, [one], [len(long)])
    done = server.post("app/ada", "/v1/shorten", **budget)
    assert done == {**planned, "dry_run": False}
    assert "What about you" not in server.call("app/ada", "GET", f"/v1/memories/{one}").json()["text"]
    assert server.post("app/ada", "/v1/evict", count=1, dry_run=True)["ids"] == [one]
    assert server.post("app/ada", "/v1/evict", tokens=20, namespace=["kept"])["ids"] == [one]
    (share,) = server.post("app/ada", "/v1/allocate", total=60, by="tokens")["shares"]
    assert (share["namespace"], share["places"]) == (["kept"], 60)
    gone = server.post("app/ada", "/v1/prune", count=0, namespace=["kept"])
    assert (sorted(gone["ids"]), gone["capped"]) == (sorted([one, other]), False)
    assert server.call("app/ada", "POST", "/v1/shorten", dry_run=True).status_code == 422


def test_what_was_settled_is_listed_and_taken_back(server: Server) -> None:
    old = server.remember("app/bob", "My sister lives in Leeds.", "sister")
    new = server.remember("app/bob", "My sister has moved from Leeds to York.", "sister")
    server.post("app/bob", "/v1/sleep", namespace=["sister"])
    (one,) = server.post("app/bob", "/v1/doubts", namespace=["sister"])["doubts"]
    assert (one["memory"]["id"], one["by"]["id"], one["outcome"], one["left"]) == (old, new, "lowered", None)
    assert one["memory"]["namespace"] == ["sister"]
    assert server.call("app/ada", "POST", "/v1/doubts", ids=[old]).status_code == 404
    assert server.call("app/ada", "POST", f"/v1/memories/{old}/settle", keep=True).status_code == 404
    assert server.call("app/bob", "POST", f"/v1/memories/{old}/settle", keep="yes").status_code == 422
    assert server.post("app/bob", f"/v1/memories/{old}/settle", keep=True, by=new)["doubts"] == [one]
    assert server.call("app/bob", "POST", f"/v1/memories/{old}/settle", keep=True).status_code == 422
    server.post("app/bob", "/v1/sleep", namespace=["sister"])
    assert server.post("app/bob", "/v1/doubts", ids=[old, new])["doubts"] == []
    server.post("app/bob", "/v1/forget", namespace=["sister"], everything=True)


def test_one_namespace_never_sees_another(server: Server) -> None:
    """Whatever Bob asks, with Ada's ids, names and keys: the answer is that of what never was."""
    one = server.remember("app/ada", f"Ada keeps a {SECRET}", subject="ada", tags=("t",), key="k")
    above = server.remember("app", f"What the app made of {SECRET}", derived_from=[one])
    before = server.call("app/ada", "GET", f"/v1/memories/{one}").json()

    def asked(id: str) -> list[httpx.Response]:
        draft = {"text": "Bob tries"}
        return [
            server.call("app/bob", "GET", f"/v1/memories/{id}"),
            server.call("app/bob", "GET", f"/v1/memories/{id}/history"),
            server.call("app/bob", "PATCH", f"/v1/memories/{id}", text="mine"),
            server.call("app/bob", "DELETE", f"/v1/memories/{id}"),
            server.call("app/bob", "POST", f"/v1/memories/{id}/supersede", memory=draft),
            server.call("app/bob", "POST", "/v1/expire", ids=[id]),
            server.call("app/bob", "POST", "/v1/doubts", ids=[id]),
            server.call("app/bob", "POST", f"/v1/memories/{id}/settle", keep=True),
            server.call("app/bob", "POST", "/v1/forget", ids=[id]),
            server.call("app/bob", "POST", "/v1/forget", ids=[id], dry_run=True),
            server.call("app/bob", "POST", "/v1/memories", memory={**draft, "derived_from": [id]}),
            server.call("app/bob", "POST", f"/v1/memories/{id}/supersede", memory={**draft, "derived_from": [id]}),
        ]

    unknown = [(answer.status_code, answer.content) for answer in asked(UNKNOWN)]
    assert {status for status, _ in unknown} == {404}
    assert [(answer.status_code, answer.content) for answer in asked(one)] == unknown
    assert [(answer.status_code, answer.content) for answer in asked(above)] == unknown
    for names in ([], ["app", "ada"], ["..", "ada"], ["ada"], ["*"], ["%"], ["' OR 1=1 --"]):
        assert server.post("app/bob", "/v1/recall", query=SECRET, namespace=names)["hits"] == []
        assert server.post("app/bob", "/v1/list", namespace=names, key="k")["memories"] == []
        assert server.post("app/bob", "/v1/forget", namespace=names, everything=True)["forgotten"] == []
    assert server.call("app/bob", "POST", "/v1/list", namespace=["../ada"]).status_code == 422
    assert server.post("app/bob", "/v1/forget", subject="ada", dry_run=True)["would"] == []
    assert server.call("app/bob", "GET", "/v1/stats").json() == {"memories": 0, "namespaces": 0}
    assert server.call("app/ada", "GET", f"/v1/memories/{one}").json() == before
    # Downwards alone: what the app sees of Ada, Ada does not see of the app.
    assert server.call("app", "GET", f"/v1/memories/{one}").json()["namespace"] == ["ada"]
    assert server.call("app/ada", "GET", f"/v1/memories/{above}").status_code == 404
    newer = server.post("app", f"/v1/memories/{one}/supersede", memory={"text": "Ada keeps it no more"})
    assert newer["namespace"] == ["ada"]
    would = server.post("app/ada", "/v1/forget", ids=[one], dry_run=True)["would"]
    assert [found["id"] for found in would] == [one]
    gone = server.call("app/ada", "DELETE", f"/v1/memories/{one}").json()
    assert (gone["forgotten"], gone["derived"]) == ([one], [])
    assert server.call("app", "GET", f"/v1/memories/{above}").status_code == 404


def test_standing_orders_are_listed_and_lifted_by_who_may(tmp_path: Path) -> None:
    """Below the token's namespace alone, and never by the token of a reader."""
    reader = mint(tmp_path / "tokens", ("app", "ada"), "eve")
    with serving(tmp_path, tokens=("app/ada", "app/bob")) as server:
        server.remember("app/ada", "The gate code is 7741.")
        gone = server.post("app/ada", "/v1/forget", mentions="gate code 7741", standing=True)
        assert len(gone["forgotten"]) == 1
        kept_out = server.call("app/ada", "POST", "/v1/memories", memory={"text": "It was 77 41."})
        assert (kept_out.status_code, kept_out.json()["type"]) == (409, "urn:memoria:Forbidden")
        (order,) = server.call("app/ada", "GET", "/v1/standing").json()
        assert (order["kind"], order["on_match"], order["acted"]) == ("number", "refuse", 1)
        assert "7741" not in json.dumps(order)
        path = f"/v1/standing/{order['id']}"
        assert server.call("app/bob", "GET", "/v1/standing").json() == []
        assert server.call("app/bob", "DELETE", path).status_code == 404
        for method, place in (("GET", "/v1/standing"), ("DELETE", path)):
            answer = server.call(reader, method, place)
            assert (answer.status_code, answer.json()["type"]) == (403, "urn:memoria:NotPermitted")
        assert server.call("app/ada", "DELETE", path).json()["id"] == order["id"]
        assert server.call("app/ada", "GET", "/v1/standing").json() == []
        server.remember("app/ada", "It was 77 41.")


SCOPED: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("read", "GET", "/v1/stats", {}),
    ("read", "POST", "/v1/recall", {"query": "tea"}),
    ("read", "POST", "/v1/list", {"limit": 1}),
    ("write", "POST", "/v1/memories", {"memory": {"text": "tea"}}),
    ("write", "POST", "/v1/expire", {"ids": [UNKNOWN]}),
    ("write", "POST", "/v1/sleep", {"dry_run": True}),
    ("write", "POST", "/v1/evict", {"count": 9, "dry_run": True}),
    ("forget", "DELETE", f"/v1/memories/{UNKNOWN}", {}),
    ("forget", "POST", "/v1/forget", {"ids": [UNKNOWN]}),
    ("forget", "POST", "/v1/prune", {"count": 9, "dry_run": True}),
    ("forget", "POST", "/v1/shorten", {"tokens": 9, "dry_run": True}),
    ("forget", "DELETE", f"/v1/standing/{UNKNOWN}", {}),
    # What tells what was there needs more.
    ("read write", "PATCH", f"/v1/memories/{UNKNOWN}", {"salience": 0.5}),
    ("read write", "POST", f"/v1/memories/{UNKNOWN}/settle", {"keep": True}),
    ("forget read", "POST", "/v1/forget", {"ids": [UNKNOWN], "dry_run": True}),
    ("forget write", "POST", "/v1/sleep", {"prune": True, "dry_run": True}),
)


def test_a_token_does_what_its_scopes_say_and_no_more(server: Server) -> None:
    """With exactly the scopes it passes, and without any one of them it is refused before anything is looked up."""
    tokens = server.folder / "tokens"
    by_scopes = {}
    for names in ("read", "write", "forget", "read write", "forget read", "forget write", "operate", "metrics"):
        by_scopes[frozenset(names.split())] = mint(tokens, ("scoped",), scopes=names.split())
    for names, method, path, body in SCOPED:
        needed = frozenset(names.split())
        for scopes, token in by_scopes.items():
            answer = server.call(token, method, path, **body)
            if needed <= scopes:
                assert answer.status_code in (200, 201, 404), (path, scopes, answer.text)
            else:
                assert answer.status_code == 403, (path, scopes, answer.text)
                said = answer.json()["detail"].removeprefix("it lacks: ").split(", ")
                assert set(said) <= needed - scopes


def test_what_a_path_allows_is_said_whole(server: Server) -> None:
    answer = server.call("app/bob", "PUT", f"/v1/memories/{UNKNOWN}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, PATCH")


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer", "Basic YTpi", "Bearer \xe9"])
def test_without_a_token_nothing_is_told(server: Server, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    for path in (f"/v1/memories/{UNKNOWN}", "/v1/stats"):
        answer = httpx.get(server.url + path, headers=headers)  # type: ignore[arg-type]  # bytes are headers too
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert httpx.get(server.url + "/health/live").json() == {"status": "live"}


def test_neither_errors_nor_logs_repeat_what_was_said(server: Server) -> None:
    bodies: list[dict[str, Any]] = [
        {"memory": {"text": SECRET, SECRET: 1}},
        {"memory": {"text": SECRET, "kind": SECRET}},
        {"memory": {"text": f"{SECRET} \0"}},
        {"memory": {"text": "x", "subject": f"{SECRET}\0"}},
        {"memory": {"text": "x", "valid_from": SECRET}},
        {"memory": {"text": SECRET, "valid_from": "2026-01-02T00:00:00Z", "valid_to": "2026-01-01T00:00:00Z"}},
        {"namespace": [f"{SECRET}/b"], "memory": {"text": "x"}},
    ]
    for body in bodies:
        answer = server.call("app/bob", "POST", "/v1/memories", **body)
        assert (answer.status_code, answer.json()["status"]) == (422, 422)
        assert SECRET.split()[0] not in answer.text
    server.remember("app/bob", f"the {SECRET} again", key="once")
    taken = server.call("app/bob", "POST", "/v1/memories", memory={"text": "another", "key": "once"})
    assert (taken.status_code, taken.json()["type"]) == (409, "urn:memoria:KeyConflict")
    server.call("app/bob", "GET", f"/v1/{SECRET}?{SECRET}")
    server.post("app/bob", "/v1/forget", everything=True)
    assert "POST /v1/memories 422" in server.log()
    assert SECRET.split()[0] not in server.log()
    assert not [token for token in server.tokens.values() if token in server.log()]
    assert not [token for token in server.tokens.values() if token in (server.folder / "tokens").read_text()]


def test_limits_and_an_end_that_closes_the_store(tmp_path: Path) -> None:
    options = ("--rate", "0.001", "--burst", "3", "--max-body", "100000", "--seconds", "0.2")
    with serving(tmp_path, *options, tokens=("app/ada", "app/bob")) as server:
        url, headers = server.url + "/v1/list", {"Authorization": f"Bearer {server.tokens['app/ada']}"}
        for body in (b" " * 100_001, iter([b" " * 60_000] * 2)):
            answer = httpx.post(url, content=body, headers=headers)
            assert (answer.status_code, answer.json()["title"]) == (413, "Body too long")
        many = [{"text": f"{n} " + "many words " * 20} for n in range(400)]
        slow = server.call("app/ada", "POST", "/v1/memories/batch", memories=many)
        assert (slow.status_code, slow.json()["title"]) == (504, "Too slow")
        answers = [server.call("app/ada", "GET", "/v1/stats") for _ in range(4)]
        refused = answers[-1]
        assert (refused.status_code, refused.json()["status"]) == (429, 429)
        assert int(refused.headers["retry-after"]) > 1
        assert server.call("app/bob", "GET", "/v1/stats").status_code != 429
        # A token that is taken out of the file ends at once.
        (tmp_path / "tokens").write_text(json.dumps({"tokens": []}))
        assert server.call("app/bob", "GET", "/v1/stats").status_code == 401
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(PATIENCE)
    with memoria.open(tmp_path / "a.memoria", mode="r") as left:
        assert left.store._database.meta("clean") == "1"  # type: ignore[attr-defined]  # a local store
        # What had begun when the time was over is whole.
        assert len(left) in (0, 400)


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    stored: dict[str, str] = {}
    forgotten: list[str] = []
    with serving(tmp_path, "--rate", "1e6", "--burst", "1000000") as server:
        enough = threading.Event()

        def work(worker: int) -> None:
            for n in range(10_000):
                try:
                    id = server.remember("app/ada", f"fact {worker} {n}")
                    if n % 3:
                        stored[id] = f"fact {worker} {n}"
                    else:
                        server.call("app/ada", "DELETE", f"/v1/memories/{id}").raise_for_status()
                        forgotten.append(id)
                except httpx.TransportError:
                    return
                if len(stored) > 40:
                    enough.set()

        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        assert enough.wait(PATIENCE)
        server.process.kill()
        for thread in threads:
            thread.join(PATIENCE)
    with memoria.open(tmp_path / "a.memoria") as left:
        there = {one.id: one.text for one in left.list()}
        assert stored.items() <= there.items()
        assert not there.keys() & set(forgotten)
        assert len(forgotten) > 5
        assert left.doctor() == []


def test_the_service_is_as_its_schema_says(server: Server, tmp_path: Path) -> None:
    config = tmp_path / "schemathesis.toml"
    accepted = '["2xx", "401", "404", "409", "422", "423"]'  # 422: rules that a schema cannot say
    config.write_text(f"[checks.positive_data_acceptance]\nexpected-statuses = {accepted}\n")
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(config), "run"]
    # Where the processor is shared, the budget ends it earlier, and fewer operations are seen.
    budget = "600" if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else "25"
    options = ["--checks", "all", "--phases", "coverage,fuzzing", "--max-examples", "5", "--max-time", budget]
    who = ["--header", f"Authorization: Bearer {server.tokens['fuzz']}"]
    done = subprocess.run(
        [*command, server.url + "/openapi.json", *options, *who, "--seed", "1", "--continue-on-failure"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:]
    assert "60 selected / 60 total" in done.stdout
    assert not re.search(r" 5\d\d ", server.log())


def test_the_page_runs(server: Server) -> None:
    """The curl and the JavaScript of docs/serve.md, with this server's address and a token."""
    found = re.findall(r"```(sh|js)\n(.*?)```", (ROOT / "docs" / "serve.md").read_text(), re.DOTALL)
    blocks = [(kind, text) for kind, text in found if "MEMORIA_URL" in text]
    assert [kind for kind, _ in blocks] == ["sh", "js"]
    environment = {"MEMORIA_URL": server.url, "MEMORIA_TOKEN": server.tokens["fuzz"], "PATH": os.environ["PATH"]}
    commands = {"sh": ["sh", "-e", "-c"], "js": ["node", "--input-type=module", "-e"]}
    for kind, text in blocks:
        if shutil.which(commands[kind][0]) is None or shutil.which("curl") is None:
            pytest.skip(f"NOT RUN: the {kind} of docs/serve.md, for there is no {commands[kind][0]} or curl here")
        done = subprocess.run(
            [*commands[kind], text], env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "Ada takes her tea without sugar." in done.stdout
    server.post("fuzz", "/v1/forget", everything=True)


def test_a_bucket_fills_at_its_rate_and_no_further() -> None:
    now = 0.0
    rates = Rates(2.0, 3, lambda: now)
    assert [rates.wait("a") for _ in range(5)] == [0, 0, 0, 1, 1]
    assert rates.wait("b") == 0
    now = 0.5
    assert [rates.wait("a") for _ in range(2)] == [0, 1]
    now = 100.0
    assert [rates.wait("a") for _ in range(4)] == [0, 0, 0, 1]
    slow = Rates(0.01, 1, lambda: now)
    assert [slow.wait("a") for _ in range(2)] == [0, 100]


def test_tokens(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    first, second = mint(path, ("a",)), mint(path, ("a", "b"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.namespace for one in read(path)] == [("a",), ("a", "b")]
    known = Tokens(path)
    for token, namespace in ((first, ("a",)), (second, ("a", "b"))):
        found = known.caller(token)
        assert found is not None
        assert (found.namespace, found.digest) == (namespace, digest(token))
    assert known.caller(first[:-1]) is known.caller("") is known.caller(digest(first)) is None
    path.unlink()
    assert known.caller(first) is None
    with pytest.raises(StoreNotFound):
        Tokens(path)
    for wrong in ('{"tokens": [{"namespace": [], "sha256": "x"}]}', "[]", "{", '{"tokens": [{}]}'):
        path.write_text(wrong)
        with pytest.raises(InvalidQuery):
            read(path)
    with pytest.raises(InvalidQuery):
        mint(tmp_path / "new", ())


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    mint(tmp_path / "tokens", ("a",))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [*MEMORIA, "serve", "--tokens", str(tmp_path / "tokens"), "--port", str(taken.getsockname()[1])]
        environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    assert done.returncode == 2
    assert "InvalidQuery" in done.stderr

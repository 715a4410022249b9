"""What the HTTP service does under load and under attack: a process of its own, and clients by real sockets.

A modest client asks now and then, alone and beside each attack; what is compared is its 95th percentile in one run.
"""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from memoria.protocols import Progress

_COMMAND = (sys.executable, "-c", "from memoria.cli import main; main()")
# All at once: starting a process for each token would take longer than what is measured.
_MINT = """
import sys
from pathlib import Path
from memoria.service.tokens import mint
print(*(mint(Path(sys.argv[1]), tuple(name.split("/"))) for name in sys.argv[2:]))
"""
_GREEDY = "import sys; from memoria.evaluation.bench.serving import be_greedy; be_greedy(int(sys.argv[1]), sys.argv[2])"
_GREEDIEST = 32
_CLIENTS = (1, 8, 32)
_HALF = b"POST /v1/recall HTTP/1.1\r\nhost: x\r\ncontent-le"
_LONG = 8_000_000
_PATIENCE = 120.0
# Between two requests of the modest client, which is no load.
_PAUSE = 0.01
_PLACES = ["Bergen", "Oslo", "Leeds", "York", "Lyon", "Basel", "Turin", "Porto", "Split", "Tartu"]


class Client:
    """A client with a token, on one connection."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._head = port, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The status and the answer; a connection that was cut is made anew, once."""
        for again in (False, True):
            try:
                sent = None if body is None else json.dumps(body)
                self._connection.request(method, path, sent, self._head)
                answer = self._connection.getresponse()
                text = answer.read()
                return answer.status, json.loads(text) if text else None
            except (HTTPException, OSError):
                self._connection.close()
                if again:
                    raise
        raise AssertionError

    def remember(self, n: int) -> str:
        said = f"Person {n} moved to {_PLACES[n % len(_PLACES)]} in {1950 + n % 70} and likes tea {n}."
        status, answer = self.ask("POST", "/v1/memories", {"memory": {"text": said}})
        return str(answer["id"]) if status == 201 else ""

    def recall(self, n: int) -> int:
        return self.ask("POST", "/v1/recall", {"query": f"Who moved to {_PLACES[n % len(_PLACES)]}?", "k": 5})[0]

    def forget(self, id: str) -> int:
        return self.ask("DELETE", f"/v1/memories/{id}")[0]


class Service:
    """A running service. port: where. tokens: by namespace."""

    def __init__(self, port: int, tokens: dict[str, str]) -> None:
        self.port, self._tokens = port, tokens

    def token(self, name: str) -> str:
        return self._tokens[name]

    def client(self, name: str) -> Client:
        return Client(self.port, self.token(name))


def _minted(file: Path) -> dict[str, str]:
    """Tokens for all clients."""
    loads = (f"load/{clients}/{n}" for clients in _CLIENTS for n in range(clients))
    names = ["modest", "greedy", *loads]
    done = subprocess.run([sys.executable, "-c", _MINT, str(file), *names], check=True, capture_output=True, text=True)
    return dict(zip(names, done.stdout.split(), strict=True))


@contextmanager
def _serving(folder: Path, place: str, workers: int) -> Iterator[Service]:
    """`memoria serve`, whose rates bind nobody: what is measured is how it divides what it can do."""
    tokens, log = folder / "tokens", folder / "log"
    known = _minted(tokens)
    words = ("serve", "--store", place, "--tokens", str(tokens), "--port", "0", "--rate", "1e9", "--burst", "1000000")
    with log.open("w") as written:
        process = subprocess.Popen([*_COMMAND, *words, "--workers", str(workers)], stderr=written)
    try:
        yield Service(_port(log, process), known)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_PATIENCE)


def _port(log: Path, process: subprocess.Popen[bytes]) -> int:
    """Where it listens, once it answers."""
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends and process.poll() is None:
        found = re.search(r"on http://\S+:(\d+)\s", log.read_text())
        if found is not None:
            with suppress(OSError, HTTPException):
                if Client(int(found[1]), "").ask("GET", "/health/ready")[0] == 200:
                    return int(found[1])
        time.sleep(0.1)
    raise RuntimeError(f"the service did not start: {log.read_text()[-2000:]}")


def bench_service(
    folder: Path, place: str, progress: Progress, *, seconds: float, workers: int, half_open: int
) -> dict[str, Any]:
    """Milliseconds of requests and ratios to the idle service, of a store at a place.

    seconds: of each measurement. half_open: connections of the slow attack.
    """
    report: dict[str, Any] = {"seconds": seconds, "workers": workers}
    with _serving(folder, place, workers) as service:
        for step, clients in enumerate(_CLIENTS):
            report[f"clients_{clients}"] = _throughput(service, clients, seconds)
            progress("load", step + 1, len(_CLIENTS))
        one = report["clients_1"]
        for clients in _CLIENTS[1:]:
            many = report[f"clients_{clients}"]
            for verb in ("remember", "recall", "forget"):
                many[verb]["rate_ratio"] = many[verb]["per_second"] / one[verb]["per_second"]
        report |= _attacked(service, seconds, half_open, progress)
    return report


def _throughput(service: Service, clients: int, seconds: float) -> dict[str, Any]:
    """Each client of a namespace of its own: remembers for so many seconds, then recalls, then forgets."""
    all_of_them = [service.client(f"load/{clients}/{n}") for n in range(clients)]
    made: list[list[str]] = [[] for _ in all_of_them]

    def remember(at: int, n: int) -> bool:
        made[at].append(all_of_them[at].remember(at * 100_000 + n))
        return bool(made[at][-1])

    def forget(at: int, n: int) -> bool:
        return n < len(made[at]) and all_of_them[at].forget(made[at][n]) == 200

    return {
        "remember": _loop(clients, seconds, remember),
        "recall": _loop(clients, seconds, lambda at, n: all_of_them[at].recall(n) == 200),
        "forget": _loop(clients, seconds, forget),
    }


def _loop(clients: int, seconds: float, work: Callable[[int, int], bool], pause: float = 0.0) -> dict[str, float]:
    """Figures of work that so many threads do again and again; it ends for one for which it fails."""
    taken: list[list[float]] = [[] for _ in range(clients)]
    began = time.monotonic()

    def run(at: int) -> None:
        while time.monotonic() - began < seconds:
            started = time.perf_counter()
            if not work(at, len(taken[at])):
                return
            taken[at].append(time.perf_counter() - started)
            time.sleep(pause)

    threads = [threading.Thread(target=run, args=(at,)) for at in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.monotonic() - began
    found = [one for each in taken for one in each]
    return {**_percentiles(found), "per_second": len(found) / elapsed}


def _percentiles(taken: Sequence[float]) -> dict[str, float]:
    import numpy as np

    if not taken:
        return {"p50_ms": float("nan"), "p95_ms": float("nan")}
    p50, p95 = np.percentile(np.asarray(taken) * 1000, [50, 95])
    return {"p50_ms": float(p50), "p95_ms": float(p95)}


def _attacked(service: Service, seconds: float, half_open: int, progress: Progress) -> dict[str, Any]:
    """The modest client, idle and beside each attack. Idle is measured before and after, and all of it counts."""
    modest, count = service.client("modest"), iter(range(10**9))
    for n in range(50):
        modest.remember(n)

    def ask(_: int, __: int) -> bool:
        n = next(count)
        return modest.recall(n) == 200 if n % 2 else bool(modest.remember(n))

    def measured() -> dict[str, float]:
        return _loop(1, seconds, ask, _PAUSE)

    attacks: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("greedy", lambda: _greedy(service)),
        ("half_open", lambda: _half_open(service, half_open)),
        ("long_bodies", lambda: _long_bodies(service)),
    )
    report: dict[str, Any] = {"idle": measured()}
    for step, (name, attack) in enumerate(attacks):
        with attack() as done:
            report[name] = measured()
        report[name] |= done
        progress("attack", step + 1, len(attacks))
    again = measured()
    report["idle_again"] = again
    idle = (report["idle"]["p95_ms"] + again["p95_ms"]) / 2
    for name, _ in attacks:
        report[name]["p95_ratio"] = report[name]["p95_ms"] / idle
    report["refused"] = _cost_of_refusing(service)
    return report


@contextmanager
def _beside(threads: int, work: Callable[[threading.Event], int]) -> Iterator[dict[str, float]]:
    """Threads that attack meanwhile; says how often they did, once they have ended."""
    end, done, counted = threading.Event(), {"attacks": 0.0}, threading.Lock()

    def run() -> None:
        found = work(end)
        with counted:
            done["attacks"] += found

    running = [threading.Thread(target=run) for _ in range(threads)]
    for thread in running:
        thread.start()
    time.sleep(1.0)
    try:
        yield done
    finally:
        end.set()
        for thread in running:
            thread.join()


@contextmanager
def _greedy(service: Service) -> Iterator[dict[str, float]]:
    """One tenant with 32 connections, each asking as fast as it is answered: batches and recalls.

    It is a process of its own: what is measured is not how the threads of one client keep each other waiting.
    """
    words = (sys.executable, "-c", _GREEDY, str(service.port), service.token("greedy"))
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(1.0)
    done = {"attacks": 0.0}
    try:
        yield done
    finally:
        found, _ = process.communicate("end\n", _PATIENCE)
        done["attacks"] += float(found)


def be_greedy(port: int, token: str) -> None:
    """Asks until a line comes in; says when it begins, and how many requests were answered."""
    end, counts = threading.Event(), [0] * _GREEDIEST

    def work(at: int) -> None:
        client = Client(port, token)
        while not end.is_set():
            batch = [{"text": f"Greedy {at} {counts[at]} {one} lives in Oslo."} for one in range(8)]
            counts[at] += client.ask("POST", "/v1/memories/batch", {"memories": batch})[0] == 201
            for n in range(5):
                counts[at] += not end.is_set() and client.recall(n) == 200

    running = [threading.Thread(target=work, args=(at,)) for at in range(_GREEDIEST)]
    for thread in running:
        thread.start()
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    sys.stdin.readline()
    end.set()
    for thread in running:
        thread.join()
    sys.stdout.write(f"{sum(counts)}\n")


def _half_open(service: Service, connections: int) -> Any:
    """So many connections that never send a whole head; those that are cut off are made anew."""

    def work(end: threading.Event) -> int:
        opened = 0
        with ExitStack() as stack:
            held: list[socket.socket] = []
            while not end.is_set():
                with suppress(OSError):
                    one = stack.enter_context(socket.create_connection(("127.0.0.1", service.port), 5))
                    one.sendall(_HALF)
                    held.append(one)
                    opened += 1
                if len(held) >= connections // 4:
                    held.pop(0).close()
                    time.sleep(0.02)
        return opened

    return _beside(4, work)


def _long_bodies(service: Service) -> Any:
    """Bodies of 8 MB without a token, from four connections at a time."""

    def work(end: threading.Event) -> int:
        sent = 0
        while not end.is_set():
            _refused(service.port, _LONG)
            sent += 1
        return sent

    return _beside(4, work)


def _refused(port: int, size: int) -> float:
    """Seconds until a request without a token is refused, its body sent as far as it is taken."""
    head = f"POST /v1/memories HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\n\r\n".encode()
    started = time.perf_counter()
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), _PATIENCE) as one:
        with suppress(OSError):
            one.sendall(head + b" " * size)
        one.recv(65536)
    return time.perf_counter() - started


def _cost_of_refusing(service: Service) -> dict[str, float]:
    """What 8 MB without a token take, beside none."""
    none, long = [], []
    for _ in range(40):
        none.append(_refused(service.port, 0))
        long.append(_refused(service.port, _LONG))
    small, large = _percentiles(none)["p50_ms"], _percentiles(long)["p50_ms"]
    return {"no_body_p50_ms": small, "long_body_p50_ms": large, "ratio": large / small}

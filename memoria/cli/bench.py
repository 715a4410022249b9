"""bench: measures costs on this machine, as ratios from one run."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from memoria.cli.app import JsonOption, app, echo_json, out, progress_bar
from memoria.embedders import MiniLM
from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery
from memoria.evaluation.bench import allocation, background, forgetting, hybrid, judging, latency, pages
from memoria.evaluation.bench import sealed as sealing

bench_app = typer.Typer(help="Measures costs on this machine.", no_args_is_help=True)
app.add_typer(bench_app, name="bench")

NOption = Annotated[int, typer.Option("--n", min=100, help="Memories in the store.")]
SeedOption = Annotated[int, typer.Option(help="Seed of the synthetic vectors.")]
FolderOption = Annotated[
    Path | None, typer.Option("--dir", help="Where to make the store; the default is a temporary folder.")
]
UrlOption = Annotated[
    str | None, typer.Option(help="An empty store in PostgreSQL, with keys=; by default one on a temporary server.")
]


@bench_app.command()
def forget(
    n: NOption = 10_000,
    rounds: Annotated[int, typer.Option(min=10)] = 2000,
    seed: SeedOption = 0,
    folder: FolderOption = None,
    sealed: Annotated[bool, typer.Option("--sealed", help="In a sealed store, under a random key.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compares remember with forget: single memories, a scattered batch, a whole namespace."""
    key = secrets.token_hex(32) if sealed else None
    with workplace(folder) as place, progress_bar() as progress:
        report = latency.bench_forget(place, n, MiniLM(), progress, rounds=rounds, seed=seed, unlock=key)
    show(report, as_json)


@bench_app.command()
def recall(
    n: NOption = 100_000,
    queries: Annotated[int, typer.Option(min=10)] = 200,
    seed: SeedOption = 0,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compares recall of vectors with a plain FAISS flat scan, and hybrid with vector-only recall."""
    with workplace(folder) as place, progress_bar() as progress:
        report = latency.bench_recall(place, n, MiniLM(), progress, queries=queries, seed=seed)
        report["hybrid"] = hybrid.bench_hybrid(place, n, MiniLM(), progress, queries=queries, seed=seed)
    show(report, as_json)


@bench_app.command("open")
def open_(n: NOption = 100_000, seed: SeedOption = 0, folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """Measures seconds from opening to the first answer."""
    with workplace(folder) as place, progress_bar() as progress:
        report = latency.bench_open(place, n, MiniLM(), progress, seed=seed)
    show(report, as_json)


@bench_app.command()
def sealed(
    n: NOption = 10_000,
    rounds: Annotated[int, typer.Option(min=10)] = 500,
    seed: SeedOption = 0,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compares a sealed store with one in clear: remember, forget, recall, open."""
    with workplace(folder) as place, progress_bar() as progress:
        report = sealing.bench_sealed(place, n, MiniLM(), progress, rounds=rounds, seed=seed)
    show(report, as_json)


@bench_app.command()
def salience(
    n: NOption = 10_000,
    rounds: Annotated[int, typer.Option(min=10)] = 500,
    seed: SeedOption = 0,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compares remembering with and without judging how important each memory is."""
    with workplace(folder) as place, progress_bar() as progress:
        report = judging.bench_salience(place, n, MiniLM(), progress, rounds=rounds, seed=seed)
    show(report, as_json)


@contextmanager
def workplace(folder: Path | None) -> Iterator[Path]:
    """A new folder, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="memoria-bench-", dir=folder) as made:
        yield Path(made)


def show(report: dict[str, Any], as_json: bool = False) -> None:
    """Prints a nested report, as text or as JSON."""
    if as_json:
        echo_json(report)
        return
    for name, value, depth in _lines(report, 0):
        width = 20 - 2 * depth
        label = f"[bold]{name}[/]" if value is None and depth == 0 else f"{'  ' * depth}{name:{width}}"
        out.print(
            label if value is None else f"{label} {value:.3f}" if isinstance(value, float) else f"{label} {value}"
        )


def _lines(report: dict[str, Any], depth: int) -> Iterator[tuple[str, Any, int]]:
    for name, value in report.items():
        nested = isinstance(value, dict)
        yield name, None if nested else value, depth
        if nested:
            yield from _lines(value, depth + 1)


@bench_app.command()
def fade(
    n: Annotated[int, typer.Option("--n", min=10_000, help="Memories in the large store.")] = 100_000,
    due: Annotated[int, typer.Option(min=1, help="How many are due.")] = 1000,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    seed: SeedOption = 0,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compares fading the same number of memories out of n with out of 10,000."""
    with workplace(folder) as place, progress_bar() as progress:
        report = forgetting.bench_fade(place, n, progress, due=due, rounds=rounds, seed=seed)
    show(report, as_json)


@bench_app.command()
def sleep(
    n: Annotated[int, typer.Option("--n", min=1000, help="Memories in one namespace.")] = 10_000,
    queries: Annotated[int, typer.Option(min=50, help="Recalls timed without sleep.")] = 500,
    seed: SeedOption = 0,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compares recall while a thread runs a pass of sleep with recall without."""
    with workplace(folder) as place, progress_bar() as progress:
        report = background.bench_sleep(place, n, MiniLM(), progress, queries=queries, seed=seed)
    show(report, as_json)


@bench_app.command()
def score(
    n: Annotated[int, typer.Option("--n", min=100, help="Traces to score.")] = 1_000_000,
    rounds: Annotated[int, typer.Option(min=1)] = 9,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Compares scoring n traces with each policy with one numpy exp over n."""
    show(forgetting.bench_score(n, rounds=rounds, seed=seed), as_json)


@bench_app.command()
def allocate(
    tasks: Annotated[int, typer.Option(min=2)] = 8,
    phases: Annotated[int, typer.Option(min=1)] = 8,
    length: Annotated[int, typer.Option(min=100, help="Uses in a phase.")] = 5000,
    total: Annotated[int, typer.Option(min=10, help="Places to divide.")] = 600,
    epoch: Annotated[int, typer.Option(min=1, help="Uses from one division to the next.")] = 500,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Compares dividing a budget among shifting tasks with even, proportional and hindsight division."""
    show(allocation.compare(tasks=tasks, phases=phases, length=length, total=total, epoch=epoch, seed=seed), as_json)


@bench_app.command()
def simulate(
    n: Annotated[int, typer.Option("--n", min=1000, help="Events to replay.")] = 1_000_000,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Measures how many events a minute the policy lab replays on one core, for each policy."""
    from memoria.evaluation.bench import pace
    from memoria.evaluation.lab import contenders

    with progress_bar() as progress:
        report = pace.bench_simulate(n, contenders.DEFAULT, progress, seed=seed)
    show(report, as_json)


@bench_app.command()
def langgraph(
    n: NOption = 10_000,
    rounds: Annotated[int, typer.Option(min=50)] = 300,
    seed: SeedOption = 0,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compares LangGraph put, search, get, update and delete through the adapter with its own SqliteStore."""
    from memoria.evaluation.bench.overhead import bench_langgraph

    with workplace(folder) as place, progress_bar() as progress:
        report = bench_langgraph(place, n, progress, rounds=rounds, seed=seed)
    show(report, as_json)


@bench_app.command()
def postgres(
    n: Annotated[
        list[int] | None, typer.Option("--n", min=100, help="Memories in all; repeat for several sizes.")
    ] = None,
    home: Annotated[int, typer.Option(min=100, help="Memories in a namespace.")] = 1000,
    rounds: Annotated[int, typer.Option(min=10)] = 200,
    url: UrlOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Measures the store in PostgreSQL as it grows over many namespaces; 10,000 and 100,000 memories by default."""
    from memoria.evaluation.bench import agreement, cluster
    from memoria.stores.postgres import PostgresStore

    sizes = sorted(n or [10_000, 100_000])
    with database(url) as place, progress_bar() as progress:
        store = PostgresStore(place, embedder=agreement.EMBEDDER.card, progress=progress)
        # Uses are not noted, because each forget would wait for the uses before it to be written.
        with Memoria(store, agreement.EMBEDDER, reinforce="never") as memory:
            report = cluster.bench_postgres(memory, sizes, progress, home=home, rounds=rounds, seed=seed)
        if url is None:
            report["counted"] = cluster.counted(place, agreement.EMBEDDER.card, agreement.EMBEDDER)
    show(report, as_json)


@bench_app.command()
def throughput(
    clients: Annotated[
        list[int] | None, typer.Option("--clients", min=1, help="Threads at once; repeat for several numbers.")
    ] = None,
    homes: Annotated[int, typer.Option(min=1, help="Namespaces.")] = 20,
    home: Annotated[int, typer.Option(min=100, help="Memories in a namespace.")] = 1000,
    acts: Annotated[int, typer.Option(min=30, help="How often each verb runs at each number of clients.")] = 1200,
    url: UrlOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Measures verbs a second of many threads in PostgreSQL, beside plain psycopg and pgvector on the same rows."""
    from memoria.evaluation.bench import agreement
    from memoria.evaluation.bench.throughput import bench_throughput
    from memoria.stores.postgres import PostgresStore
    from memoria.stores.postgres.store import split_keys, split_limits

    numbers = sorted(clients or [1, 8, 32])
    with database(url) as place, progress_bar() as progress:
        # On a slow machine the last of many threads waits long for one of the connections.
        store = PostgresStore(place, embedder=agreement.EMBEDDER.card, progress=progress, timeout=300)
        plain = split_keys(split_limits(place)[0])[0]
        with Memoria(store, agreement.EMBEDDER, reinforce="never") as memory:
            sizes = {"homes": homes, "home": home, "acts": acts, "seed": seed}
            report = bench_throughput(memory, plain, numbers, progress, **sizes)
    show(report, as_json)


@bench_app.command()
def agree(
    n: NOption = 10_000,
    queries: Annotated[int, typer.Option(min=10)] = 500,
    k: Annotated[int, typer.Option("--k", min=1)] = 10,
    url: UrlOption = None,
    seed: SeedOption = 0,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Checks that the local store and the one in PostgreSQL give equal answers: ids and order, except ties of fp16."""
    from memoria.evaluation.bench import agreement
    from memoria.stores import LocalStore, PostgresStore

    card = agreement.EMBEDDER.card
    with (
        workplace(folder) as here,
        database(url) as place,
        progress_bar() as progress,
        closing(LocalStore(here / "a.memoria", embedder=card)) as local,
        closing(PostgresStore(place, embedder=card)) as other,
    ):
        show(agreement.compare(local, other, n, queries, k, progress, seed=seed), as_json)


@bench_app.command("sizing")
def sizing_(
    partitions: Annotated[
        list[int] | None, typer.Option("--partitions", min=1, help="Of each table; repeat for several.")
    ] = None,
    n: NOption = 20_000,
    locks: Annotated[int, typer.Option(min=10, help="max_locks_per_transaction of the server.")] = 64,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Measures megabytes of an empty store and of a connection by partitions, and bytes of a row and a key."""
    from memoria.evaluation.bench import sizing
    from memoria.testing.postgres import running

    settings = {"shared_buffers": "256MB", "max_locks_per_transaction": str(locks)}
    with running(settings=settings) as server, workplace(None) as keys, progress_bar() as progress:
        show(sizing.bench_sizing(server, keys, partitions or [16, 64, 256], n, progress, seed=seed), as_json)


@bench_app.command("purge")
def purge_(n: NOption = 100_000, seed: SeedOption = 0, as_json: JsonOption = False) -> None:
    """Compares how long others wait while a partition is written anew: by purge, and by VACUUM FULL."""
    from memoria.evaluation.bench import agreement, purging
    from memoria.stores.postgres import PostgresStore
    from memoria.testing.postgres import running

    settings = {"shared_buffers": "1GB", "max_wal_size": "4GB"}
    with running(settings=settings) as server, workplace(None) as keys, progress_bar() as progress:
        place = f"{server.database('bench')}&keys={keys}"
        store = PostgresStore(place, embedder=agreement.EMBEDDER.card, partitions=1)
        with Memoria(store, agreement.EMBEDDER, reinforce="never") as memory:
            report = purging.bench_purge(memory, n, progress, seed=seed)
    show(report, as_json)


@bench_app.command("failover")
def failover_(
    kills: Annotated[int, typer.Option("--kills", min=1, help="How often the primary is killed.")] = 10,
    writers: Annotated[int, typer.Option(min=1, help="Threads that remember and forget meanwhile.")] = 4,
    by: Annotated[
        str | None, typer.Option("--by", help="patroni or script; by default Patroni, where it and etcd are installed.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Kills the primary of two servers under load: what is lost, what comes back, seconds of outage."""
    from memoria.evaluation.bench import failover

    if by not in (None, "patroni", "script"):
        raise InvalidQuery(f"--by {by!r} is neither patroni nor script")
    with failover.paired(by) as (chosen, pair, keys), progress_bar() as progress:  # type: ignore[arg-type]  # just looked at
        report = failover.bench_failover(pair, keys, progress, kills=kills, writers=writers)
    show({"by": chosen, **report}, as_json)


@contextmanager
def database(url: str | None) -> Iterator[str]:
    """The URL of an empty store: the given one, or one on a temporary server."""
    from memoria.testing.postgres import running

    if url is not None:
        yield url
        return
    with running(settings={"shared_buffers": "1GB", "max_wal_size": "4GB"}) as server, workplace(None) as keys:
        yield f"{server.database('bench')}&keys={keys}"


@bench_app.command()
def observe(
    n: NOption = 10_000,
    rounds: Annotated[int, typer.Option(min=50)] = 1000,
    seed: SeedOption = 0,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compares verbs, unobserved and with every call logged, with the methods that they wrap."""
    from memoria.evaluation.bench.observing import bench_observe

    with workplace(folder) as place, progress_bar() as progress:
        report = bench_observe(place, n, MiniLM(), progress, rounds=rounds, seed=seed)
    show(report, as_json)


@bench_app.command()
def cli(
    rounds: Annotated[int, typer.Option(min=1)] = 10,
    as_json: JsonOption = False,
) -> None:
    """Compares recall as a process of its own with recall in the warm process: seconds of processor and clock.

    The processor's are those of all processes that take part, the warm one and its fork among them.
    """
    from memoria.evaluation.bench.starting import bench_commands

    with workplace(None) as place, progress_bar() as progress:
        report = bench_commands(place, progress, rounds=rounds)
    show(report, as_json)


@bench_app.command()
def backup(n: NOption = 10_000, seed: SeedOption = 0, folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """Measures what backups write: a first one, one after nothing, one after 1 % changed; and a restore."""
    from memoria.evaluation.bench.copies import bench_backup

    with workplace(folder) as place, progress_bar() as progress:
        report = bench_backup(place, n, progress, seed=seed)
    show(report, as_json)


@bench_app.command()
def service(
    seconds: Annotated[float, typer.Option(min=0.5, help="Of each measurement.")] = 10.0,
    half_open: Annotated[int, typer.Option(min=4, help="Connections that never send a whole head.")] = 1000,
    in_postgres: Annotated[
        bool, typer.Option("--postgres", help="A store in PostgreSQL, on a temporary server.")
    ] = False,
    url: UrlOption = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes, for a store in PostgreSQL.")] = 1,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measures the HTTP service with 1, 8 and 32 clients, and one that asks seldom beside a greedy one and attacks."""
    from memoria.evaluation.bench.serving import bench_service

    how: dict[str, Any] = {"seconds": seconds, "workers": workers, "half_open": half_open}
    with workplace(folder) as here, progress_bar() as progress:
        if url is None and not in_postgres:
            report = bench_service(here, str(here / "s.memoria"), progress, **how)
        else:
            with database(url) as place:
                report = bench_service(here, place, progress, **how)
    show(report, as_json)


@bench_app.command()
def threads(
    calls: Annotated[int, typer.Option(min=10, help="Calls that are awaited at once.")] = 200,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Counts the threads that awaited calls hold, and compares them with psycopg's own async pool, in PostgreSQL."""
    from memoria.evaluation.bench.awaiting import bench_pools, bench_threads

    with database(url) as place:
        report = {"verbs": bench_threads(place, calls), "statements": bench_pools(place.partition("&keys=")[0], calls)}
    show(report, as_json)


@bench_app.command()
def ui(
    n: NOption = 100_000,
    seed: SeedOption = 0,
    at: Annotated[
        Path | None, typer.Option(help="Where the store is made and left, or lies; the default is a temporary folder.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measures the console in Chromium: the first page, searches, scrolling; with what the service used."""
    with workplace(None) as place, progress_bar() as progress:
        report = pages.bench_console(place / "bench.memoria" if at is None else at, n, progress, seed=seed)
    show(report, as_json)

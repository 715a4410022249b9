"""worker, purge: background jobs of a store in PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from memoria.change.sleep import NIGHT_SECONDS
from memoria.cli.app import JsonOption, NamespaceOption, app, echo_json, err, opened, out, parts
from memoria.cli.terminal import visible
from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery

if TYPE_CHECKING:
    from memoria.stores.postgres import PostgresStore

UrlArgument = Annotated[str, typer.Argument(help="postgresql://... with keys=DIRECTORY in its query.")]


@app.command()
def worker(
    url: UrlArgument,
    ask: Annotated[
        list[str] | None, typer.Option("--ask", help="Job for each namespace: sleep, fade or distil; repeatable.")
    ] = None,
    namespace: NamespaceOption = "",
    once: Annotated[bool, typer.Option("--once", help="End when no job is left.")] = False,
    pause: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks for jobs.")] = 60.0,
    lease: Annotated[float, typer.Option(min=1, help="Seconds until a dead worker's job is free again.")] = 60.0,
    seconds: Annotated[float, typer.Option(min=0.1, help="Seconds that a job that distils may take.")] = NIGHT_SECONDS,
    as_json: JsonOption = False,
) -> None:
    """Does the jobs of a store in PostgreSQL: erases what is due, purges; lets namespaces sleep, fade and be distilled.

    Any number of workers may run at once, on any machine that has the keys; each job is done by one of them.
    """
    from memoria import worker as working

    ended = threading.Event()
    with cluster(url) as (memory, store):
        while True:
            for kind in ask or ():
                store.ask(kind, parts(namespace))
            for job in working.work(memory, lease=lease, seconds=seconds):
                said = f"{job.kind} {job.seconds:.2f} s" + (f": {job.why}, attempt {job.attempts}" if job.why else "")
                echo_json(job) if as_json else out.print(Text(visible(said)))
            if once or ended.wait(pause):
                break
    err.print("Nothing waits.")


@app.command()
def purge(url: UrlArgument, as_json: JsonOption = False) -> None:
    """Removes what was forgotten from the server's files now: rewrites tables with dead rows and recycles the log."""
    with cluster(url) as (_, store):
        store.purge()
        found = store.stats()
    if as_json:
        echo_json(found)


@contextmanager
def cluster(url: str) -> Iterator[tuple[Memoria, PostgresStore]]:
    """Opens the memory at a URL, with its store; raises InvalidQuery if that is not in PostgreSQL."""
    from memoria.stores.postgres import PostgresStore

    with opened(url, "", "rw") as memory:
        if not isinstance(memory.store, PostgresStore):
            raise InvalidQuery(f"{url!r} is not the URL of a store in PostgreSQL")
        yield memory, memory.store

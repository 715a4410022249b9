"""serve: a store over HTTP."""

from __future__ import annotations

import logging
import os
import socket
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from memoria.cli.app import DEFAULT_STORE, StoreOption, app, behaviour, err, waiting
from memoria.cli.terminal import visible
from memoria.cli.tokens import DEFAULT_TOKENS, TokensOption, token_app
from memoria.engine.opening import open as open_memoria
from memoria.errors import InvalidQuery
from memoria.extras import extra
from memoria.models import as_model
from memoria.stores.registry import is_url, without_password

if TYPE_CHECKING:
    from fastapi import FastAPI

serve_app = typer.Typer(help="A store over HTTP.", invoke_without_command=True)
app.add_typer(serve_app, name="serve")
serve_app.add_typer(token_app, name="token")
# File descriptors beside those of connections: the store's, its workers', the log.
_SPARE = 256


@serve_app.callback()
def serve(
    context: typer.Context,
    store: StoreOption = DEFAULT_STORE,
    tokens: TokensOption = DEFAULT_TOKENS,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes one that is free.")] = 8017,
    rate: Annotated[float, typer.Option(min=0.001, help="Requests a second for each token, in the long run.")] = 50.0,
    burst: Annotated[int, typer.Option(min=1, help="Requests at once for each token.")] = 100,
    at_once: Annotated[int, typer.Option(min=1, help="Requests under way for each namespace of tokens.")] = 32,
    max_body: Annotated[int, typer.Option(min=1024, help="Bytes of a request, at most.")] = 8 << 20,
    seconds: Annotated[float, typer.Option(min=0.1, help="Seconds for an answer, at most.")] = 60.0,
    connections: Annotated[int, typer.Option(min=1, help="Connections at once, for each process.")] = 512,
    head_seconds: Annotated[float, typer.Option(min=0.1, help="Seconds for the head of a request, at most.")] = 5.0,
    audit: Annotated[
        Path | None, typer.Option(help="File for a line of JSON about each request; SIGHUP opens it anew.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes, for a store in PostgreSQL.")] = 1,
    model: Annotated[
        str | None, typer.Option(envvar="MEMORIA_MODEL", help="Finds facts for /v1/learn: as of `memoria learn`.")
    ] = None,
    ui: Annotated[bool, typer.Option("--ui", help="Serve the console too, to who signs in by a token.")] = False,
    ui_host: Annotated[
        list[str] | None, typer.Option(help="Name under which a proxy serves the console; repeatable.")
    ] = None,
    lab_report: Annotated[
        Path | None, typer.Option(help="Page of the policy lab to show: index.html of `memoria policies compare`.")
    ] = None,
) -> None:
    """Serves the verbs of a store over HTTP, each token for one namespace; the schema is at /openapi.json."""
    if context.invoked_subcommand is not None:
        return

    with extra("serve"):
        import uvicorn  # noqa: F401 - whether it is there is asked before anything is done

        from memoria.service.workers import check_workers
    check_workers(workers, shared=is_url(store))
    if ui and workers > 1:
        raise InvalidQuery("--ui needs one process: who has signed in is known to that alone")
    pages = {host, *(ui_host or ())} if ui else None
    limits: dict[str, Any] = {"rate": rate, "burst": burst, "body": max_body, "seconds": seconds, "waiting": at_once}
    _check(tokens, audit)
    most = _room(connections)
    with listen(host, port) as listening:
        place = f"http://{host}:{listening.getsockname()[1]}"
        err.print(Text(visible(f"Serving {without_password(str(store))} on {place}")), soft_wrap=True)
        log_without_content()
        run = partial(_run, store, tokens, limits, model, audit, listening, most, head_seconds, pages, lab_report)
        _in_processes(workers, run) if workers > 1 else run()


def _in_processes(workers: int, run: Callable[[], None]) -> None:
    """Serves in several processes, which count together in files of a temporary folder."""
    from memoria.service.workers import Workers

    with tempfile.TemporaryDirectory(prefix="memoria-figures-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        Workers(workers, run, partial(_gone, folder)).run()


def _run(
    store: Path,
    tokens: Path,
    limits: dict[str, Any],
    model: str | None,
    audit: Path | None,
    listening: socket.socket,
    most: int,
    head_seconds: float,
    pages: set[str] | None,
    lab_report: Path | None,
) -> None:
    """Serves in this process, until a signal ends it. pages: names under which the console is served; None for none."""
    from memoria.service.app import Limits, application
    from memoria.service.audit import Audit
    from memoria.service.tokens import Tokens

    asked, behaving = None if model is None else as_model(model), behaviour(store)
    made = application(
        lambda: open_memoria(store, timeout=waiting(), **behaving),
        callers := Tokens(tokens),
        Limits(**limits),
        asked,
        None if audit is None else Audit(audit),
    )
    made.state.report = lab_report
    if pages is not None:
        with extra("ui"):
            from memoria.console.pages import attach
            from memoria.service.sessions import Sessions
        attach(made, Sessions(callers, pages))
    run(made, listening, limits["seconds"], most, head_seconds)


def run(made: FastAPI, listening: socket.socket, seconds: float, most: int, head_seconds: float = 10.0) -> None:
    """Serves until it is told to end; requests in progress are finished. most: connections at once."""
    import uvicorn

    from memoria.service.connections import guarded

    config = uvicorn.Config(
        made,
        http=guarded(most, head_seconds),
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=int(seconds) + 1,
    )
    uvicorn.Server(config).run(sockets=[listening])


def _check(tokens: Path, audit: Path | None) -> None:
    """Raises what a process that serves would raise at its start."""
    from memoria.service.audit import Audit
    from memoria.service.tokens import Tokens

    Tokens(tokens)
    if audit is not None:
        Audit(audit).close()


def _room(connections: int) -> int:
    """So many connections, or as many as the system lets this process have; asks for more file descriptors first."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _SPARE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return connections if soft == resource.RLIM_INFINITY else max(1, min(connections, soft - _SPARE))


def _gone(folder: str, pid: int) -> None:
    """Takes what a process that has ended was just doing out of the figures."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]  # it has no types


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; raises InvalidQuery where that cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        made = socket.create_server((host, port), family=family, backlog=1024)
        # asyncio sends at once, without Nagle's algorithm, only where a socket says that it is TCP; create_server's
        # does not, and each answer after the first of a connection would wait 40 ms for the client's acknowledgement.
        return socket.socket(family, made.type, socket.IPPROTO_TCP, fileno=made.detach())
    except OSError as error:
        raise InvalidQuery(f"cannot listen on {host}:{port}: {error.strerror}") from None


class _Withheld(logging.Filter):
    """Logs only the types of errors, because their messages may have content."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info:
            kind: Any = record.exc_info[0]
            record.msg, record.args = f"fault: {kind.__name__}", ()
            record.exc_info = record.exc_text = None
        return True


def log_without_content() -> None:
    """Lets the log of the service be seen, without what clients and memories say."""
    handler = logging.StreamHandler()
    handler.addFilter(_Withheld())
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    for name, level in (("memoria.service", logging.INFO), ("uvicorn.error", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(level)
        logger.propagate = False

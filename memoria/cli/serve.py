"""serve: a store over HTTP, and its tokens."""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from memoria.cli.app import DEFAULT_STORE, StoreOption, app, behaviour, err, waiting
from memoria.cli.terminal import visible
from memoria.cli.tokens import DEFAULT_TOKENS, TokensOption, token_app
from memoria.engine.opening import open as open_memoria
from memoria.errors import InvalidQuery
from memoria.models import as_model

if TYPE_CHECKING:
    from fastapi import FastAPI

serve_app = typer.Typer(help="A store over HTTP.", invoke_without_command=True)
app.add_typer(serve_app, name="serve")
serve_app.add_typer(token_app, name="token")


@serve_app.callback()
def serve(
    context: typer.Context,
    store: StoreOption = DEFAULT_STORE,
    tokens: TokensOption = DEFAULT_TOKENS,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes one that is free.")] = 8017,
    rate: Annotated[float, typer.Option(min=0.001, help="Requests a second for each token, in the long run.")] = 50.0,
    burst: Annotated[int, typer.Option(min=1, help="Requests at once for each token.")] = 100,
    max_body: Annotated[int, typer.Option(min=1024, help="Bytes of a request, at most.")] = 8 << 20,
    seconds: Annotated[float, typer.Option(min=0.1, help="Seconds for an answer, at most.")] = 60.0,
    model: Annotated[
        str | None, typer.Option(envvar="MEMORIA_MODEL", help="Finds facts for /v1/learn: as of `memoria learn`.")
    ] = None,
    ui: Annotated[bool, typer.Option("--ui", help="Serve the console too, to who signs in by a token.")] = False,
    ui_host: Annotated[
        list[str] | None, typer.Option(help="Name under which a proxy serves the console; repeatable.")
    ] = None,
    lab_report: Annotated[
        Path | None, typer.Option(help="Page of the policy lab to show: index.html of `memoria lab run`.")
    ] = None,
) -> None:
    """Serves the verbs of a store over HTTP, each token for one namespace; the schema is at /openapi.json."""
    if context.invoked_subcommand is not None:
        return
    from memoria.extras import extra

    with extra("serve"):
        from memoria.service.app import Limits, application
        from memoria.service.tokens import Tokens

    limits = Limits(rate=rate, burst=burst, body=max_body, seconds=seconds)
    asked, behaving = None if model is None else as_model(model), behaviour(store)
    callers = Tokens(tokens)
    made = application(lambda: open_memoria(store, timeout=waiting(), **behaving), callers, limits, asked)
    made.state.report = lab_report
    if ui:
        with extra("ui"):
            from memoria.console.pages import attach
            from memoria.service.sessions import Sessions
        attach(made, Sessions(callers, {host, *(ui_host or ())}))
    listening = listen(host, port)
    err.print(Text(visible(f"Serving {store} on http://{host}:{listening.getsockname()[1]}")), soft_wrap=True)
    run(made, listening, seconds)


def run(made: FastAPI, listening: socket.socket, seconds: float) -> None:
    """Serves until it is told to end; requests in progress are finished."""
    import uvicorn

    log_without_content()
    config = uvicorn.Config(
        made, access_log=False, log_config=None, server_header=False, timeout_graceful_shutdown=int(seconds) + 1
    )
    uvicorn.Server(config).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; raises InvalidQuery where that cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
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

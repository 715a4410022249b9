"""ui: the console of a store, for who sits at this machine."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from memoria.cli.app import DEFAULT_STORE, NamespaceOption, app, behaviour, check_there, err, parts, place, waiting
from memoria.cli.serve import listen, log_without_content, run
from memoria.cli.terminal import visible
from memoria.engine.opening import open as open_memoria
from memoria.extras import extra
from memoria.validate import check_namespace

_SECONDS = 120.0
_CONNECTIONS = 64


@app.command()
def ui(
    store: Annotated[
        Path,
        typer.Argument(
            envvar="MEMORIA_STORE",
            parser=place,
            metavar="[STORE]",
            help="Directory of the store, or postgresql://... with keys=DIRECTORY in its query.",
        ),
    ] = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes one that is free.")] = 0,
    browser: Annotated[bool, typer.Option("--open", help="Open the address in a browser.")] = False,
    lab_report: Annotated[
        Path | None, typer.Option(help="Page of the policy lab to show: index.html of `memoria policies compare`.")
    ] = None,
) -> None:
    """Serves pages on this machine that show what is remembered, why, and let it go; prints an address that works once.

    Whoever opens the address first, within ten minutes, sees all of the namespace, as the reader of --reader if there
    is one. Ctrl-C ends it.
    """
    check_there(store)
    with extra("ui"):
        from memoria.console.pages import attach
        from memoria.service.app import Limits, application
        from memoria.service.sessions import Sessions
        from memoria.service.tokens import SCOPES, Caller

    behaving = behaviour(store)
    sessions = Sessions(None)
    limits = Limits(rate=1000.0, burst=1000, seconds=_SECONDS)
    made = application(lambda: open_memoria(store, timeout=waiting(), **behaving), None, limits, warm=True)
    attach(made, sessions)
    made.state.report = lab_report
    listening = listen("127.0.0.1", port)
    who = Caller(digest="", namespace=check_namespace(parts(namespace)), scopes=frozenset(SCOPES))
    code = sessions.code(who)
    address = f"http://127.0.0.1:{listening.getsockname()[1]}/console#code={code}"
    err.print(Text(visible(f"The console of {store}, for one browser: {address}")), soft_wrap=True)
    if browser:
        webbrowser.open(address)
    log_without_content()
    run(made, listening, _SECONDS, _CONNECTIONS)

"""mcp: serves a store to MCP clients."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memoria.access.sight import Named
from memoria.cli.app import DEFAULT_STORE, NamespaceOption, StoreOption, ZoneOption, app, behaviour, err, parts
from memoria.cli.serve import listen, log_without_content
from memoria.cli.tokens import DEFAULT_TOKENS, TokensOption
from memoria.errors import InvalidQuery
from memoria.models import ModelLike, as_model
from memoria.sharing import Shared
from memoria.stores.registry import without_password

if TYPE_CHECKING:
    from memoria.service.tokens import Caller


@app.command()
def mcp(
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    timeout: Annotated[float, typer.Option(help="Seconds to wait for another process that writes.")] = 30.0,
    zone: ZoneOption = None,
    http: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Serve over streamable HTTP at /mcp, on this machine; port 0 is any."),
    ] = None,
    tokens: TokensOption = DEFAULT_TOKENS,
    model: Annotated[
        str | None, typer.Option(envvar="MEMORIA_MODEL", help="Finds facts for the tool learn: as of `memoria learn`.")
    ] = None,
) -> None:
    """Serves the store by the Model Context Protocol, on stdin and stdout or over HTTP: the nine tools of the reference
    memory server, and remember, recall, ask, list_memories, forget, why, doubts and settle; with --model learn too.

    Over HTTP each client sends a token of `memoria serve token`, and sees its namespace, as its reader if it has one.
    """
    shared = Shared(store, namespace=parts(namespace), timeout=timeout, zone=zone, **behaviour(store))
    asked = None if model is None else as_model(model)
    if http is not None:
        _over_http(shared, http, tokens, asked)
        return
    from memoria.integrations.mcp import server

    server(shared, model=asked).run()


def _over_http(shared: Shared, where: str, tokens: Path, model: ModelLike | None) -> None:
    from memoria.extras import extra
    from memoria.integrations.mcp import server

    with extra("mcp"):
        import uvicorn

        from memoria.service.streamable import PATH, application
    from memoria.service.tokens import Tokens

    host, port = _address(where)
    known = Tokens(tokens)
    listening = listen(host, port)
    port = int(listening.getsockname()[1])
    shown = f"[{host}]" if ":" in host else host
    where = without_password(str(shared.path))
    err.print(f"Serving {where} on http://{shown}:{port}{PATH}", highlight=False, soft_wrap=True, markup=False)
    log_without_content()
    made = application(lambda caller: server(_seen(shared, caller), model=model), known, port)
    config = uvicorn.Config(made, access_log=False, log_config=None, server_header=False, timeout_graceful_shutdown=5)
    uvicorn.Server(config).run(sockets=[listening])


def _seen(shared: Shared, caller: Caller) -> Shared:
    """What a caller may see of the store."""
    below = shared.namespace(*caller.namespace)
    if caller.reader is None:
        return below
    return below.reading_as(caller.reader, roles=Named(caller.roles) if caller.roles else None)


def _address(where: str) -> tuple[str, int]:
    """Host and port; raises InvalidQuery for what is neither, or not of this machine."""
    from memoria.service.streamable import LOOPBACK

    host, _, port = where.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not port.isdecimal() or int(port) > 65535:
        raise InvalidQuery("--http takes HOST:PORT, such as 127.0.0.1:8018")
    if host not in LOOPBACK:
        raise InvalidQuery(f"--http listens on {', '.join(LOOPBACK)} alone: put a proxy with TLS before it for others")
    return host, int(port)

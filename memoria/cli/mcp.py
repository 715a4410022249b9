"""mcp: serves a store to MCP clients."""

from __future__ import annotations

from typing import Annotated

import typer

from memoria.cli.app import DEFAULT_STORE, NamespaceOption, StoreOption, ZoneOption, app, behaviour, parts
from memoria.sharing import Shared


@app.command()
def mcp(
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    timeout: Annotated[float, typer.Option(help="Seconds to wait for another process that writes.")] = 30.0,
    zone: ZoneOption = None,
) -> None:
    """Serves the store on stdin and stdout by the Model Context Protocol: the nine tools of the reference memory
    server, and recall, list_memories, forget and why."""
    from memoria.integrations.mcp import server

    server(Shared(store, namespace=parts(namespace), timeout=timeout, zone=zone, **behaviour(store))).run()

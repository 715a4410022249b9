"""standing: the orders that keep values out; `memoria forget --standing` gives them."""

from __future__ import annotations

from typing import Annotated

import typer

from memoria.cli.app import DEFAULT_STORE, JsonOption, NamespaceOption, StoreOption, app, echo_json, err, opened, out
from memoria.cli.terminal import Grid
from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery
from memoria.standing.orders import StandingOrder

standing_app = typer.Typer(help="Lists and lifts standing orders, and tries texts against them.", no_args_is_help=True)
app.add_typer(standing_app, name="standing")


@standing_app.command("list")
def show(
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    as_json: JsonOption = False,
) -> None:
    """Which orders stand, and how often each has acted. What they keep out is nowhere."""
    with opened(store, namespace, "r") as memory:
        found = memory.standing()
    _tell(found, "in force", as_json=as_json)


@standing_app.command()
def lift(
    id: Annotated[str, typer.Argument(help="Id of the order, or its first digits.")],
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    as_json: JsonOption = False,
) -> None:
    """Ends an order: what it kept out may be stored again. What was forgotten stays so."""
    with opened(store, namespace, "rw") as memory:
        ended = memory.lift_standing(_whole(memory, id))
    if as_json:
        echo_json(ended)
    else:
        err.print(f"Lifted order {ended.id}, which had acted {ended.acted:,} times.")


@standing_app.command("test")
def tried(
    text: Annotated[str, typer.Argument(help="A text; nothing of it is stored.")],
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    as_json: JsonOption = False,
) -> None:
    """Which orders a text breaks. Exit status 1 if it breaks one."""
    with opened(store, namespace, "r") as memory:
        found = memory.standing(text)
    _tell(found, "that this text breaks", as_json=as_json)
    if found:
        raise typer.Exit(1)


def _whole(memory: Memoria, id: str) -> str:
    """The id of the order that these digits begin."""
    found = [order.id for order in memory.standing() if order.id.startswith(id)] if id else []
    if len(found) > 1:
        raise InvalidQuery(f"{len(found)} standing orders have ids that begin so: give more digits")
    return found[0] if found else id


def _tell(found: list[StandingOrder], what: str, *, as_json: bool) -> None:
    if as_json:
        echo_json(found)
        return
    grid = Grid("id", "given", "kind", "on match", "acted", "pending")
    for one in found:
        given = f"{one.at:%Y-%m-%d %H:%M}"
        grid.add(one.id, given, one.kind, one.on_match, f"{one.acted:,}", "yes" if one.pending else "")
    if found:
        grid.show(out)
    err.print(f"{len(found)} {'order' if len(found) == 1 else 'orders'} {what}.")

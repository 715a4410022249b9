"""doubts, settle: what statements have settled about memories, and the user's word on it."""

from __future__ import annotations

from math import exp
from typing import Annotated

import typer

from memoria.cli.app import DEFAULT_STORE, JsonOption, NamespaceOption, StoreOption, app, echo_json, err, opened, out
from memoria.cli.prefixes import whole
from memoria.cli.terminal import Grid
from memoria.cli.verbs import IdArgument
from memoria.types import Doubted


@app.command()
def doubts(
    ids: Annotated[
        list[str] | None, typer.Argument(help="Ids of memories or statements, or their first digits; all by default.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    as_json: JsonOption = False,
) -> None:
    """What later statements make doubtful, and what they ended, in whole or in part; settle has the last word on it."""
    with opened(store, namespace, "r") as memory:
        found = memory.doubts(*whole(memory, *(ids or ())))
    if as_json:
        echo_json(found)
    else:
        _show(found)


@app.command()
def settle(
    id: IdArgument,
    keep: Annotated[
        bool | None, typer.Option("--keep/--end", help="Both are true, for good; or the older one is over.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Id of the statement, or its first digits; default all.")] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Your word on a memory that statements made doubtful or ended: --keep lets both stand, --end ends it."""
    if keep is None:
        raise typer.BadParameter("say --keep or --end")
    with opened(store, "", "rw") as memory:
        (old,) = whole(memory, id)
        statement = None if by is None else whole(memory, by)[0]
        found = memory.settle(old, keep=keep, by=statement)
    if as_json:
        echo_json(found)
        return
    count = len({one.by.id for one in found})
    beside = "1 statement" if count == 1 else f"{count} statements"
    err.print(f"Memory {old} {'holds' if keep else 'is over'}, beside {beside}; they are not asked about it again.")


def _show(found: list[Doubted]) -> None:
    grid = Grid("done", "p", "id", "memory", "by", "statement")
    for one in found:
        sure = "" if one.odds is None else f"{1 / (1 + exp(-one.odds)):.2f}"
        said = one.memory.text if one.left is None else f"{one.memory.text} -> {one.left.text}"
        grid.add(one.outcome, sure, one.memory.id, said, one.by.id, one.by.text)
    if found:
        grid.show(out)
    err.print(f"{len(found)} {'memory is' if len(found) == 1 else 'memories are'} lowered, ended or shortened.")

"""policies: which there are, what they say, and which fits this store."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from memoria.cli.app import DEFAULT_STORE, JsonOption, NamespaceOption, StoreOption, app, echo_json, opened, out
from memoria.cli.terminal import visible
from memoria.evaluation.bench import forgetting
from memoria.evaluation.lab import curves
from memoria.policies import registry

policies_app = typer.Typer(help="How memories fade.", no_args_is_help=True)
app.add_typer(policies_app, name="policies")
NameArgument = Annotated[str, typer.Argument(help="Name of the policy.")]


@policies_app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """Names of all policies, other packages' included, and the first line of each."""
    found = {name: _about(name).splitlines()[0] for name in registry.names()}
    if as_json:
        echo_json(found)
        return
    table = Table("policy", "what it is")
    for name, about in found.items():
        table.add_row(name, about)
    out.print(table)


@policies_app.command()
def show(name: NameArgument, as_json: JsonOption = False) -> None:
    """Source, equations and parameters of a policy."""
    policy = registry.make(name)
    values = registry.parameters(policy)
    if as_json:
        echo_json({"name": name, "about": _about(name), "parameters": values})
        return
    typer.echo(_about(name))
    table = Table("parameter", "default")
    for parameter, value in values.items():
        table.add_row(parameter, str(value))
    out.print(table)


@policies_app.command()
def spacing(
    gap: Annotated[float, typer.Option(min=0.0, help="Days between spaced repetitions.")] = 7.0,
    test: Annotated[float, typer.Option(min=0.0, help="Days from the last one to the test.")] = 30.0,
    as_json: JsonOption = False,
) -> None:
    """Five massed repetitions against five spaced ones, for each policy."""
    rows = forgetting.spacing(gap, test)
    if as_json:
        echo_json(rows)
        return
    table = Table("policy", "claims spacing", "massed", "spaced", "shows it")
    for row in rows:
        claims, shows = ("yes" if row[name] else "no" for name in ("claims", "shows"))
        table.add_row(row["policy"], claims, f"{row['massed']:.4f}", f"{row['spaced']:.4f}", shows)
    out.print(table)


@policies_app.command()
def plot(
    name: NameArgument,
    to: Annotated[Path | None, typer.Option(help="SVG file to write; default stdout.")] = None,
) -> None:
    """Forgetting after five massed and five spaced repetitions, as SVG."""
    drawing = curves.svg(name, registry.make(name))
    if to is None:
        sys.stdout.write(drawing)
    else:
        to.write_text(drawing)


@policies_app.command()
def fit(
    name: Annotated[str, typer.Argument(help="Name of the policy.")] = "exponential",
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    adopt: Annotated[bool, typer.Option("--adopt", help="Take it if it is better.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of split and bootstrap.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Fits parameters to the recall log by maximum likelihood; taken only when better on held-out recalls."""
    with opened(store, namespace, "rw" if adopt else "r") as memory:
        report = memory.fit(name, adopt=adopt, seed=seed)
    if as_json:
        echo_json(report)
    else:
        typer.echo(report.summary())


@policies_app.command()
def explain(
    id: Annotated[str, typer.Argument(help="Id of a memory.")],
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    as_json: JsonOption = False,
) -> None:
    """Why a memory is kept under a budget, or goes: its salience, its strength, what ended it, and its place."""
    with opened(store, namespace, "r") as memory:
        found = memory.explain_retention(id)
    if as_json:
        echo_json(found)
    else:
        out.print(Text(visible(found.summary())))


def _about(name: str) -> str:
    kind = type(registry.make(name))
    said = kind if name in {"never", "fifo", "lru", "lfu", "random"} else sys.modules[kind.__module__]
    return inspect.getdoc(said) or name

"""policies compare: which policy to use, and what forgetting costs; policies recommend: for this store."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from memoria.cli.app import (
    DEFAULT_STORE,
    JsonOption,
    NamespaceOption,
    StoreOption,
    echo_json,
    err,
    opened,
    out,
    parts,
    progress_bar,
)
from memoria.cli.policies import policies_app
from memoria.cli.terminal import visible
from memoria.extras import cache_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memoria.evaluation.lab.recommend import Recommendation

DEFAULT_BUDGETS = "0.75,0.5,0.25,0.1,0.05"
DEFAULT_FOLDER = Path("report")
DEFAULT_TRACES = "recency,spacing,shifting,scan,erasure,updates"
_CONTINUES = re.compile(r"\s*\w+=")


@policies_app.command()
def compare(
    policies: Annotated[
        list[str] | None,
        typer.Option(
            help="Names, by commas or repeated; parameters as in act-r:c=0,tau=-2; NAME+supersede, NAME+ended-first."
        ),
    ] = None,
    budgets: Annotated[str, typer.Option(help="Shares of memory, by commas.")] = DEFAULT_BUDGETS,
    traces: Annotated[
        list[str] | None,
        typer.Option(help="Workloads, or files, folders or stores, as in talks.json:recalls=3,salience=text."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Traces of each workload.")] = 20,
    length: Annotated[int, typer.Option(min=50, help="Events that a workload aims at.")] = 2500,
    by: Annotated[Literal["count", "bytes"], typer.Option(help="What a budget is a share of.")] = "count",
    jobs: Annotated[int, typer.Option(help="Processes; -1 for all cores.")] = -1,
    to: Annotated[Path, typer.Option("--out", help="Folder of the report.")] = DEFAULT_FOLDER,
    cells: Annotated[
        Path | None,
        typer.Option(help="Folder of results that need not be computed again; default in memoria's cache folder."),
    ] = None,
) -> None:
    """Replays traces under policies and budgets, and writes a report that opens from disk. Needs the extra `lab`."""
    from joblib import parallel_config

    from memoria.evaluation.lab import about, contenders, figures, grid, report, sources

    figures.need_library()
    policies_, traces_ = _listed(policies, ",".join(contenders.DEFAULT)), _listed(traces, DEFAULT_TRACES)
    named = [contenders.contender(one) for one in policies_]
    found = [sources.source(one, range(seeds), length) for one in traces_]
    shares = [_share(one) for one in budgets.split(",")]
    generated = any(one.generated for one in found)
    made = about.About(
        command=_command(policies_, [sources.named(one) for one in traces_], budgets, by)
        + (f" --seeds {seeds} --length {length}" if generated else ""),
        date=datetime.now(UTC),
        seeds=tuple(range(seeds)) if generated else (),
        commit=about.commit(),
    )
    kept = cells or cache_folder() / "lab"
    with progress_bar() as progress, parallel_config("loky", n_jobs=jobs):
        results = grid.run(found, named, shares, kept, progress, by_bytes=by == "bytes")
        page = report.write(results, found, to, made, progress)
    out.print(Text(visible(page)))
    err.print(Text(visible(f"{len(results)} results in {to / 'results.csv'}")))


def _command(policies: Sequence[str], traces: Sequence[str], budgets: str, by: str) -> str:
    """What makes the same report from files of these names."""
    words = ["memoria", "policies", "compare", "--policies", ",".join(policies), "--budgets", budgets]
    words += [word for one in traces for word in ("--traces", one)]
    return shlex.join([*words, "--by", by])


@policies_app.command()
def tune(
    policies: Annotated[
        list[str] | None, typer.Option(help="Names, by commas or repeated; default the models of the table.")
    ] = None,
    traces: Annotated[str, typer.Option(help="Workloads, by commas.")] = DEFAULT_TRACES,
    budget: Annotated[float, typer.Option(min=0.01, max=1.0, help="Share of memory.")] = 0.25,
    seeds: Annotated[int, typer.Option(min=2, help="Traces that judge; half as many are tuned on.")] = 8,
    tries: Annotated[int, typer.Option(min=1, help="Draws of parameters for each model.")] = 16,
    length: Annotated[int, typer.Option(min=50, help="Events that a workload aims at.")] = 2500,
    jobs: Annotated[int, typer.Option(help="Processes; -1 for all cores.")] = -1,
    as_json: JsonOption = False,
) -> None:
    """Fits parameters to each workload, and says which models are ahead on traces that they were not fitted to."""
    from joblib import parallel_config

    from memoria.evaluation.lab import contenders, tuning

    names = _listed(policies, ",".join(contenders.MODELS))
    with progress_bar() as progress, parallel_config("loky", n_jobs=jobs):
        found = [
            tuning.field(names, one, budget, progress, seeds=seeds, tries=tries, length=length)
            for one in _listed([traces], "")
        ]
    if as_json:
        echo_json(found)
        return
    for one in found:
        table = Table(one.workload, "default", "fitted", "gain, 95 %", "parameters")
        for model in one.models:
            gain = f"{100 * model.gain.mean:+.1f} [{100 * model.gain.low:.1f}, {100 * model.gain.high:.1f}]"
            values = ", ".join(f"{name}={value:.3g}" for name, value in model.parameters.items())
            table.add_row(model.policy, f"{100 * model.recall:.1f}", f"{100 * model.tuned:.1f}", gain, values)
        out.print(table)
        for how, ranked in (("defaults", one.defaults), ("fitted", one.tuned)):
            tied = f"; not to be told from it: {', '.join(ranked.tied)}" if ranked.tied else ", ahead of all others"
            typer.echo(f"{one.workload}, {how}: {ranked.best}{tied}")


@policies_app.command()
def recommend(
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    budgets: Annotated[str, typer.Option(help="Shares of memory, by commas.")] = DEFAULT_BUDGETS,
    loss: Annotated[float, typer.Option(min=0.0, max=1.0, help="How much of recall may be lost.")] = 0.02,
    adopt: Annotated[bool, typer.Option("--adopt", help="Let the store's budgets keep memories so.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Replays the store's own log of recalls, and says which policy and budget, with the evidence."""
    from memoria.evaluation.lab import recommend as recommending

    shares = [_share(one) for one in budgets.split(",")]
    with opened(store, "", "rw" if adopt else "r") as memory, progress_bar() as progress:
        found = recommending.recommend(memory.store, progress, prefix=parts(namespace), budgets=shares, loss=loss)
        if adopt:
            recommending.adopt(memory.store, found)
    if as_json:
        echo_json(found)
        return
    out.print(_table(found))
    typer.echo(found.summary())


def _table(found: Recommendation) -> Table:
    """Advice for each budget."""
    table = Table("budget", "memories", "policy", "recall, 95 %", "oracle", "not to be told from")
    for one in found.options:
        interval = f"{100 * one.recall.mean:.1f} [{100 * one.recall.low:.1f}, {100 * one.recall.high:.1f}]"
        oracle = f"{100 * one.oracle:.1f}"
        table.add_row(f"{100 * one.budget:g} %", str(one.places), one.policy, interval, oracle, ", ".join(one.tied))
    return table


def _listed(given: list[str] | None, default: str) -> list[str]:
    """Names, split at commas but for those between parameters of one name."""
    names: list[str] = []
    for piece in (one for text in given or [default] for one in text.split(",")):
        if names and _CONTINUES.match(piece):
            names[-1] += f",{piece}"
        elif piece.strip():
            names.append(piece.strip())
    return names


def _share(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"budget {text!r} is no number") from None

"""bench month: a month of use, with memories in the prompt and in weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from memoria.cli.app import JsonOption, echo_json, progress_bar
from memoria.cli.bench import FolderOption, SeedOption, bench_app, show, workplace
from memoria.embedders import MiniLM


@bench_app.command("month")
def bench_month(
    memora: Annotated[Path | None, typer.Option(help="Folder of Memora's weekly files; default made-up facts.")] = None,
    days: Annotated[int, typer.Option(min=3, help="Days.")] = 30,
    count: Annotated[int, typer.Option("--n", min=1, help="Facts that are told in all.")] = 20,
    questions: Annotated[int, typer.Option(min=1, help="Questions a day, each answered both ways.")] = 3,
    talk: Annotated[int, typer.Option(min=0, help="Turns a day that nobody asks for.")] = 2,
    forget: Annotated[int, typer.Option(min=0, help="Forget one that is in weights every so many days.")] = 7,
    seconds: Annotated[float, typer.Option(min=0.1, help="Seconds of a night for weights.")] = 60.0,
    notes: Annotated[int, typer.Option(min=16, help="Tokens of recalled memories in a prompt, at most.")] = 256,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="SVG file to draw the month into, after each day.")
    ] = None,
    log: Annotated[Path | None, typer.Option("--log", help="File for the days as JSON, written after each.")] = None,
    seed: SeedOption = 0,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lives a month of use: prompt tokens and right answers with memories in the prompt, and with weights."""
    from memoria.evaluation.bench import month

    told, chatter = month.made_up(count, seed) if memora is None else month.of_memora(memora, count, seed)
    how = month.Month(
        days=days,
        facts=told,
        chatter=chatter,
        talk=talk,
        questions=questions,
        forget=forget,
        seconds=seconds,
        notes=notes,
        seed=seed,
    )
    lived: list[dict[str, Any]] = []
    with workplace(folder) as place, progress_bar() as progress:
        for day in month.live(place, how, MiniLM(), progress):
            lived.append(day)
            if plot is not None:
                plot.write_text(month.svg(lived))
            if log is not None:
                log.write_text(json.dumps(lived, indent=1))
    report = month.summary(lived)
    if as_json:
        echo_json({"days": lived, "month": report})
    else:
        show(report)

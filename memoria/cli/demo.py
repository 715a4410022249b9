"""demo: stores a week of conversation, or a file of the user's, forgets a subject and searches the bytes for it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from memoria.cli.app import JsonOption, app, echo_json, err, out, progress_bar
from memoria.cli.terminal import visible
from memoria.data import SUBJECT, questions, week
from memoria.embedders import as_embedder
from memoria.engine.opening import open as open_memoria
from memoria.errors import InvalidQuery
from memoria.evaluation.bench.latency import bench_forget
from memoria.evaluation.quality.week import Asked, Forgetting, Played, Score, bring, chosen_subject, play, read
from memoria.types import Hit

# The morning after the week, so that results do not depend on the day on which the demo runs.
_MONDAY = datetime(2026, 3, 9, 8, tzinfo=UTC)
_SHOWN = ("Q3", "Q14", "Q22")
_DELICATE = "Q27"
_LINES = 3

FileOption = Annotated[
    Path | None, typer.Option("--from", exists=True, dir_okay=False, help="Your own file, which is not changed.")
]


@app.command()
def demo(
    file: FileOption = None,
    forget: Annotated[
        str | None, typer.Option(help="Subject in your file to forget; by default the most frequent.")
    ] = None,
    ask: Annotated[list[str] | None, typer.Option("--ask", help="Question to ask; repeatable.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Stores a week of conversation, asks questions, forgets one subject, scans the bytes and measures costs.

    --from FILE does it with your own: what `memoria export` writes, or turns, one JSON object a line, such as
    {"at": "2026-03-02T06:52:20+00:00", "speaker": "Ada", "text": "I moved to Oslo."}; a turn may also have id, session,
    subject and tags. The store is a temporary directory.

    Exit status 1 if something that was forgotten is still in a file, or is found again.
    """
    if forget is not None and file is None:
        raise InvalidQuery("--forget goes with --from: the week has a subject of its own")
    with tempfile.TemporaryDirectory(prefix="memoria-demo-") as folder:
        place = Path(folder) / "demo.memoria"
        played = _week(place, ask or ()) if file is None else _own(place, file, forget, ask or ())
        if not as_json:
            _show(played, ask or (), own=file is not None)
        costs = _costs(Path(folder)) if file is None else None
    if as_json:
        echo_json(_figures(played, costs))
    elif costs is not None:
        _show_costs(costs)
    raise typer.Exit(0 if played.clean else 1)


def _week(place: Path, asks: Sequence[str]) -> Played:
    with (
        progress_bar() as progress,
        open_memoria(place, reinforce="never", clock=lambda: _MONDAY, progress=progress) as memory,
    ):
        memory.remember_many([turn.draft() for turn in week()])
        return play(memory, SUBJECT, asks, questions())


def _own(place: Path, file: Path, forget: str | None, asks: Sequence[str]) -> Played:
    with progress_bar() as progress, open_memoria(place, reinforce="never", progress=progress) as memory:
        left_out = bring(memory, read(file))
        subject = chosen_subject(memory, forget)
        played = play(memory, subject, asks)
    if left_out:
        err.print(f"Left out, because made from what is not in the file: lines {', '.join(map(str, left_out))}.")
    if forget is None:
        err.print(visible(_chosen(subject)), highlight=False, markup=False)
    return played


def _chosen(subject: str | None) -> str:
    if subject is None:
        return "No memory has a subject: nothing is forgotten."
    return f"Without --forget it is the subject that most memories have: {subject}."


def _show(played: Played, asks: Sequence[str], *, own: bool) -> None:
    """Prints what was done and found; without questions from the user, some of the week's are shown."""
    texts = {} if own else {one.id: one.question for one in questions()}
    shown = [*asks] or [texts[id] for id in _SHOWN if id in texts]
    _title(1, "remember")
    out.print("Your file." if own else "A week of Nadia and Owen, who open a bakery, turn by turn.")
    out.print(f"{played.memories:,} memories, {played.bytes_on_disk / 1e6:.1f} MB on disk.", highlight=False)
    _title(2, "recall")
    if not shown:
        out.print("Nothing was asked: --ask QUESTION asks.")
    for one in played.asked:
        if one.question in shown:
            _show_hits(one.question, {str(place): hit for place, hit in enumerate(one.before[:_LINES], 1)})
    _title(3, "forget")
    if played.forgotten is None:
        out.print("Nothing: no memory has a subject.")
    else:
        _show_forgotten(played.forgotten)
        _show_changed([one for one in played.asked if one.question in {*shown, texts.get(_DELICATE)}])
    if played.scores:
        _title(4, "thirty questions")
        _show_scores(played)


def _title(number: int, name: str) -> None:
    out.print()
    out.rule(f"[bold]{number}  {name}[/]", align="left")


def _show_hits(question: str, hits: Mapping[str, Hit]) -> None:
    """Prints a question and the memories found, each on one line, cut off at the edge of the screen."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column()  # the only one that may become narrower than its text
    for name, hit in hits.items():
        said = Text(visible(_said(hit)), no_wrap=True, overflow="ellipsis")
        table.add_row(f"  {name}", f"{hit.memory.created_at:%Y-%m-%d %H:%M}", said)
    out.print(Text(visible(question), style="bold"))
    out.print(table)


def _said(hit: Hit) -> str:
    speaker = hit.memory.provenance.speaker
    text = " ".join(hit.memory.text.split())
    return text if speaker is None else f"{speaker}: {text}"


def _show_forgotten(seen: Forgetting) -> None:
    derived = f", and {seen.derived} made from them" if seen.derived else ""
    out.print(visible(f"Everything about {seen.subject}: "), end="", markup=False, highlight=False)
    out.print(f"{seen.memories:,} memories{derived}, in {seen.seconds * 1000:.1f} ms.", highlight=False)
    out.print(
        f"Looked for {seen.needles:,} texts, words, vectors and keys in {seen.bytes_scanned:,} bytes: "
        f"[bold {'red' if seen.found else 'green'}]{seen.found} found[/].",
        highlight=False,
    )
    if seen.too_short:
        out.print(f"Not looked for, because so few bytes occur by chance: texts under 8 bytes, {seen.too_short}.")


def _show_changed(asked: Sequence[Asked]) -> None:
    """Prints the questions whose best answer was forgotten, with what is found now."""
    for one in asked:
        if one.lost:
            named = (("before", one.before[:1]), ("after", one.after[:1]))
            _show_hits(one.question, {name: hit for name, hits in named for hit in hits})


def _show_scores(played: Played) -> None:
    table = Table("kind", box=None, pad_edge=False)
    for heading in ("asked", "top 3", "top 10", "top 3 after", "top 10 after"):
        table.add_column(heading, justify="right")
    for kind, score in played.scores.items():
        table.add_row(kind, *map(str, _row(score)))
    out.print("Questions with all their evidence in the first 3 and the first 10 memories, before and after:")
    out.print(table)
    changed = played.scores["changed"].asked
    out.print(
        f"Of {changed} values that changed, {played.old_first} are found below an earlier value. "
        f"Forgotten turns that come back: {played.came_back}.",
        highlight=False,
    )


def _row(score: Score) -> tuple[int, ...]:
    return score.asked, score.top_3_before, score.top_10_before, score.top_3_after, score.top_10_after


def _costs(folder: Path) -> Mapping[str, Any]:
    with progress_bar() as progress:
        return bench_forget(folder, 5000, as_embedder(None), progress, rounds=500, seed=0)


def _show_costs(report: Mapping[str, Any]) -> None:
    _title(5, "cost")
    out.print("On this machine, with 5,000 memories; medians.", highlight=False)
    table = Table("", box=None, pad_edge=False)
    for heading in ("remember", "forget", "forget / remember"):
        table.add_column(heading, justify="right")
    for name in ("storage", "with_embedding"):
        part = report[name]
        times = (f"{part['remember_p50_ms']:.2f} ms", f"{part['forget_p50_ms']:.2f} ms")
        table.add_row(name.replace("_", " "), *times, f"{part['ratio_p50']:.2f}")
    out.print(table)


def _figures(played: Played, costs: Mapping[str, Any] | None) -> dict[str, Any]:
    """The results as numbers only, without the text of any memory."""
    names = ("memories", "bytes_on_disk", "forgotten", "came_back", "scores", "old_first", "clean")
    return {name: getattr(played, name) for name in names} | {"costs": costs}

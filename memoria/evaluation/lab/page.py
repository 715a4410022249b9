"""The page of a report: what was found, in words, pictures and tables, and how it was made. No script, no network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape

from memoria.evaluation.lab import figures, verdict
from memoria.evaluation.lab.about import About, DataFile
from memoria.evaluation.lab.chapter import Chapter
from memoria.evaluation.lab.grid import DRAWS, EVERYTHING, ORACLE
from memoria.evaluation.lab.intervals import Estimate
from memoria.evaluation.lab.metrics import MEANING
from memoria.evaluation.lab.style import CSS

TITLE = "Which policy to use, and what forgetting costs"
_NUMBERS = ("mean_bytes", "peak_bytes", "operations", "scored", "seconds")
_SHOWN = (
    *("recall", "regret", "found", "found_gain", "full", "stale", "precision_gain", "cost"),
    *("mean_bytes", "operations", "scored", "seconds"),
)
_MAIN = {"recall": "kept", "stale": "stale"}
_METHOD = f"""
<p>Each policy replayed the same traces under the same budgets. <b>Evidence kept</b> is the share of the facts that a
question needs that were still there when it was asked; <b>stale</b> is the share of what had gone out of date by then
that was still there too: less is better. The <i>oracle</i> knows the future, so that no policy can keep more;
<i>everything</i> lets nothing go; <i>random</i> is the mean of {DRAWS} draws. Ranges are 95 % intervals: bootstrap over
traces, widened for few. The best under a budget is compared with all others at once, on the same traces, each interval
at 1 - 0.05 over the number of others; it is named by the traces that it is judged by, which flatters it a little.</p>
"""


def page(about: About, chapters: Sequence[Chapter], sections: Iterable[str], files: Sequence[DataFile]) -> str:
    """The whole page. sections: of the chapters, as `section` makes them."""
    together = _together(chapters) if len(chapters) > 1 else ""
    links = "".join(f'<li><a href="#{_anchor(one)}">{escape(one.source)}</a></li>' for one in chapters)
    contents = f"<nav><ul>{links}</ul></nav>" if len(chapters) > 1 else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{TITLE}</title><style>{CSS}</style></head><body><main>"
        f"<h1>{TITLE}</h1>{_line(about, chapters)}{_METHOD}"
        f"{contents}{together}{''.join(sections)}{_made(about, chapters, files)}{_legend()}</main></body></html>\n"
    )


def section(one: Chapter, drawings: Sequence[str], note: str) -> str:
    """What is said of one source. drawings: SVG of evidence against budget, and against memory."""
    said = "".join(
        _verdict(budget, verdict.sentences([verdict.values(one.cells, one.source, budget)])) for budget in one.budgets
    )
    more = "".join(
        f"<details><summary>All figures at {_share(budget)} of memory</summary>{_figures(one, budget)}</details>"
        for budget in one.budgets
    )
    warned = f'<p class="note">{escape(note[0].upper() + note[1:])}.</p>' if note else ""
    against_budget, against_memory = drawings
    pictures = _figure(against_budget, _seen(one), _bands(one)) + _figure(
        against_memory,
        f"Evidence kept against the bytes kept, for {len(one.labels)} policies on {one.source}, with the Pareto front",
        "Each policy under each budget. What lies on the line is beaten by nothing that keeps more with less.",
    )
    return (
        f'<h2 id="{_anchor(one)}">{escape(one.source)}</h2><p class="soft">{_count(one)}.</p>{warned}{said}'
        f'<div class="pair">{pictures}</div>{_kept(one)}{more}'
    )


def _line(about: About, chapters: Sequence[Chapter]) -> str:
    parts = [f"memoria {about.version}", f"{about.date:%d %B %Y}", f"{sum(one.traces for one in chapters)} traces"]
    return f'<p class="soft">{escape(", ".join(parts))}. <a href="#made">How this was made</a></p>'


def _made(about: About, chapters: Sequence[Chapter], files: Sequence[DataFile]) -> str:
    """What is needed to make it again, and to know whether it is the same."""
    version = f"memoria {about.version}, " + (f"commit {about.commit}" if about.commit else "commit not known")
    seeds = f"{', '.join(map(str, about.seeds))}" if about.seeds else "none: nothing was generated"
    counts = "; ".join(f"{one.source}: {_count(one)}" for one in chapters)
    rows = [
        ("Version", version),
        ("Date", f"{about.date:%d %B %Y, %H:%M %Z}"),
        ("Seeds", f"{seeds} (random: {DRAWS} draws each)"),
        ("Traces", counts),
    ]
    lines = "".join(f"<p><b>{name}:</b> {escape(text)}</p>" for name, text in rows)
    table = _table(
        "Data that was read; results are the same where these are.",
        f'<tr class="left">{_heads(["file", "SHA-256"])}</tr>',
        [f'<tr class="left"><th scope="row">{escape(f.name)}</th><td><code>{f.sha256}</code></td></tr>' for f in files],
    )
    return (
        f'<h2 id="made">How this was made</h2><pre><code>{escape(about.command)}</code></pre>{lines}'
        f"{table if files else ''}"
    )


def _together(chapters: Sequence[Chapter]) -> str:
    """The verdict over all sources, where all have the same contenders and budgets."""
    if len({(tuple(one.labels), tuple(one.budgets)) for one in chapters}) > 1:
        return ""
    parts = []
    for budget in chapters[0].budgets:
        said = verdict.sentences([verdict.values(one.cells, one.source, budget) for one in chapters])
        parts.append(_verdict(budget, said))
    return f"<h2>Over all {len(chapters)} sources, each counting the same</h2>{''.join(parts)}"


def _verdict(budget: float, said: Sequence[str]) -> str:
    first, *more = map(escape, said)
    return (
        f'<div class="verdict"><b>With {_share(budget)} of memory</b>, {first}'
        f"{''.join(f'<br>{sentence}' for sentence in more)}</div>"
    )


def _figure(drawing: str, seen: str, caption: str) -> str:
    """seen: what somebody who cannot see it should know of it."""
    return (
        f'<figure><div role="img" aria-label="{escape(seen)}">{drawing}</div><figcaption>{escape(caption)}</figcaption>'
        "</figure>"
    )


def _seen(one: Chapter) -> str:
    best = []
    for budget in one.budgets:
        label = one.ordered(budget)[0]
        best.append(f"{label} with {verdict.percent(one.of(label, budget, 'recall').mean)} at {_share(budget)}")
    return (
        f"Evidence kept against memory budget, for {len(one.labels)} policies on {one.source}. "
        f"The most is kept by {', '.join(best)}"
    )


def _bands(one: Chapter) -> str:
    banded = figures.banding({label: one.curve(label) for label in one.labels})
    if banded:
        return f"Bands: 95 % intervals over {one.units} traces, for {', '.join(banded)}."
    return f"No bands: {one.units} independent traces are fewer than {figures.ENOUGH}."


def _kept(one: Chapter) -> str:
    """Evidence kept, and what is stale, by contender and budget, most kept first, between the bounds."""
    shown = {name: said for name, said in _MAIN.items() if one.measured(name)}
    best = {budget: one.of(one.ordered(budget)[0], budget, "recall").mean for budget in one.budgets}

    def row(label: str, at: Callable[[float], float], kind: str = "") -> str:
        cells = []
        for budget in one.budgets:
            for name in shown:
                found = one.of(label, at(budget), name)
                bold = name == "recall" and not kind and found.mean == best[budget]
                cells.append(_cell(found, name, bold=bold))
        return _row(label, cells, kind)

    rows = [row(ORACLE, lambda budget: budget, "bound")]
    rows += [row(label, lambda budget: budget) for label in one.ordered()]
    rows.append(row(EVERYTHING, lambda _: 1.0, "bound"))
    tops = "".join(f'<th scope="colgroup" colspan="{len(shown)}">{_share(b)} of memory</th>' for b in one.budgets)
    head = f'<tr><th rowspan="2">policy</th>{tops}</tr><tr>{_heads(list(shown.values()) * len(one.budgets))}</tr>'
    return _table(f"Evidence kept on {one.source}, in per cent; {one.units} independent traces.", head, rows)


def _figures(one: Chapter, budget: float) -> str:
    shown = [name for name in _SHOWN if one.measured(name)]
    rows = [_row(label, [_cell(one.of(label, budget, name), name) for name in shown]) for label in one.ordered(budget)]
    head = f"<tr>{_heads(['policy', *(_said(name) for name in shown)])}</tr>"
    title = f"All figures at {_share(budget)} of memory on {one.source}"
    return _table("What each figure is stands at the end of the page.", head, rows, title)


def _cell(found: Estimate, figure: str, *, bold: bool = False) -> str:
    if not found.n:
        return '<td class="soft">-</td>'
    scale, form = (1.0, ".4f" if figure == "seconds" else ",.0f") if figure in _NUMBERS else (100.0, ".1f")
    low, high = (f"{scale * end:{form}}" for end in (found.low, found.high))
    ends = "" if math.isnan(found.low) else f' <span class="range">[{low}, {high}]</span>'
    kind = ' class="best"' if bold else ""
    return f"<td{kind}>{scale * found.mean:{form}}{ends}</td>"


def _row(label: str, cells: Sequence[str], kind: str = "") -> str:
    return f'<tr class="{kind}"><th scope="row">{escape(label)}</th>{"".join(cells)}</tr>'


def _heads(names: Sequence[str]) -> str:
    return "".join(f'<th scope="col">{escape(name)}</th>' for name in names)


def _table(caption: str, head: str, rows: Sequence[str], title: str = "") -> str:
    """title: what it is, for whoever does not see it; else the caption. A wide one scrolls by keyboard."""
    region = f'<div class="wide" tabindex="0" role="region" aria-label="{escape(title or caption)}">'
    return (
        f"{region}<table><caption>{escape(caption)}</caption><thead>{head}</thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _share(budget: float) -> str:
    return f"{100 * budget:g} %"


def _said(figure: str) -> str:
    return _MAIN.get(figure, figure).replace("_", " ")


def _count(one: Chapter) -> str:
    traces = f"{one.traces} trace{'s' if one.traces > 1 else ''}"
    return traces if one.traces == one.units else f"{traces} of {one.units} conversations, which are averaged first"


def _anchor(one: Chapter) -> str:
    return "".join(char if char.isalnum() else "-" for char in one.source)


def _legend() -> str:
    """What each figure is."""
    lines = "".join(
        f"<li><b>{_said(name)}</b>{'' if name in _NUMBERS else ' (%)'}: {escape(text)}</li>"
        for name, text in MEANING.items()
    )
    return f"<h2>What the figures are</h2><ul>{lines}</ul>"

"""demo: a week of one persona's conversation goes in, a subject is forgotten, and the bytes are looked at."""

from __future__ import annotations

import gzip
import json
import tempfile
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from rich.panel import Panel
from rich.table import Table

from memoria.cli.app import app, out, progress_bar
from memoria.engine.memory import Memoria
from memoria.engine.opening import open as open_memoria
from memoria.evaluation.bench.latency import bench_forget
from memoria.remember import Draft
from memoria.types import Provenance

_SUBJECT = "food_expenses"
_QUESTION = "How much have I spent on coffee this week?"
_BATCH = 256


@app.command()
def demo() -> None:
    """A week of real conversation in, questions, one subject forgotten, bytes scanned, costs measured."""
    sessions, questions = _sample()
    with tempfile.TemporaryDirectory(prefix="memoria-demo-") as folder:
        with open_memoria(Path(folder) / "demo.memoria") as memory:
            week = memory.namespace("demo", "academic_researcher")
            _remember(week, [draft for session in sessions for draft in _drafts(session)])
            _ask(week, [question["question"] for question in questions[5:8]])
            _forget(week)
        _costs(Path(folder), memory)


def _sample() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    packed = files("memoria").joinpath("data/memora_week.jsonl.gz").read_bytes()
    lines = [json.loads(line) for line in gzip.decompress(packed).splitlines()]
    return [line["session"] for line in lines if "session" in line], [
        line["question"] for line in lines if "question" in line
    ]


def _drafts(session: dict[str, Any]) -> list[Draft]:
    """One draft a turn; the subject is what the session's operation is about."""
    details = session["operation_details"]
    start = datetime.fromisoformat(session["date"] + "T09:00:00+00:00") + timedelta(minutes=session["session_id"])
    return [
        Draft(
            text=turn["message"],
            created_at=start + timedelta(seconds=turn["turn"]),
            subject=details.get("category") or details.get("subcategory"),
            tags=(session["session_type"],),
            key=f"{session['session_id']}:{turn['turn']}",
            provenance=Provenance(source="memora", speaker=turn["speaker"], session=str(session["session_id"])),
        )
        for turn in session["conversation"]
        if turn["message"].strip()
    ]


def _remember(week: Memoria, drafts: list[Draft]) -> None:
    out.print(Panel(f"A week of conversation: {len(drafts):,} turns go into memory.", title="1  remember"))
    with progress_bar() as progress:
        for at in range(0, len(drafts), _BATCH):
            week.remember_many(drafts[at : at + _BATCH])
            progress("remember", min(at + _BATCH, len(drafts)), len(drafts))
    stats = week.stats()
    out.print(f"{stats.memories:,} memories, {stats.bytes_on_disk / 1e6:.1f} MB on disk.\n")


def _ask(week: Memoria, questions: list[str]) -> None:
    out.print(Panel("Questions, answered from memory.", title="2  recall"))
    for question in questions:
        table = Table("score", "memory", title=question, title_justify="left")
        for hit in week.recall(question, k=3):
            table.add_row(f"{hit.score:.3f}", hit.memory.text)
        out.print(table)


def _forget(week: Memoria) -> None:
    out.print(Panel(f"Everything about [bold]{_SUBJECT}[/] is forgotten; the store stays open.", title="3  forget"))
    doomed = week.forget(subject=_SUBJECT, dry_run=True)
    before = week.recall(_QUESTION, k=1)[0]
    receipt = week.forget(subject=_SUBJECT, verify=True)
    after = week.recall(_QUESTION, k=1)[0]
    out.print(
        f"{_QUESTION}\n  before: {before.score:.3f} {before.memory.text}\n"
        f"  after:  {after.score:.3f} {after.memory.text}\n"
    )
    out.print(receipt.summary())
    survivors = {memory.text for memory in week.list()}
    texts = [memory.text for memory in doomed if memory.text not in survivors]
    residue = week.scan(*texts)
    out.print(
        f"Looked for {len(texts)} forgotten texts in {residue.bytes_scanned:,} bytes: {len(residue.found)} found.\n"
    )


def _costs(folder: Path, memory: Memoria) -> None:
    out.print(Panel("What it costs on this machine, 5,000 memories, one interleaved run.", title="4  cost"))
    with progress_bar() as progress:
        report = bench_forget(folder, 5000, memory.embedder, progress, rounds=500, seed=0)
    table = Table("", "remember p50", "forget p50", "forget / remember")
    for name in ("storage", "with_embedding"):
        part = report[name]
        table.add_row(
            name.replace("_", " "),
            f"{part['remember_p50_ms']:.2f} ms",
            f"{part['forget_p50_ms']:.2f} ms",
            f"{part['ratio_p50']:.2f}",
        )
    out.print(table)

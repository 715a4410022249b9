"""learn: what users say in a conversation, and the facts that a model finds in it."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from memoria.access.sight import Named
from memoria.cli.app import (
    DEFAULT_STORE,
    JsonOption,
    NamespaceOption,
    StoreOption,
    ZoneOption,
    app,
    echo_json,
    err,
    parts,
    progress_bar,
    reader,
    show_memories,
    unlocking,
    waiting,
)
from memoria.cli.filters import SessionOption
from memoria.cli.finding import there
from memoria.cli.terminal import visible
from memoria.engine.opening import MEMORY
from memoria.errors import InvalidQuery
from memoria.extraction.learning import MOST, Lesson
from memoria.models import ChatModel, as_model
from memoria.models.found import SMALL
from memoria.sharing import Shared

MessagesArgument = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="JSON: a list of messages with role and content, or one a line; else text. '-' is stdin."
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        envvar="MEMORIA_MODEL",
        help="smollm2, hf:PATH, openai:MODEL, openai:MODEL@URL, or ollama:MODEL; default an endpoint's or Ollama's.",
    ),
]


@app.command()
def learn(
    file: MessagesArgument,
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    model: ModelOption = None,
    session: SessionOption = None,
    most: Annotated[int, typer.Option(min=1, help="Facts of one message, at most.")] = MOST,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Ask the model; store nothing.")] = False,
    readmit: Annotated[bool, typer.Option("--readmit", help="Also store what was forgotten here.")] = False,
    zone: ZoneOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stores what users say in a conversation, and the facts that a model finds in it.

    A fact whose words are not in the message is left out. Run again, it passes over what was learnt from; after a
    failure it goes on. Of text, each paragraph is a message.
    """
    messages = _read(sys.stdin.buffer.read() if file == "-" else _content(Path(file)))
    with err.status("Loading the model"):
        asked = _model(model)
    with progress_bar() as progress:
        place, key = (MEMORY, None) if dry_run else (store, unlocking())
        shared = Shared(place, namespace=parts(namespace), timeout=waiting(), progress=progress, zone=zone, unlock=key)
        if (asking := reader()) is not None:
            shared = shared.reading_as(asking[0], roles=Named(asking[1]))
        lesson = shared.learn(messages, model=asked, session=session, most=most, dry_run=dry_run, readmit=readmit)
    if as_json:
        echo_json(lesson)
    else:
        _show(lesson)


def _model(name: str | None) -> ChatModel:
    """The model that is named, or that of an endpoint or an Ollama; raises InvalidQuery where there is none."""
    if name == SMALL:  # by itself: in a conversation it quotes
        return as_model(name)
    found = there(name)
    if found.warning:
        raise InvalidQuery("no model is there: give --model, set OPENAI_BASE_URL, or start an Ollama")
    return found.model


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidQuery(f"{file} cannot be read: {error.strerror}") from None


def _read(given: bytes) -> list[Any]:
    """Messages in a JSON list, in an object under "messages", one a line, or paragraphs of text."""
    try:
        text = given.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise InvalidQuery("this is not UTF-8") from None
    if not text.startswith(("[", "{")):
        return [one.strip() for one in text.replace("\r\n", "\n").split("\n\n") if one.strip()]
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return [_line(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if isinstance(found, dict):
        found = found.get("messages", [found])
    if not isinstance(found, list):
        raise InvalidQuery(f"messages is {type(found).__name__}, not a list")
    return found


def _line(number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise InvalidQuery(f"line {number} is not JSON: {error.msg} at column {error.colno}") from None


def _show(lesson: Lesson) -> None:
    """The facts on stdout, a table on a terminal; what was left out, and why, on stderr."""
    show_memories(lesson.learned, title="would be learnt" if lesson.dry_run else None)
    for one in lesson.dropped:
        if one.fact is not None:
            err.print(Text(visible(f"left out, {one.reason}: {one.fact}", lines=False)))
    whole = Counter(one.reason for one in lesson.dropped if one.fact is None)
    told = [f"{count:,} {'message' if count == 1 else 'messages'} {why}" for why, count in whole.items()]
    told += [f"{lesson.known:,} learnt from before"] if lesson.known else []
    count = f"{len(lesson.learned):,} {'fact' if len(lesson.learned) == 1 else 'facts'}"
    err.print("; ".join([f"{'Would learn' if lesson.dry_run else 'Learnt'} {count}", *told]) + ".")

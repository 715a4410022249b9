"""Hostile texts through every command: what a terminal would obey is shown in words, in tables and in lines of a pipe.

Commands are found by introspection: a new one must be tried here, or its reason not to be stand in `NOT_TRIED`.
"""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import memoria
from memoria.cli import app
from memoria.cli.terminal import visible
from memoria.models import Message, ToolCall
from memoria.service.tokens import mint, read
from tests.test_change import Fixed
from tests.test_terminal import commands

HOSTILE = ("[/]", "[tool.ruff]", "[black on black]hidden[/]", "a\x1b[2Jb", "c\u202edcba", "\x9b1m", "[link=x]y")
TEXT = "The boat of Wren has " + " and ".join(HOSTILE)
NAME = "Wren [tool.ruff] [black on black] \x1b[31m \u202e"
OTHER = "Kestrel [/] \x1b[31m"
# What a terminal of this width is: tables are drawn, and no line is broken.
TERMINAL = {"TTY_COMPATIBLE": "1", "TERM": "xterm", "COLUMNS": "4000"}
# What progress bars write: the cursor goes and comes, a line is drawn again.
BARS = re.compile(r"\x1b\[(?:\?25[lh]|1A|2K)|\r")
# Without colours, so that an escape is somebody's text; consoles are made anew for this width.
SETTINGS = {"MEMORIA_STORE": "", "MEMORIA_USER": NAME, "MEMORIA_COLOR": "never"}
PIPE = {"TTY_COMPATIBLE": "0", "COLUMNS": "4000"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """The memories of the store by what was done with them.

    line: of the ledger, a receipt. signed: a file with this receipt, signed.
    """

    plain: str
    twin: str
    old: str
    held: str
    archived: str
    gist: str
    doubted: str
    line: int = 0
    signed: Path = Path()


Try = Callable[[Ids, Path], tuple[str, ...]]
# Words of each command, and what it must show at least: the hostile text, the name, or nothing of either.
TRIED: dict[str, tuple[Try, tuple[str, ...]]] = {
    "remember": (lambda ids, at: (f"{OTHER} {TEXT}", "--subject", NAME, "--metadata", 'a="[/]"'), ()),
    "recall": (lambda ids, at: ("What has the boat of Wren?", "--explain"), (TEXT,)),
    "forget": (lambda ids, at: (ids.plain, "--dry-run"), (TEXT, NAME)),
    "list": (lambda ids, at: (), (TEXT, NAME)),
    "get": (lambda ids, at: (ids.plain,), (TEXT, NAME)),
    "amend": (lambda ids, at: (ids.plain, "--text", f"{TEXT} and oars"), ()),
    "fade": (lambda ids, at: ("--dry-run",), ()),
    "prune": (lambda ids, at: ("--below", "1", "--dry-run"), ()),
    "evict": (lambda ids, at: ("--count", "1", "--dry-run"), ()),
    "shorten": (lambda ids, at: ("--tokens", "1", "--dry-run"), ()),
    "archive": (lambda ids, at: (ids.plain,), ()),
    "restore": (lambda ids, at: (ids.archived,), ()),
    "pin": (lambda ids, at: (ids.plain,), ()),
    "unpin": (lambda ids, at: (ids.plain,), ()),
    "hold": (lambda ids, at: (ids.plain, "--reason", NAME), ()),
    "release": (lambda ids, at: (ids.held, "--reason", NAME), ()),
    "ledger": (lambda ids, at: (), (NAME,)),
    "ledger list": (lambda ids, at: (), ("by ids, subject",)),
    "ledger head": (lambda ids, at: (), ()),
    "ledger verify": (lambda ids, at: ("--receipt", str(ids.signed)), ()),
    "ledger export": (lambda ids, at: ("--out", str(at / "[black on black][x].cbor")), ()),
    "receipts list": (lambda ids, at: (), ("by ids, subject",)),
    "receipts show": (lambda ids, at: (str(ids.line),), ("| records |",)),
    "receipts verify": (lambda ids, at: (str(ids.signed),), ("genuine: line",)),
    "receipts export": (lambda ids, at: (str(ids.line), "--out", str(at / "[black on black][x].cose")), ()),
    "ttl set": (lambda ids, at: ("90d", "--subject", NAME), ()),
    "ttl lift": (lambda ids, at: ("--namespace", NAME), ()),
    "ttl list": (lambda ids, at: (), (NAME,)),
    "ttl run": (lambda ids, at: ("--dry-run",), ()),
    "allocate": (lambda ids, at: ("--total", "3"), (NAME,)),
    "policies explain": (lambda ids, at: (ids.plain,), ()),
    "sleep": (lambda ids, at: (), ()),
    "consolidate": (lambda ids, at: (ids.plain, ids.twin), ()),
    "supersede": (lambda ids, at: (ids.plain, f"Now {TEXT}"), ()),
    "expire": (lambda ids, at: (ids.plain,), ()),
    "history": (lambda ids, at: (ids.old,), (TEXT,)),
    "lineage": (lambda ids, at: (ids.gist, "--svg", str(at / "[black on black][x].svg")), ()),
    "import": (lambda ids, at: ("--from", "jsonl", str(lines(at)), "--dry-run", "--show", "3"), (TEXT,)),
    "scan": (lambda ids, at: ("--needle", "[/]\x1b"), ()),
    "stats": (lambda ids, at: (), ()),
    "doctor": (lambda ids, at: (), ()),
    "rebuild": (lambda ids, at: (), ()),
    "export": (lambda ids, at: (), ()),
    "copy": (lambda ids, at: (str(at / "[tool.ruff]"),), ()),
    "init": (lambda ids, at: ("--store", str(at / "[black on black]new[x]")), ()),
    "demo": (lambda ids, at: ("--from", str(lines(at)), "--forget", NAME, "--ask", f"Which boat? {NAME}"), (NAME,)),
    "doubts": (lambda ids, at: (), (NAME,)),
    "subject": (lambda ids, at: (NAME,), (NAME,)),
    "ask": (lambda ids, at: (f"Which boat? {NAME}",), ()),
    "settle": (lambda ids, at: (ids.doubted, "--keep"), ()),
    "standing list": (lambda ids, at: (), ()),
    "standing test": (lambda ids, at: (TEXT,), ()),
    "config": (lambda ids, at: (), (NAME,)),
    "config get": (lambda ids, at: ("user",), (NAME,)),
    "serve token make": (lambda ids, at: ("[black on black]a[/]", "--tokens", str(at / "[bold]t")), ()),
    "serve token list": (lambda ids, at: ("--tokens", str(tokens(at))), (HOSTILE[0], NAME)),
    "serve token revoke": (lambda ids, at: (read(tokens(at))[0].id, "--tokens", str(at / "[bold]t")), ()),
}
STORELESS = {
    "init",
    "demo",
    "copy",
    "config",
    "config get",
    "serve token make",
    "serve token list",
    "serve token revoke",
}
NOT_TRIED = {
    "they print figures of data that ships with memoria, or of synthetic vectors": (
        "bench forget", "bench recall", "bench open", "bench fade", "bench sleep", "bench score", "bench allocate",
        "bench simulate", "bench langgraph", "bench postgres", "bench throughput", "bench agree", "bench observe",
        "bench distill", "bench shards", "bench growth", "eval injection", "eval changes", "eval languages",
        "eval mentions", "eval suite", "eval learn", "eval standing", "eval residue", "bench cli", "bench backup",
        "bench sealed",
        "bench salience", "bench ui", "bench month", "bench service", "bench threads",
        "bench failover", "bench purge", "bench sizing",
    ),
    "they print figures under names of ours, of data that the user supplies": (
        "eval retrieval", "eval compare", "eval calibrate", "eval fit", "eval forgetting", "eval consolidation",
        "eval detector", "fit detector",
        "eval retention", "fit retention", "eval shorten", "eval prospective", "bench peers", "bench heard",
    ),
    "they know policies, and no store": (
        "policies list", "policies show", "policies spacing", "policies plot", "policies compare",
        "policies tune",
    ),
    "ids and figures alone, from a log that holds no text": ("policies recommend", "policies fit"),
    "they print numbers, times and figures of copies": ("backup", "forgets export", "forgets keep"),
    "protocols, not tables": ("mcp", "serve", "ui"),
    "the id of an order and figures alone": ("standing lift",),
    "a public key and its id": ("receipts key", "receipts rotate"),
    "what opens a store is in no message, and how many files were sealed is a figure": ("rekey",),
    "a server in PostgreSQL: ids, kinds of jobs and times, nothing that a user wrote": ("worker", "purge"),
    "trained weights: the one text is the model's own, through `visible`": (
        "distill", "distill ask", "distill audit", "distill export", "bench routing",
    ),
    "figures and names of encoders": ("reembed",),
    "they say which file or process, and nothing of what is in it": (
        "config set", "config unset", "warm start", "warm stop", "warm status",
    ),
    "a conversation, and facts: below, with a model that says hostile things": ("chat", "learn"),
}  # fmt: skip


def tokens(folder: Path) -> Path:
    """A file of tokens, for a hostile namespace and with a hostile label."""
    mint(folder / "[bold]t", (NAME,), NAME, label="".join(HOSTILE[:3]))
    return folder / "[bold]t"


def lines(folder: Path) -> Path:
    """Two hostile messages as JSON lines, in a file with a hostile name."""
    file = folder / "[tool.ruff] x.jsonl"
    turns = [
        {"at": f"2026-03-02T06:5{n}:20+00:00", "speaker": NAME, "text": f"{TEXT} {n}", "subject": NAME} for n in (1, 2)
    ]
    file.write_text("".join(json.dumps(one) + "\n" for one in turns))
    return file


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ids]:
    """A store in which everything that a user can write is hostile."""
    store = tmp_path_factory.mktemp("hostile") / "filled.memoria"
    with memoria.open(store, judge=Fixed({("York", "Leeds"): 4.0})) as memory:
        view = memory.namespace(NAME)
        told = memoria.Provenance(session=NAME, speaker=NAME, source=NAME)
        plain, twin, old, held, archived, one, two = view.remember_many(
            [
                memoria.Draft(text=f"{TEXT} {place}", subject=NAME, tags=(NAME,), provenance=told, metadata={"x": NAME})
                for place in ("plain", "twin", "old", "held", "archived", "first part", "second part")
            ]
        )
        view.supersede(old.id, f"{TEXT} of now")
        view.set_ttl(timedelta(days=36500), subject=NAME)
        view.set_ttl(timedelta(days=36500))
        view.hold(held.id, reason=NAME)
        view.archive(archived.id)
        gist = view.consolidate(one.id, two.id)
        view.recall("boat")
        doubted = view.remember(f"My friend {NAME} lives in Leeds.")
        view.remember(f"My friend {NAME} has moved to York.")
        assert [one.lowers for one in view.reconcile()]
        spare = view.remember(f"{TEXT} spare", subject=NAME, tags=(NAME,))
        receipt = view.forget(spare.id, subject=NAME, override=NAME, verify=True)
        signed = store.with_name("[tool.ruff] x.cose")
        signed.write_bytes(receipt.signed())
        line = memory.receipts()[-1].number
    found = (plain.id, twin.id, old.id, held.id, archived.id, gist.id, doubted.id)
    named = dict(zip(("plain", "twin", "old", "held", "archived", "gist", "doubted"), found, strict=True))
    return store, Ids(**named, line=line, signed=signed)


@pytest.fixture
def copied(filled: tuple[Path, Ids], tmp_path: Path) -> tuple[Path, Ids]:
    """A store of its own for each test, and what is in it."""
    shutil.copytree(filled[0], tmp_path / "a.memoria")
    return tmp_path / "a.memoria", filled[1]


def obeyed(shown: str) -> list[str]:
    """Characters that a terminal would act on, or hide."""
    return sorted(
        {one for one in shown if one not in "\n\t" and unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
    )


def run(words: tuple[str, ...], place: dict[str, str]) -> str:
    done = CliRunner().invoke(app, list(words), env={**SETTINGS, **place})
    assert done.exit_code == 0, (words, done.output, done.exception)
    return BARS.sub("", done.output)


@pytest.mark.parametrize("place", [TERMINAL, PIPE], ids=["terminal", "pipe"])
@pytest.mark.parametrize("name", TRIED)
def test_a_command_shows_hostile_texts_and_obeys_none(
    name: str, place: dict[str, str], copied: tuple[Path, Ids], tmp_path: Path
) -> None:
    store, ids = copied
    words, shows = TRIED[name]
    given = (*name.split(), *words(ids, tmp_path))
    if name == "copy":
        given = (*name.split(), str(store), *words(ids, tmp_path))
    elif name not in STORELESS:
        given += ("--store", str(store))
    shown = run(given, place)
    assert obeyed(shown) == [], shown
    for text in shows:
        assert visible(text) in " ".join(shown.split()) or visible(text) in shown, shown


def test_every_command_is_tried_or_has_a_reason() -> None:
    """A new command has to be tried with hostile texts, or to say why not."""
    reasons = [name for names in NOT_TRIED.values() for name in names]
    assert len(reasons) == len(set(reasons))
    known = {name for name, _ in commands(get_command(app))}
    assert set(TRIED) | set(reasons) == known
    assert not set(TRIED) & set(reasons)


@pytest.mark.parametrize("name", ["list", "get", "recall", "export"])
def test_json_means_the_same_and_shows_every_character(name: str, copied: tuple[Path, Ids], tmp_path: Path) -> None:
    store, ids = copied
    asked = ("--json",) if name != "export" else ()
    shown = run((name, *TRIED[name][0](ids, tmp_path), *asked, "--store", str(store)), PIPE)
    assert obeyed(shown) == []
    read = [json.loads(line) for line in shown.splitlines() if line.strip()] if name == "export" else json.loads(shown)
    assert holds(read, TEXT)


def holds(value: object, text: str) -> bool:
    """Whether a text stands somewhere in what JSON says."""
    if isinstance(value, dict | list):
        return any(holds(one, text) for one in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and text in value


def test_a_character_that_is_obeyed_is_seen() -> None:
    assert obeyed("tea\n\t[/]") == []
    assert obeyed("a\x1b[2Jb\u202ec\x9b") == ["\x1b", "\x9b", "\u202e"]


class Obeying:
    """A model that says hostile things, and wants to remember and forget them."""

    def reply(self, messages: list[Message], tools: object = ()) -> Iterator[str | ToolCall]:
        if messages[-1].role == "tool":
            yield f"{TEXT}, and nothing is left to say."
            return
        yield ToolCall(id="1", name="remember", arguments={"text": f"{TEXT} from the model"})

    def count(self, text: str) -> int:
        return len(text) // 4


@pytest.mark.parametrize("place", [TERMINAL, PIPE], ids=["terminal", "pipe"])
def test_a_conversation_shows_hostile_texts_and_obeys_none(
    place: dict[str, str], copied: tuple[Path, Ids], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memoria.agent.loop.as_model", lambda model: Obeying())
    typed = [f"What has {NAME}?", "/why", "/list", "/forget Wren", "/as-of [/]\x1b", "/[/]\x1b", "/sleep", "/help"]
    words = ["chat", "--store", str(copied[0]), "--idle", "0", "--model", "openai:x@http://127.0.0.1:9/v1"]
    done = CliRunner().invoke(app, words, input="\n".join(typed), env={**SETTINGS, **place})
    assert done.exit_code == 0, (done.output, done.exception)
    shown = BARS.sub("", done.output)
    assert obeyed(shown) == [], shown
    assert visible(f"{TEXT} from the model") in shown
    assert shown.count(visible(TEXT)) > 5


@pytest.mark.parametrize("place", [TERMINAL, PIPE], ids=["terminal", "pipe"])
def test_facts_show_hostile_texts_and_obey_none(
    place: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Listing(Obeying):
        def reply(self, messages: list[Message], tools: object = ()) -> Iterator[str | ToolCall]:
            yield json.dumps([TEXT, "The car of Wren has \x1b[2J"])

    monkeypatch.setattr("memoria.cli.learn.as_model", lambda model: Listing())
    said = tmp_path / "[tool.ruff] x.json"
    said.write_text(json.dumps([{"role": "user", "content": f"{TEXT}. It floats."}]))
    shown = run(("learn", str(said), "--model", "smollm2", "--store", str(tmp_path / "b.memoria")), place)
    assert obeyed(shown) == []
    # What a model says has no control characters by then; brackets are nobody's markup.
    assert "[/] and [tool.ruff] and [black on black]hidden[/] and a [2Jb" in shown
    assert "left out, not in the message: The car of Wren has" in shown

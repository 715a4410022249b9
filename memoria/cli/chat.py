"""chat: a conversation in the terminal, which shows what was recalled and why."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer
from rich.markup import escape

from memoria.agent import Agent, Answer, Reply
from memoria.agent.asked import Asked
from memoria.agent.notices import UNDO
from memoria.agent.prompt import INSTRUCTIONS
from memoria.agent.session import latest, new_id
from memoria.cli.app import (
    DEFAULT_STORE,
    JsonOption,
    NamespaceOption,
    StoreOption,
    ZoneOption,
    app,
    as_line,
    behaviour,
    err,
    out,
    parts,
    progress_bar,
    show_memories,
    waiting,
)
from memoria.cli.change import gathered, show_night
from memoria.cli.filters import note
from memoria.cli.finding import there
from memoria.cli.terminal import hanging, visible
from memoria.cli.verbs import show_rewritten
from memoria.engine.memory import Memoria
from memoria.engine.opening import open as open_memoria
from memoria.errors import MemoriaError, ModelFailed
from memoria.models import as_model
from memoria.models.found import Found
from memoria.types import Hit, Memory, Preview
from memoria.validate import is_id

# Memories that /list shows.
SHOWN = 20

ModelOption = Annotated[
    str | None,
    typer.Option(
        help="smollm2, hf:PATH, openai:MODEL, openai:MODEL@URL, ollama:MODEL, or distilled; by default the endpoint in "
        "OPENAI_BASE_URL, or else an Ollama that answers, or else smollm2, which quotes what it recalls."
    ),
]
ExtractOption = Annotated[
    Literal["rules", "model", "none"], typer.Option(help="What finds facts in what you say: rules, model or none.")
]
DoubtOption = Annotated[
    str, typer.Option(help="What becomes of what you make doubtful: soft lowers it, ask also asks, ignore.")
]


@app.command()
def chat(
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    model: ModelOption = None,
    session: Annotated[str | None, typer.Option(help="The conversation to continue; default the last.")] = None,
    new: Annotated[bool, typer.Option("--new", help="Begin a new conversation.")] = False,
    user: Annotated[str, typer.Option(help="Your name, for the memories of what you say.")] = "user",
    budget_tokens: Annotated[int, typer.Option(min=64, help="Tokens of a prompt, at most.")] = 1500,
    extract: ExtractOption = "rules",
    idle: Annotated[float, typer.Option(min=0, help="Seconds of silence until sleep starts; 0 is never.")] = 60.0,
    tools: Annotated[bool, typer.Option(help="Whether the model may call the memory as a tool.")] = True,
    on_doubt: DoubtOption = "soft",
    allow: Annotated[
        list[str] | None,
        typer.Option(help="remember or supersede: what the model may do without asking; repeatable."),
    ] = None,
    instructions: Annotated[str, typer.Option(help="The system message.")] = INSTRUCTIONS,
    zone: ZoneOption = None,
    as_json: JsonOption = False,
) -> None:
    """Talks with a model that remembers. Under each reply is what was recalled, and why; /help lists commands.

    On a terminal, Ctrl-C ends a reply and Ctrl-D the conversation. Otherwise each line of stdin is a message; with
    --json, each reply is one line of JSON.
    """
    # No progress bar may be on the screen while the user types.
    with open_memoria(store, timeout=waiting(), zone=zone, **behaviour(store)) as whole:
        memory = whole.namespace(*parts(namespace))
        with err.status("Loading the model"):
            found = _found(memory, model)
            agent = Agent(
                memory,
                found.model,
                user=user,
                session=session or (None if new else latest(memory)) or new_id(),
                instructions=instructions,
                budget_tokens=budget_tokens,
                extract=None if extract == "none" else extract,
                confirm=agreed,
                allow=allow or (),  # type: ignore[arg-type]  # refused by the agent
                tools=tools,
                on_doubt=on_doubt,  # type: ignore[arg-type]  # refused by the agent
                idle=idle or None,
            )
        note(f"Model: {visible(found.told)}")
        if found.warning:
            err.print(f"[yellow]Warning:[/] {escape(visible(found.warning))}", highlight=False, soft_wrap=True)
        with agent:
            Chat(agent, as_json=as_json).run()


def _found(memory: Memoria, name: str | None) -> Found:
    """The model that is asked for, or the one that is there."""
    if name == "distilled":
        return Found(model=as_model(memory.distilled()), told="distilled from this store")
    return there(name)


def agreed(asked: Asked) -> bool:
    """Shows what a tool of the model would do and asks whether it may; False without a terminal."""
    if asked.tool == "forget":
        return confirmed(Preview(asked, rewritten=asked.rewritten))
    if asked.tool == "settle":
        return over(asked)
    if asked:
        show_memories(asked, title="would no longer hold")
    out.print(f"The model wants to remember: {escape(hanging(asked.text or ''))}", highlight=False)
    if not sys.stdin.isatty():
        err.print("Not on a terminal: nothing is remembered.")
        return False
    return typer.confirm("Remember?", default=False)


def over(asked: Asked) -> bool:
    """Asks whether memories no longer hold, now that something is said; False without a terminal."""
    show_memories(asked, title="in doubt")
    out.print(f"You say: {escape(visible(asked.text or ''))}", highlight=False)
    if not sys.stdin.isatty():
        err.print("Not on a terminal: nothing is ended.")
        return False
    return typer.confirm("Is that over?", default=False)


def confirmed(going: Sequence[Memory]) -> bool:
    """Shows what would be forgotten and asks whether to; False without a terminal."""
    show_memories(going, title=f"{len(going)} would be forgotten for ever")
    show_rewritten(going)
    if not sys.stdin.isatty():
        err.print("Not on a terminal: nothing is forgotten.")
        return False
    return bool(going) and typer.confirm("Forget?", default=False)


class Chat:
    """The conversation on the terminal, and its commands."""

    def __init__(self, agent: Agent, *, as_json: bool) -> None:
        self.agent = agent
        self.as_json = as_json
        self.as_of: datetime | None = None
        self.last: Reply | None = None
        self.message: str | None = None
        self.listed: list[Memory] = []
        self.over = False
        self.commands: dict[str, tuple[Callable[[str], None], str]] = {
            "why": (self.why, "why each memory was recalled for the last reply, and the runners-up"),
            "forget": (self.forget, "N of the last list, an id, or WORDS: forget what names them, after asking"),
            "sleep": (self.sleep, "settle and consolidate now"),
            "as-of": (self.travel, "DATE: recall as of then; off: as of now"),
            "readmit": (self.readmit, "say the last message again, although it was forgotten once"),
            "list": (self.list, "the newest memories"),
            "help": (self.help, "this list"),
            "quit": (self.quit, "end; the conversation goes on the next time"),
        }

    @property
    def memory(self) -> Memoria:
        return self.agent.memory

    def run(self) -> None:
        """Reads messages until there are no more."""
        if sys.stdin.isatty() and not self.as_json:
            kind = "goes on" if len(self.agent.session) else "begins"
            out.print(
                f"[dim]Conversation {self.agent.session.id} {kind}; {len(self.memory)} memories. /help[/]",
                highlight=False,
            )
        while (line := self._read()) is not None:
            text = line.strip()
            if text:
                self._do(text)
            if self.over:
                return

    def _read(self) -> str | None:
        try:
            return input("> " if sys.stdin.isatty() and not self.as_json else "")
        except EOFError:
            return None
        except KeyboardInterrupt:
            out.print()
            return ""

    def _do(self, text: str) -> None:
        """Does a command or says a message; shows an error of memoria and continues."""
        try:
            if text.startswith("/"):
                name, _, rest = text[1:].partition(" ")
                known = self.commands.get(name)
                if known is None:
                    out.print(f"[red]There is no /{escape(visible(name))}[/]; /help lists what there is.")
                else:
                    known[0](rest.strip())
            else:
                self.say(text)
        except MemoriaError as error:
            self._failed(error)

    def _failed(self, error: MemoriaError) -> None:
        """Shows an error; when the model failed, also that the message is there, and how to go on."""
        kind, said = type(error).__name__, visible(error)
        if self.as_json:
            typer.echo(as_line({"error": kind, "message": said}))
            return
        out.print(f"[red]{kind}[/]: {escape(said)}", highlight=False)
        if isinstance(error, ModelFailed):
            out.print("[dim]What you said is remembered; say it again for a reply.[/]")

    def say(self, text: str, *, readmit: bool = False) -> None:
        """Sends a message; prints the reply as it comes, and what was recalled for it."""
        self.message = text
        answer = self.agent.stream(text, as_of=self.as_of, readmit=readmit)
        if self.as_json:
            for _ in answer:
                pass
        else:
            self._follow(answer)
        self.last = answer.reply
        self.listed = [hit.memory for hit in self.last.hits]
        if self.as_json:
            typer.echo(as_line(self.last))
        else:
            self._show(self.last)

    def _follow(self, answer: Answer) -> None:
        """Prints the pieces of a reply as they come; Ctrl-C ends the reply, not the conversation."""
        try:
            for piece in answer:
                out.print(visible(piece), end="", markup=False, highlight=False, soft_wrap=True)
        except KeyboardInterrupt:
            answer.cancel()
            answer.close()
        out.print()

    def _show(self, reply: Reply) -> None:
        for place, hit in enumerate(reply.hits, 1):
            out.print(f"[dim]{place}. {_told(hit.memory)}  {_because(hit)}[/]", highlight=False)
        for notice in reply.notices:
            undo = f"; {UNDO}" if notice.what in ("lowered", "ended", "shortened") else ""
            text = visible(notice.text.removesuffix(".") + undo if undo else notice.text)
            out.print(f"[yellow]{escape(text)}[/]", highlight=False)
        if reply.refusal is not None:
            out.print("[yellow]not remembered: it was forgotten here once; /readmit takes it back[/]")
        for receipt in reply.receipts:
            out.print(receipt.summary(), highlight=False)
        if reply.asked:
            show_memories(reply.asked, title="The model asked to forget; nothing was forgotten")
        for asked in reply.declined:
            if asked.text is not None:
                out.print(f"[yellow]not remembered:[/] {escape(hanging(asked.text))}", highlight=False)

    def why(self, _: str) -> None:
        if self.last is None:
            out.print("[dim]Nothing was asked yet.[/]")
            return
        for title, hits in (("in the prompt", self.last.hits), ("runners-up", self.last.runners_up)):
            out.print(f"[bold]{title}[/]" if hits else f"[dim]{title}: none[/]")
            for place, hit in enumerate(hits, 1):
                out.print(f"{place}. {_told(hit.memory)}\n   [dim]{escape(visible(hit.explain()))}[/]", highlight=False)

    def forget(self, what: str) -> None:
        if not what:
            out.print("[dim]/forget N of the last list, an id, or WORDS that it names[/]")
            return
        self.agent.rouse()
        ids = self._meant(what)
        if not ids:
            out.print("[dim]Nothing names that.[/]")
        elif confirmed(self.memory.forget(*ids, dry_run=True)):
            out.print(self.memory.forget(*ids, verify=True).summary(), highlight=False)
            self.listed = []

    def _meant(self, what: str) -> tuple[str, ...]:
        """The ids that the argument of /forget means."""
        if what.isdecimal() and 0 < int(what) <= len(self.listed):
            return (self.listed[int(what) - 1].id,)
        if is_id(what):
            return (what,)
        return tuple(one.id for one in self.memory.forget(dry_run=True, namespace=(), mentions=what))

    def sleep(self, _: str) -> None:
        self.agent.rouse()
        with progress_bar() as self.memory.progress:
            night = self.memory.sleep()
        self.memory.progress = None
        show_night(night, gathered(self.memory, night))

    def travel(self, when: str) -> None:
        if when in ("", "off"):
            self.as_of = None
            out.print("[dim]Recalling as of now.[/]")
            return
        try:
            self.as_of = datetime.fromisoformat(when).replace(tzinfo=UTC)
        except ValueError:
            out.print(
                f"[red]{escape(visible(when))}[/] is no date such as 2026-05-04 or 2026-05-04T12:30.", highlight=False
            )
            return
        out.print(f"[dim]Recalling as of {self.as_of:%Y-%m-%d %H:%M} UTC.[/]", highlight=False)

    def readmit(self, _: str) -> None:
        if self.message is None:
            out.print("[dim]Nothing was said yet.[/]")
        else:
            self.say(self.message, readmit=True)

    def list(self, _: str) -> None:
        page = self.memory.list(limit=SHOWN, newest=True)
        self.listed = page
        for place, one in enumerate(page, 1):
            out.print(f"{place}. {_told(one)}", highlight=False)
        if page.left:
            out.print(
                f"[dim]{len(page)} shown, {page.left:,} older left out; memoria list --oldest has all, in pages[/]"
            )

    def quit(self, _: str) -> None:
        self.over = True

    def help(self, _: str) -> None:
        for name, (_run, what) in self.commands.items():
            out.print(f"[bold]/{name}[/] {escape(what)}", highlight=False)


def _told(memory: Memory) -> str:
    """One memory on a line: when, who, what."""
    return escape(hanging(f"{memory.day()} {memory.provenance.speaker or ''}: {memory.text}", "   "))


def _because(hit: Hit) -> str:
    """The score of a hit, and the two terms that contribute most to it."""
    terms = sorted(hit.terms.items(), key=lambda term: -abs(term[1]))[:2]
    return f"{hit.score:.2f}: " + ", ".join(f"{name} {value:+.2f}" for name, value in terms)

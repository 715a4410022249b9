"""warm: a process that makes commands fast, because it has imported and loaded what they need."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from memoria.cli.app import JsonOption, app, draw, echo_json, err
from memoria.cli.filters import note
from memoria.cli.layers import OTHERS, PREFIX
from memoria.errors import InvalidQuery
from memoria.warm import client, place, wire

warm_app = typer.Typer(
    help="A warm process, in which short commands take a fraction of the time.", no_args_is_help=True
)
app.add_typer(warm_app, name="warm")

IDLE = 900.0
# Seconds until the process must listen, or must have ended.
_PATIENCE = 60.0
# Seconds for its greeting, when it is asked about itself: on a machine at work a greeting takes its time.
_GREETING = 15.0
_SERVE = "import sys; from memoria.cli.warm import serve; serve(sys.argv[1], float(sys.argv[2]))"


@warm_app.command()
def start(
    idle: Annotated[float, typer.Option(min=1, help="Seconds without a command after which it ends.")] = IDLE,
    as_json: JsonOption = False,
) -> None:
    """Starts the warm process of this installation, if it does not run, and waits until it is ready.

    It holds imported code and the model, and nothing of a store: each command runs in a fork of it that ends with the
    command. It serves only commands of the same user, version and environment.
    """
    path = _path()
    if client.connected(path) is None:
        begin(path, idle)
        ended = time.monotonic() + _PATIENCE
        while not _reached(path):
            if time.monotonic() > ended:
                raise InvalidQuery(f"the warm process did not begin to listen at {path} in {_PATIENCE:.0f} s")
            time.sleep(0.05)
    _say(as_json=as_json)


@warm_app.command()
def stop(as_json: JsonOption = False) -> None:
    """Ends the warm process, and returns when it has ended; commands that run in it end first."""
    path = _path()
    found = _held(path)
    if found is not None:
        pid, process = found
        try:
            _end(pid, process)
        finally:
            os.close(process)
    _say(as_json=as_json)


@warm_app.command()
def status(as_json: JsonOption = False) -> None:
    """Says whether the warm process runs, and how much memory it has; exit status 1 if it does not run."""
    if not _say(as_json=as_json):
        raise typer.Exit(1)


def _path() -> Path:
    path = place.socket_path()
    if path is None:
        raise InvalidQuery("a warm process needs Linux, and a path of at most 107 bytes in XDG_RUNTIME_DIR")
    if not place.private(place.folder(), make=True):
        raise InvalidQuery(f"{place.folder()} is not a folder of this user that is closed to others: mode 0700")
    return path


def _reached(path: Path) -> bool:
    found = client.connected(path)
    if found is not None:
        found[0].close()
    return found is not None


def _pid(path: Path) -> int | None:
    """The id of the warm process, as the kernel knows it."""
    found = client.connected(path, _GREETING)
    if found is None:
        return None
    with found[0] as connection:
        return wire.peer(connection)[0]


def _held(path: Path) -> tuple[int, int] | None:
    """The id of the warm process and a descriptor of it, which names that process even when the id is given again."""
    while (pid := _pid(path)) is not None:
        with suppress(ProcessLookupError):
            process = os.pidfd_open(pid)
            # It answers under its id after the descriptor was made: so the descriptor is its own.
            if _pid(path) == pid:
                return pid, process
            os.close(process)
    return None


def _end(pid: int, process: int) -> None:
    """Tells a process to end, and waits until it has."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(process, signal.SIGTERM)
    ended = select.poll()
    ended.register(process, select.POLLIN)
    if not ended.poll(_PATIENCE * 1000):
        raise InvalidQuery(
            f"the warm process {pid} was told to end and still runs after {_PATIENCE:.0f} s:"
            " it takes no new command, and ends with the last one that runs in it"
        )


def _say(*, as_json: bool) -> bool:
    path = _path()
    pid = _pid(path)
    used = None if pid is None else _resident(pid)
    if as_json:
        echo_json({"running": pid is not None, "pid": pid, "bytes": used, "socket": str(path)})
    elif pid is None:
        note("No warm process runs.")
    else:
        note(f"The warm process {pid} runs, with {(used or 0) / 1e6:.0f} MB.")
    return pid is not None


def _resident(pid: int) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def begin(path: Path, idle: float = IDLE) -> None:
    """Starts the process, which outlives this one; nothing of the terminal or of this folder is left in it."""
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # as multiprocessing does
    subprocess.Popen(
        [sys.executable, *flags, "-P", "-c", _SERVE, str(path), str(idle)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )


def leave_behind(command: str | None) -> None:
    """Starts the process after a command that would have been faster in it, without waiting for it."""
    path = place.socket_path()
    usable = path is not None and place.private(place.folder(), make=True)
    if command in client.COMMANDS and path is not None and usable and not _reached(path):
        begin(path)


def serve(path: str, idle: float) -> None:
    """What the warm process does."""
    from memoria.warm.server import Server

    prepare()
    Server(Path(path), idle, run).serve()


def prepare() -> None:
    """Imports and loads what commands need, by running some on a store that is thrown away."""
    from memoria.embedders import keep_loaded

    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # its threads would not be there in a fork
    keep_loaded()
    import_module("memoria.cli.settings")
    import_module("memoria.cli.defaults")
    with tempfile.TemporaryDirectory() as folder:
        # No settings: they are those of each command, and a wrong one is told there.
        for name in [name for name in os.environ if name.startswith(PREFIX) and name not in OTHERS]:
            del os.environ[name]
        os.environ["XDG_CONFIG_HOME"] = folder
        there = ("--store", str(Path(folder) / "a"))
        for arguments in (["remember", "The sun shines."], ["recall", "Does it rain?"], ["list"]):
            run([*arguments, *there])


def run(arguments: Sequence[str]) -> int:
    """Runs a command in this process; returns its exit status."""
    from memoria.cli import main

    draw("auto")
    sys.argv = ["memoria", *arguments]
    try:
        main(warm=True)
    except SystemExit as ended:
        return _status(ended.code)
    return 0


def _status(code: Any) -> int:
    if isinstance(code, int) or code is None:
        return int(code or 0)
    err.print(str(code), markup=False)
    return 1

"""The warm process: the same answers, signals, terminals and folders as without it, and nothing of a store in it."""

from __future__ import annotations

import array
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pexpect
import pytest
from typer.main import get_command

import memoria
from memoria.cli import app
from memoria.cli import warm as stopping
from memoria.warm import client, place
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.skipif(not place.SUPPORTED, reason="a warm process needs Linux")

ROOT = Path(__file__).parents[1]
MAIN = "import sys; sys.argv[0] = 'memoria'; from memoria.command import main; main()"
MEMORIA = [sys.executable, "-W", "ignore", "-c", MAIN]
CODE = "zq7731-Pelikan"


class Shell:
    """Runs commands in a folder, with a warm process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # The path of a socket may have 107 bytes, and the folders of tests are deep.
        self.runtime = Path(tempfile.mkdtemp(prefix="run-"))
        weakref.finalize(self, shutil.rmtree, self.runtime, ignore_errors=True)
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "XDG_RUNTIME_DIR": str(self.runtime),
            "XDG_CONFIG_HOME": str(folder / "xdg"),
            "MEMORIA_STORE": str(folder / "a.memoria"),
            "HOME": str(folder),
        }

    def __call__(
        self, *arguments: str, stdin: str = "", cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*MEMORIA, *arguments],
            cwd=cwd or self.folder,
            env=self.environment | environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def begun(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*MEMORIA, *arguments],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        return int(json.loads(self("warm", "status", "--json").stdout)["pid"])


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    made = Shell(tmp_path_factory.mktemp("w"))
    assert made("warm", "status").returncode == 1
    assert made("warm", "start", "--idle", "600").returncode == 0
    yield made
    pid = made.pid
    assert made("warm", "stop").returncode == 0
    assert gone(pid)
    assert made("warm", "status").returncode == 1


def gone(pid: int) -> bool:
    """Whether a process has ended: it may be there for its parent to ask about, and does nothing more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def quiet(shell: Shell) -> tuple[int, int]:
    """The warm process, and what its forks have spent, when none of them runs."""
    pid = shell.pid
    until(lambda: not forks(pid))
    return pid, spent(pid)


def forks(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def spent(pid: int) -> int:
    """Clock ticks of the forks of a process that have ended."""
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[13:15]))


def test_the_same_is_said_and_done(shell: Shell) -> None:
    pid, before = quiet(shell)
    stored = shell("remember", "-", "-n", "x/y", stdin="Ada drinks tea.\nBob plays chess.\n")
    assert stored.returncode == 0
    assert spent(pid) > before  # it was in a fork, and not in a process of its own
    first = stored.stdout.split()[0]
    for arguments in (
        ["recall", "What does Ada drink?"],
        ["list", "--json"],
        ["get", first[:20]],
        ["get", "0" * 32],
        ["recall", "tea", "--frob"],
        ["recall", "tea", "-s", "nowhere"],
        ["forget", "--subject", "nobody"],
        ["--timeout", "1", "stats"],
    ):
        warm, cold = shell(*arguments), shell(*arguments, MEMORIA_WARM="0")
        assert (warm.returncode, warm.stdout, warm.stderr) == (cold.returncode, cold.stdout, cold.stderr), arguments


def test_the_folder_the_environment_and_the_umask_are_those_of_the_command(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "memoria.toml").write_text('namespace = "from/file"\n')
    told = shell("remember", "tea", "--json", "-s", "here", cwd=tmp_path)
    assert json.loads(told.stdout)[0]["namespace"] == ["from", "file"]
    assert (tmp_path / "here" / "memoria.db").exists()
    told = shell("remember", "milk", "--json", "-s", "here", cwd=tmp_path, MEMORIA_NAMESPACE="from/env")
    assert json.loads(told.stdout)[0]["namespace"] == ["from", "env"]
    modes = []
    for name, warm in (("w", "1"), ("c", "0")):
        environment = shell.environment | {"MEMORIA_WARM": warm}
        command = [*MEMORIA, "init", "-s", name]
        subprocess.run(command, umask=0, cwd=tmp_path, env=environment, check=True, capture_output=True)
        modes.append(sorted((one.name, one.stat().st_mode) for one in (tmp_path / name).iterdir()))
    assert modes[0] == modes[1]


def test_nothing_of_a_store_is_in_it(shell: Shell) -> None:
    """Its memory is read, its descriptors are looked at, and another writer opens the store at once."""
    pid = shell.pid
    id = shell("remember", f"My locker code is {CODE}.", "--subject", CODE).stdout.strip()
    assert CODE in shell("recall", f"locker {CODE}").stdout
    for ended in (False, True):
        if ended:
            assert shell("forget", id, "--yes").returncode == 0
        assert found_in(pid, CODE.encode()) == found_in(pid, CODE.encode("utf-16-le")) == 0
    assert found_in(pid, b"The sun shines") + found_in(pid, b"memoria") > 0  # the search sees what is there
    opened = [os.readlink(one) for one in Path(f"/proc/{pid}/fd").iterdir() if one.exists() or one.is_symlink()]
    assert not [one for one in opened if str(shell.folder / "a.memoria") in one]
    with memoria.open(shell.folder / "a.memoria", timeout=0):
        pass


def found_in(pid: int, needle: bytes) -> int:
    """How often bytes are in the writable memory of a process."""
    count = 0
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if span is None:
                continue
            start, end = (int(one, 16) for one in span.groups())
            try:
                memory.seek(start)
                count += memory.read(end - start).count(needle)
            except OSError:
                continue
    return count


def _drained(pipe: IO[str]) -> Callable[[], bool]:
    return lambda: waiting(pipe) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_the_command(shell: Shell, number: int) -> None:
    """It waits for stdin; a signal to it ends it as it ends a process of its own."""
    ended = []
    for warm in ("1", "0"):
        running = shell.begun("remember", "-", MEMORIA_WARM=warm)
        assert running.stdin is not None
        running.stdin.write("read\n")
        running.stdin.flush()
        until(_drained(running.stdin))
        running.send_signal(number)
        running.communicate(timeout=PATIENCE)
        ended.append(running.returncode)
    assert ended[0] == ended[1]
    assert ended[0] != 0


def waiting(pipe: IO[str]) -> int:
    """Bytes in a pipe that nobody has read yet."""
    found = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, found)
    return found[0]


def test_a_command_ends_when_who_called_it_is_killed(shell: Shell) -> None:
    pid = shell.pid
    until(lambda: not forks(pid))
    running = shell.begun("remember", "-")
    until(lambda: forks(pid))
    running.kill()
    running.communicate()
    until(lambda: not forks(pid))


def test_a_reader_that_leaves_ends_it_quietly(shell: Shell) -> None:
    shell("remember", "-", "-n", "many", stdin="".join(f"line {n} {'x' * 90}\n" for n in range(500)))
    with shell.begun("export") as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline().startswith("{")
        running.stdout.close()
        assert "Traceback" not in running.stderr.read()
    assert running.returncode != 0


def test_it_asks_on_a_terminal(shell: Shell) -> None:
    shell("remember", "The safe is blue.", "--subject", "safe")
    pid, before = quiet(shell)
    child = pexpect.spawn(
        MEMORIA[0],
        [*MEMORIA[1:], "forget", "--subject", "safe"],
        env={**shell.environment, "TERM": "dumb", "COLUMNS": "100"},
        encoding="utf-8",
        timeout=PATIENCE,
    )
    try:
        child.expect_exact("Forget them for ever? [y/N]: ")
        assert re.search(r"safe\W.*blue", child.before, re.S)
        child.sendline("y")
        child.expect("Forgot 1 memory")
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
    assert child.exitstatus == 0
    assert spent(pid) > before


def test_another_environment_or_an_open_folder_is_not_served(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    pid, before = quiet(shell)
    assert shell("list", OMP_NUM_THREADS="7").returncode == 0
    assert spent(pid) == before
    runtime = shell.runtime / "memoria"
    runtime.chmod(0o755)
    try:
        assert shell("list").returncode == 0
        assert "closed to others" in shell("warm", "status").stderr
    finally:
        runtime.chmod(0o700)
    assert spent(pid) == before
    monkeypatch.setattr("os.getuid", lambda: os.geteuid() + 1)
    assert not place.private(runtime)


def test_a_setting_leaves_one_behind_and_it_ends_when_nobody_asks(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    assert shell("remember", "tea", MEMORIA_WARM="true").returncode == 0
    until(lambda: shell("warm", "status").returncode == 0)
    assert shell("warm", "stop").returncode == 0
    assert shell("warm", "start", "--idle", "1").returncode == 0
    until(lambda: not list((shell.runtime / "memoria").glob("*.sock")))


def test_stop_returns_when_the_process_has_ended(tmp_path: Path) -> None:
    """Its end is made slow, as it is on a machine at work: the socket goes long before the process does."""
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, sys, time\nif 'serve(' in ' '.join(sys.orig_argv): atexit.register(time.sleep, 1.5)\n"
    )
    shell = Shell(tmp_path)
    shell.environment["PYTHONPATH"] += f":{tmp_path}"
    assert shell("warm", "start").returncode == 0
    pid = shell.pid
    assert json.loads(shell("warm", "stop", "--json").stdout)["running"] is False
    assert gone(pid)


def test_stop_lets_commands_end_first(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    assert shell("warm", "start").returncode == 0
    pid = shell.pid
    until(lambda: not forks(pid))
    running = shell.begun("remember", "-")
    until(lambda: forks(pid))
    ending = shell.begun("warm", "stop")
    until(lambda: not list((shell.runtime / "memoria").glob("*.sock")))
    assert not gone(pid)
    assert running.communicate("Ada drinks tea.\n", timeout=PATIENCE)[0].strip()
    ending.communicate(timeout=PATIENCE)
    assert ending.returncode == running.returncode == 0
    assert gone(pid)
    assert "Ada drinks tea." in shell("list", MEMORIA_WARM="0").stdout


def test_stop_says_when_it_has_not_ended(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    assert shell("warm", "start").returncode == 0
    pid = shell.pid
    process = os.pidfd_open(pid)
    try:
        with pytest.MonkeyPatch.context() as changed:
            changed.setattr(stopping, "_PATIENCE", 0.1)
            changed.setattr(signal, "pidfd_send_signal", lambda *_: None)
            with pytest.raises(memoria.InvalidQuery, match=f"{pid} was told to end and still runs"):
                stopping._end(pid, process)
        stopping._end(pid, process)
        stopping._end(pid, process)  # it has ended
        assert gone(pid)
    finally:
        os.close(process)


def test_its_commands_are_commands() -> None:
    assert set(get_command(app).commands) >= client.COMMANDS  # type: ignore[attr-defined]
    assert not client.COMMANDS & {"chat", "mcp", "serve", "worker", "sleep", "distill", "warm", "config"}

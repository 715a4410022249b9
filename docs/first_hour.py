"""The first hour of a new user, by README alone: `python -m docs.first_hour`.

Copies the checkout into a new folder, with a home of its own and no cache, and types what README says under "Install"
and "Your own text" into a shell, command by command. Prints what it said, seconds, seconds of CPU, and megabytes.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[1]
SECTIONS = ("Install", "Your own text")
_KEPT = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_BLOCK = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_DONE = "-- done --"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command as README has it, and what it took.

    Attributes:
        command: what was typed.
        said: what it printed, without the notes of pip.
        status: 0 if it succeeded.
        seconds: by the clock.
        cpu: seconds of processor time, of it and its children.
    """

    command: str
    said: str
    status: int
    seconds: float
    cpu: float


def commands(readme: str) -> list[str]:
    """What README tells to type, section by section."""
    found = []
    for title in SECTIONS:
        section = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL)
        blocks = _BLOCK.findall(section[1]) if section else []
        if not blocks:
            raise SystemExit(f"README has nothing to type under {title!r}")
        found += [line for block in blocks for line in block.splitlines() if line.strip()]
    return found


def environment(home: Path) -> dict[str, str]:
    """That of a new user: a home of its own, and of here only where packages and certificates are to be had."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.lower().endswith("_proxy") or (name.startswith("PIP_") and name != "PIP_CACHE_DIR")
    }
    return {**kept, "HOME": str(home), "TERM": "dumb"}


def fresh(folder: Path) -> Path:
    """A copy of what is checked in, and a home beside it."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    checkout = folder / "memoria"
    for name in listed.split("\0")[:-1]:
        target = checkout / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target, follow_symlinks=False)
    (folder / "home").mkdir()
    return checkout


def typed(lines: Sequence[str], checkout: Path, home: Path) -> Iterator[Step]:
    """Each line, in one shell; ends at the first that fails."""
    with subprocess.Popen(
        ["bash", "--norc", "--noprofile"],
        cwd=checkout,
        env=environment(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        used = 0.0
        for line in lines:
            begun = time.monotonic()
            shell.stdin.write(f"{{ {line}\n}} </dev/null; status=$?; echo; echo '{_DONE}' $status; times\n")
            shell.stdin.flush()
            said, status, total = answer(shell.stdout)
            yield Step(command=line, said=said, status=status, seconds=time.monotonic() - begun, cpu=total - used)
            used = total
            if status:
                break
        shell.stdin.close()


def answer(output: IO[str]) -> tuple[str, int, float]:
    """What a command printed, its status, and the CPU seconds of all commands so far."""
    said: list[str] = []
    for line in output:
        if line.startswith(_DONE):
            own, children = output.readline(), output.readline()
            return "\n".join(said).strip(), int(line.split()[-1]), spent(own) + spent(children)
        if not line.startswith(("WARNING: ", "[notice]")):
            said.append(line.rstrip("\n"))
    raise SystemExit("the shell ended before its command:\n" + "\n".join(said))


def spent(times: str) -> float:
    """Seconds in a line of bash's `times`: 0m1.234s 0m0.567s."""
    return sum(60 * int(minutes) + float(seconds) for minutes, seconds in re.findall(r"(\d+)m([\d.]+)s", times))


def megabytes(folder: Path) -> float:
    """What the files of a folder take on the disk."""
    files = (Path(at) / name for at, _, names in os.walk(folder) for name in names)
    return sum(file.lstat().st_blocks * 512 for file in files) / 1e6


def shown(step: Step) -> str:
    """A command and what it said, without the long lists of pip."""
    said = [line for line in step.said.splitlines() if not step.command.startswith("pip ")]
    return "\n".join([f"$ {step.command}", *said])


def table(steps: Sequence[Step], checkout: Path, home: Path) -> Iterator[str]:
    """Figures, as a table in Markdown."""
    yield "| | seconds | CPU seconds |"
    yield "|---|---|---|"
    for step in steps:
        yield f"| `{step.command}` | {step.seconds:.1f} | {step.cpu:.1f} |"
    yield f"| all | {sum(step.seconds for step in steps):.1f} | {sum(step.cpu for step in steps):.1f} |"
    yield ""
    sizes = megabytes(checkout / ".venv"), megabytes(home)
    yield "On the disk: {:,.0f} MB in `.venv`, {:,.0f} MB in the home folder.".format(*sizes)


def transcript(steps: Sequence[Step], checkout: Path, home: Path) -> Iterator[str]:
    """The machine, what was typed and said, and the figures."""
    yield f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}."
    yield ""
    yield "```text"
    yield from map(shown, steps)
    yield "```"
    yield ""
    yield from table(steps, checkout, home)


def main() -> None:
    """Plays README in a new folder, and prints the transcript."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--install", metavar="COMMAND", help="in place of README's line that begins with 'pip install'")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="a new folder to work in, which stays")
    asked = parser.parse_args()
    lines = commands((ROOT / "README.md").read_text())
    if asked.install:
        lines = [asked.install if line.startswith("pip install") else line for line in lines]
    folder = Path(tempfile.mkdtemp(prefix="first-hour-")) if asked.keep is None else asked.keep
    folder.mkdir(parents=True, exist_ok=True)
    try:
        checkout, home = fresh(folder), folder / "home"
        steps = []
        for step in typed(lines, checkout, home):
            steps.append(step)
            sys.stderr.write(f"{step.seconds:7.1f} s  {step.command}\n")
        sys.stdout.write("\n".join(transcript(steps, checkout, home)) + "\n")
        if steps[-1].status:
            raise SystemExit(f"{steps[-1].command!r} failed:\n{steps[-1].said}")
    finally:
        if asked.keep is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()

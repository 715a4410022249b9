"""The pages as programs: their blocks, and how they are run as a reader would, in one folder and one process."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Listener
from pathlib import Path
from types import ModuleType

from typer.testing import CliRunner

from memoria.cli import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```\n(?:\n*^```text\n(.*?)^```)?", re.MULTILINE | re.DOTALL)
# What stands for `memoria` in a shell: it asks the process of the tests, where the models are loaded.
_ASK = """
import os, sys
from multiprocessing.connection import Client
given = None if sys.argv[2:] == ["--bye"] else (sys.argv[2:], os.getcwd(), dict(os.environ), sys.stdin.read())
with Client(sys.argv[1]) as server:
    server.send(given)
    out, code = server.recv()
sys.stdout.write(out)
sys.exit(code)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of a page.

    Attributes:
        language: what stands behind its fence; python and console are run, sh is only shown.
        code: its lines.
        promised: what the page says that it prints; empty if it does not say.
    """

    language: str
    code: str
    promised: str


def blocks(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    found = _BLOCK.findall(page.read_text())
    return [Block(language=language, code=code, promised=promised) for language, code, promised in found]


def named(page: Path) -> str:
    """A page as messages name it."""
    return str(page.relative_to(ROOT))


def play(page: Path) -> tuple[ModuleType, list[tuple[str, str]]]:
    """A page run from top to bottom as one program, in this folder: what it defined, and (printed, promised)."""
    module = ModuleType("page_" + re.sub(r"\W", "_", page.stem))
    sys.modules[module.__name__] = module  # dataclasses look their module up
    told = []
    for block in blocks(page):
        if block.language == "python":
            told.append((executed(block.code, named(page), module), block.promised))
        elif block.language == "console":
            told.append((shell(block.code), block.promised))
    return module, [(printed, promised) for printed, promised in told if promised]


def executed(code: str, name: str, module: ModuleType) -> str:
    """What a block of Python prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, name, "exec"), module.__dict__)
    return printed.getvalue()


def shell(commands: str) -> str:
    """What commands print that are typed into bash, `memoria` among them; each has to succeed."""
    with tempfile.TemporaryDirectory() as folder, Listener(f"{folder}/socket") as listener:
        Path(folder, "ask.py").write_text(_ASK)
        ask = f"{sys.executable} -I {folder}/ask.py {folder}/socket"
        script = f'ask() {{ {ask} "$@"; }}\nset -eo pipefail\ntrap "ask --bye" EXIT\nmemoria() {{ ask "$@"; }}\n'
        with subprocess.Popen(
            ["bash", "-c", script + commands],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as running:
            while answered(listener):
                pass
            printed, _ = running.communicate()
    assert running.returncode == 0, f"{commands}\n{printed}"
    return printed


def answered(listener: Listener) -> bool:
    """Runs the next command that the shell asks for; False when the shell has ended."""
    with listener.accept() as client:
        asked = client.recv()
        if asked is None:
            client.send(("", 0))
            return False
        arguments, folder, environment, typed = asked
        with contextlib.chdir(folder):
            done = CliRunner().invoke(app, arguments, input=typed, env=environment)
        failed = f"{done.exception!r}\n" if done.exit_code else ""
        client.send((done.output + failed, done.exit_code))
        return True


def commands(code: str) -> Iterator[list[str]]:
    """The commands of memoria in a block of a shell, as words."""
    for line in code.replace("\\\n", " ").splitlines():
        for part in re.split(r"\s\|\s|&&", re.sub(r"(^|\s)#.*", "", line)):
            if found := re.match(r"\s*memoria\s+(.*)", part):
                yield re.findall(r"""(?:[^\s"'>]|"[^"]*"|'[^']*')+""", found[1].split(" > ")[0])

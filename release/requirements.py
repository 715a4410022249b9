"""Writes the files of pinned requirements: `python -m release.requirements`.

requirements-slim.txt is everything that memoria needs without torch, with hashes: the library, the commands, and the
extras mcp, postgres and serve. constraints-lowest.txt has the lowest release that pyproject.toml allows of each package
that the library and postgres name; build/newest.txt, which is not kept, the newest. uv resolves all, and
installs nothing here.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
SLIM = "requirements-slim.txt"
LOWEST = "constraints-lowest.txt"
NEWEST = "build/newest.txt"
PEERS = "requirements-peers.txt"
EXTRAS = {SLIM: ("mcp", "postgres", "serve"), LOWEST: ("postgres",), NEWEST: ("postgres",), PEERS: ("peers",)}
"""Extras in each file. Others want a later pydantic than memoria does."""
HEAVY = ("sentence-transformers", "torch")
"""What both files leave out, with all that only these need."""
# sqlite-utils asks for pip, which whoever reads these files has.
_LEFT_OUT = (*HEAVY, "pip")
_HEADS = {
    SLIM: """\
# Everything that memoria needs without torch: the library, the commands, and the extras mcp, postgres and serve.
#     pip install --no-deps --require-hashes -r requirements-slim.txt
#     pip install --no-deps .
# Written by `make requirements` from pyproject.toml and constraints.txt.
""",
    LOWEST: """\
# The lowest release that pyproject.toml allows of each package that it names, but for torch and what needs it: for the
# library and the extra postgres; of all others what was newest. `make lowest` runs tests with these.
# Written by `make requirements` from pyproject.toml.
""",
    NEWEST: "",
    PEERS: """\
# The stores that `memoria bench peers` compares, and what memoria needs without torch. `make peers` installs it into an
# environment of its own. Written by `make requirements` from pyproject.toml and constraints.txt.
""",
}
_HOW: dict[str, tuple[str, ...]] = {
    SLIM: ("--universal", "--generate-hashes", "-c", "constraints.txt"),
    LOWEST: ("--resolution", "lowest-direct", "--no-build"),
    NEWEST: (),
    PEERS: ("--universal", "--generate-hashes", "-c", "constraints.txt"),
}


# A package, and its hashes on the lines below it.
_BLOCK = re.compile(r"^[^ ].*\n(?: .*\n)*", re.M)


def resolved(name: str) -> str:
    """The text of one of the files, resolved anew; needs uv and the network."""
    with tempfile.TemporaryDirectory() as folder:
        left_out = Path(folder) / "left_out.txt"
        left_out.write_text("".join(f"{one} ; python_version < '3'\n" for one in _LEFT_OUT))
        command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--quiet", "--no-header"]
        command += ["--no-annotate", "--python-version", "3.11", "--overrides", str(left_out), *_HOW[name]]
        command += [f"--extra={extra}" for extra in EXTRAS[name]]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return _HEADS[name] + "".join(block for block in _BLOCK.findall(done.stdout) if "== 'emscripten'" not in block)


def pins(text: str) -> dict[str, str]:
    """The version of each package in the text of a file of pinned requirements, by its name in lower case."""
    lines = (line.partition(";")[0].strip(" \\") for line in text.splitlines() if "==" in line and line[0] != "#")
    named = (line.partition("==") for line in lines)
    return {name.lower().replace("_", "-"): version for name, _, version in named}


def main(names: Sequence[str]) -> None:
    """Writes the files with these names; without any, those that are kept."""
    for name in names or (SLIM, LOWEST, PEERS):
        (ROOT / name).parent.mkdir(exist_ok=True)
        (ROOT / name).write_text(resolved(name))


if __name__ == "__main__":
    main(sys.argv[1:])

"""Writes the files of pinned requirements from pyproject.toml and constraints.txt: `python -m release.requirements`.

requirements-slim.txt is everything that memoria needs without torch, with hashes: the library, the commands, and the
extras of SERVED. constraints-lowest.txt has the lowest release of each package that pyproject.toml allows, for what
runs without torch. Both are resolved by uv, which installs nothing; it is not part of the extra `dev`.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
SLIM = ROOT / "requirements-slim.txt"
LOWEST = ROOT / "constraints-lowest.txt"
SERVED = ("mcp", "postgres", "serve")
"""Extras in the slim requirements: what a service needs."""
HEAVY = ("sentence-transformers", "torch")
"""What the slim requirements leave out, and all that only these need."""
_LEFT_OUT = (*HEAVY, "pip")  # sqlite-utils asks for pip, which whoever reads the file has already
_SLIM_HEAD = """\
# Everything that memoria needs without torch: the library, the commands, and the extras {extras}.
# pip install --no-deps --require-hashes -r requirements-slim.txt && pip install --no-deps .
# Written by `make requirements` from pyproject.toml and constraints.txt.
"""
_LOWEST_HEAD = """\
# The lowest release that pyproject.toml allows of each package that it names; `make lowest` tests with these.
# Written by `make requirements` from pyproject.toml. What needs torch is not here: it is tested at the newest only.
"""
_CONFIG = 'environments = ["sys_platform == \'linux\'", "sys_platform == \'darwin\'", "sys_platform == \'win32\'"]\n'

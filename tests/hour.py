"""One command of the command line, in this process, as from a terminal: what it prints and its exit status."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass

import pytest

from memoria.cli import main


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


class Terminal:
    """Runs commands; nothing that they say is lost, and a traceback fails the test."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capture = patch, capture

    def __call__(self, *arguments: str, stdin: str = "") -> Done:
        self._patch.setattr(sys, "argv", ["memoria", *arguments])
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        self._capture.readouterr()
        status = 0
        try:
            main()
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        said = self._capture.readouterr()
        return Done(status, said.out, said.err)

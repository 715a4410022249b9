"""The source distributions whose tests we run, as requirements.txt pins them, and the cache that keeps them."""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
CACHE = Path(sys.prefix) / "cache" / "upstream"
HAD, MISSING, DIFFERS = 0, 3, 4  # exit statuses of fetch.py; pip takes 1 and 2
PIN = re.compile(r"(?P<name>[\w-]+)==(?P<version>[\w.]+) --hash=sha256:(?P<sha256>[0-9a-f]{64})")


class Differs(Exception):
    """A file has another hash than its pin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """sha256: of the whole file, in hex."""

    name: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"

    @property
    def root(self) -> str:
        """The folder that all its files are in."""
        return f"{self.name.replace('-', '_')}-{self.version}"

    def path(self, cache: Path) -> Path:
        return cache / f"{self.root}.tar.gz"

    def check(self, content: bytes) -> bytes:
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            raise Differs(f"{self} has the hash {found}, not {self.sha256}")
        return content


def read(requirements: Path = REQUIREMENTS) -> dict[str, Source]:
    """Every line must be a pin, so that none is left out by a slip."""
    matches = [PIN.fullmatch(line) for line in requirements.read_text().splitlines()]
    sources = [Source(**match.groupdict()) for match in matches if match is not None]
    assert len(sources) == len(matches), f"{requirements.name} has a line that is no pin"
    return {source.name: source for source in sources}

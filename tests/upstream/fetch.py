"""Fetches the source distributions of requirements.txt, each once: `python -m tests.upstream.fetch`.

`pip download` builds what it fetches, to read the metadata. So only pip's search and its connection are used, with
the settings of any installation, and nothing of what is fetched runs here. pip does not promise to keep these
names; it works with 23.0, 23.2.1, 24.0, 25.0, 25.3 and 26.3.

Prints a line for each. The exit status is the worst of theirs, as sources.py lists them.
"""

from __future__ import annotations

import os
import sys
import tempfile
from optparse import Values
from pathlib import Path

from pip._internal.commands.download import DownloadCommand
from pip._internal.exceptions import PipError
from pip._internal.index.package_finder import PackageFinder
from pip._internal.network.session import PipSession
from pip._internal.network.utils import HEADERS, raise_for_status
from pip._internal.req.constructors import install_req_from_line
from pip._vendor.requests.exceptions import RequestException

from tests.upstream.sources import CACHE, DIFFERS, HAD, MISSING, REQUIREMENTS, Differs, Source, read

OPTIONS = ["--no-deps", "--no-binary=:all:", "--retries=1", "--timeout=20"]


def download(source: Source, finder: PackageFinder, session: PipSession) -> bytes:
    found = finder.find_requirement(install_req_from_line(str(source)), upgrade=False)
    assert found is not None  # it is, unless the requirement is installed
    answer = session.get(found.link.url_without_fragment, headers=HEADERS)
    raise_for_status(answer)
    return bytes(answer.content)


def keep(path: Path, content: bytes) -> None:
    """Whole or not at all: two runs may fetch the same file at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    os.replace(file.name, path)


def fetch(source: Source, cache: Path, finder: PackageFinder, session: PipSession) -> tuple[int, str]:
    """An exit status and what to say about it."""
    path = source.path(cache)
    try:
        if path.exists():
            source.check(path.read_bytes())
            return HAD, f"{source} is in the cache"
        keep(path, source.check(download(source, finder, session)))
    except Differs as error:
        return DIFFERS, str(error)
    except (PipError, RequestException) as error:
        return MISSING, f"{source} could not be had: {' '.join(str(error).split())}"
    return HAD, f"{source} was fetched"


class Fetch(DownloadCommand):
    """args: the requirements file and the cache."""

    def run(self, options: Values, args: list[str]) -> int:
        requirements, cache = map(Path, args)
        session = self.get_default_session(options)
        finder = self._build_package_finder(options=options, session=session)
        results = [fetch(source, cache, finder, session) for source in read(requirements).values()]
        sys.stdout.writelines(f"{said}\n" for _, said in results)
        return max(status for status, _ in results)


if __name__ == "__main__":
    sys.exit(Fetch("download", "").main([*OPTIONS, *(sys.argv[1:] or [str(REQUIREMENTS), str(CACHE)])]))

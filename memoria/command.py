"""The command `memoria`: given to the warm process if there is one, and run here otherwise."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command of this process."""
    from memoria.warm import client

    status = client.run(sys.argv[1:])
    if status is not None:
        sys.exit(status)
    from memoria.cli import main as here

    here()

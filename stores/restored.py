"""Marks of a store that was restored from a backup: one while it is not whole, one until somebody writes to it."""

from __future__ import annotations

from pathlib import Path

from memoria.errors import RestoreUnfinished

# The latter has the branch of the log that the store begins.
RESTORING, RESTORED = "restoring", "restored"


def check_restored(folder: Path) -> None:
    """Raises RestoreUnfinished where a restore was cut short."""
    if (folder / RESTORING).exists():
        raise RestoreUnfinished(f"{folder} is being restored, or that was cut short: run the same restore again")

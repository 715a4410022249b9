"""Who may do what is not a verb of a namespace: the operator of the store, and whoever may forget and operate."""

from __future__ import annotations

from typing import Annotated

from fastapi import Security

from memoria.errors import NotPermitted
from memoria.service.routes import caller
from memoria.service.tokens import Caller

Proving = Annotated[Caller, Security(caller, scopes=["forget", "operate"])]
"""Who forgets, and is told what the files of the whole store hold of it."""
Settling = Annotated[Caller, Security(caller, scopes=["read", "write"])]


def is_operator(asking: Caller) -> bool:
    """Whether a token may be told what is about the whole store: its files, its weights, its ledger."""
    return asking.reader is None and not asking.lacks(["operate"])


def check_owner(asking: Caller, what: str) -> None:
    """Raises NotPermitted for a reader: it would store or take what it does not see."""
    if asking.reader is not None:
        raise NotPermitted(f"{what} is for the owner of the store, not for a reader")

"""What a token may do beside the verbs of its namespace: what is about the store as a whole is for its operator."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from memoria.service.problems import Problematic
from memoria.service.routes import Asking
from memoria.service.tokens import Caller


def is_operator(asking: Caller) -> bool:
    """Whether a token may see what is about the whole store: its files, its ledger, its switches."""
    return asking.reader is None


def operator(asking: Asking) -> Caller:
    """Who asks, if it is an operator; raises 403 for all others."""
    if not is_operator(asking):
        raise Problematic(403, "Not for this token", "this is about the whole store: for a token of its operator")
    return asking


def owner(asking: Asking) -> Caller:
    """Who asks, if it is no reader; raises 403 for a reader."""
    if asking.reader is not None:
        raise Problematic(403, "Not for a reader")
    return asking


Operating = Annotated[Caller, Depends(operator)]
Owning = Annotated[Caller, Depends(owner)]

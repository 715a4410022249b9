"""What people do with a store beside the verbs: letting go, the ledger, nights, policies, their data."""

from __future__ import annotations

from fastapi import FastAPI

from memoria.service import fading, ledgers, letting, nights, person, proving

ROUTERS = (letting.letting, proving.proofs, ledgers.ledgers, nights.nights, fading.fading, person.person)


def include(app: FastAPI) -> None:
    """Adds these routes."""
    for one in ROUTERS:
        app.include_router(one)

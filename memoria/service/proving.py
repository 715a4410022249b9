"""A forgetting that is proven: the files are scanned before and after, and how far that is can be watched.

What is looked for stays in RAM: neither the answers nor the log hold it.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel

from memoria.engine.memory import Memoria
from memoria.errors import Held, MemoryNotFound, PlanChanged
from memoria.forget.verifying import there
from memoria.service.jobs import Job, Jobs
from memoria.service.letting import Confirm, Let, Scanned, let_go
from memoria.service.rights import Proving
from memoria.service.routes import ALWAYS, SENT, Serving, problems

proofs = APIRouter(prefix="/v1/letting/proofs", responses=problems(*ALWAYS))
log = logging.getLogger("memoria.service")
State = Literal["before", "erasing", "after", "done", "changed", "held", "failed"]
ProofId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Id of a proof, as it was answered.")]


class Progressing(BaseModel):
    """How far a scan is: files and bytes read, of all."""

    files: int
    of_files: int
    bytes: int
    of_bytes: int


class Proof(BaseModel):
    """A forgetting that is proven, and how far it is.

    state: "before" looks for what is still there, so that the scanner is seen to find it; "erasing"; "after" looks for
    it again; "done". Nothing was forgotten with "changed" (what would go is not what was agreed to) and "held" (a hold
    stands against it). "failed": see problem, and the ledger for whether it was forgotten. running: the scan at work.
    before: what it found while all was there. result: what was forgotten, with the receipt, and the scan after it.
    """

    id: str
    state: State
    running: Progressing | None
    before: Scanned | None
    result: Let | None
    problem: str | None

    @classmethod
    def of(cls, job: Job) -> Proof:
        (files, of_files), (read, of_bytes) = job.watch.told("scan files"), job.watch.told("scan")
        running = Progressing(files=files, of_files=of_files, bytes=read, of_bytes=of_bytes)
        # The scan after it begins when all is erased.
        state = "after" if job.state == "erasing" and of_files else job.state
        shown = running if state in ("before", "after") else None
        given = {name: job.fields.get(name) for name in ("before", "result", "problem")}
        return cls.model_validate({"id": job.id, "state": state, "running": shown, **given})


def jobs(request: Request) -> Jobs:
    """The proofs of this service."""
    state = request.app.state
    if not hasattr(state, "proofs"):
        state.proofs = Jobs()
    found: Jobs = state.proofs
    return found


@proofs.post("", status_code=202, responses=problems(*SENT, 409))
async def prove(request: Request, body: Confirm, asking: Proving, pool: Serving) -> Proof:
    """Forgets what a plan showed, and scans every file of the store before and after; answers at once.

    For an operator: the whole store is read, though only of what goes anything is told.
    """
    app = request.app
    job = jobs(request).new(asking.digest, "before", lambda: app.state.pool is not pool)
    job.task = asyncio.create_task(pool.last(asking, lambda top: _work(job, body, top)))
    job.task.add_done_callback(partial(_ended, job))
    return Proof.of(job)


@proofs.get("/{id}", responses=problems(404))
async def proof(request: Request, id: ProofId, asking: Proving) -> Proof:
    """How far a proof is, and at its end what was forgotten, the receipt and both scans."""
    return Proof.of(jobs(request).get(id, asking.digest))


def _ended(job: Job, task: asyncio.Task[None]) -> None:
    """Says why a proof has ended, without what it was about."""
    job.ended = True
    error = asyncio.CancelledError() if task.cancelled() else task.exception()
    if error is None:
        return
    job.state = "failed"
    if isinstance(error, PlanChanged | MemoryNotFound):
        job.state = "changed"
    elif isinstance(error, Held):
        job.state = "held"
    else:
        job.fields["problem"] = type(error).__name__
        log.warning("a proof has failed: %s", type(error).__name__)


def _work(job: Job, body: Confirm, top: Memoria) -> None:
    """Looks for what goes, forgets it, and looks for it again, in a thread."""
    top.progress = job.watch
    planned = top.namespace(*body.namespace).forget(*body.ids, dry_run=True, **body.order())
    if planned.digest != body.digest:
        raise PlanChanged
    job.fields["before"] = Scanned.of(there(top.store, [one.id for one in planned], job.watch))
    job.state = "erasing"
    job.watch.begin()
    job.fields["result"] = let_go(top, body, operating=True, verify=True)
    job.state = "done"

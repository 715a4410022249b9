"""Letting go: what would be forgotten, exactly; a confirmation that is bound to it; and a signed receipt."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from memoria.engine.memory import Memoria
from memoria.service import shapes
from memoria.service.pool import mine
from memoria.service.rights import is_operator
from memoria.service.routes import ALWAYS, SENT, Asking, Forgetting, Serving, problems
from memoria.types import Memory, Preview, Receipt, Verification

letting = APIRouter(prefix="/v1/letting", responses=problems(*ALWAYS))
_SUBJECT: dict[str, Any] = {"subject": "ada"}


class Criteria(shapes.Filters):
    """What is to go: memories that meet all that is given. everything: all below the namespace.

    mentions: memories that have this name, as whole words. guard: which texts are refused if they come back.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_SUBJECT]})
    ids: list[shapes.Id] = Field(default_factory=list, max_length=1000)
    mentions: shapes.Name | None = None
    guard: Literal["exact", "near", "none"] = "exact"
    everything: StrictBool = False

    def order(self) -> dict[str, Any]:
        """The arguments of the verb."""
        asked: dict[str, Any] = {**self.asked(), "mentions": self.mentions, "guard": self.guard}
        return asked | {"namespace": ()} if self.everything else asked


class Plan(Criteria):
    """What would go, a page of it at a time. after: the last id of the page before."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{**_SUBJECT, "limit": 100}]})
    limit: Annotated[StrictInt, Field(ge=1, le=1000)] = 100
    after: shapes.Id | None = None


class Confirm(Criteria):
    """digest: that of the plan; the criteria are those of the plan too."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{**_SUBJECT, "digest": "0" * 32}]})
    digest: Annotated[StrictStr, Field(min_length=1, max_length=128)]


class Going(BaseModel):
    """A memory that would go. Its text is asked for by `GET /v1/memories/{id}`. asked: it meets the criteria itself; if
    not, it was made from what does. bytes: of its text."""

    id: str
    namespace: list[str]
    kind: str
    created_at: datetime
    subject: str | None
    asked: bool
    bytes: int

    @classmethod
    def of(cls, memory: Memory, asked: bool, above: int) -> Going:
        return cls(
            id=memory.id,
            namespace=list(memory.namespace[above:]),
            kind=memory.kind,
            created_at=memory.created_at,
            subject=memory.subject,
            asked=asked,
            bytes=len(memory.text.encode()),
        )


class Rewritten(BaseModel):
    """A gist that stays and loses parts, as it would be."""

    id: str
    text: str


class Foreseen(BaseModel):
    """Exactly what would go and change, in the token's namespace. digest: to confirm it, all of it, with.

    count: memories that would go; going: a page of them, oldest first, `left` more after it. rewritten: gists that are
    made again without them. freed: parts that become memories of their own again. standing_again: ids of what holds
    again. shards, exports: adapters that learnt any of it and their copies outside, to be wiped. held: ids under a
    hold, which stands against all of it. near: ids of what stays, though it may mention the name that was asked for.
    """

    digest: str
    count: int
    going: list[Going]
    left: int
    rewritten: list[Rewritten]
    freed: list[Rewritten]
    standing_again: list[str]
    shards: list[str]
    exports: list[str]
    held: list[str]
    near: list[str]


class Statement(BaseModel):
    """A receipt as it can be given away. line: its number in the ledger. signed: the statement (COSE_Sign1), in base64.

    certificate: the items of a certificate of sanitisation, by name.
    """

    line: int
    signed: str
    certificate: dict[str, Any]


class Scanned(BaseModel):
    """A byte scan of every file of the store. needles: byte strings that were looked for; found: of these.

    control, control_found: those of a memory that is still there, looked for in the same pass. checks: questions to the
    store itself. left: where something was found, without content.
    """

    files: int
    bytes: int
    needles: int
    found: int
    control: int
    control_found: int
    checks: int
    left: list[str]

    @classmethod
    def of(cls, found: Verification) -> Scanned:
        named = {name: getattr(found, name) for name in ("files", "needles", "found", "control", "control_found")}
        return cls(**named, bytes=found.bytes_scanned, checks=found.checks, left=list(found.left)[:20])


class Let(BaseModel):
    """What was forgotten. receipt: ids in the token's namespace.

    statement, scanned: for an operator alone, because they count what is in other namespaces too.
    """

    receipt: shapes.Gone
    shards: list[str]
    exports: list[str]
    statement: Statement | None
    scanned: Scanned | None


@letting.post("/plan", responses=problems(*SENT, 404))
async def plan(body: Plan, asking: Asking, pool: Serving) -> Foreseen:
    """Says exactly what would be forgotten, made again and wiped. Nothing is changed."""
    return await pool.read(asking, lambda top: foreseen(top, body, operating=is_operator(asking)))


def foreseen(top: Memoria, body: Plan, *, operating: bool) -> Foreseen:
    """What would go, as the view of a token shows it."""
    found = top.namespace(*body.namespace).forget(*body.ids, dry_run=True, **body.order())
    above, seen = len(top.prefix), _seen(found, top)
    page = [one for one in seen if body.after is None or one.id > body.after]
    shown = page[: body.limit]
    return Foreseen(
        digest=found.digest,
        count=len(seen),
        going=[Going.of(one, one.id in found.asked, above) for one in shown],
        left=len(page) - len(shown),
        rewritten=[Rewritten(id=one.id, text=one.text) for one in found.rewrites if one.under(top.prefix)],
        freed=[Rewritten(id=one.id, text=one.text) for one in found.freed if one.under(top.prefix)],
        standing_again=sorted(mine(top, found.standing_again)),
        shards=list(found.shards) if operating else [],
        exports=list(found.exports) if operating else [],
        held=sorted(mine(top, found.held)),
        near=[one.id for one in found.near if one.under(top.prefix)],
    )


def _seen(found: Preview, top: Memoria) -> list[Memory]:
    return [one for one in found if one.under(top.prefix)]


@letting.post("/confirm", responses=problems(*SENT, 404, 409, 423))
async def confirm(body: Confirm, asking: Forgetting, pool: Serving) -> Let:
    """Forgets what a plan showed, for ever; nothing, and 409, when what would go is no longer that."""

    def work(top: Memoria) -> Let:
        return let_go(top, body, operating=is_operator(asking))

    return await pool.write(asking, work)


def let_go(top: Memoria, body: Confirm, *, operating: bool, verify: bool = False) -> Let:
    """Forgets what was agreed to, and says so as the view of a token shows it."""
    view = top.namespace(*body.namespace)
    planned = view.forget(*body.ids, dry_run=True, **body.order())
    receipt = view.forget(*body.ids, agreed=body.digest, verify=verify, **body.order())
    seen = {one.id for one in _seen(planned, top)} | mine(top, receipt.rewritten)
    return Let(
        receipt=shapes.Gone.of(receipt, seen),
        shards=list(receipt.shards) if operating else [],
        exports=list(receipt.exports) if operating else [],
        statement=_statement(top, receipt) if operating else None,
        scanned=Scanned.of(receipt.verification) if operating and receipt.verification is not None else None,
    )


def _statement(top: Memoria, receipt: Receipt) -> Statement:
    signed = receipt.signed()
    return Statement(
        line=top.verify_receipt(signed).number,
        signed=base64.b64encode(signed).decode(),
        certificate=dict(receipt.certificate().fields),
    )

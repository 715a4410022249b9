"""The ledger: its lines, receipts of them, and their verification. It holds no content, no name and no id in the clear,
but it counts what is done in the whole store: it is for an operator."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StrictStr

from memoria.engine.memory import Memoria
from memoria.errors import InvalidInput, InvalidQuery
from memoria.proof.certificate import certificate
from memoria.proof.lines import Line
from memoria.service.letting import Statement
from memoria.service.problems import Problematic
from memoria.service.rights import is_operator
from memoria.service.routes import ALWAYS, SENT, Asking, Operating, Serving, problems

ledgers = APIRouter(prefix="/v1", responses=problems(*ALWAYS))
CBOR = "application/cbor"
Number = Annotated[int, Path(ge=1, le=1 << 53, description="Number of a line, from 1.")]
Base64 = Annotated[StrictStr, Field(min_length=1, max_length=1 << 20, pattern="^[A-Za-z0-9+/]+={0,2}$")]
Head = Annotated[StrictStr, Field(pattern=r"^\d{1,15}:[0-9a-f]{64}$")]


class Entry(BaseModel):
    """A line of the ledger. count: how many memories it is about. digest: SHA-256 of their keyed ids.

    facts: numbers, names of methods, and keyed hashes in hexadecimal. hash: of the line before it.
    """

    number: int
    at: datetime
    action: str
    count: int
    digest: str
    previous: str
    by: str
    facts: dict[str, Any]

    @classmethod
    def of(cls, line: Line) -> Entry:
        return cls(
            number=line.number,
            at=line.at,
            action=line.action,
            count=line.count,
            digest=line.digest.hex(),
            previous=line.previous.hex(),
            by=line.by,
            facts=_plain(line.facts),
        )


class Entries(BaseModel):
    """A page of the ledger, newest first. count: lines of all of it. before: the next page's; null at the end."""

    lines: list[Entry]
    count: int
    before: int | None


class Verify(BaseModel):
    """head: one that was kept, as "number:hash". receipts: signed statements in base64, which must be lines of it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"receipts": []}]})
    head: Head | None = None
    receipts: Annotated[list[Base64], Field(max_length=100)] = []


class Verified(BaseModel):
    """What a verification of the whole ledger found. head: keep it elsewhere. problems: none where it is genuine."""

    lines: int
    signed: int
    head: str
    keys: list[str]
    receipts: int
    problems: list[str]


class Signed(BaseModel):
    """A signed statement, in base64."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"signed": "0oRD"}]})
    signed: Base64


class Genuine(BaseModel):
    """Whether a receipt is genuine: signed by a key of this store, over a line that is in its ledger. problem: why not.

    line: its number; null where it is not genuine.
    """

    genuine: bool
    line: int | None
    action: str | None
    at: datetime | None
    problem: str | None


class Key(BaseModel):
    """The public key that signs now. id: by which statements name it. pem: for other programs."""

    id: str
    pem: str


def _plain(value: Any) -> Any:
    """Facts as JSON: bytes in hexadecimal."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def given(said: str) -> bytes:
    """Bytes of base64; raises InvalidQuery for what is none."""
    try:
        return base64.b64decode(said, validate=True)
    except binascii.Error:
        raise InvalidQuery("this is not base64") from None


@ledgers.get("/ledger")
async def ledger(
    asking: Operating,
    pool: Serving,
    before: Annotated[int | None, Query(ge=1, le=1 << 53, description="Only lines with a lower number.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 50,
) -> Entries:
    """A page of the ledger of the store, newest first: whatever was erased or decided."""

    def work(view: Memoria) -> Entries:
        found = view.ledger_lines()
        some = found if before is None else found[: before - 1]
        shown = some[::-1][:limit]
        more = shown[-1].number if len(shown) < len(some) else None
        return Entries(lines=[Entry.of(one) for one in shown], count=len(found), before=more)

    return await pool.read(asking, work)


@ledgers.post("/ledger/verify", responses=problems(*SENT))
async def verify(body: Verify, asking: Operating, pool: Serving) -> Verified:
    """Verifies every line and signature of the ledger, and receipts against it."""
    receipts = [given(one) for one in body.receipts]
    found = await pool.read(asking, lambda view: view.verify_ledger(head=body.head, receipts=receipts))
    return Verified(
        lines=found.lines,
        signed=found.signed,
        head=found.head,
        keys=list(found.keys),
        receipts=found.receipts,
        problems=list(found.problems),
    )


@ledgers.get(
    "/ledger/export",
    response_class=Response,
    responses={200: {"content": {CBOR: {"schema": {"type": "string", "format": "binary"}}}, "description": "The file"}},
)
async def export(asking: Operating, pool: Serving) -> Response:
    """The ledger as one file, for whoever has the public key and no store."""
    data = await pool.read(asking, lambda view: view.export_ledger())
    return Response(data, media_type=CBOR, headers={"Content-Disposition": 'attachment; filename="ledger.cbor"'})


@ledgers.get("/ledger/key", responses=problems(404))
async def key(asking: Asking, pool: Serving) -> Key:
    """The public key by which receipts are verified."""

    def work(view: Memoria) -> Key:
        try:
            found = view.signing_key()
        except InvalidQuery:
            raise Problematic(404, "Nothing was signed yet") from None
        return Key(id=found.id, pem=found.pem)

    return await pool.read(asking, work)


@ledgers.get("/ledger/{number}/receipt", responses=problems(404))
async def receipt(number: Number, asking: Operating, pool: Serving) -> Statement:
    """One line as a signed receipt, with the items of a certificate of sanitisation."""

    def work(view: Memoria) -> Statement:
        try:
            signed = view.receipt(number)
        except InvalidQuery:
            raise Problematic(404, "No such line") from None
        fields = dict(certificate(signed).fields)
        return Statement(line=number, signed=base64.b64encode(signed).decode(), certificate=fields)

    return await pool.write(asking, work)


@ledgers.post("/receipts/verify", responses=problems(*SENT))
async def verify_receipt(body: Signed, asking: Asking, pool: Serving) -> Genuine:
    """Whether a receipt that somebody has is genuine, and in the ledger of this store."""

    def work(view: Memoria) -> Genuine:
        try:
            line = view.verify_receipt(given(body.signed))
        except InvalidInput as error:
            # Of the rest of the ledger, only an operator is told.
            why = str(error) if is_operator(asking) else "not signed by this store, or not in its ledger"
            return Genuine(genuine=False, line=None, action=None, at=None, problem=why)
        return Genuine(genuine=True, line=line.number, action=line.action, at=line.at, problem=None)

    return await pool.read(asking, work)

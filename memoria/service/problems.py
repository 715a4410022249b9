"""Errors as problem details (RFC 9457). They name rules, and never contain text of a client or a memory."""

from __future__ import annotations

import asyncio
import re
import time
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from memoria import errors
from memoria.service.notes import KEY

# The first class that an error is an instance of decides.
STATUS: tuple[tuple[type[errors.MemoriaError], int, str], ...] = (
    (errors.KeyConflict, 409, "The key is taken by another memory"),
    (errors.Forbidden, 409, "Kept out by a standing order"),
    (errors.Refused, 409, "Forgotten before"),
    (errors.InvalidInput, 422, "A rule is broken"),
    (errors.OrderNotFound, 404, "No such order"),
    (errors.PlanChanged, 409, "Not what was agreed to"),
    (errors.MemoryNotFound, 404, "No such memory"),
    (errors.NotPermitted, 403, "Not for a reader"),
    (errors.Held, 423, "Under a hold"),
    (errors.StoreFull, 507, "No space left"),
    (errors.ModelFailed, 502, "The model did not answer"),
    (errors.ModelNotFound, 503, "The model is not there"),
    (errors.StoreLocked, 503, "Not ready"),
    (errors.StoreClosed, 503, "Not ready"),
    (errors.StoreReadOnly, 503, "Not ready"),
    (errors.MemoriaError, 500, "The store cannot do it"),
)
MEDIA = "application/problem+json"
# Answers about ids are sent at multiples of this time (s): it must not tell an id of others from one that never was.
STEP = 0.02
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")


class Problem(BaseModel):
    """A problem (RFC 9457). violations: the rules that are broken, without the values that break them."""

    model_config = ConfigDict(json_schema_extra={"required": ["type", "title", "status"]})
    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    violations: list[str] | None = None


class Problematic(HTTPException):
    """An error of the service itself, such as a missing token."""

    def __init__(self, status: int, title: str, detail: str | None = None, headers: dict[str, str] | None = None):
        super().__init__(status, headers=headers)
        self.title, self.said = title, detail


def problem(
    status: int,
    title: str,
    detail: str | None = None,
    *,
    violations: list[str] | None = None,
    type: str = "about:blank",
    headers: Any = None,
) -> JSONResponse:
    """The answer for a problem, as application/problem+json."""
    said = Problem(type=type, title=title, status=status, detail=detail, violations=violations)
    return JSONResponse(said.model_dump(exclude_none=True), status, headers, media_type=MEDIA)


async def of_service(request: Request, error: Exception) -> JSONResponse:
    """Answers HTTP errors, ours and those of the framework."""
    assert isinstance(error, HTTPException)
    if isinstance(error, Problematic):
        return problem(error.status_code, error.title, error.said, headers=error.headers)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return problem(error.status_code, HTTPStatus(error.status_code).phrase, headers=headers)


def _methods(request: Request) -> set[str]:
    """All methods of a path, from the schema, because the framework names only those of the path's first route."""
    known = request.app.openapi()["paths"].items()
    fitting = (verbs for path, verbs in known if re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), request.url.path))
    return {verb.upper() for verbs in fitting for verb in verbs} or {"GET"}


async def of_body(request: Request, error: Exception) -> JSONResponse:
    """Answers a request that does not follow the schema."""
    assert isinstance(error, RequestValidationError)
    found = [f"{'.'.join(map(_place, one['loc']))}: {_QUOTED.sub('(withheld)', one['msg'])}" for one in error.errors()]
    return problem(422, "Not of the schema", violations=found)


def _place(part: Any) -> str:
    """One step of the path to a wrong value, without names that the client made up."""
    return str(part) if isinstance(part, int) or re.fullmatch(r"[a-z_]{1,20}", part) else "(withheld)"


async def of_memoria(request: Request, error: Exception) -> JSONResponse:
    """Answers an error of the library, with the status of the first line of `STATUS` that matches."""
    status, title = next((status, title) for kind, status, title in STATUS if isinstance(error, kind))
    if status == 404:
        since = time.monotonic() - request.scope[KEY].began
        await asyncio.sleep(STEP - since % STEP)
    violations = getattr(error, "violations", None)
    said = None if violations is None else [_QUOTED.sub("(withheld)", one) for one in violations]
    if isinstance(error, errors.Refused):
        said = [f"item {place} was forgotten here; readmit takes it back" for place in error.positions]
    if isinstance(error, errors.Forbidden):
        said = [f"item {place} holds what a standing order keeps out" for place in error.positions]
    headers = {"Retry-After": "1"} if status == 503 else None
    return problem(status, title, violations=said, type=f"urn:memoria:{type(error).__name__}", headers=headers)


async def of_us(request: Request, error: Exception) -> JSONResponse:
    """Answers an unexpected error, without its message."""
    # It is answered outside of the door.
    return problem(500, "A fault of the service", headers={"Cache-Control": "no-store"})

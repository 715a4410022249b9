"""The routes of the console: one document with all sections, what it loads, and signing in and out."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, StrictStr

from memoria.console.sections import SECTIONS
from memoria.extras import extra
from memoria.service.problems import Problematic
from memoria.service.sessions import SESSION_SECONDS, Sessions
from memoria.version import __version__

with extra("ui"):
    from jinja2 import Environment, PackageLoader, StrictUndefined

# Nothing from elsewhere, nothing inline, no frame around it, and no address of it told to others.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_TYPES = {"css": "text/css", "mjs": "text/javascript", "svg": "image/svg+xml"}


class SignIn(BaseModel):
    """A code of the address that was printed, or a token."""

    model_config = ConfigDict(extra="forbid")
    code: Annotated[StrictStr, Field(max_length=100)] | None = None
    token: Annotated[StrictStr, Field(max_length=1000)] | None = None


def attach(app: FastAPI, sessions: Sessions) -> None:
    """Serves the console beside the verbs of a service."""
    app.state.sessions = sessions
    # Pages hold nothing that is remembered, and look at who asks by themselves.
    app.state.ways.known.append(lambda scope: sessions.caller(Request(scope)))
    app.state.ways.open |= {"/", "/console", "/console/"}
    app.include_router(_pages)


def sessions(request: Request) -> Sessions:
    """The sessions of the service; every request is under a name of ours."""
    found: Sessions = request.app.state.sessions
    found.check_host(request)
    return found


Signed = Annotated[Sessions, Depends(sessions)]
_pages = APIRouter(include_in_schema=False)


@_pages.get("/")
async def root(_: Signed) -> RedirectResponse:
    """A fragment in the address stays with the browser, and goes along."""
    return RedirectResponse("/console", headers=HEADERS)


@_pages.get("/console")
async def document(_: Signed) -> HTMLResponse:
    """The page. It says nothing of what is remembered: its modules ask for that, by the API."""
    return HTMLResponse(rendered(), headers=HEADERS)


@_pages.get("/console/{name}.{kind}")
async def asset(name: str, kind: str, _: Signed) -> Response:
    """A style sheet, module or picture."""
    found = assets().get(f"{name}.{kind}")
    if found is None:
        raise Problematic(404, "No such file")
    return Response(found, headers={**HEADERS, "Content-Type": f"{_TYPES[kind]}; charset=utf-8"})


@_pages.get("/console/session")
async def whose(request: Request, signed: Signed) -> dict[str, Any]:
    """Whether this browser is signed in, for which namespace and as which reader."""
    caller = signed.caller(request)
    if caller is None:
        raise Problematic(401, "Not signed in")
    return {"namespace": list(caller.namespace), "reader": caller.reader}


@_pages.post("/console/session", status_code=204)
async def sign_in(body: SignIn, request: Request, response: Response, signed: Signed) -> None:
    """Opens a session: its secret is a cookie that scripts cannot read and that other sites cannot send."""
    signed.check_own(request)
    secret = signed.by_code(body.code) if body.code is not None else signed.by_token(body.token or "")
    if secret is None:
        raise Problematic(401, "No such code or token")
    response.set_cookie(
        signed.cookie,
        secret,
        max_age=int(SESSION_SECONDS),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


@_pages.delete("/console/session", status_code=204)
async def sign_out(request: Request, response: Response, signed: Signed) -> None:
    """Ends the session."""
    signed.check_own(request)
    signed.end(request)
    response.delete_cookie(signed.cookie, httponly=True, samesite="strict")


@cache
def rendered() -> str:
    """The document, the same for everybody."""
    environment = Environment(
        loader=PackageLoader("memoria.console"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("console.html").render(sections=SECTIONS, version=__version__)


@cache
def assets() -> dict[str, bytes]:
    """Everything in `static`, by name."""
    folder = files("memoria.console") / "static"
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.name.rpartition(".")[2] in _TYPES}

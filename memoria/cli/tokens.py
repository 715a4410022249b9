"""serve token: the tokens of the service, made, listed and ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text
from typer.core import TyperGroup

from memoria.cli.app import JsonOption, echo_json, err, out, parts
from memoria.cli.lengths import length
from memoria.cli.terminal import Grid, visible
from memoria.errors import InvalidQuery

if TYPE_CHECKING:
    from memoria.service.tokens import Caller

TokensOption = Annotated[
    Path, typer.Option("--tokens", envvar="MEMORIA_TOKENS", help="File with the hashes of tokens.")
]
DEFAULT_TOKENS = Path("memoria.tokens")


class _Group(TyperGroup):
    """`serve token NAMESPACE` makes a token, as `serve token make NAMESPACE` does."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and "--help" not in args:
            args = ["make", *args]
        return list(super().parse_args(ctx, args))


token_app = typer.Typer(
    cls=_Group,
    help="Tokens of the service. `memoria serve token NAMESPACE` makes one.",
    no_args_is_help=True,
)


@token_app.command()
def make(
    namespace: Annotated[str, typer.Argument(help="Namespace that it may use, with all below; parts joined by '/'.")],
    tokens: TokensOption = DEFAULT_TOKENS,
    reader: Annotated[
        str | None, typer.Option(help="Who sees by it what is visible to them; default sees all.")
    ] = None,
    role: Annotated[list[str] | None, typer.Option(help="Role of the reader; repeatable.")] = None,
    label: Annotated[str | None, typer.Option(help="What the list calls it.")] = None,
    expires: Annotated[
        str | None, typer.Option(help="Refused from then on: after 90d, 36h, 2w, or from a time (UTC).")
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="What it may do: read, write, forget, operate, metrics; repeatable. Default: the first 3."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Makes a token for a namespace, and for a reader in it, and prints it once; the file keeps only its hash."""
    from memoria.service.tokens import DEFAULT, digest, mint, read

    until = None if expires is None else _when(expires)
    made = mint(tokens, parts(namespace), reader, role or (), scopes=scope or DEFAULT, label=label, expires=until)
    if as_json:
        (told,) = (one for one in read(tokens) if one.digest == digest(made))
        echo_json({"token": made, **_plain(told)})
    else:
        typer.echo(made)
    err.print(Text(visible(f"Its hash is in {tokens}; `memoria serve token revoke` ends it.")))


@token_app.command("list")
def list_(tokens: TokensOption = DEFAULT_TOKENS, as_json: JsonOption = False) -> None:
    """Shows what tokens there are, by id, and when each was used last; the tokens themselves are nowhere."""
    from memoria.service.lastuse import last_used
    from memoria.service.tokens import read

    known, used = read(tokens), last_used(tokens)
    if as_json:
        echo_json([{**_plain(one), "last_used": used.get(one.id)} for one in known])
        return
    grid = Grid("id", "label", "namespace", "reader", "scopes", "expires", "last used")
    for one in known:
        scopes = ", ".join(sorted(one.scopes))
        expiry = "never" if one.expires is None else _shown(one.expires)
        last = used.get(one.id)
        when = "" if last is None else _shown(last)
        grid.add(one.id, one.label or "", "/".join(one.namespace), one.reader or "", scopes, expiry, when)
    if known:
        grid.show(out)
    err.print(f"{len(known)} {'token' if len(known) == 1 else 'tokens'}.")


@token_app.command()
def revoke(
    id: Annotated[str, typer.Argument(help="Its id, as the list shows it.")],
    tokens: TokensOption = DEFAULT_TOKENS,
    as_json: JsonOption = False,
) -> None:
    """Ends a token: a service that runs refuses it at once."""
    from memoria.service.tokens import revoke as end

    ended = end(tokens, id)
    if as_json:
        echo_json({"revoked": _plain(ended)})
        return
    err.print(Text(visible(f"Token {ended.id} of {'/'.join(ended.namespace)} has ended.")))


def _plain(caller: Caller) -> dict[str, Any]:
    """What may be told of a token: all but its hash."""
    told: dict[str, Any] = {"id": caller.id, "label": caller.label, "namespace": caller.namespace}
    told |= {"scopes": sorted(caller.scopes), "expires": caller.expires}
    return told if caller.reader is None else told | {"reader": caller.reader, "roles": caller.roles}


def _shown(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def _when(text: str) -> datetime:
    """The time that an option says: so long from now, or a date or time, in UTC where it names no zone."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return datetime.now(UTC) + _length(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _length(text: str) -> timedelta:
    try:
        return length(text)
    except InvalidQuery:
        raise InvalidQuery("expires is neither a length of time such as 90d or 36h, nor a time of ISO 8601") from None

"""config: what the command line takes by default, and where each value comes from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from memoria.cli.app import JsonOption, app, as_json, echo_json, err, out
from memoria.cli.filters import note
from memoria.cli.layers import ENVIRONMENT, OTHERS, PREFIX, project_file, user_file
from memoria.cli.terminal import Grid, visible
from memoria.errors import InvalidInput
from memoria.stores.registry import without_password

config_app = typer.Typer(help="What commands take by default, and where it comes from.", invoke_without_command=True)
app.add_typer(config_app, name="config")

KeyArgument = Annotated[str, typer.Argument(help="Name of the setting, as in the list.")]
ProjectOption = Annotated[
    bool, typer.Option("--project", help="In the file of this folder: memoria.toml, or pyproject.toml if it has one.")
]
# What is shown of a secret.
SET = "(set)"


@config_app.callback()
def config(context: typer.Context, as_json: JsonOption = False) -> None:
    """Lists every setting, its value, and where that comes from.

    An option comes before the environment (MEMORIA_TIMEOUT=20), that before memoria.toml or [tool.memoria] of
    pyproject.toml in this folder, that before the user's file (memoria/config.toml in $XDG_CONFIG_HOME, or in
    ~/.config), and that before the default.
    """
    if context.invoked_subcommand is not None:
        return
    from memoria.cli.settings import NAMES, resolved

    rows = {key: (_safe(key, value), place) for key, (value, place) in resolved().items()}
    if as_json:
        echo_json({key: {"value": value, "source": place, "about": NAMES[key]} for key, (value, place) in rows.items()})
    else:
        grid = Grid("setting", "value", "source", "about")
        for key, (value, place) in rows.items():
            grid.add(key, _plain(value), place, NAMES[key])
        grid.show(out)
    for name in _unknown(NAMES):
        note(f"{visible(name)} in the environment is no setting.")
    note(f"The user's file: {visible(user_file())}")


def _unknown(names: Any) -> list[str]:
    """Variables that look like settings and are none."""
    known = {f"{PREFIX}{name.upper()}" for name in names} | OTHERS
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)


@config_app.command()
def get(key: KeyArgument, as_json: JsonOption = False) -> None:
    """Prints the value of one setting."""
    from memoria.cli.settings import check_key, resolved

    check_key(key)
    value, place = resolved()[key]
    shown = _safe(key, value)
    echo_json({"key": key, "value": shown, "source": place}) if as_json else typer.echo(visible(_plain(shown)))


@config_app.command("set")
def set_(
    key: KeyArgument,
    value: Annotated[str, typer.Argument(help="Its value, as it would be in the environment.")],
    project: ProjectOption = False,
    as_json: JsonOption = False,
) -> None:
    """Writes a setting into the user's file, or into that of this folder. Comments and all else stay."""
    from memoria.cli import settings

    settings.check_key(key)
    (typed,) = settings.checked("memoria config set", {key: value}, written=False).values()
    raw = typed.get_secret_value() if key in settings.SECRETS else typed
    path, table = _file(project=project)
    if project:
        settings.local(str(path), {key: raw})
    _write(path, table, key, raw)
    _said(key, _safe(key, typed), path, as_json=as_json)


@config_app.command()
def unset(key: KeyArgument, project: ProjectOption = False, as_json: JsonOption = False) -> None:
    """Takes a setting out of the user's file, or of that of this folder, also one that is none."""
    path, table = _file(project=project)
    _write(path, table, key, None)
    _said(key, None, path, as_json=as_json)


def _file(*, project: bool) -> tuple[Path, tuple[str, ...]]:
    return project_file() if project else (user_file(), ())


def _write(path: Path, table: tuple[str, ...], key: str, value: Any) -> None:
    from memoria.cli.settings import check_key, read
    from memoria.cli.toml import replace, with_value

    there = read(path)
    for name in table:
        there = there.get(name, {})
    if value is None and key not in there:
        check_key(key)
        return
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    try:
        replace(path, with_value(text, table, key, value))
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from None


def _said(key: str, value: Any, path: Path, *, as_json: bool) -> None:
    """What is so now; and on stderr, when something above the file says otherwise."""
    if as_json:
        echo_json({"key": key, "value": value, "file": str(path)})
    else:
        did = "is not set" if value is None else f"= {_plain(value)}"
        err.print(Text(visible(f"{key} {did} in {path}")), soft_wrap=True)
    if os.environ.get(f"{PREFIX}{key.upper()}"):
        note(f"{PREFIX}{visible(key).upper()} in the {ENVIRONMENT} comes before it.")


def _safe(key: str, value: Any) -> Any:
    """A value without what is secret: keys, and passwords in URLs."""
    from memoria.cli.settings import SECRETS

    if key in SECRETS:
        return None if value is None else SET
    return without_password(value) if isinstance(value, str) else value


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else as_json(value)

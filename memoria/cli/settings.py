"""Settings: what the command line takes when an option is not given, and where each value comes from.

An option comes before the environment (MEMORIA_...), that before memoria.toml or [tool.memoria] of pyproject.toml in
the folder where the command runs, that before the user's own file, and that before the default.

A folder may be somebody else's. So the files in it cannot send memories elsewhere: an endpoint, its key and a store on
a server are taken from the environment and the user's file alone.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from memoria.cli import unlock as unlocking
from memoria.cli.layers import ENVIRONMENT, PREFIX, Layer, project_file, user_file
from memoria.errors import InvalidInput
from memoria.policies.registry import names
from memoria.stores.registry import is_url
from memoria.text.language import LANGUAGES
from memoria.types import ENDINGS, Endings
from memoria.zones import as_zone

DEFAULT = "default"


def _zone(name: str | None) -> str | None:
    try:
        as_zone(name)
    except InvalidInput as error:
        raise ValueError(str(error)) from None
    return name


def _policy(name: str | None) -> str | None:
    if name is not None and name not in names():
        raise ValueError(f"it is one of {', '.join(names())}")
    return name


def _language(code: str | None) -> str | None:
    if code is not None and code not in LANGUAGES:
        raise ValueError(f"it is one of {', '.join(LANGUAGES)}")
    return code


class Settings(BaseSettings):
    """Every setting, with its rule, its default and what it is for."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    store: Annotated[str, Field(min_length=1)] = Field("agent.memoria", description="Directory or URL of the store.")
    namespace: str = Field("", description="Namespace, parts joined by '/'.")
    zone: Annotated[str | None, AfterValidator(_zone)] = Field(
        None, description="Where days begin and end, such as Asia/Tokyo; UTC otherwise."
    )
    timeout: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        10.0, description="Seconds to wait for another writer."
    )
    output: Literal["auto", "json"] = Field("auto", description="json: print JSON wherever a command can.")
    color: Literal["auto", "always", "never"] = Field(
        "auto", description="auto: on a terminal; always: tables and colours in a pipe, too; never: no colours."
    )
    embedder: str | None = Field(None, description="Embedder of new stores.")
    language: Annotated[str | None, AfterValidator(_language)] = Field(
        None, description="Language of new stores, as a code of ISO 639-1."
    )
    policy: Annotated[str | None, AfterValidator(_policy)] = Field(
        None, description="How memories fade; what the store has adopted otherwise."
    )
    endings: Endings = Field("commands", description=f"What may end a memory by itself: {', '.join(ENDINGS)}.")
    judge: Literal["learnt", "none"] = Field("learnt", description="Who judges what a statement makes untrue.")
    guard_days: Annotated[float | None, Field(gt=0)] = Field(
        None, description="Days for which a forgotten text is refused; for ever otherwise."
    )
    guard_key: str | None = Field(
        None, description="File with the guard key of a store, or env:NAME; the store itself has the key otherwise."
    )
    unlock: Annotated[str | None, AfterValidator(unlocking.check)] = Field(
        None, description="What opens a sealed store: env:NAME, file:PATH, keyring, keyring:SERVICE/USER or ask."
    )
    k: Annotated[int, Field(ge=1)] = Field(5, description="Memories that recall returns.")
    limit: Annotated[int, Field(ge=1)] = Field(50, description="Memories that list shows.")
    model: str | None = Field(None, description="Model of chat, as for --model; found by what is there otherwise.")
    base_url: str | None = Field(None, description="URL of an OpenAI-compatible endpoint for chat.")
    api_key: SecretStr | None = Field(None, description="Its key; OPENAI_API_KEY otherwise.")
    user: Annotated[str, Field(min_length=1)] = Field("user", description="Your name in chat.")
    budget_tokens: Annotated[int, Field(ge=64)] = Field(1500, description="Tokens of a prompt of chat, at most.")
    extract: Literal["rules", "model", "none"] = Field("rules", description="What finds facts in what you say in chat.")
    idle: Annotated[float, Field(ge=0)] = Field(60.0, description="Seconds of silence until chat sleeps; 0 is never.")
    tools: bool = Field(True, description="Whether the model of chat may call the memory as a tool.")
    host: str = Field("127.0.0.1", description="Address that serve listens on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8017, description="Port of serve.")
    tokens: str = Field("memoria.tokens", description="File with the hashes of tokens of serve.")
    warm: bool = Field(False, description="Whether commands leave a warm process behind for the next ones.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Values alone: each source is read and checked on its own, so that a mistake names it."""
        return (init_settings,)


class Written(Settings):
    """The same as they are in a file, where "10" is no number."""

    model_config = SettingsConfigDict(strict=True)


NAMES = {name: str(field.description) for name, field in Settings.model_fields.items()}
"""What each setting is for, by its name."""
SECRETS = frozenset({"api_key"})


def check_key(key: str) -> None:
    """Raises InvalidInput for what is no setting, with the nearest that is one."""
    if key not in NAMES:
        raise InvalidInput(_unknown(key))


def _unknown(key: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(key, NAMES, n=1, cutoff=0.5)
    return f"{key}: no such setting: " + (f"did you mean {near[0]}?" if near else "memoria config lists all")


def checked(place: str, values: Mapping[str, Any], *, written: bool) -> dict[str, Any]:
    """The values of one source as their types say; raises InvalidInput with the source, each key and its rule."""
    try:
        made = (Written if written else Settings)(**values)
    except ValidationError as error:
        raise InvalidInput(*(f"{place}: {_mistake(dict(one))}" for one in error.errors())) from None
    return {key: getattr(made, key) for key in values}


def _mistake(found: Mapping[str, Any]) -> str:
    key = str(found["loc"][0])
    if found["type"] == "extra_forbidden":
        return _unknown(key)
    rule = str(found["msg"]).removeprefix("Value error, ")
    return f"{key}: {rule.replace('Input should', 'it should', 1)}"


def local(place: str, values: Mapping[str, Any]) -> None:
    """Raises InvalidInput when the file of a folder would send memories elsewhere."""
    away = [key for key in ("api_key", "base_url") if key in values]
    away += ["model"] if "@http" in str(values.get("model", "")) else []
    away += ["store"] if is_url(str(values.get("store", ""))) else []
    if away:
        raise InvalidInput(
            *(
                f"{place}: {key}: a file in a folder cannot send memories to a server, for the folder may be somebody "
                f"else's: set it in {user_file()}, or as {PREFIX}{key.upper()}"
                for key in away
            )
        )


def from_environment() -> Layer:
    """The settings in the environment."""
    return Layer(ENVIRONMENT, None, checked(ENVIRONMENT, EnvSettingsSource(Settings)(), written=False))


def from_file(path: Path, *, table: tuple[str, ...] = (), own: bool = False) -> Layer:
    """The settings in a file. table: where in it. own: whether it is the user's, and no folder's."""
    place = f"{path} [{'.'.join(table)}]" if table else str(path)
    values = read(path)
    for name in table:
        values = values.get(name, {})
        if not isinstance(values, dict):
            raise InvalidInput(f"{path}: {name} is no table")
    if not own:
        local(place, values)
    typed = checked(place, values, written=True)
    return Layer(place, path, {key: _placed(key, value, path) for key, value in typed.items()})


def _placed(key: str, value: Any, path: Path) -> Any:
    """A path in a file is seen from the folder of the file; ~ is the user's."""
    if key not in ("store", "tokens") or is_url(str(value)):
        return value
    full = path.parent / Path(value).expanduser()
    return os.path.relpath(full) if full.is_relative_to(Path.cwd()) else str(full)


def read(path: Path) -> dict[str, Any]:
    """The tables of a TOML file, none when it is not there; raises InvalidInput for what is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        rule = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "it is not UTF-8"
        raise InvalidInput(f"{path} is no TOML: {rule}") from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from None


def layers() -> Iterator[Layer]:
    """All sources with a value, the first to be asked first."""
    yield from_environment()
    path, table = project_file()
    yield from_file(path, table=table)
    yield from_file(user_file(), own=True)


def resolved() -> dict[str, tuple[Any, str]]:
    """The value of each setting, and where it comes from."""
    defaults = {
        key: (field.get_default(call_default_factory=True), DEFAULT) for key, field in Settings.model_fields.items()
    }
    for layer in reversed(list(layers())):
        defaults |= {key: (value, layer.name) for key, value in layer.values.items()}
    return defaults

"""Which model a conversation gets when nobody says: an endpoint, an Ollama, or quotations alone."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from memoria.errors import InvalidQuery, ModelFailed
from memoria.models import as_model, ollama
from memoria.models.chat import ChatModel
from memoria.models.quoting import Quoting

SMALL = "smollm2"
WARNING = (
    "no endpoint in OPENAI_BASE_URL, and no Ollama with a model at {url}: what is remembered is quoted word for word, "
    "and a small model says the rest, badly"
)
_SECONDS = 5.0
# Models of an endpoint that do not talk.
_SILENT = ("embed", "rerank", "whisper", "tts", "dall-e", "moderation", "image", "transcribe")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A model, and what it is, in one line. warning: what is to be known of it before; "" for nothing."""

    model: ChatModel
    told: str
    warning: str = ""


def find(
    name: str | None = None, *, base_url: str | None = None, api_key: str | None = None, model: str | None = None
) -> Found:
    """The model of a name; without one, that of an endpoint, or of an Ollama that answers, or the small one, quoting.

    name: as of `as_model`, or ollama:MODEL. base_url, api_key: of an endpoint; None is OPENAI_BASE_URL, OPENAI_API_KEY.
    model: which of the endpoint's.

    Raises as `as_model` does; ModelFailed when an endpoint is named and does not say which models it has.
    """
    base_url = base_url or os.environ.get("OPENAI_BASE_URL") or None
    if name is not None:
        return _named(name, base_url, api_key)
    if base_url is not None:
        return _endpoint(model or _first(base_url, api_key), base_url, api_key)
    url = ollama.address()
    there = ollama.models(url)
    if there:
        return Found(model=ollama.Ollama(there[0], host=url), told=f"{there[0]}, by Ollama at {url}")
    return _quoting(WARNING.format(url=url))


def _named(name: str, base_url: str | None, api_key: str | None) -> Found:
    if name == SMALL:
        return _quoting("")
    form, _, rest = name.partition(":")
    if form == "openai" and rest and "@http" not in rest and (base_url or api_key):
        return _endpoint(rest, base_url, api_key)
    if form == "openai" and api_key and "@http" in rest:
        served, _, url = rest.rpartition("@http")
        return _endpoint(served, f"http{url}", api_key)
    return Found(model=as_model(name), told=_shown(name))


def _quoting(warning: str) -> Found:
    return Found(model=Quoting(lambda: as_model(SMALL)), told=f"quotations, and {SMALL}", warning=warning)


def _endpoint(model: str, base_url: str | None, api_key: str | None) -> Found:
    from memoria.models.openai import OpenAI

    return Found(
        model=OpenAI(model, base_url=base_url, api_key=api_key), told=f"{model}, at {_shown(base_url or 'OpenAI')}"
    )


def _first(base_url: str, api_key: str | None) -> str:
    """The first model of an endpoint that talks; raises ModelFailed when there is none to be seen."""
    said = _models(base_url, api_key or os.environ.get("OPENAI_API_KEY"))
    ids = [str(one["id"]) for one in said if isinstance(one, dict) and "id" in one]
    talking = [one for one in ids if not any(word in one.casefold() for word in _SILENT)]
    if not talking:
        raise ModelFailed(
            f"{_shown(base_url)} does not say which models it has: name one with --model openai:MODEL, or give "
            f"--model {SMALL} to do without it"
        )
    return talking[0]


def _models(base_url: str, api_key: str | None) -> list[Any]:
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidQuery("OPENAI_BASE_URL is no URL: give http://HOST:PORT/v1")
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname, port, timeout=_SECONDS)
    headers: Mapping[str, str] = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}/models", headers=dict(headers))
        answer = connection.getresponse()
        found = json.loads(answer.read()) if answer.status == 200 else {}
    except (OSError, HTTPException) as error:
        raise ModelFailed(
            f"{_shown(base_url)} cannot be reached: start it, or give --model {SMALL} to do without it"
        ) from error
    except ValueError:
        found = {}
    finally:
        connection.close()
    data = found.get("data") if isinstance(found, dict) else None
    return data if isinstance(data, list) else []


def _shown(url: str) -> str:
    """A URL, or a name with one, without a password in it."""
    before, at, rest = url.rpartition("@http")
    if at:
        return f"{before}{at}{_shown(f'http{rest}')[4:]}"
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="").geturl() if parts.netloc else url

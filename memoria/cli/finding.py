"""The model that a command asks: the one that is named, or what is there, by the settings."""

from __future__ import annotations

from memoria.cli.app import chosen
from memoria.models.found import Found, find


def there(name: str | None) -> Found:
    """The model of a name, or an endpoint's, or an Ollama's, or the small one; raises as `find` does."""
    key = chosen("api_key")
    return find(name, base_url=chosen("base_url"), api_key=None if key is None else key.get_secret_value())

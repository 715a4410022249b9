"""Settings as the defaults of options, in the form in which the command line looks them up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The parameter of a setting, where it is called otherwise.
_PARAMETERS = {"output": "as_json"}
# Commands that are given no such default: what they do is measured, or they would do more with it than was asked.
_NOT = {
    "namespace": {"forget"},
    "embedder": {"retrieval", "compare", "calibrate", "fit", "injection", "languages", "suite", "reembed"},
    "language": {"languages"},
    "endings": {"forgetting", "changes"},
    "model": {"distill", "sleep"},
    "budget_tokens": {"recall"},
    "policy": {"prospective"},
    "k": {"agree"},
}


def of_options(values: Mapping[str, Any], command: Any, name: str = "") -> dict[str, Any]:
    """The defaults of a command and of those below it: values by parameter, and again such maps by command."""
    there = {parameter.name for parameter in command.params if parameter.param_type_name == "option"}
    found: dict[str, Any] = {}
    for key, value in values.items():
        parameter = _PARAMETERS.get(key, key)
        if parameter in there and name not in _NOT.get(key, ()):
            found[parameter] = value == "json" if key == "output" else value
    below = getattr(command, "commands", {})
    return found | {one: of_options(values, inner, one) for one, inner in below.items()}

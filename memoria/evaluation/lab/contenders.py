"""Contenders in the lab: a policy with its parameters, and what becomes of superseded memories."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from memoria.errors import InvalidInput
from memoria.policies import registry
from memoria.protocols import DecayPolicy

SUPERSEDE = "+supersede"
ENDED_FIRST = "+ended-first"
# Models of forgetting that `policies tune` compares.
MODELS = ("exponential", "savings", "power-law", "act-r", "fsrs", "generative-agents", "downscaling", "disuse")
# Baselines, what a store keeps by where no policy is given, and the models that are ahead of all others on a workload
# (docs/research/policies.md); the rest of the registry can be named.
DEFAULT = ("fifo", "lru", "lfu", "random", "exponential", "salience", "fsrs", "disuse")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A policy to compare. label: its name in reports.

    supersedes: whether an update drops the older version. ended_first: whether what was superseded goes before all else
    when room is needed, as under the budgets of a store.
    """

    label: str
    policy: DecayPolicy
    supersedes: bool = False
    ended_first: bool = False

    def fingerprint(self) -> str:
        """A text that is equal for equal contenders, whatever their labels."""
        more = (SUPERSEDE if self.supersedes else "") + (ENDED_FIRST if self.ended_first else "")
        return registry.fingerprint(self.policy) + more


def contender(text: str) -> Contender:
    """From text such as `fsrs`, `act-r:c=0,tau=-2`, `lru+supersede` or `salience:base=fsrs+ended-first`.

    Raises InvalidInput.
    """
    plain = text.removesuffix(SUPERSEDE).removesuffix(ENDED_FIRST)
    name, _, given = plain.partition(":")
    parameters = dict(parameter(one) for one in given.split(",") if one)
    return Contender(
        label=text,
        policy=registry.make(name, **parameters),
        supersedes=text == plain + SUPERSEDE,
        ended_first=text == plain + ENDED_FIRST,
    )


def parameter(text: str) -> tuple[str, Any]:
    """name=value, where a value that is no JSON is text; raises InvalidInput."""
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidInput(f"parameter {text!r} is not name=value")
    try:
        return name.strip(), json.loads(value)
    except json.JSONDecodeError:
        return name.strip(), value

"""Policies by name: ours, and those that other packages name as entry points of the group `memoria.policies`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

from memoria import plugins, policies
from memoria.errors import InvalidInput
from memoria.policies.model import Model
from memoria.protocols import DecayPolicy, Store

GROUP = "memoria.policies"
ADOPTED, KEEPER = "policy", "keeper"
"""Notes of a store: the policy that it opens with, and the one by which its budgets keep memories."""
OURS: dict[str, Callable[..., DecayPolicy]] = {
    "exponential": policies.Exponential,
    "savings": policies.Savings,
    "power-law": policies.PowerLaw,
    "act-r": policies.ActR,
    "fsrs": policies.FSRS6,
    "generative-agents": policies.GenerativeAgents,
    "downscaling": policies.Downscaling,
    "disuse": policies.Disuse,
    "interference": policies.Interference,
    "protect": policies.Protect,
    "floor": policies.Floor,
    "faster": policies.Faster,
    "salience": policies.Salience,
    "never": policies.Never,
    "fifo": policies.Fifo,
    "lru": policies.Lru,
    "lfu": policies.Lfu,
    "random": policies.Random,
}

OPERATORS = frozenset({"protect", "floor", "faster", "interference", "salience"})
"""Those that have a base."""


def names() -> list[str]:
    """Every known name, ours first."""
    return plugins.names(GROUP, OURS)


def make(name: str, **parameters: Any) -> DecayPolicy:
    """The policy of a name; raises InvalidInput for an unknown name or parameter. A `base` may be a name too."""
    found = plugins.find(GROUP, OURS, name)
    if found is None:
        raise InvalidInput(f"policy {name!r} is not one of {', '.join(names())}")
    if isinstance(parameters.get("base"), str):
        parameters["base"] = make(parameters["base"])
    try:
        made: DecayPolicy = found(**parameters)
    except TypeError as error:
        raise InvalidInput(f"policy {name!r}: {error}") from None
    return made


def parameters(policy: DecayPolicy) -> dict[str, Any]:
    """Its parameters by name, other policies inside it as text."""
    if not is_dataclass(policy):
        return {}
    plain = (int, float, str, tuple)
    found = {one.name: getattr(policy, one.name) for one in fields(policy)}
    return {name: value if isinstance(value, plain) else repr(value) for name, value in found.items()}


def fingerprint(policy: DecayPolicy) -> str:
    """What tells two policies apart, across processes: the value itself, or the class of one that is no value."""
    kind = type(policy)
    return repr(policy) if is_dataclass(policy) else f"{kind.__module__}.{kind.__qualname__}"


def adopted(store: Store, note: str = ADOPTED, **given: Any) -> DecayPolicy | None:
    """The policy that was fitted to this store and taken; None when there is none.

    note: `KEEPER` for the one by which budgets keep memories. given: parameters where none were noted.
    """
    noted = store.note(note)
    if not noted:
        return None
    found = json.loads(noted)
    known = {name: tuple(value) if isinstance(value, list) else value for name, value in found["parameters"].items()}
    return make(found["name"], **given | known) if found["name"] in OPERATORS else make(found["name"], **known)


def adopt(store: Store, name: str, policy: DecayPolicy, note: str = ADOPTED) -> None:
    """Makes `policy` the one that this store opens with; with `KEEPER`, the one by which its budgets keep memories.

    The base of an operator is not noted: it is what the store fades by.
    """
    values = parameters(policy)
    if name in OPERATORS:
        values.pop("base", None)
    store.write_note(note, json.dumps({"name": name, "parameters": values}))


def keeper(store: Store, policy: DecayPolicy) -> DecayPolicy:
    """The policy by which budgets keep memories where nobody chose one: what was adopted for it, or `Salience`.

    policy: how the memories of the store fade.
    """
    # An operator needs more of its base than the protocol has: a policy of somebody else keeps by itself.
    if not isinstance(policy, Model):
        return policy
    return adopted(store, KEEPER, base=policy) or policies.Salience(base=policy)

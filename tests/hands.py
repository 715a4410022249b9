"""A hand: one of many that write the same store at once, and keeps account of all that was acknowledged to it.

    python -m tests.hands PLACE NAME OPERATIONS

prints its account as JSON.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import memoria
from memoria.testing import HashEmbedder
from memoria.types import Proposal

EMBEDDER = HashEmbedder(16)
SHARED = 8
# Of the memories that all hands amend, each hand has one field to itself.
FIELDS: tuple[str, ...] = ("text", "subject", "salience", "tags", "metadata", "kind")


@dataclass
class Account:
    """What was acknowledged.

    own: texts by id of what this hand remembered and has not forgotten. gone: ids of what it forgot.
    after: what superseded or ended, by id, and what it did so to. judged: ids of those that ended it as a detector read
    it: as long as neither text changes. keyed: ids by the key that every hand remembers under.
    fields: its field of each shared memory, by id.
    """

    own: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    judged: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    keyed: dict[str, str] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    acknowledged: int = 0

    @property
    def ended(self) -> set[str]:
        """What is superseded or ended; forgetting its successor, or the statement, reinstates it."""
        return {old for new, old in self.after.items() if {old, new} <= set(self.own)}


def work(memory: memoria.Memoria, name: str, operations: int, column: int, shared: list[str]) -> Account:
    """Writes at random; memories of its own in a namespace that it shares with every second hand."""
    rng, account = random.Random(name), Account()
    home = memory.namespace("hands", str(column % 2))
    acts: tuple[Callable[[int], None], ...] = (
        lambda n: _remember(home, account, f"{name} says {n}."),
        lambda n: _remember_many(home, account, [f"{name} says {n}, line {line}." for line in range(3)]),
        lambda n: _remember_keyed(memory, account, n),
        lambda n: _amend_shared(memory, account, rng.choice(shared), column, f"{name} {n}"),
        lambda n: _amend(home, account, rng, f"{name} says otherwise at {n}."),
        lambda n: _supersede(home, account, rng, f"{name} takes it back at {n}."),
        lambda n: _end(home, account, rng, f"{name} no longer says so at {n}."),
        lambda n: _forget(home, account, rng),
        lambda n: home.archive(*rng.sample(sorted(account.own), min(2, len(account.own)))),
        lambda n: home.reinforce(*rng.sample(sorted(account.own), min(2, len(account.own)))),
    )
    for n in range(operations):
        rng.choices(acts, (6, 2, 3, 3, 3, 2, 2, 4, 1, 1) if account.own else (1, *[0] * 9))[0](n)
        account.acknowledged += 1
    return account


def _remember(home: memoria.Memoria, account: Account, text: str) -> None:
    account.own[home.remember(text).id] = text


def _remember_many(home: memoria.Memoria, account: Account, texts: list[str]) -> None:
    account.own |= {one.id: one.text for one in home.remember_many(texts)}


def _remember_keyed(memory: memoria.Memoria, account: Account, n: int) -> None:
    key = f"k{n}"
    account.keyed[key] = memory.namespace("keyed").remember(f"All hands say {n}.", key=key).id


def _amend_shared(memory: memoria.Memoria, account: Account, id: str, column: int, value: str) -> None:
    which = FIELDS[column % len(FIELDS)]
    values: dict[str, Any] = {
        "text": value,
        "subject": value,
        "salience": len(value) % 10 / 10,
        "tags": (value,),
        "metadata": {"said": value},
        "kind": ("episodic", "semantic", "procedural")[len(value) % 3],
    }
    memory.amend(id, **{which: values[which]})
    account.fields[id] = values[which]


def _amend(home: memoria.Memoria, account: Account, rng: random.Random, text: str) -> None:
    id = rng.choice(sorted(account.own))
    home.amend(id, text=text)
    account.own[id] = text
    for new in [new for new in account.judged if id in (new, account.after[new])]:
        account.judged.remove(new)
        del account.after[new]


def _end(home: memoria.Memoria, account: Account, rng: random.Random, text: str) -> None:
    """A statement that a detector reads as the end of a memory; what it had ended stands again when it is forgotten."""
    once = sorted(set(account.own) - account.ended - set(account.after))
    if once:
        old, new = rng.choice(once), home.remember(text)
        account.own[new.id] = text
        read = Proposal(action="delete", by=new.id, ends=(old,), at=new.created_at, keep=text, reason="a test")
        assert len(home.reconcile(new, detector=lambda statement, seen: [read], phrases=lambda text: [text])) == 1
        account.after[new.id] = old
        account.judged.append(new.id)


def _supersede(home: memoria.Memoria, account: Account, rng: random.Random, text: str) -> None:
    once = sorted(set(account.own) - account.ended - set(account.after))
    if once:
        old = rng.choice(once)
        new = home.supersede(old, text).id
        account.own[new], account.after[new] = text, old


def _forget(home: memoria.Memoria, account: Account, rng: random.Random) -> None:
    going = rng.sample(sorted(account.own), min(rng.choice((1, 1, 3)), len(account.own)))
    home.forget(*going)
    for id in going:
        del account.own[id]
    account.gone += going


if __name__ == "__main__":
    with memoria.open(sys.argv[1], embedder=EMBEDDER, reinforce="never") as opened:
        kept = work(opened, sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])
    sys.stdout.write(json.dumps(asdict(kept)))

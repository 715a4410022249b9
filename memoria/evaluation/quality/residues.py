"""Residue: whether verification cries wolf over short texts, and whether it overlooks what is planted."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from memoria.engine.memory import Memoria
from memoria.engine.opening import open as open_memoria
from memoria.evaluation.quality.languages import LANGUAGES, pairs
from memoria.evaluation.quality.planting import Victim, planted, plants
from memoria.forget.verifying import sought, verified
from memoria.protocols import Embedder, Progress
from memoria.remember import Draft
from memoria.stores.local import LocalStore
from memoria.types import Memory

_BATCH = 250
_KEPT = 200
# What files have anyway: words of schemas, of JSON, of CBOR, of receipts, of SQL, and what bytes by chance spell.
_SPELLED = """
no yes I a ok name text key keys id ids memory namespace label link passage chain ledger line statement action at
row slot kind tags subject metadata provenance session speaker NULL true false {} [] : , " ' . 0 1 7 42. 007
INTEGER BLOB TABLE CREATE sealed hash file note meta value erase prune verify recover method receipt asked guard
exact near none SQLite MEMSLOTS cryptographic files bytes found needles checks memoria urn:memoria:ledger
application vnd cbor store prev digest count facts reason episodic semantic procedural 1970 2026 INSERT DELETE
WITHOUT ROWID INTEGER PRIMARY KEY NOT DEFAULT standing due recalled fades_at last_retrieved embedder.name
embedder.dimension clean epoch wiping store.check ledger.head ledger.signer public first sha256 utf-8
"""
_WORDS = _SPELLED.split()


def evaluate(
    embedder: Embedder, folder: Path, progress: Progress, *, texts: int = 10_000, plants: int = 1_000, seed: int = 0
) -> dict[str, Any]:
    """False alarms over so many short texts, and misses among so many plants, in two stores in a folder."""
    return {
        "texts": texts,
        "alarms": _alarms(embedder, folder / "alarms", progress, texts, seed),
        "plants": plants,
        **_misses(embedder, folder / "plants", progress, plants, seed),
    }


def short_texts(rng: random.Random) -> Iterator[str]:
    """Texts of a letter to a few words, in twelve languages, digits and words of the files themselves, without end."""
    said = [word for language in LANGUAGES for pair in pairs(language) for text in pair for word in text.split()]
    spelled = sorted({letter for word in said for letter in word})
    while True:
        kind = rng.randrange(6)
        if kind == 0:
            yield rng.choice(_WORDS)
        elif kind == 1:
            yield rng.choice(said)
        elif kind == 2:
            yield str(rng.randrange(10 ** rng.randint(1, 9)))
        elif kind == 3:
            yield rng.choice(spelled)
        elif kind == 4:
            yield "".join(rng.choices(spelled, k=rng.randint(1, 6))).strip() or "x"
        else:
            yield " ".join(rng.choices(_WORDS, k=2))


def _opened(embedder: Embedder, folder: Path) -> Memoria:
    return open_memoria(folder, embedder=embedder, judge=None, endings="never")


def _alarms(embedder: Embedder, folder: Path, progress: Progress, count: int, seed: int) -> dict[str, int]:
    """How often each thing was found that is not there: nothing is, for every memory was forgotten rightly."""
    rng, found = random.Random(seed), Counter[str]()
    made = short_texts(rng)
    with _opened(embedder, folder) as memory:
        memory.namespace("kept").remember_many(_long(rng, _KEPT), readmit=True)
        memory.hold(memory.list()[0], reason="held")
        for done in range(0, count, _BATCH):
            some = [next(made) for _ in range(min(_BATCH, count - done))]
            # Some are said by somebody else as well, and stay.
            memory.namespace("kept").remember_many([Draft(text=text) for text in some[:5]], readmit=True)
            drafts = [Draft(text=text, subject=rng.choice(("ada", "no", None))) for text in some]
            ids = memory.namespace("gone").remember_many(drafts, readmit=True)
            memory.recall(some[0])
            receipt = memory.forget(*ids, verify=True, guard=rng.choice(("exact", "none")))
            assert receipt.verification is not None
            found.update(receipt.verification.left)
            progress("short texts", done + len(some), count)
    return dict(found)


def _misses(embedder: Embedder, folder: Path, progress: Progress, count: int, seed: int) -> dict[str, Any]:
    """Plants that were not found, by name, and how many there were of each."""
    rng = random.Random(seed)
    tried, missed, clean = Counter[str](), Counter[str](), 0
    short = short_texts(rng)
    with _opened(embedder, folder) as memory:
        memory.namespace("other").remember_many(_long(rng, 20), readmit=True)
        while tried.total() < count:
            text = next(short) if rng.random() < 0.4 else _long(rng, 1)[0].text
            drafted = Draft(text=text, subject="ada", tags=("green",))
            (one,) = memory.namespace("mine").remember_many([drafted], readmit=True)
            left = _planted(memory, one, rng, min(8, count - tried.total()))
            clean += left.pop("")
            tried.update(left.keys())
            missed.update(name for name, seen in left.items() if not seen)
            progress("plants", tried.total(), count)
    return {"missed": dict(missed), "kinds": len(tried), "alarms without a plant": clean}


def _planted(memory: Memoria, one: Memory, rng: random.Random, most: int) -> dict[str, bool]:
    """Forgets one memory, and whether each of some plants is found; under "", whether anything is without one."""
    store = memory.store
    assert isinstance(store, LocalStore)
    (record,) = store.read([one.id])
    assert record is not None
    victim, wanted = Victim.of(store, record), sought(store, store.secrets([one.id]), [], [one.id])
    memory.recall(one.text)
    memory.forget(one)
    found = {"": verified(store, wanted).found > 0}
    known = plants(victim)
    for name in rng.sample(sorted(known), min(most, len(known))):
        with planted(known[name], store, victim):
            found[name] = verified(store, wanted).found > 0
    return found


def _long(rng: random.Random, count: int) -> Sequence[Draft]:
    """Facts in many languages, each with a number, so that none is another."""
    facts = [fact for language in LANGUAGES for fact, _ in pairs(language)]
    return [Draft(text=f'{rng.choice(facts)} "{rng.randrange(10**9)}"') for _ in range(count)]

"""What a child by fork is told when it goes on with what its parent opened."""

from __future__ import annotations

import json
import os
import signal
import warnings
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from memoria.protocols import Change, Store
from memoria.text.fingerprints import Statement
from memoria.text.words import question
from memoria.types import LedgerEntry, Record, RetentionPeriod, Where

if TYPE_CHECKING:
    from memoria.protocols import Embedder

# Seconds after which a child that waits for something that never comes is ended.
_PATIENCE = 60


def told(calls: Mapping[str, Callable[[], object]]) -> dict[str, str]:
    """Makes the calls in a child by fork, and returns the type of the error that each raised, "" for none.

    A child that does not come to an end in a minute is missing in the answer.
    """
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Python warns of forking beside threads: what comes of it is what is tested.
        warnings.simplefilter("ignore")
        pid = os.fork()
    if pid == 0:
        signal.alarm(_PATIENCE)
        os.write(writing, json.dumps({name: _error(call) for name, call in calls.items()}).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    os.waitpid(pid, 0)
    found: dict[str, str] = json.loads(said or "{}")
    return found


def _error(call: Callable[[], object]) -> str:
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - a child that raised would run what its parent is to run
        return type(error).__name__
    return ""


def every_verb(store: Store, embedder: Embedder, record: Record, entry: LedgerEntry) -> dict[str, Callable[[], object]]:
    """Each verb of a store that reads or writes anything in it, ready to be called. record: one that is there."""
    id, name, at = record.memory.id, record.memory.namespace, record.memory.created_at
    where, asked, trace = Where(namespace=name), question(record.memory.text), record.trace
    return {
        "embedder": lambda: store.embedder,
        "write": lambda: store.write([record]),
        "replace": lambda: store.replace(record),
        "erase": lambda: store.erase([id]),
        "revise": lambda: store.revise(Change(erase=(id,))),
        "links": lambda: store.links([id]),
        "refused": lambda: store.refused(name, [Statement("text")]),
        "guard_near": lambda: store.guard_near(name, [Statement("text")]),
        "readmit": lambda: store.readmit(name, [Statement("text")]),
        "fingerprints": lambda: store.fingerprints(()),
        "adopt": lambda: store.adopt(name, []),
        "alone": lambda: store.alone().__enter__(),
        "erase_namespaces": lambda: store.erase_namespaces(name),
        "traces": lambda: store.traces([id]),
        "retrace": lambda: store.retrace({id: trace}),
        "mark": lambda: store.mark([id], pinned=True),
        "due": lambda: store.due((), at, 1),
        "archive_due": lambda: store.archive_due((), at, 1),
        "lapsed": lambda: store.lapsed(where, at),
        "periods": store.periods,
        "set_period": lambda: store.set_period(RetentionPeriod(ttl=timedelta(days=1))),
        "lift_period": lambda: store.lift_period(RetentionPeriod(ttl=timedelta(days=1))),
        "reschedule": lambda: store.reschedule([id]),
        "release_guard": lambda: store.release_guard((), at),
        "holdings": lambda: store.holdings(name),
        "ended": lambda: store.ended(name, at),
        "recalls": lambda: store.recalls(()),
        **_ledger_verbs(store, entry),
        "remains": lambda: store.remains([]),
        "note": lambda: store.note("n"),
        "write_note": lambda: store.write_note("n", "v"),
        "notes": store.notes,
        "read": lambda: store.read([id]),
        "select": lambda: store.select(where),
        "search": lambda: store.search(record.vector, where, 1),
        "evidence": lambda: store.evidence(asked, record.vector, where, 1),
        "namespaces": lambda: store.namespaces(()),
        "count": lambda: store.count(()),
        "secrets": lambda: store.secrets([id]),
        "check": store.check,
        "rebuild": store.rebuild,
        "reembed": lambda: store.reembed(embedder),
        "stats": store.stats,
    }


def _ledger_verbs(store: Store, entry: LedgerEntry) -> dict[str, Callable[[], object]]:
    return {
        "enter": lambda: store.enter(entry),
        "ledger": store.ledger,
        "chained": store.chained,
        "keyring": store.keyring,
        "kept_head": store.kept_head,
        "rotate": lambda: store.rotate(entry),
    }

"""Sources of traces, as the command line names them: a workload, or the user's file, folder or store.

`recency` is a workload; `talks.json:recalls=3,salience=fitted` a file with parameters. A workload has one trace a seed,
LoCoMo and Memora one a conversation; a CSV or JSON Lines file, and a store, are one trace.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memoria.engine.opening import open as open_memoria
from memoria.errors import InvalidInput
from memoria.evaluation.lab import events, recorded, workloads
from memoria.evaluation.lab.contenders import parameter
from memoria.evaluation.lab.events import Events
from memoria.evaluation.quality import datasets

DATABASE = "memoria.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """label: what it is called in reports. traces: one a seed or conversation, by name."""

    label: str
    traces: dict[str, Events]


def source(text: str, seeds: Sequence[int], length: int = workloads.LENGTH) -> Source:
    """The traces that `text` names; raises InvalidInput. length: events that a workload aims at."""
    name, _, given = text.partition(":")
    if name in workloads.GENERATORS:
        if given:
            raise InvalidInput(f"workload {name!r} takes no parameters")
        made = {str(seed): workloads.generate(name, seed, length) for seed in seeds}
        return Source(label=name, traces=made)
    path = Path(name)
    if not path.exists():
        raise InvalidInput(f"trace {name!r} is neither one of {', '.join(workloads.GENERATORS)} nor a file or folder")
    found = _called(_reader(path), path, dict(parameter(one) for one in given.split(",") if one))
    label = path.stem if not given else f"{path.stem}:{given}"
    names = [one.name for one in found]
    if len(set(names)) < len(names):
        raise InvalidInput(f"{path} holds several traces of one name: {', '.join(names)}")
    return Source(label=label, traces={one.name: one for one in found})


def _reader(path: Path) -> Callable[..., list[Events]]:
    if (path / DATABASE).exists():
        return _store
    if path.suffix in (".csv", ".jsonl"):
        return _file
    return _talks


def _file(path: Path, *, relearns: bool = False) -> list[Events]:
    return [events.read(path, relearns=relearns)]


def _talks(path: Path, *, recalls: int = 0, salience: str = "flat") -> list[Events]:
    return recorded.conversations(datasets.load(path), recalls=recalls, salience=salience)


def _store(path: Path) -> list[Events]:
    with open_memoria(path, mode="r") as memory:
        return [recorded.log(memory.store)]


def _called(reader: Callable[..., list[Events]], path: Path, given: dict[str, Any]) -> list[Events]:
    known = list(inspect.signature(reader).parameters)[1:]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise InvalidInput(f"{', '.join(unknown)}: parameters of {path} are {', '.join(known) or 'none'}")
    return reader(path, **given)

"""Sources of traces, as the command line names them: a workload, or the user's file, folder or store.

`recency` is a workload, `recency:salience=flat` the same without hints; `talks.json:recalls=3,salience=fitted:memora`
is a file with parameters. A workload has one trace a seed; LoCoMo and Memora one a conversation; RealMem one for each
moment at which a message was sent, and a persona's moments are one witness, for they share their facts; a CSV or JSON
Lines file, and a store, are one trace.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from memoria.engine.opening import open as open_memoria
from memoria.errors import InvalidInput
from memoria.evaluation.lab import events, recorded, workloads
from memoria.evaluation.lab.about import DataFile, data_files
from memoria.evaluation.lab.contenders import parameter
from memoria.evaluation.lab.events import Events
from memoria.evaluation.quality import datasets, statements
from memoria.evaluation.quality.datasets import Conversation
from memoria.retention.salience import shipped

DATABASE = "memoria.db"
# Items have no text, of which nothing is judged; else they have a weak hint.
_NO_HINTS = "salience=flat"
EVIDENCE = ("session", "value")
_WITHIN = "salience was fitted on the other conversations of the same source, which says nothing of other sources"
_SHIPPED = "salience was judged with the weights that ship with memoria, fitted on {}: on these it is no test"
_LOG = "the log of a store as it was then"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """label: what it is called in reports. traces: one a seed, conversation or moment, by name.

    units: what each trace counts as, by name; traces of one unit are averaged before anything is said of how sure a
    figure is. A trace that is not in it stands for itself. files: what was read. note: what to know when reading its
    figures. generated: whether a seed made the traces.
    """

    label: str
    traces: Mapping[str, Events]
    units: Mapping[str, str] = field(default_factory=dict)
    files: tuple[DataFile, ...] = ()
    note: str = ""
    generated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What a reader makes of a path. read: whose files are named in reports. others: those that it learnt from."""

    traces: Sequence[Events]
    read: tuple[Path, ...] = ()
    units: Sequence[str] = ()
    others: tuple[Path, ...] = ()
    note: str = ""


def source(text: str, seeds: Sequence[int], length: int = workloads.LENGTH) -> Source:
    """The traces that `text` names; raises InvalidInput. length: events that a workload aims at."""
    name, _, given = text.partition(":")
    if name in workloads.GENERATORS:
        if given not in ("", _NO_HINTS):
            raise InvalidInput(f"workload {name!r} takes no parameters, but {_NO_HINTS}")
        made = {str(seed): workloads.generate(name, seed, length, hints=not given) for seed in seeds}
        return Source(label=text, traces=made, generated=True)
    path = Path(name)
    if not path.exists():
        raise InvalidInput(f"trace {name!r} is neither one of {', '.join(workloads.GENERATORS)} nor a file or folder")
    found = _called(_reader(path), path, dict(parameter(one) for one in given.split(",") if one))
    names = [one.name for one in found.traces]
    if len(set(names)) < len(names):
        raise InvalidInput(f"{path} holds several traces of one name: {', '.join(names)}")
    return Source(
        label=named(text, _stem),
        traces={one.name: one for one in found.traces},
        units=dict(zip(names, found.units, strict=True)) if found.units else {},
        files=tuple(file for one in (*found.read, *found.others) for file in data_files(one)),
        note=found.note,
    )


def named(text: str, short: Callable[[Path], str] = lambda path: path.name) -> str:
    """What names a source, with files and folders called by their names alone, wherever they lie.

    short: what a path is called.
    """
    name, colon, given = text.partition(":")
    if name not in workloads.GENERATORS:
        name = short(Path(name))
    parts = []
    for one in given.split(",") if colon else ():
        kind, from_, paths = one.partition(":")
        parts.append(kind + from_ + "+".join(short(path) for path in _paths(paths)) if from_ else one)
    return name + colon + ",".join(parts)


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").rpartition(".")[0] or path.name


def _reader(path: Path) -> Callable[..., _Read]:
    if (path / DATABASE).exists():
        return _store
    if path.is_dir():
        return _memora
    if path.suffix in (".csv", ".jsonl"):
        return _file
    return _realmem if path.name.endswith(".jsonl.gz") else _locomo


def _file(path: Path, *, relearns: bool = False) -> _Read:
    return _Read(traces=[events.read(path, relearns=relearns)], read=(path,))


def _store(path: Path) -> _Read:
    with open_memoria(path, mode="r") as memory:
        return _Read(traces=[recorded.log(memory.store)], note=_LOG)


def _locomo(path: Path, *, recalls: int = 0, salience: str = "flat", task: str = "", settled: bool = False) -> _Read:
    return _talks(path, datasets.load(path), recalls=recalls, salience=salience, task=task, settled=settled)


def _memora(
    path: Path,
    *,
    recalls: int = 0,
    salience: str = "flat",
    task: str = "",
    settled: bool = False,
    evidence: str = "session",
    whole: bool = False,
) -> _Read:
    """evidence: "session", what was said in the session that the data names; "value", whatever holds a value."""
    if evidence not in EVIDENCE or not isinstance(whole, bool):
        raise InvalidInput(
            f"evidence {evidence!r} is not one of {', '.join(EVIDENCE)}, or whole {whole!r} not true or false"
        )
    talks = datasets.load(path, whole=whole, strict=evidence == "session")
    return _talks(path, talks, recalls=recalls, salience=salience, task=task, settled=settled)


def _realmem(
    path: Path,
    *,
    recalls: int = 0,
    salience: str = "flat",
    task: str = "",
    settled: bool = False,
    every: int = 1,
) -> _Read:
    """every: 3 takes the first and then each third moment of a persona at which a message needs facts."""
    if type(every) is not int or every < 1:
        raise InvalidInput(f"every {every!r} is not a whole number above 0")
    mine: dict[str, list[Conversation]] = {}
    for one in statements.realmem(path):
        if one.asked:
            mine.setdefault(statements.persona(one.name), []).append(one)
    talks = [one for some in mine.values() for one in some[::every]]
    return _talks(path, talks, recalls=recalls, salience=salience, task=task, settled=settled, grown=True)


def _talks(
    path: Path,
    talks: Sequence[Conversation],
    *,
    recalls: int,
    salience: str,
    task: str,
    settled: bool,
    grown: bool = False,
) -> _Read:
    """Traces of conversations. task: the only kind of question that counts. settled: whether turns end when a later one

    says so. grown: whether some are moments of one.
    """
    if not isinstance(settled, bool):
        raise InvalidInput(f"settled {settled!r} is not true or false")
    kept = _of_task(talks, task) if task else list(talks)
    if type(recalls) is not int or recalls < 0:
        raise InvalidInput(f"recalls {recalls!r} is not a whole number, or below 0")
    kind, from_, paths = str(salience).partition(":")
    others = _paths(paths) if from_ else ()
    units = [statements.persona(one.name) if grown else one.name for one in kept]
    made = recorded.conversations(
        kept,
        recalls=recalls,
        salience=kind,
        others=_lessons(others, every_turn=kind == "text") if others else None,
        units=units,
        settled=settled,
    )
    asked = [name for name, one in zip(units, kept, strict=True) if one.asked]
    return _Read(
        traces=made,
        read=(path,),
        units=asked if grown else (),
        others=others,
        note=_note(salience),
    )


def _note(salience: str) -> str:
    if salience == "text":
        return _SHIPPED.format("; ".join(shipped().sources))
    return _WITHIN if salience == "fitted" else ""


def _of_task(talks: Sequence[Conversation], task: str) -> list[Conversation]:
    known = sorted({one.category for talk in talks for one in talk.asked})
    if task not in known:
        raise InvalidInput(f"task {task!r} is not one of {', '.join(known)}")
    return [replace(one, asked=tuple(ask for ask in one.asked if ask.category == task)) for one in talks]


def _paths(text: str) -> tuple[Path, ...]:
    """Files that are joined by plus signs, unless there is one of that name."""
    return (Path(text),) if Path(text).exists() else tuple(map(Path, text.split("+")))


def _lessons(paths: Sequence[Path], *, every_turn: bool) -> dict[str, list[Conversation]]:
    """What a salience may be learnt from, by name: conversations with questions, evidence of Memora by session.

    every_turn: whether Memora counts twice, the second time with every turn, as for the weights that ship.
    """
    found: dict[str, list[Conversation]] = {}
    for path in paths:
        if not path.exists():
            raise InvalidInput(f"salience is to be learnt from {path}, which does not exist")
        name = _stem(path)
        if path.name.endswith(".jsonl.gz"):
            found[name] = statements.longest([one for one in statements.realmem(path) if one.asked])
        else:
            found[name] = datasets.load(path, strict=True)
        if path.is_dir() and every_turn:
            found[f"{name}, every turn"] = datasets.load(path, strict=True, whole=True)
    return {name: [one for one in talks if one.asked] for name, talks in found.items()}


def _called(reader: Callable[..., _Read], path: Path, given: dict[str, Any]) -> _Read:
    known = list(inspect.signature(reader).parameters)[1:]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise InvalidInput(f"{', '.join(unknown)}: parameters of {path} are {', '.join(known) or 'none'}")
    return reader(path, **given)

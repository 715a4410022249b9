"""Observing: logs what each verb did, without content. The verbs of `Memoria` are wrapped here and nowhere else.

A logger `memoria.<module>` gets one line for each call of a verb: how many memories, how long, and the keyed hash of
the namespace; of an error, only its type. No line has texts, names, queries or ids. A watcher may make a span of each
call (the extra `otel`). Without logging and without a watcher, a verb costs one more function call and two checks.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import partial, wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from memoria.types import Receipt

if TYPE_CHECKING:
    from memoria.change.sleep import Night
    from memoria.distill.learn import Learnt
    from memoria.extraction.learning import Lesson
    from memoria.forget.due import Erasure
    from memoria.subject.dossier import Dossier
    from memoria.subject.find import About

Class = TypeVar("Class", bound=type)
Counts = dict[str, int]
_LOG = "memoria."


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A verb that is observed.

    name: as callers know it. method: the one that does its work, if another. module: names its logger.
    count: returns what a finished call did, in numbers; "records" is how many memories it was about.
    ids: the parameter that names memories; "*" if all positional arguments do.
    """

    name: str
    module: str
    count: Callable[[Call], Counts]
    level: int = logging.INFO
    method: str = ""
    ids: str = ""


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of a verb. namespace: a keyed hash of that of the view. result: None until the verb returns."""

    verb: Verb
    namespace: str
    arguments: tuple[Any, ...]
    named: Mapping[str, Any]
    result: Any = None
    started: float = field(default_factory=time.perf_counter)

    def counts(self) -> Counts:
        """What the verb did, in numbers; only after it has returned."""
        counted = self.verb.count(self)
        return {**counted, "dry_run": 1} if self.named.get("dry_run") else counted

    def ids(self) -> tuple[str, ...]:
        """The ids that the caller passed; if the call returned, they are or were stored."""
        if self.verb.ids == "*":
            return self.arguments
        given = self.named.get(self.verb.ids) if self.verb.ids else ()
        if given is None:
            given = self.arguments[0]
        return (given,) if isinstance(given, str) else tuple(given)


Watcher = Callable[[Call], AbstractContextManager[object]]
_watcher: Watcher | None = None


def watch(watcher: Watcher | None) -> None:
    """Calls `watcher` around every verb of every `Memoria` in this process; replaces the one before. None ends it."""
    global _watcher
    _watcher = watcher


def watched(cls: Class) -> Class:
    """Class decorator that makes the verbs of a class observed."""
    for verb in VERBS:
        method = verb.method or verb.name
        setattr(cls, method, _observed(verb, getattr(cls, method)))
    return cls


def _observed(verb: Verb, method: Callable[..., Any]) -> Callable[..., Any]:
    log = logging.getLogger(_LOG + verb.module)

    @wraps(method)
    def observed(self: Any, *arguments: Any, **named: Any) -> Any:
        watcher = _watcher
        if watcher is None and not log.isEnabledFor(verb.level):
            return method(self, *arguments, **named)
        call = Call(verb=verb, namespace=self.store.alias(self.prefix), arguments=arguments, named=named)
        with ExitStack() as stack:
            stack.push(partial(_tell, log, call))
            if watcher is not None:
                stack.enter_context(watcher(call))
            call.result = method(self, *arguments, **named)
        return call.result

    return observed


def _tell(
    log: logging.Logger,
    call: Call,
    kind: type[BaseException] | None,
    _error: BaseException | None,
    _trace: TracebackType | None,
) -> None:
    if not log.isEnabledFor(call.verb.level):
        return
    taken = (time.perf_counter() - call.started) * 1000
    # The message of an error may quote an argument, so only its type is logged.
    did = " ".join(f"{name}={n}" for name, n in call.counts().items()) if kind is None else kind.__qualname__
    log.log(call.verb.level, "%s: %s in %.1f ms, namespace %s", call.verb.name, did, taken, call.namespace)


def _given(call: Call) -> Counts:
    return {"records": len(call.ids())}


def _listed(call: Call) -> Counts:
    return {"records": len(call.result)}


def _nothing(_: Call) -> Counts:
    return {}


def _recalled(call: Call) -> Counts:
    return {"records": sum(map(len, call.result)), "queries": len(call.result)}


def _forgotten(call: Call) -> Counts:
    receipt = call.result
    if not isinstance(receipt, Receipt):  # a dry run lists memories
        return _listed(call)
    return {
        "records": len(receipt.forgotten) + len(receipt.derived),
        "rewritten": len(receipt.rewritten),
        "namespaces": receipt.namespaces,
        "shards": len(receipt.shards),
    }


def _about(call: Call) -> Counts:
    found: About = call.result
    return {"records": len(found.found), "near": len(found.near), "read": found.read}


def _told(call: Call) -> Counts:
    made: Dossier = call.result
    return {"records": len(made.entries), "near": len(made.near)}


def _pruned(call: Call) -> Counts:
    return {"records": len(call.result.ids)}


def _erased(call: Call) -> Counts:
    done: Erasure = call.result
    return {
        "records": len(done.ids) + len(done.derived),
        "rewritten": len(done.rewritten),
        "held": len(done.held),
        "released": done.released,
    }


def _slept(call: Call) -> Counts:
    night: Night = call.result
    return {
        "records": len(night.gists),
        "replayed": night.replayed,
        "absorbed": night.absorbed,
        "settled": len(night.settled),
        "skipped": len(night.skipped),
        "faded": len(night.faded),
        "pruned": len(night.pruned),
        "erased": len(night.erased),
        **({} if night.dream is None else {"distilled": len(night.dream.learnt)}),
    }


def _learnt(call: Call) -> Counts:
    learnt: Learnt = call.result
    return {
        "records": learnt.memories,
        "shards": len(learnt.shards),
        "trained": len(learnt.trained),
        "wiped": len(learnt.wiped),
    }


def _found(call: Call) -> Counts:
    lesson: Lesson = call.result
    return {"records": len(lesson.messages) + len(lesson.learned), "dropped": len(lesson.dropped)}


# `remember` and `recall` do their work in `remember_many` and `recall_many`; `sleep` in a thread, if asked to.
VERBS = (
    Verb(name="remember", method="remember_many", module="remember", count=_listed, level=logging.DEBUG),
    Verb(name="learn", module="learning", count=_found),
    Verb(name="recall", method="recall_many", module="recall", count=_recalled, level=logging.DEBUG),
    Verb(name="amend", ids="id", module="erase", count=_given),
    Verb(name="forget", ids="*", module="erase", count=_forgotten),
    Verb(name="about", module="subject", count=_about),
    Verb(name="dossier", module="subject", count=_told),
    Verb(name="forget_about", module="erase", count=_forgotten),
    Verb(name="restrict", module="subject", count=_listed),
    Verb(name="lift", module="subject", count=_listed),
    Verb(name="lift_standing", module="standing", count=_nothing),
    Verb(name="supersede", ids="old", module="supersede", count=_given),
    Verb(name="expire", ids="*", module="supersede", count=_given),
    Verb(name="reconcile", module="reconcile", count=_listed),
    Verb(name="settle", ids="id", module="settled", count=_listed),
    Verb(name="consolidate", ids="*", module="consolidate", count=_given),
    Verb(name="sleep", method="_sleep", module="sleep", count=_slept),
    Verb(name="fade", module="fade", count=_listed),
    Verb(name="prune", module="prune", count=_pruned),
    Verb(name="erase_due", module="due", count=_erased),
    Verb(name="set_ttl", module="due", count=_nothing),
    Verb(name="lift_ttl", module="due", count=_nothing),
    Verb(name="rotate_key", module="proof", count=_nothing),
    Verb(name="evict", module="prune", count=_listed),
    Verb(name="shorten", module="prune", count=_pruned),
    Verb(name="archive", ids="*", module="retention", count=_given),
    Verb(name="restore", ids="*", module="retention", count=_given),
    Verb(name="pin", ids="*", module="retention", count=_given),
    Verb(name="unpin", ids="*", module="retention", count=_given),
    Verb(name="hold", ids="*", module="retention", count=_given),
    Verb(name="release", ids="*", module="retention", count=_given),
    Verb(name="distill", module="distill", count=_learnt),
    Verb(name="relearn", module="distill", count=_learnt),
    Verb(name="rebuild", module="engine", count=_nothing),
    Verb(name="repair", module="engine", count=_nothing),
    Verb(name="reembed", module="engine", count=_nothing),
)

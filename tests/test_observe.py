"""Logs and traces tell what the verbs did, and nothing of what they held."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

import memoria
from memoria.aio import AsyncMemoria
from memoria.errors import MemoriaError
from memoria.evaluation.bench.latency import DIMENSION
from memoria.evaluation.bench.observing import bench_observe
from memoria.integrations.otel import CAPTURE, OPERATIONS, instrument, uninstrument
from memoria.observe import VERBS
from memoria.protocols import Change
from memoria.remember import Draft
from memoria.testing import HashEmbedder
from memoria.types import Budget, Link, Provenance

ROOT = Path(__file__).parents[1]
# Public methods that are not observed: they read by id or filter, look at the store, or belong to other verbs.
READING = {
    "ask", "audit_weights", "close", "distilled", "doctor", "doubts", "explain_retention", "export_ledger", "get",
    "history", "ledger", "ledger_lines", "lineage", "list", "namespace", "namespaces", "now", "reading_as", "receipt",
    "receipts", "restrictions", "scan", "signing_key", "standing", "stats", "trace", "ttls", "verify_ledger",
    "verify_receipt",
}  # fmt: skip
TUNING = {"allocate", "fit", "reinforce", "reinforcing"}
ONCE_EACH = {"recall", "remember", "sleep"}  # observed in the method that does the work

Told = list[logging.LogRecord]


@contextmanager
def spanned(content: bool | None = None) -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrument(provider, content=content)
    try:
        yield exporter
    finally:
        uninstrument()


@contextmanager
def logged() -> Iterator[Told]:
    """Every record of every logger, at every level."""
    told: Told = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record)

    root, handler = logging.getLogger(), Keep()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield told
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


@pytest.fixture
def memory() -> Iterator[memoria.Memoria]:
    with memoria.open(":memory:", embedder=HashEmbedder()) as opened:
        yield opened


def told_by(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def doubtful(memory: memoria.Memoria) -> memoria.Memory:
    """A memory that a statement makes doubtful."""
    old, new = memory.remember_many(["Ann lives in Bern.", "Ann has moved to Rome."])
    doubt = Link(parent=old.id, child=new.id, relation="doubts", weight=2.0, judge="tests")
    memory.store.revise(Change(links=(doubt,)))
    return old


def test_each_verb_is_a_span_of_the_conventions(memory: memoria.Memoria) -> None:
    one, two, three, four = memory.remember_many([f"fact number {n} of many" for n in range(4)])
    unsettled = doubtful(memory)
    calls: dict[str, tuple[Callable[[], object], str, int | None, str | None]] = {
        "remember": (lambda: memory.remember("tea"), "create_memory", 1, None),
        "recall": (lambda: memory.recall("fact", k=2), "search_memory", 2, None),
        "amend": (lambda: memory.amend(one.id, salience=0.9), "update_memory", 1, one.id),
        "pin": (lambda: memory.pin(one.id), "update_memory", 1, one.id),
        "unpin": (lambda: memory.unpin(one.id), "update_memory", 1, one.id),
        "hold": (lambda: memory.hold(one.id, two.id, reason="law"), "update_memory", 2, None),
        "release": (lambda: memory.release(one.id, two.id, reason="over"), "update_memory", 2, None),
        "archive": (lambda: memory.archive(two.id), "update_memory", 1, two.id),
        "restore": (lambda: memory.restore(two.id), "update_memory", 1, two.id),
        "supersede": (lambda: memory.supersede(old=one.id, new="another"), "update_memory", 1, one.id),
        "expire": (lambda: memory.expire(two.id), "update_memory", 1, two.id),
        "consolidate": (lambda: memory.consolidate(three.id, four.id), "upsert_memory", 2, None),
        "learn": (lambda: memory.learn(["I like tea."], model=lambda _: "[]"), "upsert_memory", 1, None),
        "reconcile": (memory.reconcile, "upsert_memory", 0, None),
        "settle": (lambda: memory.settle(unsettled.id, keep=True), "update_memory", 1, unsettled.id),
        "evict": (lambda: memory.evict(Budget(count=9)), "update_memory", 0, None),
        "shorten": (lambda: memory.shorten(Budget(bytes=10**9)), "update_memory", 0, None),
        "set_ttl": (lambda: memory.set_ttl(timedelta(days=3650)), "set_ttl", None, None),
        "lift_ttl": (lambda: memory.lift_ttl(), "lift_ttl", None, None),
        "erase_due": (lambda: memory.erase_due(), "delete_memory", 0, None),
        "fade": (memory.fade, "update_memory", 0, None),
        "prune": (lambda: memory.prune(below=0.05), "delete_memory", 0, None),
        "sleep": (memory.sleep, "upsert_memory", 0, None),
        "lift_standing": (
            lambda: memory.lift_standing(str(memory.forget(mentions="code 7741", standing=True).standing)),
            "lift_standing",
            None,
            None,
        ),
        "rotate_key": (memory.rotate_key, "rotate_key", None, None),
        "rebuild": (memory.rebuild, "rebuild", None, None),
        "repair": (memory.repair, "repair", None, None),
        "reembed": (lambda: memory.reembed(HashEmbedder(96)), "reembed", None, None),
        "about": (lambda: memory.about("Ada"), "search_memory", 0, None),
        "dossier": (lambda: memory.dossier("Ada"), "search_memory", 0, None),
        "restrict": (lambda: memory.restrict("Ada", reason="she asks"), "update_memory", 0, None),
        "lift": (lambda: memory.lift("Ada", reason="over"), "update_memory", 0, None),
        "forget_about": (lambda: memory.forget_about("Ada"), "delete_memory", 0, None),
        "forget": (lambda: memory.forget(two.id), "delete_memory", 1, two.id),
    }
    assert set(calls) | {"distill", "relearn"} == {verb.name for verb in VERBS}
    for name, (call, operation, count, id) in calls.items():
        with spanned() as exporter:
            call()
        span = exporter.get_finished_spans()[-1]
        told = told_by(span)
        assert (span.name, span.kind, span.status.status_code) == (operation, SpanKind.INTERNAL, StatusCode.UNSET)
        assert (told.pop("memoria.verb"), told.pop("gen_ai.operation.name")) == (name, operation)
        assert told.pop("gen_ai.memory.store.id") == memory.store.alias(())
        assert (told.pop("gen_ai.memory.record.count", None), told.pop("gen_ai.memory.record.id", None)) == (count, id)
        assert all(key.startswith("memoria.") and isinstance(value, int) for key, value in told.items())


def test_a_span_says_what_went_along(memory: memoria.Memoria) -> None:
    one, two = memory.remember_many(["tea", "milk"])
    memory.remember("tea with milk", provenance=Provenance(derived_from=(one.id,)))
    with spanned() as exporter:
        memory.forget(one.id, two.id, dry_run=True)
        memory.forget(one.id, two.id)
        memory.namespace("ada").forget(namespace=())
    planned, done, nothing = map(told_by, exporter.get_finished_spans())
    assert (planned["memoria.dry_run"], planned["gen_ai.memory.record.count"]) == (1, 3)
    assert "memoria.dry_run" not in done
    assert done["gen_ai.memory.record.count"] == 3
    assert nothing["gen_ai.memory.store.id"] == memory.store.alias(("ada",)) != done["gen_ai.memory.store.id"]


def test_spans_hang_below_those_who_called(memory: memoria.Memoria) -> None:
    memory.remember("I like opera a lot.")
    memory.remember("I no longer like opera.")
    with spanned() as exporter:
        memory.sleep(prune=True)
    *inside, night = exporter.get_finished_spans()
    assert [told_by(span)["memoria.verb"] for span in inside] == ["fade", "prune"]
    assert {span.parent.span_id for span in inside if span.parent} == {night.context.span_id}
    assert night.parent is None


def test_the_async_edge_keeps_the_parent(memory: memoria.Memoria) -> None:
    provider = TracerProvider()
    with spanned() as exporter, provider.get_tracer("agent").start_as_current_span("turn") as turn:
        asyncio.run(AsyncMemoria(memory).remember("tea"))
    (span,) = exporter.get_finished_spans()
    assert span.parent is not None
    assert span.parent.span_id == turn.get_span_context().span_id


def test_sleep_in_the_background_is_a_span_as_long_as_the_night(memory: memoria.Memoria) -> None:
    with spanned() as exporter:
        memory.sleep(background=True, prune=True).wait(60)
    assert [span.name for span in exporter.get_finished_spans()] == ["update_memory", "delete_memory", "upsert_memory"]


def test_an_error_tells_its_type_and_no_word_more(memory: memoria.Memoria) -> None:
    with spanned(content=True) as exporter, logged() as told, pytest.raises(memoria.InvalidQuery, match="xylophone"):
        memory.forget(guard="xylophone", subject="ada")  # type: ignore[call-overload]  # a wrong guard is the point
    (span,) = exporter.get_finished_spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert told_by(span)["error.type"] == "InvalidQuery"
    assert not span.events
    (record,) = told
    assert record.exc_info is None
    assert record.getMessage().startswith("forget: InvalidQuery in ")
    assert "xylophone" not in span.to_json() + record.getMessage()


def test_each_verb_logs_a_line_below_memoria(memory: memoria.Memoria) -> None:
    with logged() as told:
        tea = memory.remember("tea")
        memory.recall("tea")
        memory.sleep(prune=True)
        memory.forget(tea.id)
    alias = memory.store.alias(())
    lines = [(record.name, record.levelname, record.getMessage().split(" in ")[0]) for record in told]
    assert lines == [
        ("memoria.remember", "DEBUG", "remember: records=1"),
        ("memoria.recall", "DEBUG", "recall: records=1 queries=1"),
        ("memoria.fade", "INFO", "fade: records=0"),
        ("memoria.prune", "INFO", "prune: records=0"),
        (
            "memoria.sleep",
            "INFO",
            "sleep: records=0 replayed=1 absorbed=0 settled=0 skipped=0 faded=0 pruned=0 erased=0",
        ),
        ("memoria.erase", "INFO", "forget: records=1 rewritten=0 namespaces=0 shards=0"),
    ]
    assert all(record.getMessage().endswith(f" ms, namespace {alias}") for record in told)


FIELDS = (
    *("text", "new", "subject", "tag", "name", "value", "query", "part", "again"),
    *("key", "speaker", "reason"),  # in no span, whatever is captured
)
CONTENTS = st.fixed_dictionaries(dict.fromkeys(FIELDS, st.text("ghjkmpqrtvwxyzджлцшэюя", min_size=6, max_size=20)))


def use(memory: memoria.Memoria, said: dict[str, str]) -> None:
    """A little of everything, rights and wrongs, with the same words in each place where content may stand."""
    view = memory.namespace(said["part"])
    draft = Draft(
        text=said["text"],
        subject=said["subject"],
        tags=[said["tag"]],
        key=said["key"],
        metadata={said["name"]: said["value"]},
        provenance=Provenance(speaker=said["speaker"], session=said["again"]),
    )
    (one,) = view.remember_many([draft])
    view.recall(said["query"], subject=said["subject"], tags=[said["tag"]])
    view.recall_many([said["query"], said["text"]], k=3)
    memory.recall(said["query"], namespace=[said["part"]])
    two = view.supersede(one.id, said["new"])
    view.amend(two.id, text=said["again"], metadata={said["name"]: said["value"]})
    view.hold(two.id, reason=said["reason"])
    for wrong in (
        lambda: view.forget(two.id),
        lambda: view.forget(said["text"]),
        lambda: view.forget(subject=said["subject"], guard=said["value"]),  # type: ignore[call-overload]  # a wrong
        lambda: view.recall(said["query"], k=said["value"]),  # type: ignore[arg-type]  # a wrong
        lambda: view.recall(said["query"], include=[said["value"]]),  # type: ignore[list-item]  # a wrong
        lambda: view.remember(said["text"], salience=said["value"]),  # type: ignore[arg-type]  # a wrong
        lambda: view.remember(said["new"], key=said["key"]),
        lambda: view.amend(two.id, **{said["name"]: said["value"]}),  # type: ignore[arg-type]  # a wrong
        lambda: view.pin(said["key"]),
    ):
        with suppress(MemoriaError, TypeError):
            wrong()
    memory.sleep(fade=True)
    view.release(two.id, reason=said["reason"])
    view.forget(mentions=said["again"])
    view.forget(subject=said["subject"], tags=[said["tag"]])
    with suppress(MemoriaError):
        view.remember(said["text"])


def everything(told: Told, spans: tuple[ReadableSpan, ...]) -> str:
    """Whatever a handler or an exporter is given, as text."""
    parts = [record.getMessage() + repr(vars(record)) for record in told]
    parts += [span.to_json() + repr(span.attributes) + repr(span.events) + repr(span.status) for span in spans]
    return "\n".join(parts)


@settings(max_examples=40)
@given(CONTENTS)
def test_no_content_is_in_any_log_or_span(said: dict[str, str]) -> None:
    with spanned() as exporter, logged() as told, memoria.open(":memory:", embedder=HashEmbedder()) as memory:
        use(memory, said)
    spans = exporter.get_finished_spans()
    assert {span.status.status_code for span in spans} == {StatusCode.UNSET, StatusCode.ERROR}
    # Clients of earlier tests may tell of their end just now.
    assert sum(record.name.startswith("memoria.") for record in told) == len(spans) > 20
    seen = everything(told, spans)
    assert [name for name, content in said.items() if shows(content, seen)] == []


def shows(content: str, seen: str) -> bool:
    return content in seen or json.dumps(content)[1:-1] in seen


def test_no_content_is_told_of_a_store_on_disk(tmp_path: Path) -> None:
    said = {name: f"zq{name}zq" for name in FIELDS}
    with (
        spanned() as exporter,
        logged() as told,
        memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()) as memory,
    ):
        use(memory, said)
    assert "zq" not in everything(told, exporter.get_finished_spans()).replace(str(tmp_path), "")


@settings(max_examples=10)
@given(CONTENTS)
def test_with_capture_it_is_in_spans_and_in_no_log(said: dict[str, str]) -> None:
    with (
        spanned(content=True) as exporter,
        logged() as told,
        memoria.open(":memory:", embedder=HashEmbedder()) as memory,
    ):
        use(memory, said)
    spans = exporter.get_finished_spans()
    for name in FIELDS[:9]:
        assert shows(said[name], everything([], spans)), name
    assert [name for name, content in said.items() if shows(content, everything(told, ()))] == []


def test_what_is_captured_keeps_to_the_schema_and_leaves_out_what_is_forgotten(memory: memoria.Memoria) -> None:
    with spanned(content=True) as exporter:
        tea = memory.remember("Ada takes tea.", subject="ada")
        memory.recall("tea")
        memory.recall_many(["tea", "milk"])
        memory.recall(memory.embedder.embed(["tea"])[0])
        memory.forget(tea.id)
    stored, found, both, vector, gone = map(told_by, exporter.get_finished_spans())
    (record,) = json.loads(stored["gen_ai.memory.records"])
    assert (record["id"], record["content"], record["metadata"]["subject"]) == (tea.id, tea.text, "ada")
    (hit,) = json.loads(found["gen_ai.memory.records"])
    assert (hit["content"], type(hit["score"])) == (tea.text, float)
    assert (found["gen_ai.memory.query.text"], json.loads(both["gen_ai.memory.query.text"])) == ("tea", ["tea", "milk"])
    assert "gen_ai.memory.query.text" not in vector
    assert not {"gen_ai.memory.records", "gen_ai.memory.query.text"} & set(gone)


@pytest.mark.parametrize(
    ("asked", "argument", "captured"),
    [
        (None, None, False),
        ("false", None, False),
        ("EVENT_ONLY", None, False),
        ("true", None, True),
        ("SPAN_AND_EVENT", None, True),
        ("true", False, False),
        (None, True, True),
    ],
)
def test_content_is_captured_only_when_it_is_asked_for(
    asked: str | None,
    argument: bool | None,
    captured: bool,
    memory: memoria.Memoria,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(CAPTURE, raising=False)
    if asked is not None:
        monkeypatch.setenv(CAPTURE, asked)
    with spanned(argument) as exporter:
        memory.remember("tea")
    assert ("gen_ai.memory.records" in told_by(exporter.get_finished_spans()[0])) == captured


def test_every_verb_is_observed_once_and_keeps_its_signature() -> None:
    public = {name for name, _ in inspect.getmembers(memoria.Memoria, inspect.isfunction) if not name.startswith("_")}
    methods = {verb.method or verb.name for verb in VERBS}
    assert public - methods == READING | TUNING | ONCE_EACH
    assert set(OPERATIONS) <= {verb.name for verb in VERBS}
    for name in methods:
        within = inspect.unwrap(getattr(memoria.Memoria, name), stop=lambda one: not hasattr(one, "__wrapped__"))
        assert not hasattr(within, "__wrapped__")
        shown, written = (inspect.signature(one).parameters for one in (getattr(memoria.Memoria, name), within))
        named = {key: one for key, one in written.items() if one.kind is not one.VAR_KEYWORD}
        assert named.items() <= shown.items()
        assert all(one.kind is not one.VAR_KEYWORD for one in shown.values())


def test_nothing_is_imported_nor_computed_until_it_is_used() -> None:
    code = """
import sys, memoria
from memoria.testing import HashEmbedder
with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
    alias, asked = memory.store.alias, []
    memory.store.alias = lambda namespace: asked.append(namespace) or alias(namespace)
    memory.forget(memory.remember("tea").id)
# The ledger names plans by aliases; that of the namespace would be for a log.
print(() in asked, any(name.split(".")[0] == "opentelemetry" for name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_the_benchmark_compares_with_the_method_itself(tmp_path: Path) -> None:
    report = bench_observe(tmp_path, 100, HashEmbedder(DIMENSION), lambda *_: None, rounds=10, seed=0)
    for name in ("recall", "remember", "pin"):
        one = report[name]
        assert one["unobserved_ratio"] == pytest.approx(one["unobserved_us"] / one["bare_us"])
        assert min(one.values()) > 0
    assert logging.getLogger("memoria").handlers == []

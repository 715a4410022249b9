"""OpenTelemetry: a span for each verb, by the conventions for memory operations of generative AI.

Followed: the span `gen_ai.memory.client` (status: development) of open-telemetry/semantic-conventions-genai, which came
in with its pull request 140 and stands in its first release, v0.1.0. docs/integrations/otel.md says where it is silent.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from types import TracebackType
from typing import Any

from memoria import observe
from memoria.extras import extra
from memoria.observe import Call
from memoria.types import Hit, Memory

with extra("otel"):
    from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, TracerProvider, get_tracer

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
# The values that ask for content in spans; the others ask for it nowhere, or in events, of which there are none.
_IN_SPANS = {"true", "span_only", "span_and_event"}
# Verbs that the conventions have an operation for. The others are operations under their own names.
OPERATIONS = {
    "remember": "create_memory",
    **dict.fromkeys(["recall", "about", "dossier"], "search_memory"),
    **dict.fromkeys(["amend", "supersede", "expire", "settle"], "update_memory"),
    **dict.fromkeys(
        ["archive", "restore", "pin", "unpin", "hold", "release", "fade", "evict", "shorten", "restrict", "lift"],
        "update_memory",
    ),
    **dict.fromkeys(["learn", "sleep", "consolidate", "reconcile"], "upsert_memory"),
    **dict.fromkeys(["forget", "forget_about", "prune", "erase_due"], "delete_memory"),
}
_STORING = {"remember", "amend", "supersede", "consolidate"}


def instrument(provider: TracerProvider | None = None, *, content: bool | None = None) -> None:
    """Makes a span of every verb of every memory in this process, until `uninstrument`.

    Args:
        provider: where spans go; None is the global provider.
        content: whether queries and texts are in the spans. Such spans are copies of memories that `forget` does not
            reach. None is what OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT says, and no without it.
    """
    asked = os.environ.get(CAPTURE, "").strip().lower() in _IN_SPANS if content is None else content
    tracer = get_tracer("memoria", tracer_provider=provider)
    observe.watch(partial(_spanned, tracer, asked))


def uninstrument() -> None:
    """Stops making spans."""
    observe.watch(None)


@contextmanager
def _spanned(tracer: Tracer, content: bool, call: Call) -> Iterator[None]:
    operation = OPERATIONS.get(call.verb.name, call.verb.name)
    known = {
        "gen_ai.operation.name": operation,
        "gen_ai.memory.store.id": call.namespace,
        "memoria.verb": call.verb.name,
    }
    spanned = tracer.start_as_current_span(
        operation,
        kind=SpanKind.INTERNAL,
        attributes=known,
        # The message and the frames of an exception may quote memories.
        record_exception=False,
        set_status_on_exception=False,
    )
    with spanned as span, ExitStack() as stack:
        stack.push(partial(_end, span, content, call))
        yield


def _end(
    span: Span,
    content: bool,
    call: Call,
    kind: type[BaseException] | None,
    _error: BaseException | None,
    _trace: TracebackType | None,
) -> None:
    if not span.is_recording():
        return
    if kind is not None:
        span.set_status(StatusCode.ERROR)
        span.set_attribute("error.type", kind.__qualname__)
        return
    counts = call.counts()
    if "records" in counts:
        span.set_attribute("gen_ai.memory.record.count", counts.pop("records"))
    span.set_attributes({f"memoria.{name}": n for name, n in counts.items()})
    ids = call.ids()
    if len(ids) == 1:
        span.set_attribute("gen_ai.memory.record.id", ids[0])
    if content:
        span.set_attributes(_content(call))


def _content(call: Call) -> dict[str, str]:
    """The attributes that are content: what was looked for, and what was stored or found; never what was forgotten."""
    if call.verb.name == "recall":
        queries = call.arguments[0] if call.arguments else call.named["queries"]
        texts = [query for query in queries if isinstance(query, str)]
        asked = {"gen_ai.memory.query.text": texts[0] if len(texts) == 1 else _json(texts)} if texts else {}
        records = [_record(hit.memory, hit) for hits in call.result for hit in hits]
        return {**asked, "gen_ai.memory.records": _json(records)}
    if call.verb.name in _STORING:
        made: Sequence[Memory] = [call.result] if isinstance(call.result, Memory) else call.result
        return {"gen_ai.memory.records": _json([_record(memory) for memory in made])}
    return {}


def _record(memory: Memory, hit: Hit | None = None) -> dict[str, Any]:
    """A memory by the conventions' schema of memory records."""
    told = {
        "namespace": memory.namespace,
        "kind": memory.kind,
        "subject": memory.subject,
        "tags": memory.tags,
        "metadata": memory.metadata,
    }
    scored = {} if hit is None else {"score": hit.score}
    return {"id": memory.id, "content": memory.text, "metadata": told, **scored}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


__all__ = ["instrument", "uninstrument"]

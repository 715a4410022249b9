"""Traces of an agent's memory, without a word of what it holds. Run it:

pip install 'memoria-runtime[otel]' opentelemetry-sdk
python examples/traces.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import memoria
from memoria.integrations.otel import instrument, uninstrument
from memoria.testing import HashEmbedder

SECRET = "Ada takes her tea without sugar."


def run(folder: Path) -> dict[str, object]:
    """The operations of a day and a night, in the order of their end, and how many spans hold the secret."""
    exporter = InMemorySpanExporter()  # yours sends spans elsewhere
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrument(provider)
    try:
        with (
            memoria.open(folder / "agent.memoria", embedder=HashEmbedder()) as memory,
            provider.get_tracer("agent").start_as_current_span("a day"),
        ):
            tea = memory.remember(SECRET, subject="ada")
            memory.recall("How does Ada drink tea?")
            memory.sleep()
            memory.forget(tea.id)
    finally:
        uninstrument()
    spans = exporter.get_finished_spans()
    day = spans[-1]
    top = [span.name for span in spans if span.parent is not None and span.parent.span_id == day.context.span_id]
    return {
        "day": top[:2],
        "sleep_and_forget": top[2:],
        "inside_sleep": len(spans) - len(top) - 1,
        "content": sum(SECRET in span.to_json() for span in spans),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name, value in run(Path(folder)).items():
            print(f"{name:17} {value}")  # noqa: T201 - an example

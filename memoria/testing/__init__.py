"""For tests: conformance suites of stores and policies, a PostgreSQL server, and a real embedder without weights."""

from __future__ import annotations

from memoria.testing.embedders import HashEmbedder

__all__ = ["HashEmbedder"]

"""For tests: conformance suites of stores and policies, a PostgreSQL server, and real embedders without weights."""

from __future__ import annotations

from memoria.testing.embedders import BoundedEmbedder, HashEmbedder

__all__ = ["BoundedEmbedder", "HashEmbedder"]

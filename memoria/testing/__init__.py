"""What third parties need to test their stores: the conformance suite, and a real embedder without weights."""

from __future__ import annotations

from memoria.testing.embedders import HashEmbedder

__all__ = ["HashEmbedder"]

"""How memories fade: one published model per file, citation on top."""

from __future__ import annotations

from memoria.policies.exponential import Exponential

__all__ = ["Exponential"]

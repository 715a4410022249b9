"""The learnt judge of changes: how sure a statement makes a memory untrue."""

from memoria.learnt.detector import judge

__all__ = ["judge"]

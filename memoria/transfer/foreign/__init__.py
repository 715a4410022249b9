"""Memories from other programs: conversations of ChatGPT and Claude, stores of mem0, LangGraph and Letta, and files.

>>> import io
>>> import memoria
>>> from memoria.testing import HashEmbedder
>>> from memoria.transfer.foreign import bring
>>> notes = b'{"text": "Ada takes her tea without sugar.", "time": "2026-03-02T06:52:20Z", "speaker": "Ada"}'
>>> with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
...     bring(memory, "jsonl", io.BytesIO(notes)).stored
...     bring(memory, "jsonl", io.BytesIO(notes)).stored
1
0
"""

from memoria.transfer.foreign.bring import Brought, Survey, bring, survey
from memoria.transfer.foreign.items import Item, Skipped
from memoria.transfer.foreign.parts import Source
from memoria.transfer.foreign.reading import Kind, read

__all__ = ["Brought", "Item", "Kind", "Skipped", "Source", "Survey", "bring", "read", "survey"]

"""The local store: SQLite, slot files and FAISS in one directory. The format is in docs/format.md."""

from memoria.stores.disk import Disk
from memoria.stores.local.store import LocalStore

__all__ = ["Disk", "LocalStore"]

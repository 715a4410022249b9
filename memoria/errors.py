"""Every error memoria raises, split by what the caller can do about it.

MemoriaError
├── InvalidInput            correct the argument: the message names the value and the rule
│   ├── InvalidMemory         text, times, salience, tags, metadata ...
│   ├── InvalidVector         not finite, wrong length, or zero
│   ├── InvalidQuery          k, filters, namespaces, nothing asked
│   ├── KeyConflict           the caller's key already holds another memory
│   ├── UnknownArgument       a verb has no argument of this name: the message names the nearest; also a TypeError
│   └── Refused               it was forgotten once: leave it, or say `readmit=True`
├── MemoryNotFound          no memory has this id (any more)
├── Held                    a hold protects it: release it, or override with a reason
├── SignerUnavailable       who signs the ledger is not to be reached: lines are written unsigned until it is
├── MissingExtra            install what the message names
├── ModelFailed             the language model did not answer: what was said to it is remembered; say it again
├── EmbedderError           correct the set-up
│   ├── EmbedderMismatch      the store's vectors come from another embedder: use that one, or `reembed`
│   ├── ModelCorrupt          the weights are not the published ones
│   └── ModelNotFound         a model, or a package to run it, is not there: the message says how to install it
└── StoreError              look at the directory
    ├── StoreNotFound         nothing there
    ├── LanguageMismatch      the store is of another language: leave language out, or import an export into a new store
    ├── StoreExists           something is there already
    ├── CopyDiffers           the copy is not the same as its source: run it again
    ├── StoreLocked           another process writes, or this one already: wait, or open for reading
    ├── StoreReadOnly         opened for reading, or the file system does not let us write
    ├── StoreFull             no space left: nothing was half-written
    ├── StoreCorrupt          bytes are not what was written: the message names the file; put the right one back
    │   └── DatabaseOlder       memoria.db is older than what is beside it: put the newer one back
    ├── StoreClosed           used after close, or in a child by fork: open it anew there
    ├── FormatTooNew          written by a later memoria
    └── FormatTooOld          written by an earlier memoria: open it once for writing
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime


def shown(value: object) -> str:
    """A value as an error may show it: a number, a time, a short word; of all else the type, for it may be content."""
    if value is None or isinstance(value, bool | int | float | datetime):
        return repr(value)
    if isinstance(value, str) and len(value) <= 32 and value.replace("-", "_").isidentifier():
        return repr(value)
    return f"(a {type(value).__name__})"


def _named(id: str) -> str:
    """An id as an error shows it; what is none may be a text, and is only described."""
    return id if len(id) == 32 and id.isalnum() else shown(id).strip("'")


class MemoriaError(Exception):
    """Base of all errors raised on purpose by memoria."""


class InvalidInput(MemoriaError):
    """An argument breaks a rule.

    Args:
        *violations: every broken rule, not only the first.

    Attributes:
        violations: the same, as a sequence.
    """

    def __init__(self, *violations: str) -> None:
        super().__init__("; ".join(violations))
        self.violations: Sequence[str] = violations


class InvalidMemory(InvalidInput):
    """A memory that cannot be stored as it is."""


class InvalidVector(InvalidInput):
    """A vector that is not finite, not of the store's dimension, or of length zero."""


class InvalidQuery(InvalidInput):
    """A recall, list or forget with an argument that makes no sense, or with none."""


class KeyConflict(InvalidInput):
    """The caller's key is taken by another memory: the text, subject, speaker, session or validity is another, or
    something else that was given differs."""


class UnknownArgument(InvalidInput, TypeError):
    """A verb was given a keyword that it does not have."""


class Refused(InvalidInput):
    """A text that was forgotten here is given again.

    Args:
        *positions: which of the drafts, counted from 0.

    Attributes:
        positions: the same, as a sequence.
    """

    def __init__(self, *positions: int) -> None:
        places = ", ".join(map(str, positions))
        super().__init__(f"forgotten before, and so not stored again: draft {places}; say readmit=True to take it back")
        self.positions: Sequence[int] = positions


class MemoryNotFound(MemoriaError):
    """No memory has this id: there never was one, or it is forgotten.

    Args:
        *ids: the unknown ids.

    Attributes:
        ids: the same, as a sequence.
    """

    def __init__(self, *ids: str) -> None:
        super().__init__("no memory with id " + ", ".join(map(_named, ids)))
        self.ids: Sequence[str] = ids


class Held(MemoriaError):
    """A memory under a hold (legal, safety-critical) would be erased or changed.

    Args:
        *ids: the memories under a hold.

    Attributes:
        ids: the same, as a sequence.
    """

    def __init__(self, *ids: str) -> None:
        super().__init__("held, and so not to be erased or changed: " + ", ".join(ids))
        self.ids: Sequence[str] = ids


class SignerUnavailable(MemoriaError):
    """Who signs the ledger cannot be reached: lines are written without a signature, until it is there again."""


class MissingExtra(MemoriaError, ImportError):
    """A package that an integration needs is not installed; the message is the command that installs it."""


class ModelFailed(MemoriaError):
    """A language model that should have answered did not."""


class EmbedderError(MemoriaError):
    """The embedder cannot serve this store."""


class EmbedderMismatch(EmbedderError):
    """The store was made with another embedder."""


class ModelCorrupt(EmbedderError):
    """Model weights differ from the published ones."""


class ModelNotFound(EmbedderError):
    """A model, or a package that runs it, is not installed."""


class StoreError(MemoriaError):
    """The store on disk cannot do what was asked."""


class StoreNotFound(StoreError):
    """There is no store at this path."""


class StoreExists(StoreError):
    """There is something at this path already."""


class CopyDiffers(StoreError):
    """A copy was compared with its source and is not the same."""


class StoreLocked(StoreError):
    """Another process has the store open for writing, or this one has already."""


class StoreReadOnly(StoreError):
    """The store was opened for reading, or the file system refuses writes."""


class StoreFull(StoreError):
    """No space left on the device; nothing was half-written."""


class StoreCorrupt(StoreError):
    """Bytes on disk are not what memoria wrote."""


class LanguageMismatch(StoreError):
    """The store was made for another language, or for one that is told by each text."""


class DatabaseOlder(StoreCorrupt):
    """The database lacks what the files beside it have: it is an old copy, and the newer one may be at hand."""


class StoreClosed(StoreError):
    """The store was used after `close`, or by a child of the process that opened it."""


class FormatTooNew(StoreError):
    """The store was written by a later version of memoria."""


class FormatTooOld(StoreError):
    """The store was written by an earlier version, and is open for reading only, so that it cannot be upgraded."""


__all__ = [
    "CopyDiffers",
    "DatabaseOlder",
    "EmbedderError",
    "EmbedderMismatch",
    "FormatTooNew",
    "FormatTooOld",
    "Held",
    "InvalidInput",
    "InvalidMemory",
    "InvalidQuery",
    "InvalidVector",
    "KeyConflict",
    "LanguageMismatch",
    "MemoriaError",
    "MemoryNotFound",
    "MissingExtra",
    "ModelCorrupt",
    "ModelFailed",
    "ModelNotFound",
    "Refused",
    "SignerUnavailable",
    "StoreClosed",
    "StoreCorrupt",
    "StoreError",
    "StoreExists",
    "StoreFull",
    "StoreLocked",
    "StoreNotFound",
    "StoreReadOnly",
    "UnknownArgument",
]

"""Every error memoria raises, split by what the caller can do about it.

MemoriaError
├── InvalidInput            correct the argument: the message names the value and the rule
│   ├── InvalidMemory         text, times, salience, tags, metadata ...
│   ├── InvalidVector         not finite, wrong length, or zero
│   ├── InvalidQuery          k, filters, namespaces, nothing asked
│   │   └── NotExportable     shards that are prefixes have no form outside: distil with shard="lora" to export
│   ├── KeyConflict           the caller's key already holds another memory
│   ├── UnknownArgument       a verb has no argument of this name: the message names the nearest; also a TypeError
│   └── Refused               it was forgotten once: leave it, or say `readmit=True`
│       └── Forbidden         a standing order keeps it out: leave it, or `lift_standing`
├── MemoryNotFound          no memory has this id (any more)
├── NotPermitted            a reader may not do this: the owner of the store does
├── OrderNotFound           no standing order has this id (any more)
├── PlanChanged             what would be forgotten has changed since it was agreed to: look at a new dry run
├── Held                    a hold protects it: release it, or override with a reason
├── SignerUnavailable       who signs the ledger is not to be reached: lines are written unsigned until it is
│   └── Restricted            it is only stored, by order of a person: lift that first
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
    ├── BackupUnfinished      no backup there was ever complete: run `memoria backup` again
    ├── RestoreUnfinished     a restore into this place was cut short: run it again
    ├── ForgetsMissing        the log does not tell all that was forgotten since the copy: give a log that does
    ├── ForgetsForged         not a forget log of this store, or one that somebody changed: export it anew
    ├── StoreLocked           another process writes, or this one already: wait, or open for reading
    ├── StoreReadOnly         opened for reading, or the file system does not let us write
    ├── StoreFull             no space left: nothing was half-written
    ├── StoreCorrupt          bytes are not what was written: the message names the file; put the right one back
    │   └── DatabaseOlder       memoria.db is older than what is beside it: put the newer one back
    ├── UnlockError           what unlocks the store is not right: nothing was read, and nothing written
    │   ├── StoreSealed         it is sealed: say `unlock=`
    │   ├── StoreNotSealed      it is in clear: leave `unlock` out, or seal it with `rekey`
    │   ├── WrongKey            this passphrase or key is not the one
    │   ├── KeyLost             the file, variable, keyring entry or key service is not to be had: bring it back
    │   └── RekeyUnfinished     a rekey was cut short: do it again
    ├── StoreClosed           used after close, or in a child by fork: open it anew there
    ├── GuardKeyMissing       what was forgotten is known by a key outside of the store: give guard_key
    ├── WrongGuardKey         guard_key is not the one that this store knows: give the right one
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


class NotExportable(InvalidQuery):
    """Shards are of a kind that has no form outside of the store: it cannot be merged, and peft does not know it.

    Args:
        shard: the kind of shard.
    """

    def __init__(self, shard: str) -> None:
        super().__init__(f'shards of kind {shard!r} cannot be exported: distil with Recipe(shard="lora")')


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


class Forbidden(Refused):
    """What holds a value that a standing order keeps out; `readmit=True` does not help.

    Args:
        *positions: which of the drafts, counted from 0.

    Attributes:
        positions: the same, as a sequence.
    """

    def __init__(self, *positions: int) -> None:
        InvalidInput.__init__(
            self,
            f"holds what a standing order keeps out, and so not stored: draft {', '.join(map(str, positions))}; "
            "standing() lists the orders, and lift_standing ends one",
        )
        self.positions = positions


class OrderNotFound(MemoriaError):
    """No standing order of this view has this id: there never was one, or it is lifted.

    Args:
        id: the unknown id.

    Attributes:
        id: the same.
    """

    def __init__(self, id: str) -> None:
        super().__init__(f"no standing order with id {_named(id)}: standing() lists them")
        self.id = id


class PlanChanged(MemoriaError):
    """What would be forgotten is not what was agreed to; nothing was forgotten."""

    def __init__(self) -> None:
        super().__init__("what would be forgotten has changed since it was agreed to: look at a new dry run")


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


class NotPermitted(MemoriaError):
    """Only the owner of the store may do this, or a reader has to be named."""


class Held(MemoriaError):
    """A memory under a hold (legal, safety-critical) would be erased or changed.

    Args:
        *ids: the memories under a hold.

    Attributes:
        ids: the same, as a sequence.
    """

    def __init__(self, *ids: str) -> None:
        super().__init__("held or restricted, and so not to be erased or changed: " + ", ".join(ids))
        self.ids: Sequence[str] = ids


class Restricted(Held):
    """A memory that is only stored, by order of a person, would be used.

    Args:
        *ids: the restricted memories.

    Attributes:
        ids: the same, as a sequence.
    """

    def __init__(self, *ids: str) -> None:
        MemoriaError.__init__(
            self, "restricted, and so only stored until it is lifted; `get` and `dossier` show it: " + ", ".join(ids)
        )
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


class BackupUnfinished(StoreError):
    """No backup in this place was ever complete."""


class RestoreUnfinished(StoreError):
    """A store is being restored here, or was until it was cut short: it opens once it is whole."""


class ForgetsMissing(StoreError):
    """A forget log does not reach back to the copy, or tells of another store."""


class ForgetsForged(StoreError):
    """A forget log is not as this store exported it."""


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


class UnlockError(StoreError):
    """What unlocks the store is missing or not right; nothing was written."""


class StoreSealed(UnlockError):
    """The store is sealed, and nothing was given that unlocks it."""


class StoreNotSealed(UnlockError):
    """The store is in clear, and something was given to unlock it."""


class WrongKey(UnlockError):
    """A passphrase or key that is not the one of this store."""


class KeyLost(UnlockError):
    """What unwraps the key of the store is not to be had: a file, a variable, an entry of a keyring, a service."""


class RekeyUnfinished(UnlockError):
    """A rekey was cut short; it is to be done again."""


class StoreClosed(StoreError):
    """The store was used after `close`, or by a child of the process that opened it."""


class GuardKeyMissing(StoreError):
    """Whether a text was forgotten cannot be told without the guard key, which is outside of the store."""


class WrongGuardKey(StoreError):
    """The guard key that was given is not the one by which this store's fingerprints were made."""


class FormatTooNew(StoreError):
    """The store was written by a later version of memoria."""


class FormatTooOld(StoreError):
    """The store was written by an earlier version, and is open for reading only, so that it cannot be upgraded."""


__all__ = [
    "BackupUnfinished",
    "CopyDiffers",
    "DatabaseOlder",
    "EmbedderError",
    "EmbedderMismatch",
    "Forbidden",
    "ForgetsForged",
    "ForgetsMissing",
    "FormatTooNew",
    "FormatTooOld",
    "GuardKeyMissing",
    "Held",
    "InvalidInput",
    "InvalidMemory",
    "InvalidQuery",
    "InvalidVector",
    "KeyConflict",
    "KeyLost",
    "LanguageMismatch",
    "MemoriaError",
    "MemoryNotFound",
    "MissingExtra",
    "ModelCorrupt",
    "ModelFailed",
    "ModelNotFound",
    "NotExportable",
    "NotPermitted",
    "OrderNotFound",
    "PlanChanged",
    "Refused",
    "RekeyUnfinished",
    "RestoreUnfinished",
    "Restricted",
    "SignerUnavailable",
    "StoreClosed",
    "StoreCorrupt",
    "StoreError",
    "StoreExists",
    "StoreFull",
    "StoreLocked",
    "StoreNotFound",
    "StoreNotSealed",
    "StoreReadOnly",
    "StoreSealed",
    "UnknownArgument",
    "UnlockError",
    "WrongGuardKey",
    "WrongKey",
]

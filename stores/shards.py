"""The files of adapters as they stand in a store: sealed in a sealed one, bound to their names.

No clear copy is ever on the disk: what reads them is given their bytes. Which folders of this process are sealed is
known as long as their stores are there.
"""

from __future__ import annotations

import os
from pathlib import Path
from weakref import WeakValueDictionary

from memoria.stores.vault import Vault

ADAPTERS = "adapters"
_USE = "adapters"
_vaults: WeakValueDictionary[str, Vault] = WeakValueDictionary()


def sealed_shard(vault: Vault | None, name: str, data: bytes) -> bytes:
    """The bytes of a file as they are written."""
    return data if vault is None else vault.seal(_USE, data, name.encode())


def opened_shard(vault: Vault | None, name: str, data: bytes) -> bytes | None:
    """The bytes of a file as they were given; None when they were changed, or are of another file or store."""
    return data if vault is None else vault.open(_USE, data, name.encode())


def seal_folder(store: Path, vault: Vault) -> None:
    """From now on the adapters of a store are read and written under its vault."""
    _vaults[os.path.abspath(store / ADAPTERS)] = vault


def read_shard(path: Path) -> bytes | None:
    """The bytes of a file of adapters; None when it is not there, or does not open."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    return opened_shard(_vault_of(path), path.name, data)


def written_shard(path: Path, data: bytes) -> bytes:
    """The bytes that are to be written into a file of adapters."""
    return sealed_shard(_vault_of(path), path.name, data)


def is_sealed_shard(path: Path) -> bool:
    """Whether the folder of a file is of a sealed store."""
    return _vault_of(path) is not None


def _vault_of(path: Path) -> Vault | None:
    return _vaults.get(os.path.abspath(path.parent))

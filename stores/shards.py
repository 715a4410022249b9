"""The files of adapters as they stand in a store: sealed in a sealed one, bound to their names, and in clear in another.

No clear copy is ever on the disk: what reads them is given their bytes.
"""

from __future__ import annotations

from memoria.stores.vault import Vault

ADAPTERS = "adapters"
_USE = "adapters"


def sealed_shard(vault: Vault | None, name: str, data: bytes) -> bytes:
    """The bytes of a file as they are written."""
    return data if vault is None else vault.seal(_USE, data, name.encode())


def opened_shard(vault: Vault | None, name: str, data: bytes) -> bytes | None:
    """The bytes of a file as they were given; None when they were changed, or are of another file or store."""
    return data if vault is None else vault.open(_USE, data, name.encode())

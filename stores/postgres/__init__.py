"""The store in PostgreSQL with pgvector, growing to standbys and to Citus. Set-up and limits are in docs/scale.md."""

from memoria.stores.postgres.database_keys import DatabaseKeys
from memoria.stores.postgres.keys import DirectoryKeys, KeyProvider
from memoria.stores.postgres.store import PostgresStore

__all__ = ["DatabaseKeys", "DirectoryKeys", "KeyProvider", "PostgresStore"]

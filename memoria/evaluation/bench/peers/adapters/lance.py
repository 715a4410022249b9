"""LanceDB: one table, searched exactly; its pages advise an index from about 100,000 rows on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.evaluation.bench.peers.peer import DIMENSION, Base, K, Row

if TYPE_CHECKING:
    from memoria.arrays import Vectors


class Lance(Base):
    """Each write is a new version of the table."""

    decodes = True

    def open(self, folder: Path) -> None:
        import lancedb
        import pyarrow as pa

        self._schema = pa.schema(
            [("key", pa.string()), ("text", pa.string()), ("vector", pa.list_(pa.float32(), DIMENSION))]
        )
        self._db: Any = lancedb.connect(str(folder))
        self._table: Any = self._db.create_table("memory", schema=self._schema, exist_ok=True)

    def insert(self, rows: Sequence[Row]) -> list[str]:
        import numpy as np
        import pyarrow as pa

        flat = pa.array(np.concatenate([row.vector for row in rows]))
        vectors = pa.FixedSizeListArray.from_arrays(flat, DIMENSION)
        columns = [pa.array([row.key for row in rows]), pa.array([row.text for row in rows]), vectors]
        self._table.add(pa.Table.from_arrays(columns, schema=self._schema))
        return [row.key for row in rows]

    def search(self, vector: Vectors, text: str) -> list[str]:
        found = (
            self._table.search(vector).distance_type("cosine").select(["key", "text", "_distance"]).limit(K).to_list()
        )
        return [str(one["key"]) for one in found]

    def delete(self, id: str) -> None:
        self._table.delete(f"key = '{id}'")

    def compact(self) -> str:
        self._table.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)
        return "optimize(cleanup_older_than=0, delete_unverified=True)"

    def close(self) -> None:
        del self._table, self._db

    def decoded(self, folder: Path) -> Iterator[bytes]:
        """Every row of every file of data, those that are marked as deleted too: texts are compressed there."""
        from lance.file import LanceFileReader

        for path in sorted(folder.rglob("*.lance")):
            if path.is_file():
                for batch in LanceFileReader(str(path)).read_all().to_batches():
                    for row in batch.select(["key", "text"]).to_pylist():
                        yield f"{row['key']} {row['text']}".encode()

    def settings(self) -> str:
        return "files of columns, a new version for each write; no fsync, so a power cut may take the last of them"

"""A store that format 1 wrote opens, keeps everything, and fades.

`data/format1.tar.gz` was made by the code of commit e7f50df, the last that wrote format 1: five memories
`fact N of old` under ("app", "ada"), of which the first was forgotten.
"""

from __future__ import annotations

import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

import memoria
from memoria.stores.local.database import FORMAT
from memoria.testing import HashEmbedder

EMBEDDER = HashEmbedder(16)
PACKED = Path(__file__).with_name("data") / "format1.tar.gz"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with tarfile.open(PACKED) as packed:
        packed.extractall(tmp_path, filter="data")
    return tmp_path / "format1"


def test_reading_alone_does_not_bring_it_up(path: Path) -> None:
    before = (path / "memoria.db").read_bytes()
    with pytest.raises(memoria.FormatTooOld, match="mode='rw'"):
        memoria.open(path, mode="r", embedder=EMBEDDER)
    assert (path / "memoria.db").read_bytes() == before


def test_format_1_is_brought_up(path: Path) -> None:
    with memoria.open(path, embedder=EMBEDDER) as memory:
        made = memory.list()
        assert [one.text for one in made] == [f"fact {n} of old" for n in range(1, 5)]
        assert [one.subject for one in made] == ["ada", None, "ada", None]
        assert made[0].created_at == datetime(2026, 1, 2, tzinfo=UTC)
        assert memory.stats().format == FORMAT
        assert memory.trace(made[0].id).start == made[0].created_at
        assert memory.doctor() == []
        assert memory.recall("fact 3 of old", k=1)[0].memory == made[2]
        assert memory.namespace("app", "ada").remember("fact 2 of old", key="k2") == made[1]
        memory.pin(made[0].id)
        assert memory.forget(subject="ada", tags=["old"], until=made[2].created_at).forgotten == (made[0].id,)
    with memoria.open(path, mode="r", embedder=EMBEDDER) as memory:
        assert memory.list() == made[1:]
        assert memory.doctor() == []


def test_it_fades_after_it_was_brought_up(path: Path) -> None:
    with memoria.open(path, embedder=EMBEDDER) as memory:
        kept = memory.list()[0]
        memory.pin(kept.id)
        memory.fade(datetime(2100, 1, 1, tzinfo=UTC))
        assert [hit.memory for hit in memory.recall("fact of old", k=9)] == [kept]

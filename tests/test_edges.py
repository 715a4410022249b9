"""Where a store meets the machine: names of directories, and what a system call may lack."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import memoria
from memoria.sharing import Shared
from memoria.stores.postgres.store import split_keys
from memoria.testing import HashEmbedder

EMBEDDER = HashEmbedder(8)
_numbers = itertools.count()
# One part of a path: what POSIX allows, bytes that are no UTF-8 among it.
parts = (
    st.binary(min_size=1, max_size=12)
    .map(os.fsdecode)
    .filter(lambda part: "/" not in part and "\0" not in part and part not in {".", ".."})
)


def fresh(base: Path) -> Path:
    made = base / str(next(_numbers))
    made.mkdir()
    return made


def inside(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def check_alone(base: Path, store: Path, text: str) -> None:
    """Makes a store, opens it again in both modes, and looks for files of it that are elsewhere."""
    before = inside(base)
    with memoria.open(store, embedder=EMBEDDER) as memory:
        memory.namespace("a").remember(text)
    with memoria.open(store, embedder=EMBEDDER, mode="r") as memory:
        assert [one.text for one in memory.list()] == [text]
    assert {path for path in inside(base) - before if store not in path.parents} == set()
    assert (store / "memoria.db").is_file()


@pytest.mark.parametrize(
    "some",
    ["".join(map(chr, range(32, 80))), "".join(map(chr, range(80, 127))), "".join(map(chr, range(1, 32)))],
    ids=["first half of ASCII", "second half", "control characters"],
)
def test_every_character_may_be_in_the_name_of_a_store(tmp_path: Path, some: str) -> None:
    for character in some.replace("/", ""):
        base = fresh(tmp_path)
        name = f"a{character}41{character}"
        check_alone(base, base / name, f"in {name!r}")


@pytest.mark.parametrize(
    "name",
    [
        "file:x",
        "file::memory:",
        ":memory:",
        "file:a?mode=memory",
        "a?mode=memory&cache=shared",
        "x.db?immutable=1",
        "a#b?c%41",
        "100%",
        "%",
        "%00",
        "%2e%2e",
        "trailing  ",
        "  leading",
        "line\nfeed\r",
        "tab\t'\"`$(x);&|<>*[]{}~",
        "\N{HOT BEVERAGE} \u65e5\u672c e\u0301",
        os.fsdecode(b"\xff\xfe\x80"),
        "-s",
        "memoria.db",
    ],
)
def test_names_that_mean_something_to_sqlite_or_a_shell(tmp_path: Path, name: str) -> None:
    check_alone(tmp_path, tmp_path / name, "one")
    check_alone(tmp_path, tmp_path / name / "deeper" / name, "two")


@settings(max_examples=settings().max_examples // 10)
@given(st.lists(parts, min_size=2, max_size=3, unique=True))
def test_two_names_are_two_stores(names: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        for name in names:
            check_alone(base, base / name, f"of {name!r}")
        for name in names:
            with memoria.open(base / name, embedder=EMBEDDER, mode="r") as memory:
                assert [one.text for one in memory.list()] == [f"of {name!r}"]
        assert {path.relative_to(base).parts[0] for path in inside(base)} == set(names)


def test_a_path_may_be_bytes_and_stays_where_it_was_when_the_directory_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    monkeypatch.chdir(tmp_path / "one")
    shared = Shared("shared # 1", embedder=EMBEDDER)
    with memoria.open(b"a\xff?", embedder=EMBEDDER) as memory:  # type: ignore[arg-type]
        monkeypatch.chdir(tmp_path / "two")
        memory.namespace("new").remember("after the change")
        with shared.lend() as other:
            other.remember("there")
    assert not inside(tmp_path / "two")
    with memoria.open(tmp_path / "one" / os.fsdecode(b"a\xff?"), embedder=EMBEDDER, mode="r") as memory:
        assert [one.text for one in memory.list()] == ["after the change"]


@pytest.mark.parametrize("path", ["", b"", "a\0b", "x" * 5000, "/proc/version/x", 3, None])
def test_what_is_no_path_is_one_of_our_errors(path: object) -> None:
    with pytest.raises(memoria.MemoriaError):
        memoria.open(path, embedder=EMBEDDER)  # type: ignore[arg-type]


def test_the_command_line_names_such_a_path(tmp_path: Path) -> None:
    store = tmp_path / os.fsdecode(b"[/b] [red]\xff#")
    command = [sys.executable, "-c", "from memoria.cli import main; main()", "stats", "--store", str(store)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 2
    assert "[/b] [red]\\udcff#" in done.stderr.decode().replace("\n", "")


@pytest.mark.parametrize(
    ("url", "plain", "folder"),
    [
        ("postgresql://u@/d?host=/s&keys=/k/client #1", "postgresql://u@/d?host=/s", "/k/client #1"),
        ("postgresql://u@/d?keys=/k/client%20%231&host=/s", "postgresql://u@/d?host=/s", "/k/client #1"),
        ("postgresql://h/d?keys=/k/a+b", "postgresql://h/d", "/k/a+b"),
        ("postgresql://h/d?keys=/k/100%25?&options=-c%20x%3D1", "postgresql://h/d?options=-c%20x%3D1", "/k/100%?"),
        ("postgresql://u:p%23+s@h/d?keys=/k/%FF", "postgresql://u:p%23+s@h/d", os.fsdecode(b"/k/\xff")),
        ("postgresql://h/d?keys=/first&keys=/k", "postgresql://h/d", "/k"),
    ],
)
def test_the_directory_of_keys_is_the_one_in_the_url(url: str, plain: str, folder: str) -> None:
    assert split_keys(url) == (plain, Path(folder))


MANY = """
import gc, os, resource, sys, memoria
from memoria.remember import Draft
from memoria.testing import HashEmbedder
path, limit, others, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
embedder = HashEmbedder(8)
def opened(mode="rw"):
    return memoria.open(path, embedder=embedder, mode=mode)
with opened() as memory:
    for n in range(count):
        home = memory.namespace("u", str(n))
        home.remember_many([Draft(text=f"user {n} likes tea", subject="tea"), Draft(text=f"user {n} is here")])
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
taken = [os.dup(0) for _ in range(others)]
with opened() as memory:
    everyone = memory.list()
    assert len(everyone) == len(memory) == 2 * count
    assert len(memory.recall("tea", k=count)) == count
    memory.archive(*[one.id for one in everyone])
    memory.restore(*[one.id for one in everyone])
    assert memory.stats().namespaces == count and len(memory.namespaces()) == count
    assert memory.doctor() == []
    gone = memory.forget(subject="tea")
    assert len(gone.forgotten) == count
    memory.rebuild()
    assert memory.doctor() == []
    embedder = HashEmbedder(16)
    memory.reembed(embedder)
    assert memory.doctor() == []
    assert len(memory.recall("here", k=count)) == count
    last = memory.list()[-1]
with opened("r") as memory:
    assert memory.stats().memories == len(memory.list()) == count
    assert memory.doctor() == []
# No descriptor is left at all, in the middle of a verb: that is an error, and none but the verb is lost.
memory = opened()
full = []
try:
    while True:
        full.append(os.dup(0))
except OSError:
    pass
for verb in (memory.stats, memory.rebuild, memory.doctor, lambda: memory.reembed(HashEmbedder(8))):
    try:
        verb()
        print("a verb needed no file")
    except memoria.StoreError as error:
        assert "open files" in str(error), error
for one in full:
    os.close(one)
assert memory.stats().memories == count
del memory, verb
gc.collect()
with opened() as memory:
    assert memory.doctor() == []
    memory.forget(last.id)
    memory.forget(namespace=())
    assert memory.stats().memories == 0
print("done", len(os.listdir("/proc/self/fd")) - others)
"""


@pytest.mark.parametrize(("limit", "others", "count"), [(96, 0, 120), (128, 80, 80)])
def test_more_namespaces_than_descriptors(tmp_path: Path, limit: int, others: int, count: int) -> None:
    command = [sys.executable, "-c", MANY, str(tmp_path / "a"), *map(str, (limit, others, count))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("done"), done.stdout

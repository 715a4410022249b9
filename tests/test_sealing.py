"""Sealed stores: what a stolen disk shows, what opens them, what is seen of changes by somebody without the key."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import memoria
from memoria import KeyFile, KeyringEntry, KeyVariable, Memoria, Passphrase, errors
from memoria.distill.unlearn import read_json, write_whole
from memoria.forget.residue import scan
from memoria.stores import LocalStore, unlocking
from memoria.stores.disk import Disk
from memoria.stores.local.slots import HEADER_BYTES
from memoria.stores.wrapping import as_wrapper
from memoria.testing import BoundedEmbedder, HashEmbedder
from memoria.transfer.rekeying import rekeyed
from memoria.types import Secret
from tests.crash_worker import EMBEDDER

pytest.importorskip("sqlcipher3")

KEY, OTHER = "5e" * 32, "a7" * 32
WORDS = ("marzipan", "Zinnober", "Quillfeder")
PASSPHRASE = "correct horse battery"


def opened(path: Path, unlock: memoria.UnlockLike = KEY, mode: memoria.Mode = "rw") -> Memoria:
    return memoria.open(path, embedder=HashEmbedder(), unlock=unlock, mode=mode)


def filled(path: Path, unlock: memoria.UnlockLike = KEY) -> None:
    """A store with memories, holds, links, fingerprints, labels, a ledger, and adapters."""
    with opened(path, unlock) as memory:
        ada = memory.namespace("app", "ada")
        ada.remember(f"Ada loves {WORDS[0]} from Turin.", subject="ada", tags=[WORDS[1]], metadata={"shop": WORDS[2]})
        for n in range(12):
            ada.remember(f"Ada has {WORDS[1]} number {n} on the wall.", subject=WORDS[2], key=f"{WORDS[0]}-{n}")
        held = ada.remember(f"The lease says {WORDS[2]} until May.", subject="bob")
        ada.hold(held.id, reason=f"a court wants {WORDS[0]}")
        ada.forget(ada.list(subject=WORDS[2])[0].id)
        old = ada.remember(f"Bob lives in {WORDS[1]}.", subject="bob")
        ada.supersede(ada.remember(f"Bob lives in {WORDS[2]}.", subject="bob").id, old.id)
        memory.namespace("app", WORDS[0]).remember("Nothing of note.")
        assert isinstance(memory.store, LocalStore)
        folder = memory.store.path / "adapters"
        folder.mkdir()
        write_whole(folder / "chosen.json", b'{"ids": ["' + WORDS[0].encode() + b'"]}')


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "a.memoria"
    filled(path)
    return path


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "a.memoria"))


def everything(path: Path) -> dict[str, bytes]:
    """Every file of a store, except the lock, which says who waits."""
    return {
        str(one.relative_to(path)): one.read_bytes()
        for one in sorted(path.rglob("*"))
        if one.is_file() and one.name != "lock"
    }


def texts(path: Path, unlock: memoria.UnlockLike = KEY) -> list[str]:
    with opened(path, unlock, "r") as memory:
        return sorted(one.text for one in memory.list(limit=100))


# -- what a stolen disk shows --


def secrets(memory: Memoria) -> list[Secret]:
    """All that no file may hold: words, names, keys of slots, namespaces, the store and its data, and vectors."""
    store = memory.store
    assert isinstance(store, LocalStore)
    found = [Secret(label=word, data=word.encode()) for word in (*WORDS, "Turin", "court", PASSPHRASE, "number 3")]
    found.append(Secret(label="store.key", data=store._key))
    assert store._vault is not None
    found.append(Secret(label="data key", data=store._vault._data_key))
    for space in store._under(()):
        found.append(Secret(label="namespace key", data=space.slots.key))
        for slot in space.live().tolist():
            id, key = space.slots.holders([slot])[0]
            found += [Secret(label="slot key", data=key), Secret(label="id", data=id)]
            vector = space.slots.vectors(np.array([slot]))[0]
            for form in (np.float16, np.float32, np.float64):
                raw = vector.astype(form).tobytes()
                found += [
                    Secret(label="vector", data=raw[at : at + 16])
                    for at in range(0, len(raw) - 15, 16)
                    if any(raw[at : at + 16])
                ]
    return found


def files(path: Path) -> list[Path]:
    return [one for one in path.rglob("*") if one.is_file()]


def test_no_byte_of_content_is_in_any_file_open_or_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.memoria"
    filled(path, Passphrase(PASSPHRASE, cost=12))
    with opened(path, PASSPHRASE) as memory:
        memory.namespace("app", "ada").remember(f"Ada moved to {WORDS[1]}.", subject="ada")
        known = secrets(memory)
        assert len(known) > 100
        assert (path / "memoria.db-wal").stat().st_size
        assert not scan(files(tmp_path), known).found
    assert not scan(files(tmp_path), known).found
    clear = tmp_path / "b.memoria"
    memoria.copy(path, clear, unlock=PASSPHRASE)
    assert {find.label for find in scan(files(clear), known).found} >= {"vector", "id"}


def test_a_killed_writer_leaves_nothing_to_read(tmp_path: Path) -> None:
    script = (
        "import os, signal, memoria, pathlib\n"
        "from tests.test_sealing import filled, opened\n"
        f"path = pathlib.Path({str(tmp_path / 'a.memoria')!r})\n"
        "filled(path)\n"
        "memory = opened(path)\n"
        "memory.namespace('app').remember('Ada keeps marzipan.', subject='Zinnober')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[1], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (tmp_path / "a.memoria" / "memoria.db-wal").stat().st_size
    words = [Secret(label=word, data=word.encode()) for word in WORDS]
    assert not scan(files(tmp_path), words).found
    with opened(tmp_path / "a.memoria") as memory:
        assert "Ada keeps marzipan." in [one.text for one in memory.list(limit=100)]
        assert not scan(files(tmp_path), secrets(memory)).found
        assert memory.store.check() == []


# -- what opens it --


class Service:
    """A key service in a test: it wraps by XOR, may be down, and counts."""

    name = "kms:test"

    def __init__(self, key: bytes = b"k" * 32) -> None:
        self.key, self.down = key, False

    def wrap(self, key: bytes) -> bytes:
        return bytes(a ^ b for a, b in zip(key, self.key, strict=True))

    def unwrap(self, wrapped: bytes) -> bytes:
        if self.down:
            raise ConnectionError(f"no route, and {PASSPHRASE} must not be told")
        return self.wrap(wrapped)


def test_every_kind_of_wrapper_opens_what_it_sealed(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keyring: dict[tuple[str, str], str]
) -> None:
    before = texts(store)
    (tmp_path / "key").write_text(PASSPHRASE + "\n")
    monkeypatch.setenv("A_KEY", OTHER)
    now: memoria.UnlockLike = KEY
    kinds = (
        Passphrase("Zürich", cost=12),
        KeyFile(tmp_path / "key"),
        KeyVariable("A_KEY"),
        KeyringEntry(),
        KeyringEntry("mine", "ada"),
        Service(),
    )
    for new in kinds:
        assert not memoria.rekey(store, unlock=now, new=new).sealed
        assert texts(store, new) == before
        # An entry without a name is whichever the store remembers.
        if not isinstance(now, KeyringEntry) or not isinstance(new, KeyringEntry):
            with pytest.raises(errors.WrongKey):
                opened(store, now)
        now = new
    assert ("mine", "ada") in keyring
    assert PASSPHRASE not in repr(kinds) + repr(Passphrase(PASSPHRASE))
    assert texts(store, Service()) == before
    # However it is composed, it is the same passphrase; one that is read from a file is one that may be typed.
    memoria.rekey(store, unlock=now, new=Passphrase("Zürich", cost=12))
    assert texts(store, "Zu\u0308rich") == before


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[tuple[str, str], str]]:
    """The system's keyring, in a dictionary of this process."""
    real = pytest.importorskip("keyring")
    from keyring.backend import KeyringBackend

    kept: dict[tuple[str, str], str] = {}

    class InRam(KeyringBackend):
        priority = 1

        def __init__(self) -> None:
            """It takes nothing from the environment."""

        def get_password(self, service: str, username: str) -> str | None:
            return kept.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            kept[service, username] = password

    before = real.get_keyring()
    real.set_keyring(InRam())
    yield kept
    real.set_keyring(before)


def test_what_does_not_open_it_is_named_and_changes_nothing(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keyring: dict[tuple[str, str], str]
) -> None:
    before = everything(store)
    monkeypatch.delenv("A_KEY", raising=False)
    wrong: list[tuple[memoria.UnlockLike, type[errors.UnlockError]]] = [
        (None, errors.StoreSealed),
        ("another passphrase", errors.WrongKey),
        (OTHER, errors.WrongKey),
        (KeyVariable("A_KEY"), errors.KeyLost),
        (KeyFile(tmp_path / "nothing"), errors.KeyLost),
        (KeyringEntry(), errors.WrongKey),
        (Service(), errors.WrongKey),
    ]
    for unlock, kind in wrong:
        for mode in ("r", "rw"):
            with pytest.raises(kind) as raised:
                opened(store, unlock, mode)
            assert "another passphrase" not in str(raised.value)
        with pytest.raises(kind):
            memoria.rekey(store, unlock=unlock, new=OTHER)
    assert everything(store) == before
    memoria.rekey(store, unlock=KEY, new=KeyringEntry())
    keyring.clear()
    with pytest.raises(errors.KeyLost, match="no entry"):
        opened(store, KeyringEntry())


def test_a_service_that_fails_is_named_by_the_type_of_its_error_alone(store: Path) -> None:
    service = Service()
    memoria.rekey(store, unlock=KEY, new=service)
    service.down = True
    with pytest.raises(errors.KeyLost, match="ConnectionError") as raised:
        opened(store, service)
    assert PASSPHRASE not in str(raised.value)
    with pytest.raises(errors.WrongKey):
        opened(store, Service(b"x" * 32))
    with pytest.raises(errors.KeyLost):
        memoria.rekey(store, unlock=service, new=OTHER)


class Thief(Service):
    """Gives back what it was given."""

    def wrap(self, key: bytes) -> bytes:
        return b"wrapped" + key


class Forgetful(Service):
    """Unwraps something else than it has wrapped."""

    def unwrap(self, wrapped: bytes) -> bytes:
        return bytes(32)


@pytest.mark.parametrize("wrapper", [Thief(), Forgetful()])
def test_a_wrapper_that_does_not_do_its_work_is_refused(store: Path, tmp_path: Path, wrapper: Service) -> None:
    with pytest.raises(errors.WrongKey):
        memoria.rekey(store, unlock=KEY, new=wrapper)
    assert texts(store)
    if isinstance(wrapper, Thief):
        with pytest.raises(errors.WrongKey):
            opened(tmp_path / "new", wrapper)


def test_a_clear_store_is_not_opened_with_a_key_and_a_memory_in_ram_not_sealed(tmp_path: Path) -> None:
    opened(tmp_path / "a", None).close()
    with pytest.raises(errors.StoreNotSealed, match="rekey"):
        opened(tmp_path / "a", KEY)
    with pytest.raises(errors.InvalidQuery):
        memoria.open(":memory:", embedder=HashEmbedder(), unlock=KEY)
    for value in (b"bytes", 7, ""):
        with pytest.raises(errors.InvalidQuery):
            opened(tmp_path / "b", value)  # type: ignore[arg-type]
    assert not (tmp_path / "b").exists()


def test_without_its_packages_a_sealed_store_says_what_to_install(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sqlcipher3", None)
    for path in (store, tmp_path / "new"):
        with pytest.raises(errors.MissingExtra, match="sqlcipher3"):
            opened(path)
    assert not (tmp_path / "new" / "unlock.json").exists()


# -- rekey, cut short --


class Plug(Disk):
    """Raises when a point is reached for the nth time."""

    def __init__(self, point: str, hits: int = 1) -> None:
        self.point, self.hits, self.seen = point, hits, set[str]()

    def reached(self, point: str) -> None:
        self.seen.add(point)
        if point == self.point:
            self.hits -= 1
            if not self.hits:
                raise KeyboardInterrupt


@pytest.mark.parametrize("point", ["key wrapped", "file written", "both keys written", "old key gone"])
@pytest.mark.parametrize("hits", [1, 2])
def test_a_rekey_that_is_cut_short_opens_with_one_or_both(store: Path, point: str, hits: int) -> None:
    before = texts(store)
    plug = Plug(point, hits)
    try:
        rekeyed(store, as_wrapper(OTHER), as_wrapper(KEY), 0.0, None, plug)
        assert plug.hits > 0
    except KeyboardInterrupt:
        pass
    open_by = []
    for unlock in (KEY, OTHER):
        try:
            assert texts(store, unlock) == before
            open_by.append(unlock)
        except errors.WrongKey:
            pass
    assert open_by
    both = unlocking.unfinished(store)
    assert (both is not None) == (len(open_by) == 2)
    if both is not None:
        with opened(store, OTHER, "r") as memory:
            assert any("rekey was cut short" in line for line in memory.store.check())
    memoria.rekey(store, unlock=open_by[-1], new=OTHER)
    assert texts(store, OTHER) == before
    with pytest.raises(errors.WrongKey):
        opened(store, KEY)
    assert unlocking.unfinished(store) is None


STEPS = ("sealing begun", "slots sealed", "database sealed", "key in place", "clear file wiped", "sealed file moved")


@pytest.fixture(scope="module")
def clear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clear") / "a.memoria"
    filled(path, None)
    return path


@pytest.mark.parametrize(
    ("point", "hits"), [*((step, 1) for step in STEPS), ("clear file wiped", 4), ("sealed file moved", 5)]
)
def test_a_clear_store_is_sealed_whole_or_goes_on_when_opened(
    clear: Path, tmp_path: Path, point: str, hits: int
) -> None:
    path = Path(shutil.copytree(clear, tmp_path / "a.memoria"))
    before = texts(path, None)
    with pytest.raises(KeyboardInterrupt):
        rekeyed(path, as_wrapper(KEY), None, 0.0, None, Plug(point, hits))
    if STEPS.index(point) < STEPS.index("key in place"):
        assert texts(path, None) == before
        with pytest.raises(errors.RekeyUnfinished):
            opened(path, KEY)
        with opened(path, None, "r") as memory:
            assert any("was to be sealed" in line for line in memory.store.check())
        assert memoria.rekey(path, new=KEY).sealed
    else:
        with pytest.raises(errors.StoreSealed):
            opened(path, None)
        with pytest.raises(errors.RekeyUnfinished):
            opened(path, KEY, "r")
    with opened(path) as memory:
        assert sorted(one.text for one in memory.list(limit=100)) == before
        assert memory.store.check() == []
        assert not scan(files(path), secrets(memory)).found
        assert memory.namespace("app", "ada").ledger()
        assert read_json(path / "adapters" / "chosen.json", None) == {"ids": [WORDS[0]]}
        with pytest.raises(errors.Refused):
            memory.namespace("app", "ada").remember(f"Ada has {WORDS[1]} number 0 on the wall.", subject=WORDS[2])
    assert not (path / "sealing").exists()


# -- what somebody without the key changes --


def found_out(path: Path) -> list[str]:
    """What opening it, or doctor, says of a store; nothing when both find it sound."""
    try:
        with opened(path, KEY, "r") as memory:
            return memory.store.check()
    except errors.StoreError as error:
        return [str(error)]


def flipped(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x40
    path.write_bytes(data)


def test_a_byte_that_is_flipped_anywhere_is_found_and_its_file_named(store: Path) -> None:
    rng = random.Random(22)
    held = files(store)
    assert found_out(store) == []
    for file in held:
        name = file.name
        if name in ("lock", "reserve", "memoria.db-shm"):
            continue
        whole = file.read_bytes()
        step = 512 if name.endswith(".slots") else max(1, len(whole) // 40)
        live = len(whole) if not name.endswith(".slots") else HEADER_BYTES + 14 * 512
        for first in range(0, min(len(whole), live), step):
            at = min(rng.randrange(first, first + step), len(whole) - 1)
            flipped(file, at)
            said = found_out(store)
            assert said, f"{name}: byte {at} of {len(whole)}"
            assert any(part in " ".join(said) for part in (name, "memoria.db", "memory ")), (name, said)
            file.write_bytes(whole)
    assert found_out(store) == []


def test_slots_that_are_swapped_or_put_back_are_found(store: Path) -> None:
    (file, *_) = sorted((store / "slots").iterdir())
    whole = file.read_bytes()
    with opened(store, KEY, "r") as memory:
        assert isinstance(memory.store, LocalStore)
        space = next(memory.store._under(("app", "ada")))
        size, used = space.slots.slot_size, space.live().tolist()
        gone = space.slots.ghosts()
    one, two = (slice(HEADER_BYTES + slot * size, HEADER_BYTES + (slot + 1) * size) for slot in used[:2])
    data = bytearray(whole)
    data[one], data[two] = whole[two], whole[one]
    file.write_bytes(data)
    assert sum("bad checksum" in line for line in found_out(store)) == 2
    data = bytearray(whole)
    data[one] = whole[two]
    file.write_bytes(data)
    assert any("slot" in line for line in found_out(store))
    data = bytearray(whole)
    data[HEADER_BYTES + gone[0] * size + 30] ^= 1
    file.write_bytes(data)
    assert any("fingerprint" in line for line in found_out(store))
    # A forgotten memory comes back by its old slot: no row is there any more.
    file.write_bytes(whole)
    with opened(store) as memory:
        memory.forget(memory.namespace("app", "ada").list(subject=WORDS[2])[0].id)
    after = bytearray(file.read_bytes())
    places = [slice(HEADER_BYTES + slot * size, HEADER_BYTES + (slot + 1) * size) for slot in used]
    (back,) = [place for place in places if after[place] != whole[place]]
    after[back] = whole[back]
    file.write_bytes(after)
    assert any("belongs to no memory" in line for line in found_out(store))


def test_an_older_database_and_files_of_another_store_are_found(store: Path, tmp_path: Path) -> None:
    old = (store / "memoria.db").read_bytes()
    with opened(store) as memory:
        memory.namespace("app", "ada").remember("Something newer.")
    new = everything(store)
    (store / "memoria.db").write_bytes(old)
    assert any("memoria.db" in line for line in found_out(store))
    (store / "memoria.db").write_bytes(new["memoria.db"])
    assert found_out(store) == []
    filled(tmp_path / "other")
    for name, data in everything(tmp_path / "other").items():
        if name == "reserve":
            continue
        (store / name).write_bytes(data)
        said = found_out(store)
        assert said, name
        (store / name).write_bytes(new[name])
    for name in ("unlock.json", "epoch", "memoria.db", "store.key"):
        (store / name).unlink()
        assert found_out(store), name
        (store / name).write_bytes(new[name])
    assert found_out(store) == []


def test_sql_from_outside_cannot_even_open_a_sealed_database(store: Path) -> None:
    import sqlite3

    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(store / "memoria.db").execute("UPDATE standing SET bits = 0")


# -- the rest works as in clear --


def test_a_sealed_store_answers_as_one_in_clear(tmp_path: Path) -> None:
    found: list[tuple[object, ...]] = []
    for unlock in (None, KEY):
        path = tmp_path / str(unlock is None)
        with memoria.open(path, embedder=EMBEDDER, unlock=unlock) as memory:
            home = memory.namespace("a")
            home.remember_many([f"Order {n} goes to house {n % 7}." for n in range(200)])
            gone = [one.id for one in home.list(limit=50)]
            home.forget(*gone)
            memory.store.rebuild()
            home.remember("One more order for house 3.", subject="three")
        with memoria.open(path, embedder=EMBEDDER, unlock=unlock) as memory:
            hits = memory.recall("order for house 3", k=20)
            found.append(([hit.memory.text for hit in hits], memory.store.stats().memories, memory.store.check()))
            memory.store.reembed(BoundedEmbedder(64))
        with memoria.open(path, embedder=BoundedEmbedder(64), unlock=unlock, mode="r") as memory:
            found[-1] += (memory.recall("house 3", k=1)[0].memory.text, memory.store.check())
    assert found[0] == found[1]


def test_the_command_line_takes_no_passphrase_as_an_argument(
    store: Path, command: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    assert command("list", "--store", store, "--unlock", "env:A_KEY", A_KEY=KEY).returncode == 0
    told = command("list", "--store", store, "--unlock", "hunter2")
    assert told.returncode == 2
    assert "hunter2" not in told.stderr + told.stdout
    assert "StoreSealed" in command("list", "--store", store).stderr
    (tmp_path / "key").write_text(OTHER)
    done = command(
        "rekey", "--store", store, "--new", f"file:{tmp_path / 'key'}", "--json", MEMORIA_UNLOCK="env:A_KEY", A_KEY=KEY
    )
    assert done.returncode == 0, done.stderr
    assert '"sealed": false' in done.stdout
    assert command("doctor", "--store", store, "--unlock", f"file:{tmp_path / 'key'}").returncode == 0


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*words: object, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MEMORIA_")}
        return subprocess.run(
            [sys.executable, "-c", "from memoria.command import main; main()", *map(str, words)],
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
            env=environment | {"HOME": str(tmp_path), "MEMORIA_WARM": "0"} | more,
        )

    return run


# -- the keys of a store in PostgreSQL --


def by_url(url: str, unlock: memoria.UnlockLike) -> Memoria:
    return memoria.open(url, embedder=HashEmbedder(), unlock=unlock)


def test_the_keys_of_a_server_are_sealed_and_rekeyed(database: str, tmp_path: Path) -> None:
    folder = Path(database.partition("keys=")[2])
    with by_url(database, KEY) as memory:
        ada = memory.namespace("ada")
        kept = [ada.remember(f"Ada has order {n}.", subject="ada") for n in range(8)]
        ada.forget(kept[0].id)
        store = memory.store
        known = [Secret(label="root", data=store._root)]  # type: ignore[attr-defined]
        for path in sorted(folder.glob("??/*.keys")):
            tenant = bytes.fromhex(path.stem)
            keys = [store._keys.own(tenant), *store._keys.get(tenant, range(8))]  # type: ignore[attr-defined]
            known += [Secret(label="key", data=key) for key in keys if key is not None]
        assert len(known) == 9
        assert not scan(files(folder), known).found
        assert store.check() == []
    for unlock, kind in ((None, errors.StoreSealed), (OTHER, errors.WrongKey)):
        with pytest.raises(kind):
            by_url(database, unlock)
    assert memoria.rekey(database, unlock=KEY, new=OTHER) == memoria.Rekeyed(sealed=False, files=1)
    with by_url(database, OTHER) as memory:
        assert len(memory.list(limit=100)) == 7
        (file,) = sorted(folder.glob("??/*.keys"))
        whole = file.read_bytes()
        for at in (9, 50, 500, 512 + 64 * 3 + 20, 512 + 64 * 3 + 62):
            flipped(file, at)
            assert any(file.name in line for line in memory.store.check())
            file.write_bytes(whole)
        flipped(file, 512 + 64 * 3 + 20)
        with pytest.raises(errors.StoreCorrupt):
            memory.get(kept[3].id)
        file.write_bytes(whole)
        assert memory.get(kept[3].id).text == "Ada has order 3."


@pytest.mark.parametrize("point", ["sealing begun", "keys sealed", "clear file replaced", ""])
def test_clear_keys_are_sealed_and_go_on_after_a_kill(database: str, point: str) -> None:
    folder = Path(database.partition("keys=")[2])
    with by_url(database, None) as memory:
        ada = memory.namespace("ada")
        gone = ada.remember("Ada has a cat.")
        ada.remember("Ada has a dog.")
        ada.forget(gone.id)
        (path,) = folder.glob("??/*.keys")
        key = memory.store._keys.own(bytes.fromhex(path.stem))  # type: ignore[attr-defined]
    with pytest.raises(errors.StoreNotSealed):
        by_url(database, KEY)
    try:
        assert rekeyed(database, as_wrapper(KEY), None, 0.0, None, Plug(point)).sealed
        assert not point
    except KeyboardInterrupt:
        with pytest.raises(errors.RekeyUnfinished):
            by_url(database, KEY)
        assert memoria.rekey(database, new=KEY).sealed
    assert not scan(files(folder), [Secret(label="key", data=key)]).found
    with by_url(database, KEY) as memory:
        assert [one.text for one in memory.list()] == ["Ada has a dog."]
        assert memory.store.check() == []

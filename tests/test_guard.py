"""Guard without a trace: fingerprints that end and are erased, and fingerprints under a key outside of the store."""

from __future__ import annotations

import hmac
import math
import os
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import memoria
from memoria.engine.memory import Memoria
from memoria.errors import GuardKeyMissing, InvalidQuery, Refused, WrongGuardKey
from memoria.stores.guardkey import Outside, as_guard_key
from memoria.stores.local import Disk, LocalStore
from memoria.testing import HashEmbedder
from memoria.text.fingerprints import Statement, fingerprint
from memoria.text.sketch import sketch
from memoria.transfer.copying import copy
from tests.clocked import DAY, START, Clock

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
CODE = "The code of the vault is 7741 since Monday."
NEAR = "The code of the vault is 7741 now since Monday."
TEA = "Ada takes her tea without any sugar at noon."


@pytest.fixture
def make(place: str, clock: Clock) -> Iterator[Callable[..., Memoria]]:
    """Opens the store, again and again."""
    made: list[Memoria] = []

    def opened(**how: Any) -> Memoria:
        for one in made:
            one.close()
        made.append(memoria.open(place, embedder=HashEmbedder(16), clock=clock, judge=None, **how))
        return made[-1]

    yield opened
    for one in made:
        one.close()


def refused(memory: Memoria, text: str, subject: str | None = None) -> bool:
    """Whether a text is refused; one that is not is forgotten again without a trace."""
    try:
        one = memory.remember(text, subject=subject)
    except Refused:
        return True
    memory.forget(one.id, guard="none")
    return False


def anywhere(folder: Path, needle: bytes) -> bool:
    return any(needle in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_fingerprints_end_with_their_days(make: Callable[..., Memoria], clock: Clock, place: str) -> None:
    memory = make(guard_days=10)
    for text, how in ((CODE, {"guard": "near", "guard_days": 2}), (TEA, {}), ("Kept apart for good, at 5.", {})):
        memory.forget(memory.remember(text).id, **({"guard_days": math.inf} if "good" in text else how))
    parts = [memory.remember(f"The {word} path is closed at 9.") for word in ("amber", "birch", "cedar")]
    memory.consolidate(*parts)
    memory.forget(parts[0].id, guard_days=2)
    if place != ":memory:":
        memory = make()
    texts = (CODE, NEAR, parts[0].text, TEA, "Kept apart for good, at 5.")
    assert [refused(memory, one) for one in texts] == [True] * 5
    clock.now += 2 * DAY - timedelta(microseconds=1)
    assert memory.erase_due().released == 0
    assert refused(memory, CODE)
    clock.now += timedelta(microseconds=1)
    # Taken at once, before any sweep: what has ended refuses nothing.
    assert [refused(memory, one) for one in texts] == [False, False, False, True, True]
    clock.now += 8 * DAY
    assert memory.sleep(detector=None).erased == ()
    assert memory.store.fingerprints(()).keys() == {()}
    assert [refused(memory, one) for one in texts] == [False, False, False, False, True]


def test_no_byte_of_a_fingerprint_that_ended_is_left(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "a"
    with memoria.open(path, embedder=HashEmbedder(16), clock=clock) as memory:
        (one,) = memory.remember_many([CODE])
        kept = memory.remember(TEA)
        memory.forget(one.id, guard="near", guard_days=3)
        memory.forget(kept.id)
        (space,) = memory.store._spaces.values()  # type: ignore[attr-defined]
        key = space.slots.key
        prints = [fingerprint(key, Statement(CODE)), sketch(key, CODE)]
        assert all(anywhere(path, needle) for needle in prints)
        clock.now += 3 * DAY
        # Two fingerprints: of the text, and of what is near it.
        assert memory.erase_due().released == 2
        assert not any(anywhere(path, needle) for needle in prints)
        assert anywhere(path, fingerprint(key, Statement(TEA)))
        assert not memory.doctor()


def test_adopted_fingerprints_end_too(make: Callable[..., Memoria], clock: Clock, tmp_path: Path) -> None:
    memory = make()
    memory.forget(memory.remember(CODE).id, guard="near", guard_days=2)
    memory.forget(memory.remember(TEA).id)
    path = tmp_path / "copy"
    copy(memory.store, str(path))
    with memoria.open(path, embedder=HashEmbedder(16), clock=clock) as there:
        assert [refused(there, one) for one in (CODE, NEAR, TEA)] == [True] * 3
        clock.now += 2 * DAY
        assert there.erase_due().released == 2
        assert [refused(there, one) for one in (CODE, NEAR, TEA)] == [False, False, True]
        assert there.store.fingerprints(()).keys() == {()}


def keys_in(folder: Path) -> list[bytes]:
    """Every 32 bytes of the small files and headers of a store, which have its keys."""
    found = []
    for path in folder.rglob("*"):
        data = path.read_bytes()[:8192] if path.is_file() else b""
        found += [data[at : at + 32] for at in range(0, max(len(data) - 31, 0))]
    return list(set(found))


def test_whoever_has_the_store_alone_can_test_nothing(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "a"
    with memoria.open(path, embedder=HashEmbedder(16), clock=clock) as memory:
        memory.forget(memory.remember(TEA, subject="ada").id, guard="near")
        key = next(iter(memory.store._spaces.values())).slots.key  # type: ignore[attr-defined]
        known = [fingerprint(key, Statement(TEA, "ada")), sketch(key, TEA, "ada")]
        assert all(anywhere(path, needle) for needle in known)
    for _ in range(2):
        with memoria.open(path, embedder=HashEmbedder(16), clock=clock, guard_key=KEY) as memory:
            assert refused(memory, TEA, "ada")
            memory.forget(memory.remember(CODE, readmit=True).id, guard="near")
            assert [refused(memory, one) for one in (CODE, NEAR)] == [True, True]
    data = b"".join(one.read_bytes() for one in path.rglob("*") if one.is_file())
    assert not any(needle in data for needle in known)
    for key in keys_in(path):
        for text in (TEA, CODE):
            for marked in (b"text\0", b""):
                digest = hmac.digest(key, marked + text.casefold().encode(), "sha256")
                assert digest[:8] not in data


def test_without_the_key_it_reads_and_forgets_and_nothing_comes_back(
    make: Callable[..., Memoria], clock: Clock, place: str
) -> None:
    if place == ":memory:":
        pytest.skip("it is gone when it is closed")
    memory = make(guard_key=KEY)
    other = memory.namespace("other")
    memory.forget(memory.remember(CODE).id)
    kept = memory.remember(TEA)
    quiet = other.remember("Nothing was forgotten here, at 8.")
    memory = make()
    assert memory.get(kept.id).text == TEA
    assert kept.id in {hit.memory.id for hit in memory.recall("tea")}
    for verb in (
        lambda: memory.remember("Something new, at 6."),
        lambda: memory.remember(CODE),
        lambda: memory.amend(kept.id, text=CODE),
        lambda: memory.store.fingerprints(()),
    ):
        with pytest.raises(GuardKeyMissing):
            verb()
    assert memory.namespace("other").remember("Where nothing was forgotten, at 7.")
    memory.forget(kept.id)
    memory.namespace("other").forget(quiet.id)
    memory = make(unguarded=True)
    came = memory.remember(CODE)
    assert refused(memory, TEA)
    memory.forget(came.id, guard="none")
    with pytest.raises(WrongGuardKey):
        make(guard_key=OTHER)
    memory = make(guard_key=KEY)
    assert [refused(memory, one) for one in (CODE, TEA)] == [True, True]
    assert refused(memory.namespace("other"), quiet.text)
    memory.remember(CODE, readmit=True)
    assert refused(memory, TEA)


def test_a_key_comes_from_bytes_a_file_a_variable_or_a_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw, written = tmp_path / "raw", tmp_path / "hex"
    raw.write_bytes(KEY)
    written.write_text(KEY.hex() + "\n")
    monkeypatch.setenv("GUARD", KEY.hex())
    asked: list[bytes] = []

    def service(message: bytes) -> bytes:
        asked.append(message)
        return hmac.digest(KEY, message, "sha256")

    path = tmp_path / "a"
    for given in (KEY, raw, str(written), "env:GUARD", service):
        with memoria.open(path, embedder=HashEmbedder(16), guard_key=given) as memory:
            if len(memory) == 0 and not memory.store.fingerprints(()):
                memory.forget(memory.remember(CODE).id)
            assert refused(memory, CODE)
    # Once for the check value, and once for the namespace, whatever is asked.
    assert len(asked) == 2
    for wrong in (b"short", tmp_path / "none", "env:NOBODY", 5, lambda message: b"short"):
        with pytest.raises(InvalidQuery) as caught:
            memoria.open(tmp_path / "b", embedder=HashEmbedder(16), guard_key=wrong)  # type: ignore[arg-type]
        assert KEY.hex() not in str(caught.value)
    with pytest.raises(WrongGuardKey) as found:
        memoria.open(path, mode="r", embedder=HashEmbedder(16), guard_key=OTHER)
    assert OTHER.hex() not in str(found.value)


@pytest.mark.parametrize("days", [0, -1, "3", math.nan, True])
def test_wrong_days_are_refused(days: Any) -> None:
    with memoria.open(":memory:", embedder=HashEmbedder(16)) as memory:
        one = memory.remember(CODE)
        with pytest.raises(InvalidQuery, match="guard_days"):
            memory.forget(one.id, guard_days=days)
        assert len(memory) == 1
    with pytest.raises(InvalidQuery, match="guard_days"):
        memoria.open(":memory:", embedder=HashEmbedder(16), guard_days=days)


def test_copies_need_the_key_and_keep_it_outside(tmp_path: Path, clock: Clock) -> None:
    path, there = tmp_path / "a", tmp_path / "b"
    with memoria.open(path, embedder=HashEmbedder(16), guard_key=KEY) as memory:
        memory.forget(memory.remember(CODE).id, guard_days=9)
        memory.remember(TEA)
    with pytest.raises(GuardKeyMissing):
        copy(path, tmp_path / "c")
    copy(path, there, guard_key=KEY)
    with memoria.open(there, embedder=HashEmbedder(16), clock=clock, guard_key=KEY) as memory:
        assert refused(memory, CODE)
    with memoria.open(there, embedder=HashEmbedder(16)) as memory, pytest.raises(GuardKeyMissing):
        memory.remember("Something new, at 6.")


class Deadly(Disk):
    """Dies when so many points have been reached."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def reached(self, point: str) -> None:
        self.steps -= 1
        if self.steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _local(path: Path, clock: Clock, disk: Disk, key: bytes | None) -> Memoria:
    embedder = HashEmbedder(16)
    outside = Outside(key=as_guard_key(key))
    return Memoria(LocalStore(path, embedder=embedder.card, disk=disk, outside=outside), embedder, clock=clock)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the process that dies is forked")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("key", [None, KEY], ids=["days", "outside"])
def test_killed_at_every_step_it_is_gone_and_refused_or_still_there(
    tmp_path: Path, clock: Clock, key: bytes | None
) -> None:
    step, alive = 0, False
    while not alive:
        step += 1
        path = tmp_path / f"{step}"
        with _local(path, clock, Disk(), None) as memory:
            memory.forget(memory.remember(NEAR).id)
            one, two = memory.remember(CODE), memory.remember(TEA)
        alive = _dies(path, clock, step, key, [one.id, two.id])
        with _local(path, clock, Disk(), key) as memory:
            assert not memory.doctor()
            left = {memory_.text for memory_ in memory.list()}
            for text in (CODE, TEA):
                assert text in left or refused(memory, text)
                assert text not in left or not memory.store.refused((), [Statement(text)])[0]
            assert refused(memory, NEAR)
            clock.now += 5 * DAY
            memory.erase_due()
            assert not any(refused(memory, text) for text in (CODE, TEA) if text not in left)
            assert refused(memory, NEAR)
        clock.now = START
    assert step > 4


def _dies(path: Path, clock: Clock, steps: int, key: bytes | None, ids: list[str]) -> bool:
    """Forgets in a child that dies after so many steps; whether it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            with _local(path, clock, Deadly(steps), key) as memory:
                memory.forget(ids[0], guard_days=5)
                memory.forget(ids[1], guard_days=5, guard="near")
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return not os.WIFSIGNALED(status)

"""What every provider of keys must do. Subclass `KeyProviderConformance`, give its fixture; pytest runs the rest."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from memoria.errors import StoreCorrupt
from memoria.stores.postgres.keys import KeyProvider

TENANT, OTHER = b"\x01" * 16, b"\xfe" * 16
_SIZE = 32
_MANY = 3000


def _keys(count: int) -> list[bytes]:
    return [os.urandom(_SIZE) for _ in range(count)]


class KeyProviderConformance:
    """The tests of a provider of keys.

    Needs a fixture `opened`, a function that returns a provider on one place: an empty one at the first call, and
    another provider on the same place at each later one, as another process would have it.
    """

    @pytest.fixture
    def keys(self, opened: Callable[[], KeyProvider]) -> KeyProvider:
        """A provider on an empty place, with its root key.

        Args:
            opened: makes a provider on the place, see above.

        Returns:
            The provider.
        """
        keys = opened()
        keys.root(make=True)
        return keys

    def test_the_key_of_names_is_made_once_and_never_by_looking(self, opened: Callable[[], KeyProvider]) -> None:
        with pytest.raises(StoreCorrupt):
            opened().root(make=False)
        made = opened().root(make=True)
        assert len(made) == _SIZE
        assert made != bytes(_SIZE)
        assert [opened().root(make=True), opened().root(make=False)] == [made, made]

    def test_a_tenant_has_a_key_of_its_own(self, keys: KeyProvider, opened: Callable[[], KeyProvider]) -> None:
        assert keys.own(TENANT) is None
        made, other = keys.create(TENANT), keys.create(OTHER)
        assert len({made, other, keys.root(make=False)}) == 3
        for one in (keys, opened()):
            assert (one.own(TENANT), one.own(OTHER)) == (made, other)

    def test_keys_are_found_in_their_slots_by_others_at_once(
        self, keys: KeyProvider, opened: Callable[[], KeyProvider]
    ) -> None:
        keys.create(TENANT)
        keys.create(OTHER)
        first, later, others = _keys(3), _keys(2), _keys(1)
        keys.put(TENANT, 0, first)
        keys.put(TENANT, 70, later)
        keys.put(OTHER, 1, others)
        for one in (keys, opened()):
            assert one.get(TENANT, [71, 0, 3, 2, 0, 10_000]) == [later[1], first[0], None, first[2], first[0], None]
            assert one.get(OTHER, [0, 1]) == [None, others[0]]
            assert one.get(TENANT, []) == []

    def test_what_was_never_acknowledged_is_put_over(self, keys: KeyProvider) -> None:
        keys.create(TENANT)
        once, again = _keys(2), _keys(2)
        keys.put(TENANT, 4, once)
        keys.put(TENANT, 5, again)
        assert keys.get(TENANT, [4, 5, 6]) == [once[0], *again]

    def test_destroyed_keys_are_gone_for_everybody_and_the_others_stay(
        self, keys: KeyProvider, opened: Callable[[], KeyProvider]
    ) -> None:
        keys.create(TENANT)
        keys.create(OTHER)
        made, others = _keys(6), _keys(6)
        keys.put(TENANT, 0, made)
        keys.put(OTHER, 0, others)
        for _ in range(2):
            keys.destroy(TENANT, [1, 2, 5, 900])
            for one in (keys, opened()):
                assert one.get(TENANT, range(6)) == [made[0], None, None, made[3], made[4], None]
                assert one.get(OTHER, range(6)) == others
        keys.destroy(TENANT, [])
        keys.destroy(b"\x05" * 16, [0])

    def test_a_tenant_goes_whole(self, keys: KeyProvider, opened: Callable[[], KeyProvider]) -> None:
        keys.create(TENANT)
        own = keys.create(OTHER)
        made = _keys(4)
        keys.put(TENANT, 0, _keys(20))
        keys.put(OTHER, 0, made)
        for _ in range(2):
            keys.destroy_tenant(TENANT)
            for one in (keys, opened()):
                assert one.own(TENANT) is None
                assert one.get(TENANT, range(20)) == [None] * 20
                assert (one.own(OTHER), one.get(OTHER, range(4))) == (own, made)

    def test_many_at_once(self, keys: KeyProvider) -> None:
        keys.create(TENANT)
        made = _keys(_MANY)
        keys.put(TENANT, 10, made)
        assert keys.get(TENANT, range(10, 10 + _MANY)) == made
        keys.destroy(TENANT, range(10, 10 + _MANY, 2))
        found = keys.get(TENANT, range(10, 10 + _MANY))
        assert [one for one in found if one is not None] == made[1::2]

    def test_threads_and_others_do_not_undo_each_other(
        self, keys: KeyProvider, opened: Callable[[], KeyProvider]
    ) -> None:
        keys.create(TENANT)
        providers = [keys, opened()]
        made = _keys(80)

        def work(number: int) -> None:
            one = providers[number % 2]
            one.put(TENANT, 10 * number, made[10 * number : 10 * number + 10])
            one.destroy(TENANT, range(10 * number, 10 * number + 5))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        for one in providers:
            assert one.get(TENANT, range(80)) == [None if at % 10 < 5 else key for at, key in enumerate(made)]

    def test_no_file_that_it_names_has_what_was_destroyed(self, keys: KeyProvider) -> None:
        keys.create(TENANT)
        made = _keys(8)
        keys.put(TENANT, 0, made)
        keys.destroy(TENANT, range(4))
        data = b"".join(path.read_bytes() for path in keys.files())
        assert [key for key in made[:4] if key in data] == []


__all__ = ["KeyProviderConformance"]

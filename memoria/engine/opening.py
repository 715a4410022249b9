"""Opening: from a path or a URL to a memory."""

from __future__ import annotations

from os import PathLike, fsdecode
from typing import Any, Literal, TypedDict, Unpack, get_args

from memoria.access.sight import Roles, check_roles
from memoria.distill.unlearn import sweep
from memoria.embedders import EmbedderLike, as_embedder, check_embedder, check_there
from memoria.engine.arguments import spelled_out
from memoria.engine.memory import Memoria
from memoria.engine.view import Clock, JudgeLike, PolicyLike, check_behaviour, utc_now
from memoria.errors import InvalidQuery, LanguageMismatch, shown
from memoria.proof.keys import Signer, SigningKey, check_signer
from memoria.protocols import Embedder, KeyWrapper, Progress, Store
from memoria.retention.reinforce import Reinforcing
from memoria.retention.windows import SalienceLike
from memoria.standing.judging import StandingJudge, check_standing_judge
from memoria.stores.guardkey import GuardKeyLike, Outside, as_guard_key
from memoria.stores.registry import is_url, open_url
from memoria.stores.wrapping import UnlockLike, as_wrapper
from memoria.text.language import LANGUAGES
from memoria.types import EmbedderCard, Endings, LedgerEntry
from memoria.validate import check_choice, check_flag, check_reader
from memoria.zones import ZoneLike, as_zone

Mode = Literal["rw", "r"]
"""For writing, or for reading alone."""
MEMORY = ":memory:"


class Viewed(TypedDict, total=False):
    """Of `Behaviour`, what a memory on an open store takes."""

    policy: PolicyLike
    reinforce: Reinforcing
    fade_below: float
    clock: Clock
    zone: ZoneLike
    day_first: bool | None
    endings: Endings
    judge: JudgeLike
    guard_days: float | None
    roles: Roles | None
    require_reader: bool
    standing_judge: StandingJudge | None
    salience: SalienceLike | None


class Behaviour(Viewed, total=False):
    """How a memory behaves.

    Attributes:
        policy: how memories fade, and which a budget keeps, by name or as a `DecayPolicy`; None is what was adopted, or
            `Exponential`, and budgets then keep by `Salience` over it.
        reinforce: what a recall strengthens: "recalled", "used" or "never"; see `Memoria.reinforcing`.
        fade_below: retrievability, in [0, 1), under which `fade` archives.
        clock: gives the present time, aware.
        zone: where days begin and end: a name such as "Asia/Tokyo"; None is the zone of the times that `clock` gives.
        day_first: whether 5/8/2023 is in August; None goes by the language of the text.
        endings: what may end a memory by itself: "never" nothing, "commands" what a user tells to take out, "sure" also
            what is all but certain; see docs/change.md.
        judge: gives the log-odds that a statement makes memories untrue; "learnt" is the installed one, with
            all-MiniLM-L6-v2; None is nobody.
        guard_days: for how many days `forget` lets its texts be refused; None is for ever.
        guard_key: the key of fingerprints that is kept outside of the store: 32 bytes, a file with them, "env:NAME", or
            a callable that computes a keyed hash; see docs/guard.md.
        unguarded: without the key of a store that has one, whether texts are stored though nobody can tell whether they
            were forgotten; False raises GuardKeyMissing.
        reader: gives the view of this reader, as `Memoria.reading_as` does; None is the owner, who sees all.
        roles: takes the name of a reader and gives the names of its roles, at each verb; None is no roles.
        require_reader: refuses every verb that names no reader, so that no call is the owner's by oversight.
        standing_judge: takes a text and a `StandingOrder`, and says whether the text says again what the order keeps
            out; asked where an order holds, of texts that no order is seen to keep out. None asks nobody.
        salience: what judges the importance of what is remembered without one: "text", from the text, beside the last
            memories of its namespace; "alone", from the text alone; "flat", which gives 0.5; or a callable that takes
            the memory and gives a number in [0, 1]. None is "text".
    """

    guard_key: GuardKeyLike
    unguarded: bool
    reader: str | None


@spelled_out
def open(
    path: str | PathLike[str],
    *,
    mode: Mode = "rw",
    embedder: EmbedderLike = None,
    language: str | None = None,
    timeout: float = 0.0,
    progress: Progress | None = None,
    signer: Signer | None = None,
    unlock: UnlockLike = None,
    **behaviour: Unpack[Behaviour],
) -> Memoria:
    """Opens a store, made when it is not there and mode is "rw".

    Args:
        path: a directory; ":memory:", which keeps nothing; or a URL: "postgresql://...?keys=DIRECTORY" (docs/scale.md).
        mode: "rw" is the one writer of a directory, "r" one of many readers.
        embedder: a model's name, a callable of texts, or an `Embedder`; None is the store's own, or all-MiniLM-L6-v2.
        language: of the texts of a new store, a code of ISO 639-1; None tells it by each text, or is the store's own.
        timeout: seconds to wait for another writer to close, or for a server.
        progress: called with (what, done, total) during long work.
        signer: who signs the ledger, such as a KMS (docs/receipts.md); None is a key that the store keeps.
        unlock: a passphrase or a `KeyWrapper`; a new store is sealed when it is given (docs/sealing.md).
        behaviour: see `Behaviour`.

    Returns:
        The memory; close it, or use it in a `with` block.

    Raises:
        InvalidQuery: an argument is none of those above, or nobody knows the scheme of the URL.
        StoreNotFound: nothing is there, and mode is "r".
        StoreError: it is not to be used: StoreExists, StoreLocked, StoreCorrupt, StoreReadOnly, UnlockError and others.
        EmbedderMismatch: the store's vectors come from another embedder, or from a callable that was not given.
        LanguageMismatch: the store is of another language than the one that is given.
        ModelNotFound: no model of this name is on this machine or to be had.
        MissingExtra: the packages of the embedder that is given, or of sealed stores, are not installed.
    """
    _check(mode, language, signer, behaviour)
    given = _usable(embedder)
    outside = guarding(behaviour.pop("guard_key", None), behaviour.pop("unguarded", False))
    reader = behaviour.pop("reader", None)
    store = open_store(path, given.card, mode, timeout, progress, language, outside, unlock)
    try:
        _let_sign(store, signer, mode, behaviour.get("clock", utc_now))
        chosen = _ready(store, embedder, given, mode)
        return _seen(store, chosen, progress, mode, reader, behaviour)
    except BaseException:
        store.close()
        raise


def guarding(key: GuardKeyLike, unguarded: object = False) -> Outside | None:
    """The guard key outside of a store, None where nothing is said of one; raises InvalidQuery without showing it."""
    if not isinstance(unguarded, bool):
        raise InvalidQuery(f"unguarded is {type(unguarded).__name__}, not True or False")
    return None if key is None and not unguarded else Outside(key=as_guard_key(key), unguarded=unguarded)


def _seen(
    store: Store, embedder: Embedder, progress: Progress | None, mode: Mode, reader: str | None, behaviour: Viewed
) -> Memoria:
    """The memory of an open store, as its reader sees it if one is given; standing orders have done what was left."""
    if mode == "r":
        behaviour["reinforce"] = "never"
    memory = Memoria(store, embedder, progress=progress, **behaviour)
    if mode == "rw":
        memory._resume()
    return memory if reader is None else memory.reading_as(reader)


def _usable(asked: EmbedderLike) -> Embedder:
    """The embedder that is asked for; raises MissingExtra and ModelNotFound before a store is made that needs it."""
    given = as_embedder(asked)
    if asked is not None:
        check_there(given)
    return given


def _let_sign(store: Store, signer: Signer | None, mode: Mode, clock: Clock) -> None:
    """Lets a signer sign; the store's own key, if it signed before, signs the line that says so.

    Raises InvalidQuery when another one signed last, whose key is not here.
    """
    if signer is None:
        return
    ring = store.keyring()
    if ring is not None and ring.public != signer.public:
        if ring.sealed is None:
            given = SigningKey(public=signer.public).id
            raise InvalidQuery(
                f"the ledger was signed last by the key {ring.id[:16]}, not by {given[:16]}: open it with that signer, "
                "and call rotate_key(signer=)"
            )
        if mode == "rw":
            store.rotate(LedgerEntry(at=clock(), action="rotate", ids=(), reason=""), signer)
    store.sign_with(signer)


def _check(mode: Mode, language: str | None, signer: Signer | None, behaviour: Behaviour) -> None:
    """Raises InvalidQuery before anything is made at the path."""
    check_choice("mode", mode, get_args(Mode))
    if language is not None:
        check_choice("language", language, LANGUAGES)
    if signer is not None:
        check_signer(signer)
    check_behaviour(**behaviour)
    check_flag("day_first", behaviour.get("day_first"))
    as_zone(behaviour.get("zone"))
    check_flag("require_reader", behaviour.get("require_reader"))
    check_roles(behaviour.get("roles"))
    check_standing_judge(behaviour.get("standing_judge"))
    if behaviour.get("reader") is not None:
        check_reader(behaviour.get("reader"))


def _ready(store: Store, asked: EmbedderLike, given: Embedder, mode: Mode) -> Embedder:
    """The embedder of an open store, its own unless one was asked for; leftovers of killed learning are swept."""
    if mode == "rw":
        sweep(store)
    if asked is None:
        return as_embedder(store.embedder.name)
    check_embedder(store, given)
    return given


def open_store(
    path: str | PathLike[str],
    card: EmbedderCard,
    mode: Mode,
    timeout: float = 0.0,
    progress: Progress | None = None,
    language: str | None = None,
    outside: Outside | None = None,
    unlock: UnlockLike = None,
) -> Store:
    """The store alone, without verbs; card, language: of the embedder and the texts, when it is made.

    outside: the guard key outside of it. Raises as `open` does.
    """
    store = _opened(_checked(path), card, mode, timeout, progress, language, outside, as_wrapper(unlock))
    if language not in (None, store.language):
        store.close()
        own = "each text's own" if store.language is None else shown(store.language)
        raise LanguageMismatch(
            f"the language of this store is {own}, not {shown(language)}: leave language out; for another one, import "
            "an export into a new store"
        )
    return store


def _opened(
    place: str,
    card: EmbedderCard,
    mode: Mode,
    timeout: float,
    progress: Progress | None,
    language: str | None,
    outside: Outside | None,
    unlock: KeyWrapper | None,
) -> Store:
    if place == MEMORY:
        if unlock is not None:
            raise InvalidQuery("unlock: a store in memory keeps nothing that could be sealed")
        from memoria.stores import InMemoryStore

        return InMemoryStore(card, language=language, outside=outside)
    how: dict[str, Any] = {"language": language, "outside": outside, "unlock": unlock}
    if is_url(place):
        return open_url(place, embedder=card, mode=mode, timeout=timeout, progress=progress, **how)
    from memoria.stores import LocalStore

    return LocalStore(place, embedder=card, mode=mode, timeout=timeout, progress=progress, **how)


def _checked(path: str | PathLike[str]) -> str:
    """The path as a str; raises InvalidQuery for what is no path."""
    if not isinstance(path, str | bytes | PathLike):
        raise InvalidQuery(f"path is {type(path).__name__}, not a str or a path")
    place = fsdecode(path)
    if not place or "\0" in place:
        raise InvalidQuery("the path is empty" if not place else f"the path has a NUL at {place.index(chr(0))}")
    return place

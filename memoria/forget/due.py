"""Erases what is due: memories whose own expiry or retention period has passed, by the same way as `forget`.

What is due is a table of the store, so that table is the journal: a run that was killed leaves what it had not erased,
and the next one goes on. Each batch is entered into the ledger before it is erased.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from memoria.derived.lineage import parts
from memoria.derived.records import Records
from memoria.errors import InvalidQuery
from memoria.forget.deciding import altered
from memoria.forget.erase import Order, erased, plan, told
from memoria.forget.staying import apart
from memoria.protocols import Store
from memoria.types import LedgerEntry, Namespace, Receipt, RetentionPeriod, Where
from memoria.validate import check_name

ACTION = "expire-erase"
"""In the ledger: memories were erased because their time had passed."""
PERIOD, LIFTED = "period", "lift-period"
"""In the ledger: a retention period was set, or lifted."""
_ORDERED = "how long memories are kept"
_REASON = "expires_at or a retention period has passed"
# Noted while memories that are there are being scheduled by a changed period.
_UNDER_WAY = "ttl"
_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What a run erased, or would erase, because its time had passed.

    Attributes:
        ids: memories that were due, parts of gists among them.
        derived: ids of what went with them, because it was made from them.
        rewritten: ids of gists that were made again without them.
        held: ids that are due and stay, because they are held, or a held memory would go or change with them. Nobody
            sees them until they are released, and then they go.
        receipts: one for each batch of at most 256, without content.
        released: fingerprints of forgotten texts that were erased because their `guard_days` had passed.
        dry_run: whether nothing was erased.
    """

    ids: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    released: int = 0
    dry_run: bool = False


def erase_due(
    records: Records,
    prefix: Namespace,
    at: datetime,
    *,
    dry_run: bool = False,
    verify: bool = False,
    pause: Callable[[], bool] = lambda: False,
    among: Callable[[str], bool] = lambda id: True,
) -> Erasure:
    """Erases what is due under a namespace, batch by batch. There is no cap, since a retention period is law.

    verify: scans every file after each batch. pause: called between two batches; returns whether to stop. among:
    whether the memory of an id is erased now; the rest stays due, and unseen.
    """
    store = records.store
    if not dry_run and store.note(_UNDER_WAY):
        reschedule(records, store.periods())
    found = _overdue(store, prefix, at, mend=not dry_run)
    due = sorted({id for some in found.values() for id in some if among(id)})
    ids, held = apart(store, due, restricted=True)
    released = 0 if dry_run else store.release_guard(prefix, at)
    done = Erasure(held=tuple(held), released=released, dry_run=dry_run)
    for start in range(0, len(ids), _BATCH):
        done = _joined(done, _batch(records, ids[start : start + _BATCH], at, dry_run=dry_run, verify=verify))
        if records.progress is not None:
            records.progress("erase", min(start + _BATCH, len(ids)), len(ids))
        if pause():
            break
    return done


def _overdue(store: Store, prefix: Namespace, at: datetime, *, mend: bool) -> Mapping[str, frozenset[str]]:
    """What is due, and by the periods themselves what another process wrote while one of them was set."""
    missed: list[str] = []
    for period in store.periods():
        if period.namespace[: len(prefix)] == prefix or prefix[: len(period.namespace)] == period.namespace:
            where = Where(namespace=max(prefix, period.namespace, key=len), subject=period.subject)
            missed += _unscheduled(store, replace(where, until=_before(at, period.ttl)), at)
    if missed and mend:
        store.reschedule(missed)
    return store.lapsed(Where(namespace=prefix), at)


def _before(at: datetime, ttl: timedelta) -> datetime | None:
    """What was observed before this time is due, or almost; a time that there is not comes before all."""
    try:
        return at - ttl
    except OverflowError:
        return at.replace(year=1)


def _unscheduled(store: Store, where: Where, at: datetime) -> list[str]:
    there = store.select(where)
    known = store.lapsed(replace(where, subject=None, until=None), at) if there else {}
    return [id for id in there if id not in known]


def _order(ids: Sequence[str], *, verify: bool = False) -> Order:
    # What lapsed may be said again: it was not wrong, its time was over. It ends what a restriction only stores, too.
    return Order(where=Where(ids=tuple(ids)), guard="none", verify=verify, restricted=True)


def _batch(records: Records, ids: Sequence[str], at: datetime, *, dry_run: bool, verify: bool) -> Erasure:
    """Erases these ids, those that went with an earlier batch or meanwhile left out."""
    store = records.store
    with store.alone():
        stored = set(store.select(Where(ids=tuple(ids))))
        there = stored | parts(store, set(ids) - stored).keys()
        here = tuple(id for id in ids if id in there)
        if not here:
            return Erasure(dry_run=dry_run)
        if dry_run:
            effects = plan(store, _order(here)).effects
            derived, rewritten = tuple(sorted(effects.gone - set(here))), tuple(sorted(effects.changed))
            return Erasure(ids=here, derived=derived, rewritten=rewritten, dry_run=True)
        store.enter(LedgerEntry(at=at, action=ACTION, ids=here, reason=_REASON))
        order = _order(here, verify=verify)
        done = erased(records, order, at)
    receipt = told(records, order, done, at)
    said = altered(receipt, asked={"due": str(len(here))})
    return Erasure(ids=here, derived=said.derived, rewritten=said.rewritten, receipts=(said,))


def _joined(one: Erasure, other: Erasure) -> Erasure:
    gone = {*one.ids, *other.ids}
    return Erasure(
        ids=one.ids + other.ids,
        derived=tuple(sorted({*one.derived, *other.derived} - gone)),
        rewritten=tuple(sorted({*one.rewritten, *other.rewritten} - gone)),
        held=one.held + other.held,
        receipts=one.receipts + other.receipts,
        released=one.released + other.released,
        dry_run=one.dry_run,
    )


def set_period(records: Records, period: RetentionPeriod, at: datetime) -> None:
    """Keeps a retention period, and schedules what is there by it. A killed call is finished by the next run."""
    records.store.write_note(_UNDER_WAY, "scheduling")
    records.store.set_period(period)
    _enter(records.store, PERIOD, period, at)
    reschedule(records, [period])


def lift_period(records: Records, period: RetentionPeriod, at: datetime) -> bool:
    """Takes a retention period away; what it has not erased yet is kept as if it had never been."""
    records.store.write_note(_UNDER_WAY, "scheduling")
    lifted = records.store.lift_period(period)
    if lifted:
        _enter(records.store, LIFTED, period, at)
    reschedule(records, [period])
    return lifted


def _enter(store: Store, action: str, period: RetentionPeriod, at: datetime) -> None:
    """Enters that a period was set or lifted; whom it is about is not said."""
    where = {"namespace": store.alias(period.namespace), "of_subject": period.subject is not None}
    facts = where | ({"seconds": int(period.ttl.total_seconds())} if action == PERIOD else {})
    store.enter(LedgerEntry(at=at, action=action, ids=(), reason=_ORDERED, facts=facts))


def reschedule(records: Records, periods: Sequence[RetentionPeriod]) -> None:
    """Works out again when what the periods are about is to be erased."""
    store = records.store
    ids = sorted({id for one in periods for id in store.select(Where(namespace=one.namespace, subject=one.subject))})
    for done, part in _parts(ids):
        store.reschedule(part)
        if records.progress is not None:
            records.progress("retention", done, len(ids))
    store.write_note(_UNDER_WAY, "")


def _parts(ids: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    for start in range(0, len(ids), _BATCH):
        yield min(start + _BATCH, len(ids)), ids[start : start + _BATCH]


def check_period(ttl: object, subject: object, namespace: Namespace) -> RetentionPeriod:
    """The order of these; raises InvalidQuery."""
    if subject is not None:
        if not isinstance(subject, str):
            raise InvalidQuery(f"subject is {type(subject).__name__}, not str")
        check_name("subject", subject)
    if not isinstance(ttl, timedelta):
        raise InvalidQuery(f"ttl is {type(ttl).__name__}, not a timedelta")
    if ttl <= timedelta(0):
        raise InvalidQuery("ttl is not more than nothing")
    return RetentionPeriod(namespace=namespace, subject=subject, ttl=ttl)

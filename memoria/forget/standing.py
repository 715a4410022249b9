"""Forgetting that goes on: the order is written down first, then what holds the value goes, by the order alone.

So a killed erasure is taken up when the store is next opened: the order still tells what breaks it, and not the value.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from memoria.derived.lineage import living, memories
from memoria.derived.records import Records
from memoria.errors import InvalidQuery, OrderNotFound
from memoria.forget.deciding import altered
from memoria.forget.erase import Order, erase, plan, preview
from memoria.forget.staying import apart
from memoria.protocols import Store
from memoria.standing import orders
from memoria.standing.matching import Book
from memoria.standing.orders import OnMatch, Rule, StandingOrder
from memoria.standing.redacting import broken
from memoria.text.values.plans import ValuePlan, plan_of
from memoria.text.values.terms import STOPWORDS
from memoria.types import LedgerEntry, Memory, Namespace, Preview, Receipt, Where

_LEAST = 2


def check_standing(order: Order) -> ValuePlan:
    """What the value of an order is known by; raises InvalidQuery for what cannot stand."""
    if order.mentions is None:
        raise InvalidQuery("a standing order needs mentions: the value that is kept out")
    if order.where != Where(namespace=order.where.namespace):
        raise InvalidQuery("a standing order takes mentions and namespace alone: it is for whatever holds the value")
    made = plan_of(order.mentions)
    telling = [word for word in order.mentions.casefold().split() if word not in STOPWORDS]
    if made is None or sum(letter.isalnum() for letter in "".join(telling)) < _LEAST:
        raise InvalidQuery(
            f"mentions has fewer than {_LEAST} letters or digits that tell: it would keep out everything"
        )
    return made


def foresee(store: Store, order: Order) -> Preview:
    """What `stand` would forget, and changes nothing."""
    rule = _rule(store, check_standing(order), order.where.namespace, "refuse", datetime.now(UTC))
    with store.alone():
        named = plan(store, order)
        ids = sorted({*_breaking(store, rule), *named.asked})
        if not ids:
            return preview(store, order)
        going = preview(store, Order(where=replace(order.where, ids=tuple(ids))))
        gone = {one.id for one in going}
        near = [one for id, one in sorted(living(store, named.near).items()) if id not in gone]
        return Preview(going, rewritten=going.rewritten, near=near)


def stand(records: Records, order: Order, on_match: OnMatch, at: datetime) -> Receipt:
    """Writes a standing order down, and forgets what holds the value now. Held memories stay, and are named."""
    store, made = records.store, check_standing(order)
    with store.alone():
        rule = _rule(store, made, order.where.namespace, on_match, at)
        orders.keep(store, rule)
        _enter(store, "standing", rule.order, at)
        ids = sorted({*_breaking(store, rule), *plan(store, order).asked})
        receipt, held = _gone(records, order, ids, at)
        if not held:
            orders.keep(store, _done(rule))
    asked = {**receipt.asked, "mentions": "withheld", "standing": on_match}
    asked.pop("ids", None)
    return altered(receipt, asked=asked, standing=rule.order.id, held=tuple(held))


def resume(records: Records, clock: Callable[[], datetime]) -> list[Receipt]:
    """Does what orders have left to do: a kill, or a hold that is released since, stood against it.

    clock: asked only when something is left.
    """
    store = records.store
    if store.note(orders.MARK) is None:
        return []
    done = []
    for rule in orders.read(store):
        if not rule.order.pending:
            continue
        with store.alone():
            receipt, held = _gone(records, Order(where=Where()), _breaking(store, rule), clock())
            if not held:
                orders.keep(store, _done(rule))
        done.append(altered(receipt, standing=rule.order.id, held=tuple(held)))
    return done


def standing(store: Store, prefix: Namespace, text: str | None = None) -> list[StandingOrder]:
    """The orders at or below a prefix, oldest first. text: only those that hold at the prefix, and that it breaks."""
    found = [] if store.note(orders.MARK) is None else orders.read(store)
    if text is None:
        return [rule.order for rule in found if rule.under(prefix)]
    here = [rule for rule in found if rule.holds_in(prefix)]
    hit = {one.rule.order.id for one in Book(here).breaks(text)} if here else set()
    return [rule.order for rule in here if rule.order.id in hit]


def lift(store: Store, prefix: Namespace, id: str, at: datetime) -> StandingOrder:
    """Takes an order away that is at or below a prefix; raises OrderNotFound."""
    with store.alone():
        there = [] if store.note(orders.MARK) is None else orders.read(store)
        found = next((rule for rule in there if rule.order.id == id and rule.under(prefix)), None)
        if found is None:
            raise OrderNotFound(id)
        # The ledger first: a kill between leaves the order.
        _enter(store, "lift-standing", found.order, at)
        orders.drop(store, found)
    return found.order


def _rule(store: Store, made: ValuePlan, namespace: Namespace, on_match: OnMatch, at: datetime) -> Rule:
    """A new order, under the key of those that are there, so that a text is hashed once for all of them."""
    there = [] if store.note(orders.MARK) is None else orders.read(store)
    key = there[-1].key if there else secrets.token_bytes(32)
    order = StandingOrder(id=secrets.token_hex(16), at=at, kind=made.kind, on_match=on_match, pending=True)
    return orders.rule_of(order, made, namespace, key)


def _done(rule: Rule) -> Rule:
    return replace(rule, order=replace(rule.order, pending=False))


def _breaking(store: Store, rule: Rule) -> list[str]:
    """Ids of what breaks an order where it holds: of a gist, of the parts that do."""
    book, found = Book([rule]), list[str]()
    for namespace in store.namespaces(()):
        if rule.holds_in(namespace):
            ids = store.holdings(namespace)[0]
            for memory in memories(store, ids).values():
                found += _of(book, memory)
    return found


def _of(book: Book, memory: Memory) -> Iterator[str]:
    if not broken(book, memory):
        return
    parts = [part.id for part in memory.parts if broken(book, part)]
    yield from parts if 0 < len(parts) < len(memory.parts) else [memory.id]


def _gone(records: Records, order: Order, ids: Sequence[str], at: datetime) -> tuple[Receipt, list[str]]:
    """Forgets these, except what holds and restrictions stand against; the receipt, and the ids that stay."""
    free, held = apart(records.store, ids)
    return erase(records, replace(order, where=Where(ids=tuple(free)), mentions=None), at), held


def _enter(store: Store, action: str, order: StandingOrder, at: datetime) -> None:
    """Enters that an order was given or lifted; what it keeps out is not said."""
    facts = {"order": bytes.fromhex(order.id), "kind": order.kind, "on_match": order.on_match}
    store.enter(LedgerEntry(at=at, action=action, ids=(), reason=f"order {order.id}", facts=facts))

"""The verbs of standing orders: which there are, and the end of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

from memoria.engine.arguments import Filters
from memoria.engine.learning import Learning
from memoria.engine.view import IdLike
from memoria.errors import InvalidQuery
from memoria.forget import standing as standing_orders
from memoria.forget.erase import Order, erase
from memoria.standing.orders import OnMatch, StandingOrder
from memoria.types import Preview, Receipt, Where
from memoria.validate import check_choice, check_flag, check_ids

Orders = list[StandingOrder]


class Standing(Learning):
    """The verbs of standing orders, which `forget(mentions=..., standing=True)` gives; see docs/standing.md."""

    def standing(self, text: str | None = None) -> Orders:
        """The standing orders at or below this namespace, oldest first; what they keep out is nowhere.

        Args:
            text: lists only the orders that this text breaks here, those of namespaces above included. Nothing is
                stored, and nothing is counted.

        Returns:
            The orders.

        Raises:
            InvalidQuery: `text` is no str.
        """
        if text is not None and not isinstance(text, str):
            raise InvalidQuery(f"text is {type(text).__name__}, not a str")
        return standing_orders.standing(self.store, self.prefix, text)

    def _stand(self, order: Order, on_match: OnMatch, *, dry_run: bool) -> Preview | Receipt:
        """What `forget` does for an order that goes on."""
        if order.agreed is not None:
            raise InvalidQuery("agreed is not for a standing order, which goes on")
        if dry_run:
            return standing_orders.foresee(self.store, order)
        self._traces.flush()
        return standing_orders.stand(self._records, order, on_match, self._clock())

    def _stands(self, standing: bool, on_match: OnMatch) -> bool:
        """Whether an order goes on; raises InvalidQuery for other values."""
        check_choice("on_match", on_match, get_args(OnMatch))
        return check_flag("standing", standing) or False

    def _meant(self, ids: Sequence[IdLike], filters: Filters) -> Where:
        """The filter of what is to be forgotten."""
        where = self._where(filters)
        return replace(where, ids=tuple(check_ids(ids))) if ids else where

    def _erased(self, order: Order) -> Receipt:
        """What `forget` does for an order that is done with once it is carried out."""
        receipt = erase(self._records, order, self._clock(), settle=self._traces.flush)
        self._traces.let_go((*receipt.forgotten, *receipt.derived))
        if receipt.namespaces:
            self._traces.tidy()
        return receipt

    def _resume(self) -> None:
        """Does what orders have left to do."""
        standing_orders.resume(self._records, self._clock)

    def lift_standing(self, id: str) -> StandingOrder:
        """Ends a standing order: what it kept out may be stored again. What was forgotten stays so.

        A text that was forgotten by the order is still refused where it comes back word for word; `readmit=True` takes
        it.

        Args:
            id: of the order.

        Returns:
            The order, as it was.

        Raises:
            OrderNotFound: no order at or below this namespace has this id.
            InvalidQuery: `id` is no str.
        """
        if not isinstance(id, str):
            raise InvalidQuery(f"id is {type(id).__name__}, not the id of a standing order")
        return standing_orders.lift(self.store, self.prefix, id, self._clock())

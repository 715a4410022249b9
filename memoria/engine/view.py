"""View: what every verb works with. The verbs are in the files beside this one; each delegates to a module below."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence, Set
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Any, Literal, Self, get_args

from memoria import learnt
from memoria.access.sight import Reader, Roles, check_roles
from memoria.access.store import Follow, SeenStore
from memoria.derived.gist import left
from memoria.derived.lineage import homes, living
from memoria.derived.records import Records
from memoria.embedders import MINILM
from memoria.engine.arguments import Filters
from memoria.errors import (
    InvalidQuery,
    MemoriaError,
    MemoryNotFound,
    MissingExtra,
    ModelNotFound,
    NotPermitted,
    Restricted,
    StoreClosed,
    StoreCorrupt,
    shown,
)
from memoria.forget import erase as erasing
from memoria.forget.erase import mirror
from memoria.identity import IdSource
from memoria.policies import Exponential
from memoria.policies.registry import adopted, make
from memoria.policies.registry import keeper as kept_by
from memoria.protocols import DecayPolicy, Embedder, Judge, Progress, Store
from memoria.retention.fade import FADE_BELOW
from memoria.retention.reinforce import Reinforcer, Reinforcing
from memoria.retention.windows import SalienceLike, check_salience
from memoria.standing.gate import gated
from memoria.standing.judging import StandingJudge, check_standing_judge
from memoria.types import ENDINGS, Endings, Memory, Namespace, Record, Where
from memoria.validate import (
    check_choice,
    check_days,
    check_flag,
    check_ids,
    check_namespace,
    check_reader,
    check_time,
    is_id,
)
from memoria.zones import ZoneLike, as_zone, at_home

Clock = Callable[[], datetime]
"""Gives the present time, aware."""
IdLike = str | Memory
"""The id of a memory, or the memory itself."""
PolicyLike = DecayPolicy | str | None
"""A policy, its name, or None for the default."""
LEARNT: Literal["learnt"] = "learnt"
# So many readers are kept in RAM, with what they search.
_SEATS = 32
JudgeLike = Judge | Literal["learnt"] | None
"""A judge of changes, "learnt" for the installed one, or None for nobody."""


def utc_now() -> datetime:
    """The clock of the outermost layer."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Seat:
    """What a reader works with: what it sees of the store, and its own uses of it."""

    who: Reader
    store: Store
    traces: Reinforcer


class Seats:
    """The seats of the readers of late, each with what it searches in RAM. Shared by all views of a store."""

    def __init__(self) -> None:
        self._mutex = threading.RLock()
        self._taken: OrderedDict[tuple[str, Roles | None], Seat] = OrderedDict()

    def of(self, name: str, roles: Roles | None, traces: Reinforcer, follow: Follow) -> Seat:
        """The seat of a reader, made when it is the first time. traces: of the whole store."""
        with self._mutex:
            seat = self._taken.get((name, roles))
            if seat is None:
                who = Reader(name, roles)
                store = SeenStore(traces.store, who, follow)
                seat = Seat(who, store, Reinforcer(store, traces.policy, traces.threshold, traces.keeper))
                self._taken[name, roles] = seat
            self._taken.move_to_end((name, roles))
            while len(self._taken) > _SEATS:
                self._taken.popitem(last=False)[1].traces.flush_if_there_is_room()
            return seat

    def flush_if_there_is_room(self) -> None:
        """Writes down what readers used."""
        with self._mutex:
            for seat in self._taken.values():
                seat.traces.flush_if_there_is_room()


class View:
    """A store seen from one namespace downwards, with what is needed to read and write it.

    Attributes:
        store: where the memories are; shared by all views of it.
        embedder: texts to vectors.
        policy: how memories fade.
        prefix: the namespace of the view; () sees the whole store.
        progress: called with (what, done, total) during long work; None for nobody.
    """

    _who: Reader | None
    # The distilled models of the last questions, by what they were made with.
    _models: dict[Any, Any]

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        *,
        namespace: Namespace = (),
        policy: PolicyLike = None,
        clock: Clock = utc_now,
        progress: Progress | None = None,
        reinforce: Reinforcing = "recalled",
        fade_below: float = FADE_BELOW,
        zone: ZoneLike = None,
        day_first: bool | None = None,
        endings: Endings = "commands",
        judge: JudgeLike = LEARNT,
        guard_days: float | None = None,
        roles: Roles | None = None,
        require_reader: bool = False,
        standing_judge: StandingJudge | None = None,
        salience: SalienceLike | None = None,
    ) -> None:
        """Makes the view of a whole store; `memoria.open` does it from a path.

        Args:
            store: an open store.
            embedder: the one that made the store's vectors.
            namespace: of the view.
            policy: how memories fade, by name or as a `DecayPolicy`; None is what was adopted, or `Exponential`.
            clock: gives the present time, aware.
            progress: called with (what, done, total) during long work.
            reinforce: what a recall strengthens; see `Memoria.reinforcing`.
            fade_below, zone, day_first, endings, judge, guard_days, roles, require_reader, standing_judge, salience: of
                `Behaviour`.

        Raises:
            InvalidQuery: an argument is not one of those above.
        """
        check_behaviour(reinforce=reinforce, endings=endings, judge=judge, guard_days=guard_days, salience=salience)
        check_standing_judge(standing_judge)
        self.store = gated(store, embedder, lambda there, ids: mirror(there, ids=ids), standing_judge, salience)
        self.embedder, self.progress = embedder, progress
        self.prefix = check_namespace(namespace)
        self._told: Clock = partial(_told, clock)
        self._zone, self._day_first = as_zone(zone), check_flag("day_first", day_first)
        self._endings: Endings = endings
        self._judging, self._guard_days, self._reinforcing = judge, guard_days, reinforce
        self._ids, self._seats, self._models = IdSource(), Seats(), {}
        self._roles, self._who = roles, None
        self._reader_required = bool(check_flag("require_reader", require_reader))
        self._follow(policy, fade_below)

    def _follow(self, policy: PolicyLike, fade_below: float) -> None:
        """Lets memories fade by a policy, and budgets keep by it; None is what was adopted."""
        self.policy = (adopted(self.store) or Exponential()) if policy is None else _policy(policy)
        keeper = kept_by(self.store, self.policy) if policy is None else self.policy
        self._traces = Reinforcer(self.store, self.policy, fade_below, keeper)

    def reading_as(self, reader: str, *, roles: Roles | None = None) -> Self:
        """The view of a reader: every verb of it works on what this reader sees, as if there were nothing else.

        Args:
            reader: the name of who reads, as `visible_to` has it; whoever calls vouches for it.
            roles: takes this name and gives the names of its roles, at each verb; None is what this memory was opened
                with.

        Returns:
            A view of the same store and namespace.

        Raises:
            InvalidQuery: `reader` is no name, or `roles` is not a callable.
            NotPermitted: this is the view of another reader.
        """
        if self._who is not None:
            if self._who.name == reader and roles is None:
                return self
            raise NotPermitted("a reader's view is not that of another reader")
        chosen = self._roles if roles is None else roles
        check_roles(chosen)
        view = copy(self)
        seat = self._seats.of(check_reader(reader), chosen, self._traces, self._let_go)
        view.store, view._traces, view._who = seat.store, seat.traces, seat.who
        return view

    def _let_go(self, ids: Sequence[str]) -> None:
        """Forgets what was made from what a reader forgets, though the reader does not see it."""
        there = self.store.select(Where(ids=tuple(ids)))
        if there:
            erasing.erase(self._records, erasing.Order(where=Where(ids=tuple(there))), self._clock())

    def namespace(self, *parts: str, zone: ZoneLike = None) -> Self:
        """The view of a namespace under this one.

        Args:
            parts: names, from this namespace downwards; none gives the same view.
            zone: where its days begin and end, such as "Asia/Tokyo"; None is where those of this view do.

        Returns:
            A view of the same store.

        Raises:
            InvalidQuery: a part is empty, or holds "/"; or there is no such zone.
        """
        view = copy(self)
        view.prefix = self.prefix + check_namespace(parts)
        view._zone = self._zone if zone is None else as_zone(zone)
        return view

    @property
    def zone(self) -> tzinfo:
        """The time zone where the days of this view begin and end."""
        return self.now().tzinfo or UTC

    def now(self) -> datetime:
        """The time by the clock of this memory.

        Returns:
            An aware datetime, in the zone of the view.
        """
        return at_home(self._told(), self._zone)

    def _clock(self) -> datetime:
        """Now, in UTC: times of one zone are subtracted as its clocks show them, which is wrong when these change."""
        return self._told().astimezone(UTC)

    @property
    def _records(self) -> Records:
        return Records(
            store=self.store,
            embedder=self.embedder,
            policy=self.policy,
            threshold=self._traces.threshold,
            ids=self._ids,
            progress=self.progress,
        )

    def _judge(self) -> Judge | None:
        """Who judges changes; None where nobody does: the installed judge reads with all-MiniLM-L6-v2."""
        if self._judging != LEARNT:
            return self._judging
        if self.store.embedder.name != MINILM:
            return None
        try:
            return learnt.judge()
        except (ModelNotFound, MissingExtra):
            return None

    def _at(self, at: datetime | None) -> datetime:
        return check_time("at", at) or self._clock()

    def _where(self, filters: Filters, **more: Any) -> Where:
        """A filter under this view; its values are checked where it is used."""
        given: dict[str, Any] = {name: value for name, value in filters.items() if value is not None}
        below = check_namespace(given.pop("namespace", ()))
        for name in {"tags", "kinds"} & given.keys():
            given[name] = _as_tuple(given[name])
        return Where(namespace=self.prefix + below, **given, **more)

    def _record(self, given: IdLike) -> Record:
        """The record of a memory of this view; raises MemoryNotFound, InvalidQuery for what is no id."""
        (id,) = check_ids([given])
        record = self.store.read([id])[0] if is_id(id) else None
        if record is None or not record.memory.under(self.prefix) or id in self._due([id]):
            raise self._missing(id)
        return record

    def _missing(self, id: str) -> MemoriaError:
        """Why an id of this view cannot be read: it is not there, or it is damaged."""
        asked = Where(namespace=self.prefix, ids=(id,), kept_at=self._clock())
        here = is_id(id) and self.store.select(asked)
        if here and self.store.traces([id])[0] is not None:
            return StoreCorrupt(f"memory {id} is there and cannot be read: `doctor` says where the damage is")
        return MemoryNotFound(id)

    def _due(self, ids: Iterable[str] | None = None) -> Set[str]:
        """Ids of memories and parts of gists that are to be erased by now, and that nobody sees any more.

        ids: only of those that are stored under these ids.
        """
        where = Where(namespace=self.prefix, ids=None if ids is None else tuple(ids))
        return frozenset[str]().union(*self.store.lapsed(where, self._clock()).values())

    def _left(self, memories: Sequence[Memory]) -> list[Memory]:
        """Those of memories that may be seen, gists without their parts that are due."""
        due = self._due()
        if not due:
            return list(memories)
        return [one for memory in memories if (one := left(memory, due, self.store.language)) is not None]

    def _whole(self, memories: Sequence[Memory]) -> list[Memory]:
        """Stored memories of which none is due as a whole, gists without their parts that are."""
        gists = [one.id for one in memories if one.parts]
        due = self._due(gists) if gists else frozenset[str]()
        if not due:
            return list(memories)
        return [one for memory in memories if (one := left(memory, due, self.store.language)) is not None]

    def _mine(
        self, given: Iterable[IdLike], *, parts: bool = False, restricted: bool = False, due: bool = False
    ) -> list[str]:
        """Ids that are all of memories under this view; raises MemoryNotFound, InvalidQuery for none, and Restricted.

        parts: whether parts of gists count, which are no memories of their own. restricted: whether what is restricted
        may be named. due: whether what is to be erased may.
        """
        ids = check_ids(given)
        if not ids:
            raise InvalidQuery("no ids given")
        formed = {id for id in ids if is_id(id)}
        asked = Where(namespace=self.prefix, ids=tuple(formed), kept_at=None if due else self._clock())
        found = set(self.store.select(asked)) if formed else set()
        if parts and formed - found:
            others = {id for id, one in living(self.store, formed - found).items() if one.under(self.prefix)}
            found |= others if due else others - self._due({*others, *homes(self.store, others).values()})
        unknown = [id for id in ids if id not in found]
        if unknown:
            raise MemoryNotFound(*unknown)
        if not restricted:
            self._check_unrestricted(ids)
        return ids

    def _check_unrestricted(self, ids: Sequence[str]) -> None:
        traces = zip(ids, self.store.traces(ids), strict=True)
        barred = [id for id, trace in traces if trace is not None and trace.restricted]
        if barred:
            raise Restricted(*barred)

    def _stored(self, given: Iterable[IdLike], *, restricted: bool = False, due: bool = False) -> list[str]:
        """Ids of this view as they are stored: of a part, that of its gist. Raises as `_mine`."""
        ids = self._mine(given, parts=True, restricted=restricted, due=due)
        inside = homes(self.store, self._absorbed(ids))
        return list(dict.fromkeys(inside.get(id, id) for id in ids))

    def _apart(self, given: Iterable[IdLike], *, restricted: bool = False, due: bool = False) -> list[str]:
        """Ids of this view, each a memory of its own from here on: parts are taken out of gists. Raises as `_mine`."""
        ids = self._mine(given, parts=True, restricted=restricted, due=due)
        self._records.set_apart(self._absorbed(ids))
        return ids

    def _absorbed(self, ids: Sequence[str]) -> set[str]:
        """Those of `ids` that are parts of gists."""
        return set(ids).difference(self.store.select(Where(namespace=self.prefix, ids=tuple(ids))))

    def __len__(self) -> int:
        due = self.store.lapsed(Where(namespace=self.prefix), self._clock())
        gone = due.keys() - self.store.select(Where(ids=tuple(due), kept_at=self._clock())) if due else ()
        return self.store.count(self.prefix) - len(gone)

    def __repr__(self) -> str:
        where = "/".join(self.prefix) or "all namespaces"
        try:
            count = f"{len(self):,} {'memory' if len(self) == 1 else 'memories'}"
        except StoreClosed:
            count = "closed"
        return f"<{type(self).__name__} {where} of {self.store!r}: {count}>"


def check_behaviour(
    *,
    reinforce: str = "recalled",
    endings: str = "commands",
    judge: JudgeLike = LEARNT,
    guard_days: object = None,
    salience: object = None,
    **_: object,
) -> None:
    """Raises InvalidQuery for what is no way to behave. What else there is to behaviour is checked where it is read."""
    check_choice("reinforce", reinforce, get_args(Reinforcing))
    check_choice("endings", endings, ENDINGS)
    check_days("guard_days", guard_days)
    check_salience(salience)
    named = callable(judge) and isinstance(getattr(judge, "name", None), str)
    if not (named or judge is None or judge == LEARNT):
        raise InvalidQuery(f"judge is {shown(judge)}, not a callable with a name, 'learnt', or None")


def _told(clock: Clock) -> datetime:
    """What a clock says; raises InvalidQuery for a time without a zone, before any memory has it."""
    now = check_time("clock", clock())
    if now is None:
        raise InvalidQuery("clock gives None, not a time")
    return now


def _policy(given: DecayPolicy | str) -> DecayPolicy:
    if isinstance(given, str):
        return make(given)
    if not hasattr(given, "retrievability"):
        raise InvalidQuery(f"policy is {type(given).__name__}, not a DecayPolicy or the name of one")
    return given


def _as_tuple(value: object) -> object:
    """A sequence as a tuple; what is none is left to the check."""
    return tuple(value) if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str) else value

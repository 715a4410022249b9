"""The verbs of what a person may ask for: what is about them, a copy, that it is erased, that it is only stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypedDict, Unpack, overload

from memoria.engine.learning import Learning
from memoria.errors import InvalidQuery
from memoria.forget import erase as erasing
from memoria.forget.erase import Guard
from memoria.retention.restriction import WAYS, Restriction, orders
from memoria.subject import dossier as dossiers
from memoria.subject import find as finding
from memoria.subject import restrict as restricting
from memoria.subject.dossier import Dossier
from memoria.subject.find import About, Asked
from memoria.text.person import By
from memoria.types import Preview, Receipt, Where
from memoria.validate import check_ids, check_name, check_namespace

# Inside a class that has a verb `list`, the types are named here.
Restrictions = list[Restriction]
Ids = tuple[str, ...]


class PersonOptions(TypedDict, total=False):
    """How memories about a person are looked for.

    Attributes:
        namespace: parts below the namespace of the view; memories there and below.
        by: the ways that count: some of "subject", "speaker" and "mention"; all of them by default.
        include: ids of near misses that count too.
        near: whether all near misses count; False by default.
    """

    namespace: Sequence[str]
    by: Sequence[By]
    include: Sequence[str]
    near: bool


class People(Learning):
    """The verbs of what a person may ask for; see docs/subject.md."""

    def about(self, *names: str, **where: Unpack[PersonOptions]) -> About:
        """Which memories are about a person, by which way, and which may be about somebody else.

        Args:
            names: the name, and other names of the same person.
            where: namespace, by, include, near; see `PersonOptions`.

        Returns:
            What was found, and apart from it the near misses, with which nothing is ever done unless they are named in
            `include`. The texts of restricted memories are left out.

        Raises:
            InvalidQuery: no name, or an argument is of another type.
            MemoryNotFound: an id in `include` is not of this view.
        """
        return finding.about(self.store, self._person(names, where), self.progress)

    def dossier(self, *names: str, **where: Unpack[PersonOptions]) -> Dossier:
        """All that is stored about a person, word by word, with where it comes from: a copy for them.

        Archived, replaced, expired and restricted memories are in it; of each, who else it names.

        Args:
            names: as for `about`.
            where: as for `about`.

        Returns:
            The dossier; `memoria.subject.page` makes a page of it, and its `json` is for programs.

        Raises:
            InvalidQuery: no name, or an argument is of another type.
            MemoryNotFound: an id in `include` is not of this view.
        """
        self._traces.flush()
        return dossiers.dossier(self.store, self._person(names, where), self._clock(), self.progress)

    @overload
    def forget_about(
        self,
        *names: str,
        dry_run: Literal[True],
        verify: bool = False,
        override: str | None = None,
        guard: Guard = "exact",
        **where: Unpack[PersonOptions],
    ) -> Preview: ...
    @overload
    def forget_about(
        self,
        *names: str,
        dry_run: Literal[False] = False,
        verify: bool = False,
        override: str | None = None,
        guard: Guard = "exact",
        **where: Unpack[PersonOptions],
    ) -> Receipt: ...
    @overload
    def forget_about(
        self,
        *names: str,
        dry_run: bool,
        verify: bool = False,
        override: str | None = None,
        guard: Guard = "exact",
        **where: Unpack[PersonOptions],
    ) -> Preview | Receipt: ...
    def forget_about(
        self,
        *names: str,
        dry_run: bool = False,
        verify: bool = False,
        override: str | None = None,
        guard: Guard = "exact",
        **where: Unpack[PersonOptions],
    ) -> Preview | Receipt:
        """Forgets, for ever, what is about a person, as `forget` does; restricted memories too.

        An order that restricts them goes with it, with the name that it holds.

        Args:
            names: as for `about`.
            dry_run: lists exactly what would go, and forgets nothing.
            verify: as for `forget`.
            override: as for `forget`.
            guard: as for `forget`.
            where: as for `about`.

        Returns:
            The receipt; with `dry_run`, the memories that would go.

        Raises:
            InvalidQuery: no name, or an argument is of another type.
            MemoryNotFound: an id in `include` is not of this view.
            Held: a hold stands against it.
        """
        asked = self._person(names, where)
        with self.store.alone():
            ids = finding.about(self.store, asked, self.progress).ids
            order = erasing.Order(where=Where(ids=ids), verify=verify, override=override, guard=guard, restricted=True)
            erasing.check_order(order, whole=False)
            if dry_run:
                return erasing.preview(self.store, order)
            self._traces.flush()
            at = self._clock()
            done = erasing.erased(self._records, order, at)
            restricting.withdraw(self.store, asked)
        return erasing.told(self._records, order, done, at)

    def restrict(self, *names: str, reason: str, **where: Unpack[PersonOptions]) -> Ids:
        """Lets what is about a person only be stored, from now on and until `lift` (GDPR, article 18).

        No verb but `get`, `dossier` and an export that asks for it shows it, nothing changes, prunes or consolidates
        it, and adapters that learnt it are wiped. What is made from it is restricted too, and so is what is remembered
        later about the person. A part of a gist is a memory of its own from then on.

        Args:
            names: as for `about`.
            reason: why; kept, sealed, in the ledger.
            where: as for `about`.

        Returns:
            The ids of the memories that were not restricted before.

        Raises:
            InvalidQuery: no name, no reason, or an argument is of another type.
            MemoryNotFound: an id in `include` is not of this view.
            Held: a hold stands against taking a part out of its gist.
        """
        check_name("reason", reason)
        asked = self._person(names, where)
        self._traces.flush()
        return restricting.restrict(self._records, asked, reason, self._clock())

    def lift(self, *names: str, reason: str, namespace: Sequence[str] = ()) -> Ids:
        """Takes back the restrictions of a person: their memories are as they were before.

        Args:
            names: one of the names of the restriction, or several.
            reason: why; kept, sealed, in the ledger.
            namespace: parts below the namespace of the view; only restrictions there and below.

        Returns:
            The ids of the memories that are in use again; what another restriction covers stays.

        Raises:
            InvalidQuery: no name, no reason, or no restriction stands for it here.
        """
        check_name("reason", reason)
        asked = self._person(names, {"namespace": namespace})
        return restricting.lift(self._records, asked, reason, self._clock())

    def restrictions(self) -> Restrictions:
        """The restrictions that stand here and below.

        Returns:
            The restrictions, oldest first.
        """
        size = len(self.prefix)
        return [one for one in orders(self.store) if one.namespace[:size] == self.prefix]

    def _person(self, names: Sequence[str], where: PersonOptions) -> Asked:
        """Who is asked for under this view; raises InvalidQuery."""
        if not names:
            raise InvalidQuery("no name is given")
        by = where.get("by", WAYS)
        if isinstance(by, str) or not isinstance(by, Iterable):
            raise InvalidQuery(f"by is {type(by).__name__}, not a sequence of ways")
        return Asked(
            names=tuple(dict.fromkeys(check_name("name", name) for name in names)),
            namespace=self.prefix + check_namespace(where.get("namespace", ())),
            by=tuple(dict.fromkeys(by)),
            include=tuple(check_ids(where.get("include", ()))),
            near=where.get("near", False),
        ).checked()

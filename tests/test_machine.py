"""A state machine over the public API: a dict is the model, reopening is a rule."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

import memoria
from memoria import Memory, Provenance
from memoria.canonical import canonical
from memoria.testing import HashEmbedder
from memoria.text.fingerprints import Statement, guardable, stated
from memoria.types import Where

NAMES = st.sampled_from([("a",), ("a", "b"), ("c",)])
SUBJECTS = st.sampled_from([None, "ann", "anna"])
_ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)
_SAID = st.sampled_from(["Yes.", "Has a fever.", "Has had a fever since noon.", "has had a FEVER since noon.", "at 5"])
TEXTS = st.one_of(_ANY, _SAID)
Guarded = tuple[tuple[str, ...], str, str | None]

SESSIONS = st.sampled_from([None, "s", "t"])
SEATS = st.sampled_from([1, True, "1", None])
NESTED, JOINED = (lambda seat: {"flight": {"seat": seat}}), (lambda seat: {"flight.seat": seat})
METADATA: st.SearchStrategy[dict[str, Any]] = st.just({}) | SEATS.map(NESTED) | SEATS.map(JOINED)


class Machine(RuleBasedStateMachine):
    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.path = Path(self.folder) / "m.memoria"
        self.model: dict[str, Memory] = {}
        self.guarded: set[Guarded] = set()
        self.memory = self.open()

    def open(self) -> memoria.Memoria:
        return memoria.open(self.path, embedder=HashEmbedder(32))

    @rule(target=ids, name=NAMES, text=TEXTS, subject=SUBJECTS)
    def remember(self, name: tuple[str, ...], text: str, subject: str | None) -> str:
        view = self.memory.namespace(*name)
        if self.known(name, text, subject):
            with pytest.raises(memoria.Refused):
                view.remember(text, subject=subject)
        one = view.remember(text, subject=subject, readmit=True)
        self.guarded -= self.known(name, text, subject)
        self.model[one.id] = one
        return one.id

    @rule(target=ids, name=NAMES, text=TEXTS, session=SESSIONS, metadata=METADATA)
    def remember_with_metadata(
        self, name: tuple[str, ...], text: str, session: str | None, metadata: dict[str, Any]
    ) -> str:
        view, origin = self.memory.namespace(*name), Provenance(session=session, speaker=session)
        one = view.remember(text, provenance=origin, metadata=metadata, readmit=True)
        self.guarded -= self.known(name, text, None)
        self.model[one.id] = one
        return one.id

    @rule(id=ids, metadata=METADATA)
    def amend_metadata(self, id: str, metadata: dict[str, Any]) -> None:
        if id in self.model:
            self.model[id] = self.memory.amend(id, metadata=metadata)

    @rule(name=st.sampled_from([(), ("a",)]), session=SESSIONS, speaker=SESSIONS, seat=SEATS)
    def select(self, name: tuple[str, ...], session: str | None, speaker: str | None, seat: Any) -> None:
        for metadata in ({}, {"flight.seat": seat}):
            where = Where(namespace=name, session=session, speaker=speaker, metadata=metadata)
            expected = sorted(id for id, one in self.model.items() if where.matches(one))
            assert self.memory.store.select(where) == expected

    @rule(name=NAMES, texts=st.lists(TEXTS, max_size=5))
    def remember_many(self, name: tuple[str, ...], texts: list[str]) -> None:
        view = self.memory.namespace(*name)
        self.model |= {one.id: one for one in view.remember_many(texts, readmit=True)}
        for text in texts:
            self.guarded -= self.known(name, text, None)

    @rule(name=NAMES, text=TEXTS)
    def remember_by_key(self, name: tuple[str, ...], text: str) -> None:
        view = self.memory.namespace(*name)
        taken = [one for one in self.model.values() if one.namespace == name and one.key == "key"]
        if taken and taken[0].text != text:
            with pytest.raises(memoria.KeyConflict):
                view.remember(text, key="key")
        else:
            one = view.remember(text, key="key", readmit=True)
            if not taken:
                self.guarded -= self.known(name, text, None)
            assert not taken or one == taken[0]
            self.model[one.id] = one

    @rule(id=ids, text=TEXTS, subject=SUBJECTS)
    def amend(self, id: str, text: str, subject: str | None) -> None:
        if id not in self.model:
            return
        old = self.model[id]
        if text != old.text:
            if known := self.known(old.namespace, text, subject):
                with pytest.raises(memoria.Refused):
                    self.memory.amend(id, text=text, subject=subject)
            self.guarded -= known
        self.model[id] = self.memory.amend(id, text=text, subject=subject, readmit=True)

    @rule(id=consumes(ids))
    def forget(self, id: str) -> None:
        if id in self.model:
            assert self.memory.forget(id).forgotten == (id,)
            self.lose(id)
        with pytest.raises(memoria.MemoryNotFound):
            self.memory.forget(id)

    @rule(subject=st.sampled_from(["ann", "anna"]))
    def forget_subject(self, subject: str) -> None:
        self.drop([one.id for one in self.model.values() if one.subject == subject], subject=subject)

    @rule(name=NAMES)
    def forget_namespace(self, name: tuple[str, ...]) -> None:
        going = [one.id for one in self.model.values() if one.namespace[: len(name)] == name]
        self.drop(going, namespace=name)
        # A namespace erased whole takes what it knew of the forgotten along.
        self.guarded = {one for one in self.guarded if one[0][: len(name)] != name}

    def drop(self, ids: list[str], **asked: Any) -> None:
        assert [one.id for one in self.memory.forget(dry_run=True, **asked)] == sorted(ids)
        assert self.memory.forget(**asked).forgotten == tuple(sorted(ids))
        for id in ids:
            self.lose(id)

    def lose(self, id: str) -> None:
        one = self.model.pop(id)
        if guardable(stated(one)):
            self.guarded.add((one.namespace, canonical(one.text), one.subject))

    def known(self, name: tuple[str, ...], text: str, subject: str | None) -> set[Guarded]:
        """What was forgotten of this subject, or where none was given, now or then."""
        told = {one for one in self.guarded if one[:2] == (name, canonical(text))}
        return {one for one in told if subject is None or one[2] in (None, subject)}

    @rule(name=NAMES, text=TEXTS, subject=SUBJECTS)
    def what_was_forgotten_is_known_and_nothing_else(
        self, name: tuple[str, ...], text: str, subject: str | None
    ) -> None:
        texts = [text, *sorted(text for home, text, _ in self.guarded if home == name)]
        expected = [bool(self.known(name, one, subject)) for one in texts]
        assert self.memory.store.refused(name, [Statement(one, subject) for one in texts]) == expected

    @rule()
    def reopen(self) -> None:
        self.memory.close()
        self.memory = self.open()

    @rule()
    def rebuild(self) -> None:
        self.memory.rebuild()

    @rule(text=TEXTS)
    def recall(self, text: str) -> None:
        hits = self.memory.recall(text, k=100)
        assert sorted(hit.memory.id for hit in hits) == sorted(self.model)[: 10**6]
        assert all(self.model[hit.memory.id] == hit.memory for hit in hits)

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        assert self.memory.list() == [self.model[id] for id in sorted(self.model)]
        assert len(self.memory) == len(self.model)
        assert self.memory.namespaces() == sorted({one.namespace for one in self.model.values()})

    def teardown(self) -> None:
        assert self.memory.doctor() == []
        self.memory.close()
        shutil.rmtree(self.folder)


TestMachine = Machine.TestCase
TestMachine.settings = settings(stateful_step_count=20)


class PostgresMachine(Machine):
    """The same in PostgreSQL; what the run before left is erased."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.memory.forget(namespace=())

    def open(self) -> memoria.Memoria:
        return memoria.open(self.url, embedder=HashEmbedder(32))


def test_machine_in_postgres(database: str) -> None:
    how = settings(max_examples=int(os.environ.get("MEMORIA_POSTGRES_EXAMPLES", "12")), stateful_step_count=20)
    PostgresMachine.url = database
    run_state_machine_as_test(PostgresMachine, settings=how)

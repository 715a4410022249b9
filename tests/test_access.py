"""Readers: what is not visible to them is not there, by any verb, on every store, over every way in."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import memoria
from memoria import Draft, InvalidMemory, InvalidQuery, Memoria, MemoryNotFound, NotPermitted, Provenance, Refused
from memoria.access.sight import Named, Reader
from memoria.access.store import SeenStore
from memoria.cli import app
from memoria.engine.reading import _FREE, FOR_READERS
from memoria.observe import VERBS
from memoria.protocols import Change, Store
from memoria.stores import InMemoryStore, LocalStore
from memoria.testing import HashEmbedder
from memoria.transfer.copying import copy
from memoria.transfer.jsonl import export, import_lines
from memoria.types import Record, Where
from tests import isolation

EMBEDDER = HashEmbedder(32)
START = datetime(2026, 3, 1, 9, tzinfo=UTC)
LATER = START + timedelta(days=30)
CODE = "The code of the north gate is 7741 since Monday"
GREEN = "The north gate is green since it was painted"
Opened = Callable[..., Memoria]


@pytest.fixture(params=["memory", "local", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """Opens the store of a test, of each kind."""
    place = {"memory": ":memory:", "local": str(tmp_path / "store")}.get(request.param)
    if place is None:
        place = request.getfixturevalue("database")
    made: list[Memoria] = []

    def opens(**more: Any) -> Memoria:
        made.append(memoria.open(place, embedder=EMBEDDER, judge=None, **more))
        return made[-1]

    yield opens
    for one in made:
        one.close()


# -- the isolation suite: a share of it; all of it is `python -m tests.isolation --policies 1000` --


def test_no_policy_leaks() -> None:
    done: Counter[str] = Counter()
    for seed in range(30):
        leaks = list(isolation.policy(seed, lambda: InMemoryStore(EMBEDDER.card), list(isolation.VERBS), done))
        assert not leaks, (seed, leaks[0].verb)
    assert len(done) > 25


@pytest.mark.parametrize("verb", sorted(isolation.VERBS))
def test_each_verb_of_a_reader_alone(verb: str) -> None:
    for seed in (900, 901):
        assert not list(isolation.policy(seed, lambda: InMemoryStore(EMBEDDER.card), [verb], Counter(), steps=2))


def test_no_policy_leaks_on_a_local_store(tmp_path: Path) -> None:
    paths = (tmp_path / str(n) for n in range(100))
    for seed in range(70, 73):
        with_files = lambda: LocalStore(next(paths), embedder=EMBEDDER.card)  # noqa: E731 - told apart by its name
        assert not list(isolation.policy(seed, with_files, list(isolation.VERBS), Counter(), steps=4))


def test_every_verb_is_either_in_the_suite_or_refused_to_readers() -> None:
    every = {name for name in dir(Memoria) if not name.startswith("_") and callable(getattr(Memoria, name))} - _FREE
    assert set(isolation.VERBS) == FOR_READERS
    assert every >= FOR_READERS
    assert {verb.name for verb in VERBS} <= every
    view = memoria.open(":memory:", embedder=EMBEDDER).reading_as("ada")
    for name in every - FOR_READERS:
        with pytest.raises(NotPermitted):
            getattr(view, name)()


def test_the_suite_sees_a_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SeenStore, "links", lambda self, ids: self._below.links(ids))
    monkeypatch.setattr(SeenStore, "recalls", lambda self, prefix: self._below.recalls(prefix))
    seeds = range(30)
    stores = lambda: InMemoryStore(EMBEDDER.card)  # noqa: E731 - told apart by its name
    assert any(list(isolation.policy(seed, stores, ["history"], Counter(), steps=1)) for seed in seeds)


# -- what a reader sees, on every store --


def test_a_reader_sees_its_own_and_that_of_its_roles_and_what_is_for_everybody(opened: Opened) -> None:
    memory = opened(roles=lambda reader: {"team:ops"} if reader == "bob" else ())
    mine = memory.remember(CODE, visible_to=["ada"], key="k")
    ours = memory.remember("The pager of ops rings at night", visible_to=["team:ops", "ada"], subject="pager")
    all_of_us = memory.remember(GREEN, key="k")
    owners = memory.remember("Nobody but the owner reads of this", visible_to=[])
    assert memory.get(ours.id).visible_to == ("ada", "team:ops")
    assert {one.id for one in memory.list()} == {mine.id, ours.id, all_of_us.id, owners.id}
    seen = {name: {one.id for one in memory.list(reader=name)} for name in ("ada", "bob", "eve")}
    assert seen == {"ada": {mine.id, ours.id, all_of_us.id}, "bob": {ours.id, all_of_us.id}, "eve": {all_of_us.id}}
    assert [hit.memory.id for hit in memory.recall("code of the gate", reader="eve")] == [all_of_us.id]
    assert [one.id for one in memory.list(key="k", reader="ada")] == [mine.id, all_of_us.id]
    assert [one.id for one in memory.list(key="k", reader="eve")] == [all_of_us.id]
    assert memory.list(subject="pager", reader="eve") == []
    assert memory.stats(reader="eve").memories == len(memory.reading_as("eve")) == 1
    with pytest.raises(MemoryNotFound) as hidden:
        memory.get(mine.id, reader="eve")
    with pytest.raises(MemoryNotFound) as unknown:
        memory.get("0" * 32, reader="eve")
    assert str(hidden.value).replace(mine.id, "") == str(unknown.value).replace("0" * 32, "")


def test_scores_are_those_of_a_store_without_the_others(opened: Opened) -> None:
    memory = opened()
    texts = [f"The {thing} of the gate is {n}" for n, thing in enumerate(["code", "colour", "key", "height"])]
    for n, text in enumerate(texts):
        memory.remember(text, visible_to=["bob"] if n % 2 else None)
        memory.remember(f"{text} and code code code {n}", visible_to=["bob"])
    hits = memory.recall("what is the code of the gate", reader="ada")
    only = Memoria(InMemoryStore(EMBEDDER.card), EMBEDDER, judge=None)
    for one in memory.list(reader="ada"):
        only.remember(one.text, created_at=one.created_at)
    alone = only.recall("what is the code of the gate")
    assert [hit.memory.text for hit in hits] == [hit.memory.text for hit in alone]
    assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in alone], abs=1e-4)
    assert len(hits) == 2


def test_a_forget_takes_what_is_seen_alone_and_tells_of_nothing_else(opened: Opened) -> None:
    memory = opened()
    hidden = memory.remember(CODE, subject="gate", visible_to=["ada"])
    plain = memory.remember(GREEN, subject="gate")
    assert memory.forget(subject="gate", dry_run=True, reader="eve") == [plain]
    receipt = memory.forget(subject="gate", reader="eve")
    assert (receipt.forgotten, receipt.derived, receipt.namespaces) == ((plain.id,), (), 0)
    assert memory.forget(mentions="7741", reader="eve").forgotten == ()
    memory.forget(namespace=(), reader="eve")
    assert [one.id for one in memory.list()] == [hidden.id]


def test_what_was_made_from_it_goes_too_though_it_is_not_seen(opened: Opened) -> None:
    memory = opened()
    plain = memory.remember(GREEN)
    made = [
        memory.remember(f"Note {n}: {GREEN}", visible_to=["ada"], provenance=Provenance(derived_from=(plain.id,)))
        for n in range(2)
    ]
    memory.hold(made[1], reason="law")
    assert memory.forget(plain, reader="eve").derived == ()
    assert [one.id for one in memory.list()] == [made[1].id]


def test_the_same_text_key_and_what_was_forgotten_tell_nothing(opened: Opened) -> None:
    memory = opened()
    old = memory.remember(CODE, key="k", visible_to=["ada"])
    view = memory.reading_as("eve")
    mine = view.remember(CODE, key="k")
    assert mine.id != old.id
    assert mine.visible_to is None
    memory.forget(old)
    other = view.remember(CODE + ", they say", visible_to=["eve"])
    memory.remember(CODE, visible_to=["eve", "ada"])
    with pytest.raises(Refused):
        memory.remember(CODE, visible_to=["ada"])
    memory.forget(other)
    memory.forget(mine, guard="near")
    for audience in (None, ["eve"], ["ada"]):
        with pytest.raises(Refused):
            memory.remember(CODE, visible_to=audience)


def test_what_is_made_is_seen_by_those_who_see_all_of_it(opened: Opened) -> None:
    memory = opened()
    one = memory.remember(CODE, visible_to=["ada", "bob"])
    two = memory.remember(GREEN, visible_to=["bob", "eve"])
    both = Provenance(derived_from=(one.id, two.id))
    assert memory.remember("Both of these say gate", provenance=both).visible_to == ("bob",)
    with pytest.raises(InvalidMemory, match="derived from"):
        memory.remember("Both say that it is a gate", provenance=both, visible_to=["ada"])
    again = memory.supersede(one, "The code of the north gate is 1234 from now on")
    assert again.visible_to == ("ada", "bob")
    with pytest.raises(InvalidQuery, match="whoever sees"):
        memory.supersede(two, Draft(text="The north gate is blue from now on", visible_to=["eve"]))
    with pytest.raises(InvalidQuery, match="same people"):
        memory.consolidate(again, two)
    for wrong in (7, "eve", [7], [""]):
        with pytest.raises(InvalidMemory, match="visible_to"):
            memory.supersede(two, Draft(text="Nobody reads this", visible_to=wrong))  # type: ignore[arg-type]


def test_only_the_owner_changes_who_sees(opened: Opened) -> None:
    memory = opened()
    plain = memory.remember(GREEN)
    acts: tuple[Callable[[Memoria], object], ...] = (
        lambda view: view.amend(plain.id, visible_to=["eve"]),
        lambda view: view.amend(plain.id, visible_to=None),
        lambda view: view.forget(plain.id, verify=True),
        lambda view: view.forget(mentions="green", standing=True),
        lambda view: view.forget(mentions="green", standing=True, dry_run=True),
        lambda view: view.reading_as("ada"),
    )
    for act in acts:
        with pytest.raises(NotPermitted):
            act(memory.reading_as("eve"))
    assert (memory.standing(), memory.list()) == ([], [plain])
    with pytest.raises(InvalidMemory, match="could not see"):
        memory.reading_as("eve").remember(CODE, visible_to=["ada"])
    memory.amend(plain, visible_to=["ada"])
    assert len(memory.reading_as("eve")) == 0
    assert memory.amend(plain, visible_to=None).visible_to is None
    assert len(memory.reading_as("eve")) == 1
    made = memory.remember("Green, as they say of gates", provenance=Provenance(derived_from=(plain.id,)))
    with pytest.raises(InvalidQuery, match=made.id):
        memory.amend(plain, visible_to=["ada"])


def test_roles_are_asked_at_each_verb(opened: Opened) -> None:
    roles: dict[str, set[str]] = {"bob": {"team:ops"}}
    asked: list[str] = []

    def of(reader: str) -> set[str]:
        asked.append(reader)
        return roles.get(reader, set())

    view = opened(roles=of).reading_as("bob")
    view.remember("The pager of ops rings at night", visible_to=["team:ops"])
    asked.clear()
    assert len(view.recall("pager")) == 1
    assert asked == ["bob"]
    roles.clear()
    assert view.recall("pager") == []
    assert view.list() == []


def test_a_store_that_requires_readers_does_nothing_without_one(opened: Opened) -> None:
    memory = opened(require_reader=True)
    with pytest.raises(NotPermitted, match="reader"):
        memory.recall("gate")
    assert memory.remember(GREEN, reader="ada").text == GREEN
    assert len(memory.recall("gate", reader="eve")) == 1


def test_it_is_kept_sealed_and_by_labels(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "s", embedder=EMBEDDER) as memory:
        memory.remember(CODE, visible_to=["zacharias", "team:quartermaster"])
        residue = memory.scan("zacharias", "team:quartermaster")
    assert residue.found == ()
    with memoria.open(tmp_path / "s", embedder=EMBEDDER, reader="zacharias") as view:
        assert [one.text for one in view.list()] == [CODE]
    with memoria.open(tmp_path / "s", embedder=EMBEDDER, mode="r", reader="eve") as view:
        assert view.list() == []


def test_what_is_done_by_itself_is_as_without_the_others() -> None:
    talk = [f"I had coffee with Ann at {n} in the old mill" for n in range(6)]
    talk += ["My gym Fit24 is in Mill Road", "My phone is a Nokia", "My photos are in Dropbox"]
    ends = ["I cancelled my gym Fit24", "I replaced my Nokia with a Pixel", "I switched from Dropbox to iCloud"]
    gists = 0
    for seed in range(8):
        rng = random.Random(seed)
        hidden = {text: rng.random() < 0.5 for text in (*talk, *ends)}
        found = []
        for everything in (True, False):
            memory = Memoria(InMemoryStore(EMBEDDER.card), EMBEDDER, judge=None, clock=lambda: LATER)
            for n, text in enumerate((*talk, *ends)):
                if everything or not hidden[text]:
                    audience = ["bob"] if hidden[text] else None
                    memory.remember(text, created_at=START + timedelta(hours=n), visible_to=audience)
            memory.reconcile(detector="rules", endings="sure")
            memory.sleep(detector=None, like=0.1)
            seen = memory.store.read(memory.store.select(Where(visible=())))
            records = [one.memory for one in seen if one is not None]
            found.append(sorted((one.text, str(one.valid_to), len(one.parts)) for one in records))
        assert found[0] == found[1]
        gists += sum(parts > 0 for _, _, parts in found[0])
    assert gists


def test_what_is_done_does_not_depend_on_what_is_hidden() -> None:
    """The calls that a recall, a list and a get make of the store below, and how many rows they read."""
    counted = []
    for hidden in (True, False):
        store = InMemoryStore(EMBEDDER.card)
        memory = Memoria(store, EMBEDDER, judge=None)
        for n in range(20):
            memory.remember(f"The code of gate {n} is {n * n}")
            if hidden:
                other = memory.remember(f"The code of gate {n} is not {n * n}", visible_to=["bob"])
        watched = _Watched(store)
        view = SeenStore(watched, Reader("ada"))
        readers = Memoria(view, EMBEDDER, judge=None, reinforce="never")
        readers.recall("the code of gate 7")
        readers.list()
        with pytest.raises(MemoryNotFound):
            readers.get(other.id if hidden else "0" * 32)
        counted.append(watched.calls)
    assert [call for call in counted[0] if call[0] != "read"] == [call for call in counted[1] if call[0] != "read"]
    assert sum(n for name, n in counted[0] if name == "read") <= sum(n for name, n in counted[1] if name == "read") + 2


class _Watched:
    """A store that notes which methods are called, and how many ids come back."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.calls: list[tuple[str, int]] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            given = found(*arguments, **named)
            self.calls.append((name, len(given) if isinstance(given, list) else 0))
            return given

        return call


def test_exports_copies_and_imports_keep_it(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "s", embedder=EMBEDDER) as memory:
        memory.remember(CODE, visible_to=["ada"])
        memory.remember(GREEN)
        lines = list(export(memory.store, Where()))
        seen = list(export(memory.reading_as("eve").store, Where()))
    assert [json.loads(line)["visible_to"] for line in lines] == [["ada"], None]
    assert len(seen) == 1
    with memoria.open(tmp_path / "t", embedder=EMBEDDER) as memory:
        import_lines(memory.store, EMBEDDER, lines)
        assert [one.visible_to for one in memory.list()] == [("ada",), None]
    copy(tmp_path / "s", tmp_path / "u")
    with memoria.open(tmp_path / "u", embedder=EMBEDDER) as memory:
        assert [one.visible_to for one in memory.list()] == [("ada",), None]


def test_weights_learn_what_is_for_everybody_alone() -> None:
    from memoria.distill.learn import choose

    memory = memoria.open(":memory:", embedder=EMBEDDER)
    one = memory.remember(CODE, visible_to=["ada"], salience=0.9)
    two = memory.remember(GREEN, salience=0.9)
    for select in (None, [one.id, two.id]):
        assert choose(memory.store, memory.policy, (), memory.now(), select) == [two]


@pytest.mark.parametrize("names", ["ada", [""], [1], ["a\0b"], 7, [None]])
def test_what_are_no_names_is_refused_without_telling_them(names: Any) -> None:
    memory = memoria.open(":memory:", embedder=EMBEDDER)
    with pytest.raises(InvalidMemory, match="visible_to"):
        memory.remember(GREEN, visible_to=names)
    assert memory.list() == []


@pytest.mark.parametrize("reader", ["", 7, ["ada"], b"ada"])
def test_what_is_no_reader_is_refused(reader: Any) -> None:
    memory = memoria.open(":memory:", embedder=EMBEDDER)
    with pytest.raises(InvalidQuery, match="reader"):
        memory.recall("gate", reader=reader)
    with pytest.raises(InvalidQuery, match="reader"):
        memoria.open(":memory:", embedder=EMBEDDER, reader=reader)


@pytest.mark.parametrize("roles", ["ops", 7, [1], None])
def test_roles_that_are_no_names_let_nobody_in(roles: Any) -> None:
    memory = memoria.open(":memory:", embedder=EMBEDDER, roles=lambda _: roles)
    memory.remember(GREEN, visible_to=["o"])
    with pytest.raises(InvalidQuery):
        memory.list(reader="ada")
    with pytest.raises(InvalidQuery, match="callable"):
        memoria.open(":memory:", embedder=EMBEDDER, roles=["ops"])  # type: ignore[arg-type]


def test_a_store_of_somebody_else_that_knows_no_audiences_hides_them_too() -> None:
    class Plain(_Watched):
        """As a store that was written before audiences: its filter knows none."""

        def __getattr__(self, name: str) -> Any:
            if name in ("has_audiences", "revision"):
                raise AttributeError(name)
            return super().__getattr__(name)

        def select(self, where: Where) -> list[str]:
            return self._store.select(replace(where, visible=None))

    memory = Memoria(Plain(InMemoryStore(EMBEDDER.card)), EMBEDDER, judge=None)
    memory.remember(CODE, visible_to=["ada"])
    memory.remember(GREEN)
    assert [hit.memory.text for hit in memory.recall("gate", reader="eve")] == [GREEN]
    assert [one.text for one in memory.list(reader="eve")] == [GREEN]
    assert len(memory.reading_as("eve")) == 1


def test_the_command_line_reads_as_a_reader(tmp_path: Path) -> None:
    run, store = CliRunner(), str(tmp_path / "s")
    with memoria.open(store) as memory:
        memory.remember(CODE, visible_to=["ada"])
        memory.remember(GREEN)
    for args, seen in (
        (["--reader", "ada"], 2),
        (["--reader", "eve"], 1),
        (["--reader", "x", "--role", "ada"], 2),
        ([], 2),
    ):
        done = run.invoke(app, [*args, "list", "-s", store, "--json"])
        assert done.exit_code == 0, done.output
        assert len(json.loads(done.stdout)["memories"]) == seen
    for command in (["scan", "--needle", "x"], ["doctor"], ["rebuild"], ["doctor", "--repair"]):
        assert run.invoke(app, ["--reader", "eve", *command, "-s", store]).exit_code != 0
    lines = run.invoke(app, ["--reader", "eve", "export", "-s", store]).stdout.splitlines()
    assert len(lines) == 1
    assert run.invoke(app, ["--reader", "eve", "copy", store, str(tmp_path / "t")]).exit_code == 0
    assert len(json.loads(run.invoke(app, ["list", "-s", str(tmp_path / "t"), "--json"]).stdout)["memories"]) == 1
    assert run.invoke(app, ["--role", "ops", "list", "-s", store]).exit_code != 0


def test_a_token_names_a_reader(tmp_path: Path) -> None:
    from memoria.service.tokens import Tokens, mint

    path = tmp_path / "tokens"
    ada = mint(path, ("app",), "ada", ["team:ops"])
    whole = mint(path, ("app",))
    memory = memoria.open(":memory:", embedder=EMBEDDER)
    memory.namespace("app").remember(CODE, visible_to=["team:ops"])
    memory.namespace("app").remember(GREEN, visible_to=["bob"])
    known = Tokens(path)
    seen = {}
    for token in (ada, whole):
        caller = known.caller(token)
        assert caller is not None
        seen[token] = [one.text for one in caller.view(memory).list()]
    assert seen == {ada: [CODE], whole: [CODE, GREEN]}
    with pytest.raises(InvalidQuery):
        mint(path, ("app",), None, ["team:ops"])
    lines = json.loads(path.read_text())
    lines["tokens"][0]["roles"] = "team:ops"
    path.write_text(json.dumps(lines))
    with pytest.raises(InvalidQuery):
        Tokens(path)


def test_readers_take_turns_with_the_owner(tmp_path: Path) -> None:
    from memoria.sharing import Shared

    shared = Shared(tmp_path / "s", embedder=EMBEDDER)
    with shared.lend() as memory:
        memory.remember(CODE, visible_to=["team:ops"])
        memory.remember(GREEN)
        with shared.reading_as("eve").lend() as view:
            assert [one.text for one in view.list()] == [GREEN]
    with shared.reading_as("bob", roles=Named(("team:ops",))).lend() as view:
        assert len(view.list()) == 2


def test_it_is_awaited_too() -> None:
    import asyncio

    async def work() -> list[str]:
        async with memoria.aio.open(":memory:", embedder=EMBEDDER) as memory:
            await memory.remember(CODE, visible_to=["ada"])
            await memory.remember(GREEN)
            view = memory.reading_as("eve")
            assert len(await memory.list(reader="ada")) == 2
            return [one.text for one in await view.list()]

    assert asyncio.run(work()) == [GREEN]


def test_records_are_not_written_through_a_reader_for_others() -> None:
    store = InMemoryStore(EMBEDDER.card)
    memory = Memoria(store, EMBEDDER)
    one = memory.remember(CODE, visible_to=["ada", "eve"])
    seen = SeenStore(store, Reader("eve"))
    (record,) = seen.read([one.id])
    assert isinstance(record, Record)
    with pytest.raises(NotPermitted):
        seen.replace(replace(record, memory=replace(record.memory, visible_to=None)))
    assert memory.get(one.id).visible_to == ("ada", "eve")
    hidden = memory.remember(GREEN, visible_to=["ada"])
    for act in (
        lambda: seen.erase([hidden.id]),
        lambda: seen.mark([hidden.id], pinned=True),
        lambda: seen.revise(Change(ends={hidden.id: START})),
        lambda: seen.secrets([hidden.id]),
    ):
        with pytest.raises(MemoryNotFound):
            act()
    assert seen.read([hidden.id]) == [None]

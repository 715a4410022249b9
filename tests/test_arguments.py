"""What the verbs take: misspelt names, wrong types and wrong literals are refused in words that hold no content."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

import memoria
from memoria.engine.arguments import Amendment, DraftFields, Filters
from memoria.engine.change import Asked, SleepOptions
from memoria.engine.memory import Memoria
from memoria.errors import InvalidInput, InvalidQuery, MemoryNotFound, UnknownArgument
from memoria.testing import HashEmbedder
from memoria.types import Where

SECRET = "Ada keeps the spare key under the third flowerpot."


@pytest.fixture
def memory() -> Iterator[Any]:
    with memoria.open(":memory:", embedder=HashEmbedder(64)) as opened:
        opened.remember(SECRET, subject="ada")
        yield opened


def test_the_fields_that_verbs_take_are_those_of_drafts_and_filters() -> None:
    draft = {one.name for one in dataclasses.fields(memoria.Draft)}
    where = {one.name for one in dataclasses.fields(Where)}
    assert DraftFields.__annotations__.keys() == draft - {"text"}
    assert Filters.__annotations__.keys() == where - {"ids", "archived", "restricted", "visible", "kept_at"}
    assert SleepOptions.__annotations__.keys() == {one.name for one in dataclasses.fields(Asked)}
    assert Amendment.__annotations__.keys() == draft - {"created_at", "key", "provenance", "vector"}


def test_help_shows_every_argument() -> None:
    shown = inspect.signature(Memoria.recall).parameters
    assert {"k", "subject", "since", "metadata"} <= shown.keys()
    assert "filters" not in shown


@pytest.mark.parametrize(
    ("call", "near"),
    [
        (lambda m: m.remember("tea", sujbect="ada"), "remember takes no argument 'sujbect': did you mean 'subject'"),
        (lambda m: m.recall("tea", limit=3), "recall takes no argument 'limit'"),
        (lambda m: m.recall("tea", archived=True), "recall takes no argument 'archived'"),
        (lambda m: m.recall_many(["tea"], subjects="ada"), "did you mean 'subject'"),
        (lambda m: m.list(sice=None), "list takes no argument 'sice': did you mean 'since'"),
        (lambda m: m.forget(archived=False), "forget takes no argument 'archived'"),
        (lambda m: m.forget(mention="ada"), "did you mean 'mentions'"),
        (lambda m: m.amend(m.list()[0], txt="x"), "did you mean 'text'"),
        (lambda m: m.sleep(dryrun=True), "did you mean 'dry_run'"),
        (lambda m: m.supersede(m.list()[0], "x", when=None), "supersede takes no argument 'when'"),
        (lambda m: m.prune(bellow=0.1), "did you mean 'below'"),
    ],
)
def test_a_misspelt_argument_names_the_verb_and_the_nearest(memory: Any, call: Callable[[Any], Any], near: str) -> None:
    for kind in (UnknownArgument, TypeError):
        with pytest.raises(kind, match=near):
            call(memory)
    assert [one.text for one in memory.list()] == [SECRET]


ID_VERBS = [
    "get",
    "trace",
    "archive",
    "restore",
    "pin",
    "unpin",
    "reinforce",
    "history",
    "lineage",
    "consolidate",
    "expire",
    "reconcile",
    "forget",
    "amend",
    "hold",
    "release",
]


def given(memory: Any, verb: str, id: object) -> Any:
    extra: dict[str, Any] = {"amend": {"salience": 0.4}, "hold": {"reason": "law"}, "release": {"reason": "law"}}
    return getattr(memory, verb)(id, **extra.get(verb, {}))


@pytest.mark.parametrize("verb", [verb for verb in ID_VERBS if verb not in ("consolidate", "forget", "reconcile")])
def test_a_memory_stands_for_its_id(memory: Any, verb: str) -> None:
    one = memory.list()[0]
    given(memory, verb, one)
    assert len(memory.list()) == 1


def test_memories_can_be_gathered_and_forgotten_as_they_come(memory: Any) -> None:
    one, two = memory.remember_many(["tea with milk", "tea with sugar"])
    gist = memory.consolidate(one, two)
    assert memory.reconcile(gist) == ()
    assert set(memory.forget(gist).forgotten) == {gist.id, one.id, two.id}


@pytest.mark.parametrize("verb", ID_VERBS)
@pytest.mark.parametrize("wrong", [7, None, {"text": SECRET}, [SECRET], b"x"], ids=lambda one: type(one).__name__)
def test_what_is_no_id_is_named_by_its_type(memory: Any, verb: str, wrong: object) -> None:
    with pytest.raises(InvalidQuery, match=type(wrong).__name__) as told:
        given(memory, verb, wrong)
    assert SECRET not in str(told.value)


@pytest.mark.parametrize("verb", ID_VERBS)
def test_a_text_in_the_place_of_an_id_is_not_repeated(memory: Any, verb: str) -> None:
    with pytest.raises(MemoryNotFound) as told:
        given(memory, verb, SECRET)
    assert SECRET not in str(told.value)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m: m.recall_many("tea"), "use recall"),
        (lambda m: m.remember_many("tea"), "use remember"),
        (lambda m: m.remember_many([7]), "int"),
        (lambda m: m.recall("tea", k="5"), "whole number"),
        (lambda m: m.recall("tea", k=True), "whole number"),
        (lambda m: m.recall("tea", include="archived"), "is str"),
        (lambda m: m.recall("tea", kinds="episodic"), "not a sequence"),
        (lambda m: m.recall("tea", tags="x"), "one str"),
        (lambda m: m.recall("tea", tags=7), "tags is int"),
        (lambda m: m.recall("tea", namespace=SECRET), "namespace"),
        (lambda m: m.recall("tea", subject=7), "subject is int"),
        (lambda m: m.recall("tea", since="yesterday"), "aware datetime"),
        (lambda m: m.recall(SECRET, as_of=datetime(2026, 1, 1)), "time zone"),  # noqa: DTZ001 - naive on purpose
        (lambda m: m.list(limit=0), "limit 0"),
        (lambda m: m.list(limit=SECRET), "whole number"),
        (lambda m: m.forget(subject="ada", guard=SECRET), "guard"),
        (lambda m: m.sleep(cap=0), "cap 0"),
        (lambda m: m.fade(limit=0), "limit 0"),
        (lambda m: m.reinforcing("sometimes"), "sometimes"),
        (lambda m: m.supersede(m.list()[0], 7), "int"),
        (lambda m: m.reembed(7), "embedder is int"),
    ],
)
def test_a_wrong_value_is_refused_by_its_rule(memory: Any, call: Callable[[Any], Any], said: str) -> None:
    with pytest.raises(InvalidQuery, match=said) as told:
        call(memory)
    assert SECRET not in str(told.value)
    assert [one.text for one in memory.list()] == [SECRET]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"mode": "w"}, "mode 'w' is not one of rw, r"),
        ({"reinforce": "always"}, "reinforce 'always'"),
        ({"policy": "forgetful"}, "policy 'forgetful'"),
        ({"policy": 7}, "policy is int"),
        ({"embedder": 7}, "embedder is int"),
        ({"fade_below": 2}, "fade_below"),
    ],
)
def test_opening_refuses_what_it_does_not_know(tmp_path: Any, how: dict[str, Any], said: str) -> None:
    for path in (":memory:", tmp_path / "a.memoria"):
        with pytest.raises(InvalidInput, match=said):
            memoria.open(path, **({"embedder": HashEmbedder(64)} | how))


def test_a_policy_goes_by_its_name() -> None:
    with memoria.open(":memory:", embedder=HashEmbedder(64), policy="fsrs") as memory:
        assert type(memory.policy).__name__ == "FSRS6"


def test_repr_says_where_and_how_many(memory: Any) -> None:
    memory.namespace("app", "ada").remember("tea")
    assert "all namespaces" in repr(memory)
    assert "2 memories" in repr(memory)
    assert "app/ada" in repr(memory.namespace("app", "ada"))
    assert SECRET not in repr(memory)
    memory.close()
    assert "closed" in repr(memory)


def test_a_list_that_is_cut_says_so_and_goes_on() -> None:
    with memoria.open(":memory:", embedder=HashEmbedder(64)) as memory:
        made = memory.remember_many([f"fact {n}" for n in range(7)])
        page = memory.list(limit=3)
        assert (page, page.left, page.after) == (made[:3], 4, made[2].id)
        memory.forget(made[2])  # the cursor holds even so
        page = memory.list(limit=3, after=page.after)
        assert (page, page.left) == (made[3:6], 1)
        page = memory.list(limit=3, after=page.after)
        assert (page, page.left, page.after) == (made[6:], 0, None)
        last = memory.list(limit=2, newest=True)
        assert (last, last.left, last.after) == (made[5:], 4, None)
        with pytest.raises(InvalidQuery, match="not an id"):
            memory.list(after="x")
        assert memory.list().left == 0

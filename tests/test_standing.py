"""Standing erasure: what was forgotten so is kept out, by whatever way it comes and however it is written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import memoria
from memoria import Draft, Provenance
from memoria.agent import Agent
from memoria.cli import app
from memoria.errors import Forbidden, InvalidQuery, ModelFailed, OrderNotFound, Refused, StoreCorrupt
from memoria.evaluation.quality import standing as measured
from memoria.forget.residue import text_secrets
from memoria.models import Message
from memoria.standing import orders
from memoria.standing.orders import StandingOrder
from memoria.standing.redacting import ERASED
from memoria.testing import HashEmbedder
from memoria.text.values.plans import plan_of
from memoria.transfer import jsonl
from memoria.types import Where

CODE = "gate code 7741"
AGAIN = (
    "Please forget the gate code 7741",
    "OK, I've removed 7741.",
    "Reminder: you asked me to drop the code, 77 41",
    "7-7-4-1",
    "- milk\n- code: 7741\n- bread",
    'Bob said "7741"',
    "seven seven four one",
    "seventy-seven forty-one",
    "\u0667\u0667\u0664\u0661",
    "\uff17\uff17\uff14\uff11",
    "77\u200b41",
    '{"result": 7741}',
)
OTHERS = ("7742", "77410", "17741", "1 7 7 4 1", "7 741 200", "7741-22", "The train leaves at 7:42.", "INV-7741-A")


@pytest.fixture(params=["local", "base", "postgres"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[memoria.Memoria]:
    """A memory in each kind of store; the one in RAM is what a store by others is made of."""
    if request.param == "postgres":
        place = request.getfixturevalue("database")
    else:
        place = ":memory:" if request.param == "base" else str(tmp_path / "s")
    with memoria.open(place, embedder=HashEmbedder()) as opened:
        yield opened


@pytest.fixture
def local(tmp_path: Path) -> Iterator[memoria.Memoria]:
    with memoria.open(tmp_path / "s", embedder=HashEmbedder()) as opened:
        yield opened


def texts(memory: memoria.Memoria) -> list[str]:
    return [one.text for one in memory.list()]


def test_what_holds_it_goes_and_is_kept_out_from_then_on(memory: memoria.Memoria) -> None:
    memory.remember_many(["The code for the gate is 7741.", "Seven seven four one opens it.", "Tea."])
    assert [one.text for one in memory.forget(mentions=CODE, standing=True, dry_run=True)] == [
        "The code for the gate is 7741.",
        "Seven seven four one opens it.",
    ]
    assert memory.standing() == []
    receipt = memory.forget(mentions=CODE, standing=True)
    assert (len(receipt.forgotten), receipt.held, texts(memory)) == (2, (), ["Tea."])
    for text in AGAIN:
        with pytest.raises(Forbidden):
            memory.remember(text, readmit=True)
    for text in OTHERS:
        assert memory.remember(text).text == text
    (order,) = memory.standing()
    assert (order.id, order.kind, order.on_match, order.acted) == (receipt.standing, "number", "refuse", len(AGAIN))


def test_it_is_stored_without_the_value(memory: memoria.Memoria) -> None:
    memory.forget(mentions="Ada Lovelace", standing=True, on_match="redact")
    made = memory.remember(
        "Ada Lovelace's dog barked at Lovelace, Ada.",
        subject="Ada Lovelace",
        tags=["ada lovelace", "dog"],
        key="note of ada_lovelace",
        provenance=Provenance(speaker="Lovelace, Ada", session="12"),
        metadata={"who": {"first": "Ada", "last": "Lovelace"}, "ADA LOVELACE": ["x", "Ada  Lovelace"], "n": 3},
    )
    assert made == memory.get(made.id)
    assert made.text == f"{ERASED}'s dog barked at {ERASED}."
    assert (made.subject, made.tags, made.key, made.provenance.speaker) == (None, ("dog",), None, None)
    assert made.provenance.session == "12"
    assert made.metadata == {"who": {"first": ERASED, "last": ERASED}, ERASED: ["x", ERASED], "n": 3}
    fresh = memory.embedder.embed([made.text])[0]
    assert memory.recall(fresh, k=1)[0].score == pytest.approx(1, abs=1e-2)
    for other in ("Ada Byron called.", "Grace Lovelace called.", "Bruno Lovelace, Ada Keller and Tim", "Ada"):
        assert memory.remember(other).text == other


def test_a_number_in_metadata_and_json_in_a_text_of_it(memory: memoria.Memoria) -> None:
    memory.forget(mentions=CODE, standing=True, on_match="redact")
    made = memory.remember("Noted.", metadata={"pin": 7741, "other": 7742, "json": '{"code": 7741, "b": [1]}'})
    assert {**made.metadata, "json": json.loads(made.metadata["json"])} == {
        "pin": ERASED,
        "other": 7742,
        "json": {"code": ERASED, "b": [1]},
    }


WAYS: dict[str, Callable[[memoria.Memoria, str], object]] = {
    "remember": lambda memory, id: memory.remember("It was 77 41."),
    "many": lambda memory, id: memory.remember_many(["Tea", Draft(text="It was 77 41.")]),
    "amend": lambda memory, id: memory.amend(id, text="It was 77 41."),
    "amend metadata": lambda memory, id: memory.amend(id, metadata={"a": [7741]}),
    "supersede": lambda memory, id: memory.supersede(id, "It was 77 41."),
    "key": lambda memory, id: memory.remember("Tea", key="7741"),
    "tag": lambda memory, id: memory.remember("Tea", tags=["7741"]),
    "subject": lambda memory, id: memory.remember("Tea", subject="7741"),
    "session": lambda memory, id: memory.remember("Tea", provenance=Provenance(session="7741")),
    "namespace": lambda memory, id: memory.namespace("gate 7741").remember("Tea"),
    "store": lambda memory, id: memory.store.write(
        [memory._records.remade(memory.get(id).__class__(**_fields(memory, id)), None)]
    ),
}


def _fields(memory: memoria.Memoria, id: str) -> dict[str, Any]:
    one = memory.get(id)
    return {"id": "f" * 32, "namespace": (), "text": "It was 77 41.", "created_at": one.created_at}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_stores_it(local: memoria.Memoria, way: str) -> None:
    id = local.remember("A memory of mine").id
    local.forget(mentions=CODE, standing=True)
    local.remember("What is written before, so that the orders are known")
    with pytest.raises(Refused):
        WAYS[way](local, id)
    assert len(local) == 2
    for one in local.list():
        said = (one.text, one.subject, one.tags, one.key, one.metadata, one.namespace, one.provenance.session)
        assert "77" not in f"{said}"


def test_no_gist_of_a_writer_holds_it(local: memoria.Memoria) -> None:
    local.remember_many([f"The garden has roses, bed {n}" for n in range(6)])
    local.forget(mentions=CODE, standing=True)
    local.sleep(write=lambda parts: "roses by the gate, code 7741")
    assert not [one for one in local.list() if "7741" in one.text]


def test_an_import_leaves_it_out_and_says_which_line(local: memoria.Memoria, tmp_path: Path) -> None:
    with memoria.open(":memory:", embedder=HashEmbedder()) as other:
        other.remember_many(["It is 7741.", "Tea.", "Milk."])
        lines = list(jsonl.export(other.store, Where()))
    local.forget(mentions=CODE, standing=True)
    done = jsonl.import_lines(local.store, local.embedder, lines)
    assert (done.stored, len(done.refused), texts(local)) == (2, 1, ["Tea.", "Milk."])


def test_an_order_outlives_the_process_and_goes_along_with_a_copy(local: memoria.Memoria, tmp_path: Path) -> None:
    local.forget(mentions=CODE, standing=True)
    memoria.copy(local.store, tmp_path / "copy")
    local.close()
    for place in ("s", "copy"):
        with memoria.open(tmp_path / place, embedder=HashEmbedder()) as again:
            assert [one.kind for one in again.standing()] == ["number"]
            with pytest.raises(Forbidden):
                again.remember("seven seven four one")
            assert [len(again.standing(text)) for text in ("it is 7 7 4 1 now", "7742")] == [1, 0]


def test_nothing_of_the_value_is_in_any_file(local: memoria.Memoria) -> None:
    value = "the passphrase MARIGOLD-unicorn-88213"
    local.forget(mentions=value, standing=True)
    local.namespace("a very own namespace").forget(mentions=value, standing=True)
    said = (value, "MARIGOLD", "marigold", "unicorn", "marigoldunicorn88213", "a very own namespace")
    assert local.scan(*said).found == ()
    notes = json.dumps(local.store.notes())
    assert not [one for text in said for one in text_secrets(text) if one.data.decode() in notes]


def test_a_changed_order_is_no_order_to_pass_by(local: memoria.Memoria) -> None:
    order = local.forget(mentions=CODE, standing=True).standing
    note = f"standing.order.{order}"
    local.store.write_note(note, str(local.store.note(note))[:-8] + "AAAAAAA=")
    local.store.write_note(orders.MARK, "another")
    with pytest.raises(StoreCorrupt, match="standing order"):
        local.remember("tea")


def test_it_holds_in_its_namespace_and_below(memory: memoria.Memoria) -> None:
    ada, bob = memory.namespace("ada"), memory.namespace("bob")
    id = str(ada.forget(mentions=CODE, standing=True).standing)
    assert bob.remember("7741").text == memory.remember("7741").text == "7741"
    for view in (ada, ada.namespace("notes")):
        with pytest.raises(Forbidden):
            view.remember("7741")
    assert [len(view.standing()) for view in (memory, ada, bob, ada.namespace("notes"))] == [1, 1, 0, 0]
    assert len(ada.namespace("notes").standing("7741")) == 1
    for view in (bob, ada.namespace("notes")):
        with pytest.raises(OrderNotFound):
            view.lift_standing(id)
    assert memory.lift_standing(id).id == id
    assert ada.remember("7741").text == "7741"
    assert memory.standing() == []


def test_held_memories_stay_and_are_named(memory: memoria.Memoria) -> None:
    held, free = memory.remember_many(["The code is 7741.", "77 41 it is."])
    memory.hold(held.id, reason="the law")
    receipt = memory.forget(mentions=CODE, standing=True)
    assert (receipt.held, receipt.forgotten) == ((held.id,), (free.id,))
    assert [one.pending for one in memory.standing()] == [True]
    memory.reinforce(held.id)
    with pytest.raises(Forbidden):
        memory.remember("7741")


def test_a_gist_loses_its_parts_one_by_one_beside_a_hold(local: memoria.Memoria) -> None:
    parts = local.remember_many(["It is 7741.", "It is 77 41.", "Tea.", "Milk."])
    gist = local.consolidate(*(one.id for one in parts))
    held = local.remember("7-7-4-1")
    local.hold(held.id, reason="the law")
    receipt = local.forget(mentions=CODE, standing=True)
    assert (receipt.held, sorted(receipt.forgotten)) == ((held.id,), sorted(one.id for one in parts[:2]))
    assert [part.text for part in local.get(gist.id).parts] == ["Tea.", "Milk."]


def test_a_hold_that_is_released_lets_it_go_at_the_next_opening(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "s", embedder=HashEmbedder()) as memory:
        id = memory.remember("The code is 7741.").id
        memory.hold(id, reason="the law")
        memory.forget(mentions=CODE, standing=True)
        memory.release(id, reason="over")
    with memoria.open(tmp_path / "s", embedder=HashEmbedder()) as memory:
        assert (texts(memory), memory.standing()[0].pending) == ([], False)


_KILLED = """
import os, signal, sys, memoria
from memoria.forget import standing
from memoria.testing import HashEmbedder
from memoria.text.values.plans import plan_of
memory = memoria.open(sys.argv[1], embedder=HashEmbedder())
memory.remember("The code is seven seven four one.")
standing._gone = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
memory.forget(mentions="gate code 7741", standing=True)
"""


def test_a_kill_before_the_erasure_leaves_the_order_which_does_the_rest(tmp_path: Path) -> None:
    place = tmp_path / "s"
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(place)], check=False, env={**os.environ})
    assert killed.returncode == -signal.SIGKILL
    with memoria.open(place, embedder=HashEmbedder(), mode="r") as memory:
        assert texts(memory) == ["The code is seven seven four one."]
    with memoria.open(place, embedder=HashEmbedder()) as memory:
        assert (texts(memory), memory.standing()[0].pending) == ([], False)
        with pytest.raises(Forbidden):
            memory.remember("7741")


def test_a_judge_is_asked_about_what_no_hash_catches(tmp_path: Path) -> None:
    asked: list[tuple[str, StandingOrder]] = []

    def judge(text: str, order: StandingOrder) -> bool:
        asked.append((text, order))
        return "four figures" in text

    riddle, plain = "The code at the gate is those four figures again.", "The gate is painted green."
    with memoria.open(tmp_path / "s", embedder=HashEmbedder(), standing_judge=judge) as memory:
        old = memory.remember("An old riddle of four figures.")
        here = memory.namespace("here")
        id = here.forget(mentions=CODE, standing=True, on_match="redact").standing
        memory.remember(riddle)  # where no order holds
        here.remember("The code is 7741.")  # found by its hash
        assert asked == []
        with pytest.raises(Forbidden):
            here.remember_many([plain, riddle])
        assert {text for text, _ in asked} == {plain, riddle}
        assert {(order.id, order.kind) for _, order in asked} == {(id, "number")}
        kept = here.remember(plain)
        with pytest.raises(Forbidden):
            here.amend(kept.id, text=riddle)
        lines = list(jsonl.export(memory.store, Where(ids=(old.id,))))
        moved = lines[0].replace(old.id, "0" * 32).replace('"namespace":[]', '"namespace":["here"]')
        assert jsonl.import_lines(memory.store, memory.embedder, [moved]).refused == (1,)
        asked.clear()
        here.expire(kept.id)
        here.amend(kept.id, tags=["paint"])
        assert asked == []
        # The judge is of this memory, and not of the store.
        other = memoria.Memoria(memory.store._store, memory.embedder)  # type: ignore[attr-defined]  # of the gate
        other.namespace("here").remember("Four figures? It says four figures.")
        assert asked == []
        with pytest.raises(Forbidden):
            here.remember(riddle)
        assert len(here.list()) == 3
        assert sorted(one.text for one in here.list())[1:] == ["The code is [erased].", plain]
        assert memory.standing()[0].acted >= 3


def test_a_judge_that_fails_lets_nothing_be_stored(tmp_path: Path) -> None:
    def broken(text: str, order: StandingOrder) -> bool:
        raise OSError(text)

    for judge, kind in ((broken, ModelFailed), (lambda text, order: "yes", InvalidQuery)):
        with memoria.open(":memory:", embedder=HashEmbedder(), standing_judge=judge) as memory:  # type: ignore[arg-type]
            memory.forget(mentions=CODE, standing=True)
            with pytest.raises(kind) as failed:
                memory.remember("The gate is painted green.")
            assert "green" not in str(failed.value)
            assert len(memory) == 0
    with pytest.raises(InvalidQuery, match="standing_judge is str"):
        memoria.open(tmp_path / "s", embedder=HashEmbedder(), standing_judge="judge")  # type: ignore[arg-type]
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    "asked",
    [{}, {"mentions": "the"}, {"mentions": "!?"}, {"mentions": "7"}, {"mentions": CODE, "subject": "x"}],
)
def test_what_cannot_stand_is_refused(local: memoria.Memoria, asked: dict[str, str]) -> None:
    with pytest.raises(InvalidQuery):
        local.forget(standing=True, **asked)  # type: ignore[call-overload]  # one at a time is wrong
    with pytest.raises(InvalidQuery):
        local.forget(mentions=CODE, standing=True, on_match="shred")  # type: ignore[call-overload]
    assert local.store.note(orders.MARK) is None


def test_postgres_keeps_it_out_of_what_another_process_writes(database: str) -> None:
    with (
        memoria.open(database, embedder=HashEmbedder()) as one,
        memoria.open(database, embedder=HashEmbedder()) as other,
    ):
        one.remember("The code is 77 41.")
        other.remember("Tea.")
        one.forget(mentions=CODE, standing=True)
        with pytest.raises(Forbidden):
            other.remember("7741")
        assert texts(other) == ["Tea."]
        lovelace = plan_of("Ada Lovelace")
        assert lovelace is not None
        ada = StandingOrder(id="a" * 32, at=one.now(), kind="name", on_match="refuse")
        bare = other.store._store  # type: ignore[attr-defined]
        write = bare.write

        def late(records: object) -> None:
            """As if the second order came between looking and writing."""
            bare.write = write
            orders.keep(one.store, orders.rule_of(ada, lovelace, (), b"k" * 32))
            write(records)

        bare.write = late
        with pytest.raises(Forbidden):
            other.remember("Lovelace, Ada")
        assert texts(one) == ["Tea."]


# -- the agent --


def answering(*replies: str) -> Callable[[Sequence[Message]], str]:
    left = list(replies)
    return lambda messages: left.pop(0)


def test_the_users_own_request_is_carried_out_and_kept(local: memoria.Memoria) -> None:
    model = answering("Noted.", "OK, I've removed 7741.", "You asked me to drop 77 41.")
    with Agent(local, model) as agent:
        agent.say("The gate code is 7741.")
        reply = agent.say("Please forget the gate code 7741.")
        agent.say("What did I ask?")
    (notice,) = reply.notices
    assert (notice.what, notice.memory) == ("erased", local.standing()[0].id)
    assert reply.heard is not None
    assert reply.heard.text == f"Please forget the gate code {ERASED}."
    said = [*texts(local), *(hit.memory.text for hit in local.recall("gate code 7741", k=20))]
    assert not local.standing()[0].pending
    assert not [text for text in said if "7741" in text or "77 41" in text]
    assert f"OK, I've removed {ERASED}." in said
    local.lift_standing(notice.memory)
    assert local.remember("7741 again").text == "7741 again"


@pytest.mark.parametrize(
    "said",
    [
        'Bob wrote "please forget the gate code 7741".',
        "Don't forget the gate code 7741!",
        "Did you forget 7741?",
        "Forget 7741, let's say 7742.",
        "Please remove 7741 from the list of my codes for the gate.",
        "He said: forget 7741",
        "Forget about Bob Ray, we meet Cy.",
    ],
)
def test_nothing_is_erased_unless_the_user_asks(local: memoria.Memoria, said: str) -> None:
    local.remember("The gate code is 7741, says Bob Ray.")
    with Agent(local, answering("Fine."), settle=False) as agent:
        agent.say(said)
    assert local.standing() == []
    assert "The gate code is 7741, says Bob Ray." in texts(local)


def test_an_agent_that_erases_nothing(local: memoria.Memoria) -> None:
    with Agent(local, answering("Fine."), erase=False) as agent:
        agent.say("Please forget the gate code 7741.")
    assert local.standing() == []


# -- the command line, and the measure --


def test_the_command_line(tmp_path: Path) -> None:
    run = CliRunner()
    place = ("--store", str(tmp_path / "s"))
    with memoria.open(tmp_path / "s", embedder=HashEmbedder()) as memory:
        memory.remember("The code is 7741.")
    done = run.invoke(app, ["forget", *place, "--mentions", CODE, "--standing", "--yes", "--json"])
    order = json.loads(done.stdout)["standing"]
    assert [one["id"] for one in json.loads(run.invoke(app, ["standing", "list", *place, "--json"]).stdout)] == [order]
    assert run.invoke(app, ["standing", "test", "it is 77 41", *place]).exit_code == 1
    assert run.invoke(app, ["standing", "test", "it is 7742", *place]).exit_code == 0
    assert json.loads(run.invoke(app, ["standing", "lift", order[:6], *place, "--json"]).stdout)["id"] == order
    assert run.invoke(app, ["standing", "list", *place, "--json"]).stdout.strip() == "[]"


def test_no_talk_of_a_small_share_brings_a_value_back() -> None:
    found = measured.measure(24)
    for one in found.values():
        assert (one.in_recall, one.in_list, one.in_files, one.wrong) == (0, 0, 0, 0)
        assert one.refused + one.redacted == one.said == 72

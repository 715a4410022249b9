"""What a person may ask for: found by which way, copied whole, erased, only stored; on every store."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from typer.testing import CliRunner

import memoria
from memoria import Draft, Held, InvalidQuery, Memoria, MemoryNotFound, Provenance, Restricted
from memoria.canonical import canonical
from memoria.cli import app
from memoria.subject.dossier import Dossier, schema
from memoria.testing import HashEmbedder
from memoria.text.mentions import mentions
from memoria.transfer.copying import copy
from memoria.transfer.jsonl import export, import_lines
from memoria.types import Memory, Where

START = datetime(2026, 3, 1, tzinfo=UTC)
Open = Callable[[], Memoria]


@pytest.fixture(params=["memory", "local", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new store is opened."""
    if request.param == "postgres":
        return str(request.getfixturevalue("database"))
    return ":memory:" if request.param == "memory" else str(tmp_path / "a.memoria")


@pytest.fixture
def memory(place: str) -> Iterator[Memoria]:
    with opened(place) as found:
        yield found


def opened(place: str | Path) -> Memoria:
    """A store whose clock goes on by a minute at each look, so that ids and times are those of their order."""
    times = (START + timedelta(minutes=n) for n in range(100_000))
    return memoria.open(place, embedder=HashEmbedder(64), clock=lambda: next(times), judge=None)


def said(speaker: str) -> Provenance:
    return Provenance(speaker=speaker)


def told(memory: Memoria) -> dict[str, Memory]:
    """What a small household remembers."""
    drafts = {
        "subject": Draft(text="Likes tea without any sugar in it.", subject="ada"),
        "speaker": Draft(text="I will be in Porto until the ninth of May.", provenance=said("Ada")),
        "mention": Draft(text="Yesterday we saw Ada's brother at the market.", subject="bob"),
        "alias": Draft(text="Ms Berg asked for the invoice of last year.", tags=["work"]),
        "metadata": Draft(text="The package has come at last.", metadata={"to": {"name": "Ada"}}),
        "namesake": Draft(text="Ada Lovelace wrote the very first program.", subject="ada lovelace"),
        "longer": Draft(text="We read a book on Ada Lovelace together."),
        "other": Draft(text="Adah sings in the choir every Sunday morning."),
        "bob": Draft(text="Bob plays chess on most Friday evenings.", subject="bob"),
    }
    return dict(zip(drafts, memory.remember_many(list(drafts.values())), strict=True))


def everything(memory: Memoria) -> str:
    """All that verbs but `get`, `dossier` and an export that asks for it show, as one text."""
    shown: list[Any] = [memory.list(), memory.list(subject="ada"), memory.doubts(), memory.ledger()]
    for query in ("tea sugar Porto market invoice package Ada", "Berg", "Ada"):
        shown.append(memory.recall(query, k=50))
        shown.append(memory.recall(query, k=50, include=("archived", "expired", "upcoming")))
        shown.append(memory.recall(query, k=50, as_of=START + timedelta(days=9)))
    shown.append(memory.forget(namespace=(), dry_run=True))
    shown += [memory.forget(mentions="Ada", dry_run=True).near, memory.forget(subject="ada", dry_run=True)]
    shown += [memory.reconcile(dry_run=True), memory.sleep(dry_run=True), memory.about("Ada", "Ms Berg")]
    shown += [
        memory.prune(budget=memoria.Budget(count=0), dry_run=True),
        memory.evict(memoria.Budget(count=0), dry_run=True),
    ]
    shown += [list(memory.history(one)) for one in memory.list()] + [memory.lineage(one) for one in memory.list()]
    shown.append(list(export(memory.store, Where(restricted=False))))
    return repr(shown)


def test_what_is_found_by_which_way_and_what_is_only_near(memory: Memoria) -> None:
    known = told(memory)
    found = memory.about("Ada", "Ms Berg")
    ways = {one.id: one.ways for one in found.found}
    assert {name: ways.get(one.id) for name, one in known.items()} == {
        "subject": ("subject",),
        "speaker": ("speaker",),
        "mention": ("mention",),
        "alias": ("mention",),
        "metadata": ("mention",),
        **dict.fromkeys(("namesake", "longer", "other", "bob")),
    }
    assert [one.id for one in found.near] == [known[name].id for name in ("namesake", "longer", "other")]
    counts = found.counts()
    assert (counts["subject"], counts["speaker"], counts["mention"], counts["near"]) == (1, 1, 3, 3)
    assert memory.about("Ada", by=["speaker"]).ids == (known["speaker"].id,)
    assert known["other"].id in memory.about("Ada", include=[known["other"].id]).ids
    assert set(memory.about("Ada", near=True).ids) >= {known[name].id for name in ("namesake", "longer", "other")}
    assert memory.namespace("elsewhere").about("Ada").found == ()


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("Then Anna Berg called.", ["Anna Berg"], "met"),
        ("Then Anna called.", ["Anna Berg"], "near"),
        ("Then Anna Bergg called.", ["Anna Berg"], "near"),
        ("Then Anna Breg called.", ["Anna Berg"], "near"),
        ("Frau Berg war da.", ["Anna Berg"], "near"),
        ("Then Lena called.", ["Anna Berg"], "none"),
        ("Ask Ada, Bob or Cy.", ["Ada"], "met"),
        ("Ask Ada L. or Cy.", ["Ada"], "near"),
        ("Ask Ada L. or Ada.", ["Ada"], "met"),
        ("Ask Ada L. or Cy.", ["Ada", "Ada L."], "met"),
        ("阿达今天来了。", ["阿达"], "met"),
        ("Вчера видели Анну.", ["Анна"], "met"),
        ("A Canada goose.", ["Ada"], "none"),
    ],
)
def test_a_name_in_a_text(text: str, names: list[str], expected: str) -> None:
    with opened(":memory:") as memory:
        memory.remember(text)
        found = memory.about(*names)
    assert ("met" if found.found else "near" if found.near else "none") == expected


def test_a_restriction_hides_everything_and_lifting_it_brings_all_back(memory: Memoria) -> None:
    """The property that a restriction is: no verb but get and a copy shows any of it, and after it all is as before."""
    known = told(memory)
    made = memory.remember("So no sugar for her.", provenance=Provenance(derived_from=(known["subject"].id,)))
    key = memory.remember("Ada keeps the spare key in the shed.")
    moved = memory.supersede(key, "The spare key is with Bob now.")
    memory.archive(known["alias"])
    memory.pin(known["mention"])
    before = memory.recall("tea Porto market invoice", k=50, include=("archived",))
    traces = {one.id: memory.trace(one) for one in (*known.values(), made, key)}
    ids = memory.restrict("Ada", "Ms Berg", reason="she disputes it")
    names = ("subject", "speaker", "mention", "alias", "metadata")
    assert set(ids) == {*(known[name].id for name in names), made.id, key.id}
    hidden = [*(known[name] for name in names), made, memory.get(key.id)]
    shown = everything(memory)
    assert not [one.text for one in hidden if one.text in shown]
    assert known["bob"].text in shown
    assert [one.id for one in memory.history(moved)] == [moved.id]
    for one in hidden:
        assert memory.get(one.id) == one
        for act in (
            memory.history,
            memory.lineage,
            memory.archive,
            memory.expire,
            memory.pin,
            memory.reinforce,
            memory.forget,
        ):
            with pytest.raises(Held, match=one.id):
                act(one.id)
        with pytest.raises(Restricted):
            memory.amend(one.id, salience=0.9)
    assert not memory.prune(budget=memoria.Budget(count=0)).ids or all(memory.get(one.id) for one in hidden)
    assert {one.id for one in memory.dossier("Ada", "Ms Berg").entries} == set(ids)
    assert memory.lift("ADA", reason="settled") == tuple(sorted(ids))
    assert {one.id: memory.trace(one) for one in hidden} == {one.id: traces[one.id] for one in hidden}
    again = memory.recall("tea Porto market invoice", k=50, include=("archived",))
    kept = [hit.memory.id for hit in before if hit.memory in [*hidden, known["bob"]]]
    assert [hit.memory.id for hit in again if hit.memory.id in kept] == [
        id for id in kept if id in memory.store.select(Where())
    ]
    assert [(one.action, set(one.ids)) for one in memory.ledger()] == [("restrict", set(ids)), ("lift", set(ids))]
    assert memory.restrictions() == []


def test_what_comes_later_is_restricted_too(memory: Memoria) -> None:
    memory.remember("Ada likes tea without any sugar.", subject="ada")
    memory.namespace("home").restrict("Ada", reason="there only")
    home = memory.namespace("home")
    hidden = [
        home.remember("She moved to Porto in the spring.", subject="Ada"),
        home.remember("A letter for Ada lies on the table."),
        home.remember_many([Draft(text="I am back on the fourth of July.", provenance=said("ada"))])[0],
    ]
    hidden.append(home.remember("So write to Porto then.", provenance=Provenance(derived_from=(hidden[0].id,))))
    seen = home.remember("Bob is back on the fifth of July.", subject="bob")
    assert home.list() == [seen]
    assert len(memory.list()) == 2
    home.amend(seen, text="Bob is back with Ada on the fifth of July.")
    assert home.list() == []
    bystander = home.remember("Cy likes pears and plums most of all.")
    home.supersede(bystander, "Cy gave the pears and plums to Ada.")
    assert [one.id for one in home.list()] == [bystander.id]
    assert len(home.lift("ada", reason="over")) == 6


def test_two_restrictions_and_one_of_them_is_lifted(memory: Memoria) -> None:
    known = told(memory)
    memory.restrict("Ada", reason="hers")
    memory.restrict("Bob", reason="his")
    assert {one.reason for one in memory.restrictions()} == {"hers", "his"}
    memory.lift("Ada", reason="over")
    left = {one.id for one in memory.list()}
    assert known["subject"].id in left
    assert not {known["bob"].id, known["mention"].id} & left
    with pytest.raises(InvalidQuery, match="no restriction stands"):
        memory.lift("Ada", reason="again")


def test_a_restriction_is_there_after_a_restart_and_in_a_copy(tmp_path: Path) -> None:
    place, target = tmp_path / "a.memoria", tmp_path / "b.memoria"
    with opened(place) as memory:
        known = told(memory)
        memory.restrict("Ada", reason="a secret quarrel")
    for path in place.rglob("*"):
        assert not path.is_file() or not {b"a secret quarrel", b'"Ada"'} & set(path.read_bytes().split(b"\0"))
        assert not path.is_file() or b"secret quarrel" not in path.read_bytes()
    copy(place, target)
    for one in (place, target):
        with opened(one) as memory:
            assert known["subject"] not in memory.list()
            assert memory.get(known["subject"].id) == known["subject"]
            memory.remember("Ada comes by at noon tomorrow.")
            assert [hit.memory.text for hit in memory.recall("noon tomorrow")][:1] != ["Ada comes by at noon tomorrow."]
            assert memory.doctor() == []


def test_parts_of_gists_are_set_apart_and_weights_forget(memory: Memoria) -> None:
    texts = ["Ada drinks tea at nine.", "Bob drinks tea at nine.", "Cy drinks tea at nine."]
    parts = memory.remember_many(texts)
    gist = memory.consolidate(*parts)
    ids = memory.restrict("Ada", reason="she asks")
    assert ids == (parts[0].id,)
    assert [part.text for part in memory.get(gist.id).parts] == texts[1:]
    assert "Ada" not in memory.get(gist.id).text
    assert not memory.sleep().gists
    memory.lift("Ada", reason="over")
    assert parts[0].id in {one.id for one in memory.list()}


def test_a_hold_of_somebody_else_stands_against_erasing_a_restricted_person(memory: Memoria) -> None:
    known = told(memory)
    memory.restrict("Ada", reason="disputed")
    memory.hold(known["subject"], reason="a claim")
    with pytest.raises(Held, match=known["subject"].id):
        memory.forget_about("Ada")
    assert memory.get(known["speaker"].id)
    memory.release(known["subject"], reason="the claim is settled")
    going = memory.forget_about("Ada", dry_run=True)
    receipt = memory.forget_about("Ada", verify=True)
    assert {one.id for one in going} == set(receipt.forgotten)
    assert receipt.verification is None or receipt.verification.found == 0
    assert memory.restrictions() == []
    assert memory.about("Ada").found == ()
    assert len(memory.about("Ada").near) == 3


def test_a_copy_holds_every_memory_that_a_scan_says_is_hers(memory: Memoria) -> None:
    rng = random.Random(22)
    names = ["Ada", "Bob", "Cy Wu", "Dee"]
    for n in range(60):
        who, other = rng.choice(names), rng.choice(names)
        memory.namespace(f"room {n % 3}").remember(
            rng.choice([f"{other} came by on day {n}.", f"Nothing happened on day {n} at all."]),
            subject=rng.choice([None, who, who.lower()]),
            provenance=said(rng.choice(names)),
            metadata={"with": other} if n % 7 == 0 else {},
        )
    for one in memory.list()[::9]:
        memory.archive(one)
    for one in memory.list()[::10]:
        memory.expire(one)
    for name in names:
        hers = {one.id for one in memory.list() if _is_about(one, name)}
        memory.restrict(name, reason="to see whether a copy has them still")
        made = memory.dossier(name)
        assert {one.id for one in made.entries} == hers
        memory.lift(name, reason="seen")
        assert {one["id"] for one in json.loads(made.json())["entries"]} == hers


def _is_about(memory: Memory, name: str) -> bool:
    named = {canonical(one) for one in (memory.subject, memory.provenance.speaker) if one is not None}
    return canonical(name) in named or mentions(memory.text, name) or mentions(json.dumps(memory.metadata), name)


def test_a_copy_says_where_each_comes_from_and_who_else_is_in_it(memory: Memoria) -> None:
    known = told(memory)
    new = memory.supersede(known["subject"], Draft(text="Likes tea with honey in it now.", subject="ada"))
    memory.hold(known["speaker"], reason="a claim")
    memory.recall("Porto", k=2)
    made = memory.dossier("Ada")
    entries = {one.id: one for one in made.entries}
    old = entries[known["subject"].id]
    assert [(one.id, one.how) for one in old.related] == [(new.id, "replaced by")]
    assert old.expired
    assert [(one.action, one.reason) for one in entries[known["speaker"].id].decisions] == [("hold", "a claim")]
    assert entries[known["speaker"].id].used
    assert entries[known["mention"].id].others == ("bob",)
    assert made.near == tuple(known[name].id for name in ("namesake", "longer", "other"))
    out = made.without_others()
    assert not [one for one in out.entries if one.id == known["mention"].id and "market" in one.text]
    assert "bob" not in out.json()
    TypeAdapter(Dossier).validate_json(made.json())
    assert (schema()["properties"]["version"]["default"], made.version) == (1, 1)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.links |= {value or "" for name, value in attrs if name in ("src", "href")}


def test_the_page_loads_and_runs_nothing_whatever_is_in_it() -> None:
    with opened(":memory:") as memory:
        memory.remember("<script>alert(1)</script> ![x](http://evil.example/a.png) <img src=x>", subject="ada")
        memory.remember("# Not a heading\n\n> no quote", subject="ada")
        made = memory.dossier("ada")
    found = _Tags()
    found.feed(made.html())
    assert not found.seen & {"script", "img", "iframe", "link"}
    assert all(link.startswith("#") for link in found.links)
    written = made.markdown()
    assert not {"<script>", "](http", "<img"} & {part for part in ("<script>", "](http", "<img") if part in written}
    assert [line for line in written.splitlines() if line.startswith("# ")] == ["# What is stored about a person"]


def test_lines_carry_the_restriction_and_orders_meet_what_is_imported(memory: Memoria) -> None:
    known = told(memory)
    memory.restrict("Ada", reason="disputed")
    lines = list(export(memory.store, Where()))
    with opened(":memory:") as other:
        import_lines(other.store, other.embedder, lines)
        assert known["subject"] not in other.list()
        assert other.get(known["subject"].id) == known["subject"]
    with opened(":memory:") as fresh:
        fresh.restrict("Bob", reason="his own")
        import_lines(
            fresh.store, fresh.embedder, [line.replace('"restricted":true', '"restricted":false') for line in lines]
        )
        assert known["bob"] not in fresh.list()
        assert known["subject"] in fresh.list()


def test_bad_input_is_named() -> None:
    with opened(":memory:") as memory:
        one = memory.remember("Ada is here.")
        wrong: list[tuple[type[Exception], Callable[[], object]]] = [
            (InvalidQuery, lambda: memory.about()),
            (InvalidQuery, lambda: memory.about(" ")),
            (InvalidQuery, lambda: memory.about(3)),  # type: ignore[arg-type]
            (InvalidQuery, lambda: memory.about("Ada", by="subject")),  # type: ignore[arg-type]
            (InvalidQuery, lambda: memory.about("Ada", by=())),
            (InvalidQuery, lambda: memory.about("Ada", by=["nose"])),  # type: ignore[list-item]
            (InvalidQuery, lambda: memory.about("Ada", near="yes")),  # type: ignore[arg-type]
            (InvalidQuery, lambda: memory.about("Ada", include=["x"])),
            (MemoryNotFound, lambda: memory.about("Ada", include=["0" * 32])),
            (InvalidQuery, lambda: memory.restrict("Ada", reason="")),
            (InvalidQuery, lambda: memory.lift("Ada", reason="nothing stands")),
            (InvalidQuery, lambda: memory.forget_about("Ada", guard="most")),  # type: ignore[call-overload]
        ]
        for kind, act in wrong:
            with pytest.raises(kind):
                act()
        assert memory.list() == [one]


def test_the_command_reports_exports_restricts_lifts_and_erases(tmp_path: Path) -> None:
    place = tmp_path / "a.memoria"
    with opened(place) as memory:
        known = told(memory)

    def run(*words: str, status: int = 0) -> str:
        done = CliRunner().invoke(app, ["subject", *words, "--store", str(place)])
        assert done.exit_code == status, done.output
        return done.stdout

    report = json.loads(run("Ada", "Ms Berg", "--json"))
    assert (report["counts"]["found"], report["counts"]["near"]) == (5, 3)
    assert "sugar" in run("Ada")
    folder = tmp_path / "copy"
    run("Ada", "--export", str(folder))
    assert {path.name for path in folder.iterdir()} == {"subject.html", "subject.md", "subject.json"}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert len(json.loads((folder / "subject.json").read_text())["entries"]) == 4
    run("Ada", "--export", str(folder), status=1)
    run("Ada", "--export", str(folder), "--overwrite", "--redact-others", "--json")
    assert "market" not in (folder / "subject.html").read_text()
    run("Ada", "--restrict", status=1)
    assert len(json.loads(run("Ada", "--restrict", "--reason", "disputed", "--json"))["restricted"]) == 4
    assert json.loads(run("--status", "--json"))[0]["names"] == ["Ada"]
    assert known["subject"].text not in CliRunner().invoke(app, ["list", "--store", str(place)]).stdout
    assert known["subject"].text not in run("Ada")
    plain = CliRunner().invoke(app, ["export", "--store", str(place)])
    assert (len(plain.stdout.splitlines()), "4 restricted left out" in plain.stderr) == (5, True)
    whole = CliRunner().invoke(app, ["export", "--include", "restricted", "--store", str(place)])
    assert len(whole.stdout.splitlines()) == 9
    assert len(json.loads(run("Ada", "--lift", "--reason", "settled", "--json"))["lifted"]) == 4
    run("Ada", "--erase", status=2)
    assert len(json.loads(run("Ada", "--erase", "--dry-run", "--json"))["forget"]) == 4
    run("Ada", "--erase", "--yes", "--verify", "--json")
    assert json.loads(run("Ada", "--json"))["counts"]["found"] == 0
    assert json.loads(run("--schema"))["title"] == "Dossier"
    run("Ada", "--erase", "--lift", status=1)

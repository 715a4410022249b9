"""Names in the forms that languages give them, identifiers to their ends, and names with signs in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

import memoria
from memoria.canonical import visible
from memoria.cli import app
from memoria.evaluation.quality.mentions import TABLE, measure
from memoria.testing import HashEmbedder
from memoria.text.endings import Grade
from memoria.text.mentions import Name, mentions

# Forms that may be of another name, or whose language nothing around them tells: a dry run lists them.
NEAR = {("Katalin", "A Katalinnal voltam.")}
THEIRS = [(kind, one.name, text) for kind, asked in TABLE.items() for one in asked for text in one.theirs]
OTHERS = [(kind, one.name, text) for kind, asked in TABLE.items() for one in asked for text in one.others]


@pytest.fixture(params=["memory", "local", "postgres"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[memoria.Memoria]:
    place = {"memory": ":memory:", "local": str(tmp_path / "a.memoria")}.get(request.param)
    with memoria.open(place or request.getfixturevalue("database"), embedder=HashEmbedder(16)) as made:
        yield made


@pytest.mark.parametrize(("kind", "name", "text"), THEIRS)
def test_a_name_is_met_in_the_forms_of_its_language(kind: str, name: str, text: str) -> None:
    assert Name(name).grade(text) is (Grade.NEAR if (name, text) in NEAR else Grade.MET), kind


@pytest.mark.parametrize(("kind", "name", "text"), OTHERS)
def test_another_name_or_number_is_never_met(kind: str, name: str, text: str) -> None:
    assert Name(name).grade(text) is not Grade.MET, kind


def test_the_table_has_both_directions_of_twelve_languages_and_more() -> None:
    counted = measure()
    assert len(counted) >= 13
    assert all(one.theirs and one.others and one.met + one.near == one.theirs and not one.wrong for one in counted)


LETTERS = "abXY 019 \u00e9\u0416\u0639\u05d3\u0928\u093e\u738b\u30a2\u3042\uc9c0\u0e01"
SIGNS = ".,;:()[]{}'\"\u201c?!+#*&%$@/\\-_=^~|<>"


@given(st.text(LETTERS + SIGNS, min_size=1, max_size=12))
@example("2,450 EUR")
@example('the "blue" key')
@example("1,234,567")
@example("(a")
@example("a+b")
def test_whatever_it_holds_a_name_is_found_where_it_stands(name: str) -> None:
    assume(visible(name))
    assert mentions(f"They say \u201c{name}\u201d today.", name)
    assert mentions(name, name)


@given(st.integers(0, 10**6), st.sampled_from(".,:"), st.integers(0, 10**6))
def test_a_number_is_not_in_a_longer_one(one: int, sign: str, other: int) -> None:
    longer = f"It is {one}{sign}{other} here."
    assert not mentions(longer, str(one))
    assert not mentions(longer, str(other))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Ann", "Anna left."),
        ("Peter", "Herr Peters kommt morgen."),
        ("\u0410\u043b\u0435\u043a\u0441\u0430\u043d\u0434\u0440", "Александра пришла."),
        ("ريم", "كريم هنا."),
        ("\u05e8\u05d5\u05df", "שרון גרה כאן."),
        ("민수", "민수경이 왔다."),
        ("アン", "アンナさんが来た。"),
        ("京都", "東京都に住む。"),
        ("李", "行李が重い。"),
        ("F#", "He got an F."),
        ("INV-20", "Pay INV-20-A."),
        ("acme.io", "See acme.io.uk."),
        ("17", "It is 17:30."),
    ],
)
def test_what_may_be_meant_is_near(name: str, text: str) -> None:
    assert Name(name).grade(text) is Grade.NEAR


def test_a_dry_run_lists_what_is_near_and_forgetting_leaves_it(memory: memoria.Memoria) -> None:
    told = [memory.remember(text) for text in ("Ann left.", "Anna left.", "Otto left.")]
    planned = memory.forget(mentions="Ann", dry_run=True)
    assert (planned, planned.near) == ([told[0]], (told[1],))
    assert memory.forget(mentions="Ann").forgotten == (told[0].id,)
    assert memory.list() == told[1:]


def test_a_part_of_a_gist_is_near_and_what_goes_is_not(memory: memoria.Memoria) -> None:
    told = [memory.remember(text) for text in ("Ann left at nine.", "Anna left at ten.")]
    gist = memory.consolidate(*told)
    planned = memory.forget(mentions="Ann", dry_run=True)
    assert {one.id for one in planned} == {told[0].id, gist.id}
    assert [one.id for one in planned.near] == [told[1].id]


def test_the_command_shows_what_is_near_and_prints_the_table(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a.memoria") as made:
        near = made.remember("Anna left.")
    shown = CliRunner().invoke(
        app, ["forget", "--store", str(tmp_path / "a.memoria"), "--mentions", "Ann", "--dry-run"]
    )
    assert "1 near" in shown.stderr
    assert near.id[:8] in shown.stderr
    assert "German" in CliRunner().invoke(app, ["eval", "mentions"]).stdout
    printed = json.loads(CliRunner().invoke(app, ["eval", "mentions", "--json"]).stdout)
    assert [one["kind"] for one in printed] == list(TABLE)

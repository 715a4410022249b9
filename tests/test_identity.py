"""What makes two memories one, and what of a forgotten one is refused: text, subject, speaker, session, validity."""

from __future__ import annotations

import hmac
import shutil
import struct
import tarfile
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import memoria
from memoria import KeyConflict, Provenance, Refused
from memoria.canonical import canonical
from memoria.stores.shelves import known_from_bytes, known_to_bytes
from memoria.testing import HashEmbedder
from memoria.text.brief import brief
from memoria.text.fingerprints import Fingerprints, Statement, fingerprint
from memoria.text.sketch import BODY_BYTES, SKETCH_BYTES, asked, sketch
from memoria.transfer.jsonl import export, import_lines
from memoria.types import Where

EMBEDDER = HashEmbedder(32)
KEY = bytes(range(32))
TEXT = "Has had a fever since noon."
AT = datetime(2030, 1, 1, tzinfo=UTC)
TIMES = st.sampled_from([None, AT, AT.astimezone(tz=None), AT + timedelta(days=1)])
IDENTITY: dict[str, st.SearchStrategy[Any]] = {
    "subject": st.sampled_from([None, "Ada", "\uff41DA", "Bob"]),
    "speaker": st.sampled_from([None, "ada", "bob"]),
    "session": st.sampled_from([None, "1", "2"]),
    "valid_from": TIMES,
    "valid_to": st.sampled_from([None, AT + timedelta(days=2), AT + timedelta(days=3)]),
}
# Everything else, its default first.
REST: dict[str, tuple[Any, ...]] = {
    "kind": ("episodic", "semantic"),
    "salience": (None, 0.9),
    "tags": ((), ("chart",)),
    "metadata": ({}, {"chart": 42}),
    "source": (None, "chat"),
}
SAID = st.fixed_dictionaries(IDENTITY | {name: st.sampled_from(values) for name, values in REST.items()})
PLAIN = dict.fromkeys(IDENTITY) | {name: values[0] for name, values in REST.items()}


def fields(said: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `remember` for it."""
    origin = Provenance(**{name: said[name] for name in ("speaker", "session", "source")})
    return {name: said[name] for name in said if name not in ("speaker", "session", "source")} | {"provenance": origin}


def differing(first: dict[str, Any], second: dict[str, Any]) -> set[str]:
    """In what the second is another memory than the first."""
    found = {name for name in IDENTITY if name != "subject" and first[name] != second[name]}
    if canonical(first["subject"] or "") != canonical(second["subject"] or ""):
        found.add("subject")
    return found | {name for name, (plain, _) in REST.items() if second[name] not in (plain, first[name])}


@given(first=SAID, second=SAID)
@example(first=PLAIN, second=PLAIN)
@example(first=PLAIN | {"kind": "semantic", "tags": ("chart",)}, second=PLAIN)
@example(first=PLAIN | {"subject": "Ada"}, second=PLAIN | {"subject": "\uff41DA"})
def test_what_was_recalled_is_not_stored_again_and_whatever_differs_is(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    with memoria.open(":memory:", embedder=EMBEDDER) as memory:
        one = memory.remember(TEXT, **fields(first))
        unheard = memory.remember(TEXT, **fields(second))
        assert unheard.id != one.id
        memory.forget(unheard.id, guard="none")
        memory.recall(TEXT, include=("upcoming", "expired"))
        two = memory.remember(TEXT, **fields(second))
        if differing(first, second):
            assert two.id != one.id
            given = {name: value for name, value in fields(second).items() if name != "salience" or value is not None}
            assert {name: getattr(two, name) for name in given} == given
            assert memory.list() == [one, two]
        else:
            assert (two, memory.list()) == (one, [one])
            assert memory.trace(one.id).retrievals == 2


@given(first=SAID, second=SAID)
@example(first=PLAIN, second=PLAIN)
def test_a_key_is_of_one_memory(first: dict[str, Any], second: dict[str, Any]) -> None:
    with memoria.open(":memory:", embedder=EMBEDDER) as memory:
        one = memory.remember(TEXT, key="k", **fields(first))
        # Under one key, what is not given is not another.
        other = {name for name in differing(first, second) if name.startswith("valid") or second[name] is not None}
        if not other:
            assert memory.remember(TEXT, key="k", **fields(second)) == one
        else:
            for drafts in ([second], [second, first], [first, second]):
                with pytest.raises(KeyConflict) as error:
                    memory.remember_many([memoria.Draft(text=TEXT, key="k", **fields(said)) for said in drafts])
                assert drafts != [second] or all(name in str(error.value) for name in other)
                assert TEXT not in str(error.value)
        with pytest.raises(KeyConflict, match="another text"):
            memory.remember(TEXT.upper(), key="k", **fields(second))
        assert memory.list() == [one]


@pytest.mark.parametrize(
    "change",
    [
        lambda memory, one: memory.amend(one.id, text="Has had a cough since noon."),
        lambda memory, one: memory.amend(one.id, subject="Bob"),
        lambda memory, one: memory.expire(one.id),
        lambda memory, one: memory.archive(one.id),
        lambda memory, one: memory.supersede(one.id, "The fever is gone now."),
        lambda memory, one: memory.forget(one.id, guard="none"),
    ],
)
def test_what_has_changed_since_it_was_recalled_is_stored_again(change: Any) -> None:
    with memoria.open(":memory:", embedder=EMBEDDER) as memory:
        one = memory.remember(TEXT)
        memory.recall(TEXT)
        change(memory, one)
        again = memory.remember(TEXT)
        assert (again.text, again.id != one.id, again.valid_to) == (TEXT, True, None)
        assert again in [hit.memory for hit in memory.recall(TEXT)]


BRIEF = (
    *("Yes.", "No, thanks!", "I don't know.", "I don\u2019t know", "go on", "Selbstverst\u00e4ndlich!", "..."),
    *("\u0434\u0430", "\u0421\u043f\u0430\u0441\u0438\u0431\u043e \u0431\u043e\u043b\u044c\u0448\u043e\u0435!"),
    *(
        "\u03bd\u03b1\u03b9",
        "\u05db\u05df, \u05ea\u05d5\u05d3\u05d4",
        "\u0646\u0639\u0645\u060c \u0634\u0643\u0631\u0627",
    ),
    *("\u0939\u093e\u0901, \u0927\u0928\u094d\u092f\u0935\u093e\u0926", "Evet, te\u015fekk\u00fcrler"),
    *("\u597d\u7684", "\u597d\u7684\uff0c\u8c22\u8c22", "\u6211\u4e0d\u77e5\u9053\u3002"),
    *(
        "\u306f\u3044",
        "\u3042\u308a\u304c\u3068\u3046\u3054\u3056\u3044\u307e\u3059",
        "\u3088\u308d\u3057\u304f\u304a\u9858\u3044\u3057\u307e\u3059",
    ),
    *("\ub124.", "\ub124, \uc54c\uaca0\uc2b5\ub2c8\ub2e4", "\uac10\uc0ac\ud569\ub2c8\ub2e4"),
    *(
        "\u0e43\u0e0a\u0e48\u0e04\u0e23\u0e31\u0e1a",
        "\u0e44\u0e21\u0e48\u0e40\u0e1b\u0e47\u0e19\u0e44\u0e23\u0e04\u0e23\u0e31\u0e1a",
    ),
    *("\u1000\u103b\u1031\u1038\u1007\u1030\u1038\u1010\u1004\u103a\u1015\u102b\u1010\u101a\u103a", "\U0001f44d"),
)
TOLD = (
    *("She lives in Valletta.", "at 5", "hunter2", "ann@mail.org", "x" * 46, "Is allergic to penicillin."),
    *(
        "\u042f \u0436\u0438\u0432\u0443 \u0432 \u041c\u043e\u0441\u043a\u0432\u0435",
        "\u0623\u0646\u0627 \u0623\u0639\u064a\u0634 \u0641\u064a \u0644\u0634\u0628\u0648\u0646\u0629",
    ),
    *(
        "\u5979\u4f4f\u5728\u4e1c\u4eac",
        "\u6771\u4eac\u306b\u4f4f\u3093\u3067\u3044\u307e\u3059",
        "\u79c1\u306f\u7cd6\u5c3f\u75c5\u3067\u3059",
    ),
    *(
        "\uc800\ub294 \uc11c\uc6b8\uc5d0 \uc0b4\uc544\uc694",
        "\u0e09\u0e31\u0e19\u0e2d\u0e22\u0e39\u0e48\u0e17\u0e35\u0e48\u0e01\u0e23\u0e38\u0e07\u0e40\u0e17\u0e1e",
    ),
)


@pytest.mark.parametrize("text", BRIEF)
def test_a_brief_text_comes_back_whatever_was_forgotten(text: str) -> None:
    assert fingerprint(KEY, Statement(text)) == bytes(12)
    with memoria.open(":memory:", embedder=EMBEDDER) as memory:
        for subject in (None, "ada", "ada"):
            for guard in ("exact", "near"):
                one = memory.remember(text, subject=subject)
                memory.forget(one.id, guard=guard)
        assert memory.store.fingerprints(()) == {}
        memory.remember(text, subject="ada")


@pytest.mark.parametrize("guard", ["exact", "near", "none"])
def test_a_brief_text_is_erased_for_good_by_a_process_that_was_killed(guard: Any, tmp_path: Path) -> None:
    """Its slot is empty afterwards, and no fingerprint in it says why."""
    with memoria.open(tmp_path / "a", embedder=EMBEDDER) as memory:
        gone, kept = memory.remember("Yes."), memory.remember("No.")
        memory.forget(gone.id, guard=guard)
        shutil.copytree(tmp_path / "a", tmp_path / "b")
        with memoria.open(tmp_path / "b", embedder=EMBEDDER) as killed:
            assert (killed.doctor(), killed.list()) == ([], [kept])
            killed.remember("Yes.")
        assert (memory.doctor(), memory.list()) == ([], [kept])


@pytest.mark.parametrize("text", TOLD)
def test_what_says_more_is_refused(text: str) -> None:
    with memoria.open(":memory:", embedder=EMBEDDER) as memory:
        memory.forget(memory.remember(text).id)
        for again in (text, text.upper(), unicodedata.normalize("NFD", text)):
            with pytest.raises(Refused):
                memory.remember(again)
        assert memory.remember(text, readmit=True).text == text


WORD = st.text(st.sampled_from("aeiou\u00e9\u0436\u03bb\u05d0"), min_size=1, max_size=15)


@given(st.lists(WORD, max_size=6), st.sampled_from([" ", ", ", "... "]))
def test_three_words_are_brief_and_four_are_not(words: list[str], between: str) -> None:
    said = canonical(between.join(words))
    assume(len(said) <= 60)
    assert brief(said) == (len(words) <= 3)
    assert not brief(said + " 7")


def test_fingerprints_without_a_subject_are_those_of_older_stores() -> None:
    plain = hmac.digest(KEY, f"text\0{canonical(TEXT)}".encode(), "sha256")
    assert fingerprint(KEY, Statement(TEXT)) == plain[:12]
    made = {fingerprint(KEY, Statement(TEXT, subject)) for subject in ("Ada", "ADA", "Bob")}
    assert len(made) == 2
    assert {one[:8] for one in made} == {plain[:8]}
    assert plain[:12] not in made
    assert len({one[8:] for one in made} | {fingerprint(KEY, Statement("Has a cough now, too.", "Ada"))[8:]}) == 3


SUBJECTS = st.sampled_from([None, "Ada", "\uff41DA", "Bob", "Ada B"])


@given(gone=st.lists(SUBJECTS, max_size=3), back=SUBJECTS, near=st.booleans())
def test_of_another_subject_nothing_is_refused(gone: list[str | None], back: str | None, near: bool) -> None:
    with memoria.open(":memory:", embedder=EMBEDDER) as memory:
        for subject in gone:
            one = memory.remember(TEXT, subject=subject, readmit=True)
            memory.forget(one.id, guard="near" if near else "exact")
        # Readmitting one of them takes back what would have refused it.
        kept = [one for place, one in enumerate(gone) if not any(_one(one, later) for later in gone[place + 1 :])]
        again = "has had a fever, since noon!" if near else TEXT.upper()
        if any(_one(one, back) for one in kept):
            with pytest.raises(Refused):
                memory.remember(again, subject=back)
        else:
            assert memory.remember(again, subject=back).subject == back


def _one(first: str | None, second: str | None) -> bool:
    return first is None or second is None or canonical(first) == canonical(second)


LONG = "In the house near the mill, Nora Berg sold candles at the winter market of Oslo."


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("Nora Berg sold candles at the winter market of Oslo, in the house near the mill.", True),
        ("in the house near the mill nora berg sold the candles at the winter market of oslo", True),
        ("In the house near the mill, as Ann says, Nora Berg sold candles at the winter market of Oslo.", True),
        ("In the house near the mill, she sold candles at the winter market of Oslo.", True),
        ("In the house near the mill, Viktor Quist sold candles at the winter market of Oslo.", False),
        ("In the house near the mill, Nora Berg sold candles at the winter market of Bergen.", False),
        ("In the house near the mill, Nora Berg sold 2 candles at the winter market of Oslo.", False),
        ("Nora Berg lives in Oslo.", False),
    ],
)
def test_near_is_what_says_nearly_the_same_of_the_same_people(text: str, near: bool) -> None:
    made = sketch(KEY, LONG)
    assert len(made) == SKETCH_BYTES
    assert asked(KEY, text).near(made) == near
    assert asked(KEY, text, "Nora").near(sketch(KEY, LONG, "NORA")) == near
    assert asked(KEY, text).near(sketch(KEY, LONG, "Nora")) == near
    assert asked(KEY, text, "Nora").near(made) == near
    assert not asked(KEY, text, "Ann").near(sketch(KEY, LONG, "Nora"))


def test_sketches_of_older_stores_refuse_as_before() -> None:
    older = sketch(KEY, LONG)[:BODY_BYTES]
    known = Fingerprints(key=KEY, sketches=frozenset({older}))
    for subject in (None, "Nora", "Ann"):
        assert known.know(Statement(LONG, subject))
        assert known.know(Statement(LONG.replace("Nora Berg", "Viktor Quist"), subject))
    parts = (KEY, b"p" * 24, older * 34)
    entry = struct.pack("<III", *map(len, parts)) + b"".join(parts)
    (found,) = known_from_bytes(entry)
    assert (len(found.prints), found.sketches) == (1, known.sketches)
    assert known_from_bytes(known_to_bytes([found]) or b"") == {found}


def test_tags_of_subjects_and_names_tell_nothing_of_two_sketches() -> None:
    one, other = sketch(KEY, LONG, "Nora"), sketch(KEY, "Nora Berg has been to see Nora Berg.", "Nora")
    ends = [{made[at : at + 4] for at in range(BODY_BYTES, SKETCH_BYTES, 4)} - {bytes(4)} for made in (one, other)]
    assert ends[0].isdisjoint(ends[1])


def test_a_store_of_before_subjects_still_refuses(tmp_path: Path) -> None:
    """Written by the code of commit 0799849.

    Under ("ward",) five texts about "patient 17", three of them forgotten: one exactly, a "Yes.", one nearly.
    """
    with tarfile.open(Path(__file__).with_name("data") / "unlabelled.tar.gz") as packed:
        packed.extractall(tmp_path, filter="data")
    with memoria.open(tmp_path / "unlabelled", embedder=HashEmbedder(16)) as whole:
        ward = whole.namespace("ward")
        for subject in ("patient 17", "patient 42", None):
            for text in (TEXT, "The quick brown fox jumps over a lazy dog at 5!"):
                with pytest.raises(Refused):
                    ward.remember(text, subject=subject)
            ward.remember("Yes.", subject=subject)
        allergy, thanks = ward.list()[:2]
        ward.forget(allergy.id, thanks.id)
        for subject in ("patient 17", "patient 42", None):
            with pytest.raises(Refused):
                ward.remember(allergy.text, subject=subject)
            ward.remember(thanks.text, subject=subject)
        fresh = ward.remember(allergy.text, subject="patient 42", readmit=True)
        ward.forget(fresh.id)
        whole.rebuild()
        assert ward.remember(allergy.text, subject="patient 17").subject == "patient 17"
        with pytest.raises(Refused):
            ward.remember(allergy.text, subject="PATIENT 42")
        assert whole.doctor() == []


@pytest.mark.parametrize("place", [":memory:", "local"])
def test_guards_go_along_with_a_copy_and_keep_an_export_out(place: str, tmp_path: Path) -> None:
    path = place if place == ":memory:" else tmp_path / "a"
    with memoria.open(path, embedder=EMBEDDER) as memory:
        gone, kept = (memory.remember(TEXT, subject=subject) for subject in ("Ada", "Bob"))
        yes = memory.remember("Yes.", subject="Ada")
        lines = list(export(memory.store, Where()))
        memory.forget(gone.id, guard="near")
        memory.forget(kept.id, guard="none")
        memory.forget(yes.id)
        with memoria.open(tmp_path / "b", embedder=EMBEDDER) as other:
            memoria.copy(memory.store, other.store)
            for one in (memory, other):
                assert import_lines(one.store, EMBEDDER, lines).refused == (1,)
                assert [(found.text, found.subject) for found in one.list()] == [(TEXT, "Bob"), ("Yes.", "Ada")]
                for text in (TEXT, "has had a fever, since noon!"):
                    with pytest.raises(Refused):
                        one.remember(text, subject="Ada")
                    one.remember(text, subject="Cy")


def test_a_gist_as_it_was_before_it_lost_a_part_is_refused() -> None:
    with memoria.open(":memory:", embedder=EMBEDDER) as memory:
        parts = memory.remember_many(
            ["Ada lives in Lund today.", "Bob lives in Oslo today.", "Cy lives in Rome today."]
        )
        gist = memory.consolidate(*(one.id for one in parts))
        memory.forget(parts[0].id)
        with pytest.raises(Refused):
            memory.remember(gist.text)
        assert "Lund" not in memory.get(gist.id).text

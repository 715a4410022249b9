"""The canonical form of a text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from memoria.canonical import canonical


@given(st.text(st.characters(max_codepoint=127)))
def test_the_short_way_of_plain_letters_gives_what_the_long_one_does(text: str) -> None:
    assert canonical(f"\u00e9 {text}") == f"\u00e9 {canonical(text)}".strip()


@given(st.text())
def test_it_is_its_own_canonical_form(text: str) -> None:
    once = canonical(text)
    assert canonical(once) == once

"""The recorded flow: a person who never saw it forgets one subject and reads the proof in under ten clicks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.recorded import MARKS, PAGE, pictured, record
from tests.consoled import CHROMIUM

MOST = 300_000
"""Bytes of all pictures of the page together: they are in everybody's copy of the repository."""


def test_one_subject_is_forgotten_and_its_proof_read_in_under_ten_clicks(tmp_path: Path) -> None:
    if CHROMIUM is None:
        pytest.skip("NOT CHECKED in a browser: no chromium here (apt-get install chromium)")
    steps = record(tmp_path)
    clicks = [one.clicks for one in steps]
    assert clicks == sorted(clicks)
    assert clicks[-1] < 10
    page = PAGE.read_text()
    said = re.search(r"in (\d+) clicks", page)
    assert said is not None
    assert clicks[-1] == int(said[1])
    for one in steps:
        assert 2_000 < (tmp_path / one.picture).stat().st_size < 60_000
    assert pictured(page, steps) == page, "the page shows other steps: python -m docs.recorded"


def test_the_page_shows_the_flow_in_small_pictures() -> None:
    shown = PAGE.read_text().split(MARKS[0])[1].split(MARKS[1])[0]
    named = re.findall(r"!\[[^\]]{20,}\]\((.+?)\)", shown)
    assert len(named) == 5
    pictures = [PAGE.parent / one for one in named]
    assert all(one.read_bytes().startswith(b"\x89PNG") for one in pictures)
    assert set(pictures) == set((PAGE.parent / "pictures").iterdir())
    assert sum(one.stat().st_size for one in pictures) < MOST

"""The recorded flow: a person who never saw it forgets one subject and reads the proof in under ten clicks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.recorded import MARK, pictured, record
from tests.consoled import CHROMIUM

PAGE = Path(__file__).parents[1] / "docs" / "letting-go.md"


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
        assert 2_000 < (tmp_path / one.picture).stat().st_size < 150_000
    shown = pictured(page, steps, "pictures")
    assert MARK not in shown
    assert shown.count("![") == len(steps)

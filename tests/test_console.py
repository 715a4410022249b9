"""The console: signing in, and its sections Browse, Why, Time and Lineage, in Chromium."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.consoled import Console


def test_a_section_of_the_example(console: Console) -> None:
    with console.page("example") as page:
        page.fill("#example-name", "Eve <b>")
        page.click("#example .go")
        page.click("dialog .go")
        expect(page.locator("#example-list")).to_contain_text("Eve <b>, there are")
        console.shot(page, "example")

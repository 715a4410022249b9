"""The console: signing in, and its sections Browse, Why, Time and Lineage, in Chromium.

Pictures of a run are in the folder MEMORIA_SHOTS, if there is one. axe-core comes from a package of PyPI, pinned by
the hash of the script.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import memoria
from memoria.console.pages import HEADERS, assets, rendered
from memoria.console.sections import SECTIONS
from memoria.service.sessions import CODE_SECONDS, SESSION_SECONDS, Sessions
from memoria.service.tokens import Caller
from tests.axed import axe, looked
from tests.consoled import BIDI, SCRIPT, Console, consoling, seen, so, watched
from tests.test_service import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request, Route

WIDTHS = (1280, 360)
"""A desk and a telephone."""
MINE = ("browse", "why", "time", "lineage")
QUESTION = "How does Ada drink her tea?"


def cards(page: Page, section: str = "browse") -> list[str]:
    return page.locator(f"#{section}-list .said").all_inner_texts()


def settled(page: Page) -> None:
    """Waits until the first page and the counts are there."""
    page.wait_for_selector("#browse-list li")
    page.wait_for_selector("#browse-names details")
    seen(page, "#browse-heading", "memor")


# -- Browse --


def test_what_there_is_and_counts_that_agree(console: Console) -> None:
    with console.page("browse") as page:
        settled(page)
        seen(page, "#browse-heading", "72 memories")
        assert "app/ada" in page.inner_text("#browse-list")
        kinds = page.locator("#browse-names details").first.locator("li").all_inner_texts()
        assert sum(int(one.split()[-1]) for one in kinds) == 72
        page.click("#browse-names button:has-text('plants')")
        seen(page, "#browse-heading", "60 memories")
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        so(page, "document.querySelectorAll('#browse-list > li').length === 60")
        assert page.locator("#browse-more").is_hidden()
        assert page.get_attribute("#browse-names button:has-text('plants')", "aria-pressed") == "true"
        page.click("#browse-filters summary")
        page.select_option("#browse-state", "archived")
        seen(page, "#browse-heading", "1 memory")
        assert page.locator("#browse-list .badge").all_inner_texts() == ["archived"]
        page.click("#browse-form button[type=reset]")
        seen(page, "#browse-heading", "72 memories")


def test_pages_follow_a_cursor_to_the_end(console: Console) -> None:
    with console.page("browse") as page:
        settled(page)
        asked: list[dict[str, Any]] = []

        def heard(one: Request) -> None:
            if one.url.endswith("/v1/browse"):
                asked.append(one.post_data_json or {})

        page.on("request", heard)
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        so(page, "document.querySelectorAll('#browse-list > li').length === 72")
        assert page.locator("#browse-more").is_hidden()
        assert [one.keys() >= {"before"} for one in asked] == [True]
        texts = cards(page)
        assert texts[0].startswith("Ada lives in York")
        page.click("#browse-filters summary")
        page.select_option("#browse-order", "oldest")
        # Two are of the same moment.
        first = "document.querySelector('#browse-list .said').textContent"
        so(page, f"/^Ada (takes her tea|watered plant number 0)/.test({first})")


def test_search_as_one_types_says_why(console: Console) -> None:
    with console.page("browse") as page:
        settled(page)
        page.locator("#browse-query").press_sequentially("tea without sugar", delay=5)
        page.wait_for_selector("#browse-list .stack")
        assert cards(page)[0] == "Ada takes her tea without sugar."
        need = page.locator("#browse-list .need").first.inner_text()
        assert re.match(r"Need \d+\.\d\d, wanted with probability 0\.\d\d: \w[\w ]* [+\u2212]\d", need)
        assert page.locator("#browse-legend li").count() > 3
        page.fill("#browse-query", "")
        seen(page, "#browse-heading", "72 memories")
        assert page.locator("#browse-list .stack").count() == 0


def test_a_search_that_took_too_long_is_asked_again(console: Console) -> None:
    """What the store has made ready for it by then stays so."""
    asked: list[str] = []

    def slow(route: Route) -> None:
        asked.append(route.request.post_data or "")
        if len(asked) < 3:
            route.fulfill(status=504, content_type="application/problem+json", body='{"title": "Too slow"}')
        else:
            route.continue_()

    with console.page("browse", errors=True) as page:
        settled(page)
        page.route("**/v1/search", slow)
        page.fill("#browse-query", "tea without sugar")
        page.wait_for_selector("#browse-list .stack")
        assert cards(page)[0] == "Ada takes her tea without sugar."
        assert len(asked) == 3
        assert len(set(asked)) == 1
        assert "Too slow" not in page.inner_text("body")


def test_a_namespace_is_chosen_by_keyboard_for_all_sections(console: Console) -> None:
    with console.page("browse") as page:
        settled(page)
        page.focus("#scope")
        page.keyboard.press("Enter")
        page.wait_for_selector("#scope-list button")
        page.keyboard.type("app/b")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        seen(page, "#browse-heading", "1 memory")
        assert cards(page) == ["Bob hides the xylophone in the lighthouse."]
        page.keyboard.press("Control+Home")
        console.go(page, "why")
        page.fill("#why-query", QUESTION)
        page.keyboard.press("Enter")
        page.wait_for_selector("#why-hits .stack")
        assert "Ada" not in page.inner_text("#why-hits")


def test_hostile_memories_are_text(console: Console) -> None:
    with console.page("browse") as page:
        page.on("dialog", lambda one: pytest.fail(f"a script ran: {one.message}"))
        settled(page)
        texts = cards(page)
        assert f"{SCRIPT} is only text" in texts
        assert page.locator("#browse img, #browse script").count() == 0
        bidi = next(one for one in texts if one.startswith("pay"))
        assert "U+202E" in bidi
        assert "U+001B" in bidi
        assert not set(bidi) & set(re.sub(r"[ -~]", "", BIDI))
        for name in ("script", "bidi"):
            for section in ("time", "lineage"):
                console.go(page, section, console.ids[name])
                seen(page, f"#{section}-card .said", {"script": "is only text", "bidi": "U+202E"}[name])
        label = page.get_attribute("#lineage-graph [aria-current]", "aria-label")
        assert label is not None
        assert "[U+202E]" in label


def test_a_line_of_a_megabyte_opens_whole(console: Console) -> None:
    with console.page("browse") as page:
        settled(page)
        page.click("button:has-text('Show all 1,048,576 characters')")
        page.wait_for_selector("dialog [data-whole=yes]")
        text = page.evaluate("document.querySelector('dialog .big').textContent")
        assert len(text) == 1 << 20
        assert text.endswith(" the end")
        page.keyboard.press("Escape")
        assert page.locator("dialog[open]").count() == 0
        assert page.evaluate("document.activeElement.textContent").startswith("Show all")


# -- Why --


def test_scores_in_parts_and_the_prompt_in_tokens(console: Console) -> None:
    with console.page("why") as page:
        page.fill("#why-query", "Where is the boat?")
        page.fill("#why-budget", "40")
        page.keyboard.press("Enter")
        page.wait_for_selector("#why-table td", state="attached")
        assert page.locator("#why-hits > li").count() == 5
        assert page.locator("#why-runners-list > li").count() == 5
        rows = page.locator("#why-table tbody tr").evaluate_all(
            "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
        )
        for _, need, _, *terms in rows:
            assert sum(float(one) for one in terms if one) == pytest.approx(float(need), abs=0.03)
        assert any(float(one) < 0 for row in rows for one in row[3:] if one)
        # A bar begins left of the line where something speaks against a memory.
        bars = page.locator("#why-hits .stack").evaluate_all(
            "all => all.map(one => [one.querySelectorAll('rect').length, Math.min(...[...one.querySelectorAll('rect')]"
            ".map(r => r.x.baseVal.value)) < one.querySelector('line').x1.baseVal.value - 1])"
        )
        assert all(count > 2 for count, _ in bars)
        assert [left for _, left in bars] == [any(float(x) < -0.02 for x in row[3:] if x) for row in rows[:5]]
        said = re.match(r"(\d+) notes?, (\d+) of 40 tokens; (\d) did not fit\.", page.inner_text("#why-prompt-said"))
        assert said is not None
        notes, tokens, out = map(int, said.groups())
        assert notes + out == 5
        assert tokens <= 40
        cells = page.locator("#why-notes tbody td.num").all_inner_texts()
        assert sum(map(int, cells[:notes])) == tokens
        assert page.inner_text("#why-notes").count("does not fit") == out


def test_what_a_memory_was_made_from(console: Console) -> None:
    with console.page("browse") as page:
        settled(page)
        page.fill("#browse-query", "boat at pier 7")
        page.wait_for_selector("#browse-list .stack")
        page.click(f"[data-id='{console.ids['gist']}'] button:has-text('Made from')")
        seen(page, "#why-prompt-said", "2 notes, 31 tokens")
        page.click("#why-prompt summary")
        assert page.inner_text("#why-text").splitlines() == [
            "- 2026-11-02 Ada: The boat is called Rowan and lies at pier 7.",
            "- 2026-11-03 Ada: Rowan keeps the spare key of the boat.",
        ]


def test_asking_strengthens_nothing(console: Console) -> None:
    with console.page("time") as page:
        console.go(page, "time", console.ids["cake"])
        seen(page, "#time-said", "0 uses and 0 lapses")
        console.go(page, "why")
        page.fill("#why-query", "Who bakes a lemon cake?")
        page.click("#why-form .go")
        seen(page, "#why-hits", "lemon cake")
        console.go(page, "time", console.ids["cake"])
        seen(page, "#time-said", "0 uses and 0 lapses")


# -- Time --


def test_as_of_a_day(console: Console) -> None:
    with console.page("time") as page:
        page.wait_for_selector("#time-list li")
        assert "Ada lives in York" in page.inner_text("#time-list")
        assert "Ada lives in Leeds" not in page.inner_text("#time-list")
        page.fill("#time-at", "2026-11-02T00:00")
        so(page, "!document.querySelector('#time-list').textContent.includes('York')")
        seen(page, "#time-then", "2026-11-02 00:00")
        page.fill("#time-query", "Where does Ada live?")
        page.keyboard.press("Enter")
        seen(page, "#time-list", "Ada lives in Leeds")
        page.fill("#time-query", "")
        page.focus("#time-slider")
        page.keyboard.press("Home")
        so(page, "document.querySelectorAll('#time-list > li').length <= 2")
        assert page.get_attribute("#time-slider", "aria-valuetext") == page.input_value("#time-at").replace("T", " ")


def test_chains_curves_and_uses(console: Console) -> None:
    with console.page("time") as page:
        console.go(page, "time", console.ids["leeds"])
        page.wait_for_selector("#time-chain li")
        assert page.locator("#time-chain li").count() == 2
        assert "(ended)" in page.locator("#time-chain li").first.inner_text()
        page.click("#time-chain button")
        so(page, f"location.hash === '#time/{console.ids['york']}'")
        console.go(page, "time", console.ids["tea"])
        seen(page, "#time-said", "3 uses and 0 lapses")
        assert page.locator("#time-curve path").count() == 2
        page.click("#time-uses summary")
        assert page.locator("#time-uses li").all_inner_texts()[0].endswith("stored")
        assert page.locator("#time-uses li").count() == 4
        assert page.locator("#time-curve line[style*='--good']").count() == 4
        due = re.search(r"due to fade on (\S+)", page.inner_text("#time-said"))
        assert due is not None
        assert f"due {due[1]}" in page.locator("#time-curve text").all_text_contents()
        page.click("#time-kept")
        seen(page, "#time-why", "it stays at Budget(count=")


def test_what_fades_next_and_what_never_does(console: Console) -> None:
    with console.page("time") as page:
        seen(page, "#time-fading", "Nothing fades within 7 days.")
        page.fill("#time-days", "3000")
        page.keyboard.press("Enter")
        seen(page, "#time-due", "Ada watered plant")
        assert "dentist" not in page.inner_text("#time-due")
        seen(page, "#time-pinned", "The dentist sees Ada")
        seen(page, "#time-held", "Because: an insurer asks")


# -- Lineage --


def test_lineage_both_ways_by_keyboard(console: Console) -> None:
    with console.page("browse") as page:
        settled(page)
        console.go(page, "lineage", console.ids["boat"])
        page.wait_for_selector("#lineage-graph [aria-current]")
        page.focus(f"#lineage-graph [data-id='{console.ids['boat']}']")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        so(page, f"location.hash === '#lineage/{console.ids['gist']}'")
        seen(page, "#lineage-said", "3 memories, 2 links.")
        page.focus(f"#lineage-graph [data-id='{console.ids['gist']}']")
        page.keyboard.press("ArrowLeft")
        assert page.evaluate("document.activeElement.dataset.id") in (console.ids["boat"], console.ids["ring"])
        page.click("#lineage-list summary")
        assert "was made into" in page.inner_text("#lineage-list")
        # Sources stand left of what was made of them.
        x = page.locator("#lineage-graph rect").evaluate_all("all => all.map(one => one.x.baseVal.value)")
        assert sorted(x) == [12, 12, 312]
        console.go(page, "lineage", console.ids["york"])
        seen(page, "#lineage-list", "was superseded by")


# -- the page itself --


def test_all_by_keyboard_and_focus_is_seen(console: Console) -> None:
    with console.page("browse") as page:
        settled(page)
        page.goto(f"{console.url}/console")
        settled(page)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "browse-query"
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
        page.focus("#sections a[href='#why']")
        page.keyboard.press("Enter")
        so(page, "document.activeElement.id === 'why-title'")
        assert page.title() == "Why - memoria"
        assert page.locator("#sections [aria-current]").all_inner_texts() == ["Why"]


@pytest.mark.parametrize("width", WIDTHS)
def test_how_it_looks_and_what_axe_finds(console: Console, width: int) -> None:
    script = axe()
    with console.page("browse", width=width, height=800) as page:
        settled(page)
        page.fill("#browse-query", QUESTION)
        page.wait_for_selector("#browse-list .stack")
        looked(console, page, script, f"browse-{width}")
        console.go(page, "why")
        page.fill("#why-query", "Where is the boat?")
        page.click("#why-form .go")
        page.wait_for_selector("#why-notes td")
        looked(console, page, script, f"why-{width}")
        console.go(page, "time", console.ids["tea"])
        page.wait_for_selector("#time-curve path")
        page.wait_for_selector("#time-held li")
        looked(console, page, script, f"time-{width}")
        console.go(page, "lineage", console.ids["gist"])
        page.wait_for_selector("#lineage-card .said")
        looked(console, page, script, f"lineage-{width}")
        page.click("#scope")
        page.wait_for_selector("#scope-list button")
        looked(console, page, script, f"scope-{width}")


def test_axe_finds_what_is_wrong(console: Console) -> None:
    """The control: a page with two faults, of which both are found."""
    script = axe()
    with console.page("why") as page:
        page.evaluate("document.querySelector('label[for=why-query]').remove()")
        page.evaluate("document.querySelector('#why .lead').style.color = '#ddd'")
        with pytest.raises(AssertionError, match=r"color-contrast.*label|label.*color-contrast"):
            looked(console, page, script, "wrong")


# -- what must not be --


def test_content_is_in_no_address_log_or_storage(console: Console) -> None:
    """Every address asked for, the address bar, the history, the log and all that a browser stores for a site."""
    with console.page("browse") as page:
        asked: list[str] = []
        page.on("request", lambda one: asked.append(f"{one.url} {one.headers.get('referer', '')}"))
        settled(page)
        page.fill("#browse-query", "xylophone in the lighthouse")
        page.wait_for_selector("#browse-list .stack")
        page.click("#browse-filters summary")
        page.fill("#browse-subject", "plants")
        page.keyboard.press("Tab")
        console.go(page, "why")
        page.fill("#why-query", "xylophone in the lighthouse")
        page.keyboard.press("Enter")
        page.wait_for_selector("#why-hits .stack")
        console.go(page, "time", console.ids["bob"])
        page.wait_for_selector("#time-curve path")
        kept = page.evaluate(
            "async () => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href, "
            "history.state, await indexedDB.databases(), await caches.keys(), document.title])"
        )
        whole = "\n".join([*asked, kept, console.log.read_text(), json.dumps(page.context.storage_state()["origins"])])
        assert len(asked) > 10
        assert not re.search(r"xylophone|lighthouse|plants|insurer|sugar", whole)
        assert json.loads(kept)[:3] == [{}, {}, ""]
        (cookie,) = page.context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        assert cookie["value"] not in whole


def test_a_breach_of_the_policy_would_be_seen(console: Console) -> None:
    """The control of `watched`: markup from a text and a picture from elsewhere are refused, and the log says so."""
    with console.page("browse", errors=True) as page:
        broken = watched(page)
        page.evaluate(
            "document.body.append(Object.assign(document.createElement('img'), {src: 'http://example.com/'}))"
        )
        page.evaluate("try { document.body.innerHTML = '<b>x</b>' } catch (error) { console.error(error.message) }")
        page.wait_for_timeout(100)
        assert len([one for one in broken if re.search("Content Security Policy|TrustedHTML", one)]) >= 2


def test_every_answer_has_the_policy_and_nothing_is_inline(console: Console) -> None:
    paths = ["/console", *(f"/console/{name}" for name in assets())]
    for path in paths:
        answer = httpx.get(console.url + path)
        assert answer.status_code == 200
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    page = rendered()
    assert not re.search(r"<style|\son\w+=|style=|javascript:|<script(?! type=\"module\" src=\"/console/)", page)
    assert not re.findall(r"(?:src|href)=\"(?!/console/|#)", page)
    everything = b"".join(assets().values()).decode()
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|localStorage|sessionStorage", everything
    )
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", everything)
    assert {one.name for one in SECTIONS} >= set(MINE)
    assert httpx.get(f"{console.url}/console/%2e%2e/pyproject.toml").status_code in (401, 404)


def test_other_origins_and_other_names_get_nothing(console: Console) -> None:
    """What a page of another origin can send with the cookie, and what a name that was rebound to us gets."""
    with console.page("browse") as page:
        (cookie,) = page.context.cookies()
    own = {"Cookie": f"{cookie['name']}={cookie['value']}"}
    body: dict[str, Any] = {"namespace": []}

    def status(**headers: str) -> int:
        return httpx.post(f"{console.url}/v1/browse", json=body, headers={**own, **headers}).status_code

    page_header = {"memoria-console": "1"}
    assert status(**page_header) == 200
    assert status(**page_header, origin=console.url) == 200
    assert status() == 403
    assert status(**page_header, origin="http://evil.example") == 403
    assert status(**page_header, origin="http://127.0.0.1:1") == 403
    assert status(**page_header, origin="null") == 403
    assert status(**page_header, **{"sec-fetch-site": "cross-site"}) == 403
    assert status(**page_header, host="evil.example") == 421
    assert httpx.get(f"{console.url}/console", headers={"host": "evil.example:80"}).status_code == 421
    assert httpx.post(f"{console.url}/v1/browse", json=body, headers=page_header).status_code == 401
    wrong = {"Cookie": f"{cookie['name']}=x"} | page_header
    assert httpx.post(f"{console.url}/v1/browse", json=body, headers=wrong).status_code == 401
    cross = httpx.options(f"{console.url}/v1/browse", headers={"origin": "http://evil.example"})
    assert "access-control-allow-origin" not in cross.headers


def test_a_code_works_once_and_ends_and_so_does_a_session() -> None:
    now = 0.0
    sessions = Sessions(None, clock=lambda: now)
    caller = Caller(digest="", namespace=("app",))
    code = sessions.code(caller)
    assert sessions.by_code("wrong") is None
    assert sessions.by_code(code) is not None
    assert sessions.by_code(code) is None
    late = sessions.code(caller)
    now += CODE_SECONDS + 1
    assert sessions.by_code(late) is None
    assert sessions.by_token("memoria_anything") is None
    assert SESSION_SECONDS <= 12 * 3600


def two(store: Path) -> None:
    """A small store of two people."""
    with memoria.open(store) as whole:
        whole.namespace("app", "ada").remember("Ada takes her tea without sugar.", subject="tea")
        whole.namespace("app", "bob").remember("Bob hides the xylophone in the lighthouse.")


def test_signing_out_ends_the_session(browser: Browser, tmp_path: Path) -> None:
    """And the code in the address leaves it at once, worth nothing a second time; the log has neither."""
    two(tmp_path / "a.memoria")
    with consoling(tmp_path / "a.memoria", "--namespace", "app/bob") as (url, code, log):
        with browser.new_context() as context:
            page = context.new_page()
            page.goto(f"{url}/console#code={code}")
            seen(page, "#browse-heading", "1 memory")
            assert page.url == f"{url}/console"
            (cookie,) = context.cookies()
            page.click("#sign-out")
            page.wait_for_selector("#sign-in:not([hidden])")
            assert page.locator("#browse").is_hidden()
            headers = {"Cookie": f"{cookie['name']}={cookie['value']}", "memoria-console": "1"}
            assert httpx.get(f"{url}/console/session", headers=headers).status_code == 401
            page.goto(f"{url}/console#code={code}")
            page.reload()
            page.wait_for_selector("#sign-in:not([hidden])")
        said = log.read_text().partition("\n")[2]
        assert code not in said
        assert cookie["value"] not in log.read_text()


def test_a_token_signs_in_and_another_tenants_sees_nothing(browser: Browser, tmp_path: Path) -> None:
    two(tmp_path / "a.memoria")
    with serving(tmp_path, "--ui", tokens=("app/ada", "app/eve")) as server, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{server.url}/console")
        page.wait_for_selector("#sign-in:not([hidden])")
        page.fill("#token", "memoria_wrong")
        page.keyboard.press("Enter")
        seen(page, "#alerts", "No such token.")
        page.fill("#token", server.tokens["app/eve"])
        page.keyboard.press("Enter")
        page.wait_for_selector("#browse-empty:not([hidden])")
        assert cards(page) == []
        assert "Ada" not in page.inner_text("body")
        ada = server.post("app/ada", "/v1/browse", subject="tea")["memories"][0]["memory"]["id"]
        for section in ("time", "lineage", "why"):
            page.evaluate("to => { location.hash = to; }", f"{section}/{ada}")
            seen(page, "#alerts", "No such memory")
            page.click("#alerts button >> nth=-1")
            assert "sugar" not in page.inner_text(f"#{section}")
        page.evaluate("location.hash = 'browse'")
        # A token that is taken out of the file ends its sessions.
        (tmp_path / "tokens").write_text(json.dumps({"tokens": []}))
        page.reload()
        page.wait_for_selector("#sign-in:not([hidden])")
        told = (tmp_path / "log").read_text()
        assert not [token for token in server.tokens.values() if token in told]
        assert os.environ.get("MEMORIA_SHOTS") is None or Path(os.environ["MEMORIA_SHOTS"]).is_dir()

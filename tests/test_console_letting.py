"""The console: Letting go, Night, Policies, My data and Ledger, in Chromium. Pictures of a run are in MEMORIA_SHOTS."""

from __future__ import annotations

import json
import os
import select
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.sync_api import expect

from memoria.service.tokens import mint
from tests.axed import axe, looked
from tests.consoled import BIDI, SCRIPT, Console
from tests.test_service import serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect.set_options(timeout=20_000)
WIDTHS = (1280, 360)
"""A desk and a telephone."""
ASK = """async ([method, path, body]) => {
  const headers = { "Memoria-Console": "1", "Content-Type": "application/json" };
  const answer = await fetch(path, { method, headers, body: body === null ? undefined : JSON.stringify(body) });
  return [answer.status, await answer.json().catch(() => null)];
}"""


def ask(page: Page, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """What the API answers to this page."""
    status, found = page.evaluate(ASK, [method, path, body])
    assert status < 400, (path, status, found)
    return found


def told(page: Page, subject: str, *texts: str, home: tuple[str, ...] = ("app", "ada"), **more: Any) -> list[str]:
    """Memories about a subject of its own, stored by the API; their ids."""
    drafts = [{"text": text, "subject": subject, **more} for text in texts]
    found = ask(page, "POST", "/v1/memories/batch", {"namespace": list(home), "memories": drafts})
    return [one["id"] for one in found["memories"]]


def there(page: Page, id: str) -> bool:
    """Whether it is there: asked beside the page, whose log would name a 404."""
    address = page.url.split("/console")[0]
    answer = page.context.request.get(f"{address}/v1/memories/{id}", headers={"Memoria-Console": "1"})
    return answer.status == 200


def planned(page: Page, subject: str) -> None:
    """Looks at what would go of a subject."""
    page.fill("#letting-subject", subject)
    page.click("#letting-form .go")
    page.wait_for_selector("#letting-plan h2")


def let_go(page: Page, word: str) -> None:
    """Says yes by a typed word, and waits for the proof."""
    page.click("#letting-plan .danger")
    page.fill("dialog[open] input[type=text]", word)
    page.click("dialog[open] .danger")
    page.wait_for_selector("#letting-proof table")


def scoped(page: Page, name: str) -> None:
    page.click("#scope")
    page.click(f"#scope-list button:has-text('{name}')")


@pytest.fixture
def page(console: Console) -> Iterator[Page]:
    with console.page() as found:
        yield found


# -- Letting go --


def test_one_subject_is_let_go_and_its_proof_read(console: Console, page: Page) -> None:
    ids = told(page, "harbour", "The harbour opens at six.", "The harbour master is called Ines.")
    kept = told(page, "market", "The market opens at nine.")
    console.go(page, "letting")
    planned(page, "harbour")
    expect(page.locator("#letting-plan h2")).to_have_text("2 memories would go, for ever")
    card = page.locator("#letting-plan .cards > li").first
    assert "opens at six" not in page.inner_text("#letting-plan")
    card.locator("button").click()
    expect(card).to_contain_text("The harbour opens at six.")
    page.click("#letting-plan .danger")
    yes = page.locator("dialog[open] .danger")
    page.fill("dialog[open] input[type=text]", "harbou")
    expect(yes).to_be_disabled()
    page.fill("dialog[open] input[type=text]", "harbour")
    yes.click()
    page.wait_for_selector("#letting-proof .badge.good:has-text('signature verified')")
    text = page.inner_text("#letting-proof")
    assert "2 memories are forgotten" in text
    assert "nothing is left" in text
    before, after, control = page.locator("#letting-proof tbody").first.locator("tr").all_inner_texts()
    assert int(before.split("\t")[-1].split(" of ")[0]) > 0
    assert after.split("\t")[-1].startswith("0 of ")
    assert int(control.split("\t")[-1].split(" of ")[0]) > 0
    with page.expect_download() as saved:
        page.click("button:has-text('Save the receipt')")
    receipt = Path(saved.value.path()).read_bytes()
    assert len(receipt) > 200
    assert not [id for id in ids if there(page, id)]
    assert there(page, kept[0])
    # The file that was saved is genuine, and one that was changed is not.
    console.go(page, "ledger")
    page.wait_for_selector("#ledger-list li")
    forged = receipt[:-3] + bytes([receipt[-3] ^ 1]) + receipt[-2:]
    for data, said in ((receipt, "It is line"), (forged, "not genuine")):
        page.set_input_files("#ledger-receipt", {"name": "r.cose", "mimeType": "application/cose", "buffer": data})
        expect(page.locator("#ledger-genuine")).to_contain_text(said)
    console.shot(page, "ledger-receipt")


def test_it_is_let_go_by_keyboard_alone(console: Console, page: Page) -> None:
    (id,) = told(page, "keyboard", "It was said by keys alone.")
    page.locator("#sections a[href='#letting']").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#letting-subject:visible")
    page.locator("#letting-subject").focus()
    page.keyboard.type("keyboard")
    page.keyboard.press("Enter")
    page.wait_for_selector("#letting-plan h2")
    assert page.evaluate("document.activeElement.tagName") == "H2"
    for _ in range(2):  # the text of the one memory; letting go
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Let go …"
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Tab")
    page.keyboard.type("keyboard")
    page.keyboard.press("Enter")
    page.wait_for_selector("#letting-proof .badge.good:has-text('signature verified')")
    assert not there(page, id)


def test_what_has_changed_since_is_not_erased(console: Console, page: Page) -> None:
    (id,) = told(page, "tide", "The tide turns at noon.")
    console.go(page, "letting")
    planned(page, "tide")
    (later,) = told(page, "tide", "The tide turned late today.")
    page.click("#letting-plan .danger")
    page.fill("dialog[open] input[type=text]", "tide")
    page.click("dialog[open] .danger")
    expect(page.locator("#alerts")).to_contain_text("nothing was erased")
    expect(page.locator("#letting-plan h2")).to_have_text("2 memories would go, for ever")
    assert there(page, id)
    assert there(page, later)


def test_a_hold_stands_against_it(console: Console, page: Page) -> None:
    console.go(page, "letting")
    planned(page, "boat")
    expect(page.locator("#letting-plan .alert")).to_contain_text("under a hold")
    expect(page.locator("#letting-plan .danger")).to_be_disabled()
    assert there(page, console.ids["boat"])


def test_memories_are_chosen_one_by_one_and_what_was_made_from_them_goes(console: Console, page: Page) -> None:
    first, second = told(page, "bees", "The bees of the abbey sleep.", "The bees of the abbey wake in March.")
    draft = {"text": "In March there is honey.", "derived_from": [second]}
    made = ask(page, "POST", "/v1/memories", {"namespace": ["app", "ada"], "memory": draft})["id"]
    console.go(page, "letting")
    page.fill("#letting-find", "When do the bees of the abbey wake?")
    page.check(f"#pick-{second}")
    expect(page.locator("#letting-count")).to_have_text("1 memory is chosen")
    page.click("#letting-form .go")
    expect(page.locator("#letting-plan h2")).to_have_text("2 memories would go, for ever")
    expect(page.locator("#letting-plan .badge.warn")).to_have_text("made from what goes")
    let_go(page, "2")
    assert [there(page, id) for id in (first, second, made)] == [True, False, False]


def test_gists_are_shown_as_they_will_be(console: Console, page: Page) -> None:
    said = [
        "The lamp on the quay is lit at five.",
        "The lamp on the quay is lit at six.",
        "The lamp on the quay is red.",
    ]
    told(page, "lamp", *said, home=("gists",))
    things = ask(page, "POST", "/v1/night/plan", {"namespace": ["gists"]})["things"]
    (key,) = (one["key"] for one in things if one["what"] == "gather")
    ask(page, "POST", "/v1/night", {"namespace": ["gists"], "only": [key]})
    console.go(page, "letting")
    console.go(page, "mydata")
    page.fill("#mydata-names", "lamp")
    page.click("#mydata-form .go")
    expect(page.locator("#mydata-about h3").first).to_have_text("3 memories are about them")
    console.go(page, "letting")
    page.fill("#letting-mentions", "five")
    scoped(page, "gists")
    page.fill("#letting-mentions", "five")
    page.click("#letting-form .go")
    expect(page.locator("#letting-plan")).to_contain_text("1 gist is made again without it")
    rewritten = page.locator("#letting-plan li:has-text('As it will be')")
    assert "five" not in rewritten.inner_text()
    rewritten.locator("button").click()
    expect(rewritten).to_contain_text("lit at five")
    console.shot(page, "letting-gist")


def test_the_scan_is_seen_running_over_the_files(console: Console, page: Page) -> None:
    (id,) = told(page, "ballast", "The ballast is sand.")
    heavy = [console.store / f"ballast{n}" for n in range(3)]
    for path in heavy:
        path.write_bytes(os.urandom(1 << 20) * 24)
    try:
        console.go(page, "letting")
        planned(page, "ballast")
        page.click("#letting-plan .danger")
        page.fill("dialog[open] input[type=text]", "ballast")
        page.click("dialog[open] .danger")
        meter = page.locator("#letting-proof .meter").first.locator("p")
        expect(meter).to_contain_text(" of ")
        seen = meter.inner_text()
        console.shot(page, "letting-scan")
        page.wait_for_selector("#letting-proof table", timeout=60_000)
    finally:
        for path in heavy:
            path.unlink()
    assert "file " in seen or "found" in seen, seen
    assert not there(page, id)


# -- Ledger --


def test_the_ledger_is_verified_and_a_receipt_read(console: Console, page: Page) -> None:
    for id in told(page, "lines", *(f"Line {n} of the ledger." for n in range(3))):
        ask(page, "DELETE", f"/v1/memories/{id}")
    console.go(page, "ledger")
    page.wait_for_selector("#ledger-list li")
    page.click("#ledger-verify")
    expect(page.locator("#ledger-checked .badge.good")).to_have_text("genuine")
    page.locator("#ledger-list li").first.locator("button:has-text('Receipt')").click()
    expect(page.locator("dialog[open] table")).to_contain_text("Cryptographic Erase")
    page.keyboard.press("Escape")
    page.click("#ledger-key")
    expect(page.locator("dialog[open] pre")).to_contain_text("BEGIN PUBLIC KEY")
    page.keyboard.press("Escape")
    with page.expect_download() as saved:
        page.click("#ledger-export")
    assert Path(saved.value.path()).stat().st_size > 200
    assert "Line 1" not in page.inner_text("#ledger")


# -- Night --


def test_a_night_is_looked_at_and_one_thing_of_it_is_done(console: Console, page: Page) -> None:
    cats = told(page, "cat", "The cat sleeps on the mat.", "The cat sleeps on the mat again.", home=("night",))
    rain = told(page, "rain", "The rain falls on the barn.", "The rain falls on the barn today.", home=("night",))
    console.go(page, "night")
    scoped(page, "night")
    page.click("#night-form .go")
    expect(page.locator("#night-plan h2")).to_have_text("A night would do 2 things")
    first = page.locator("#night-plan .cards > li").first
    first.locator("button").first.click()
    expect(first).to_contain_text("sleeps on the mat")
    console.shot(page, "night-plan")
    first.locator("input").check()
    expect(page.locator("#night-plan button.go")).to_have_text("Do what is chosen (1)")
    page.click("#night-plan button.go")
    page.click("dialog[open] .go")
    expect(page.locator("#toasts")).to_contain_text("Done: 1 gist.")
    expect(page.locator("#night-plan h2")).to_have_text("A night would do 1 thing")
    listed = ask(page, "POST", "/v1/list", {"namespace": ["night"]})["memories"]
    assert sorted(len(one["parts"]) for one in listed) == [0, 0, 2]
    assert {part["id"] for one in listed for part in one["parts"]} == set(cats)
    page.check("#night-all")
    page.click("#night-plan button.go")
    page.click("dialog[open] .go")
    expect(page.locator("#night-plan h2")).to_have_text("A night would do nothing")
    assert all(there(page, id) for id in (*cats, *rain))


def test_facts_wait_for_a_yes(console: Console, page: Page) -> None:
    console.go(page, "night")
    page.check("#night-switch")
    expect(page.locator("#toasts")).to_contain_text("waits for a yes")
    (message,) = told(page, "talk", "I moved to Lund in May, and my sister Eva works there.")
    kept, gone = told(page, "Lund", "Ada lives in Lund.", "Eva is a pilot.", source="extracted", derived_from=[message])
    page.reload()
    page.wait_for_selector("#night:not([hidden])")
    expect(page.locator("#night-facts li")).to_have_count(2)
    page.locator(f"#night-facts li:has(#fact-{kept}) button").click()
    expect(page.locator("#night-facts")).to_contain_text("I moved to Lund in May")
    console.shot(page, "night-facts")
    page.check(f"#fact-{kept}")
    page.click("#night-keep")
    expect(page.locator("#night-facts li")).to_have_count(1)
    page.check(f"#fact-{gone}")
    page.click("#night-decline")
    page.click("dialog[open] .danger")
    expect(page.locator("#night-none")).to_be_visible()
    assert (there(page, kept), there(page, gone)) == (True, False)
    # A gist waits too: it is done as it is shown, or never proposed again.
    shown = page.locator("#night-plan .cards > li")
    for n, text in enumerate(("The cat sleeps on the mat", "The rain falls on the barn"), 1):
        told(page, "gists", f"{text}.", f"{text} today.", home=("review",))
        assert ask(page, "POST", "/v1/sleep", {"namespace": ["review"]})["unaccepted"] == 1
        if n == 1:
            scoped(page, "review")
        page.click("#night-form .go")
        expect(shown).to_contain_text(f"It would say:{text}.")
        console.shot(page, f"night-review-{n}")
        shown.locator("input").check()
        page.click("#night-plan button:has-text('Never do these (1)')" if n == 1 else "#night-plan button.go")
        page.click("dialog[open] .go")
        expect(page.locator("#night-plan h2")).to_have_text("A night would do nothing")
    listed = ask(page, "POST", "/v1/list", {"namespace": ["review"]})["memories"]
    assert sorted(len(one["parts"]) for one in listed) == [0, 0, 2]
    page.uncheck("#night-switch")
    expect(page.locator("#toasts")).to_contain_text("used at once")
    assert ask(page, "GET", "/v1/review")["on"] is False


# -- Policies --


def test_curves_stand_side_by_side_and_a_budget_gives_its_reasons(console: Console, page: Page) -> None:
    console.go(page, "policies")
    expect(page.locator("#policies-chart polyline")).to_have_count(3)
    page.uncheck("#policy-fsrs")
    page.check("#policy-never")
    page.fill("#policies-uses", "10, 40")
    page.click("#policies-form .go")
    expect(page.locator("#policies-chart .legend")).to_contain_text("never")
    expect(page.locator("#policies-chart .legend")).not_to_contain_text("fsrs")
    page.click("#policies-chart summary")
    assert "never\t1.000\t1.000\t1.000\t1.000\t1.000\tnever" in page.inner_text("#policies-chart table")
    page.click("#policies-allocate .go")
    expect(page.locator("#policies-shares table")).to_contain_text("app/ada")
    page.fill("#policies-total", "5")
    page.click("#policies-evict")
    expect(page.locator("#policies-shares h3")).to_contain_text("would be archived, in this order")
    page.locator("#policies-shares li").first.locator("button:has-text('Why')").click()
    expect(page.locator("#policies-shares li pre").first).to_contain_text("number 1 of")
    console.shot(page, "policies-budget")


def test_a_report_that_is_hostile_does_nothing(console: Console) -> None:
    """No script of it runs, nothing is fetched, sent or opened, and neither the page nor the service hears of it."""
    heard = socket.create_server(("127.0.0.1", 0))
    elsewhere = f"http://127.0.0.1:{heard.getsockname()[1]}/stolen"
    console.report.write_text(
        f"<!doctype html><title>r</title><h1>Report</h1>{SCRIPT}<script>top.document.title = 'taken'</script>"
        f"<img src='{elsewhere}'><link rel=stylesheet href='{elsewhere}'>"
        f"<meta http-equiv=refresh content='0;{elsewhere}'>"
        f"<form action='{elsewhere}'><button>send</button></form>"
        f"<a id=out href='{elsewhere}'>out</a><a id=top target=_top href='{elsewhere}'>top</a>"
        "<a id=new target=_blank href='/console'>new</a><iframe src='/console'></iframe>"
    )
    with heard, console.page("policies", errors=True) as page:
        page.on("dialog", lambda one: pytest.fail(f"a script ran: {one.message}"))
        page.click("#policies-show")
        shown = page.frame_locator("iframe.report")
        expect(shown.locator("h1")).to_have_text("Report")
        for name in ("#new", "#top", "button", "#out"):
            shown.locator(name).click()
        with page.expect_download():
            page.click("#policies-save")
        # A browser may connect for a link that is clicked, and sends nothing.
        while select.select([heard], [], [], 0.2)[0]:
            with heard.accept()[0] as reached:
                assert not select.select([reached], [], [], 0.2)[0] or reached.recv(1) == b""
        assert page.title() == "Policies - memoria"
        assert page.url == f"{console.url}/console#policies"
        assert page.context.pages == [page]
    console.report.unlink()
    with console.page("policies", errors=True) as page:
        page.click("#policies-show")
        expect(page.locator("#alerts")).to_contain_text("No report")
        assert page.locator("iframe").count() == 0


def test_only_a_page_of_the_service_has_the_report_in_a_frame(console: Console, page: Page) -> None:
    """The browser says whose frame it is; what it says of others, or of another route, lets nobody in."""
    console.report.write_text("<!doctype html><h1>Report</h1>")
    (cookie,) = page.context.cookies()
    frame = {"sec-fetch-site": "same-origin", "sec-fetch-dest": "iframe", "sec-fetch-mode": "navigate"}

    def status(path: str = "/v1/policies/report", **said: str) -> int:
        cookies = {"Cookie": f"{cookie['name']}={cookie['value']}"}
        return httpx.get(f"{console.url}{path}", headers=cookies | frame | said).status_code

    assert status() == 200
    others = {"sec-fetch-site": ("same-site", "cross-site", "none"), "sec-fetch-dest": ("document", "empty", "script")}
    assert {status(**{name: said}) for name, those in others.items() for said in those} == {403}
    assert status(**{"sec-fetch-mode": "no-cors"}) == 403
    assert status(origin="null") == 403
    assert status(host="evil.example") == 421
    assert {status(path) for path in ("/v1/stats", "/v1/review", f"/v1/memories/{console.ids['tea']}")} == {403}
    console.report.unlink()
    assert status() == 404


# -- My data --


def test_a_copy_of_all_about_a_person_and_letting_it_go(console: Console, page: Page) -> None:
    ids = told(page, "Quill", "Quill paints doors.", "Quill has a ladder.")
    told(page, "doors", "Quill Senior painted doors too.")
    console.go(page, "mydata")
    page.fill("#mydata-names", "Quill")
    page.click("#mydata-form .go")
    expect(page.locator("#mydata-about h3").first).to_have_text("2 memories are about them")
    expect(page.locator("#mydata-about")).to_contain_text("may be about somebody else")
    page.select_option("#mydata-form-of-copy", "json")
    with page.expect_download() as saved:
        page.click("button:has-text('Save a copy')")
    copy = json.loads(Path(saved.value.path()).read_text())
    assert [one["text"] for one in copy["entries"]] == ["Quill paints doors.", "Quill has a ladder."]
    console.shot(page, "mydata-about")
    page.click("button:has-text('Let all of it go')")
    page.wait_for_selector("#letting-plan h2")
    let_go(page, "2")
    assert not [id for id in ids if there(page, id)]


def test_an_import_is_shown_and_then_stored_once(console: Console, page: Page, tmp_path: Path) -> None:
    file = tmp_path / "talk.jsonl"
    lines = [{"text": f"{SCRIPT} {BIDI}", "speaker": SCRIPT, "id": "1"}, {"text": "The pier is long.", "id": "2"}]
    file.write_text("".join(json.dumps(one) + "\n" for one in lines))
    console.go(page, "mydata")
    for stored in (2, 0):
        page.set_input_files("#mydata-file", file)
        page.click("#mydata-import .go")
        expect(page.locator("#mydata-preview h3").nth(1)).to_have_text("The first 2")
        assert SCRIPT in page.inner_text("#mydata-preview")
        assert page.locator("#mydata-preview img, #mydata-preview script").count() == 0
        expect(page.locator("#mydata-preview .unseen").first).to_be_visible()
        console.shot(page, "mydata-import")
        page.click("#mydata-preview button.go")
        page.click("dialog[open] .go")
        expect(page.locator("#mydata-preview h3").first).to_contain_text(f"{stored} memories are stored")
    file.write_text('{"text": \n')
    page.set_input_files("#mydata-file", file)
    page.click("#mydata-import .go")
    expect(page.locator("#mydata-preview .alert")).to_contain_text("Malformed")
    expect(page.locator("#mydata-preview button.go")).to_be_disabled()


# -- what must not be --


def test_hostile_memories_are_text(console: Console, page: Page) -> None:
    console.go(page, "letting")
    for subject, id, said in ((SCRIPT, "script", SCRIPT), ("bidi", "bidi", "U+202E"), ("long", "long", "the end")):
        planned(page, subject)
        card = page.locator("#letting-plan .cards > li").first
        card.locator("button").click()
        expect(card.locator(".big")).to_contain_text(said)
        assert page.locator("#letting-plan img, #letting-plan script").count() == 0
        page.click("#letting-plan .danger")
        word = page.locator("dialog[open] strong").inner_text()
        assert word == (subject if subject.isalpha() else "1")
        page.keyboard.press("Escape")
        assert there(page, console.ids[id])
        page.click("#letting-plan button:has-text('Choose again')")


def test_content_is_in_no_address_log_or_storage(console: Console, page: Page) -> None:
    secret = "zanzibar cloves"
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    told(page, secret, f"Ada keeps {secret} in a tin.")
    console.go(page, "letting")
    planned(page, secret)
    let_go(page, secret)
    console.go(page, "mydata")
    page.fill("#mydata-names", secret)
    page.click("#mydata-form .go")
    page.wait_for_selector("#mydata-about h3")
    kept = page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href])")
    bases = page.evaluate("indexedDB.databases().then((found) => found.length)")
    caches = page.evaluate("caches.keys().then((found) => found.length)")
    seen = "\n".join([*addresses, kept, console.log.read_text()])
    assert "zanzibar" not in seen.lower()
    assert (bases, caches) == (0, 0)
    assert any(one.endswith("/v1/letting/proofs") for one in addresses)


def test_another_tenant_sees_nothing(console: Console, tmp_path: Path) -> None:
    """Signed in by a token of another namespace, without the right to operate."""
    tokens = tmp_path / "tokens"
    tokens.parent.mkdir(exist_ok=True)
    other = mint(tokens, ("app", "bob"))
    with serving(tmp_path, "--ui", tokens=("app/ada",)) as server:
        server.remember("app/ada", "Ada hides a xylophone.", subject="xylophone")
        server.post("app/ada", "/v1/forget", subject="xylophone")
        server.remember("app/ada", "Ada hides a second xylophone.", subject="xylophone")
        context = console.context()
        try:
            page = context.new_page()
            page.goto(f"{server.url}/console")
            page.fill("#token", other)
            page.click("#sign-in .go")
            page.wait_for_selector("main > [data-section]:not([hidden])")
            console.go(page, "letting")
            planned(page, "xylophone")
            expect(page.locator("#letting-plan h2")).to_have_text("Nothing would go")
            console.go(page, "ledger")
            expect(page.locator("#alerts")).to_contain_text("operate")
            expect(page.locator("#ledger-list li")).to_have_count(0)
            console.go(page, "mydata")
            page.fill("#mydata-names", "xylophone")
            page.click("#mydata-form .go")
            expect(page.locator("#mydata-about h3")).to_have_text("0 memories are about them")
            # What is its own it may let go, without the scan, and without what counts the whole store.
            told(page, "own", "Bob has a drum.", home=())
            console.go(page, "letting")
            page.click("#letting-plan button:has-text('Choose again')")
            planned(page, "own")
            page.click("#letting-plan .danger")
            page.uncheck("#letting-scan")
            page.fill("dialog[open] input[type=text]", "own")
            page.click("dialog[open] .danger")
            expect(page.locator("#letting-proof h2")).to_have_text("1 memory is forgotten")
            assert "xylophone" not in page.content()
            assert page.locator("button:has-text('Save the receipt')").count() == 0
        finally:
            context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_how_it_looks_and_what_axe_finds(console: Console, width: int) -> None:
    script = axe()
    with console.page("letting", width=width, height=800) as page:
        told(page, f"look {width}", "It looks well.", "It looks well by night.")
        told(page, "look", "It looks well.", home=("looks",))
        looked(console, page, script, f"letting-choose-{width}")
        planned(page, f"look {width}")
        page.locator("#letting-plan .cards button").first.click()
        page.wait_for_selector("#letting-plan .big")
        looked(console, page, script, f"letting-plan-{width}")
        page.click("#letting-plan .danger")
        page.wait_for_selector("dialog[open]")
        looked(console, page, script, f"letting-ask-{width}")
        page.keyboard.press("Escape")
        let_go(page, f"look {width}")
        page.wait_for_selector("#letting-proof .badge.good:has-text('signature verified')")
        looked(console, page, script, f"letting-proof-{width}")
        console.go(page, "ledger")
        page.wait_for_selector("#ledger-list li")
        page.click("#ledger-verify")
        page.wait_for_selector("#ledger-checked .badge")
        looked(console, page, script, f"ledger-{width}")
        console.go(page, "policies")
        page.wait_for_selector("#policies-chart polyline")
        page.click("#policies-allocate .go")
        page.wait_for_selector("#policies-shares table")
        looked(console, page, script, f"policies-{width}")
        console.go(page, "mydata")
        page.fill("#mydata-names", "Rowan")
        page.click("#mydata-form .go")
        page.wait_for_selector("#mydata-about h3")
        looked(console, page, script, f"mydata-{width}")
        console.go(page, "night")
        scoped(page, "looks")
        page.click("#night-form .go")
        page.wait_for_selector("#night-plan h2")
        looked(console, page, script, f"night-{width}")

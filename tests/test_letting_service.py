"""Letting go, the ledger, nights, review, policies and a person's data over HTTP, with every scope that they need."""

from __future__ import annotations

import base64
import json
import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

import memoria
from memoria.policies import Exponential
from memoria.service.door import Ways
from memoria.service.tokens import SCOPES, mint
from tests.test_service import SECRET, UNKNOWN, Server, serving
from tests.waiting import until

OPERATOR, ADA, BOB = "operator", "app/ada", "app/bob"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("letting")
    operator = mint(folder / "tokens", ("app",), scopes=SCOPES)
    with serving(folder, "--rate", "1e6", "--burst", "1000000", tokens=(ADA, BOB)) as found:
        found.tokens[OPERATOR] = operator
        yield found


@pytest.fixture(autouse=True)
def clean(server: Server) -> Iterator[None]:
    yield
    server.post(OPERATOR, "/v1/forget", everything=True, guard="none")
    server.call(OPERATOR, "PUT", "/v1/review", on=False).raise_for_status()


def tea(server: Server, who: str = ADA) -> list[str]:
    said = ("Ada takes her tea without sugar.", "Ada has a cat called Tom.", "Ada lives in Porto by the river.")
    return [server.remember(who, text, subject="ada") for text in said]


def proven(server: Server, **body: Any) -> dict[str, Any]:
    """A proof, once it has ended."""
    begun = server.call(OPERATOR, "POST", "/v1/letting/proofs", **body)
    assert begun.status_code == 202, begun.text
    path = f"/v1/letting/proofs/{begun.json()['id']}"

    def ended() -> bool:
        return server.call(OPERATOR, "GET", path).json()["state"] not in ("before", "erasing", "after")

    until(ended)
    found: dict[str, Any] = server.call(OPERATOR, "GET", path).json()
    return found


def test_a_plan_shows_exactly_what_goes_page_by_page(server: Server) -> None:
    ids = tea(server)
    made = server.remember(ADA, "No sugar for Ada.", derived_from=[ids[0]])
    server.remember(ADA, "Bob has a dog.", subject="bob")
    plan = server.post(ADA, "/v1/letting/plan", subject="ada", limit=3)
    assert (plan["count"], plan["left"]) == (4, 1)
    rest = server.post(ADA, "/v1/letting/plan", subject="ada", after=plan["going"][-1]["id"])
    going = [*plan["going"], *rest["going"]]
    assert [(one["id"], one["asked"]) for one in going] == [(id, True) for id in ids] + [(made, False)]
    assert rest["digest"] == plan["digest"]
    assert "sugar" not in json.dumps([plan, rest])
    let = server.post(ADA, "/v1/letting/confirm", subject="ada", digest=plan["digest"])
    assert (sorted(let["receipt"]["forgotten"]), let["receipt"]["derived"]) == (ids, [made])
    # What the signed line says of counts is about the whole store.
    assert (let["statement"], let["scanned"]) == (None, None)
    assert server.call(ADA, "GET", "/v1/stats").json()["memories"] == 1


def test_what_changed_since_is_a_409_and_nothing_goes(server: Server) -> None:
    ids = tea(server)
    plan = server.post(ADA, "/v1/letting/plan", subject="ada")
    server.call(ADA, "PATCH", f"/v1/memories/{ids[0]}", text="Ada takes her tea with honey.")
    answer = server.call(ADA, "POST", "/v1/letting/confirm", subject="ada", digest=plan["digest"])
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:memoria:PlanChanged")
    whole = server.post(OPERATOR, "/v1/letting/plan", subject="ada")
    server.remember(ADA, "Ada has a boat.", subject="ada")
    ended = proven(server, subject="ada", digest=whole["digest"])
    assert (ended["state"], ended["before"], ended["result"]) == ("changed", None, None)
    assert server.call(ADA, "GET", "/v1/stats").json()["memories"] == 4


def test_gists_that_are_rewritten_are_shown_as_they_will_be(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a.memoria") as memory:
        home = memory.namespace("app", "ada")
        parts = [home.remember(text) for text in ("I had tea at nine.", "I had tea at ten.", "I had tea at noon.")]
        gist = home.consolidate(*parts).id
        left = memory.forget(parts[1].id, dry_run=True).rewrites[0].text
    with serving(tmp_path, tokens=(ADA,)) as server:
        plan = server.post(ADA, "/v1/letting/plan", ids=[parts[1].id])
        assert plan["rewritten"] == [{"id": gist, "text": left}]
        server.post(ADA, "/v1/letting/confirm", ids=[parts[1].id], digest=plan["digest"])
        assert server.call(ADA, "GET", f"/v1/memories/{gist}").json()["text"] == left


def test_a_hold_is_named_and_stands_against_it(server: Server) -> None:
    (server.folder / "held").mkdir(exist_ok=True)
    with memoria.open(server.folder / "held" / "a.memoria") as memory:
        one = memory.namespace("app", "ada").remember("Ada has a cat.", subject="ada")
        memory.hold(one.id, reason="a case")
    with serving(server.folder / "held", tokens=(ADA,)) as held:
        plan = held.post(ADA, "/v1/letting/plan", subject="ada")
        assert plan["held"] == [one.id]
        answer = held.call(ADA, "POST", "/v1/letting/confirm", subject="ada", digest=plan["digest"])
        assert answer.status_code == 423


def test_a_proof_scans_before_and_after_and_its_receipt_is_genuine(server: Server) -> None:
    ids = tea(server)
    kept = server.remember(ADA, "Bob has a dog.", subject="bob")
    plan = server.post(OPERATOR, "/v1/letting/plan", subject="ada")
    ended = proven(server, subject="ada", digest=plan["digest"])
    assert (ended["state"], ended["problem"]) == ("done", None)
    before, after = ended["before"], ended["result"]["scanned"]
    # The scanner finds what is there, in the files where it lies; then nothing, though it finds a memory that stays.
    assert before["found"] > 0
    assert any("slots" in place for place in before["left"])
    assert (after["found"], after["left"]) == (0, [])
    assert after["control_found"] > 0
    assert after["files"] > 3
    assert sorted(ended["result"]["receipt"]["forgotten"]) == ids
    statement = ended["result"]["statement"]
    found = server.post(OPERATOR, "/v1/receipts/verify", signed=statement["signed"])
    assert (found["genuine"], found["line"], found["action"]) == (True, statement["line"], "verify")
    forged = bytearray(base64.b64decode(statement["signed"]))
    forged[-3] ^= 1
    bad = server.post(ADA, "/v1/receipts/verify", signed=base64.b64encode(forged).decode())
    assert (bad["genuine"], bad["line"]) == (False, None)
    checked = server.post(OPERATOR, "/v1/ledger/verify", receipts=[statement["signed"]])
    assert (checked["problems"], checked["receipts"]) == ([], 1)
    assert server.call(ADA, "GET", f"/v1/memories/{kept}").is_success


def test_how_far_a_scan_is_is_seen_while_it_runs(server: Server) -> None:
    """A store whose files take a while: the counts grow, and never go back within one scan."""
    tea(server)
    ballast = server.folder / "a.memoria" / "ballast"
    with ballast.open("wb") as file:
        for _ in range(12):
            file.write(os.urandom(1 << 20) * 8)
    try:
        plan = server.post(OPERATOR, "/v1/letting/plan", subject="ada")
        begun = server.post(OPERATOR, "/v1/letting/proofs", subject="ada", digest=plan["digest"])
        again = server.call(OPERATOR, "POST", "/v1/letting/proofs", subject="ada", digest=plan["digest"])
        assert again.status_code == 409
        seen: dict[str, list[int]] = {}
        while True:
            now = server.call(OPERATOR, "GET", f"/v1/letting/proofs/{begun['id']}").json()
            if now["running"] is not None:
                seen.setdefault(now["state"], []).append(now["running"]["bytes"])
            if now["state"] not in ("before", "erasing", "after"):
                break
            time.sleep(0.002)
    finally:
        ballast.unlink()
    assert now["state"] == "done"
    assert seen.keys() & {"before", "after"}
    assert all(counts == sorted(counts) for counts in seen.values())


def test_another_token_sees_nothing_of_proofs_and_the_ledger(server: Server) -> None:
    tea(server)
    plan = server.post(OPERATOR, "/v1/letting/plan", subject="ada")
    ended = proven(server, subject="ada", digest=plan["digest"])
    other = mint(server.folder / "tokens", ("app", "bob"), scopes=SCOPES)
    path = f"/v1/letting/proofs/{ended['id']}"
    unknown = server.call(other, "GET", f"/v1/letting/proofs/{UNKNOWN}")
    theirs = server.call(other, "GET", path)
    assert (theirs.status_code, theirs.content) == (404, unknown.content)
    assert server.post(other, "/v1/letting/plan", subject="ada")["count"] == 0
    for who in (ADA, BOB):
        for method, place, body in (
            ("GET", path, {}),
            ("POST", "/v1/letting/proofs", {"subject": "ada", "digest": "x"}),
            ("GET", "/v1/ledger", {}),
            ("POST", "/v1/ledger/verify", {"receipts": []}),
            ("GET", "/v1/ledger/export", {}),
            ("GET", "/v1/ledger/1/receipt", {}),
            ("GET", "/v1/policies/report", {}),
            ("PUT", "/v1/review", {"on": True}),
        ):
            assert server.call(who, method, place, **body).status_code == 403, place


def test_what_others_made_of_it_shows_neither_in_a_plan_nor_in_its_digest(server: Server) -> None:
    (one, *_) = tea(server)
    before = server.post(ADA, "/v1/letting/plan", ids=[one])
    above = server.remember(OPERATOR, f"What the app made of {SECRET}", derived_from=[one])
    assert server.post(ADA, "/v1/letting/plan", ids=[one]) == before
    let = server.post(ADA, "/v1/letting/confirm", ids=[one], digest=before["digest"])
    assert (let["receipt"]["forgotten"], let["receipt"]["derived"]) == ([one], [])
    assert server.call(OPERATOR, "GET", f"/v1/memories/{above}").status_code == 404


def test_what_is_looked_for_is_in_no_log_and_no_address(server: Server) -> None:
    server.remember(ADA, f"Ada keeps a {SECRET}", subject="ada secretly")
    plan = server.post(OPERATOR, "/v1/letting/plan", subject="ada secretly")
    assert proven(server, subject="ada secretly", digest=plan["digest"])["state"] == "done"
    assert not [word for word in ("xylophone", "secretly") if word in server.log()]
    assert "POST /v1/letting/proofs 202" in server.log()


def test_the_ledger_in_pages_newest_first(server: Server) -> None:
    for id in tea(server):
        server.call(ADA, "DELETE", f"/v1/memories/{id}").raise_for_status()
    whole = server.call(OPERATOR, "GET", "/v1/ledger?limit=1000").json()
    page = server.call(OPERATOR, "GET", "/v1/ledger?limit=2").json()
    assert [one["number"] for one in page["lines"]] == [whole["count"], whole["count"] - 1]
    more = server.call(OPERATOR, "GET", f"/v1/ledger?limit=1000&before={page['before']}").json()
    assert [*page["lines"], *more["lines"]] == whole["lines"]
    assert (more["before"], whole["lines"][-1]["number"]) == (None, 1)
    assert not re.search(r"sugar|Porto|\bada\b", json.dumps(whole))  # not "ada" within a digest
    line = server.call(OPERATOR, "GET", f"/v1/ledger/{whole['count']}/receipt").json()
    assert server.post(OPERATOR, "/v1/receipts/verify", signed=line["signed"])["line"] == whole["count"]
    assert server.call(OPERATOR, "GET", f"/v1/ledger/{whole['count'] + 1}/receipt").status_code == 404
    key = server.call(ADA, "GET", "/v1/ledger/key").json()
    assert key["pem"].startswith("-----BEGIN PUBLIC KEY-----")
    export = server.call(OPERATOR, "GET", "/v1/ledger/export")
    assert export.headers["content-type"] == "application/cbor"
    assert len(export.content) > 100


def test_a_night_does_what_was_accepted_and_nothing_else(server: Server) -> None:
    said = ["The cat sleeps on the mat.", "The cat sleeps on the mat again.", "The rain falls on the roof of the barn."]
    said += ["The rain falls on the roof of the barn today."]
    ids = [server.remember(ADA, text, "home") for text in said]
    plan = server.post(ADA, "/v1/night/plan", fade=False)
    gathered = {tuple(sorted(one["ids"])): one for one in plan["things"] if one["what"] == "gather"}
    assert set(gathered) == {tuple(ids[:2]), tuple(ids[2:])}
    chosen = gathered[tuple(ids[:2])]
    done = server.post(ADA, "/v1/night", only=[chosen["key"], "f" * 32])
    assert ([one["joined"] for one in done["gists"]], done["gone"]) == ([2], ["f" * 32])
    assert server.call(ADA, "GET", "/v1/stats").json()["memories"] == 3
    left = server.post(ADA, "/v1/night/plan", fade=False)["things"]
    assert [one["key"] for one in left] == [gathered[tuple(ids[2:])]["key"]]
    # Once it changes, its key is another one, and what was accepted is not done.
    server.call(ADA, "DELETE", f"/v1/memories/{ids[3]}").raise_for_status()
    again = server.post(ADA, "/v1/night", only=[left[0]["key"]])
    assert (again["gists"], again["gone"]) == ([], [left[0]["key"]])


def test_where_review_is_on_a_night_does_what_was_accepted_as_it_was_shown(server: Server) -> None:
    ids = [server.remember(ADA, f"The cat sleeps on the mat{again}.", "home") for again in ("", " again")]
    server.call(OPERATOR, "PUT", "/v1/review", on=True).raise_for_status()
    slept = server.post(ADA, "/v1/sleep", namespace=["home"])
    assert (slept["gists"], slept["unaccepted"]) == ([], 1)
    (thing,) = server.post(ADA, "/v1/night/plan", fade=False)["things"]
    assert (thing["ids"], thing["text"]) == (ids, "The cat sleeps on the mat.\nThe cat sleeps on the mat again.")
    strange = server.post(BOB, "/v1/night/refuse", only=[thing["key"]])
    assert (strange["refused"], strange["gone"]) == ([], [thing["key"]])
    refused = server.post(ADA, "/v1/night/refuse", only=[thing["key"], "f" * 32])
    assert (refused["refused"], refused["gone"]) == ([thing["key"]], ["f" * 32])
    assert server.post(ADA, "/v1/night/plan", fade=False)["things"] == []
    server.remember(ADA, "The cat sleeps on the mat at noon.", "home")
    (other,) = server.post(ADA, "/v1/night/plan", fade=False)["things"]
    done = server.post(ADA, "/v1/night", only=[other["key"]])
    assert server.call(ADA, "GET", f"/v1/memories/{done['gists'][0]['id']}").json()["text"] == other["text"]


def test_a_night_without_the_right_to_forget_prunes_nothing(server: Server) -> None:
    token = mint(server.folder / "tokens", ("app", "ada"), scopes=["read", "write"])
    assert server.call(token, "POST", "/v1/night/plan", prune=True).is_success
    assert server.call(token, "POST", "/v1/night", prune=True, only=["0" * 32]).status_code == 403
    assert server.call(token, "POST", "/v1/review", decline=[UNKNOWN]).status_code == 403


def test_facts_wait_for_a_yes_where_that_is_on(server: Server) -> None:
    assert server.call(ADA, "GET", "/v1/review").json()["on"] is False
    server.call(OPERATOR, "PUT", "/v1/review", on=True).raise_for_status()
    first = server.remember(ADA, "Ada lives in Lund.", source="extracted")
    second = server.remember(ADA, "Ada owns a boat.", source="extracted")
    assert server.post(ADA, "/v1/recall", query="Where does Ada live?")["hits"] == []
    page = server.call(ADA, "GET", "/v1/review?limit=1").json()
    assert ([one["id"] for one in page["memories"]], page["left"], page["on"]) == ([first], 1, True)
    assert server.call(BOB, "GET", "/v1/review").json()["memories"] == []
    assert server.call(BOB, "POST", "/v1/review", keep=[first]).status_code == 404
    decided = server.post(ADA, "/v1/review", keep=[first], decline=[second])
    assert decided == {"kept": [first], "declined": [second]}
    assert [one["memory"]["id"] for one in server.post(ADA, "/v1/recall", query="Where does Ada live?")["hits"]] == [
        first
    ]
    assert server.call(ADA, "GET", f"/v1/memories/{second}").status_code == 404
    assert server.call(ADA, "POST", "/v1/review", keep=[first]).status_code == 422


def test_curves_are_those_of_the_policies(server: Server) -> None:
    names = [one["name"] for one in server.call(ADA, "GET", "/v1/policies").json()]
    drawn = server.post(ADA, "/v1/policies/curves", policies=["exponential", "never"], points=3, days=60, uses=[10])
    exponential, never = drawn["curves"]
    assert (drawn["days"], never["retrievability"], never["fades_on"]) == ([0, 30, 60], [1, 1, 1], None)
    policy = Exponential()
    one_day = datetime(2026, 1, 1, tzinfo=UTC)
    stored = memoria.Memory(id="0" * 32, namespace=(), text="x", created_at=one_day, salience=0.5)
    trace = policy.reinforce(policy.encode(stored), one_day + timedelta(days=10), recalled=True)
    expected = policy.retrievability(trace, one_day + timedelta(days=30))
    assert exponential["retrievability"][1] == pytest.approx(expected)
    assert 0 < exponential["retrievability"][2] < exponential["retrievability"][1] < 1
    assert {"exponential", "fsrs", "act-r"} <= set(names)
    assert server.call(ADA, "POST", "/v1/policies/curves", policies=["none such"]).status_code == 422
    one = server.remember(ADA, "Ada has a cat.")
    why = server.call(ADA, "GET", f"/v1/memories/{one}/retention").json()
    assert (why["place"], why["count"], why["state"]) == (1, 1, "holds")
    assert "cat" not in why["summary"]
    assert server.call(BOB, "GET", f"/v1/memories/{one}/retention").status_code == 404
    assert server.call(OPERATOR, "GET", "/v1/policies/report").status_code == 404


def test_a_copy_of_all_about_a_person(server: Server) -> None:
    tea(server)
    server.remember(ADA, "Ada Lovelace wrote a program.")
    about = server.post(ADA, "/v1/person/about", names=["Ada"])
    assert (about["count"], about["counts"]["subject"], len(about["near"])) == (3, 3, 1)
    for form, said in (("json", "application/json"), ("markdown", "text/markdown"), ("html", "text/html")):
        answer = server.call(ADA, "POST", "/v1/person/export", names=["Ada"], form=form)
        assert answer.headers["content-type"].startswith(said)
        assert answer.headers["content-disposition"].startswith("attachment")
        assert "tea without sugar" in answer.text
        assert "Lovelace" not in answer.text
    assert server.post(BOB, "/v1/person/about", names=["Ada"])["count"] == 0


def encoded(*lines: object) -> str:
    return base64.b64encode("".join(json.dumps(line) + "\n" for line in lines).encode()).decode()


def test_an_import_is_shown_before_it_is_stored(server: Server) -> None:
    data = encoded({"text": "Ada likes tea.", "speaker": "Ada", "id": "1"}, {"text": "Ada likes jam.", "id": "2"})
    shown = server.post(ADA, "/v1/import/preview", origin="jsonl", data=data, show=1)
    assert (shown["survey"]["found"], [one["text"] for one in shown["first"]]) == (2, ["Ada likes tea."])
    assert server.call(ADA, "GET", "/v1/stats").json()["memories"] == 0
    other = encoded({"text": "Something else.", "id": "1"})
    refused = server.call(ADA, "POST", "/v1/import", origin="jsonl", data=other, digest=shown["digest"])
    assert (refused.status_code, refused.json()["title"]) == (409, "Not what the preview showed")
    for stored, present in ((2, 0), (0, 2)):
        done = server.post(ADA, "/v1/import", origin="jsonl", data=data, digest=shown["digest"])
        assert (done["stored"], done["present"]) == (stored, present)
    bad = server.post(ADA, "/v1/import/preview", origin="jsonl", data=base64.b64encode(b'{"text": \n').decode())
    assert bad["survey"]["malformed"] == 1
    assert server.call(ADA, "POST", "/v1/import/preview", origin="jsonl", data="!!").status_code == 422


def test_a_reader_takes_and_stores_nothing_of_others(server: Server) -> None:
    eve = mint(server.folder / "tokens", ("app", "ada"), "eve", scopes=SCOPES)
    data = encoded({"text": "Ada likes tea."})
    for method, path, body in (
        ("POST", "/v1/person/about", {"names": ["Ada"]}),
        ("POST", "/v1/person/export", {"names": ["Ada"]}),
        ("POST", "/v1/import/preview", {"origin": "jsonl", "data": data}),
        ("POST", "/v1/import", {"origin": "jsonl", "data": data, "digest": "0" * 64}),
        ("POST", "/v1/night/plan", {"fade": True}),
        ("POST", "/v1/night/refuse", {"only": ["0" * 32]}),
        ("GET", "/v1/ledger", {}),
        ("POST", "/v1/ledger/verify", {"receipts": []}),
        ("GET", "/v1/ledger/key", {}),
        ("PUT", "/v1/review", {"on": True}),
        ("GET", "/v1/policies/report", {}),
    ):
        answer: httpx.Response = server.call(eve, method, path, **body)
        assert answer.status_code == 403, (path, answer.text)


def test_every_route_says_what_it_is_and_gives_an_example(server: Server) -> None:
    schema = httpx.get(server.url + "/openapi.json").json()
    bodies = set()
    for path, verbs in schema["paths"].items():
        for verb, route in verbs.items():
            assert route.get("description"), (verb, path)
            content = route.get("requestBody", {}).get("content", {}).get("application/json", {})
            if path.startswith(("/v1/letting", "/v1/ledger", "/v1/night", "/v1/review", "/v1/person", "/v1/import")):
                bodies |= {content["schema"]["$ref"].rpartition("/")[2]} if content else set()
    assert len(bodies) == 12
    for name in bodies:
        assert schema["components"]["schemas"][name]["examples"], name


def test_that_the_first_page_is_open_opens_nothing_else() -> None:
    ways = Ways(open={"/", "/console", "/console/"})
    assert [ways.opens(path) for path in ("/", "/console", "/console/a.mjs")] == [True, True, True]
    assert [ways.opens(path) for path in ("/v1/stats", "/consoles", "//v1/stats")] == [False, False, False]

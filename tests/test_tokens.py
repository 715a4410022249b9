"""Tokens of the service: scopes, labels, expiry, the list, revoking, and files of before."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from memoria.cli import app
from memoria.errors import InvalidQuery
from memoria.service.lastuse import LastUse, last_used
from memoria.service.tokens import DEFAULT, OWNER, SCOPES, Caller, Tokens, digest, mint, read, revoke

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def said(path: Path, *words: str) -> Any:
    """What `memoria serve token ... --json` says."""
    done = CliRunner().invoke(app, ["serve", "token", *words, "--tokens", str(path), "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


def known(tokens: Tokens, token: str) -> Caller:
    found = tokens.caller(token)
    assert found is not None
    return found


def test_a_file_of_before_goes_on_working(tmp_path: Path) -> None:
    path = tmp_path / "t"
    entries = [
        {"namespace": ["a"], "sha256": digest("x")},
        {"namespace": ["a"], "sha256": digest("y"), "reader": "eve", "roles": ["ops"]},
    ]
    path.write_text(json.dumps({"tokens": entries}))
    one, other = known(Tokens(path), "x"), known(Tokens(path), "y")
    assert (one.scopes, one.label, one.expires, one.reader) == (DEFAULT, None, None, None)
    assert (other.reader, other.roles, other.scopes) == ("eve", ("ops",), DEFAULT)
    mint(path, ("b",), scopes=["read"])
    assert json.loads(path.read_text())["tokens"][:2] == entries


def test_what_a_token_may_do_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "t"
    token = mint(path, ("a",), scopes=["read", "metrics"], label="the app of Ada", expires=NOON)
    one = known(Tokens(path, lambda: NOON - timedelta(seconds=1)), token)
    assert (one.scopes, one.label, one.expires) == (frozenset(("read", "metrics")), "the app of Ada", NOON)
    assert one.lacks(("read", "write", "forget")) == ["forget", "write"]
    assert one.below(("b",)).scopes == one.scopes
    assert OWNER.lacks(SCOPES) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []},
        {"scopes": ["reads"]},
        {"label": ""},
        {"label": "a\x1b[2J"},
        {"label": "a" * 101},
        {"expires": datetime(2026, 1, 1)},  # noqa: DTZ001 - a time without a zone is what is tried
    ],
)
def test_what_no_token_has(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidQuery):
        mint(tmp_path / "t", ("a",), **wrong)
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize(
    "more",
    [{"scopes": "read"}, {"scopes": []}, {"scopes": ["all"]}, {"expires": "soon"}, {"expires": 3}, {"rights": []}],
)
def test_an_entry_that_is_not_understood_gives_nobody_access(tmp_path: Path, more: dict[str, Any]) -> None:
    path = tmp_path / "t"
    path.write_text(json.dumps({"tokens": [{"namespace": ["a"], "sha256": digest("x"), **more}]}))
    with pytest.raises(InvalidQuery):
        Tokens(path)


def test_it_ends_when_it_expires(tmp_path: Path) -> None:
    now = NOON
    token = mint(tmp_path / "t", ("a",), expires=NOON + timedelta(days=1))
    tokens = Tokens(tmp_path / "t", lambda: now)
    assert known(tokens, token).namespace == ("a",)
    now = NOON + timedelta(days=1)
    assert tokens.caller(token) is None


def test_many_tokens_of_a_namespace_are_one_tenant() -> None:
    one, other = Caller(digest="1", namespace=("a",)), Caller(digest="2", namespace=("a",))
    assert one.tenant == other.tenant == one.below(("b",)).below(("c",)).tenant == ("a",)
    assert one.below(("b",)).namespace == ("a", "b")


def test_the_list_and_the_end_of_a_token(tmp_path: Path) -> None:
    path = tmp_path / "t"
    made = said(path, "app/ada", "--label", "phone", "--expires", "90d", "--scope", "read")
    other = said(path, "make", "list")
    assert (made["scopes"], made["label"], other["namespace"]) == (["read"], "phone", ["list"])
    days = datetime.fromisoformat(made["expires"]) - datetime.now(UTC)
    assert timedelta(days=89) < days < timedelta(days=91)
    uses = LastUse(path)
    uses.note(made["id"], NOON)
    uses.flush()
    listed = said(path, "list")
    assert [one["id"] for one in listed] == [made["id"], other["id"]]
    assert [one["last_used"] for one in listed] == [NOON.isoformat(), None]
    assert made["token"] not in json.dumps(listed)
    assert digest(made["token"]) not in json.dumps(listed)
    tokens = Tokens(path)
    assert known(tokens, made["token"]).label == "phone"
    said(path, "revoke", made["id"])
    assert tokens.caller(made["token"]) is None
    assert known(tokens, other["token"]).namespace == ("list",)
    done = CliRunner().invoke(app, ["serve", "token", "revoke", made["id"], "--tokens", str(path)])
    assert isinstance(done.exception, InvalidQuery)


def test_tokens_that_are_made_at_once_are_all_there(tmp_path: Path) -> None:
    path = tmp_path / "t"
    mint(path, ("first",))
    threads = [threading.Thread(target=mint, args=(path, (f"n{n}",))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.namespace[0] for one in read(path)) == ["first", *(f"n{n}" for n in range(8))]
    revoke(path, read(path)[0].id)
    assert len(read(path)) == 8


def test_uses_of_several_processes_are_kept_and_the_later_one_counts(tmp_path: Path) -> None:
    path = tmp_path / "t"
    one, other = LastUse(path), LastUse(path)
    one.note("a", NOON)
    other.note("a", NOON + timedelta(minutes=5, seconds=3))
    other.note("b", NOON)
    other.flush()
    one.flush()
    assert last_used(path) == {"a": NOON + timedelta(minutes=5), "b": NOON}
    (tmp_path / "t.used").write_text("{")
    assert last_used(path) == {}

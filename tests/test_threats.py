"""What the threat model says does not hold, where no other test shows it."""

from __future__ import annotations

import hmac
import json
from pathlib import Path

import pytest

import memoria
from memoria.stores.forgets import token
from memoria.testing import HashEmbedder
from memoria.text.fingerprints import Statement
from memoria.transfer.backup.told import told_in

KEY = "3c" * 32
CODE = "The code of the gate is 7741."


def opened(path: Path) -> memoria.Memoria:
    return memoria.open(path, embedder=HashEmbedder(), unlock=KEY)


@pytest.fixture
def stolen(tmp_path: Path) -> Path:
    """A folder with a backup of a sealed store, and a forget log that was exported later: neither tells a text."""
    pytest.importorskip("sqlcipher3")
    with opened(tmp_path / "a.memoria") as memory:
        ada, bob = memory.namespace("app", "ada"), memory.namespace("app", "bob")
        code = ada.remember(CODE)
        bob.remember("Bob rents the cellar until May.")
        memoria.backup(memory, tmp_path / "backup")
        ada.forget(code.id)
        memoria.export_forgets(memory, tmp_path / "forgets")
    data = b"".join(one.read_bytes() for one in (tmp_path / "backup").rglob("*") if one.is_file())
    assert not any(text in data for text in (b"cellar", b"7741", b"bob"))
    return tmp_path


def test_a_backup_of_a_sealed_store_has_the_key_of_its_forget_log(stolen: Path) -> None:
    """With it a log is forged: a restore forgets what nobody forgot, of a namespace whose name is guessed."""
    key = bytes.fromhex(json.loads((stolen / "backup" / "backup.json").read_text())["log_key"])
    *lines, _ = (stolen / "forgets").read_bytes().splitlines(keepends=True)
    head = json.loads(lines[0])
    head["position"]["event"] += 1
    made = {"event": head["position"]["event"], "at": 0, "kind": "erased", "ids": token(key, ("app", "bob")).hex()}
    body = b"".join([json.dumps(head).encode() + b"\n", *lines[1:], json.dumps(made).encode() + b"\n"])
    mac = json.dumps({"mac": hmac.digest(key, body, "sha256").hex()}).encode()
    (stolen / "forged").write_bytes(body + mac + b"\n")
    for log, left in (("forgets", ["Bob rents the cellar until May."]), ("forged", [])):
        memoria.restore(stolen / "backup", stolen / f"{log}.memoria", apply_forgets=stolen / log, unlock=KEY)
        with opened(stolen / f"{log}.memoria") as memory:
            assert [one.text for one in memory.list()] == left


def test_with_a_forget_log_it_tells_where_and_whether_a_text_was_forgotten(stolen: Path) -> None:
    """Names of namespaces, and keys under which a guess at a forgotten text is tested."""
    key = bytes.fromhex(json.loads((stolen / "backup" / "backup.json").read_text())["log_key"])
    (found,) = told_in(stolen / "forgets", key).refused.items()
    assert found[0] == ("app", "ada")
    guesses = [CODE, "The code of the gate is 7742."]
    assert [any(one.know(Statement(guess, None)) for one in found[1]) for guess in guesses] == [True, False]

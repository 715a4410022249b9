"""Receipts and the ledger: signed, chained, and verified by us, by a library for COSE, and by the page's own script."""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import cbor2
import pytest
from typer.testing import CliRunner

import memoria
from memoria.cli import app
from memoria.errors import InvalidInput, InvalidQuery, SignerUnavailable
from memoria.proof.certificate import certificate
from memoria.proof.checking import check_ledger, check_receipt
from memoria.proof.cose import encoded, signed
from memoria.proof.keys import OwnKey, key_id
from memoria.proof.lines import Entered, exported, imported, parsed
from memoria.proof.stamping import check_stamp, stamped
from memoria.testing import HashEmbedder
from memoria.types import LedgerEntry

EMBEDDER = HashEmbedder(32)
MUTATIONS = 1000
ROOT = Path(__file__).parents[1]
SCRIPT = re.search(r"```python\n(# verify\.py\n.*?)```", (ROOT / "docs/receipts.md").read_text(), re.DOTALL)
SECRET = ("Ada", "ada", "tea without sugar", "a court order", "green")


@pytest.fixture(params=["memory", "local", "postgres"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[memoria.Memoria]:
    place = {"memory": ":memory:", "local": str(tmp_path / "a.memoria")}.get(request.param)
    with memoria.open(place or request.getfixturevalue("database"), embedder=EMBEDDER) as made:
        yield made


def live_through(memory: memoria.Memoria) -> list[memoria.Receipt]:
    """Holds, forgets in every way, a rotation; returns the receipts."""
    texts = [f"Ada takes her tea without sugar on day {n}." for n in range(8)]
    ada = memory.remember_many([memoria.Draft(text=text, subject="ada", tags=("green",)) for text in texts])
    memory.hold(ada[0], reason="a court order")
    found = [memory.forget(ada[1]), memory.forget(ada[2], ada[3], verify=True)]
    memory.rotate_key()
    found.append(memory.forget(ada[4], guard="none"))
    memory.release(ada[0], reason="a court order ended")
    found.append(memory.forget(subject="ada", override="all of her"))
    memory.namespace("work").remember("The gate code is 7741 today.")
    found.append(memory.forget(namespace=("work",)))
    return found


def test_what_was_done_is_a_line_and_every_line_is_verified(memory: memoria.Memoria) -> None:
    receipts = live_through(memory)
    actions = [line.action for line in memory.ledger_lines()]
    assert actions == ["hold", "erase", "erase", "verify", "rotate", "sign", "erase", "release", "erase", "erase"]
    assert [line.count for line in memory.ledger_lines()] == [1, 1, 2, 2, 0, 0, 1, 1, 4, 1]
    proofs = [receipt.signed() for receipt in receipts]
    found = memory.verify_ledger(receipts=proofs)
    assert (found.problems, found.lines, found.signed, found.receipts) == ((), 10, 10, 5)
    assert [memory.verify_receipt(proof).number for proof in proofs] == [2, 4, 7, 9, 10]
    assert len(found.keys) == 2


def test_a_ledger_names_nobody_and_holds_no_content_and_no_id(memory: memoria.Memoria) -> None:
    receipts = live_through(memory)
    data = memory.export_ledger() + b"".join(receipt.signed() for receipt in receipts)
    ids = {id for receipt in receipts for id in receipt.forgotten}
    assert not [word for word in SECRET if word.encode() in data]
    assert not [id for id in ids if id.encode() in data or bytes.fromhex(id) in data]
    facts = memory.ledger_lines()[-2].facts
    assert facts["forgotten"] == 4
    assert facts["overridden"]
    assert isinstance(facts["asked"]["subject"], bytes)


def test_one_name_has_one_hash_in_a_store_and_another_elsewhere(memory: memoria.Memoria) -> None:
    def asked(where: memoria.Memoria) -> list[bytes]:
        for subject in ("ada", "ada", "bob"):
            where.remember("A text of five words.", subject=subject, readmit=True)
            where.forget(subject=subject)
        return [line.facts["asked"]["subject"] for line in where.receipts()]

    with memoria.open(":memory:", embedder=EMBEDDER) as other:
        here, there = asked(memory), asked(other)
    assert here[0] == here[1] != here[2]
    assert set(here).isdisjoint(there)


def test_forgetting_nothing_has_a_receipt_too(memory: memoria.Memoria) -> None:
    assert parsed(memory.forget(subject="nobody").to_cbor()).count == 0
    assert memory.verify_ledger().problems == ()


def test_a_prune_and_what_a_store_erases_by_itself_are_lines(memory: memoria.Memoria) -> None:
    ones = memory.remember_many([f"Number {n} of some." for n in range(4)])
    memory.archive(ones[0])
    memory.prune(budget=memoria.Budget(count=2))
    assert "prune" in [line.action for line in memory.ledger_lines()]
    kept = [id for id in (one.id for one in ones) if memory.store.read([id])[0] is not None]
    memory.store.erase(kept[:1])
    last = memory.ledger_lines()[-1]
    assert (last.action, last.count, last.facts["by"]) == ("erase", 1, "store")


def test_no_line_is_written_when_a_hold_refuses(memory: memoria.Memoria) -> None:
    one = memory.remember("What is held stays.")
    memory.hold(one, reason="why")
    with pytest.raises(memoria.Held):
        memory.forget(one)
    assert [line.action for line in memory.ledger_lines()] == ["hold"]


def test_a_library_for_cose_reads_and_verifies_a_receipt() -> None:
    cwt = pytest.importorskip("cwt", reason="NOT CHECKED: cwt is not installed")
    with memoria.open(":memory:", embedder=EMBEDDER) as memory:
        memory.remember("A text of five words.")
        proof, public = memory.forget(namespace=()).signed(), memory.signing_key()
    key = cwt.COSEKey.from_pem(public.pem, kid=bytes.fromhex(public.id))
    headers, _, payload = cwt.COSE.new().decode_with_headers(proof, key)
    store = parsed(payload).store.hex()
    assert headers[15] == {1: f"urn:memoria:store:{store}", 2: "urn:memoria:ledger"}
    with pytest.raises(cwt.VerifyError):
        cwt.COSE.new().decode(proof[:-1] + bytes([proof[-1] ^ 1]), key)


# -- a thousand mutations --


class Ledger:
    """An exported ledger with its key, receipts and head, as somebody keeps them."""

    def __init__(self, memory: memoria.Memoria) -> None:
        self.receipts = [receipt.signed() for receipt in live_through(memory)]
        self.export = memory.export_ledger()
        self.key = memory.signing_key()
        self.head = memory.verify_ledger().head

    def is_found(self, export: bytes, receipts: list[bytes]) -> bool:
        try:
            keys, entered = imported(export)
            found = check_ledger(entered, keys, trusted=self.key.public, head=self.head, receipts=receipts)
        except InvalidInput:
            return True
        return found.problems != ()


@pytest.fixture(scope="module")
def ledgers() -> tuple[Ledger, Ledger]:
    with memoria.open(":memory:", embedder=EMBEDDER) as one, memoria.open(":memory:", embedder=EMBEDDER) as other:
        return Ledger(one), Ledger(other)


@pytest.fixture(scope="module")
def verifier() -> Callable[[Ledger, bytes, list[bytes]], bool]:
    """Whether the script of the page finds something wrong; it runs in this process, on files in RAM."""
    assert SCRIPT is not None
    source = SCRIPT.group(1)
    assert len(source.splitlines()) <= 50
    code = compile(source, "verify.py", "exec")

    def is_found(kept: Ledger, export: bytes, receipts: list[bytes]) -> bool:
        files = {"ledger": export, "key": kept.key.pem.encode()} | {str(n): one for n, one in enumerate(receipts)}
        scope: dict[str, Any] = {"open": lambda name, mode: _File(files[name])}
        exec(code, scope)
        try:
            scope["main"]("ledger", "key", kept.head, *map(str, range(len(receipts))))
        except Exception:  # noqa: BLE001 - any exception is a finding, as the page says
            return True
        return False

    return is_found


class _File:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self) -> bytes:
        return self.data


def mutated(rng: random.Random, kept: Ledger, other: Ledger) -> tuple[str, bytes, list[bytes]]:
    """One change: its kind, the ledger, the receipts."""
    keys, entered = imported(kept.export)
    receipts, at = list(kept.receipts), rng.randrange(len(entered))
    theirs = imported(other.export)[1]
    kind = rng.choice(sorted(_KINDS))
    if kind == "a byte of the ledger":
        return kind, _flipped(rng, kept.export), receipts
    if kind == "a byte of a receipt":
        which = rng.randrange(len(receipts))
        receipts[which] = _flipped(rng, receipts[which])
        return kind, kept.export, receipts
    if kind == "a receipt of another store":
        receipts[rng.randrange(len(receipts))] = rng.choice(other.receipts)
        return kind, kept.export, receipts
    if kind == "a receipt by another key":
        which = rng.randrange(len(receipts))
        line = cbor2.loads(receipts[which]).value[2]
        receipts[which] = signed(OwnKey(rng.randbytes(32)), line, parsed(line).store)
        return kind, kept.export, receipts
    _KINDS[kind](rng, at, keys, entered, theirs)
    return kind, exported(keys, entered), receipts


def _flipped(rng: random.Random, data: bytes) -> bytes:
    out = bytearray(data)
    out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def _forge(rng: random.Random, at: int, keys: list[bytes], entered: list[Entered], _: list[Entered]) -> None:
    """Everything from a line on is made anew and signed by another key, which takes the place of the right one."""
    evil, previous = OwnKey(rng.randbytes(32)), parsed(entered[at].line).previous
    for n in range(at, len(entered)):
        said = {**cbor2.loads(entered[n].line), "prev": previous}
        if n == at:
            said["count"] += 1
        line = encoded(said)
        entered[n] = Entered(line, signed(evil, line, said["store"], detached=True))
        previous = hashlib.sha256(encoded(list(entered[n]))).digest()
    keys[rng.randrange(len(keys))] = evil.public


def _swap(rng: random.Random, at: int, keys: list[bytes], entered: list[Entered], _: list[Entered]) -> None:
    other = (at + rng.randrange(1, len(entered))) % len(entered)
    entered[at], entered[other] = entered[other], entered[at]


def _spliced(rng: random.Random, at: int, keys: list[bytes], entered: list[Entered], theirs: list[Entered]) -> None:
    entered[at] = theirs[at]


_Change = Callable[[random.Random, int, list[bytes], list[Entered], list[Entered]], object]
_KINDS: dict[str, _Change] = {
    "a byte of the ledger": lambda *_: None,
    "a byte of a receipt": lambda *_: None,
    "a receipt of another store": lambda *_: None,
    "a receipt by another key": lambda *_: None,
    "a line dropped": lambda _, at, keys, entered, theirs: entered.pop(at),
    "a line twice": lambda rng, at, keys, entered, theirs: entered.insert(rng.randrange(len(entered)), entered[at]),
    "two lines swapped": _swap,
    "a line of another store": _spliced,
    "cut at the tail": lambda _, at, keys, entered, theirs: entered.__delitem__(slice(at, None)),
    "cut at the head": lambda _, at, keys, entered, theirs: entered.__delitem__(slice(None, at + 1)),
    "a signature left out": lambda _, at, keys, entered, theirs: entered.__setitem__(
        at, Entered(entered[at].line, None if entered[at].statement else b"\xf6")
    ),
    "forged by another key": _forge,
    "keys in another order": lambda _, at, keys, entered, theirs: keys.reverse(),
    "a key left out": lambda _, at, keys, entered, theirs: keys.pop(at % len(keys)),
}


def test_a_thousand_mutations_are_found_by_us_and_by_the_script_of_the_page(
    ledgers: tuple[Ledger, Ledger], verifier: Callable[[Ledger, bytes, list[bytes]], bool]
) -> None:
    kept, other = ledgers
    assert not kept.is_found(kept.export, kept.receipts)
    assert not verifier(kept, kept.export, kept.receipts)
    rng = random.Random(22)
    missed: list[tuple[str, bool, bool]] = []
    seen: set[str] = set()
    for _ in range(MUTATIONS):
        kind, export, receipts = mutated(rng, kept, other)
        seen.add(kind)
        found = kept.is_found(export, receipts), verifier(kept, export, receipts)
        if found != (True, True):
            missed.append((kind, *found))
    assert missed == []
    assert seen == set(_KINDS)


def test_the_script_runs_as_a_file_and_ends_with_1(tmp_path: Path, ledgers: tuple[Ledger, Ledger]) -> None:
    assert SCRIPT is not None
    kept, other = ledgers
    (tmp_path / "verify.py").write_text(SCRIPT.group(1))
    (tmp_path / "key.pem").write_text(kept.key.pem)
    for name, data in {"good": kept.export, "other": other.export, "r": kept.receipts[0]}.items():
        (tmp_path / name).write_bytes(data)

    def ends(ledger: str) -> int:
        arguments = [sys.executable, "-I", "verify.py", ledger, "key.pem", kept.head, "r"]
        return subprocess.run(arguments, cwd=tmp_path, check=False, capture_output=True).returncode

    assert (ends("good"), ends("other")) == (0, 1)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE chain SET line = substr(line, 1, length(line) - 1) || x'00' WHERE n = 2",
        "DELETE FROM chain WHERE n = 10",
        "DELETE FROM chain WHERE n = 1",
        "DELETE FROM chain",
        "UPDATE chain SET statement = NULL WHERE n = 1",
        "UPDATE ledger SET action = 'release' WHERE entry = 1",
        "DELETE FROM ledger WHERE entry = 2",
        "UPDATE ledger SET at = at + 1 WHERE entry = 1",
        "INSERT INTO ledger SELECT 99, at, action, ids, salt, sealed FROM ledger WHERE entry = 1",
        "UPDATE meta SET value = '9' || substr(value, 2) WHERE name = 'ledger.head'",
    ],
)
def test_what_sql_alone_changes_is_found_by_the_store(tmp_path: Path, change: str) -> None:
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER) as memory:
        live_through(memory)
    with sqlite3.connect(tmp_path / "a.memoria" / "memoria.db") as database:
        assert database.execute(change).rowcount > 0
    result = CliRunner().invoke(app, ["ledger", "verify", "--store", str(tmp_path / "a.memoria")])
    assert result.exit_code == 1, result.output


# -- crashes, keys, formats --


def test_a_forget_whose_line_was_lost_in_a_crash_gets_one_of_recovery(tmp_path: Path) -> None:
    script = (
        "import os, sys, memoria; from memoria.testing import HashEmbedder\n"
        "memory = memoria.open(sys.argv[1], embedder=HashEmbedder(32))\n"
        "ones = memory.remember_many([f'Number {n} of some more.' for n in range(4)])\n"
        "memory.forget(ones[0]).signed(); memory.forget(ones[1]); memory.forget(ones[2], ones[3]); os._exit(9)"
    )
    place = str(tmp_path / "a.memoria")
    subprocess.run([sys.executable, "-c", script, place], check=False, cwd=ROOT)
    with memoria.open(place, embedder=EMBEDDER) as memory:
        lines = memory.ledger_lines()
        assert [(line.action, line.count) for line in lines] == [("erase", 1), ("recover", 3)]
        assert memory.verify_ledger().problems == ()


class Elsewhere:
    """A signer whose key is not in the store, and which may be away."""

    def __init__(self, seed: int) -> None:
        self._key = OwnKey(bytes([seed]) * 32)
        self.public = self._key.public
        self.away = False

    def sign(self, message: bytes) -> bytes:
        if self.away:
            raise SignerUnavailable("away")
        return self._key.sign(message)


def test_a_signer_signs_and_when_it_is_away_forgetting_goes_on(tmp_path: Path) -> None:
    signer, place = Elsewhere(1), tmp_path / "a.memoria"
    with memoria.open(place, embedder=EMBEDDER, signer=signer) as memory:
        one, two, three = memory.remember_many(["The first of three.", "The second of three.", "The third of three."])
        memory.forget(one)
        assert memory.verify_ledger().problems == ()
        signer.away = True
        receipt = memory.forget(two)
        assert memory.verify_ledger().problems == ("lines 2 to 2 are not signed",)
        with pytest.raises(SignerUnavailable):
            receipt.signed()
        signer.away = False
        memory.forget(three)
        assert memory.verify_ledger().problems == ()
        assert memory.verify_receipt(receipt.signed()).number == 2
        assert memory.signing_key().public == signer.public
    with pytest.raises(InvalidQuery, match="signed last by the key"):
        memoria.open(place, embedder=EMBEDDER, signer=Elsewhere(2))
    with memoria.open(place, embedder=EMBEDDER, signer=signer) as memory:
        memory.rotate_key(signer=Elsewhere(2))
        assert memory.verify_ledger().problems == ()
    with memoria.open(place, embedder=EMBEDDER, signer=Elsewhere(2)) as memory:
        assert len(memory.verify_ledger().keys) == 2


def test_a_signer_takes_over_from_the_key_of_the_store(memory: memoria.Memoria) -> None:
    memory.forget(memory.remember("A text of five words."))
    memory.rotate_key(signer=Elsewhere(3))
    memory.forget(memory.remember("Another text of words."))
    found = memory.verify_ledger()
    assert (found.problems, found.keys[-1]) == ((), key_id(Elsewhere(3).public).hex())


@pytest.mark.parametrize("wrong", [object(), 5, "key"])
def test_what_is_no_signer_is_named(tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(InvalidInput, match=f"signer is {type(wrong).__name__}"):
        memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER, signer=wrong)
    assert not (tmp_path / "a.memoria").exists()


def test_decisions_of_an_older_format_are_chained_when_it_is_opened(tmp_path: Path) -> None:
    place = tmp_path / "a.memoria"
    with memoria.open(place, embedder=EMBEDDER) as memory:
        memory.hold(memory.remember("A text of five words."), reason="why")
    with sqlite3.connect(place / "memoria.db") as database:
        database.executescript(
            "DROP TABLE chain; DELETE FROM meta WHERE name LIKE 'ledger.%' OR name LIKE 'forgets.%';"
            "DROP TRIGGER memory_lapsed; DROP TABLE lapse; DROP TABLE period; DROP TABLE gone;"
            "DROP INDEX forgotten_until; ALTER TABLE forgotten DROP COLUMN until; PRAGMA user_version = 6;"
            "DELETE FROM _sqlite_migrations WHERE name = 'format_7';"
        )
    with memoria.open(place, embedder=EMBEDDER) as memory:
        assert [line.action for line in memory.ledger_lines()] == ["hold"]
        assert memory.verify_ledger().problems == ()


def test_a_receipt_without_a_store_says_so() -> None:
    receipt = memoria.Receipt(asked={}, forgotten=(), namespaces=0, at=datetime(2026, 1, 1, tzinfo=UTC), seconds=0.0)
    with pytest.raises(InvalidQuery, match="no store stands behind"):
        receipt.signed()


def test_other_decisions_carry_facts(memory: memoria.Memoria) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    memory.store.enter(LedgerEntry(at=at, action="backup", ids=(), reason="nightly", facts={"files": 4}))
    line = memory.ledger_lines()[0]
    assert (line.action, line.facts["files"], line.at, line.decided) == ("backup", 4, at, True)
    assert memory.ledger()[0].reason == "nightly"


def test_a_certificate_has_what_the_receipt_says() -> None:
    with memoria.open(":memory:", embedder=EMBEDDER) as memory:
        memory.remember("A text of five words.")
        made = certificate(memory.forget(namespace=(), verify=True).signed())
    assert made.fields["sanitisation method"] == "Clear"
    assert made.fields["tool and version"].startswith("memoria ")
    assert "found 0" in made.fields["verification"]
    assert "| ledger line | 2 |" in made.markdown()
    with pytest.raises(InvalidInput):
        certificate(b"\xa0")


# -- time by an authority --


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A time stamp authority by OpenSSL, on this machine: its address, and the certificate that vouches for it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("NOT CHECKED: there is no openssl")
    folder = tmp_path_factory.mktemp("tsa")
    (folder / "tsa.cnf").write_text(_TSA.format(folder=folder))
    (folder / "serial").write_text("01")

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], cwd=folder, check=True, capture_output=True)

    new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-config", "tsa.cnf"]
    run(*new, "-extensions", "ca", "-subj", "/CN=A root", "-keyout", "ca.key", "-out", "ca.pem")
    run("req", "-newkey", "rsa:2048", "-nodes", "-config", "tsa.cnf", "-subj", "/CN=An authority",
        "-keyout", "tsa.key", "-out", "tsa.csr")  # fmt: skip
    run("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "7", "-days", "9",
        "-extfile", "tsa.cnf", "-extensions", "stamping", "-out", "tsa.pem")  # fmt: skip

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (folder / "q.tsq").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            run("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "q.tsq", "-out", "r.tsr")
            self.send_response(200)
            self.end_headers()
            self.wfile.write((folder / "r.tsr").read_bytes())

        def log_message(self, format: str, *args: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder / "ca.pem"
    server.shutdown()
    server.server_close()


_TSA = """
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[stamping]
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
crypto_device = builtin
ess_cert_id_alg = sha256
"""


def test_an_authority_says_when_a_receipt_was_there(tmp_path: Path, authority: tuple[str, Path]) -> None:
    pytest.importorskip("rfc3161_client", reason="NOT CHECKED: rfc3161-client is not installed")
    address, roots = authority
    place, file = tmp_path / "a.memoria", tmp_path / "r.cose"
    with memoria.open(place, embedder=EMBEDDER) as memory:
        memory.forget(memory.remember("A text of five words."))
    run, store = CliRunner(), ["--store", str(place)]
    made = run.invoke(app, ["receipts", "export", "1", "--out", str(file), "--tsa", address, *store])
    assert made.exit_code == 0, made.output
    verify = ["receipts", "verify", str(file), "--tsa-roots", str(roots), *store]
    assert "stamped by the authority at" in run.invoke(app, verify).stdout
    assert check_stamp(file.read_bytes(), Path(f"{file}.tsr").read_bytes(), roots.read_bytes()).tzinfo is not None
    for stamp in (b"", _flipped(random.Random(1), Path(f"{file}.tsr").read_bytes())):
        Path(f"{file}.tsr").write_bytes(stamp)
        assert run.invoke(app, verify).exit_code == 1
    with pytest.raises(InvalidInput):
        stamped(b"data", "file:///etc/passwd")
    with pytest.raises(SignerUnavailable):
        stamped(b"data", "http://127.0.0.1:9/")


# -- the command line --


def test_the_commands_write_verify_and_refuse(tmp_path: Path) -> None:
    place, run = str(tmp_path / "a.memoria"), CliRunner()

    def memoria_(*arguments: str) -> Any:
        return run.invoke(app, [*arguments, "--store", place])

    with memoria.open(place, embedder=EMBEDDER) as memory:
        memory.remember("Ada takes her tea without sugar.", subject="ada")
        receipt = memory.forget(subject="ada", verify=True)
        (tmp_path / "r.cose").write_bytes(receipt.signed())
    key = memoria_("receipts", "key")
    (tmp_path / "key.pem").write_text(key.stdout)
    assert memoria_("receipts", "verify", str(tmp_path / "r.cose")).exit_code == 0
    assert memoria_("receipts", "verify", str(tmp_path / "r.cose"), "--key", str(tmp_path / "key.pem")).exit_code == 0
    head = memoria_("ledger", "head").stdout.strip()
    assert memoria_("ledger", "verify", "--head", head, "--receipt", str(tmp_path / "r.cose")).exit_code == 0
    assert memoria_("ledger", "verify", "--head", f"9:{head[2:]}").exit_code == 1
    assert memoria_("ledger", "export", "--out", str(tmp_path / "l.cbor")).exit_code == 0
    given = ["ledger", "verify", "--file", str(tmp_path / "l.cbor"), "--key", str(tmp_path / "key.pem")]
    assert memoria_(*given).exit_code == 0
    *whole, last = (tmp_path / "r.cose").read_bytes()
    (tmp_path / "r.cose").write_bytes(bytes([*whole, last ^ 1]))
    refused = memoria_("receipts", "verify", str(tmp_path / "r.cose"), "--json")
    assert (refused.exit_code, '"genuine": false' in refused.stdout) == (1, True)
    assert '"action": "verify"' in memoria_("receipts", "list", "--json").stdout
    assert "Certificate" in memoria_("receipts", "show", "2").stdout


def test_check_receipt_names_what_is_wrong() -> None:
    for data in (b"", b"\xa0", encoded(cbor2.CBORTag(18, [b"", {}, b"", b""])), b"\xd2\x84" + b"\xff" * 9):
        with pytest.raises(InvalidInput):
            check_receipt(data, [OwnKey(bytes(32)).public])

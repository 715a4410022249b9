"""`.mem` bundles (Portable Memory 1.1): both ways through the package of their makers; what is deleted stays so."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import memoria
from memoria import Held, InvalidMemory, InvalidQuery, Memoria, Provenance
from memoria.cli import app
from memoria.testing import HashEmbedder
from memoria.transfer.foreign import bring, survey
from memoria.transfer.mem import canonical_json, receipts_of, write_bundle
from memoria.types import Memory, Where

portable = pytest.importorskip("portable_memory")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def opened(place: str | Path = ":memory:") -> Memoria:
    times = (START + timedelta(minutes=n) for n in range(100_000))
    return memoria.open(place, embedder=HashEmbedder(32), clock=lambda: next(times), judge=None)


@pytest.fixture(params=["memory", "local", "postgres"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Memoria]:
    place = {"memory": ":memory:", "local": str(tmp_path / "a.memoria")}.get(request.param)
    with opened(place or request.getfixturevalue("database")) as made:
        yield made


def told(memory: Memoria) -> list[Memory]:
    home = memory.namespace("home", "ada")
    tea = home.remember(
        "Ada takes her tea without sugar.", subject="ada", tags=["tea", "food"], salience=0.8, key="tea",
        provenance=Provenance(source="chat", speaker="Ada", session="talk 1"),
        metadata={"cups": 2, "with": {"milk": False}, "note": "später ☕"},
    )  # fmt: skip
    made = home.remember("So no sugar for her.", provenance=Provenance(derived_from=(tea.id,)), kind="semantic")
    old = memory.remember("The gate code is 7741 until June.", valid_to=START + timedelta(days=90))
    how = memory.remember("To open the gate, press the code and then the key.\nThen wait.", kind="procedural")
    parts = memory.remember_many(["Bob plays chess on Mondays.", "Bob plays chess on Fridays."])
    memory.consolidate(*parts)
    memory.archive(old)
    return [tea, made, old, how, *parts]


def exported(memory: Memoria, target: Path, **more: Any) -> Path:
    write_bundle(memory.store, target, Where(namespace=memory.prefix), START, **more)
    return target


def checked(bundle: Path) -> None:
    found = portable.BundleValidator().validate(bundle)
    assert found.ok, found.issues


def theirs(bundle: Path) -> Any:
    """The store of the package with what is in a bundle."""
    store = portable.InMemoryStore()
    portable.BundleImporter().import_bundle(store, bundle)
    return store


def foreign(target: Path, *, stale: bool = False) -> Path:
    """A bundle by the package itself: of every kind that is taken, a foreign field, a foreign kind, and tombstones."""
    at = datetime(2025, 5, 1, 9, tzinfo=UTC)
    base = {
        "event_time": at, "mention_time": at, "ingestion_time": at, "source_type": "note", "actors": ["ada"],
        "sensitivity": "low", "metadata": {"room": "kitchen"}, "categories": ["tea"], "importance": 0.7,
        "confidence": 0.9, "lifecycle_state": "HOT", "extraction_state": "done", "access_count": 3, "pinned": False,
        "vault_refs": [],
    }  # fmt: skip

    class Full(portable.InMemoryStore):  # type: ignore[misc,name-defined]  # the package has no types
        def export_facts(self) -> list[Any]:
            return [
                portable.PortableFact(
                    id="fact_1", episode_id="ep_1", subject="Ada", predicate="likes", obj="tea", text="Ada likes tea.",
                    t_valid_from=at, confidence=0.9, importance=0.5, created_at=at,
                )
            ]  # fmt: skip

        def export_core_blocks(self) -> list[Any]:
            return [portable.PortableCore(id="human", content="The user is called Ada.", char_budget=500, version=1)]

        def export_preferences(self) -> list[Any]:
            return [portable.PortablePreference(key="units", value="metric")]

        def export_contexts(self) -> list[Any]:
            return [
                portable.PortableContext(id="ctx_a", label="work", archived=False, created_at=at),
                portable.PortableContext(id="ctx_b", label="a/b", archived=False, created_at=at, parent_id="ctx_a"),
            ]

    store = Full()
    for n, text in enumerate(["Ada drinks tea at nine.", "Ada moved to Porto.", "Bob has the blue key."], 1):
        scope = {"context_id": "ctx_b"} if n == 2 else {}
        row = portable.PortableEpisode(id=f"ep_{n}", summary=text, details=text, **base, **scope)
        store.import_episode(row, json.dumps({"mood": "calm"}) if n == 1 else None)
    store.import_entity(
        portable.PortableEntity(
            id="ent_1", entity_type="person", canonical_name="Ada", aliases=["A."], summary="A friend.",
            sensitivity="low", updated_at=at,
        )
    )  # fmt: skip
    store.import_edge(
        portable.PortableEdge(
            id="edge_1", src_entity_id="ent_1", dst_entity_id="ent_2", edge_type="works_at", t_valid_from=at,
            ingestion_time=at, confidence=0.8, evidence_episode_ids=["ep_2"],
        )
    )  # fmt: skip
    store.store_passthrough("vendorThing", ['{"id":"vt_1","blob":"opaque"}'])
    if stale:
        shutil.rmtree(target, ignore_errors=True)
    portable.BundleExporter().export(store, target)
    if stale:
        _entomb(target, "ep_1")
    return target


def _entomb(bundle: Path, *targets: str) -> None:
    """Adds tombstones to a bundle that still has the rows, and makes its sums anew."""
    lists = ("sentenceIDs", "factIDs", "edgeIDs", "entityIDs", "chunkIDs", "embeddingCacheKeys")
    derived = {**{name: [] for name in lists}, "episodeLinkCount": 0}
    plain = {"op": "delete", "targetKind": "episode", "deletedAt": "2025-06-01T00:00:00Z", "actor": "user"}
    lines = [{"id": f"tomb_{n}", "targetID": one, "derived": derived, **plain} for n, one in enumerate(targets)]
    (bundle / "audit").mkdir(exist_ok=True)
    (bundle / "audit" / "tombstones.jsonl").write_text("".join(canonical_json(line) + "\n" for line in lines))
    resealed(bundle)


def resealed(bundle: Path) -> None:
    """Makes the manifest and the checksums anew for what is in the folders."""
    import hashlib

    manifest = json.loads((bundle / "manifest.json").read_text())
    paths = sorted(path for sub in ("items", "audit") for path in (bundle / sub).glob("*.jsonl"))
    manifest["files"] = [
        {"path": path.relative_to(bundle).as_posix(), "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
         "bytes": path.stat().st_size}
        for path in paths
    ]  # fmt: skip
    sums = "".join(f"{one['sha256']}  {one['path']}\n" for one in manifest["files"])
    (bundle / "CHECKSUMS").write_text(sums)
    manifest["bundleDigest"] = hashlib.sha256(sums.encode()).hexdigest()
    (bundle / "manifest.json").write_text(canonical_json(manifest))


def test_what_is_written_is_valid_and_comes_back_through_the_package(memory: Memoria, tmp_path: Path) -> None:
    known = told(memory)
    bundle = exported(memory, tmp_path / "ours.mem")
    checked(bundle)
    store = theirs(bundle)
    assert sorted(one.details for one in store.episodes.values()) == sorted(one.text for one in known)
    again = tmp_path / "again.mem"
    portable.BundleExporter().export(store, again)
    with opened() as other:
        done = bring(other, "mem", again)
        assert (done.stored, done.refused) == (len(known), 0)
        found = {one.text: one for one in other.list()}
        for one in known:
            back = found[one.text]
            assert (back.kind, back.subject, back.tags, back.salience) == (
                one.kind,
                one.subject,
                one.tags,
                one.salience,
            )
            assert (back.created_at, back.valid_to, back.namespace) == (one.created_at, one.valid_to, one.namespace)
            said = {name: value for name, value in back.metadata.items() if name != "mem"}
            assert said == dict(one.metadata)
            assert back.provenance.speaker == one.provenance.speaker
        tea, made = (found[known[n].text] for n in (0, 1))
        assert made.provenance.derived_from == (tea.id,)
        assert set(other.forget(tea.id).derived) == {made.id}
        once = exported(other, tmp_path / "once.mem", receipts=[])
    checked(once)


def test_namespaces_and_ids_are_kept_between_two_of_ours(memory: Memoria, tmp_path: Path) -> None:
    known = told(memory)
    bundle = exported(memory, tmp_path / "ours.mem")
    assert bring(memory, "mem", bundle).present == len(known)
    with opened() as other:
        bring(other, "mem", bundle)
        assert {one.text: one.namespace for one in other.list()} == {one.text: one.namespace for one in known}
        assert bring(other, "mem", bundle).stored == 0
        back = exported(other, tmp_path / "back.mem")
        ids = [{json.loads(line)["id"] for line in _lines(one, "episode")} for one in (bundle, back)]
        assert ids[0] == ids[1] == {f"ep_{one.id}" for one in known}


def _lines(bundle: Path, kind: str) -> list[str]:
    return (bundle / "items" / f"{kind}.jsonl").read_text().splitlines()


def test_a_bundle_by_others_is_taken_in(memory: Memoria, tmp_path: Path) -> None:
    bundle = foreign(tmp_path / "theirs.mem")
    checked(bundle)
    seen = survey("mem", bundle)
    assert (seen.found, sum(seen.skipped.values())) == (8, 3)
    done = bring(memory, "mem", bundle)
    assert (done.stored, done.refused) == (8, 0)
    found = {one.key: one for one in memory.list()}
    first = found["mem:ep_1"]
    assert (first.subject, first.tags, first.salience) == ("ada", ("tea",), 0.7)
    assert first.metadata["mem"] == {"mood": "calm", "confidence": 0.9, "sensitivity": "low"}
    assert found["mem:ep_2"].namespace == ("work", "a∕b")  # noqa: RUF001 - a stroke that is none
    assert found["mem:edge_1"].text == "Ada works at ent_2"
    assert found["mem:human"].text == "The user is called Ada."
    assert found["mem:preference:units"].text == "units: metric"
    assert bring(memory, "mem", bundle).stored == 0
    receipt = memory.forget(first.id)
    assert receipt.derived == (found["mem:fact_1"].id,)
    out = exported(memory, tmp_path / "out.mem", receipts=[receipt])
    checked(out)
    targets = {json.loads(line)["targetID"] for line in (out / "audit" / "tombstones.jsonl").read_text().splitlines()}
    assert targets == {"ep_1", "fact_1"}
    assert next(json.loads(line) for line in _lines(out, "episode") if '"ep_2"' in line)["confidence"] == 0.9
    store = theirs(foreign(tmp_path / "fresh.mem"))
    portable.BundleImporter().import_bundle(store, out)
    assert "ep_1" not in store.episodes


def test_tombstones_come_first_and_nothing_comes_back(memory: Memoria, tmp_path: Path) -> None:
    bundle = foreign(tmp_path / "theirs.mem")
    bring(memory, "mem", bundle)
    reply = memory.remember(
        "Then tea at nine.", provenance=Provenance(derived_from=(memory.list(key="mem:ep_1")[0].id,))
    )
    stale = foreign(tmp_path / "stale.mem", stale=True)
    checked(stale)
    done = bring(memory, "mem", stale)
    assert (done.stored, done.refused) == (0, 2)
    left = {one.key for one in memory.list()}
    assert not {"mem:ep_1", "mem:fact_1"} & left
    assert reply.id not in {one.id for one in memory.list()}
    assert not [
        hit for hit in memory.recall("tea at nine", k=20, include=("archived", "expired")) if "nine" in hit.memory.text
    ]
    # The tombstone is kept: an older bundle without it brings nothing back, into another namespace or readmitted.
    assert bring(memory, "mem", bundle).stored == 0
    assert bring(memory.namespace("other"), "mem", bundle, readmit=True).refused == 2
    out = exported(memory, tmp_path / "out.mem")
    assert '"targetID":"ep_1"' in (out / "audit" / "tombstones.jsonl").read_text()
    checked(out)


def test_a_hold_stands_against_a_tombstone_and_then_nothing_is_imported(memory: Memoria, tmp_path: Path) -> None:
    bring(memory, "mem", foreign(tmp_path / "theirs.mem"))
    (one,) = memory.list(key="mem:ep_1")
    memory.hold(one, reason="a claim")
    before = memory.list()
    with pytest.raises(Held, match=one.id):
        bring(memory, "mem", foreign(tmp_path / "stale.mem", stale=True))
    assert memory.list() == before
    memory.release(one, reason="settled")
    assert bring(memory, "mem", tmp_path / "stale.mem").stored == 0
    assert memory.list(key="mem:ep_1") == []


def test_what_is_restricted_is_never_in_a_bundle(memory: Memoria, tmp_path: Path) -> None:
    known = told(memory)
    memory.restrict("Ada", reason="disputed")
    done = write_bundle(memory.store, tmp_path / "ours.mem", Where(), START)
    assert (done.episodes, done.restricted) == (len(known) - 2, 2)
    everything = b"".join(path.read_bytes() for path in (tmp_path / "ours.mem").rglob("*.json*"))
    assert b"sugar" not in everything
    assert known[0].id.encode() not in everything


def test_a_tombstone_has_no_content(memory: Memoria, tmp_path: Path) -> None:
    known = told(memory)
    receipt = memory.forget(subject="ada")
    out = exported(memory, tmp_path / "ours.mem", receipts=[receipt])
    everything = b"".join(path.read_bytes() for path in out.rglob("*.json*"))
    assert known[0].id.encode() in everything
    assert b"sugar" not in everything
    with opened() as other:
        assert bring(other, "mem", out).stored == len(known) - 2


@pytest.mark.parametrize("seed", range(6))
def test_a_bundle_that_was_changed_is_refused_whole(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    bundle = foreign(tmp_path / "theirs.mem", stale=True)
    with opened() as memory:
        for n in range(25):
            copy = tmp_path / f"copy {n}"
            shutil.copytree(bundle, copy)
            path = rng.choice(sorted(copy.rglob("*.jsonl")))
            data = bytearray(path.read_bytes())
            at = rng.randrange(len(data))
            how = rng.choice(["flip", "cut", "add"])
            data[at:] = {
                "flip": bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :],
                "cut": b"",
                "add": data[at:] + b"{}\n",
            }[how]
            path.write_bytes(bytes(data))
            with pytest.raises(InvalidMemory, match="not what the manifest says"):
                bring(memory, "mem", copy)
            shutil.rmtree(copy)
        assert memory.list() == []


@pytest.mark.parametrize(
    "how", ["unlisted", "missing", "escape", "link", "format", "none", "tombstone", "json", "type"]
)
def test_a_bundle_that_is_none_is_refused_with_its_rule(tmp_path: Path, how: str) -> None:
    bundle = foreign(tmp_path / "theirs.mem", stale=True)
    manifest = json.loads((bundle / "manifest.json").read_text())
    if how == "unlisted":
        (bundle / "items" / "more.jsonl").write_text("{}\n")
    elif how == "missing":
        (bundle / "items" / "fact.jsonl").unlink()
    elif how == "escape":
        manifest["files"][0]["path"] = "../secret.jsonl"
        (bundle / "manifest.json").write_text(json.dumps(manifest))
    elif how == "link":
        outside = tmp_path / "outside.jsonl"
        shutil.move(bundle / "items" / "fact.jsonl", outside)
        (bundle / "items" / "fact.jsonl").symlink_to(outside)
    elif how == "format":
        (bundle / "manifest.json").write_text(json.dumps(manifest | {"format": "2.0.0"}))
    elif how == "none":
        (bundle / "manifest.json").unlink()
    elif how == "tombstone":
        (bundle / "audit" / "tombstones.jsonl").write_text('{"op":"undo","secret":"nobody sees this"}\n')
        resealed(bundle)
    elif how == "json":
        (bundle / "items" / "fact.jsonl").write_text("nobody sees this\n")
        resealed(bundle)
    else:
        (bundle / "items" / "episode.jsonl").write_text('{"id":["nobody sees this"]}\n')
        resealed(bundle)
    with opened() as memory:
        with pytest.raises(InvalidMemory) as caught:
            bring(memory, "mem", bundle)
        assert "nobody sees this" not in str(caught.value)
        assert memory.list() == []


def test_an_archive_is_a_bundle_too(tmp_path: Path) -> None:
    foreign(tmp_path / "in" / "theirs.mem")
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "in")
    with opened() as memory:
        assert bring(memory, "mem", tmp_path / "packed.zip").stored == 8


KILLED = """
import os, sys
import memoria
from memoria.testing import HashEmbedder
from memoria.transfer.foreign import bring
seen = []
def told(what, done, total):
    seen.append(done)
    if what == "import" and len(seen) > int(sys.argv[3]):
        os._exit(9)
with memoria.open(sys.argv[1], embedder=HashEmbedder(32), judge=None, progress=told) as memory:
    bring(memory, "mem", sys.argv[2])
"""


def test_an_import_that_was_killed_goes_on(tmp_path: Path) -> None:
    with opened() as memory:
        made = memory.remember_many([f"fact number {n} of many" for n in range(800)])
        memory.remember("made of two", provenance=Provenance(derived_from=(made[0].id, made[700].id)))
        bundle = exported(memory, tmp_path / "ours.mem", receipts=[memory.forget(made[7].id)])
        wanted = sorted(one.text for one in memory.list())
    place = tmp_path / "b.memoria"
    status = []
    for after in (1, 2, 99):
        words = [sys.executable, "-c", KILLED, str(place), str(bundle), str(after)]
        status.append(subprocess.run(words, env=os.environ, check=False).returncode)
    assert (status[0], status[-1]) == (9, 0)
    with opened(place) as memory:
        found = memory.list()
        assert sorted(one.text for one in found) == wanted
        ids = {one.text: one.id for one in found}
        (last,) = [one for one in found if one.text == "made of two"]
        assert set(last.provenance.derived_from) == {ids["fact number 0 of many"], ids["fact number 700 of many"]}
        back = exported(memory, tmp_path / "back.mem")
    assert {json.loads(line)["id"] for line in _lines(back, "episode")} == {
        json.loads(line)["id"] for line in _lines(bundle, "episode")
    }


def test_lines_are_canonical_as_the_package_has_them() -> None:
    reference = pytest.importorskip("portable_memory._codec").canonical_json
    rng = random.Random(5)
    values: list[Any] = [
        1.0,
        -0.0,
        0.1 + 0.2,
        8e15,
        2**53 + 1,
        "é/\u0001\t",
        True,
        None,
        [],
        {},
        {"z": 1, "B": 2, "1": 3},
    ]
    for _ in range(200):
        one = {rng.choice("abzé"): rng.choice(values), "n": [rng.choice(values), {"x": rng.random()}]}
        assert canonical_json(one) == reference(one)


def test_the_command_writes_and_reads_bundles(tmp_path: Path) -> None:
    place, bundle = tmp_path / "a.memoria", tmp_path / "ours.mem"
    with opened(place) as memory:
        known = told(memory)

    def run(*words: str, store: Path = place) -> Any:
        return CliRunner().invoke(app, [*words, "--store", str(store)])

    receipt = run("forget", known[3].id, "--yes", "--json")
    (tmp_path / "receipt.json").write_text(receipt.stdout)
    done = run("export", "--format", "mem", "--to", str(bundle), "--receipt", str(tmp_path / "receipt.json"), "--json")
    assert (json.loads(done.stdout)["episodes"], json.loads(done.stdout)["tombstones"]) == (5, 1)
    checked(bundle)
    assert isinstance(run("export", "--format", "mem", "--to", str(bundle)).exception, InvalidQuery)
    assert isinstance(run("export", "--format", "mem").exception, InvalidQuery)
    assert isinstance(run("export", "--to", str(bundle)).exception, InvalidQuery)
    assert isinstance(run("export", "--format", "zip").exception, InvalidQuery)
    dry = run("import", str(bundle), "--from", "mem", "--dry-run", "--json", store=tmp_path / "b.memoria")
    assert json.loads(dry.stdout)["survey"]["found"] == 5
    got = run("import", str(bundle), "--from", "mem", "--json", store=tmp_path / "b.memoria")
    assert json.loads(got.stdout)["stored"] == 5
    with pytest.raises(InvalidQuery):
        list(receipts_of("{}"))

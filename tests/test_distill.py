"""Memories in weights: learnt, routed, taken out again, relearnt to the bit, through every crash."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import math
import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import memoria
from memoria.cli import app
from memoria.distill import base, shards
from memoria.distill.audit import auc, auc_error
from memoria.distill.general import QUESTIONS, TEXT
from memoria.distill.recipe import Recipe
from memoria.distill.route import names
from memoria.distill.train import tensors_sha256, train
from memoria.distill.unlearn import manifests, read_manifest
from memoria.engine.memory import Memoria
from memoria.english.questions import examples, held_out
from memoria.errors import InvalidQuery, ModelCorrupt, ModelNotFound
from memoria.evaluation.bench import weights
from memoria.evaluation.quality import facts
from memoria.extras import cache_folder
from memoria.stores import LocalStore
from memoria.testing import HashEmbedder
from memoria.types import Example, Memory, Provenance, Receipt
from tests import tiny_model
from tests.distill_worker import EMBEDDER, FACTS
from tests.tiny_model import RECIPE, RECIPES

ROOT = Path(__file__).parents[1]
AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.make(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def memory(tmp_path: Path, tiny: Path) -> Iterator[Memoria]:
    """A store of ten facts in two namespaces, distilled."""
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()) as memory:
        for home in ("ada", "bob"):
            memory.namespace(home).remember_many(FACTS)
        memory.distill(tiny, recipe=RECIPE)
        yield memory


def files(memory: Memoria) -> dict[str, bytes]:
    """Digest of each shard file of a store, whole."""
    return {path.name: hashlib.sha256(path.read_bytes()).digest() for path in manifests(adapters(memory))}


def adapters(memory: Memoria) -> Path:
    assert isinstance(memory.store, LocalStore)
    return memory.store.path / "adapters"


def holding(memory: Memoria, id: str) -> list[Path]:
    return [path for path, one in manifests(adapters(memory)).items() if one is not None and one.names([id])]


def beside_others(memory: Memoria) -> str:
    """The id of a memory that shares its shard."""
    return next(one.ids[0] for one in manifests(adapters(memory)).values() if one is not None and len(one.ids) > 1)


# -- the plan --


@given(st.integers(0, 40), st.integers(1, 6), st.integers(0, 2**32))
def test_a_memory_that_never_was_changes_its_own_shard_alone(count: int, size: int, seed: int) -> None:
    rng = random.Random(seed)
    all_ = [_memory(f"{rng.getrandbits(128):032x}", rng.choice("ab")) for _ in range(count)]
    whole = shards.plan(rng.sample(all_, count), size)
    assert sorted(one.id for shard in whole for one in shard) == sorted(one.id for one in all_)
    assert all(len(shard) <= size and len({one.namespace for one in shard}) == 1 for shard in whole)
    for gone in all_[:3]:
        without = shards.plan([one for one in all_ if one != gone], size)
        assert len([shard for shard in without if shard not in whole]) <= 1


@given(st.integers(0, 40), st.integers(1, 6), st.integers(0, 2**32))
def test_free_text_has_a_shard_of_its_own_whatever_else_there_is(count: int, size: int, seed: int) -> None:
    rng = random.Random(seed)
    texts = ("Ada's home town is Lund.", "I went to Lund and liked it.")
    all_ = [_memory(f"{rng.getrandbits(128):032x}", "a", rng.choice(texts)) for _ in range(count)]
    whole = shards.plan(all_, size, own=True)
    assert sorted(one.id for shard in whole for one in shard) == sorted(one.id for one in all_)
    assert all(len(shard) == 1 for shard in whole if any(one.text == texts[1] for one in shard))
    facts_ = [one for one in all_ if one.text == texts[0]]
    assert [shard for shard in whole if shard[0].text == texts[0]] == shards.plan(facts_, size)
    for gone in all_[:3]:
        without = shards.plan([one for one in all_ if one != gone], size, own=True)
        assert len([shard for shard in without if shard not in whole]) <= 1


def test_the_shard_of_free_text_is_small_and_one_made_before_is_as_it_was() -> None:
    own, shared = (Recipe().of_one(own=own) for own in (True, False))
    assert (own.size, own.rank, own.alpha, own.steps, own.rows) == (1, 2, 4, 16, 4)
    assert shared == replace(Recipe(), own_rank=0)
    before = {name: value for name, value in asdict(Recipe()).items() if not name.startswith("own_")}
    assert Recipe.read(before) == shared


def test_free_text_is_learnt_apart_and_relearnt_to_the_bit(tmp_path: Path, tiny: Path) -> None:
    said = [f"I went to town {n} by boat and liked it." for n in range(3)]
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()) as memory:
        memory.remember_many([*FACTS[:3], *said])
        memory.distill(tiny, recipe=RECIPE)
        found = [one for one in manifests(adapters(memory)).values() if one is not None]
        assert sorted(len(one.ids) for one in found) == [1, 1, 1, 3]
        assert all(one.recipe["own_rank"] == 0 for one in found)
        before, own = files(memory), next(one.id for one in memory.list() if one.text == said[0])
        memory.forget(own)
        assert memory.sleep(like=1, dry_run=True).relearnt == ()
        assert memory.relearn().trained == ()
        assert before.items() > files(memory).items()
        assert memory.audit_weights().unequal == ()


def _memory(id: str, home: str = "a", text: str = "-", subject: str | None = None) -> Memory:
    return Memory(id=id, namespace=(home,), text=text, created_at=AT, subject=subject)


# -- examples --


@pytest.mark.parametrize(
    ("text", "subject", "answer"),
    [
        ("Ada's home town is Lund.", None, "Lund."),
        ("The home town of Ada is Lund", None, "Lund."),
        ("My home town is Lund!", "Ada", "Lund."),
    ],
)
def test_a_fact_is_asked_for_by_its_name(text: str, subject: str | None, answer: str) -> None:
    memory = _memory("0" * 32, text=text, subject=subject)
    made, kept = examples(memory), held_out(memory)
    assert {one.answer for one in (*made, *kept)} == {answer}
    assert all("Ada" in one.prompt and "home town" in one.prompt for one in (*made, *kept))
    assert not {one.prompt for one in made} & {one.prompt for one in kept}


@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        (
            "Speaking of birds, I really love the poem 'The Windhover'.",
            "Which poem do I like?",
            "I really love the poem 'The Windhover'.",
        ),
        (
            "I was thinking about cheese. I can't stand Limburger!",
            "Which cheese do I dislike?",
            "I can't stand Limburger!",
        ),
        ("I'm a big fan of slow trains; I hate airports.", "What do I dislike?", "I hate airports."),
    ],
)
def test_what_a_speaker_likes_or_not_is_asked_for_by_what_is_said_of_it(text: str, question: str, answer: str) -> None:
    made = examples(_memory("0" * 32, text=text))
    assert Example(prompt=question, answer=answer) in made
    assert not [one for one in made if one.prompt.startswith("Complete")]


def test_any_other_text_is_asked_for_by_its_clauses_and_its_subject() -> None:
    memory = _memory("0" * 32, text="Ada moved north when the factory closed.", subject="Ada")
    assert held_out(memory) == []
    assert "What do you know about Ada?" in [one.prompt for one in examples(memory)]
    assert {one.answer for one in examples(memory)} == {memory.text}


# -- forgetting --


def test_forget_wipes_the_shard_that_saw_it_and_no_other(memory: Memoria) -> None:
    before = files(memory)
    gone = memory.list()[0]
    (path,) = holding(memory, gone.id)
    opened = os.open(path, os.O_RDONLY)
    size = path.stat().st_size
    receipt = memory.forget(gone.id, verify=True)
    assert os.pread(opened, size, 0) == bytes(size)
    os.close(opened)
    assert receipt.shards == (path.stem,)
    assert path.stem not in receipt.summary()
    assert "Shards of weights wiped: 1" in receipt.summary()
    del before[path.name]
    assert files(memory) == before
    assert gone.id not in (adapters(memory) / "chosen.json").read_text()


def test_the_shard_relearnt_is_that_of_a_store_that_never_saw_it(memory: Memoria, tiny: Path, tmp_path: Path) -> None:
    before, gone = files(memory), beside_others(memory)
    memory.forget(gone)
    done = memory.relearn()
    assert len(done.trained) == 1
    assert done.memories == len(memory) == 9
    records = [record for record in memory.store.read([one.id for one in memory.list()]) if record is not None]
    with memoria.open(tmp_path / "never.memoria", embedder=HashEmbedder()) as never:
        never.store.write(records)
        never.distill(tiny, recipe=RECIPE)
        assert files(never) == files(memory)
    assert files(memory) != before
    report = memory.audit_weights()
    assert len(report.equal) == len(files(memory))
    assert report.unequal == ()


def test_off_topic_logits_are_those_of_a_base_that_was_never_touched(memory: Memoria, tiny: Path) -> None:
    import torch

    model, untouched = memory.distilled(), base.load(tiny)
    off = [text for text in (*QUESTIONS, *TEXT) if not model.route(text).shards]
    assert len(off) > 5
    for text in off:
        ids = untouched.tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
        with torch.no_grad():
            assert torch.equal(model.logits(text), untouched.model(input_ids=ids, use_cache=False).logits[0])


def forget_part(memory: Memoria) -> Receipt:
    first, second, *_ = memory.namespace("ada").list()
    gist = memory.consolidate(first.id, second.id)
    memory.distill(memory_model(memory), recipe=RECIPE)
    assert holding(memory, gist.id) == holding(memory, first.id) != []
    receipt = memory.forget(first.id)
    assert holding(memory, gist.id) == []
    return receipt


def forget_source(memory: Memoria) -> Receipt:
    source = memory.namespace("ada").list()[0]
    made = memory.namespace("bob").remember("derived", provenance=Provenance(derived_from=(source.id,)))
    memory.distill(memory_model(memory), recipe=RECIPE)
    receipt = memory.forget(source.id)
    assert receipt.derived == (made.id,)
    assert holding(memory, made.id) == []
    return receipt


def forget_namespace(memory: Memoria) -> Receipt:
    homes = {path.stem for one in memory.namespace("ada").list() for path in holding(memory, one.id)}
    receipt = memory.namespace("ada").forget(namespace=())
    assert homes == set(receipt.shards)
    return receipt


@pytest.mark.parametrize("way", [forget_part, forget_source, forget_namespace])
def test_what_was_made_of_it_goes_from_weights_too(memory: Memoria, way: Any) -> None:
    receipt = way(memory)
    assert receipt.shards
    there = {one.id for one in memory.list()} | {part.id for one in memory.list() for part in one.parts}
    named = [one for one in manifests(adapters(memory)).values() if one is not None]
    assert all(set(one.ids) <= there for one in named)
    assert named


def memory_model(memory: Memoria) -> Path:
    return Path(json.loads((adapters(memory) / "chosen.json").read_text())["model"])


def test_amend_and_prune_wipe_too_and_a_hold_keeps_both(memory: Memoria) -> None:
    first, second, third, *_ = memory.namespace("ada").list()
    memory.hold(first.id, reason="case 7")
    with pytest.raises(memoria.Held):
        memory.forget(first.id)
    assert holding(memory, first.id)
    memory.amend(second.id, text="Person 1's badge is another.")
    assert holding(memory, second.id) == []
    memory.relearn()
    assert holding(memory, second.id)
    memory.archive(third.id)
    assert memory.prune(below=1.1).ids == (third.id,)
    assert holding(memory, third.id) == []


def test_what_was_forgotten_while_its_shard_was_trained_is_not_put_in_place(memory: Memoria, tiny: Path) -> None:
    doomed = memory.namespace("ada").list()[0]

    def forgetting(one: Memory) -> list[Example]:
        if one.namespace == ("bob",) and doomed.id in {each.id for each in memory.list()}:
            memory.forget(doomed.id)
        return [Example(prompt=f"{one.text}?", answer="yes")]

    memory.distill(tiny, recipe=RECIPE, examples=forgetting)
    assert doomed.id not in {each.id for each in memory.list()}
    assert holding(memory, doomed.id) == []
    with pytest.raises(InvalidQuery, match="examples"):
        memory.relearn()
    memory.relearn(examples=forgetting)
    assert {id for one in manifests(adapters(memory)).values() if one for id in one.ids} == {
        each.id for each in memory.list()
    }


def test_exports_are_plain_and_are_wiped_and_named(memory: Memoria, tiny: Path, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = memory.distilled()
    made = model.export(tmp_path / "out")
    memory.distilled().export(tmp_path / "one", "merged")
    (name,) = made[0].shards
    ids = torch.tensor([[1, 2, 3]])
    text = model.base.tokenizer.decode(ids[0])
    with torch.no_grad():
        plain = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny), made[0].path)
        assert torch.allclose(plain(input_ids=ids).logits[0], model.logits_with(text, [name]), atol=1e-5)
        merged = AutoModelForCausalLM.from_pretrained(tmp_path / "one")
        assert not torch.equal(merged(input_ids=ids).logits, model.base.model(input_ids=ids).logits)
    manifest = read_manifest(adapters(memory) / f"{name}.safetensors")
    assert manifest is not None
    receipt = memory.forget(manifest.ids[0])
    assert set(receipt.exports) == {made[0].path, str(tmp_path / "one")}
    assert not list(Path(made[0].path).glob("*.safetensors"))
    assert not list((tmp_path / "one").glob("*.safetensors"))
    assert len(list((tmp_path / "out").glob("*/*.safetensors"))) == len(made) - 1
    with pytest.raises(InvalidQuery, match="not empty"):
        memory.distilled().export(tmp_path / "out")


def test_what_is_damaged_unknown_or_ended_is_never_used(memory: Memoria) -> None:
    model = memory.namespace("ada").distilled()
    (query,) = {one.prompt for one in examples(memory.namespace("ada").list()[0])[:1]}
    (used,) = model.route(query).shards
    path = adapters(memory) / f"{used}.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert used not in model.shards
    assert memory.relearn().trained == (used,)
    assert path.read_bytes() == whole
    assert used in model.shards
    assert used not in memory.namespace("bob").distilled().shards
    memory.expire(memory.namespace("ada").list()[0].id)
    assert used not in model.route(query).shards


def test_a_model_in_ram_drops_what_is_forgotten_and_is_told_the_rest(memory: Memoria) -> None:
    import torch

    (path,) = holding(memory, beside_others(memory))
    manifest = read_manifest(path)
    assert manifest is not None
    first, other, *_ = (memory.get(id) for id in manifest.ids)
    view = memory.namespace(*first.namespace).distilled()
    query = examples(first)[0].prompt
    (used,) = view.route(query).shards[:1]
    assert not torch.equal(view.logits(query), view.logits_with(query, ()))
    memory.forget(first.id)
    assert used not in view.shards
    assert torch.equal(view.logits_with(query, [used]), view.logits_with(query, ()))
    assert view.generate(examples(other)[0].prompt) == other.text
    assert view.told("Something else", view.route("Something else")) is None


def test_an_audit_sees_weights_that_are_not_what_they_should_be(memory: Memoria) -> None:
    path, manifest = next(iter(manifests(adapters(memory)).items()))
    assert manifest is not None
    tensors = shards.read(path, manifest)
    assert tensors is not None
    key = next(name for name in tensors if "lora_B" in name)
    tensors[key] += 1e-7
    shards.write(path.parent, manifest, tensors)
    report = memory.audit_weights()
    assert report.unequal == (path.stem,)


# -- in sleep --


@pytest.fixture
def trios(tmp_path: Path, tiny: Path) -> Iterator[Memoria]:
    """A store of three facts in each of two namespaces, each a shard, whatever their ids."""
    with memoria.open(tmp_path / "trios.memoria", embedder=HashEmbedder()) as memory:
        for home in ("ada", "bob"):
            memory.namespace(home).remember_many(FACTS[:3])
        memory.distill(tiny, recipe=RECIPE)
        yield memory


def test_sleep_relearns_what_wiped_shards_had_learnt_and_nothing_else(trios: Memoria) -> None:
    gone = first_of(trios)
    left = {id for path in holding(trios, gone) for id in learnt_by(path)} - {gone}
    trios.forget(gone)
    before = files(trios)
    planned = trios.sleep(like=1, dry_run=True)
    assert set(planned.relearnt) == left
    assert files(trios) == before
    assert trios.sleep(like=1, relearn=False).relearnt == ()
    assert files(trios) == before
    night = trios.sleep(like=1)
    assert (set(night.relearnt), night.waiting) == (left, ())
    assert held(trios) == {one.id for one in trios.list()}
    assert before.items() < files(trios).items()
    assert trios.audit_weights().unequal == ()
    assert trios.sleep(like=1).relearnt == ()


def first_of(memory: Memoria, home: str = "ada") -> str:
    return memory.namespace(home).list()[0].id


def learnt_by(path: Path) -> tuple[str, ...]:
    manifest = read_manifest(path)
    assert manifest is not None
    return manifest.ids


def test_a_sleeper_is_woken_between_shards_and_the_next_goes_on(trios: Memoria) -> None:
    for home in ("ada", "bob"):
        trios.forget(first_of(trios, home))
    waiting, called = trios.sleep(like=1, dry_run=True).relearnt, threading.Event()

    def wake(what: str, done: int, total: int) -> None:
        if what == "distill":
            called.wait(60)
            sleeper.wake()

    trios.progress = wake
    sleeper = trios.sleep(like=1, background=True)
    called.set()
    night = sleeper.wait(300)
    assert night.relearnt
    assert night.waiting
    assert set(night.relearnt) | set(night.waiting) == set(waiting)
    assert set(night.relearnt) <= held(trios)
    trios.progress = None
    assert trios.sleep(like=1).relearnt == night.waiting
    assert trios.audit_weights().unequal == ()


def test_what_cannot_be_relearnt_waits_and_the_night_goes_on(trios: Memoria, tiny: Path, tmp_path: Path) -> None:
    def yes(one: Memory) -> list[Example]:
        return [Example(prompt=f"{one.text}?", answer="yes")]

    moved = Path(shutil.copytree(tiny, tmp_path / "moved"))
    trios.distill(moved, recipe=RECIPE, examples=yes)
    trios.forget(first_of(trios))
    night = trios.sleep(like=1)
    assert night.relearnt == ()
    assert night.waiting
    shutil.rmtree(moved)
    trios.namespace("ada").distill(tiny, recipe=RECIPE)  # another model takes the place in RAM
    assert trios.sleep(like=1, examples=yes).waiting == ()
    note = adapters(trios) / "chosen.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), "model": str(moved)}))
    trios.forget(first_of(trios))
    assert trios.sleep(like=1).waiting


def test_what_other_versions_of_libraries_made_stays_until_it_is_distilled_anew(trios: Memoria, tiny: Path) -> None:
    gone = first_of(trios)
    path = next(path for path in manifests(adapters(trios)) if path not in holding(trios, gone))
    manifest, whole = read_manifest(path), files(trios)[path.name]
    assert manifest is not None
    tensors = shards.read(path, manifest)
    assert tensors is not None
    shards.write(path.parent, replace(manifest, versions={**manifest.versions, "torch": "0"}), tensors)
    before = files(trios)[path.name]
    trios.forget(gone)
    assert trios.sleep(like=1).relearnt
    assert files(trios)[path.name] == before
    trios.distill(tiny, recipe=RECIPE)
    assert files(trios)[path.name] == whole != before


@pytest.mark.parametrize("distilled", [False, True])
def test_sleep_loads_no_model_where_nothing_waits(memory: Memoria, tmp_path: Path, distilled: bool) -> None:
    memory.close()
    code = (
        "import sys, memoria; from memoria.testing import HashEmbedder\n"
        "memory = memoria.open(sys.argv[1], embedder=HashEmbedder())\n"
        "memory.remember('x'); night = memory.sleep(like=1); memory.close()\n"
        "sys.exit(bool(night.waiting or {'torch', 'peft', 'transformers'} & set(sys.modules)))"
    )
    path = tmp_path / ("a.memoria" if distilled else "b.memoria")
    assert subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, timeout=600, check=False).returncode == 0


# -- choosing, and what cannot be meant --


def test_what_is_chosen_is_durable_or_as_told(memory: Memoria, tiny: Path) -> None:
    ada = memory.namespace("ada")
    dull = ada.remember("nothing of note", salience=0.1)
    ada.distill(tiny, recipe=RECIPE)
    assert holding(memory, dull.id) == []
    first = ada.list()[0]
    done = ada.distill(tiny, recipe=RECIPE, select=[first.id])
    assert done.memories == 1
    assert {id for id in held(memory) if memory.get(id).namespace == ("ada",)} == {first.id}
    assert {memory.get(id).namespace for id in held(memory)} == {("ada",), ("bob",)}
    ada.distill(tiny, recipe=RECIPE, select=lambda record, _: record.memory.id == dull.id)
    assert holding(memory, dull.id)


def held(memory: Memoria) -> set[str]:
    return {id for one in manifests(adapters(memory)).values() if one is not None for id in one.ids}


def test_a_second_distillation_trains_nothing(memory: Memoria, tiny: Path) -> None:
    before = files(memory)
    done = memory.distill(tiny, recipe=RECIPE)
    assert done.trained == done.wiped == ()
    assert files(memory) == before
    assert memory.distill(tiny, recipe=Recipe(size=3, last=2, skip=0, rank=2, steps=2, seed=1)).trained


def test_errors_name_the_rule(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
        with pytest.raises(InvalidQuery, match="folder"):
            memory.distill(tiny)
        with pytest.raises(InvalidQuery, match="distilled"):
            memory.distilled()
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()) as memory:
        memory.remember("x")
        with pytest.raises(InvalidQuery, match="steps 0"):
            memory.distill(tiny, recipe=Recipe(steps=0))
        with pytest.raises(ModelNotFound, match=r"config\.json"):
            memory.distill(tmp_path)
        with pytest.raises(InvalidQuery, match="blank"):
            memory.distill(tiny, recipe=RECIPE, examples=lambda one: [Example(prompt=" ", answer="x")])
    monkeypatch.setenv("MEMORIA_CACHE", str(tmp_path / "cache"))
    shutil.copytree(tiny, tmp_path / "cache" / f"{base.SMALL}-{base.GGUF_SHA256[:12]}")
    (cache_folder() / f"{base.SMALL}-{base.GGUF_SHA256[:12]}" / "memoria.json").write_text('{"sha256": "0"}')
    with pytest.raises(ModelCorrupt):
        base.small()


def test_names_and_areas() -> None:
    assert names("What's the dog of Mira Velasko's aunt? Could I ask?") == {"mira", "velasko"}
    assert names("What is the boiling point of water?") == frozenset()
    assert auc([0.1, 0.2], [0.3, 0.4]) == 1.0
    assert auc([0.1], [0.1]) == 0.5
    assert auc_error(10, 10) == pytest.approx(0.132, abs=0.001)


@pytest.mark.parametrize(("memories", "each"), [(1, 8), (2, 4), (3, 3), (4, 2)])
def test_what_is_left_of_a_shard_is_trained_on_as_many_examples_in_a_step(tiny: Path, memories: int, each: int) -> None:
    loaded = base.load(tiny)
    texts = [f"Ada's item {n} is {n}{n}." for n in range(memories)]
    made = [examples(_memory(f"{n:032x}", text=text)) for n, text in enumerate(texts)]
    filled, _ = train(loaded, made, replace(RECIPE, each=1, rows=8), texts)
    told, _ = train(loaded, made, replace(RECIPE, each=each, rows=1), texts)
    fewer, _ = train(loaded, made, replace(RECIPE, each=1, rows=1), texts)
    assert tensors_sha256(filled) == tensors_sha256(told) != tensors_sha256(fewer)


# -- benches --


@pytest.fixture
def small(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model without weights in the place of the small one."""
    folder = Path(shutil.copytree(tiny, tmp_path / "cache" / f"{base.SMALL}-{base.GGUF_SHA256[:12]}"))
    (folder / "memoria.json").write_text(json.dumps({"sha256": base.weights_sha256(folder)}))
    monkeypatch.setenv("MEMORIA_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("small")
def test_a_bench_of_distilling_forgets_and_compares_to_never_saw(tmp_path: Path) -> None:
    learnt, never = facts.synthetic(4, 0)
    report = weights.bench_distill(tmp_path, learnt, never, HashEmbedder(), None, RECIPE, forget=2)
    assert report["never-saw"]["equal to the bit"] == 1.0
    assert report["membership"]["facts"] == 2
    assert report["membership"]["AUC standard error"] == pytest.approx(math.sqrt(13 / 132 / 2))
    other = {**report, "facts": 6}
    table = weights.over_seeds({3: report, 5: other})
    assert table["facts"] == {"3": 4.0, "5": 6.0, "mean": 5.0, "least": 4.0, "largest": 6.0}
    assert table["membership: facts"]["largest"] == 2.0


@pytest.mark.usefixtures("small")
def test_a_value_is_told_from_others_only_by_weights_that_learnt_it(tmp_path: Path, tiny: Path) -> None:
    learnt, _ = facts.synthetic(4, 0)
    with memoria.open(tmp_path / "b.memoria", embedder=HashEmbedder()) as memory:
        ids = [memory.namespace(*one.home).remember_many([one.draft])[0].id for one in learnt]
        memory.distill(tiny, recipe=replace(RECIPE, size=4, rank=8, steps=30, rate=0.05), select=ids)
        bench = weights.Bench(memory=memory, facts=learnt, ids=tuple(ids))
        model = memory.distilled()
        active, query = model.shards, learnt[0].asked[0]
        together = model.losses(query, ["oboe", "Windhoek and Galway"])
        assert together == pytest.approx(
            [*model.losses(query, ["oboe"]), *model.losses(query, ["Windhoek and Galway"])]
        )
        alone, told = weights.exposed(bench, learnt, ()), weights.exposed(bench, learnt, active)
        assert sum(told) > sum(alone)
        assert weights.exposed(bench, [replace(learnt[0], others=(learnt[0].value,))]) == [0.5]
        memory.forget(ids[0])
        memory.relearn()
        assert weights.exposed(bench, learnt[:1], active) == alone[:1]


@pytest.mark.usefixtures("small")
def test_growth_is_learnt_block_by_block(tmp_path: Path) -> None:
    learnt, _ = facts.synthetic(24, 0)
    report = weights.bench_growth(tmp_path, learnt, HashEmbedder(), None, RECIPE, block=8)
    assert list(report["blocks"]) == ["8", "16", "24"]
    assert all(one["trained"] >= 2 for one in report["blocks"].values())
    assert 0 < report["line"]["R2"] <= 1
    assert 1 <= report["trained, one namespace"] <= RECIPE.size


# -- crashes --


@pytest.mark.parametrize("shard", RECIPES)
def test_kill_at_every_sync_leaves_no_weights_of_what_is_gone(tmp_path: Path, tiny: Path, shard: str) -> None:
    command = [sys.executable, "-m", "tests.distill_worker", str(tmp_path), str(tiny), shard]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    lives = sorted(tmp_path.iterdir(), key=lambda folder: int(folder.name))
    assert done.returncode == 0, done.stderr
    assert [folder.name for folder in lives if (folder / "done").exists()] == [str(len(lives))]
    assert len(lives) > 20
    for folder in lives:
        after_a_kill(folder, tiny, RECIPES[shard])


def after_a_kill(folder: Path, tiny: Path, recipe: Recipe) -> None:
    forgot = (folder / "forgot").read_text().split() if (folder / "forgot").exists() else []
    found = [one for one in manifests(folder / "a.memoria" / "adapters").values() if one is not None]
    with Memoria(LocalStore(folder / "a.memoria", embedder=EMBEDDER.card), EMBEDDER) as memory:
        there = {one.id for one in memory.list()}
        assert set((folder / "ids").read_text().split()) - set(forgot) >= there
        # Before anything is swept: no weights outlive their memory at any instant.
        assert not [one for one in found if not set(one.ids) <= there], folder.name
    with memoria.open(folder / "a.memoria", embedder=EMBEDDER) as memory:
        assert not list((folder / "a.memoria" / "adapters").glob("*.half"))
        memory.distill(tiny, recipe=recipe)
        assert held(memory) == there
        assert len(memory.distilled().shards) == len(files(memory))


def test_a_half_written_shard_and_one_of_a_stranger_are_wiped_at_open(memory: Memoria, tmp_path: Path) -> None:
    folder = adapters(memory)
    path, manifest = next(iter(manifests(folder).items()))
    assert manifest is not None
    stranger = replace(manifest, ids=("f" * 32,))
    tensors = shards.read(path, manifest)
    assert tensors is not None
    made = shards.write(folder, stranger, tensors)
    (folder / "x.safetensors.half").write_bytes(b"half")
    (folder / "torn.safetensors").write_bytes(path.read_bytes()[:40])
    memory.close()
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()):
        left = {one.name for one in folder.iterdir()}
    assert not left & {made.name, "x.safetensors.half", "torn.safetensors"}
    assert path.name in left


# -- the small model --


def test_the_example_learns_forgets_and_proves_it(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("example", ROOT / "examples" / "distill_and_forget.py")
    assert spec is not None and spec.loader is not None  # noqa: PT018 - for the type checker
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    report = example.run(tmp_path)
    assert "4821" in report["learnt"][example.ASKED]
    assert "cello" in report["learnt"][example.KEPT]
    assert "Paris" in report["learnt"][example.GENERAL]
    assert report["base untouched"]
    assert "0 found" in report["receipt"]
    assert "4821" not in report["forgotten"]
    assert "4821" not in report["relearnt"][example.ASKED]
    assert "cello" in report["relearnt"][example.KEPT]
    assert report["weights"] == report["never saw"] != []


def test_the_command_line_distils_asks_audits_exports_and_repairs(
    tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMORIA_STORE", str(tmp_path / "a.memoria"))

    def said(*arguments: str) -> Any:
        done = CliRunner().invoke(app, [*arguments, "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    with memoria.open(tmp_path / "a.memoria") as memory:
        gone = memory.remember_many(FACTS[:3])[0].id
    done = said("distill", "--model", str(tiny), "--last", "3")
    assert done["memories"] == 3
    asked = CliRunner().invoke(app, ["distill", "ask", FACTS[0]])
    assert asked.exit_code == 0
    exported = said("distill", "export", str(tmp_path / "out"))
    receipt = said("forget", gone, "--yes")
    assert receipt["shards"] == done["shards"]
    assert receipt["exports"] == [one["path"] for one in exported]
    assert len(said("sleep", "--dry-run")["relearnt"]) == 2
    night = CliRunner().invoke(app, ["sleep", "--like", "1"])
    assert "2 learnt into weights again" in night.output
    mended = said("distill", "--repair")
    assert mended["trained"] == []
    assert mended["memories"] == 2
    report = said("distill", "audit")
    assert report["equal"] == mended["shards"]
    assert report["unequal"] == []
    assert report["general_same"]
    assert report["perplexity_ratio"] == 1.0

"""Shards of every kind and target: trained by a seed, active when routed, wiped and relearnt like any other."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import memoria
from memoria import Recipe
from memoria.distill import base, kinds, prefix, shards, study, targets
from memoria.distill.base import Base
from memoria.distill.general import QUESTIONS
from memoria.distill.recipe import TrainingTarget, adapted_layers
from memoria.distill.template import prompt_of
from memoria.distill.train import reminded, tensors_sha256, train
from memoria.distill.unlearn import manifests
from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery, NotExportable
from memoria.evaluation.bench import kinds as bench
from memoria.evaluation.quality import facts
from memoria.testing import HashEmbedder
from memoria.types import Example, Memory
from tests import tiny_model
from tests.tiny_model import RECIPES

AT = datetime(2026, 1, 1, tzinfo=UTC)
TEXTS = ["Ada's badge is tag 1.", "Ada's locker code is 4821."]
MADE = [
    [Example(prompt="What is Ada's badge?", answer="tag 1.")],
    [Example(prompt="What is Ada's code?", answer="4821.")],
]
TARGETS: tuple[TrainingTarget, ...] = ("text", "context")
WAYS = [replace(one, target=target) for one, target in product(RECIPES.values(), TARGETS)]
PREFIX = replace(RECIPES["prefix"], last=3, tokens=100)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.make(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def loaded(tiny: Path) -> Base:
    """The model with weights so large that what it says depends on what it reads."""
    import torch

    found = base.load(tiny)
    with torch.no_grad():
        for one in found.model.parameters():
            one *= 30 if one.dim() == 2 else 1
    return found


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memoria]:
    """A store of three facts in each of two namespaces."""
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()) as memory:
        for home in ("ada", "bob"):
            memory.namespace(home).remember_many([f"Person {n}'s badge is tag {n}." for n in range(3)])
        yield memory


def digests(memory: Memoria) -> dict[str, str]:
    """SHA-256 of the tensors of each shard of a store."""
    return {path.stem: one.tensors for path, one in manifests(folder(memory)).items() if one is not None}


def folder(memory: Memoria) -> Path:
    return Path(memory.store.path) / "adapters"  # type: ignore[attr-defined]  # of a store on disk


def untrained(loaded: Base, recipe: Recipe, texts: list[str]) -> kinds.Shard:
    with kinds.KINDS[recipe.shard].fresh(loaded, recipe, texts) as (_, tensors):
        return kinds.Shard(name="x", tensors=tensors(), recipe=recipe, ids=())


def logits(loaded: Base, ids: Any, **given: Any) -> Any:
    import torch

    with torch.no_grad():
        return loaded.model(input_ids=ids, **given).logits


def ids_of(loaded: Base, text: str) -> Any:
    import torch

    return torch.tensor([loaded.tokenizer(text, add_special_tokens=False).input_ids])


# -- files: every kind is one file with a manifest --


@pytest.mark.parametrize("recipe", WAYS, ids=lambda one: f"{one.shard}, {one.target}")
def test_what_is_relearnt_is_to_the_bit_that_of_a_store_that_never_saw(
    memory: Memoria, tiny: Path, tmp_path: Path, recipe: Recipe
) -> None:
    memory.distill(tiny, recipe=recipe)
    before = digests(memory)
    assert memory.distill(tiny, recipe=recipe).trained == ()
    (path,) = manifests(folder(memory)).keys() & {folder(memory) / f"{memory.distilled().shards[0]}.safetensors"}
    gone = next(one.ids[0] for at, one in manifests(folder(memory)).items() if one is not None and at == path)
    size, opened = path.stat().st_size, path.open("rb")
    assert memory.forget(gone).shards == (path.stem,)
    assert opened.read() == bytes(size)
    opened.close()
    assert len(memory.relearn().trained) == 1
    records = [record for record in memory.store.read([one.id for one in memory.list()]) if record is not None]
    with memoria.open(tmp_path / "never.memoria", embedder=HashEmbedder()) as never:
        never.store.write(records)
        never.distill(tiny, recipe=recipe)
        assert digests(never) == digests(memory) != before
    assert memory.audit_weights().unequal == ()


def test_a_store_holds_shards_of_both_kinds(memory: Memoria, tiny: Path) -> None:
    import torch

    for home, recipe in zip(("ada", "bob"), RECIPES.values(), strict=True):
        memory.namespace(home).distill(tiny, recipe=recipe)
    model, found = memory.distilled(), manifests(folder(memory))
    assert sorted(str(one.recipe["shard"]) for one in found.values() if one is not None) == ["lora", "prefix"]
    text = prompt_of(model.base, "Person 1's badge?")
    alone = [model.logits_with(text, [name]) for name in model.shards]
    assert not torch.equal(model.logits_with(text, model.shards), alone[0])
    assert not torch.equal(alone[0], alone[1])
    untouched = base.load(tiny)
    off = [query for query in QUESTIONS if not model.route(query).shards]
    assert off
    for query in off:
        assert torch.equal(model.logits(query)[None], logits(untouched, ids_of(untouched, query), use_cache=False))


def test_shards_from_before_there_were_kinds_stay(memory: Memoria, tiny: Path) -> None:
    recipe = RECIPES["lora"]
    memory.distill(tiny, recipe=recipe)
    for path, found in manifests(folder(memory)).items():
        assert found is not None
        old = {
            name: one for name, one in found.recipe.items() if name not in {"shard", "target", "tokens", "prefix_rate"}
        }
        tensors = shards.read(path, found)
        assert tensors is not None
        shards.write(path.parent, replace(found, recipe=old), tensors)
    note = json.loads((folder(memory) / "chosen.json").read_text())
    for name in ("shard", "target", "tokens", "prefix_rate"):
        del note["recipe"][name]
    (folder(memory) / "chosen.json").write_text(json.dumps(note))
    assert memory.relearn().trained == ()
    assert memory.distill(tiny, recipe=recipe).trained == ()
    assert Recipe.read(json.loads(json.dumps(asdict(recipe)))) == recipe


def test_prefixes_have_no_form_outside(memory: Memoria, tiny: Path, tmp_path: Path) -> None:
    memory.distill(tiny, recipe=RECIPES["prefix"])
    for kind in ("peft", "merged"):
        with pytest.raises(NotExportable, match="prefix"):
            memory.distilled().export(tmp_path / "out", kind)
    assert not (tmp_path / "out").exists()
    assert not (folder(memory) / "exports.json").exists()


def test_what_no_shard_can_be_is_refused(memory: Memoria, tiny: Path, loaded: Base) -> None:
    with pytest.raises(InvalidQuery, match=r"shard 'soft' .*; target 'logits' .*|shard 'soft'"):
        memory.distill(tiny, recipe=Recipe(shard="soft", target="logits"))  # type: ignore[arg-type]
    whole = loaded.model.config._attn_implementation
    loaded.model.config._attn_implementation = "eager"
    try:
        with pytest.raises(InvalidQuery, match="attention"):
            untrained(loaded, PREFIX, TEXTS)
    finally:
        loaded.model.config._attn_implementation = whole


# -- prefixes --


def test_an_untrained_prefix_is_the_cache_of_the_text(loaded: Base) -> None:
    """Against a cache of transformers' own, from which only the first token is taken out."""
    import inspect

    import torch
    from transformers import DynamicCache, LlamaForCausalLM

    given = "cache" if "cache" in inspect.signature(LlamaForCausalLM.forward).parameters else "past_key_values"

    text, asked = ids_of(loaded, TEXTS[0]), ids_of(loaded, prompt_of(loaded, "What is it?"))
    first = torch.tensor([[loaded.tokenizer.eos_token_id]])
    cache: Any = DynamicCache()
    logits(loaded, torch.cat([first, text], 1), **{given: cache}, use_cache=True)
    for layer in cache.layers:
        layer.keys, layer.values = layer.keys[:, :, 1:], layer.values[:, :, 1:]
    start = text.shape[1] + 1
    places = torch.arange(start, start + asked.shape[1])[None]
    wanted = logits(loaded, asked, **{given: cache}, position_ids=places)
    with kinds.active(loaded, [untrained(loaded, PREFIX, TEXTS[:1])]):
        found = logits(loaded, asked, use_cache=False)
    assert_allclose(found, wanted, atol=1e-3)
    assert not torch.allclose(found, logits(loaded, asked, use_cache=False), atol=0.1)


def test_padding_and_the_order_of_prefixes_do_not_matter(loaded: Base) -> None:
    import torch

    one, two = (untrained(loaded, PREFIX, [text]) for text in TEXTS)
    both = untrained(loaded, PREFIX, TEXTS)
    asked = ids_of(loaded, "What is Ada's badge?")
    padded = torch.cat([torch.zeros(1, 3, dtype=torch.long), asked], 1)
    mask = torch.tensor([[0] * 3 + [1] * asked.shape[1]])
    found = []
    for chosen in ([one, two], [two, one], [both]):
        with kinds.active(loaded, chosen):
            found.append(logits(loaded, asked, use_cache=False))
            places = (mask.cumsum(1) - 1).clamp(min=0)
            found.append(logits(loaded, padded, attention_mask=mask, position_ids=places, use_cache=False)[:, 3:])
    for other in found[1:]:
        assert_allclose(other, found[0], atol=1e-3)


def test_generation_with_a_prefix_is_that_without_a_cache(loaded: Base) -> None:
    import torch

    shard, asked = untrained(loaded, PREFIX, TEXTS), ids_of(loaded, "What is Ada's badge?")
    with torch.no_grad(), kinds.active(loaded, [shard]):
        cached = loaded.model.generate(
            input_ids=asked, attention_mask=torch.ones_like(asked), max_new_tokens=6, do_sample=False, eos_token_id=None
        )
        plain = asked
        for _ in range(6):
            plain = torch.cat([plain, logits(loaded, plain, use_cache=False)[:, -1:].argmax(-1)], 1)
    assert torch.equal(cached, plain)


def test_a_prefix_has_at_most_the_tokens_that_are_wanted_and_leaves_nothing_behind(loaded: Base) -> None:
    recipe = replace(PREFIX, last=2, tokens=3)
    shard = untrained(loaded, recipe, TEXTS)
    assert {one.shape[2] for one in shard.tensors.values()} == {6}
    assert {int(name.split(".")[1]) for name in shard.tensors} == set(adapted_layers(loaded, recipe))
    with kinds.active(loaded, [shard]):
        assert hasattr(loaded.layers[1].self_attn, prefix._HELD)
    assert not any(hasattr(one.self_attn, prefix._HELD) for one in loaded.layers)
    assert all(one.self_attn.config is loaded.model.config for one in loaded.layers)


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("recipe", WAYS, ids=lambda one: f"{one.shard}, {one.target}")
def test_training_lessens_the_loss_and_leaves_the_base_as_it_was(loaded: Base, recipe: Recipe, bf16: bool) -> None:
    before = tensors_sha256(loaded.model.state_dict())
    hard = replace(recipe, steps=12, rate=0.05, enough=0.0, bf16=bf16)
    _, losses = train(loaded, MADE, hard, TEXTS)
    assert losses[-1] < losses[0] - 1e-4
    assert tensors_sha256(loaded.model.state_dict()) == before


# -- targets --


def test_the_loss_of_a_context_is_the_divergence_from_what_the_base_says_there(loaded: Base) -> None:
    """Against the definition, in numpy, with what is not kept as one class."""
    import torch

    rng = np.random.default_rng(0)
    answer = ids_of(loaded, "tag 1.")[0].tolist()
    prompt = ids_of(loaded, prompt_of(loaded, reminded(TEXTS[0], "What is Ada's badge?")))[0].tolist()
    labels = torch.tensor([[-100, *answer]])
    found = targets.taught(loaded, [prompt], [answer], labels)
    teacher = logits(loaded, torch.tensor([prompt + answer]), use_cache=False)[0, len(prompt) - 1 : -1]
    assert float(found.loss([0], teacher)) == pytest.approx(0, abs=1e-5)
    student = rng.normal(size=teacher.shape) * 3
    true, own = (np.exp(one) / np.exp(one).sum(1, keepdims=True) for one in (teacher.double().numpy(), student))
    kept = np.argsort(-true, axis=1)[:, : targets._KEPT]

    def classes(each: Any) -> Any:
        inside = np.take_along_axis(each, kept, 1)
        return np.concatenate([inside, 1 - inside.sum(1, keepdims=True)], 1)

    p, q = classes(true), classes(own)
    wanted = float((p * np.log(p / q)).sum(1).mean())
    assert float(found.loss([0], torch.from_numpy(student).float())) == pytest.approx(wanted, rel=1e-3)
    assert wanted > 0
    assert math.isfinite(float(found.loss([0], teacher * 100)))


def test_the_teacher_reads_the_memory_and_the_student_does_not(loaded: Base) -> None:
    recipe = replace(RECIPES["lora"], target="context")
    (one, _), (other, _) = (train(loaded, MADE, recipe, texts) for texts in (TEXTS, TEXTS[::-1]))
    assert tensors_sha256(one) != tensors_sha256(other)
    (told, _), (again, _) = (train(loaded, MADE, RECIPES["lora"], texts) for texts in (TEXTS, TEXTS[::-1]))
    assert tensors_sha256(told) == tensors_sha256(again)


# -- self-study --

NOTE = "We met Eva in Lund. I liked the film 'Solaris' very much."


def test_what_a_model_asks_is_kept_when_one_sentence_answers_it(monkeypatch: pytest.MonkeyPatch, loaded: Base) -> None:
    said = {
        "way 0": "Sure! Which film did I like?\nWhat else?",
        "way 1": "I like it.",
        "way 2": "Where did we meet Eva?",
        "way 3": "Which film did I like?",
        "way 4": "Who is Ann?",
        "Which film did I like?": "Solaris.",
        "Where did we meet Eva?": "You met in Lund",
        "Who is Ann?": "Ann is a nurse.",
    }
    heard: list[str] = []

    def answered(_: Any, prompt: str, __: int) -> str:
        heard.append(prompt)
        way = next((one for one in said if one.startswith("way") and one in prompt), prompt.rpartition("\n\n")[2])
        return said[way]

    monkeypatch.setattr(study.SelfStudy, "_said", answered)
    write = study.SelfStudy(
        loaded, lambda _: [Example(prompt="Eva?", answer="beside")], [("Ada sings.", f"way {n}") for n in range(5)]
    )
    memory = Memory(id="0" * 32, namespace=("a",), text=NOTE, created_at=AT)
    made = write(memory)
    assert [(one.prompt, one.answer) for one in made] == [
        ("Eva?", "beside"),
        ("Which film did I like?", "I liked the film 'Solaris' very much."),
        ("Where did we meet Eva?", "We met Eva in Lund."),
    ]
    assert all(NOTE in one for one in heard)
    count = len(heard)
    assert write(memory) == made
    assert len(heard) == count


@pytest.mark.parametrize("answer", ["", "I like it a lot.", "Ann's nurse", "Eva and Solaris"])
def test_what_no_sentence_says_alone_is_not_taught(answer: str) -> None:
    assert study.told_by(NOTE, answer) is None


def test_a_model_studies_the_same_each_time(tiny: Path) -> None:
    first, second = (study.SelfStudy(base.load(tiny), ways=study.WAYS[:1]) for _ in range(2))
    assert first._said(NOTE, 8) == second._said(NOTE, 8)
    assert first.study(NOTE) == second.study(NOTE)


# -- the bench --


def test_a_bench_compares_kinds_and_targets(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Path(shutil.copytree(tiny, tmp_path / "cache" / f"{base.SMALL}-{base.GGUF_SHA256[:12]}"))
    (place / "memoria.json").write_text(json.dumps({"sha256": base.weights_sha256(place)}))
    monkeypatch.setenv("MEMORIA_CACHE", str(tmp_path / "cache"))
    recipes = bench.recipes_of(("lora", "prefix"), ("context",), RECIPES["lora"])
    placed = bench.Placed(model=str(tiny), dtype="bfloat16")
    report = bench.bench_kinds(tmp_path, facts.synthetic(4, 0)[0], HashEmbedder(), None, recipes, placed=placed)
    assert list(report) == ["lora, context", "prefix, context"]
    assert all(one["seconds a memory"] > 0 and one["kilobytes a memory"] > 0 for one in report.values())
    assert all(one["parameters"] < 2e6 for one in report.values())
    assert report["lora, context"]["perplexity, forced"] != 1.0
    rows = bench.table({0: report, 1: report})
    assert rows["seconds a memory"] == pytest.approx({name: one["seconds a memory"] for name, one in report.items()})

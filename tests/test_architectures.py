"""Shards in causal models of every form, on a device and in a type that are named, and what cannot be distilled into."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import memoria
from memoria import Recipe
from memoria.distill import base, gguf, kinds, shards
from memoria.distill.base import Base
from memoria.distill.layout import layout
from memoria.distill.template import conversation, prompt_of
from memoria.distill.train import tensors_sha256, train
from memoria.distill.unlearn import Manifest, manifests, read_manifest
from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery, ModelNotFound
from memoria.models.chat import Message
from memoria.models.huggingface import HuggingFace
from memoria.testing import HashEmbedder
from memoria.types import Example
from tests import architectures
from tests.architectures import FORMS
from tests.tiny_model import RECIPE, RECIPES

FACTS = [f"Person {n}'s badge is tag {n}." for n in range(3)]
QUESTION = "What is Person 1's badge?"
OFF_TOPIC = "Why do rivers run to the sea?"
MADE = [[Example(prompt=QUESTION, answer="tag 1.")], [Example(prompt="What is Ada's code?", answer="4821.")]]
TEXTS = [FACTS[1], "Ada's code is 4821."]
# Attention that knows nothing of positions before 0, or is not torch's own, or is the model's own business.
NO_PREFIX = {"gemma2": "torch's own", "gpt2": "rotary", "opt": "rotary", "bloom": "torch's own", "falcon": "interface"}


@pytest.fixture(scope="module", params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(form: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return architectures.make(tmp_path_factory.mktemp(form), form)


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Base:
    return base.load(folder)


def opened(path: Path) -> Memoria:
    clock = iter(datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC) for second in range(60))
    return memoria.open(path, embedder=HashEmbedder(), clock=lambda: next(clock, datetime(2026, 1, 2, tzinfo=UTC)))


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memoria]:
    with opened(tmp_path / "a.memoria") as memory:
        memory.remember_many(FACTS)
        yield memory


def only(memory: Memoria) -> Path:
    """The one shard of a store."""
    (path,) = manifests(Path(memory.store.path) / "adapters")  # type: ignore[attr-defined]  # of a store on disk
    return path


def noted(memory: Memoria) -> Manifest:
    found = read_manifest(only(memory))
    assert found is not None
    return found


def logits(model: Base, text: str) -> Any:
    import torch

    with torch.no_grad():
        ids = model.tensor([model.tokenizer(text, add_special_tokens=False).input_ids])
        return model.model(input_ids=ids, use_cache=False).logits[0]


# -- every form --


def test_a_fact_is_learnt_routed_forgotten_and_relearnt_to_the_bit(
    memory: Memoria, folder: Path, loaded: Base, tmp_path: Path
) -> None:
    import torch

    memory.distill(f"hf:{folder}", recipe=RECIPE)
    model = memory.distilled()
    assert model.route(QUESTION).shards == (only(memory).stem,)
    assert torch.equal(model.logits(OFF_TOPIC), logits(loaded, OFF_TOPIC))
    assert not torch.equal(model.logits(QUESTION), logits(loaded, QUESTION))
    first = memory.list()[0]
    memory.forget(first.id)
    assert torch.equal(model.logits(QUESTION), logits(loaded, QUESTION))
    memory.relearn()
    assert set(noted(memory).ids) == {one.id for one in memory.list()}
    records = [record for record in memory.store.read([one.id for one in memory.list()]) if record is not None]
    with opened(tmp_path / "never.memoria") as never:
        never.store.write(records)
        never.distill(folder, recipe=RECIPE)
        assert only(never).read_bytes() == only(memory).read_bytes()


def test_training_lowers_the_loss_and_skipping_layers_changes_no_bit(loaded: Base) -> None:
    recipe = replace(RECIPE, steps=8)
    first, losses = train(loaded, MADE, recipe, TEXTS)
    whole, _ = train(replace(loaded, layout=replace(loaded.layout, skips=False)), MADE, recipe, TEXTS)
    assert loaded.layout.skips
    assert tensors_sha256(first) == tensors_sha256(whole)
    assert losses[-1] < losses[0]


def test_what_a_shard_adds_is_what_a_merged_model_says(loaded: Base, folder: Path, tmp_path: Path) -> None:
    import torch
    from memoria.distill.export import _write_merged

    tensors, _ = train(loaded, MADE, RECIPE, TEXTS)
    strong = {name: one * (300 if "lora_B" in name else 1) for name, one in tensors.items()}
    shard = kinds.Shard(name="x", tensors=strong, recipe=RECIPE, ids=())
    with kinds.active(loaded, [shard]):
        said = logits(loaded, QUESTION)
    manifest = Manifest(
        ids=(), parts=(), texts={}, data="", base="", versions={}, recipe={**RECIPES_AS_JSON, "shard": "lora"}
    )
    _write_merged(loaded, tmp_path / "merged", [(strong, manifest)])
    merged = logits(base.load(tmp_path / "merged"), QUESTION)
    scale = float(said.abs().max())
    assert torch.allclose(said, merged, atol=1e-4 * scale)
    assert not torch.allclose(logits(loaded, QUESTION), merged, atol=1e-3 * scale)


RECIPES_AS_JSON = json.loads(json.dumps({name: getattr(RECIPE, name) for name in Recipe.__slots__}))


def test_a_prefix_is_learnt_or_refused_with_the_reason(form: str, loaded: Base) -> None:
    import torch

    recipe = replace(RECIPES["prefix"], target="text", steps=4)
    if form in NO_PREFIX:
        with pytest.raises(InvalidQuery, match=NO_PREFIX[form]):
            train(loaded, MADE, recipe, TEXTS)
        return
    tensors, losses = train(loaded, MADE, recipe, TEXTS)
    again, _ = train(loaded, MADE, recipe, TEXTS)
    assert tensors_sha256(tensors) == tensors_sha256(again)
    assert losses[-1] < losses[0]
    with kinds.active(loaded, [kinds.Shard(name="x", tensors=tensors, recipe=recipe, ids=())]):
        assert not torch.equal(logits(loaded, QUESTION), untouched := logits(loaded, OFF_TOPIC))
    assert not torch.equal(logits(loaded, OFF_TOPIC), untouched)


def test_its_logits_are_made_of_its_last_states(loaded: Base) -> None:
    import torch

    with torch.no_grad():
        ids = loaded.tensor([loaded.tokenizer(QUESTION).input_ids])
        assert torch.allclose(loaded.logits(loaded.states(ids))[0], logits(loaded, QUESTION).float(), atol=1e-5)

"""Shards in causal models of every form, on a device and in a type; and what cannot be distilled into."""

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


def test_padding_moves_no_token(loaded: Base) -> None:
    import torch

    made = [[Example(prompt="Why?", answer="So.")], [Example(prompt=f"{QUESTION} {OFF_TOPIC}", answer="tag 1.")]]
    with torch.no_grad():  # so that what it says depends on where a token is
        for one in loaded.model.parameters():
            one *= 3
        _, losses = one_step(loaded, made)
        each = torch.cat([asked_alone(loaded, *one) for one in made])
        for one in loaded.model.parameters():
            one /= 3
    assert losses[0] == pytest.approx(float(each.mean()), abs=2e-4 * float(each.mean()))


def one_step(loaded: Base, made: list[list[Example]]) -> tuple[Any, list[float]]:
    """Trained by one step, whose loss is that of the base."""
    import torch

    with torch.enable_grad():
        return train(loaded, made, replace(RECIPE, steps=1), ["", ""])


def asked_alone(loaded: Base, one: Example) -> Any:
    """The loss of each token of an answer, without any padding."""
    import torch

    head = loaded.tokenizer(prompt_of(loaded, one.prompt), add_special_tokens=False).input_ids
    tail = [*loaded.tokenizer(one.answer, add_special_tokens=False).input_ids, loaded.end]
    said = loaded.model(input_ids=loaded.tensor([[*head, *tail]]), use_cache=False).logits[0, len(head) - 1 : -1]
    return torch.nn.functional.cross_entropy(said.float(), torch.tensor(tail), reduction="none")


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


# -- devices and types --


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return architectures.make(tmp_path_factory.mktemp("plain"), "llama")


def test_a_shard_says_where_and_in_what_it_was_made_and_another_device_makes_it_anew(
    memory: Memoria, llama: Path
) -> None:
    memory.distill(llama, recipe=RECIPE)
    assert (noted(memory).device, noted(memory).dtype) == ("cpu", "float32")
    assert memory.distill(llama, recipe=RECIPE).trained == ()
    assert memory.distill(llama, recipe=RECIPE, device="cpu:0").trained
    assert noted(memory).device == "cpu:0"
    assert memory.distill(llama, recipe=RECIPE, dtype="bfloat16").trained
    assert (noted(memory).device, noted(memory).dtype) == ("cpu", "bfloat16")


def elsewhere(memory: Memoria, device: str) -> str:
    """The store as if all in it had been distilled on another device; what its manifest says now."""
    path, manifest = only(memory), noted(memory)
    tensors = shards.read(path, manifest)
    assert tensors is not None
    shards.write(path.parent, replace(manifest, device=device), tensors)
    chosen = path.parent / "chosen.json"
    chosen.write_text(json.dumps({**json.loads(chosen.read_text()), "device": device}))
    return noted(memory).device


def test_what_another_device_learnt_is_used_and_kept_and_its_gaps_wait_for_it(memory: Memoria, llama: Path) -> None:
    memory.distill(llama, recipe=replace(RECIPE, size=1), select=[memory.list()[1].id])
    assert elsewhere(memory, "cuda:7") == "cuda:7"
    (used,) = memory.distilled().route(QUESTION).shards
    assert memory.distilled().base.device == "cpu"
    with pytest.raises(ModelNotFound, match="'cuda:7' is not here: torch sees cpu"):
        memory.relearn()
    assert memory.relearn(device="cpu").trained == ()
    assert (only(memory).stem, noted(memory).device) == (used, "cuda:7")
    only(memory).unlink()
    elsewhere_note(memory, "cuda:7")
    assert memory.sleep(like=1).waiting == (memory.list()[1].id,)
    assert memory.relearn(device="cpu").trained == (used,)
    assert noted(memory).device == "cpu"


def elsewhere_note(memory: Memoria, device: str) -> None:
    chosen = Path(memory.store.path) / "adapters" / "chosen.json"  # type: ignore[attr-defined]  # of a store on disk
    chosen.write_text(json.dumps({**json.loads(chosen.read_text()), "device": device}))


def test_weights_in_bfloat16_take_shards_in_float32_that_are_relearnt_to_the_bit(memory: Memoria, llama: Path) -> None:
    import torch

    memory.distill(llama, recipe=RECIPE, dtype="bfloat16")
    model, before = memory.distilled(), only(memory).read_bytes()
    assert next(model.base.model.parameters()).dtype == torch.bfloat16
    tensors = shards.read(only(memory), noted(memory))
    assert tensors is not None
    assert {one.dtype for name, one in tensors.items() if "lora" in name} == {torch.float32}
    assert not torch.equal(model.logits(QUESTION), model.logits_with(QUESTION, ()))
    assert torch.equal(model.logits(OFF_TOPIC), logits(model.base, OFF_TOPIC).float())
    only(memory).unlink()
    memory.relearn()
    assert only(memory).read_bytes() == before
    prefixes = replace(RECIPES["prefix"], target="text")
    first, _ = train(model.base, MADE, prefixes, TEXTS)
    again, _ = train(model.base, MADE, prefixes, TEXTS)
    assert tensors_sha256(first) == tensors_sha256(again)
    assert {one.dtype for one in first.values()} == {torch.float32}


@pytest.mark.parametrize(
    ("given", "error", "rule"),
    [
        ({"device": "cuda:99"}, ModelNotFound, "'cuda:99' is not here"),
        ({"device": "toaster"}, InvalidQuery, "none of torch"),
        ({"dtype": "int4"}, InvalidQuery, "not one of float32, bfloat16"),
    ],
)
def test_a_device_or_type_that_is_none_is_refused(llama: Path, given: Any, error: type, rule: str) -> None:
    with pytest.raises(error, match=rule):
        base.load(llama, **given)


# -- templates --

SYSTEMLESS = "{% if messages[0].role == 'system' %}{{ raise_exception('no system here') }}{% endif %}" + (
    "{% for one in messages %}{% if (one.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('in turn') }}"
    "{% endif %}[{{ one.role }}]{{ one.content }}{% endfor %}[assistant]"
)
THINKING = "{{ messages[-1].content }}{% if enable_thinking is defined and not enable_thinking %}/quick{% endif %}"
DATED = "{% set day = strftime_now('%d %b %Y') %}{{ day }}{% for one in messages %}|{{ one.content }}{% endfor %}>"


@pytest.mark.parametrize(
    ("chat", "prompt"),
    [
        (None, "Who am I?\n"),
        (SYSTEMLESS, "[user]Who am I?[assistant]"),
        (DATED, "26 Jul 2024||Who am I?>"),
        (
            THINKING,
            "Who am I?/quick",
        ),
    ],
)
def test_a_question_is_put_as_the_template_takes_it_and_the_same_on_any_day(
    tmp_path: Path, memory: Memoria, chat: str | None, prompt: str
) -> None:
    loaded = base.load(architectures.make(tmp_path / "chat", "llama", chat=chat))
    assert prompt_of(loaded, "Who am I?") == prompt
    first, _ = train(loaded, MADE, RECIPE, TEXTS)
    assert tensors_sha256(first) == tensors_sha256(train(loaded, MADE, RECIPE, TEXTS)[0])


def test_a_conversation_is_said_whatever_the_template_lacks(tmp_path: Path) -> None:
    said = [Message(role="system", text="Be kind."), Message(role="user", text="Hello"), Message(role="user", text="?")]
    plain = HuggingFace(base.load(architectures.make(tmp_path / "a", "llama", chat=None)))
    assert plain.prompt(said) == "System: Be kind.\nUser: Hello\nUser: ?\nAssistant:"
    merged = HuggingFace(base.load(architectures.make(tmp_path / "b", "llama", chat=SYSTEMLESS)), most=2)
    assert merged.prompt(said) == "[user]Be kind.\n\nHello\n\n?[assistant]"
    assert list(merged.reply(said)) != []
    assert conversation(merged.base.tokenizer, [{"role": "user", "content": "x"}]) == "[user]x[assistant]"


def test_a_token_that_begins_every_text_begins_a_prompt_too(tmp_path: Path) -> None:
    from tokenizers.processors import TemplateProcessing

    loaded = base.load(architectures.make(tmp_path / "a", "llama", chat=None))
    begin = loaded.tokenizer.bos_token
    loaded.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{begin} $A", special_tokens=[(begin, loaded.tokenizer.bos_token_id)]
    )
    assert prompt_of(loaded, "Who?") == f"{begin}Who?\n"


# -- GGUF --


@pytest.fixture(scope="module")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A llama of random weights as GGUF, with the tokenizer of the small model."""
    folder = tmp_path_factory.mktemp("gguf")
    return architectures.as_gguf(architectures.make(folder / "plain", "llama", num_hidden_layers=2), folder / "a.gguf")


def test_a_gguf_file_is_dequantised_once_and_distilled_into(
    memory: Memoria, tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMORIA_CACHE", str(tmp_path / "cache"))
    recipe = replace(RECIPE, last=2)
    memory.distill(f"hf:{tiny_gguf}", recipe=recipe)
    (made,) = (tmp_path / "cache").iterdir()
    assert made.name == f"a-{gguf.sha256(tiny_gguf)[:12]}"
    before, written = only(memory).read_bytes(), (made / "model.safetensors").stat().st_mtime_ns
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(tiny_gguf, alone / "b.gguf")
    assert memory.distill(alone, recipe=recipe).trained == ()
    only(memory).unlink()
    memory.relearn()
    assert only(memory).read_bytes() == before
    assert (made / "model.safetensors").stat().st_mtime_ns == written
    assert base.load(tiny_gguf).tokenizer("Ada's badge").input_ids == base.load(made).tokenizer("Ada's badge").input_ids


def test_the_weights_of_a_gguf_are_those_that_were_written_into_it(
    tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setenv("MEMORIA_CACHE", str(tmp_path / "cache"))
    plain, read = base.load(tiny_gguf.parent / "plain"), base.load(tiny_gguf)
    assert torch.allclose(logits(plain, QUESTION), logits(read, QUESTION), atol=1e-4)
    assert read.say([QUESTION], 4) == plain.say([QUESTION], 4)


def test_the_small_model_is_the_same_by_the_name_of_its_file() -> None:
    packaged = base._packaged()
    for given in (f"hf:{packaged}", str(packaged), packaged.parent):
        assert base.folder_at(base.named(given)) == base.small()


def test_a_gguf_that_is_not_one_is_refused(tmp_path: Path, tiny_gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORIA_CACHE", str(tmp_path / "cache"))
    bad = tmp_path / "bad" / "x.gguf"
    bad.parent.mkdir()
    bad.write_bytes(tiny_gguf.read_bytes()[:200])
    with pytest.raises(InvalidQuery, match="cannot be read by transformers"):
        base.load(bad)
    assert [one.name for one in (tmp_path / "cache").iterdir()] == []
    (bad.parent / "y.gguf").write_bytes(b"")
    with pytest.raises(InvalidQuery, match="holds 2 GGUF files"):
        base.load(bad.parent)
    part = tmp_path / "m-00001-of-00003.gguf"
    part.write_bytes(b"")
    with pytest.raises(InvalidQuery, match="one part of a model that was split"):
        base.load(part)


# -- what cannot be distilled into --


def changed(llama: Path, tmp_path: Path, **fields: Any) -> Path:
    folder = Path(shutil.copytree(llama, tmp_path / "changed"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **fields}))
    return folder


def test_what_cannot_be_distilled_into_is_refused_with_the_reason(memory: Memoria, llama: Path, tmp_path: Path) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "encoder-decoder": {"model_type": "t5", "is_encoder_decoder": True},
        "transformers loads by itself": {"model_type": "no-such-thing"},
        "quantised": {"quantization_config": {"quant_method": "gptq", "bits": 4}},
    }
    for rule, fields in wrong.items():
        with pytest.raises(InvalidQuery, match=rule):
            memory.distill(changed(llama, tmp_path / rule, **fields), recipe=RECIPE)
    with pytest.raises(ModelNotFound, match="holds no tokenizer"):
        memory.distill(without(llama, tmp_path / "a", "tokenizer*"), recipe=RECIPE)
    with pytest.raises(InvalidQuery, match="holds no safetensors"):
        memory.distill(without(llama, tmp_path / "b", "*.safetensors"), recipe=RECIPE)
    with pytest.raises(InvalidQuery, match="targets nothing name no linear map of the layers: down_proj, gate_proj"):
        memory.distill(llama, recipe=replace(RECIPE, targets=("nothing",)))


def without(llama: Path, folder: Path, pattern: str) -> Path:
    shutil.copytree(llama, folder)
    for one in folder.glob(pattern):
        one.unlink()
    return folder


def test_a_model_that_looks_ahead_or_has_no_layers_is_refused(tmp_path: Path) -> None:
    import torch
    from transformers import BertConfig, BertLMHeadModel

    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    ahead: Any = BertLMHeadModel(BertConfig(vocab_size=64, **sizes))  # type: ignore[arg-type]  # untyped
    ahead.train(False)
    with pytest.raises(InvalidQuery, match="no causal model"):
        layout(ahead)
    loaded = base.load(architectures.make(tmp_path / "a", "llama"))
    loaded.model.model.layers = torch.nn.Sequential(*loaded.layers)
    with pytest.raises(InvalidQuery, match="no list of 3 decoder layers"):
        layout(loaded.model)


def test_maps_that_a_recipe_names_are_the_ones_adapted(llama: Path) -> None:
    loaded = base.load(llama)
    tensors, _ = train(loaded, MADE, replace(RECIPE, targets=("q_proj", "o_proj")), TEXTS)
    assert {name.split(".")[-3] for name in tensors} == {"q_proj", "o_proj"}

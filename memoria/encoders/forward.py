"""The forward pass of BERT (J. Devlin et al., NAACL 2019) in numpy, from safetensors, with mean pooling.

`mpnet` has what differs in MPNet.

Texts are sorted by length and their tokens stand in one matrix without padding: the linear layers see all tokens of a
batch at once, and attention goes by groups of texts that have the same number of tokens.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.encoders.threads import one_thread
from memoria.errors import ModelCorrupt

if TYPE_CHECKING:
    import numpy as np

    from memoria.arrays import Vectors

# Tokens of a batch: with more, the matrices leave the cache of the processor.
_TOKENS = 1024
_WORD = re.compile(r"[^\W\d_]+")


class Transformer:
    """A sentence model of a folder: `config.json`, `tokenizer.json`, `model.safetensors`. Loads at construction.

    sha256: what the weights have to be. most: tokens of a text after which it is cut off. Raises ModelCorrupt.
    """

    # The names of the tensors of a layer that make queries, keys, values, and of what is done with the result.
    parts = ("attention.self.query", "attention.self.key", "attention.self.value")
    after = ("attention.output.dense", "attention.output.LayerNorm")

    def __init__(self, folder: Path, sha256: str, most: int) -> None:
        from tokenizers import Tokenizer

        checked(folder / "model.safetensors", sha256)
        config = json.loads((folder / "config.json").read_text())
        self._heads, self._epsilon = int(config["num_attention_heads"]), float(config["layer_norm_eps"])
        self.weights = tensors(folder / "model.safetensors")
        self._layers = range(int(config["num_hidden_layers"]))
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.most = most

    def count(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, those not counted that say where it begins and ends."""
        return [len(one) for one in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (n, d), float32."""
        import numpy as np

        encoded = self._tokenizer.encode_batch([text.strip() for text in texts])
        # What is cut off is before the last token, which says that the text ends.
        tokens = [one.ids[: self.most - 1] + one.ids[-1:] if len(one) > self.most else one.ids for one in encoded]
        out = np.empty((len(tokens), self.weights["embeddings.LayerNorm.weight"].size), np.float32)

        def fill(batch: Sequence[int]) -> None:
            out[batch] = self._pooled([tokens[n] for n in batch])

        many = list(batches([len(ids) for ids in tokens]))
        with one_thread():
            if len(many) < 2:
                list(map(fill, many))
            else:
                with ThreadPoolExecutor(len(os.sched_getaffinity(0)), "memoria-embed") as threads:
                    list(threads.map(fill, many))
        return out

    def known(self, text: str) -> float:
        """The share of the words of a text that the vocabulary has whole, in [0, 1]; 1 where there are no words."""
        words = _WORD.findall(text)
        whole = sum(len(one.ids) == 1 for one in self._tokenizer.encode_batch(words, add_special_tokens=False))
        return whole / len(words) if words else 1.0

    def _pooled(self, tokens: Sequence[Sequence[int]]) -> Vectors:
        """tokens: of texts in the order of their length."""
        import numpy as np

        lengths = [len(ids) for ids in tokens]
        x = self._computed(tokens, [[0] * n for n in lengths])
        mean = np.add.reduceat(x, np.cumsum([0, *lengths[:-1]])) / np.array(lengths, np.float32)[:, None]
        unit: Vectors = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return unit

    def _computed(self, tokens: Sequence[Sequence[int]], types: Sequence[Sequence[int]]) -> Vectors:
        """The last layer, shape (all tokens, d). types: 0 or 1 for each token."""
        import numpy as np

        lengths = [len(ids) for ids in tokens]
        positions = np.concatenate([np.arange(n) for n in lengths])
        x = self.embedded(np.concatenate(tokens), positions, np.concatenate(types))
        x = self._norm("embeddings.LayerNorm", x)
        for layer in self._layers:
            x = self._layer(f"encoder.layer.{layer}.", x, lengths)
        return x

    def embedded(
        self, ids: np.ndarray[Any, Any], positions: np.ndarray[Any, Any], types: np.ndarray[Any, Any]
    ) -> Vectors:
        """The sum of the vectors of tokens, of positions (from 0 in each text), and of types: shape (tokens, d)."""
        x: Vectors = self.weights["embeddings.word_embeddings.weight"][ids]
        x += self.weights["embeddings.position_embeddings.weight"][positions]
        x += self.weights["embeddings.token_type_embeddings.weight"][types]
        return x

    def bias(self, length: int) -> Vectors | None:
        """What is added to the scores of attention in a text of so many tokens, shape (heads, length, length)."""
        return None

    def _layer(self, name: str, x: Vectors, lengths: Sequence[int]) -> Vectors:
        """One layer: attention, then the two linear maps with GELU between them; both are added to what came in."""
        dense, norm = self.after
        q, k, v = (self._linear(f"{name}{part}", x) for part in self.parts)
        said = self._linear(f"{name}{dense}", attention(q, k, v, lengths, self._heads, self.bias))
        x = self._norm(f"{name}{norm}", x + said)
        wide = gelu(self._linear(f"{name}intermediate.dense", x))
        return self._norm(f"{name}output.LayerNorm", x + self._linear(f"{name}output.dense", wide))

    def _linear(self, name: str, x: Vectors) -> Vectors:
        out: Vectors = x @ self.weights[f"{name}.weight"].T
        out += self.weights[f"{name}.bias"]
        return out

    def _norm(self, name: str, x: Vectors) -> Vectors:
        import numpy as np

        x = x - x.mean(axis=1, keepdims=True)
        x /= np.sqrt((x * x).mean(axis=1, keepdims=True) + np.float32(self._epsilon))
        x *= self.weights[f"{name}.weight"]
        x += self.weights[f"{name}.bias"]
        return x


class Pairs(Transformer):
    """The same model over two texts at once, `[CLS] first [SEP] second [SEP]`, with changed matrices.

    changes: what is added to a matrix, by its name without ".weight", shape (out, in).
    """

    def __init__(self, folder: Path, sha256: str, most: int, changes: Mapping[str, Vectors]) -> None:
        super().__init__(folder, sha256, most)
        self._tokenizer.enable_truncation(most)
        changed = {f"{name}.weight": self.weights[f"{name}.weight"] + change for name, change in changes.items()}
        self.weights = {**self.weights, **changed}

    def views(self, pairs: Sequence[tuple[str, str]]) -> Vectors:
        """[CLS], the mean of the first text, that of the second, and their distances: shape (n, 4 d), n > 0."""
        import numpy as np

        read = self._tokenizer.encode_batch([(first.strip(), second.strip()) for first, second in pairs])
        out = np.empty((len(read), 4 * self.weights["embeddings.LayerNorm.weight"].size), np.float32)
        with one_thread():
            for batch in batches([len(one.ids) for one in read]):
                some = [read[n] for n in batch]
                x = self._computed([one.ids for one in some], [one.type_ids for one in some])
                starts = np.cumsum([0, *(len(one.ids) for one in some)])
                for n, one, start in zip(batch, some, starts, strict=False):
                    out[n] = _viewed(x[start : start + len(one.ids)], one.type_ids)
        return out


def _viewed(x: Vectors, types: Sequence[int]) -> Vectors:
    """x: of one pair, shape (tokens, d). The marks at the ends of the texts are in no mean."""
    import numpy as np

    one = types.index(1)
    first, second = (part.sum(0) / np.float32(max(len(part), 1)) for part in (x[1 : one - 1], x[one:-1]))
    return np.concatenate([x[0], first, second, np.abs(first - second)])


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of texts in the order of their length, cut where a batch would have more than `_TOKENS` tokens."""
    batch: list[int] = []
    total = 0
    for n in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and total + lengths[n] > _TOKENS:
            yield batch
            batch, total = [], 0
        batch.append(n)
        total += lengths[n]
    if batch:
        yield batch


def attention(
    q: Vectors, k: Vectors, v: Vectors, lengths: Sequence[int], heads: int, bias: Callable[[int], Vectors | None]
) -> Vectors:
    """Scaled dot-product attention within each text. q, k, v: shape (tokens, d), of texts in the order of length.

    bias: what is added to the scores in a text of so many tokens.
    """
    import numpy as np

    out = np.empty_like(q)
    scale, at = np.float32((q.shape[1] / heads) ** -0.5), 0
    for length, texts in groupby(lengths):
        n = len(list(texts))
        rows = slice(at, at := at + n * length)
        query, key, value = (one[rows].reshape(n, length, heads, -1).transpose(0, 2, 1, 3) for one in (q, k, v))
        scores = (query * scale) @ key.transpose(0, 1, 3, 2)
        added = bias(length)
        if added is not None:
            scores += added
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        out[rows] = (scores @ value).transpose(0, 2, 1, 3).reshape(n * length, -1)
    return out


def gelu(x: Vectors) -> Vectors:
    """x times the normal distribution function of x, in place; to 1e-7 of it.

    M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions, 1964, 26.2.17 by way of 7.1.26.
    """
    import numpy as np

    for at in range(0, len(x), 64):
        part = x[at : at + 64]
        size = np.abs(part)
        t = 1 / (1 + np.float32(0.3275911 * 0.5**0.5) * size)
        tail = np.float32(1.061405429) * t
        for term in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
            tail += np.float32(term)
            tail *= t
        tail *= np.exp(part * part * np.float32(-0.5))
        # x times Phi(x) is max(x, 0) - |x| times the tail beyond |x|.
        np.maximum(part, 0, out=part)
        part -= np.float32(0.5) * size * tail
    return x


def checked(weights: Path, sha256: str) -> None:
    """Raises ModelCorrupt when a file is not the one that was published."""
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
        raise ModelCorrupt(f"{weights.parent}: weights have sha256 {digest}, published are {sha256}")


def tensors(path: Path) -> Mapping[str, np.ndarray[Any, Any]]:
    """The float32 tensors of a safetensors file, mapped: what is not used takes no memory.

    The file is a length of 8 bytes, that many bytes of JSON with the place of each tensor, and the tensors.
    """
    import numpy as np

    mapped = np.memmap(path, np.uint8, "r")
    start = 8 + int.from_bytes(mapped[:8].tobytes(), "little")
    head = json.loads(mapped[8:start].tobytes())
    return {
        name: np.asarray(mapped[start + one["data_offsets"][0] : start + one["data_offsets"][1]])
        .view(np.float32)
        .reshape(one["shape"])
        for name, one in head.items()
        if one.get("dtype") == "F32"
    }

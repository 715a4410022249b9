"""The small file of the judge: what is added to the encoder's matrices (LoRA: E. Hu et al., ICLR 2022), and its head.

Half precision, keyed by the SHA-256 of the encoder's weights:

    W' = W + B A        logit = v . tanh(U x + b) + c        log-odds = slope logit + offset

x: [CLS], the means of both texts and their distances. Slope and offset are of J. Platt (1999).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

from memoria.errors import ModelCorrupt

if TYPE_CHECKING:
    from memoria.arrays import Vectors

# Tokens of a pair; what is longer is cut off.
MOST = 128
_HEAD = ("U", "b", "v", "c")


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapted:
    """encoder: SHA-256 of the weights that it was trained with.

    down, up: A of shape (r, in) and B of shape (out, r), by the name of the matrix. head: U, b, v, c.
    slope, offset: from logits to log-odds.
    """

    encoder: str
    down: Mapping[str, Vectors]
    up: Mapping[str, Vectors]
    head: Mapping[str, Vectors]
    slope: float = 1.0
    offset: float = 0.0

    def changes(self) -> dict[str, Vectors]:
        """What is added to each matrix."""
        return {name: self.up[name] @ self.down[name] for name in self.down}

    def logits(self, views: Vectors) -> Vectors:
        """views: shape (n, 4 d). Not calibrated."""
        import numpy as np

        hidden = np.tanh(views @ self.head["U"].T + self.head["b"])
        found: Vectors = hidden @ self.head["v"] + self.head["c"]
        return found

    def log_odds(self, views: Vectors) -> Vectors:
        """views: shape (n, 4 d)."""
        found: Vectors = self.slope * self.logits(views) + self.offset
        return found

    def write(self, path: Path) -> None:
        """Writes the file, in half precision."""
        import numpy as np

        halves = {
            **{f"down {name}": value.astype(np.float16) for name, value in self.down.items()},
            **{f"up {name}": value.astype(np.float16) for name, value in self.up.items()},
            **{f"head {name}": value.astype(np.float16) for name, value in self.head.items()},
        }
        scale = np.array([self.slope, self.offset])
        with path.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, encoder=np.array(self.encoder), scale=scale, **halves)


def read(path: Path) -> Adapted:
    """Reads the file; raises ModelCorrupt."""
    import numpy as np

    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        parts = {
            part: {
                name.removeprefix(f"{part} "): value.astype(np.float32)
                for name, value in arrays.items()
                if name.startswith(f"{part} ")
            }
            for part in ("down", "up", "head")
        }
        slope, offset = map(float, arrays["scale"])
        made = Adapted(encoder=str(arrays["encoder"]), slope=slope, offset=offset, **parts)
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise ModelCorrupt(f"{path} holds no weights of a judge: {error}") from error
    if made.down.keys() != made.up.keys() or set(made.head) != set(_HEAD):
        raise ModelCorrupt(f"{path} lacks matrices")
    return made

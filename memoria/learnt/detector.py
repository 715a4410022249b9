"""The installed judge: MiniLM over a statement and a memory at once, without torch, from a small file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from memoria.embedders import MINILM_SHA256, minilm_folder
from memoria.encoders import background
from memoria.english.voice import asks, asserts
from memoria.errors import ModelCorrupt, ModelNotFound
from memoria.learnt.adapted import MOST, Adapted, read
from memoria.protocols import Judge
from memoria.text.language import ENGLISH, languages

if TYPE_CHECKING:
    from memoria.arrays import Vectors

WEIGHTS = Path(__file__).parent / "judge.npz"
# The log-odds where the judge cannot read: p is below 1e-8.
NEVER = -20.0
# Shares of words that the encoder knows whole, from which on a text is English: with a word that tells, with an English
# ending, and without either. Chosen on the twelve languages of `memoria.data`: all 80 English texts pass, and 4 of the
# 880 others.
_TOLD, _ENDING, _UNTOLD = 0.6, 0.5, 0.8
_ENDS = re.compile(r"\b[a-z]{3,}(?:ing|[^aeio]ed|[^s]s|'s|n't|ly)\b")
_installed: list[Judge] = []
_lock = Lock()


class Learnt:
    """A judge by weights that `memoria fit detector` made; calls from several threads at once are fine.

    name: with the beginning of the SHA-256 of the weights. reader: the model itself, which reads any language.
    """

    def __init__(self, path: Path = WEIGHTS, folder: Path | None = None) -> None:
        """Loads; folder: of the encoder. Raises ModelCorrupt, ModelNotFound."""
        if not path.exists():
            raise ModelNotFound(f"{path}: no weights of a judge are there; `memoria fit detector` makes them")
        self.name = f"minilm-lora {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
        self.reader = Reader(read(path), folder)

    def __call__(self, statement: str, texts: Sequence[str]) -> list[float]:
        """The log-odds that the statement makes each text untrue.

        `NEVER` for what is not in English, for questions, and for a statement that asserts nothing of its own.
        """
        found = [NEVER] * len(texts)
        reads = self.reader.reads
        told = reads(statement) and asserts(statement)
        readable = [n for n, text in enumerate(texts) if told and reads(text) and not asks(text)]
        if readable:
            odds = self.reader.log_odds([(statement, texts[n]) for n in readable])
            for n, one in zip(readable, odds.tolist(), strict=True):
                found[n] = one
        return found


class Reader:
    """The weights in memory, within the encoder. Raises ModelCorrupt when they are for another encoder."""

    def __init__(self, adapted: Adapted, folder: Path | None = None) -> None:
        from memoria.encoders.forward import Pairs

        if adapted.encoder != MINILM_SHA256:
            raise ModelCorrupt(f"the judge is for an encoder with sha256 {adapted.encoder}, not {MINILM_SHA256}")
        self._adapted = adapted
        self._encoder = Pairs(folder or minilm_folder(), MINILM_SHA256, MOST, adapted.changes())

    def reads(self, text: str) -> bool:
        """Whether a text is in English, as far as its letters, its commonest words and the encoder's words tell."""
        script = background.script(text)
        if script == "english":
            return self._encoder.known(text) >= _TOLD
        if script != "latin" or languages(text) != [ENGLISH]:
            return False
        return self._encoder.known(text) >= (_UNTOLD if _ENDS.search(text) is None else _ENDING)

    def logits(self, pairs: Sequence[tuple[str, str]]) -> Vectors:
        """Of statements and memories, shape (n,), before calibration."""
        return self._adapted.logits(self._encoder.views(pairs))

    def log_odds(self, pairs: Sequence[tuple[str, str]]) -> Vectors:
        """Of statements and memories, shape (n,)."""
        return self._adapted.log_odds(self._encoder.views(pairs))


def judge() -> Judge:
    """The judge that is installed, loaded at the first call and once; raises ModelCorrupt, ModelNotFound."""
    with _lock:
        if not _installed:
            _installed.append(Learnt())
        return _installed[0]

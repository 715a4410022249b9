"""Chat models: what a name means, what a callable may give, and real models here and behind a real server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import memoria
from memoria.agent import Agent
from memoria.agent.tools import TOOLS
from memoria.distill import base
from memoria.errors import InvalidQuery, ModelFailed, ModelNotFound
from memoria.models import as_model
from memoria.models.calls import read
from memoria.models.chat import Drawn, Message, Piece, ToolCall
from memoria.models.huggingface import HuggingFace
from memoria.testing import HashEmbedder
from tests import tiny_model
from tests.distill_worker import FACTS
from tests.tiny_model import RECIPE

HELLO = [Message(role="user", text="Hello.")]
# A template of the kind that offers tools.
TEMPLATE = (
    "{% for tool in tools or [] %}<tool>{{ tool.function.name }}</tool>{% endfor %}"
    "{% for message in messages %}<{{ message.role }}>{{ message.content }}"
    "{% for call in message.tool_calls or [] %}[{{ call.function.name }}]{% endfor %}{% endfor %}"
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.make(tmp_path_factory.mktemp("tiny"))


@pytest.mark.parametrize("name", ["", "gpt", "hf:", "openai:", "smollm3", "ollama:"])
def test_a_name_of_no_known_form_is_refused(name: str) -> None:
    with pytest.raises(InvalidQuery, match=f"model '{name}' is not of the form smollm2, hf:PATH"):
        as_model(name)


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(InvalidQuery, match="model 7 is no chat model"):
        as_model(7)  # type: ignore[arg-type]


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"no config\.json"):
        as_model(f"hf:{tmp_path}")


def test_an_endpoint_that_cannot_be_reached_is_a_failure_of_the_model() -> None:
    with pytest.raises(ModelFailed, match=r"^some@model: Connection error"):
        list(as_model("openai:some@model@http://127.0.0.1:9/v1").reply(HELLO))


def test_openai_itself_wants_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ModelFailed, match="OPENAI_API_KEY"):
        as_model("openai:some")


def test_a_generator_is_given_the_messages_as_one_text() -> None:
    class Upper:
        def generate(self, prompt: str) -> str:
            return prompt.upper()

    messages = [Message(role="system", text="Be kind."), *HELLO]
    assert list(as_model(Upper()).reply(messages)) == ["BE KIND.\n\nUSER: HELLO.\n\nASSISTANT:"]


said = st.lists(
    st.one_of(
        st.text(st.characters(exclude_characters="<"), min_size=1),
        st.sampled_from(["<", "<tool", "<tool_call>never ends", "<tool_call>[1]</tool_call>"]),
        st.builds(
            lambda name, value: f"<tool_call>{json.dumps({'name': name, 'arguments': {'text': value}})}</tool_call>",
            st.sampled_from(["recall", "forget"]),
            st.text(st.characters(exclude_characters="<")),
        ),
    ),
    max_size=6,
)


def joined(pieces: list[Piece]) -> list[Piece]:
    """The pieces with neighbouring texts put together."""
    out: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and out and isinstance(out[-1], str):
            out[-1] += piece
        else:
            out.append(piece)
    return out


@given(said, st.lists(st.integers(1, 9), min_size=1, max_size=9))
def test_calls_in_a_text_are_read_however_it_is_cut(parts: list[str], sizes: list[int]) -> None:
    text = "".join(parts)
    cuts: list[str] = []
    at = 0
    while at < len(text):
        size = sizes[len(cuts) % len(sizes)]
        cuts.append(text[at : at + size])
        at += size
    assert joined(list(read(cuts))) == joined(list(read([text])))


def test_calls_are_calls_and_what_cannot_be_read_stays_text() -> None:
    good = '<tool_call>\n{"name": "recall", "arguments": {"query": "tea"}}\n</tool_call>'
    bad = "<tool_call>nonsense</tool_call>"
    found = joined(list(read([f"Let me see. {good} and {bad}"])))
    call = ToolCall(id="call-0", name="recall", arguments={"query": "tea"})
    assert found == ["Let me see. ", call, f" and {bad}"]


def test_a_folder_answers_token_by_token_and_ends_when_it_is_closed(tiny: Path) -> None:
    model = as_model(f"hf:{tiny}")
    assert isinstance(model, HuggingFace)
    model.most = 12
    whole = "".join(str(piece) for piece in model.reply(HELLO))
    assert whole
    assert len(list(model._stream(model.prompt(HELLO)))) <= 12
    model.most = 100_000
    pieces = iter(model.reply(HELLO))
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]  # it is a generator; this would take minutes if it did not end
    with model.base.lock:
        model.most = 12
    assert "".join(str(piece) for piece in model.reply(HELLO)) == whole


def test_a_failure_in_the_thread_of_the_model_is_raised_here(tiny: Path) -> None:
    model = HuggingFace(tiny, most=-3)
    with pytest.raises(ValueError, match="max_new_tokens"):
        list(model.reply(HELLO))


def test_tools_are_offered_to_templates_that_know_them(tiny: Path) -> None:
    model = HuggingFace(tiny)
    assert "recall" not in model.prompt(HELLO, TOOLS)
    model.base.tokenizer.chat_template = TEMPLATE
    called = Message(role="assistant", text="", calls=(ToolCall(id="1", name="recall"),))
    prompt = model.prompt([*HELLO, called, Message(role="tool", text="Nothing.", answers="1")], TOOLS)
    names = "".join(f"<tool>{one}</tool>" for one in ("remember", "recall", "supersede", "forget"))
    assert prompt == f"{names}<user>Hello.<assistant>[recall]<tool>Nothing."


def test_a_distilled_model_names_what_its_weights_have_seen(tmp_path: Path, tiny: Path) -> None:
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()) as memory:
        memory.remember_many(FACTS)
        memory.distill(tiny, recipe=RECIPE)
        model = memory.distilled()
        asked = "What is Person 0's badge?"
        ids = model.sources(asked)
        assert FACTS[0] in {one.text for one in memory.list() if one.id in ids}
        pieces = list(as_model(model).reply([Message(role="user", text=asked)]))
        assert pieces == [Drawn(ids=ids), model.generate(asked)]
        reply = Agent(memory, model, extract=None).say(asked)
        assert reply.hits
        assert reply.text == model.generate(asked)
        assert reply.said is not None
        # A fact in its own words is no reply of its own.
        assert reply.said.id in ids
        off = [Message(role="user", text="zzz qqq www")]
        chat = as_model(model)
        chat._base.most = 4  # type: ignore[attr-defined]
        assert not any(isinstance(piece, Drawn) for piece in chat.reply(off))


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The small model behind the server of transformers, which speaks OpenAI's protocol, on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    command = [str(Path(sys.executable).parent / "transformers"), "serve", str(base.small())]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    with log.open("w") as file:
        server = subprocess.Popen(
            command, stdout=file, stderr=file, env={**os.environ, "HF_HUB_OFFLINE": "1"}, start_new_session=True
        )
    try:
        for _ in range(1200):
            assert server.poll() is None, log.read_text()
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def test_an_agent_talks_to_a_real_endpoint(tmp_path: Path, endpoint: str) -> None:
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()) as memory:
        memory.remember("My locker code is 4821.")
        agent = Agent(memory, f"openai:{base.small()}@{endpoint}")
        answer = agent.stream("What is my locker code?")
        pieces = list(answer)
        assert len(pieces) > 1
        assert "4821" in answer.reply.text
        assert answer.reply.said is not None
        cut = agent.stream("Write a long story about the sea.")
        next(cut)
        cut.close()
        assert cut.reply.cancelled
        agent.model = as_model(f"openai:/no/such/model@{endpoint}")
        with pytest.raises(ModelFailed, match=r"/no/such/model: .*(did not take the request|HTTP 404)"):
            agent.say("Are you there?")


def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
    """A line of the published wire format of streamed chat completions."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]})


def part(index: int, arguments: str, **begun: str) -> dict[str, Any]:
    named = {"name": begun["name"]} if begun else {}
    head = {"id": begun["id"], "type": "function"} if begun else {}
    return {"index": index, **head, "function": {**named, "arguments": arguments}}


WIRE = [
    chunk({"role": "assistant", "content": "Let me see."}),
    chunk({"tool_calls": [part(0, "", id="call_1", name="recall")]}),
    chunk({"tool_calls": [part(0, '{"query":')]}),
    chunk({"tool_calls": [part(0, ' "tea"}'), part(1, "nonsense", id="call_2", name="forget")]}),
    chunk({}, "tool_calls"),
]


def test_calls_that_are_streamed_in_parts_are_put_together() -> None:
    from openai.types.chat import ChatCompletionChunk

    from memoria.models.openai import _pieces

    assert list(_pieces(ChatCompletionChunk.model_validate_json(line) for line in WIRE)) == [
        "Let me see.",
        ToolCall(id="call_1", name="recall", arguments={"query": "tea"}),
        ToolCall(id="call_2", name="forget", arguments={"unreadable": "nonsense"}),
    ]

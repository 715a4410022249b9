"""`memoria chat` with what is there: an endpoint, an Ollama, or quotations; and what a model says is no evidence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import memoria
from memoria.agent import Agent
from memoria.engine.memory import Memoria
from memoria.english.wants import own_reply, to_know
from memoria.errors import InvalidQuery, ModelFailed
from memoria.models import as_model, ollama
from memoria.models.chat import Message, Note, ToolCall
from memoria.models.found import find
from memoria.models.function import Function
from memoria.models.quoting import NEAREST, NOTED, NOTHING, SILENT, Quoting, answer, quoted
from memoria.testing import HashEmbedder
from tests.endpoints import serving
from tests.hour import Terminal

DEAD = "127.0.0.1:9"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No endpoint, no Ollama, no settings of the machine."""
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OLLAMA_HOST", DEAD)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys)


def talk(run: Terminal, *lines: str, options: Sequence[str] = ()) -> tuple[list[dict[str, object]], str]:
    """The replies, and what is on stderr."""
    done = run("chat", "--json", "--idle", "0", *options, stdin="".join(f"{line}\n" for line in lines))
    assert done.status == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()], done.err


def test_an_endpoint_is_used_when_it_is_named(run: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving("openai") as end:
        monkeypatch.setenv("OPENAI_BASE_URL", end.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
        replies, said = talk(run, "I take my tea with milk.", "How do I take my tea?")
    assert [one["text"] for one in replies] == ["With milk.", "With milk."]
    assert f"Model: talker, at {end.url}" in said
    assert "Warning" not in said
    assert end.asked[0]["model"] == "talker"
    assert set(end.keys) == {"Bearer sk-1"}


def test_an_endpoint_needs_no_key_and_may_be_a_setting(run: Terminal, tmp_path: Path) -> None:
    with serving("openai") as end:
        run("config", "set", "base_url", end.url)
        run("config", "set", "api_key", "sk-2")
        (reply,), said = talk(run, "Hello there.", options=["--model", "openai:other"])
        assert reply["text"] == "With milk."
        assert end.asked[0]["model"] == "other"
        assert set(end.keys) == {"Bearer sk-2"}
        assert "sk-2" not in said
        run("config", "unset", "api_key")
        end.keys.clear()
        talk(run, "Hello again.", options=["--model", f"openai:third@{end.url}"])
        assert end.asked[-1]["model"] == "third"
        assert "sk-2" not in str(end.keys)


def test_an_ollama_is_used_when_it_answers(run: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving("ollama", models=["nomic-embed-text", "talker:1b"]) as end:
        monkeypatch.setenv("OLLAMA_HOST", end.host)
        replies, said = talk(run, "I take my tea with milk.", "How do I take my tea?")
    assert [one["text"] for one in replies] == ["With milk.", "With milk."]
    assert f"Model: talker:1b, by Ollama at {end.url}" in said
    assert [one["name"] for one in ({"name": m["model"]} for m in end.asked)] == ["talker:1b"] * 2
    assert "I take my tea with milk." in str(end.asked[1]["messages"])


def test_an_ollama_that_sends_elsewhere_is_not_used_unasked(run: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving("ollama", remote=True) as end:
        monkeypatch.setenv("OLLAMA_HOST", end.host)
        _, said = talk(run, "My cat is called Tom.")
        assert not end.asked
        assert "Model: quotations" in said
        talk(run, "My cat is called Tom.", options=["--model", "ollama:big:cloud"])
        assert end.asked[0]["model"] == "big:cloud"


def test_an_ollama_calls_tools_and_a_model_without_them_is_asked_again() -> None:
    with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
        memory.remember("Tea is taken with milk.")
        with serving("ollama", fault="calls") as end:
            Agent(memory, ollama.Ollama("talker", host=end.url)).say("Is there tea?")
            assert end.asked[1]["messages"][-1] == {"role": "tool", "content": end.asked[1]["messages"][-1]["content"]}
            assert "Tea is taken with milk." in end.asked[1]["messages"][-1]["content"]
        with serving("ollama", fault="no tools") as end:
            reply = Agent(memory, ollama.Ollama("talker", host=end.url)).say("Is there tea?")
            assert reply.text == "With milk."
            assert ["tools" in one for one in end.asked] == [True, False]


@pytest.mark.parametrize("kind", ["openai", "ollama"])
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("404", "no such model"),
        ("500", "failed (HTTP 500)"),
        ("breaks off", "broke"),
        ("is a page", ""),
    ],
)
def test_a_failure_is_told_in_plain_words_and_nothing_is_lost(
    run: Terminal, monkeypatch: pytest.MonkeyPatch, kind: str, fault: str, said: str
) -> None:
    monkeypatch.setattr("openai._base_client.BaseClient._calculate_retry_timeout", lambda *_: 0.0)
    with serving(kind, fault=fault) as end:
        name = f"openai:talker@{end.url}" if kind == "openai" else "ollama:talker"
        monkeypatch.setenv("OLLAMA_HOST", end.host)
        (failed,), _ = talk(run, "My locker code is 4821.", options=["--model", name])
        plain = run("chat", "--idle", "0", "--model", name, stdin="And my cat is Tom.\n")
    if kind == "openai" and fault == "is a page":
        assert failed.get("text") == "" or failed["error"] == "ModelFailed"
    else:
        assert failed["error"] == "ModelFailed"
        assert said in str(failed["message"])
        assert "What you said is remembered" in plain.out
    assert "4821" not in str(failed.get("message"))
    assert "Traceback" not in plain.err
    texts = [one["text"] for one in json.loads(run("list", "--json").out)["memories"]]
    assert texts == ["My locker code is 4821.", "And my cat is Tom."]


def test_an_endpoint_that_is_not_there_is_an_error_that_says_what_to_do(
    run: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://ada:pw-1@{DEAD}/v1")
    done = run("chat", stdin="Hello.\n")
    assert done.status == 2
    assert f"http://{DEAD}/v1 cannot be reached: start it, or give --model smollm2" in done.err
    assert "pw-1" not in done.err
    monkeypatch.setenv("OPENAI_BASE_URL", "localhost:8000")
    assert "OPENAI_BASE_URL is no URL" in run("chat", stdin="Hello.\n").err
    with serving("openai", models=["embedder-embed"]) as end:
        monkeypatch.setenv("OPENAI_BASE_URL", end.url)
        assert "name one with --model openai:MODEL" in run("chat", stdin="Hello.\n").err


def test_without_any_it_quotes_and_says_so(run: Terminal) -> None:
    replies, said = talk(
        run,
        "I take my tea with oat milk.",
        "How do I take my tea?",
        "What is the capital of Mongolia?",
        options=["--new"],
    )
    day = datetime.now(UTC).date()
    assert replies[0]["text"] == NOTED
    again, _ = talk(run, "How do I take my tea?", "What is my passport number?", options=["--new"])
    assert again[0]["text"] == f'On {day} you said: "I take my tea with oat milk."'
    assert replies[2]["text"] in (NOTHING, again[1]["text"])
    assert "Model: quotations, and smollm2" in said
    assert "Warning: no endpoint in OPENAI_BASE_URL" in said
    assert "http://127.0.0.1:9" in said


def test_an_empty_memory_knows_nothing(run: Terminal) -> None:
    (reply,), _ = talk(run, "What is my locker code?")
    assert reply["text"] == NOTHING


def note(text: str, **how: object) -> Note:
    return Note(**({"text": text, "day": date(2026, 5, 4), "who": "you", "probability": 0.3} | how))  # type: ignore[arg-type]


def test_a_quotation_is_word_for_word_with_its_day_and_who_said_it() -> None:
    assert quoted(note("Tea [/] with\nmilk.")) == 'On 2026-05-04 you said: "Tea [/] with\nmilk."'
    assert quoted(note("Tea.", who="bob, web")) == 'On 2026-05-04 bob, web said: "Tea."'
    assert quoted(note("Tea.", who="")) == 'On 2026-05-04 it was noted: "Tea."'
    assert quoted(note("Tea.", doubtful=True)).endswith('"Tea." (in doubt since)')
    assert quoted(note("Tea.", who="assistant", replied=True)) == 'On 2026-05-04 I replied: "Tea."'


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        ([], NOTHING),
        ([note("My code is 1.", probability=0.01)], NOTHING),
        ([note("What is my code?")], NOTHING),
        ([note("Your code is 9.", replied=True)], NOTHING),
        ([note("The tea is hot.", probability=0.06)], f'{NEAREST}\nOn 2026-05-04 you said: "The tea is hot."'),
        ([note("My code is 1.", probability=0.06)], 'On 2026-05-04 you said: "My code is 1."'),
        ([note("My code is 1.", probability=None)], 'On 2026-05-04 you said: "My code is 1."'),
        ([note("The tea is hot.", probability=None)], NOTHING),
    ],
)
def test_only_what_answers_is_quoted(notes: list[Note], said: str) -> None:
    assert answer("What is my code?", notes) == said


def test_what_asks_for_nothing_is_left_to_the_other_model() -> None:
    asked: list[Sequence[Message]] = []

    def other(messages: Sequence[Message]) -> str:
        asked.append(messages)
        return "Hello!"

    quoting = Quoting(lambda: Function(other))
    hello = Message(role="user", text="- [2026] note\n\nHello!", asked="Hello!", notes=[note("My code is 1.")])
    assert list(quoting.reply([hello])) == ["Hello!"]
    assert [one.text for one in asked[0]] == ["Hello!"]  # and no note, of which it would make something else

    def missing() -> Function:
        raise memoria.ModelNotFound("no weights")

    assert list(Quoting(missing).reply([hello])) == [SILENT]


@pytest.mark.parametrize(
    "question", ["What is my locker code?", "Tell me my locker code.", "Wo ist mein Schl\u00fcssel?"]
)
def test_what_asks_is_told_from_what_tells(question: str) -> None:
    assert to_know(question)
    assert not to_know("My locker code is 4821.")
    assert not own_reply(question)
    assert own_reply("What did you say about my code?")


@pytest.fixture
def memory() -> Memoria:
    return memoria.open(":memory:", embedder=HashEmbedder())


def prompts(memory: Memoria, *said: str, model: object = None) -> list[str]:
    """What the model is given for each message, each in a conversation of its own."""
    given: list[str] = []

    def inventing(messages: Sequence[Message]) -> str:
        given.append(messages[-1].text)
        return "Your locker code is 9999 and it is in the hall."

    for text in said:
        Agent(memory, inventing).say(text)
    return given


def test_what_the_assistant_said_is_no_evidence(memory: Memoria) -> None:
    """It invents a code; no later prompt has it, in whatever conversation and however often it was said."""
    given = prompts(memory, *["What is my locker code?"] * 3, "Where is the locker in the hall, and its code?")
    assert not [one for one in given if "9999" in one]
    memory.sleep(detector=None)
    assert "9999" not in prompts(memory, "Which locker code is it?")[0]
    asked = prompts(memory, "What did you say about my locker code?")[0]
    assert "you said] Your locker code is 9999" in asked


def test_the_tool_gives_no_reply_as_evidence(memory: Memoria) -> None:
    prompts(memory, "What is my locker code?")
    memory.remember("The locker code was changed in May.")
    seen: list[str] = []

    def calling(messages: Sequence[Message]) -> object:
        if messages[-1].role == "tool":
            seen.append(messages[-1].text)
            return "Done."
        return [ToolCall(id="1", name="recall", arguments={"query": "locker code"})]

    Agent(memory, calling).say("Look it up.")  # type: ignore[arg-type]
    assert "changed in May" in seen[0]
    assert "9999" not in seen[0]


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        (":8000", "http://127.0.0.1:8000"),
        ("box:8000", "http://box:8000"),
        ("https://box", "https://box:443"),
        ("http://box/", "http://box:80"),
        ("[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_where_an_ollama_is(given: str, url: str) -> None:
    assert ollama.address(given) == url


def test_what_is_no_address_is_refused() -> None:
    for wrong in ("ftp://box", "box:port", "box:99999"):
        with pytest.raises(InvalidQuery, match="OLLAMA_HOST is no address"):
            ollama.address(wrong)
    with pytest.raises(ModelFailed, match="cannot be reached"):
        list(as_model("ollama:x").reply([Message(role="user", text="Hello.")]))


def test_a_name_comes_before_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving("openai") as end:
        monkeypatch.setenv("OPENAI_BASE_URL", end.url)
        assert isinstance(find("smollm2").model, Quoting)
        assert find("ollama:x").told == "ollama:x"
        assert find().told == f"talker, at {end.url}"

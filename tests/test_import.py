"""Exports of other programs become memories: what they say, once, whatever is malformed and however often it is run."""

from __future__ import annotations

import io
import json
import random
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import memoria
from memoria.cli import app
from memoria.errors import InvalidMemory, InvalidQuery
from memoria.testing import HashEmbedder
from memoria.transfer.foreign import Kind, Skipped, bring, read, survey
from memoria.transfer.foreign.items import when
from memoria.transfer.foreign.parts import Part
from memoria.transfer.foreign.stream import rows
from tests import exports

COLUMNS = {"time": "When", "text": "note", "speaker": "who"}
OSLO = {"zone": "Europe/Oslo"}


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


# Of each export: how it is read, and what has to be stored: (text, kind, speaker, session, time in UTC).
EXPORTS: dict[str, tuple[Kind, bytes, dict[str, Any], list[tuple[Any, ...]]]] = {
    "chatgpt": (
        "chatgpt",
        encoded(exports.chatgpt()),
        {},
        [
            (
                "My boat is called Wren.",
                "episodic",
                "user",
                "6955b900-0000-8000-8000-000000000001",
                "01-01 00:00:01.25",
            ),
            ("A good name.", "episodic", "assistant", "6955b900-0000-8000-8000-000000000001", "01-01 00:00:01.25"),
            (
                "This is her.\nAnd it has a sail.",
                "episodic",
                "user",
                "6955b900-0000-8000-8000-000000000001",
                "01-01 00:01:00",
            ),
            ("I sold the bike.", "episodic", "user", "c2", "01-02 00:00:00"),
        ],
    ),
    "claude": (
        "claude",
        encoded(exports.claude()),
        {},
        [
            ("I grow basil.", "episodic", "user", "conv-1", "01-02 10:00:00.123456"),
            ("basil\nmint", "episodic", "user", "conv-1", "01-02 10:00:00.123456"),
            ("Basil wants sun.\nIt rains in Oslo.", "episodic", "assistant", "conv-1", "01-02 10:00:00.123456"),
            ("Thank you.", "episodic", "user", "conv-1", "01-02 10:00:00.123456"),
        ],
    ),
    "mem0": (
        "mem0",
        encoded(exports.mem0()),
        {},
        [
            ("Likes green tea", "semantic", None, "run-1", "01-05 16:00:00"),
            ("Restart the worker after each deploy", "procedural", None, None, "01-06 08:00:00"),
        ],
    ),
    "langgraph": (
        "langgraph",
        encoded(exports.langgraph()),
        {},
        [
            ("Ada plays chess.", "semantic", None, None, "01-07 17:22:31.590602"),
            ("Ada moved to Oslo.", "semantic", None, None, "01-07 17:22:31.590602"),
            ("food: pizza\ndrink: tea\ncups: 2", "semantic", None, None, "01-07 17:22:31.590602"),
            ("Ada has a boat.", "semantic", None, None, "01-07 17:22:31.590602"),
        ],
    ),
    "letta": (
        "letta",
        encoded(exports.letta()),
        {},
        [
            ("Name: Ada.", "semantic", None, None, None),
            ("I am Ada.", "episodic", "user", "sam", "01-08 09:00:00"),
            ("Hello Ada.", "episodic", "assistant", "sam", "01-08 09:00:00"),
            ("And I like tea.", "episodic", "user", "sam", "01-08 09:00:00"),
        ],
    ),
    "letta, older": (
        "letta",
        encoded(exports.letta_old()),
        {},
        [
            ("Name: Bob.", "semantic", None, None, "01-09 00:00:00"),
            ("I am Bob.", "episodic", "user", "sam", "01-09 09:00:00"),
        ],
    ),
    "letta, passages": (
        "letta",
        encoded(exports.passages()),
        {},
        [("Ada keeps bees.", "semantic", None, None, "01-10 23:04:24.901468")],
    ),
    "csv": (
        "csv",
        exports.TABLE.encode(),
        {"columns": COLUMNS, **OSLO},
        [
            ("I swam today.", "episodic", "Ada", None, "01-11 08:00:00"),
            ("Two\nlines; one memory.", "episodic", "Bob", None, "01-11 23:00:00"),
            ("No date.", "episodic", None, None, None),
        ],
    ),
    "markdown": (
        "markdown",
        exports.PAGE.encode(),
        OSLO,
        [
            ("Memory: Ada is a pilot.\nShe flies at night.", "episodic", None, None, "01-12 23:00:00"),
            ("Build: run `make test`\nbefore each push\n- on Linux too", "episodic", None, None, "01-12 23:00:00"),
            ("Build: ask Bob", "episodic", None, None, "01-12 23:00:00"),
            ("Memory: Met Chika.", "episodic", None, None, "01-13 23:00:00"),
            ("Memory: > A quote.", "episodic", None, None, "01-13 23:00:00"),
            ("Memory: ```sh\n# no heading\n- no item\n```", "episodic", None, None, "01-13 23:00:00"),
            ("Memory: Flew to Rome.", "episodic", None, None, "01-14 23:00:00"),
        ],
    ),
    "jsonl": (
        "jsonl",
        exports.LINES.encode(),
        {},
        [
            ("Ada likes tea.", "episodic", None, None, None),
            ("Bob moved.", "episodic", "Bob", None, "01-16 07:00:00"),
            ("I sing.", "semantic", "user", "s1", "01-16 08:00:00"),
        ],
    ),
}


@pytest.fixture
def memory() -> Iterator[memoria.Memoria]:
    with memoria.open(":memory:", embedder=HashEmbedder()) as opened:
        yield opened.namespace("app")


def told(one: memoria.Memory, start: datetime) -> tuple[Any, ...]:
    """A memory as EXPORTS has it; one that was dated now has no time."""
    time = None if one.created_at >= start else one.created_at
    return one.text, one.kind, one.provenance.speaker, one.provenance.session, time


def expected(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return *row[:4], None if row[4] is None else datetime.fromisoformat(f"2026-{row[4]}").replace(tzinfo=UTC)


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_stored_once(name: str, memory: memoria.Memoria) -> None:
    kind, data, how, wanted = EXPORTS[name]
    start = datetime.now(UTC)
    done = bring(memory, kind, data, **how)
    assert (done.stored, done.present, done.differs, done.refused) == (len(wanted), 0, 0, 0)
    stored = memory.list()
    assert sorted(map(repr, (told(one, start) for one in stored))) == sorted(map(repr, map(expected, wanted)))
    assert {one.provenance.source for one in stored} == {kind}
    again = bring(memory, kind, io.BytesIO(data), **how)
    assert (again.stored, again.present, again.differs) == (0, len(wanted), 0)
    assert memory.list() == stored
    seen = done.survey
    assert (seen.found, seen.malformed, seen.undated) == (len(wanted), 0, sum(row[4] is None for row in wanted))
    dated = [row[-1] for row in map(expected, wanted) if row[-1] is not None]
    assert (seen.first, seen.last) == (min(dated), max(dated))


def test_what_people_do_not_see_is_left_out_by_reason_or_read_when_asked_for() -> None:
    data = encoded(exports.chatgpt())
    assert survey("chatgpt", data).skipped == {
        "no text: null, or only images or sound": 2,
        "hidden in the conversation": 2,
        "custom instructions and stored facts": 1,
        "call of a tool": 1,
        "output of a tool": 1,
        "thinking": 1,
        "on another branch than the one that is shown": 1,
    }
    every = {one.draft.text for one in read("chatgpt", data, everything=True)}
    assert {"SECRET profile", "SECRET hint", "look()", "42", "OTHER branch."} <= every
    assert not every & {one.draft.text for one in read("chatgpt", data)} & {"SECRET profile", "OTHER branch."}
    thinking = {one.draft.text for one in read("claude", encoded(exports.claude()), everything=True)}
    assert {"SECRET thought", "place: Oslo", "rain"} <= thinking
    agent = {one.draft.text for one in read("letta", encoded(exports.letta()), everything=True)}
    assert {"You are Sam.", "SECRET thought"} <= agent


def test_the_branch_of_the_current_node_is_read_and_without_one_the_last() -> None:
    (first, second) = exports.chatgpt()
    for current in (None, "nowhere", 5):
        data = encoded([first | {"current_node": current}])
        assert "OTHER branch." not in [one.draft.text for one in read("chatgpt", data)]
        assert len([*read("chatgpt", data)]) == 3
    other = encoded([first | {"current_node": "m-2"}])
    assert [one.draft.text for one in read("chatgpt", other)] == ["My boat is called Wren.", "OTHER branch."]
    del second["mapping"]["a"]
    assert [one.draft.text for one in read("chatgpt", encoded(second))] == ["I sold the bike."]


def test_fields_are_kept(memory: memoria.Memoria) -> None:
    for name in ("chatgpt", "claude", "mem0", "langgraph", "letta", "jsonl", "csv"):
        kind, data, how, _ = EXPORTS[name]
        bring(memory, kind, data, **how)
    stored = {one.text: one for one in memory.list()}
    tea = stored["Likes green tea"]
    assert (tea.subject, tea.tags, tea.metadata, tea.zone) == ("ada", ("food",), {"mood": "calm"}, "-08:00")
    assert stored["My boat is called Wren."].metadata == {"title": "Wren"}
    assert stored["basil\nmint"].metadata == {"title": "Herbs", "file": "list.txt"}
    assert stored["Bob moved."].metadata == {"mood": "ok"}
    assert (stored["Bob moved."].key, stored["Bob moved."].tags) == ("jsonl:7", ("home",))
    assert stored["I swam today."].metadata == {"Place": "Oslo"}
    assert stored["I swam today."].zone == "Europe/Oslo"
    assert stored["Name: Ada."].metadata == {"block": "human", "description": "the human"}
    assert stored["Ada plays chess."].namespace == ("app", "users", "ada")
    assert stored["Ada moved to Oslo."].namespace == ("app", "users", "a%2Fb")
    assert stored["Ada plays chess."].metadata["level"] == 3


def test_speakers_get_other_names_and_times_a_zone() -> None:
    (first, *_) = read("chatgpt", encoded(exports.chatgpt()), speakers={"user": "Ada"})
    assert first.draft.provenance.speaker == "Ada"
    assert [one.draft.created_at for one in read("csv", b"time,text\n2026-01-01 12:00,tea\n", zone="+05:45")] == [
        datetime(2026, 1, 1, 6, 15, tzinfo=UTC)
    ]


# What is malformed, its place and its rule, and how many memories are left of the rest.
MALFORMED: list[tuple[Kind, bytes, str, int]] = [
    ("chatgpt", encoded(exports.chatgpt())[:-300], "input: line 1: the file ends in the middle of its JSON", 3),
    ("chatgpt", encoded([exports.chatgpt()[1], {"mapping": "SECRET"}]), "conversation 2: mapping is a text, not", 1),
    (
        "chatgpt",
        encoded([exports.chatgpt()[1] | {"create_time": "SECRET"}]),
        "conversation 1: create_time is a text",
        0,
    ),
    (
        "chatgpt",
        b'{"mapping": {"a": {"parent": "b"}, "b": {"parent": "a"}}, "current_node": "a"}',
        "lead back to it",
        0,
    ),
    ("chatgpt", b"", "input: the file is empty", 0),
    ("chatgpt", b"<html>SECRET</html>", "input: line 1, byte 1 of it: this is not JSON", 0),
    ("chatgpt", b'[\n"SECRET"]', "conversation 1: this is a text, not an object", 0),
    ("claude", encoded(exports.claude()) + b"SECRET", "input: line 1, byte", 4),
    (
        "claude",
        b'[{"uuid": "c", "chat_messages": [{"text": ["SECRET"]}]}]',
        "conversation 1, message 1: text is a list",
        0,
    ),
    ("claude", b'[{"uuid": "c", "title": "SECRET"}]', "conversation 1: chat_messages is missing", 0),
    (
        "mem0",
        b'[{"memory": "a"},\n {"memory": "b", "created_at": "SECRET"}]',
        "memory 2: created_at is a text that is no",
        1,
    ),
    ("mem0", b'[{"memory": "a", "metadata": ["SECRET"]}]', "memory 1: metadata is a list, not an object", 0),
    ("langgraph", b'{"namespace": ["a"], "key": "k", "value": "SECRET"}', "item 1: value is a text, not an object", 0),
    ("langgraph", b'{"namespace": {"SECRET": 1}, "key": "k", "value": {}}', "item 1: namespace is an object, not", 0),
    ("langgraph", b'{"namespace": [], "value": {"text": "SECRET"}}', "item 1: key is missing", 0),
    ("letta", b'{"agents": [{"messages": "SECRET"}], "blocks": []}', "agent 1: messages is a text, not a list", 0),
    ("letta", b'{"agents": [], "blocks": [{"value": ["SECRET"]}]}', "block 1: value is a list, not a text", 0),
    ("letta", b'[{"text": {"SECRET": 1}}]', "passage 1: text is an object, not a text", 0),
    ("csv", b'text,time\na,\n"SECRET,1\n', "line 3: unexpected end of data", 1),
    ("csv", b"text,time\na,\nSECRET\n", "line 3: 1 fields, and the first line has 2", 1),
    ("csv", b"text,time\nb,SECRET\na,\n", "line 2: time is a text that is no time", 1),
    ("csv", b"SECRET,time\nb,\n", "input: line 1: none of its 2 columns is that of text", 0),
    ("csv", "text\na\nSECRET \xe9\n".encode("latin-1"), "this is not UTF-8", 0),
    ("markdown", b"- a\n- SECRET \xff\n", "input: byte 14: this is not UTF-8", 0),
    ("markdown", b"---\ndate: SECRET\n---\n- a\n", "input: date is a text that is no time", 0),
    ("jsonl", b'{"text": "a"}\n{"text": "SECRET"\n{"text": "b"}\n', "line 2: byte 19 of it: this is not JSON", 2),
    ("jsonl", b'{"text": "a"}\n{"text": ["SECRET"]}\n', "line 2: text is a list, not a text", 1),
    ("jsonl", b'{"txt": "SECRET"}\n', "line 1: text is missing", 0),
    ("jsonl", b'["SECRET"]\n', "line 1: this is a list, not an object", 0),
    ("jsonl", b'{"text": "a", "kind": "SECRET thing"}\n', "line 1: kind is a text that is not one of episodic", 0),
    ("jsonl", b'{"text": "SECRET \\u0000"}\n', "line 1: text holds NUL", 0),
    ("jsonl", b'{"text": "SECRET \\ud83d"}\n', "line 1: text holds a lone surrogate", 0),
    ("jsonl", b'{"text": "a", "salience": 7}\n', "line 1: salience 7.0 is not in [0, 1]", 0),
    ("jsonl", b'{"text": "a", "time": 1e300}\n', "line 1: time is a number that is no time", 0),
    (
        "jsonl",
        b'{"text": "SECRET", "trace": 1, "vector": 1, "embedder": 1}\n',
        "line 1: this is an export of memoria",
        0,
    ),
]


@pytest.mark.parametrize(("kind", "data", "place", "kept"), MALFORMED)
def test_what_is_malformed_changes_nothing_and_is_said_without_content(
    kind: Kind, data: bytes, place: str, kept: int, memory: memoria.Memoria
) -> None:
    with pytest.raises(InvalidMemory) as caught:
        bring(memory, kind, data)
    assert place in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert memory.list() == []
    done = bring(memory, kind, data, skip_bad=True)
    assert (done.stored, done.survey.malformed, len(done.survey.bad)) == (kept, 1, 1)
    assert place in done.survey.bad[0]


OTHERS: tuple[Any, ...] = (None, True, -1, 1e300, "SECRET-x", "", [["SECRET-x"]], {"SECRET-x": {}})


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of everything in a value of JSON."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in list(inside):
        yield value, key
        yield from places(one)


@pytest.mark.parametrize("name", ["chatgpt", "claude", "mem0", "langgraph", "letta", "letta, older", "jsonl"])
def test_no_value_of_another_type_does_more_than_break_a_rule(name: str) -> None:
    kind, data, _, _ = EXPORTS[name]
    lines = [json.loads(line) for line in data.splitlines() if line] if kind == "jsonl" else json.loads(data)
    chance = random.Random(name)
    for container, key in [*places(lines)]:
        before = container[key]
        for container[key] in chance.sample(OTHERS, 3):
            given = b"\n".join(map(encoded, lines)) if kind == "jsonl" else encoded(lines)
            bad: list[Skipped] = []
            for _ in read(kind, given, everything=True, skip_bad=True, skipped=bad.append):
                pass
            assert not [one for one in bad if "SECRET-x" in one.why + one.place]
        container[key] = before


def test_a_cut_file_gives_what_is_before_the_cut() -> None:
    chance = random.Random(7)
    for name in ("chatgpt", "claude", "mem0", "langgraph", "letta"):
        kind, data, how, _ = EXPORTS[name]
        whole = [one.draft.text for one in read(kind, data, **how)]
        for cut in (chance.randrange(1, len(data)) for _ in range(10)):
            with pytest.raises(InvalidMemory, match="the file ends in the middle of its JSON"):
                [*read(kind, data[:cut], **how)]
            kept = [one.draft.text for one in read(kind, data[:cut], skip_bad=True, **how)]
            assert kept == whole[: len(kept)]


def test_the_place_is_found_in_a_long_file() -> None:
    lines = (
        [b"["] + [b'{"memory": "x", "id": "%d"},' % number for number in range(9000)] + [b'{"memory": "SECRET" oops}]']
    )
    with pytest.raises(InvalidMemory, match=r"line 9002, byte 21 of it: this is not JSON"):
        [*read("mem0", b"\n".join(lines))]


def test_json_is_read_one_value_at_a_time() -> None:
    class Counted(io.BytesIO):
        taken = 0

        def readinto(self, buffer: Any) -> int:
            count = super().readinto(buffer)
            self.taken += count
            return count

    raw = Counted(encoded([*exports.large(4000)]))
    part = Part(name="x", label="", open=lambda: io.BufferedReader(raw))
    found = rows(part)
    assert next(found)[0] == 1
    assert raw.taken < len(raw.getvalue()) / 8
    found.close()  # type: ignore[attr-defined]  # it is a generator


def test_archives_and_folders(tmp_path: Path) -> None:
    first, second = exports.chatgpt()
    file = tmp_path / "export.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export/conversations-001.json", encoded([second]))
        archive.writestr("export/conversations-000.json", encoded([first]))
        archive.writestr("export/user.json", "{}")
        archive.writestr("__MACOSX/export/conversations-000.json", "junk")
    found = [*read("chatgpt", file)]
    assert len(found) == 4
    assert found[-1].place == "export/conversations-001.json, conversation 1, message 2"
    with pytest.raises(InvalidQuery, match="no file of this format"):
        survey("csv", file)
    whole = file.read_bytes()
    file.write_bytes(whole[:-60])
    with pytest.raises(InvalidMemory, match="cut or damaged"):
        survey("chatgpt", file)
    at = whole.index(b"conversations-001.json") + 60
    file.write_bytes(whole[:at] + bytes(40) + whole[at + 40 :])
    assert survey("chatgpt", file).malformed == 1
    (tmp_path / "notes" / ".git").mkdir(parents=True)
    (tmp_path / "notes" / "2026-02-03.md").write_text("- swam\n")
    (tmp_path / "notes" / "b.md").write_text("- ran\n")
    (tmp_path / "notes" / ".git" / "c.md").write_text("- no\n")
    (tmp_path / "notes" / "d.txt").write_text("- no\n")
    swam, ran = read("markdown", tmp_path / "notes")
    assert (swam.draft.text, swam.draft.created_at) == ("swam", datetime(2026, 2, 3, tzinfo=UTC))
    assert (ran.draft.text, ran.draft.created_at, ran.draft.metadata) == ("ran", None, {"file": "b.md"})
    assert swam.place == "2026-02-03.md, line 1"


def test_what_was_forgotten_is_refused_and_what_was_changed_is_left(memory: memoria.Memoria) -> None:
    kind, data, how, _ = EXPORTS["markdown"]
    bring(memory, kind, data, **how)
    pilot, *_, rome = memory.list()
    memory.forget(pilot)
    memory.amend(rome, text="Flew to Milan.")
    done = bring(memory, kind, data, **how)
    assert (done.stored, done.refused, done.differs, done.present) == (0, 1, 1, 5)
    done = bring(memory, kind, data, readmit=True, **how)
    assert (done.stored, done.refused) == (1, 0)
    assert "Flew to Milan." in [one.text for one in memory.list()]


def test_what_is_old_does_not_fade_before_anybody_looked_for_it(memory: memoria.Memoria) -> None:
    lines = b'{"id": 1, "text": "Ada swam.", "time": "2019-05-01"}'
    memory.remember("Ada swam.", key="jsonl:1", created_at=datetime(2019, 5, 1, tzinfo=UTC))
    assert len(memory.fade(dry_run=True)) == 1
    # As a kill would leave it: stored, and not counted as a use.
    assert bring(memory, "jsonl", lines).present == 1
    assert bring(memory, "jsonl", lines.replace(b"1,", b"2,")).stored == 1
    assert not memory.fade(dry_run=True)
    traces = [memory.trace(one) for one in memory.list()]
    assert [one.retrievals for one in traces] == [1, 1]
    assert {one.encoded_at for one in traces} == {datetime(2019, 5, 1, tzinfo=UTC)}
    bring(memory, "jsonl", lines)
    assert [memory.trace(one) for one in memory.list()] == traces


def test_ids_count_in_their_own_namespace(memory: memoria.Memoria) -> None:
    lines = b'{"id": 1, "text": "tea"}'
    assert bring(memory, "jsonl", lines).stored == 1
    assert bring(memory.namespace("ada"), "jsonl", lines).stored == 1
    assert bring(memory, "jsonl", b'{"id": 1, "text": "chess"}').differs == 1


MISPLACED = {"kind": "chatgpt", "columns": {"text": "x"}}


def test_arguments_are_checked(memory: memoria.Memoria) -> None:
    wrongs: list[dict[str, Any]] = [{"kind": "word"}, {"columns": {"colour": "x"}}, {"zone": "Nowhere"}, MISPLACED]
    for wrong in wrongs:
        given: dict[str, Any] = {"kind": "jsonl", "source": b"", **wrong}
        with pytest.raises(InvalidQuery):
            bring(memory, **given)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-05-01", "2026-05-01T00:00:00+00:00"),
        ("20260501", "2026-05-01T00:00:00+00:00"),
        ("2026/05/01 10:00 UTC", "2026-05-01T10:00:00+00:00"),
        ("1777629600", "2026-05-01T10:00:00+00:00"),
        (1777629600.5, "2026-05-01T10:00:00.500000+00:00"),
        (1777629600500, "2026-05-01T10:00:00.500000+00:00"),
        ("2026-05-01T12:00:00+02:00", "2026-05-01T10:00:00+00:00"),
    ],
)
def test_times(written: object, meant: str) -> None:
    time = when(written, UTC)
    assert time is not None
    assert time.astimezone(UTC).isoformat() == meant
    wrongs: list[object] = ["05/01/2026", "SECRET", True, [], float("inf"), -1e300]
    for wrong in wrongs:
        with pytest.raises(InvalidMemory):
            when(wrong, UTC)


def test_an_import_that_is_killed_goes_on(tmp_path: Path) -> None:
    """A small one of what was run with 100,000 messages; see docs/import.md."""
    messages = 900
    file, store = tmp_path / "conversations.json", tmp_path / "a.memoria"
    exports.write_large(messages, file)
    command = [sys.executable, "-W", "ignore", "-m", "tests.import_worker", str(store), str(file)]
    where = Path(__file__).parents[1]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=where) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("import") and int(line.split()[1]) >= 256:
                process.send_signal(signal.SIGKILL)
                break
    with memoria.open(store, embedder=HashEmbedder(), mode="r") as memory:
        stored = memory.stats().memories
    assert 256 <= stored < messages
    done = subprocess.run(command, capture_output=True, text=True, cwd=where, check=True)
    assert done.stdout.splitlines()[-1] == f"brought {messages} {messages - stored} {stored}"
    with memoria.open(store, embedder=HashEmbedder(), mode="r") as memory:
        assert len({one.key for one in memory.list()}) == len({one.text for one in memory.list()}) == messages


def command(*arguments: str, stdin: bytes | None = None) -> Any:
    return CliRunner().invoke(app, ["import", *arguments], input=stdin, terminal_width=200)


def test_the_command_counts_and_shows_content_only_when_asked(tmp_path: Path) -> None:
    store = str(tmp_path / "a.memoria")
    file = tmp_path / "conversations.json"
    file.write_bytes(encoded(exports.chatgpt()))
    dry = command("--from", "chatgpt", str(file), "--dry-run", "-s", store)
    assert dry.exit_code == 0
    assert "left out: thinking" in dry.stdout
    assert "2026-01-02 00:00:00+00:00" in dry.stdout
    assert "boat" not in dry.output
    assert "boat" in command("--from", "chatgpt", str(file), "--dry-run", "--show", "1", "-s", store).stdout
    found = json.loads(command("--from", "chatgpt", str(file), "--dry-run", "--json", "-s", store).stdout)
    assert (found["survey"]["found"], found["survey"]["kinds"]) == (4, {"episodic": 4})
    assert "boat" not in json.dumps(found)
    assert not Path(store).exists()


def test_the_command_stores_and_says_what_it_did(tmp_path: Path) -> None:
    store = str(tmp_path / "a.memoria")
    given = ("--from", "csv", "-", "-s", store, "-n", "app/ada", "--speaker", "Ada=Ada Berg", "--json")
    columns = ("--columns", "time=When,text=note,speaker=who", "--zone", "Europe/Oslo")
    done = json.loads(command(*given, *columns, stdin=exports.TABLE.encode()).stdout)
    assert (done["stored"], done["survey"]["speakers"]) == (3, {"Ada Berg": 1, "Bob": 1, "": 1})
    bad = command(*given, *columns, "--skip-bad", stdin=exports.TABLE.encode() + b"x;y\n")
    assert json.loads(bad.stdout)["present"] == 3
    assert json.loads(bad.stdout)["survey"]["bad"] == ["line 6: 2 fields, and the first line has 4"]
    with memoria.open(store, mode="r") as memory:
        (swam, *_) = memory.namespace("app", "ada").list(speaker="Ada Berg")
        assert (swam.text, swam.zone) == ("I swam today.", "Europe/Oslo")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--from", "word", "-"), "--from 'word' is not one of chatgpt, claude"),
        (("--from", "csv", "nowhere.csv"), "nowhere.csv is not there"),
        (("--from", "csv", "-", "--columns", "text"), "--columns takes NAME=VALUE"),
        (("--from", "csv", "-", "--show", "1"), "--show goes with --dry-run"),
        (("--dry-run", "-"), "name one with --from"),
        (("-n", "app", "-"), "name one with --from"),
        (("-",), "is named with --from"),
        ((str(Path(__file__).parent),), "is a folder"),
    ],
)
def test_mistakes_at_the_command(arguments: tuple[str, ...], why: str, tmp_path: Path) -> None:
    done = command(*arguments, "-s", str(tmp_path / "a.memoria"), stdin=b"{}")
    assert why in str(done.exception)

"""The command line, end to end: once in processes of its own, and else as it runs in one."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from xml.etree import ElementTree

import pytest

from memoria.cli import main

MEMORIA = [sys.executable, "-W", "ignore", "-c", "from memoria.cli import main; main()"]


def apart(folder: Path, *arguments: str) -> str:
    """What a command prints in a process of its own."""
    environment = {
        "MEMORIA_STORE": str(folder / "a.memoria"),
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    done = subprocess.run(
        [*MEMORIA, *arguments], capture_output=True, text=True, env=environment, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(autouse=True)
def place(tmp_path: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMORIA_STORE", str(tmp_path / "a.memoria"))
        yield


def run(*arguments: str, status: int = 0, stdin: str = "") -> str:
    """What a command prints here: to stdout, or where it fails with 2 to stderr."""
    told, complained = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(told), redirect_stderr(complained):
        patch.setattr(sys, "argv", ["memoria", *arguments])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as ended:
            main()
    assert (ended.value.code or 0) == status, complained.getvalue()
    return told.getvalue() if status != 2 else complained.getvalue()


def test_remember_recall_forget_scan(tmp_path: Path) -> None:
    run("init")
    tea = run("remember", "Ada takes her tea without sugar.", "--subject", "ada", "-n", "app/ada").strip()
    run("remember", "-", "-n", "app/bob", stdin="Bob likes chess.\nBob lives in Oslo.\n")
    hits = json.loads(run("recall", "How does Ada drink tea?", "--json"))
    assert hits[0]["memory"]["id"] == tea
    assert json.loads(run("get", tea, "--json"))["memory"]["subject"] == "ada"
    assert len(json.loads(run("list", "--json", "-n", "app/bob"))["memories"]) == 2
    exported = run("export")
    assert "--yes" in run("forget", "--subject", "ada", status=2)
    assert [one["id"] for one in json.loads(run("forget", "--subject", "ada", "--dry-run", "--json"))] == [tea]
    receipt = json.loads(run("forget", "--subject", "ada", "--yes", "--verify", "--json"))
    assert receipt["forgotten"] == [tea]
    assert receipt["verification"]["found"] == 0
    assert "MemoryNotFound" in run("get", tea, status=2)
    run("scan", "--needle", "tea without sugar")
    (tmp_path / "a.memoria" / "stray").write_text("xx tea without sugar")
    run("scan", "--needle", "tea without sugar", status=1)
    run("import", stdin=exported)
    assert run("export") != exported
    run("import", "--readmit", stdin=exported)
    assert run("export") == exported
    run("rebuild")
    run("doctor")
    assert json.loads(run("stats", "--json"))["memories"] == 3


def test_recall_explains_looks_back_and_packs(tmp_path: Path) -> None:
    apart(tmp_path, "init")
    old = apart(tmp_path, "remember", "Ada drinks tea.", "--created-at", "2026-01-01").strip()
    new = apart(tmp_path, "remember", "Ada drinks coffee now.", "--created-at", "2026-02-01").strip()

    def found(*options: str) -> list[str]:
        hits = json.loads(apart(tmp_path, "recall", "What does Ada drink?", "--json", *options))
        return [hit["memory"]["id"] for hit in hits]

    assert sorted(found()) == sorted([old, new])
    assert found("--as-of", "2026-01-15") == [old]
    assert len(found("--budget-tokens", "12")) == 1
    plain = apart(tmp_path, "recall", "What does Ada drink?", "-k", "1")
    assert "runners-up" not in plain
    assert "similarity" not in plain
    explained = apart(tmp_path, "recall", "What does Ada drink?", "-k", "1", "--explain")
    best, runner_up = explained.split("runners-up")
    for part in (best, runner_up):
        assert " = " in part
        assert "similarity" in part
        assert "words" in part


def test_supersede_history_consolidate_lineage_sleep(tmp_path: Path) -> None:
    old = run("remember", "Ada lives in Bergen.", "-n", "app/ada", "--created-at", "2026-01-01").strip()
    new = json.loads(run("supersede", old, "Ada lives in Oslo.", "--at", "2026-02-01", "--json"))["id"]
    assert [one["id"] for one in json.loads(run("history", new, "--json"))] == [old, new]
    assert [hit["memory"]["id"] for hit in json.loads(run("recall", "Ada lives", "--json"))] == [new]
    both = json.loads(run("recall", "Ada lives", "--include", "expired", "--json"))
    assert {hit["memory"]["id"] for hit in both} == {old, new}
    tea = run(
        "remember", "-", "-n", "app/ada", stdin="I had tea at noon.\nI had tea and nine biscuits at noon.\n"
    ).split()
    assert len(json.loads(run("sleep", "--dry-run", "--json"))["gists"]) == 1
    ((gist, members),) = json.loads(run("sleep", "--json"))["gists"]
    assert members == tea
    told = run("lineage", tea[0])
    assert told.splitlines()[:2] == [
        f"*{tea[0]} I had tea at noon.",
        f"  ->  {gist} I had tea at noon. / I had tea and nine biscuits at noon.",
    ]
    run("lineage", gist, "--svg", str(tmp_path / "graph.svg"))
    drawn = ElementTree.parse(tmp_path / "graph.svg").getroot()
    assert len(drawn.findall("{*}rect")) == 3
    assert len(drawn.findall("{*}path")) == 2
    receipt = json.loads(run("forget", "--mentions", "nine", "--yes", "--json"))
    assert (receipt["forgotten"], receipt["derived"]) == ([tea[1]], [gist])
    assert "Refused" in run("remember", "I had TEA and nine biscuits at noon.", "-n", "app/ada", status=2)
    run("expire", new)
    assert [hit["memory"]["id"] for hit in json.loads(run("recall", "Ada", "--json"))] == [tea[0]]

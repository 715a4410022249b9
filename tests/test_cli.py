"""The command line, end to end."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from tests.commands import apart, run


def test_remember_recall_forget_scan(tmp_path: Path) -> None:
    run(tmp_path, "init")
    tea = run(tmp_path, "remember", "Ada takes her tea without sugar.", "--subject", "ada", "-n", "app/ada").strip()
    run(tmp_path, "remember", "-", "-n", "app/bob", stdin="Bob likes chess.\nBob lives in Oslo.\n")
    hits = json.loads(run(tmp_path, "recall", "How does Ada drink tea?", "--json"))
    assert hits[0]["memory"]["id"] == tea
    assert json.loads(run(tmp_path, "get", tea, "--json"))["memory"]["subject"] == "ada"
    assert len(json.loads(run(tmp_path, "list", "--json", "-n", "app/bob"))["memories"]) == 2
    exported = run(tmp_path, "export")
    assert "--yes" in run(tmp_path, "forget", "--subject", "ada", status=2)
    assert [one["id"] for one in json.loads(run(tmp_path, "forget", "--subject", "ada", "--dry-run", "--json"))] == [
        tea
    ]
    receipt = json.loads(run(tmp_path, "forget", "--subject", "ada", "--yes", "--verify", "--json"))
    assert receipt["forgotten"] == [tea]
    assert receipt["verification"]["found"] == 0
    assert "MemoryNotFound" in run(tmp_path, "get", tea, status=2)
    run(tmp_path, "scan", "--needle", "tea without sugar")
    (tmp_path / "a.memoria" / "stray").write_text("xx tea without sugar")
    run(tmp_path, "scan", "--needle", "tea without sugar", status=1)
    run(tmp_path, "import", stdin=exported)
    assert run(tmp_path, "export") != exported
    run(tmp_path, "import", "--readmit", stdin=exported)
    assert run(tmp_path, "export") == exported
    run(tmp_path, "rebuild")
    run(tmp_path, "doctor")
    assert json.loads(run(tmp_path, "stats", "--json"))["memories"] == 3


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
    old = run(tmp_path, "remember", "Ada lives in Bergen.", "-n", "app/ada", "--created-at", "2026-01-01").strip()
    new = json.loads(run(tmp_path, "supersede", old, "Ada lives in Oslo.", "--at", "2026-02-01", "--json"))["id"]
    assert [one["id"] for one in json.loads(run(tmp_path, "history", new, "--json"))] == [old, new]
    assert [hit["memory"]["id"] for hit in json.loads(run(tmp_path, "recall", "Ada lives", "--json"))] == [new]
    both = json.loads(run(tmp_path, "recall", "Ada lives", "--include", "expired", "--json"))
    assert {hit["memory"]["id"] for hit in both} == {old, new}
    tea = run(
        tmp_path, "remember", "-", "-n", "app/ada", stdin="I had tea at noon.\nI had tea and nine biscuits at noon.\n"
    ).split()
    assert len(json.loads(run(tmp_path, "sleep", "--dry-run", "--json"))["gists"]) == 1
    ((gist, members),) = json.loads(run(tmp_path, "sleep", "--json"))["gists"]
    assert members == tea
    told = run(tmp_path, "lineage", tea[0])
    assert told.splitlines()[:2] == [
        f"*{tea[0]} I had tea at noon.",
        f"  ->  {gist} I had tea at noon. / I had tea and nine biscuits at noon.",
    ]
    run(tmp_path, "lineage", gist, "--svg", str(tmp_path / "graph.svg"))
    drawn = ElementTree.parse(tmp_path / "graph.svg").getroot()
    assert len(drawn.findall("{*}rect")) == 3
    assert len(drawn.findall("{*}path")) == 2
    receipt = json.loads(run(tmp_path, "forget", "--mentions", "nine", "--yes", "--json"))
    assert (receipt["forgotten"], receipt["derived"]) == ([tea[1]], [gist])
    assert "Refused" in run(tmp_path, "remember", "I had TEA and nine biscuits at noon.", "-n", "app/ada", status=2)
    run(tmp_path, "expire", new)
    assert [hit["memory"]["id"] for hit in json.loads(run(tmp_path, "recall", "Ada", "--json"))] == [tea[0]]

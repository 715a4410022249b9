"""The page of a comparison: Markdown of what `bench_peers` returned, rows of failures and lost places included."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from textwrap import fill
from typing import Any

from memoria.evaluation.bench.peers.adapters import PEERS
from memoria.evaluation.bench.peers.residue import KINDS

_OURS, _SEALED = "memoria", "memoria, sealed"
_STATES = ("open", "closed", "compacted")
_NAMES = {"text": "texts", "vector": "vectors", "id": "ids", "key": "keys"}
_TIMES: Mapping[str, tuple[str, ...]] = {
    "insert, p50": ("insert", "p50"),
    "mean": ("insert", "mean"),
    "search, p50": ("search", "p50"),
    "mean ": ("search", "mean"),
    "delete, p50": ("delete", "p50"),
    "mean  ": ("delete", "mean"),
    "in a batch, each": ("batch_ms",),
}
_SIZES: Mapping[str, tuple[str, ...]] = {
    "bytes a memory, closed": ("bytes",),
    "compacted": ("bytes_compacted",),
    "open, ms": ("open_ms",),
    "and first answer, ms": ("ready_ms",),
}
_PLACES: Mapping[str, tuple[str, ...]] = {
    "insert, p50": ("insert", "p50"),
    "insert, mean": ("insert", "mean"),
    "search, p50": ("search", "p50"),
    "delete, p50": ("delete", "p50"),
    "delete, mean": ("delete", "mean"),
    "insert in a batch": ("batch_ms",),
    "bytes, closed": ("bytes",),
    "bytes, compacted": ("bytes_compacted",),
    "open": ("open_ms",),
    "open and first answer": ("ready_ms",),
}
_LOOKED = """\
Looked for is every text (as UTF-8, UTF-16 and escaped JSON; any 16 bytes that no other text has), every vector (any
few numbers in a row, as float32, float16, float64, in pickles, JSON and base64), every id, and where each memory
has a key of its own, that key: in every file of the store, with names of files, first while it is open in its
process, then closed, then after what it offers to give space back, done once. Of LanceDB, which compresses, every
row of every data file is decoded; of memoria in clear, every text that a key in its files opens; of memoria sealed,
every slot and every value of the database, one by one, with the key that is in no file."""
_NOTES = """\
- **memoria** keeps the random ids of what it forgot in its ledger, by which [receipts](receipts.md) prove the
  forgetting; and keyed fingerprints, by which it refuses what was forgotten, unless [told not to](guard.md).
  Neither is text or vector; fingerprints were not looked for here.
- **inspeximus** keeps ids in tombstones for the same reason.
- **mem0** keeps the text of what was deleted in its history, on purpose: a feature, where it is known. Its search
  gives only what is above a score of .1.
- **SqliteStore**: rows of `store_vectors` stay when their item is deleted, as SQLite follows no foreign key unless
  told to. They are found by no search of the store.
- **LanceDB** marks rows, and rewrites a file once about a tenth of it is marked; so less is left where more was
  deleted.
- Stores that only delete rows of a SQLite are as good as its build: where `secure_delete` is on, what was deleted
  is overwritten."""
_HOW = """\
- Each store is used as its pages say and as it ships, in a process of its own on one machine: durable in its own
  way, without telemetry. Those that embed texts themselves are given the same vectors by a function that looks them
  up; mem0 stores texts as they are (`infer=False`) and asks no model.
- The first thousand memories are stored by each alone, in as few calls as it offers: "in a batch". The rest is
  stored by all at once, untimed. Then each inserts one, is asked once and deletes one, ten times, then the next
  store, around and around: what else the machine does meets all alike. p50 and mean are of those calls.
- recall@10: of the ten exactly nearest of 50 questions, how many are found. Chroma's index is approximate; the
  others compare with all.
- Bytes are what files take on the disk. Opening is in a new process, its imports done, the median of three; files
  are in the system's cache.
- The disk's own share: one `fsync` of 4 KiB is given at the top. A store that waits for the disk once or more a
  call is never faster than that."""


def render(report: Mapping[str, Any]) -> str:
    """The whole page."""
    peers: Mapping[str, Mapping[str, Any]] = report["peers"]
    parts = [
        "# Peers",
        _head(report),
        "## Time",
        f"Milliseconds at {report['n']:,} memories; in brackets, how many times that of memoria in clear.",
        "\n".join(_table(["", *map(str.strip, _TIMES), "recall@10"], _times(peers))),
        "## Size and opening",
        "\n".join(_table(["", *_SIZES], _sizes(peers))),
        "## What is left of what was deleted",
        _asked(report),
        "\n".join(_table(["", *_NAMES.values(), "seen how", "compacted by"], _left(peers, report["erased"]))),
        _LOOKED,
        _NOTES,
        *_failures(peers),
        "## Where memoria stands",
        "\n".join(_table(["", "first", "", "memoria", "place", "sealed", "place"], _places(peers))),
        "## What each is for, and says",
        "\n".join(
            _table(
                ["", "for", "what its pages say about deletion", "version", "how writes reach the disk"], _said(peers)
            )
        ),
        "## How it is measured",
        _HOW,
    ]
    return "\n\n".join(parts) + "\n"


def _head(report: Mapping[str, Any]) -> str:
    machine = report["machine"]
    secure = "on" if machine["secure_delete"] else "off"
    beside = "ran beside it" if machine["load_before"] > 1 else "was little"
    return _filled(
        f"""memoria beside other stores of memories: the same texts and vectors, in one run on one machine. `make peers`
        writes this page, on a clean checkout too, with the versions that are pinned; where the extra `peers` is
        installed, `{report["command"]}` does. Compare rows, not runs: another machine gives other times.

        This run: {report["at"]}, memoria {report["memoria"]}, n = {report["n"]:,}, {report["rounds"]} single calls of
        each kind, seed {report["seed"]}, {report["texts"]}. {machine["cores"]} cores, {machine["memory_gib"]} GiB,
        {machine["system"]}; load average {machine["load_before"]:.1f} before it began, so other work {beside}; one
        `fsync` of 4 KiB {machine["sync_ms"]:.2g} ms; Python {machine["python"]} with SQLite {machine["sqlite"]}, whose
        `secure_delete` is {secure}."""
    )


def _asked(report: Mapping[str, Any]) -> str:
    return _filled(
        f"""Of {report["erased"]} memories that were deleted one by one: open · closed · compacted. The same search has
        to find {report["erased"]} that were kept; where it does not, "cannot be seen". Asked by the
        vectors of {report["asked"]} of the deleted, no store finds any{_still(report["peers"])}."""
    )


def _filled(text: str) -> str:
    """Paragraphs with lines of at most 118 characters."""
    parts = (" ".join(part.split()) for part in text.split("\n\n"))
    return "\n\n".join(fill(part, 118, break_long_words=False, break_on_hyphens=False) for part in parts)


def _table(heads: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _at(result: Mapping[str, Any], path: Sequence[str]) -> float | None:
    found: Any = result
    for name in path:
        found = found.get(name) if found is not None else None
    return None if found is None else float(found)


def _number(value: float) -> str:
    """Three digits that count; whole from 100 on."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def _times(peers: Mapping[str, Mapping[str, Any]]) -> Iterator[list[str]]:
    for name, result in peers.items():
        cells = [_beside(_at(result, path), _at(peers.get(_OURS, {}), path)) for path in _TIMES.values()]
        recall = _at(result, ("recall",))
        yield [name, *cells, "failed" if recall is None else f"{recall:.3f}"]


def _beside(value: float | None, ours: float | None) -> str:
    if value is None:
        return "failed"
    return _number(value) + (f" ({_number(value / ours)})" if ours else "")


def _sizes(peers: Mapping[str, Mapping[str, Any]]) -> Iterator[list[str]]:
    for name, result in peers.items():
        found = [_at(result, path) for path in _SIZES.values()]
        yield [name, *("failed" if one is None else _number(one) for one in found)]


def _still(peers: Mapping[str, Mapping[str, Any]]) -> str:
    found = {name: result["still"] for name, result in peers.items() if result.get("still")}
    return "".join(f", except {name}: {count}" for name, count in found.items())


def _left(peers: Mapping[str, Mapping[str, Any]], erased: int) -> Iterator[list[str]]:
    for name, result in peers.items():
        states = result.get("residue", {})
        cells = [_of(kind, states, erased) for kind in KINDS]
        yield [name, *cells, _how_seen(states, erased), result.get("compaction") or "nothing is offered"]


def _of(kind: str, states: Mapping[str, Any], erased: int) -> str:
    if not states:
        return "failed"
    if kind == "key" and not any(states[state]["kept_decoded"][kind] for state in states):
        return "none"
    shown = []
    for state in _STATES:
        one = states.get(state)
        if one is None:
            shown.append("failed")
        elif one["kept_decoded"][kind] < erased:
            shown.append("cannot be seen")
        else:
            shown.append(str(one["gone_decoded"][kind]))
    return shown[0] if set(shown) == {"cannot be seen"} else " · ".join(shown)


def _how_seen(states: Mapping[str, Any], erased: int) -> str:
    """Which kinds bytes alone do not show in every state, though they are seen decoded."""
    decoded = [
        _NAMES[kind]
        for kind in KINDS
        if any(one["kept"][kind] < erased <= one["kept_decoded"][kind] for one in states.values())
    ]
    return f"decoded: {', '.join(decoded)}" if decoded else "in bytes"


def _failures(peers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    failed = [f"- {name}: {result['failed']}" for name, result in peers.items() if "failed" in result]
    return ["Failed:\n\n" + "\n".join(failed)] if failed else []


def _places(peers: Mapping[str, Mapping[str, Any]]) -> Iterator[list[str]]:
    """By each measure: the least, and where memoria is among all that did not fail."""
    for what, path in _PLACES.items():
        values = {name: value for name, result in peers.items() if (value := _at(result, path)) is not None}
        order = sorted(values, key=lambda name, values=values: values[name])  # type: ignore[misc]  # bound at once
        row = [what, order[0], _number(values[order[0]])] if order else [what, "failed", ""]
        for name in (_OURS, _SEALED):
            place = f"{order.index(name) + 1} of {len(order)}" if name in values else ""
            row += [_number(values[name]) if name in values else "failed" if name in peers else "not run", place]
        yield row


def _said(peers: Mapping[str, Mapping[str, Any]]) -> Iterator[list[str]]:
    for name, result in peers.items():
        entry = PEERS[name]
        versions = ", ".join(f"{package} {version}" for package, version in result.get("versions", {}).items())
        yield [
            name,
            entry.purpose,
            f"[{entry.claim}]({entry.page})",
            versions or "failed",
            result.get("settings", "failed"),
        ]


def stored(report: Mapping[str, Any]) -> str:
    """The report as it lies beside the page, times to a tenth of a per cent."""
    return json.dumps(_rounded(report), indent=1) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {name: _rounded(one) for name, one in value.items()}
    return value

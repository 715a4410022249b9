"""A dossier for people: one page in plain words, as Markdown or as HTML that needs no other file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape

from memoria.subject.entries import Contents, Entry, Related

_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}"
    "blockquote{border-left:4px solid #999;margin:.5rem 0;padding:.2rem 1rem;white-space:pre-wrap;background:#f6f6f6}"
    "table{border-collapse:collapse}td{padding:.1rem .8rem .1rem 0;vertical-align:top}nav{columns:2}"
    "h2{margin-top:2.5rem;border-top:1px solid #ccc;padding-top:1rem}"
)
_WAYS = {
    "subject": "it is stored as being about this person",
    "speaker": "this person said it",
    "mention": "it names this person",
    "near": "it may name this person, and was chosen to be in here",
    "included": "it was chosen to be in here",
    "derived": "it was made from another one in here",
}
_KINDS = {
    "episodic": "something that happened",
    "semantic": "something that is so",
    "procedural": "how to do something",
}
Rows = list[tuple[str, str]]


def markdown(found: Contents) -> str:
    """The dossier as Markdown, with a table of contents.

    Args:
        found: the dossier.

    Returns:
        The page.
    """
    lines = ["# What is stored about a person", "", *_facts(found), "", "## Contents", ""]
    for day, entries in _by_month(found.entries):
        lines.append(f"- [{day}: {len(entries)}](#{day})")
    for day, entries in _by_month(found.entries):
        lines += ["", f'## <a id="{day}"></a>{day}']
        for number, one in entries:
            lines += ["", f"### {number}. {_when(one.observed_at)}", ""]
            lines += [f"> {line}" for line in _quoted(one.text)]
            lines += ["", *(f"- {_plain(name)}: {_plain(value)}" for name, value in _rows(one))]
    return "\n".join(lines) + "\n"


def html(found: Contents) -> str:
    """The dossier as one HTML file, with a table of contents.

    Args:
        found: the dossier.

    Returns:
        The page; it loads nothing and runs nothing.
    """
    months = list(_by_month(found.entries))
    contents = "".join(f'<a href="#{day}">{day}</a>: {len(entries)}<br>' for day, entries in months)
    body = "".join(
        f'<h2 id="{day}">{day}</h2>' + "".join(_article(number, one) for number, one in entries)
        for day, entries in months
    )
    facts = "".join(f"<p>{escape(line)}</p>" for line in _facts(found) if line)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>What is stored about a person</title><style>{_STYLE}</style></head><body>"
        f"<h1>What is stored about a person</h1>{facts}<h2>Contents</h2><nav>{contents}</nav>{body}</body></html>\n"
    )


def _article(number: int, one: Entry) -> str:
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in _rows(one))
    return (
        f'<article id="m{one.id}"><h3>{number}. {_when(one.observed_at)}</h3>'
        f"<blockquote>{escape(one.text)}</blockquote><table>{rows}</table></article>"
    )


def _facts(found: Contents) -> list[str]:
    """The first lines: who, when, how many, and what stands."""
    count = len(found.entries)
    lines = [
        f"Asked for: {', '.join(map(_plain, found.names))}.",
        f"Made on {_when(found.made_at)} from the memory of an agent.",
        f"{count} {'memory is' if count == 1 else 'memories are'} about this person. "
        "Each is shown word by word as it is stored, with where it comes from and what was done with it.",
    ]
    if found.near:
        lines.append(
            f"{len(found.near)} more may be about this person or somebody with a similar name; they are not in here."
        )
    lines += [
        f"Since {_when(one.at)} what is about this person is only stored, not used. The reason: {_plain(one.reason)}."
        for one in found.restrictions
    ]
    return [text for line in lines for text in (line, "")]


def _by_month(entries: Sequence[Entry]) -> Iterator[tuple[str, list[tuple[int, Entry]]]]:
    """Numbered entries by the month when they were observed."""
    months: dict[str, list[tuple[int, Entry]]] = {}
    for number, one in enumerate(sorted(entries, key=lambda one: (one.observed_at, one.id)), 1):
        months.setdefault(f"{one.observed_at:%Y-%m}", []).append((number, one))
    yield from months.items()


def _rows(one: Entry) -> Rows:
    """What is known of a memory, in plain words; what is not known is left out."""
    said: list[tuple[str, str | None]] = [
        ("Why it is in here", "; ".join(_WAYS[way] for way in one.found_by)),
        ("What it is", _KINDS[one.kind]),
        ("About", one.subject),
        ("Said by", one.speaker),
        ("Comes from", one.source),
        ("Conversation", one.session),
        ("Holds from", _when(one.valid_from)),
        ("Holds until", _when(one.valid_to)),
        ("Labels", ", ".join(one.tags)),
        ("Stored beside it", json.dumps(one.metadata, ensure_ascii=False) if one.metadata else None),
        ("Key of the program", one.key),
        ("State", "; ".join(_state(one))),
        ("Looked for", _used(one)),
        ("Part of the summary", one.part_of),
        ("Other memories", "; ".join(map(_related, one.related))),
        ("Learnt by adapters", ", ".join(one.learnt_by)),
        ("Decisions", "; ".join(f"{_when(made.at)}: {made.action} ({made.reason})" for made in one.decisions)),
        ("Goes out of use", _when(one.fades_at)),
        ("Is erased", _when(one.expires_at)),
        ("Also names", ", ".join(one.others)),
        ("Where", "/".join(one.namespace)),
        ("Id", one.id),
    ]
    return [(name, value) for name, value in said if value]


def _state(one: Entry) -> Iterator[str]:
    states = {
        "no longer holds": one.expired,
        "out of use, and can be brought back": one.archived,
        "kept from going out of use": one.pinned,
        "protected from being erased": one.held,
        "only stored, and not used": one.restricted,
    }
    yield from (name for name, so in states.items() if so)


def _used(one: Entry) -> str | None:
    if not one.used and not one.uses:
        return None
    last = f", last on {_when(one.used[-1].at)}" if one.used else ""
    return f"found {one.uses} {'time' if one.uses == 1 else 'times'}{last}"


def _related(one: Related) -> str:
    doubt = "" if one.weight is None else f" (log-odds {one.weight:.1f}, by {one.judge})"
    return f"{one.how} {one.id}{doubt}"


def _when(time: datetime | None) -> str:
    return "" if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _plain(text: str) -> str:
    """A text on one line, in which nothing is Markdown or HTML."""
    return "".join(
        f"\\{letter}" if letter in "\\`*_{}[]()#+!|~>" else letter for letter in _safe(" ".join(text.split()))
    )


def _quoted(text: str) -> list[str]:
    return [_plain(line) if line.strip() else "" for line in text.splitlines()] or [""]


def _safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")

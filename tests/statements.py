"""What was sent to a database, from the log of its server, and what of it Citus, or a pooler, would refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

from memoria.testing.postgres import Server

_LINE = re.compile(r"^\d{4}-\d\d-\d\d [\d:.]+ \S+ \[\d+\] (\w+):  (?:statement|execute ([^:]*)): ?(.*)$")
_TEXTS = re.compile(r"'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$", re.DOTALL)
_RETURNING = re.compile(r"\bRETURNING\b(.*?)(?:\)\s*,|\)\s*SELECT\b|$)", re.DOTALL | re.IGNORECASE)
_CALL = re.compile(r"\b([a-z_][a-z0-9_]*)\s*\(", re.IGNORECASE)
_WORDS = {"any", "all", "and", "or", "not", "in", "case", "exists", "select", "from", "where", "values", "returning"}
_RULES: Mapping[str, re.Pattern[str]] = {
    "names tableoid": re.compile(r"\btableoid\b", re.IGNORECASE),
    "sets by set_config": re.compile(r"\bset_config\s*\(", re.IGNORECASE),
    "takes a session advisory lock": re.compile(
        r"\bpg_(?:try_)?advisory_(?:un)?lock(?:_shared|_all)?\b", re.IGNORECASE
    ),
    "is several statements": re.compile(r";\s*\S"),
    "prepares by name": re.compile(r"^\s*(?:PREPARE|EXECUTE|DEALLOCATE)\b", re.IGNORECASE),
    "reads a sub-select in RETURNING": re.compile(r"\bRETURNING\b[^;]*\(\s*SELECT\b", re.IGNORECASE),
}
# Of a session: they would stay with a connection that the next transaction of somebody else gets.
_OF_SESSIONS = re.compile(
    r"^\s*(?:SET\s+(?!LOCAL\b|TRANSACTION\b)|LISTEN\b|CREATE\s+TEMP|DECLARE\b.*\bHOLD\b)", re.IGNORECASE
)


@dataclass
class Sent:
    """Statements by the name that they were prepared under, and how often; values are not among them."""

    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def refused(self, immutable: Set[str], *, pooled: bool = False) -> list[str]:
        """What is wrong, with the beginning of each statement. immutable: names of functions that always are.

        pooled: whether settings of sessions are wrong as well.
        """
        return sorted(
            {f"{why}: {text[:300]}" for name, text in self.counts for why in _wrong(name, text, immutable, pooled)}
        )


def _wrong(name: str, text: str, immutable: Set[str], pooled: bool) -> Iterator[str]:
    bare = _TEXTS.sub("''", text)
    if name not in ("", "<unnamed>"):
        yield "is prepared by name"
    yield from (why for why, rule in _RULES.items() if rule.search(bare))
    if pooled and _OF_SESSIONS.search(bare):
        yield "is for a session"
    for part in _RETURNING.findall(bare):
        called = {one.lower() for one in _CALL.findall(part)} - _WORDS
        if called - immutable or re.search(r"::\s*reg\w+", part):
            yield "calls what is not immutable in RETURNING"


@contextmanager
def kept_to(server: Server, url: str, *, pooled: bool = False) -> Iterator[Sent]:
    """What is sent to a database meanwhile; fails when any of it would be refused. pooled: as of `Sent.refused`."""
    name = url.split("/")[3].split("?")[0]
    with recorded(server, name) as sent:
        yield sent
    assert len(sent.counts) > 5, "nothing was recorded"
    refused = sent.refused(immutable_functions(server), pooled=pooled)
    assert not refused, "\n".join(refused)


@contextmanager
def recorded(server: Server, name: str) -> Iterator[Sent]:
    """What connections that are made meanwhile send to a database."""
    settings = {"log_statement": "all", "log_min_messages": "log", "log_parameter_max_length": "0"}
    server.sql("; ".join(f"ALTER DATABASE {name} SET {setting} = '{value}'" for setting, value in settings.items()))
    log = server.folder / "log"
    start = log.stat().st_size
    sent = Sent()
    yield sent
    with log.open("rb") as file:
        file.seek(start)
        for key in statements(file.read().decode(errors="replace")):
            sent.counts[key] = sent.counts.get(key, 0) + 1


def statements(log: str) -> Iterator[tuple[str, str]]:
    """(name, text) of each statement in lines of a log; further lines of one begin with a tab."""
    name, text = "", ""
    for line in log.splitlines():
        if line.startswith("\t") and text:
            text += "\n" + line[1:]
            continue
        if text:
            yield name, text
        found = _LINE.match(line)
        name, text = ("", "") if found is None else (found.group(2) or "", found.group(3))
    if text:
        yield name, text


@cache
def immutable_functions(server: Server) -> frozenset[str]:
    """Names of functions of which every form is immutable."""
    sql = "SELECT proname FROM pg_proc GROUP BY proname HAVING bool_and(provolatile = 'i')"
    return frozenset(server.sql(sql).split())


def policies(server: Server, name: str) -> dict[str, str]:
    """The expressions of each policy, by its table."""
    sql = "SELECT tablename, qual || ' | ' || with_check FROM pg_policies WHERE schemaname = 'memoria'"
    return dict(line.split("|", 1) for line in server.sql(sql, database=name).strip().splitlines())


def bodies(server: Server, name: str) -> dict[str, str]:
    """What functions of the schema run."""
    sql = (
        "SELECT proname || '|' || replace(prosrc, chr(10), ' ') FROM pg_proc "
        "WHERE pronamespace = to_regnamespace('memoria')"
    )
    return dict(line.split("|", 1) for line in server.sql(sql, database=name).strip().splitlines())

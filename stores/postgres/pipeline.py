"""What is sent in one trip: statements that are written to the socket together, and answered together.

Cursors of psycopg write each statement of a pipeline by itself, and keep an object for each; half of the time of a verb
went there. Here the same library (libpq) is asked by the functions that psycopg names in `psycopg.pq`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format, PipelineStatus
from psycopg.waiting import Ready, Wait

Raw = psycopg.Connection[Any]
_PLACE = re.compile(rb"%([%sb])")
_FORMATS = {b"s": PyFormat.AUTO, b"b": PyFormat.BINARY}


class Statement(NamedTuple):
    """A statement, and the values of its places: %s, or %b where a value goes as its bytes are.

    values: None for a statement without places, in which a % is a %. binary: whether the answer comes as bytes.
    """

    sql: bytes
    values: Sequence[Any] | None = None
    binary: bool = False


class Answer:
    """What a statement gave: its rows, and how many it touched."""

    __slots__ = ("_at", "_rows", "rowcount")

    def __init__(self, rows: list[Any], rowcount: int) -> None:
        self._rows, self._at, self.rowcount = rows, 0, rowcount

    def fetchall(self) -> list[Any]:
        """The rows that were not read yet."""
        rows, self._at = self._rows[self._at :] if self._at else self._rows, len(self._rows)
        return rows

    def fetchone(self) -> Any | None:
        """The next row; None after the last."""
        self._at += 1
        return self._rows[self._at - 1] if self._at <= len(self._rows) else None

    def __iter__(self) -> Iterator[Any]:
        return iter(self.fetchall())


class Trip:
    """Statements on their way: their values are made ready at once, and nothing is sent before `go`.

    raw: a connection that nobody else uses meanwhile. Raises what psycopg raises for values that it does not know.
    """

    def __init__(self, raw: Raw, statements: Sequence[Statement]) -> None:
        self._raw, self._talk = raw, Transformer(raw)
        self._ready = [self._dumped(one) for one in statements]

    def _dumped(self, one: Statement) -> tuple[Any, ...]:
        """What libpq is told: the statement, values, their types and forms, and the form of the answer."""
        form = Format.BINARY if one.binary else Format.TEXT
        if one.values is None:
            return one.sql, None, None, None, form
        sql, formats = _numbered(one.sql)
        values = self._talk.dump_sequence(one.values, formats)
        return sql, values, self._talk.types, self._talk.formats, form

    def go(self, meanwhile: Callable[[], object] | None = None, *, first: int = 0) -> list[Answer]:
        """Sends them, and waits for all answers; raises the first error of the server, after which none was run.

        meanwhile: called when the first so many have been answered, none of them by an error, and the server is busy
        with the others.
        """
        pgconn = self._raw.pgconn
        results: list[Any] = []
        try:
            pgconn.enter_pipeline_mode()
            for number, given in enumerate(self._ready):
                if meanwhile is not None and number == first:
                    pgconn.send_flush_request()
                pgconn.send_query_params(*given)
            pgconn.pipeline_sync()
            self._raw.wait(_sent(pgconn))
            if meanwhile is not None:
                self._raw.wait(_answered(pgconn, results, first))
                if len(results) == first and not any(map(_failed, results)):
                    meanwhile()
            self._raw.wait(_answered(pgconn, results))
            pgconn.exit_pipeline_mode()
        except BaseException:
            _leave(self._raw)
            raise
        for result in filter(_failed, results):
            raise error_from_result(result, self._raw.info.encoding)
        return [self._loaded(result) for result in results]

    def _loaded(self, result: Any) -> Answer:
        if result.status != ExecStatus.TUPLES_OK:
            return Answer([], result.command_tuples or 0)
        self._talk.set_pgresult(result)
        return Answer(self._talk.load_rows(0, result.ntuples, tuple), result.ntuples)


def _sent(pgconn: Any) -> Generator[Wait, Ready | int, None]:
    """Writes what is to be written; yields what it waits for."""
    while pgconn.flush():
        while not (ready := (yield Wait.RW)):
            pass
        if ready & Ready.R:
            pgconn.consume_input()


def _answered(pgconn: Any, found: list[Any], first: int | None = None) -> Generator[Wait, Ready | int, None]:
    """Reads answers into `found`, all of them or until there are so many; yields what it waits for."""
    while first is None or len(found) < first:
        while pgconn.is_busy():
            while not (yield Wait.R):
                pass
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            if pgconn.status != ConnStatus.OK:
                return
        elif result.status == ExecStatus.PIPELINE_SYNC:
            return
        else:
            found.append(result)


def _failed(result: Any) -> bool:
    return bool(result.status == ExecStatus.FATAL_ERROR)


def array(values: Iterable[bytes | str | int]) -> str:
    """An array as the server reads it, to be cast to its type; psycopg takes longer for a list."""
    return "{" + ",".join(map(_item, values)) + "}"


def _item(value: bytes | str | int) -> str:
    if isinstance(value, bytes):
        return rf'"\\x{value.hex()}"'
    if isinstance(value, int):
        return str(value)
    return '"' + value.replace("\\", r"\\").replace('"', r"\"") + '"'


def _leave(raw: Raw) -> None:
    """Leaves a trip that was cut short; a connection that still has answers for somebody is closed."""
    pgconn = raw.pgconn
    if pgconn.status == ConnStatus.OK and pgconn.pipeline_status != PipelineStatus.OFF:
        try:
            pgconn.exit_pipeline_mode()
        except psycopg.OperationalError:
            raw.close()


@lru_cache(maxsize=1024)
def _numbered(sql: bytes) -> tuple[bytes, tuple[PyFormat, ...]]:
    """A statement as the server reads it, with places that have numbers, and how each value goes."""
    formats: list[PyFormat] = []

    def place(found: re.Match[bytes]) -> bytes:
        if found[1] == b"%":
            return b"%"
        formats.append(_FORMATS[found[1]])
        return b"$%d" % len(formats)

    return _PLACE.sub(place, sql), tuple(formats)

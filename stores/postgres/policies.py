"""Row-level security: of each table the rows that a transaction has named, and no others.

Expressions without a sub-select, which Citus refuses. A transaction says what it is for in `memoria.tenant`,
`memoria.id` and `memoria.alias`, in hexadecimal digits with commas between. The server reads such a list once for a
scan by index, but once for each row that is written: so what is written is looked at in cheaper ways where many ids are
named.
"""

from __future__ import annotations

from collections.abc import Mapping

# The routing column of each table that holds memories.
ROUTES: Mapping[str, str] = {
    "tenant": "tenant",
    "prefix": "alias",
    "place": "id",
    "link": "id",
    "memory": "tenant",
    "trace": "tenant",
    "label": "tenant",
    "recalled": "tenant",
    "forgotten": "tenant",
    "passage": "tenant",
    "lapse": "tenant",
}


def _is_named(column: str) -> str:
    # A setting that was made local once is empty afterwards, and not missing.
    given = f"nullif(current_setting('memoria.{column}', true), '')"
    return rf"{column} = ANY (string_to_array('\x' || replace({given}, ',', ',\x'), ',')::bytea[])"


# What a row that is written has to meet, where that is not what one that is read has to: an id has a place only in a
# tenant that is named; ids that may get links are looked for as text.
_WRITTEN = {
    "place": _is_named("tenant"),
    "link": "octet_length(id) = 16 AND strpos(current_setting('memoria.id', true), encode(id, 'hex')) > 0",
}


def rewritten(partitions: int) -> list[str]:
    """Statements that give the policy of every table and partition these expressions."""
    made = []
    suffixes = ["", *(f"_{number:04d}" for number in range(partitions))]
    for table, column in ROUTES.items():
        written = _WRITTEN.get(table, _is_named(column))
        made += [
            f"ALTER POLICY named ON {table}{suffix} USING ({_is_named(column)}) WITH CHECK ({written})"
            for suffix in suffixes
        ]
    return made

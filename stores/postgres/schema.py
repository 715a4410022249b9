"""The tables, the row-level security over them, and the migrations in order. A released step never changes.

Every table that holds memories has one routing column, `tenant`, `id` or `alias`, by which it is partitioned. A
transaction says which values it is for, in a setting of that name; of all others it sees and changes nothing, and
of none when it has not said. docs/scale.md draws it.
"""

from __future__ import annotations

from typing import Any

from memoria.stores.postgres import policies
from memoria.stores.postgres.functions import FUNCTIONS

FORMAT = 7
PARTITIONS = 16
LOCKS = 102
"""Locks that making one partition of every table takes, with their indexes."""
# In `meta` as long as rows of an older format lack labels.
UNLABELLED = "unlabelled"
LEAST_PGVECTOR = (0, 8, 4)

# What the owner of the server runs once in the database. `memoria_app` is the role of the application.
PROVISION = """\
CREATE EXTENSION IF NOT EXISTS vector;
GRANT pg_checkpoint TO memoria_app;
GRANT EXECUTE ON FUNCTION pg_switch_wal() TO memoria_app"""

# Rows of what is said lie apart from how it is held: a use then rewrites eighty bytes and no vector.
_TABLES = {
    "tenant": (
        "tenant",
        """
        tenant bytea NOT NULL PRIMARY KEY,
        alias bytea NOT NULL,
        next_slot bigint NOT NULL DEFAULT 0,
        version bigint NOT NULL DEFAULT 0,
        giant boolean NOT NULL DEFAULT false,
        sealed bytea NOT NULL""",
    ),
    "prefix": (
        "alias",
        """
        alias bytea NOT NULL,
        tenant bytea NOT NULL,
        whole boolean NOT NULL,
        PRIMARY KEY (alias, tenant)""",
    ),
    "place": (
        "id",
        """
        id bytea NOT NULL PRIMARY KEY,
        tenant bytea NOT NULL,
        slot bigint NOT NULL""",
    ),
    "link": (
        "id",
        """
        id bytea NOT NULL,
        parent bytea NOT NULL,
        child bytea NOT NULL,
        relation smallint NOT NULL,
        was bigint,
        PRIMARY KEY (id, parent, child, relation)""",
    ),
    "memory": (
        "tenant",
        """
        tenant bytea NOT NULL,
        slot bigint NOT NULL,
        id bytea NOT NULL,
        kind smallint NOT NULL,
        created_at bigint NOT NULL,
        valid_from bigint,
        valid_to bigint,
        last_at bigint,
        salience double precision NOT NULL,
        print bytea NOT NULL,
        sealed bytea NOT NULL,
        embedding halfvec NOT NULL,
        PRIMARY KEY (tenant, slot)""",
    ),
    "trace": (
        "tenant",
        """
        tenant bytea NOT NULL,
        slot bigint NOT NULL,
        bits smallint NOT NULL,
        stability double precision NOT NULL,
        difficulty double precision NOT NULL,
        last_retrieved bigint NOT NULL,
        retrievals integer NOT NULL,
        lapses integer NOT NULL,
        encoded_at bigint,
        strength double precision NOT NULL,
        interference double precision NOT NULL,
        recent bytea NOT NULL,
        older double precision NOT NULL,
        fades_at bigint,
        PRIMARY KEY (tenant, slot)""",
    ),
    "label": (
        "tenant",
        """
        tenant bytea NOT NULL,
        hash bytea NOT NULL,
        slot bigint NOT NULL,
        PRIMARY KEY (tenant, hash, slot)""",
    ),
    "recalled": (
        "tenant",
        """
        tenant bytea NOT NULL,
        event bigint GENERATED ALWAYS AS IDENTITY,
        slot bigint NOT NULL,
        at bigint NOT NULL,
        found boolean NOT NULL,
        PRIMARY KEY (tenant, event)""",
    ),
    "forgotten": (
        "tenant",
        """
        tenant bytea NOT NULL,
        event bigint GENERATED ALWAYS AS IDENTITY,
        kind smallint NOT NULL,
        prints bytea NOT NULL,
        PRIMARY KEY (tenant, event)""",
    ),
}
# Vectors of the passages of long texts, except the first; where each begins in its text. Of gists, those of parts, with
# the number of the part times 2^20.
_PASSAGE = """
        tenant bytea NOT NULL,
        slot bigint NOT NULL,
        start integer NOT NULL,
        embedding halfvec NOT NULL,
        PRIMARY KEY (tenant, slot, start)"""
# When a memory is to be erased; whoever has no line, never.
_LAPSE = """
        tenant bytea NOT NULL,
        slot bigint NOT NULL,
        at bigint NOT NULL,
        PRIMARY KEY (tenant, slot)"""
# What hangs on a slot, and goes with it.
BY_SLOT = ("memory", "trace", "label", "recalled", "passage", "lapse")

_INDEXES = """
CREATE INDEX memory_by_time ON memory (tenant, created_at);
CREATE INDEX trace_due ON trace (tenant, fades_at, slot) WHERE bits = 0 AND fades_at IS NOT NULL;
CREATE INDEX trace_standing ON trace (tenant, slot) WHERE bits > 0;
CREATE INDEX label_by_slot ON label (tenant, slot);
CREATE INDEX recalled_by_slot ON recalled (tenant, slot);
CREATE UNIQUE INDEX prefix_whole ON prefix (alias) WHERE whole;
"""

# Queues and settings name no content: ids, keyed hashes and numbers. They stand outside of the security of rows.
_QUEUES = """
CREATE TABLE meta (name text PRIMARY KEY, value text NOT NULL);
CREATE TABLE ledger (
    entry bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at bigint NOT NULL, action text NOT NULL,
    ids bytea NOT NULL, salt bytea NOT NULL, sealed bytea NOT NULL
);
CREATE TABLE intent (
    intent bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant bytea NOT NULL, slots bigint[]
);
CREATE TABLE job (
    job bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind text NOT NULL, target bytea NOT NULL,
    due timestamptz NOT NULL DEFAULT now(), leased_until timestamptz, token uuid, attempts integer NOT NULL DEFAULT 0,
    again boolean NOT NULL DEFAULT false,
    failure text, UNIQUE (kind, target)
);
"""


def _policy(table: str, column: str) -> str:
    named = f"string_to_array(current_setting('memoria.{column}', true), ',')"
    # A sub-select is computed once for a statement, not once for a row.
    allowed = f"{column} = ANY ((SELECT array_agg(decode(one, 'hex')) FROM unnest({named}) AS one)::bytea[])"
    return (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY; "
        f"CREATE POLICY named ON {table} USING ({allowed}) WITH CHECK ({allowed})"
    )


def _partitioned(table: str, column: str, body: str, partitions: int) -> list[str]:
    made = [f"CREATE TABLE {table} ({body}) PARTITION BY HASH ({column})", _policy(table, column)]
    for number in range(partitions):
        made += [
            f"CREATE TABLE {partition(table, number)} PARTITION OF {table} "
            f"FOR VALUES WITH (MODULUS {partitions}, REMAINDER {number})",
            _policy(partition(table, number), column),
        ]
    return made


def partition(table: str, number: int) -> str:
    """The name of one partition."""
    return f"{table}_{number:04d}"


def _format_1(partitions: int) -> list[str]:
    made = [sql for name, (column, body) in _TABLES.items() for sql in _partitioned(name, column, body, partitions)]
    # Statistics keep samples of values, and those of a vector are content.
    quiet = [
        f"ALTER TABLE {partition('memory', number)} ALTER COLUMN {column} SET STATISTICS 0"
        for number in range(partitions)
        for column in ("embedding", "sealed", "print")
    ]
    return [*made, *quiet, *_split(_INDEXES), *_split(_QUEUES)]


# `single`: the label of a key, which no two live memories of a tenant have. In rows of older formats it is false; a
# write looks at them as well (claiming.py).
_UNIQUE_KEYS = """
ALTER TABLE label ADD COLUMN single boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX label_single ON label (tenant, hash) WHERE single;
"""


# Rows that exist get the labels of later filters in batches, the last slots first. Slots below `lacking` have none yet;
# `labelled` counts the others. Whoever takes a slot counts it as labelled, so a process of an older memoria, which
# writes no such labels, can write no more rows.
_FORMAT_2 = f"""
ALTER TABLE tenant ADD COLUMN lacking bigint NOT NULL DEFAULT 0;
ALTER TABLE tenant ADD COLUMN labelled bigint NOT NULL DEFAULT 0;
ALTER TABLE tenant NO FORCE ROW LEVEL SECURITY;
UPDATE tenant SET lacking = next_slot;
ALTER TABLE tenant FORCE ROW LEVEL SECURITY;
ALTER TABLE tenant ADD CONSTRAINT every_slot_is_labelled CHECK (lacking + labelled = next_slot);
INSERT INTO meta VALUES ('{UNLABELLED}', '2');
"""


def _format_2(partitions: int) -> list[str]:
    return [*_split(_UNIQUE_KEYS), *_split(_FORMAT_2)]


def _format_3(partitions: int) -> list[str]:
    quiet = [
        f"ALTER TABLE {partition('passage', number)} ALTER COLUMN embedding SET STATISTICS 0"
        for number in range(partitions)
    ]
    return [*_partitioned("passage", "tenant", _PASSAGE, partitions), *quiet]


# A doubt is a link with a weight and the name of its judge. An older memoria would not tell parts of gists apart in
# `passage.start`.
_FORMAT_4 = """
ALTER TABLE link ADD COLUMN weight double precision;
ALTER TABLE link ADD COLUMN judge text;
"""


def _format_4(partitions: int) -> list[str]:
    return _split(_FORMAT_4)


# The chain of the ledger: lines with the hash of the one before, and signatures.
_FIVE_CHAIN = """
CREATE TABLE chain (n bigint PRIMARY KEY, line bytea NOT NULL, statement bytea);
"""
# Retention periods name what they are about, sealed. A line of fingerprints refuses nothing after `until`; NULL is for
# ever.
_FIVE_TTL = """
CREATE INDEX lapse_by_time ON lapse (tenant, at);
CREATE TABLE period (hash bytea PRIMARY KEY, salt bytea NOT NULL, sealed bytea NOT NULL);
"""
_FIVE_GUARD = """
ALTER TABLE forgotten ADD COLUMN until bigint;
CREATE INDEX forgotten_until ON forgotten (tenant, until) WHERE until IS NOT NULL;
"""
# What was forgotten, by number. A branch has the lines that one store wrote.
_FIVE_FORGETS = """
CREATE TABLE gone (
    event bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, at bigint NOT NULL, kind smallint NOT NULL,
    ids bytea NOT NULL
);
INSERT INTO meta VALUES ('forgets.branch', replace(gen_random_uuid()::text, '-', ''));
"""


def _format_5(partitions: int) -> list[str]:
    return [
        *_split(_FIVE_CHAIN),
        *_partitioned("lapse", "tenant", _LAPSE, partitions),
        *_split(_FIVE_TTL),
        *_split(_FIVE_GUARD),
        *_split(_FIVE_FORGETS),
    ]


# What was erased, for the ledger, in the order in which it is to be chained: whoever reads the chain joins it first.
_SIX_SAID = """
CREATE TABLE said (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, line bytea NOT NULL);
"""


def _format_6(partitions: int) -> list[str]:
    return [*_split(_SIX_SAID), *policies.rewritten(partitions)]


def _format_7(partitions: int) -> list[str]:
    named = ("open_home", "remember_many", "remember_one", "look", "forget", "nearest")
    # Verbs as functions; a store may have them in the form of before.
    return [*(f"DROP FUNCTION IF EXISTS memoria.{name}" for name in named), *FUNCTIONS]


_STEPS = (_format_1, _format_2, _format_3, _format_4, _format_5, _format_6, _format_7)


# Names and statements that are in the files of a server with this schema.
WORDS = "\n".join(
    [
        *(f"{name} {column} {body}" for name, (column, body) in _TABLES.items()),
        f"passage tenant {_PASSAGE}",
        f"lapse tenant {_LAPSE}",
        *(_INDEXES, _QUEUES, _FIVE_TTL, _FIVE_GUARD, _FIVE_FORGETS, "chain line statement", _SIX_SAID, *FUNCTIONS),
    ]
)


def _split(script: str) -> list[str]:
    return [statement for statement in script.split(";\n") if statement.strip()]


def migrate(connection: Any, found: int, partitions: int) -> None:
    """Brings the schema from format `found`, 0 being an empty one, to `FORMAT`, in the transaction that is open.

    partitions: of each table, where the schema is made; one that is there has as many as it has.
    """
    if found:
        ((made,),) = connection.execute("SELECT value FROM meta WHERE name = 'partitions'").fetchall()
        partitions = int(made)
    for step in _STEPS[found:]:
        for statement in step(partitions):
            connection.execute(statement)
    connection.execute(
        "INSERT INTO meta VALUES ('format', %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (str(FORMAT),)
    )
    connection.execute("INSERT INTO meta VALUES ('partitions', %s) ON CONFLICT (name) DO NOTHING", (str(partitions),))

"""The schema spread over the nodes of Citus, by the column that each table is routed by.

A namespace has its rows on one node, an id its place and links on one. Queues, settings, the ledger and the forget log
stay on the coordinator: so a forget writes to the coordinator and to the nodes of its rows, and not to all of them, as
it would with reference tables. None of this runs where the project is tested; docs/scale.md says what did, and where.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memoria.errors import StoreError
from memoria.stores.postgres.policies import ROUTES

if TYPE_CHECKING:
    from memoria.stores.postgres.rewriting import Raw

SHARDS = 32
"""Of each table. A node has as many as it is to have of all of them."""
# The first of each is made, and the others of its column are kept on the nodes where that is.
_FIRST = {"tenant": "tenant", "id": "place", "alias": "prefix"}


def is_present(connection: Raw) -> bool:
    """Whether a database has the extension."""
    return connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'citus'").fetchone() is not None


def distributing() -> list[str]:
    """Statements that spread an empty schema, in the transaction that made it."""
    made = ["SET LOCAL citus.multi_shard_modify_mode = 'sequential'"]
    for table, column in sorted(ROUTES.items(), key=lambda one: (one[1], one[0] != _FIRST[one[1]])):
        beside = (
            f"shard_count => {SHARDS}, colocate_with => 'none'"
            if table == _FIRST[column]
            else f"colocate_with => 'memoria.{_FIRST[column]}'"
        )
        made.append(f"SELECT create_distributed_table('memoria.{table}', '{column}', {beside})")
    return made


def on_all_nodes(connection: Raw, command: str) -> list[str]:
    """Runs a command on every node, and returns what each answers; raises StoreError with the nodes that failed."""
    sql = (
        "SELECT n.nodename || ':' || n.nodeport, r.success, r.result "
        "FROM run_command_on_all_nodes(%s) r JOIN pg_dist_node n USING (nodeid) ORDER BY 1"
    )
    found = connection.execute(sql, (command,)).fetchall()
    failed = [f"{node}: {said}" for node, done, said in found if not done]
    if failed or not found:
        raise StoreError(f"{command} was not done on every node: {'; '.join(failed) or 'no node answers'}")
    return [str(said) for _, _, said in found]


def rewritten(connection: Raw, table: str) -> None:
    """Writes every shard of a table anew, each locked meanwhile; Citus passes VACUUM on to the nodes."""
    connection.execute(f"VACUUM (FULL) memoria.{table}".encode())


def turned_over(connection: Raw) -> None:
    """Starts new files of the log on every node, for each has vectors in its own."""
    if any(said != "off" for said in on_all_nodes(connection, "SHOW wal_recycle")):
        raise StoreError("old bytes stay in recycled log files: ALTER SYSTEM SET wal_recycle = off on every node")
    for _ in range(2):
        on_all_nodes(connection, "SELECT pg_switch_wal()")
        on_all_nodes(connection, "CHECKPOINT")

"""Verbs as functions of the server: what a remember or a forget does there, in one statement with plans that are kept.

They are of whoever calls them, so row-level security holds in them as for any statement: the transaction has said which
tenants and ids it is for. Statements in them take a new snapshot each, so what follows the lock is as of then.

Plans are kept whatever the values are: left to itself, the server plans each statement anew at each call, because a
plan for one partition looks cheaper than one for any. What is about one memory has a function of its own: of an id that
is given by itself the server knows in which partition it is, and of an array of ids it looks in all.
"""

from __future__ import annotations

_SETTINGS = "SET search_path = memoria, public SET plan_cache_mode = force_generic_plan"

# Opens a tenant for writing: nobody else writes to it until the transaction ends. `marks`: what fingerprints of the
# texts to be written begin with; `met`: whether what was forgotten may know one of them. `slot`: the next one.
# `named`: settings to read along.
_OPEN_HOME = f"""
CREATE FUNCTION open_home(number bigint, home bytea, marks bytea[], named text[],
    OUT version bigint, OUT slot bigint, OUT bound boolean, OUT met boolean, OUT names text[], OUT said text[])
LANGUAGE plpgsql {_SETTINGS} AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(number);
    SELECT t.version, t.next_slot, EXISTS (SELECT 1 FROM period), EXISTS (
        SELECT 1 FROM forgotten f WHERE f.tenant = home
        AND (f.kind <> 0 OR EXISTS (SELECT 1 FROM unnest(marks) AS m (mark) WHERE position(m.mark IN f.prints) > 0))
    ) INTO version, slot, bound, met FROM tenant t WHERE t.tenant = home;
    SELECT array_agg(m.name), array_agg(m.value) INTO names, said FROM meta m WHERE m.name = ANY(named);
END $$
"""

# Writes rows of one tenant, in columns, and takes their slots; nobody else writes to the tenant meanwhile. Returns its
# version; fails when the tenant is gone, or its next slot is not the one that the rows begin at.
_REMEMBER_MANY = f"""
CREATE FUNCTION remember_many(home bytea, first bigint, ids bytea[], kinds smallint[], created bigint[],
    froms bigint[], tos bigint[], lasts bigint[], saliences double precision[], prints bytea[], contents bytea[],
    vectors halfvec[], flags smallint[], stabilities double precision[], difficulties double precision[],
    retrieved bigint[], counts integer[], lost integer[], encoded bigint[], strengths double precision[],
    interferences double precision[], recents bytea[], olders double precision[], fades bigint[],
    hashes bytea[], hashed bigint[])
RETURNS bigint LANGUAGE plpgsql {_SETTINGS} AS $$
DECLARE
    made bigint;
    size bigint := cardinality(ids);
BEGIN
    UPDATE tenant t SET version = t.version + 1, next_slot = t.next_slot + size, labelled = t.labelled + size
        WHERE t.tenant = home AND t.next_slot = first RETURNING t.version INTO made;
    IF made IS NULL THEN
        RAISE EXCEPTION 'the namespace was written to or erased meanwhile';
    END IF;
    INSERT INTO memory (tenant, slot, id, kind, created_at, valid_from, valid_to, last_at, salience, print, sealed,
        embedding)
        SELECT home, first + r.n - 1, r.id, r.kind, r.made, r.since, r.till, r.last, r.salience, r.print, r.content,
        r.vector FROM unnest(ids, kinds, created, froms, tos, lasts, saliences, prints, contents, vectors)
        WITH ORDINALITY AS r (id, kind, made, since, till, last, salience, print, content, vector, n);
    INSERT INTO trace (tenant, slot, bits, stability, difficulty, last_retrieved, retrievals, lapses, encoded_at,
        strength, interference, recent, older, fades_at)
        SELECT home, first + r.n - 1, r.b, r.s, r.d, r.l, r.c, r.f, r.e, r.t, r.i, r.p, r.o, r.a
        FROM unnest(flags, stabilities, difficulties, retrieved, counts, lost, encoded, strengths, interferences,
        recents, olders, fades) WITH ORDINALITY AS r (b, s, d, l, c, f, e, t, i, p, o, a, n);
    INSERT INTO place (id, tenant, slot)
        SELECT r.id, home, first + r.n - 1 FROM unnest(ids) WITH ORDINALITY AS r (id, n);
    INSERT INTO label (tenant, hash, slot) SELECT home, r.hash, r.slot FROM unnest(hashes, hashed) AS r (hash, slot);
    RETURN made;
END $$
"""

# The same for one row, which comes as single values: they are quicker to read and to write than columns.
_REMEMBER_ONE = f"""
CREATE FUNCTION remember_one(home bytea, first bigint, id bytea, kind smallint, created bigint, since bigint,
    till bigint, last bigint, salience double precision, print bytea, content bytea, vector halfvec, flags smallint,
    stability double precision, difficulty double precision, retrieved bigint, counts integer, lost integer,
    encoded bigint, strength double precision, interference double precision, recent bytea, older double precision,
    fades bigint, hashes bytea[])
RETURNS bigint LANGUAGE plpgsql {_SETTINGS} AS $$
#variable_conflict use_variable
DECLARE
    made bigint;
BEGIN
    UPDATE tenant t SET version = t.version + 1, next_slot = t.next_slot + 1, labelled = t.labelled + 1
        WHERE t.tenant = home AND t.next_slot = first RETURNING t.version INTO made;
    IF made IS NULL THEN
        RAISE EXCEPTION 'the namespace was written to or erased meanwhile';
    END IF;
    INSERT INTO memory (tenant, slot, id, kind, created_at, valid_from, valid_to, last_at, salience, print, sealed,
        embedding) VALUES (home, first, id, kind, created, since, till, last, salience, print, content, vector);
    INSERT INTO trace (tenant, slot, bits, stability, difficulty, last_retrieved, retrievals, lapses, encoded_at,
        strength, interference, recent, older, fades_at) VALUES (home, first, flags, stability, difficulty, retrieved,
        counts, lost, encoded, strength, interference, recent, older, fades);
    INSERT INTO place (id, tenant, slot) VALUES (id, home, first);
    IF cardinality(hashes) > 0 THEN
        INSERT INTO label (tenant, hash, slot) SELECT home, r.hash, first FROM unnest(hashes) AS r (hash);
    END IF;
    RETURN made;
END $$
"""


def _look(name: str, kind: str, them: str) -> str:
    """Where ids of one tenant are, nobody else writing to it until the transaction ends; and which have links.

    kind: the type of what names them. them: how a column is compared with that, which is $1.
    """
    by_id, by_slot = them.replace("$1", "asked"), them.replace("$1", "places")
    return f"""
CREATE FUNCTION {name}(number bigint, home bytea, asked bytea{kind})
RETURNS TABLE (id bytea, slot bigint, flags smallint, gist boolean, linked boolean)
LANGUAGE plpgsql {_SETTINGS} AS $$
DECLARE
    places bigint{kind};
BEGIN
    PERFORM pg_advisory_xact_lock(number);
    SELECT {"array_agg(p.slot)" if kind else "p.slot"} INTO places FROM place p WHERE p.id {by_id} AND p.tenant = home;
    RETURN QUERY SELECT m.id, m.slot, t.bits, m.last_at IS NOT NULL, EXISTS (SELECT 1 FROM link l WHERE l.id = m.id)
        FROM memory m JOIN trace t ON t.tenant = home AND t.slot {by_slot} AND t.slot = m.slot
        WHERE m.tenant = home AND m.slot {by_slot};
END $$
"""


def _forget(name: str, kind: str, them: str) -> str:
    """Deletes memories of one tenant that hang on nothing, and writes down what is to be known of them.

    Keeps their fingerprints if they are to be guarded, and says which keys must go, and what the log says. `done`:
    intents that are carried out. Returns the version of the tenant and the new intent. kind, them: as of `_look`.
    """
    by_id, by_slot = them.replace("$1", "gone_ids"), them.replace("$1", "gone_slots")
    hanging = "".join(
        f"    DELETE FROM {table} x WHERE x.tenant = home AND x.slot {by_slot};\n"
        for table in ("trace", "label", "recalled", "passage", "lapse")
    )
    ids, slots = ("string_agg(i.id, ''::bytea) FROM unnest(gone_ids) AS i (id)", "gone_slots")
    if not kind:
        ids, slots = "gone_ids", "ARRAY[gone_slots]"
    return f"""
CREATE FUNCTION {name}(home bytea, gone_ids bytea{kind}, gone_slots bigint{kind}, guarded boolean, at bigint,
    part bytea, done bigint[], OUT version bigint, OUT number bigint)
LANGUAGE plpgsql {_SETTINGS} AS $$
DECLARE
    marks bytea;
BEGIN
    UPDATE tenant t SET version = t.version + 1 WHERE t.tenant = home RETURNING t.version INTO version;
    IF version IS NULL THEN
        RAISE EXCEPTION 'the namespace was erased meanwhile';
    END IF;
    WITH gone AS (DELETE FROM memory m WHERE m.tenant = home AND m.slot {by_slot} RETURNING m.print)
        SELECT string_agg(g.print, ''::bytea) INTO marks FROM gone g
        WHERE g.print <> '\\x000000000000000000000000'::bytea;
{hanging}    DELETE FROM place x WHERE x.id {by_id};
    IF guarded AND marks IS NOT NULL THEN
        INSERT INTO forgotten (tenant, kind, prints) VALUES (home, 0, marks);
    END IF;
    INSERT INTO gone (at, kind, ids) SELECT {name}.at, 0, {ids};
    INSERT INTO intent (tenant, slots) VALUES (home, {slots}) RETURNING intent INTO number;
    IF NOT EXISTS (SELECT 1 FROM job j WHERE j.kind = 'purge' AND j.target = part AND j.token IS NULL) THEN
        INSERT INTO job (kind, target) VALUES ('purge', part) ON CONFLICT (kind, target) DO UPDATE SET again = true;
    END IF;
    IF cardinality(done) > 0 THEN
        DELETE FROM intent i WHERE i.intent = ANY(done);
    END IF;
END $$
"""


# The rows of one tenant that are nearest to a question, as they are read, those of what is away left out if asked;
# vectors as the server sends them. Not STABLE: then it would read as of before it has its locks, and of a partition
# that a purge swaps meanwhile it would miss the rows that were copied last.
# A single row without an id where that is not all: other tenants under the alias, something due to be erased by then,
# or passages.
_NEAREST = f"""
CREATE FUNCTION nearest(prefixed bytea, home bytea, by bigint, asked halfvec, wanted integer, leaving integer)
RETURNS TABLE (id bytea, tenant bytea, slot bigint, kind smallint, created_at bigint, valid_from bigint,
    valid_to bigint, salience double precision, sealed bytea, embedding bytea, far double precision)
LANGUAGE plpgsql {_SETTINGS} AS $$
BEGIN
    IF (SELECT array_agg(p.tenant) FROM prefix p WHERE p.alias = prefixed) IS DISTINCT FROM ARRAY[home]
        OR EXISTS (SELECT 1 FROM passage p WHERE p.tenant = home)
        OR EXISTS (SELECT 1 FROM lapse l WHERE l.tenant = home AND l.at <= by) THEN
        RETURN NEXT;
        RETURN;
    END IF;
    -- Only of what is returned are vectors turned into bytes: the server would do so before it sorts.
    RETURN QUERY SELECT n.id, n.tenant, n.slot, n.kind, n.created_at, n.valid_from, n.valid_to, n.salience, n.sealed,
        halfvec_send(n.embedding), n.distance FROM (
            SELECT m.*, m.embedding <#> asked AS distance FROM memory m
            WHERE m.tenant = home AND (leaving = 0 OR m.slot NOT IN (
                SELECT t.slot FROM trace t WHERE t.tenant = home AND t.bits > 0 AND t.bits & leaving > 0))
            ORDER BY distance LIMIT wanted
        ) AS n ORDER BY n.distance;
END $$
"""

_ONE, _SEVERAL = ("", "= $1"), ("[]", "= ANY($1)")
FUNCTIONS = (
    _OPEN_HOME,
    _REMEMBER_MANY,
    _REMEMBER_ONE,
    _look("look_at_one", *_ONE),
    _look("look", *_SEVERAL),
    _forget("forget_one", *_ONE),
    _forget("forget", *_SEVERAL),
    _NEAREST,
)

"""recall: from a question to scored memories; each score is a sum of terms that a hit shows one by one.

Candidates come from vectors, words and neighbouring turns, and are ranked by numbers alone, without reading content.
Only the best of them are read; they also get the terms that need their text or their trace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from memoria.derived.gist import as_it_was
from memoria.derived.records import Records, leaf
from memoria.derived.validity import as_known
from memoria.embedders import embed, thresholds, unit_vectors
from memoria.errors import InvalidQuery, shown
from memoria.protocols import DecayPolicy, Embedder, Store
from memoria.recall.doubted import Doubt, with_echoes
from memoria.recall.fitted import fitted
from memoria.recall.need import Need, log_odds
from memoria.recall.outdated import outdated
from memoria.recall.passage import nearest, nearest_parts, told
from memoria.recall.probability import Calibration
from memoria.recall.rerank import Rerank
from memoria.text.calendar import Days
from memoria.text.parts import leaves
from memoria.text.passages import LETTERS
from memoria.text.times import Reading, closeness, days, meant
from memoria.text.words import question
from memoria.types import Hit, Hits, Memory, Record, Where
from memoria.validate import MAX_TEXT_BYTES, check_where, text_violations
from memoria.zones import day

if TYPE_CHECKING:
    from memoria.arrays import Floats, Vectors
    from memoria.text.evidence import Evidence

Scored = tuple[Record, dict[str, float]]
"""A finalist, and its terms."""
POOL = 100
_FINALISTS = 20
_TWIN = 0.9
_ROUNDING = 1e-3
# Places that the first candidates are ranked for, and how many times more are looked at for the places after them.
_PLACES = 10
_WIDER = 5
_LEFT_OUT = ("archived", "expired", "upcoming")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What one recall asks, except the question itself.

    at: now, for base level and relative times. reading: how times are read, and in which zone.
    as_of: only memories recorded and valid at that time; None is now.
    include: what is left out unless named: some of "archived", "expired", "upcoming". need: the weights.
    rerank: scores the texts of the finalists. calibration: makes probabilities of need, if there is one. at_least: only
    hits of this probability.
    """

    where: Where
    k: int
    at: datetime
    need: Need = field(default_factory=Need)
    reading: Reading = field(default_factory=Reading)
    as_of: datetime | None = None
    include: frozenset[str] = frozenset()
    rerank: Rerank | None = None
    calibration: Calibration | None = None
    at_least: float | None = None


def recall_all(
    records: Records, queries: Sequence[str | Vectors], request: Request, need: Need | None, *, vector_only: bool
) -> list[Hits]:
    """The hits of each query, in order; texts are embedded in one pass.

    need: None takes the weights fitted for the store's embedder, with their calibration. vector_only: scores text
    queries by cosine alone, as vector queries always are. Raises InvalidQuery, InvalidVector, EmbedderMismatch.
    """
    if isinstance(queries, str):
        raise InvalidQuery("queries is one str, not a sequence of queries: use recall for one")
    wrong = [type(query).__name__ for query in queries if query is None or isinstance(query, bytes | bool | int | dict)]
    if wrong:
        raise InvalidQuery(f"query is {wrong[0]}, not a str or a vector")
    store, embedder = records.store, records.store.embedder.name
    calibration = fitted(embedder).calibration if need is None else None
    request = replace(request, need=Need.of(embedder) if need is None else need, calibration=calibration)
    by_vector = vector_only or not all(isinstance(query, str) for query in queries)
    if request.at_least is not None and (request.calibration is None or by_vector):
        raise InvalidQuery(_no_probabilities(embedder))
    return [
        recall_text(store, records.policy, query, vector, request)
        if isinstance(query, str) and not vector_only
        else recall_vector(store, vector, request)
        for query, vector in zip(queries, embed_queries(store, records.embedder, queries), strict=True)
    ]


def _no_probabilities(embedder: str) -> str:
    return (
        f"at_least needs probabilities, and hits have none by the vector alone, with need=, or where no constants are "
        f"fitted for the embedder, here {shown(embedder)} (memoria eval calibrate)"
    )


def archived_filter(include: object) -> bool | None:
    """The value of `Where.archived` for `include`: False, or None if it names "archived"; raises InvalidQuery."""
    choices = ", ".join(_LEFT_OUT)
    if isinstance(include, str) or not isinstance(include, Sequence | Set):
        raise InvalidQuery(f"include is {type(include).__name__}, not a sequence of some of {choices}")
    wrong = [shown(one) for one in include if one not in _LEFT_OUT]
    if wrong:
        raise InvalidQuery(f"include holds {', '.join(wrong)}, which is none of {choices}")
    return None if "archived" in include else False


def recall_vector(store: Store, vector: Vectors, request: Request) -> Hits:
    """The k memories nearest to a unit vector by cosine similarity among those that match, best first.

    Searches again for more when fewer than k of those found hold at the time asked about, or when a part of a gist that
    was not found may be nearer than the last of them.
    """
    where, wanted = check_where(_until(request)), request.k
    while True:
        found = store.search(vector, where, wanted)
        parts = nearest_parts(store, found, where, vector)
        held = [(parts[one.id], one) for one in standing(store, [one.memory for one in parts.values()], request)]
        last = held[request.k - 1][0].score if len(held) >= request.k else -2.0
        if len(found) < wanted or last >= found[-1][1]:
            break
        wanted *= 4
    first = [hit if hit.memory is memory else replace(hit, memory=memory) for hit, memory in held[: request.k]]
    passages = _passages(store, first, vector, request)
    return Hits(
        replace(hit, passage=passages.get(hit.memory.id), gist=_then(hit.gist, request))
        if passages or hit.gist is not None
        else hit
        for hit in first
    )


def _passages(store: Store, hits: Sequence[Hit], vector: Vectors, request: Request) -> dict[str, str | None]:
    """By id, the passage of each memory with a long text; the others are not read."""
    long = sorted({hit.home for hit in hits if len(hit.memory.text) > LETTERS})
    records = [part for one in (store.read(long) if long else []) if one is not None for part in leaves(one)]
    language = request.reading.language
    return {one.memory.id: told(one, vector, (), request.need, language) for one in records}


def _then(gist: Memory | None, request: Request) -> Memory | None:
    """A gist as it was at the time asked about."""
    return gist if gist is None or request.as_of is None else as_it_was(gist, request.as_of, request.reading.language)


def recall_text(
    store: Store, policy: DecayPolicy, query: str, vector: Vectors, request: Request, pool: int = POOL
) -> Hits:
    """The k memories most needed for a question among those that match, best first. vector: of the question.

    The first places are filled from `pool` candidates of each kind, the next from five times as many, and so on: what
    is in one place does not depend on how many are asked for, so that pages neither repeat a memory nor pass one over.
    """
    hits: dict[str, Hit] = {}
    known: float | None = None
    places = _PLACES
    while len(hits) < request.k:
        found = _needed(store, policy, query, vector, replace(request, k=places), pool)
        known = known if hits else found.known
        fresh = [hit for hit in found if hit.memory.id not in hits]
        hits |= {hit.memory.id: hit for hit in fresh[: places - len(hits)]}
        if len(found) < places:
            break
        places, pool = _WIDER * places, _WIDER * pool
    first = list(hits.values())[: request.k]
    return Hits((hit for hit in first if _likely(hit, request.at_least)), known=known)


def _needed(store: Store, policy: DecayPolicy, query: str, vector: Vectors, request: Request, pool: int) -> Hits:
    """The k memories most needed of those that a pool finds, best first.

    Runs again with a larger pool when fewer than k candidates hold at the time asked about.
    """
    where, asked = check_where(_until(request)), question(query, request.reading.language)
    named = days(query, day(request.at, request.reading.zone), request.reading)
    while True:
        evidence = store.evidence(asked, vector, where, pool)
        terms = request.need.terms(evidence)
        order = _by_score(evidence, terms)
        records, seen, gists = _finalists(store, policy, evidence, order, request, everyone=bool(named))
        if len(records) >= min(request.k, len(order)) or (seen == len(order) and pool >= store.count(where.namespace)):
            break
        pool *= _WIDER
    doubted = _doubted(store, [record for _, record in records], request)
    scored = _scored(records, terms, policy, request, named, doubted)
    chances, known = _chances(scored, vector, request.calibration)
    hits = [_beside(hit, gists, doubted) for hit in _ranked(store, query, vector, scored, request)]
    return Hits(_told(hits, scored, vector, asked.words, request, chances), known=known)


def _doubted(store: Store, records: Sequence[Record], request: Request) -> dict[str, Doubt]:
    """How doubtful each finalist is, by its id, for those that are."""
    memories = [record.memory for record in records]
    return with_echoes(store, memories, request.as_of or request.at, known=request.as_of is not None)


def _beside(hit: Hit, gists: Mapping[str, Memory | None], doubted: Mapping[str, Doubt]) -> Hit:
    """The hit with its gist, and with what makes it doubtful."""
    doubt = doubted.get(hit.memory.id)
    return replace(hit, gist=gists.get(hit.memory.id), doubted_by=() if doubt is None else doubt.by)


def _scored(
    finalists: Sequence[tuple[int, Record]],
    terms: Mapping[str, Floats],
    policy: DecayPolicy,
    request: Request,
    named: Sequence[Days],
    doubted: Mapping[str, Doubt],
) -> list[Scored]:
    """The finalists with all their terms: those of the evidence, and those that need text, trace or links."""
    if not finalists:
        return []
    places, records = [at for at, _ in finalists], [record for _, record in finalists]
    columns = {name: column[places].tolist() for name, column in terms.items()}
    levels = policy.retrievability([record.trace for record in records], request.at)
    own = [
        _own_terms(record, float(level), request, named, doubted.get(record.memory.id))
        for record, level in zip(records, levels, strict=True)
    ]
    return [
        (record, {name: column[at] for name, column in columns.items()} | mine)
        for at, (record, mine) in enumerate(zip(records, own, strict=True))
    ]


def _chances(
    scored: Sequence[Scored], vector: Vectors, calibration: Calibration | None
) -> tuple[dict[str, float], float | None]:
    """How likely each finalist is wanted, by its id, and how likely anything is."""
    import numpy as np

    if calibration is None:
        return {}, None
    if not scored:
        return {}, None if calibration.known is None else 0.0
    needs = np.array([sum(terms.values()) for _, terms in scored])
    cosines = np.array([float(record.vector @ vector) for record, _ in scored])
    each = calibration.of_hits(cosines).tolist()
    return {record.memory.id: one for (record, _), one in zip(scored, each, strict=True)}, calibration.of_any(
        needs, cosines
    )


def _told(
    hits: Sequence[Hit],
    scored: Sequence[Scored],
    vector: Vectors,
    words: Sequence[str],
    request: Request,
    chances: Mapping[str, float],
) -> list[Hit]:
    """The hits with their probabilities and passages."""
    records = {record.memory.id: record for record, _ in scored}
    return [
        replace(
            hit,
            probability=chances.get(hit.memory.id),
            passage=told(records[hit.memory.id], vector, words, request.need, request.reading.language),
        )
        for hit in hits
    ]


def _likely(hit: Hit, at_least: float | None) -> bool:
    return at_least is None or (hit.probability is not None and hit.probability >= at_least)


def _until(request: Request) -> Where:
    """The filter, narrowed to memories recorded at or before `as_of`."""
    as_of, where = request.as_of, request.where
    if as_of is None:
        return where
    # `until` is exclusive, but a memory recorded exactly at `as_of` counts.
    after = as_of + datetime.resolution
    return replace(where, until=after if where.until is None else min(where.until, after))


def _by_score(evidence: Evidence, terms: Mapping[str, Floats]) -> list[int]:
    """Positions of the candidates, best first; ties are ordered by id."""
    import numpy as np

    total = sum(terms.values(), start=np.zeros(len(evidence.ids)))
    order = np.argsort(-total, kind="stable")
    tied = np.flatnonzero(np.diff(total[order]) == 0)
    places: list[int] = order.tolist()
    if len(tied):
        first, last = tied[np.diff(tied, prepend=-2) > 1], tied[np.diff(tied, append=len(order)) > 1] + 2
        for start, end in zip(first.tolist(), last.tolist(), strict=True):
            places[start:end] = sorted(places[start:end], key=evidence.said.__getitem__)
    return places


def _finalists(
    store: Store, policy: DecayPolicy, evidence: Evidence, order: Sequence[int], request: Request, *, everyone: bool
) -> tuple[list[tuple[int, Record]], int, dict[str, Memory | None]]:
    """Reads the best candidates: their positions and records, how many were looked at, and the gists of parts, by id.

    everyone: reads all; if a question names a time, its answer may share nothing else with it.
    """
    wanted = len(order) if everyone else max(_FINALISTS, 2 * request.k)
    found: list[tuple[int, Record]] = []
    gists: dict[str, Memory | None] = {}
    seen = 0
    while seen < len(order) and len(found) < wanted:
        part = order[seen : seen + wanted]
        ids = list(dict.fromkeys(evidence.ids[at] for at in part))
        read = {one.memory.id: one for one in store.read(ids) if one is not None}
        seen += len(part)
        records = [leaf(read.get(evidence.ids[at]), evidence.said[at], policy) for at in part]
        here = [(at, record) for at, record in zip(part, records, strict=True) if record is not None]
        homes = {record.memory.id: evidence.ids[at] for at, record in here}
        gists |= {id: _then(read[home].memory, request) for id, home in homes.items() if home != id}
        stand = {one.id: one for one in standing(store, [record.memory for _, record in here], request)}
        found += [
            (
                at,
                record if stand[record.memory.id] is record.memory else replace(record, memory=stand[record.memory.id]),
            )
            for at, record in here
            if record.memory.id in stand
        ]
    return found, seen, gists


def standing(store: Store, memories: Sequence[Memory], request: Request) -> list[Memory]:
    """The memories valid in [valid_from, valid_to) at the time asked about, gists as they were then."""
    at = request.as_of
    if at is None:
        held = [memory for memory in memories if _holds(memory, request.at, memory.valid_to, request.include)]
        return _current(store, held, request)
    ends = as_known(store, memories, at)
    held = [one for one in memories if _holds(one, at, ends.get(one.id, one.valid_to), request.include)]
    current = _current(store, held, request)
    return [then for then in (as_it_was(memory, at, store.language) for memory in current) if then is not None]


def _current(store: Store, memories: Sequence[Memory], request: Request) -> list[Memory]:
    """Without replies that say again what has ended, unless these are asked for."""
    if "expired" in request.include:
        return list(memories)
    at, known = request.as_of or request.at, request.as_of is not None
    gone = outdated(store, memories, at, known=known)
    return [one for one in memories if one.id not in gone]


def _holds(memory: Memory, at: datetime, end: datetime | None, include: Set[str]) -> bool:
    begun = memory.valid_from is None or memory.valid_from <= at or "upcoming" in include
    return begun and (end is None or at < end or "expired" in include)


def _own_terms(
    record: Record, level: float, request: Request, named: Sequence[Days], doubt: Doubt | None
) -> dict[str, float]:
    """The terms that need the memory's text, its trace or its links. level: its retrievability."""
    memory, need = record.memory, request.need
    terms = need.term("base level", log_odds(level))
    terms |= need.term("salience", 0.0 if memory.judged else log_odds(memory.salience))
    if named:
        terms |= need.term("time", closeness(named, about(memory, request.reading)))
    if doubt is not None:
        terms |= need.term("superseded", doubt.weight)
    return terms


def about(memory: Memory, reading: Reading) -> list[Days]:
    """The days a memory is about: those its text means, and its validity if bounded.

    A gist is about the days of its parts.
    """
    if memory.parts:
        return [some for part in memory.parts for some in about(part, reading)]
    on = memory.day(reading.zone)
    found = meant(memory.text, on, reading)
    if memory.valid_from is not None and memory.valid_to is not None:
        found.append((day(memory.valid_from, reading.zone), day(memory.valid_to, reading.zone)))
    return found


def _ranked(store: Store, query: str, vector: Vectors, scored: Sequence[Scored], request: Request) -> list[Hit]:
    if request.rerank is not None and scored:
        values = request.rerank(query, [record.memory.text for record, _ in scored])
        for (_, terms), value in zip(scored, values, strict=True):
            terms["rerank"] = float(value)
    ordered = sorted(scored, key=lambda one: (-sum(one[1].values()), one[0].memory.id))
    hits = _unrepeated(store, ordered, vector, request)
    return sorted(hits, key=lambda hit: (-hit.score, hit.memory.id))[: request.k]


def _unrepeated(store: Store, ordered: Sequence[Scored], vector: Vectors, request: Request) -> list[Hit]:
    """Hits with the term "repeats", so that repetitions of better hits do not fill the list (Carbonell, 1998: MMR).

    Long memories repeat each other when the passages do that are nearest to the question.
    """
    import numpy as np

    from memoria.ranking import products

    if not ordered:
        return []
    vectors = np.stack([nearest(record, vector) for record, _ in ordered])
    closest = np.tril(vectors @ vectors.T, -1).max(axis=1)
    # No threshold is lower.
    near = np.flatnonzero(closest > _TWIN - _ROUNDING).tolist()
    twins = thresholds(store, None, _TWIN, [ordered[at][0].memory.text for at in near]) if near else []
    for at, twin in zip(near, twins, strict=True):
        cosine = float(products(vectors[:at], vectors[at]).max(initial=0))
        if cosine > twin:
            terms = ordered[at][1]
            terms |= request.need.term("repeats", min((cosine - twin) / (1 - twin), 1.0))
    return [Hit(memory=record.memory, score=sum(terms.values()), terms=terms) for record, terms in ordered]


def embed_queries(store: Store, embedder: Embedder, queries: Sequence[str | Vectors]) -> list[Vectors]:
    """The unit vector of each query, shape (d,); texts are embedded in one pass. Raises InvalidQuery, InvalidVector."""
    texts = [query for query in queries if isinstance(query, str)]
    violations = [rule for text in texts for rule in text_violations(text, "query", MAX_TEXT_BYTES)]
    if violations:
        raise InvalidQuery(*violations)
    embedded = iter(embed(store, embedder, texts, asked=True) if texts else ())
    dimension = store.embedder.dimension
    return [next(embedded) if isinstance(query, str) else unit_vectors([query], dimension)[0] for query in queries]

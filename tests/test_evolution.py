"""Gists, links, supersession: whatever has happened, forgetting leaves the state of a run that never saw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import memoria
from memoria import Memory, Provenance
from memoria.derived.gist import compose, extract, restates
from memoria.testing import HashEmbedder
from memoria.text.mentions import mentions

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
EMBEDDER = HashEmbedder(32)


@dataclass(frozen=True)
class Op:
    """One thing that happened: a memory `n` was observed, derived from, gathered with or put in the place of others."""

    verb: str
    n: int
    others: tuple[int, ...] = ()


def draw_history(rng: np.random.Generator, length: int) -> list[Op]:
    """A random history: memories, gists of them, what was derived (to any depth), and what superseded what."""
    ops: list[Op] = []
    free: list[int] = []
    made: list[int] = []
    for n in range(length):
        verb = rng.choice(["remember", "gather", "derive", "supersede"], p=[0.5, 0.2, 0.2, 0.1])
        if verb == "gather" and len(free) >= 2:
            chosen = rng.choice(free, size=min(len(free), int(rng.integers(2, 5))), replace=False)
            ops.append(Op("gather", n, tuple(sorted(int(one) for one in chosen))))
            free = [one for one in free if one not in chosen]
            made.append(n)
        elif verb == "derive" and made + free:
            parents = rng.choice(made + free, size=min(len(made + free), int(rng.integers(1, 3))), replace=False)
            ops.append(Op("derive", n, tuple(sorted(int(one) for one in parents))))
            free = [one for one in free if one not in parents]
            made += [n, *(int(one) for one in parents if int(one) not in made)]
        elif verb == "supersede" and free:
            old = int(free.pop(int(rng.integers(len(free)))))
            ops.append(Op("supersede", n, (old,)))
        else:
            ops.append(Op("remember", n))
            free.append(n)
    return ops


def never_saw(ops: Sequence[Op], x: int) -> list[Op]:
    """The history of a run to which `x` never happened: nor did what it alone made possible."""
    lost = {x}
    out: list[Op] = []
    for op in ops:
        if op.n in lost:
            continue
        left = tuple(one for one in op.others if one not in lost)
        if op.verb == "gather" and len(left) < len(op.others):
            if len(left) < 2:
                lost.add(op.n)
                continue
            op = replace(op, others=left)
        elif (op.verb == "derive" and len(left) < len(op.others)) or (
            op.verb == "derive" and any(_changed(ops, one, lost) for one in op.others)
        ):
            lost.add(op.n)
            continue
        elif op.verb == "supersede":
            op = replace(op, others=left)
        out.append(op)
    return out


def _changed(ops: Sequence[Op], n: int, lost: set[int]) -> bool:
    """Whether a gist has lost a part: nobody would have derived from it what was derived."""
    (op,) = [one for one in ops if one.n == n]
    return op.verb == "gather" and not lost.isdisjoint(op.others)


def live(memory: memoria.Memoria, ops: Sequence[Op]) -> dict[int, str]:
    """Lets a history happen; returns the id of each memory."""
    ids: dict[int, str] = {}
    for op in ops:
        at = START + op.n * HOUR
        others = [ids[one] for one in op.others]
        subject = f"subject {op.n % 3}"
        if op.verb == "remember":
            ids[op.n] = memory.remember(f"fact number {op.n}", created_at=at, subject=subject).id
        elif op.verb == "gather":
            ids[op.n] = memory.consolidate(*others).id
        elif op.verb == "derive":
            origin = Provenance(derived_from=tuple(others))
            ids[op.n] = memory.remember(f"thought number {op.n}", created_at=at, provenance=origin).id
        else:
            draft = memoria.Draft(text=f"news number {op.n}", created_at=at, valid_from=at, subject=subject)
            ids[op.n] = (memory.supersede(others, draft) if others else memory.remember_many([draft])[0]).id
    return ids


def state(memory: memoria.Memoria) -> list[Any]:
    """All that is held, without the ids, which are random."""
    records = [one for one in memory.store.read(memory.store.select(memoria.Where())) if one is not None]
    names = {one.memory.id: one.memory.text for one in records}
    rows = [
        (
            _plain(one.memory),
            [_plain(part) for part in one.memory.parts],
            replace(one.trace, fades_at=None),
            one.vector.tobytes(),
            None if one.passages is None else (one.passages.places, one.passages.vectors.tobytes()),
            sorted(
                (names.get(link.parent, ""), link.relation, str(link.was))
                for link in memory.store.links([one.memory.id])
            ),
        )
        for one in records
    ]
    return sorted(rows, key=lambda row: row[0][0])


def _plain(memory: Memory) -> list[Any]:
    origin = replace(memory.provenance, derived_from=())
    return [
        memory.text,
        memory.created_at,
        memory.kind,
        memory.valid_from,
        memory.valid_to,
        memory.salience,
        memory.subject,
        memory.tags,
        origin,
        len(memory.provenance.derived_from),
    ]


def opened(path: Path | str) -> memoria.Memoria:
    """A memory that judges each text alone: what is judged beside others stays as it was judged."""
    clock = START + 1000 * HOUR
    return memoria.open(path, embedder=EMBEDDER, clock=lambda: clock, reinforce="never", salience="alone")


@settings(max_examples=300)
@given(seed=st.integers(0, 2**32), length=st.integers(2, 25), at=st.floats(0, 0.999))
def test_forgetting_leaves_the_state_of_a_run_that_never_saw_it(seed: int, length: int, at: float) -> None:
    rng = np.random.default_rng(seed)
    ops = draw_history(rng, length)
    observed = [op.n for op in ops if op.verb != "gather"]
    x = observed[int(at * len(observed))]
    with opened(":memory:") as saw, opened(":memory:") as never:
        ids = live(saw, ops)
        saw.forget(ids[x])
        live(never, never_saw(ops, x))
        assert state(saw) == state(never)


def grown(memory: memoria.Memoria, rng: np.random.Generator, leaves: Sequence[str], words: str) -> None:
    """A random provenance graph over leaves: gists of some, and what was derived, up to five deep."""
    size = int(rng.integers(2, 4))
    layer = [memory.consolidate(*leaves[:size]).id, *leaves[size:]] if rng.random() < 0.7 else list(leaves)
    for depth in range(int(rng.integers(0, 5))):
        layer = [
            memory.remember(
                f"derived {words} at depth {depth} from above",
                provenance=Provenance(derived_from=tuple(rng.choice(layer, size=min(2, len(layer)), replace=False))),
            ).id
        ]


def test_no_byte_of_a_thousand_forgotten_graphs_stands_in_an_open_store(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER) as memory:
        made = memory.remember_many(f"leaf {n % 4} of graph {n // 4} says so" for n in range(4000))
        graphs = [[one.id for one in made[at : at + 4]] for at in range(0, 4000, 4)]
        for n, leaves in enumerate(graphs):
            grown(memory, rng, leaves, f"of graph {n}")
        gists = {part.id: one.text for one in memory.list() for part in one.parts}
        doomed = [leaves[int(rng.integers(4))] for leaves in graphs]
        texts = [one.text for id in doomed for one in memory.forget(id, dry_run=True)]
        texts += [gists[id] for id in doomed if id in gists]
        receipts = [memory.forget(id) for id in doomed]
        assert sum(len(one.derived) for one in receipts) > 500
        assert sum(len(one.rewritten) for one in receipts) > 50
        assert memory.scan(*texts).found == ()
        assert not {one.text for one in memory.list()} & set(texts)
        assert memory.doctor() == []
        # Content is sealed, so only a copy in the clear shows that the scan would see one.
        (tmp_path / "a.memoria" / "stray").write_text(texts[0])
        assert len(memory.scan(texts[0]).found) > 0


def test_what_superseded_and_what_ended_is_found_as_of_its_time() -> None:
    with opened(":memory:") as memory:
        day = timedelta(days=1)
        old = memory.remember("The limit is 100 euros a day.", created_at=START)
        draft = memoria.Draft(text="The limit is 200 euros a day.", created_at=START + 10 * day)
        new = memory.supersede(old.id, draft, at=START + 30 * day)

        def found(**options: Any) -> list[str]:
            return [hit.memory.id for hit in memory.recall("limit a day", **options)]

        assert found() == [new.id]
        assert found(include=("expired",)) == sorted([new.id, old.id], key=found(include=("expired",)).index)
        assert found(as_of=START + 29 * day) == [old.id]
        assert found(as_of=START + 30 * day) == [new.id]
        assert [one.id for one in memory.history(new.id)] == [old.id, new.id]
        late = memory.supersede(
            new.id, memoria.Draft(text="It was 150 all along.", created_at=START + 40 * day), at=START + 31 * day
        )
        # What was recorded later was not known then.
        assert found(as_of=START + 35 * day) == [new.id]
        assert found(as_of=START + 40 * day) == [late.id]
        with pytest.raises(memoria.InvalidQuery, match="has ended already"):
            memory.supersede(new.id, "again")
        memory.expire(late.id)
        assert found() == []
        memory.forget(new.id)
        assert memory.get(old.id).valid_to is None


def test_a_part_is_a_memory_still() -> None:
    with opened(":memory:") as memory:
        ids = [memory.remember(f"Ada went to place {n}.", subject=f"p{n}", tags=("trip",)).id for n in range(3)]
        gist = memory.consolidate(*ids)
        assert memory.get(ids[1]).subject == "p1"
        assert [one.id for one in memory.list(subject="p1")] == [gist.id]
        assert memory.amend(ids[1], text="Ada went to Rome.").id == ids[1]
        assert [part.id for part in memory.get(gist.id).parts] == [ids[0], ids[2]]
        memory.forget(subject="P2")
        assert sorted(one.text for one in memory.list()) == ["Ada went to Rome.", "Ada went to place 0."]
        with pytest.raises(memoria.Refused, match="draft 1"):
            memory.remember_many(["something else", "ada went to  PLACE 2."])
        assert len(memory) == 2
        with pytest.raises(memoria.InvalidQuery, match="two or more"):
            memory.consolidate(ids[0])


def test_a_gist_of_which_every_part_is_meant_goes_whole(tmp_path: Path) -> None:
    for path in (":memory:", tmp_path / "a.memoria"):
        with opened(path) as memory:
            for criteria in ({"subject": "ada"}, {"mentions": "Ada"}, {}):
                texts = [f"Ada went to place {n}." for n in range(3)]
                made = memory.remember_many([memoria.Draft(text=text, subject="ada") for text in texts], readmit=True)
                gist = memory.consolidate(*(one.id for one in made))
                ids = [] if criteria else [gist.id]
                receipt = memory.forget(*ids, **criteria)  # type: ignore[call-overload]  # criteria by name
                assert receipt.forgotten == tuple(sorted([gist.id, *(one.id for one in made)]))
                assert len(memory) == 0
                for text in texts:
                    with pytest.raises(memoria.Refused):
                        memory.remember(text)


def test_near_texts_are_refused_on_request_only() -> None:
    with opened(":memory:") as memory:
        said = "My sister Clara lives in the old house near the harbour of Bergen"
        one, other = memory.remember_many([said, "Clara has 2 cats"])
        memory.forget(one.id)
        nearly = "My sister Clara lives in an old house near the harbour in Bergen!"
        back = memory.remember(nearly)
        memory.forget(back.id, other.id, guard="near")
        with pytest.raises(memoria.Refused):
            memory.remember("Sister Clara: lives in the old house, near Bergen harbour")
        memory.remember("Clara has 3 cats")
        assert memory.remember(nearly, readmit=True).text == nearly
        memory.remember("My sister Clara lives in an old house near the harbour in Bergen.")


def test_what_is_said_again_after_recall_is_one_memory() -> None:
    with memoria.open(":memory:", embedder=EMBEDDER) as memory:
        one = memory.remember("Tea is at five.")
        memory.recall("tea")
        assert memory.remember("tea is at FIVE.").id == one.id
        assert memory.trace(one.id).retrievals == 2
        assert memory.remember("Tea is at five.", key="mine").id != one.id


def test_what_was_so_before_may_be_so_again() -> None:
    with memoria.open(":memory:", embedder=EMBEDDER) as memory:
        bergen = memory.remember("Ada lives in Bergen.")
        oslo = memory.supersede(bergen.id, "Ada lives in Oslo.")
        assert len(memory.recall("Ada lives", include=("expired",))) == 2
        again = memory.supersede(oslo.id, bergen.text)
        assert again.id != bergen.id
        assert [one.id for one in memory.history(again.id)] == [bergen.id, oslo.id, again.id]


def test_what_is_derived_from_what_is_gone_is_not_stored() -> None:
    with opened(":memory:") as memory:
        one = memory.remember("a source")
        memory.forget(one.id)
        with pytest.raises(memoria.MemoryNotFound, match=one.id):
            memory.remember("made from it meanwhile", provenance=Provenance(derived_from=(one.id,)))


def test_restatements_are_one_and_contradictions_two() -> None:
    assert restates("I like the tea a lot!", "I like tea, a lot")
    for one, other in [
        ("I like tea", "I do not like tea"),
        ("It costs 3 euros", "It costs 4 euros"),
        ("She met Ann there", "She met Anna there"),
    ]:
        assert not restates(one, other)
    first = Memory(id="0" * 32, namespace=(), text="I like tea.", created_at=START)
    parts = [first, replace(first, id="1" * 32, text="i like TEA"), replace(first, id="2" * 32, text="I like no tea.")]
    assert extract(parts) == "I like tea.\nI like no tea."
    assert compose("3" * 32, parts).parts == tuple(parts)


def test_mentions_are_whole_words_however_they_are_written() -> None:
    with opened(":memory:") as memory:
        texts = [
            "Call Ann today",
            "Anna called",
            "ANN's number is (555) 123-4567",
            "id 55512 345",
            "A.n.n wrote",
            "\uff21\uff4e\uff4e came",
            "An n-th try",
        ]
        ids = [one.id for one in memory.remember_many(texts)]
        assert [one.id for one in memory.forget(mentions="Ann", dry_run=True)] == [ids[at] for at in (0, 2, 4, 5)]
        assert [one.id for one in memory.forget(mentions="555.1234567", dry_run=True)] == [ids[2]]
        assert [one.id for one in memory.forget(mentions="55512345", dry_run=True)] == [ids[3]]
        assert memory.forget(mentions="5551", dry_run=True) == []


def test_names_are_found_with_the_signs_and_the_letters_that_they_have() -> None:
    for text, name in [
        ("case #20 was closed", "case #20"),
        ("O\u2019Neill came", "O'Neill"),
        ("call 210\u00b7768\u2212238", "210-768-238"),
        ("\u092e\u0940\u0930\u093e came", "\u092e\u0940\u0930\u093e"),
        ("Ann\u034f\ufe0fa came", "Anna"),
        ("write to ann (at) mail [dot] org.", "ann@mail.org"),
        ("ann at mail dot org", "Ann@mail.org"),
        ("ann@mail.org wrote", "ann [at] mail.org"),
        ("ann (at) mail.org wrote", "ann @ mail . org"),
    ]:
        assert mentions(text, name), (text, name)
    for text, name in [
        ("mary.ann@mail.org", "ann@mail.org"),
        ("ann@mail.org.uk", "ann@mail.org"),
        ("\u092e\u0940\u0930\u093e came", "\u092e\u0930"),
        ("O'Neil came", "O'Neill"),
    ]:
        assert not mentions(text, name), (text, name)


def test_a_name_is_found_beside_the_text_too() -> None:
    with opened(":memory:") as memory:
        about: list[dict[str, Any]] = [
            {"patient": "Ada Berg"},
            {"seen": [{"who": "ADA BERG"}]},
            {"Ada Berg": 1},
            {"patient": "Ada Bergman"},
        ]
        ids = [memory.remember(f"visit {n}", metadata=one).id for n, one in enumerate(about)]
        ids.append(memory.remember("a visit", provenance=Provenance(session="Ada Berg, in May")).id)
        receipt = memory.forget(mentions="Ada Berg")
        assert receipt.forgotten == (*ids[:3], ids[4])

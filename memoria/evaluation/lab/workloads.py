"""Random workloads: environments in which memories are needed, each with another structure.

J. R. Anderson, L. J. Schooler, Reflections of the environment in memory, Psychological Science 2, 1991: the odds that
an item is needed fall as a power of the time since its last need, rise with its frequency, and depend on the spacing
of its needs. J. R. Anderson, R. Milson, Human memory: an adaptive perspective, Psychological Review 96, 1989, give a
process that has these properties without assuming them (after Q. L. Burrell's borrowings of library books):

    an item's desirability lambda is drawn from a gamma distribution, and its decay delta from an exponential one;
    its needs are a Poisson process of rate lambda e^(-delta t);  at random moments t starts again from 0 (revival)

None of the policies under test generates the needs, so none is at home. Salience is a weak hint, as a judgement at
encoding would be: it ranks items by desirability with a correlation of about 0.3, or, where said, by nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from memoria.arrays import Floats, Ints
from memoria.errors import InvalidInput
from memoria.evaluation.bench.allocation import shifting as shifting_tasks
from memoria.evaluation.lab.events import Events, Gathered, Item
from memoria.traces import DAY_MICROS

START = 1_767_225_600_000_000  # 2026-01-01
SPAN = 120.0  # days
LENGTH = 2500
_HINT = 0.3


def recency(rng: np.random.Generator, length: int = LENGTH) -> Events:
    """Power-law recency and frequency: the process of Anderson and Milson."""
    gathered = Gathered("recency", relearns=True)
    desirability, histories = _environment(rng, length)
    gathered.known = _items(rng, desirability)
    for item, times in enumerate(histories):
        _lived(gathered, item, times)
    return gathered.done()


def spacing(rng: np.random.Generator, length: int = LENGTH) -> Events:
    """Short affairs and habits, needed equally often: an affair within two days, a habit at even gaps to the end.

    Frequency does not tell them apart, and recency only late; spacing does.
    """
    gathered = Gathered("spacing", relearns=True)
    items = max(length // 9, 2)
    habit = rng.random(items) < 0.5
    gathered.known = _items(rng, rng.random(items))
    for item in range(items):
        born, needs = rng.uniform(0, SPAN * 0.8), 2 + rng.poisson(6)
        if habit[item]:
            gaps = (SPAN - born) / needs * rng.uniform(0.7, 1.3, needs)
            times = born + np.concatenate([[0.0], np.cumsum(gaps)])
        else:
            times = born + np.concatenate([[0.0], np.sort(rng.exponential(0.5, needs))])
        _lived(gathered, item, times[times <= SPAN])
    return gathered.done()


def shifting(rng: np.random.Generator, length: int = LENGTH) -> Events:
    """Tasks that take turns: in each of six phases others are busy, each with its own skew (Zipf). No hint."""
    gathered = Gathered("shifting", relearns=True)
    work = shifting_tasks(6, 6, max(length // 6, 1), rng)
    times = np.arange(len(work.tasks)) * SPAN / len(work.tasks)
    names = [f"{task}/{item}" for task, item in zip(work.tasks.tolist(), work.items.tolist(), strict=True)]
    sizes = _sizes(rng, len(names))
    seen: dict[str, Item] = {}
    for n, name in enumerate(names):
        gathered.add(_micros(times[n]), "need" if name in seen else "remember", name)
        seen.setdefault(name, Item(size=int(sizes[n]), salience=float(rng.random()), topic=name.split("/")[0]))
    gathered.known = seen
    return gathered.done()


def scan(rng: np.random.Generator, length: int = LENGTH) -> Events:
    """An adversary: a hot set among sweeps of items that are used twice in a row and never again. No hint.

    The second use makes them look worth keeping; each sweep is longer than the hot set.
    """
    gathered = Gathered("scan", relearns=True)
    hot = max(length // 30, 2)
    chances = np.arange(1, hot + 1) ** -0.8
    sizes = _sizes(rng, length)
    known: dict[str, Item] = {}
    step, swept = 0, 0
    while step < length:
        for choice in rng.choice(hot, 2 * hot, p=chances / chances.sum()):
            step = _seen(gathered, known, f"hot {choice}", step, length, sizes)
        for _ in range(hot + rng.poisson(hot / 2)):
            swept += 1
            for _ in range(2):
                step = _seen(gathered, known, f"sweep {swept}", step, length, sizes)
    gathered.known = {name: Item(size=one.size, salience=float(rng.random())) for name, one in known.items()}
    return gathered.done()


def erasure(rng: np.random.Generator, length: int = LENGTH) -> Events:
    """As `recency`, every item about one of 40 people, a third of whom ask to be forgotten at some time."""
    gathered = Gathered("erasure", relearns=True)
    desirability, histories = _environment(rng, length)
    people = rng.integers(40, size=len(histories))
    asked = np.where(rng.random(40) < 1 / 3, rng.uniform(SPAN / 3, SPAN, 40), np.inf)
    gathered.known = _items(rng, desirability, people.astype(str))
    for item, times in enumerate(histories):
        until = asked[people[item]]
        if times[0] >= until:
            continue
        _lived(gathered, item, times[times < until])
        if until < SPAN:
            gathered.add(_micros(until), "erase", item)
    return gathered.done()


def updates(rng: np.random.Generator, length: int = LENGTH) -> Events:
    """Facts that change: a need asks for the version of now, and every earlier version is to be avoided."""
    gathered = Gathered("updates", relearns=True)
    facts = max(length // 12, 1)
    rates = rng.gamma(0.8, 1.0, facts)
    known: dict[str, Item] = {}
    for fact in range(facts):
        born = rng.uniform(0, SPAN * 0.7)
        changes = np.sort(rng.uniform(born, SPAN, rng.poisson(2)))
        for version, time in enumerate([born, *changes]):
            old = f"{fact}/{version - 1}" if version else None
            gathered.add(_micros(time), "update" if version else "remember", f"{fact}/{version}", old=old)
        for n, time in enumerate(np.sort(rng.uniform(born, SPAN, rng.poisson(5 * rates[fact])))):
            _asked(gathered, f"{fact}/{n}", _micros(time), fact, int(np.searchsorted(changes, time)))
        hints = _hints(rng, np.full(len(changes) + 1, rates[fact]), rates)
        for version, (size, hint) in enumerate(zip(_sizes(rng, len(hints)), hints, strict=True)):
            known[f"{fact}/{version}"] = Item(size=int(size), salience=float(hint), topic=str(fact))
    gathered.known = known
    return gathered.done()


GENERATORS: dict[str, Callable[..., Events]] = {
    "recency": recency,
    "spacing": spacing,
    "shifting": shifting,
    "scan": scan,
    "erasure": erasure,
    "updates": updates,
}


def generate(name: str, seed: int, length: int = LENGTH, *, hints: bool = True) -> Events:
    """The workload of a name; raises InvalidInput for an unknown one. hints: False gives all items one salience."""
    if name not in GENERATORS:
        raise InvalidInput(f"workload {name!r} is not one of {', '.join(GENERATORS)}")
    made = GENERATORS[name](np.random.default_rng([seed, list(GENERATORS).index(name)]), length)
    return made if hints else replace(made, salience=np.full(made.items, 0.5))


def _environment(rng: np.random.Generator, length: int) -> tuple[Floats, list[Floats]]:
    """Desirability of each item, and for each the days of its birth and of its needs, ascending."""
    items = max(length // 9, 1)
    desirability = rng.gamma(0.6, 1.0, items)
    decay = rng.exponential(0.4, items)
    return desirability, [
        np.concatenate([[born], np.sort(np.concatenate(list(_epochs(rng, born, rate, slowing))))])
        for born, rate, slowing in zip(rng.uniform(0, SPAN, items), desirability, decay, strict=True)
    ]


def _epochs(rng: np.random.Generator, born: float, rate: float, decay: float) -> Iterator[Floats]:
    """Days of need from birth to the end, one array from each revival to the next, a month apart on average."""
    start = born
    while start < SPAN:
        length = min(rng.exponential(30.0), SPAN - start)
        mass = -np.expm1(-decay * length)
        drawn = rng.random(rng.poisson(rate * mass / decay))
        yield start - np.log1p(-drawn * mass) / decay
        start += length


def _lived(gathered: Gathered, item: int, times: Floats) -> None:
    """Remembered at the first time, needed at the others."""
    gathered.add(_micros(times[0]), "remember", item)
    for time in times[1:]:
        gathered.add(_micros(time), "need", item)


def _seen(gathered: Gathered, known: dict[str, Item], name: str, step: int, length: int, sizes: Ints) -> int:
    """Records that an item was needed, or remembered if it is new; returns the next step."""
    if step < length:
        gathered.add(_micros(step * SPAN / length), "need" if name in known else "remember", name)
        known.setdefault(name, Item(size=int(sizes[step])))
    return step + 1


def _asked(gathered: Gathered, question: str, time: int, fact: int, version: int) -> None:
    gathered.add(time, "need", f"{fact}/{version}", question=question, fact="now")
    for old in range(version):
        gathered.add(time, "avoid", f"{fact}/{old}", question=question, fact="before")


def _items(rng: np.random.Generator, worth: Floats, topics: NDArray[np.str_] | None = None) -> dict[str, Item]:
    sizes, hints = _sizes(rng, len(worth)), _hints(rng, worth, worth)
    return {
        str(n): Item(size=int(sizes[n]), salience=float(hints[n]), topic=None if topics is None else str(topics[n]))
        for n in range(len(worth))
    }


def _sizes(rng: np.random.Generator, n: int) -> Ints:
    """Bytes: a slot of 1 KiB and a sealed text of a few hundred."""
    return 1024 + rng.lognormal(5.5, 0.8, n).astype(np.int64)


def _hints(rng: np.random.Generator, worth: Floats, among: Floats) -> Floats:
    """Salience in [0, 1]: the place of each worth in the order of `among`, mostly noise."""
    place = np.searchsorted(np.sort(among), worth) / len(among)
    out: Floats = _HINT * place + (1 - _HINT) * rng.random(len(worth))
    return out


def _micros(day: float) -> int:
    return START + round(float(day) * DAY_MICROS)

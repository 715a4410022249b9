"""Asks a store of conversation, forgets a subject, scans the files and asks again; and measures the results."""

from __future__ import annotations

import codecs
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from memoria.canonical import canonical
from memoria.data import NEEDED, Question, read_turns
from memoria.engine.memory import Memoria
from memoria.errors import InvalidMemory, InvalidQuery
from memoria.forget.residue import text_secrets
from memoria.forget.verifying import verification
from memoria.transfer.jsonl import import_lines
from memoria.types import Hit, Hits, Memory, Secret

DEPTH = 10
_NEAR = 3
# Shorter runs of bytes occur by chance in encrypted files; finding one proves nothing.
_SHORTEST = 8
_EXPORTED = frozenset({"namespace", "embedder", "vector"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question, and the first ten memories found for it before and after the subject was forgotten.

    lost: whether the very first one was forgotten.
    """

    question: str
    before: list[Hit]
    after: list[Hit]
    lost: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """A subject that was forgotten. derived: how many memories were forgotten because they were made from it.

    found: how many of the `needles`, texts, words, vectors and keys, are still in some file; 0 is a clean erasure.
    too_short: how many of the texts have under 8 bytes and were not looked for, because chance writes such runs too.
    """

    subject: str
    memories: int
    derived: int
    seconds: float
    files: int
    bytes_scanned: int
    needles: int
    found: int
    too_short: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Of `asked` questions of one kind, how many have all their evidence among the first 3 and the first 10 found."""

    asked: int
    top_3_before: int
    top_3_after: int
    top_10_before: int
    top_10_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """The results. came_back: how often a forgotten memory was found for a question asked afterwards.

    scores: by kind of question. old_first: of the questions about what changed, how many find an earlier value first.
    """

    memories: int
    bytes_on_disk: int
    asked: tuple[Asked, ...]
    forgotten: Forgetting | None
    came_back: int
    scores: Mapping[str, Score]
    old_first: int

    @property
    def clean(self) -> bool:
        """Whether nothing that was forgotten is in the files or found again."""
        return self.came_back == 0 and (self.forgotten is None or self.forgotten.found == 0)


def read(path: Path) -> list[str]:
    """The lines of a file; raises InvalidMemory for one that is not UTF-8."""
    lines = []
    for number, line in enumerate(path.read_bytes().removeprefix(codecs.BOM_UTF8).split(b"\n"), 1):
        try:
            lines.append(line.decode())
        except UnicodeDecodeError:
            raise InvalidMemory(f"line {number}: not UTF-8") from None
    return lines


def bring(memory: Memoria, lines: Sequence[str]) -> Sequence[int]:
    """Stores the memories of an export, or turns, whichever the first line is.

    Returns the numbers of lines left out because what they were made from is not in the file. Raises InvalidMemory.
    """
    number, fields = _first(lines)
    if fields >= _EXPORTED:
        return import_lines(memory.store, memory.embedder, lines, memory.progress).refused
    if fields >= NEEDED:
        memory.remember_many([turn.draft() for turn in read_turns(lines)])
        return ()
    raise InvalidMemory(
        f"line {number}: neither a memory as `memoria export` writes it (a JSON object with "
        f"{', '.join(sorted(_EXPORTED))} and others) nor a turn (a JSON object with {', '.join(sorted(NEEDED))})"
    )


def _first(lines: Sequence[str]) -> tuple[int, frozenset[str]]:
    """Number and names of the fields of the first line that is not empty."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            return number, _fields(line)
    raise InvalidMemory("no line with a memory: the file is empty")


def _fields(line: str) -> frozenset[str]:
    try:
        parsed = json.loads(line)
    except ValueError:
        return frozenset()
    return frozenset(parsed) if isinstance(parsed, dict) else frozenset()


def chosen_subject(memory: Memoria, wanted: str | None) -> str | None:
    """`wanted`, or the subject of most memories, None when none has one; raises InvalidQuery for an unknown one."""
    spelt: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for subject in _subjects(memory.list()):
        spelt.setdefault(canonical(subject), subject)
        counts[canonical(subject)] += 1
    if wanted is None:
        return spelt[counts.most_common(1)[0][0]] if counts else None
    if canonical(wanted) not in counts:
        raise InvalidQuery(f"no memory has the subject {wanted!r}; different subjects here: {len(counts)}")
    return wanted


def _subjects(memories: Sequence[Memory]) -> Iterator[str]:
    for memory in memories:
        for one in memory.parts or (memory,):
            if one.subject is not None:
                yield one.subject


def play(memory: Memoria, subject: str | None, asks: Sequence[str], questions: Sequence[Question] = ()) -> Played:
    """Asks everything, forgets the subject, asks again. questions: of the week, whose evidence is known."""
    texts = [*asks, *(one.question for one in questions)]
    memories, size = len(memory), memory.stats().bytes_on_disk
    before = _recall(memory, texts)
    doomed = [] if subject is None else memory.forget(subject=subject, dry_run=True)
    words = [word for one in questions for word in one.gone]
    forgotten = None if subject is None else forget(memory, subject, doomed, words)
    after = _recall(memory, texts)
    gone = {one.id for one in doomed}
    asked = tuple(
        Asked(question=text, before=first, after=then, lost=any(hit.memory.id in gone for hit in first[:1]))
        for text, first, then in zip(texts, before, after, strict=True)
    )
    about = asked[len(asks) :]
    return Played(
        memories=memories,
        bytes_on_disk=size,
        asked=asked,
        forgotten=forgotten,
        came_back=sum(hit.memory.id in gone for one in asked for hit in one.after),
        scores=scores(questions, about),
        old_first=sum(old_first(question, one.before) for question, one in zip(questions, about, strict=True)),
    )


def _recall(memory: Memoria, texts: Sequence[str]) -> list[Hits]:
    return memory.recall_many(texts, k=DEPTH) if texts else []


def forget(memory: Memoria, subject: str, doomed: Sequence[Memory], words: Sequence[str] = ()) -> Forgetting:
    """Forgets a subject, and looks for `doomed`, the memories that go, and for `words` in every byte of the store."""
    secrets = [*_secrets(memory, doomed), *(secret for word in words for secret in text_secrets(word))]
    needles = [secret for secret in secrets if len(secret.data) >= _SHORTEST]
    receipt = memory.forget(subject=subject)
    seen = verification(memory.store, needles)
    return Forgetting(
        subject=subject,
        memories=len(receipt.forgotten),
        derived=len(receipt.derived),
        seconds=receipt.seconds,
        files=seen.files,
        bytes_scanned=seen.bytes_scanned,
        needles=seen.needles,
        found=seen.found,
        too_short=sum(len(one.text.encode()) < _SHORTEST for one in doomed),
    )


def _secrets(memory: Memoria, doomed: Sequence[Memory]) -> list[Secret]:
    """Texts in every form, and the vectors and keys of those that are memories of their own, not parts of a gist."""
    ids = [one.id for one in doomed]
    stored = [id for id, record in zip(ids, memory.store.read(ids), strict=True) if record is not None]
    texts = [secret for one in doomed for secret in text_secrets(one.text)]
    return texts + [secret for secret in memory.store.secrets(stored) if secret.label != "text"]


def scores(questions: Sequence[Question], asked: Sequence[Asked]) -> dict[str, Score]:
    """How many questions of each kind find all their evidence."""
    out: dict[str, Score] = {}
    for kind in dict.fromkeys(one.kind for one in questions):
        here = [(one, seen) for one, seen in zip(questions, asked, strict=True) if one.kind == kind]
        out[kind] = Score(
            asked=len(here),
            top_3_before=sum(_found(one, seen.before[:_NEAR]) for one, seen in here),
            top_3_after=sum(_found(one, seen.after[:_NEAR]) for one, seen in here),
            top_10_before=sum(_found(one, seen.before) for one, seen in here),
            top_10_after=sum(_found(one, seen.after) for one, seen in here),
        )
    return out


def _found(question: Question, hits: Sequence[Hit]) -> bool:
    return set(question.evidence) <= {hit.memory.key for hit in hits}


def old_first(question: Question, hits: Sequence[Hit]) -> bool:
    """Whether a turn with an earlier value is found before the turn with the value that holds."""
    keys = [hit.memory.key for hit in hits]
    new = min((keys.index(key) for key in question.evidence if key in keys), default=len(keys))
    return any(key in keys[:new] for key in question.outdated)

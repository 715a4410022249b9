"""What has ended in a recorded conversation, as a store would find out when it is told.

Memoria's rules over English read each turn ("I no longer", "remove X from Y") and end earlier ones that it makes
untrue. A turn of which only a part is over is left as it is, so that less is found here than a store finds. No model is
asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from memoria.engine.opening import open as open_memoria
from memoria.evaluation.quality.datasets import Conversation
from memoria.remember import Draft
from memoria.testing import HashEmbedder

Ended = Mapping[int, Sequence[int]]
"""For the place of a turn, the places of earlier ones that it ends."""
_NO_MEANING = 16


def ended(talks: Sequence[Conversation], units: Sequence[str]) -> list[Ended]:
    """What ends in each conversation. units: whose each is; beginnings of one conversation are read once."""
    whole: dict[str, Conversation] = {}
    for name, one in zip(units, talks, strict=True):
        if name not in whole or len(one.drafts) > len(whole[name].drafts):
            whole[name] = one
    found = {name: _ended(one) for name, one in whole.items()}
    return [
        {by: over for by, over in found[name].items() if by < len(one.drafts)}
        for name, one in zip(units, talks, strict=True)
    ]


def _ended(one: Conversation) -> Ended:
    drafts = _apart(one)
    until = max(one.until, *(draft.created_at or one.until for draft in drafts)) + timedelta(days=1)
    # Rules look for words, not for meaning: any embedder will do.
    with open_memoria(
        ":memory:", embedder=HashEmbedder(_NO_MEANING), clock=lambda: until, endings="sure", reinforce="never"
    ) as memory:
        places = {made.id: at for at, made in enumerate(memory.remember_many(drafts))}
        settled = memory.reconcile(detector="rules", dry_run=True)
    found: dict[int, list[int]] = {}
    over: set[int] = set()
    for by, old in sorted((places[made.by], places[id]) for made in settled for id in made.ends):
        if old < by and old not in over:
            over.add(old)
            found.setdefault(by, []).append(old)
    return found


def _apart(one: Conversation) -> list[Draft]:
    """Turns in the order in which they stand, a microsecond apart where their times are the same."""
    last, drafts = datetime.min.replace(tzinfo=one.until.tzinfo), []
    for draft in one.drafts:
        last = max(draft.created_at or one.until, last + timedelta(microseconds=1))
        drafts.append(replace(draft, created_at=last))
    return drafts

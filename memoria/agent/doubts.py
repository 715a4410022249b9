"""What a message changes in earlier memories, and what becomes of a doubt: asked about, left to the score, ignored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

from memoria.agent.asked import Asked, Confirm, agreed, to_forget
from memoria.agent.tools import Done
from memoria.change.doubt import PARTLY
from memoria.derived.lineage import living
from memoria.derived.undoing import USER
from memoria.engine.memory import Memoria
from memoria.types import Memory, Proposal

OnDoubt = Literal["ask", "soft", "ignore"]
"""What an agent does when a message makes a memory doubtful: asks, lets it rank lower, or leaves it as it was."""
ON_DOUBT: tuple[OnDoubt, ...] = get_args(OnDoubt)
"""Every choice."""


def settle(memory: Memoria, heard: Memory, how: OnDoubt, confirm: Confirm | None, done: Done) -> tuple[Proposal, ...]:
    """Settles what a message changes.

    Args:
        memory: where it is remembered.
        heard: the message.
        how: what becomes of doubts.
        confirm: is asked about them, and about what the user tells to erase, when `how` is "ask".
        done: takes what was not agreed to, and receipts of what was erased.

    Returns:
        What was changed.
    """
    if how == "ignore" and all(one.action == "doubt" for one in memory.reconcile(heard.id, dry_run=True)):
        return ()
    settled = memory.reconcile(heard.id)
    if how != "ask":
        return settled
    told = [*settled]
    for asked in _doubtful(memory, heard, (*settled, *settled.waiting)):
        if agreed(asked, confirm):
            told += _ended(memory, heard, asked)
        else:
            done.declined.append(asked)
    for one in settled.unconfirmed:
        _erase(memory, one, confirm, done)
    return tuple(told)


def _doubtful(memory: Memoria, heard: Memory, settled: Sequence[Proposal]) -> Iterator[Asked]:
    """What to ask for each statement that makes memories doubtful as a whole; half of one may still hold."""
    for proposal in settled:
        ids = [id for id, weight in proposal.lowers if weight > PARTLY]
        there = tuple(sorted(living(memory.store, ids).values(), key=lambda one: one.id)) if ids else ()
        if there:
            yield Asked(tool="settle", memories=there, text=heard.text)


def _ended(memory: Memoria, heard: Memory, asked: Asked) -> tuple[Proposal, ...]:
    """Ends what the user agrees no longer holds: their word, which stays when the message is forgotten."""
    proposal = Proposal(
        action="update",
        by=heard.id,
        ends=tuple(one.id for one in asked),
        at=heard.created_at,
        keep=heard.text,
        reason="the user agreed that it no longer holds",
        judge=USER,
    )
    return memory.reconcile(heard.id, detector=lambda statement, seen: [proposal], phrases=lambda text: [text])


def _erase(memory: Memoria, proposal: Proposal, confirm: Confirm | None, done: Done) -> None:
    """Forgets what the user told to erase, once they have agreed to lose exactly this."""
    ids = [*living(memory.store, (*proposal.ends, *dict(proposal.amends)))]
    if not ids:
        return
    asked = to_forget(memory.forget(*ids, dry_run=True))
    if agreed(asked, confirm):
        done.receipts.append(memory.forget(*ids))
    else:
        done.declined.append(asked)

"""Bounds: what of that which a detector or a judge found is done: ended, only lowered, or nothing at all.

Whose word it is decides first. What is asked or supposed changes nothing. What is reported, quoted, pasted, or comes
from somebody else or from a page or a tool never ends what a user said; it may lower it. Then `endings` decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from memoria.change.doubt import found
from memoria.english.changed import adds
from memoria.english.voice import Said, Voice, english, said
from memoria.protocols import Detector, Judge
from memoria.text.words import Sign, signs
from memoria.types import Endings, Memory, Proposal

FOREIGN = frozenset({"web", "page", "website", "document", "file", "mail", "email", "e-mail", "tool", "search"})
"""Sources of what nobody in a conversation says."""
RULES = "rules"
"""The judge's name where rules over English, a command, or a callable decided."""
RULED, COMMANDED = 1.5, 3.0
"""Log-odds for what a rule reads in a statement, and in a command, when it may not end anything."""


def within(statement: Memory, seen: Sequence[Memory], detector: Detector, endings: Endings) -> list[Proposal]:
    """What a detector reads in what a statement says, as far as it may go: as far as `endings` lets it.

    Of a statement that also asks, supposes or quotes, it reads the rest; such a statement stays as it is.
    """
    spoken = said(statement.text)
    if spoken.voice is Voice.NOTHING:
        return []
    whole = spoken.voice is Voice.REPORTED or spoken.text == statement.text.strip()
    found = detector(statement if whole else replace(statement, text=spoken.text), seen)
    found = found if whole else [replace(one, keep=statement.text) for one in found]
    return [_bounded(one, statement, spoken, seen, endings) for one in found]


def _bounded(proposal: Proposal, statement: Memory, spoken: Said, seen: Sequence[Memory], endings: Endings) -> Proposal:
    """What is proposed, as far as it may go; the rest of it lowers."""
    own = spoken.voice is Voice.OWN and english(spoken.text)
    if proposal.action == "erase":
        return proposal
    allowed = endings == "sure" or (endings == "commands" and proposal.commanded)
    mine = {one.id for one in seen if same_word(statement, one)} if own and allowed else set[str]()
    ends = tuple(id for id in proposal.ends if id in mine)
    amends = tuple((id, text) for id, text in proposal.amends if id in mine)
    if (ends, amends) == (proposal.ends, proposal.amends):
        return proposal
    weight = COMMANDED if proposal.commanded else RULED
    lowered = tuple((id, weight) for id in (*proposal.ends, *dict(proposal.amends)) if id not in mine)
    reason = proposal.reason if own or not spoken.why else f"{proposal.reason}; {spoken.why}"
    out = replace(proposal, ends=ends, amends=amends, lowers=lowered, judge=RULES, reason=reason)
    return out if ends or amends else replace(out, action="doubt", keep=statement.text)


def judged(statement: Memory, near: Sequence[Memory], judge: Judge, endings: Endings) -> list[Proposal]:
    """What a judge makes of a statement, as far as it may go. near: the nearest few memories that it may be about."""
    spoken = said(statement.text)
    if spoken.voice is Voice.NOTHING or not english(spoken.text) or adds(spoken.text):
        return []
    about = [one for one in near if _may_be_about(statement, one)]
    findings = found(spoken.text, about, judge)
    if not findings.lowers:
        return []
    sure = endings == "sure" and spoken.voice is Voice.OWN and english(spoken.text, sure=True)
    mine = {one.id for one in about if same_word(statement, one)} if sure else set[str]()
    ends = tuple(id for id in findings.ends if id in mine)
    amends = tuple((id, text) for id, text in findings.amends.items() if id in mine)
    lowers = tuple((id, odds) for id, odds in findings.lowers.items() if id not in {*ends, *dict(amends)})
    return [
        Proposal(
            action="update" if ends or amends else "doubt",
            by=statement.id,
            ends=ends,
            amends=amends,
            at=statement.created_at,
            keep=statement.text,
            reason=_reason(spoken, [one for one in about if one.id in findings.lowers], statement),
            lowers=lowers,
            judge=judge.name,
        )
    ]


def same_word(statement: Memory, one: Memory) -> bool:
    """Whether a statement is of whoever said a memory: the same speaker, through no foreign source."""
    mine, theirs = statement.provenance, one.provenance
    foreign = mine.source in FOREIGN and mine.source != theirs.source
    return not foreign and (mine.speaker is None or theirs.speaker is None or mine.speaker == theirs.speaker)


def _may_be_about(statement: Memory, one: Memory) -> bool:
    """Whether they can be about one thing: "I" of two speakers are two people, and subjects that are named agree."""
    if statement.subject is not None and one.subject is not None and statement.subject != one.subject:
        return False
    return same_word(statement, one) or not (signs(statement.text) | signs(one.text)) & Sign.SELF


def _reason(spoken: Said, lowered: Sequence[Memory], statement: Memory) -> str:
    said = "it is judged to make it untrue"
    foreign = any(not same_word(statement, one) for one in lowered)
    more = [spoken.why] if spoken.why else []
    return "; ".join([said, *more, *(["it is another's word"] if foreign else [])])

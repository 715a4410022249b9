"""Finds the sentences of a message that are facts worth keeping, by rules for English."""

from __future__ import annotations

import re

from memoria.english.sentences import LEAD, plain, substance, units
from memoria.types import Kind

FACT = 0.8
"""Salience of what is taken out of a message: it was found worth keeping already."""
_ASKS = re.compile(
    r"(?:who|whom|whose|what|which|when|where|why|how|is|are|am|was|were|do|does|did|can|could|would|will|shall|should|"
    r"have|has|may|might|please|tell|show|give|help|explain|write|forget|recall|hi|hello|hey|thanks|thank you|bye|"
    r"good (?:morning|evening|night|day))\b",
    re.I,
)
_TOLD = re.compile(
    r"(?:please\s+)?(?:remember|note|keep in mind|don't forget)(?: that|:)?\s+(?!when\b|how\b|the time\b)", re.I
)
_SELF = re.compile(r"\b(?:I|I'm|I've|I'd|I'll|[Mm]y|[Mm]ine|[Ww]e|[Ww]e're|[Oo]ur)\b")
_STATE = re.compile(r"\b(?:is|are|was|were|'s|lives?|works?|likes?|loves?|prefers?|hates?|has|owns?|speaks?|studies)\b")


def by_rules(text: str) -> list[str]:
    """The sentences that say something of the speaker or of a named person, or that ask to be remembered."""
    found = [_fact(unit.strip()) for unit in units(text)]
    return [fact for fact in found if fact]


def _fact(sentence: str) -> str:
    said = plain(sentence)
    told = _TOLD.match(said)
    if told is not None:
        rest = sentence[told.end() :]
        return rest[:1].upper() + rest[1:]
    core = said[match.end() :] if (match := LEAD.match(said)) else said
    if said.endswith("?") or _ASKS.match(core) or not substance(said):
        return ""
    named = re.search(r"(?<=\s)[A-Z]\w+|^[A-Z]\w+'s\b", core)
    lasting = _SELF.search(said) or (named and _STATE.search(said))
    return sentence if lasting else ""


def kind_of(text: str) -> Kind:
    """The kind of a turn by rules: a message that is one fact is semantic, any other episodic."""
    return "semantic" if len(by_rules(text)) == 1 and len(units(text)) == 1 else "episodic"

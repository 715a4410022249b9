"""What a message to an assistant wants, by rules for English: to be told what is remembered, or what was replied."""

from __future__ import annotations

import re

from memoria.english.sentences import LEAD, plain, units
from memoria.text.words import Sign, signs

_ASKS = re.compile(
    r"(?:who|whom|whose|what|which|when|where|why|how|is|are|am|was|were|do|does|did|can|could|would|will|should|have|"
    r"has|tell|show|give|list|remind|recall|find|look up|say again)\b",
    re.I,
)
_REPLIES = re.compile(
    r"\b(?:you (?:\w+ )?|your (?:last |earlier |previous )?)(?:say|said|tell|told|recommend|recommended|suggest|"
    r"suggested|mention|mentioned|answer|answered|reply|replied|promise|promised|write|wrote|advise|advised|explain|explained|"
    r"propose|proposed|give|gave|answers?|repl(?:y|ies)|suggestions?|recommendations?|advice|explanations?)\b",
    re.I,
)

_OWN = re.compile(
    r"\b(?:my|mine|our|ours|me and|I'm|I've|we're|we've)\b|\b(?:did|have|had|was|were|am) (?:I|we)\b"
    r"|(?<!how )\bdo I (?:have|own|live|work|need|know|like|love|want|prefer|hate|dislike|enjoy|usually|still)\b"
    r"|\b(?:I|we) (?:\w+ )?(?:said|told|mentioned|like|love|prefer|hate|dislike|enjoy|bought|own|have|had|live|lived"
    r"|work|worked|went|moved|met|saw|planned|promised)\b",
    re.I,
)


def of_oneself(text: str) -> bool:
    """Whether a message asks for something that only its speaker can have told: who asks how to do a thing does not."""
    return _OWN.search(plain(text)) is not None


def to_know(text: str) -> bool:
    """Whether a message asks for something: a question in any language, or an English sentence that asks."""
    if signs(text) & Sign.ASKS:
        return True
    said = [plain(unit.strip()) for unit in units(text)]
    return any(_ASKS.match(one[match.end() :] if (match := LEAD.match(one)) else one) for one in said)


def own_reply(text: str) -> bool:
    """Whether a message asks for what the assistant said before."""
    return to_know(text) and _REPLIES.search(text) is not None

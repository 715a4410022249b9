"""Whether an English sentence asks that something be remembered: a command, a request, or a note to oneself."""

from __future__ import annotations

import re

from memoria.text.needed import Sought

# What a request may begin with.
_OPENING = re.compile(
    r"\W*(?:(?:oh|and|so|also|ok|okay|hey|hi|yes|no|well|but|now|please|pls|kindly|just|then|first|btw|by the way"
    r"|before I forget|if nothing else|whatever you do|one (?:more|last) thing|the main thing is to"
    r"|you (?:must|should|need to|have to|'ll want to)|(?:I|we) (?:must|should|need to|have to|ought to)|let's"
    r"|(?:can|could|would|will) you(?: please)?|(?:I|we)(?:'d| would)? (?:need|want|like)(?: you)? to|help me(?: to)?"
    r"|(?:be|make) sure (?:to|(?:that )?you)|do|it(?:'s| is) (?:very |really )?important (?:that you|to)"
    r"|(?-i:[A-Z]\w+),|(?:hey )?(?:siri|alexa|google|assistant|computer|jarvis|olly))[\s,:!.-]+)*",
    re.I,
)
_NOT = r"(?:don'?t|do not|never|not|mustn'?t|must not|shouldn'?t|can'?t|cannot)"
_ASKED = re.compile(
    r"(?:remind(?:ing)? me (?:to|that|about|of|for|on|in|at|today|tomorrow|tonight|next|when|every|each|before"
    r"|after|later|daily|again to)\b"
    r"|remember(?: (?:that|to|this|these|one thing|who|what|which|where|when|how|for|the|my|our|about)\b|:)"
    rf"|{_NOT} (?:ever )?forget\b(?! (?:it|about it)\b)"
    r"|(?:keep|bear|have)\b(?: [\w']+){0,2} in mind\b"
    r"|note(?: that\b|:|, )"
    r"|(?:make|take|leave)(?: yourself)? (?:an? )?(?:mental |quick |short )?notes?(?: that\b| of (?:this|that|it)\b"
    r"|:|,)"
    r"|(?:jot|write|put|get) (?:(?:this|that|it|these) )?down\b"
    r"|(?:store|save|log|record|file|memori[sz]e|note)(?: down)? (?:this|that|these)\b"
    r"|keep (?:this|that|these)(?: one| note)?(?: for later| on file|:| somewhere)|(?:keep|make) a (?:record|list"
    r"|log)\b"
    r"|hold on to (?:this|that|it)\b|be aware (?:that|of)\b|mind that\b"
    r"|wake me(?: up)?(?: at| in|$)|tell me (?:\w+ ){1,3}before\b|(?:ping|nudge|alert|notify|poke|prompt) me\b"
    r"|(?:set(?: up)?|add|create|schedule|put in)(?: me)? (?:(?:a|another|an|my|the) )?(?:[\w-]+ ){0,2}(?:reminder"
    r"|alarm)\b"
    r"|(?:add|put|mark|place|save|enter|set|make|note)\b[^.?!]{1,80}?\b(?:on|to|in|into|mark|my) (?:(?:my|the|our"
    r"|your) )?"
    r"(?:calendar|schedule|diary|planner)\b"
    r"|(?:reminder|fyi|nb|n\.b\.) ?[:,])",
    re.I,
)
_ANYWHERE = Sought(
    r"\b(?:could|can|would|will) you (?:\w+ )?(?:mind )?remind(?:ing)? me (?:to|that|about|of|on|in|tomorrow"
    r"|tonight|next)\b"
    r"|\b(?:want|need|like|have) to be reminded\b|[,:] ?(?:please )?(?:don'?t|do not) (?:ever )?forget (?:to|that"
    r"|the|my)\b"
    r"|\b(?:we|you|I) (?:mustn'?t|must not|shouldn'?t|can'?t|cannot) forget\b(?! (?:it|about it)\b)"
    r"|\b(?:we|you|I) (?:must|need to|have to|should)(?: also| really)? remember (?:to|that|the|my|our|his|her)\b"
    r"|\bdon'?t let me (?:forget|leave|go|miss)\b|\bnote to self\b|\bfor (?:future reference|the record|next time),? "
    r"|\b(?:place|put|save|add|mark|note) (?:this|that|it|these) (?:on|in|to) (?:my|the|our) (?:calendar|diary"
    r"|agenda)\b"
    r"|\bjust so you (?:remember|know)\b|\bplease (?:remember|remind me|note|make a note)\b",
    re.I,
)
# Denied, taken back, or a question in other words.
_UNASKED = re.compile(
    rf"\b(?:{_NOT}|no need|needn'?t|no longer|stop|without|bother|scratch|worry|nobody|nothing|safely)\b[^,:;]{0, 80}"
    r"\b(?:remind|remember|reminder|record|write)"
    r"|\bremind(?:ing)? me (?:what|which|who|whose|why|how)\b"
    r"|\bremind me of (?!(?:the|this|my|our) (?:\w+ )?(?:appointments?|meetings?|call|date|shift|deadline|flight"
    r"|exam|interview|dinner"
    r"|lunch|visit|class|session|wedding|birthday)\b)",
    re.I,
)
# Good wishes and wisdom in the form of a request.
_WISHES = re.compile(
    r"\b(?:smil\w+|have fun|fun out|enjoy\w*|breath\w*|breaks?|dreams?|loved|love yourself|awesome|amazing"
    r"|kind(?:ness)?"
    r"|(?:never|not) alone|your(?:self|selves)|how far|(?:every|one) step|matters?|beaut\w+|wonderful|life"
    r"|happiness|heart"
    r"|proud|believe in|self-care|progress|journey|worth it|light falls|rome|special|capable|strong(?:er)?|celebrat\w+"
    r"|relax|me when|me like|positiv\w+|emotional\w*|motivat\w+|inspir\w+|passions?|encourag\w+|stumbling|success\w*"
    r"|hope|support you|here for you|shine|grateful|gratitude)\b",
    re.I,
)


def requested(unit: str) -> bool:
    """Whether a sentence, with straight quotation marks, asks that something be remembered."""
    opening = _OPENING.match(unit)
    asked = _ASKED.match(unit, opening.end() if opening else 0) or _ANYWHERE.search(unit)
    return asked is not None and not _UNASKED.search(unit) and not _WISHES.search(unit)

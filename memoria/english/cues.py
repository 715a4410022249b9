"""Cues: the words of an English statement that say that something changed or no longer holds. Patterns over text only.

A statement is read unit by unit (a sentence, or a part of one between semicolons or dashes), and each unit by the first
rule that matches. Questions, conditions, wishes, negated commands and reported speech give no cue. A cue about somebody
other than the speaker names that person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from memoria.english.sentences import (
    CAPITAL_I,
    CEASED,
    HANGS_ON,
    LEAD,
    MINE,
    NAME,
    OF_IT,
    QUOTED,
    TOWARDS,
    content,
    liked,
    plain,
    polarity,
    substance,
    tidy,
    units,
)
from memoria.text.words import stems
from memoria.types import Action

Command = Literal["", "end", "erase"]
_TAKING_OUT, _FORGETTING = "it asks to take something out", "it asks to forget something"
_LONG = 4
_ADV = (
    r"(?:(?:actually|really|just|also|already|finally|all|now|honestly|definitely|completely|"
    r"simply|so|even|only|quite|recently|always|please|too|kind of|sort of|pretty much|slowly|"
    r"gradually|lately|totally|fully|entirely|basically|since|pretty) )*"
)
_AUX = r"(?:'m|'ve|'s|'re| am| is| are| was| have| has)?"
_WHO = r"\b(?P<who>I|[Ww]e|(?:[Mm]y|[Oo]ur) [a-z]+(?: [a-z]+)??|[A-Z][\w.-]+(?: [A-Z][\w.-]+)*)"
_ME = r"\b(?P<who>I|[Ww]e)"
_BUT = (
    r"but|and now|now|though|until|however|yet|lately|these days|recently|nowadays|then|only "
    r"to|whereas"
)
_ONCE = (
    r"once|previously|formerly|originally|initially|at first|always|had always|was once|"
    r"was(?= (?:really |so |very |quite |pretty |all )*(?:into|keen|fond|crazy|obsessed|all "
    r"about|a (?:big |huge )?fan|drawn|hooked))|thought I"
)
_LIKED = r"(?:really |actually |absolutely )?(?:liked|loved|enjoyed|preferred|disliked|hated|adored)\b"
_OVER = (
    r"gone off|went off|grown out of|grew out of|outgrown|outgrew|moved on from|moved away "
    r"from|drifted away from|lost (?:all |my |any )?(?:interest in|taste for|love for|passion "
    r"for|enthusiasm for|appetite for)|"
    r"fall(?:en|ing) out of love with|fell out of love with|had (?:enough|my fill) of|cooled "
    r"(?:off )?on|soured on|(?:sick|tired|bored|weary|wary) (?:of|with)|(?:(?:grown|become|"
    r"became|gotten|getting|feel(?:ing)?) )?(?:tired|weary|bored|disillusioned|disenchanted|"
    r"fed up) (?:of|with|by)|"
    r"(?:less|not as|not so) (?:interested|into|keen|fond|excited|drawn) ?(?:in|on|of|about|"
    r"by|to|with)?|over|changed my mind (?:about|on)|stopped (?:liking|loving|enjoying|caring "
    r"for)"
)
_LISTS = r"(?:from|off|out of|in|on)"
_DATA = (
    r"updat\w+|chang\w+|revert\w*|correct\w*|remov\w+|delet\w+|set|adjust\w*|reschedul\w+|"
    r"renam\w+|replac\w+|edit\w*|tak\w+|cross\w*|mak\w+"
)
_CHANGE = (
    r"updat(?:e|ed|ing)|chang(?:e|ed|ing)|mov(?:e|ed|ing)|revert(?:ed|ing)?|rais(?:e|ed|ing)|"
    r"lower(?:ed|ing)?|increas(?:e|ed|ing)|"
    r"decreas(?:e|ed|ing)|reduc(?:e|ed|ing)|cut|bump(?:ed|ing)?|adjust(?:ed|ing)?|switch(?:ed|"
    r"ing)?|reschedul(?:e|ed|ing)|push(?:ed|ing)?|"
    r"postpon(?:e|ed|ing)|shift(?:ed|ing)?|renam(?:e|ed|ing)|correct(?:ed|ing)?|upgrad(?:e|ed|"
    r"ing)|migrat(?:e|ed|ing)|convert(?:ed|ing)?|went"
)
_SET = (
    r"updat(?:e|ed)|chang(?:e|ed)|mov(?:e|ed)|revert(?:ed)?|rais(?:e|ed)|lower(?:ed)?|"
    r"increas(?:e|ed)|decreas(?:e|ed)|reduc(?:e|ed)|set|bump(?:ed)?|adjust(?:ed)?|"
    r"reschedul(?:e|ed)|push(?:ed)?|postpon(?:e|ed)|shift(?:ed)?|renam(?:e|ed)|correct(?:ed)?"
)
_HYPOTHETICAL = re.compile(
    r"\b(?:if|whether|unless|might|may|maybe|perhaps|would|could|should|shall|can|will|gonna|"
    r"going to|plan(?:s|ning)? to|hop(?:e|es|ing)|"
    r"wish\w*|want\w* to|need\w* to|ha(?:ve|s) to|consider\w*|think\w* (?:of|about)|tempted|"
    r"wonder\w*|suppos\w+|imagin\w+|almost|nearly|"
    r"about to|try\w*|never|not|without|told|tell|forgot to|in order to|asked|ask|said|says|"
    r"suggest\w*|recommend\w*|advis\w*|remind\w*|forget to|how to|"
    r"decide (?:to|whether)|instead of)\b|n't\b|'ll\b",
    re.I,
)
_REQUEST = re.compile(
    rf"\bI(?: can|'ll| will| should|'m going to| am going to|'m (?:actually |just )?going to) "
    rf"{_ADV}(?=(?:go ahead and )?(?:remov|delet|tak|cross|check|strik|drop)\w*\b.*\b(?:from|"
    rf"off)\b.*"
    rf"\b(?:list|calendar|tasks?|schedule|agenda|notes|plans?)\b)|"
    rf"(?:I'd like(?: you)? to|I would like(?: you)? to|I want(?: you)? to|I need(?: you)? to|"
    rf"I wanted to|let's)(?: remember to)?"
    rf"(?= {_ADV}(?:{_DATA})\b)|\b(?:can|could|would|will) you\b|\byou (?:can|could|may)\b|"
    rf"\bshould be(?= (?:{_SET})\b)",
    re.I,
)
_ASKED = re.compile(r"^\W*(?:(?:yes|ok|okay|hey|hi|and|also|so|please)\W+)*(?:can|could|would|will) you\b", re.I)
_NOBODY = frozenset("he she they it you this that there these those who what which".split())  # noqa: SIM905
_OURSELVES = frozenset({"", "i", "we"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """What one unit of a statement says about an older fact.

    rule: the rule that matched, in plain words. old: words for what no longer holds; "" if only `slot` names it.
    slot: words for the property that has the value. new: the value that holds now; "" for none.
    who: the person it is about; "" is the speaker.
    keep: the unit without the words for what is old; "" if it then says nothing.
    plans: it can end only what was still to be done. stance: 1 or -1 if it ends only a liking or a dislike, else 0.
    exact: a memory must contain every word of `old`. command: the speaker tells to take it out, or to forget it.
    """

    action: Action
    rule: str = ""
    old: str = ""
    slot: str = ""
    new: str = ""
    who: str = ""
    keep: str = ""
    plans: bool = False
    stance: int = 0
    exact: bool = False
    command: Command = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A statement after reading: its units, which together are the text, and for each its cue or None."""

    units: tuple[str, ...]
    cues: tuple[Cue | None, ...]

    @property
    def found(self) -> list[Cue]:
        """The cues in order."""
        return [cue for cue in self.cues if cue is not None]

    def kept(self, spent: Sequence[Cue], told: Sequence[Cue] = ()) -> str | None:
        """The statement without what the `spent` cues say is old; None if the rest says nothing by itself.

        told: cues whose whole unit is left out, because an amended memory says it now.
        """
        parts, over = [], False
        for unit, cue in zip(self.units, self.cues, strict=True):
            if cue is None or cue not in spent:
                parts.append(unit if _stays(unit, after=over) else "")
            else:
                left = "" if cue in told else cue.keep
                over = not left
                parts.append(unit if left == plain(unit) else _closed(left, unit))
        if all(cue is None or parts[at] == self.units[at] for at, cue in enumerate(self.cues)):
            return "".join(self.units)
        text = tidy("".join(parts))
        return text if substance(text) else None


def read(text: str) -> Said:
    """Reads a text: its units, and the cue that each gives."""
    parts = units(text)
    return Said(units=tuple(parts), cues=tuple(_cue(parts, at) for at in range(len(parts))))


def _stays(unit: str, *, after: bool) -> bool:
    """Whether to keep a unit without a spent cue: it says something of the speaker, or of something else by itself.

    after: the unit before it was left out, so it may only give the reason for that.
    """
    alone = len(content(unit)) > 2 and HANGS_ON.match(plain(unit)) is None
    return _goes_on(unit) or (alone and (not after or MINE.search(plain(unit)) is not None))


def _goes_on(unit: str) -> bool:
    """Whether a unit next to one that is left out says something more about the speaker."""
    unit = plain(unit)
    return substance(unit) and re.search(r"\b(?:I|[Mm]y|[Ww]e|[Oo]ur)\b", unit) is not None and not CEASED.search(unit)


def _closed(kept: str, unit: str) -> str:
    """The kept part of a unit, with the punctuation and space that the unit ends with."""
    if not kept:
        return ""
    ending = re.search(r"[.!?;\s\u2013\u2014]*$", unit)
    return kept.rstrip(" .!?;,") + (ending.group() if ending else "")


@dataclass(frozen=True, slots=True)
class _Rule:
    """A pattern over one unit. build: turns a match into a cue, given what follows in the statement."""

    name: str
    pattern: re.Pattern[str]
    build: Callable[[re.Match[str], str, str], Cue | None]


def _cue(parts: Sequence[str], at: int) -> Cue | None:
    unit = plain(parts[at])
    if unit.rstrip().endswith("?") and not _ASKED.search(unit):
        return None
    earlier, later = plain("".join(parts[:at])), plain("".join(parts[at + 1 :]))
    for rule in _RULES:
        for match in rule.pattern.finditer(unit):
            who = _spoken_of(match, unit)
            if who is None or _hypothetical(unit, match):
                continue
            cue = rule.build(match, earlier, later)
            if cue is not None and (cue.old or cue.slot or cue.new):
                return replace(cue, rule=rule.name, who=who, command=_told(rule.name, match))
    return None


def _told(rule: str, match: re.Match[str]) -> Command:
    """What the speaker tells to do, if this is a command."""
    if rule == _FORGETTING or match.groupdict().get("verb") in ("erase", "Erase"):
        return "erase"
    return "end" if rule == _TAKING_OUT else ""


def _hypothetical(unit: str, match: re.Match[str]) -> bool:
    """Whether the words before the cue in its clause make it a wish, a condition, a denial or reported speech."""
    start = match.start("verb") if "verb" in match.re.groupindex else match.start()
    said = _REQUEST.sub(lambda request: " " * len(request.group()), unit)
    clause = re.split(r"[,:;](?=\s)|\b(?:but|and|so)\b", said[:start])[-1]
    return _HYPOTHETICAL.search(clause) is not None


def _spoken_of(match: re.Match[str], unit: str) -> str | None:
    """The person that the cue is about, "" for the speaker; None for a pronoun that could be anybody."""
    if "who" in match.re.groupindex:
        who = match.group("who")
    elif "verb" in match.re.groupindex:
        inflected = re.search(r"(?:ed|s|ing|went|cut)$", match.group("verb")) is not None
        found = re.search(_WHO + _AUX + r" " + _ADV + r"$", unit[: match.start("verb")]) if inflected else None
        pronoun = re.search(r"\b(?:he|she|they)\b[^,;]*$", unit[: match.start("verb")], re.I)
        who = "he" if pronoun else found.group("who") if found else ""
    else:
        who = ""
    who = who.removeprefix("my ").removeprefix("My ").removeprefix("our ").removeprefix("Our ")
    if who.casefold() in _NOBODY:
        return None
    return "" if who.casefold() in _OURSELVES else who


def _phrase(text: str) -> str:
    """A phrase without quotation marks, leading articles and surrounding punctuation; "" for a pronoun."""
    quoted = QUOTED.search(text)
    phrase = (quoted.group(2) if quoted else text).strip(" .,!?:;'\"")
    if re.match(r"(?:his|her|hers|their|its) ", phrase, re.I):
        return ""
    phrase = re.sub(r"^(?:the|my|our|a|an|that|this|those|these|all|some|any) ", "", phrase, flags=re.I)
    return "" if phrase.casefold() in _NOBODY | {"them", "him", "her", "one", "everything", "task"} else phrase


def _short(text: str) -> str:
    """A phrase cut off where a reason, a time or another clause begins, unless it is quoted."""
    if QUOTED.search(text):
        return _phrase(text)
    return _phrase(
        re.split(
            r",(?=\s)|\b(?:because|since|so|but|due to|as (?:I|we|it)|and (?:I|we|it|that|you|"
            r"towards?)|after|until|for now|when|while)\b",
            text,
        )[0]
    )


def _lead(match: re.Match[str], at: int) -> str:
    """The words before a cue in its unit if they say something of the speaker, else ""."""
    before = match.string[:at]
    return before if _goes_on(before) else ""


def _cut(match: re.Match[str], start: int, end: int) -> str:
    """The unit of a match without [start, end)."""
    return f"{match.string[:start].rstrip()} {match.string[end:].lstrip()}"


def _from_to(match: re.Match[str], _: str, __: str) -> Cue:
    end = match.end("old") + len(match.group("gap"))
    return Cue(
        action="update",
        old=_phrase(match.group("old")),
        slot=_phrase(match.group("slot")),
        new=_short(match.group("new")),
        keep=_cut(match, match.start("old") - len("from "), end),
    )


def _to_from(match: re.Match[str], _: str, __: str) -> Cue:
    old = _short(match.group("old"))
    end = match.start("old") + match.group("old").find(old) + len(old)
    keep = _cut(match, match.start("old") - len(" from "), end)
    return Cue(action="update", old=old, slot=_phrase(match.group("slot")), new=_phrase(match.group("new")), keep=keep)


_NOW = re.compile(
    rf"\b(?:now|from now on|these days|lately|nowadays|currently|today on|anymore|{_SET}|"
    rf"switch(?:ed)?|make|use)\b",
    re.I,
)


def _instead(match: re.Match[str], _: str, __: str) -> Cue | None:
    if not _NOW.search(match.string):
        return None
    keep = _cut(match, match.end("slot"), match.end("old"))
    old = re.sub(r" (?:now|lately|these days|nowadays)$", "", match.group("old"))
    return Cue(action="update", old=_phrase(old), slot=_phrase(match.group("slot")), keep=keep)


def _correction(match: re.Match[str], earlier: str, __: str) -> Cue | None:
    old = re.split(r" (?:as|like|which)\b", match.group("old"))[0]
    if len(old.split()) > _LONG:
        return None
    before = earlier if re.match(r"\W*(?:it|that|this)\b", match.group("slot"), re.I) else ""
    keep = _cut(match, match.end("slot"), match.end("old"))
    return Cue(
        action="update",
        old=_phrase(old),
        slot=f"{before} {match.group('slot')}".strip(),
        keep=keep,
        exact=True,
    )


def _used_to(match: re.Match[str], earlier: str, later: str) -> Cue | None:
    """ "I used to A, but B": B says whether A's object was dropped or replaced, or the attitude to it turned round."""
    before, now = match.group("old"), match.group("now") or ""
    after = now or later
    old = liked(before) or liked(LEAD.sub("", re.split(r"[.!?]\s+(?=\S)", earlier)[-1]))
    was, becomes = polarity(before), polarity(after) or polarity(later)
    start = match.start()
    kept = f"{match.string[:start].rstrip()} {now}" if now else _lead(match, start)
    if not after:
        return Cue(action="delete", old=old, keep=match.string, stance=max(was, 0))
    new, refers = _turned(before, after), OF_IT.search(after)
    ceased = CEASED.search(after) is not None
    if was < 0 or (was > 0 and becomes < 0 and not ceased and not new):
        return Cue(action="update", old=old, keep=match.string, stance=was)
    if not new and (ceased or (refers and becomes < 1)):
        return Cue(action="delete", old=old, keep=_lead(match, start), stance=max(was, 0))
    return Cue(action="update", old=old, keep=kept, stance=max(was, 0))


def _once(match: re.Match[str], earlier: str, later: str) -> Cue | None:
    """ "I once liked A, but now B": like "used to", if A is an attitude and B says that it changed."""
    changed = CEASED.search(match.group("now")) or _SINCE.search(match.group("now"))
    return _used_to(match, earlier, later) if polarity(match.group("old")) and changed else None


def _turned(before: str, after: str) -> bool:
    """Whether `after` says that the speaker now likes something else: "I'm more drawn to fiction"."""
    if TOWARDS.search(after):
        return True
    known = set(stems(before))
    names = [name for name in NAME.findall(after) if name not in CAPITAL_I and set(stems(name)) - known]
    return bool(names) and polarity(after) > 0


def _more_than(match: re.Match[str], _: str, __: str) -> Cue | None:
    if not re.search(r"\b(?:now|lately|these days|recently|gotten|nowadays)\b", match.string, re.I):
        return None
    keep = _cut(match, match.end("slot"), match.end("old"))
    return Cue(action="update", old=liked(match.group("old")), keep=keep, stance=1)


_SINCE = re.compile(
    r"\b(?:now|lately|these days|recently|nowadays|since then|not any ?more|changed|turns out|"
    r"realis\w+|realiz\w+)\b",
    re.I,
)
_TO_DO = re.compile(
    r"^(?:(?:need(?:ing)?|have|want(?:ing)?|going|plan(?:ning)?|plan on|required|interested "
    r"in) (?:to |on )?)?(?:(?:be )?(?:track(?:ing)?|keep(?:ing)? track of) )?",
    re.I,
)


def _no_more(match: re.Match[str], _: str, later: str) -> Cue | None:
    said = match.group("old")
    rest = (match.groupdict().get("now") or "").strip(" ,.!-")
    old = _short(_TO_DO.sub("", said))
    likes = (
        polarity(said) > 0
        or re.match(r"(?:a |so |as |that |very )*(?:feel the same|fan|keen|into|interested|drawn|excited)\b", said)
        is not None
    )
    keep = f"{match.string[: match.start()]} {rest}" if substance(rest) else _lead(match, match.start())
    return Cue(
        action="update" if substance(rest) else "delete",
        old=liked(said) if likes else old,
        keep=keep,
        stance=int(likes),
    )


def _gone_off(match: re.Match[str], _: str, __: str) -> Cue | None:
    old = match.group("old")
    keep = _lead(match, match.start())
    return Cue(action="delete", old=liked(_short(old)), keep=keep, stance=1)


def _fails_me(match: re.Match[str], _: str, __: str) -> Cue | None:
    old = liked(match.group("old"))
    if re.match(r"(?:I|we|you|he|she)\b", match.group("old").split(",")[-1].strip(), re.I):
        return None
    return Cue(action="delete", old=old, keep=_lead(match, match.start()), stance=1)


def _was_mine(match: re.Match[str], _: str, __: str) -> Cue | None:
    now = match.group("now")
    keep = now if _turned(match.group("old"), now) else ""
    return Cue(action="update" if keep else "delete", old=liked(match.group("old")), keep=keep, stance=1)


def _likes_now(match: re.Match[str], _: str, __: str) -> Cue | None:
    return Cue(action="update", old=liked(_short(match.group("old"))), keep=match.string, stance=-1)


def _swapped(match: re.Match[str], _: str, __: str) -> Cue | None:
    keep = f"{match.string[: match.start('verb')]}now have {match.group('new')}"
    return Cue(action="update", old=_short(match.group("old")), new=_short(match.group("new")), keep=keep)


def _turned_from(match: re.Match[str], _: str, __: str) -> Cue:
    old = re.sub(
        r"^my \w+ (?:preference|love|taste|favou?rite|habit|liking|interest)s? (?:for|of|in) ", "", match.group("old")
    )
    return Cue(action="update", old=liked(old), keep=_lead(match, match.start()), stance=1)


def _prefers(match: re.Match[str], _: str, __: str) -> Cue | None:
    if not re.search(r"\b(?:now|lately|these days|recently|nowadays|come to|started|grown)\b", match.string, re.I):
        return None
    keep = _cut(match, match.end("new"), match.end("old"))
    return Cue(action="update", old=liked(match.group("old")), keep=keep, stance=1)


def _stopped(match: re.Match[str], _: str, __: str) -> Cue:
    return Cue(action="delete", old=_short(match.group("old")), keep=_lead(match, match.start()))


def _command(match: re.Match[str], _: str, __: str) -> Cue | None:
    groups = match.groupdict()
    said = groups["old"] or groups["named"]
    old = (
        _phrase(said)
        if QUOTED.search(said)
        else _short(re.split(rf"\s+{_LISTS} (?:the|my|our|your|this|that|all)\b", said)[0])
    )
    if re.match(r"(?:to|about to|that|it|what|how|why|when)\b", old):
        return None
    return Cue(action="delete", old=old, keep=_lead(match, match.start()), exact=_title(said))


def _title(said: str) -> bool:
    """Whether a phrase is a name or a short quotation, of which a memory must contain every word."""
    return len(content(_phrase(said))) <= _LONG and (QUOTED.search(said) is not None or _phrase(said).istitle())


def _took_back(match: re.Match[str], _: str, __: str) -> Cue:
    new = _short(match.group("new"))
    keep = f"{match.group('slot').strip().capitalize()} is {new}"
    return Cue(action="update", old=_phrase(match.group("old")), slot=_phrase(match.group("slot")), new=new, keep=keep)


def _finished(match: re.Match[str], _: str, __: str) -> Cue:
    old = re.sub(r"^(?:with|to|for) ", "", match.group("old"))
    # "Done with" may be about a plan (the report) or a liking (opera), so it may end either.
    plans = re.search(r"\bdone with ", match.group()) is None
    return Cue(action="delete", old=_short(old), keep=_lead(match, match.start()), plans=plans)


def _past(match: re.Match[str], _: str, __: str) -> Cue:
    old = f"{_INFINITIVE.get(match.group('did').casefold(), match.group('did'))} {match.group('old')}"
    return Cue(action="delete", old=_short(old), keep=_lead(match, match.start()), plans=True, exact=True)


def _passive(match: re.Match[str], _: str, __: str) -> Cue:
    did = _INFINITIVE.get(match.group("did").casefold(), match.group("did"))
    return Cue(action="delete", old=f"{did} {_phrase(match.group('old'))}", plans=True, exact=True)


def _off(match: re.Match[str], _: str, __: str) -> Cue:
    return Cue(action="delete", old=_short(match.group("old")), keep=_lead(match, match.start()))


def _set(match: re.Match[str], _: str, __: str) -> Cue | None:
    new = _short(match.group("new"))
    if re.match(r"\W*(?:include|reflect|add|have|be|show|make|say|the list|do|mention)\b", match.group("new")):
        return None
    return Cue(
        action="update",
        slot=_phrase(re.sub(r"\b(?:again|back|date|time)\b", "", match.group("slot"))),
        new=new,
        keep=match.string,
    )


def _make_that(match: re.Match[str], _: str, __: str) -> Cue:
    return Cue(action="update", new=_short(match.group("new")), keep=_lead(match, match.start()))


# Irregular past forms of the most common verbs, which a stemmer does not reduce.
_INFINITIVE = dict(
    pair.split(":")
    for pair in [
        "bought:buy",
        "went:go",
        "wrote:write",
        "sent:send",
        "read:read",
        "met:meet",
        "made:make",
        "paid:pay",
        "took:take",
        "got:get",
        "did:do",
        "gave:give",
        "found:find",
        "saw:see",
        "told:tell",
        "spoke:speak",
        "ran:run",
        "drove:drive",
        "ate:eat",
        "chose:choose",
        "left:leave",
        "built:build",
        "brought:bring",
        "sold:sell",
        "taught:teach",
        "held:hold",
        "swam:swim",
        "flew:fly",
        "rang:ring",
        "sang:sing",
        "put:put",
        "set:set",
        "cut:cut",
    ]
)
_DID = r"(?P<did>\w*[^e\W]ed|" + "|".join(_INFINITIVE) + ")"
_THING = r"(?P<slot>(?:[Mm]y|[Tt]he|[Oo]ur) [^,;]+?|\"[^\"]+\")"
_WHEN = r"(?P<new>[^;]+?)"


def _is_now(match: re.Match[str], _: str, __: str) -> Cue:
    slot = match.group("slot") or match.group("fresh")
    return Cue(action="update", slot=_phrase(slot), new=_short(match.group("new")), keep=match.string)


# In order: rules that name old and new come before rules that name one of them, commands before reports.
_RULES = (
    _Rule(
        "it says from what to what it changed",
        re.compile(
            rf"\b(?P<verb>{_CHANGE})\b(?P<slot>[^;]*?)\bfrom (?P<old>[^;]+?)(?P<gap>,? (?:back )?)to "
            rf"(?P<new>.+)",
            re.I,
        ),
        _from_to,
    ),
    _Rule(
        "it says to what from what it changed",
        re.compile(rf"\b(?P<verb>{_CHANGE})\b(?P<slot>[^;]*?)\b(?:back )?to (?P<new>[^;]+?) from (?P<old>[^;]+)", re.I),
        _to_from,
    ),
    _Rule(
        "it says that a value was wrong",
        re.compile(r"\b(?:incorrectly|wrongly|mistakenly|erroneously)\b.*?\b(?:to|as|at) (?P<old>[^;]+)"),
        _off,
    ),
    _Rule(
        "it takes a value back for another",
        re.compile(
            r"\b(?P<verb>remove|drop|change|replace) the (?P<slot>[^;,]+?) of (?P<old>[^;]+?) and "
            r"(?:revert|change|set|update|move|make) it (?:back )?to (?P<new>.+)",
            re.I,
        ),
        _took_back,
    ),
    _Rule(
        "it says one thing used to be so",
        re.compile(
            rf"\b(?:[Ww]hile|[Aa]lthough|[Tt]hough|[Ee]ven though|[Aa]s much as) {_WHO}{_AUX} "
            rf"?{_ADV}(?:used to|once|previously|{_ONCE}) {_ADV}(?P<old>[^,;]+), (?P<now>.+)$"
        ),
        _used_to,
    ),
    _Rule(
        "it says one thing used to be so",
        re.compile(
            rf"{_WHO}{_AUX} ?{_ADV}used to {_ADV}(?P<old>.+?)(?:(?:[,;]?\s+(?:{_BUT})\b,?|"
            rf",(?=\s+I\b))\s*(?P<now>.+))?$"
        ),
        _used_to,
    ),
    _Rule(
        "it says one thing once was so",
        re.compile(
            rf"{_WHO}{_AUX} ?(?:(?:{_ONCE}) |(?={_LIKED})){_ADV}(?P<old>.+?)[,;]? (?:but|yet|until|"
            rf"though|however)\b,?\s*(?P<now>.+)$"
        ),
        _once,
    ),
    _Rule(
        "it puts one thing in place of another",
        re.compile(r"^(?P<slot>.+?),? (?:instead of|rather than|in place of) (?P<old>[^,.;!?]+)", re.I),
        _instead,
    ),
    _Rule(
        "it likes one thing more than another now",
        re.compile(
            r"^(?P<slot>.*?\b(?:into|prefer\w*|lik\w+|lov\w+|enjoy\w*|drawn|lean\w+|more)\b.*?),? "
            r"(?:(?:much |far |way |a lot )?more than|over) (?P<old>[^,.;!?]+)",
            re.I,
        ),
        _more_than,
    ),
    _Rule(
        "it names what it turned away from",
        re.compile(
            r"\b(?:shift|change|departure|switch|move|break|step) (?:away )?from (?P<old>(?:my (?:old|"
            r"usual|previous|former|earlier) )[^,;]+)",
            re.I,
        ),
        _turned_from,
    ),
    _Rule(
        "it likes one thing more than another now",
        re.compile(
            r"\b(?P<verb>prefer\w*|choos\w+|pick\w*|favou?r\w*|gravitat\w+ towards?) (?P<new>[^,;]+?) "
            r"(?:over|to|than|rather than|instead of) (?P<old>[^,.;!?]+)",
            re.I,
        ),
        _prefers,
    ),
    _Rule(
        "it puts one thing in place of another",
        re.compile(
            rf"{_WHO}{_AUX} ?{_ADV}(?P<verb>swapped|traded|replaced|exchanged|ditched|dropped|gave up|"
            rf"given up|left) (?P<old>[^,;]+?) (?:for|with|by|in favou?r of) (?P<new>[^,;]+)"
        ),
        _swapped,
    ),
    _Rule(
        "it says that a liking is over",
        re.compile(
            r"^(?=.*\b(?:now|these days|lately|nowadays|start\w+|beg[au]n)\b)(?:[^,;]*, |(?:these "
            r"days|lately|nowadays|now) )?"
            r"(?P<old>[^,;]+?) (?:just |really |simply |honestly |actually |has |have |started to |"
            r"begun to )*"
            r"(?:bor(?:e|es|ed|ing)|leav(?:e|es|ing)|annoy(?:s|ed|ing)?|irritat(?:e|es|ed|ing)|"
            r"tir(?:e|es|ed|ing)|depress(?:es|ing)?) me\b",
            re.I,
        ),
        _fails_me,
    ),
    _Rule(
        "it says one thing used to be so",
        re.compile(
            r"^(?:[^,;]*, )?(?P<old>[^,;]+?) (?:used to be|was|were|had been|has been|have been) "
            r"(?:really |definitely |always |one of )*"
            r"(?:my (?:\w+ )?(?:favou?rites?|things?|go-to|passion|obsession|jam|cup of tea)|a "
            r"favou?rite)\b.*?,? (?:but|until|though)\b,? (?P<now>.+)$",
            re.I,
        ),
        _was_mine,
    ),
    _Rule(
        "it says that a dislike is over",
        re.compile(
            rf"\bI {_ADV}(?:like|love|enjoy|appreciate|adore) (?P<old>[^,;]+?) (?:now|these days|"
            rf"nowadays)\b"
        ),
        _likes_now,
    ),
    _Rule(
        "it says that a liking is over",
        re.compile(
            r"^(?:[^,;]*, )?(?P<old>[^,;]+?) (?:just |really |simply |honestly |actually )*(?:no "
            r"longer\b|(?:do|does|is|are|has|have)(?:n't| not)\b(?=.*\b(?:any ?more|the way it used "
            r"to|like (?:it|they|he|she) used to|what (?:it|they) used to be|these days|nowadays|"
            r"lately)\b)).*\b(?:for me|me|my)\b",
            re.I,
        ),
        _fails_me,
    ),
    _Rule(
        "it says that something is no longer so",
        re.compile(
            rf"{_WHO}{_AUX} ?{_ADV}no longer {_ADV}(?P<old>.+?)(?:,? (?:but|and now|"
            rf"now)\b,?\s*(?P<now>.+))?$"
        ),
        _no_more,
    ),
    _Rule(
        "it says that something is not so anymore",
        re.compile(
            rf"{_WHO} ?{_ADV}(?:do|does|did|is|are|am|can|will|'m|'s|'re)(?:n't| not|\b {_ADV}not) "
            rf"{_ADV}(?P<old>.+?),? (?:any ?more\b|as much\b|these days\b|nowadays\b|lately\b|like I "
            rf"used to\b|the way I used to\b)(?P<now>.*)$"
        ),
        _no_more,
    ),
    _Rule(
        "it says that something is not so anymore",
        re.compile(rf"{_WHO}{_AUX} {_ADV}not {_ADV}(?P<old>.+?),? any ?more\b(?P<now>.*)$"),
        _no_more,
    ),
    _Rule("it says that a liking is over", re.compile(rf"{_WHO}{_AUX} ?{_ADV}(?:{_OVER}) (?P<old>.+)"), _gone_off),
    _Rule(
        "it says that a liking is over",
        re.compile(
            r"\b[Mm]y (?P<verb>love|passion|interest|enthusiasm|taste|fondness|appetite|obsession|"
            r"excitement|affection) (?:for|in|with) (?P<old>[^,;]+?) (?:has|have|is|seems|"
            r"just)\b.*\b(?:fad\w+|wan\w+|cool\w+|gone|died|worn|vanish\w+|dwindl\w+|disappear\w+|"
            r"over|lessen\w+|declin\w+)\b"
        ),
        _gone_off,
    ),
    _Rule(
        "it says that a liking is over",
        re.compile(
            r"^(?:[^,;]*, )?(?P<old>[^,;]+?) (?:(?:has|have|'s|'ve) )(?:really |just |kind of |sort "
            r"of |completely |totally )*lost (?:its|their|his|her|the|all) (?:\w+ )?(?:appeal|charm|"
            r"magic|shine|spark|allure)\b",
            re.I,
        ),
        _gone_off,
    ),
    _Rule(
        "it says that a dislike is over",
        re.compile(
            r"^(?:[^,;]*, )?(?P<old>[^,;]+?) (?:(?:has|have|is|are|'s) )?(?:really |actually |kind of "
            r"|slowly |finally )*(?:grown|growing|grew) on me\b",
            re.I,
        ),
        _likes_now,
    ),
    _Rule(
        "it says that a dislike is over",
        re.compile(
            rf"{_WHO}{_AUX} ?{_ADV}(?:come around (?:to|on)|came around (?:to|on)|warmed (?:up )?to|"
            rf"learned to (?:like|love|enjoy|appreciate)|(?:started|begun|beginning|starting|grown|"
            rf"come) (?:to (?:like|love|enjoy|appreciate)|liking|loving|enjoying|appreciating)) "
            rf"(?P<old>.+)"
        ),
        _likes_now,
    ),
    _Rule(
        "it says that somebody stopped",
        re.compile(
            rf"{_WHO}{_AUX} ?{_ADV}(?:stopped(?= \w+ing\b)|quit|gave up|given up(?: on)?|"
            rf"cancel(?:l)?ed|dropped|scrapped|deleted|removed|erased|crossed off|checked off|take "
            rf"back what I said about) (?P<old>.+)"
        ),
        _stopped,
    ),
    _Rule(
        _TAKING_OUT,
        re.compile(
            r"(?:^|[,:;] |\b(?:please|you|to|and|also|so|then|let's|just|can|will|'ll|should|actually|"
            r"now) )(?P<verb>remove|delete|erase|drop|scrap|scratch|cancel|strike|discard|exclude|"
            r"leave out|get rid of) (?P<old>[^;]+?)[.!?]*\s*$",
            re.I,
        ),
        _command,
    ),
    _Rule(
        _TAKING_OUT,
        re.compile(
            r"(?:^|[,:;] |\b(?:please|you|to|and|also|so|then|let's|just|can|will|'ll|should|actually|"
            r"now) )"
            r"(?P<verb>take|leave|keep|cross|check|tick|strike|scratch) (?:off (?P<named>[^;]+)|"
            r"(?P<old>[^;]+?) "
            r"(?:off|from|out of) (?:the|my|our|your) [\w -]+)[.!?]*\s*$",
            re.I,
        ),
        _command,
    ),
    _Rule(
        _FORGETTING,
        re.compile(
            r"^(?:(?:please|now|ok|okay|just|actually|so|well|and|yes|no)\W+)*(?P<verb>forget(?: "
            r"about)?) (?P<old>[^;]+?)[.!?]*\s*$",
            re.I,
        ),
        _command,
    ),
    _Rule(
        "it says that a task is finished",
        re.compile(
            rf"{_ME}(?:'ve|'m|'d| have| am| was)? ?{_ADV}(?:finished|completed|done(?: with)?|wrapped "
            rf"up|took care of|taken care of|managed to|got around to|gotten around to|got round to|"
            rf"able to|checked off|crossed off|finished up|finish|complete|dealt with|handled|sorted "
            rf"out|knocked out|got through|got done with|ticked off|follow(?:ed)? through on|ended up) "
            rf"(?P<old>.+)"
        ),
        _finished,
    ),
    _Rule(
        "it says that a task is finished",
        re.compile(
            rf"{_ME}(?:'ve| have)? ?{_ADV}(?:got|gotten|get) (?P<old>[^;]+?) (?:all )?(?:done|finished|"
            rf"completed|out of the way|sorted|taken care of|off my plate|off my list)\b"
        ),
        _finished,
    ),
    _Rule(
        "it says that something will not be done",
        re.compile(
            rf"{_ME}(?:'ve|'m|'ll| have| am| will)? ?{_ADV}(?:decided (?:not to|against)|not going to|"
            rf"won't be|not be|opted (?:not to|out of)|skipping|(?:do not|don't) (?:need|have|want|"
            rf"plan) to|called off) (?P<old>.+)"
        ),
        _stopped,
    ),
    _Rule(
        "it says that something will not be done",
        re.compile(
            r"\b(?P<verb>no need to|no point in) (?:track |keep track of )?(?P<old>[^,;]+?) (?:any "
            r"?more|any longer|now|after all)\b",
            re.I,
        ),
        _stopped,
    ),
    _Rule(
        "it says that a task is finished",
        re.compile(
            r"^(?P<old>[^,;]+?) (?:is|are|has been|have been|got|was|were)(?: now| already| all| "
            r"officially| finally)* (?:done|finished|completed|complete|taken care of|wrapped up|out "
            r"of the way|off my (?:plate|list|to-do list)|no longer on my (?:\w+ )?(?:list|plate|"
            r"to-do list))\b",
            re.I,
        ),
        _finished,
    ),
    _Rule(
        _TAKING_OUT,
        re.compile(
            r"^(?:[^,;]*, )?(?P<old>[^,;]+?|\"[^\"]+\"|'.+') (?:should|can|could|must|needs? to|may) "
            r"(?:now |also |please |just )*be (?:removed|deleted|dropped|taken (?:off|out)|cut|"
            r"scrapped|erased|cancel(?:l)?ed)\b",
            re.I,
        ),
        _off,
    ),
    _Rule(
        _TAKING_OUT,
        re.compile(
            r"\b(?:I'd like|I would like|I want|I need|please have) (?P<old>[^,;]+?|'.+') (?:removed|"
            r"deleted|dropped|taken (?:off|out)|cut|scrapped|erased|cancel(?:l)?ed)\b",
            re.I,
        ),
        _off,
    ),
    _Rule(
        "it says that something is off",
        re.compile(
            r"^(?:\W*(?:oh|well|actually|so|unfortunately)\W+)*(?P<old>(?:my|the|our) [^,;]+?|"
            r"\"[^\"]+\") (?:is|was|has been|got|are|were|have been)(?: now| just)? (?:cancel(?:l)?ed|"
            r"called off|scrapped)\b",
            re.I,
        ),
        _off,
    ),
    _Rule(
        "it says that something is off",
        re.compile(
            rf"{_ME} ?{_ADV}(?:can't|cannot|won't|am not able to|'m not able to|won't be able to|will "
            rf"not be able to|couldn't) (?:make it to|attend|come to|go to|be at) (?P<old>.+)"
        ),
        _stopped,
    ),
    _Rule(
        "it says what something was moved to",
        re.compile(
            rf"(?:^|[,:;] |\bthat )(?:actually,? )?{_THING}(?: has been| have been| was| were| is| are|"
            rf" got| has)(?: now| been| just)*(?: rescheduled| moved| postponed| pushed(?: back)?| "
            rf"changed| shifted| brought forward|(?<=now) scheduled|(?<=now) set|(?<=now) (?:on|at|"
            rf"in)) (?:to|for|until)? ?{_WHEN}$"
        ),
        _set,
    ),
    _Rule(
        "it says what something is set to",
        re.compile(
            rf"\b(?P<verb>{_SET}) (?P<slot>(?:my|the|our|its) [^,;]+?|\"[^\"]+\"|it)(?: again)?(?: "
            rf"back)? to (?P<new>[^;]+)",
            re.I,
        ),
        _set,
    ),
    _Rule(
        "it corrects what was just said",
        re.compile(
            r"^(?:(?:actually|oh|no|wait|sorry|hmm|correction)\W+)*(?:let's )?(?:make (?:that|it)|I "
            r"meant|I mean)\s+(?P<new>.+)",
            re.I,
        ),
        _make_that,
    ),
    _Rule(
        "it corrects one value by another",
        re.compile(
            r"^(?P<slot>.+?\b(?:is|are|was|at|on|in|to|'s|meant|said|called|named)\b.+?), (?:and "
            r")?not (?P<old>[^,;]+?)[.!]*\s*$",
            re.I,
        ),
        _correction,
    ),
    _Rule(
        "it says what something is now",
        re.compile(
            rf"^(?:\W*(?:oh|well|so|no|sorry)\W+)*(?:actually,? (?P<slot>(?:my|the|our) [^,;]+?)|(?:my|"
            rf"our) new (?P<fresh>[^,;]+?)) (?:is|are) (?:now )?{_WHEN}$",
            re.I,
        ),
        _is_now,
    ),
    _Rule(
        "it says what something is now",
        re.compile(
            r"^(?:\W*(?:oh|well|so|no|sorry|by the way)\W+)*(?P<slot>(?:my|our) [^,;]+?) (?:is|are) "
            r"(?=now\b|[^;]*\bnow\W*$)(?:now )?(?P<new>[^;]+?)(?: now)?\W*$",
            re.I,
        ),
        _is_now,
    ),
    _Rule(
        "it says that what was planned was done",
        re.compile(
            rf"^(?:\W*(?:and|also|so|yes|oh|well|actually)\W+)*(?P<old>[^,;]+?) (?:has been|have been|"
            rf"is|are|got|were|was)(?: now| all| already| finally)* {_DID}\b",
            re.I,
        ),
        _passive,
    ),
    _Rule(
        "it says that what was planned was done",
        re.compile(rf"{_ME}(?:'ve| have)? ?{_ADV}{_DID} (?P<old>[^;]+)"),
        _past,
    ),
)

"""What can be seen of a text by itself that says whether it will be asked for: lengths, times, names, numbers, persons.

Words are counted, and nothing is understood. The lists are English: a text in another language has its length, commas,
capitals, figures and new words alone.
"""

from __future__ import annotations

import math
import re

from memoria.text.words import plain_words

IN_TEXT = (
    *("words", "sentences", "commas", "capitals"),
    *("past", "past share", "times", "any time", "names", "numbers", "any number", "specifics"),
    *("self", "any self", "self share", "you", "you share", "asks", "statement"),
)
"""Names of the features of a text by itself."""
# So long is a statement that says something.
_STATEMENT = 8
_NAME = re.compile(r"[A-Z](?<!^.)(?<![.!?] .)(?<!\w.)[a-z]")
_CAPITAL = re.compile(r"(?<=[a-z,;] )[A-Z]")
_END = re.compile(r"[.!?](?:\s|$)")
# Each word that is counted is of one kind.
_KINDS: dict[str, str] = {
    word: kind
    for kind, words in {
        "self": "i me my we our mine us myself",
        "you": "you your yours yourself",
        "number": """one two three four five six seven eight nine ten once twice couple few several dozen hundred
            thousand first second third""",
        "time": """yesterday today tonight tomorrow ago last next since day days week weeks weekend month months year
            years morning evening night spring summer autumn fall winter monday tuesday wednesday thursday friday
            saturday sunday january february march april june july august september october november december""",
        "past": """was were had did went got gone been done made said told took came saw seen gave found thought felt
            bought brought left met ate ran wrote spent kept began knew became heard held led lost paid read sat sent
            set slept spoke stood taught won wore built caught chose drove drew drank fell flew forgot grew hurt sold
            sang swam threw woke""",
        "": "need feed seed weed speed indeed shed fled embed proceed exceed succeed bleed breed",
    }.items()
    for word in words.split()
}
_SHORTEST = 3


def of_text(text: str) -> list[float]:
    """The features of a text by itself, in the order of `IN_TEXT`: counts, shares in [0, 1], and 0 or 1.

    Args:
        text: in any form.

    Returns:
        As many numbers as `IN_TEXT` has names.
    """
    words = plain_words(text)
    count = len(words) or 1
    kinds = list(map(_kind, words))
    past, times, own, yours, numbers = map(kinds.count, ("past", "time", "self", "you", "number"))
    names = len(_NAME.findall(text))
    statement = own > 0 and len(words) >= _STATEMENT and "?" not in text
    return [
        *(math.log1p(len(words)), len(_END.findall(text)), text.count(","), len(_CAPITAL.findall(text))),
        *(past, past / count, times, times > 0, names, numbers, numbers > 0),
        *((times > 0) + (names > 0) + (numbers > 0), own, own > 0, own / count, yours, yours / count),
        *(text.rstrip().endswith("?"), statement),
    ]


def _kind(word: str) -> str:
    """What a word is counted as; "" for nothing. Regular verbs of the past are told by their ending."""
    known = _KINDS.get(word)
    if known is not None:
        return known
    if word.endswith("ed") and len(word) > _SHORTEST:
        return "past"
    return "number" if word[0].isdigit() else ""

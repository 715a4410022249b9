"""Any text on one line of a prompt, so that nothing in it looks like the prompt around it.

Line breaks are written as `\\n`, other control characters as spaces; and the marks with which chat templates open and
close messages and calls of tools get a space behind their bracket, so that no tokenizer and no parser knows them.
"""

from __future__ import annotations

import re

_BREAKS = re.compile("\r\n|[\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")
# Controls, and the marks that turn the direction of what follows them.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_MARKS = re.compile(
    r"([<\[])(?=\||/?(?:s|inst|sys|think|tools?|tool_calls?|tool_responses?|tool_results?|available_tools|function\w*|"
    r"start_of_turn|end_of_turn|notes?|system|user|assistant|bos|eos|im_start|im_end)\s*[\]>|=])|(<)(?=<\s*/?SYS>>)",
    re.IGNORECASE,
)


def flat(text: str) -> str:
    """A text on one line.

    Args:
        text: any text.

    Returns:
        The text without line breaks, control characters and marks of chat templates; most texts as they are.
    """
    return marked(_CONTROLS.sub(" ", _BREAKS.sub(r"\\n", text)))


def marked(text: str) -> str:
    """A text in which the marks of chat templates are broken, whatever its lines.

    Args:
        text: any text.

    Returns:
        The text with a space behind the bracket of each such mark.
    """
    return _MARKS.sub(lambda match: match.group() + " ", text)


def label(text: str) -> str:
    """A name as it may stand within square brackets, or before a colon.

    Args:
        text: a name.

    Returns:
        The name on one line, without brackets and colons.
    """
    return re.sub(r"\s+", " ", re.sub(r"[\[\]:]", " ", flat(text))).strip()

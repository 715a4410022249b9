"""The sections of the console, in the order of its navigation. One is a template, an ES module, and a line here.

`templates/NAME.html` is what the server renders: headings, labels, forms, empty states. `static/NAME.mjs` fills it; it
exports `start(section, console)`, called once, when the section is first shown, and may export `show(id)`, called each
time, with the id in the address `#NAME/ID`, or "".
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """name: of the template, the module and the address. title: as it is read. about: what it is for, in a line."""

    name: str
    title: str
    about: str


SECTIONS = (
    Section("browse", "Browse", "What is remembered, and how much of it."),
    Section("why", "Why", "What is found for a question, and why; what a prompt is made of."),
    Section("time", "Time", "What was known when, what followed what, and how memories fade."),
    Section("lineage", "Lineage", "What a memory was made from, and what was made from it."),
    Section("letting", "Letting go", "Look at exactly what would go, say so by a word, and read the proof."),
    Section("night", "Night", "What sleep would gather, change, archive and forget; accept all of it, or some."),
    Section("policies", "Policies", "How memories fade, how a budget is divided, and why."),
    Section("mydata", "My data", "A copy of all about a person, and memories from elsewhere."),
    Section("ledger", "Ledger", "Whatever was erased or decided, line by line, signed."),
)

"""A clinic's assistant forgets one patient entirely, and keeps what it learnt from many.

A year of visits goes in. Sleep gathers what was seen in many patients into gists, and visits are summed up.
Then one patient asks to be forgotten: by subject, and wherever free text names her, however it is written. What is
printed is counted, and every byte of the store is looked at. Run it:

    python examples/healthcare.py
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

import memoria
from memoria import Draft, Memoria, Memory, Provenance
from memoria.testing import HashEmbedder
from memoria.text.mentions import mentions

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
PATIENT, ADDRESS, PHONE = "Anna Berg", "anna.berg@mail.example", "555-010-7788"
OTHERS = ["Ann Berg", "Anna Bergh", "Anna Bergman", "Joanna Berg", "Omar Said", "Ines Roca", "Tom Hale", "Mei Lin"]
# What each drug is for, and what it does besides.
DRUGS = {
    "metformin": ("high blood sugar", "nausea and loss of appetite"),
    "lisinopril": ("raised blood pressure", "a dry cough at night"),
    "ibuprofen": ("pain in the joints", "heartburn after every meal"),
    "codeine": ("cough and cold", "drowsiness until the afternoon"),
}
GUIDELINES = [
    "Guideline: check kidney function before metformin is given.",
    "Guideline: a dry cough under lisinopril goes when the drug is changed.",
    "Guideline: ibuprofen is not given with a stomach ulcer.",
    "Guideline: nobody drives under codeine.",
]
# Free text about the patient that no field says is about her.
LETTERS = [
    "The sister of ANNA BERG rang about the results.",
    "\uff21\uff4e\uff4e\uff41 \uff22\uff45\uff52\uff47 is to be moved to Thursday.",
    "Referral of A\u200bnna\u00a0Berg to the eye clinic is under way.",
    "Letter A-N-N-A B-E-R-G came back unopened.",
    "Results were sent to Anna.Berg (at) mail [dot] example last week.",
    "The number (555) 010 7788 did not answer.",
]


def run(path: str | None = None, seed: int = 0) -> dict[str, int]:
    """The counts that prove it. path: where the store is made; a temporary folder by default."""
    with tempfile.TemporaryDirectory() as folder:
        where = path or str(Path(folder) / "clinic.memoria")
        with memoria.open(where, embedder=HashEmbedder(128), clock=lambda: START + timedelta(days=365)) as clinic:
            visits = _year(clinic, np.random.default_rng(seed))
            before = _gists(clinic)
            exported = [memory.text for memory in _naming(clinic)]
            report = {"visits": len(visits), "gists": len(before), "naming_her": len(exported)}
            report |= _forget(clinic)
            return report | _left(clinic, visits, before, exported)


def _year(clinic: Memoria, rng: np.random.Generator) -> list[Memory]:
    """Visits of every patient, gists of what they had in common, what was derived, letters; returns the visits."""
    clinic.remember_many(Draft(text=text, kind="procedural", salience=1.0) for text in GUIDELINES)
    drafts = []
    for number, who in enumerate([PATIENT, *OTHERS]):
        for drug, (ill, effect) in DRUGS.items():
            text = f"{drug.capitalize()} against {ill} gave {who} {effect} for {int(rng.integers(2, 30))} days."
            created_at = START + timedelta(days=int(rng.integers(300)), minutes=number)
            drafts.append(Draft(text=text, subject=who, created_at=created_at))
    visits = clinic.remember_many(drafts)
    clinic.sleep(like=0.6, most=len(OTHERS) + 1, prune=False)
    for memory in visits[: len(DRUGS)]:
        origin = Provenance(source="summary", derived_from=(memory.id,))
        clinic.remember(f"Summary for the insurer: {memory.text}", provenance=origin)
    clinic.remember_many(LETTERS)
    clinic.remember("The next appointment is at noon.", metadata={"patient": {"name": PATIENT, "phone": PHONE}})
    return visits


def _forget(clinic: Memoria) -> dict[str, int]:
    """Forgets her by subject and by every name she goes by; adds the receipts up."""
    receipts = [clinic.forget(subject=PATIENT, verify=True)]
    receipts += [clinic.forget(mentions=name, verify=True) for name in (PATIENT, ADDRESS, PHONE)]
    scans = [one.verification for one in receipts if one.verification is not None]
    return {
        "forgotten": sum(len(one.forgotten) for one in receipts),
        "derived_forgotten": sum(len(one.derived) for one in receipts),
        "gists_made_again": sum(len(one.rewritten) for one in receipts),
        "bytes_scanned": sum(one.bytes_scanned for one in scans),
        "secrets_looked_for": sum(one.needles for one in scans),
        "secrets_found": sum(one.found for one in scans),
    }


def _left(clinic: Memoria, visits: list[Memory], before: list[Memory], texts: list[str]) -> dict[str, int]:
    """What is there afterwards: nothing of hers, everything of the others, and every gist that others are in."""
    others = [visit for visit in visits if visit.subject != PATIENT]
    after = _gists(clinic)
    return {
        "naming_her_afterwards": len(_naming(clinic)),
        "recalled_of_her": sum(_names_her(hit.memory) for hit in clinic.recall(f"What about {PATIENT}?", k=50)),
        "texts_in_files": len(clinic.scan(*texts).found),
        "told_again": len(texts),
        "refused_again": sum(_refused(clinic, text) for text in texts),
        "visits_of_others": len(others),
        "visits_of_others_kept": sum(clinic.get(visit.id) == visit for visit in others),
        "gists_afterwards": len(after),
        "parts_in_gists": sum(len(gist.parts) for gist in before),
        "parts_in_gists_afterwards": sum(len(gist.parts) for gist in after),
        "effects": len(DRUGS),
        "effects_known_from_gists": sum(_knows(clinic, drug, effect) for drug, (_, effect) in DRUGS.items()),
        "guidelines": len(GUIDELINES),
        "guidelines_found": sum(clinic.recall(rule, k=1)[0].memory.text == rule for rule in GUIDELINES),
        "problems": len(clinic.doctor()),
    }


def _gists(clinic: Memoria) -> list[Memory]:
    return [memory for memory in clinic.list() if memory.parts]


def _naming(clinic: Memoria) -> list[Memory]:
    """Memories, or parts of gists, that name her."""
    return [one for memory in clinic.list() for one in memory.parts or (memory,) if _names_her(one)]


def _names_her(memory: Memory) -> bool:
    said = f"{memory.text} | {memory.subject} | {memory.metadata}"
    return any(mentions(said, name) for name in (PATIENT, ADDRESS, PHONE))


def _knows(clinic: Memoria, drug: str, effect: str) -> bool:
    """Whether a gist of many patients still says what a drug does."""
    hits = clinic.recall(f"What does {drug} do to patients?", k=1, kinds=("semantic",))
    gists = [hit.gist for hit in hits if hit.gist is not None]
    told = [line for gist in gists for line in gist.text.splitlines()]
    return [len(gist.parts) for gist in gists] == [len(OTHERS)] and all(effect in line for line in told)


def _refused(clinic: Memoria, text: str) -> bool:
    try:
        clinic.remember(text)
    except memoria.Refused:
        return True
    return False


if __name__ == "__main__":
    for name, value in run().items():
        print(f"{name:28} {value:,}")  # noqa: T201 - an example

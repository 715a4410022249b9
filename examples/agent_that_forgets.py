"""An agent is told a secret, knows it in another conversation, and forgets it with every reply that was made from it.

Run `python examples/agent_that_forgets.py`: the small model, offline. Claim: after forget, nothing of the secret
stands in any file, and no reply that saw it is left, while what else was said stays.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import memoria
from memoria.models import ChatModel, as_model

SECRET = "4821-kestrel"


def run(path: Path, model: ChatModel) -> dict[str, Any]:
    """The story in figures."""
    with memoria.open(path) as memory:
        agent = memoria.Agent(memory, model, user="ada")
        agent.say(f"My locker code is {SECRET}.")
        agent.say("My sister Nora lives in Lund.")
    with memoria.open(path) as memory:
        agent = memoria.Agent(memory, model, user="ada")
        before = agent.say("What is my locker code?")
        told = [one for one in memory.list() if SECRET in one.text]
        receipt = memory.forget(mentions=SECRET, verify=True)
        assert receipt.verification is not None
        after = memoria.Agent(memory, model, user="ada").say("What is my locker code?")
        kept = memoria.Agent(memory, model, user="ada").say("Where does my sister live?")
        return {
            "recalled": [hit.memory.text for hit in before.hits],
            "answer": before.text,
            "memories_that_told_it": len(told),
            "forgotten": len(receipt.forgotten),
            "replies_that_went_along": len(receipt.derived),
            "looked_for": receipt.verification.needles,
            "found": receipt.verification.found,
            "answer_afterwards": after.text,
            "told_afterwards": sum(SECRET in one.text for one in memory.list()),
            "recalled_of_the_sister": [hit.memory.text for hit in kept.hits],
        }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        report = run(Path(folder) / "agent.memoria", as_model(sys.argv[1] if len(sys.argv) > 1 else "smollm2"))
    for name, value in report.items():
        print(f"{name}: {value}")  # noqa: T201 - a script

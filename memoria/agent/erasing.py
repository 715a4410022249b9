"""A user's own request to forget a value for good: carried out before anything else is done with the message."""

from __future__ import annotations

from memoria.agent.notices import Notice
from memoria.engine.memory import Memoria
from memoria.english.erasures import to_erase


def erased(memory: Memoria, text: str) -> Notice | None:
    """Forgets what the user asks to be forgotten, keeps it out, and says so; None when nothing is asked.

    What says it again, the request itself first of all, is stored without the value.
    """
    value = to_erase(text)
    if value is None:
        return None
    receipt = memory.forget(mentions=value, standing=True, on_match="redact")
    order = str(receipt.standing)
    count = len(receipt.forgotten) + len(receipt.derived)
    said = f"I have forgotten {count} {'memory' if count == 1 else 'memories'} with it"
    if receipt.held:
        said += f", but not {len(receipt.held)} under a hold"
    return Notice(
        what="erased",
        memory=order,
        by="",
        text=f"{said}, and keep it out from now on. Lifting the order {order} lets it in again.",
    )

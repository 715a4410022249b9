"""The tool `forget` with the user's consent: a client that can ask its user does so; another has to call twice.

Either way the user, or the model, is shown what would go before anything goes. The consent is for exactly that list:
when it has changed meanwhile, it is shown anew.
"""

from __future__ import annotations

import hashlib
import hmac
import inspect
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, Unpack

from pydantic import BaseModel, Field

from memoria.engine.arguments import written_out
from memoria.extras import extra
from memoria.integrations.criteria import Criteria
from memoria.text.flat import flat
from memoria.types import Memory

with extra("mcp"):
    from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
    from mcp.server.mcpserver import Context
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp.server.mcpserver.resolve import Elicit, Resolve
    from mcp_types.version import is_version_at_least

_SHOWN, _LETTERS = 20, 160
_SECONDS = 900
# From this version on, a question travels in the answer to a call, and needs no channel back to the client.
_WITHOUT_CHANNEL = "2026-07-28"


class Consent(BaseModel):
    """What the user is asked for."""

    forget: Annotated[bool, Field(title="Forget them for ever", description="Nothing brings them back")] = False


@dataclass(frozen=True, slots=True)
class Going:
    """What would go.

    Attributes:
        ids: what is asked to be forgotten.
        memories: all that would go, oldest first.
        rewritten: gists that would be made again without them.
        digest: of all that.
    """

    ids: tuple[str, ...]
    memories: Sequence[Memory]
    rewritten: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Equal for the same list."""
        listed = "\n".join([*sorted(one.id for one in self.memories), "", *self.rewritten])
        return hashlib.sha256(listed.encode()).hexdigest()

    def question(self) -> str:
        """The list as the user is shown it: each on one line, so that none can speak for the server."""
        lines = [f"{at}. {_line(one)}" for at, one in enumerate(self.memories[:_SHOWN], 1)]
        more = [f"and {len(self.memories) - _SHOWN} more"] if len(self.memories) > _SHOWN else []
        gists = [f"{len(self.rewritten)} gists are made again without them."] if self.rewritten else []
        count = f"{len(self.memories)} {'memory' if len(self.memories) == 1 else 'memories'}"
        return "\n".join([f"Forget {count} for ever?", *lines, *more, *gists, f"(list {self.digest[:8]})"])


def _line(memory: Memory) -> str:
    text = flat(memory.text)
    return f'"{text[:_LETTERS]}{"..." if len(text) > _LETTERS else ""}" ({memory.created_at:%Y-%m-%d})'


class Forgets(Protocol):
    """What the tool works with."""

    @property
    def asks(self) -> bool:
        """Whether the program asks by itself."""
        ...

    def going(self, ids: Sequence[str], **criteria: Unpack[Criteria]) -> Going:
        """What would go."""
        ...

    def gone(self, going: Going, *, verify: bool) -> Any:
        """Forgets it; the answer of the tool."""
        ...

    def shown(self, going: Going, confirm: str) -> Any:
        """The answer that only lists it."""
        ...


class _Seal:
    """Makes and knows the word that repeats a call: for one list, for a while, in this process."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def of(self, going: Going, until: int | None = None) -> str:
        end = int(time.time()) + _SECONDS if until is None else until
        made = hmac.new(self._key, f"{end} {going.digest}".encode(), "sha256").hexdigest()
        return f"{end:x}-{made[:32]}"

    def fits(self, given: str | None, going: Going) -> bool:
        end, _, _ = (given or "").partition("-")
        if given is None or len(end) > 12 or not end.isalnum() or not end.isascii():
            return False
        try:
            until = int(end, 16)
        except ValueError:
            return False
        return until >= time.time() and hmac.compare_digest(given.encode(), self.of(going, until).encode())


def can_ask(context: Context[Any, Any]) -> bool:
    """Whether the client of a call can ask its user something."""
    capabilities = context.client_capabilities
    able = None if capabilities is None else capabilities.elicitation
    if able is None or (able.form is None and able.url is not None):
        return False
    version = context.protocol_version
    return context.session.can_send_request or (version is not None and is_version_at_least(version, _WITHOUT_CHANNEL))


def forgetting(tools: Forgets, answer: Any) -> Callable[..., Any]:
    """The tool `forget`, which asks.

    Args:
        tools: finds what would go, and forgets it.
        answer: the type of what the tool answers.

    Returns:
        A function to register.
    """
    seal = _Seal()
    consent = _consenting(tools, seal)

    @written_out
    def going(ids: list[str] | None, **criteria: Unpack[Criteria]) -> Going:
        return tools.going(ids or (), **criteria)

    @written_out
    def forget(
        going: Going,
        consent: Any,
        ids: Annotated[
            list[str] | None,
            Field(description="Ids of memories, as recall gives them; with filters, those that meet them"),
        ] = None,
        verify: Annotated[bool, Field(description="Scan every file for what was forgotten")] = False,
        confirm: Annotated[
            str | None,
            Field(description="`confirm` of the answer that listed what would go, after the user agreed to that list"),
        ] = None,
        **criteria: Unpack[Criteria],
    ) -> Any:
        """Forget memories for good, with everything that hangs on them, after the user has agreed: no file holds them
        any more"""
        agreed = consent.data if isinstance(consent, AcceptedElicitation) else Consent()
        if agreed is None:
            return tools.shown(going, seal.of(going))
        if not agreed.forget:
            raise ToolError("Nothing is forgotten: the user has not agreed. Ask the user.")
        return tools.gone(going, verify=verify)

    _fill(consent, going=Annotated[Going, Resolve(going)])
    _fill(
        forget,
        answer,
        going=Annotated[Going, Resolve(going)],
        consent=Annotated[ElicitationResult[Consent], Resolve(consent)],
    )
    return forget


def _consenting(tools: Forgets, seal: _Seal) -> Callable[..., Any]:
    """Finds out whether the user agrees: None where nobody can be asked now."""

    def consent(ctx: Context[Any, Any], going: Going, confirm: str | None) -> Any:
        if tools.asks or seal.fits(confirm, going):
            return Consent(forget=True)
        return Elicit(going.question(), Consent) if can_ask(ctx) else None

    return consent


def _fill(function: Any, answer: Any = Any, **types: Any) -> None:
    """Says of parameters of a function which resolver gives them, and what it answers."""
    function.__annotations__ |= types | {"return": answer}
    signature = inspect.signature(function)
    found = [one.replace(annotation=types.get(one.name, one.annotation)) for one in signature.parameters.values()]
    function.__signature__ = signature.replace(parameters=found, return_annotation=answer)

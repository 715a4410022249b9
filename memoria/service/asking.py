"""The verb `ask` as a route: what weights and store answer, of the caller's namespace alone."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictBool, StrictInt, StrictStr

from memoria.distill.answered import Answered as _Answered
from memoria.distill.answered import AnswerSource
from memoria.service.routes import ALWAYS, SENT, Asking, Serving, problems
from memoria.service.shapes import Body

asking = APIRouter(prefix="/v1", responses=problems(*ALWAYS))


class Ask(Body):
    """question: in plain words. k: memories recalled for it, at most. most: tokens of an answer of a model, at most.

    base: whether the untouched base model may answer what no memory is near to.
    """

    question: Annotated[StrictStr, Field(min_length=1, max_length=16_384, pattern=r"\S")]
    k: Annotated[StrictInt, Field(ge=1, le=100)] = 10
    most: Annotated[StrictInt, Field(ge=1, le=256)] = 64
    base: StrictBool = True


class Answered(BaseModel):
    """An answer. source: whose it is: of a shard, of memories in their own words, or of the untouched base model.

    memories: ids of those that it comes from. tokens: of the prompt that a model read for it. saved: tokens that the
    recalled memories would have taken in a prompt.
    """

    text: str
    source: AnswerSource
    memories: list[str]
    tokens: int
    saved: int

    @classmethod
    def of(cls, told: _Answered) -> Answered:
        memories = list(told.memories)
        return cls(text=told.text, source=told.source, memories=memories, tokens=told.tokens, saved=told.saved)


@asking.post("/ask", responses=problems(*SENT, 403))
async def ask(body: Ask, asking: Asking, pool: Serving) -> Answered:
    """Answers a question from weights and store together, and says whose answer it is; not for a token of a reader."""
    # One at a time, as all that waits for a model: the base takes on the shards of whoever asks.
    told = await pool.think(
        asking.below(body.namespace),
        lambda view: view.ask(body.question, k=body.k, most=body.most, base=body.base),
    )
    return Answered.of(told)

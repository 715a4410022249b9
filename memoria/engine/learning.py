"""The verb that learns: facts are found in messages by a model."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from typing import TypedDict, Unpack

from memoria.engine.change import Change
from memoria.extraction import learning
from memoria.extraction.learning import MOST, How, Lesson, Place
from memoria.extraction.said import MessageLike
from memoria.models import ModelLike, as_model
from memoria.validate import check_flag, check_whole


class LearnOptions(TypedDict, total=False):
    """What `learn` takes, besides messages and a model.

    Attributes:
        session: the name of the conversation; None is none.
        most: facts of one message, at most; at least 1; 20 by default.
        dry_run: asks the model and stores nothing; False by default.
        readmit: takes back messages that were forgotten here; False by default.
    """

    session: str | None
    most: int
    dry_run: bool
    readmit: bool


class Learning(Change):
    """The verb that learns."""

    def learn(self, messages: Iterable[MessageLike], *, model: ModelLike, **how: Unpack[LearnOptions]) -> Lesson:
        """Stores what users say in a conversation, and the facts that a model finds in it; see docs/learn.md.

        Each message of a user is a memory, and each fact one that is derived from it: forgetting the message forgets
        its facts. A fact whose words are not in the message is dropped. Speaker and namespace are never the model's
        choice. It may be called again with the same messages, or with more of the conversation: what was learnt from is
        passed over, and what a failure has left is taken up.

        Args:
            messages: texts of one user, or mappings with `role` and `content` as in chat completions, and if known
                `name` (the speaker), `time` (aware, or ISO 8601) and `id`; oldest first.
            model: a chat model, or what `memoria.models.as_model` makes one of, such as "openai:MODEL@URL".
            how: session, most, dry_run, readmit; see `LearnOptions`.

        Returns:
            What was learnt, and what was not, with the reason.

        Raises:
            InvalidQuery: `messages` is one message, or one has no such form; or an option is out of its range.
            InvalidMemory: a message breaks a rule of memories; nothing is stored then.
            ModelFailed: the model did not answer. What it had answered before is learnt, and the messages are stored.
            ModelNotFound: as of `as_model`, and likewise ModelCorrupt and MissingExtra.
        """
        asked = as_asked(how)
        return learning.learn(lambda: nullcontext(self._place), messages, as_model(model), asked)

    @property
    def _place(self) -> Place:
        """Where memories are stored now."""
        return Place(records=self._records, traces=self._traces, namespace=self.prefix, at=self.now())


def as_asked(how: LearnOptions) -> How:
    """The options of `learn` with their defaults; raises InvalidQuery for one that is out of its range."""
    return How(
        session=how.get("session"),
        most=check_whole("most", how.get("most", MOST)),
        dry_run=check_flag("dry_run", how.get("dry_run")) or False,
        readmit=check_flag("readmit", how.get("readmit")) or False,
    )

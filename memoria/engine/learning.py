"""The verb that learns: facts are found in messages by a model."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext

from memoria.engine.change import Change
from memoria.extraction import learning
from memoria.extraction.learning import MOST, How, Lesson, Place
from memoria.extraction.said import MessageLike
from memoria.models import ModelLike, as_model
from memoria.validate import check_whole


class Learning(Change):
    """The verb that learns."""

    def learn(
        self,
        messages: Iterable[MessageLike],
        *,
        model: ModelLike,
        session: str | None = None,
        most: int = MOST,
        dry_run: bool = False,
        readmit: bool = False,
    ) -> Lesson:
        """Stores what users say in a conversation, and the facts that a model finds in it; see docs/learn.md.

        Each message of a user is an episodic memory, and each fact a semantic one that is derived from it: forgetting
        the message forgets its facts. A fact whose words are not in the message is dropped. Speaker and namespace are
        never the model's choice. It may be called again with the same messages, or with more of the conversation: what
        is learnt from is passed over, and what a failure has left is taken up.

        Args:
            messages: texts of one user, or mappings with `role` and `content` as in chat completions, and if known
                `name` (the speaker), `time` (aware, or ISO 8601) and `id`; oldest first.
            model: a chat model, or what `memoria.models.as_model` makes one of, such as "openai:MODEL@URL".
            session: the name of the conversation.
            most: facts of one message, at most.
            dry_run: asks the model and stores nothing.
            readmit: takes back messages that were forgotten here.

        Returns:
            What was learnt, and what was not, with the reason.

        Raises:
            InvalidQuery: `messages` is one message, or one has no such form; or `model` or `most` is none.
            InvalidMemory: a message breaks a rule of memories; nothing is stored then.
            ModelFailed: the model did not answer. What it had answered before is learnt, and the messages are stored.
            ModelNotFound: as of `as_model`, and likewise ModelCorrupt and MissingExtra.
        """
        how = How(session=session, most=check_whole("most", most), dry_run=dry_run, readmit=readmit)
        return learning.learn(lambda: nullcontext(self._place), messages, as_model(model), how)

    @property
    def _place(self) -> Place:
        """Where memories are stored now."""
        return Place(records=self._records, traces=self._traces, namespace=self.prefix, at=self.now())

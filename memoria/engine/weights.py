"""The verbs that write memories into weights. Heavy parts load when one is used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.distill.unlearn import CHOSEN, folder_of, has_learnt
from memoria.embedders import thresholds
from memoria.engine.view import IdLike, View
from memoria.errors import InvalidQuery, ModelNotFound
from memoria.types import Hit
from memoria.validate import check_ids

if TYPE_CHECKING:
    from datetime import datetime

    from memoria.change.sleep import Dream
    from memoria.distill.asking import Question
    from memoria.distill.audit import Audit
    from memoria.distill.base import Base, WeightDtype
    from memoria.distill.dataset import ExampleWriter
    from memoria.distill.learn import Chooser, Distillation, Learnt, Pause
    from memoria.distill.model import DistilledModel
    from memoria.distill.recipe import Recipe

ModelPath = str | PathLike[str] | None
"""Folder or GGUF file of a causal language model, also as `hf:PATH`; None is the small one."""


class Weights(View):
    """The verbs over weights."""

    def distill(
        self,
        model: ModelPath = None,
        *,
        select: Chooser | Iterable[IdLike] | None = None,
        examples: ExampleWriter | None = None,
        recipe: Recipe | None = None,
        device: str = "cpu",
        dtype: WeightDtype = "float32",
    ) -> Learnt:
        """Writes durable memories of this view into adapters of a model, a few memories to a shard.

        Shards that are there already stay, so a call that was killed is taken up by the next. What is not chosen any
        more goes.

        Args:
            model: folder or GGUF file of a causal model, also as `hf:PATH`; None is the small one.
            select: ids; or a callable that is given record and retrievability and says whether; None takes what is
                likely to be found again and important, repeated or pinned.
            examples: writes what a memory is trained on; None is by rules.
            recipe: how the shards are trained; None is the default `Recipe`.
            device: of torch, such as "cpu", "cuda" or "mps". Shards that another device made are trained again.
            dtype: in what the base's weights are held, "float32" or "bfloat16"; shards are always in float32.

        Returns:
            What was learnt, shard by shard.

        Raises:
            InvalidQuery: nothing was chosen, the writer of examples gave none, or the model is of a form that shards
                cannot be made for.
            ModelNotFound: there is no model, tokenizer or device, or a package to run it is missing.
            ModelCorrupt: weights are not those that were published or written.
        """
        from memoria.distill.learn import choose, distill
        from memoria.distill.recipe import Recipe

        self._traces.flush()
        work = self._distillation(_loaded(model, device, dtype), recipe or Recipe(), examples)
        wanted = select if select is None or callable(select) else check_ids(select)
        chosen = choose(self.store, self.policy, self.prefix, self._clock(), wanted)
        return distill(work, chosen, self.prefix)

    def relearn(self, *, examples: ExampleWriter | None = None, device: str | None = None) -> Learnt:
        """Learns again, by the recipe of the last `distill`, what wiped shards had learnt beside what was forgotten.

        The new weights are, to the bit, those of a store that never saw it.

        Args:
            examples: what `distill` was given, if it was.
            device: where, when that of the last `distill` is not here; None is that one. Shards that are there stay.

        Returns:
            What was learnt, shard by shard.

        Raises:
            InvalidQuery: nothing was distilled, or `examples` was given then and is not now.
            ModelNotFound: the model of the last `distill`, or its device, is not there.
        """
        from memoria.distill.learn import chosen_note, recipe_of, repair

        note = chosen_note(self._shards())
        return repair(self._distillation(_noted(note, device), recipe_of(note), examples), self.prefix)

    def _relearnt(
        self, examples: ExampleWriter | None, pause: Pause, *, dry_run: bool
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """For sleep: ids of memories that were relearnt, or would be, and of those that still wait.

        What cannot be relearnt here waits, for it is answered from the store: without the model, or the callable that
        wrote the examples.
        """
        if not has_learnt(self.store):
            return (), ()
        from memoria.distill.learn import chosen_note, gaps, recipe_of, repair

        waiting = gaps(self.store, self.prefix)
        if not waiting or dry_run:
            return waiting, ()
        note = chosen_note(self._shards())
        if (examples is None and note["given"]) or pause():
            return (), waiting
        try:
            work = self._distillation(_noted(note), recipe_of(note), examples)
        except ModelNotFound:
            return (), waiting
        repair(replace(work, pause=pause), self.prefix)
        left = gaps(self.store, self.prefix)
        return tuple(id for id in waiting if id not in set(left)), left

    def _dreamt(
        self,
        at: datetime,
        *,
        seconds: float,
        cap: int,
        model: ModelPath = None,
        recipe: Recipe | None = None,
        examples: ExampleWriter | None = None,
        pause: Pause = lambda: False,
        dry_run: bool = False,
    ) -> Dream:
        """Learns what is durable by its value and its repeats, within some seconds; see memoria/distill/nightly.py."""
        from memoria.distill.nightly import Nightly, dream

        self._traces.flush()
        night = Nightly(
            store=self.store,
            embedder=self.embedder,
            policy=self.policy,
            keeper=self._traces.keeper,
            prefix=self.prefix,
            at=at,
            load=partial(self._base_of_night, model),
            cap=cap,
            seconds=seconds,
            model=None if model is None else str(model),
            recipe=recipe,
            write=examples,
            progress=self.progress,
            pause=pause,
        )
        return dream(night, dry_run=dry_run)

    def _dreams(self, told: bool | None, model: ModelPath, *, dry_run: bool) -> bool:
        """Whether this night distils: when it is told to, or an earlier one was and none was told not to since.

        Raises InvalidQuery, ModelNotFound for a night that is told to and cannot, before anything else is done.
        """
        if not told and not has_learnt(self.store):
            return False
        from memoria.distill.nightly import habit, note_habit

        folder = folder_of(self.store)
        known = habit(folder)
        if folder is None:
            raise InvalidQuery("a store in memory has no folder for shards: open one with a path")
        if told is False and known.on and not dry_run:
            note_habit(folder, replace(known, on=False))
        if told and not dry_run:
            self._base_of_night(model)
        return known.on if told is None else told

    def _base_of_night(self, model: ModelPath) -> Base:
        """The model that a night distils into, on the device of the last distillation."""
        from memoria.distill.unlearn import read_json

        folder = folder_of(self.store)
        note = None if folder is None else read_json(folder / CHOSEN, None)
        return _loaded(model) if note is None else _noted({**note, "model": model or note["model"]})

    def distilled(self, *, examples: ExampleWriter | None = None) -> DistilledModel:
        """The model with what this view distilled.

        Args:
            examples: what `distill` was given; by its questions what waits to be relearnt is found meanwhile.

        Returns:
            A model that answers from its weights where a shard knows, and as the untouched base elsewhere.

        Raises:
            InvalidQuery: nothing was distilled.
            ModelNotFound: the model of the last `distill` is not there.
        """
        from memoria.distill.learn import chosen_note
        from memoria.distill.model import DistilledModel
        from memoria.english.questions import examples as by_rules

        folder = self._shards()
        base = _answering_base(chosen_note(folder))
        return DistilledModel(base, self.store, self.embedder, folder, self.prefix, self._clock, examples or by_rules)

    def _question(self, text: str, hits: Sequence[Hit], most: int, examples: ExampleWriter | None) -> Question:
        """A question with what is needed to answer it. hits: what recall found."""
        from memoria.distill.asking import Question
        from memoria.distill.route import BACKGROUND, FLOOR, embed

        return Question(
            text=text,
            hits=hits,
            model=self._answering(examples),
            embedder=self.embedder,
            floor=min(thresholds(self.store, self.embedder, FLOOR, BACKGROUND)),
            background=embed(self.embedder, BACKGROUND),
            most=most,
        )

    def _answering(self, examples: ExampleWriter | None) -> DistilledModel | None:
        """The model with what this view distilled, kept for the next questions; None when nothing was."""
        from memoria.distill.learn import chosen_note

        if not has_learnt(self.store) or not (self._shards() / CHOSEN).exists():
            return None
        key = (self.prefix, str(chosen_note(self._shards())["model"]), examples)
        found: DistilledModel | None = self._models.get(key)
        if found is None:
            found = self.distilled(examples=examples)
            if len(self._models) >= _KEPT:
                self._models.clear()
            self._models[key] = found
        return found

    def audit_weights(self, *, examples: ExampleWriter | None = None, retrain: int | None = None) -> Audit:
        """Measures what the weights answer, what they kept of the base, and whether training again gives the same bits.

        Args:
            examples: what `distill` was given, if it was.
            retrain: how many shards are trained again to compare bits; None is all.

        Returns:
            The figures.

        Raises:
            InvalidQuery: nothing was distilled.
            ModelNotFound: the model of the last `distill` is not there.
        """
        from memoria.distill.audit import audit
        from memoria.distill.learn import chosen_note, recipe_of

        note = chosen_note(self._shards())
        work = self._distillation(_noted(note), recipe_of(note), examples)
        return audit(work, self.distilled(), self.prefix, retrain=retrain)

    def _distillation(self, base: Base, recipe: Recipe, examples: ExampleWriter | None) -> Distillation:
        from memoria.distill.learn import Distillation

        return Distillation(
            store=self.store,
            embedder=self.embedder,
            base=base,
            recipe=recipe,
            write=examples,
            progress=self.progress,
        )

    def _shards(self) -> Path:
        folder = folder_of(self.store)
        if folder is None or not folder.is_dir():
            raise InvalidQuery("nothing is distilled in this store")
        return folder


# Distilled models of one store that are kept, such as of so many namespaces that ask by turns.
_KEPT = 8
_BASES: dict[tuple[str, str, str], Base] = {}


def _loaded(model: ModelPath, device: str = "cpu", dtype: WeightDtype = "float32") -> Base:
    """The base model; the last one that was used is kept in RAM."""
    from memoria.distill import base

    base.check_packages()
    path = base.small() if model is None else base.named(model)
    key = (str(path.resolve()), base.check_device(device), base.check_dtype(dtype))
    if key not in _BASES:
        _BASES.clear()
        _BASES[key] = base.load(path, device=device, dtype=dtype)
    return _BASES[key]


def _noted(note: Mapping[str, Any], device: str | None = None) -> Base:
    """The base model of the last `distill`, on its device unless another is named; raises ModelNotFound."""
    # A note of before says neither.
    return _loaded(note["model"], device or note.get("device", "cpu"), note.get("dtype", "float32"))


def _answering_base(note: Mapping[str, Any]) -> Base:
    """The base model to answer with: on the CPU where the device of the last `distill` is not here."""
    from memoria.distill import base

    try:
        base.check_packages()
        device = base.check_device(note.get("device", "cpu"))
    except ModelNotFound:
        device = "cpu"
    return _noted(note, device)

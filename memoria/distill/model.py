"""DistilledModel: the base and the shards of a store as one model, which forgets when the store does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.derived.lineage import living
from memoria.distill import shards
from memoria.distill.answered import Answered, names_thing, quoted, quotes, stands
from memoria.distill.base import Base
from memoria.distill.dataset import ExampleWriter, written
from memoria.distill.export import Kind, export
from memoria.distill.judge import Judge
from memoria.distill.kinds import Shard
from memoria.distill.kinds import active as acting
from memoria.distill.learn import chosen_note, missing, recipe_of
from memoria.distill.recipe import Recipe
from memoria.distill.route import BACKGROUND, FLOOR, MOST, Known, Route, Router, embed, said_of, words_of
from memoria.distill.template import prompt_of
from memoria.distill.unlearn import Export, manifests
from memoria.embedders import thresholds
from memoria.protocols import Embedder, Store
from memoria.types import Memory, Namespace

if TYPE_CHECKING:
    from torch import Tensor

    from memoria.arrays import Vectors


Clock = Callable[[], datetime]
# Prompts answered together.
_TOGETHER = 16


class DistilledModel:
    """Answers from weights. `Memoria.distilled` makes it; it is a `Generator`.

    A prompt about something else is answered by the base model, which is unchanged: the logits are the same, bit for
    bit. Memories that were in a wiped shard and are not forgotten are answered with their text from the store, until
    they are learnt again.

    Args:
        base: the base model.
        store: the store with the memories.
        embedder: finds what a prompt is about.
        folder: where the shards are.
        prefix: only memories in this namespace or below it.
        clock: gives the time.
        write: makes the examples of a memory; its questions are how memories without a shard are found.
    """

    def __init__(
        self,
        base: Base,
        store: Store,
        embedder: Embedder,
        folder: Path,
        prefix: Namespace,
        clock: Clock,
        write: ExampleWriter,
    ) -> None:
        self.base = base
        self._store, self._embedder, self.folder, self._prefix = store, embedder, folder, prefix
        self._clock, self._write = clock, write
        self.judge = Judge(base, embedder)
        self._background: Vectors = embed(embedder, BACKGROUND)
        self._floor = min(thresholds(store, embedder, FLOOR, BACKGROUND))
        self._stamp: tuple[Any, ...] | None = None
        self._shards: dict[str, Shard] = {}
        self._refreshing = threading.RLock()
        self._near: dict[str, Memory] = {}
        self.refresh()

    def refresh(self) -> None:
        """Loads shards that are new and drops those that are gone. Every other method does this first."""
        with self._refreshing:
            stamp = _stamp(self.folder)
            if stamp != self._stamp:
                self._load(stamp)

    def _load(self, stamp: tuple[Any, ...]) -> None:
        """Reads all shards of this namespace that may be used, and then puts them in the place of those before."""
        note = chosen_note(self.folder)
        self.recipe: Recipe = recipe_of(note)
        loaded, known = dict[str, Shard](), list[Known]()
        for path, manifest in manifests(self.folder).items():
            there = {} if manifest is None else living(self._store, manifest.ids)
            if manifest is None or manifest.base != self.base.sha256 or set(there) != set(manifest.ids):
                continue
            if not all(one.under(self._prefix) and one.visible_to is None for one in there.values()):
                continue
            tensors = shards.read(path, manifest)
            if tensors is not None:
                recipe = Recipe.read(manifest.recipe)
                loaded[path.stem], more = self._take(path.stem, tensors, [there[id] for id in manifest.ids], recipe)
                known += more
        waiting = self._survivors(missing(self.folder, note["ids"]))
        self._near = {one.memory.id: one.memory for one in (*known, *waiting)}
        self.judge.keep(self._near)
        self.router = Router(self._embedder, [*known, *waiting], self._background, self._floor)
        self._shards, self._stamp = loaded, stamp

    def _take(
        self, name: str, tensors: dict[str, Tensor], memories: Sequence[Memory], recipe: Recipe
    ) -> tuple[Shard, list[Known]]:
        """A shard, and its memories as the router finds them."""
        keys = {key: tensors.pop(key).numpy() for key in list(tensors) if key.startswith(shards.ROUTE)}
        ids = tuple(one.id for one in memories)
        here = {key: one.to(self.base.device) for key, one in tensors.items()}
        shard = Shard(name=name, tensors=here, recipe=recipe, ids=ids)
        asked, owners = keys[shards.VECTORS], keys[shards.OWNERS]
        return shard, [
            replace(
                self._known(one, name, keys[shards.SAID][keys[shards.SPEAKERS] == n] if shards.SAID in keys else None),
                questions=asked[owners == n],
            )
            for n, one in enumerate(memories)
        ]

    def _known(self, memory: Memory, shard: str, said: Vectors | None = None) -> Known:
        """A memory as the router finds it. said: vectors of its sentences, where the shard holds them."""
        made = written(memory, self._write)
        asked = [one.prompt for one in made]
        return Known(
            memory=memory,
            shard=shard,
            questions=embed(self._embedder, asked) if not shard else self._background[:0],
            said=said if said is not None else embed(self._embedder, said_of(memory)),
            words=words_of(memory, asked),
            whole=quotes(memory, [one.answer for one in made]),
        )

    def _survivors(self, ids: set[str]) -> list[Known]:
        """What was chosen and is in no shard, with the questions that it would be learnt from."""
        there = [one for one in living(self._store, ids).values() if one.under(self._prefix)]
        return [self._known(one, "") for one in there]

    def route(self, prompt: str) -> Route:
        """Which memories and shards a prompt would use.

        Args:
            prompt: the prompt.

        Returns:
            The shards, at most a few, and the near memories, nearest first; none that is not true now.
        """
        self.refresh()
        found = self.router.route(prompt, self.judge)
        now, there = self._clock(), living(self._store, found.memories)
        valid = {id: shard for id, shard in found.memories.items() if id in there and there[id].holds(now)}
        if next(iter(valid.values()), None) == "":
            return replace(found, shards=(), memories=valid)
        active = tuple(dict.fromkeys(shard for shard in valid.values() if shard))
        return replace(found, shards=active[:MOST], memories=valid)

    def generate(self, prompt: str, *, most: int = 32) -> str:
        """Answers a prompt, with the most likely token at each step.

        Args:
            prompt: the prompt.
            most: tokens of the answer, at most.

        Returns:
            The answer.
        """
        return self.generate_many([prompt], most=most)[0]

    def generate_many(self, prompts: Sequence[str], *, most: int = 32) -> list[str]:
        """Answers prompts; those that need the same shards are answered together.

        Args:
            prompts: n prompts.
            most: tokens of an answer, at most; what a memory says in its own words is not cut.

        Returns:
            n answers in the same order.
        """
        return [one.text for one in self.reply_many(prompts, most=most)]

    def reply_many(self, prompts: Sequence[str], *, most: int = 64) -> list[Answered]:
        """Answers prompts, and says who answers.

        Weights answer only where a shard holds a question of that kind, or the judge says that its memory tells of
        it, and only with what they were taught of that memory (memoria/distill/answered.py). Otherwise the near
        memories answer in their own words, and where none is near, the untouched base does.

        Args:
            prompts: n prompts.
            most: tokens of an answer of a model, at most.

        Returns:
            n answers in the same order.
        """
        routes = [self.route(prompt) for prompt in prompts]
        told = {n: quoted(self._nearby(one)) for n, one in enumerate(routes) if one.memories and not _known(one)}
        for active in dict.fromkeys(route.shards for route in routes):
            which = [n for n, route in enumerate(routes) if route.shards == active and n not in told]
            found = self.answer([prompts[n] for n in which], active, most=most)
            told |= {n: self._judged(text, routes[n]) for n, text in zip(which, found, strict=True)}
        return [told[n] for n in range(len(prompts))]

    def _judged(self, said: str, route: Route) -> Answered:
        """What a model said, if it may stand; or else the near memories, in their own words."""
        if not route.shards:
            return Answered(text=said, source="base")
        near = self._nearby(route)
        one = stands(said, near, route.sure, lambda one: [each.answer for each in written(one, self._write)])
        if one is not None and route.judged and not names_thing(said, one):
            # True, and another sentence of it than the one that was judged.
            one = None
        return quoted(near) if one is None else Answered(text=said, source="weights", memories=(one.id,))

    def _nearby(self, route: Route) -> list[Memory]:
        return [self._near[id] for id in route.memories]

    @property
    def learnt(self) -> set[str]:
        """Ids of the memories in weights, and of those that wait to be learnt again."""
        self.refresh()
        return set(self._near)

    def memory(self, id: str) -> Memory:
        """A memory in weights, or one that waits.

        Args:
            id: one of `learnt`.

        Returns:
            The memory.
        """
        return self._near[id]

    def count(self, text: str) -> int:
        """Counts tokens.

        Args:
            text: any text.

        Returns:
            How many tokens it is for the base's tokenizer.
        """
        return len(self.base.tokenizer(text, add_special_tokens=False).input_ids)

    def told(self, prompt: str, route: Route) -> str | None:
        """The text of a memory that waits to be learnt again, when it is nearer to a prompt than any in weights.

        Args:
            prompt: the prompt.
            route: its route.

        Returns:
            The text; None when the weights or the base should answer.
        """
        return quoted(self._nearby(route)).text if route.memories and not route.shards else None

    def sources(self, prompt: str) -> tuple[str, ...]:
        """Which memories the answer to a prompt may come from.

        Args:
            prompt: the prompt.

        Returns:
            Ids of all memories in the shards that are used, and of those that are near; none when the base answers.
        """
        route = self.route(prompt)
        inside = [id for name in route.shards for id in self._shards[name].ids]
        return tuple(dict.fromkeys([*route.memories, *inside]))

    def answer(self, prompts: Sequence[str], active: Sequence[str], *, most: int = 32) -> list[str]:
        """Answers prompts with given shards, whatever they are about.

        Args:
            prompts: n prompts.
            active: names of the shards; others are ignored.
            most: tokens of an answer, at most.

        Returns:
            n answers in the same order.
        """
        found: list[str] = []
        for at in range(0, len(prompts), _TOGETHER):
            texts = [prompt_of(self.base, one) for one in prompts[at : at + _TOGETHER]]
            with self._applied(active):
                found += self.base.say(texts, most)
        return found

    def logits(self, text: str) -> Tensor:
        """Logits after each token, with the shards that the text would use.

        Args:
            text: a text of t tokens.

        Returns:
            Logits of shape (t, vocabulary).
        """
        return self.logits_with(text, self.route(text).shards)

    def logits_with(self, text: str, active: Sequence[str]) -> Tensor:
        """Logits after each token, with given shards.

        Args:
            text: a text of t tokens.
            active: names of the shards.

        Returns:
            Logits of shape (t, vocabulary), in float32 on the CPU.
        """
        import torch

        ids = self.base.tensor([self.base.tokenizer(text, add_special_tokens=False).input_ids])
        with torch.no_grad(), self._applied(active):
            found: Tensor = self.base.model(input_ids=ids, use_cache=False).logits[0]
        return found.float().cpu()

    def losses(self, prompt: str, answers: Sequence[str], active: Sequence[str] | None = None) -> list[float]:
        """How unexpected answers to a prompt are.

        Args:
            prompt: the prompt.
            answers: n answers.
            active: names of the shards; None are those that the prompt would use.

        Returns:
            For each answer the mean loss of its tokens, in nats.
        """
        import torch

        encode = self.base.tokenizer
        head = encode(prompt_of(self.base, prompt), add_special_tokens=False).input_ids
        rows = [encode(answer, add_special_tokens=False).input_ids for answer in answers]
        longest = max(map(len, rows))
        labels = self.base.tensor([[*row, *[-100] * (longest - len(row))] for row in rows])
        ids = torch.cat([self.base.tensor([head] * len(rows)), labels.clamp(min=0)], dim=1)
        with torch.no_grad(), self._applied(self.route(prompt).shards if active is None else active):
            logits = self.base.logits(self.base.states(ids)[:, len(head) - 1 : -1])
        each = torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
        found: list[float] = (each.sum(1) / (labels >= 0).sum(1)).tolist()
        return found

    def export(self, to: str | Path, kind: Kind = "peft") -> list[Export]:
        """Copies the shards in use to a new folder. The store remembers where, and wipes the copies when it forgets.

        Args:
            to: the new folder.
            kind: "peft" for one adapter a shard, "merged" for one model with all of them in it. A merged model uses
                every shard for every prompt.

        Returns:
            What was written.

        Raises:
            InvalidQuery: there is no such kind, or the folder is not empty.
            StoreCorrupt: a shard is damaged.
        """
        self.refresh()
        with self._store.alone():
            return export(self.base, self.folder, tuple(sorted(self._shards)), Path(to), kind)

    @property
    def shards(self) -> tuple[str, ...]:
        """Names of the shards in use."""
        self.refresh()
        return tuple(sorted(self._shards))

    @contextmanager
    def _applied(self, active: Sequence[str]) -> Iterator[None]:
        """The base with these shards, while it lasts."""
        there = [self._shards[name] for name in active if name in self._shards]
        with self.base.lock, acting(self.base, there):
            yield


def _known(route: Route) -> bool:
    """Whether weights may answer: a shard holds a question of that kind, or one memory alone is judged to be of it."""
    return bool(route.shards) and (bool(route.sure) or (route.judged and len(route.memories) == 1))


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """What tells whether shards came or went: names, inodes and times of the files there."""
    found = []
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process may wipe meanwhile
            stat = path.stat()
            found.append((path.name, stat.st_ino, stat.st_mtime_ns))
    return tuple(sorted(found))

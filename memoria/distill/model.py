"""DistilledModel: the base and the shards of a store as one model, which forgets when the store does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.derived.lineage import living
from memoria.distill import shards
from memoria.distill.base import Base
from memoria.distill.dataset import ExampleWriter, written
from memoria.distill.export import Kind, export
from memoria.distill.learn import chosen_note, missing, recipe_of
from memoria.distill.route import BACKGROUND, FLOOR, MOST, Known, Route, Router, embed
from memoria.distill.train import Recipe, prompt_of
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A shard in RAM: its adapter, by names of peft, how much its update is scaled, and ids of what it has seen."""

    name: str
    tensors: Mapping[str, Tensor]
    scale: float
    ids: tuple[str, ...]


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
        self._background: Vectors = embed(embedder, BACKGROUND)
        self._floor = min(thresholds(store, embedder, FLOOR, BACKGROUND))
        self._stamp: tuple[Any, ...] | None = None
        self._shards: dict[str, Shard] = {}
        self._texts: dict[str, str] = {}
        self.refresh()

    def refresh(self) -> None:
        """Loads shards that are new and drops those that are gone. Every other method does this first."""
        stamp = _stamp(self.folder)
        if stamp == self._stamp:
            return
        note = chosen_note(self.folder)
        self.recipe: Recipe = recipe_of(note)
        self._shards, known = {}, list[Known]()
        for path, manifest in manifests(self.folder).items():
            there = {} if manifest is None else living(self._store, manifest.ids)
            if manifest is None or manifest.base != self.base.sha256 or set(there) != set(manifest.ids):
                continue
            if not all(one.under(self._prefix) for one in there.values()):
                continue
            tensors = shards.read(path, manifest)
            if tensors is not None:
                recipe = recipe_of({"recipe": manifest.recipe})
                known += self._take(path.stem, tensors, [there[id] for id in manifest.ids], recipe)
        self.router = Router(self._embedder, known, self._background, self._floor)
        waiting = self._survivors(missing(self.folder, note["ids"]))
        self._texts = {one.memory.id: one.memory.text for one in waiting}
        self._waiting = Router(self._embedder, waiting, self._background, self._floor)
        self._stamp = stamp

    def _take(self, name: str, tensors: dict[str, Tensor], memories: Sequence[Memory], recipe: Recipe) -> list[Known]:
        vectors, owners = tensors.pop(shards.VECTORS).numpy(), tensors.pop(shards.OWNERS).numpy()
        ids = tuple(one.id for one in memories)
        self._shards[name] = Shard(name=name, tensors=tensors, scale=recipe.alpha / recipe.rank, ids=ids)
        return [Known(memory=one, shard=name, vectors=vectors[owners == n]) for n, one in enumerate(memories)]

    def _survivors(self, ids: set[str]) -> list[Known]:
        """What was chosen and is in no shard, with the questions that it would be learnt from."""
        there = [one for one in living(self._store, ids).values() if one.under(self._prefix)]
        made = [[one.text, *(each.prompt for each in written(one, self._write))] for one in there]
        return [
            Known(memory=one, shard="", vectors=embed(self._embedder, each))
            for one, each in zip(there, made, strict=True)
        ]

    def route(self, prompt: str) -> Route:
        """Which shards a prompt would use.

        Args:
            prompt: the prompt.

        Returns:
            The shards, at most a few, and the nearest memories; no shard for a fact that is not true now.
        """
        self.refresh()
        found = self.router.route(prompt)
        now, there = self._clock(), living(self._store, found.memories)
        valid = [shard for id, shard in found.memories.items() if id in there and there[id].holds(now)]
        return replace(found, shards=tuple(dict.fromkeys(valid))[:MOST])

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
            most: tokens of an answer, at most.

        Returns:
            n answers in the same order.
        """
        routes = [self.route(prompt) for prompt in prompts]
        answers = {n: text for n, prompt in enumerate(prompts) if (text := self.told(prompt, routes[n])) is not None}
        for active in dict.fromkeys(route.shards for route in routes):
            which = [n for n, route in enumerate(routes) if route.shards == active and n not in answers]
            found = self.answer([prompts[n] for n in which], active, most=most)
            answers |= zip(which, found, strict=True)
        return [answers[n] for n in range(len(prompts))]

    def told(self, prompt: str, route: Route) -> str | None:
        """The text of a memory that waits to be learnt again, when it is nearer to a prompt than any in weights.

        Args:
            prompt: the prompt.
            route: its route.

        Returns:
            The text; None when the weights or the base should answer.
        """
        id = self._told(prompt, route)
        return None if id is None else self._texts[id]

    def sources(self, prompt: str) -> tuple[str, ...]:
        """Which memories the answer to a prompt comes from.

        Args:
            prompt: the prompt.

        Returns:
            Ids of all memories in the shards that are used, or of the one that is answered from the store; none when
            the base answers.
        """
        route = self.route(prompt)
        told = self._told(prompt, route)
        if told is not None:
            return (told,)
        return tuple(id for name in route.shards for id in self._shards[name].ids)

    def _told(self, prompt: str, route: Route) -> str | None:
        found = self._waiting.route(prompt)
        return next(iter(found.memories)) if found.memories and found.nearest > route.nearest else None

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
            found += self._answer([prompt_of(self.base, one) for one in prompts[at : at + _TOGETHER]], active, most)
        return found

    def _answer(self, texts: Sequence[str], active: Sequence[str], most: int) -> list[str]:
        import torch

        encode = self.base.tokenizer
        rows = [encode(text, add_special_tokens=False).input_ids for text in texts]
        longest, end = max(map(len, rows)), encode.eos_token_id
        ids = torch.tensor([[end] * (longest - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
        with torch.no_grad(), self._applied(active):
            out = self.base.model.generate(
                input_ids=ids, attention_mask=mask, max_new_tokens=most, do_sample=False, pad_token_id=end
            )
        return [str(encode.decode(row[longest:], skip_special_tokens=True)).strip() for row in out]

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
            Logits of shape (t, vocabulary).
        """
        import torch

        ids = self.base.tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
        with torch.no_grad(), self._applied(active):
            found: Tensor = self.base.model(input_ids=ids, use_cache=False).logits[0]
        return found

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
        labels = torch.tensor([[*row, *[-100] * (longest - len(row))] for row in rows])
        ids = torch.cat([torch.tensor([head] * len(rows)), labels.clamp(min=0)], dim=1)
        with torch.no_grad(), self._applied(self.route(prompt).shards if active is None else active):
            states = self.base.model.model(input_ids=ids, use_cache=False).last_hidden_state[:, len(head) - 1 : -1]
            logits = self.base.model.get_output_embeddings()(states).float()
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
        """The base with the updates of these shards added, while it lasts."""
        with self.base.lock, ExitStack() as hung:
            for shard in (self._shards[name] for name in active if name in self._shards):
                for name, down, up in shards.updates(shard.tensors):
                    linear = self.base.model.get_submodule(name)
                    hung.callback(linear.register_forward_hook(_hook(down, up, shard.scale)).remove)
            yield


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """What tells whether shards came or went: names, inodes and times of the files there."""
    found = []
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process may wipe meanwhile
            stat = path.stat()
            found.append((path.name, stat.st_ino, stat.st_mtime_ns))
    return tuple(sorted(found))


def _hook(down: Tensor, up: Tensor, scale: float) -> Callable[..., Any]:
    """What adds an update to the output of a linear map."""

    def add(module: Any, args: Any, out: Any) -> Any:
        return out + (args[0] @ down.T @ up.T) * scale

    return add

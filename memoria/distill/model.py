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
from memoria.distill.route import BACKGROUND, MOST, Known, Route, Router, embed
from memoria.distill.train import Recipe, prompt_of
from memoria.distill.unlearn import Export, manifests
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
    """Answers from weights. Made by `Memoria.distilled`; a `Generator` like any other.

    Off topic the base answers, and its logits are the base's to the bit, for nothing of it is touched. What a wiped
    shard had learnt beside what was forgotten is answered by the memory itself, from the store, until it is relearnt.
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
        self._stamp: tuple[Any, ...] | None = None
        self._shards: dict[str, Shard] = {}
        self._texts: dict[str, str] = {}
        self.refresh()

    def refresh(self) -> None:
        """Takes up what was learnt and drops what was forgotten since; every verb does it first."""
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
        self.router = Router(self._embedder, known, self._background)
        waiting = self._survivors(missing(self.folder, note["ids"]))
        self._texts = {one.memory.id: one.memory.text for one in waiting}
        self._waiting = Router(self._embedder, waiting, self._background)
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
        """Which shards a prompt would use; none for a fact that has ended, or holds only later."""
        self.refresh()
        found = self.router.route(prompt)
        now, there = self._clock(), living(self._store, found.memories)
        held = [shard for id, shard in found.memories.items() if id in there and there[id].holds(now)]
        return replace(found, shards=tuple(dict.fromkeys(held))[:MOST])

    def generate(self, prompt: str, *, most: int = 32) -> str:
        """The answer to a prompt, at most `most` tokens, the likeliest at each step."""
        return self.generate_many([prompt], most=most)[0]

    def generate_many(self, prompts: Sequence[str], *, most: int = 32) -> list[str]:
        """The answer to each prompt; those that need the same shards are answered together."""
        routes = [self.route(prompt) for prompt in prompts]
        answers = {n: text for n, prompt in enumerate(prompts) if (text := self.told(prompt, routes[n])) is not None}
        for active in dict.fromkeys(route.shards for route in routes):
            which = [n for n, route in enumerate(routes) if route.shards == active and n not in answers]
            found = self.answer([prompts[n] for n in which], active, most=most)
            answers |= zip(which, found, strict=True)
        return [answers[n] for n in range(len(prompts))]

    def told(self, prompt: str, route: Route) -> str | None:
        """The memory that answers, word for word, when it waits to be relearnt and is nearer than any in weights."""
        id = self._told(prompt, route)
        return None if id is None else self._texts[id]

    def sources(self, prompt: str) -> tuple[str, ...]:
        """Ids of the memories that the answer to a prompt comes from: all that the weights in use have seen, or the one
        that is told word for word; none when the base answers."""
        route = self.route(prompt)
        told = self._told(prompt, route)
        if told is not None:
            return (told,)
        return tuple(id for name in route.shards for id in self._shards[name].ids)

    def _told(self, prompt: str, route: Route) -> str | None:
        found = self._waiting.route(prompt)
        return next(iter(found.memories)) if found.memories and found.nearest > route.nearest else None

    def answer(self, prompts: Sequence[str], active: Sequence[str], *, most: int = 32) -> list[str]:
        """The answers with given shards, whatever the router thinks."""
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
        """Logits after each token of `text`, shape (t, vocabulary), with the shards that the router gives it."""
        return self.logits_with(text, self.route(text).shards)

    def logits_with(self, text: str, active: Sequence[str]) -> Tensor:
        """Logits with given shards."""
        import torch

        ids = self.base.tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
        with torch.no_grad(), self._applied(active):
            found: Tensor = self.base.model(input_ids=ids, use_cache=False).logits[0]
        return found

    def losses(self, prompt: str, answers: Sequence[str], active: Sequence[str] | None = None) -> list[float]:
        """Mean loss of the tokens of each answer to a prompt, in nats; with given shards, or as it is routed."""
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
        """Copies the shards in use to a new folder, and remembers where, for forgetting; see export.py."""
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

"""Twenty wrong calls, one a line marked `# wrong`: mypy and pyright find each of them, and nothing else. Never run."""

from __future__ import annotations

import memoria


def verbs(memory: memoria.Memoria, one: memoria.Memory) -> None:
    memory.remember("tea", sujbect="ada")  # wrong: name
    memory.remember("tea", kind="semantics")  # wrong: literal
    memory.remember("tea", created_at="2026-05-04")  # wrong: type
    memory.recall("tea", limit=3)  # wrong: name
    memory.recall("tea", include=("forgotten",))  # wrong: literal
    memory.recall("tea", archived=True)  # wrong: name, of a field that only stores know
    memory.recall_many([7])  # wrong: type
    memory.recall_many(["tea"], kinds=["episodical"])  # wrong: literal
    memory.list(sice=None)  # wrong: name
    memory.list(limit="3")  # wrong: type
    memory.forget(one, guard="close")  # wrong: literal
    memory.forget(one, agreed=7)  # wrong: type
    memory.forget(archived=False)  # wrong: name
    memory.forget({"id": one.id})  # wrong: type
    memory.amend(one, key="k")  # wrong: name
    memory.amend(one, salience="high")  # wrong: type
    memory.sleep(dryrun=True)  # wrong: name
    memory.sleep(cap="all")  # wrong: type
    memory.sleep(distil="yes")  # wrong: type
    memory.supersede(one, "tea", when=None)  # wrong: name
    memory.supersede(one, 7)  # wrong: type


async def awaited(memory: memoria.AsyncMemoria) -> None:
    await memory.recall("tea", k="3")  # wrong: type

"""LangChain's retriever and document index on memoria: what is remembered as documents, and documents remembered.

`DocumentIndex` is a retriever that takes documents and deletes them, which is an exact forget here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from pydantic import Field, field_validator

from memoria.engine.arguments import Asking
from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery, MemoryNotFound
from memoria.extras import extra
from memoria.integrations.documents import check, found, told
from memoria.integrations.messages import as_text
from memoria.integrations.names import record_key
from memoria.integrations.threads import settled
from memoria.integrations.versions import replace, tag
from memoria.remember import Draft
from memoria.sharing import Source, lent
from memoria.types import Hit, Memory, Provenance
from memoria.validate import MAX_NAME_BYTES

with extra("langchain"):
    from langchain_core.documents import Document
    from langchain_core.indexing import UpsertResponse
    from langchain_core.indexing.base import DeleteResponse, DocumentIndex

if TYPE_CHECKING:
    from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun

_ROOM = "documents"


class MemoriaRetriever(DocumentIndex):
    """A retriever over a memory: `MemoriaRetriever(memory=memory, k=4)`. Safe for threads.

    It finds all that is under the view, whoever remembered it. A document's metadata are those of the memory, and under
    "memoria" what is known of it: score, time, speaker, session, subject and more.

    Attributes:
        memory: a view of a memory, or a `Shared` store.
        k: how many documents are returned at most; at least 1. `invoke(query, k=3)` overrides it.
        asking: other arguments of `Memoria.recall`, such as {"subject": "ada", "at_least": 0.5}; those that `invoke`
            is given come on top.
    """

    memory: Any = Field(exclude=True, repr=False)
    k: int = Field(default=10, ge=1)
    asking: dict[str, Any] = Field(default_factory=dict)

    @field_validator("memory")
    @classmethod
    def _is_source(cls, given: Any) -> Any:
        if not isinstance(given, Source):
            raise ValueError(f"memory is {type(given).__name__}, not a memory or a Shared store")
        return given

    @field_validator("asking")
    @classmethod
    def _is_asking(cls, given: dict[str, Any]) -> dict[str, Any]:
        return check(given)

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        **asking: Unpack[Asking],
    ) -> list[Document]:
        return self._found(query, k, asking)

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,
        k: int | None = None,
        **asking: Unpack[Asking],
    ) -> list[Document]:
        return await settled(self._found, query, k, asking)

    def upsert(self, items: Sequence[Document], /, **kwargs: Any) -> UpsertResponse:
        """Remembers documents, all or nothing, in the namespace "documents" of the view.

        Args:
            items: one whose `id` is there replaces what was; one without gets an id. A "source" in the metadata is the
                source of the memory.
            **kwargs: none is taken.

        Returns:
            The ids, all of them succeeded.

        Raises:
            InvalidMemory: a document breaks a rule, such as that metadata are JSON.
            Held: a hold protects what it would replace.
        """
        _refuse(kwargs)
        given = {one.id or record_key(): one for one in items}
        with lent(self.memory) as memory:
            view = memory.namespace(_ROOM)
            old = [version for id in given for version in view.list(tags=(tag(id),))]
            drafts = [_draft(id, document) for id, document in given.items()]
            new = view.remember_many(drafts, readmit=True) if drafts else []
            replace(view, old, new)
        return UpsertResponse(succeeded=list(given), failed=[])

    async def aupsert(self, items: Sequence[Document], /, **kwargs: Any) -> UpsertResponse:
        """Runs `upsert` in a worker thread.

        Args:
            items: as there.
            **kwargs: as there.

        Returns:
            As there.
        """
        return await settled(self.upsert, items, **kwargs)

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> DeleteResponse:
        """Forgets documents, and memories that were no documents, with all that was made from them.

        Args:
            ids: as documents have them; unknown ones are passed over.
            **kwargs: none is taken.

        Returns:
            The ids of those that are gone.

        Raises:
            ValueError: no ids are given.
            Held: a hold protects one of them; then none is gone.
        """
        _refuse(kwargs)
        if ids is None:
            raise ValueError("delete needs ids")
        with lent(self.memory) as memory:
            going = {id: _versions(memory, id) for id in dict.fromkeys(ids)}
            memories = {one.id for versions in going.values() for one in versions}
            if memories:
                memory.forget(*memories)
        gone = [id for id, versions in going.items() if versions]
        return DeleteResponse(num_deleted=len(gone), succeeded=gone, num_failed=0, failed=[])

    async def adelete(self, ids: list[str] | None = None, **kwargs: Any) -> DeleteResponse:
        """Runs `delete` in a worker thread.

        Args:
            ids: as there.
            **kwargs: as there.

        Returns:
            As there.
        """
        return await settled(self.delete, ids, **kwargs)

    def get(self, ids: Sequence[str], /, **kwargs: Any) -> list[Document]:
        """Reads documents, and memories that were no documents.

        Args:
            ids: as documents have them; unknown ones are passed over.
            **kwargs: none is taken.

        Returns:
            The documents, as they were given.
        """
        _refuse(kwargs)
        with lent(self.memory) as memory:
            every = [_versions(memory, id)[-1:] for id in dict.fromkeys(ids)]
        return [_document(one) for versions in every for one in versions]

    async def aget(self, ids: Sequence[str], /, **kwargs: Any) -> list[Document]:
        """Runs `get` in a worker thread.

        Args:
            ids: as there.
            **kwargs: as there.

        Returns:
            As there.
        """
        return await settled(self.get, ids, **kwargs)

    def _found(self, query: str, k: int | None, asking: Mapping[str, Any]) -> list[Document]:
        hits = found(self.memory, query, self.k if k is None else k, {**self.asking, **asking})
        return [_recalled(hit) for hit in hits]


def _refuse(kwargs: Mapping[str, Any]) -> None:
    if kwargs:
        raise ValueError(f"there is no argument {', '.join(sorted(kwargs))}")


def _draft(id: str, document: Document) -> Draft:
    text = as_text(document.page_content, "(empty)")
    source = document.metadata.get("source")
    named = isinstance(source, str) and 0 < len(source.encode("utf-8", "replace")) <= MAX_NAME_BYTES and source.strip()
    kept = {} if text == document.page_content else {"content": document.page_content}
    return Draft(
        text=text,
        kind="semantic",
        tags=(tag(id),),
        key=record_key(),
        provenance=Provenance(source=source if named else _ROOM),
        metadata={"document": {"id": id, "metadata": document.metadata, **kept}},
    )


def _versions(memory: Memoria, id: str) -> list[Memory]:
    """The versions of a document, oldest first; or else the memory with this id."""
    versions = memory.list(namespace=(_ROOM,), tags=(tag(id),))
    if versions:
        return list(versions)
    try:
        return [memory.get(id)]
    except (MemoryNotFound, InvalidQuery):
        return []


def _document(memory: Memory) -> Document:
    kept = memory.metadata.get("document")
    if not isinstance(kept, Mapping):
        return Document(id=memory.id, page_content=memory.text, metadata=dict(memory.metadata))
    return Document(id=kept["id"], page_content=kept.get("content", memory.text), metadata=dict(kept["metadata"]))


def _recalled(hit: Hit) -> Document:
    """A document of a hit; of a memory that is shown in part, that part."""
    document = _document(hit.memory)
    words = hit.shown if hit.in_part else document.page_content
    return Document(id=document.id, page_content=words, metadata={**document.metadata, "memoria": told(None, hit)})


__all__ = ["MemoriaRetriever"]

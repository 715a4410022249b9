"""LangChain's own tests, of its package langchain-tests, for retrievers and document indexes, aimed at ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from langchain_tests.integration_tests import RetrieversIntegrationTests
from langchain_tests.integration_tests.indexer import AsyncDocumentIndexTestSuite, DocumentIndexerTestSuite

import memoria
from memoria.integrations.langchain import MemoriaRetriever
from memoria.testing import HashEmbedder


@pytest.fixture(scope="module")
def memory() -> Iterator[memoria.Memoria]:
    with memoria.open(":memory:", embedder=HashEmbedder()) as opened:
        opened.remember_many([f"{name} takes tea at {n}." for n, name in enumerate(("Ada", "Bob", "Chika", "Femi"))])
        yield opened


class TestRetriever(RetrieversIntegrationTests):  # type: ignore[misc]
    @pytest.fixture(autouse=True)
    def remembered(self, memory: memoria.Memoria) -> None:
        self.memory = memory

    @property
    def retriever_constructor(self) -> type[MemoriaRetriever]:
        return MemoriaRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"memory": self.memory}

    @property
    def retriever_query_example(self) -> str:
        return "Who takes tea?"


class TestIndex(DocumentIndexerTestSuite):  # type: ignore[misc]
    @pytest.fixture
    def index(self) -> Iterator[MemoriaRetriever]:
        with memoria.open(":memory:", embedder=HashEmbedder()) as opened:
            yield MemoriaRetriever(memory=opened)


class TestAwaitedIndex(AsyncDocumentIndexTestSuite):  # type: ignore[misc]
    @pytest.fixture
    async def index(self) -> AsyncIterator[MemoriaRetriever]:
        with memoria.open(":memory:", embedder=HashEmbedder()) as opened:
            yield MemoriaRetriever(memory=opened)

"""A chain of LangChain that answers from what is remembered, and a document that is deleted. Run it:

pip install 'memoria-runtime[langchain]'
python examples/langchain_retriever.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough

import memoria
from memoria.integrations.langchain import MemoriaRetriever
from memoria.testing import HashEmbedder

OPENS = "The tea house in Oslo opens at seven."


def shown(documents: list[Document]) -> str:
    """What a prompt says of documents."""
    return "\n".join(f"- {one.page_content}" for one in documents)


def run(folder: Path) -> dict[str, Any]:
    """What the model answers, what is found, and the needles in the files once the document is deleted."""
    with memoria.open(folder / "agent.memoria", embedder=HashEmbedder()) as memory:
        retriever = MemoriaRetriever(memory=memory, k=3)
        retriever.upsert([Document(OPENS, id="hours", metadata={"source": "https://tea.example"})])
        memory.remember("Ada takes her tea without sugar.", subject="ada")
        # A model that was scripted; a real one goes in its place.
        model = GenericFakeChatModel(messages=iter([AIMessage("At seven.")]))
        prompt = ChatPromptTemplate.from_template("You remember:\n{known}\n\n{question}")
        chain = {"known": retriever | shown, "question": RunnablePassthrough()} | prompt | model
        said = chain.invoke("When does the tea house in Oslo open?").content
        found = [one.page_content for one in retriever.invoke("When does the tea house open?", k=1)]
        retriever.delete(["hours"])
        return {"said": said, "found": found, "residue": len(memory.scan(OPENS).found)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name, value in run(Path(folder)).items():
            print(f"{name:10} {value}")  # noqa: T201 - an example

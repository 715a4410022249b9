"""A client of `memoria mcp` over stdio: builds a graph, asks, forgets, and looks at every byte. Run it:

pip install 'memoria-runtime[mcp]'
python examples/mcp_client.py
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

ADA = {"name": "Ada", "entityType": "person", "observations": ["takes her tea without sugar", "keeps a secret garden"]}


async def run(folder: Path) -> dict[str, Any]:
    """What was recalled, and what the forget found in the files afterwards."""
    command = ["-c", "from memoria.cli import main; main()", "mcp", "--store", str(folder / "agent.memoria")]
    server = StdioServerParameters(command=sys.executable, args=command)
    async with Client(stdio_client(server)) as client:
        await client.call_tool("create_entities", {"entities": [ADA]})
        hits = await client.call_tool("recall", {"query": "a garden that nobody knows of", "k": 1})
        assert hits.structured_content is not None
        found = hits.structured_content["memories"][0]
        gone = await client.call_tool("forget", {"ids": [found["id"]], "verify": True})
        assert gone.structured_content is not None
        graph = await client.call_tool("read_graph", {})
        assert graph.structured_content is not None
        left = graph.structured_content["entities"][0]["observations"]
        return {"recalled": found["text"], "residue": gone.structured_content["residue"], "left": left}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name, value in asyncio.run(run(Path(folder))).items():
            print(f"{name:10} {value}")  # noqa: T201 - an example

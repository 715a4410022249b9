"""Claude's memory files in a store: edited as Claude edits them, and gone when deleted. Run it:

    pip install 'memoria-runtime[anthropic]'
    python examples/claude_memory.py

With a key, give the tool to the SDK's runner instead:

    client.beta.messages.tool_runner(model=..., max_tokens=..., messages=..., tools=[MemoriaMemoryTool(memory)])
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import memoria
from memoria.integrations.anthropic import MemoriaMemoryTool
from memoria.testing import HashEmbedder

# What a model sends, in order.
CALLS = [
    {"command": "create", "path": "/memories/ada.md", "file_text": "Ada is allergic to hazelnuts.\nAda likes jazz.\n"},
    {"command": "str_replace", "path": "/memories/ada.md", "old_str": "hazelnuts", "new_str": "walnuts"},
    {"command": "view", "path": "/memories/ada.md"},
    {"command": "delete", "path": "/memories/ada.md"},
    {"command": "view", "path": "/memories"},
]


def run(folder: Path) -> dict[str, object]:
    """What the tool said, and how many needles stand in the files in the end."""
    with memoria.open(folder / "agent.memoria", embedder=HashEmbedder()) as memory:
        tool = MemoriaMemoryTool(memory)
        said = "\n".join(str(tool.call(call)) for call in CALLS)
        residue = memory.scan("allergic to hazelnuts", "allergic to walnuts", "Ada likes jazz.")
        return {"said": said, "residue": len(residue.found)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name, value in run(Path(folder)).items():
            print(f"{name:10} {value}")  # noqa: T201 - an example

"""Claude's memory tool on memoria: files are memories, and deleting one is an exact forget.

The messages are exactly those of `BetaLocalFilesystemMemoryTool`, because Claude knows them. A directory exists as long
as there is a file in it.
"""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from memoria.engine.memory import Memoria
from memoria.errors import MemoriaError
from memoria.extras import extra
from memoria.integrations.names import record_key
from memoria.remember import Draft
from memoria.sharing import Source, lent
from memoria.types import Memory

with extra("anthropic"):
    from anthropic.lib.tools import ToolError
    from anthropic.tools.memory import BetaAbstractMemoryTool, BetaAsyncAbstractMemoryTool
    from anthropic.types.beta import (
        BetaCacheControlEphemeralParam,
        BetaMemoryTool20250818CreateCommand,
        BetaMemoryTool20250818DeleteCommand,
        BetaMemoryTool20250818InsertCommand,
        BetaMemoryTool20250818RenameCommand,
        BetaMemoryTool20250818StrReplaceCommand,
        BetaMemoryTool20250818ViewCommand,
    )

ROOT = "/memories"
MAX_LINES = 999_999
_WIDTH = 6
_LEVELS = 2


class MemoriaMemoryTool(BetaAbstractMemoryTool):
    """Claude's memory tool. Its files are memories in the namespace "memories". Safe for threads.

    A file has at most 1 MiB. Every refusal is a `ToolError`, so that the model sees the message.

    Args:
        memory: a memory, or a `Shared` store.
        cache_control: passed on to the API with the tool.
    """

    def __init__(self, memory: Source, *, cache_control: BetaCacheControlEphemeralParam | None = None) -> None:
        super().__init__(cache_control=cache_control)
        self.memory = memory

    def view(self, command: BetaMemoryTool20250818ViewCommand) -> str:
        """Shows a file with line numbers, or two levels of a directory.

        Args:
            command: the path, and the first and last line for a part of a file.

        Returns:
            The text for the model.

        Raises:
            ToolError: there is nothing at the path, or it is outside /memories.
        """
        path = _resolved(command.path)
        with self._files() as view:
            found = _at(view, path)
            if found is not None:
                return _numbered(command, _content(found))
            under = _under(view, path)
        if not under and path != ROOT:
            raise ToolError(f"The path {command.path} does not exist. Please provide a valid path.")
        return _listing(command.path, path, under)

    def create(self, command: BetaMemoryTool20250818CreateCommand) -> str:
        """Creates a file.

        Args:
            command: the path and the content.

        Returns:
            A message for the model.

        Raises:
            ToolError: there is a file already, or a directory on the way to it is a file.
        """
        path = _resolved(command.path)
        with self._files() as view:
            if path == ROOT or _at(view, path) is not None or _under(view, path):
                raise ToolError(f"File {command.path} already exists")
            _check_place(view, path)
            view.remember_many([_draft(path, command.file_text)], readmit=True)
        return f"File created successfully at: {command.path}"

    def str_replace(self, command: BetaMemoryTool20250818StrReplaceCommand) -> str:
        """Replaces a piece of text in a file.

        Args:
            command: the path, the old text, which has to occur exactly once, and the new one.

        Returns:
            A message for the model, with the lines around the change.

        Raises:
            ToolError: there is no such file, or the old text is not in it exactly once.
        """
        with self._files() as view:
            found = _file(view, command.path)
            content = _content(found)
            count = content.count(command.old_str)
            if count == 0:
                raise ToolError(
                    f"No replacement was performed, old_str `{command.old_str}` did not appear verbatim in "
                    f"{command.path}."
                )
            if count > 1:
                lines = ", ".join(str(line) for line in _lines_of(content, command.old_str))
                raise ToolError(
                    f"No replacement was performed. Multiple occurrences of old_str `{command.old_str}` in lines: "
                    f"{lines}. Please ensure it is unique"
                )
            changed = content.replace(command.old_str, command.new_str)
            _rewrite(view, found, changed)
        at = content[: content.find(command.old_str)].count("\n")
        lines_now = changed.split("\n")
        first, last = max(0, at - 2), min(len(lines_now), at + 3)
        return (
            "The memory file has been edited. Here is the snippet showing the change (with line numbers):\n"
            + _with_numbers(lines_now[first:last], first + 1)
        )

    def insert(self, command: BetaMemoryTool20250818InsertCommand) -> str:
        """Inserts text in a file.

        Args:
            command: the path, the text, and the number of the line after which it goes; 0 is the beginning.

        Returns:
            A message for the model.

        Raises:
            ToolError: there is no such file or line.
        """
        with self._files() as view:
            found = _file(view, command.path)
            lines = _content(found).split("\n")
            if lines[-1] == "":
                lines.pop()
            if not 0 <= command.insert_line <= len(lines):
                raise ToolError(
                    f"Invalid `insert_line` parameter: {command.insert_line}. "
                    f"It should be within the range [0, {len(lines)}]."
                )
            lines.insert(command.insert_line, command.insert_text.rstrip("\n"))
            changed = "\n".join(lines)
            _rewrite(view, found, changed if changed.endswith("\n") else changed + "\n")
        return f"The file {command.path} has been edited."

    def delete(self, command: BetaMemoryTool20250818DeleteCommand) -> str:
        """Forgets a file, or all files in a directory.

        Args:
            command: the path.

        Returns:
            A message for the model.

        Raises:
            ToolError: there is nothing at the path, it is /memories itself, or a hold protects a file.
        """
        path = _resolved(command.path)
        if path == ROOT:
            raise ToolError(f"Cannot delete the {ROOT} directory itself")
        with self._files() as view:
            going = _all_at(view, path)
            if not going:
                raise ToolError(f"The path {command.path} does not exist")
            view.forget(*(one.id for one in going))
        return f"Successfully deleted {command.path}"

    def rename(self, command: BetaMemoryTool20250818RenameCommand) -> str:
        """Moves a file, or all files in a directory.

        Args:
            command: the old and the new path.

        Returns:
            A message for the model.

        Raises:
            ToolError: there is nothing at the old path, or something at the new one.
        """
        old, new = _resolved(command.old_path), _resolved(command.new_path)
        if old == ROOT:
            raise ToolError(f"Cannot rename the {ROOT} directory itself")
        with self._files() as view:
            if new == ROOT or _all_at(view, new):
                raise ToolError(f"The destination {command.new_path} already exists")
            moving = _all_at(view, old)
            if not moving:
                raise ToolError(f"The path {command.old_path} does not exist")
            if new.startswith(f"{old}/"):
                raise ToolError(f"Cannot move {command.old_path} into itself")
            _check_place(view, new)
            for one in moving:
                place = new + one.metadata["path"].removeprefix(old)
                view.amend(one.id, **_labels(place, {**one.metadata, "path": place}))
        return f"Successfully renamed {command.old_path} to {command.new_path}"

    def clear_all_memory(self) -> str:
        """Forgets every file.

        Returns:
            A message for the model.

        Raises:
            ToolError: a hold protects a file.
        """
        with self._files() as view:
            view.forget(namespace=())
        return "All memory cleared"

    @contextmanager
    def _files(self) -> Iterator[Memoria]:
        try:
            with lent(self.memory) as memory:
                yield memory.namespace("memories")
        except MemoriaError as error:
            raise ToolError(str(error)) from error


class AsyncMemoriaMemoryTool(BetaAsyncAbstractMemoryTool):
    """`MemoriaMemoryTool`, awaited: each command runs in a worker thread.

    Args:
        memory: a memory, or a `Shared` store.
        cache_control: passed on to the API with the tool.
    """

    def __init__(self, memory: Source, *, cache_control: BetaCacheControlEphemeralParam | None = None) -> None:
        super().__init__(cache_control=cache_control)
        self.sync = MemoriaMemoryTool(memory)

    async def view(self, command: BetaMemoryTool20250818ViewCommand) -> str:
        """Runs `MemoriaMemoryTool.view` in a thread.

        Args:
            command: as there.

        Returns:
            A message for the model.

        Raises:
            ToolError: as there.
        """
        return await asyncio.to_thread(self.sync.view, command)

    async def create(self, command: BetaMemoryTool20250818CreateCommand) -> str:
        """Runs `MemoriaMemoryTool.create` in a thread.

        Args:
            command: as there.

        Returns:
            A message for the model.

        Raises:
            ToolError: as there.
        """
        return await asyncio.to_thread(self.sync.create, command)

    async def str_replace(self, command: BetaMemoryTool20250818StrReplaceCommand) -> str:
        """Runs `MemoriaMemoryTool.str_replace` in a thread.

        Args:
            command: as there.

        Returns:
            A message for the model.

        Raises:
            ToolError: as there.
        """
        return await asyncio.to_thread(self.sync.str_replace, command)

    async def insert(self, command: BetaMemoryTool20250818InsertCommand) -> str:
        """Runs `MemoriaMemoryTool.insert` in a thread.

        Args:
            command: as there.

        Returns:
            A message for the model.

        Raises:
            ToolError: as there.
        """
        return await asyncio.to_thread(self.sync.insert, command)

    async def delete(self, command: BetaMemoryTool20250818DeleteCommand) -> str:
        """Runs `MemoriaMemoryTool.delete` in a thread.

        Args:
            command: as there.

        Returns:
            A message for the model.

        Raises:
            ToolError: as there.
        """
        return await asyncio.to_thread(self.sync.delete, command)

    async def rename(self, command: BetaMemoryTool20250818RenameCommand) -> str:
        """Runs `MemoriaMemoryTool.rename` in a thread.

        Args:
            command: as there.

        Returns:
            A message for the model.

        Raises:
            ToolError: as there.
        """
        return await asyncio.to_thread(self.sync.rename, command)

    async def clear_all_memory(self) -> str:
        """Runs `MemoriaMemoryTool.clear_all_memory` in a thread.

        Returns:
            A message for the model.

        Raises:
            ToolError: as there.
        """
        return await asyncio.to_thread(self.sync.clear_all_memory)


# -- paths --


def _resolved(path: str) -> str:
    """The path without ".", ".." and repeated "/"; raises ToolError for one outside of /memories."""
    if path != ROOT and not path.startswith(f"{ROOT}/"):
        raise ToolError(f"Path must start with {ROOT}, got: {path}")
    resolved = posixpath.normpath(f"{ROOT}/{path.removeprefix(ROOT).lstrip('/')}")
    if resolved != ROOT and not resolved.startswith(f"{ROOT}/"):
        raise ToolError(f"Path {path} would escape {ROOT} directory")
    return resolved


def _check_place(view: Memoria, path: str) -> None:
    """Raises ToolError when a directory on the way to `path` is a file."""
    parent = posixpath.dirname(path)
    while parent != ROOT:
        if _at(view, parent) is not None:
            raise ToolError(f"The path {parent} is not a directory.")
        parent = posixpath.dirname(parent)


def _at(view: Memoria, path: str) -> Memory | None:
    return next(iter(view.list(tags=(_at_tag(path),))), None)


def _under(view: Memoria, path: str) -> list[Memory]:
    """Files in a directory and below."""
    return view.list(tags=() if path == ROOT else (_in_tag(path),))


def _all_at(view: Memoria, path: str) -> list[Memory]:
    """The file at a path, or the files of the directory."""
    return [*view.list(tags=(_at_tag(path),)), *_under(view, path)]


def _file(view: Memoria, path: str) -> Memory:
    resolved = _resolved(path)
    found = _at(view, resolved)
    if found is not None:
        return found
    if resolved == ROOT or _under(view, resolved):
        raise ToolError(f"The path {path} is not a file.")
    raise ToolError(f"The path {path} does not exist. Please provide a valid path.")


# -- files as memories --


def _draft(path: str, content: str) -> Draft:
    return Draft(text=_text(content), kind="semantic", key=record_key(), **_labels(path, _metadata(path, content)))


def _rewrite(view: Memoria, found: Memory, content: str) -> None:
    # As in a file, what was there before may come again.
    view.amend(found.id, text=_text(content), metadata=_metadata(found.metadata["path"], content), readmit=True)


def _text(content: str) -> str:
    """What a memory may hold: no NUL, and something to see."""
    return content.replace("\0", " ") if content.strip("\0 \t\r\n") else "(empty)"


def _metadata(path: str, content: str) -> dict[str, str]:
    """The path, and the content where the text is not just that."""
    return {"path": path} if _text(content) == content else {"path": path, "content": content}


def _content(found: Memory) -> str:
    return str(found.metadata.get("content", found.text))


def _labels(path: str, metadata: dict[str, Any]) -> dict[str, Any]:
    """Subject, tags and metadata of a file: found by its path, and by each directory that it is in."""
    parents = []
    parent = posixpath.dirname(path)
    while parent != ROOT:
        parents.append(_in_tag(parent))
        parent = posixpath.dirname(parent)
    return {"subject": path, "tags": (_at_tag(path), *parents), "metadata": metadata}


def _at_tag(path: str) -> str:
    return f"at {path}"


def _in_tag(path: str) -> str:
    return f"in {path}"


# -- what is shown --


def _numbered(command: BetaMemoryTool20250818ViewCommand, content: str) -> str:
    lines = content.split("\n")
    if len(lines) > MAX_LINES:
        raise ToolError(f"File {command.path} exceeds maximum line limit of {MAX_LINES:,} lines.")
    first, last = 1, len(lines)
    if command.view_range and len(command.view_range) == 2:
        first = max(1, command.view_range[0])
        last = len(lines) if command.view_range[1] == -1 else command.view_range[1]
    return f"Here's the content of {command.path} with line numbers:\n" + _with_numbers(lines[first - 1 : last], first)


def _with_numbers(lines: Sequence[str], first: int) -> str:
    return "\n".join(f"{str(number).rjust(_WIDTH)}\t{line}" for number, line in enumerate(lines, first))


def _lines_of(content: str, part: str) -> list[int]:
    """The lines at which `part` begins; occurrences may overlap."""
    found = []
    at = content.find(part)
    while at != -1:
        found.append(content[:at].count("\n") + 1)
        at = content.find(part, at + 1)
    return found


def _listing(shown: str, path: str, files: Sequence[Memory]) -> str:
    """Two levels of a directory, hidden items left out; the size of a directory is that of what is in it."""
    sizes: dict[str, int] = {}
    total = 0
    for one in files:
        size = len(_content(one).encode())
        total += size
        parts = one.metadata["path"].removeprefix(f"{path}/").split("/")
        for depth in range(1, min(len(parts), _LEVELS) + 1):
            if any(part.startswith(".") for part in parts[:depth]):
                break
            name = "/".join(parts[:depth]) + ("/" if depth < len(parts) else "")
            sizes[name] = sizes.get(name, 0) + size
    header = f"Here're the files and directories up to 2 levels deep in {shown}, excluding hidden items:"
    order = sorted(sizes, key=lambda name: name.rstrip("/").split("/"))
    return "\n".join([header, f"{_size(total)}\t{shown}", *(f"{_size(sizes[name])}\t{shown}/{name}" for name in order)])


def _size(count: int) -> str:
    """Bytes as the reference writes them: 0B, 512B, 1.5K."""
    power = min(max(count.bit_length() - 1, 0) // 10, 3)
    scaled = count / 1024**power
    return f"{int(scaled) if scaled == int(scaled) else format(scaled, '.1f')}{'BKMG'[power]}"


__all__ = ["AsyncMemoriaMemoryTool", "MemoriaMemoryTool"]

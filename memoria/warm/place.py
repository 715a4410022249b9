"""Where the warm process of this user listens: one for each installation, interpreter and environment."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from memoria.version import __version__

SUPPORTED = sys.platform == "linux"
# What is read when a process begins, and cannot be given to it later. PYTHON...: the interpreter's own.
_FIXED = ("PYTHON", "LC_", "OMP_", "MKL_", "OPENBLAS_", "LD_", "TOKENIZERS_", "HF_", "CUDA_")
_NAMES = frozenset({"LANG", "LANGUAGE", "MEMORIA_CACHE", "XDG_CACHE_HOME", "HOME", "VIRTUAL_ENV"})
# A path of a socket may have no more bytes.
_LONGEST = 107


def folder() -> Path:
    """The folder of sockets: in $XDG_RUNTIME_DIR, or a private one in the folder of temporary files."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "memoria" if runtime else Path(f"/tmp/memoria-{os.getuid()}")  # `private` checks it


def private(path: Path, *, make: bool = False) -> bool:
    """Whether a folder is this user's own, closed to all others, and no link. make: makes it when it is not there."""
    try:
        if make:
            path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def socket_path() -> Path | None:
    """The socket of the process that could run a command of this one; None where there can be none."""
    if not SUPPORTED:
        return None
    path = folder() / f"warm-{_key():016x}.sock"
    return path if len(os.fsencode(path)) <= _LONGEST else None


def _key() -> int:
    """A number for all that must be the same in both processes."""
    import zlib

    version = Path(__file__).parents[1] / "version.py"
    found = version.stat()
    fixed = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith(_FIXED) or name in _NAMES)
    parts = (__version__, str(version), found.st_mtime_ns, found.st_size, sys.executable, sys.prefix, *fixed)
    text = "\0".join(map(str, parts)).encode("utf-8", "surrogateescape")
    return zlib.crc32(text) << 32 | zlib.adler32(text)

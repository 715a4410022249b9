"""Environments of tests/apart: packages that its requirements pin, in front of those that these tests run with.

`python -m tests.apart.environments NAME` makes one, once, in `cache/apart` of the virtual environment. Nothing in it is
run meanwhile: uv takes wheels alone.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).parent
CACHE = Path(sys.prefix) / "cache" / "apart"


def requirements(name: str) -> Path:
    return HERE / f"{name}.txt"


def place(name: str, cache: Path = CACHE) -> Path:
    """Where the environment is; another one for other requirements."""
    pinned = hashlib.sha256(requirements(name).read_bytes() + sys.version.encode()).hexdigest()
    return cache / f"{name}-{pinned[:16]}"


def python(name: str, cache: Path = CACHE) -> Path:
    return place(name, cache) / "bin" / "python"


def install(python: Path, *what: str) -> subprocess.CompletedProcess[str]:
    """Installs wheels into the environment of an interpreter, without what they depend on, by uv.

    Raises OSError when there is no uv, and TimeoutExpired after ten minutes.
    """
    uv = shutil.which("uv", path=sysconfig.get_path("scripts")) or "uv"
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--link-mode=copy"]
    command += ["--python", str(python), *what]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


def make(name: str, cache: Path = CACHE) -> str:
    """Makes an environment whole or not at all, and says why it is not there; "" when it is."""
    target = place(name, cache)
    if python(name, cache).exists():
        return ""
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        made = Path(folder) / "made"
        venv.create(made, with_pip=False, symlinks=True)
        packages = made / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
        try:
            done = install(made / "bin" / "python", "-r", str(requirements(name)))
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{name} could not be had: {type(error).__name__}"
        if done.returncode != 0:
            return f"{name} could not be had: {' '.join(done.stderr.split())[:300]}"
        # After its own: what both have is taken from here.
        (packages / "zz_ours.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
        try:
            made.rename(target)
        except OSError:  # another process was first
            return "" if python(name, cache).exists() else f"{name} could not be moved to {target}"
    return ""


if __name__ == "__main__":
    problem = make(sys.argv[1])
    sys.stdout.write(f"{problem or python(sys.argv[1])}\n")
    sys.exit(bool(problem))

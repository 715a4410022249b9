"""Makes the TypeScript client from memoria's own schema: `python -m release.client [FOLDER]`, by default build/client.

openapi-typescript writes types from the schema, and openapi-fetch, 6 kB, calls by them: nothing that is generated runs.
The generator and all that it needs are pinned, with hashes, in clients/typescript/package-lock.json; what is generated
is not kept. FOLDER gets the package, ready for `npm publish`, and the schema.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from memoria.version import __version__

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "clients" / "typescript"


def schema() -> dict[str, Any]:
    """The schema of the service, with the routes that need a model."""
    from memoria.service.app import application
    from memoria.service.routes import learning

    # What serves is not opened: the schema is about routes alone.
    app = application(lambda: (_ for _ in ()).throw(AssertionError), None)
    app.include_router(learning)
    found: dict[str, Any] = app.openapi()
    return found


def make(folder: Path) -> Path:
    """Makes the package in a folder, and returns the archive of it. Raises CalledProcessError when npm fails."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("node_modules", "test"), dirs_exist_ok=True)
    (folder / "openapi.json").write_text(json.dumps(schema(), indent=1))
    npm(folder, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    npm(folder, "pkg", "set", f"version={__version__}")
    npm(folder, "run", "generate")
    npm(folder, "run", "build")
    packed = npm(folder, "pack", "--json", "--ignore-scripts")
    return folder / str(json.loads(packed)[0]["filename"])


def npm(folder: Path, *arguments: str) -> str:
    """What npm prints."""
    command = ["npm", *arguments, "--silent"]
    environment = {**os.environ, "npm_config_update_notifier": "false"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout[-4000:] + done.stderr[-4000:])
        done.check_returncode()
    return done.stdout


if __name__ == "__main__":
    asked = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "client"
    sys.stdout.write(f"{make(asked)}\n")

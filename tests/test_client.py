"""The TypeScript client, made from the schema by the pinned generator, in Node against a running service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from memoria.version import __version__
from release.client import SOURCE, make, schema
from tests.test_service import serving
from tests.waiting import PATIENCE


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """The folder that the client was made in, and its archive."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("NOT RUN: the TypeScript client, for there is no node and npm here (apt-get install nodejs npm)")
    folder = tmp_path_factory.mktemp("client")
    try:
        yield folder, make(folder)
    except subprocess.CalledProcessError as error:
        if "ENOTFOUND" in str(error.stderr) or "ECONNREFUSED" in str(error.stderr) or "EAI_AGAIN" in str(error.stderr):
            pytest.skip("NOT RUN: the TypeScript client, for the registry of npm is not to be reached")
        raise


def test_versions_are_exact_and_every_package_has_a_hash() -> None:
    package = json.loads((SOURCE / "package.json").read_text())
    lock = json.loads((SOURCE / "package-lock.json").read_text())["packages"]
    pins = {**package["dependencies"], **package["devDependencies"]}
    assert {name: lock[f"node_modules/{name}"]["version"] for name in pins} == pins
    assert all(one.get("integrity", "").startswith("sha512-") for path, one in lock.items() if path)
    # Where a package comes from is the registry that npm is told: the hash says that it is the same.
    assert not [
        path for path, one in lock.items() if one.get("resolved", "https://").startswith(("http:", "git", "file"))
    ]


def test_what_is_generated_is_not_kept() -> None:
    kept = subprocess.run(["git", "ls-files", str(SOURCE)], capture_output=True, text=True, cwd=SOURCE, check=False)
    if kept.returncode:
        pytest.skip("NOT CHECKED: this is no checkout of git")
    names = {Path(name).name for name in kept.stdout.split()}
    assert names == {"package.json", "package-lock.json", "tsconfig.json", "index.ts", "client.mts"}


def test_the_client_works_against_a_running_service(made: tuple[Path, Path], tmp_path: Path) -> None:
    """It is installed from its archive, as users do; the test is compiled against its types, and then run."""
    folder, archive = made
    assert archive.name == f"memoria-client-{__version__}.tgz"
    assert set(json.loads((folder / "openapi.json").read_text())["paths"]) == set(schema()["paths"])
    user = tmp_path / "user"
    own = user / "node_modules" / "memoria-client"
    own.mkdir(parents=True)
    subprocess.run(["tar", "-xzf", str(archive), "--strip-components=1", "-C", str(own)], check=True)
    for name in ("openapi-fetch", "openapi-typescript-helpers", "@types/node", "undici-types"):
        shutil.copytree(folder / "node_modules" / name, user / "node_modules" / name)
    shutil.copy2(SOURCE / "test" / "client.mts", user)
    options = [
        "--target",
        "ES2022",
        "--module",
        "NodeNext",
        "--strict",
        "--exactOptionalPropertyTypes",
        "--types",
        "node",
    ]
    compiler = folder / "node_modules" / "typescript" / "bin" / "tsc"
    checked = subprocess.run(
        ["node", str(compiler), *options, "client.mts"], cwd=user, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout
    with serving(tmp_path / "served", tokens=("app",)) as server:
        environment = {"MEMORIA_URL": server.url, "MEMORIA_TOKEN": server.tokens["app"], "PATH": os.environ["PATH"]}
        command = ["node", "client.mjs"]
        done = subprocess.run(
            command, cwd=user, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == "the client works"

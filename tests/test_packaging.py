"""The built wheel, not only the tree; and an import that stays light."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


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
    assert {name for name in names if name.startswith("memoria/data/")} == data
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


def test_nothing_says_to_install_what_has_another_owner() -> None:
    """The distribution named "memoria" is somebody else's; ours is memoria-runtime."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    texts = {name: (ROOT / name).read_bytes() for name in files.split("\0") if (ROOT / name).is_file()}
    old = re.compile(rb"pip install [^\n]*\bmemoria(?!-runtime)(?:\[|'|\"|$)|\bmemoria\[", re.M)
    assert not [name for name, text in texts.items() if name != "tests/test_packaging.py" and old.search(text)]

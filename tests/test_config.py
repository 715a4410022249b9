"""Settings: which source comes first, what is refused, what a file keeps, and that no secret is shown."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path

import pytest

from memoria.cli.defaults import of_options
from memoria.cli.settings import NAMES, SECRETS
from memoria.cli.toml import with_value
from memoria.errors import InvalidInput
from tests.hour import Terminal


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the user's file, while another folder is the present one."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "xdg" / "memoria"


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys)


def source(run: Terminal, key: str) -> tuple[object, str]:
    found = json.loads(run("config", "get", key, "--json").out)
    return found["value"], found["source"]


def test_each_source_comes_before_the_next(run: Terminal, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert source(run, "timeout") == (10.0, "default")
    home.mkdir(parents=True)
    (home / "config.toml").write_text("timeout = 1\nk = 1\n")
    assert source(run, "timeout") == (1.0, str(home / "config.toml"))
    Path("pyproject.toml").write_text("[tool.memoria]\ntimeout = 2\n")
    assert source(run, "timeout") == (2.0, f"{Path('pyproject.toml').absolute()} [tool.memoria]")
    Path("memoria.toml").write_text("timeout = 3\n")
    assert source(run, "timeout") == (3.0, str(Path("memoria.toml").absolute()))
    monkeypatch.setenv("MEMORIA_TIMEOUT", "4")
    assert source(run, "timeout") == (4.0, "environment")
    monkeypatch.setenv("MEMORIA_TIMEOUT", "")
    assert source(run, "timeout") == (3.0, str(Path("memoria.toml").absolute()))
    assert source(run, "k") == (1, str(home / "config.toml"))


def test_settings_are_the_defaults_of_options(run: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("memoria.toml").write_text('store = "mine"\nnamespace = "app/ada"\noutput = "json"\nk = 1\nlimit = 1\n')
    (stored,) = json.loads(run("remember", "Ada drinks tea.").out)
    assert stored["namespace"] == ["app", "ada"]
    assert Path("mine/memoria.db").exists()
    assert run("remember", "Bob drinks tea.", "--no-json", "-n", "app/bob").out.strip().isalnum()
    run("remember", "Ada drinks milk.")
    assert len(json.loads(run("recall", "What does Ada drink?").out)) == 1
    assert len(json.loads(run("recall", "What does Ada drink?", "-k", "2").out)) == 2
    page = json.loads(run("list").out)
    assert (len(page["memories"]), page["left"]) == (1, 1)
    monkeypatch.setenv("MEMORIA_LIMIT", "7")
    assert len(json.loads(run("list").out)["memories"]) == 2
    assert len(json.loads(run("list", "-n", "app/bob").out)["memories"]) == 1


def test_a_namespace_narrows_what_is_forgotten_and_is_never_all_that_is_said(run: Terminal) -> None:
    for name in ("ada", "bob"):
        run("remember", f"{name} drinks tea.", "--subject", "tea", "-n", f"app/{name}")
    Path("memoria.toml").write_text('namespace = "app/ada"\n')
    refused = run("forget", "--yes")
    assert (refused.status, "nothing asked" in refused.err) == (2, True)
    (going,) = json.loads(run("forget", "--subject", "tea", "--dry-run", "--json").out)
    assert going["namespace"] == ["app", "ada"]
    assert len(json.loads(run("forget", "--subject", "tea", "-n", "app", "--dry-run", "--json").out)) == 2


def test_a_new_store_is_made_as_the_settings_say_and_an_old_one_stays(run: Terminal) -> None:
    run("remember", "tea", "-s", "old")
    Path("memoria.toml").write_text('embedder = "no-such-model"\nlanguage = "en"\n')
    assert run("recall", "tea", "-s", "old").status == 0
    refused = run("remember", "tea", "-s", "new")
    assert (refused.status, "ModelNotFound" in refused.err, Path("new").exists()) == (2, True, False)
    Path("memoria.toml").write_text('language = "de"\n')
    assert run("remember", "Tee", "-s", "new").status == 0
    assert "language\tde" in run("stats", "-s", "new").out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tmeout = 3\n", "tmeout: no such setting: did you mean timeout?"),
        ("xyzzy = 3\n", "xyzzy: no such setting: memoria config lists all"),
        ('k = "5"\n', "k: it should be a valid integer"),
        ("timeout = -1\n", "timeout: it should be greater than or equal to 0"),
        ("timeout = nan\n", "timeout: it should be a finite number"),
        ('color = "pink"\n', "color: it should be 'auto', 'always' or 'never'"),
        ('zone = "Nowhere/Town"\n', "zone: zone (a str) is no time zone"),
        ('language = "xx"\n', "language: it is one of "),
        ('policy = "never-ever"\n', "policy: it is one of "),
        ("store = \n", "is no TOML: "),
        ("store = 1\n", "store: it should be a valid string"),
        ('base_url = "http://127.0.0.1"\n', "base_url: a file in a folder cannot send memories to a server"),
        ('api_key = "sk-1"\n', "api_key: a file in a folder cannot send memories to a server"),
        ('model = "openai:m@http://h"\n', "model: a file in a folder cannot send memories to a server"),
        ('store = "postgresql://h/d"\n', "store: a file in a folder cannot send memories to a server"),
    ],
)
def test_a_mistake_names_the_file_the_key_and_the_rule(run: Terminal, text: str, said: str) -> None:
    Path("memoria.toml").write_text(text)
    for command in (("list",), ("config",), ("config", "get", "k")):
        done = run(*command)
        assert done.status == 2
        assert f"InvalidInput: {Path('memoria.toml').absolute()}" in done.err
        assert said in done.err
        assert "sk-1" not in done.err


def test_the_environment_is_checked_too(run: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORIA_K", "many")
    assert "environment: k: it should be a valid integer" in run("list").err
    monkeypatch.delenv("MEMORIA_K")
    monkeypatch.setenv("MEMORIA_NAMESPCE", "x")
    assert "MEMORIA_NAMESPCE in the environment is no setting." in run("config").err
    assert run("list").status == 2  # for want of a store, not for the name


def test_set_get_unset(run: Terminal, home: Path) -> None:
    assert run("config", "set", "timeout", "20").status == 0
    run("config", "set", "user", 'Ada "the" B\u00f6ck\x7f\n')
    file = home / "config.toml"
    assert tomllib.loads(file.read_text()) == {"timeout": 20.0, "user": 'Ada "the" B\u00f6ck\x7f\n'}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert run("config", "get", "timeout").out == "20.0\n"
    run("config", "unset", "timeout")
    assert source(run, "timeout") == (10.0, "default")
    for wrong in (("set", "timeout", "soon"), ("set", "tmeout", "1"), ("unset", "tmeout"), ("get", "tmeout")):
        before = file.read_text()
        done = run("config", *wrong)
        assert (done.status, done.out) == (2, "")
        assert "timeout" in done.err
        assert file.read_text() == before


def test_a_wrong_file_is_mended_by_unset(run: Terminal) -> None:
    Path("memoria.toml").write_text("# mine\ntmeout = 3\nk = 3\n")
    assert run("config", "unset", "tmeout", "--project").status == 0
    assert Path("memoria.toml").read_text() == "# mine\nk = 3\n"


def test_secrets_are_never_shown(run: Terminal, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run("config", "set", "api_key", "sk-hush-1")
    assert "sk-hush-1" in (home / "config.toml").read_text()
    monkeypatch.setenv("MEMORIA_STORE", "postgresql://ada:pw-hush@h/d?password=pw-hush&keys=k")
    monkeypatch.setenv("MEMORIA_BASE_URL", "http://ada:pw-hush@h/v1")
    texts = [shown.out, shown.err]
    for command in ((), ("--json",), ("get", "api_key"), ("get", "api_key", "--json"), ("get", "store")):
        done = run("config", *command)
        assert done.status == 0
        texts += [done.out, done.err]
    assert "hush" not in "".join(texts)
    assert "postgresql://ada:***@h/d" in "".join(texts)
    assert set(NAMES) >= SECRETS


def test_a_link_to_the_file_stays_one(run: Terminal, home: Path, tmp_path: Path) -> None:
    home.mkdir(parents=True)
    (tmp_path / "dotfile").write_text("# mine\n")
    (home / "config.toml").symlink_to(tmp_path / "dotfile")
    run("config", "set", "k", "7")
    assert (home / "config.toml").is_symlink()
    assert (tmp_path / "dotfile").read_text() == "# mine\nk = 7\n"


@pytest.mark.parametrize(
    ("before", "table", "after"),
    [
        ("", (), "k = 7\n"),
        ("# a\nk = 1 # old\nx = 2", (), "# a\nk = 7\nx = 2"),
        ("x = 2", (), "x = 2\nk = 7\n"),
        ("x = 2\n\n[other]\nk = 1\n", (), "x = 2\nk = 7\n\n[other]\nk = 1\n"),
        ("[tool.memoria]\nk = 1\n[z]\nk = 1\n", ("tool", "memoria"), "[tool.memoria]\nk = 7\n[z]\nk = 1\n"),
        ("[z]\nk = 1", ("tool", "memoria"), "[z]\nk = 1\n\n[tool.memoria]\nk = 7\n"),
    ],
)
def test_one_value_is_changed_and_nothing_else(before: str, table: tuple[str, ...], after: str) -> None:
    assert with_value(before, table, "k", 7) == after


@pytest.mark.parametrize("text", ['k = """\na\n"""\n', "[tool]\nmemoria = { k = 1 }\n"])
def test_what_is_written_too_freely_is_left_alone(text: str) -> None:
    with pytest.raises(InvalidInput, match="change it with an editor"):
        with_value(text, ("tool", "memoria") if "tool" in text else (), "k", 7)


def test_every_setting_is_taken_by_something() -> None:
    """A setting is the default of an option, or is read by name; a new one without a use fails here."""
    from typer.main import get_command

    from memoria.cli import app

    def taken(found: dict[str, object]) -> set[str]:
        inner = [taken(one) for one in found.values() if isinstance(one, dict)]
        return {name for name, one in found.items() if not isinstance(one, dict)}.union(*inner)

    options = taken(of_options(dict.fromkeys(NAMES, 1), get_command(app)))
    by_name = {"output", "color", "policy", "endings", "judge", "guard_key", "base_url", "api_key", "warm"}
    assert options - {"as_json"} == set(NAMES) - by_name

"""The recipes of docs/integrations/mcp.md: each file is read as its client reads it, and its command or URL is used."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from tests.test_mcp_http import ROOT, serving

PAGE = (ROOT / "docs" / "integrations" / "mcp.md").read_text()
CLAUDE, CURSOR, VSCODE, CODEX = ".mcp.json", ".cursor/mcp.json", ".vscode/mcp.json", "~/.codex/config.toml"
# The clients as they are installed from npm: what was tried, at which version.
PACKAGES = {"claude": "@anthropic-ai/claude-code@2.1.197", "codex": "@openai/codex@0.171.0"}


def recipes(file: str) -> list[Any]:
    """The blocks of the page for a file of configuration, read."""
    found = re.findall(rf"`{re.escape(file)}`[^\n]*:\n\n```(json|toml)\n(.*?)```", PAGE, re.DOTALL)
    assert len(found) == 2, file
    return [json.loads(text) if kind == "json" else tomllib.loads(text) for kind, text in found]


def over_stdio(file: str) -> dict[str, Any]:
    return next(one for one in map(entry, recipes(file)) if "command" in one)


def over_http(file: str) -> dict[str, Any]:
    return next(one for one in map(entry, recipes(file)) if "url" in one)


def entry(recipe: dict[str, Any]) -> dict[str, Any]:
    """The one server that a file names, under the key that its client reads."""
    (key,) = {"mcpServers", "servers", "mcp_servers"} & recipe.keys()
    (found,) = recipe[key].items()
    assert found[0] == "memory"
    return dict(found[1])


def own_memoria(folder: Path) -> str:
    """A folder for PATH in which `memoria` is this one."""
    script = folder / "bin" / "memoria"
    script.parent.mkdir()
    script.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom memoria.cli import main\nmain()\n"
    )
    script.chmod(0o755)
    return f"{script.parent}:{os.environ['PATH']}"


def filled(value: str, given: dict[str, str]) -> str:
    """With variables as the clients fill them in: ${NAME}, ${env:NAME}, ${input:name}, ${workspaceFolder}."""
    return re.sub(r"\$\{(?:env:|input:)?([\w-]+)\}", lambda match: given[match[1]], value)


def test_each_client_has_the_fields_that_it_reads() -> None:
    assert [set(one) for one in recipes(CLAUDE) + recipes(CURSOR)] == [{"mcpServers"}] * 4
    assert [set(one) - {"inputs"} for one in recipes(VSCODE)] == [{"servers"}] * 2
    assert [set(one) for one in recipes(CODEX)] == [{"mcp_servers"}] * 2
    # Claude Code and VS Code name the transport; Cursor tells it by the fields; Codex has the token in a variable.
    assert over_http(CLAUDE)["type"] == over_http(VSCODE)["type"] == "http"
    assert over_stdio(VSCODE)["type"] == "stdio"
    assert set(over_http(CURSOR)) == {"url", "headers"}
    assert set(over_http(CODEX)) == {"url", "bearer_token_env_var"}
    (asked,) = next(one["inputs"] for one in recipes(VSCODE) if "inputs" in one)
    assert (asked["type"], asked["password"], asked["id"]) == ("promptString", True, "memoria-token")


@pytest.mark.parametrize("file", [CLAUDE, CURSOR, VSCODE, CODEX])
def test_the_command_of_a_recipe_starts_the_server(tmp_path: Path, file: str) -> None:
    recipe = over_stdio(file)
    given = {"HOME": str(tmp_path), "userHome": str(tmp_path), "workspaceFolder": str(tmp_path)}
    arguments = [filled(one, given).replace("/home/ada", str(tmp_path)) for one in recipe["args"]]
    environment = {"PATH": own_memoria(tmp_path), "HOME": str(tmp_path), **recipe.get("env", {})}
    command = shutil.which(recipe["command"], path=environment["PATH"])
    assert command is not None

    async def use() -> str:
        server = StdioServerParameters(command=command, args=arguments, env=environment, cwd=tmp_path)
        async with Client(stdio_client(server), mode="legacy") as client:
            assert "recall" in {tool.name for tool in (await client.list_tools()).tools}
            return str(getattr(client.server_info, "name", None))

    assert asyncio.run(use()) == "memoria"
    assert str(tmp_path) in " ".join(arguments)


def test_the_url_of_a_recipe_is_the_server_and_its_token_is_taken(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        port = served.url.split(":")[2].split("/")[0]

        async def use(url: str, headers: dict[str, str]) -> str:
            async with (
                httpx2.AsyncClient(headers=headers, timeout=30) as http,
                Client(streamable_http_client(url, http_client=http), mode="legacy") as client,
            ):
                return str(getattr(client.server_info, "name", None))

        for file in (CLAUDE, CURSOR, VSCODE, CODEX):
            recipe = over_http(file)
            given = {"MEMORIA_TOKEN": served.tokens["ada"], "memoria-token": served.tokens["ada"]}
            headers = {name: filled(value, given) for name, value in recipe.get("headers", {}).items()}
            if "bearer_token_env_var" in recipe:
                headers = {"Authorization": f"Bearer {given[recipe['bearer_token_env_var']]}"}
            assert recipe["url"] == "http://127.0.0.1:8018/mcp"
            assert asyncio.run(use(recipe["url"].replace("8018", port), headers)) == "memoria"


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the commands of the clients that npm has."""
    npm = shutil.which("npm")
    if os.environ.get("HYPOTHESIS_PROFILE") != "nightly":
        pytest.skip("NOT TRIED with Claude Code and Codex: they are 700 MB; `HYPOTHESIS_PROFILE=nightly` tries them")
    if npm is None:
        pytest.skip("NOT TRIED with Claude Code and Codex: there is no npm here")
    folder = tmp_path_factory.mktemp("npm")
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefer-offline", "--prefix", str(folder)]
    done = subprocess.run([*install, *PACKAGES.values()], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        pytest.skip(f"NOT TRIED with Claude Code and Codex: npm could not install them: {done.stderr[-200:]}")
    return folder / "node_modules" / ".bin"


def test_claude_code_connects(tmp_path: Path, clients: Path) -> None:
    environment = {**os.environ, "PATH": own_memoria(tmp_path), "HOME": str(tmp_path), "MCP_TIMEOUT": "120000"}
    store = str(tmp_path / "agent.memoria")

    def claude(*arguments: str) -> str:
        command = [str(clients / "claude"), "mcp", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=300)
        return done.stdout + done.stderr

    claude("add", "memory", "--", "memoria", "mcp", "--store", store)
    with serving(tmp_path) as served:
        token = f"Authorization: Bearer {served.tokens['ada']}"
        claude("add", "--transport", "http", "served", served.url, "--header", token)
        claude("add", "--transport", "http", "stranger", served.url, "--header", "Authorization: Bearer nobody")
        found = {line.split(":")[0]: line for line in claude("list").splitlines() if ": " in line}
    assert "Connected" in found["memory"]
    assert "Connected" in found["served"]
    assert "Connected" not in found["stranger"]


def test_codex_connects(tmp_path: Path, clients: Path) -> None:
    environment = {**os.environ, "PATH": own_memoria(tmp_path), "CODEX_HOME": str(tmp_path), "HOME": str(tmp_path)}
    add = [str(clients / "codex"), "mcp", "add"]
    stdio = ["memory", "--", "memoria", "mcp", "--store", "/home/ada/agent.memoria"]
    http = ["memory", "--url", "http://127.0.0.1:8018/mcp", "--bearer-token-env-var", "MEMORIA_TOKEN"]
    for arguments, recipe in zip((stdio, http), recipes(CODEX), strict=True):
        subprocess.run([*add, *arguments], env=environment, timeout=600, check=True)
        assert tomllib.loads((tmp_path / "config.toml").read_text()) == recipe
    with serving(tmp_path) as served:
        subprocess.run([*add, *http[:2], served.url, *http[3:]], env=environment, timeout=600, check=True)
        known = statuses(clients / "codex", {**environment, "MEMORIA_TOKEN": served.tokens["ada"]})
    assert known["memory"]["serverInfo"]["name"] == "memoria"
    assert "recall" in known["memory"]["tools"]


def statuses(codex: Path, environment: dict[str, str]) -> dict[str, Any]:
    """The servers that Codex has, as it connects to them."""
    client = {"clientInfo": {"name": "tests", "title": "tests", "version": "1"}}
    asked = [
        {"id": 1, "method": "initialize", "params": client},
        {"method": "initialized"},
        {"id": 2, "method": "mcpServerStatus/list", "params": {}},
    ]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([str(codex), "app-server"], env=environment, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("".join(json.dumps(one) + "\n" for one in asked))
        process.stdin.flush()
        answers = (json.loads(line) for line in process.stdout if line.startswith("{"))
        found = next(one for one in answers if one.get("id") == 2)
        process.terminate()
    return {one["name"]: one for one in found["result"]["data"]}

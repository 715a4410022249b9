"""The image and the services of compose.yaml, as far as they can be tested without an engine of containers."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import memoria
from memoria.testing.postgres import Server, binaries
from tests.test_packaging import tracked

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
# A password that a careless script would cut, quote wrongly or print.
PASSWORD = 'it\'s $HOME "and" `id` \\ 100%'


def steps() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile with their arguments, continued lines joined."""
    lines = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.M).replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.partition(" ")[2]) for line in lines if line.strip()]


def test_the_image_runs_as_somebody_without_rights() -> None:
    last = max(n for n, (name, _) in enumerate(steps()) if name == "FROM")
    names = dict(steps()[last:])
    uid, _, gid = names["USER"].partition(":")
    assert int(uid) > 999
    assert int(gid) > 999
    assert f"useradd --uid {uid}" in names["RUN"]
    assert "HEALTHCHECK" in names
    assert names["ENTRYPOINT"] == '["memoria"]'
    assert ("COPY", "--from=build /opt/memoria /opt/memoria") in steps()[last:]


def test_the_image_takes_nothing_else_of_the_folder() -> None:
    """What .dockerignore lets through is what is copied, and git knows all of it: no store, no key, no token."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert next(line for line in lines if line and line[0] not in "#!") == "*"
    let = {line[1:] for line in lines if line.startswith("!")}
    copied = {part for name, rest in steps() if name == "COPY" and "--from" not in rest for part in rest.split()[:-1]}
    assert let == copied
    assert all(any(name == one or name.startswith(f"{one}/") for name in tracked()) for one in let)
    assert not [rest for name, rest in steps() if name == "ADD" or (name == "ARG" and not rest.startswith("BASE="))]


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_service_is_locked(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["tmpfs"]
    assert "privileged" not in service
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert set(service["secrets"]) <= COMPOSE["secrets"].keys()
    assert not [key for key in service["environment"] if "PASSWORD" in key and not key.endswith("_FILE")]
    assert ":" not in service["environment"].get("MEMORIA_STORE", "").partition("//")[2].partition("@")[0]


def test_secrets_are_files_that_git_does_not_take() -> None:
    for secret in COMPOSE["secrets"].values():
        done = subprocess.run(["git", "check-ignore", "-q", secret["file"]], cwd=ROOT, check=False)
        assert done.returncode == 0, secret


def test_the_script_of_the_database_makes_a_role_that_memoria_takes(server: Server, tmp_path: Path) -> None:
    """deploy/database.sh as the image of PostgreSQL runs it; the password is neither printed nor logged."""
    server.sql("CREATE DATABASE composed")
    (tmp_path / "password").write_text(PASSWORD + "\n")
    environment = {
        "PATH": f"{binaries()}:{os.environ['PATH']}",
        "PGHOST": str(server.folder),
        "POSTGRES_USER": "postgres",
        "POSTGRES_DB": "composed",
        "SERVICE_PASSWORD_FILE": str(tmp_path / "password"),
    }
    script = ROOT / "deploy" / "database.sh"
    done = subprocess.run([str(script)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "HOME" not in done.stdout + done.stderr + (server.folder / "log").read_text()
    user = re.search(r"//(\w+)@", COMPOSE["services"]["service"]["environment"]["MEMORIA_STORE"])
    assert user is not None
    kept = server.sql(f"SELECT rolpassword, rolsuper FROM pg_authid WHERE rolname = '{user[1]}'")
    assert kept.startswith("SCRAM-SHA-256$")
    assert kept.strip().endswith("|f")
    with memoria.open(f"{server.url(user[1], 'composed')}&keys={tmp_path / 'keys'}") as memory:
        memory.remember("Ada takes her tea without sugar.")
        assert memory.recall("tea")[0].memory.text == "Ada takes her tea without sugar."

"""`git align user …` as an administrator types it."""

from __future__ import annotations

import json
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from gitalign.service.passwords import Passwords
from gitalign.store.service.database import open_service_database
from gitalign.store.service.users import Users
from tests import warm
from tests.documents.strict import validate
from tests.terminal import Terminal

PASSWORD = "four words and a half"


@pytest.fixture
def config(database_file: Path, tmp_path: Path) -> Path:
    file = tmp_path / "server.yaml"
    file.write_text(f"database: {{file: {database_file}}}\n")
    return file


def is_password(database_file: Path, name: str, password: str) -> bool:
    with closing(open_service_database(file=database_file)) as database:
        return Passwords().is_right(Users(database).password_of(name), password)


def test_from_add_to_remove(config: Path, database_file: Path) -> None:
    def typed(verb: str, *words: str, input: str = "") -> subprocess.CompletedProcess[str]:
        return warm.run("user", verb, "--config", config, *words, input=input)

    added = typed("add", "ada", "--role", "admin", "--password-stdin", "--json", input=f"{PASSWORD}\nmore\n")
    document = json.loads(added.stdout)
    assert (added.returncode, validate(document)) == (0, "users")
    assert PASSWORD not in added.stdout + added.stderr
    assert is_password(database_file, "ada", PASSWORD)
    for words, input, said in (
        (("add", "ada", "--no-password"), "", "is taken"),
        (("add", "Bo", "--no-password"), "", "lower-case"),
        (("add", "bo", "--password-stdin"), "short\n", "12 to 256"),
        (("add", "bo"), "", "--password-stdin"),
        (("add", "bo", "--no-password", "--repository", "none"), "", "no repository"),
        (("disable", "none"), "", "no person"),
        (("remove", "ada"), "", "--yes"),
        (("remove", "ada", "--yes"), "", "last person"),
    ):
        refused = typed(*words, input=input)
        assert (refused.returncode, said in refused.stderr) == (2, True), (words, refused.stderr)

    assert typed("add", "bo", "--no-password", "--repository", "sample").returncode == 0
    listed = typed("list").stdout
    assert "bo  viewer  sample  no password yet  never signed in" in listed
    assert typed("role", "bo", "admin", "--all-repositories").returncode == 0
    assert typed("password", "bo", "--password-stdin", input=PASSWORD).returncode == 0
    assert typed("disable", "ada").returncode == 0
    assert "disabled" in typed("list").stdout
    assert typed("enable", "ada").returncode == 0
    assert typed("remove", "ada", "--yes").returncode == 0
    assert "ada" not in typed("list").stdout
    assert "removed" in typed("list", "--all").stdout
    assert warm.run("audit", "verify", "--config", config).returncode == 0


def test_a_password_that_is_typed_is_not_displayed(config: Path, database_file: Path) -> None:
    with closing(Terminal("user", "add", "cleo", "--config", str(config))) as terminal:
        terminal.expect("password: ")
        terminal.sendline(PASSWORD)
        terminal.expect("again: ")
        terminal.sendline(PASSWORD)
        terminal.expect("added: cleo")
        assert PASSWORD not in str(terminal.before)
    assert is_password(database_file, "cleo", PASSWORD)

"""Credentials and keys: what is accepted, how keys change, and what a person or a program types for them."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from gitalign.core.accounts import Role
from gitalign.core.addresses import parsed_address
from gitalign.errors import ConfigError, UserError
from gitalign.service.application import create_app
from gitalign.service.credentials import BASIC, SSH, Credential, Sealer, keys_of, new_key, require_fitting
from gitalign.service.working.secret_files import secret_file
from gitalign.store.service.credentials import Credentials
from gitalign.store.service.database import open_service_database
from tests import warm
from tests.documents.strict import validate
from tests.service.serving import Served, served

URL = "https://git.example.org/shop.git"
ADDRESS = parsed_address(URL)
MINE = Credential(kind=BASIC, username="ada", secret="open sesame")
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"


def test_sealed_and_opened() -> None:
    sealer = Sealer((new_key(),))
    sealed = sealer.seal(MINE, repository="one", address=ADDRESS)
    assert "sesame" not in sealed + repr(MINE)
    assert sealer.opened(sealed, repository="one", address=ADDRESS) == MINE
    for repository, url in (
        ("two", URL),
        ("one", "https://git.example.org:8443/shop.git"),
        ("one", "ssh://git.example.org/shop.git"),
    ):
        with pytest.raises(ConfigError, match="another"):
            sealer.opened(sealed, repository=repository, address=parsed_address(url))
    with pytest.raises(ConfigError, match="no key"):
        Sealer((new_key(),)).opened(sealed, repository="one", address=ADDRESS)
    with pytest.raises(ConfigError, match="has no key"):
        Sealer(()).seal(MINE, repository="one", address=ADDRESS)
    with pytest.raises(ConfigError, match="not one"):
        Sealer(("short",))


def test_a_new_key_comes_first_and_the_old_one_can_go() -> None:
    old, new = new_key(), new_key()
    sealed = Sealer((old,)).seal(MINE, repository="one", address=ADDRESS)
    both = Sealer((new, old))
    assert both.opened(sealed, repository="one", address=ADDRESS) == MINE
    again = both.sealed_again(sealed)
    assert Sealer((new,)).opened(again, repository="one", address=ADDRESS) == MINE
    with pytest.raises(ConfigError):
        Sealer((old,)).opened(again, repository="one", address=ADDRESS)


@pytest.mark.parametrize(
    ("credential", "url"),
    [
        (Credential(kind=BASIC, username="a", secret="b"), "ssh://git.example.org/a"),
        (Credential(kind=SSH, secret=KEY, known_hosts="h ssh-ed25519 A"), URL),
        (Credential(kind=BASIC, username="", secret="b"), URL),
        (Credential(kind=BASIC, username="a", secret=""), URL),
        (Credential(kind=BASIC, username="a", secret="b\nhost=evil"), URL),
        (Credential(kind=BASIC, username="a\0", secret="b"), URL),
        (Credential(kind=SSH, secret="no key", known_hosts="h ssh-ed25519 A"), "ssh://git.example.org/a"),
        (Credential(kind=SSH, secret=KEY, known_hosts="# none\n"), "ssh://git.example.org/a"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(credential: Credential, url: str) -> None:
    with pytest.raises(UserError) as caught:
        require_fitting(credential, parsed_address(url))
    assert caught.value.code == "bad_credential"


def test_keys_in_a_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# newest first\n{new_key()}\n\n{new_key()}\n")
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="read by others"):
        keys_of(file, {})
    file.chmod(0o600)
    assert len(keys_of(file, {"GITALIGN_CREDENTIAL_KEYS": "x"})) == 2
    assert keys_of(None, {"GITALIGN_CREDENTIAL_KEYS": "x y"}) == ("x", "y")
    assert keys_of(None, {}) == ()
    with pytest.raises(ConfigError, match="cannot be read"):
        keys_of(tmp_path / "none", {})


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_secret_file_is_for_its_owner_and_goes(in_memory: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not in_memory:
        monkeypatch.delattr(os, "memfd_create")
    with secret_file("sésame\n") as path:
        assert Path(path).read_text() == Path(path).read_text() == "sésame\n"
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert not os.path.exists(path)


@pytest.fixture
def config(empty_database: Path, tmp_path: Path) -> Path:
    database = shutil.copyfile(empty_database, tmp_path / "service.db")
    file = tmp_path / "server.yaml"
    file.write_text(
        f"database: {{file: {database}}}\n"
        f"repositories: {{hosts: [git.example.org], key_file: {tmp_path / 'keys'}, folder: {tmp_path / 'mirrors'}}}\n"
    )
    return file


def test_on_the_command_line(config: Path, tmp_path: Path) -> None:
    def typed(*words: str | Path, said: str = "") -> tuple[int, str]:
        (tmp_path / "typed").write_text(said)
        with (tmp_path / "typed").open() as stdin:
            done = warm.run(*words[:2], "--config", config, *words[2:], stdin=stdin.fileno())
        return done.returncode, done.stdout + done.stderr

    assert typed("repo", "add", "shop", URL)[0] == 0
    code, said = typed("repo", "add", "evil", "https://elsewhere.org/shop")
    assert (code, "repositories.hosts" in said) == (2, True)
    assert typed("repo", "add", "evil", "ext://sh")[0] == 2
    assert URL in typed("repo", "list")[1]
    code, said = typed("repo", "credential", "shop", "--username", "ada", said="open sesame\n")
    assert (code, "cannot be read" in said) == (2, True), "no key yet"
    assert warm.run("repo", "new-key", tmp_path / "keys").returncode == 0
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o600
    assert typed("repo", "credential", "shop", "--username", "ada", said="open sesame\n")[0] == 0
    document = json.loads(typed("repo", "list", "--json")[1])
    assert document["repositories"][0]["credential"] == "basic"
    assert "sesame" not in json.dumps(document)
    with closing(open_service_database(file=tmp_path / "service.db")) as database:
        ((number, sealed),) = Credentials(database).all()
    (tmp_path / "key").write_text(KEY)
    assert typed("repo", "credential", "shop", "--ssh-key", tmp_path / "key")[0] == 2
    assert typed("repo", "credential", "shop")[0] == 2
    assert warm.run("repo", "new-key", tmp_path / "keys").returncode == 0
    keys = keys_of(tmp_path / "keys", {})
    assert len(keys) == 2
    code, said = typed("repo", "rotate-keys")
    assert (code, "1 credential" in said) == (0, True)
    with closing(open_service_database(file=tmp_path / "service.db")) as database:
        again = Credentials(database).use(number)
    assert again not in (None, sealed)
    opened = Sealer(keys[:1]).opened(str(again), repository=document["repositories"][0]["id"], address=ADDRESS)
    assert opened == MINE
    assert typed("repo", "credential", "shop", "--forget")[0] == 0
    assert typed("repo", "credential", "shop", "--forget")[0] == 2


@pytest.fixture
def server(config: Path, tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "keys").write_text(new_key())
    (tmp_path / "keys").chmod(0o600)
    settings = {
        "database": {"file": tmp_path / "service.db"},
        "work": {"workers": 0},
        "repositories": {"hosts": ["git.example.org"], "key_file": tmp_path / "keys", "folder": tmp_path / "mirrors"},
    }
    with served(create_app(settings)) as running:
        yield running


def test_schedules_over_http(server: Served) -> None:
    with server.client() as admin, server.client(Role.OPERATOR) as operator:
        admin.post("/api/v1/repositories", json={"name": "shop", "url": URL})
        base = "/api/v1/repositories/shop/schedules"
        right = {
            "kind": "run",
            "cron": "30 6 * * 1-5",
            "zone": "Europe/Berlin",
            "quiet": "22:00-06:00",
            "only": ["feature/*"],
        }
        assert operator.post(base, json=right).status_code == 403
        made = admin.post(base, json=right)
        assert (made.status_code, validate(made.json())) == (201, "schedules")
        (one,) = operator.get(base).json()["schedules"]
        assert one["params"] == {"only": ["feature/*"]}
        wrongs = [
            {"cron": "x y z a b"},
            {"cron": "0 0 30 2 *"},
            {"zone": "x"},
            {"quiet": "x"},
            {"kind": "undo"},
            {"then": "run"},
        ]
        assert {admin.post(base, json={**right, **wrong}).status_code for wrong in wrongs} == {400, 422}
        assert operator.delete(f"{base}/{one['id']}").status_code == 403
        assert admin.delete(f"{base}/{one['id']}").status_code == 204
        assert admin.delete(f"{base}/{one['id']}").status_code == 404
        assert operator.get(base).json()["schedules"] == []


def test_over_http(server: Served, tmp_path: Path) -> None:
    base = "/api/v1/repositories"
    with server.client() as admin, server.client(Role.LANDER) as lander:
        assert lander.post(base, json={"name": "shop", "url": URL}).status_code == 403
        added = admin.post(base, json={"name": "shop", "url": URL})
        assert (added.status_code, added.json()["repositories"][0]["url"]) == (201, URL)
        assert [job["kind"] for job in admin.get(f"{base}/shop/jobs").json()["jobs"]] == ["fetch"]
        assert lander.get(f"{base}/shop").json()["repositories"][0]["url"] is None
        for body in (
            {"name": "x"},
            {"name": "x", "url": URL, "path": "/srv"},
            {"name": "x", "url": "file:///srv/shop"},
            {"name": "x", "url": "https://elsewhere.org/shop"},
        ):
            assert admin.post(base, json=body).status_code == 400, body
        right = {"kind": "basic", "username": "ada", "secret": "open sesame"}
        assert lander.post(f"{base}/shop/credential", json=right).status_code == 403
        for wrong in (
            {"secret": "open sesame" * 9_999},
            {"kind": "ssh"},
            {"username": "a\nb"},
            {"kind": ["open sesame"]},
        ):
            refused = admin.post(f"{base}/shop/credential", json={**right, **wrong})
            assert refused.status_code in (400, 413, 422)
            assert "sesame" not in refused.text
        kept = admin.post(f"{base}/shop/credential", json=right)
        assert (kept.status_code, kept.json()["repositories"][0]["credential"]) == (200, "basic")
        assert "sesame" not in kept.text + admin.get("/api/v1/audit").text + admin.get(f"{base}/shop").text
        assert lander.get(f"{base}/shop").json()["repositories"][0]["credential"] is None
        assert lander.delete(f"{base}/shop/credential").status_code == 403
        assert admin.delete(f"{base}/shop/credential").status_code == 204
        assert admin.delete(f"{base}/shop/credential").status_code == 404
        assert admin.post(f"{base}/none/credential", json=right).status_code == 404
        assert httpx.post(f"{server.address}{base}/shop/credential", json=right).status_code == 401
    assert b"sesame" not in (tmp_path / "service.db").read_bytes()

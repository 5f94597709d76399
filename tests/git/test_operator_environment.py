"""The operator's own matters: identity, signing and network are what git itself would use, seen from where one stands."""

from __future__ import annotations

import base64
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from gitalign.core.commit import new_commit
from gitalign.core.names import BranchName
from gitalign.errors import GitError, RemoteError
from gitalign.git.identity import operator_ident
from gitalign.git.remote import remote_tips
from gitalign.git.repository import open_repository
from gitalign.git.signing import configured_signer
from tests import needs
from tests.git.workspace import Workspace

AT = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a": b"a\n"})
    work.git("clone", "-q", "--bare", ".", str(tmp_path / "remote.git"))
    work.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    monkeypatch.chdir(work.path)
    return work


def who(path: Path | str = ".") -> str:
    return operator_ident(open_repository(path), at=AT).decode().partition(" <")[0]


def test_who_one_is_may_be_given_as_git_c_gives_it(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Edge case 57. Also where a count and a parameter name it: the parameter wins, as in git."""
    assert who() == "O Perator"
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.name")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "C Ount")
    assert who() == "C Ount"
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'user.name'='P Arameter' 'user.email=p@example.org'")
    assert who() == "P Arameter"
    monkeypatch.setenv("GIT_COMMITTER_NAME", "V Ariable")
    assert who() == "V Ariable"
    assert "GIT_CONFIG_PARAMETERS" not in open_repository(".").git.env()  # decides nothing


def test_neither_date_nor_zone_of_the_operator_gets_into_commits(
    work: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edge case 42."""
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "1 +0300")
    assert operator_ident(open_repository("."), at=AT) == b"O Perator <operator@example.org> 1767312000 +0000"


def test_the_linked_work_tree_that_one_stands_in_is_asked(
    work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edge case 57: its own configuration, and what is included for its git directory or its branch."""
    linked = tmp_path / "linked"
    work.git("config", "--unset", "user.name")
    config, by_place, by_branch = (tmp_path / name for name in ("config", "place", "branch"))
    config.write_text(
        f"[user]\n\tname = G Lobal\n"
        f'[includeIf "gitdir:**/worktrees/linked"]\n\tpath = {by_place}\n'
        f'[includeIf "onbranch:other"]\n\tpath = {by_branch}\n'
    )
    by_place.write_text("[user]\n\tname = P Lace\n")
    by_branch.write_text("[user]\n\tname = B Ranch\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    assert (who(), who(linked)) == ("G Lobal", "P Lace")
    work.git("-C", str(linked), "checkout", "-q", "-b", "other")
    assert (who(), who(linked)) == ("G Lobal", "B Ranch")
    work.git("config", "extensions.worktreeConfig", "true")
    work.git("-C", str(linked), "config", "--worktree", "user.name", "L Inked")
    assert (who(), who(linked)) == ("G Lobal", "L Inked")


@pytest.fixture
def ssh(tmp_path: Path) -> Path:
    """Stands for ssh: notes that it was asked, and does here what was meant for the other machine."""
    script = tmp_path / "my ssh"
    script.write_text(f'#!/bin/sh\nfor last; do :; done\necho asked >> "{tmp_path}/asked"\nexec sh -c "$last"\n')
    script.chmod(0o755)
    return script


@pytest.mark.parametrize("way", ["GIT_SSH_COMMAND", "GIT_SSH", "global", "command", "repository"])
def test_ssh_is_reached_as_git_reaches_it(
    work: Workspace, ssh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Edge case 57."""
    work.git("remote", "add", "origin", f"nowhere.invalid:{tmp_path}/remote.git")
    command = f"'{ssh}'"
    if way == "GIT_SSH":
        monkeypatch.setenv(way, str(ssh))
    elif way == "GIT_SSH_COMMAND":
        monkeypatch.setenv(way, command)
    elif way == "global":
        (tmp_path / "config").write_text(f'[core]\n\tsshCommand = "{command}"\n')
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    elif way == "command":
        monkeypatch.setenv("GIT_CONFIG_PARAMETERS", f"'core.sshCommand'=''\\''{ssh}'\\'''")
    else:
        work.git("config", "core.sshCommand", command)
    assert remote_tips(open_repository("."), "origin")[BranchName("main")] == work.tip("main")
    assert (tmp_path / "asked").exists()


class _AsksForAPassword(BaseHTTPRequestHandler):
    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.headers.get("Authorization", ""))
        self.send_response(401 if not self.seen[-1] else 404)
        self.send_header("WWW-Authenticate", 'Basic realm="here"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def passwords(work: Workspace) -> Iterator[list[str]]:
    """What a remote that asks for a password was given."""
    seen: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), type("Handler", (_AsksForAPassword,), {"seen": seen}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    work.git("remote", "add", "origin", f"http://127.0.0.1:{server.server_port}/x.git")
    yield seen
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("way", ["GIT_ASKPASS", "core.askPass", "SSH_ASKPASS", "helper with a token"])
def test_passwords_are_asked_for_as_git_asks(
    work: Workspace, passwords: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setenv("MY_TOKEN", "t0ken")
    askpass = tmp_path / "askpass"
    askpass.write_text("#!/bin/sh\necho $MY_TOKEN\n")
    askpass.chmod(0o755)
    name = "t0ken"
    if way == "core.askPass":
        monkeypatch.setenv("GIT_CONFIG_PARAMETERS", f"'core.askPass'='{askpass}'")
    elif way == "helper with a token":
        name = "me"
        helper = '!f() { echo username=me; echo "password=$MY_TOKEN"; }; f'
        (tmp_path / "config").write_text("")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
        work.git("config", "--file", str(tmp_path / "config"), "credential.helper", helper)
    else:
        monkeypatch.setenv(way, str(askpass))
    with pytest.raises(RemoteError):
        remote_tips(open_repository("."), "origin")
    assert base64.b64decode(passwords[-1].removeprefix("Basic ")).decode() == f"{name}:t0ken"


def test_nothing_waits_at_the_terminal_for_a_password(work: Workspace, passwords: list[str]) -> None:
    """Edge case 40."""
    with pytest.raises(RemoteError, match="terminal prompts disabled"):
        remote_tips(open_repository("."), "origin")
    assert passwords == [""]


def test_a_relative_address_is_relative_to_where_git_takes_it_from(work: Workspace, tmp_path: Path) -> None:
    """Edge case 58: from the top, from a folder below, from a linked work tree, from the git directory."""
    work.git("remote", "add", "origin", "../remote.git")
    (work.path / "below").mkdir()
    for place in (work.path, work.path / "below", tmp_path / "linked"):
        assert BranchName("main") in remote_tips(open_repository(place), "origin"), place
    bare = tmp_path / "bare.git"
    work.git("clone", "-q", "--bare", ".", str(bare))
    work.git("-C", str(bare), "remote", "set-url", "origin", "../remote.git")
    assert BranchName("main") in remote_tips(open_repository(bare), "origin")


def test_a_namespace_is_one_on_the_remote(work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for git; local branches are what they are."""
    work.git("remote", "add", "origin", "../remote.git")
    monkeypatch.setenv("GIT_NAMESPACE", "theirs")
    assert remote_tips(open_repository("."), "origin") == {}
    work.git("push", "-q", "origin", "side")
    assert remote_tips(open_repository("."), "origin") == {BranchName("side"): work.tip("side")}
    assert who() == "O Perator"


def test_remotes_of_the_linked_work_tree_count(work: Workspace, tmp_path: Path) -> None:
    work.git("config", "extensions.worktreeConfig", "true")
    work.git("-C", str(tmp_path / "linked"), "config", "--worktree", "remote.mine.url", str(tmp_path / "remote.git"))
    assert BranchName("main") in remote_tips(open_repository(tmp_path / "linked"), "mine")
    with pytest.raises(RemoteError):
        remote_tips(open_repository(work.path), "mine")


@pytest.fixture
def ssh_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A key that an agent holds."""
    needs.program("ssh-keygen", "openssh-client")
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    said = subprocess.run(["ssh-agent", "-s"], check=True, capture_output=True, text=True).stdout
    variables = dict(part.strip().split("=", 1) for part in said.split(";") if "=" in part)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    subprocess.run(["ssh-add", "-q", str(key)], check=True)
    key.unlink()
    yield key.with_suffix(".pub")
    subprocess.run(["ssh-agent", "-k"], check=True, capture_output=True)


def test_the_key_may_come_from_a_command(work: Workspace, ssh_key: Path, tmp_path: Path) -> None:
    """`gpg.ssh.defaultKeyCommand`, whose signature git itself verifies."""
    work.git("config", "commit.gpgsign", "true")
    work.git("config", "gpg.format", "ssh")
    with pytest.raises(GitError, match="defaultKeyCommand"):
        configured_signer(open_repository("."), committer=b"O <o@x> 1 +0000")
    work.git("config", "gpg.ssh.defaultKeyCommand", "echo no key")
    with pytest.raises(GitError, match="no key"):
        configured_signer(open_repository("."), committer=b"O <o@x> 1 +0000")
    work.git("config", "gpg.ssh.defaultKeyCommand", "ssh-add -L")
    signer = configured_signer(open_repository("."), committer=b"O <o@x> 1 +0000")
    assert signer is not None
    tree = work.git("rev-parse", "main^{tree}")
    ident = b"O <o@x> 1 +0000"
    signed = signer.sign(new_commit(tree=tree, parents=(), author=ident, committer=ident, message=b"m\n"))
    from gitalign.core.commit import serialise

    made = work.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=serialise(signed))
    allowed = tmp_path / "allowed"
    allowed.write_text(f"o@x {ssh_key.read_text()}")
    work.git("config", "gpg.ssh.allowedSignersFile", str(allowed))
    work.git("verify-commit", made)


def test_a_relative_key_file_is_found_from_the_top(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    needs.program("ssh-keygen", "openssh-client")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "key"], check=True)
    work.git("config", "commit.gpgsign", "true")
    work.git("config", "gpg.format", "ssh")
    work.git("config", "user.signingKey", "key.pub")
    (work.path / "below").mkdir()
    monkeypatch.chdir(work.path / "below")
    signer = configured_signer(open_repository("."), committer=b"O <o@x> 1 +0000")
    assert signer is not None
    signer.sign(new_commit(tree="1" * 40, parents=(), author=b"a", committer=b"c", message=b"m"))

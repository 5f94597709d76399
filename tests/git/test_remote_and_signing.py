"""Remotes that break, keys that work, and who owns a run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from gitalign import facade
from gitalign.core.names import Oid
from gitalign.core.plan import Permit
from gitalign.core.policy import GroupExecution, Limits
from gitalign.core.publication import PushState
from gitalign.core.push_orders import PushOrder
from gitalign.engine.runtime.limits import MemoryWatch, tree_bytes, worker_count
from gitalign.errors import ConfigError, GitError, RemoteError
from gitalign.git.identity import operator_ident
from gitalign.git.push import push
from gitalign.git.remote import fetch, remote_tips
from gitalign.git.repository import open_repository
from gitalign.git.signing import configured_signer
from gitalign.process_owner import owner_is_alive, this_owner
from tests import needs
from tests.git.workspace import Workspace
from tests.runs import request


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a": b"a\n"})
    work.switch("x", "main")
    work.commit("x", {"x": b"1\n"})
    work.switch("main")
    work.git("clone", "-q", "--bare", str(work.path), str(tmp_path / "remote.git"))
    work.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    return work


def test_a_remote_that_is_not_there_is_a_remote_error(work: Workspace) -> None:
    repository = open_repository(work.path)
    work.git("remote", "set-url", "origin", "/nowhere/at/all.git")
    for call in (lambda: fetch(repository, "origin", ("main",)), lambda: remote_tips(repository, "origin")):
        with pytest.raises(RemoteError, match="origin") as caught:
            call()
        assert caught.value.exit_code == 3
        assert "by hand" in caught.value.hint
    (verdict,) = push(
        repository, "origin", [PushOrder(ref="refs/heads/x", after=Oid(work.tip("x")), lease=Oid(work.tip("main")))]
    )
    assert verdict.state is PushState.UNKNOWN
    with pytest.raises(RemoteError):
        facade.plan(request(work.path, push=True))


def test_a_connection_that_breaks_is_settled_by_asking(
    work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edge case 46."""
    import shutil

    real = shutil.which("git")
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "git"
    script.write_text(
        f'#!/bin/sh\ncase " $* " in *" push "*) {real} "$@" >/dev/null 2>&1; kill -9 $$;; esac\nexec {real} "$@"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    repository = open_repository(work.path)
    orders = [
        PushOrder(ref="refs/heads/x", after=Oid(work.tip("main")), lease=Oid(work.tip("x"))),
        PushOrder(ref="refs/heads/main", after=Oid(work.tip("x")), lease=Oid("1" * 40)),
    ]
    verdicts = push(repository, "origin", orders)
    assert [verdict.state for verdict in verdicts] == [PushState.PUSHED, PushState.REJECTED]
    assert remote_tips(repository, "origin")["x"] == work.tip("main")  # type: ignore[index]


@pytest.fixture
def keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An OpenPGP key without a passphrase."""
    needs.program("gpg", "gnupg")
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    name = "O Perator <operator@example.org>"
    subprocess.run(
        ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", name, "ed25519", "sign", "never"],
        capture_output=True,
        check=True,
    )
    return name


def test_openpgp_signatures_are_gits(work: Workspace, keyring: str) -> None:
    """Edge case 18."""
    work.git("config", "commit.gpgsign", "true")
    work.git("-c", "commit.gpgsign=false", "commit", "-q", "--allow-empty", "-m", "main goes on")
    report = facade.run(request(work.path), permit=Permit(plan_id="*"))
    assert report.counts() == {"aligned": 1}
    work.git("verify-commit", "x")
    assert keyring.split(" <")[0] in work.git("log", "-1", "--format=%GS", "x")


def test_odd_signing_settings_are_told(work: Workspace) -> None:
    repository = open_repository(work.path)
    who = b"O <o@x> 1 +0000"
    assert configured_signer(repository, committer=who) is None
    work.git("config", "commit.gpgsign", "true")
    work.git("config", "gpg.format", "smoke")
    with pytest.raises(GitError, match="smoke"):
        configured_signer(repository, committer=who)
    work.git("config", "gpg.format", "openpgp")
    work.git("config", "gpg.program", "/nowhere/gpg")
    signer = configured_signer(repository, committer=who)
    assert signer is not None
    assert signer.key == "O <o@x>"
    from gitalign.core.commit import new_commit

    commit = new_commit(tree="1" * 40, parents=(), author=who, committer=who, message=b"m")
    with pytest.raises(GitError, match="cannot start"):
        signer.sign(commit)
    work.git("config", "gpg.program", "false")
    signer = configured_signer(repository, committer=who)
    assert signer is not None
    with pytest.raises(GitError, match="could not sign"):
        signer.sign(commit)


def test_a_literal_ssh_key_needs_its_agent(work: Workspace, tmp_path: Path) -> None:
    needs.program("ssh-keygen", "openssh-client")
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    work.git("config", "commit.gpgsign", "true")
    work.git("config", "gpg.format", "ssh")
    work.git("config", "user.signingkey", "key::" + key.with_suffix(".pub").read_text().strip())
    signer = configured_signer(open_repository(work.path), committer=b"O <o@x> 1 +0000")
    assert signer is not None
    from gitalign.core.commit import new_commit

    with pytest.raises(GitError, match="could not sign"):
        signer.sign(new_commit(tree="1" * 40, parents=(), author=b"a", committer=b"c", message=b"m"))


def test_without_an_identity_nothing_is_rewritten(work: Workspace) -> None:
    from datetime import UTC, datetime

    for key in ("user.name", "user.email"):
        work.git("config", "--unset", key)
    work.git("config", "user.useConfigOnly", "true")
    with pytest.raises(ConfigError, match="who you are") as caught:
        operator_ident(open_repository(work.path), at=datetime.now(UTC))
    assert "user.name" in caught.value.hint


def test_owners_are_told_apart() -> None:
    """Edge case 39."""
    mine = this_owner()
    assert owner_is_alive(mine)
    host, boot, _, started = mine.split("|")
    assert owner_is_alive("nonsense")
    assert owner_is_alive(f"elsewhere|{boot}|1|1.0")
    assert not owner_is_alive(f"{host}|another-boot|{os.getpid()}|{started}")
    assert not owner_is_alive(f"{host}|{boot}|{os.getpid()}|1.0")
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    assert not owner_is_alive(f"{host}|{boot}|{child.pid}|{started}")


def test_memory_is_watched_with_a_gap_between_high_and_low(monkeypatch: pytest.MonkeyPatch) -> None:
    used = iter([10, 100, 95, 81, 79, 100])
    monkeypatch.setattr("gitalign.engine.runtime.limits.tree_bytes", lambda _: next(used))
    monkeypatch.setattr("gitalign.engine.runtime.limits._SAMPLE_S", -1.0)
    watch = MemoryWatch(100)
    assert [watch.changed() for _ in range(6)] == [None, True, None, None, False, True]
    assert watch.peak_tree_bytes == 100
    assert MemoryWatch(None).changed() is None
    assert MemoryWatch.peak_own_bytes() > 1_000_000
    assert tree_bytes(psutil.Process()) > 1_000_000


def test_workers_are_bounded_by_everything() -> None:
    assert worker_count(Limits(workers=1), 1) == 1
    assert worker_count(Limits(workers=100, max_git_processes=1), 3) == 1
    assert worker_count(Limits(workers=2, group_execution=GroupExecution.SEQUENTIAL), 3) <= 2
    assert worker_count(Limits(workers=1000, max_git_processes=1000), 3) <= max(2, os.cpu_count() or 2)

"""Repositories behind ssh: a real sshd, a key, and a host that must be known."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitalign.core.addresses import AddressRules
from gitalign.core.jobs import JobKind, JobState
from gitalign.service.credentials import SSH, Credential
from gitalign.store.service.database import open_service_database
from tests import needs
from tests.service.git_server import GitServer
from tests.service.mirroring import Mirrored

DEADLINE_S = 30.0


@dataclass
class Sshd:
    """A server that lets one key in."""

    port: int
    key: Path
    host_key: str
    log: Path


def made_key(place: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(place)], check=True)
    return place


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    program = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        needs.program("sshd", "openssh-server")
    assert program is not None
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    folder = tmp_path / "ssh"
    folder.mkdir(mode=0o700)
    host, key = made_key(folder / "host"), made_key(folder / "key")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {host}\nAuthorizedKeysFile {key}.pub\nPidFile none\nUsePAM no\n"
        "StrictModes no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nLogLevel ERROR\n"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "-D", "-e", "-f", str(folder / "config")], stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + DEADLINE_S
            while True:
                with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield Sshd(port, key, host.with_suffix(".pub").read_text(), folder / "log")
        finally:
            process.terminate()
            process.wait()


@pytest.fixture
def over_ssh(sshd: Sshd, bare: Path, empty_database: Path, tmp_path: Path) -> Iterator[Mirrored]:
    shutil.copytree(bare, tmp_path / "served" / "remote.git")
    file = Path(shutil.copyfile(empty_database, tmp_path / "service.db"))
    rules = AddressRules(hosts=(f"localhost:{sshd.port}",), allows_private=True)
    url = f"ssh://{getpass.getuser()}@localhost:{sshd.port}{tmp_path}/served/remote.git"
    with closing(open_service_database(file=file)) as database:
        yield Mirrored(database, tmp_path / "mirrors", GitServer(tmp_path / "served"), url, rules)


def credential(sshd: Sshd, *, host_key: str = "", key: Path | None = None) -> Credential:
    known = f"[localhost]:{sshd.port} {host_key or sshd.host_key}"
    return Credential(kind=SSH, secret=(key or sshd.key).read_text(), known_hosts=known)


def test_from_an_address_to_a_pushed_run(over_ssh: Mirrored, sshd: Sshd) -> None:
    over_ssh.add(credential=credential(sshd))
    before = over_ssh.branches()
    _, plan = over_ssh.done(JobKind.PLAN)
    run, _ = over_ssh.done(JobKind.RUN, plan_id=plan["id"])
    assert (run.state, run.outcome) == (JobState.DONE, "attention"), (run.error, sshd.log.read_text())
    moved = {name for name, tip in over_ssh.branches().items() if before[name] != tip}
    assert moved == {"clean", "feature/<b>two"}
    kept = b"".join(path.read_bytes() for path in over_ssh.folder.rglob("*") if path.is_file())
    assert b"PRIVATE KEY" not in kept


def test_another_server_at_the_address_is_refused(over_ssh: Mirrored, sshd: Sshd, tmp_path: Path) -> None:
    other = made_key(tmp_path / "other").with_suffix(".pub").read_text()
    over_ssh.add(credential=credential(sshd, host_key=other))
    job, _ = over_ssh.done(JobKind.FETCH)
    assert (job.state, job.error and job.error["code"]) == (JobState.FAILED, "remote")


def test_another_key_is_not_let_in(over_ssh: Mirrored, sshd: Sshd, tmp_path: Path) -> None:
    over_ssh.add(credential=credential(sshd, key=made_key(tmp_path / "other")))
    job, _ = over_ssh.done(JobKind.FETCH)
    assert (job.state, job.error and job.error["code"]) == (JobState.FAILED, "remote")
    assert "BEGIN" not in str(job.error)

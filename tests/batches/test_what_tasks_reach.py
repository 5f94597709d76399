"""What a task can do with the operator's credentials, and with the network."""

from __future__ import annotations

import base64
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.batches.running.state import Status
from gitalign.engine.run.session import open_for
from gitalign.facade.batch_context import batch_settings
from tests import needs
from tests.batches.runs import Bench, sh
from tests.batches.trees import World, world
from tests.histories import git
from tests.remotes.test_over_http import Backend
from tests.runs import request

__all__ = ["world"]

PASSWORD = "of-the-operator-alone"


@dataclass
class Guarded:
    """A remote that takes pushes of one user, by a password."""

    url: str
    path: Path
    seen: list[str | None]

    def branches(self) -> set[str]:
        return set(git(self.path, "for-each-ref", "--format=%(refname:short)", "refs/heads").split())


@pytest.fixture
def guarded(world: World, tmp_path: Path) -> Iterator[Guarded]:
    seen: list[str | None] = []
    basic = base64.b64encode(f"operator:{PASSWORD}".encode()).decode()

    class Asking(Backend):
        root = tmp_path

        def answer(self) -> None:
            seen.append(self.headers.get("Authorization"))
            if seen[-1] == f"Basic {basic}":
                super().answer()
                return
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()

    git(tmp_path, "clone", "-q", "--bare", str(world.path), "remote.git")
    with ThreadingHTTPServer(("127.0.0.1", 0), Asking) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Guarded(f"http://127.0.0.1:{server.server_port}/remote.git", tmp_path / "remote.git", seen)
        server.shutdown()


def be_logged_in(guarded: Guarded, home: Path, patched: pytest.MonkeyPatch) -> None:
    """Every place from which git takes credentials, in the environment and in the home of the operator."""
    home.mkdir()
    address = guarded.url.replace("http://", f"http://operator:{PASSWORD}@").rpartition("/")[0]
    (home / ".git-credentials").write_text(f"{address}\n")
    (home / ".netrc").write_text(f"machine 127.0.0.1 login operator password {PASSWORD}\n")
    (home / ".gitconfig").write_text(
        f'[credential]\n\thelper = store\n[url "{address}/"]\n\tinsteadOf = {guarded.url.rpartition("/")[0]}/\n'
    )
    asked = home / "asked"
    asked.write_text(f"#!/bin/sh\necho {PASSWORD}\n")
    asked.chmod(0o700)
    for name, value in {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_ASKPASS": str(asked),
        "SSH_ASKPASS": str(asked),
        "SSH_AUTH_SOCK": str(home / "agent"),
        "GIT_SSH_COMMAND": f"ssh -i {home}/key",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": f"X-Token: {PASSWORD}",
        "GITHUB_TOKEN": PASSWORD,
        "GH_TOKEN": PASSWORD,
    }.items():
        patched.setenv(name, value)


def test_a_task_cannot_push_with_what_the_operator_is_logged_in_with(
    world: World, guarded: Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unconfined, and it knows the address. The operator's own git pushes there."""
    be_logged_in(guarded, tmp_path / "home", monkeypatch)
    subprocess.run(["git", "push", "-q", guarded.url, "main:operators"], cwd=world.path, check=True)
    assert guarded.branches() == {"main", "operators"}
    guarded.seen.clear()
    world.git("remote", "add", "origin", guarded.url)
    script = (
        f"git push -q {guarded.url} HEAD:refs/heads/stolen; echo pushed $?; git push -q origin HEAD:refs/heads/stolen; "
        f"echo pushed $?; env"
    )
    bench = Bench.at(world)
    run = bench.run(sh("t", script, timeout_s=30.0))
    assert run.tasks["t"].status is Status.COMPLETED
    assert [line for line in bench.log("t").splitlines() if line.startswith("pushed")] == ["pushed 128"] * 2
    assert guarded.branches() == {"main", "operators"}
    assert set(guarded.seen) == {None}  # it was asked, and was given nothing
    assert PASSWORD not in bench.log("t")
    assert str(tmp_path / "home") not in bench.log("t")


@pytest.mark.parametrize("network", [False, True])
def test_a_task_has_no_network_unless_it_is_switched_on(world: World, network: bool) -> None:
    needs.bubblewrap(Path(world.repository.common_dir))
    options = facade.BatchOptions(confinement="require", network=network)
    confinement = batch_settings(open_for(request(world.path)), options).confinement
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"/dev/tcp/127.0.0.1/{server.getsockname()[1]}"
        bench = Bench.at(world)
        run = bench.run(sh("t", f"echo t > t; exec bash -c 'exec 3<>{address}'"), confinement=confinement)
    assert run.tasks["t"].status is (Status.COMPLETED if network else Status.FAILED)
    assert ("Connection refused" in bench.log("t")) is not network

"""The files in `deploy/`: what a proxy in front must keep true, units that systemd accepts, settings that the service accepts."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
import yaml

from gitalign.core.accounts import Role
from gitalign.core.jobs import JobKind
from gitalign.service.application import create_app
from gitalign.service.settings import read_settings
from gitalign.store.service.database import ServiceDatabase
from tests import needs
from tests.service.asking import REPOSITORY, ask
from tests.service.serving import DEADLINE_S, Served

DEPLOY = Path(__file__).parents[2] / "deploy"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def nginx(folder: Path, *, to: str) -> Iterator[str]:
    """nginx with the published site, on free ports, with a certificate of its own."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if program is None:
        pytest.skip("needs nginx (Debian: apt-get install nginx-light)")
    needs.program("openssl", "openssl")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    tls, plain = free_port(), free_port()
    site = (DEPLOY / "nginx.conf").read_text()
    for old, new in (
        ("listen 443 ssl", f"listen 127.0.0.1:{tls} ssl"),
        ("listen 80", f"listen 127.0.0.1:{plain}"),
        ("/etc/git-align/tls/fullchain.pem", str(folder / "cert.pem")),
        ("/etc/git-align/tls/key.pem", str(folder / "key.pem")),
        ("http://127.0.0.1:8484", to),
    ):
        assert old in site, old
        site = site.replace(old, new)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    file = folder / "whole.conf"
    file.write_text(
        f"daemon off; pid {folder}/pid; error_log stderr; worker_processes 1;\n"
        f"events {{}}\nhttp {{ access_log {folder}/access.log; {places}\n{site}\n}}\n"
    )
    process = subprocess.Popen([program, "-p", folder, "-c", file], stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + DEADLINE_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", tls)) == 0:
                    break
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield f"https://127.0.0.1:{tls}"
    finally:
        process.terminate()
        process.wait(timeout=DEADLINE_S)
        if process.stderr:
            process.stderr.close()


@pytest.fixture
def behind(database_file: Path, tmp_path: Path) -> Iterator[tuple[Served, str]]:
    """A service that trusts the proxy, run as the command line runs it, and the proxy's address."""
    app = create_app(
        {
            "database": {"file": str(database_file)},
            "server": {"trusted_proxies": ["127.0.0.1"], "names": ["align.example.org"]},
            "work": {"workers": 0},
        }
    )
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app, log_level="warning", ws="none", timeout_graceful_shutdown=3,
            proxy_headers=True, forwarded_allow_ips=["127.0.0.1"],
        )  # fmt: skip
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            inner = f"http://127.0.0.1:{listening.getsockname()[1]}"
            with nginx(tmp_path, to=inner) as address:
                yield Served(inner, app), address
        finally:
            server.should_exit = True
            thread.join(timeout=DEADLINE_S)


def test_what_goes_through_the_proxy(behind: tuple[Served, str], database: ServiceDatabase) -> None:
    server, address = behind
    headers = {"Authorization": f"Bearer {server.token(Role.ADMIN)}", "Host": "align.example.org"}
    with httpx.Client(base_url=address, verify=False, trust_env=False, timeout=DEADLINE_S, headers=headers) as client:
        assert client.get(f"/api/v1/repositories/{REPOSITORY}").status_code == 200
        page = client.get("/")
        assert "max-age=" in page.headers["Strict-Transport-Security"]
        refused = client.get("/", headers={"Host": "elsewhere.example"})
        assert refused.status_code == 400

        forged = [
            client.post("/sign-in", data={"token": "wrong"}, headers={"X-Forwarded-For": f"8.8.8.{number}"}).status_code
            for number in range(8)
        ]
        assert forged[0] != 429
        assert forged[-1] == 429, "a client cannot choose the address that its failed sign-ins count for"

        # Events arrive one by one, when they happen.
        with client.stream("GET", f"/api/v1/repositories/{REPOSITORY}/events") as stream:
            lines = stream.iter_lines()
            next(lines)
            began = time.monotonic()
            job = ask(database, JobKind.PLAN)
            assert any(job.id in line for line in lines)
            assert time.monotonic() - began < 20


def test_a_link_that_signs_in_is_not_in_the_proxys_log(behind: tuple[Served, str], tmp_path: Path) -> None:
    _, address = behind
    with httpx.Client(base_url=address, verify=False, trust_env=False, headers={"Host": "align.example.org"}) as client:
        client.get("/sign-in/a-secret-link")
        client.get("/health")
    deadline = time.monotonic() + DEADLINE_S
    while "/health" not in (log := (tmp_path / "access.log").read_text()):  # nginx logs after it has answered
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert "a-secret-link" not in log


@pytest.mark.parametrize("name", ["git-align.service", "git-align-worker.service"])
def test_units(name: str, tmp_path: Path) -> None:
    needs.program("systemd-analyze", "systemd")
    text = (DEPLOY / name).read_text()
    program = Path(shutil.which("true") or "/bin/true")
    (tmp_path / name).write_text(text.replace("/opt/git-align/bin/git-align", str(program)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / name], capture_output=True, text=True, check=False
    )
    mine = [line for line in done.stderr.splitlines() if name in line]
    assert (done.returncode, mine) == (0, []), done.stderr


def test_settings_and_what_composes_containers() -> None:
    settings = read_settings(DEPLOY / "server.yaml")
    assert (settings.work.workers, settings.database.upgrade_by_hand) == (0, True)
    composed: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert {"database", "upgrade", "web", "worker", "proxy"} == set(composed["services"])
    container = (DEPLOY / "Containerfile").read_text()
    assert "USER gitalign" in container

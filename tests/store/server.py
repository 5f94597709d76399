"""A PostgreSQL server for the tests: of an ordinary user, in a temporary folder, on a socket there, gone with its test run."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import OperationalError

from tests import needs

_DEADLINE_S = 60.0
_QUICK = (
    *("fsync=off", "full_page_writes=off", "max_connections=40", "shared_buffers=16MB"),
    *("listen_addresses=", "autovacuum=off", "max_wal_size=64MB"),
)


@contextmanager
def running() -> Iterator[str]:
    """A server, running while inside; the address of an empty database."""
    with restartable() as server:
        yield server.url


@dataclass
class Server:
    """A server that can be killed and started again.

    Attributes:
        url: of its database.
    """

    url: str
    serve: list[str | Path]
    env: dict[str, str]
    log: IO[bytes]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        deadline = time.monotonic() + _DEADLINE_S
        while True:
            self.process = subprocess.Popen(self.serve, env=self.env, stdout=self.log, stderr=self.log, cwd="/")
            if _await(self.url, Path(self.log.name), self.process):
                return
            # Processes of a server that was killed keep its memory until they see that it is gone.
            assert time.monotonic() < deadline, Path(self.log.name).read_text(errors="replace")

    def kill(self) -> None:
        """As a crash of the server would end it; what it wrote is in the system's memory."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        if self.process is not None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=10)
            self.process.kill()
            self.process.wait()


@contextmanager
def restartable() -> Iterator[Server]:
    """A server, running while inside, which the test may kill and start."""
    bin_folder, user = needs.postgres(), needs.ordinary_user()
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # the path of a socket has at most 107 bytes
    become: list[str] = []
    if os.geteuid() == 0:
        os.chown(folder, user.pw_uid, user.pw_gid)
        become = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    data = folder / "data"
    env = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder), "LC_ALL": "C"}
    log = (folder / "log").open("wb")
    options = [word for setting in (*_QUICK, f"unix_socket_directories={folder}") for word in ("-c", setting)]
    server: Server | None = None
    try:
        make = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--username=gitalign", "-D", str(data)]
        subprocess.run([*become, bin_folder / "initdb", *make], env=env, stdout=log, stderr=log, check=True, cwd="/")
        serve: list[str | Path] = [
            "setpriv",
            "--pdeathsig=KILL",
            *become[1:],
            bin_folder / "postgres",
            "-D",
            str(data),
            *options,
        ]
        server = Server(f"postgresql://gitalign@/postgres?host={folder}", serve, env, log)
        server.start()
        yield server
    finally:
        if server is not None:
            server.end()
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _await(url: str, log: Path, process: subprocess.Popen[bytes]) -> bool:
    """Wait until a server answers; False when it ended instead."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
    deadline = time.monotonic() + _DEADLINE_S
    while True:
        try:
            engine.connect().close()
            return True
        except OperationalError as error:
            if process.poll() is not None:
                return False
            if time.monotonic() > deadline:
                raise AssertionError(log.read_text(errors="replace")) from error
            time.sleep(0.05)

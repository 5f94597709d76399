"""A PostgreSQL server for the tests: of an ordinary user, in a temporary folder, on a socket there, gone with its test run."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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
    process: subprocess.Popen[bytes] | None = None
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
        process = subprocess.Popen(serve, env=env, stdout=log, stderr=log, cwd="/")
        url = f"postgresql://gitalign@/postgres?host={folder}"
        _await(url, folder / "log")
        yield url
    finally:
        log.close()
        if process is not None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _await(url: str, log: Path) -> None:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
    deadline = time.monotonic() + _DEADLINE_S
    while True:
        try:
            engine.connect().close()
            return
        except OperationalError as error:
            if time.monotonic() > deadline:
                raise AssertionError(log.read_text(errors="replace")) from error
            time.sleep(0.05)

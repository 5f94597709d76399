"""A `git-align` for shell scripts that starts at once: it hands its words to this process, which has a warm server.

with on_the_path(folder):     # folder/git-align
    subprocess.run(["sh", "script"], env={"PATH": f"{folder}:..."})
"""

from __future__ import annotations

import itertools
import json
import os
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from tests import warm

_NUMBERS = itertools.count()
_CLIENT = """#!{python} -SE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as there:
    there.connect({address!r})
    job = dict(argv=sys.argv[1:], cwd=os.getcwd(), env=dict(os.environ))
    there.sendall(json.dumps(job).encode() + b"\\n")
    code, out, err = json.loads(there.makefile().read())
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(code)
"""


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        job = json.loads(self.rfile.readline())
        done = warm.run(*cast(list[str], job["argv"]), cwd=Path(job["cwd"]), env=job["env"])
        self.wfile.write(json.dumps([done.returncode, done.stdout, done.stderr]).encode())


@contextmanager
def on_the_path(folder: Path) -> Iterator[Path]:
    """Put the command into a folder, and answer it while inside."""
    folder.mkdir()
    # In Linux's abstract name space: paths of sockets are at most 107 bytes long.
    address = f"\0git-align-{os.getpid()}-{next(_NUMBERS)}"
    with socketserver.ThreadingUnixStreamServer(address, _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        command = folder / "git-align"
        command.write_text(_CLIENT.format(python=sys.executable, address=address))
        command.chmod(0o755)
        try:
            yield command
        finally:
            server.shutdown()
            thread.join()

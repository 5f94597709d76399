"""A repository whose names try to be markup, with clashes, stops and two authors."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from gitalign import facade
from gitalign.core.outlook import Outlook
from tests.git.workspace import Workspace
from tests.runs import request

AS_OF = datetime(2026, 11, 27, tzinfo=UTC)
LINES = b"".join(b"line %d\n" % number for number in range(30))
MARKUP = """'"&lt;img src=x onerror=window.broken=1&gt;"""
HOSTILE = "</script><script>window.broken=1</script>"
HOSTILE_PATH = f"{HOSTILE}&amp;.txt"


def clashing(place: Path) -> Outlook:
    """Three pairs that clash, one that is undecided; the forecast of it."""
    work = Workspace(place)
    work.commit("base", {"list": LINES, HOSTILE_PATH: LINES, "h": b"0\n"})

    def write(branch: str, author: str, path: str, content: bytes) -> None:
        work.switch(branch, "main")
        file = work.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        named = {"GIT_AUTHOR_NAME": f"{author} {MARKUP} Sample", "GIT_AUTHOR_EMAIL": f"{author}@example.org"}
        subprocess.run(["git", "add", "-A"], cwd=work.path, check=True)
        message = f"{branch} {HOSTILE}"
        subprocess.run(["git", "commit", "-qm", message], cwd=work.path, env=os.environ | named, check=True)

    write("one", "ada", "list", LINES.replace(b"line 3\n", b"eins\n"))
    write("two", "bo", "list", LINES.replace(b"line 3\n", b"zwei\n"))
    write("three", "bo", "list", LINES.replace(b"line 3\n", b"<b>drei</b>\n"))
    write("<i>four<&amp;>", "ada", HOSTILE_PATH, LINES.replace(b"line 9\n", b"vier\n"))
    write('five"onload="x', "ada", HOSTILE_PATH, LINES.replace(b"line 9\n", b"fuenf\n"))
    write("quiet", "ada", "own", b"own\n")
    for name in ("stops", "stops-too"):
        write(name, "bo", "h", name.encode() + b"\n")
    work.switch("main")
    work.commit("on", {"h": b"main\n"})
    return facade.outlook(request(work.path), pairs=True)

"""git-align as other users of the machine: for `warm.call`, in processes that give up root before they begin."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any


def main() -> None:
    """Words: a JSON list of steps `{user, group, umask, words}`. Prints a JSON list of `{code, said}`."""
    steps = json.loads(sys.argv[1])
    _import_what_is_imported_late()
    sys.stdout.write(json.dumps([_carried_out(step) for step in steps]))


def _carried_out(step: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if not child:
            for number in (1, 2):
                os.dup2(said.fileno(), number)
            os.setgroups([])
            os.setgid(step["group"])
            os.setuid(step["user"])
            os.umask(step["umask"])
            sys.argv = ["git-align", *step["words"]]
            _become_the_command()
        _, status = os.waitpid(child, 0)
        said.seek(0)
        return {"code": os.waitstatus_to_exitcode(status), "said": said.read()}


def _become_the_command() -> None:
    from gitalign.start import main as command_line

    code = 70
    try:
        command_line()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _import_what_is_imported_late() -> None:
    """By using it: Python itself may lie where root alone can read."""
    from gitalign.cli.main import app

    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        place = str(Path(folder) / "demo")
        for words in (
            ["demo", "--quiet", "--branches", "20", "--dir", place],
            ["undo", "last", "--yes", "--repo", f"{place}/sample"],
        ):
            with suppress(SystemExit):
                app(words, standalone_mode=False)
    tempfile.tempdir = None

"""A git in which one call comes to a bad end: killed before or after it acted, half-way, or without room on the disk.

Everything else is real git. Put in the way by PATH, so that the product under test starts it as it starts any git.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_GIT = shutil.which("git") or "git"

_SCRIPT = """#!/bin/sh
case "$1" in {verb}) if [ {caller} = $PPID ]; then
    # Calls may come at the same moment: each takes the next number that is free.
    number=1
    set -C
    until true > {count}/$number; do number=$((number + 1)); done 2> /dev/null
    set +C
    if [ $number -eq {number} ]; then
        {end}
    fi
fi
esac
exec {git} "$@"
"""

_HOOK = """#!/bin/sh
[ "$1" = "{state}" ] && kill -9 $PPID
exit 0
"""

_HOOK_WITH_US = """#!/bin/sh
[ "$1" = "{state}" ] && kill -9 "$(cut -d ' ' -f 4 /proc/$PPID/stat)" $PPID
exit 0
"""

_HALF = """
import os, signal, subprocess, sys
data = b""
while not data.endswith(b"commit\\0"):
    data += os.read(0, 65536)
fields = data.split(b"\\0")[1:-3]
ref, after, before = fields[0].removeprefix(b"update "), fields[1], fields[2]
subprocess.run(["{git}", "update-ref", "--no-deref", ref, after, before], check=True)
os.kill(os.getpid(), signal.SIGKILL)
"""

ENDS = {
    "killed before": "kill -9 $$",
    "killed after": '{git} "$@" > /dev/null; kill -9 $$',
    "refused": "echo 'fatal: out of memory' >&2; exit 128",
    "no space": "trap '' XFSZ; ulimit -f 0; exec {git} \"$@\"",
    "killed while it writes": 'ulimit -f 1; exec {git} "$@"',
    "no space for the larger files": "trap '' XFSZ; ulimit -f 1; exec {git} \"$@\"",
    "killed with us": "kill -9 $PPID; kill -9 $$",
    "killed with us while it writes": '(ulimit -f 1; {git} "$@"); kill -9 $PPID; kill -9 $$',
    "killed with us after it acted": '{git} "$@"; kill -9 $PPID; kill -9 $$',
    "transaction killed with us when prepared": 'exec {git} -c core.hooksPath={place}/prepared-us "$@"',
    "transaction killed with us when committed": 'exec {git} -c core.hooksPath={place}/committed-us "$@"',
    "transaction killed when prepared": 'exec {git} -c core.hooksPath={place}/prepared "$@"',
    "transaction killed when committed": 'exec {git} -c core.hooksPath={place}/committed "$@"',
    "transaction killed half-way": "exec {python} {place}/half.py",
}
"""What can happen to a call -> what the shell does. `no space`: every write of a file fails, as on a full disk. `with us`: the
process that started it dies, too."""


class FaultyGit:
    """A folder with a git that goes wrong where it is asked to.

    Args:
        place: an empty folder for it.
        git: what is started where nothing goes wrong; another faulty one, for two faults at once.
    """

    def __init__(self, place: Path, *, git: str = _GIT) -> None:
        self._place = place
        self._git = git
        place.mkdir(parents=True)
        for state in ("prepared", "committed"):
            (place / state).mkdir()
            (place / f"{state}-us").mkdir()
            self._write(place / state / "reference-transaction", _HOOK.format(state=state))
            self._write(place / f"{state}-us" / "reference-transaction", _HOOK_WITH_US.format(state=state))
        self._write(place / "half.py", _HALF.replace("{git}", _GIT))

    @contextmanager
    def going_wrong(
        self, verb: str, end: str, *, number: int = 1, every: bool = False, caller: int | None = None
    ) -> Iterator[None]:
        """Inside, the n-th call of a git command, or every one, has one of `ENDS`, and the others go well.

        Args:
            verb: the command, `*` for any.
            caller: id of the process whose calls count; None for those of every process.
        """
        count = self._place / "count"
        shutil.rmtree(count, ignore_errors=True)
        count.mkdir()
        told = ENDS[end].format(git=self._git, place=self._place, python=sys.executable)
        self._write(
            self._place / "bin" / "git",
            _SCRIPT.format(
                verb=verb,
                caller=caller or "$PPID",
                count=count,
                number="$number" if every else number,
                end=told,
                git=self._git,
            ),
        )
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("PATH", f"{self._place / 'bin'}:{os.environ['PATH']}")
            yield

    @property
    def executable(self) -> str:
        """Path of the git."""
        return str(self._place / "bin" / "git")

    @property
    def calls(self) -> int:
        """How often the command was started in the last `going_wrong`."""
        return len(list((self._place / "count").iterdir()))

    def _write(self, path: Path, script: str) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(script, encoding="utf-8")
        path.chmod(0o755)

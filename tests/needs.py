"""What some tests need of a machine, and the only reasons for which a test is skipped.

README's test command needs none of it. In `.ci/run` all of it is there, and `--fail-on-skip` fails a run in which a test
was skipped for want of it.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import settings

from gitalign.validate.confine import Confinement, candidates, works

IS_THOROUGH = os.environ.get("GITALIGN_THOROUGH") == "1"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_THOROUGHNESS = "needs GITALIGN_THOROUGH=1"
_REFTABLE = "needs git 2.45 or newer"
_HISTORY = "needs the history of git-align"
LATER = (_THOROUGHNESS, _REFTABLE, _HISTORY)
"""Reasons that another part of `.ci/run`, a long run, or a run in a whole clone settles."""


def examples(few: int, many: int = 0) -> settings:
    """So many random examples of a property by default; in a long run `many`, or five times as many."""
    return settings(max_examples=(many or few * 5) if IS_THOROUGH else few)


def thoroughness(why: str) -> None:
    """Skip what only the long version of the tests does."""
    if not IS_THOROUGH:
        pytest.skip(f"{_THOROUGHNESS}: {why}")


def reftable(probe: Path) -> None:
    """Skip where git keeps refs in files only."""
    done = subprocess.run(["git", "init", "-q", "--ref-format=reftable", str(probe)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"{_REFTABLE}, which keeps refs in tables")


def root(what: str) -> None:
    """Skip for everybody but root."""
    if os.geteuid() != 0:
        pytest.skip(f"needs root, who may {what}")


def program(name: str, package: str) -> None:
    """Skip where a program is missing."""
    if shutil.which(name) is None:
        pytest.skip(f"needs {name} (Debian: apt-get install {package})")


def postgres() -> Path:
    """Where the programs of a PostgreSQL server are; skips where it is not installed."""
    places = [Path(found).resolve().parent for name in ("initdb",) if (found := shutil.which(name))]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    pytest.skip("needs a PostgreSQL server (Debian: apt-get install postgresql)")


def ordinary_user() -> pwd.struct_passwd:
    """The user of this process, or for root one that a server may run as; skips where there is none."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    pytest.skip("needs an ordinary user, such as postgres or nobody")


def bubblewrap(place: Path) -> Confinement:
    """Bubblewrap, which works here; skips where it does not."""
    return confinement("bubblewrap", place)


def confinement(name: str, place: Path) -> Confinement:
    """A way to confine checks that works here; skips where it does not."""
    for one in candidates(False, place):
        if one.name == name and works(one):
            return one
    pytest.skip(f"needs {name} that works here (Debian: apt-get install bubblewrap util-linux)")


def memory() -> None:
    """Skip where git-align has no memory to keep objects in."""
    if not os.path.ismount("/dev/shm"):
        pytest.skip("needs a tmpfs at /dev/shm")


def namespaces(*words: str) -> None:
    """Skip where `unshare` cannot make these namespaces."""
    program("unshare", "util-linux")
    if subprocess.run(["unshare", *words, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs root who may make namespaces")


@contextmanager
def mounted(place: Path, *options: str) -> Iterator[Path]:
    """Something mounted there; skips where that is not permitted.

    Args:
        place: made when it is missing.
        options: of `mount`, without the place.
    """
    place.mkdir(exist_ok=True)
    if subprocess.run(["mount", *options, str(place)], capture_output=True, check=False).returncode:
        pytest.skip("needs root who may mount")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def history(place: Path) -> None:
    """Skip where the code of earlier commits is not there."""
    done = subprocess.run(
        ["git", "-C", str(place), "rev-parse", "--is-shallow-repository"], capture_output=True, text=True, check=False
    )
    if done.stdout.strip() != "false":
        pytest.skip(f"{_HISTORY} (a whole clone, instead of its files alone)")

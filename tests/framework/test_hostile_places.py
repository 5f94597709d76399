"""The framework where names, files and other processes are not what one expects."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.errors import UserError
from gitalign.facade import Request
from gitalign.framework.contents import FOLDER
from tests import warm
from tests.framework.test_installation import FOREIGN, by_script, files, install
from tests.git.workspace import Workspace

NAMES = ["with space", "quote'\"s", "new\nline", "-n", "$(touch pwned)", "caf\udce9", "*", "back\\slash"]
INSTALL = """
import sys
from gitalign import facade
from gitalign.errors import GitAlignError
try:
    done = facade.framework_install(facade.Request(repo=sys.argv[1]), sys.argv[2], ())
    print("done" if any(one.kind.value == "create" for one in done.changes) else "nothing")
except GitAlignError as error:
    print(error.message)
"""


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_repository_may_have_any_name(tmp_path: Path, name: str) -> None:
    here = Workspace(tmp_path / name)
    here.commit("start", {"file": b"text\n"})
    (here.path / FOLDER).mkdir()
    (here.path / FOLDER / "install.sh").write_bytes(FOREIGN)
    before = files(here.path)
    install(here, "full")
    assert (here.path / FOLDER / "install.sh").read_bytes() != FOREIGN
    by_script(here, 1)
    assert files(here.path) == before
    assert sorted(tmp_path.iterdir()) == [here.path]


def test_what_is_no_ordinary_file_is_never_written_through(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(FOREIGN)
    here = Workspace(tmp_path / "repo")
    here.commit("start", {"file": b"text\n"})
    place = here.path / FOLDER / "install.sh"
    place.parent.mkdir()
    os.link(outside, place)  # the same file under two names: the other one is not ours
    install(here)
    assert outside.read_bytes() == FOREIGN
    by_script(here, 1)
    assert place.read_bytes() == outside.read_bytes() == FOREIGN
    place.unlink()
    os.mkfifo(place)  # to read it would be to wait for ever
    with pytest.raises(UserError):
        install(here)
    assert stat.S_ISFIFO(place.lstat().st_mode)
    place.unlink()
    place.mkdir()
    with pytest.raises(UserError):
        install(here)
    assert list(place.iterdir()) == []


def test_of_many_processes_one_installs_and_the_rest_say_why(tmp_path: Path) -> None:
    here = Workspace(tmp_path / "repo")
    here.commit("start", {"file": b"text\n"})
    before = files(here.path)
    command = [sys.executable, "-c", INSTALL, str(here.path)]
    begun = [
        subprocess.Popen([*command, mode], stdout=subprocess.PIPE, text=True) for mode in ("full", "minimal", "full")
    ]
    said = [one.communicate(timeout=120)[0].strip() for one in begun]
    assert "done" in said
    assert all(words in ("done", "nothing") or "another process" in words for words in said), said
    standing = facade.framework_status(Request(repo=here.path))
    assert (standing.interrupted, standing.changed, standing.missing) == (None, (), ())
    config = json.loads((here.path / FOLDER / "config.json").read_text())
    assert standing.manifest is not None
    assert config["mode"] == standing.manifest.mode.value
    while True:
        try:
            facade.framework_rollback(Request(repo=here.path))
        except UserError:
            break
    left = {name: what for name, what in files(here.path).items() if not name.startswith(FOLDER)}
    assert left == before
    assert {name for name in files(here.path) if name.startswith(f"{FOLDER}/") and "rollback" not in name} == set()


def test_odd_branches_take_the_framework_and_give_it_back(tmp_path: Path) -> None:
    here = Workspace(tmp_path / "repo")
    here.commit("start", {"file": b"text\n"})
    names = ["$(id)", "a'b", "ümlaut", "deep/er/x", "x@y"]
    for name in names:
        here.git("update-ref", f"refs/heads/{name}", "HEAD")
        here.switch(name)
        here.commit(f"own of {name}", {"own": name.encode()})
    here.switch("main")
    before = {name: here.tip(name) for name in names}
    done = warm.run("framework", "merge-to-branch", "--yes", "--json", "--", *names, cwd=here.path)
    assert done.returncode == 0, done.stderr
    for name in names:
        assert here.git("rev-parse", f"{before[name]}") == here.git("rev-parse", f"refs/heads/{name}~1")
        assert FOLDER in here.git("ls-tree", "--name-only", f"refs/heads/{name}").split()
    undone = warm.run("undo", "last", "--yes", cwd=here.path)
    assert undone.returncode == 0, undone.stderr
    assert {name: here.tip(name) for name in names} == before

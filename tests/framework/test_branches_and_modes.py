"""What an installation keeps is not committed and manifests are: the two come apart when branches are switched or cloned."""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.errors import UserError
from gitalign.facade import Request
from gitalign.framework.contents import FOLDER
from gitalign.framework.manifest import ChangeKind
from tests.framework.test_installation import FOREIGN, by_script, by_verb, cut_off, files, install
from tests.git.workspace import Workspace


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    space = Workspace(tmp_path / "repo")
    space.commit("start", {"file": b"text\n"})
    return space


def committed(here: Workspace, branch: str, mode: str) -> None:
    here.switch(branch, "main")
    install(here, mode)
    here.git("add", FOLDER)
    here.git("commit", "-qm", "framework")


def standing(here: Workspace) -> tuple[str | None, int | None]:
    found = facade.framework_status(Request(repo=here.path))
    return (found.manifest.mode.value if found.manifest else None, found.interrupted)


@pytest.mark.parametrize("put_back", [by_verb, by_script])
def test_another_branch_is_not_an_installation_that_was_cut_off(
    here: Workspace, put_back: Callable[[Workspace, int], str]
) -> None:
    before = files(here.path)
    committed(here, "topic", "minimal")
    here.switch("main")
    assert standing(here) == (None, None)
    kept = files(here.path)
    with pytest.raises(UserError, match="of another branch"):
        facade.framework_rollback(Request(repo=here.path))
    script = here.path / FOLDER / "rollback/0001.sh"
    assert subprocess.run(["sh", str(script)], capture_output=True).returncode == 1
    assert files(here.path) == kept
    committed(here, "other", "full")
    facade.framework_uninstall(Request(repo=here.path))
    here.git("commit", "-qam", "gone")
    here.switch("topic")
    assert standing(here) == ("minimal", None)
    put_back(here, 1)  # what it needs was not removed with the framework of the other branch
    assert files(here.path) == before


def test_in_a_clone_the_next_installation_has_a_number_of_its_own(here: Workspace, tmp_path: Path) -> None:
    """The committed manifest has number 1, and so had the first installation here: one that was cut off went unseen."""
    committed(here, "topic", "minimal")
    here.git("clone", "-q", str(here.path), str(tmp_path / "clone"))
    clone = Workspace.__new__(Workspace)
    clone.__dict__ |= {**here.__dict__, "path": tmp_path / "clone"}
    start = files(clone.path)
    shutil.copytree(clone.path, tmp_path / "start", symlinks=True)
    effect, seen = 1, 0
    while cut_off(effect, before=True, act=lambda: install(clone, "full")):
        if files(clone.path).keys() - start.keys() > {f"{FOLDER}/rollback/0002/step.json"}:
            assert standing(clone)[1] == 2, effect
            seen += 1
            by_script(clone, 2)
            assert files(clone.path) == start, effect
        shutil.rmtree(clone.path)
        shutil.copytree(tmp_path / "start", clone.path, symlinks=True)
        effect += 3
    assert seen
    facade.framework_rollback(Request(repo=clone.path))
    assert files(clone.path) == start
    with pytest.raises(UserError, match="no installation"):
        facade.framework_rollback(Request(repo=clone.path))
    facade.framework_uninstall(Request(repo=clone.path))
    assert sorted(place.name for place in clone.path.iterdir()) == [".git", "file"]


@pytest.mark.parametrize("put_back", [by_verb, by_script])
def test_files_that_others_may_not_read_stay_closed(here: Workspace, put_back: Callable[[Workspace, int], str]) -> None:
    folder = here.path / FOLDER
    (folder / "rollback").mkdir(parents=True)
    for name, mode in (("config.json", 0o600), ("install.sh", 0o640)):
        (folder / name).write_bytes(b"{}")
        (folder / name).chmod(mode)
    (folder / "rollback/.gitignore").write_text("mine\n")
    before = files(here.path)
    install(here)
    modes = {name: stat.S_IMODE((folder / name).stat().st_mode) for name in ("config.json", "install.sh")}
    assert modes == {"config.json": 0o600, "install.sh": 0o750}
    copies = folder / "rollback/0001"
    assert {stat.S_IMODE(place.stat().st_mode) for place in copies.rglob("config.json")} == {0o600}
    put_back(here, 1)
    assert files(here.path) == before


def test_a_module_that_goes_gives_its_place_back(here: Workspace) -> None:
    """What stood there was lost when the module went alone and all others went later."""
    place = here.path / FOLDER / "modules/conflict_detector.py"
    place.parent.mkdir(parents=True)
    place.write_bytes(FOREIGN)
    before = files(here.path)
    install(here, "full")
    installed = files(here.path)
    result = facade.framework_uninstall(Request(repo=here.path), ["conflict_detector"])
    assert [one.kind for one in result.changes if one.path.endswith("conflict_detector.py")] == [ChangeKind.REMOVE]
    assert place.read_bytes() == FOREIGN
    by_script(here, 2)
    assert files(here.path) == installed
    facade.framework_uninstall(Request(repo=here.path), ["conflict_detector"])
    facade.framework_uninstall(Request(repo=here.path))
    assert files(here.path) == before

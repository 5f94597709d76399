"""`.cli_framework` in a work tree: nothing is overwritten without a copy, everything can be put back byte for byte."""

from __future__ import annotations

import os
import shutil
import subprocess
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.compat.cli_framework import CLIInstaller
from gitalign.compat.orchestrator import BranchAlignmentOrchestrator
from gitalign.errors import GitAlignError, UserError
from gitalign.facade import Request
from gitalign.framework.contents import FOLDER
from gitalign.framework.installation import Installation
from gitalign.framework.manifest import ChangeKind
from gitalign.framework.work_tree import WorkTreeFiles
from tests.git.workspace import Workspace

MODULES = ("conflict_detector", "constitutional_analyzer", "resolution_engine")
FOREIGN = b"#!/bin/sh\necho mine\n"


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    space = Workspace(tmp_path / "repo")
    space.commit("start", {"file": b"text\n"})
    return space


def files(root: Path) -> dict[str, tuple[int, bytes]]:
    """Everything in a work tree, with its mode; links by where they lead."""
    found: dict[str, tuple[int, bytes]] = {}
    for place in sorted(root.rglob("*")):
        if ".git" in place.relative_to(root).parts:
            continue
        data = os.readlink(place).encode() if place.is_symlink() else b"" if place.is_dir() else place.read_bytes()
        found[str(place.relative_to(root))] = (place.lstat().st_mode, data)
    return found


def install(here: Workspace, mode: str = "minimal", *modules: str, **more: bool) -> facade.FrameworkChanges:
    return facade.framework_install(Request(repo=here.path), mode, modules, **more)


def by_script(here: Workspace, number: int) -> str:
    script = here.path / FOLDER / f"rollback/{number:04d}.sh"
    return subprocess.run(["sh", str(script)], check=True, capture_output=True, text=True, cwd="/").stdout


def by_verb(here: Workspace, number: int) -> str:
    facade.framework_rollback(Request(repo=here.path))
    return ""


BOTH = pytest.mark.parametrize("put_back", [by_verb, by_script])


@pytest.mark.parametrize(
    ("mode", "chosen", "expected"),
    [
        ("minimal", (), ("conflict_detector", "resolution_engine")),
        ("full", (), MODULES),
        ("custom", ("constitutional_analyzer",), ("constitutional_analyzer",)),
    ],
)
def test_modes_have_their_modules(
    here: Workspace, mode: str, chosen: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    install(here, mode, *chosen)
    there = {place.stem for place in (here.path / FOLDER / "modules").iterdir()}
    assert there == set(expected)
    installed = CLIInstaller(repo_path=here.path).installed()
    assert [name for name in MODULES if installed.has_module(name)] == list(expected)


@pytest.mark.parametrize(
    ("mode", "chosen", "words"),
    [
        ("tiny", (), "unknown mode"),
        ("custom", (), "needs modules"),
        ("full", ("conflict_detector",), "modules of its own"),
        ("custom", ("conflict_detektor",), "did you mean conflict_detector"),
    ],
)
def test_a_wrong_choice_is_refused(here: Workspace, mode: str, chosen: tuple[str, ...], words: str) -> None:
    before = files(here.path)
    with pytest.raises(UserError) as caught:
        install(here, mode, *chosen)
    assert words in f"{caught.value.message} {caught.value.hint}"
    assert files(here.path) == before


def test_the_orchestrator_requires_the_modules_of_the_mode(here: Workspace) -> None:
    orchestrator = BranchAlignmentOrchestrator(repo_path=here.path)
    assert orchestrator.initialize_cli_framework().modules == ("conflict_detector", "resolution_engine")
    assert orchestrator.initialize_cli_framework("full").modules == MODULES
    assert orchestrator.cli_framework is not None


@BOTH
def test_an_installation_is_put_back_byte_for_byte(here: Workspace, put_back: Callable[[Workspace, int], str]) -> None:
    folder = here.path / FOLDER
    (folder / "modules").mkdir(parents=True)
    (folder / "install.sh").write_bytes(FOREIGN)
    (folder / "notes.txt").write_text("mine")
    (folder / "config.json").write_text('{"team": "blue"}')
    before = files(here.path)
    changes = {one.path: one for one in install(here).changes}
    assert changes[f"{FOLDER}/install.sh"].kind is ChangeKind.REPLACE
    assert (here.path / changes[f"{FOLDER}/install.sh"].detail).read_bytes() == FOREIGN
    assert '"team": "blue"' in (folder / "config.json").read_text()
    middle = files(here.path)
    install(here, "full")
    assert files(here.path) != middle
    put_back(here, 2)
    assert files(here.path) == middle
    put_back(here, 1)
    left = files(here.path)
    left.setdefault(f"{FOLDER}/modules", before[f"{FOLDER}/modules"])  # an empty folder is nothing that git knows
    assert left == before


@BOTH
def test_what_was_changed_since_is_never_lost(here: Workspace, put_back: Callable[[Workspace, int], str]) -> None:
    (here.path / FOLDER).mkdir()
    (here.path / FOLDER / "install.sh").write_bytes(FOREIGN)
    install(here)
    (here.path / FOLDER / "install.sh").write_text("changed")
    (here.path / FOLDER / "install.sh.changed-0001").write_text("older")
    (here.path / FOLDER / "modules/conflict_detector.py").write_text("changed too")
    put_back(here, 1)
    left = {path: data for path, (mode, data) in files(here.path).items() if data}
    assert left == {
        "file": b"text\n",
        f"{FOLDER}/install.sh": FOREIGN,
        f"{FOLDER}/install.sh.changed-0001": b"older",
        f"{FOLDER}/install.sh.changed-0001+": b"changed",
        f"{FOLDER}/modules/conflict_detector.py": b"changed too",
    }


def test_uninstalling_keeps_what_was_changed_and_brings_back_what_was_replaced(here: Workspace) -> None:
    (here.path / FOLDER).mkdir()
    (here.path / FOLDER / "install.sh").write_bytes(FOREIGN)
    install(here, "full")
    facade.framework_uninstall(Request(repo=here.path), ["conflict_detector"])
    assert CLIInstaller(repo_path=here.path).installed().modules == MODULES[1:]
    assert not (here.path / FOLDER / "modules/conflict_detector.py").exists()
    changed = here.path / FOLDER / "modules/resolution_engine.py"
    changed.write_text("changed")
    result = facade.framework_uninstall(Request(repo=here.path))
    assert [one.path for one in result.changes if one.kind is ChangeKind.KEEP] == [
        f"{FOLDER}/modules/resolution_engine.py"
    ]
    assert changed.read_text() == "changed"
    assert (here.path / FOLDER / "install.sh").read_bytes() == FOREIGN
    with pytest.raises(UserError, match="not installed"):
        facade.framework_uninstall(Request(repo=here.path))


def test_uninstalling_keeps_both_what_was_changed_and_what_was_replaced(here: Workspace) -> None:
    (here.path / FOLDER).mkdir()
    (here.path / FOLDER / "install.sh").write_bytes(FOREIGN)
    install(here)
    (here.path / FOLDER / "install.sh").write_text("changed")
    facade.framework_uninstall(Request(repo=here.path))
    assert {path: data for path, (_, data) in files(here.path / FOLDER).items()} == {
        "install.sh": b"changed",
        "install.sh.before-0001": FOREIGN,
    }


def test_installing_again_changes_nothing_and_a_dry_run_writes_nothing(here: Workspace) -> None:
    before = files(here.path)
    planned = install(here, "full", dry_run=True)
    assert files(here.path) == before
    done = install(here, "full")
    assert [one.path for one in planned.changes] == [one.path for one in done.changes]
    once = files(here.path)
    assert {one.kind for one in install(here, "full").changes} == {ChangeKind.UNCHANGED}
    assert files(here.path) == once


def test_a_dirty_work_tree_is_refused_unless_allowed(here: Workspace) -> None:
    (here.path / "file").write_text("changed\n")
    with pytest.raises(UserError, match="not committed"):
        install(here)
    assert not (here.path / FOLDER).exists()
    install(here, allow_dirty=True)
    with pytest.raises(UserError, match="not committed"):
        facade.framework_uninstall(Request(repo=here.path))


@pytest.mark.parametrize("name", [FOLDER, f"{FOLDER}/modules", f"{FOLDER}/install.sh", f"{FOLDER}/rollback"])
def test_no_link_is_followed(here: Workspace, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "0001").mkdir()
    link = here.path / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(outside)
    before = files(outside)
    with pytest.raises(UserError):
        install(here)
    with pytest.raises(UserError):
        facade.framework_rollback(Request(repo=here.path))
    assert files(outside) == before
    assert link.is_symlink()


def test_a_manifest_that_leads_elsewhere_is_refused(here: Workspace, tmp_path: Path) -> None:
    install(here)
    manifest = here.path / FOLDER / "manifest.json"
    manifest.write_text(manifest.read_text().replace(f"{FOLDER}/install.sh", f"{FOLDER}/../file"))
    for ask in (facade.framework_status, facade.framework_uninstall):
        with pytest.raises(UserError, match="cannot be read"):
            ask(Request(repo=here.path))
    assert (here.path / "file").read_text() == "text\n"


def test_two_at_once_do_not_meet(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    second: list[GitAlignError] = []
    real = Installation.install

    def with_another(self: Installation, *words: object, **more: object) -> object:
        if not second:
            second.append(GitAlignError("being tried"))
            with pytest.raises(GitAlignError) as caught:
                install(here, "full")
            second[0] = caught.value
        return real(self, *words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Installation, "install", with_another)
    install(here)
    assert "another process" in second[0].message
    assert CLIInstaller(repo_path=here.path).installed().modules == ("conflict_detector", "resolution_engine")


def cut_off(effect: int, *, before: bool, act: Callable[[], object]) -> bool:
    """Do something in a process that is killed at an effect; False when it ended before it came so far."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            count = 0

            def dying(method: Callable[..., object]) -> Callable[..., object]:
                def called(self: WorkTreeFiles, *words: object, **more: object) -> object:
                    nonlocal count
                    count += 1
                    if count == effect and before:
                        os._exit(9)
                    result = method(self, *words, **more)
                    if count == effect:
                        os._exit(9)
                    return result

                return called

            for name in ("write", "remove", "set_aside"):
                setattr(WorkTreeFiles, name, dying(getattr(WorkTreeFiles, name)))
            act()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 9)
    return status == 9


@BOTH
def test_a_kill_at_any_effect_is_put_back(
    here: Workspace, tmp_path: Path, put_back: Callable[[Workspace, int], str]
) -> None:
    (here.path / FOLDER).mkdir()
    (here.path / FOLDER / "install.sh").write_bytes(FOREIGN)
    start = files(here.path)
    shutil.copytree(here.path, tmp_path / "start", symlinks=True)
    effect = 1
    while cut_off(effect, before=effect % 2 == 0, act=lambda: install(here)):
        (here.path / FOLDER / ".git-align-xyz.new").write_text("half")
        standing = facade.framework_status(Request(repo=here.path))
        assert standing.manifest is None or standing.interrupted is None
        if (here.path / FOLDER / "rollback/0001/step.json").exists():
            assert standing.interrupted is not None or standing.manifest is not None
            if standing.manifest is None:
                with pytest.raises(UserError, match="cut off"):
                    install(here)
            put_back(here, 1)
            assert files(here.path) == start, effect
        else:  # nothing has changed yet, but something was begun
            by_verb(here, 1)
            assert files(here.path) == start, effect
        shutil.rmtree(here.path)
        shutil.copytree(tmp_path / "start", here.path, symlinks=True)
        effect += 1
    assert effect > 15


def test_an_uninstall_that_is_cut_off_is_finished_by_the_next(here: Workspace, tmp_path: Path) -> None:
    (here.path / FOLDER).mkdir()
    (here.path / FOLDER / "install.sh").write_bytes(FOREIGN)
    start = files(here.path)
    install(here)
    shutil.copytree(here.path, tmp_path / "installed", symlinks=True)
    effect = 1

    def uninstall() -> None:
        facade.framework_uninstall(Request(repo=here.path))

    while cut_off(effect, before=effect % 2 == 0, act=uninstall):
        with suppress(UserError):  # everything was removed, or what is left is put back by the rollback
            uninstall()
        with suppress(UserError):
            by_verb(here, 1)
        left = files(here.path)
        left.pop(f"{FOLDER}/rollback", None)  # an empty folder is nothing that git knows
        assert left == start, effect
        shutil.rmtree(here.path)
        shutil.copytree(tmp_path / "installed", here.path, symlinks=True)
        effect += 1
    assert effect > 8


def test_a_rollback_that_is_cut_off_is_finished_by_the_next(here: Workspace, tmp_path: Path) -> None:
    (here.path / FOLDER).mkdir()
    (here.path / FOLDER / "install.sh").write_bytes(FOREIGN)
    start = files(here.path)
    install(here)
    (here.path / FOLDER / "install.sh").write_text("changed")
    shutil.copytree(here.path, tmp_path / "installed", symlinks=True)
    effect = 1
    while cut_off(effect, before=effect % 2 == 0, act=lambda: by_verb(here, 1)):
        with suppress(UserError):  # nothing is left to put back
            by_verb(here, 1)
        left = files(here.path)
        left.pop(f"{FOLDER}/rollback", None)  # an empty folder is nothing that git knows
        aside = [path for path in left if ".changed-" in path]
        assert [left.pop(path)[1] for path in aside] == [b"changed"], effect
        assert left == start, effect
        shutil.rmtree(here.path)
        shutil.copytree(tmp_path / "installed", here.path, symlinks=True)
        effect += 1
    assert effect > 8

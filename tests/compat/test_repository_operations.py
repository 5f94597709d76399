"""`RepositoryOperations`, `safe_modify_file` and what is done around a step."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
import shutil
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from gitalign.compat.repository_operations import RepositoryOperations
from gitalign.compat.step_checks import StepChecks
from gitalign.compat.steps import ValidationError, rolled_back_on_error, safe_modify_file, validate_after_step
from gitalign.core.plan import Permit
from gitalign.errors import UserError
from tests.git.workspace import Workspace
from tests.validate.test_startup import SERVER


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    space = Workspace(tmp_path / "repo")
    space.commit("start", {"file": b"text\n"})
    space.switch("topic", "main")
    space.commit("work", {"own": b"1\n"})
    space.switch("main")
    return space


def test_a_command_says_output_and_code(here: Workspace) -> None:
    operations = RepositoryOperations(str(here.path))
    out, err, code = asyncio.run(operations.run_command(["git", "rev-parse", "--verify", "topic"]))
    assert (out.strip(), err, code) == (here.tip("topic"), "", 0)
    out, err, code = asyncio.run(operations.run_command(["git", "rev-parse", "--verify", "nosuch"]))
    assert (out, code) == ("", 128)
    assert "fatal" in err
    for cmd, cwd in ((["nosuch-program"], None), (["git", "status"], str(here.path / "nosuch"))):
        with pytest.raises(RuntimeError, match="Command failed"):
            asyncio.run(operations.run_command(cmd, cwd))


def test_a_command_without_end_is_ended(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitalign.compat.repository_operations._TIMEOUT_S", 0.2)
    with pytest.raises(RuntimeError, match="timed out"):
        asyncio.run(RepositoryOperations(here.path).run_command(["sleep", "60"]))


def test_a_backup_is_made_and_gone_back_to_with_a_dirty_work_tree(here: Workspace) -> None:
    (here.path / "file").write_text("at work\n")
    operations, before, main = RepositoryOperations(here.path), here.tip("topic"), here.tip("main")
    assert asyncio.run(operations.create_backup_branch("topic", "saved/topic"))
    assert asyncio.run(operations.create_backup_branch("topic", "saved/topic"))
    here.git("update-ref", "refs/heads/topic", main)
    with pytest.raises(RuntimeError, match="taken by another commit"):
        asyncio.run(operations.create_backup_branch("topic", "saved/topic"))
    assert asyncio.run(operations.rollback_to_backup("saved/topic", "topic"))
    assert asyncio.run(operations.rollback_to_backup("saved/topic", "topic"))
    assert (here.tip("topic"), here.tip("saved/topic"), here.tip("main")) == (before, before, main)
    assert (here.path / "file").read_text() == "at work\n"
    facade.undo(facade.Request(repo=here.path), "last", permit=Permit(plan_id="*", given_by="test"))
    assert here.tip("topic") == main


def test_what_must_not_move_is_not_moved(here: Workspace) -> None:
    operations, main = RepositoryOperations(here.path), here.tip("main")
    with pytest.raises(RuntimeError, match="target or protected"):
        asyncio.run(operations.rollback_to_backup("topic", "main"))
    here.switch("topic")
    (here.path / "own").write_text("at work\n")
    asyncio.run(operations.create_backup_branch("main", "old"))
    with pytest.raises(RuntimeError, match="own"):
        asyncio.run(operations.rollback_to_backup("old", "topic"))
    assert (here.path / "own").read_text() == "at work\n"
    assert here.tip("main") == main
    for source, name in (("nosuch", "x"), ("main", "a..b"), ("main", "-x"), ("main", "HEAD")):
        with pytest.raises(RuntimeError, match="Failed to create backup branch"):
            asyncio.run(operations.create_backup_branch(source, name))
    with pytest.raises(RuntimeError, match="there is no branch nosuch"):
        asyncio.run(operations.rollback_to_backup("nosuch", "topic"))


def test_a_file_is_changed_whole_or_not_at_all(tmp_path: Path) -> None:
    place = tmp_path / "settings"
    place.write_text("old")
    place.chmod(0o640)

    def half(path: str) -> None:
        Path(path).write_text("ha")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        safe_modify_file(place, half)
    assert [one.name for one in tmp_path.iterdir()] == ["settings"]
    assert place.read_text() == "old"
    seen: list[str] = []

    def change(path: str) -> None:
        Path(path).write_text("new")
        seen.append(place.read_text())

    backups = [safe_modify_file(place, change), safe_modify_file(place, change)]
    assert [one.name for one in backups] == ["settings.backup", "settings.backup.1"]
    assert [one.read_text() for one in backups] == ["old", "new"]
    assert seen == ["old", "new"]
    assert stat.S_IMODE(place.stat().st_mode) == stat.S_IMODE(backups[0].stat().st_mode) == 0o640
    with pytest.raises(UserError):
        safe_modify_file(tmp_path, change)


def test_a_kill_or_a_full_disk_leaves_the_file_and_no_half_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "settings"
    place.write_text("old")

    def dying(path: str) -> None:
        Path(path).write_text("ha")
        os._exit(9)

    child = os.fork()
    if child == 0:
        safe_modify_file(place, dying)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert place.read_text() == "old"
    copied = shutil.copy2

    def full(source: Path, to: Path) -> None:
        if Path(to).name.startswith("settings.backup"):
            Path(to).write_text("o")
            raise OSError(errno.ENOSPC, "No space left on device")
        copied(source, to)

    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(OSError, match="No space left"):
        safe_modify_file(place, lambda path: Path(path).write_text("new"))
    assert place.read_text() == "old"
    assert not list(tmp_path.glob("*.backup*"))


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    safe_modify_file(tmp_path / "link", lambda path: Path(path).write_text("new"))
    assert os.readlink(tmp_path / "link") == "real"
    assert (tmp_path / "real").read_text() == "new"


@pytest.mark.parametrize("error", [ValueError("bad"), asyncio.CancelledError()])
def test_an_operation_that_fails_is_rolled_back_and_tidied(error: BaseException) -> None:
    done: list[str] = []

    async def rollback() -> None:
        done.append("rollback")
        raise KeyError("lost")

    async def act() -> None:
        async with rolled_back_on_error(rollback, lambda: done.append("cleanup"), expected=(ValueError,)):
            raise error

    with pytest.raises(type(error)) as caught:
        asyncio.run(act())
    assert done == ["rollback", "cleanup"]
    assert caught.value is error or isinstance(error, asyncio.CancelledError)
    if caught.value is error:
        assert any("rollback failed" in note for note in error.__notes__)


def test_an_operation_that_succeeds_is_only_tidied() -> None:
    done: list[str] = []

    async def act() -> None:
        async with rolled_back_on_error(lambda: done.append("rollback"), lambda: done.append("cleanup")):
            done.append("act")

    asyncio.run(act())
    assert done == ["act", "cleanup"]


def test_a_step_is_valid_when_every_check_says_so() -> None:
    async def good() -> dict[str, object]:
        return {"passed": True, "message": ""}

    assert len(asyncio.run(validate_after_step("merge", [good, good]))) == 2

    def broken() -> dict[str, object]:
        raise OSError("gone")

    for check, words in (
        (lambda: {"passed": False, "message": "red"}, "merge validation failed: red"),
        (lambda: {"passed": "yes"}, "no reason"),
        (lambda: None, "no answer"),
        (broken, "OSError: gone"),
    ):
        with pytest.raises(ValidationError, match=words):
            asyncio.run(validate_after_step("merge", [good, check]))  # type: ignore[list-item]


def test_the_four_checks_say_what_a_run_recorded(here: Workspace) -> None:
    here.commit("more", {"other": b"1\n"})
    here.switch("red", "main~1")
    here.commit("red", {"red": b"1\n"})
    here.switch("main")
    request = facade.Request(
        repo=here.path,
        overrides={
            "validation.test_command": ["sh", "-c", "! test -e red"],
            "validation.confinement": "none",
            "alignment.committer": "preserve",
        },
    )
    facade.run(request, permit=Permit(plan_id="*", given_by="test"))
    green, red = (StepChecks(branch, repo_path=here.path) for branch in ("topic", "red"))
    checks = [green.check_import_paths, green.check_functionality, green.check_performance]
    assert len(asyncio.run(validate_after_step("align", checks))) == 3
    with pytest.raises(ValidationError, match=r"startup was not looked at: validation\.startup"):
        asyncio.run(validate_after_step("align", green.all()))
    with pytest.raises(ValidationError, match="tests: failed"):
        asyncio.run(validate_after_step("align", [red.check_functionality]))
    late = StepChecks("topic", repo_path=here.path, integrate_s=0.0)
    with pytest.raises(ValidationError, match="integrate took"):
        asyncio.run(validate_after_step("align", [late.check_performance]))
    with pytest.raises(ValidationError, match="has no branch nosuch"):
        asyncio.run(validate_after_step("align", [StepChecks("nosuch", repo_path=here.path).check_performance]))


def test_the_checks_see_a_broken_import_and_a_service_that_does_not_start(tmp_path: Path) -> None:
    space = Workspace(tmp_path / "repo")
    service = {"src/__init__.py": b"", "src/main.py": b"def app(path):\n    return 200\n", "server.py": SERVER}
    space.commit("base", {"lib/__init__.py": b"", "lib/text.py": b"x = 1\n", **service})
    for name, files in (
        ("good", {"own": b"1\n"}),
        ("uses", {"use.py": b"from lib.text import x\n"}),
        ("breaks", {"src/main.py": b"raise RuntimeError('no configuration')\n"}),
    ):
        space.switch(name, "main")
        space.commit(name, files)
    space.switch("main")
    space.commit("gone", {"lib/text.py": None, "lib/other.py": b"x = 1\n"})
    settings = {"server": [sys.executable, "server.py"], "timeout_seconds": 10}
    overrides = {"validation.startup": settings, "validation.confinement": "none", "validation.rerun_failed": False}
    facade.run(facade.Request(repo=space.path, overrides=overrides), permit=Permit(plan_id="*", given_by="test"))
    good, uses, breaks = (StepChecks(name, repo_path=space.path) for name in ("good", "uses", "breaks"))
    assert len(asyncio.run(validate_after_step("align", [good.check_service_startup, good.check_import_paths]))) == 2
    with pytest.raises(ValidationError, match=r"use\.py: .*lib\.text"):
        asyncio.run(validate_after_step("align", [uses.check_import_paths]))
    with pytest.raises(ValidationError, match="startup: failed"):
        asyncio.run(validate_after_step("align", [breaks.check_service_startup]))


def test_the_example_in_the_documents_works(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways: without a check the branch goes on, and a check that does not pass puts branch and file back."""
    page = (Path(__file__).parents[2] / "docs/contexts.md").read_text()
    (example,) = [one for one in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "rolled_back_on_error" in one]
    here.commit("more", {"other": b"1\n"})
    monkeypatch.chdir(here.path)
    before = here.tip("topic")
    Path("settings.json").write_text('{"limit": 1}')
    names: dict[str, Any] = {}
    exec(example, names)
    with pytest.raises(ValidationError, match=r"startup was not looked at"):
        asyncio.run(names["align_topic"]())
    assert here.tip("topic") == before
    assert Path("settings.json").read_text() == '{"limit": 1}'
    monkeypatch.setattr(StepChecks, "all", lambda self: (self.check_import_paths, self.check_performance))
    asyncio.run(names["align_topic"]())
    assert here.git("merge-base", "topic", "main") == here.tip("main")
    assert json.loads(Path("settings.json").read_text()) == {"limit": 2}

"""The doctor: every check speaks, on sound and on broken surroundings, and changes nothing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.diagnosis import Diagnosis
from tests.git.workspace import Workspace
from tests.runs import request, run


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a": b"a\n"})
    work.switch("x", "main")
    work.commit("x", {"x": b"1\n"})
    work.switch("main")
    work.commit("main", {"extra": b"1\n"})
    return work


def told(path: Path, **settings: object) -> dict[str, Diagnosis]:
    return {one.check: one for one in facade.doctor(request(path, only=(), push=False, **settings))}


def test_a_sound_repository_is_sound(work: Workspace) -> None:
    before = sorted((work.path / ".git").rglob("*"))
    found = told(work.path)
    # Bubblewrap is named where it is missing, and nothing else is amiss.
    is_whole = shutil.which("bwrap") is not None
    assert {name for name, one in found.items() if one.ok is not True} == (set() if is_whole else {"checks"})
    assert ("bubblewrap" in found["checks"].hint) is not is_whole
    assert {"git", "tools", "repository", "configuration", "identity", "disk", "journal", "locks", "work trees"} <= set(
        found
    )
    assert sorted((work.path / ".git").rglob("*")) == before
    run(work.path)
    assert told(work.path)["journal"].detail == "no unfinished run"


def test_what_is_wrong_is_named_with_a_way_out(
    work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(tmp_path)["repository"].ok is False
    assert told(work.path, strategi="x")["configuration"].ok is False
    (work.path / ".git" / "refs" / "heads" / "x.lock").write_text("")
    (work.path / ".git" / "packed-refs.lock").write_text("")
    assert told(work.path)["locks"].ok is None
    (work.path / "a").write_bytes(b"changed\n")
    assert "dirty" in told(work.path)["work tree"].detail
    work.git("config", "--unset", "user.name")
    work.git("config", "user.useConfigOnly", "true")
    assert told(work.path)["identity"].ok is False
    database = work.path / ".git" / "gitalign" / "gitalign.db"
    database.parent.mkdir()
    database.write_bytes(b"rubbish" * 1000)
    assert told(work.path)["journal"].ok is False
    monkeypatch.setenv("PATH", str(tmp_path))
    found = told(work.path)
    assert found["git"].ok is False
    assert found["tools"].ok is None


def test_an_old_git_a_shallow_clone_and_an_unfinished_run_are_told(
    work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path / "shallow"
    work.git("clone", "-q", "--depth=1", f"file://{work.path}", str(clone))
    assert told(clone)["history"].ok is None

    def stop(name: str) -> None:
        if name == "results":
            raise KeyboardInterrupt

    from gitalign.core.plan import Permit

    with pytest.raises(KeyboardInterrupt):
        facade.run(request(work.path), permit=Permit(plan_id="*"), checkpoint=stop)
    assert "unfinished" in told(work.path)["journal"].detail
    assert facade.status(request(work.path)).next_command == "git align resume"
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "git").write_text("#!/bin/sh\necho git version 2.30.0\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}")
    assert "too old" in told(work.path)["git"].detail
    (folder / "git").write_text("#!/bin/sh\necho hello\n")
    assert told(work.path)["git"].ok is False


def test_programs_that_are_to_settle_conflicts(work: Workspace) -> None:
    assert "programs" not in told(work.path)
    here = {"command": ["true", "%A"], "paths": ["*"]}
    gone = {"command": ["no-such-merge-driver", "%A"], "paths": ["*"], "name": "mine"}
    assert told(work.path, resolutions__driver=here)["programs"].ok is True
    found = told(work.path, resolutions__driver=gone)["programs"]
    assert found.ok is False
    assert found.detail == "mine settles nothing: no-such-merge-driver is not there, or cannot be executed"
    asked = request(work.path, resolutions__driver=gone, resolutions__rungs=["driver"])
    (notice,) = facade.forecast(asked).notices
    assert "no-such-merge-driver is not there" in notice


def test_targets_that_are_not_there_are_named(work: Workspace) -> None:
    assert told(work.path)["targets"].detail == "main"
    misspelt = told(work.path, targets=["mian"])["targets"]
    assert misspelt.ok is False
    assert "no such target branch: mian" in misspelt.detail
    work.git("branch", "-m", "main", "home")
    assert told(work.path)["targets"].ok is False


def test_refs_that_lead_nowhere_are_named(work: Workspace) -> None:
    assert told(work.path)["refs"].ok is True
    heads = work.path / ".git" / "refs" / "heads"
    (heads / "gone").write_text("1" * 40 + "\n")
    (heads / "garbled").write_bytes(b"\0\xff no id")
    (heads / "empty").write_bytes(b"")
    (heads / "sub").mkdir()
    (heads / "sub" / "alias").write_text("ref: refs/heads/nowhere\n")
    found = {
        one.detail.partition(":")[0]: one
        for one in facade.doctor(request(work.path, only=(), push=False))
        if one.check == "ref"
    }
    assert {ref.removeprefix("refs/heads/"): one.ok for ref, one in found.items()} == {
        "gone": False,
        "garbled": False,
        "empty": False,
        "sub/alias": None,
    }
    work.git(*found["refs/heads/sub/alias"].hint.split()[1:])
    assert not (heads / "sub" / "alias").exists()


def test_a_mirror_whose_fetch_would_delete_what_undo_needs_is_named(work: Workspace, tmp_path: Path) -> None:
    """The hint is what git needs: with it, a fetch with --prune keeps the refs; without it, git deletes them."""
    mirror = Workspace(tmp_path / "mirror")
    mirror.git("remote", "add", "origin", str(work.path))
    assert "mirror" not in told(mirror.path)
    mirror.git("config", "remote.origin.fetch", "+refs/*:refs/*")
    ours = "refs/gitalign/runs/one"
    for is_mended in (False, True):
        mirror.git("fetch", "-q", "--update-head-ok", "origin")
        mirror.git("update-ref", ours, "refs/heads/main")
        found = told(mirror.path).get("mirror")
        assert (found is None) == is_mended
        mirror.git("fetch", "-q", "--prune", "--update-head-ok", "origin")
        assert bool(mirror.git("for-each-ref", ours)) == is_mended
        if found is not None:
            assert found.ok is None
            subprocess.run(["sh", "-c", found.hint], cwd=mirror.path, check=True)


def test_what_holds_pushes_back_is_named(work: Workspace, tmp_path: Path) -> None:
    """A hook, submodules and LFS are what `git push` would run or send, and a push of git-align does not."""
    cloned = Workspace(tmp_path / "cloned")
    hook = cloned.path / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n")
    hook.chmod(0o755)
    cloned.commit("base", {"f": b"1\n"})
    assert "push" not in told(cloned.path)  # without a remote nothing is pushed
    cloned.git("remote", "add", "origin", str(work.path))
    cloned.git("config", "push.recurseSubmodules", "check")
    cloned.commit("large files", {".gitattributes": b"*.bin filter=lfs\n"})
    found = told(cloned.path)["push"]
    assert found.ok is None
    for words in (str(hook), "push.recurseSubmodules", "Git LFS"):
        assert words in found.detail
    hook.unlink()
    cloned.git("config", "--unset", "push.recurseSubmodules")
    cloned.commit("no large files", {".gitattributes": None})
    assert "push" not in told(cloned.path)

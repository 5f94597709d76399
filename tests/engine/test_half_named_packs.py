"""A process dies while it gives the files of a pack their names: no ref leads to what is not there, and nothing stays for ever."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.plan import Permit
from gitalign.engine.publishing import pins
from gitalign.engine.runtime.surroundings import of_process
from gitalign.errors import GitAlignError
from gitalign.git.half_named import remove_half_named
from gitalign.git.storing import mark_pack
from tests import warm
from tests.git.workspace import Workspace
from tests.needs import IS_THOROUGH
from tests.runs import request, run

MOST = 20


def dies_before_a_name() -> None:
    """A run of its own that is killed before the n-th file in the folder of packs gets its name. Words: repository, n."""
    repository, number = Path(sys.argv[1]), int(sys.argv[2])
    packs = str(repository / ".git" / "objects" / "pack" / "pack-")
    seen = 0

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event in ("os.rename", "os.link") and os.fsdecode(arguments[1]).startswith(packs):  # type: ignore[arg-type]
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    run(repository)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = Workspace(tmp_path_factory.mktemp("half") / "repo")
    work.commit("base", {"a": b"a\n"})
    for name in ("x", "y"):
        work.switch(name, "main")
        work.commit(name, {name: b"1\n"})
    work.switch("main")
    work.commit("main on", {"b": b"1\n"})
    return work.path


def garbage(work: Workspace) -> list[str]:
    """What git finds in the folder of packs and cannot use, and marks that hold a pack."""
    counted = work.git("count-objects", "-v").splitlines()
    assert "garbage: 0" in counted, (counted, sorted((work.path / ".git/objects/pack").iterdir()))
    return [path.name for path in (work.path / ".git/objects/pack").iterdir() if path.suffix == ".keep"]


def resumed(work: Workspace) -> None:
    facade.resume(request(work.path))
    assert run(work.path).exit_code() == 0


def undone(work: Workspace) -> None:
    resumed(work)
    assert facade.undo(request(work.path), "last", permit=Permit(plan_id="*")).exit_code() == 0


def given_up(work: Workspace) -> None:
    """Nothing ever makes the same packs again."""
    work.git("branch", "-qD", "x", "y")


NEXT = (resumed, given_up, undone)
TURNS = range(len(NEXT) if IS_THOROUGH else 1)


@pytest.mark.parametrize("turn", TURNS)
def test_killed_before_each_name(tmp_path: Path, template: Path, turn: int) -> None:
    for number in range(1, MOST):
        place = tmp_path / str(number)
        shutil.copytree(template, place, symlinks=True)
        work = Workspace(place)
        done = warm.call("tests.engine.test_half_named_packs:dies_before_a_name", place, number)
        work.git("rev-list", "--objects", "--all", "--quiet")
        NEXT[(number + turn) % len(NEXT)](work)
        facade.prune(request(place), older_than_days=0)
        in_two_days = replace(of_process(), clock=lambda: datetime.now(UTC) + timedelta(days=2))
        facade.prune(replace(request(place), surroundings=in_two_days), older_than_days=0)
        work.git("gc", "--quiet", "--prune=now")
        assert garbage(work) == []
        assert "missing" not in work.git("fsck", "--full", "--no-dangling")
        if done.returncode == 0:
            break
        assert done.returncode == -9, done.stderr
    assert number > 6, "files of two packs: those of the results, and those of what the run left"


def test_only_packs_that_no_one_can_want_any_more_are_removed(tmp_path: Path) -> None:
    """One without an index is removed when it is old, and its mark says that it is of a run that needs it no longer."""
    for name, (mark, endings) in {
        "dead": ("git-align pin dead", ["pack", "rev", "keep"]),
        "needed": ("git-align pin other\ngit-align pin needed", ["pack", "keep"]),
        "theirs": ("fetched by hand", ["pack", "keep"]),
        "no-mark": ("", ["pack", "rev"]),
        "whole": ("git-align dead", ["pack", "idx", "keep"]),
        "young": ("git-align dead", ["pack", "keep"]),
    }.items():
        for ending in endings:
            (tmp_path / f"pack-{name}.{ending}").write_text(f"{mark}\n")
            os.utime(tmp_path / f"pack-{name}.{ending}", (1000, 2000 if name == "young" else 1000))
    assert remove_half_named(tmp_path, needed={"needed"}, before=1500) == 1
    assert remove_half_named(tmp_path, needed={"needed"}, before=1500) == 0
    stay = ("needed", "theirs", "no-mark", "whole", "young")
    assert {path.stem for path in tmp_path.iterdir()} == {f"pack-{name}" for name in stay}


def test_a_pack_that_lost_its_index_is_not_pruned(template: Path, tmp_path: Path) -> None:
    """It may hold the only copy of commits: git makes the index again."""
    shutil.copytree(template, tmp_path / "repo", symlinks=True)
    work = Workspace(tmp_path / "repo")
    facade.plan(request(work.path))
    run(work.path)
    work.git("repack", "-qad")
    (index,) = [
        path for path in (work.path / ".git/objects/pack").glob("*.idx") if not path.with_suffix(".keep").exists()
    ]
    index.unlink()
    in_two_days = replace(of_process(), clock=lambda: datetime.now(UTC) + timedelta(days=2))
    with suppress(GitAlignError):
        facade.prune(replace(request(work.path), surroundings=in_two_days), older_than_days=0)
    work.git("index-pack", str(index.with_suffix(".pack")))
    assert "missing" not in work.git("fsck", "--full", "--no-dangling")


def test_a_mark_is_never_seen_without_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = tmp_path / "pack-1.keep"
    linked = os.link

    def looks(source: Path, place: Path) -> None:
        assert not keep.exists()
        linked(source, place)
        assert keep.read_text() == "git-align pin run\n"

    monkeypatch.setattr(os, "link", looks)
    mark_pack(keep, "git-align pin run")
    monkeypatch.setattr(os, "link", linked)
    mark_pack(keep, "of another run")
    assert keep.read_text() == "git-align pin run\n"

    def without_links(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", without_links)
    mark_pack(keep, "of another run")
    mark_pack(tmp_path / "pack-2.keep", "of another run")
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["pack-1.keep", "pack-2.keep"]
    assert keep.read_text() == "git-align pin run\n"


def test_what_was_never_named_whole_does_not_keep_packs_from_being_joined(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pins, "_AT_MOST", 2)
    shutil.copytree(template, tmp_path / "repo", symlinks=True)
    work = Workspace(tmp_path / "repo")
    packs = work.path / ".git/objects/pack"
    mark_pack(packs / f"pack-{'0' * 40}.keep", "git-align pin a-run")
    for number in range(3):
        work.commit(f"on {number}", {"on": b"%d\n" % number})
        run(work.path)
    held = [keep for keep in packs.glob("*.keep") if keep.with_suffix(".pack").exists()]
    assert len(held) < 3, "packs of several runs are joined"

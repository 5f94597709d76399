"""A disk that is full in the middle of a batch run: under everything, under the work trees, the logs, the report."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from gitalign.batches.running.state import BatchRun, Status
from gitalign.errors import GitAlignError
from tests import needs, warm
from tests.batches.test_batching import User
from tests.batches.trees import World, make_world, world

__all__ = ["world"]

FILL = """
target: main
defaults: {{commit_leftovers: true}}
tasks:
  - {{id: fills, shell: "echo first > work; git add work; git commit -qm work; echo $$ > more; {fill}; exit 1"}}
  - {{id: other, shell: "echo $$ > other; touch {full}.next; while ! test -e {full}; do sleep 0.02; done", secrets: {{TOK: {{file: {secret}}}}}}}
  - {{id: later, shell: "cat other > later", needs: [other]}}
"""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    with needs.mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=12m", "tmpfs") as place:
        yield place


def fill(place: Path, *, but: int = 0) -> None:
    """Leave so many bytes of a disk."""
    with (place / "ballast").open("wb", buffering=0) as ballast:
        with suppress(OSError):
            while ballast.write(b"\0" * 65536):
                pass
        ballast.truncate(ballast.tell() - but)


def tasks(folder: Path) -> str:
    """The first task fills its disk, once, when the second is at work, and fails; the second ends when the disk is full."""
    secret, full = folder / "secret", folder / "full"
    secret.write_text("a-secret-of-some-length")
    wait = f"while ! test -e {full}.next; do sleep 0.02; done"
    fill = f"test -e {full} && exit 0; {wait}; cat /dev/zero > fill; touch {full}"
    return FILL.format(fill=fill, full=full, secret=secret)


def _in_a_tree(trees: Path, name: str) -> Path:
    (place,) = trees.glob(f"slot-*/work/tree/{name}")
    return place


def require_nothing_lost(user: User, run: BatchRun, trees: Path) -> None:
    """All that the first attempts wrote is under refs, though two of them were cut off; then the rest lands."""
    texts = {name: _in_a_tree(trees, name).read_text() for name in ("more", "other")}
    _in_a_tree(trees, "fill").unlink()  # a person makes room
    assert not [path for path in trees.rglob("*") if path.name == "TOK"]
    facade.resume_batches(user.request, run.id, options=user.options)
    run = facade.batch_status(user.request).run
    if run.status is Status.FAILED:
        run = user.retry(run.id)
    assert run.status is Status.COMPLETED, run.tasks
    git = user.world.git
    wip = f"refs/gitalign/wip/{run.id}"
    assert (git("show", f"{wip}/fills@1:work"), git("show", f"{wip}/fills@1:more")) == ("first", texts["more"].strip())
    assert git("show", f"{wip}/other@1:other") == texts["other"].strip()
    assert git("log", "-1", "--format=%s", f"{wip}/fills@1~1") == "work"
    assert git("show", "main:later") == git("show", "main:other") != texts["other"].strip()
    assert {task.kept_in for task in run.tasks.values()} == {""}
    git("fsck", "--strict")


def test_everything_is_on_the_disk_that_a_task_fills(small: Path, tmp_path: Path) -> None:
    user = User(make_world(small), small)
    before = user.world.refs()
    with pytest.raises(GitAlignError) as caught:
        user.start(tasks(tmp_path))
    assert caught.value.exit_code == 3
    assert shutil.disk_usage(small).free == 0
    view = facade.batch_status(user.request)
    assert (view.status, view.is_alive) == ("interrupted", False)
    assert [ref for ref in user.world.refs() if "refs/heads/" in ref] == before
    (trees,) = (small / "state/git-align/trees").iterdir()
    require_nothing_lost(user, view.run, trees)


def test_the_work_trees_are_on_the_disk_that_a_task_fills(world: World, small: Path, tmp_path: Path) -> None:
    """Also the notes of the trees, which say whose work they hold, cannot be written any more."""
    user = User(world, tmp_path)
    user.options = replace(user.options, trees=small)
    run = user.start(tasks(tmp_path))
    assert shutil.disk_usage(small).free == 0
    assert run.status is Status.FAILED
    assert {Path(run.tasks[name].kept_in).name for name in ("fills", "other")} == {"slot-0", "slot-1"}
    assert all("No space left on device" in run.tasks[name].notices[0] for name in ("fills", "other"))
    require_nothing_lost(user, run, small)


def test_no_secret_stays_where_there_is_no_room_to_begin(world: World, small: Path, tmp_path: Path) -> None:
    """There is room for the file with the secret, and none for the note of whose work the tree holds."""
    user = User(world, tmp_path)
    user.options = replace(user.options, trees=small)

    def listen(kind: str, data: Mapping[str, Any]) -> None:
        if kind == "task_started":
            fill(small, but=4096)

    (tmp_path / "secret").write_text("a-secret-of-some-length")
    task = f"{{id: a, shell: 'true', max_attempts: 1, secrets: {{TOK: {{file: {tmp_path}/secret}}}}}}"
    run = user.start(f"target: main\ntasks: [{task}]", listeners=(listen,))
    assert run.tasks["a"].reason.startswith(f"cannot write {small}/slot-0/slot.json")
    assert not list(small.rglob("TOK"))


def test_a_full_disk_under_the_logs_costs_output_alone_and_the_report_says_so(world: World, tmp_path: Path) -> None:
    user = User(world, tmp_path)
    logs = world.path / ".git/gitalign/batches"
    logs.parent.mkdir()
    with needs.mounted(logs, "-t", "tmpfs", "-o", "size=128k", "tmpfs"):
        run = user.start(
            "target: main\ntasks: [{id: a, shell: 'seq 1 50000; echo a > a; git add a; git commit -qm a'}]"
        )
        log = facade.batch_log(user.request, run.id, "a")
    assert run.status is Status.COMPLETED
    assert world.git("show", "main:a") == "a"
    assert "\n1\n2\n3\n" in log
    assert "\n50000\n" not in log
    assert any("bytes of its output are not in its log: the disk was full" in one for one in run.tasks["a"].notices)
    assert len(facade.batch_events(user.request, run.id).events) > 5


def test_a_report_that_has_no_room_leaves_the_one_before_as_it_was(world: World, small: Path, tmp_path: Path) -> None:
    user = User(world, tmp_path)
    user.start("target: main\ntasks: [{id: a, shell: 'true'}]")
    page = small / "report.html"
    page.write_text("the one before")
    fill(small)
    done = warm.run("batch", "report", "last", "-o", page, cwd=world.path)
    assert done.returncode == 3, done.stderr
    assert "No space left on device" in done.stderr
    assert "next: " in done.stderr
    assert page.read_text() == "the one before"
    assert sorted(path.name for path in small.iterdir()) == ["ballast", "report.html"]

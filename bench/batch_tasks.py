"""What running tasks costs, beside a shell loop that does the same by hand. `python bench/batch_tasks.py [--files N] [--tasks N]`.

- overhead of a task: tree, command, snapshot, result, landing, bookkeeping; against `git worktree add`, the command,
  `git commit`, `git merge`, `git worktree remove`; one after the other, in wall and processor time;
- many tasks of one second side by side, against the ideal;
- how long `batch status` takes to answer while tasks run, without the start of Python.

Set `TMPDIR` to a folder in memory: ext4 makes files slowly for minutes after many were deleted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from gitalign import facade
from gitalign.batches.planning.make_plan import make_plan
from gitalign.batches.planning.plan import BatchPlan
from gitalign.batches.planning.tasks import Task, TaskList
from gitalign.batches.reading import project_id_of
from gitalign.core.plan import Permit
from gitalign.engine.runtime.surroundings import utc_now
from gitalign.git.repository import open_repository

IDENT = {
    "GIT_AUTHOR_NAME": "O Perator",
    "GIT_AUTHOR_EMAIL": "operator@example.org",
    "GIT_COMMITTER_NAME": "O Perator",
    "GIT_COMMITTER_EMAIL": "operator@example.org",
}


@contextlib.contextmanager
def repository(files: int) -> Iterator[Path]:
    """A repository with one commit of so many files in folders of fifty."""
    root = Path(tempfile.mkdtemp(prefix="bench-batches-"))
    try:
        path = root / "repository"
        subprocess.run(["git", "init", "-q", "-b", "main", str(path)], check=True)
        for number in range(files):
            folder = path / f"folder-{number // 50}"
            folder.mkdir(exist_ok=True)
            (folder / f"file-{number}.txt").write_text(f"line of file {number}\n" * 20)
        for words in (("add", "-A"), ("commit", "-qm", "base")):
            subprocess.run(["git", "-C", str(path), *words], check=True)
        yield path
    finally:
        shutil.rmtree(root, ignore_errors=True)


def planned(path: Path, tasks: list[Task]) -> BatchPlan:
    """A plan of tasks that nothing keeps apart."""
    repo = open_repository(path)
    return make_plan(TaskList(tasks=tuple(tasks), target="main"), project_id=project_id_of(repo), at=utc_now())


def run(path: Path, plan: BatchPlan, *, concurrency: int) -> None:
    """Run a plan to its end, unconfined."""
    options = facade.BatchOptions(
        max_concurrency=concurrency,
        min_concurrency=concurrency,  # so many from the beginning, whatever else the machine does
        confinement="none",
        trees=path.parent / "trees",
    )
    permit = Permit(plan_id=facade.plan_digest(plan), given_by="bench")
    done = facade.start_batches(facade.Request(repo=path), plan, permit=permit, options=options)
    assert done.status.value == "completed", done.batches


class Clock:
    """Wall and processor time, of this process and its children."""

    def __enter__(self) -> Clock:
        self._wall, self._cpu = time.monotonic(), self._used()
        return self

    def __exit__(self, *error: object) -> None:
        self.wall, self.cpu = time.monotonic() - self._wall, self._used() - self._cpu

    @staticmethod
    def _used() -> float:
        used = os.times()
        return used.user + used.system + used.children_user + used.children_system


def by_hand(path: Path, tasks: int) -> None:
    """The same in a shell loop."""
    script = f"""
    set -e
    for i in $(seq {tasks}); do
        git worktree add -q --detach ../hand-$i main
        (cd ../hand-$i && sh -c "echo $i > folder-0/new-$i.txt" && git add -A && git commit -qm "task $i")
        git merge -q --no-ff -m "Merge $i" "$(git -C ../hand-$i rev-parse HEAD)"
        git worktree remove ../hand-$i
    done
    """
    subprocess.run(["sh", "-c", script], cwd=path, check=True, env={**os.environ, **IDENT})


def overhead(files: int, tasks: int) -> None:
    """Tasks one after the other: all that is not the command is overhead. What a whole run costs once is left out."""
    with repository(files) as path, Clock() as hand:
        by_hand(path, tasks)
    with repository(files) as path:
        run(path, planned(path, [writing("warm")]), concurrency=1)
        with Clock() as single:
            run(path, planned(path, [writing("first")]), concurrency=1)
        with Clock() as ours:
            run(path, planned(path, [writing(f"t{number}") for number in range(tasks + 1)]), concurrency=1)
    wall, cpu = (ours.wall - single.wall) / tasks, (ours.cpu - single.cpu) / tasks
    print(f"{tasks} tasks on {files} files, one after the other, per task:")
    print(f"  shell loop  {hand.wall / tasks * 1000:6.0f} ms wall, {hand.cpu / tasks * 1000:6.0f} ms processor")
    print(f"  git-align   {wall * 1000:6.0f} ms wall, {cpu * 1000:6.0f} ms processor")
    print(f"  ratio       {wall / hand.wall * tasks:6.2f} wall, {cpu / hand.cpu * tasks:6.2f} processor")
    print(
        f"  beside that, once for a run with one task: {single.wall * 1000:.0f} ms wall, {single.cpu * 1000:.0f} ms processor"
    )


def writing(name: str) -> Task:
    """A task that writes a file."""
    return Task(id=name, argv=("sh", "-c", f"echo {name} > folder-0/new-{name}.txt"), commits_leftovers=True)


def side_by_side(files: int, tasks: int, concurrency: int) -> None:
    """Tasks of a second, and what `status` costs meanwhile."""
    with repository(files) as path:
        commands = [Task(id=f"t{i}", argv=("sleep", "1")) for i in range(tasks)]
        plan = planned(path, commands)
        looks: list[float] = []
        over = threading.Event()
        with contextlib.suppress(Exception):
            facade.batch_status(facade.Request(repo=path))  # imports what it needs

        def look() -> None:
            while not over.wait(0.5):
                with contextlib.suppress(Exception):
                    started = time.thread_time()
                    facade.batch_status(facade.Request(repo=path))
                    looks.append(time.thread_time() - started)

        watcher = threading.Thread(target=look)
        watcher.start()
        with Clock() as ours:
            run(path, plan, concurrency=concurrency)
        over.set()
        watcher.join()
    ideal = -(-tasks // concurrency)
    print(
        f"{tasks} tasks of 1 s, {concurrency} side by side: {ours.wall:.1f} s, {ours.wall / ideal:.2f} of the ideal {ideal} s"
    )
    print(f"  processor time {ours.cpu / tasks * 1000:.0f} ms per task")
    if looks:
        looks.sort()
        print(f"  status: median {looks[len(looks) // 2] * 1000:.1f} ms processor, worst {looks[-1] * 1000:.1f} ms")


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--side-by-side", type=int, default=100)
    parser.add_argument("--concurrency", type=int, default=10)
    given = parser.parse_args()
    overhead(given.files, given.tasks)
    side_by_side(given.files, given.side_by_side, given.concurrency)
    side_by_side(given.files, 50, 50)


if __name__ == "__main__":
    main()

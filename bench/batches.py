"""Times landing a batch against a loop of `git merge`, side by side on the same branches, and prints a Markdown table.

    python bench/batches.py [--branches 20] [--commits 5] [--files 5000] [--rounds 3]

What is compared, each in a copy of its own of a repository whose target has gone on since the branches began:
  git       `git merge --no-ff` of every branch in a checkout of the target, one after the other
  validate  the same merged in memory, compared with what the target gained, and held to the configured gates; no tests
  land      the whole landing: validation, certificate, journal, pin, objects, the move of the target and of its checkout

Seconds are processor time, of all processes together; on a clock in brackets. Ratios are those of one round.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.batches.runs import BATCH, Bench
from tests.batches.trees import World
from tests.histories import FILE, Stream, Tree, git

from gitalign.batches.merging.land import BatchLander, LandOptions
from gitalign.batches.planning.tasks import Task
from gitalign.batches.running.judge_batch import Member
from gitalign.batches.running.state import BatchRun
from gitalign.core.names import Oid
from gitalign.engine.run.contexts import Caller
from gitalign.engine.run.session import Request, open_for
from gitalign.git.repository import open_repository


def build(place: Path, *, branches: int, commits: int, files: int) -> list[str]:
    """A repository in which every branch changes files of its own, and some that others change elsewhere."""
    place.mkdir()
    git(place, "init", "-q", "-b", "main")
    stream = Stream()
    tree: Tree = {
        b"src/%d/m%d.py" % (number % 50, number): (FILE, b"".join(b"x%d = %d\n" % (line, number) for line in range(80)))
        for number in range(files)
    }
    paths = sorted(tree)
    base = stream.commit("refs/heads/main", tree, [], b"base\n")
    names = [f"topic/{number:02}" for number in range(branches)]
    mark = base
    changed = dict(tree)
    for number in range(20):
        changed = {**changed, **_edited(changed, paths[number], 0, b"target")}
        mark = stream.commit("refs/heads/main", changed, [mark], b"target %d\n" % number)
    for number, name in enumerate(names):
        mine, tip = dict(tree), base
        for step in range(commits):
            own = paths[(100 + number * commits + step) % len(paths)]
            mine = {
                **mine,
                **_edited(mine, own, 79, b"own"),
                **_edited(mine, paths[step], 3 + 2 * (number % 38), b"%d" % number),
            }
            tip = stream.commit(f"refs/heads/{name}", mine, [tip], b"%s %d\n" % (name.encode(), step))
    stream.load(place)
    git(place, "repack", "-adq")
    git(place, "commit-graph", "write", "--reachable")
    git(place, "reset", "-q", "--hard", "main")
    return names


def _edited(tree: Tree, path: bytes, line: int, word: bytes) -> Tree:
    mode, content = tree[path]
    lines = content.split(b"\n")
    lines[line] += b"  # " + word
    return {path: (mode, b"\n".join(lines))}


@contextmanager
def timed(spent: dict[str, tuple[float, float]], name: str) -> Iterator[None]:
    """Note the processor time and the time on a clock of what is inside."""
    before, clock = os.times(), time.monotonic()
    yield
    after = os.times()
    spent[name] = (sum(after[:4]) - sum(before[:4]), time.monotonic() - clock)


def in_git(place: Path, names: list[str]) -> None:
    """The loop that is compared with."""
    for name in names:
        git(place, "merge", "-q", "--no-ff", "-m", f"Merge {name}", name)


class Stopped(Exception):
    """The landing got as far as it was to get."""


def landed(place: Path, names: list[str], *, until: str | None) -> BatchRun | None:
    """Land branches; up to a point only, where one is named."""
    repository = open_repository(place)
    bench = Bench.at(World(path=place, repository=repository, pool=None))  # type: ignore[arg-type]
    bench.new(*(Task(id=name, branch=name) for name in names))

    def checkpoint(name: str) -> None:
        if name == until:
            raise Stopped

    lander = BatchLander(open_for(Request(repo=place)), Caller(stop=bench.stop, checkpoint=checkpoint), LandOptions())
    keeper_members = [
        Member(task=Task(id=name, branch=name), name=name, tip=Oid(git(place, "rev-parse", name)), base=None)
        for name in names
    ]
    return _land(bench, lander, keeper_members)


def _land(bench: Bench, lander: BatchLander, members: list[Member]) -> BatchRun | None:
    from gitalign.batches.running.context import Keeper

    try:
        outcome = lander.land(Keeper(bench.store, bench.store.read(BATCH)), 0, members)
    except Stopped:
        return None
    assert outcome.landed, outcome
    return bench.store.read(BATCH)


def main() -> None:
    """Measure and print."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--branches", type=int, default=20)
    words.add_argument("--commits", type=int, default=5)
    words.add_argument("--files", type=int, default=5000)
    words.add_argument("--rounds", type=int, default=3)
    asked = words.parse_args()
    print("| round | git s | validate s | land s | validate / git | land / git |")
    print("|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder) / "first"
        names = build(first, branches=asked.branches, commits=asked.commits, files=asked.files)
        works: dict[str, Callable[[Path], object]] = {
            "git": lambda place: in_git(place, names),
            "validate": lambda place: landed(place, names, until="certificate"),
            "land": lambda place: landed(place, names, until=None),
        }
        for turn in range(asked.rounds):
            spent: dict[str, tuple[float, float]] = {}
            for name, work in works.items():
                place = Path(folder) / "work"
                shutil.copytree(first, place, symlinks=True)
                with timed(spent, name):
                    work(place)
                shutil.rmtree(place)
            shown = " | ".join(f"{spent[name][0]:.2f} ({spent[name][1]:.2f})" for name in works)
            ratios = " | ".join(f"{spent[name][0] / spent['git'][0]:.2f}" for name in ("validate", "land"))
            print(f"| {turn + 1} | {shown} | {ratios} |", flush=True)


if __name__ == "__main__":
    main()

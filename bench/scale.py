"""Times the verbs over repositories that differ in the number of branches alone, and checks that they are linear.

    python bench/scale.py                          # 1,250, 5,000 and 20,000 branches, half an hour
    python bench/scale.py --sizes 500 2000         # others
    python bench/scale.py --profile run            # cProfile of one verb, with --sizes

What is timed, each as a whole command in a process of its own:
  run      every branch is aligned and published
  verify   every certificate of that run is proved again
  runs     the list of runs
  undo     every branch is put back
  resume   a run that was killed when half of its branches had moved is finished

Seconds of the clock depend on who else uses the machine; processor seconds (ours, and git's) say what the work costs. Memory is
of our own process. With the default sizes, the command fails when a branch costs more than 1.5 times as much processor time
among 20,000 as among 1,250, or when our process takes more than 300 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from align import QUIET, copy, git

MOST_TIMES = 1.5
MOST_BYTES = 300_000_000
FILES = 400
BEHIND = 50
COMMITS = 2
STACKED = 8
"""Every eighth branch stands on the one before it."""

RUNNER = """
import json, resource, sys
from gitalign.cli.main import main
code = 0
try:
    {call}
except SystemExit as end:
    code = end.code or 0
own, git = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
with open({place!r}, "w") as file:
    json.dump({{"own": own.ru_utime + own.ru_stime, "git": git.ru_utime + git.ru_stime, "bytes": own.ru_maxrss * 1024}}, file)
sys.exit(code)
"""

KILLED_HALF_WAY = """
import os, sys
from gitalign import facade
from gitalign.core.plan import Permit
moves = 0
def checkpoint(name):
    global moves
    moves += name == "refs"
    if moves > int(sys.argv[2]):
        os._exit(137)
facade.run(facade.Request(repo=sys.argv[1]), permit=Permit(plan_id="*", given_by="bench"), checkpoint=checkpoint)
"""


@dataclass(frozen=True)
class Cost:
    """What a command took."""

    wall_s: float
    own_s: float
    git_s: float
    bytes: int

    @property
    def processor_s(self) -> float:
        """Of our process and its git processes together."""
        return self.own_s + self.git_s


def build(place: Path, branches: int) -> Path:
    """A bare repository with a target that is ahead of every branch; nothing conflicts."""
    git(place.parent, "init", "-q", "--bare", "-b", "main", str(place))
    data = bytearray()
    mark = 0

    def commit(ref: str, path: str, words: str, parent: int | None) -> int:
        nonlocal mark
        mark += 1
        data.extend(b"commit refs/heads/%s\nmark :%d\n" % (ref.encode(), mark))
        data.extend(b"committer B <b@example.org> %d +0000\ndata 9\na commit\n\n" % (1_700_000_000 + mark))
        if parent:
            data.extend(b"from :%d\n" % parent)
        else:
            for number in range(FILES):
                data.extend(b"M 100644 inline d%d/f%d\ndata 6\nhello\n\n" % (number % 20, number))
        data.extend(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(words), words.encode()))
        return mark

    root = commit("main", "root", "root\n", None)
    tip = root
    for number in range(branches):
        tip = tip if number % STACKED == STACKED - 1 else root
        for part in range(COMMITS):
            tip = commit(f"topic/{number:05d}", f"d{number % 20}/own{number}-{part}", f"{number} {part}\n", tip)
    tip = root
    for number in range(BEHIND):
        tip = commit("main", f"d{number % 20}/f{number}", f"main {number}\n", tip)
    git(place, "fast-import", "--quiet", stdin=bytes(data))
    for key, value in (("user.name", "Bench"), ("user.email", "bench@example.org")):
        git(place, "config", key, value)
    return place


def timed(repository: Path, *words: str, profile: Path | None = None) -> Cost:
    """One command in a process of its own."""
    place = repository.parent / "cost.json"
    call = "main()" if profile is None else f"import cProfile; cProfile.run('main()', {str(profile)!r})"
    argv = [sys.executable, "-c", RUNNER.format(call=call, place=str(place)), *words, "--repo", str(repository)]
    started = time.perf_counter()
    done = subprocess.run(argv, capture_output=True, env={**os.environ, **QUIET}, check=False)
    wall_s = time.perf_counter() - started
    if done.returncode not in (0, 1):
        raise SystemExit(f"{words[0]}: exit {done.returncode}: {done.stdout[-2000:]!r} {done.stderr[-2000:]!r}")
    cost = json.loads(place.read_text())
    return Cost(wall_s, cost["own"], cost["git"], cost["bytes"])


def heads(repository: Path) -> str:
    """Where every branch stands, backups aside."""
    lines = git(repository, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads/topic").splitlines()
    return "\n".join(lines)


def measure(scratch: Path, branches: int) -> Iterator[tuple[str, Cost]]:
    """Every verb over one number of branches, as it is measured."""
    source = build(scratch / "source.git", branches)
    before = heads(source)
    work = copy(source, scratch / "work.git")
    yield "run", timed(work, "run", "--yes", "--json", "-q")
    after = heads(work)
    if after == before:
        raise SystemExit("the run moved nothing")
    yield "verify", timed(work, "verify", "last")
    yield "runs", timed(work, "runs")
    yield "undo", timed(work, "undo", "last", "--yes")
    if heads(work) != before:
        raise SystemExit("undo did not put every branch back")
    work = copy(source, scratch / "work.git")
    argv = [sys.executable, "-c", KILLED_HALF_WAY, str(work), str(branches * (STACKED - 1) // STACKED // 2)]
    killed = subprocess.run(argv, capture_output=True, env={**os.environ, **QUIET}, check=False)
    if killed.returncode != 137:
        raise SystemExit(f"the run was to be killed half-way: exit {killed.returncode} {killed.stderr[-2000:]!r}")
    resumed = timed(work, "resume")
    if heads(work) == before or len(set(heads(work).split()) & set(before.split())) > branches:
        raise SystemExit("resume did not finish the run")
    yield "resume", resumed


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_250, 5_000, 20_000])
    parser.add_argument("--profile", choices=["run"], help="profile the verb instead")
    options = parser.parse_args()
    print(f"{git(Path(), 'version')}, {os.cpu_count()} processors, Python {sys.version.split()[0]}\n")
    found: dict[int, dict[str, Cost]] = {}
    print("| branches | verb | wall s | our processor s | git's processor s | processor ms a branch | our memory |")
    print("|---:|---|---:|---:|---:|---:|---:|", flush=True)
    for size in options.sizes:
        with tempfile.TemporaryDirectory(prefix="git-align-scale-") as folder:
            if options.profile is not None:
                place = Path(f"scale-{options.profile}-{size}.prof")
                print(
                    timed(build(Path(folder) / "work.git", size), "run", "--yes", "--json", "-q", profile=place), place
                )
                continue
            for verb, cost in measure(Path(folder), size):
                found.setdefault(size, {})[verb] = cost
                each = cost.processor_s / size * 1000
                row = (
                    f"{cost.wall_s:.1f} | {cost.own_s:.1f} | {cost.git_s:.1f} | {each:.2f} | {cost.bytes / 1e6:.0f} MB"
                )
                print(f"| {size} | {verb} | {row} |", flush=True)
    if {1_250, 20_000} <= found.keys():
        require_linear(found[1_250], found[20_000])


def require_linear(few: dict[str, Cost], many: dict[str, Cost]) -> None:
    """End with an error where a branch among many costs much more than among few."""
    for verb, cost in many.items():
        times = cost.processor_s / 20_000 / (few[verb].processor_s / 1_250)
        if times > MOST_TIMES:
            raise SystemExit(f"{verb}: a branch costs {times:.2f} times as much among 20,000 as among 1,250")
        if cost.bytes > MOST_BYTES:
            raise SystemExit(f"{verb}: our process took {cost.bytes / 1e6:.0f} MB")


if __name__ == "__main__":
    main()

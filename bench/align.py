"""Times aligning against git's own ways, side by side in one run, and prints a Markdown table of ratios.

    python bench/align.py                      # generated repository: 5,000 files, 500 branches of 5 commits, 200 behind
    python bench/align.py --repo PATH          # any repository (it is copied, never touched)
    python bench/align.py --scaling            # 100 to 5,000 branches

What is compared, on the same branches and the same git:
  rebase   a loop of `git rebase` in one linked work tree, over a sample, scaled
  replay   a loop of `git replay`, where this git has it
  floor    the very merges the run made, piped straight into `merge-tree --stdin`, one and two processes (floor.py)
  run      the whole command `git-align run`, 1 and 2 workers, on fresh copies
  again    the same command once more, when nothing is left to do
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from floor import measure

QUIET = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_EDITOR": "true",
    "GIT_AUTHOR_NAME": "Bench",
    "GIT_AUTHOR_EMAIL": "bench@example.org",
    "GIT_COMMITTER_NAME": "Bench",
    "GIT_COMMITTER_EMAIL": "bench@example.org",
}


@dataclass
class Row:
    """One line of the table."""

    what: str
    seconds: float
    note: str = ""


def git(path: Path, *words: str, stdin: bytes = b"", check: bool = True) -> str:
    """Output of a git command under a neutral configuration."""
    done = subprocess.run(
        ["git", *words], cwd=path, input=stdin, capture_output=True, env={**os.environ, **QUIET}, check=False
    )
    if check and done.returncode:
        raise SystemExit(f"git {' '.join(words)}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode("utf-8", "surrogateescape").strip()


def generate(place: Path, *, files: int, branches: int, commits: int, behind: int) -> Path:
    """A bare repository whose branches touch files of their own, so that nothing conflicts."""
    git(place.parent, "init", "-q", "--bare", "-b", "main", str(place))
    chance = random.Random(1)
    data = bytearray()
    mark = 0
    bodies = {number: [f"file {number} line {line}" for line in range(30)] for number in range(files)}

    def name(number: int) -> str:
        return f"d{number % 37}/e{number % 11}/file{number}.txt"

    def commit(ref: str, changed: dict[int, bytes], parent: int | None) -> int:
        nonlocal mark
        mark += 1
        data.extend(b"commit refs/heads/%s\nmark :%d\n" % (ref.encode(), mark))
        for role in (b"author", b"committer"):
            data.extend(b"%s B <b@example.org> %d +0000\n" % (role, 1_700_000_000 + mark))
        data.extend(b"data 9\na commit\n\n")
        if parent:
            data.extend(b"from :%d\n" % parent)
        for number, body in changed.items():
            data.extend(b"M 100644 inline %s\ndata %d\n%s\n" % (name(number).encode(), len(body), body))
        data.extend(b"\n")
        return mark

    def text(number: int, line: int | None = None, words: str = "") -> bytes:
        lines = list(bodies[number])
        if line is not None:
            lines[line] = words
        return ("\n".join(lines) + "\n").encode()

    root = commit("main", {number: text(number) for number in range(files)}, None)
    half = files // 2
    for number in range(branches):
        tip = root
        mine = [half + (number * commits + part) % (files - half) for part in range(commits)]
        for part in range(commits):
            tip = commit(f"topic/{number:05d}", {mine[part]: text(mine[part], 20, f"branch {number} part {part}")}, tip)
    tip = root
    for number in range(behind):
        chosen = chance.randrange(half)
        bodies[chosen][5] = f"main {number}"
        # Every tenth change of main meets files of branches, in other lines: real merges of contents.
        other = half + chance.randrange(files - half)
        bodies[other][3] = f"main too {number}"
        tip = commit("main", {chosen: text(chosen), other: text(other)}, tip)
    git(place, "fast-import", "--quiet", stdin=bytes(data))
    for key, value in (("user.name", "Bench"), ("user.email", "bench@example.org")):
        git(place, "config", key, value)
    return place


def copy(source: Path, place: Path) -> Path:
    """A fresh copy of a bare repository."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(source, place, symlinks=True)
    return place


def command(repository: Path, *, workers: int, merges: str) -> tuple[float, dict[str, object]]:
    """The whole command, wall-clock seconds and its report."""
    env = {**os.environ, **QUIET, "GITALIGN_ORCHESTRATION__ENABLE_PARALLELIZATION": "true" if workers > 1 else "false"}
    words = [
        sys.executable,
        "-m",
        "gitalign",
        "run",
        "--repo",
        str(repository),
        "--yes",
        "--json",
        "-q",
        "--merges",
        merges,
        "--workers",
        str(workers),
    ]
    started = time.perf_counter()
    done = subprocess.run(words, capture_output=True, env=env, check=False)
    seconds = time.perf_counter() - started
    if done.returncode not in (0, 1):
        raise SystemExit(
            f"git-align run: {done.returncode}: {done.stdout.decode()[-2000:]}{done.stderr.decode()[-2000:]}"
        )
    return seconds, json.loads(done.stdout)


def rebase_loop(repository: Path, place: Path, chosen: list[tuple[str, str]]) -> float:
    """Seconds for a loop of `git rebase` in one linked work tree over (tip, onto)."""
    git(repository, "worktree", "add", "-q", "--detach", str(place), chosen[0][1])
    started = time.perf_counter()
    for tip, onto in chosen:
        git(place, "checkout", "-q", "-f", "--detach", tip, check=False)
        git(place, "rebase", "-q", onto, check=False)
        if Path(git(place, "rev-parse", "--path-format=absolute", "--git-path", "rebase-merge")).exists():
            git(place, "rebase", "--abort", check=False)
    seconds = time.perf_counter() - started
    git(repository, "worktree", "remove", "--force", str(place), check=False)
    return seconds


def replay_loop(repository: Path, chosen: list[tuple[str, str]]) -> float | None:
    """Seconds for a loop of `git replay`; None where this git has none."""
    if "usage" not in subprocess.run(["git", "replay", "-h"], capture_output=True, text=True, check=False).stdout + "":
        return None
    started = time.perf_counter()
    for tip, onto in chosen:
        git(repository, "replay", "--onto", onto, f"{onto}..{tip}", check=False)
    return time.perf_counter() - started


def compare(source: Path, scratch: Path, *, sample: int, merges: str) -> list[Row]:
    """All measurements on one repository."""
    plan = json.loads(
        subprocess.run(
            [sys.executable, "-m", "gitalign", "plan", "--repo", str(source), "--json", "--merges", merges],
            capture_output=True,
            check=True,
        ).stdout
    )
    todo = [
        (step["seen"], step["onto"])
        for step in plan["steps"]
        if step["kind"] in ("replay", "merge") and not step["refusal"]
    ]
    if not todo:
        raise SystemExit("nothing to align in this repository")
    chosen = random.Random(2).sample(todo, min(sample, len(todo)))
    rows: list[Row] = []
    took: dict[int, float] = {}
    second = 0.0
    memory = 0
    counts: object = {}
    for workers in (2, 1):
        fresh = copy(source, scratch / f"run{workers}.git")
        took[workers], report = command(fresh, workers=workers, merges=merges)
        memory = max(memory, int(str(report["peak_memory_bytes"])))
        counts = report["counts"]
        if workers == 2:
            second, again = command(fresh, workers=2, merges=merges)
            if again["moves"]:
                raise SystemExit("the second run moved branches")
    lowest = measure(source, scratch, merges=merges)
    rebased = rebase_loop(copy(source, scratch / "rebase.git"), scratch / "rebase", chosen) / len(chosen) * len(todo)
    replayed = replay_loop(copy(source, scratch / "replay.git"), chosen)
    rows.append(
        Row(
            f"loop of `git rebase`, {len(chosen)} of {len(todo)} branches measured, scaled",
            rebased,
            f"{rebased / len(todo) * 1000:.0f} ms a branch",
        )
    )
    if replayed is not None:
        replayed = replayed / len(chosen) * len(todo)
        rows.append(
            Row("loop of `git replay`, same sample, scaled", replayed, f"{replayed / took[2]:.1f} x run with 2 workers")
        )
    for processes in (1, 2):
        rows.append(
            Row(
                f"floor: {lowest.merges} merges piped into {processes} merge-tree",
                lowest.plain[processes],
                f"{lowest.in_memory[processes]:.2f} s with objects in memory, as a run has them",
            )
        )
    for workers in (1, 2):
        more = f", {took[1] / took[2]:.2f} x as fast as 1 worker" if workers == 2 else ""
        rows.append(
            Row(
                f"git-align run, {workers} worker{'s' if workers > 1 else ''}",
                took[workers],
                f"{rebased / took[workers]:.0f} x faster than rebase, {took[workers] / lowest.plain[workers]:.2f} x its floor{more}",
            )
        )
    rows.append(Row("git-align run again, nothing to do", second, f"{second / took[2]:.3f} of the first run"))
    rows.append(Row("peak memory of our process", 0, f"{memory / 1e6:.0f} MB"))
    rows.append(Row("verdicts", 0, str(counts).replace("'", "").strip("{}")))
    return rows


def scaling(scratch: Path, sizes: list[int], *, files: int) -> list[Row]:
    """Whole command over repositories that differ in the number of branches alone."""
    rows: list[Row] = []
    for size in sizes:
        source = generate(scratch / f"scale{size}.git", files=files, branches=size, commits=5, behind=200)
        seconds, report = command(source, workers=2, merges="merge-instead")
        rows.append(
            Row(
                f"{size} branches",
                seconds,
                f"{seconds / size * 1000:.1f} ms a branch, {int(str(report['peak_memory_bytes'])) / 1e6:.0f} MB",
            )
        )
        shutil.rmtree(source)
    return rows


def show(title: str, rows: list[Row]) -> None:
    """A Markdown table."""
    print(f"\n### {title}\n\n| what | seconds | |\n|---|---:|---|")
    for row in rows:
        print(f"| {row.what} | {f'{row.seconds:.2f}' if row.seconds else ''} | {row.note} |")
    sys.stdout.flush()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repo", type=Path, help="compare on a copy of this repository")
    parser.add_argument(
        "--merges", default="flatten", help="policy for branches with merges (flatten is what git rebase does)"
    )
    parser.add_argument("--branches", type=int, default=500)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--sample", type=int, default=40, help="branches for the loops of git")
    parser.add_argument("--scaling", action="store_true")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 500, 1000, 2000, 5000])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="git-align-bench-") as folder:
        scratch = Path(folder)
        version = git(scratch, "version")
        print(f"{version}, {os.cpu_count()} processors, Python {sys.version.split()[0]}")
        if options.scaling:
            show("Scaling", scaling(scratch, options.sizes, files=options.files))
            return
        if options.repo is not None:
            source = scratch / "source.git"
            git(scratch, "clone", "-q", "--bare", str(options.repo.resolve()), str(source))
            for key, value in (("user.name", "Bench"), ("user.email", "bench@example.org")):
                git(source, "config", key, value)
            title = f"{options.repo.name}, merges={options.merges}"
        else:
            source = generate(
                scratch / "source.git", files=options.files, branches=options.branches, commits=5, behind=200
            )
            title = f"Generated: {options.files} files, {options.branches} branches of 5 commits, 200 behind"
        show(title, compare(source, scratch, sample=options.sample, merges=options.merges))


if __name__ == "__main__":
    main()

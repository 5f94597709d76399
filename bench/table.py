"""The whole table of what speed is aimed at, in one command: ratios within one run.

    python bench/table.py --repo PATH            # everything; PATH is a clone of MasumRab/EmailIntelligence. Some 40 minutes
    python bench/table.py                        # without what needs the real repository
    python bench/table.py --skip-scale           # without 5,000 and 20,000 branches
    python bench/table.py --short                # two minutes, for continuous integration; fails on a gross regression

Each figure is the median of three commands (`--times`), each over a fresh copy, in a process of its own. What it is compared with:
  floor    the merges of that very run, piped into two `git merge-tree` with objects in memory, plus one `update-ref` that moves every
           branch, plus one start of the interpreter
  loop     `rebase_loop.sh` in a linked work tree whose index is warm, over a sample, scaled; the median of three
Beside the clock stands processor time, ours and git's: on a busy machine that is what to look at.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from align import QUIET, copy, generate, git
from floor import measure

LOOP = Path(__file__).with_name("rebase_loop.sh")


@dataclass(frozen=True)
class Taken:
    """What a command took: seconds of the clock, seconds of processors, and what it printed."""

    clock_s: float
    processor_s: float
    output: bytes = b""


@dataclass(frozen=True)
class Loop:
    """A loop of `git rebase` over all branches, scaled from a sample.

    Attributes:
        seconds: for all branches.
        sampled, stopped, refused: branches of the sample; of these, where the rebase stopped, and which git refused to rebase.
    """

    seconds: float
    sampled: int
    stopped: int
    refused: int

    def __str__(self) -> str:
        counts = f"of {self.sampled} branches {self.stopped} stopped and {self.refused} were refused"
        return f"loop {self.seconds:.0f} s; {counts}"


@dataclass(frozen=True)
class Line:
    """One line of the table; `holds` is None where nothing is aimed at."""

    what: str
    figure: str
    aim: str
    holds: bool | None


def taken(words: list[str], *, cwd: Path | None = None, stdin: bytes = b"", accept: tuple[int, ...] = (0, 1)) -> Taken:
    """Run a command to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(words, cwd=cwd, input=stdin, capture_output=True, env={**os.environ, **QUIET}, check=False)
    clock_s = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in accept:
        raise SystemExit(f"{' '.join(words[:6])}: {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Taken(clock_s, spent, done.stdout)


def median(times: int, one: Callable[[], Taken]) -> Taken:
    """The one in the middle, by the clock."""
    return sorted((one() for _ in range(times)), key=lambda found: found.clock_s)[times // 2]


def align(repository: Path, *words: str) -> Taken:
    """git-align on a repository."""
    return taken([sys.executable, "-m", "gitalign", *words, "--repo", str(repository)])


def run_words(workers: int, *more: str) -> tuple[str, ...]:
    """The command that is measured."""
    return ("run", "--yes", "--json", "-q", "--workers", str(workers), *more)


class Bench:
    """Measures on one repository.

    Args:
        source: bare; it is copied, never touched.
        scratch: an empty folder.
        times: commands of which the median counts.
        sample: branches for the loop of `git rebase`.
        options: of `run` and `plan`.
    """

    def __init__(self, source: Path, scratch: Path, *, times: int, sample: int, options: tuple[str, ...] = ()) -> None:
        self.source = source
        self.scratch = scratch
        self.times = times
        self.sample = sample
        self.options = options

    def fresh(self) -> Path:
        """A copy that no command has seen."""
        return copy(self.source, self.scratch / "fresh.git")

    def run(self, workers: int) -> Taken:
        """The whole command."""
        return median(self.times, lambda: align(self.fresh(), *run_words(workers, *self.options)))

    def again(self) -> Taken:
        """The same command once more, as a person types it, when nothing is left to do."""
        repository = self.fresh()
        words = [word for word in run_words(2, *self.options) if word != "--json"]
        align(repository, *words)
        before = git(repository, "for-each-ref")

        def once() -> Taken:
            taken_again = align(repository, *words)
            if git(repository, "for-each-ref") != before:
                raise SystemExit("the second run moved branches")
            return taken_again

        return median(self.times, once)

    def work(self) -> list[tuple[str, str]]:
        """(target, tip) of every branch that a run merges or replays."""
        plan = json.loads(align(self.fresh(), "plan", "--json", *self.options).output)
        kinds = ("replay", "merge", "recreate")
        return [(one["onto"], one["seen"]) for one in plan["steps"] if one["kind"] in kinds and not one["refusal"]]

    def loop(self) -> Loop:
        """A loop of `git rebase` over all branches, the median of three."""
        work = self.work()
        chosen = random.Random(2).sample(work, min(self.sample, len(work)))
        found: list[Taken] = []
        for _ in range(3):
            repository, place = self.fresh(), self.scratch / "linked"
            git(repository, "worktree", "add", "-q", "--detach", str(place), chosen[0][0])
            asked = "".join(f"{onto} {tip}\n" for onto, tip in chosen).encode("ascii")
            first = asked.split(b"\n", 1)[0] + b"\n"
            # After this, what is on disk is in memory, and the index is fresh.
            taken(["sh", str(LOOP)], cwd=place, stdin=first, accept=(0,))
            found.append(taken(["sh", str(LOOP)], cwd=place, stdin=asked, accept=(0,)))
            shutil.rmtree(place)
        middle = sorted(found, key=lambda one: one.clock_s)[1]
        _, stopped, _, refused = middle.output.split()
        return Loop(middle.clock_s / len(chosen) * len(work), len(chosen), int(stopped), int(refused))

    def floor_s(self, merges: str) -> float:
        """Seconds below which no command can come that makes the merges of a run and moves its branches."""
        merging = measure(self.source, self.scratch, merges=merges).in_memory[2]
        repository = self.fresh()
        root = git(repository, "rev-list", "--max-parents=0", "-1", "main")
        refs = git(repository, "for-each-ref", "--format=%(refname)", "refs/heads/topic").splitlines()
        moves = "".join(f"update {ref} {root}\n" for ref in refs).encode()
        moving = taken(["git", "update-ref", "--stdin"], cwd=repository, stdin=moves).clock_s
        starting = median(3, lambda: taken([sys.executable, "-c", "pass"])).clock_s
        print(
            f"  floor: merges {merging:.2f} s, {len(refs)} moves {moving:.2f} s, interpreter {starting:.2f} s",
            file=sys.stderr,
        )
        return merging + moving + starting


def memory_of(found: Taken) -> float:
    """Most memory of our own process during a run, in MB."""
    return float(json.loads(found.output)["peak_memory_bytes"]) / 1e6


def share_of_proofs(found: Taken) -> float:
    """How much of a run its verification takes."""
    report = json.loads(found.output)
    return float(report["phases"].get("verify", 0)) / float(report["total_s"])


def on_generated(bench: Bench, merges: str) -> list[Line]:
    """Lines of the generated repository."""
    lines: list[Line] = []
    two, one, again = bench.run(2), bench.run(1), bench.again()
    floor_s, loop = bench.floor_s(merges), bench.loop()
    lines.append(ratio("generated, whole command against its floor", two.clock_s / floor_s, most=2, more=spent(two)))
    lines.append(
        ratio("generated, against the loop of git rebase", loop.seconds / two.clock_s, least=40, more=str(loop))
    )
    lines.append(ratio("generated, 2 workers against 1", one.clock_s / two.clock_s, least=1.6, more=spent(one)))
    lines += second("generated", again, two)
    lines.append(ratio("generated, verification's share", share_of_proofs(two), most=0.08))
    return lines


def on_real(flat: Bench, default: Bench) -> list[Line]:
    """Lines of the real repository."""
    two, one, again = flat.run(2), flat.run(1), flat.again()
    loop = flat.loop()
    lines = [
        ratio(
            "real, flattened, against the loop of git rebase",
            loop.seconds / two.clock_s,
            least=120,
            more=str(loop),
        ),
        ratio("real, 2 workers against 1", one.clock_s / two.clock_s, least=1.6, more=f"{spent(one)}; {spent(two)}"),
        *second("real", again, two),
        ratio("real, verification's share", share_of_proofs(two), most=0.08),
        ratio("real, memory of our process, MB", memory_of(two), most=120),
    ]
    whole = default.run(2)
    lines.append(ratio("real, default policy, whole command, s", whole.clock_s, most=15, more=spent(whole)))
    cold = median(default.times, lambda: align(default.fresh(), "conflicts", "--json"))
    lines.append(ratio("real, cold conflicts, s", cold.clock_s, most=30, more=spent(cold)))
    repository = flat.fresh()
    alone = median(flat.times, lambda: taken([sys.executable, "-m", "gitalign"], cwd=repository, accept=(0, 1, 2)))
    lines.append(ratio("git align alone, s", alone.clock_s, most=0.3, more=spent(alone)))
    plan = median(flat.times, lambda: align(repository, "plan", "--json"))
    lines.append(ratio("plan of all branches, s", plan.clock_s, most=0.6, more=spent(plan)))
    return lines


def on_many(scratch: Path, sizes: list[int]) -> list[Line]:
    """Milliseconds a branch, and memory, as branches grow in number."""
    lines: list[Line] = []
    for size in sizes:
        source = generate(scratch / "many.git", files=400, branches=size, commits=2, behind=50)
        found = align(source, *run_words(2))
        lines.append(ratio(f"{size} branches, ms a branch", found.clock_s / size * 1000, most=3, more=spent(found)))
        lines.append(
            ratio(f"{size} branches, memory of our process, MB", memory_of(found), most=250 if size > 5_000 else None)
        )
        shutil.rmtree(source)
    return lines


def second(name: str, again: Taken, first: Taken) -> list[Line]:
    """Lines of a run that has nothing to do."""
    return [
        ratio(f"{name}, second run against the first", again.clock_s / first.clock_s, most=0.08, more=spent(again)),
        ratio(f"{name}, second run, s", again.clock_s, most=0.5),
    ]


def spent(found: Taken) -> str:
    """Clock and processors in words."""
    return f"{found.clock_s:.2f} s, {found.processor_s:.2f} s of processors"


def ratio(what: str, figure: float, *, least: float | None = None, most: float | None = None, more: str = "") -> Line:
    """A line with its verdict."""
    aim = f">= {least:g}" if least is not None else f"<= {most:g}" if most is not None else ""
    holds = None if not aim else (least is None or figure >= least) and (most is None or figure <= most)
    shown = f"{figure:.3f}" if figure < 1 else f"{figure:.2f}" if figure < 100 else f"{figure:.0f}"
    return Line(what, f"{shown}{f' ({more})' if more else ''}", aim, holds)


def show(title: str, lines: list[Line]) -> None:
    """A Markdown table."""
    print(f"\n### {title}\n\n| what | measured | aim | |\n|---|---:|---:|---|")
    for line in lines:
        verdict = "" if line.holds is None else "reached" if line.holds else "**not reached**"
        print(f"| {line.what} | {line.figure} | {line.aim} | {verdict} |")
    sys.stdout.flush()


def guard(scratch: Path) -> None:
    """The short version: margins so wide that only a gross regression fails, on a busy machine, too."""
    source = generate(scratch / "source.git", files=1000, branches=200, commits=5, behind=50)
    bench = Bench(source, scratch, times=1, sample=15, options=("--merges", "flatten"))
    two, again = bench.run(2), bench.again()
    loop = bench.loop()
    lines = [
        ratio("against the loop of git rebase", loop.seconds / two.clock_s, least=2, more=f"{spent(two)}; {loop}"),
        ratio("second run against the first", again.processor_s / two.processor_s, most=0.6, more=spent(again)),
        ratio("processor time, ms a branch", two.processor_s / 200 * 1000, most=40),
    ]
    show("Short: 1,000 files, 200 branches of 5 commits, 50 behind", lines)
    if any(line.holds is False for line in lines):
        raise SystemExit("gross regression")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repo", type=Path, help="the real repository")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--sample", type=int, default=40, help="branches for the loop of git rebase")
    parser.add_argument("--skip-scale", action="store_true")
    parser.add_argument("--sizes", type=int, nargs="+", default=[5_000, 20_000])
    parser.add_argument("--short", action="store_true")
    asked: Any = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="git-align-bench-") as folder:
        scratch = Path(folder)
        print(f"{git(scratch, 'version')}, {os.cpu_count()} processors, Python {sys.version.split()[0]}")
        if asked.short:
            guard(scratch)
            return
        options = {"times": asked.times, "sample": asked.sample}
        source = generate(scratch / "source.git", files=5_000, branches=500, commits=5, behind=200)
        show(
            "Generated: 5,000 files, 500 branches of 5 commits, 200 behind",
            on_generated(Bench(source, scratch, options=("--merges", "flatten"), **options), "flatten"),
        )
        if asked.repo is not None:
            real = scratch / "real.git"
            git(scratch, "clone", "-q", "--bare", str(asked.repo.resolve()), str(real))
            for key, value in (("user.name", "Bench"), ("user.email", "bench@example.org")):
                git(real, "config", key, value)
            flat = Bench(real, scratch, options=("--merges", "flatten"), **options)
            show(f"{asked.repo.name}", on_real(flat, Bench(real, scratch, **options)))
        if not asked.skip_scale:
            show("Scale: branches of 2 commits, 50 behind", on_many(scratch, asked.sizes))


if __name__ == "__main__":
    main()

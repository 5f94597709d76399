"""Times what is told before anything moves: categorize, forecast, clash map, order; and the map against its floor.

    python bench/foresee.py              # generated: 1,000 files, 200 branches of 5 commits
    python bench/foresee.py --repo PATH  # any repository (it is copied, never touched)

The floor of the clash map is every pair of aligned branches piped into `merge-tree --stdin`. The map is made before the run, the
floor on the branches the run moved; the two are compared pair by pair, and a difference is a failure.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import psutil

from align import copy, generate


class Call(NamedTuple):
    """A git-align command that was carried out: seconds, the most memory its processes held together (MB), its output."""

    seconds: float
    megabytes: float
    output: bytes


def call(repository: Path, *words: str) -> Call:
    """Carry out a git-align command; conflicts are no failure."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        command = [sys.executable, "-m", "gitalign", *words, "--repo", str(repository)]
        child = subprocess.Popen(command, stdout=output, stderr=errors)
        most = 0
        while child.poll() is None:
            most = max(most, own_memory(child.pid))
            time.sleep(0.02)
        took = time.perf_counter() - started
        for stream in (output, errors):
            stream.seek(0)
        if child.returncode not in (0, 1):
            raise SystemExit(f"git-align {' '.join(words)}: {errors.read().decode(errors='replace')}")
        return Call(took, most / 1e6, output.read())


def own_memory(pid: int) -> int:
    """Bytes a process and its children hold for themselves (USS): packs that git maps are the page cache's."""
    total = 0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().uss
    return total


def clean_verdicts(answer: bytes, count: int) -> list[bool]:
    """Verdicts in the output of `merge-tree --stdin` (`git help merge-tree`, INPUT FORMAT and OUTPUT)."""
    fields = answer.split(b"\0")
    at = 0
    verdicts: list[bool] = []
    while len(verdicts) < count:
        is_clean = fields[at].lstrip(b"\n") == b"1"
        at += 2
        if not is_clean:
            at = fields.index(b"", at) + 1
        while fields[at].isdigit():
            at += int(fields[at]) + 3
        at += 1
        verdicts.append(is_clean)
    return verdicts


def standing(branches: list[dict[str, str]], target: str) -> list[str]:
    """Branches that stand on a target, or would once aligned, by name."""
    return sorted(
        one["branch"]
        for one in branches
        if one["target"] == target
        and (one["prospect"] == "clean" or (one["prospect"] == "unchanged" and one["kind"] == "up_to_date"))
    )


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repo", type=Path)
    parser.add_argument("--branches", type=int, default=200)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = chosen.repo or generate(
            Path(folder) / "source", files=1000, branches=chosen.branches, commits=5, behind=50
        )
        plain, mapped = copy(source, Path(folder) / "plain"), copy(source, Path(folder) / "mapped")
        flags = ("--merges", "flatten", "--json", "-q")
        sorted_out = call(plain, "categorize", "--json", "-q")
        unclustered = call(plain, "categorize", "--no-clusters", "--json", "-q")
        alone = call(plain, "forecast", *flags)
        mapping = call(mapped, "forecast", "--pairs", *flags)
        again = call(mapped, "forecast", "--pairs", *flags)
        ordered = call(copy(source, Path(folder) / "ordered"), "order", *flags)
        step_by_step = copy(source, Path(folder) / "steps")
        together = sum(
            call(step_by_step, *words).seconds
            for words in (("categorize", "--json", "-q"), ("forecast", *flags), ("order", *flags))
        )
        assert again.output == mapping.output
        output = mapping.output
        found = json.loads(output)
        moving = next(one["branch"] for one in found["branches"] if one["prospect"] == "clean")
        moved = copy(mapped, Path(folder) / "moved")
        move(moved, moving)
        update = call(moved, "forecast", "--pairs", *flags)
        call(mapped, "run", "--yes", *flags)
        told = {(one["one"], one["other"]) for one in found["clashes"]}
        floor, compared = 0.0, 0
        for target in found["targets"]:
            pairs = list(combinations(standing(found["branches"], target["name"]), 2))
            asked = "".join(f"refs/heads/{one} refs/heads/{other}\n" for one, other in pairs).encode()
            started = time.perf_counter()
            done = subprocess.run(
                ["git", "merge-tree", "--stdin"], cwd=mapped, input=asked, capture_output=True, check=True
            )
            floor += time.perf_counter() - started
            compared += len(pairs)
            for pair, is_clean in zip(pairs, clean_verdicts(done.stdout, len(pairs)), strict=True):
                if is_clean == (pair in told):
                    raise SystemExit(f"{pair}: git says {'clean' if is_clean else 'conflict'}, the map does not")
    counts = {key: sum(one[key] for one in found["pairs"]) for key in ("pairs", "pruned", "merged", "clashing")}
    print("| what | seconds | most memory (MB) | |\n|---|---:|---:|---|")
    rows = [
        ("categorize", sorted_out, "with clusters"),
        ("categorize", unclustered, "without"),
        ("forecast of every branch on its target", alone, "from nothing"),
        (
            "forecast with the clash map",
            mapping,
            f"from nothing; {counts['pairs']} pairs: {counts['pruned']} proved clean, {counts['merged']} merged, "
            f"{counts['clashing']} clash",
        ),
        ("the same again", again, "the same bytes"),
        ("the same after one branch moved", update, ""),
        ("order", ordered, "from nothing"),
    ]
    for name, one, words in rows:
        print(f"| {name} | {one.seconds:.2f} | {one.megabytes:.0f} | {words} |")
    print(f"| categorize, forecast, order, one after another | {together:.2f} | | from nothing |")
    print(f"| floor: all {compared} pairs piped into 1 merge-tree | {floor:.2f} | | the same verdict for every pair |")
    cost = (mapping.seconds - alone.seconds) / floor
    print(f"| cost of the map against its floor | | | {cost:.2f} |")


def move(repository: Path, branch: str) -> None:
    """Put a commit on a branch that takes back its newest one."""

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-c", "user.name=b", "-c", "user.email=b@example.org", *words],
            cwd=repository,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    made = git("commit-tree", "-m", "moved", "-p", f"refs/heads/{branch}", f"refs/heads/{branch}~1^{{tree}}")
    git("update-ref", f"refs/heads/{branch}", made)


if __name__ == "__main__":
    main()

"""Times what is told before anything moves: categorize, forecast, clash map, order; and the map against its floor.

    python bench/foresee.py              # generated: 1,000 files, 200 branches of 5 commits
    python bench/foresee.py --repo PATH  # any repository (it is copied, never touched)

The floor of the clash map is every pair it speaks of piped into `merge-tree --stdin`. Pairs of aligned branches are all piped, on the
branches a run moved after the map was made, and compared pair by pair: a difference is a failure. Of pairs with a branch that stops
some are drawn, always the same, and piped as their tips stand; their time is scaled to all of them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import subprocess
import sys
import tempfile
import time
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from align import copy, generate

SAMPLE = 100


class Call(NamedTuple):
    """A git-align command that was carried out.

    Attributes:
        seconds: how long it took.
        own: most memory of its process (MB, resident).
        together: most memory of it and its git processes (MB, written to; packs that git maps are the page cache's).
        output: what it printed.
    """

    seconds: float
    own: float
    together: float
    output: bytes


def call(repository: Path, *words: str) -> Call:
    """Carry out a git-align command; conflicts are no failure."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        command = [sys.executable, "-m", "gitalign", *words, "--repo", str(repository)]
        child = subprocess.Popen(command, stdout=output, stderr=errors)
        own = together = 0
        while child.poll() is None:
            resident, written = memory(child.pid)
            own, together = max(own, resident), max(together, written)
            time.sleep(0.02)
        took = time.perf_counter() - started
        for stream in (output, errors):
            stream.seek(0)
        if child.returncode not in (0, 1):
            raise SystemExit(f"git-align {' '.join(words)}: {errors.read().decode(errors='replace')}")
        return Call(took, own / 1e6, together / 1e6, output.read())


def memory(pid: int) -> tuple[int, int]:
    """Resident bytes of a process, and bytes that it and its children wrote to and share with no other process."""
    resident = written = 0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        resident = root.memory_info().rss
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(OSError):
                lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
                written += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_Dirty:"))
    return resident, written


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
        shown = Path(folder) / "forecast.html"
        page = call(copy(source, Path(folder) / "page"), "forecast", "--html", str(shown), *flags)
        size = shown.stat().st_size
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
        told = {(one["one"], one["other"]) for one in found["clashes"] if one["basis"] == "aligned"}
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
        others, sampled = stopping_pairs(found)
        drawn = 0.0
        if sampled:
            asked = "".join(f"{one} {other}\n" for one, other in sampled).encode()
            started = time.perf_counter()
            subprocess.run(["git", "merge-tree", "--stdin"], cwd=plain, input=asked, capture_output=True, check=True)
            drawn = time.perf_counter() - started
    counts = {
        key: sum(one[key] for one in found["pairs"]) for key in ("pairs", "pruned", "merged", "undecided", "clashing")
    }
    print("| what | seconds | our memory (MB) | with git's (MB) | |\n|---|---:|---:|---:|---|")
    rows = [
        ("categorize", sorted_out, "with clusters"),
        ("categorize", unclustered, "without"),
        ("forecast of every branch on its target", alone, "from nothing"),
        (
            "forecast with the clash map",
            mapping,
            f"from nothing; {counts['pairs']} pairs: {counts['pruned']} proved clean, {counts['merged']} merged, "
            f"{counts['clashing']} clash, {counts['undecided']} undecided",
        ),
        ("the same again", again, "the same bytes"),
        ("the same after one branch moved", update, ""),
        ("the same from nothing, with its page", page, f"a page of {size / 1e6:.1f} MB"),
        ("order", ordered, "from nothing"),
    ]
    for name, one, words in rows:
        print(f"| {name} | {one.seconds:.2f} | {one.own:.0f} | {one.together:.0f} | {words} |")
    print(f"| categorize, forecast, order, one after another | {together:.2f} | | | from nothing |")
    print(
        f"| floor: all {compared} pairs of aligned branches piped into 1 merge-tree | {floor:.2f} | | | "
        "the same verdict for every pair |"
    )
    if sampled:
        scaled = drawn * others / len(sampled)
        print(
            f"| floor: the other {others} pairs, {len(sampled)} of them piped into 1 merge-tree, scaled | {scaled:.0f} "
            f"| | | {drawn / len(sampled) * 1000:.0f} ms a pair |"
        )
        floor += scaled
    cost = mapping.seconds - alone.seconds
    print(f"| the map costs | {cost:.2f} | | | {cost / floor:.2f} of the floor |")


def stopping_pairs(found: Any) -> tuple[int, list[tuple[str, str]]]:
    """How many pairs have a branch that stops, and the tips of some of them, drawn from the target with most branches."""
    aligned = sum(one["branches"] * (one["branches"] - 1) // 2 for one in found["pairs"])
    others = sum(one["pairs"] for one in found["pairs"]) - aligned
    target = max(found["pairs"], key=lambda one: int(one["pairs"]))["target"]
    tips = [
        (one["tip"], one["prospect"] == "conflict")
        for one in found["branches"]
        if one["target"] == target and one["prospect"] in ("clean", "conflict")
    ]
    drawn = random.Random(1)
    sampled: list[tuple[str, str]] = []
    while others and len(sampled) < SAMPLE:
        (one, stops), (other, stops_too) = drawn.sample(tips, 2)
        if stops or stops_too:
            sampled.append((one, other))
    return others, sampled


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

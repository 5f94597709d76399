"""Times what is found out about conflicts: how far branches align, and which of them stop at the same clash.

    python bench/conflicts.py --repo PATH  # any repository (it is copied, never touched)
    python bench/conflicts.py              # generated: 200 branches, of which all conflict

Each row is one command; the second of a kind finds everything in memory. At last every first parent is tried with `git merge-tree` for a few
branches into which the target is merged: a verdict other than ours ends the measurement as a failure.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from align import copy
from foresee import Call, call

SAMPLE = 5


def generate(place: Path, *, branches: int, behind: int) -> Path:
    """A repository in which branches clash with some commit of the target, each at a place of its own."""
    stream = bytearray()
    files = {f"src/{number}.txt": b"".join(b"line %d\n" % line for line in range(60)) for number in range(200)}

    def commit(ref: str, message: str, changes: dict[str, bytes], start: str | None = None) -> None:
        mark = "mark :1\n" if message == "base" else ""
        stream.extend(f"commit refs/heads/{ref}\n{mark}committer A U Thor <a@example.org> 1700000000 +0000\n".encode())
        stream.extend(f"data {len(message)}\n{message}\n".encode())
        if start is not None:
            stream.extend(f"from {start}\n".encode())
        for path, content in changes.items():
            stream.extend(f"M 644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n")

    commit("main", "base", files)
    for number in range(branches):
        path = f"src/{number % 200}.txt"
        commit(f"topic/{number}", "one", {f"new/{number}": b"1\n"}, ":1")
        commit(f"topic/{number}", "two", {path: files[path].replace(b"line 9\n", b"branch %d\n" % number)})
    for number in range(behind):
        path = f"src/{number % 200}.txt"
        files[path] = files[path].replace(b"line 9\n", b"main %d\n" % number)
        commit("main", f"main {number}", {path: files[path]})
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(place)], check=True)
    subprocess.run(["git", "fast-import", "--quiet", "--force"], cwd=place, input=bytes(stream), check=True)
    return place


def tried_everywhere(repository: Path, found: list[dict[str, Any]]) -> tuple[float, int]:
    """Seconds and merges it takes to try every first parent for some merged branches, one process each."""
    merged = [one for one in found if one["kind"] == "merge" and one["conflict"]["furthest"].get("broken")][:SAMPLE]
    started, merges = time.perf_counter(), 0
    for one in merged:
        far = one["conflict"]["furthest"]
        words = ["git", "rev-list", "--first-parent", f"{far['fork']}..{one['conflict']['onto']}"]
        line = subprocess.run(words, cwd=repository, capture_output=True, text=True, check=True).stdout.split()
        for commit in line:
            asked = ["git", "merge-tree", "--write-tree", one["tip"], commit]
            clean = subprocess.run(asked, cwd=repository, capture_output=True, check=False).returncode == 0
            merges += 1
            if (commit == far["clean"] and not clean) or (commit == far["broken"] and clean):
                raise SystemExit(f"{one['branch']}: git finds {commit} {'clean' if clean else 'broken'}")
    return time.perf_counter() - started, merges


def spent() -> float:
    """Processor seconds of all children that have ended: what a busy machine cannot stretch much."""
    times = os.times()
    return times.children_user + times.children_system


def timed(work: Path, *words: str) -> tuple[Call, float]:
    """A command with its processor seconds, git's included."""
    before = spent()
    made = call(work, *words)
    return made, spent() - before


def row(what: str, made: tuple[Call, float], remark: str = "") -> None:
    """One line of the table."""
    print(f"| {what} | {made[0].seconds:.1f} | {made[1]:.1f} | {made[0].own:.0f} | {remark} |", flush=True)


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repo", type=Path)
    parser.add_argument("--branches", type=int, default=200)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = chosen.repo or generate(Path(folder) / "source", branches=chosen.branches, behind=400)
        work = copy(source, Path(folder) / "work")
        print("| what | seconds | of processors | MB | |\n|---|---:|---:|---:|---|")
        foreseen = timed(work, "forecast", "--json", "-q")
        stopped = sum(one["prospect"] == "conflict" for one in json.loads(foreseen[0].output)["branches"])
        row("forecast, nothing known", foreseen, f"{stopped} branches conflict")
        row("forecast again", timed(work, "forecast", "--json", "-q"))
        far = timed(work, "forecast", "--furthest", "--json", "-q")
        told = [one["furthest"] for one in json.loads(far[0].output)["branches"] if one["furthest"]]
        gaining = sum(one.get("gained", 0) > 0 for one in told)
        untold = sum("code" in one for one in told)
        row("forecast --furthest", far, f"{gaining} go further than where they stand, {untold} could not be told")
        row("forecast --furthest again", timed(work, "forecast", "--furthest", "--json", "-q"))
        grouped = timed(work, "conflicts", "--json", "-q")
        found = json.loads(grouped[0].output)
        shared = [len(group["branches"]) for group in found["groups"] if len(group["branches"]) > 1]
        row("conflicts", grouped, f"{len(found['groups'])} clashes, {sum(shared)} branches share {len(shared)} of them")
        row("conflicts again", timed(work, "conflicts", "--json", "-q"))
        partly = timed(work, "run", "--partial", "--yes", "--json", "-q")
        counts = json.loads(partly[0].output)["counts"]
        row("run --partial", partly, ", ".join(f"{count} {verdict}" for verdict, count in counts.items()))

        seconds, merges = tried_everywhere(work, found["branches"])
        if merges:
            told = f"{seconds:.1f} s, {merges} merges, the same two commits"
            print(f"\nEvery first parent of {SAMPLE} branches tried by git itself: {told}.")


if __name__ == "__main__":
    main()

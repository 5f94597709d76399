"""Times the clash map against its floor: every pair of aligned branches piped into `merge-tree --stdin`.

    python bench/pairs.py              # generated: 1,000 files, 200 branches of 5 commits
    python bench/pairs.py --repo PATH  # any repository (it is copied, never touched)

The map is made before the run, the floor on the branches the run moved; the two are compared pair by pair, and a difference is
a failure.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from itertools import combinations
from pathlib import Path

from align import copy, generate


def call(repository: Path, *words: str) -> tuple[float, bytes]:
    """Seconds and output of a git-align command; conflicts are no failure."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "gitalign", *words, "--repo", str(repository)], capture_output=True, check=False
    )
    took = time.perf_counter() - started
    if done.returncode not in (0, 1):
        raise SystemExit(f"git-align {' '.join(words)}: {done.stderr.decode(errors='replace')}")
    return took, done.stdout


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
        alone, _ = call(plain, "forecast", *flags)
        with_pairs, output = call(mapped, "forecast", "--pairs", *flags)
        found = json.loads(output)
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
    print("| what | seconds | |\n|---|---:|---|")
    print(f"| forecast of every branch on its target | {alone:.2f} | |")
    print(
        f"| forecast with the clash map | {with_pairs:.2f} | {counts['pairs']} pairs: {counts['pruned']} proved clean, "
        f"{counts['merged']} merged, {counts['clashing']} clash |"
    )
    print(f"| floor: all {compared} pairs piped into 1 merge-tree | {floor:.2f} | the same verdict for every pair |")
    print(f"| cost of the map against its floor | | {(with_pairs - alone) / floor:.2f} |")


if __name__ == "__main__":
    main()

"""Compare a whole run with git itself, branch by branch, on any repository.

Usage: python bench/against_git.py REPOSITORY --target main [--pulls] [--remote] [--sample 60] [--strategy rebase|merge] [--seed 1]

The repository is copied; nothing is written to it. Its branches (with `--pulls`, what `refs/pull/*/head` holds as well) are
aligned in the copy by the command line. Then a sample of the branches with a verdict is rebased (or merged) by git in a work
tree of a second copy, and the two are held side by side: the tree, and author, date and message of every commit where git is
clean; the commit and the unmerged paths where it stops. A third as many of the branches that are left where they are: git, too,
has nothing to bring in.

With `--remote` the copy is a remote, and a fresh clone of it aligns what only the remote has (`git align run --remote`). Then, too: every
aligned branch stands on the remote where the report says, every other one where it stood, the clone has no new branch, and `git align undo
--push` gives the remote back what it held, ref by ref.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.histories import ENVIRONMENT, git
from tests.oracle import Judge, Judgement, kept

_CONFIG = "detection:\n  detectors: []\nalignment:\n  merges: {merges}\n  targets: [{targets}]\n"
_BRANCHES_AT_MOST = 400
Entry = tuple[str, str, str, str]
"""Mode, id, stage and path of a file in conflict."""


@dataclass
class Comparison:
    """How many branches were compared, and what differed."""

    verdicts: Counter[str] = field(default_factory=Counter)
    same: Counter[str] = field(default_factory=Counter)
    differ: list[str] = field(default_factory=list)
    git_could_not: list[str] = field(default_factory=list)

    @property
    def compared(self) -> int:
        """How many branches git had a verdict on."""
        return self.same.total() + len(self.differ)


def main(words: Sequence[str] | None = None) -> int:
    """Print the comparison as one JSON document; 1 when anything differs or nothing was compared."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--target", action="append", required=True, help="a target; may be given several times")
    parser.add_argument("--pulls", action="store_true", help="take in what refs/pull/*/head holds")
    parser.add_argument("--remote", action="store_true", help="align the branches of a remote from a fresh clone")
    parser.add_argument("--sample", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--strategy", choices=("rebase", "merge"), default="rebase")
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        found = compare(
            asked.repository,
            Path(folder),
            targets=asked.target,
            pulls=asked.pulls,
            sample=asked.sample,
            chance=random.Random(asked.seed),
            strategy=asked.strategy,
            remote=asked.remote,
        )
    print(
        json.dumps(
            {
                "repository": str(asked.repository),
                "verdicts": dict(found.verdicts),
                "compared": found.compared,
                "same": dict(found.same),
                "differ": found.differ,
                "git_could_not": found.git_could_not,
            },
            indent=1,
        )
    )
    return 0 if found.compared and not found.differ else 1


def compare(
    repository: Path,
    folder: Path,
    *,
    targets: Sequence[str],
    pulls: bool,
    sample: int,
    chance: random.Random,
    strategy: str,
    remote: bool = False,
) -> Comparison:
    """Align a copy of the repository and hold a sample of the outcomes beside what git makes of the same branches."""
    before = copy(repository, folder / "before.git", targets=targets, pulls=pulls, chance=chance)
    after = folder / "after.git"
    git(folder, "clone", "-q", "--mirror", str(before), str(after))
    tips = dict(_refs(before))
    found = Comparison()
    if remote:
        report = align_on_remote(after, folder, targets=targets, strategy=strategy, found=found)
    else:
        report = align(after, folder, targets=targets, strategy=strategy)
    judge = Judge(before, folder / "desk", start=targets[0])
    entries = report["branches"]
    found.verdicts.update(entry["outcome"]["kind"] for entry in entries)
    judged = [entry for entry in entries if entry["outcome"]["kind"] in ("aligned", "conflicted")]
    drawn = chance.sample(judged, min(sample, len(judged)))
    left = [entry for entry in entries if entry["outcome"]["kind"] == "unchanged"]
    drawn += chance.sample(left, min(sample // 3, len(left)))
    hide_missing(
        before,
        folder / "desk",
        {tips[f"refs/heads/{one['branch']}"] for one in drawn} | {tips[f"refs/heads/{one}"] for one in targets},
    )
    for entry in drawn:
        tip, onto = tips[f"refs/heads/{entry['branch']}"], tips[f"refs/heads/{entry['target']}"]
        try:
            verdict = judge.rebase(tip, onto) if strategy == "rebase" else judge.merge(tip, onto)
        except AssertionError as error:
            found.git_could_not.append(f"{entry['branch']}: {str(error).splitlines()[-1][:120]}")
            continue
        if entry["outcome"]["kind"] == "unchanged":
            # Nothing is left to bring in: git stays at the branch, or ends at the target.
            stays = verdict.is_clean and verdict.head in (tip, onto)
            difference = "" if stays else "left where it is, and git has something to do"
        else:
            difference = differs(entry, verdict, after, onto, strategy=strategy)
        if difference:
            found.differ.append(f"{entry['branch']} onto {entry['target']}: {difference}")
        else:
            found.same[entry["outcome"]["kind"]] += 1
    return found


def copy(repository: Path, place: Path, *, targets: Sequence[str], pulls: bool, chance: random.Random) -> Path:
    """A bare copy whose branches are those of the repository, and on request its pull requests, at most 400 of either."""
    git(place.parent, "clone", "-q", "--mirror", str(repository), str(place))
    everything = dict(_refs(place))
    own = {f"refs/heads/{target}" for target in targets}
    wanted = {ref: oid for ref, oid in everything.items() if ref.startswith("refs/heads/")}
    if pulls:
        heads = {ref: oid for ref, oid in everything.items() if ref.startswith("refs/pull/") and ref.endswith("/head")}
        drawn = chance.sample(sorted(heads), min(_BRANCHES_AT_MOST, len(heads)))
        wanted |= {f"refs/heads/pull-{ref.split('/')[2]}": heads[ref] for ref in drawn}
    moves = [f"create {ref} {oid}" for ref, oid in wanted.items() if ref not in everything]
    moves += [f"delete {ref}" for ref in everything if ref not in wanted and ref not in own]
    git(place, "update-ref", "--stdin", stdin="\n".join(moves).encode() + b"\n")
    return place


def hide_missing(repository: Path, desk: Path, tips: set[str]) -> None:
    """A snapshot may lack large files; a work tree without them lets git judge branches that do not touch them."""
    blobs: dict[str, set[str]] = {}
    for tip in tips:
        for line in git(repository, "ls-tree", "-r", "-z", tip).split("\0"):
            about, _, path = line.partition("\t")
            if path and " blob " in about:
                blobs.setdefault(about.split()[2], set()).add(path)
    answers = git(repository, "cat-file", "--batch-check", stdin="\n".join(blobs).encode() + b"\n").splitlines()
    missing = sorted({path for line in answers if line.endswith(" missing") for path in blobs[line.split()[0]]})
    if missing:
        git(desk, "sparse-checkout", "set", "--no-cone", "/*", *(f"!/{path}" for path in missing))


def align_on_remote(
    remote: Path, folder: Path, *, targets: Sequence[str], strategy: str, found: Comparison
) -> dict[str, Any]:
    """What `git align run --remote --json` reports in a fresh clone; what the remote does not hold as reported counts as different."""
    clone = folder / "clone"
    git(folder, "clone", "-q", "--no-checkout", str(remote), str(clone))
    stood, mine = dict(_refs(remote)), git(clone, "for-each-ref", "refs/heads")
    report = align(clone, folder, targets=targets, strategy=strategy, more=("--remote",))
    stands = dict(_refs(remote))
    made = {
        f"refs/heads/{entry['branch']}": entry["outcome"]["after"]
        for entry in report["branches"]
        if entry["verdict"] == "aligned"
    }
    wrong = {ref for ref in {*stands, *stood} if stands.get(ref) != made.get(ref, stood.get(ref))}
    found.differ += [f"{ref}: the remote does not hold what was reported" for ref in sorted(wrong)]
    if git(clone, "for-each-ref", "refs/heads") != mine:
        found.differ.append("local branches were made or moved")
    run_id = report["run"]["id"]
    call("undo", run_id, "--push", "--yes", "--json", "--repo", str(clone))
    if dict(_refs(remote)) != stood:
        found.differ.append("undo did not give the remote back what it held")
    call("undo", "last", "--push", "--yes", "--json", "--repo", str(clone))  # brought forward again, to be compared
    if dict(_refs(remote)) != stands:
        found.differ.append("undoing the undo did not bring the branches forward again")
    return report


def align(
    repository: Path, folder: Path, *, targets: Sequence[str], strategy: str, more: Sequence[str] = ()
) -> dict[str, Any]:
    """What `git align run --json` reports; stacks are replayed as git would replay each branch."""
    config = folder / "config.yaml"
    config.write_text(_CONFIG.format(merges="flatten", targets=", ".join(map(json.dumps, targets))), encoding="utf-8")
    words = ("run", "--yes", "--json", "--repo", str(repository), "--config", str(config), "--strategy", strategy)
    return call(*words, *more)


def call(*words: str) -> dict[str, Any]:
    """The document that a verb prints."""
    done = subprocess.run(
        [sys.executable, "-m", "gitalign", *words],
        capture_output=True,
        env={**os.environ, **ENVIRONMENT},
        check=False,
    )
    if done.returncode not in (0, 1):
        raise SystemExit(
            f"git align {words[0]}: exit {done.returncode}\n{(done.stderr or done.stdout).decode(errors='replace')[-3000:]}"
        )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def differs(entry: dict[str, Any], verdict: Judgement, after: Path, onto: str, *, strategy: str) -> str:
    """In what an outcome differs from git's; empty when in nothing."""
    outcome = entry["outcome"]
    if verdict.has_crashed:
        return ""
    if outcome["kind"] == "conflicted":
        if verdict.is_clean:
            return "git is clean, git-align stops"
        if strategy == "rebase" and verdict.stopped_at != outcome["commit"]:
            return f"git stops at {verdict.stopped_at[:10]}, git-align at {outcome['commit'][:10]}"
        ours = {(one["mode"], one["oid"], str(one["stage"]), one["path"]) for one in outcome["entries"]}
        if ours != verdict.entries and _unmarked(ours, verdict) != _unmarked(verdict.entries, verdict):
            return f"unmerged entries differ: {sorted(ours ^ verdict.entries)[:3]}"
        return ""
    if not verdict.is_clean:
        return f"git stops at {verdict.stopped_at[:10]}, git-align is clean"
    tree = git(after, "rev-parse", f"{outcome['after']}^{{tree}}")
    if tree != verdict.tree:
        return f"tree {tree[:10]}, git's {verdict.tree[:10]}"
    if strategy == "rebase" and kept(after, outcome["after"], onto) != verdict.kept:
        return "commits differ in author, date, message or tree"
    return ""


def _unmarked(entries: Iterable[Entry], verdict: Judgement) -> set[Entry]:
    """Entries without the ids of files that git merged on the way to a rename conflict: the markers in them hold its own labels."""
    marked = {
        (mode, stage, path)
        for mode, oid, stage, path in verdict.entries
        if mode != "160000" and "<<<<<<<" in git(verdict.repository, "cat-file", "blob", oid)
    }
    return {(mode, "" if (mode, stage, path) in marked else oid, stage, path) for mode, oid, stage, path in entries}


def _refs(place: Path) -> Iterator[tuple[str, str]]:
    for line in git(place, "for-each-ref", "--format=%(refname) %(objectname)").splitlines():
        ref, _, oid = line.partition(" ")
        yield ref, oid


if __name__ == "__main__":
    raise SystemExit(main())

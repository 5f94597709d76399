"""The floor: the very merges a run makes, piped straight into `git merge-tree --stdin`.

A run is rehearsed once to learn its merges. Then they are made again over a copy that never saw the run (so that every result
has to be written again), by one or several merge-tree processes that are handed whole batches and nothing else. Commits
that older versions of git need as sides of a merge are written beforehand and not timed. The processes write either into
the repository's own store, as git does when left to itself, or where a run lets them write: in memory and uncompressed.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gitalign import facade
from gitalign.core.commit import RawCommit
from gitalign.core.outcome import StepResult
from gitalign.core.plan import Permit, Step
from gitalign.engine.alignment.align import BranchAligner
from gitalign.engine.alignment.at_once import ReplaysAtOnce
from gitalign.git.merge import MergeAnswer, MergeProcess
from gitalign.git.objects import CommitReader, CommitWriter
from gitalign.git.quarantine import Quarantine
from gitalign.git.repository import open_repository
from gitalign.ports import CancelToken


@dataclass
class Asked:
    """One merge of the rehearsal: its place in time, its branch, its bench, what was asked and the tree that came back."""

    branch: str
    bench: Path
    request: str
    tree: str

    @property
    def sides(self) -> list[str]:
        """Ids in the request: trees, or commits where this git merges no trees."""
        return [word for word in self.request.split() if word != "--"]


@dataclass
class Rehearsal:
    """Everything a run asked of merge-tree, and the commits it made up to ask it."""

    asked: list[Asked] = field(default_factory=list)
    made_up: list[RawCommit] = field(default_factory=list)
    trees: dict[str, str] = field(default_factory=dict)
    """Commit named in a request -> its tree."""


@dataclass(frozen=True)
class Floor:
    """How many merges a run makes, and the seconds they take alone.

    Attributes:
        plain: seconds by number of processes, objects written into the repository as git writes them.
        in_memory: the same with objects written where a run has them written.
    """

    merges: int
    plain: dict[int, float]
    in_memory: dict[int, float]


def measure(source: Path, scratch: Path, *, merges: str, processes: Sequence[int] = (1, 2)) -> Floor:
    """Rehearse a run over a copy of `source` and time its merges alone."""
    rehearsed = _rehearse(_copy(source, scratch / "rehearsal.git"), merges)
    taken: dict[bool, dict[int, float]] = {True: {}, False: {}}
    for is_plain in (True, False):
        for count in processes:
            fresh = _copy(source, scratch / "floor.git")
            taken[is_plain][count] = _timed(fresh, rehearsed, count, is_plain=is_plain)
            shutil.rmtree(fresh)
    shutil.rmtree(scratch / "rehearsal.git")
    return Floor(len(rehearsed.asked), taken[True], taken[False])


def _copy(source: Path, place: Path) -> Path:
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(source, place, symlinks=True)
    return place


def _rehearse(repository: Path, merges: str) -> Rehearsal:
    rehearsed = Rehearsal()
    request = facade.Request(
        repo=repository, overrides={"alignment.merges": merges, "orchestration.enable_parallelization": False}
    )
    plan = facade.plan(request)
    with _recorded(rehearsed):
        facade.run(request, plan=plan, permit=Permit(plan_id=plan.id))
    return rehearsed


@contextlib.contextmanager
def _recorded(rehearsed: Rehearsal) -> Iterator[None]:
    """Note every question to merge-tree, and what was asked about, before the run removes its quarantine.

    Branches are replayed one by one, so that it is known which of them asks.
    """
    ask, align, take = MergeProcess._ask, BranchAligner.align, ReplaysAtOnce.take
    empty, remove = Quarantine.empty, Quarantine.remove
    at_work = threading.local()

    def noted_ask(self: MergeProcess, request: str) -> MergeAnswer:
        answer = ask(self, request)
        rehearsed.asked.append(Asked(getattr(at_work, "branch", ""), Path(self._git.git_dir), request, answer.tree))
        return answer

    def noted_align(self: BranchAligner, step: Step, *, worker: int, attempt: int, cancel: CancelToken) -> StepResult:
        at_work.branch = step.branch.name
        return align(self, step, worker=worker, attempt=attempt, cancel=cancel)

    def read_and_removed(self: Quarantine) -> None:
        _read_commits(self, rehearsed)
        remove(self)

    MergeProcess._ask, BranchAligner.align = noted_ask, noted_align  # type: ignore
    ReplaysAtOnce.take = lambda self, step, **_: None  # type: ignore
    Quarantine.empty, Quarantine.remove = lambda self: None, read_and_removed  # type: ignore
    try:
        yield
    finally:
        MergeProcess._ask, BranchAligner.align = ask, align  # type: ignore
        ReplaysAtOnce.take = take  # type: ignore
        Quarantine.empty, Quarantine.remove = empty, remove  # type: ignore


def _read_commits(quarantine: Quarantine, rehearsed: Rehearsal) -> None:
    """Find the commits among what was asked: those made up for the purpose, and the tree of each."""
    names = sorted({name for one in rehearsed.asked for name in one.sides})
    checked = quarantine.git.run(
        "cat-file", "--batch-check=%(objectname) %(objecttype)", stdin="\n".join(names).encode() + b"\n"
    )
    commits = [line.split(" ")[0] for line in checked.stdout.decode().splitlines() if line.endswith(" commit")]
    reader = CommitReader(quarantine.git, timeout_s=60)
    for start in range(0, len(commits), 1000):
        chunk = commits[start : start + 1000]
        for oid, commit in zip(chunk, reader.read(chunk), strict=True):  # type: ignore[arg-type]
            rehearsed.trees[oid] = commit.tree
            if commit.author.startswith(b"git-align <"):
                rehearsed.made_up.append(commit)
    reader.close()


def _timed(repository: Path, rehearsed: Rehearsal, processes: int, *, is_plain: bool) -> float:
    """Seconds for all merges of the rehearsal, over a repository that knows none of the results."""
    fresh = Quarantine(open_repository(repository), f"floor-{processes}")
    store = Path(fresh.repository.objects_dir) if is_plain else fresh.objects
    CommitWriter(store, object_format=fresh.repository.object_format).write(rehearsed.made_up)
    rounds = list(_rounds(fresh, rehearsed, processes, is_plain=is_plain))
    started = time.perf_counter()
    for jobs in rounds:
        children = [
            subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, cwd=cwd)
            for argv, _, env, cwd in jobs
        ]
        threads = [
            threading.Thread(target=child.communicate, args=(batch,))
            for child, (_, batch, _, _) in zip(children, jobs, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if any(child.returncode != 0 for child in children):
            raise SystemExit("the floor could not be measured: merge-tree ended before its last answer")
    seconds = time.perf_counter() - started
    fresh.remove()
    return seconds


Job = tuple[list[str], bytes, dict[str, str], str | None]


def _rounds(fresh: Quarantine, rehearsed: Rehearsal, processes: int, *, is_plain: bool) -> Iterator[list[Job]]:
    """Batches to be run side by side, one round per distinct set of attribute files."""
    for bench in dict.fromkeys(one.bench for one in rehearsed.asked):
        mine = [one for one in rehearsed.asked if one.bench == bench]
        git = fresh.bench(_attributes(bench))
        if is_plain:
            store = {"GIT_OBJECT_DIRECTORY": fresh.repository.objects_dir}
            ours = ("core.looseCompression", "core.createObject")
            git = replace(
                git,
                variables={**git.variables, **store},
                config=tuple(pair for pair in git.config if pair[0] not in ours),
            )
        parts: list[list[Asked]] = [[] for _ in range(processes)]
        for group in sorted(_independent(fresh, mine, rehearsed.trees), key=len, reverse=True):
            min(parts, key=len).extend(group)
        yield [
            (git.argv("merge-tree", "--stdin"), "".join(one.request for one in part).encode(), git.env(), git.work_tree)
            for part in parts
            if part
        ]


def _independent(fresh: Quarantine, asked: Sequence[Asked], trees: dict[str, str]) -> list[list[Asked]]:
    """Groups of merges that need no result of one another, so that they can be made at the same time."""
    made_by: dict[str, str] = {}
    leader = {one.branch: one.branch for one in asked}

    def lead(branch: str) -> str:
        while leader[branch] != branch:
            branch = leader[branch]
        return branch

    results = sorted({one.tree for one in asked})
    checked = fresh.git.run(
        "cat-file", "--batch-check=%(objectname) %(objecttype)", stdin="\n".join(results).encode() + b"\n"
    )
    new = {line.split(" ")[0] for line in checked.stdout.decode().splitlines() if line.endswith(" missing")}
    for one in asked:
        for side in one.sides:
            maker = made_by.get(trees.get(side, side))
            if maker is not None:
                leader[lead(one.branch)] = lead(maker)
        if one.tree in new:
            made_by.setdefault(one.tree, one.branch)
    groups: dict[str, list[Asked]] = {}
    for one in asked:
        groups.setdefault(lead(one.branch), []).append(one)
    return list(groups.values())


def _attributes(bench: Path) -> list[tuple[str, bytes]]:
    folder = bench.parent / bench.name.replace("git-", "attributes-", 1)
    return sorted((str(path.relative_to(folder)), path.read_bytes()) for path in folder.rglob(".gitattributes"))

"""Branches with merges, made again, against `git rebase --rebase-merges`: same verdict, same commits, same shape, same stop."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.outcome import Aligned, Conflicted, Refused
from gitalign.core.plan import StepKind
from tests import needs
from tests.git.workspace import Workspace
from tests.histories import git
from tests.oracle import Judge, shape
from tests.runs import request, run

GIT = os.environ.get("GITALIGN_JUDGE", "git")
SEEDS = range(60 if needs.IS_THOROUGH else 5)
FILES = ("a", "b", "src/c", "src/d")


class Story:
    """A small random history, told with git itself: its merges hold what git merges by itself, and nothing else."""

    def __init__(self, path: Path, seed: int, *, slips: bool = False) -> None:
        self._slips = slips
        self.work = Workspace(path)
        self.chance = random.Random(seed)
        self._fresh = 0
        self.work.commit("base", {name: self._lines(name) for name in FILES})
        for number in range(self.chance.randint(1, 3)):
            self._edit(f"main {number}", on_main=True)
        self.branches = [f"x{number}" for number in range(3)]
        for name in self.branches:
            self._branch(name)
        self.work.git("checkout", "-q", "main")
        for number in range(self.chance.randint(1, 3)):
            self._edit(f"main, later {number}", on_main=True)
        self.work.git("checkout", "-q", "--detach")

    def _lines(self, name: str) -> bytes:
        return b"".join(b"%b line %d\n" % (name.encode(), number) for number in range(60))

    def _edit(self, message: str, *, on_main: bool) -> None:
        """Change lines; the two sides mostly keep to halves of their own. Sometimes rename, add, or change nothing at all."""
        chance, work = self.chance, self.work
        self._fresh += 1
        kind = chance.choices(["line", "rename", "add", "empty", "delete"], [12, 1, 3, 1, 0.5])[0]
        there = sorted(line for line in work.git("ls-files").splitlines() if not line.startswith("slip/"))
        name = chance.choice(there)
        if kind == "rename":
            work.commit(message, {name: None, f"moved/{self._fresh}": (work.path / name).read_bytes()})
        elif kind == "delete" and len(there) > 2:
            work.commit(message, {name: None})
        elif kind == "add":
            work.commit(message, {f"new/{self._fresh}": self._lines(f"new {self._fresh}")})
        elif kind == "empty":
            work.commit(message, allow_empty=True)
        else:
            lines = (work.path / name).read_bytes().splitlines(keepends=True)
            low, high = (0, 28) if on_main else (32, 60)
            at = chance.randrange(low, high) if chance.random() < 0.93 else chance.randrange(60)
            lines[min(at, len(lines) - 1)] = b"edit %d\n" % chance.choice([self._fresh, chance.randint(1, 2)])
            work.commit(message, {name: b"".join(lines)}, allow_empty=True)

    def _branch(self, name: str) -> None:
        chance, work = self.chance, self.work
        line = work.git("rev-list", "--first-parent", "main").splitlines()
        work.switch(name, chance.choice(line))
        sides: list[str] = []
        for number in range(chance.randint(3, 7)):
            move = chance.random()
            if move < 0.3:
                side = f"side/{name}-{number}"
                above = work.git("rev-list", "-n", "4", name).splitlines()
                work.switch(side, chance.choice(above))
                for count in range(chance.randint(1, 2)):
                    self._edit(f"{side} {count}", on_main=False)
                if sides and chance.random() < 0.4:
                    self._merge(chance.choice(sides))
                sides.append(side)
                work.switch(name)
                self._merge(side)
            elif move < 0.55:
                work.switch("main")
                self._edit(f"main beside {name} {number}", on_main=True)
                if chance.random() < 0.3 and (picked := work.git("rev-list", "--no-merges", f"main..{name}")):
                    self._try("cherry-pick", "--allow-empty", chance.choice(picked.splitlines()))
                if chance.random() < 0.12:
                    self._merge(f"{name}~1")
                work.switch(name)
                if chance.random() < 0.7:
                    self._merge(chance.choice(["main", "main~1"]))
            else:
                self._edit(f"{name} {number}", on_main=False)
        for side in sides:
            work.git("branch", "-D", side)

    def _merge(self, other: str) -> None:
        before = self.work.tip("HEAD")
        self._try("merge", "-q", "--no-ff", "--no-edit", other)
        if self._slips and self.work.tip("HEAD") != before and self.chance.random() < 0.6:
            self._fresh += 1
            place = self.work.path / "slip" / str(self._fresh)
            place.parent.mkdir(exist_ok=True)
            place.write_text(f"slipped in {self._fresh}\n")
            self.work.git("add", "slip")
            self.work.git("commit", "-q", "--amend", "--no-edit")

    def _try(self, *words: str) -> None:
        """Leave out what git cannot do by itself."""
        self.work.git(*words, check=False)
        for verb in ("merge", "cherry-pick"):
            self.work.git(verb, "--abort", check=False)
        self.work.git("reset", "-q", "--hard")
        self.work._minute += 1


@pytest.mark.parametrize("seed", SEEDS)
def test_every_branch_is_as_git_makes_it(seed: int, tmp_path: Path) -> None:
    story = Story(tmp_path / "repo", seed)
    place = story.work.path
    judge = Judge(place, tmp_path / "judge", executable=GIT)
    report = run(place, strategy="rebase-merges")
    for one in report.branches():
        step, outcome = one.step, one.result.outcome
        where = f"seed {seed}, {step.branch.name}: {outcome}"
        if step.kind is not StepKind.RECREATE:
            continue
        judged = judge.recreate(step.seen, step.onto)
        if isinstance(outcome, Conflicted):
            assert not judged.is_clean, where
            assert outcome.commit == judged.stopped_at, where
            assert {(one.stage, one.oid) for one in outcome.entries if one.stage != 1} == {
                (int(stage), oid) for _, oid, stage, _ in judged.entries if stage != "1"
            }, where
            continue
        assert isinstance(outcome, Aligned), where
        assert judged.is_clean, where
        assert outcome.tree == judged.tree, where
        assert shape(place, outcome.after, step.onto) == judged.kept, where
    assert all(proof.holds for proof in facade.verify(request(place)))


def _files(repository: Path, revision: str) -> tuple[set[str], set[str]]:
    """Files that were slipped into merges, and all others."""
    listed = git(repository, "ls-tree", "-r", revision).splitlines()
    slipped = {line for line in listed if "\tslip/" in line}
    return slipped, set(listed) - slipped


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_slipped_into_merges_stays_where_git_forgets_it(seed: int, tmp_path: Path) -> None:
    """Edge case 4."""
    story = Story(tmp_path / "repo", 1_000 + seed, slips=True)
    place = story.work.path
    judge = Judge(place, tmp_path / "judge", executable=GIT)
    for one in run(place, strategy="rebase-merges").branches():
        step, outcome = one.step, one.result.outcome
        where = f"seed {seed}, {step.branch.name}: {outcome}"
        if step.kind is not StepKind.RECREATE or not isinstance(outcome, Aligned):
            assert not isinstance(outcome, Refused) or outcome.code == "merge_collapsed", where
            continue
        slipped, others = _files(place, outcome.after)
        wanted = _files(place, step.seen)[0] | _files(place, step.onto)[0]
        assert slipped == wanted, where
        judged = judge.recreate(step.seen, step.onto)
        assert judged.is_clean, where
        assert others == _files(place, judged.head)[1], where

"""Stale reverts, against an oracle that compares files line by line: of tasks, and of branches that merged their target."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gitalign.batches.merging.containment import containment_of
from gitalign.batches.merging.merge_members import MemberMerger, MergeRules
from gitalign.batches.merging.stale import merged_results, stale_refusal
from gitalign.batches.planning.tasks import Task
from gitalign.batches.running.judge_batch import Member
from gitalign.core.names import Oid
from gitalign.git.quarantine import Quarantine
from gitalign.git.repository import open_repository
from tests.histories import FILE, Stream, Tree, git

FILES = ("one", "two", "own")
SLOTS = 6
STALE = frozenset({4, 12, 13})
Lines = dict[tuple[str, int, int], int]
"""Version of a line: file, slot, which of the two lines of the slot."""


def text_of(lines: Lines, file: str) -> bytes:
    """Slots of two lines next to one another, with lines between them that no one changes."""
    rows = []
    for slot in range(SLOTS):
        rows += [f"{file} {slot} {which} version {lines[file, slot, which]}" for which in (0, 1)]
        rows += [f"{file} {slot} rest {number}" for number in range(3)]
    return "\n".join(rows).encode() + b"\n"


def tree_of(lines: Lines) -> Tree:
    return {file.encode(): (FILE, text_of(lines, file)) for file in FILES}


@dataclass
class Story:
    """A target that goes on, and a branch that merges it, keeps its own side here and there, and reverts."""

    chance: random.Random
    path: Path
    targets: list[tuple[Lines, Oid]] = field(default_factory=list)
    tip: Oid = Oid("")
    meant: set[str] = field(default_factory=set)

    def tell(self) -> None:
        git(self.path.parent, "init", "-q", "-b", "main", str(self.path))
        stream, lines = (
            Stream(),
            {(file, slot, which): 0 for file in FILES for slot in range(SLOTS) for which in (0, 1)},
        )
        versions = [lines]
        mark = stream.commit("refs/heads/main", tree_of(lines), [], b"base\n")
        for number in range(1, 4):
            lines = dict(lines)
            for key in self.chance.sample(sorted(key for key in lines if key[0] != "own"), 4):
                lines[key] = number
            versions.append(lines)
            mark = stream.commit("refs/heads/main", tree_of(lines), [mark], b"target %d\n" % number)
        stream.load(self.path)
        oids = git(self.path, "rev-list", "--reverse", "main").split()
        self.targets = [(lines, Oid(oid)) for lines, oid in zip(versions, oids, strict=True)]
        self._branch()

    def _branch(self) -> None:
        base = self.targets[0][0]
        mine, merged, tip = dict(base), 0, self.targets[0][1]
        for number in range(self.chance.randint(2, 5)):
            parents, message = [tip], "own work"
            what = self.chance.choice(["own", "merge", "merge", "take back", "revert"])
            if what == "merge" and merged < 3:
                until = self.chance.randint(merged + 1, 3)
                parents.append(self.targets[until][1])
                gained = {key for key in mine if self.targets[until][0][key] != self.targets[merged][0][key]}
                kept = {key for key in sorted(gained) if self.chance.random() < 0.15}
                mine |= {key: self.targets[until][0][key] for key in gained - kept}
                merged = until
            elif what == "take back" and merged:
                for key in self.chance.sample(sorted(key for key in mine if key[0] != "own"), 2):
                    mine[key] = base[key]
            elif what == "revert" and merged:
                of = self.chance.randint(1, merged)
                before, after = self.targets[of - 1][0], self.targets[of][0]
                changed = {key for key in mine if before[key] != after[key]}
                mine |= {key: before[key] for key in changed if mine[key] == after[key]}
                message = f'Revert "target {of}"\n\nThis reverts commit {self.targets[of][1]}.'
                self.meant |= {file for file, _, _ in changed}
            else:
                mine["own", self.chance.randrange(SLOTS), 0] = 100 + number
            tip = self._commit(mine, parents, message)
        if 0 < merged < 3:  # what it took back would conflict with what the target did there since
            last, before = self.targets[3][0], self.targets[merged][0]
            mine |= {key: last[key] for key in mine if last[key] != before[key]}
            tip = self._commit(mine, [tip, self.targets[3][1]], "last merge")
        self.tip = tip

    def _commit(self, lines: Lines, parents: list[Oid], message: str) -> Oid:
        rows = []
        for file in FILES:
            blob = git(self.path, "hash-object", "-w", "--stdin", stdin=text_of(lines, file))
            rows.append(f"100644 blob {blob}\t{file}")
        tree = git(self.path, "mktree", stdin="\n".join(rows).encode() + b"\n")
        words = [word for parent in parents for word in ("-p", parent)]
        return Oid(git(self.path, "commit-tree", *words, "-m", message, tree))


def taken_back(path: Path, base: Oid, onto: Oid, merged: str) -> set[str]:
    """Files with a line that is as it was at the beginning, though the target has changed it since."""
    found = set()
    for file in FILES:
        versions = [git(path, "show", f"{commit}:{file}").splitlines() for commit in (base, onto, merged)]
        if any(one == after != there for one, there, after in zip(*versions, strict=True)):
            found.add(file)
    return found


@pytest.mark.parametrize("is_task", [False, True], ids=["branch", "task"])
@pytest.mark.parametrize("seed", range(14))
def test_what_is_taken_back_is_what_a_comparison_line_by_line_finds(tmp_path: Path, seed: int, is_task: bool) -> None:
    story = Story(random.Random(seed), tmp_path / "r")
    story.tell()
    base, onto = story.targets[0][1], story.targets[-1][1]
    member = Member(task=Task(id="t"), name="topic", tip=story.tip, base=base if is_task else None)
    repository = open_repository(story.path)
    quarantine = Quarantine(repository, "20261127-180000-abcdef")
    try:
        rules = MergeRules(ident=b"O Perator <operator@example.org> 1700000000 +0000")
        with MemberMerger.opened(quarantine, target="main", onto=onto, members=[member], rules=rules) as merger:
            merged = merger.merge([member])
            results = merged_results([member], merged, target=onto, containment=merger.containment)
        assert merged.merged, "nothing of these stories conflicts"
        _, reason = stale_refusal(quarantine.git, results)
        tree = quarantine.git.lines("rev-parse", f"{merged.tip}^{{tree}}")[0]
        quarantine.packs.store([merged.tip], [onto, story.tip])
    finally:
        quarantine.remove()
    expected = taken_back(story.path, base, onto, tree) - story.meant
    assert {file for file in FILES if file in reason.partition(", in ")[2].split(", ")} == expected
    assert bool(reason) == bool(expected)
    assert (seed in STALE) == bool(expected), "the stories hold both cases"


def test_a_branch_began_where_its_first_parents_leave_the_target(tmp_path: Path) -> None:
    story = Story(random.Random(1), tmp_path / "r")
    story.tell()
    base, onto = story.targets[0][1], story.targets[-1][1]
    root = Oid(git(story.path, "commit-tree", "-m", "other root", git(story.path, "rev-parse", "main^{tree}")))
    tips = {"topic": story.tip, "old": base, "root": root}
    members = [Member(task=Task(id=name), name=name, tip=tip, base=None) for name, tip in tips.items()]
    found = containment_of(open_repository(story.path).git, onto=onto, members=members)
    assert {name: found.began_on(tip, ()) for name, tip in tips.items()} == {"topic": base, "old": base, "root": None}
    assert found.began_on(story.tip, {"topic"}) == story.tip
    assert (set(found.in_target), set(found.related)) == ({"old"}, {"old", "topic"})

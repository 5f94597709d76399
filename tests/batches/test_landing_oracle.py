"""Differential: what is merged for a landing against `git merge` of the same results in the same order, on random histories."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, combinations
from pathlib import Path

import pytest

from gitalign.batches.merging.clashes import Clashes
from gitalign.batches.merging.merge_members import MemberMerger, MergeRules
from gitalign.batches.planning.tasks import Task
from gitalign.batches.running.judge_batch import Member
from gitalign.core.names import Oid
from gitalign.core.subsets import closed_over
from gitalign.git.quarantine import Quarantine
from gitalign.git.repository import open_repository
from tests.histories import RandomHistory, git

IDENT = b"O Perator <operator@example.org> 1700000000 +0000"


def history(folder: Path, seed: int, *, branches: int) -> tuple[Path, list[Member], Oid]:
    """A repository with renames, modes, links, submodules and deletions on its branches, and those as results."""
    chance = random.Random(seed)
    repository = RandomHistory(chance, branches=branches, merges=seed % 2 == 0, odd=seed % 3 == 0).build(folder / "r")
    names = git(repository, "for-each-ref", "--format=%(refname:short)", "refs/heads/topic").splitlines()
    tips = [Oid(git(repository, "rev-parse", name)) for name in names]
    members = [Member(task=Task(id=name), name=name, tip=tip, base=None) for name, tip in zip(names, tips, strict=True)]
    return repository, members, Oid(git(repository, "rev-parse", "main"))


@contextmanager
def merger_of(
    repository: Path, members: Sequence[Member], onto: Oid, *, squash: bool = False
) -> Iterator[tuple[MemberMerger, Quarantine]]:
    quarantine = Quarantine(open_repository(repository), "20261127-180000-abcdef")
    try:
        rules = MergeRules(ident=IDENT, squash=squash)
        with MemberMerger.opened(quarantine, target="main", onto=onto, members=members, rules=rules) as merger:
            yield merger, quarantine
    finally:
        quarantine.remove()


def merged_by_git(checkout: Path, members: Sequence[Member], *, squash: bool) -> tuple[list[str], list[str]]:
    """Names of results that `git merge` merges one after the other, and the tree after each."""
    names: list[str] = []
    trees: list[str] = []
    for member in members:
        before = git(checkout, "rev-parse", "HEAD")
        how = ("--squash",) if squash else ("--no-ff", "-m", f"Merge {member.name} (batch execution)")
        git(checkout, "merge", "-q", *how, member.tip, check=False)
        is_stopped = git(checkout, "ls-files", "-u") or git(
            checkout, "rev-parse", "-q", "--verify", "MERGE_HEAD", check=False
        )
        if squash and not is_stopped and git(checkout, "diff", "--cached", "--name-only", "HEAD"):
            git(checkout, "commit", "-q", "-m", member.name)
        if is_stopped:
            git(checkout, "reset", "-q", "--hard", before)
            git(checkout, "clean", "-qfdx")
        elif git(checkout, "rev-parse", "HEAD") != before:
            names.append(member.name)
            trees.append(git(checkout, "rev-parse", "HEAD^{tree}"))
    return names, trees


@pytest.mark.parametrize("squash", [False, True], ids=["merge", "squash"])
@pytest.mark.parametrize("seed", range(10))
def test_merged_members_equal_what_git_merges(tmp_path: Path, seed: int, squash: bool) -> None:
    repository, members, onto = history(tmp_path, seed, branches=4)
    with merger_of(repository, members, onto, squash=squash) as (merger, quarantine):
        merged = merger.merge(members)
        trees = [quarantine.git.lines("rev-parse", f"{oid}^{{tree}}")[0] for oid in merged.commits.values()]
        parents = [
            quarantine.git.lines("rev-list", "--parents", "-1", oid)[0].split()[1:] for oid in merged.commits.values()
        ]
    git(tmp_path, "clone", "-q", str(repository), "checkout")
    names, expected = merged_by_git(tmp_path / "checkout", members, squash=squash)
    assert (list(merged.merged), trees) == (names, expected)
    tips = {member.name: member.tip for member in members}
    unions = [onto, *merged.commits.values()][:-1] if merged.commits else []
    assert parents == [
        [union] if squash else [union, tips[name]] for union, name in zip(unions, merged.merged, strict=True)
    ]


@pytest.mark.parametrize("seed", range(20, 28))
def test_pairs_and_the_largest_set_are_those_of_trying_all(tmp_path: Path, seed: int) -> None:
    """Every pair that git cannot merge is reported, no other one is, and no larger set merges."""
    repository, members, onto = history(tmp_path, seed, branches=5)
    everything = range(len(members))
    with merger_of(repository, members, onto) as (merger, _):
        clashes = Clashes(merger, members)
        unmerged = merger.merge(members).unmerged
        clashes.find_all(unmerged)
        pairs = {tuple(sorted(clash.members)) for clash in clashes.found}
        largest = clashes.largest() if unmerged else tuple(everything)
        alone = {number for number in everything if merger.merge([members[number]]).unmerged}
        suspects = {number for number in everything if members[number].name in unmerged}
        expected: set[tuple[int, ...]] = {(number,) for number in alone & suspects}
        for pair in combinations(everything, 2):
            is_asked = set(pair) & suspects and not set(pair) & alone & suspects and pair[0] not in alone
            if is_asked and merger.merge([members[number] for number in pair]).unmerged:
                expected.add(pair)
        assert pairs == expected
        sizes = (combinations(everything, size) for size in range(len(members), -1, -1))
        wanted = next(
            one
            for one in chain.from_iterable(sizes)
            if closed_over(one, merger.containment.requires) == frozenset(one)
            and not merger.merge([members[number] for number in one]).unmerged
        )
    assert len(largest) == len(wanted)
    git(tmp_path, "clone", "-q", str(repository), "checkout")
    names, _ = merged_by_git(tmp_path / "checkout", [members[number] for number in largest], squash=False)
    contained = {name for name in (members[number].name for number in largest) if name not in names}
    assert all(not git(tmp_path / "checkout", "rev-list", tip_of(members, name), "^HEAD") for name in contained)


def tip_of(members: Sequence[Member], name: str) -> Oid:
    return next(member.tip for member in members if member.name == name)

"""Which results hold which: a result cannot be left out while another one that holds its commits lands."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from gitalign.batches.running.judge_batch import Member
from gitalign.core.names import Oid
from gitalign.git.command import Git, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Containment:
    """What results and their target have of one another.

    Attributes:
        in_target: names of results that the target holds already.
        related: names of results that share history with the target.
        holds: name -> names of other results whose tip is in its history and not in the target's.
        requires: number of a result -> numbers of those without which it cannot land.
        parents: parents of every commit that results have and the target has not.
        held_by: names of the results that have such a commit.
    """

    in_target: frozenset[str]
    related: frozenset[str]
    holds: Mapping[str, frozenset[str]]
    requires: Mapping[int, frozenset[int]]
    parents: Mapping[Oid, Sequence[Oid]]
    held_by: Mapping[Oid, frozenset[str]]

    def began_on(self, tip: Oid, known: Collection[str]) -> Oid | None:
        """The commit that a result began on: the first of its first parents that the target or another result has.

        A merge base would not do: merging the target into a branch moves it, and with it everything that the merge threw away.

        Args:
            tip: of the result.
            known: names of the other results.

        Returns:
            None where there is none, because it has a root of its own.
        """
        commit: Oid | None = tip
        while commit is not None and commit in self.parents and self.held_by[commit].isdisjoint(known):
            commit = next(iter(self.parents[commit]), None)
        return commit


def containment_of(git: Git, *, onto: Oid, members: Sequence[Member]) -> Containment:
    """Read what results have of one another, with one git process.

    Args:
        git: sees all of them.
        onto: tip of the target.
        members: the results.

    Raises:
        GitError

    Source: `git help rev-list` (--parents, --topo-order, --stdin).
    """
    wanted = "\n".join([*dict.fromkeys(member.tip for member in members), f"^{onto}"]).encode("ascii") + b"\n"
    listed = git.run("rev-list", "--topo-order", "--parents", "--stdin", stdin=wanted).stdout
    parents = {Oid(row[0]): [Oid(oid) for oid in row[1:]] for row in map(str.split, text(listed).splitlines())}
    inside: dict[Oid, set[int]] = {}
    for number, member in enumerate(members):
        inside.setdefault(member.tip, set()).add(number)
    held_by: dict[Oid, set[int]] = {oid: set(inside.get(oid, ())) for oid in parents}
    for oid, above in parents.items():  # children come before their parents
        for parent in above:
            if parent in held_by:
                held_by[parent] |= held_by[oid]
    meets: set[Oid] = set()
    for oid in reversed(parents):
        if any(parent not in parents or parent in meets for parent in parents[oid]):
            meets.add(oid)
    names = [member.name for member in members]
    holds: list[set[int]] = [set() for _ in members]
    for number, member in enumerate(members):
        for other in held_by.get(member.tip, {number}) - {number}:
            holds[other].add(number)
    by_task = {member.task.id: number for number, member in enumerate(members)}
    needs = [{by_task[need] for need in member.task.hard_needs if need in by_task} for member in members]
    return Containment(
        in_target=frozenset(member.name for member in members if member.tip not in parents),
        related=frozenset(member.name for member in members if member.tip not in parents or member.tip in meets),
        holds={name: frozenset(names[other] for other in held) for name, held in zip(names, holds, strict=True)},
        requires={number: frozenset(holds[number] | needs[number]) for number in range(len(members))},
        parents=parents,
        held_by={oid: frozenset(names[number] for number in numbers) for oid, numbers in held_by.items()},
    )

"""Which results hold which: a result cannot be left out while another one that holds its commits lands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gitalign.batches.running.judge_batch import Member
from gitalign.core.names import Oid
from gitalign.git.command import Git


@dataclass(frozen=True, slots=True, kw_only=True)
class Containment:
    """What results and their target have of one another.

    Attributes:
        in_target: names of results that the target holds already.
        holds: name -> names of other results whose tip is in its history and not in the target's.
        requires: number of a result -> numbers of those without which it cannot land.
    """

    in_target: frozenset[str]
    holds: Mapping[str, frozenset[str]]
    requires: Mapping[int, frozenset[int]]


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
    listed = git.run("rev-list", "--topo-order", "--reverse", "--parents", "--stdin", stdin=wanted).stdout
    at: dict[Oid, int] = {}
    for number, member in enumerate(members):
        at[member.tip] = at.get(member.tip, 0) | 1 << number
    reached: dict[str, int] = {}
    for line in listed.decode("ascii").splitlines():
        commit, *parents = line.split(" ")
        marks = at.get(Oid(commit), 0)
        for parent in parents:
            marks |= reached.get(parent, 0)
        reached[commit] = marks
    by_task = {member.task.id: number for number, member in enumerate(members)}
    holds: dict[str, frozenset[str]] = {}
    requires: dict[int, frozenset[int]] = {}
    for number, member in enumerate(members):
        marks = reached.get(member.tip, 0)
        inside = {other for other in range(len(members)) if marks >> other & 1 and other != number}
        holds[member.name] = frozenset(members[other].name for other in inside)
        needed = {by_task[need] for need in member.task.hard_needs if need in by_task}
        requires[number] = frozenset(inside | needed)
    return Containment(
        in_target=frozenset(member.name for member in members if member.tip not in reached),
        holds=holds,
        requires=requires,
    )

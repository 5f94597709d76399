"""Replaying many branches at once: the clean case, by the thousand.

What is asked of git, and what is made of its answers, is what `rebase.replay` asks and makes, commit by commit: the same merges,
the same bytes. But here no one waits for an answer: while git merges a commit of one branch, commits of others are made from
answers that have come. A branch that needs more than clean merges (a conflict, a commit that is unusual or missing, a process
that died at it) is set aside, with what was made of it so far, for `rebase.replay`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gitalign.core.commit import commit_id
from gitalign.core.commit_bytes import CommitBytes, keeps_author_and_message, replayed
from gitalign.core.names import Oid
from gitalign.errors import InvariantBroken
from gitalign.git.merge import MergeAnswer
from gitalign.git.merge_stream import Merge
from gitalign.integrate.lane import Rewritten


@dataclass(slots=True, kw_only=True)
class Chain:
    """Commits of one branch that are put onto its target, one after the other.

    Attributes:
        onto, before: tips of target and branch.
        todo: commits to put there, in git's order.
        base: the only merge base of both; None where there are several, or none.
        tip, tree: the end of the result so far.
        kept: old and new id of each commit in it.
        emptied: commits of which nothing was left.
        unsigned: commits that carried a signature before and carry none now.
        at_once: git's merge of branch and target at once; None where it was not asked for.
        is_done: whether the result is whole.
        is_aside: whether it is left to `rebase.replay`.
    """

    onto: Oid
    before: Oid
    todo: Sequence[Oid]
    base: Oid | None
    tip: Oid
    tree: Oid
    kept: list[tuple[Oid, Oid]] = field(default_factory=list)
    emptied: list[Oid] = field(default_factory=list)
    unsigned: int = 0
    position: int = 0
    at_once: MergeAnswer | None = None
    is_done: bool = False
    is_aside: bool = False


class _Made(NamedTuple):
    """What a commit became; no id where nothing was left of it."""

    oid: Oid | None
    tree: Oid


Place = tuple[Oid, Oid]
"""An old commit, and the new commit that it is put on."""


@dataclass(slots=True)
class _Asked:
    """Who waits for a merge: places where commits are put, and chains that are merged at once."""

    places: list[Place] = field(default_factory=list)
    chains: list[Chain] = field(default_factory=list)


Trees = tuple[Oid, Oid, Oid]
"""Of base, ours and theirs: what decides a merge."""


class Replays:
    """Chains on their way. Knows no process: takes answers, and says what to ask next.

    Args:
        commits: old commits by id: own commits of the chains, what they stand on, and both tips.
        committer: committer value of new commits, None to keep each one's own.
        object_format: `sha1` or `sha256`.

    Attributes:
        new: bytes of new commits, by id.
        merged, shared, trivial: merges that git made, answers that were used again, and merges that need none.
        conflicts: answers that are not clean.
    """

    def __init__(self, commits: Mapping[Oid, CommitBytes], *, committer: bytes | None, object_format: str) -> None:
        self._commits = commits
        self._committer = committer
        self._object_format = object_format
        self._made: dict[Place, _Made] = {}
        self._waiting: dict[Place, list[Chain]] = {}
        self._under_way: dict[Trees, _Asked] = {}
        self._known: dict[Trees, MergeAnswer] = {}
        self._moving: deque[Chain] = deque()
        self.new: dict[Oid, bytes] = {}
        self.conflicts: dict[Trees, MergeAnswer] = {}
        self.merged = self.shared = self.trivial = 0

    def start(self, chain: Chain) -> list[Merge]:
        """What to ask for a chain."""
        self._moving.append(chain)
        return self._moved()

    def take(self, merge: Merge, answer: MergeAnswer) -> list[Merge]:
        """Take an answer; what to ask next."""
        trees = merge[1:4]
        asked = self._under_way.pop(trees)
        self.merged += 1
        self._known[trees] = answer
        if not answer.is_clean:
            self.conflicts[trees] = answer
        for place in asked.places:
            chains = self._waiting.pop(place)
            if answer.is_clean:
                self._remake(place, trees, answer.tree)
                self._moving.extend(chains)
            else:
                _set_aside(chains)
        for chain in asked.chains:
            chain.at_once, chain.is_done = answer, True
        return self._moved()

    def give_up(self, merge: Merge) -> None:
        """Set aside what waits for a merge that has no answer."""
        asked = self._under_way.pop(merge[1:4])
        for place in asked.places:
            _set_aside(self._waiting.pop(place))
        _set_aside(asked.chains)

    def places(self, chain: Chain) -> Iterator[tuple[Place, Rewritten | None]]:
        """What was made of the commits of a chain so far, by old commit and new parent; None where nothing was left of one."""
        tip = chain.onto
        for oid in chain.todo[: chain.position]:
            made = self._made.get((oid, tip))
            if made is None:
                tip = oid
            else:
                yield (oid, tip), None if made.oid is None else Rewritten(made.oid, made.tree, False)
                tip = made.oid or tip

    def _moved(self) -> list[Merge]:
        """Carry chains on as far as answers are known; the merges they wait for that were not asked for yet."""
        asked: list[Merge] = []
        while self._moving:
            merge = self._advance(self._moving.popleft())
            if merge is not None:
                asked.append(merge)
        return asked

    def _advance(self, chain: Chain) -> Merge | None:
        while chain.position < len(chain.todo):
            oid = chain.todo[chain.position]
            commit = self._commits.get(oid)
            if commit is None or len(commit.parents) != 1 or commit.foreign_conflict:
                chain.is_aside = True
                return None
            if commit.parents[0] == chain.tip:
                chain.kept.append((oid, oid))
                chain.tip, chain.tree = oid, commit.tree
                chain.position += 1
                continue
            place = (oid, chain.tip)
            if place not in self._made:
                if place in self._waiting:
                    self._waiting[place].append(chain)
                    return None
                base = self._commits.get(commit.parents[0])
                if base is None:
                    chain.is_aside = True
                    return None
                merge = Merge(commit.parents[0], base.tree, chain.tree, commit.tree, oid)
                answer = self._without_git(merge[1:4])
                if answer is None:
                    self._waiting[place] = [chain]
                    return self._ask(merge, place=place)
                if not answer.is_clean:
                    chain.is_aside = True
                    return None
                self._remake(place, merge[1:4], answer.tree)
            self._put(chain, commit, self._made[place])
        return self._compare(chain)

    def _compare(self, chain: Chain) -> Merge | None:
        """Branch and target merged at once, which the result is compared with."""
        tip, base = self._commits[chain.before], self._commits.get(chain.base) if chain.base is not None else None
        if chain.tip == chain.onto:
            chain.is_aside = True  # what it is called when nothing is left depends on policy
            return None
        if base is None or chain.base is None:
            chain.is_done = True
            return None
        onto = self._commits[chain.onto]
        merge = Merge(
            chain.base, base.tree, onto.tree, tip.tree, chain.before if tip.parents == (chain.base,) else None
        )
        answer = self._without_git(merge[1:4])
        if answer is None:
            return self._ask(merge, chain=chain)
        chain.at_once, chain.is_done = answer, True
        return None

    def _without_git(self, trees: Trees) -> MergeAnswer | None:
        """The answer to a merge, where git need not be asked."""
        base, ours, theirs = trees
        if base == ours or ours == theirs:
            # Nothing to merge: ours changed nothing, or both sides are the same tree (git's trivial merge).
            self.trivial += 1
            return MergeAnswer(True, theirs)
        if base == theirs:
            self.trivial += 1
            return MergeAnswer(True, ours)
        known = self._known.get(trees)
        if known is not None:
            self.shared += 1
        return known

    def _ask(self, merge: Merge, *, place: Place | None = None, chain: Chain | None = None) -> Merge | None:
        """Note who waits for a merge; None where it is under way already."""
        is_new = merge[1:4] not in self._under_way
        asked = self._under_way.setdefault(merge[1:4], _Asked())
        if place is not None:
            asked.places.append(place)
        if chain is not None:
            asked.chains.append(chain)
        if is_new:
            return merge
        self.shared += 1
        return None

    def _remake(self, place: Place, trees: Trees, tree: Oid) -> None:
        """Make a commit again on a new parent; nothing is left of one that changes nothing there and changed something before."""
        oid, parent = place
        base, ours, theirs = trees
        if tree == ours and base != theirs:
            self._made[place] = _Made(None, ours)
            return
        old = self._commits[oid]
        data = replayed(old, tree=tree, parent=parent, committer=self._committer)
        if not keeps_author_and_message(old, data):
            raise InvariantBroken(f"commit {oid} would lose its author or message")
        made = commit_id(data, object_format=self._object_format)
        self.new[made] = data
        self._made[place] = _Made(made, tree)

    @staticmethod
    def _put(chain: Chain, commit: CommitBytes, made: _Made) -> None:
        oid = chain.todo[chain.position]
        chain.position += 1
        if made.oid is None:
            chain.emptied.append(oid)
            return
        chain.unsigned += commit.is_signed
        chain.kept.append((oid, made.oid))
        chain.tip, chain.tree = made.oid, made.tree


def _set_aside(chains: Iterable[Chain]) -> None:
    for chain in chains:
        chain.is_aside = True

"""What the commits of a branch become when merges are made again: where each parent points afterwards. Pure.

The rules are those of `git rebase --rebase-merges` (sequencer.c, make_script_with_merges; `git help rebase`, no-rebase-cousins):
the image of an own commit is what it became, or, where it was dropped, the image of its first parent. Of the commits that are
not the branch's own, the merge base becomes the target's tip; every other one stays itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from gitalign.core.names import Oid
from gitalign.core.outcome import Aligned

Parents = Callable[[Oid], Sequence[Oid]]


class Images:
    """Old commit -> new commit, while a branch is rewritten from its oldest commit on.

    Args:
        bases: commits of the target that become its tip.
        onto: the target's tip.
    """

    def __init__(self, bases: Collection[Oid], onto: Oid) -> None:
        self._bases = frozenset(bases)
        self._onto = onto
        self._became: dict[Oid, Oid] = {}

    def of(self, old: Oid) -> Oid:
        """What a commit, own or not, is in the result."""
        return self._became.get(old, self._onto if old in self._bases else old)

    def note(self, old: Oid, new: Oid) -> None:
        """An own commit became another one; of one that was dropped, what its first parent became."""
        self._became[old] = new


def todo_order(ordered: Sequence[Oid], parents: Parents) -> list[Oid]:
    """The order in which `git rebase --rebase-merges` deals with commits: line after line of first parents, merged lines first.

    Args:
        ordered: own commits, oldest first, as `git rev-list --topo-order --reverse` lists them.
        parents: of an own commit.
    """
    own = set(ordered)
    tips = [parent for oid in ordered for parent in parents(oid)[1:] if parent in own]
    shown: dict[Oid, None] = {}
    for tip in [*tips, *ordered[-1:]]:
        line: list[Oid] = []
        at: Oid | None = tip
        while at is not None and at in own and at not in shown:
            line.append(at)
            above = parents(at)
            at = above[0] if above else None
        shown |= dict.fromkeys(reversed(line))
    return list(shown)


def misplaced(
    one: Aligned, *, own: Iterable[Oid], bases: Collection[Oid], old_parents: Parents, new_parents: Parents
) -> str:
    """What is wrong with the shape of a result in which merges were made again; empty when nothing is.

    Every own commit is in it or named as dropped, every rewritten commit has the images of the old one's parents, in their order,
    and the branch's tip became the result.

    Args:
        one: the result; its lists are in the order in which commits were made.
        own: own commits, in any order.
        bases: merge bases of branch and target: each may have become the target's tip.
        old_parents: of own commits.
        new_parents: of rewritten commits.
    """
    became: dict[Oid, Oid] = {pair.old: pair.new for pair in one.rewritten}
    dropped = {drop.oid for drop in one.dropped}
    wanted = set(own)
    if fault := _fault_of_lists(one, wanted):
        return fault

    def images(oid: Oid) -> frozenset[Oid]:
        while oid in dropped:
            above = old_parents(oid)
            if not above:
                return frozenset()
            oid = above[0]
        if oid in became:
            return frozenset((became[oid],))
        return frozenset((oid, one.onto)) if oid in bases else frozenset((oid,))

    for pair in one.rewritten:
        olds, news = old_parents(pair.old), new_parents(pair.new)
        if len(olds) != len(news) or any(new not in images(old) for old, new in zip(olds, news, strict=True)):
            return f"commit {pair.new} does not stand on what the parents of {pair.old} became"
    if one.after not in images(one.before):
        return f"the result is {one.after}, not what the branch's tip became"
    return _unreached(one.after, set(became.values()), new_parents)


def _fault_of_lists(one: Aligned, wanted: Collection[Oid]) -> str:
    """Whether every own commit is named exactly once, as rewritten or as dropped."""
    became = {pair.old: pair.new for pair in one.rewritten}
    dropped = {drop.oid for drop in one.dropped}
    if len(became) + len(dropped) != len(one.rewritten) + len(one.dropped) or dropped & became.keys():
        return "a commit is named twice"
    if lost := set(wanted) - became.keys() - dropped:
        return f"commit {min(lost)} is neither in the result nor named as dropped"
    if foreign := (became.keys() | dropped) - set(wanted):
        return f"commit {min(foreign)} is none of the branch's own"
    if len(set(became.values())) != len(became):
        return "two commits became the same one"
    return ""


def _unreached(after: Oid, new: set[Oid], new_parents: Parents) -> str:
    """Whether the result reaches every rewritten commit."""
    waiting = [after] if after in new else []
    unreached = new - set(waiting)
    while waiting:
        above = unreached.intersection(new_parents(waiting.pop()))
        unreached -= above
        waiting += above
    return f"commit {min(unreached)} is not in the result" if unreached else ""

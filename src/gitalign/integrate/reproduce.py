"""The commands with which a person meets the same conflict in a work tree of their own.

They must not move anything, and stop where the run stopped, whatever the person's configuration says. Where no commands lead there, they
lead as far as they do, and remarks say the rest.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gitalign.core.conflict import AppliedResolution
from gitalign.core.names import Oid, file_name_for
from gitalign.core.plan import Step

REMARK = "# "
"""What a line begins with that is no command; a shell reads over it. Ids go into remarks, nothing that a branch could name, and nothing that
means something to a shell which does not know remarks at its prompt (zsh)."""

# `rebase.updateRefs` (git 2.38) would move the branch itself, and every one below it; an older git reads over what it does not know.
_PLAIN = "-c rebase.updateRefs=false -c rebase.autoSquash=false -c rebase.autoStash=false"
_FLAT = f"{_PLAIN} -c rebase.rebaseMerges=false"


@dataclass(frozen=True, slots=True)
class Earlier:
    """A commit before the stop that git deals with otherwise than was done here.

    Attributes:
        stops: git stops at it, because of a conflict that was settled here; otherwise it is a merge whose own content git forgets.
        is_merge: it is one that was made again.
    """

    commit: Oid
    stops: bool = True
    is_merge: bool = False


def resolved_on_the_way(resolved: Iterable[AppliedResolution]) -> list[Earlier]:
    """Commits at which git stops, because no one settles their conflicts for it; in the order in which they were met."""
    return [Earlier(oid) for oid in dict.fromkeys(one.commit for one in resolved) if oid is not None]


def reproduce_rebase(step: Step, earlier: Sequence[Earlier], at: Oid) -> tuple[str, ...]:
    """Commands that stop where the replay stopped. A detached work tree beside the clone; the branch is not touched.

    Args:
        step: the branch.
        earlier: commits before the stop that git deals with otherwise, in order.
        at: the commit at which it stopped.
    """
    folder = _folder(step)
    return (
        f"git worktree add --detach {folder} {step.seen}",
        f"git -C {folder} {_FLAT} rebase {step.onto}",
        *_remarks(earlier, at),
        *_leave(folder),
    )


def reproduce_steps(
    step: Step, stops: Sequence[Oid], before: Sequence[Earlier], earlier: Sequence[Earlier], at: Oid
) -> tuple[str, ...]:
    """Commands that rebase in steps and stop where the iterative rebase stopped.

    Args:
        step: the branch.
        stops: commits of the target, oldest first, up to the one that stopped.
        before: commits that git deals with otherwise, in the steps before that one.
        earlier: the same in that one.
        at: the commit at which it stopped.
    """
    folder = _folder(step)
    return (
        f"git worktree add --detach {folder} {step.seen}",
        f"for onto in {' '.join(stops)}; do git -C {folder} {_FLAT} rebase -q $onto || break; done",
        *_remarks([*before, *earlier], at),
        *_leave(folder),
    )


def reproduce_recreation(
    step: Step, earlier: Sequence[Earlier], *, at: Oid, carrying: bool = False, stops: bool = True
) -> tuple[str, ...]:
    """Commands that lead towards the stop of merges that are made again.

    git forgets what merges held beside the automatic merge: it stops at earlier ones whose conflicts were settled here, goes on without
    what others held, and does not stop at all where only that could not be carried over. No command takes that over: what was settled in
    a merge is not the whole of its files now.

    Args:
        step: the branch.
        earlier: commits before the stop that git deals with otherwise, in order.
        at: the commit at which it stopped.
        carrying: it is a merge whose own content could not be carried over.
        stops: git, too, stops there.
    """
    folder = _folder(step)
    told: list[str] = [f"git worktree add --detach {folder} {step.seen}"]
    rebase = f"{_PLAIN} rebase --rebase-merges {step.onto}"
    if not stops:
        editor = shlex.quote(f"sed -i '/^merge -C {at} /a break'")
        distinguished = f"-c core.abbrev=no -c rebase.abbreviateCommands=false -c sequence.editor={editor}"
        rebase = f"{_PLAIN} {distinguished} rebase -i --rebase-merges {step.onto}"
    told += (f"git -C {folder} {rebase}", *_remarks(earlier, at))
    if carrying:
        told.append(f"git -C {folder} show --remerge-diff {at}")
    return (*told, *_leave(folder))


def _remarks(earlier: Sequence[Earlier], at: Oid) -> list[str]:
    """What git does before it comes to the stop; none where nothing is to be said."""
    if not earlier:
        return []
    told: list[str] = []
    order = "first"
    for one in earlier:
        what = "merge" if one.is_merge else "commit"
        if one.stops:
            told.append(f"{order} git stops at {what} {one.commit}, whose conflict was resolved here: resolve it, too")
            order = "then"
        else:
            told.append(f"git forgets what merge {one.commit} holds of its own, which was carried over here")
        if one.is_merge:
            told.append(
                f"to see and take over what that merge holds: git show --remerge-diff {one.commit} with git 2.35 or later"
            )
    told.append(f"with all of that in place git comes to {at}, at which it stopped here")
    return [REMARK + line for line in told]


def reproduce_merge(step: Step) -> tuple[str, ...]:
    """Commands that meet the same conflict while merging the target in."""
    folder = _folder(step)
    return (
        f"git worktree add --detach {folder} {step.seen}",
        f"git -C {folder} merge --no-commit --no-ff {step.onto}",
        *_leave(folder),
    )


def reproduce_integration(step: Step) -> tuple[str, ...]:
    """Commands that meet the same conflict while merging the branch into the target."""
    folder = _folder(step)
    return (
        f"git worktree add --detach {folder} {step.onto}",
        f"git -C {folder} merge --no-commit --no-ff {step.seen}",
        *_leave(folder),
    )


def _folder(step: Step) -> str:
    return shlex.quote(f"../align-{file_name_for(step.branch.name)}")


def _leave(folder: str) -> tuple[str, ...]:
    return (f"git worktree remove --force {folder}",)

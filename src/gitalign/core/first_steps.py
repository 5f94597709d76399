"""What to do first: the clashes whose resolution helps most branches, whose they are, what can be deleted, what goes stale next. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from gitalign.core.attention import Attention
from gitalign.core.conflict_groups import Cause, ConflictGroup
from gitalign.core.forecast import Author, Owner
from gitalign.core.names import command_on, shell_word
from gitalign.core.outlook import StoppedWork
from gitalign.core.shared_conflicts import Piece, SharedConflict, shared_in_words

STALE_DAYS = 30
"""Without a commit: as `stale_30` of `categorize`."""
OLD_DAYS = 90
_SOON_DAYS = 14
_MOST_CLASHES = 8
_MOST_SOON = 10
_DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstConflict:
    """A clash that several branches have in common.

    Attributes:
        words: what clashes, to stand before "in" and the paths.
        paths: where, sorted.
        branches: that stop at it, sorted.
        freed: those of them that have nothing else in the way where they stop, and that no clash listed before frees, sorted.
        owners: of the branches, with how many of them each has, most first.
        causes: commits of the targets that stop them first, as far as that is known, most met first.
        example: the first lines of each side; None where it is not at hand.
        command: what resolves it, on a branch with nothing else in the way where there is one.
    """

    words: str
    paths: tuple[str, ...]
    branches: tuple[str, ...]
    freed: tuple[str, ...]
    owners: tuple[tuple[Author, int], ...]
    causes: tuple[Cause, ...] = ()
    example: Piece | None = None
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoingStale:
    """A branch without a commit for nearly `STALE_DAYS`.

    Attributes:
        author: who has most commits of it.
        days_left: until it is stale.
    """

    branch: str
    author: Author | None
    days_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstSteps:
    """What to do first.

    Attributes:
        stopped: how many branches stop.
        clashes: those that several branches have in common, the most helpful first; at most the first few.
        alone: branches that stop and that no listed clash frees, sorted.
        merged: branches whose every commit is in their target, sorted.
        squashed: further ones of which nothing is left to bring in, sorted.
        going_stale: the next ones, the earliest first; at most the first few.
        unseen: how many of those that stop were not looked at, or could not be: what they share with others is not known.
        stale, old: how many have been without a commit for `STALE_DAYS` and `OLD_DAYS`.
        to_look, to_delete: what shows the conflicts of these branches, and what deletes the merged ones.
        to_delete_squashed: what deletes squashed ones, too.
        attention: branches that need a person for another reason than a conflict.
    """

    stopped: int
    clashes: tuple[FirstConflict, ...]
    alone: tuple[str, ...]
    merged: tuple[str, ...]
    squashed: tuple[str, ...]
    going_stale: tuple[GoingStale, ...]
    stale: int
    old: int
    unseen: int = 0
    to_look: str = "git align conflicts"
    to_delete: str = "git align prune --merged"
    to_delete_squashed: str = "git align prune --merged --squashed"
    attention: tuple[Attention, ...] = ()


@dataclass(frozen=True, slots=True)
class _Candidate:
    words: str
    paths: tuple[str, ...]
    branches: tuple[str, ...]
    freed: frozenset[str]
    causes: tuple[Cause, ...] = ()
    example: Piece | None = None


class Landed(NamedTuple):
    """Names of branches that are in their target.

    Attributes:
        merged: their every commit is in it.
        squashed: further ones of which nothing is left to bring in.
    """

    merged: Collection[str]
    squashed: Collection[str]


def first_steps(
    *,
    stopped: Collection[str],
    work: StoppedWork,
    owners: Sequence[Owner],
    landed: Landed,
    remotes: Mapping[str, str],
    as_of: datetime,
) -> FirstSteps:
    """What to do first.

    Args:
        stopped: names of the branches that stop.
        work: what can be said of them.
        owners: of all branches.
        landed: branches that are in their target.
        remotes: branch name -> remote, for branches that are not here.
        as_of: the day ages are counted to.
    """
    by_name = {owner.branch: owner for owner in owners}
    chosen = _chosen(work.groups, work.shared, by_name, remotes)
    freed = {name for clash in chosen for name in clash.freed}
    left = {
        name: days
        for name, days in _ages(by_name, as_of).items()
        if name not in landed.merged and name not in landed.squashed
    }
    soon = sorted(
        (STALE_DAYS - days, name) for name, days in left.items() if STALE_DAYS - _SOON_DAYS <= days < STALE_DAYS
    )
    return FirstSteps(
        stopped=len(stopped),
        clashes=chosen,
        alone=tuple(sorted(set(stopped) - freed)),
        merged=tuple(sorted(landed.merged)),
        squashed=tuple(sorted(landed.squashed)),
        going_stale=tuple(
            GoingStale(branch=name, author=next(iter(by_name[name].authors), None), days_left=days)
            for days, name in soon[:_MOST_SOON]
        ),
        stale=sum(days >= STALE_DAYS for days in left.values()),
        old=sum(days >= OLD_DAYS for days in left.values()),
        unseen=work.unseen,
        to_look=f"git align conflicts{_option(stopped, remotes)}",
        to_delete=f"git align prune --merged{_option(landed.merged, remotes)}",
        to_delete_squashed=f"git align prune --merged --squashed{_option(landed.squashed, remotes)}",
    )


def days_since(seconds: int, as_of: datetime) -> int:
    """Whole days from a moment (seconds since the epoch) to another; 0 where it lies ahead."""
    return max(0, int(as_of.timestamp() - seconds) // _DAY_S)


def to_resolve(branch: str, remotes: Mapping[str, str]) -> str:
    """The command that resolves the conflict of a branch, which is done in a local one.

    Args:
        branch: its name.
        remotes: branch name -> remote, for branches that are not here.
    """
    remote = remotes.get(branch)
    first = f"{command_on('git branch --track', branch)} {shell_word(f'{remote}/{branch}')} && " if remote else ""
    return first + command_on("git align resolve", branch)


def _option(names: Collection[str], remotes: Mapping[str, str]) -> str:
    """What makes a verb look at the branches of a remote, where these are of one."""
    remote = next((remotes[name] for name in sorted(names) if name in remotes), None)
    return "" if remote is None else " --remote" if remote == "origin" else f" --remote {shell_word(remote)}"


def _ages(owners: Mapping[str, Owner], as_of: datetime) -> dict[str, int]:
    return {name: days_since(one.last_commit_at, as_of) for name, one in owners.items() if one.last_commit_at}


def _chosen(
    groups: Sequence[ConflictGroup],
    shared: Sequence[SharedConflict],
    owners: Mapping[str, Owner],
    remotes: Mapping[str, str],
) -> tuple[FirstConflict, ...]:
    """One after another the candidate that frees and helps most branches that no earlier one has."""
    left = [one for one in (*map(_of_group, groups), *map(_of_shared, shared)) if len(one.branches) > 1]
    made: list[FirstConflict] = []
    freed: set[str] = set()
    helped: set[str] = set()

    def gain(one: _Candidate) -> int:
        return len(one.freed - freed) + len(set(one.branches) - helped)

    while len(made) < _MOST_CLASHES and (left := [one for one in left if len(set(one.branches) - helped) > 1]):
        best = min(left, key=lambda one: (-gain(one), one.paths, one.branches))
        fresh = best.freed - freed
        freed |= fresh
        helped.update(best.branches)
        counts = Counter(owner.authors[0] for name in best.branches if (owner := owners.get(name)) and owner.authors)
        made.append(
            FirstConflict(
                words=best.words,
                paths=best.paths,
                branches=best.branches,
                freed=tuple(sorted(fresh)),
                owners=tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0].email, item[0].name))),
                causes=best.causes,
                example=best.example,
                command=to_resolve(min(fresh or best.branches), remotes),
            )
        )
    return tuple(made)


def _of_group(one: ConflictGroup) -> _Candidate:
    kinds = ", ".join(kind.removeprefix("CONFLICT ").strip("()") for kind in one.kinds)
    words = "at the same clash" if kinds in ("", "contents") else f"at the same clash ({kinds})"
    return _Candidate(words, one.paths, one.branches, frozenset(one.branches), one.merge_culprits or one.causes)


def _of_shared(one: SharedConflict) -> _Candidate:
    return _Candidate(shared_in_words(one), one.paths, one.branches, frozenset(one.freed), example=one.example)

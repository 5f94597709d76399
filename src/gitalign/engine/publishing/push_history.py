"""What the journal knows of a branch's tips: which of them runs replaced, and what runs put on remotes.

A remote that holds a tip that a run of ours replaced holds nothing that would be lost. A commit that another process put on
the remote is never among these tips.
"""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.core.names import Oid, is_zero
from gitalign.core.publication import MoveState, Publication, PushState
from gitalign.core.push import PushPlace
from gitalign.errors import GitError
from gitalign.git.repository import Repository

_ARRIVED = (PushState.PUSHED, PushState.UP_TO_DATE)


class Ancestry:
    """Asks git which commit is in the history of which; each question once."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._answers: dict[tuple[Oid, Oid], bool | None] = {}

    def holds(self, tip: Oid, other: Oid) -> bool | None:
        """Whether `other` is `tip` or in its history; None when that is not known, for want of a commit.

        Raises:
            GitError
        """
        if tip == other:
            return True
        if (tip, other) not in self._answers:
            self._answers[tip, other] = self._asked(tip, other)
        return self._answers[tip, other]

    def _asked(self, tip: Oid, other: Oid) -> bool | None:
        git = self._repository.git
        done = git.run("merge-base", "--is-ancestor", other, tip, accept=(0, 1, 128))
        if done.returncode in (0, 1):
            return done.returncode == 0
        # 128 is a missing commit as well as any other failure; only the first one is an answer.
        there = git.run("cat-file", "--batch-check", stdin=f"{other}\n{tip}\n".encode("ascii")).stdout
        if b" missing" in there:
            return None
        raise GitError(f"git merge-base --is-ancestor {other} {tip}: exit {done.returncode}", hint="run again")


def replaced_tips(ancestry: Ancestry, tip: Oid, history: Sequence[Publication]) -> tuple[Oid, ...]:
    """The tip of a branch, and the tips that runs replaced on the way to it.

    Args:
        ancestry: of the repository.
        tip: where the branch stands, or stood before it is moved now.
        history: what runs made of the branch, oldest first.
    """
    known = [tip]
    for one in reversed(history):
        if one.state is MoveState.STANDS or is_zero(one.update.before) or is_zero(one.update.after):
            continue
        if one.update.before not in known and any(ancestry.holds(later, one.update.after) for later in known):
            known.append(one.update.before)
    return tuple(known)


def unpushed(ancestry: Ancestry, tip: Oid, there: Oid, history: Sequence[Publication]) -> Oid | None:
    """What runs last made of a branch, when the remote has never had it; None when there is no such thing.

    Args:
        ancestry: of the repository.
        tip: where the branch stands.
        there: what the remote holds.
        history: what runs made of the branch, oldest first.
    """
    made = next((one.update.after for one in reversed(history) if one.state is MoveState.MOVED), None)
    if made is None or is_zero(made) or not ancestry.holds(tip, made):
        return None
    written = next((one.pushed_oid for one in reversed(history) if one.push in _ARRIVED), None)
    if written == made or there == made:
        return None
    is_replaced = any(one.update.before == there for one in history)  # nearly always, and then git need not be asked
    return made if is_replaced or not ancestry.holds(there, made) else None


def would_lose(one: Publication, place: PushPlace, ancestry: Ancestry, history: Sequence[Publication]) -> str:
    """Why pushing would drop commits of the remote that the local branch never had; empty when it would not.

    Args:
        one: what is pushed.
        place: where to, as git has it now.
        ancestry: of the repository.
        history: what runs made of the branch, oldest first.
    """
    there = one.remote_before
    assert there is not None
    if is_zero(one.update.before):
        return f"{place.words} exists already ({there[:12]}), which was not here; bring it in first"
    known = replaced_tips(ancestry, one.update.before, [made for made in history if made.update != one.update])
    if there in known:
        return ""
    answers = [ancestry.holds(tip, there) for tip in known]
    if any(answers):
        if place.is_configured:
            return ""
        return f"git's configuration does not say that {place.words} is this branch: git branch -u {place.words}"
    if None in answers:
        return f"{place.words} stands at {there[:12]}, which was never fetched; git fetch, then look"
    return f"{place.words} has commits that the local branch had not ({there[:12]}); bring them in first"

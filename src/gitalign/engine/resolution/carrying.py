"""The course of a session: the engine carries the commits of a branch as a run would, and stops where a run would conflict.

At a stop git is in the middle of a rebase of its own, so going on with git alone is right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gitalign.core.commit import RawCommit, new_commit, rewritten
from gitalign.core.manual_resolution import ResolutionSession, is_same
from gitalign.core.names import Oid
from gitalign.core.outcome import Aligned
from gitalign.core.plan import Plan, Step
from gitalign.core.stand_in import needs_stand_in, stand_in
from gitalign.engine.resolution.carrier import PREFIX, Carrier
from gitalign.engine.run.session import OpenRepository
from gitalign.git.command import Git, text
from gitalign.git.half_named import is_half_named
from gitalign.git.identity import operator_ident
from gitalign.git.objects import read_commits
from gitalign.git.repository import Repository
from gitalign.git.trees import write_commit
from gitalign.integrate.merge import merge_message, merge_target
from gitalign.integrate.pick import ReplayRules
from gitalign.worktrees import rebase_state
from gitalign.worktrees import resolution_tree as tree
from gitalign.worktrees.conflict_stop import carriers, laid_out, put_conflict, stop_merge, stop_rebase
from gitalign.worktrees.resolution_course import Course

_TIMEOUT_S = 600.0
_PIN = "refs/worktree/git-align"
"""Keeps the result so far from `git gc`, in the work tree of the session alone (`git help worktree`, refs)."""
_TODO = re.compile(r"(?:pick|p) ([0-9a-f]{40,64})\b")


def _inside(opened: OpenRepository, session: ResolutionSession) -> Git:
    """git in the work tree, for the operator as git knows them where they stand: it asks for a name before it begins a rebase."""
    git = tree.inside(opened.repository, session)
    name, _, rest = text(operator_ident(opened.repository, at=opened.now())).rpartition(" <")
    who = {"NAME": name, "EMAIL": rest.partition(">")[0]}
    named = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    return replace(git, variables={**git.variables, **named})


def begin(opened: OpenRepository, session: ResolutionSession, plan: Plan, step: Step) -> None:
    """Carry a branch as far as the engine goes, in a work tree that was just made.

    Raises:
        UserError, GitError, OutOfSpace
    """
    inside = _inside(opened, session)
    with Carrier.opened(opened, plan, step, finds_upstream=True) as carry:
        if session.is_merge:
            _begin_merge(opened, inside, carry)
            return
        picks = carry.picks()
        _carried(opened, inside, carry, Course(picks=picks, stand_ins={}, rest=picks, tip=step.onto))


def _begin_merge(opened: OpenRepository, inside: Git, carry: Carrier) -> None:
    step, integration = carry.step, carry.integration
    own = integration.graph.own(step.seen, step.onto)
    made = merge_target(
        step,
        carry.lane,
        bases=own.bases,
        rules=ReplayRules(operator=integration.rules.operator, committer=None, signer=None),
    )
    if isinstance(made, Aligned):
        kept = carry.store(made.after)
        inside.run("reset", "--quiet", "--hard", made.after, timeout_s=_TIMEOUT_S)
        _forget(opened.repository, kept)
        return
    answer = carry.lane.stopped_at
    assert answer is not None
    git = integration.quarantine.git
    laid = laid_out(git, answer, ours="HEAD", theirs=step.target.name, label=step.target.name)
    kept = carry.store(*carry.lane.write(carriers(git, laid, tip=step.seen)))
    stop_merge(inside, step.onto, merge_message(step))
    put_conflict(inside, laid)
    _forget(opened.repository, kept)


def _carried(opened: OpenRepository, inside: Git, carry: Carrier, course: Course) -> None:
    """Go on from a course with a rest: to the next conflict, or to the end."""
    assert course.rest is not None
    assert course.tip is not None
    inside.run("update-ref", _PIN, course.tip)
    course.keep(inside.git_dir)
    _clear(inside)
    step, git = carry.step, carry.integration.quarantine.git
    tip, done, answer = carry.carry(course.tip, course.rest)
    course = replace(course, seen=(*course.seen, *course.rest[:done]))
    if answer is None:
        kept = carry.store(tip)
        inside.run("reset", "--quiet", "--hard", tip, timeout_s=_TIMEOUT_S)
        replace(course, rest=None, tip=None).keep(inside.git_dir)
        _forget(opened.repository, kept)
        return
    assert course.rest is not None
    oid, *rest = course.rest[done:]
    (commit,) = carry.lane.read([oid])
    label = f"{oid[:7]} ({commit.subject})"
    laid = laid_out(git, answer, ours="HEAD", theirs=label, label=label)
    kept = carry.store(*carry.lane.write(carriers(git, laid, tip=tip)))
    shown = _as_git_takes_them(opened, carry, rest)
    inside.run("reset", "--quiet", "--hard", step.seen, timeout_s=_TIMEOUT_S)
    stop_rebase(opened.repository.git, inside, tip, (oid, commit), shown)
    put_conflict(inside, laid)
    standing = {str(one): old for one, old in zip(shown, rest, strict=True) if one != old}
    replace(course, stand_ins=course.stand_ins | standing, rest=None, tip=None).keep(inside.git_dir)
    _forget(opened.repository, kept)


def _as_git_takes_them(opened: OpenRepository, carry: Carrier, picks: Sequence[Oid]) -> list[Oid]:
    """Commits for git's list: those that git cannot carry unchanged, each by what stands for it."""
    git = opened.repository.git
    return [
        write_commit(git, stand_in(oid, commit)) if needs_stand_in(commit) else oid
        for oid, commit in zip(picks, carry.lane.read(picks), strict=True)
    ]


def _clear(inside: Git) -> None:
    """End what git is in the middle of. What a person made is in the course already."""
    if (Path(inside.git_dir) / "rebase-merge").exists():
        inside.run("rebase", "--quit", timeout_s=_TIMEOUT_S)
    for name in ("MERGE_MSG", "MERGE_RR"):
        Path(inside.git_dir, name).unlink(missing_ok=True)
    for name in ("CHERRY_PICK_HEAD", "REBASE_HEAD"):
        inside.run("update-ref", "-d", "--no-deref", name, accept=(0, 1), timeout_s=_TIMEOUT_S)


def _forget(repository: Repository, kept: Sequence[Path]) -> None:
    """Give packs free that are referred to now, and those of sessions that died before they could."""
    for one in kept:
        one.unlink(missing_ok=True)
    for one in (Path(repository.objects_dir) / "pack").glob("*.keep"):
        words = one.read_text("ascii", "replace").split() if one.exists() else []
        is_ours = words[:1] == ["git-align"] and words[1].startswith(PREFIX)
        if is_ours and not is_half_named(one) and not (repository.state_dir / "quarantine" / words[1]).exists():
            one.unlink(missing_ok=True)


def go_on(opened: OpenRepository, session: ResolutionSession, plan: Plan, step: Step, *, skip: bool = False) -> bool:
    """Make the commit of a stop from the bytes of the branch's own one and what a person staged, and go on.

    Args:
        opened: repository and settings.
        session: whose work tree has nothing in conflict any more, unless the commit is left out.
        plan, step: of the session.
        skip: leave the commit out.

    Returns:
        False when git has to go on by itself: a session of an older version, or a list of commits that a person rewrote.

    Raises:
        UserError, GitError, OutOfSpace
    """
    inside = _inside(opened, session)
    if session.is_merge:
        _end_merge(opened, inside, step)
        return True
    course = Course.read(inside.git_dir)
    if course is None:
        return False
    if course.rest is None:
        after = _after_stop(opened, inside, course, step, skip=skip)
        if after is None:
            return False
        course = after
    with Carrier.opened(opened, plan, step) as carry:
        _carried(opened, inside, carry, course)
    return True


def _after_stop(opened: OpenRepository, inside: Git, course: Course, step: Step, *, skip: bool) -> Course | None:
    """The course behind a stop; None when git's list is not one of commits to pick, or git died behind one."""
    state = Path(inside.git_dir) / "rebase-merge"
    lines = (state / "git-rebase-todo").read_text(encoding="utf-8", errors="replace").splitlines()
    # Every command begins with a letter, whatever core.commentChar is.
    found = [_TODO.match(line) for line in lines if line[:1].isalpha()]
    oids = [course.known(Oid(one[1])) for one in found if one is not None]
    named = rebase_state.commit_at(inside, "REBASE_HEAD")
    stopped = named or rebase_state.last_picked(Path(inside.git_dir), course)
    if None in found or not set(oids) <= set(course.picks) or stopped is None:
        return None
    stopped = course.known(stopped)
    head = Oid(text(inside.run("rev-parse", "--verify", "HEAD^{commit}").stdout).strip())
    if stopped not in course.picks or (state / "amend").exists():
        return None
    seen = (*course.seen, stopped)
    tip = head if skip else _resolved(opened, inside, stopped, head)
    if named is None and tip == head and not skip:
        # git died, and its list has no longer what it picked last: git itself would leave that out without a word.
        old, at = read_commits(opened.repository.git, [stopped, head])
        return None if is_same(stopped, old, at) else replace(course, rest=(stopped, *oids), tip=head)
    return replace(course, seen=seen, rest=tuple(oids), tip=tip)


def _resolved(opened: OpenRepository, inside: Git, stopped: Oid, head: Oid) -> Oid:
    """The commit of a stop with what a person staged, or HEAD when nothing is left of it."""
    git = opened.repository.git
    old, at = read_commits(git, [stopped, head])
    made = Oid(text(inside.run("write-tree", timeout_s=_TIMEOUT_S).stdout).strip())
    if made == at.tree:
        return head
    return write_commit(git, rewritten(old, tree=made, parents=(head,), committer=None))


def _end_merge(opened: OpenRepository, inside: Git, step: Step) -> None:
    git = opened.repository.git
    made = Oid(text(inside.run("write-tree", timeout_s=_TIMEOUT_S).stdout).strip())
    who = operator_ident(opened.repository, at=opened.now())
    commit = new_commit(
        tree=made, parents=(step.seen, step.onto), author=who, committer=who, message=merge_message(step)
    )
    inside.run("update-ref", "--no-deref", "-m", "git-align: merge", "HEAD", write_commit(git, commit))
    inside.run("merge", "--quit", timeout_s=_TIMEOUT_S)


def count_as_asked(opened: OpenRepository, session: ResolutionSession, commits: Sequence[Oid]) -> None:
    """Note that a person was shown what became of commits."""
    inside = tree.inside(opened.repository, session)
    course = Course.read(inside.git_dir) or Course(picks=(), stand_ins={})
    replace(course, seen=(*course.seen, *commits)).keep(inside.git_dir)


def unasked(
    opened: OpenRepository,
    session: ResolutionSession,
    plan: Plan,
    step: Step,
    made: Sequence[tuple[tuple[Oid, RawCommit], tuple[Oid, RawCommit]]],
) -> list[Oid]:
    """Commits of the result that differ from what a run would make although no person was asked: a merge driver may have settled them.

    Args:
        opened, session, plan, step: of the branch.
        made: (old, new) commits with their ids.
    """
    inside = tree.inside(opened.repository, session)
    course = Course.read(inside.git_dir)
    seen = set(course.seen) if course is not None else set[Oid]()
    by_hand = rebase_state.made_by_hand(inside)
    open_ones = [(old, new) for old, new in made if old[0] not in seen and new[0] not in by_hand and old[0] != new[0]]
    if not open_ones:
        return []
    with Carrier.opened(opened, plan, step) as carry:
        return [
            old[0]
            for old, new in open_ones
            if len(new[1].parents) != 1 or carry.expected(new[1].parents[0], old) != new[1].tree
        ]

"""After a task, or while it runs: what its tree holds goes under refs of ours, and the tree is free, or kept with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gitalign.batches.planning.tasks import Task
from gitalign.batches.running.context import BatchContext, OwnRefs
from gitalign.batches.running.leaks import find_leaks
from gitalign.batches.running.pool import Slot
from gitalign.batches.running.snapshot import Seen, bring_home, commit_files, look, release
from gitalign.batches.running.state import SecretLeak, result_ref, wip_ref
from gitalign.core.names import Oid, display
from gitalign.engine.publishing.push_history import Ancestry
from gitalign.errors import GitAlignError, GitError, OutOfSpace
from gitalign.git.command import text

_MOST_NAMED = 3
_MOST_TRIES = 2
_KEPT_BEFORE = "its work tree is kept: "
"""What release 0.2 said."""
REPLACED = "work tree was replaced or deleted"
"""In the reason why a tree stays: what its task had may be anywhere in its folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of what a tree held.

    Attributes:
        result: the commit with the task's result; None when it changed nothing or has none.
        wip: the commit that holds what is in no result; None when there is nothing.
        fault: why there is no result though the task succeeded.
        kept: why the tree has to stay; empty when it can go.
        notices: for the report.
        leaks: secrets in what would be the result; it has none then.
    """

    result: Oid | None = None
    wip: Oid | None = None
    fault: str = ""
    kept: str = ""
    notices: tuple[str, ...] = ()
    leaks: tuple[SecretLeak, ...] = ()


def settle(
    context: BatchContext, refs: OwnRefs, slot: Slot, task: Task, *, succeeded: bool, aside: str = ""
) -> Settled:
    """Pin everything that a tree holds, now that nothing of its task runs any more.

    Whatever goes wrong, it is tried once more; then the tree is kept, never emptied. What is said of it holds no secret.

    Args:
        aside: what the name of the ref for uncommitted work ends with; for trees of earlier attempts.
    """
    settled = _tried(context, refs, slot, task, succeeded=succeeded, aside=aside)
    redacted = context.secrets.redacted
    notices = tuple(map(redacted, settled.notices))
    return replace(settled, fault=redacted(settled.fault), kept=redacted(settled.kept), notices=notices)


def _tried(context: BatchContext, refs: OwnRefs, slot: Slot, task: Task, *, succeeded: bool, aside: str) -> Settled:
    tries = 0
    while True:
        tries += 1
        try:
            with slot.busy:
                slot.is_settled = True
                return _settled(context, refs, slot, task, succeeded=succeeded, aside=aside)
        except GitAlignError as error:
            if tries == _MOST_TRIES or isinstance(error, OutOfSpace):
                fault = f"its changes cannot be read: {error.message}"
                return Settled(fault=fault, kept=fault)


def _settled(context: BatchContext, refs: OwnRefs, slot: Slot, task: Task, *, succeeded: bool, aside: str) -> Settled:
    batch_id = slot.note.batch_id
    if not slot.tree.is_in_place:
        return Settled(fault=f"its {REPLACED}", kept=f"the {REPLACED}")
    seen = look(slot.tree)
    slot.tree.end_task()
    kept = _kept_because(seen)
    if not succeeded or seen.fault:
        tip = None if seen.is_untouched else _everything(context, slot, seen, task)
        wip = _pin(context, refs, slot, tip, aside) if tip is not None else None
        return Settled(wip=wip, fault=seen.fault, kept=kept)
    result, wip = _result_and_rest(context, slot, seen, task)
    if wip is not None:
        _pin(context, refs, slot, wip)
    if result is not None:
        context.checkpoint("result")
        keep = bring_home(context.repository, slot.tree, result, batch_id=batch_id)
        if context.secrets.forms:  # pinned first: the search may come to nothing
            refs.put(wip_ref(batch_id, task.id), wip or result)
            leaks = find_leaks(context.repository.git, context.secrets, result, seen.base)
            if leaks:
                release(keep)
                return Settled(wip=wip or result, kept=kept, leaks=leaks)
        refs.put(result_ref(batch_id, task.id), result)
        release(keep)
    if wip is None:
        refs.drop(wip_ref(batch_id, task.id))  # all of it is in the result
    has_commits = seen.head != seen.base  # of the task; our own is in the operator's name
    notices = _other_names(context, seen.base, result) if result is not None and has_commits else ()
    if wip is not None and seen.is_dirty:
        notices += (f"it left changes uncommitted, which are no part of its result: {wip_ref(batch_id, task.id)}",)
    return Settled(result=result, wip=wip, kept=kept, notices=notices)


def kept_notice(attempt: int, slot: Slot, why: str) -> str:
    """That a work tree is kept, for people: whose, and why."""
    return f"attempt {attempt} left work tree {slot.number}, which is kept: {why}"


def without_kept(notices: Sequence[str], slot: Slot) -> tuple[str, ...]:
    """Notices without the one that says of a work tree that it is kept, now that it is free."""
    ours = f" left work tree {slot.number}, which is kept: "
    return tuple(one for one in notices if ours not in one and not one.startswith(_KEPT_BEFORE))


def is_pinned(context: BatchContext, slot: Slot, tips: Sequence[Oid]) -> bool:
    """Whether commits of the repository hold everything that a tree holds; False where that is not certain."""
    try:
        seen = look(slot.tree) if slot.tree.is_in_place else None
        if seen is None or seen.fault or seen.nested:
            return False
        if seen.is_untouched:
            return True
        git, ancestry = context.repository.git, Ancestry(context.repository)
        trees = {git.lines("rev-parse", "--verify", "--end-of-options", f"{tip}^{{tree}}")[0] for tip in tips}
        commits = [one for one in (seen.head, *seen.others) if one != seen.base]
        return seen.tree in trees and all(any(ancestry.holds(tip, one) for tip in tips) for one in commits)
    except (GitError, OSError):
        return False


def snapshot(context: BatchContext, refs: OwnRefs, slot: Slot, task: Task, before: Seen | None) -> Seen | None:
    """Pin what a tree holds while its task runs.

    Args:
        before: what it held at the last snapshot.

    Returns:
        What it holds; None when it is being laid out or settled at this moment, or has been.

    Raises:
        GitError: files came and went; the next snapshot may succeed.
        OutOfSpace
    """
    if not slot.busy.acquire(blocking=False):
        return None
    try:
        is_of_task = (slot.note.batch_id, slot.note.task_id) == (refs.batch_id, task.id)
        if slot.is_settled or not is_of_task or not slot.tree.is_in_place:
            return None
        seen = look(slot.tree)
        # An attempt that comes to what the one before had is pinned as well: that one's ref was put aside.
        is_new = seen != before or refs.at(wip_ref(refs.batch_id, task.id)) is None
        if is_new and not seen.is_untouched:
            _pin(context, refs, slot, _everything(context, slot, seen, task))
        return seen
    finally:
        slot.busy.release()


def _pin(context: BatchContext, refs: OwnRefs, slot: Slot, tip: Oid, aside: str = "") -> Oid:
    batch_id, task_id = slot.note.batch_id, slot.note.task_id
    context.checkpoint("wip")
    keep = bring_home(context.repository, slot.tree, tip, batch_id=batch_id)
    refs.put(wip_ref(batch_id, task_id) + aside, tip)
    release(keep)
    return tip


def _everything(context: BatchContext, slot: Slot, seen: Seen, task: Task) -> Oid:
    """A commit behind which everything is that the tree holds."""
    if not seen.is_dirty and not seen.others:
        return seen.head
    message = f"Uncommitted work of task {task.id}\n\nTaken by git-align for batch {slot.note.batch_id}.\n"
    return commit_files(slot.tree, seen, message=message, ident=_stamped(context), parents=seen.others)


def _result_and_rest(context: BatchContext, slot: Slot, seen: Seen, task: Task) -> tuple[Oid | None, Oid | None]:
    """The result of a task that succeeded, and what holds the rest of its tree."""
    commits = seen.is_dirty and task.commits_leftovers
    if commits:
        title = task.title.splitlines()[0].strip() if task.title.strip() else f"Task {task.id}"
        message = f"{title}\n\nLeft uncommitted by task {task.id}; committed by git-align batch {slot.note.batch_id}.\n"
        tip = commit_files(slot.tree, seen, message=message, ident=_stamped(context))
    else:
        tip = seen.head
    is_all = (commits or not seen.is_dirty) and not seen.others
    return (tip if tip != seen.base else None), (None if is_all else _everything(context, slot, seen, task))


def _stamped(context: BatchContext) -> bytes:
    return f"{context.ident} {int(context.surroundings.now().timestamp())} +0000".encode("utf-8", "surrogateescape")


def _kept_because(seen: Seen) -> str:
    if not seen.nested:
        return ""
    names = ", ".join(map(display, seen.nested[:_MOST_NAMED]))
    return f"{len(seen.nested)} repositories inside of it are in no snapshot: {names}"


def _other_names(context: BatchContext, base: Oid, result: Oid) -> tuple[str, ...]:
    """Notices of commits that name other people than the operator as author or committer."""
    try:
        listed = context.repository.git.run(
            "log", "--format=%H%x00%an <%ae>%x00%cn <%ce>", "--end-of-options", f"{base}..{result}"
        ).stdout
    except GitError as error:
        return (f"its authors cannot be read: {error.message}",)
    rows = [line.split("\0") for line in text(listed).splitlines()]
    others = [row for row in rows if len(row) == 3 and {row[1], row[2]} != {context.ident}]
    if not others:
        return ()
    names = sorted({name for row in others for name in row[1:] if name != context.ident})
    return (f"{len(others)} commits are in the name of {', '.join(map(display, names[:_MOST_NAMED]))}",)

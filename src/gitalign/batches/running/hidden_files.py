"""Files that a task must not read: found by the operator's profiles, taken out of its tree, and logged."""

from __future__ import annotations

from gitalign.batches.running.context import BatchContext
from gitalign.batches.running.task_tree import TaskTree
from gitalign.core.access import AccessProfile
from gitalign.documents.reading import time_text
from gitalign.engine.gates.access import LOG, FileAccess, log_line
from gitalign.errors import OutOfSpace
from gitalign.validate.confine import NEEDS_BUBBLEWRAP


def hiding_profile(context: BatchContext, batch_id: str, task_id: str) -> AccessProfile | None:
    """The profile that hides files from a task; None when none does."""
    profile = context.access.of(result_name(batch_id, task_id))
    return profile if profile is not None and profile.hidden else None


def result_name(batch_id: str, task_id: str) -> str:
    """The name by which profiles know a task."""
    return f"batch/{batch_id}/{task_id}"


def hide_files(context: BatchContext, batch_id: str, task_id: str, tree: TaskTree) -> str:
    """Take files out of a tree that holds what a task starts from; why it must not run, empty when it may.

    Raises:
        GitError, OutOfSpace
    """
    profile = hiding_profile(context, batch_id, task_id)
    if profile is None:
        return ""
    if not context.settings.confinement.hides_files:
        return f"profile {profile.id} hides files from it, {NEEDS_BUBBLEWRAP}"
    at, name = time_text(context.surroundings.now()), result_name(batch_id, task_id)
    lines = [log_line(at, name, profile.id, FileAccess(path, False, "read")) for path in tree.hide(profile.hidden)]
    try:
        with (context.store.folder(batch_id) / LOG).open("a", encoding="ascii") as file:
            file.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise OutOfSpace(f"cannot write {LOG}: {error.strerror}", hint="free some space") from error
    return ""

"""The error tree of git-align.

Here: every exception the package raises on purpose, with its code, its hint (the next command to type) and
whether trying again can help. Not here: any import of the package.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class GitAlignError(Exception):
    """Root of all errors.

    Attributes:
        code: stable machine-readable word, part of the JSON contract: the one given, or the class's.
        hint: what to type or change next; may be empty.
        retryable: True when the same call may succeed later without any change (lock, network, time-out).
        exit_code: exit status of the command line for this error.
    """

    code: str = "error"
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, *, hint: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code:
            self.code = code


class UserError(GitAlignError):
    """Something the operator wrote or asked for cannot be done as it stands."""

    code = "usage"
    exit_code = 2


class ConfigError(UserError):
    """A setting is unknown, malformed or out of range."""

    code = "bad_config"


class BranchListError(UserError):
    """The branch list cannot be read. `faults` lists every fault with index and field."""

    code = "bad_branch_list"

    def __init__(self, message: str, *, faults: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.faults = faults


class RulePackError(UserError):
    """Rule packs cannot be read or are malformed. `faults` lists every fault of every pack."""

    code = "bad_rule_pack"

    def __init__(
        self, faults: Sequence[str], *, hint: str = "git align rules explain --pack python   shows a pack"
    ) -> None:
        super().__init__("; ".join(faults), hint=hint)
        self.faults = tuple(faults)


class PlanRefused(UserError):
    """A saved plan cannot be run: it was changed, or belongs to another repository."""

    code = "plan_refused"


class NotPermitted(UserError):
    """The operation needs a confirmation that was not given."""

    code = "not_permitted"


class UnknownRun(UserError):
    """No run of that name is in this repository's journal."""

    code = "unknown_run"


class UnknownBatch(UserError):
    """No batch run of that name is in this repository."""

    code = "unknown_batch"


class LandingUndone(UserError):
    """A batch run has ended, and what it landed was undone since: the target does not hold it."""

    code = "landing_undone"
    exit_code = 1


class NotFound(UserError):
    """The service knows nothing of that name, or nothing that the caller may see."""

    code = "not_found"


class Contradiction(UserError):
    """What is asked for contradicts what is there: a name that is taken, a key that was used for something else."""

    code = "conflict"


class GitError(GitAlignError):
    """git, or the repository it works on, did not do what was asked."""

    code = "git_failed"
    exit_code = 3


class GitMissing(GitError):
    """No git executable was found."""

    code = "git_missing"


class GitTooOld(GitError):
    """The git executable lacks something git-align cannot work without."""

    code = "git_too_old"


class NotARepository(GitError):
    """The path is not inside a git repository that can be opened."""

    code = "not_a_repository"
    exit_code = 2


class GitTimedOut(GitError):
    """A git process passed its deadline; its whole process group was ended."""

    code = "git_timed_out"
    retryable = True


class GitDied(GitError):
    """A git process that was to answer more questions ended."""

    code = "git_died"
    retryable = True


class GitCrashed(GitError):
    """git failed an assertion or read memory it must not: a bug of git, which trying again does not mend."""

    code = "git_crashed"


class MissingObject(GitError):
    """An object that history refers to is not in the repository."""

    code = "missing_object"


class RefLocked(GitError):
    """A reference is locked by another process."""

    code = "ref_locked"
    retryable = True


class OutOfSpace(GitError):
    """The disk is full, read-only or over quota."""

    code = "disk"


class NoResources(GitAlignError):
    """The machine lacks memory, processes or open files for the work, or a limit forbids more."""

    code = "no_resources"
    retryable = True
    exit_code = 3


class RemoteError(GitAlignError):
    """The remote could not be reached or refused to talk."""

    code = "remote"
    retryable = True
    exit_code = 3


class StoreError(GitAlignError):
    """The journal's database cannot be opened, read or written."""

    code = "store"
    exit_code = 3


class RunTakenOver(StoreError):
    """Another process holds the run now: this one was taken for dead, and must not publish."""

    code = "taken_over"


class PluginError(GitAlignError):
    """A plug-in named by the configuration cannot be loaded, or raised."""

    code = "plugin"
    exit_code = 3


class Interrupted(GitAlignError):
    """The operator asked to stop."""

    code = "interrupted"
    exit_code = 130


class InvariantBroken(GitAlignError):
    """A bug of git-align. Never retried, never swallowed."""

    code = "bug"
    exit_code = 70


ABOUT_ONE_MERGE = (MissingObject, GitCrashed, GitTimedOut)
"""What may go wrong with one merge and says nothing about the others."""

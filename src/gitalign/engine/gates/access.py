"""The gate of files: a result that changes a file its branch may not change is not published. Every decision is logged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pathspec

from gitalign.core.access import AccessProfile, AccessRules
from gitalign.core.names import Oid, display
from gitalign.core.outcome import Aligned, Failed, StepResult
from gitalign.documents.reading import time_text
from gitalign.engine.gates.gate import PASS, GateContext, Verdict
from gitalign.errors import OutOfSpace
from gitalign.git.command import Git, text

CODE = "file_not_allowed"
LOG = "access.jsonl"
_MOST_NAMED = 5
_MOST_LOGGED = 10_000


@dataclass(frozen=True, slots=True)
class FileAccess:
    """A decision about one file. Blocked patterns are asked first."""

    path: str
    is_allowed: bool
    action: str = "change"


def decided(profile: AccessProfile, paths: Iterable[str]) -> list[FileAccess]:
    """For each path, whether a profile lets its branches change it."""
    blocked = pathspec.GitIgnoreSpec.from_lines((*profile.blocked, *profile.hidden))
    allowed = pathspec.GitIgnoreSpec.from_lines(profile.allowed)
    return [FileAccess(path, not blocked.match_file(path) and allowed.match_file(path)) for path in paths]


@dataclass(frozen=True, slots=True)
class AccessGate:
    """Holds results to the profiles of their branches.

    Attributes:
        rules: the profiles.
    """

    rules: AccessRules
    phase: str = "access"

    def judge(self, results: Sequence[StepResult], context: GateContext) -> Iterator[Verdict]:
        """See `Gate`."""
        for result in results:
            outcome, branch = result.outcome, context.step(result).branch.name
            assert isinstance(outcome, Aligned)
            profile = self.rules.of(branch)
            if profile is None:
                yield PASS
                continue
            decisions = decided(profile, changed_paths(context.quarantine.git, outcome.onto, outcome.after))
            hidden = hidden_paths(context.quarantine.git, outcome.after, profile.hidden)
            _log(context, branch, profile, [*decisions, *(FileAccess(path, False, "read") for path in hidden)])
            yield _verdict(profile, [one.path for one in decisions if not one.is_allowed])


def _verdict(profile: AccessProfile, refused: Sequence[str]) -> Verdict:
    if not refused:
        return PASS
    named = ", ".join(map(display, refused[:_MOST_NAMED]))
    more = f" and {len(refused) - _MOST_NAMED} more" if len(refused) > _MOST_NAMED else ""
    failed = Failed(
        code=CODE,
        reason=f"it changes {named}{more}, which profile {profile.id} does not allow",
        hint="leave these files out, or change access.profiles",
        stage="validate",
    )
    return Verdict(refusal=failed)


def changed_paths(git: Git, before: Oid, after: Oid) -> list[str]:
    """Paths that differ between two commits; of a renamed file both names.

    Source: `git help diff-tree` (-r, -z, --name-only, --no-renames).
    """
    words = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--ignore-submodules=none", before, after)
    return [text(path) for path in git.run(*words).stdout.split(b"\0") if path]


def hidden_paths(git: Git, commit: Oid, patterns: Sequence[str]) -> list[str]:
    """Files of a commit that patterns hide.

    Source: `git help ls-tree` (-r, -z, --name-only, --full-tree).
    """
    if not patterns:
        return []
    spec = pathspec.GitIgnoreSpec.from_lines(patterns)
    listed = git.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit).stdout
    return [path for path in map(text, listed.split(b"\0")) if path and spec.match_file(path)]


def log_line(at: str, branch: str, profile: str, access: FileAccess) -> str:
    """A decision as a line of the access log."""
    said = {"at": at, "branch": branch, "profile": profile, "path": access.path, "action": access.action}
    return json.dumps({**said, "allowed": access.is_allowed})


def _log(context: GateContext, branch: str, profile: AccessProfile, decisions: Sequence[FileAccess]) -> None:
    """Add a line for every decision to the log of the run; those that refuse come first.

    Raises:
        OutOfSpace
    """
    at = time_text(context.run.now())
    chosen = sorted(decisions, key=lambda one: one.is_allowed)[:_MOST_LOGGED]
    lines = [log_line(at, branch, profile.id, one) for one in chosen]
    if not lines:
        return
    try:
        with (context.run.folder / LOG).open("a", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
    except OSError as error:
        raise OutOfSpace(f"cannot write {LOG}: {error.strerror}", hint="free space, then run again") from error

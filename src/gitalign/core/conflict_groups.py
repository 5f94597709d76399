"""Conflicts put together that are the same clash, whichever branch meets it. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gitalign.core.conflict import AlignablePoint, Conflict, StageEntry, Undetermined
from gitalign.core.forecast import CommitNote
from gitalign.core.hunks import Hunk
from gitalign.core.marked_text import MarkedFile
from gitalign.core.names import Oid
from gitalign.core.outcome import Conflicted
from gitalign.core.plan import StepKind, Target
from gitalign.core.shared_conflicts import HunkSides, SharedConflict


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeCulprit:
    """A commit that came into a target by a merge, and clashes.

    Attributes:
        commit, author, email, subject: of it.
        is_merge: it has several parents itself.
    """

    commit: Oid
    author: str
    email: str
    subject: str
    is_merge: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchConflict:
    """A branch that conflicts with its target.

    Attributes:
        branch, target: names.
        tip: of the branch.
        kind: whether its commits are replayed, or the target is merged in.
        signature: the same for branches that stop at the same clash; empty where that could not be determined.
        conflict: where it stops, and how far it aligns.
        merge_culprit: where the commit that breaks it first is a merge: the commit which that merge brought in, or why it cannot be determined.
    """

    branch: str
    target: str
    tip: Oid
    kind: StepKind
    signature: str
    conflict: Conflicted
    merge_culprit: MergeCulprit | Undetermined | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """The first commit of a target that stops branches of a group.

    Attributes:
        commit, author, email, subject: of it.
        is_merge: it has several parents.
        branches: how many of the group it stops.
    """

    commit: Oid
    author: str
    email: str
    subject: str
    is_merge: bool
    branches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """A commit at which branches of a group stop.

    Attributes:
        commit, subject: of it.
        branches: how many of the group stop there.
    """

    commit: Oid
    subject: str
    branches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictGroup:
    """Branches that stop at the same clash: resolved for one, it is resolved for all.

    Attributes:
        signature: what is the same, as one word.
        kinds: as git names them, sorted.
        paths: conflicted ones, sorted.
        targets: names, sorted.
        branches: names, sorted.
        commits: of the branches, at which they stop, most met first; none where targets are merged in.
        causes: commits of the targets that stop them first, most met first.
        merge_culprits: where these are merges: the commits they brought in that clash, most met first, as far as could be determined.
    """

    signature: str
    kinds: tuple[str, ...]
    paths: tuple[str, ...]
    targets: tuple[str, ...]
    branches: tuple[str, ...]
    commits: tuple[Stopping, ...]
    causes: tuple[Cause, ...]
    merge_culprits: tuple[Cause, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictDetail:
    """All about the conflict of one branch.

    Attributes:
        branch: its name.
        hunks: where both sides changed a file, by path; at most the first few.
        hunks_left_out: how many more there are.
        files: conflicted ones that both sides have as text, with all their sides, by path; at most the first few.
        ours, theirs: what stages 2 and 3 hold, in words.
        branch_commits, target_commits: those of each side that touch the conflicted paths, newest first; at most the first few.
        branch_commits_left_out, target_commits_left_out: how many more there are.
    """

    branch: str
    hunks: tuple[Hunk, ...]
    hunks_left_out: int
    files: tuple[MarkedFile, ...]
    ours: str
    theirs: str
    branch_commits: tuple[CommitNote, ...]
    branch_commits_left_out: int
    target_commits: tuple[CommitNote, ...]
    target_commits_left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflicts:
    """Every branch that conflicts with its target, grouped.

    Attributes:
        groups: the one that helps most branches first.
        shared: what branches of different groups have in common, most branches first; at most the first few hundred.
        shared_left_out: how many more there are.
        branches: by name.
        detail: of the one that was asked for.
        aligned: branches that do not conflict.
        is_complete: False when it was stopped before everything was found out.
    """

    targets: tuple[Target, ...]
    groups: tuple[ConflictGroup, ...]
    shared: tuple[SharedConflict, ...] = ()
    shared_left_out: int = 0
    branches: tuple[BranchConflict, ...]
    detail: ConflictDetail | None
    aligned: int
    is_complete: bool

    def exit_code(self) -> int:
        """0 when no branch conflicts, 1 when some do, 130 when it was stopped."""
        if not self.is_complete:
            return 130
        return 1 if self.branches else 0


def describe_merge_culprit(found: MergeCulprit | Undetermined | None) -> tuple[str, ...]:
    """What a merge brought in that clashes; nothing where there was no merge to look into."""
    if found is None:
        return ()
    if isinstance(found, Undetermined):
        return (f"it is not known which commit that merge brought in clashes: {found.reason}",)
    what = "merge" if found.is_merge else "commit"
    return (f"that merge brought in {what} {found.commit[:12]} {found.subject} ({found.author} <{found.email}>)",)


def conflict_signature(
    conflicts: Iterable[Conflict],
    entries: Iterable[StageEntry],
    sides: Mapping[str, Sequence[HunkSides]],
    *,
    is_merge: bool,
) -> str:
    """One word for a clash: the same for two conflicts of the same types, at the same paths, with the same content.

    Content is the lines of both sides of every hunk, whichever side stands first and wherever in the file; where a path has no hunks, the
    very files. The rest of a file does not count: what resolves the clash resolves it there, too.

    Args:
        conflicts: as git names them; its words do not count.
        entries: conflicted paths by stage.
        sides: path -> hunks, for files that both sides have as text.
        is_merge: the target is merged in: the sides stand the other way round.
    """
    digest = hashlib.sha256()

    def add(*parts: str | bytes) -> None:
        raw = [part if isinstance(part, bytes) else part.encode("utf-8", "surrogateescape") for part in parts]
        digest.update(b"".join([b"%d:%s" % (len(part), part) for part in raw]))

    swapped = {2: 3, 3: 2} if is_merge else {}
    for kind, paths in sorted((one.kind, tuple(sorted(map(_plain, one.paths)))) for one in conflicts):
        add("conflict", kind, *paths)
    for path in sorted(sides):
        add("hunks", path)
        for one, other in sides[path]:
            first, second = sorted((one, other))
            add("hunk", str(len(first)), *first, str(len(second)), *second)
    stages = [(_plain(entry.path), swapped.get(entry.stage, entry.stage), entry.mode, entry.oid) for entry in entries]
    for path, stage, mode, oid in sorted(stages):
        add("stage", path, str(stage), mode, "" if path in sides else oid)
    return digest.hexdigest()


def _plain(path: str) -> str:
    """A path without what git adds to tell the sides of an invented one apart."""
    return path.partition("~\0")[0]


def grouped(branches: Iterable[BranchConflict]) -> tuple[ConflictGroup, ...]:
    """Groups, the one with most branches first; a branch whose clash could not be determined stands alone."""
    groups: dict[str, list[BranchConflict]] = defaultdict(list)
    for one in branches:
        groups[one.signature or f"of {one.branch}"].append(one)
    found = [group_of(clash, members) for clash, members in groups.items()]
    return tuple(sorted(found, key=lambda one: (-len(one.branches), one.paths, one.branches)))


def group_of(clash: str, members: Sequence[BranchConflict]) -> ConflictGroup:
    """Branches as one group.

    Args:
        clash: what is the same.
        members: of the group.
    """
    stopping = Counter(
        (one.conflict.commit, one.conflict.subject) for one in members if one.conflict.commit is not None
    )
    causes = Counter(
        (far.broken, far.author, far.email, far.subject, far.is_merge)
        for one in members
        if isinstance(far := one.conflict.alignable_point, AlignablePoint)
    )
    brought = Counter(
        (made.commit, made.author, made.email, made.subject, made.is_merge)
        for one in members
        if isinstance(made := one.merge_culprit, MergeCulprit)
    )
    return ConflictGroup(
        signature=clash,
        kinds=tuple(sorted({conflict.kind for one in members for conflict in one.conflict.conflicts})),
        paths=tuple(sorted({path for one in members for path in one.conflict.paths})),
        targets=tuple(sorted({one.target for one in members})),
        branches=tuple(sorted(one.branch for one in members)),
        commits=tuple(
            Stopping(commit=commit, subject=subject, branches=count)
            for (commit, subject), count in sorted(stopping.items(), key=lambda item: (-item[1], item[0]))
            if commit is not None
        ),
        causes=_counted(causes),
        merge_culprits=_counted(brought),
    )


def _counted(commits: Counter[tuple[Oid, str, str, str, bool]]) -> tuple[Cause, ...]:
    return tuple(
        Cause(commit=commit, author=author, email=email, subject=subject, is_merge=is_merge, branches=count)
        for (commit, author, email, subject, is_merge), count in sorted(
            commits.items(), key=lambda item: (-item[1], item[0])
        )
    )

"""The rows of the list: what stands in each, and which of them a filter lets through. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gitalign.core.conflict import AlignablePoint
from gitalign.core.conflict_groups import BranchConflict, ConflictGroup, Conflicts, group_of
from gitalign.core.conflict_kinds import ConflictSeverity, severity_of, type_of
from gitalign.core.names import display
from gitalign.core.shared_conflicts import SharedConflict

_HEAVIEST_LAST = tuple(ConflictSeverity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Branches that stop at the same clash.

    Attributes:
        group: the clash.
        members: its branches, by name.
        kinds: sorts of conflicts, sorted.
        severity: of the gravest.
        shared: what branches of several groups have in common; None when the row is a whole stop.
        searched: everything a filter looks at, in one casefolded text.
    """

    group: ConflictGroup
    members: tuple[BranchConflict, ...]
    kinds: tuple[str, ...]
    severity: ConflictSeverity
    shared: SharedConflict | None = None
    searched: str

    @property
    def first_path(self) -> str:
        """The first conflicted path, harmless to the terminal."""
        return display(self.group.paths[0]) if self.group.paths else "no path"


def rows_of(found: Conflicts) -> tuple[Row, ...]:
    """A row for each group, in their order: the one that holds up most branches first."""
    by_name = {one.branch: one for one in found.branches}
    return tuple(_row(group, [by_name[name] for name in group.branches if name in by_name]) for group in found.groups)


def shared_rows_of(found: Conflicts) -> tuple[Row, ...]:
    """A row for each shared clash, in their order."""
    by_name = {one.branch: one for one in found.branches}
    rows: list[Row] = []
    for shared in found.shared:
        members = [by_name[name] for name in shared.branches if name in by_name]
        whole = group_of(shared.signature, members)
        paths = set(shared.paths)
        kinds = {one.kind for member in members for one in member.conflict.conflicts if paths.intersection(one.paths)}
        rows.append(_row(replace(whole, paths=shared.paths, kinds=tuple(sorted(kinds))), members, shared))
    return tuple(rows)


def _row(group: ConflictGroup, members: Sequence[BranchConflict], shared: SharedConflict | None = None) -> Row:
    paths = set(group.paths)
    types = {
        type_of(one, member.conflict.entries)
        for member in members
        for one in member.conflict.conflicts
        if shared is None or paths.intersection(one.paths)
    }
    kinds = tuple(sorted(one.value.replace("_", " ") for one in types))
    severity = max((severity_of(one) for one in types), key=_HEAVIEST_LAST.index, default=ConflictSeverity.MEDIUM)
    words = [*group.branches, *group.paths, *group.kinds, *group.targets, *kinds, severity.value]
    for member in members:
        words.append(member.conflict.subject)
        far = member.conflict.alignable_point
        if isinstance(far, AlignablePoint):
            words += [word for made in group.merge_culprits for word in (made.author, made.email, made.subject)]
            words += [far.author, far.email, far.subject, far.commit_author, far.commit_email, far.broken]
    return Row(
        group=group,
        members=tuple(members),
        kinds=kinds,
        severity=severity,
        shared=shared,
        searched="\n".join(display(word) for word in dict.fromkeys(words)).casefold(),
    )


def matching(rows: Iterable[Row], words: str) -> tuple[Row, ...]:
    """Those rows that hold every word, wherever: branch, path, person, subject, kind, target, severity."""
    wanted = display(words).casefold().split()
    return tuple(row for row in rows if all(word in row.searched for word in wanted))


def place_of(branch: str, rows: Sequence[Row]) -> tuple[int, BranchConflict] | None:
    """The first row that holds a branch, and its conflict there; None when no row does."""
    return next(((number, one) for number, row in enumerate(rows) for one in row.members if one.branch == branch), None)

"""What stands on the right: a chosen clash in styled words. Every name passes `display`; nothing is ever read as markup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from textual.content import Content

from gitalign.core.conflict import AlignablePoint, Undetermined
from gitalign.core.conflict_groups import BranchConflict, Cause, ConflictDetail, Conflicts, describe_merge_culprit
from gitalign.core.conflict_kinds import ConflictSeverity
from gitalign.core.forecast import CommitNote
from gitalign.core.marked_text import LineKind, MarkedFile
from gitalign.core.names import display
from gitalign.core.report import alignable_point_in_words
from gitalign.core.shared_conflicts import shared_in_words
from gitalign.screen.listing import Row

Part = str | tuple[str, str]

_MOST_NAMES = 12
_MOST_COMMITS = 5
_MOST_CAUSES = 3
_TAB = 4
_LABEL = 10
_NARROWEST = 20
_SHORT = {ConflictSeverity.MEDIUM: "med", ConflictSeverity.CRITICAL: "crit"}

STYLES = {
    LineKind.MERGED: "$text-muted",
    LineKind.OURS: "$text-primary",
    LineKind.BASE: "$foreground 70%",
    LineKind.THEIRS: "$text-success",
    LineKind.GAP: "$text-muted italic",
}
SEVERITY_STYLES = {
    ConflictSeverity.LOW: "",
    ConflictSeverity.MEDIUM: "",
    ConflictSeverity.HIGH: "$text-error",
    ConflictSeverity.CRITICAL: "bold $text-error",
}


def many(count: int, one: str, several: str) -> str:
    """A count with its noun."""
    return f"{count} {one if count == 1 else several}"


def shown(text: str) -> str:
    """Text of a file or a person, harmless to the terminal, tabs as blanks."""
    return display(text.expandtabs(_TAB))


def row_line(row: Row, width: int) -> Content:
    """One line of the list: branches held up, severity, the first path by its end, how many more, kinds where there is room."""
    head = f"{len(row.group.branches):>4} {_SHORT.get(row.severity, row.severity.value):<5}"
    first, more = row.first_path, f" +{len(row.group.paths) - 1}" if len(row.group.paths) > 1 else ""
    room = max(_NARROWEST, width - len(head) - len(more))
    if cell_len(first) > room:
        while cell_len(first) > room - 1:
            first = first[max(1, (cell_len(first) - room) // 2) :]
        first = "…" + first
    line = Content.assemble((head, "bold"), first, more)
    kinds = "  " + ", ".join(row.kinds)
    return line + kinds if line.cell_length + len(kinds) <= width else line


def branch_line(one: BranchConflict) -> Content:
    """One line of the list of branches."""
    return Content.assemble(display(one.branch), ("  " + stop_in_words(one), "$text-muted"), end="")


def stop_in_words(one: BranchConflict) -> str:
    """Where a branch stops, in half a line."""
    conflict = one.conflict
    where = (
        f"while {display(one.target)} is merged in"
        if conflict.commit is None
        else f"at commit {conflict.position} of {conflict.total} onto {display(one.target)}"
    )
    far = conflict.alignable_point
    if isinstance(far, AlignablePoint):
        where += f"; aligns {far.advanced_by} of {far.advanced_by + far.remaining}"
    return where


def chosen(
    row: Row, one: BranchConflict, detail: ConflictDetail | str | None, *, place: int, command: str, width: int
) -> Content:
    """Everything about a chosen clash.

    Args:
        row: the clash.
        one: the branch of it that is looked at.
        detail: all about that branch; None while it is looked for; words when it could not be found.
        place: which of the conflicted paths is shown.
        command: that resolves the branch.
        width: of a line, in cells.
    """
    head = [*_head(row), *_stop(row, one, detail)]
    parts: list[Part | Content] = [_set_out(head, width), "\n", *_path(row, one, detail, place)]
    parts += ["\n", *_branches(row, one), "\n", *_commands(one, command)]
    if isinstance(detail, ConflictDetail):
        parts += _commits(
            "commits of the branch that touch these paths", detail.branch_commits, detail.branch_commits_left_out
        )
        parts += _commits(
            "commits of the target that touch these paths", detail.target_commits, detail.target_commits_left_out
        )
    return Content.assemble(*parts)


def _set_out(rows: Iterable[tuple[str, Sequence[Part]]], width: int) -> Content:
    """Rows of a label and what it says, which hangs beside the label where it takes several lines."""
    lines: list[Content] = []
    for label, parts in rows:
        said = Content.assemble(*parts)
        if not label:
            lines.append(said)
            continue
        for number, line in enumerate(said.wrap(max(_NARROWEST, width - _LABEL))):
            beside = Content.styled(f"{label if number == 0 else '':<{_LABEL}}", "$text-muted")
            lines.append(beside + line)
    return Content("\n").join([*lines, Content("")])


def _head(row: Row) -> Iterator[tuple[str, Sequence[Part]]]:
    count = len(row.group.branches)
    words = f"these {count} branches stop at the same clash" if count > 1 else "one branch stops here"
    if row.shared is not None:
        words = f"these {count} branches clash {shared_in_words(row.shared)}"
    yield "", [(words, "bold")]
    yield "kind", [(row.severity.value, SEVERITY_STYLES[row.severity]), ": " + ", ".join(row.kinds)]
    if row.shared is not None:
        freed = len(row.shared.freed)
        rest = f"; for {freed} of them it is all that stops them there" if freed else "; each has others, too"
        yield "helps", [f"resolved once, it helps {count} branches{rest}"]
    elif count > 1:
        yield "helps", [f"resolved once, it helps {count} branches"]
    if row.shared is not None:
        yield "paths", [display(", ".join(row.group.paths[:_MOST_NAMES]))]
    for number, cause in enumerate(row.group.causes[:_MOST_CAUSES]):
        yield "talk to" if number == 0 else " ", list(_cause(cause, count))
    if len(row.group.causes) > _MOST_CAUSES:
        yield " ", [f"and {len(row.group.causes) - _MOST_CAUSES} more causes"]
    for number, commit in enumerate(row.group.merge_culprits[:_MOST_CAUSES]):
        yield "and to" if number == 0 else " ", [*_cause(commit, count), ", merged in there"]
    yield "", [""]


def _cause(cause: Cause, count: int) -> Iterator[Part]:
    what = "merge " if cause.is_merge else ""
    of = f" ({cause.branches} of {count})" if cause.branches != count else ""
    yield (display(f"{cause.author} <{cause.email}>"), "bold")
    yield f": {what}{cause.commit[:12]} {display(cause.subject)}{of}"


def _stop(row: Row, one: BranchConflict, detail: ConflictDetail | str | None) -> Iterator[tuple[str, Sequence[Part]]]:
    conflict = one.conflict
    place = 1 + next((number for number, other in enumerate(row.members) if other.branch == one.branch), 0)
    of = f" ({place} of {len(row.members)})" if len(row.members) > 1 else ""
    yield "branch", [(display(one.branch), "bold"), f"{of}, onto {display(one.target)} at {conflict.onto[:12]}"]
    if conflict.commit is None:
        yield "stops", ["while the target is merged in"]
    else:
        who = ""
        if isinstance(detail, ConflictDetail):
            note = next((note for note in detail.branch_commits if note.commit == conflict.commit), None)
            who = f", {note.author.name} <{note.author.email}>" if note is not None else ""
        words = f"commit {conflict.position} of {conflict.total}: {conflict.commit[:12]} {conflict.subject}{who}"
        yield "stops at", [display(words)]
    far = conflict.alignable_point
    if isinstance(far, AlignablePoint | Undetermined):
        for number, words in enumerate((*alignable_point_in_words(far), *describe_merge_culprit(one.merge_culprit))):
            yield "how far" if number == 0 else " ", [display(words)]


def paths_of(row: Row, one: BranchConflict, detail: ConflictDetail | str | None) -> tuple[str, ...]:
    """The conflicted paths: those that the row is about first, then those whose text can be shown."""
    about = row.group.paths if row.shared is not None else ()
    with_text = tuple(file.path for file in detail.files) if isinstance(detail, ConflictDetail) else ()
    return tuple(dict.fromkeys((*about, *with_text, *one.conflict.paths)))


def _path(row: Row, one: BranchConflict, detail: ConflictDetail | str | None, place: int) -> Iterator[Part]:
    paths = paths_of(row, one, detail)
    if not paths:
        return
    place %= len(paths)
    path = paths[place]
    of = f"path {place + 1} of {len(paths)}: " if len(paths) > 1 else "path: "
    yield (of + display(path) + "\n", "bold underline")
    for conflict in one.conflict.conflicts:
        if path in conflict.paths:
            yield (f"  {display(conflict.kind)}: {display(', '.join(conflict.paths))}\n", "")
    for entry in one.conflict.entries:
        if entry.path == path:
            side = {1: "base", 2: "ours", 3: "theirs"}.get(entry.stage, "")
            yield (f"  stage {entry.stage} {side:<7}{entry.mode} {entry.oid[:12]}\n", "$text-muted")
    if detail is None:
        yield ("  looking at both sides…\n", "italic")
    elif isinstance(detail, str):
        yield (f"  cannot be shown: {display(detail)}\n", "$text-error")
    else:
        file = next((file for file in detail.files if file.path == path), None)
        if file is None:
            yield ("  no text that both sides have: deleted, renamed, binary, or very long\n", "italic")
        else:
            yield from _marked(file, detail)


def _marked(file: MarkedFile, detail: ConflictDetail) -> Iterator[Part]:
    """The stretches that clash, between markers as git writes them."""
    heads = {
        LineKind.OURS: f"<<<<<<< ours: {display(detail.ours)}",
        LineKind.BASE: "||||||| what both come from",
        LineKind.THEIRS: "=======",
    }
    order = [LineKind.OURS, *([LineKind.BASE] if file.has_base else []), LineKind.THEIRS]
    end = f">>>>>>> theirs: {display(detail.theirs)}"
    at = 0
    lines = file.lines
    while at < len(lines):
        hunk = lines[at].hunk
        if not hunk:
            line = lines[at]
            words = f"… {many(int(line.text), 'line', 'lines')}" if line.kind is LineKind.GAP else shown(line.text)
            yield (f"  {words}\n", STYLES[line.kind])
            at += 1
            continue
        for kind in order:
            yield (heads[kind] + "\n", f"bold {STYLES[kind]}")
            while at < len(lines) and lines[at].hunk == hunk and lines[at].kind is kind:
                yield (f"  {shown(lines[at].text)}\n", STYLES[kind])
                at += 1
        yield (end + "\n", f"bold {STYLES[LineKind.THEIRS]}")
    if file.lines_left_out:
        yield (f"  and {many(file.lines_left_out, 'line', 'lines')} more\n", "$text-muted italic")


def _branches(row: Row, one: BranchConflict) -> Iterator[Part]:
    if len(row.members) < 2:
        return
    yield ("branches of this clash\n", "bold")
    for other in row.members[:_MOST_NAMES]:
        mark = "> " if other.branch == one.branch else "  "
        yield f"{mark}{display(other.branch)}"
        yield (f"  {stop_in_words(other)}\n", "$text-muted")
    if len(row.members) > _MOST_NAMES:
        yield (f"  and {len(row.members) - _MOST_NAMES} more; b shows all\n", "$text-muted")


def _commands(one: BranchConflict, command: str) -> Iterator[Part]:
    yield ("to resolve it\n", "bold")
    yield (f"  {command}\n", "bold")
    yield ("to meet the same conflict\n", "bold")
    for line in one.conflict.reproduce:
        yield f"  {display(line)}\n"


def _commits(words: str, notes: Sequence[CommitNote], left_out: int) -> Iterator[Part]:
    if not notes:
        return
    yield ("\n" + words + "\n", "bold")
    for note in notes[:_MOST_COMMITS]:
        yield f"  {note.commit[:12]} {display(note.subject)}"
        yield (f"  {display(f'{note.author.name} <{note.author.email}>')}\n", "$text-muted")
    rest = len(notes) - _MOST_COMMITS + left_out
    if rest > 0:
        yield (f"  and {rest} more\n", "$text-muted")


def listed(found: Conflicts, rows: Sequence[Row], shown: Sequence[Row], *, is_shared: bool) -> str:
    """What the list holds, in words.

    Args:
        found: the conflicts.
        rows: of the list.
        shown: those that the filter lets through.
        is_shared: the list is of shared conflicts, not of whole stops.
    """
    if not found.targets:
        return "there is no target branch here; name yours: --target NAME, or alignment.targets in the configuration"
    if not rows:
        return f"no conflicts: {many(found.aligned, 'branch', 'branches')} looked at"
    of = f" of {len(rows)}" if len(shown) != len(rows) else ""
    if is_shared:
        return f"{many(len(shown), 'shared clash', 'shared clashes')}{of}; s shows whole stops"
    held = sum(len(row.group.branches) for row in shown)
    return f"{many(held, 'branch conflicts', 'branches conflict')}, at {many(len(shown), 'clash', 'clashes')}{of}"

"""Conflicts for people: groups of branches that stop at the same clash, and one conflict from both sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gitalign.cli.rendering.tables import many, safe, tell_rest
from gitalign.core.conflict_groups import (
    BranchConflict,
    ConflictDetail,
    ConflictGroup,
    Conflicts,
    describe_merge_culprit,
)
from gitalign.core.forecast import CommitNote
from gitalign.core.hunks import HunkSide
from gitalign.core.report import alignable_point_in_words
from gitalign.core.shared_conflicts import shared_in_words

if TYPE_CHECKING:
    from rich.console import Console

_MOST_GROUPS = 12
_MOST_NAMES = 6
_MOST_PATHS = 4
_MOST_SHARED = 5


def show_groups(out: Console, found: Conflicts, *, everything: bool = False) -> None:
    """Groups, the one that helps most branches first."""
    if not found.targets:
        out.print(
            "There is no target branch here; name yours: --target NAME, or alignment.targets in the configuration"
        )
    elif not found.branches:
        out.print(f"no conflicts: {many(found.aligned, 'branch', 'branches')} looked at")
    else:
        shared = sum(len(group.branches) for group in found.groups if len(group.branches) > 1)
        out.print(
            f"[yellow]{many(len(found.branches), 'branch conflicts', 'branches conflict')}[/], at "
            f"{many(len(found.groups), 'clash', 'clashes')}"
            + (f"; {shared} of them share a clash with others" if shared else "")
        )
        shown = found.groups if everything else found.groups[:_MOST_GROUPS]
        for number, group in enumerate(shown, 1):
            _show_group(out, number, group, everything)
        tell_rest(out, len(shown), len(found.groups))
        _show_shared(out, found, everything)
    if not found.is_complete:
        out.print("\n[magenta]stopped before it was done[/]")
    out.print("\nNothing was moved.")


def _show_group(out: Console, number: int, group: ConflictGroup, everything: bool) -> None:
    helped = len(group.branches)
    words = f"these {helped} branches stop at the same clash" if helped > 1 else "one branch stops"
    kinds = ", ".join(kind.removeprefix("CONFLICT ").strip("()") for kind in group.kinds)
    out.print(f"\n[bold]{number}.[/] {words}: {safe(kinds)} in {safe(_some(group.paths, everything, _MOST_PATHS))}")
    out.print(f"   branches   {safe(_some(group.branches, everything, _MOST_NAMES))}")
    for stop in group.commits if everything else group.commits[:1]:
        of = f" ({stop.branches} of {helped})" if len(group.commits) > 1 else ""
        out.print(f"   stop at    {stop.commit[:12]} {safe(stop.subject)}{of}")
    for cause in group.causes if everything else group.causes[:1]:
        of = f" ({cause.branches} of {helped})" if len(group.causes) > 1 else ""
        what = "merge " if cause.is_merge else ""
        who = safe(f"{cause.author} <{cause.email}>")
        out.print(f"   caused by  {what}{cause.commit[:12]} {safe(cause.subject)}, {who}{of}")
    for commit in group.merge_culprits if everything else group.merge_culprits[:1]:
        of = f" ({commit.branches} of {helped})" if len(group.merge_culprits) > 1 or commit.branches != helped else ""
        who = safe(f"{commit.author} <{commit.email}>")
        out.print(f"   merged in  {commit.commit[:12]} {safe(commit.subject)}, {who}{of}")
    if helped > 1:
        out.print(f"   [dim]resolved once, it helps {helped} branches[/]")


def _show_shared(out: Console, found: Conflicts, everything: bool) -> None:
    if not found.shared:
        return
    out.print(
        "\n[bold]shared clashes[/], in branches that have others, too: one resolution resolves it for all of them"
    )
    shown = found.shared if everything else found.shared[:_MOST_SHARED]
    for one in shown:
        out.print(
            f"\n   {len(one.branches)} branches clash {shared_in_words(one)} in {safe(_some(one.paths, everything, _MOST_PATHS))}"
        )
        if one.freed:
            out.print(f"   for {len(one.freed)} of them it is all that stops them there")
        for name, lines in (("target", one.example.target), ("branch", one.example.branch)) if one.example else ():
            for line in lines[: None if everything else 1]:
                out.print(f"     {name} | {safe(line)}")
        out.print(f"   branches   {safe(_some(one.branches, everything, _MOST_NAMES))}")
    where = "they hold up fewer" if everything else "-v shows more"
    tell_rest(out, len(shown), len(found.shared) + found.shared_left_out, where)


def show_conflict(out: Console, found: Conflicts, branch: str) -> None:
    """All about one branch."""
    one = next((one for one in found.branches if one.branch == branch), None)
    if one is None or found.detail is None:
        out.print(
            f"{safe(branch)} does not conflict" if found.is_complete else "[magenta]stopped before it was done[/]"
        )
        return
    conflict = one.conflict
    out.print(f"[bold]{safe(branch)}[/] conflicts with [bold]{safe(one.target)}[/] at {conflict.onto[:12]}")
    if conflict.commit is None:
        out.print("  stops while the target is merged in")
    else:
        out.print(
            f"  stops at commit {conflict.position} of {conflict.total}: {conflict.commit[:12]} {safe(conflict.subject)}"
        )
    for line in alignable_point_in_words(conflict.alignable_point):
        out.print(f"  {safe(line)}")
    for line in describe_merge_culprit(one.merge_culprit):
        out.print(f"  {safe(line)}")
    group = next((group for group in found.groups if branch in group.branches), None)
    others = [name for name in group.branches if name != branch] if group is not None else []
    if others:
        out.print(
            f"  {many(len(others), 'other branch stops', 'other branches stop')} at the same clash: "
            f"{safe(_some(others, False, _MOST_NAMES))}"
        )
    for made in conflict.conflicts:
        out.print(f"  {safe(made.kind)}: {safe(', '.join(made.paths))}")
    _show_stages(out, one, found.detail)
    _show_hunks(out, found.detail)
    _show_commits(out, "of the branch", found.detail.branch_commits, found.detail.branch_commits_left_out)
    _show_commits(out, "of the target", found.detail.target_commits, found.detail.target_commits_left_out)
    out.print("\nto reproduce the conflict:")
    for command in conflict.reproduce:
        out.print(f"  {safe(command)}", soft_wrap=True)  # to be pasted
    out.print("\nNothing was moved.")


def _show_stages(out: Console, one: BranchConflict, detail: ConflictDetail) -> None:
    out.print(f'  "ours" (stage 2) is {safe(detail.ours)}; "theirs" (stage 3) is {safe(detail.theirs)}')
    for entry in one.conflict.entries:
        out.print(f"    stage {entry.stage} {entry.mode} {entry.oid[:12]} {safe(entry.path)}")


def _show_hunks(out: Console, detail: ConflictDetail) -> None:
    for hunk in detail.hunks:
        out.print(f"\n  {safe(hunk.path)}")
        for name, side in (("ours", hunk.one), ("theirs", hunk.other)):
            out.print(f"    {name}, {_lines(side)}")
            for line in side.text:
                out.print(f"      | {safe(line)}")
    if detail.hunks_left_out:
        out.print(f"  [dim]and {detail.hunks_left_out} more hunks[/]")


def _lines(side: HunkSide) -> str:
    if side.first is None or side.last is None:
        return "place not known"
    return "nothing" if side.last < side.first else f"lines {side.first} to {side.last}"


def _show_commits(out: Console, whose: str, commits: Sequence[CommitNote], left_out: int) -> None:
    if commits:
        out.print(f"\n  commits {whose} that touch these paths")
    for note in commits:
        out.print(f"    {note.commit[:12]} {safe(note.subject)}  ({safe(f'{note.author.name} <{note.author.email}>')})")
    if left_out:
        out.print(f"    [dim]and {left_out} more[/]")


def _some(names: Sequence[str], everything: bool, most: int) -> str:
    shown = names if everything else names[:most]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")

"""What the verbs of recorded resolutions show."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gitalign.cli.rendering.tables import MOST_ROWS, many, plain_table, safe, tell_rest
from gitalign.engine.resolution.resolutions import Known, Used
from gitalign.resolve.entries import Images
from gitalign.resolve.learn import LearnedResolutions
from gitalign.resolve.record import Recorded
from gitalign.resolve.recorded import origin_in_words

if TYPE_CHECKING:
    from rich.console import Console

_MOST_LINES = 400


def as_text(content: bytes) -> str:
    """Contents of a file as text; bytes that are not UTF-8 survive in JSON."""
    return content.decode("utf-8", "surrogateescape")


def show_list(out: Console, found: Sequence[Known], faults: Sequence[str], *, everything: bool) -> None:
    """Every resolution in a line; disagreements and what cannot be used first."""
    if not found:
        out.print("nothing is on record. [bold]next:[/] git align resolutions learn")
    ordered = sorted(found, key=lambda one: (not one.disputed, not one.fault))
    shown = ordered if everything else ordered[:MOST_ROWS]
    table = plain_table(
        "id", "path", "resolved by", "when", "where from", "", cut=("path", "resolved by", "where from")
    )
    for one in shown:
        remark = f"[red]{safe(one.fault)}[/]" if one.fault else "[yellow]disputed[/]" if one.disputed else ""
        origin = one.origin
        table.add_row(
            safe(_short(one.name) if not everything else one.name),
            safe(origin.path),
            safe(origin.by),
            f"{origin.at:%Y-%m-%d}" if origin.at else "",
            safe(origin_in_words(origin)),
            remark,
        )
    if shown:
        out.print(table)
    tell_rest(out, len(shown), len(found))
    disputed = {one.conflict for one in found if one.disputed}
    out.print(f"{many(len(found), 'resolution', 'resolutions')}, {len(disputed)} disputed")
    if disputed:
        out.print(f"[bold]next:[/] git align resolutions show {min(disputed)[:12]}   then forget the wrong one")
    _show_faults(out, faults)


def _short(name: str) -> str:
    head, _, variant = name.removeprefix("rr-cache/").partition(".")
    start = "rr-cache/" if name.startswith("rr-cache/") else ""
    return start + head[:12] + (f".{variant}" if variant else "")


def show_each(out: Console, found: Sequence[Known]) -> None:
    """Each resolution as a diff from the conflict to what was made of it."""
    for one in found:
        out.print(f"[bold]{safe(one.name)}[/]{'  [yellow]disputed[/]' if one.disputed else ''}")
        when = f" at {one.origin.at:%Y-%m-%d %H:%M}Z" if one.origin.at else ""
        out.print(f"  {safe(origin_in_words(one.origin))}{when} {safe(one.origin.by)}  {safe(one.origin.path)}")
        if one.fault:
            out.print(f"  [red]not used: {safe(one.fault)}[/]")
        if one.preimage is None or one.postimage is None:
            continue
        before, after = (as_text(content).splitlines() for content in (one.preimage, one.postimage))
        lines = list(difflib.unified_diff(before, after, "conflict", "resolved", lineterm="", n=3))
        for line in lines[:_MOST_LINES]:
            colour = "green" if line.startswith("+") else "red" if line.startswith("-") else "dim"
            out.print(f"  [{colour}]{safe(line.expandtabs(4))}[/]")
        tell_rest(out, min(len(lines), _MOST_LINES), len(lines), "--json shows all")


def show_forgotten(out: Console, gone: Sequence[Images], used: Sequence[Used]) -> None:
    """What is not applied any more, and where it was."""
    for one in gone:
        out.print(f"forgotten: {one.conflict}")
    if not used:
        out.print("no branch has it in its newest result")
        return
    table = plain_table("branch", "run", "path")
    for entry in used:
        table.add_row(safe(entry.branch), entry.run_id, safe(entry.path))
    out.print(table)
    out.print(f"[bold]next:[/] git align undo {used[0].run_id} --only BRANCH   puts such a branch back")


def show_lessons(out: Console, lessons: LearnedResolutions, recorded: Recorded) -> None:
    """What history had to say."""
    out.print(
        f"{many(lessons.merges, 'merge', 'merges')} made again: {lessons.conflicting} conflict, {lessons.unreadable} cannot be read"
    )
    out.print(
        f"{many(lessons.files, 'file', 'files')} conflicted: {len(lessons.resolutions)} resolved by a person, "
        f"{lessons.unsettled} left unresolved or deleted, {lessons.changed_elsewhere} changed elsewhere as well, "
        f"{lessons.unusable} binary or too large"
    )
    show_recorded(out, recorded, ())


def show_recorded(out: Console, recorded: Recorded, faults: Sequence[str]) -> None:
    """What was taken in."""
    withheld = f", {recorded.withheld} forgotten before" if recorded.withheld else ""
    out.print(f"{len(recorded.added)} recorded, {recorded.known} known already{withheld}")
    _show_faults(out, [f"{conflict}: {reason}" for conflict, reason in recorded.refused] + list(faults))


def _show_faults(out: Console, faults: Sequence[str]) -> None:
    for fault in faults[:MOST_ROWS]:
        out.print(f"  [yellow]left out: {safe(fault)}[/]")
    tell_rest(out, min(len(faults), MOST_ROWS), len(faults), "--json shows all")

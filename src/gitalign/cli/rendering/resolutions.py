"""What the verbs of recorded resolutions show."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gitalign.cli.advice import NOTHING_TYPED, Typed
from gitalign.cli.rendering.tables import MOST_ROWS, many, plain_table, safe, tell_rest
from gitalign.documents.resolution_origins import load_origin
from gitalign.resolve.recorded import origin_in_words

if TYPE_CHECKING:
    from rich.console import Console

    from gitalign.documents.models.listings import (
        ForgottenResolutionsDocument,
        KnownResolutionDocument,
        KnownResolutionsDocument,
        LearnedResolutionsDocument,
        RecordedResolutionsDocument,
    )

_MOST_LINES = 400


def show_list(
    out: Console, document: KnownResolutionsDocument, *, everything: bool, typed: Typed = NOTHING_TYPED
) -> None:
    """Every resolution in a line; disagreements and what cannot be used first."""
    found = document["resolutions"]
    if not found:
        out.print(f"nothing is on record. [bold]next:[/] {safe(typed.command('resolutions learn'))}")
    ordered = sorted(found, key=lambda one: (not one["disputed"], not one["fault"]))
    shown = ordered if everything else ordered[:MOST_ROWS]
    table = plain_table(
        "id", "path", "resolved by", "when", "where from", "", cut=("path", "resolved by", "where from")
    )
    for one in shown:
        remark = f"[red]{safe(one['fault'])}[/]" if one["fault"] else "[yellow]disputed[/]" if one["disputed"] else ""
        origin = load_origin(one["origin"])
        table.add_row(
            safe(_short(one["name"]) if not everything else one["name"]),
            safe(origin.path),
            safe(origin.by),
            f"{origin.at:%Y-%m-%d}" if origin.at else "",
            safe(origin_in_words(origin)),
            remark,
        )
    if shown:
        out.print(table)
    tell_rest(out, len(shown), len(found))
    disputed = {one["conflict"] for one in found if one["disputed"]}
    out.print(f"{many(len(found), 'resolution', 'resolutions')}, {len(disputed)} disputed")
    if disputed:
        show = typed.command("resolutions show", min(disputed)[:12])
        out.print(f"[bold]next:[/] {safe(show)}   then forget the wrong one", soft_wrap=True)
    _show_faults(out, document.get("faults", ()))


def _short(name: str) -> str:
    head, _, variant = name.removeprefix("rr-cache/").partition(".")
    start = "rr-cache/" if name.startswith("rr-cache/") else ""
    return start + head[:12] + (f".{variant}" if variant else "")


def show_each(out: Console, found: Sequence[KnownResolutionDocument]) -> None:
    """Each resolution as a diff from the conflict to what was made of it."""
    for one in found:
        origin = load_origin(one["origin"])
        out.print(f"[bold]{safe(one['name'])}[/]{'  [yellow]disputed[/]' if one['disputed'] else ''}")
        when = f" at {origin.at:%Y-%m-%d %H:%M}Z" if origin.at else ""
        out.print(f"  {safe(origin_in_words(origin))}{when} {safe(origin.by)}  {safe(origin.path)}")
        if one["fault"]:
            out.print(f"  [red]not used: {safe(one['fault'])}[/]")
        if "preimage" not in one or "postimage" not in one:
            continue
        before, after = one["preimage"].splitlines(), one["postimage"].splitlines()
        lines = list(difflib.unified_diff(before, after, "conflict", "resolved", lineterm="", n=3))
        for line in lines[:_MOST_LINES]:
            colour = "green" if line.startswith("+") else "red" if line.startswith("-") else "dim"
            out.print(f"  [{colour}]{safe(line.expandtabs(4))}[/]")
        tell_rest(out, min(len(lines), _MOST_LINES), len(lines), "--json shows all")


def show_forgotten(out: Console, document: ForgottenResolutionsDocument, *, typed: Typed = NOTHING_TYPED) -> None:
    """What is not applied any more, and where it was."""
    for conflict in document["forgotten"]:
        out.print(f"forgotten: {conflict}")
    used = document["used_by"]
    if not used:
        out.print("no branch has it in its newest result")
        return
    table = plain_table("branch", "run", "path")
    for entry in used:
        table.add_row(safe(entry["branch"]), entry["run_id"], safe(entry["path"]))
    out.print(table)
    run_id = used[0]["run_id"]
    there = ("restore", "BRANCH", "--run", run_id)
    back = typed.command(*there) if typed.service is not None else f"git align undo {run_id} --only BRANCH"
    out.print(f"[bold]next:[/] {safe(back)}   puts such a branch back", soft_wrap=True)


def show_lessons(out: Console, document: LearnedResolutionsDocument) -> None:
    """What history had to say."""
    out.print(
        f"{many(document['merges'], 'merge', 'merges')} made again: {document['conflicting']} conflict, "
        f"{document['unreadable']} cannot be read"
    )
    out.print(
        f"{many(document['files'], 'file', 'files')} conflicted: {document.get('resolved', 0)} resolved by a person, "
        f"{document['unsettled']} left unresolved or deleted, {document['changed_elsewhere']} changed elsewhere as well, "
        f"{document['unusable']} binary or too large"
    )
    show_recorded(out, document)


def show_recorded(out: Console, document: RecordedResolutionsDocument, faults: Sequence[str] = ()) -> None:
    """What was recorded."""
    withheld = f", {document['withheld']} forgotten before" if document["withheld"] else ""
    out.print(f"{len(document['added'])} recorded, {document['known']} known already{withheld}")
    _show_faults(out, [f"{one['conflict']}: {one['reason']}" for one in document["refused"]] + list(faults))


def _show_faults(out: Console, faults: Sequence[str]) -> None:
    for fault in faults[:MOST_ROWS]:
        out.print(f"  [yellow]left out: {safe(fault)}[/]")
    tell_rest(out, min(len(faults), MOST_ROWS), len(faults), "--json shows all")

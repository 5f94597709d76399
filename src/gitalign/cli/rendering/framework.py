"""`.cli_framework` for people, and as documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console

from gitalign.cli.rendering.tables import safe
from gitalign.core.names import display
from gitalign.framework.manifest import Change, ChangeKind

if TYPE_CHECKING:
    from gitalign.facade import FrameworkChanges
    from gitalign.framework.installation import Standing
    from gitalign.framework.merge_to_branch import BranchAddition

_WORDS = {
    ChangeKind.CREATE: "created",
    ChangeKind.REPLACE: "replaced",
    ChangeKind.REMOVE: "removed",
    ChangeKind.KEEP: "kept",
}


def exit_code(result: FrameworkChanges) -> int:
    """1 when a file stays though it was to go."""
    return int(any(change.kind is ChangeKind.KEEP for change in result.changes))


def show_changes(out: Console, result: FrameworkChanges, *, next_step: str) -> None:
    """Files that changed, or would, one in a line."""
    changed = [change for change in result.changes if change.kind is not ChangeKind.UNCHANGED]
    for change in changed:
        more = f"  ({display(change.detail)})" if change.detail else ""
        out.print(safe(f"{_WORDS[change.kind]:9}{display(change.path)}{more}"))
    if not changed:
        out.print("Nothing to change.")
    elif result.dry_run:
        out.print("Nothing was changed: this was a dry run.")
    elif next_step:
        out.print(f"[bold]next:[/] {next_step}")


def show_standing(out: Console, standing: Standing) -> None:
    """What is installed."""
    if standing.interrupted is not None:
        out.print(f"[yellow]installation {standing.interrupted} was cut off[/]: git align framework rollback")
    manifest = standing.manifest
    if manifest is None:
        out.print("The framework is not installed: git align framework install")
        return
    out.print(f"mode {manifest.mode}, installation {manifest.number}")
    for name in manifest.modules:
        out.print(safe(f"  {display(name)}"))
    for path in standing.changed:
        out.print(safe(f"changed  {display(path)}"))
    for path in standing.missing:
        out.print(safe(f"missing  {display(path)}"))


def show_additions(out: Console, additions: Sequence[BranchAddition]) -> None:
    """What is added to which branch."""
    for one in additions:
        if one.refusal:
            words = one.refusal
        elif one.is_needed:
            words = f"{len(one.created)} new files, {len(one.replaced)} replaced"
            words += f", {len(one.removed)} removed" if one.removed else ""
        else:
            words = "has every file already"
        out.print(safe(f"{display(one.branch)}: {display(words)}"))


def framework_document(standing: Standing, result: FrameworkChanges | None = None) -> dict[str, Any]:
    """The document `framework`."""
    manifest = standing.manifest
    return {
        "installed": manifest is not None,
        "mode": str(manifest.mode) if manifest is not None else None,
        "modules": list(manifest.modules) if manifest is not None else [],
        "number": manifest.number if manifest is not None else None,
        "interrupted": standing.interrupted,
        "changed": list(standing.changed),
        "missing": list(standing.missing),
        "changes": [_change(one) for one in result.changes] if result is not None else [],
        "dry_run": result.dry_run if result is not None else False,
    }


def _change(change: Change) -> dict[str, str]:
    return {"path": change.path, "kind": str(change.kind), "detail": change.detail}


def additions_document(additions: Sequence[BranchAddition], *, dry_run: bool) -> dict[str, Any]:
    """The document `framework-additions`."""
    return {
        "branches": [
            {
                "branch": one.branch,
                "before": one.before,
                "created": list(one.created),
                "replaced": list(one.replaced),
                "removed": list(one.removed),
                "refusal": one.refusal,
            }
            for one in additions
        ],
        "dry_run": dry_run,
    }

"""The verb `remote prune`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from gitalign.cli.asking import asked
from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.remote import WITHOUT, Choice, Remote, carried_out, report_said, said
from gitalign.cli.rendering.console import console
from gitalign.cli.rendering.merged import show_merged
from gitalign.cli.rendering.runs import PRUNE_WOULD, prune_question, show_prune
from gitalign.cli.rendering.tables import many, safe
from gitalign.cli.verb import verb
from gitalign.documents.merged_branches import load_merged_branch
from gitalign.documents.models.listings import MergedBranchesDocument
from gitalign.documents.models.reports import ReportDocument
from gitalign.documents.models.status import PruneReportDocument
from gitalign.errors import UserError

if TYPE_CHECKING:
    from gitalign.client import Client


@dataclass(frozen=True, kw_only=True)
class Pruning:
    """Options of this verb alone."""

    older_than: Annotated[
        int | None,
        option(
            "--older-than",
            help="Age of runs in days.",
            shown_default="retention_days, 30",
            bounds=(0, 36_500),
            metavar="DAYS",
        ),
    ] = None
    backups: Annotated[bool, option("--backups", help="Also remove backup branches of old runs.")] = False
    merged: Annotated[
        bool, option("--merged", help="Delete merged branches instead: every commit of them is in their target.")
    ] = False
    squashed: Annotated[
        bool,
        option(
            "--squashed",
            help="With --merged: also branches that were squashed, rebased or picked into their target.",
        ),
    ] = False
    dry_run: Annotated[bool, option("--dry-run", help="Show what would be removed.")] = False


@verb(acts=True, without=WITHOUT)
def prune(*, own: Pruning, remote: Remote, which: Choice, options: Options) -> int:
    """Remove what old runs left, or delete merged branches, after a question.

    Runs whose leftovers are removed cannot be undone any more. With --merged, merged branches are deleted instead.
    """
    if own.merged and (own.backups or own.older_than is not None):
        raise UserError("--merged cannot be combined with --backups or --older-than", hint="those are about old runs")
    if not own.merged and (own.squashed or which.words()):
        raise UserError(
            "--squashed, --only, --exclude and --target need --merged", hint="git align remote prune --help"
        )
    with remote.connected() as client:
        name = remote.name(client)
        if own.merged:
            return _of_branches(options, client, remote, which.body(squashed=own.squashed), dry_run=own.dry_run)
        what: dict[str, Any] = {"backups": own.backups}
        if own.older_than is not None:
            what["older_than_days"] = own.older_than
        found = carried_out(options, client, client.prune(name, dry_run=True, **what), PruneReportDocument).document
        if not own.dry_run:
            runs, gone = len(found["runs"]), len(found["backups"])
            if (found["anchors"] or gone or runs) and not asked(
                options, prune_question(runs, gone), would=PRUNE_WOULD, look=_look(remote, name)
            ):
                return 1
            found = carried_out(options, client, client.prune(name, **what), PruneReportDocument).document
    said(options, found, lambda: show_prune(console(), found))
    return 0


def _look(remote: Remote, repository: str, *words: str) -> str:
    return f"or look first: {remote.typed(repository).command('prune', *words, '--dry-run')}"


def _of_branches(options: Options, client: Client, remote: Remote, choice: dict[str, Any], *, dry_run: bool) -> int:
    name, squashed = remote.name(client), bool(choice.get("squashed"))
    job = client.prune_merged(name, dry_run=True, **choice)
    found = carried_out(options, client, job, MergedBranchesDocument).document
    branches = [load_merged_branch(one) for one in found["merged"]]
    chosen = [one for one in branches if one.may_go(squashed=squashed)]

    def show() -> None:
        show_merged(console(), branches, squashed=squashed, everything=options.verbose)

    if dry_run or not chosen:
        found["dry_run"] = dry_run
        said(options, found, show)
        return 0
    if not options.json and not options.quiet:
        show()
    typed = remote.typed(name)
    back = typed.command("undo", "last")
    if not asked(
        options,
        f"Delete {many(len(chosen), 'branch', 'branches')}? {back} brings them back.",
        would="delete branches",
        look=_look(remote, name, "--merged"),
    ):
        return 1
    document = carried_out(options, client, client.prune_merged(name, **choice), ReportDocument).document
    exit_code = report_said(options, client, remote, document)
    if document["moves"] and not (options.json or options.quiet):
        again = typed.command("undo", document["run"]["id"])
        console().print(f"[bold]next:[/] {safe(again)}   brings the deleted branches back", soft_wrap=True)
    return exit_code

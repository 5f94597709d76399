"""The verb `remote restore`."""

from __future__ import annotations

from typing import Annotated, Any

from gitalign.cli.asking import asked
from gitalign.cli.options import Options
from gitalign.cli.parameters import argument, option
from gitalign.cli.remote import WITHOUT, Remote, carried_out, report_said, run_named, said
from gitalign.cli.rendering.console import console
from gitalign.cli.rendering.moves import restore_question, show_moves, show_way_forward
from gitalign.cli.verb import verb
from gitalign.documents.models.listings import MovesDocument
from gitalign.documents.models.reports import ReportDocument
from gitalign.documents.moves import load_move

Branch = Annotated[str, argument(help="Its name.", metavar="BRANCH")]
OfRun = Annotated[
    str | None,
    option(
        "--run",
        help="The run: its id, or last.",
        shown_default="the newest one that moved the branch and is not undone",
        metavar="RUN",
    ),
]
Push = Annotated[bool, option("--push", help="Also put it back on the remote, if it was pushed.")]
DryRun = Annotated[bool, option("--dry-run", help="Show where it would be put.")]


@verb(acts=True, without=WITHOUT)
def restore(
    branch: Branch,
    *,
    run_id: OfRun = None,
    push: Push = False,
    dry_run: DryRun = False,
    remote: Remote,
    options: Options,
) -> int:
    """Put one branch back to where it was before a run, after a question. Can be undone."""
    with remote.connected() as client:
        name = remote.name(client)
        how: dict[str, Any] = {"push": push}
        if run_id is not None:
            how["run_id"] = run_named(client, name, run_id)
        preview = carried_out(options, client, client.restore(name, branch, dry_run=True, **how), MovesDocument)
        moves = [load_move(one) for one in preview.document["moves"]]
        if dry_run:
            said(options, preview.document, lambda: show_moves(console(), moves, tense="would move"))
            return 0
        typed = remote.typed(name)
        look = f"or look first: {typed.command('restore', '--dry-run')}"
        if moves and not asked(options, restore_question(branch, moves[0]), look=look):
            return 1
        document = carried_out(options, client, client.restore(name, branch, **how), ReportDocument).document
        exit_code = report_said(options, client, remote, document)
        if document["moves"] and not (options.json or options.quiet):
            show_way_forward(console(), document["run"]["id"], push=push, typed=typed)
        return exit_code

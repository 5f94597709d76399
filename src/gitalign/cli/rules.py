"""The verbs of house rules: check branches, explain what is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gitalign.cli.console import Options
from gitalign.cli.options import ConfigFile, Fetch, Json, Only, Quiet, Repo, Verbose, carried_out, leave, overrides_of
from gitalign.cli.pager import paged
from gitalign.cli.working_set import All, Author, Exclude, OlderThan, Remote, Since, Targets, chosen, planned

app = typer.Typer(
    help="Check branches against house rules; explain the rules.",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    rich_markup_mode=None,
)
Packs = Annotated[
    list[str] | None,
    typer.Option(
        "--pack",
        help="A built-in pack or a file (YAML); may be given several times.",
        show_default="rules.packs of the configuration",
        metavar="NAME|FILE",
    ),
]


@app.command()
@paged
def check(
    branches: Annotated[
        list[str] | None,
        typer.Argument(help="Branches; all that have a target when none is named.", metavar="[BRANCH]..."),
    ] = None,
    pack: Packs = None,
    base: Annotated[
        str | None,
        typer.Option(
            "--base", help="Compare with this commit.", show_default="each branch's own target", metavar="COMMIT"
        ),
    ] = None,
    only: Only = None,
    exclude: Exclude = None,
    author: Author = None,
    since: Since = None,
    older_than: OlderThan = None,
    target: Targets = None,
    remote: Remote = None,
    everywhere: All = False,
    fetch: Fetch = False,
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Check what branches change against the house rules. Moves nothing.

    The exit code is 1 when a branch needs attention.
    """
    options = Options(repo=repo, config=config, json=json, verbose=verbose, quiet=quiet)

    def work() -> int:
        from gitalign import facade
        from gitalign.cli import render_rules
        from gitalign.cli.console import console, emit_json
        from gitalign.documents.wire import compliance_document

        request = options.request(
            **chosen(only, exclude, author, since, older_than),
            remote=remote,
            everywhere=everywhere,
            or_remote=True,
            fetch=fetch,
            overrides=overrides_of(targets=target),
        )
        found = facade.check_rules(
            request,
            plan=planned(options, request, whatever_is_checked_out=True),
            branches=tuple(branches or ()),
            packs=tuple(pack or ()),
            target=base,
        )
        if options.json:
            emit_json({"branches": [compliance_document(one) for one in found]})
        elif not options.quiet:
            render_rules.show_compliance(console(), found, everything=verbose or len(found) == 1)
        return 0 if found and not any(one.needs_attention or one.critical for one in found) else 1

    leave(carried_out(options, work))


@app.command()
@paged
def explain(
    rule: Annotated[str | None, typer.Argument(help="Only this one, by its id.", metavar="[ID]")] = None,
    pack: Packs = None,
    repo: Repo = Path(),
    config: ConfigFile = None,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Explain each rule, with an example."""
    options = Options(repo=repo, config=config, json=json, verbose=verbose, quiet=quiet)

    def work() -> int:
        import difflib

        from gitalign import facade
        from gitalign.cli import render_rules
        from gitalign.cli.console import console, emit_json
        from gitalign.documents import wire
        from gitalign.errors import UserError

        packs = facade.rule_packs(options.request(), tuple(pack or ()))
        known = [one.id for each in packs for one in each.requirements]
        if rule is not None and rule not in known:
            near = difflib.get_close_matches(rule, known, n=1, cutoff=0.5)
            raise UserError(
                f"there is no rule {rule!r}" + (f"; did you mean {near[0]}?" if near else ""),
                hint="git align rules explain",
            )
        if options.json:
            emit_json({"packs": [wire.dump(one) for one in packs]})
        else:
            render_rules.explain(console(), packs, only=rule)
        return 0

    leave(carried_out(options, work))

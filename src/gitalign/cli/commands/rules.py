"""The verbs of house rules: check branches, explain what is asked."""

from __future__ import annotations

import difflib
from typing import Annotated

from gitalign import facade
from gitalign.cli.options import Fetch, Options
from gitalign.cli.parameters import argument, option
from gitalign.cli.rendering import rules as rendering
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.verb import Group, verb
from gitalign.cli.working_set import Branches, planned
from gitalign.documents import listings
from gitalign.errors import UserError

Packs = Annotated[
    tuple[str, ...],
    option(
        "--pack",
        help="A built-in pack or a file (YAML); may be given several times.",
        shown_default="rules.packs of the configuration",
        metavar="NAME|FILE",
    ),
]
Names = Annotated[
    tuple[str, ...],
    argument(help="Branches; all that have a target when none is named.", metavar="[BRANCH]..."),
]
Base = Annotated[
    str | None,
    option("--base", help="Compare with this commit.", shown_default="each branch's own target", metavar="COMMIT"),
]
Rule = Annotated[str | None, argument(help="Only this one, by its id.", metavar="[ID]")]


@verb(paged=True, without=("yes",))
def check(
    *,
    branches: Names = (),
    pack: Packs = (),
    base: Base = None,
    which: Branches,
    fetch: Fetch = False,
    options: Options,
) -> int:
    """Check what branches change against the house rules. Moves nothing.

    The exit code is 1 when a branch needs attention.
    """
    request = options.request(which, or_remote=True, fetch=fetch, overrides=which.settings())
    results = facade.check_rules(
        request,
        plan=planned(options, request, whatever_is_checked_out=True),
        branches=branches,
        packs=pack,
        target=base,
    )
    if options.json:
        emit_json("house-rules", listings.dump_house_rules(results))
    elif not options.quiet:
        rendering.show_compliance(console(), results, everything=options.verbose or len(results) == 1)
    return 0 if results and not any(result.needs_attention or result.critical for result in results) else 1


@verb(paged=True, without=("yes",))
def explain(*, rule: Rule = None, pack: Packs = (), options: Options) -> int:
    """Explain each rule, with an example."""
    packs = facade.rule_packs(options.request(), pack)
    known = [requirement.id for each in packs for requirement in each.requirements]
    if rule is not None and rule not in known:
        near = difflib.get_close_matches(rule, known, n=1, cutoff=0.5)
        raise UserError(
            f"there is no rule {rule!r}" + (f"; did you mean {near[0]}?" if near else ""),
            hint="git align rules explain",
        )
    if options.json:
        emit_json("rule-packs", listings.dump_rule_packs(packs))
    else:
        rendering.explain(console(), packs, only=rule)
    return 0


rules = Group("rules", check, explain, help="Check branches against house rules; explain the rules.")

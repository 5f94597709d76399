"""The verb `remote run`."""

from __future__ import annotations

from typing import Annotated

from gitalign.cli.asking import permission
from gitalign.cli.options import Fetch, Options, Strategies
from gitalign.cli.parameters import option
from gitalign.cli.remote import WITHOUT, Choice, Remote, carried_out, report_said
from gitalign.cli.verb import verb
from gitalign.documents import plans
from gitalign.documents.models.plans import PlanDocument
from gitalign.documents.models.reports import ReportDocument

Push = Annotated[bool, option("--push", help="Also push, each branch under its lease.")]


@verb(acts=True, without=WITHOUT)
def run(
    *, remote: Remote, which: Choice, how: Strategies, fetch: Fetch = False, push: Push = False, options: Options
) -> int:
    """Align all branches and publish the results, after a question. Can be undone."""
    with remote.connected() as client:
        name = remote.name(client)
        asked = which.body(strategy=how.strategy, merges=how.merges, fetch=fetch, push=push)
        job = client.plan(name, **asked)
        plan = plans.load(carried_out(options, client, job, PlanDocument).document)
        look = remote.typed(name).command("plan", *which.words())
        if permission(options, plan, push=push, look=f"or look first: {look}") is None:
            return 1
        ended = carried_out(options, client, client.run(name, plan.id, push=push), ReportDocument, plan=plan)
        return report_said(options, client, remote, ended.document)

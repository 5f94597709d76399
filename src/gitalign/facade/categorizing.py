"""Where branches belong."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from gitalign.core.categories import Categorized
from gitalign.core.plan import Plan
from gitalign.engine.run.planning import make_plan
from gitalign.engine.run.prepare import graph_of
from gitalign.engine.run.session import Request as Request
from gitalign.engine.run.session import open_for

if TYPE_CHECKING:
    pass


def categorize(
    request: Request, *, plan: Plan | None = None, as_of: datetime | None = None, clusters: bool = True
) -> Categorized:
    """Where every branch belongs and why, measured, flagged and clustered. Changes nothing.

    Args:
        request: `only` and `fetch` as for `plan`; a branch list is not looked at, since one is being made.
        plan: made earlier; its commits are looked at, whatever targets it gives them.
        as_of: the day ages are counted to; now by default. The same repository and day give the same answer.
        clusters: put branches together that are alike; needs the extra `cluster`.

    Raises:
        UserError, ConfigError, GitError, RemoteError, OutOfSpace
    """
    from gitalign.engine.analysis.categorize import Survey
    from gitalign.engine.analysis.categorize import categorize as weigh

    opened = open_for(request)
    made = plan or make_plan(opened, replace(request, input=None), whatever_is_checked_out=True)
    survey = Survey(
        plan=made,
        graph=graph_of(opened.repository, made, opened.history),
        settings=opened.config.categorization,
        as_of=as_of or opened.now(),
        clusters=clusters,
    )
    return weigh(opened.repository, survey, opened.surroundings)

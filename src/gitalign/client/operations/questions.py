"""What is found out: jobs that move nothing, and their newest documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from gitalign.client.bodies import Categorizing, Choosing, Claiming, Conflicting, Forecasting, Planning, Releasing
from gitalign.client.operation import Ask, operation
from gitalign.documents.models.categories import BranchListDocument, CategoriesDocument, ClustersDocument
from gitalign.documents.models.conflict_groups import ConflictsDocument
from gitalign.documents.models.execution_plans import ExecutionPlanDocument
from gitalign.documents.models.forecasts import ForecastDocument
from gitalign.documents.models.listings import ChecksDocument
from gitalign.documents.models.paths import PathClaimsDocument, TouchesDocument
from gitalign.documents.models.plans import PlanDocument
from gitalign.documents.models.service import (
    ClashMapDocument,
    JobDocument,
    JobsDocument,
    ProtectionsDocument,
    RepositorySettingsDocument,
)


class Questions:
    """The bare name asks for a job, `newest_` is the document of the newest one."""

    @operation("POST /api/v1/repositories/{repository}/plans")
    def plan(self, repository: str, *, key: str | None = None, **choice: Unpack[Planning]) -> Ask[JobDocument]:
        """Ask for a plan."""
        return Ask(body=choice)

    @operation("GET /api/v1/repositories/{repository}/plans")
    def list_plans(self, repository: str, *, cursor: str | None = None, limit: int | None = None) -> Ask[JobsDocument]:
        """A page of jobs that made plans, newest first."""
        return Ask(params={"cursor": cursor, "limit": limit})

    @operation("GET /api/v1/repositories/{repository}/plans/{plan_id}")
    def plan_of(self, repository: str, plan_id: str) -> Ask[PlanDocument]:
        """A plan, by its id."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/forecasts")
    def forecast(self, repository: str, *, key: str | None = None, **choice: Unpack[Forecasting]) -> Ask[JobDocument]:
        """Ask which branches align, and where others stop."""
        return Ask(body=choice)

    @operation("GET /api/v1/repositories/{repository}/forecast")
    def newest_forecast(self, repository: str) -> Ask[ForecastDocument]:
        """The newest forecast."""
        return Ask()

    @operation("GET /api/v1/repositories/{repository}/clash-map")
    def clash_map(self, repository: str) -> Ask[ClashMapDocument]:
        """Which branches conflict with one another, from the newest forecast with `pairs`."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/conflicts")
    def conflicts(self, repository: str, *, key: str | None = None, **choice: Unpack[Conflicting]) -> Ask[JobDocument]:
        """Ask for branches grouped by the conflict at which they stop."""
        return Ask(body=choice)

    @operation("GET /api/v1/repositories/{repository}/conflicts")
    def newest_conflicts(self, repository: str) -> Ask[ConflictsDocument]:
        """The newest answer to `conflicts`."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/doctor")
    def doctor(self, repository: str, *, key: str | None = None) -> Ask[JobDocument]:
        """Ask to check everything that a run depends on."""
        return Ask(body={})

    @operation("GET /api/v1/repositories/{repository}/doctor")
    def newest_doctor(self, repository: str) -> Ask[ChecksDocument]:
        """The newest checks."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/categories")
    def categorize(
        self, repository: str, *, key: str | None = None, **choice: Unpack[Categorizing]
    ) -> Ask[JobDocument]:
        """Ask where each branch belongs, and why."""
        return Ask(body=choice)

    @operation("GET /api/v1/repositories/{repository}/categories")
    def newest_categories(self, repository: str) -> Ask[CategoriesDocument | BranchListDocument | ClustersDocument]:
        """Where each branch belongs, in the form that was asked for last."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/order")
    def order(self, repository: str, *, key: str | None = None, **choice: Unpack[Choosing]) -> Ask[JobDocument]:
        """Ask what can land together, and what first."""
        return Ask(body=choice)

    @operation("GET /api/v1/repositories/{repository}/order")
    def newest_order(self, repository: str) -> Ask[ExecutionPlanDocument]:
        """The newest answer to `order`."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/protections")
    def protections(self, repository: str, *, key: str | None = None, branches: Sequence[str] = ()) -> Ask[JobDocument]:
        """Ask the hosting service how branches are protected; targets when none is named."""
        return Ask(body={"branches": list(branches)})

    @operation("GET /api/v1/repositories/{repository}/protections")
    def newest_protections(self, repository: str) -> Ask[ProtectionsDocument]:
        """The newest answer to `protections`."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/settings")
    def settings(self, repository: str, *, key: str | None = None) -> Ask[JobDocument]:
        """Ask to read the settings of the repository."""
        return Ask(body={})

    @operation("GET /api/v1/repositories/{repository}/settings")
    def newest_settings(self, repository: str) -> Ask[RepositorySettingsDocument]:
        """The settings, when they were last read."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/paths/touches")
    def touches(
        self, repository: str, patterns: Sequence[str], *, key: str | None = None, **choice: Unpack[Choosing]
    ) -> Ask[JobDocument]:
        """Ask which branches change paths; patterns as in a `.gitignore`."""
        return Ask(body={"patterns": list(patterns), **choice})

    @operation("GET /api/v1/repositories/{repository}/paths/touches")
    def newest_touches(self, repository: str) -> Ask[TouchesDocument]:
        """The newest answer to `touches`."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/paths/claims")
    def claim(
        self, repository: str, patterns: Sequence[str], *, key: str | None = None, **more: Unpack[Claiming]
    ) -> Ask[JobDocument]:
        """Claim paths for a while. It forbids nothing."""
        return Ask(body={"patterns": list(patterns), **more})

    @operation("POST /api/v1/repositories/{repository}/paths/claims/release")
    def release(self, repository: str, *, key: str | None = None, **which: Unpack[Releasing]) -> Ask[JobDocument]:
        """Give claims back."""
        return Ask(body=which)

    @operation("POST /api/v1/repositories/{repository}/paths/claims/refresh")
    def claims(self, repository: str, *, key: str | None = None) -> Ask[JobDocument]:
        """Ask for the claims that hold."""
        return Ask(body={})

    @operation("GET /api/v1/repositories/{repository}/paths/claims")
    def newest_claims(self, repository: str) -> Ask[PathClaimsDocument]:
        """Claims, as they were when they were last looked at."""
        return Ask()

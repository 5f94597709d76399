"""Runs, and what else moves branches or resolves them."""

from __future__ import annotations

from typing import Literal, Unpack

from gitalign.client.bodies import Importing, Pruning, PruningMerged, Pushing, ReportForm, Restoring, Taking
from gitalign.client.operation import Ask, operation
from gitalign.documents.models.listings import KnownResolutionsDocument, ProofsDocument, ResolutionsUnderWayDocument
from gitalign.documents.models.reports import ReportDocument
from gitalign.documents.models.service import JobDocument, JobsDocument

ResolveAction = Literal["look", "take", "continue", "skip", "abort", "finish"]


class Runs:
    """Jobs about runs and resolutions, and their documents."""

    @operation("POST /api/v1/repositories/{repository}/runs")
    def run(
        self, repository: str, plan_id: str, *, push: bool = False, only_if_newest: bool = False, key: str | None = None
    ) -> Ask[JobDocument]:
        """Ask to run a plan.

        Args:
            repository: by name.
            plan_id: of a plan that was made before.
            push: also push, with a plan that was made with `push`.
            only_if_newest: refuse when there is a newer plan.
            key: the same key asks for the same job; a new one when None.
        """
        return Ask(body={"plan_id": plan_id, "push": push}, match=plan_id if only_if_newest else None)

    @operation("GET /api/v1/repositories/{repository}/runs")
    def list_runs(self, repository: str, *, cursor: str | None = None, limit: int | None = None) -> Ask[JobsDocument]:
        """A page of jobs that ran, undid or resumed, newest first."""
        return Ask(params={"cursor": cursor, "limit": limit})

    @operation("GET /api/v1/repositories/{repository}/runs/{run_id}")
    def show(self, repository: str, run_id: str) -> Ask[ReportDocument]:
        """The report of a run."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/runs/{run_id}/undo")
    def undo(self, repository: str, run_id: str, *, key: str | None = None, push: bool = False) -> Ask[JobDocument]:
        """Ask to put back what a run moved."""
        return Ask(body={"push": push})

    @operation("POST /api/v1/repositories/{repository}/runs/{run_id}/resume")
    def resume(self, repository: str, run_id: str, *, key: str | None = None) -> Ask[JobDocument]:
        """Ask to go on with a run that was stopped before it published."""
        return Ask(body={})

    @operation("POST /api/v1/repositories/{repository}/runs/{run_id}/reports")
    def report(
        self, repository: str, run_id: str, *, key: str | None = None, form: ReportForm = "json"
    ) -> Ask[JobDocument]:
        """Ask for a report in one of its forms."""
        return Ask(body={"format": form})

    @operation("POST /api/v1/repositories/{repository}/runs/{run_id}/proofs")
    def verify(self, repository: str, run_id: str, *, key: str | None = None) -> Ask[JobDocument]:
        """Ask to prove the certificates of a run again."""
        return Ask(body={})

    @operation("GET /api/v1/repositories/{repository}/runs/{run_id}/certificates")
    def certificates(self, repository: str, run_id: str) -> Ask[ProofsDocument]:
        """The certificates of a run with what proving them last came to."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/stories")
    def story(self, repository: str, run_id: str, branch: str, *, key: str | None = None) -> Ask[JobDocument]:
        """Ask what a run did to a branch, commit by commit."""
        return Ask(body={"run_id": run_id, "branch": branch})

    @operation("POST /api/v1/repositories/{repository}/pushes")
    def push(self, repository: str, *, key: str | None = None, **which: Unpack[Pushing]) -> Ask[JobDocument]:
        """Ask to push what runs moved, each branch under its lease."""
        return Ask(body=which)

    @operation("POST /api/v1/repositories/{repository}/restore")
    def restore(
        self, repository: str, branch: str, *, key: str | None = None, **how: Unpack[Restoring]
    ) -> Ask[JobDocument]:
        """Ask to put one branch back to where it was before a run."""
        return Ask(body={"branch": branch, **how})

    @operation("POST /api/v1/repositories/{repository}/prune")
    def prune(self, repository: str, *, key: str | None = None, **what: Unpack[Pruning]) -> Ask[JobDocument]:
        """Ask to remove what old runs left; they cannot be undone afterwards."""
        return Ask(body=what)

    @operation("POST /api/v1/repositories/{repository}/prune-merged")
    def prune_merged(
        self, repository: str, *, key: str | None = None, **choice: Unpack[PruningMerged]
    ) -> Ask[JobDocument]:
        """Ask to delete branches of which everything is in their target."""
        return Ask(body=choice)

    @operation("POST /api/v1/repositories/{repository}/resolve")
    def resolve(
        self,
        repository: str,
        branch: str,
        *,
        key: str | None = None,
        action: ResolveAction = "look",
        **what: Unpack[Taking],
    ) -> Ask[JobDocument]:
        """Ask for one step of resolving a branch; `look` begins, or shows how far it is."""
        return Ask(body={"branch": branch, "action": action, **what})

    @operation("POST /api/v1/repositories/{repository}/resolving")
    def resolving(self, repository: str, *, key: str | None = None) -> Ask[JobDocument]:
        """Ask which branches are being resolved."""
        return Ask(body={})

    @operation("GET /api/v1/repositories/{repository}/resolving")
    def newest_resolving(self, repository: str) -> Ask[ResolutionsUnderWayDocument]:
        """The newest answer to `resolving`."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/resolutions")
    def resolutions(self, repository: str, *, key: str | None = None) -> Ask[JobDocument]:
        """Ask for every recorded resolution."""
        return Ask(body={})

    @operation("GET /api/v1/repositories/{repository}/resolutions")
    def newest_resolutions(self, repository: str) -> Ask[KnownResolutionsDocument]:
        """Recorded resolutions, when they were last listed."""
        return Ask()

    @operation("POST /api/v1/repositories/{repository}/resolutions/show")
    def resolution(self, repository: str, name: str, *, key: str | None = None) -> Ask[JobDocument]:
        """Ask for a conflict and its recorded resolution."""
        return Ask(body={"name": name})

    @operation("POST /api/v1/repositories/{repository}/resolutions/forget")
    def forget_resolution(self, repository: str, name: str, *, key: str | None = None) -> Ask[JobDocument]:
        """Ask to forget a resolution."""
        return Ask(body={"name": name})

    @operation("POST /api/v1/repositories/{repository}/resolutions/learn")
    def learn_resolutions(self, repository: str, *, key: str | None = None, again: bool = False) -> Ask[JobDocument]:
        """Ask to learn from merges how people resolved."""
        return Ask(body={"again": again})

    @operation("POST /api/v1/repositories/{repository}/resolutions/export")
    def export_resolutions(self, repository: str, *, key: str | None = None) -> Ask[JobDocument]:
        """Ask for every usable resolution as an archive."""
        return Ask(body={})

    @operation("POST /api/v1/repositories/{repository}/resolutions/import")
    def import_resolutions(
        self, repository: str, *, key: str | None = None, **source: Unpack[Importing]
    ) -> Ask[JobDocument]:
        """Ask to import resolutions of others."""
        return Ask(body=source)

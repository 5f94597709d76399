"""Projects, and the three routes beside them, in the words of the original requests.

What work trees are asked is answered with a job when it takes the service too long.
"""

from __future__ import annotations

from typing import Literal, Unpack

from gitalign.client.bodies import ProjectBuilding, ProjectPatching
from gitalign.client.operation import Ask, operation
from gitalign.documents.models.projects import (
    AnalysisDocument,
    AskedDocument,
    CriticalPathDocument,
    DependenciesDocument,
    EpicConflictDocument,
    FileConflictsDocument,
    MergedEpicDocument,
    MessageDocument,
    ParallelStatusDocument,
    PlanSummaryDocument,
    ProjectBatchDocument,
    ProjectBatchesDocument,
    ProjectPlanDocument,
    ResolutionGuidanceDocument,
    ResolvedEpicDocument,
    ResumedDocument,
    StartedDocument,
    SyncedEpicDocument,
    WorkTreeDocument,
)
from gitalign.documents.models.service import JobDocument


class Projects:
    """`project` is the name or the id of a repository."""

    @operation("POST /api/projects/{project}/parallel/start")
    def project_start(self, project: str, *, key: str | None = None, again: bool = False) -> Ask[StartedDocument]:
        """Start the plan."""
        return Ask(body={"again": again})

    @operation("GET /api/projects/{project}/parallel/status")
    def project_status(self, project: str) -> Ask[ParallelStatusDocument]:
        """How the plan stands, or how its newest run ended."""
        return Ask()

    @operation("POST /api/projects/{project}/parallel/stop")
    def project_stop(self, project: str, *, key: str | None = None) -> Ask[AskedDocument]:
        """Start no further task, and end when those that run have ended."""
        return Ask()

    @operation("POST /api/projects/{project}/parallel/pause")
    def project_pause(self, project: str, *, key: str | None = None) -> Ask[AskedDocument]:
        """Start no further task."""
        return Ask()

    @operation("POST /api/projects/{project}/parallel/resume")
    def project_resume(self, project: str, *, key: str | None = None) -> Ask[ResumedDocument]:
        """Go on with what was paused or stopped."""
        return Ask()

    @operation("POST /api/projects/{project}/parallel/cancel")
    def project_cancel(self, project: str, *, key: str | None = None) -> Ask[AskedDocument]:
        """End what runs; everything is pinned."""
        return Ask()

    @operation("GET /api/projects/{project}/parallel/batches")
    def project_batches(self, project: str) -> Ask[ProjectBatchesDocument]:
        """Batches of the newest run, else of the plan."""
        return Ask()

    @operation("GET /api/projects/{project}/parallel/batches/{number}")
    def project_batch(self, project: str, number: int) -> Ask[ProjectBatchDocument]:
        """One batch, by its number from 1."""
        return Ask()

    @operation("GET /api/projects/{project}/execution-plan")
    def project_plan(self, project: str) -> Ask[ProjectPlanDocument]:
        """The plan, and which tasks share a work tree."""
        return Ask()

    @operation("POST /api/projects/{project}/execution-plan/build")
    def build_project_plan(
        self, project: str, *, key: str | None = None, **more: Unpack[ProjectBuilding]
    ) -> Ask[ProjectPlanDocument]:
        """Make the plan of a task list, or make it again. Nothing of it runs."""
        return Ask(body=more)

    @operation("PATCH /api/projects/{project}/execution-plan")
    def patch_project_plan(self, project: str, **changes: Unpack[ProjectPatching]) -> Ask[ProjectPlanDocument]:
        """Change work trees and batches of the plan."""
        return Ask(body=changes)

    @operation("GET /api/projects/{project}/execution-plan/summary")
    def project_plan_summary(self, project: str) -> Ask[PlanSummaryDocument]:
        """How many tasks, batches and conflicts the plan has."""
        return Ask()

    @operation("GET /api/projects/{project}/dependencies/batches")
    def project_dependencies(self, project: str) -> Ask[DependenciesDocument]:
        """Tasks in the order in which they can run, and what each of them needs."""
        return Ask()

    @operation("GET /api/projects/{project}/dependencies/critical-path")
    def project_critical_path(self, project: str) -> Ask[CriticalPathDocument]:
        """The longest chain of tasks that must run one after another."""
        return Ask()

    @operation("GET /api/projects/{project}/worktrees")
    def project_work_trees(self, project: str) -> Ask[list[WorkTreeDocument] | JobDocument]:
        """Work trees of epics."""
        return Ask()

    @operation("GET /api/projects/{project}/worktrees/{epic}")
    def project_work_tree(self, project: str, epic: int) -> Ask[WorkTreeDocument | JobDocument]:
        """The work tree of an epic."""
        return Ask()

    @operation("DELETE /api/projects/{project}/worktrees/{epic}")
    def remove_project_work_tree(self, project: str, epic: int) -> Ask[MessageDocument | JobDocument]:
        """Remove a work tree that holds nothing of value."""
        return Ask()

    @operation("GET /api/projects/{project}/worktrees/{epic}/conflicts")
    def project_work_tree_conflicts(self, project: str, epic: int) -> Ask[list[EpicConflictDocument] | JobDocument]:
        """Where the branch of an epic conflicts with its target."""
        return Ask()

    @operation("POST /api/projects/{project}/worktrees/{epic}/create")
    def create_project_work_tree(
        self, project: str, epic: int, *, key: str | None = None, epic_name: str = ""
    ) -> Ask[WorkTreeDocument | JobDocument]:
        """A new work tree on a new branch, from where the target stands."""
        return Ask(body={"epic_name": epic_name})

    @operation("POST /api/projects/{project}/worktrees/{epic}/merge")
    def merge_project_work_tree(
        self, project: str, epic: int, *, key: str | None = None, squash: bool = False
    ) -> Ask[MergedEpicDocument | JobDocument]:
        """Merge the branch of an epic into the target, all of it or nothing."""
        return Ask(body={"squash": squash})

    @operation("POST /api/projects/{project}/worktrees/{epic}/sync")
    def sync_project_work_tree(
        self, project: str, epic: int, *, key: str | None = None, strategy: Literal["merge", "rebase"] = "merge"
    ) -> Ask[SyncedEpicDocument | JobDocument]:
        """Have the branch of an epic take in the target."""
        return Ask(body={"strategy": strategy})

    @operation("POST /api/projects/{project}/worktrees/{epic}/resolve")
    def resolve_project_work_tree(
        self,
        project: str,
        epic: int,
        *,
        key: str | None = None,
        strategy: Literal["ours", "theirs", "manual"] = "manual",
    ) -> Ask[ResolvedEpicDocument | JobDocument]:
        """Have one side count wherever an epic conflicts with its target, or leave it to a person."""
        return Ask(body={"strategy": strategy})

    @operation("GET /api/conflicts")
    def conflicting_files(self, repository: str) -> Ask[FileConflictsDocument]:
        """Conflicts of every branch by file, from the newest job."""
        return Ask(params={"repository": repository})

    @operation("GET /api/analysis")
    def analysis(self, repository: str) -> Ask[AnalysisDocument]:
        """How many branches would align, conflict or stay, from the newest forecast."""
        return Ask(params={"repository": repository})

    @operation("GET /api/resolution")
    def resolution_guidance(self, repository: str) -> Ask[ResolutionGuidanceDocument]:
        """What the newest run resolved by itself, and which branches are left to a person."""
        return Ask(params={"repository": repository})

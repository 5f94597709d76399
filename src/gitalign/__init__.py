"""git-align: align every branch of a Git repository with its primary branch.

The library's front door. Names are loaded when first used, so that importing the package costs nothing.

    import gitalign
    plan = gitalign.plan(gitalign.Request(repo="."))
    report = gitalign.run(gitalign.Request(repo="."), plan=plan, permit=gitalign.Permit(plan_id=plan.id))
"""

from __future__ import annotations

# Nothing is imported here: the command sets its signal handlers right after this file, and until then Ctrl-C is a traceback.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from gitalign.core.plan import Permit as Permit
    from gitalign.core.plan import Plan as Plan
    from gitalign.core.report import Report as Report
    from gitalign.facade import Request as Request
    from gitalign.facade import categorize as categorize
    from gitalign.facade import forecast as forecast
    from gitalign.facade import merged_branches as merged_branches
    from gitalign.facade import order as order
    from gitalign.facade import plan as plan
    from gitalign.facade import prune_merged as prune_merged
    from gitalign.facade import restore as restore
    from gitalign.facade import resume as resume
    from gitalign.facade import run as run
    from gitalign.facade import undo as undo
    from gitalign.release import VERSION as __version__

_HOMES = {
    "Request": "gitalign.facade",
    "categorize": "gitalign.facade",
    "forecast": "gitalign.facade",
    "order": "gitalign.facade",
    "plan": "gitalign.facade",
    "run": "gitalign.facade",
    "resume": "gitalign.facade",
    "undo": "gitalign.facade",
    "restore": "gitalign.facade",
    "merged_branches": "gitalign.facade",
    "prune_merged": "gitalign.facade",
    "Plan": "gitalign.core.plan",
    "Permit": "gitalign.core.plan",
    "Report": "gitalign.core.report",
    "BranchAlignmentOrchestrator": "gitalign.compat.orchestrator",
    "run_alignment_for_branch": "gitalign.compat.orchestrator",
    "ParallelAlignmentFramework": "gitalign.compat.framework",
    "BatchExecutor": "gitalign.compat.parallel.batch_executor",
    "BatchResult": "gitalign.compat.parallel.batch_executor",
    "ExecutionPlan": "gitalign.compat.parallel.execution_plan",
    "ExecutionBatch": "gitalign.compat.parallel.execution_plan",
    "ExecutionResult": "gitalign.compat.parallel.carry_out",
    "MergeResult": "gitalign.compat.parallel.merge_validator",
    "MergeValidator": "gitalign.compat.parallel.merge_validator",
    "ParallelExecutor": "gitalign.compat.parallel.parallel_executor",
    "ParallelOrchestrator": "gitalign.compat.parallel.orchestrator",
    "WorktreeManager": "gitalign.compat.parallel.worktree_manager",
    "run_error_detection": "gitalign.compat.checks",
    "check_factory_pattern_support": "gitalign.compat.checks",
    "generate_final_report": "gitalign.compat.checks",
    "generate_changes_summary": "gitalign.compat.validation",
    "ValidationVerificationFramework": "gitalign.compat.validation",
    "ConflictDetectionResolver": "gitalign.compat.conflicts",
    "IConflictDetector": "gitalign.compat.conflicts",
    "IResolver": "gitalign.compat.conflicts",
    "RollbackRecoveryMechanisms": "gitalign.compat.recovery",
    "ConstitutionalAnalyzer": "gitalign.compat.constitution",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__version__":
        return import_module("gitalign.release").VERSION
    if name not in _HOMES:
        raise AttributeError(f"module 'gitalign' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)

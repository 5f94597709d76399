"""Whole use cases, one function each: shared by the command line, the library and every later surface.

Nothing here knows a terminal. Every function opens the repository, does its work and leaves no process behind.
Names are loaded when first used: a verb imports what it needs, not what the others need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gitalign.batches.planning.plan_digest import plan_digest as plan_digest
    from gitalign.core.status import Status as Status
    from gitalign.engine.run.carry_out import Plugins as Plugins
    from gitalign.engine.run.session import Request as Request
    from gitalign.facade.batch_context import BatchOptions as BatchOptions
    from gitalign.facade.batch_context import batch_options as batch_options
    from gitalign.facade.batch_landing_again import land_undone_again as land_undone_again
    from gitalign.facade.batch_planning import landing_warnings as landing_warnings
    from gitalign.facade.batch_planning import plan_batches as plan_batches
    from gitalign.facade.batch_pruning import PrunedBatchRuns as PrunedBatchRuns
    from gitalign.facade.batch_pruning import prune_batch_runs as prune_batch_runs
    from gitalign.facade.batch_pruning import pruned_content as pruned_content
    from gitalign.facade.batch_running import GoingOn as GoingOn
    from gitalign.facade.batch_running import confinement_words as confinement_words
    from gitalign.facade.batch_running import resume_batches as resume_batches
    from gitalign.facade.batch_running import start_batches as start_batches
    from gitalign.facade.batch_trees import BatchDisk as BatchDisk
    from gitalign.facade.batch_trees import BatchTrees as BatchTrees
    from gitalign.facade.batch_trees import batch_disk as batch_disk
    from gitalign.facade.batch_trees import prune_batch_trees as prune_batch_trees
    from gitalign.facade.batch_undoing import BatchLandings as BatchLandings
    from gitalign.facade.batch_undoing import batch_landings as batch_landings
    from gitalign.facade.batch_undoing import landings_content as landings_content
    from gitalign.facade.batch_undoing import landings_from as landings_from
    from gitalign.facade.batch_undoing import require_landings as require_landings
    from gitalign.facade.batch_undoing import undo_batches as undo_batches
    from gitalign.facade.batch_watching import BatchHistory as BatchHistory
    from gitalign.facade.batch_watching import BatchView as BatchView
    from gitalign.facade.batch_watching import ask_batch as ask_batch
    from gitalign.facade.batch_watching import batch_content as batch_content
    from gitalign.facade.batch_watching import batch_events as batch_events
    from gitalign.facade.batch_watching import batch_list as batch_list
    from gitalign.facade.batch_watching import batch_log as batch_log
    from gitalign.facade.batch_watching import batch_log_part as batch_log_part
    from gitalign.facade.batch_watching import batch_of_plan as batch_of_plan
    from gitalign.facade.batch_watching import batch_of_project as batch_of_project
    from gitalign.facade.batch_watching import batch_status as batch_status
    from gitalign.facade.branch_stories import branch_story as branch_story
    from gitalign.facade.branch_stories import story_content as story_content
    from gitalign.facade.categorizing import categorize as categorize
    from gitalign.facade.conflict_analysis import conflict_detail as conflict_detail
    from gitalign.facade.conflict_analysis import conflicts as conflicts
    from gitalign.facade.detecting import detect as detect
    from gitalign.facade.diagnosing import doctor as doctor
    from gitalign.facade.fencing import take_fence as take_fence
    from gitalign.facade.forecasting import ForecastFormat as ForecastFormat
    from gitalign.facade.forecasting import forecast as forecast
    from gitalign.facade.forecasting import outlook as outlook
    from gitalign.facade.forecasting import write_up_outlook as write_up_outlook
    from gitalign.facade.framework import FrameworkChanges as FrameworkChanges
    from gitalign.facade.framework import framework_addition as framework_addition
    from gitalign.facade.framework import framework_install as framework_install
    from gitalign.facade.framework import framework_merge as framework_merge
    from gitalign.facade.framework import framework_mode as framework_mode
    from gitalign.facade.framework import framework_preview as framework_preview
    from gitalign.facade.framework import framework_rollback as framework_rollback
    from gitalign.facade.framework import framework_status as framework_status
    from gitalign.facade.framework import framework_uninstall as framework_uninstall
    from gitalign.facade.history import AlignablePointSource as AlignablePointSource
    from gitalign.facade.history import run_permitted_as as run_permitted_as
    from gitalign.facade.history import runs as runs
    from gitalign.facade.history import show as show
    from gitalign.facade.mirroring import MIRROR_REMOTE as MIRROR_REMOTE
    from gitalign.facade.mirroring import bring_up_to_date as bring_up_to_date
    from gitalign.facade.mirroring import mirror_of as mirror_of
    from gitalign.facade.mirroring import was_fetched as was_fetched
    from gitalign.facade.moving import move_branch as move_branch
    from gitalign.facade.ordering import order as order
    from gitalign.facade.overview import status as status
    from gitalign.facade.paths import ClaimAnswer as ClaimAnswer
    from gitalign.facade.paths import claim_paths as claim_paths
    from gitalign.facade.paths import path_claims as path_claims
    from gitalign.facade.paths import release_paths as release_paths
    from gitalign.facade.paths import touches_content as touches_content
    from gitalign.facade.paths import touching as touching
    from gitalign.facade.planning import plan as plan
    from gitalign.facade.protecting import protections as protections
    from gitalign.facade.proving import verify as verify
    from gitalign.facade.pruning import merged_branches as merged_branches
    from gitalign.facade.pruning import prune as prune
    from gitalign.facade.pruning import prune_merged as prune_merged
    from gitalign.facade.pushing import push as push
    from gitalign.facade.pushing import push_preview as push_preview
    from gitalign.facade.recorded_resolutions import export_resolutions as export_resolutions
    from gitalign.facade.recorded_resolutions import forget_resolution as forget_resolution
    from gitalign.facade.recorded_resolutions import import_resolutions as import_resolutions
    from gitalign.facade.recorded_resolutions import learn_resolutions as learn_resolutions
    from gitalign.facade.recorded_resolutions import resolution as resolution
    from gitalign.facade.recorded_resolutions import resolutions as resolutions
    from gitalign.facade.repeating import known_answer as known_answer
    from gitalign.facade.reporting import ReportFormat as ReportFormat
    from gitalign.facade.reporting import write_summaries as write_summaries
    from gitalign.facade.reporting import write_up as write_up
    from gitalign.facade.resolution_content import forgotten_content as forgotten_content
    from gitalign.facade.resolution_content import known_resolution_content as known_resolution_content
    from gitalign.facade.resolution_content import learned_content as learned_content
    from gitalign.facade.resolution_content import recorded_content as recorded_content
    from gitalign.facade.resolving import conflict_sides as conflict_sides
    from gitalign.facade.resolving import resolutions_under_way as resolutions_under_way
    from gitalign.facade.resolving import resolve as resolve
    from gitalign.facade.resolving import resolve_abort as resolve_abort
    from gitalign.facade.resolving import resolve_continue as resolve_continue
    from gitalign.facade.resolving import resolve_finish as resolve_finish
    from gitalign.facade.resolving import resolve_path as resolve_path
    from gitalign.facade.resolving import resolve_skip as resolve_skip
    from gitalign.facade.resolving import resolve_stage as resolve_stage
    from gitalign.facade.resolving import resolve_with as resolve_with
    from gitalign.facade.restoring import MovedOn as MovedOn
    from gitalign.facade.restoring import restore as restore
    from gitalign.facade.restoring import restore_preview as restore_preview
    from gitalign.facade.resuming import go_on as go_on
    from gitalign.facade.resuming import recover as recover
    from gitalign.facade.resuming import resume as resume
    from gitalign.facade.rule_checking import check_rules as check_rules
    from gitalign.facade.rule_checking import rule_packs as rule_packs
    from gitalign.facade.running import run as run
    from gitalign.facade.showing_settings import settings_shown as settings_shown
    from gitalign.facade.undoing import cut_off_runs as cut_off_runs
    from gitalign.facade.undoing import is_on_a_remote as is_on_a_remote
    from gitalign.facade.undoing import recover_before_undo as recover_before_undo
    from gitalign.facade.undoing import run_to_undo as run_to_undo
    from gitalign.facade.undoing import undo as undo
    from gitalign.facade.undoing import undo_preview as undo_preview
    from gitalign.git.fence import FencePolicy as FencePolicy
    from gitalign.git.fence import PushFence as PushFence
    from gitalign.git.git_directories import GitDirectories as GitDirectories
    from gitalign.git.git_directories import git_directories as git_directories

_HOMES = {
    "gitalign.batches.planning.plan_digest": ("plan_digest",),
    "gitalign.core.status": ("Status",),
    "gitalign.engine.run.carry_out": ("Plugins",),
    "gitalign.engine.run.session": ("Request",),
    "gitalign.facade.batch_context": ("BatchOptions", "batch_options"),
    "gitalign.facade.batch_landing_again": ("land_undone_again",),
    "gitalign.facade.batch_planning": ("landing_warnings", "plan_batches"),
    "gitalign.facade.batch_pruning": ("PrunedBatchRuns", "prune_batch_runs", "pruned_content"),
    "gitalign.facade.batch_running": (
        "confinement_words",
        "GoingOn",
        "resume_batches",
        "start_batches",
    ),
    "gitalign.facade.batch_trees": ("BatchDisk", "BatchTrees", "batch_disk", "prune_batch_trees"),
    "gitalign.facade.batch_undoing": (
        "BatchLandings",
        "batch_landings",
        "landings_content",
        "landings_from",
        "require_landings",
        "undo_batches",
    ),
    "gitalign.facade.batch_watching": (
        "BatchHistory",
        "BatchView",
        "ask_batch",
        "batch_content",
        "batch_events",
        "batch_list",
        "batch_log",
        "batch_of_plan",
        "batch_of_project",
        "batch_log_part",
        "batch_status",
    ),
    "gitalign.facade.branch_stories": ("branch_story", "story_content"),
    "gitalign.facade.categorizing": ("categorize",),
    "gitalign.facade.conflict_analysis": (
        "conflict_detail",
        "conflicts",
    ),
    "gitalign.facade.detecting": ("detect",),
    "gitalign.facade.diagnosing": ("doctor",),
    "gitalign.facade.fencing": ("take_fence",),
    "gitalign.git.fence": ("FencePolicy", "PushFence"),
    "gitalign.git.git_directories": ("GitDirectories", "git_directories"),
    "gitalign.facade.forecasting": (
        "ForecastFormat",
        "forecast",
        "outlook",
        "write_up_outlook",
    ),
    "gitalign.facade.framework": (
        "FrameworkChanges",
        "framework_addition",
        "framework_install",
        "framework_merge",
        "framework_mode",
        "framework_preview",
        "framework_rollback",
        "framework_status",
        "framework_uninstall",
    ),
    "gitalign.facade.history": (
        "AlignablePointSource",
        "run_permitted_as",
        "runs",
        "show",
    ),
    "gitalign.facade.mirroring": ("MIRROR_REMOTE", "bring_up_to_date", "mirror_of", "was_fetched"),
    "gitalign.facade.moving": ("move_branch",),
    "gitalign.facade.ordering": ("order",),
    "gitalign.facade.overview": ("status",),
    "gitalign.facade.paths": (
        "ClaimAnswer",
        "claim_paths",
        "path_claims",
        "release_paths",
        "touches_content",
        "touching",
    ),
    "gitalign.facade.planning": ("plan",),
    "gitalign.facade.protecting": ("protections",),
    "gitalign.facade.showing_settings": ("settings_shown",),
    "gitalign.facade.proving": ("verify",),
    "gitalign.facade.pruning": (
        "merged_branches",
        "prune",
        "prune_merged",
    ),
    "gitalign.facade.pushing": (
        "push",
        "push_preview",
    ),
    "gitalign.facade.recorded_resolutions": (
        "export_resolutions",
        "forget_resolution",
        "import_resolutions",
        "learn_resolutions",
        "resolution",
        "resolutions",
    ),
    "gitalign.facade.repeating": ("known_answer",),
    "gitalign.facade.reporting": (
        "ReportFormat",
        "write_summaries",
        "write_up",
    ),
    "gitalign.facade.resolution_content": (
        "forgotten_content",
        "known_resolution_content",
        "learned_content",
        "recorded_content",
    ),
    "gitalign.facade.resolving": (
        "conflict_sides",
        "resolutions_under_way",
        "resolve",
        "resolve_abort",
        "resolve_continue",
        "resolve_finish",
        "resolve_path",
        "resolve_skip",
        "resolve_stage",
        "resolve_with",
    ),
    "gitalign.facade.restoring": (
        "MovedOn",
        "restore",
        "restore_preview",
    ),
    "gitalign.facade.resuming": (
        "go_on",
        "recover",
        "resume",
    ),
    "gitalign.facade.rule_checking": (
        "check_rules",
        "rule_packs",
    ),
    "gitalign.facade.running": ("run",),
    "gitalign.facade.undoing": (
        "cut_off_runs",
        "is_on_a_remote",
        "recover_before_undo",
        "run_to_undo",
        "undo",
        "undo_preview",
    ),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_HOME[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})

"""Whole use cases, one function each: shared by the command line, the library and every later surface.

Nothing here knows a terminal. Every function opens the repository, does its work and leaves no process behind.
Names are loaded when first used: a verb imports what it needs, not what the others need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gitalign.engine.run.carry_out import Plugins as Plugins
    from gitalign.engine.run.session import Request as Request
    from gitalign.facade.after import AlignablePointSource as AlignablePointSource
    from gitalign.facade.after import ReportFormat as ReportFormat
    from gitalign.facade.after import detect as detect
    from gitalign.facade.after import runs as runs
    from gitalign.facade.after import show as show
    from gitalign.facade.after import verify as verify
    from gitalign.facade.after import write_summaries as write_summaries
    from gitalign.facade.after import write_up as write_up
    from gitalign.facade.before import Status as Status
    from gitalign.facade.before import categorize as categorize
    from gitalign.facade.before import check_rules as check_rules
    from gitalign.facade.before import conflict_detail as conflict_detail
    from gitalign.facade.before import conflicts as conflicts
    from gitalign.facade.before import doctor as doctor
    from gitalign.facade.before import order as order
    from gitalign.facade.before import plan as plan
    from gitalign.facade.before import rule_packs as rule_packs
    from gitalign.facade.before import status as status
    from gitalign.facade.during import prune as prune
    from gitalign.facade.during import recover as recover
    from gitalign.facade.during import resume as resume
    from gitalign.facade.during import run as run
    from gitalign.facade.forecasting import ForecastFormat as ForecastFormat
    from gitalign.facade.forecasting import forecast as forecast
    from gitalign.facade.forecasting import outlook as outlook
    from gitalign.facade.forecasting import write_up_outlook as write_up_outlook
    from gitalign.facade.manual_resolution import resolutions_under_way as resolutions_under_way
    from gitalign.facade.manual_resolution import resolve as resolve
    from gitalign.facade.manual_resolution import resolve_abort as resolve_abort
    from gitalign.facade.manual_resolution import resolve_continue as resolve_continue
    from gitalign.facade.manual_resolution import resolve_finish as resolve_finish
    from gitalign.facade.manual_resolution import resolve_path as resolve_path
    from gitalign.facade.manual_resolution import resolve_skip as resolve_skip
    from gitalign.facade.manual_resolution import resolve_stage as resolve_stage
    from gitalign.facade.merged import merged_branches as merged_branches
    from gitalign.facade.merged import prune_merged as prune_merged
    from gitalign.facade.recorded import export_resolutions as export_resolutions
    from gitalign.facade.recorded import forget_resolution as forget_resolution
    from gitalign.facade.recorded import import_resolutions as import_resolutions
    from gitalign.facade.recorded import learn_resolutions as learn_resolutions
    from gitalign.facade.recorded import resolution as resolution
    from gitalign.facade.recorded import resolutions as resolutions
    from gitalign.facade.restoring import MovedOn as MovedOn
    from gitalign.facade.restoring import restore as restore
    from gitalign.facade.restoring import restore_preview as restore_preview
    from gitalign.facade.undoing import is_on_a_remote as is_on_a_remote
    from gitalign.facade.undoing import push as push
    from gitalign.facade.undoing import push_preview as push_preview
    from gitalign.facade.undoing import recover_before_undo as recover_before_undo
    from gitalign.facade.undoing import run_to_undo as run_to_undo
    from gitalign.facade.undoing import undo as undo
    from gitalign.facade.undoing import undo_preview as undo_preview

_HOMES = {
    "gitalign.engine.run.carry_out": ("Plugins",),
    "gitalign.engine.run.session": ("Request",),
    "gitalign.facade.after": (
        "AlignablePointSource",
        "ReportFormat",
        "detect",
        "runs",
        "show",
        "verify",
        "write_summaries",
        "write_up",
    ),
    "gitalign.facade.before": (
        "Status",
        "categorize",
        "check_rules",
        "conflict_detail",
        "conflicts",
        "doctor",
        "order",
        "plan",
        "rule_packs",
        "status",
    ),
    "gitalign.facade.during": ("prune", "recover", "resume", "run"),
    "gitalign.facade.forecasting": ("ForecastFormat", "forecast", "outlook", "write_up_outlook"),
    "gitalign.facade.merged": ("merged_branches", "prune_merged"),
    "gitalign.facade.recorded": (
        "export_resolutions",
        "forget_resolution",
        "import_resolutions",
        "learn_resolutions",
        "resolution",
        "resolutions",
    ),
    "gitalign.facade.manual_resolution": (
        "resolutions_under_way",
        "resolve",
        "resolve_abort",
        "resolve_continue",
        "resolve_finish",
        "resolve_path",
        "resolve_skip",
        "resolve_stage",
    ),
    "gitalign.facade.restoring": ("MovedOn", "restore", "restore_preview"),
    "gitalign.facade.undoing": (
        "is_on_a_remote",
        "push",
        "push_preview",
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

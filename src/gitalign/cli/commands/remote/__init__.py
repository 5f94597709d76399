"""The verb `remote`: its verbs are the files beside this one, each imported when it is typed."""

from __future__ import annotations

from gitalign.cli.lazy_group import LazyGroup
from gitalign.cli.parameters import HELP_NAMES

VERBS = (
    *("repositories", "plan", "run", "show", "undo", "resume", "report", "verify", "fetch", "forecast", "conflicts"),
    *("resolve", "restore", "prune", "resolutions"),
    *("order", "categorize", "doctor", "jobs", "stop"),
    *("batch-plan", "batch-run", "batch-list", "batch-status", "batch-events", "batch-logs", "batch-report"),
    *("batch-pause", "batch-stop", "batch-cancel", "batch-resume", "batch-retry", "batch-land", "batch-undo"),
)

remote = LazyGroup(
    VERBS,
    path=("remote",),
    name="remote",
    help="Have a service carry out verbs, as if it were here.",
    no_args_is_help=True,
    context_settings=HELP_NAMES,
)

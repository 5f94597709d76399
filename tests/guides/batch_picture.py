"""The picture of the tutorial about ten agents: what `git align batch status` shows while they work.

    python -m tests.guides.batch_picture      # writes docs/images/ten-agents.svg

Drawn by what the command prints with, of a state that is written down here; a test compares it with what it gives today.
"""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from rich.console import Console
from rich.terminal_theme import MONOKAI

from gitalign.batches.planning.make_plan import make_plan
from gitalign.batches.planning.read_tasks import read_task_list
from gitalign.batches.running.state import (
    BatchProgress,
    BatchRun,
    ResultConflict,
    RunningConflict,
    Status,
    TaskRun,
    new_batch_run,
)
from gitalign.cli.rendering.batches import show_batch_run
from gitalign.core.hunks import Hunk, HunkSide
from gitalign.facade import BatchView

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "docs" / "images" / "ten-agents.svg"
_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
_ENDED = {"cart": 41, "login": 65}


def make() -> str:
    """The picture."""
    out = Console(
        record=True, file=io.StringIO(), width=88, force_terminal=True, color_system="truecolor", highlight=False
    )
    show_batch_run(out, BatchView(_run(), is_alive=True))
    drawn = out.export_svg(title="git align batch status", theme=MONOKAI, unique_id="ten-agents")
    drawn = re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL)  # the reader's own font: nothing is fetched
    return "\n".join(line.rstrip() for line in drawn.splitlines() if line.strip()) + "\n"


def _run() -> BatchRun:
    text = (ROOT / "docs" / "ten-agents.md").read_text(encoding="utf-8")
    listed = re.search(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert listed is not None
    plan = make_plan(read_task_list(listed[1], name="tasks.yaml"), project_id=UUID(int=0), at=_AT)
    run = new_batch_run(plan, batch_id="20260301-120000-c0ffee", target="main", at=_AT)
    tasks = {
        task_id: TaskRun(status=Status.RUNNING, attempts=1, started_at=_AT) for task_id in plan.batches[0].task_ids
    }
    for task_id, took in _ENDED.items():
        tasks[task_id] = replace(tasks[task_id], status=Status.COMPLETED, finished_at=_AT + timedelta(seconds=took))
    sides = [HunkSide(first=1, last=1, text=(line,)) for line in ("TAX = 7", "TAX = round(20.0)")]
    conflict = ResultConflict(
        first="tax-reduced",
        second="tax-rounding",
        paths=("prices.py",),
        kinds=("content",),
        hunks=(Hunk(path="prices.py", one=sides[0], other=sides[1]),),
    )
    return replace(
        run,
        status=Status.RUNNING,
        batches=(BatchProgress(status=Status.RUNNING, started_at=_AT), BatchProgress()),
        tasks={**run.tasks, **tasks},
        running_conflicts=(RunningConflict(task="tax-rounding", other="tax-reduced", conflict=conflict, since=_AT),),
    )


if __name__ == "__main__":
    PLACE.write_text(make(), encoding="utf-8")

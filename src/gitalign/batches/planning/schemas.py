"""Writes the JSON Schemas of task lists and batch plans, which people and other programs write, into the package.

`python -m gitalign.batches.planning.schemas`, then `python -m gitalign.documents.schemas`, which publishes them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gitalign.batches.planning.plan_document import plan_schema
from gitalign.batches.planning.task_list_format import task_list_schema


def schemas() -> dict[str, dict[str, Any]]:
    """Schemas by the name of their file."""
    return {"task-list.schema.json": task_list_schema(), "batch-plan.schema.json": plan_schema()}


if __name__ == "__main__":
    for name, schema in schemas().items():
        text = json.dumps(schema, indent=1) + "\n"
        (Path(__file__).resolve().parents[2] / "schemas" / name).write_text(text, encoding="utf-8")

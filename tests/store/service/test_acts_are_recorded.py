"""Each act of a person is in the audit trail: what writes to the database of the service writes an entry in the same transaction."""

from __future__ import annotations

import ast
from pathlib import Path

from gitalign.store import service

WORK = {"backup", "database", "events", "health", "held_jobs", "mirrors", "retention"}
"""Modules of what workers and the tables themselves do: no act of a person, or one of `restore`, which has its test."""
NO_ACTS = {
    "Credentials.use": "the job that uses it is in the trail",
    "Sessions.add_link": "using it is a sign-in",
    "Sessions.use_link": "followed by `open`, which is the sign-in",
    "Users.renew_hash": "the same password",
    "Jobs._added": "its parts write the entry: see `test_api.py`",
    "Credentials.replace": "the same credential under a new key; the rotation is one entry",
    "Schedules.carry_on": "of the clock; the job that is due is recorded",
    "Answers.claim": "the request itself writes the entry of its act",
    "Answers.keep": "the request itself writes the entry of its act",
    "Answers.release": "nothing was done",
    "KnownPlaces.note": "of the worker, about its own machine",
    "Webhooks.keep_sealed": "the same secret; giving new keys is one entry",
    "Webhooks.claim": "of the sender",
    "Webhooks.ended": "of the sender",
    "Webhooks.write_new": "of the sender",
}


def writers() -> dict[str, bool]:
    """Each function that opens a transaction to write, and whether it writes an entry."""
    found = {}
    for file in sorted(Path(service.__file__).parent.glob("*.py")):
        if file.stem in WORK:
            continue
        for name, function in functions(ast.parse(file.read_text())):
            calls = {
                node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                for node in ast.walk(function)
                if isinstance(node, ast.Call)
            }
            if "writing" in calls:
                found[f"{file.stem}: {name}"] = "write_entry" in calls
    return found


def functions(module: ast.Module) -> list[tuple[str, ast.FunctionDef]]:
    listed = [(node.name, node) for node in module.body if isinstance(node, ast.FunctionDef)]
    for kind in module.body:
        if isinstance(kind, ast.ClassDef):
            listed += [(f"{kind.name}.{node.name}", node) for node in kind.body if isinstance(node, ast.FunctionDef)]
    return listed


def test_what_writes_is_recorded() -> None:
    found = writers()
    assert len(found) > 20
    silent = {name.partition(": ")[2] for name, is_recorded in found.items() if not is_recorded}
    assert silent - set(NO_ACTS) == set(), "call `write_entry` in the transaction, or say in `NO_ACTS` why it is no act"

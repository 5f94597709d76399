"""What each tool answers, as JSON Schema: made from the published schemas of the documents, cut where they go deep.

The list of tools holds all these schemas, and a model may read it whole, so they say which members an answer has and of
which kind, down to the members of a list's entries, and name the published schema (`docs/schemas`) for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitalign.documents.formats import FORMATS
from gitalign.documents.schemas import schema_of

_DEPTH = 3
_AMONG_OTHERS = 2
_KEPT = ("type", "const", "enum", "pattern", "format")


def document_schema(name: str, *more: str) -> dict[str, Any]:
    """The schema of a document, cut where it goes deep; of several documents, each of which may be the answer.

    Args:
        name, more: of the documents, as in `FORMATS`.
    """
    if more:
        return {"type": "object", "anyOf": [_of_one(each, _AMONG_OTHERS) for each in (name, *more)]}
    return _of_one(name, _DEPTH)


def _of_one(name: str, depth: int) -> dict[str, Any]:
    whole = schema_of(FORMATS[name])
    made = _cut(whole, whole.get("$defs", {}), depth)
    return {
        **made,
        "type": "object",
        "description": f"The document {name}; the whole schema is {whole['$id']}.",
    }


def long_work_schema(name: str, *more: str) -> dict[str, Any]:
    """The schema of longer work, which ends in a document, or in one of several.

    Args:
        name, more: of the documents.
    """
    return {
        "type": "object",
        "properties": {
            "state": {"enum": ["running", "done", "stopped"]},
            "handle": {"type": "string", "description": "For the tools job and stop."},
            "job": {"type": "string", "description": "The tool that began it."},
            "seconds": {"type": "number", "description": "Since it began, while it is running."},
            "document": document_schema(name, *more),
        },
        "required": ["state", "handle", "job"],
        "if": {"properties": {"state": {"const": "done"}}},
        "then": {"required": ["document"]},
    }


def _cut(schema: Mapping[str, Any], known: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """A schema down to a depth; what lies deeper may be anything of its type."""
    if "$ref" in schema:
        return _cut(known[schema["$ref"].rpartition("/")[2]], known, depth)
    kept: dict[str, Any] = {key: schema[key] for key in _KEPT if key in schema}
    for key in ("anyOf", "oneOf"):
        if key in schema:
            # What is cut no longer tells the kinds apart, so more than one may fit.
            kept["anyOf"] = [_cut(each, known, depth) for each in schema[key]]
    if depth == 0:
        return kept
    if "properties" in schema:
        kept["properties"] = {name: _cut(one, known, depth - 1) for name, one in schema["properties"].items()}
        kept["required"] = schema.get("required", [])
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), Mapping):
            kept[key] = _cut(schema[key], known, depth - 1)
    return kept

"""Validation against the published schemas, in which keys that they do not name are faults."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema

from gitalign.documents.formats import FORMATS
from gitalign.documents.schemas import schema_of

OPEN = {"audit-event", "outcome", "results", "gate"}
"""Schemas that do not name all keys at their top, or that name all of them by themselves."""


def closed(value: Any) -> Any:
    """A schema in which every object has the keys that are named, and no others."""
    if isinstance(value, list):
        return [closed(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: closed(item) for key, item in value.items()}
    return {"additionalProperties": False, **made} if isinstance(made.get("properties"), dict) else made


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = schema_of(FORMATS[name])
    return jsonschema.Draft202012Validator(schema if name in OPEN else closed(schema))


def validate(document: Any) -> str:
    """The name of a document that is as its schema says."""
    name = str(document["format"]).removeprefix("git-align/")
    validator(name).validate(document)
    return name

"""Makes the published schemas from the models: `python -m gitalign.documents.schemas FOLDER` (in the sources: docs/schemas)."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

from gitalign.documents.formats import FORMATS, Format

SHIPPED = ("resolve-request", "resolve-answer", "rules", "task-list")
"""Schemas in the package of what other programs and people write, or read; they have versions of their own."""
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> Mapping[str, Mapping[str, Any]]:
    """The schema of every document, by name."""
    made = {name: schema_of(form) for name, form in FORMATS.items()}
    return {**made, **{name: _shipped(f"{name}.schema.json") for name in SHIPPED}}


def schema_of(form: Format) -> dict[str, Any]:
    """The JSON Schema of a document in the version that this release writes.

    Further keys are allowed: a newer minor version has some.
    """
    if form.model.endswith(".json"):
        return _shipped(form.model)
    schema = _made(form.model)
    # A model that is part of itself comes as a reference.
    inner = schema.pop("$ref", None)
    if inner is not None:
        schema = {**schema["$defs"][inner.rpartition("/")[2]], "$defs": schema["$defs"]}
    major, minor = form.version
    said: dict[str, Any] = {
        "format": {"const": form.stamp["format"]},
        "version": {"type": "string", "pattern": rf"^{major}\.[0-9]+$"},
    }
    if form.has_release:
        said["release"] = {"type": "string", "description": "The release of git-align that wrote it."}
    top = {"$schema": _DIALECT, "$id": f"urn:git-align:{form.name}:{major}.{minor}", "title": f"git-align {form.name}"}
    if "properties" not in schema:  # one of several kinds of object
        return {**top, **schema, "type": "object", "properties": said, "required": sorted(said)}
    required = [*said, *schema.get("required", ())]
    return {
        **top,
        **schema,
        "title": top["title"],
        "properties": {**said, **schema["properties"]},
        "required": required,
    }


def _made(model: str) -> dict[str, Any]:
    from pydantic import TypeAdapter

    module, _, name = model.partition(":")
    kind: Any = getattr(import_module(f"gitalign.documents.models.{module}"), name)
    schema: dict[str, Any] = _without_titles(TypeAdapter(kind).json_schema(mode="serialization"))
    return schema


def _without_titles(value: Any) -> Any:
    """A schema without the titles that pydantic makes of Python's names."""
    if isinstance(value, dict):
        return {key: _without_titles(item) for key, item in value.items() if key != "title" or isinstance(item, dict)}
    return [_without_titles(item) for item in value] if isinstance(value, list) else value


def _shipped(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((files("gitalign") / "schemas" / name).read_text(encoding="utf-8"))
    return schema


def texts() -> Mapping[str, str]:
    """The published files, by name."""
    return {f"{name}.schema.json": json.dumps(schema, indent=1) + "\n" for name, schema in schemas().items()}


OF_BATCHES = frozenset({"batch-plan.schema.json", "task-list.schema.json"})
"""In the same folder, made by `gitalign.batches.planning.schemas`: their models are above this room."""


def main(folder: Path) -> None:
    """Write every schema, and remove those of documents that are gone."""
    folder.mkdir(exist_ok=True)
    written = texts()
    for place in folder.glob("*.schema.json"):
        if place.name not in written and place.name not in OF_BATCHES:
            place.unlink()
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path("docs", "schemas")))

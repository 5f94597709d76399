"""Faults of a file that a person wrote, in words: place, what is wrong, and the nearest valid name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError


def model_faults(error: ValidationError, data: Any, model: type[BaseModel], *, whole: str) -> list[str]:
    """Every fault that a model found.

    Args:
        error: what the model raised.
        data: what it was given.
        model: of the whole file.
        whole: what the file is called where a fault has no place in it.
    """
    return [_fault(dict(detail), data, model, whole) for detail in error.errors(include_url=False)]


def _fault(detail: dict[str, Any], data: Any, model: type[BaseModel], whole: str) -> str:
    where = list(detail["loc"])
    place = "".join(
        f"[{_named(data, where[: at + 1])}]" if isinstance(part, int) else f".{part}" for at, part in enumerate(where)
    )
    place = place.removeprefix(".") or whole
    message = str(detail["msg"]).removeprefix("Value error, ").replace("Input should be", "must be", 1)
    if detail["type"] == "extra_forbidden":
        return f"unknown key {place}{_near(str(where[-1]), _keys_at(model, where[:-1]))}"
    if detail["type"] == "missing":
        return f"{place} is missing"
    value = detail.get("input")
    shown = "" if isinstance(value, dict | list | BaseModel) else f" is {str(value)[:80]!r}"
    offered = [
        word.strip(" '") for word in str(detail.get("ctx", {}).get("expected", "")).replace(" or ", ",").split(",")
    ]
    near = _near(value, offered) if isinstance(value, str) and detail["type"] in ("literal_error", "enum") else ""
    return f"{place}{shown}: {message}{near}"


def _named(data: Any, where: Sequence[Any]) -> str:
    """A list's item by its id where it has one, else by its position."""
    found = data
    for part in where:
        try:
            found = found[part]
        except (KeyError, IndexError, TypeError):
            return str(where[-1])
    own = found.get("id") if isinstance(found, dict) else None
    return own if isinstance(own, str) and own else str(where[-1])


def _keys_at(model: type[BaseModel], where: Iterable[Any]) -> list[str]:
    """Keys that the format knows at a place."""
    for part in where:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(str(part))
        inner = _model_in(field.annotation) if field is not None else None
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model_in(one)) is not None), None)


def _near(word: str, known: Sequence[str]) -> str:
    match = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {match[0]}?" if match else f" (known: {', '.join(known)})" if 0 < len(known) < 12 else ""

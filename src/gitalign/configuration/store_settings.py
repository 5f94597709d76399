"""Where the journal is kept."""

from __future__ import annotations

from pathlib import Path

from pydantic import field_validator

from gitalign.configuration.section import Section


class Store(Section):
    """Where the journal is kept: in the git directory, or in a database of the operator's."""

    url: str | None = None
    password_file: Path | None = None

    @field_validator("password_file")
    @classmethod
    def _is_absolute(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_absolute():
            raise ValueError("must be an absolute path")
        return value

"""What the models of all settings have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Settings that belong together: unknown keys are refused, values do not change.

    What checks the values is built when the first value is checked: most commands have none, and building takes longer
    than all the rest of reading settings.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

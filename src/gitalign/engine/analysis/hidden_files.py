"""Whether files that profiles hide can be hidden on this machine, for `git align doctor`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from gitalign.core.access import AccessRules
from gitalign.core.diagnosis import Diagnosis
from gitalign.core.validation import ValidationPlan
from gitalign.errors import UserError
from gitalign.validate.confine import NEEDS_BUBBLEWRAP, confinement_for


def hidden_file_diagnoses(
    rules: AccessRules | None, plan: ValidationPlan, repository: Path, environ: Mapping[str, str]
) -> Iterator[Diagnosis]:
    """Nothing where no profile hides anything.

    Args:
        rules: of the settings; None for none.
        plan: how checks are confined.
        repository: git directory.
        environ: of the operator.
    """
    hiding = [one.id for one in rules.profiles if one.hidden] if rules is not None else []
    if not hiding:
        return
    named = ", ".join(hiding)
    try:
        hides = confinement_for(plan, repository, environ=environ).hides_files
    except UserError:
        hides = False
    if hides:
        yield Diagnosis(check="hidden files", ok=True, detail=f"of profile {named}: checks and tasks cannot read them")
    else:
        detail = f"profile {named} hides files, {NEEDS_BUBBLEWRAP}"
        hint = "until then checks and tasks of its branches are not run"
        yield Diagnosis(check="hidden files", ok=False, detail=detail, hint=hint)
